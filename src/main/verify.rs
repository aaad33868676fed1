//! `forebay verify`: the settings that say where a broker has its data.

use std::process::ExitCode;

use forebay::config::ServeArguments;
use forebay::verify::{VerifyArguments, run as verify};

use crate::directories::of_stopped_broker;

/// Check the directories that `forebay serve` with the same arguments uses.
pub fn run(arguments: &VerifyArguments) -> ExitCode {
    let serve = ServeArguments {
        data_dir: arguments.data_dir.clone(),
        config: arguments.config.clone(),
        ..ServeArguments::default()
    };
    match of_stopped_broker(&serve) {
        Ok((startup, directories)) => verify(arguments, &startup, directories),
        Err(status) => status,
    }
}
