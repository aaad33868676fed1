//! `forebay verify`: the settings that say where a broker has its data.

use std::process::ExitCode;

use forebay::verify::{VerifyArguments, run as verify};

use crate::directories::of_stopped_broker;

/// Check the directories that `forebay serve` with the same arguments uses.
pub fn run(arguments: &VerifyArguments) -> ExitCode {
    match of_stopped_broker(arguments.data_dir.clone(), arguments.config.clone()) {
        Ok((startup, directories)) => verify(arguments, &startup, directories),
        Err(status) => status,
    }
}
