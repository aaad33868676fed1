//! `forebay verify`: the settings that say where a broker has its data.

use std::process::ExitCode;

use forebay::config::ServeArguments;
use forebay::verify::{Directories, VerifyArguments, run as verify};

use crate::directories::{directories_of, metadata_index};
use crate::settings::read_settings;

/// The exit status for arguments that make no sense.
const USAGE: u8 = 2;

/// Check the directories that `forebay serve` with the same arguments uses.
pub fn run(arguments: &VerifyArguments) -> ExitCode {
    let serve = ServeArguments {
        data_dir: arguments.data_dir.clone(),
        config: arguments.config.clone(),
        ..ServeArguments::default()
    };
    let startup = match read_settings(&serve) {
        Ok(startup) => startup,
        Err(lines) => {
            for line in lines {
                eprintln!("forebay: {line}");
            }
            return ExitCode::from(USAGE);
        }
    };
    let metadata = metadata_index(&startup.config).unwrap_or(startup.config.log_dirs.len());
    let directories = Directories {
        paths: directories_of(&startup.config),
        metadata,
    };
    verify(arguments, &startup, directories)
}
