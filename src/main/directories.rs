//! Which directories a broker with some settings uses.

use std::path::PathBuf;

use forebay::config::BrokerConfig;

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
