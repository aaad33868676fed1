//! Settings from the command line and a file.

use forebay::config::{ServeArguments, Startup};

/// What the arguments and the file that they name come to; else one line for each thing wrong.
pub fn read_settings(arguments: &ServeArguments) -> Result<Startup, Vec<String>> {
    let text = match &arguments.config {
        None => None,
        Some(path) => Some(read_properties(path).map_err(|line| vec![line])?),
    };
    let startup = arguments.resolve(text.as_deref(), &host_name());
    startup.map_err(|errors| errors.iter().map(ToString::to_string).collect())
}

/// The text of a settings file: UTF-8, or the Latin-1 that Java's properties are defined in.
fn read_properties(path: &str) -> Result<String, String> {
    let bytes = std::fs::read(path).map_err(|error| {
        format!("cannot read the settings in {path} ({error}): name a readable file with --config")
    })?;
    if bytes.contains(&0) {
        return Err(format!(
            "{path} is not a text file: name a server.properties with --config"
        ));
    }
    Ok(match String::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => error
            .as_bytes()
            .iter()
            .map(|byte| char::from(*byte))
            .collect(),
    })
}

fn host_name() -> String {
    std::fs::read_to_string("/proc/sys/kernel/hostname")
        .map_or_else(|_| "localhost".to_owned(), |name| name.trim().to_owned())
}
