//! Tests of the settings, against what Kafka 4.3.1 says.

mod describe;
mod quorum;
mod start;
mod tables;
mod topic;
mod update;

use super::*;

const LAB_PROPERTIES: &str = include_str!("../fixtures/lab.properties");

fn start(text: &str) -> Result<Startup, Vec<String>> {
    let arguments = ServeArguments {
        config: Some("server.properties".to_owned()),
        ..ServeArguments::default()
    };
    arguments
        .resolve(Some(text), "kafka.example")
        .map_err(|errors| errors.iter().map(ToString::to_string).collect())
}

fn started(text: &str) -> Startup {
    start(text).expect("a broker starts with these settings")
}

/// The lines of a fixture, cut at tabs; those with a `#` in front are comments.
fn table<const COLUMNS: usize>(text: &str) -> impl Iterator<Item = [&str; COLUMNS]> {
    text.lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| {
            let cells: Vec<&str> = line.split('\t').collect();
            cells
                .try_into()
                .unwrap_or_else(|cells| panic!("{cells:?} are {COLUMNS} cells"))
        })
}

fn lab() -> Startup {
    started(LAB_PROPERTIES)
}

fn overrides(pairs: &[(&str, &str)]) -> Overrides {
    pairs
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect()
}
