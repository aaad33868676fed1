//! `forebay format`: the settings that say where a node will have its data.

use std::process::ExitCode;

use forebay::config::ServeArguments;
use forebay::format::{FormatArguments, draw_id, run as format};
use forebay::stdx::Random;

use crate::directories::of_stopped_broker;
use crate::serve::random_seed;

/// Format the directories that `forebay serve` with the same settings will use.
pub fn run(arguments: &FormatArguments) -> ExitCode {
    let serve = ServeArguments {
        data_dir: arguments.data_dir.clone(),
        config: arguments.config.clone(),
        set: arguments.set.clone(),
        ..ServeArguments::default()
    };
    match of_stopped_broker(&serve) {
        Ok((startup, directories)) => {
            let random = Random::from_seed(random_seed());
            format(arguments, &startup, &directories, random)
        }
        Err(status) => status,
    }
}

/// Print an id.
pub fn random_uuid() -> ExitCode {
    println!("{}", draw_id(&mut Random::from_seed(random_seed())));
    ExitCode::SUCCESS
}
