//! `forebay import`: the settings that say where Apache Kafka had its data.

use std::process::ExitCode;

use forebay::config::ServeArguments;
use forebay::import::{ImportArguments, run as import};

use crate::directories::of_stopped_broker;

/// Import the directories that `forebay serve` with the same arguments uses.
pub fn run(arguments: &ImportArguments) -> ExitCode {
    let serve = ServeArguments {
        data_dir: arguments.data_dir.clone(),
        config: arguments.config.clone(),
        ..ServeArguments::default()
    };
    match of_stopped_broker(&serve) {
        Ok((startup, directories)) => import(arguments, &startup, directories),
        Err(status) => status,
    }
}
