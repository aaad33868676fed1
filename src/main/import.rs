//! `forebay import`: the settings that say where Apache Kafka had its data.

use std::process::ExitCode;

use forebay::import::{ImportArguments, run as import};

use crate::directories::of_stopped_broker;

/// Import the directories that `forebay serve` with the same arguments uses.
pub fn run(arguments: &ImportArguments) -> ExitCode {
    match of_stopped_broker(arguments.data_dir.clone(), arguments.config.clone()) {
        Ok((startup, directories)) => import(arguments, &startup, directories),
        Err(status) => status,
    }
}
