//! Which directories a broker with some settings uses.

use std::path::PathBuf;
use std::process::ExitCode;

use forebay::config::{BrokerConfig, ServeArguments, Startup};
use forebay::verify::Directories;

use crate::settings::read_settings;

/// The exit status for arguments that make no sense.
const USAGE: u8 = 2;

/// The settings and directories of the broker that `forebay serve` with these arguments runs. What
/// is wrong with them is told already where there is an exit status.
pub fn of_stopped_broker(serve: &ServeArguments) -> Result<(Startup, Directories), ExitCode> {
    let startup = read_settings(serve).map_err(|lines| {
        for line in lines {
            eprintln!("forebay: {line}");
        }
        ExitCode::from(USAGE)
    })?;
    let metadata = metadata_index(&startup.config).unwrap_or(startup.config.log_dirs.len());
    let paths = directories_of(&startup.config);
    Ok((startup, Directories { paths, metadata }))
}

/// The directories that are used: `log.dirs`, then `metadata.log.dir` if it is none of them.
pub fn directories_of(config: &BrokerConfig) -> Vec<PathBuf> {
    let own = metadata_index(config)
        .is_none()
        .then_some(&config.metadata_log_dir);
    let used = config.log_dirs.iter().chain(own);
    used.map(PathBuf::from).collect()
}

/// Which of `log.dirs` holds the metadata log, however each of them is written.
pub fn metadata_index(config: &BrokerConfig) -> Option<usize> {
    let absolute = |dir: &String| std::path::absolute(dir).unwrap_or_else(|_| dir.into());
    let metadata = absolute(&config.metadata_log_dir);
    let mut log_dirs = config.log_dirs.iter();
    log_dirs.position(|dir| absolute(dir) == metadata)
}
