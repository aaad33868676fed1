//! Folders for tests on the disk of the build, where direct IO is real; `/tmp` may be in memory.

use tempfile::TempDir;

/// A folder that goes away with the value.
pub fn scratch() -> TempDir {
    let program = std::env::current_exe().expect("a test has a path");
    let folder = program.parent().expect("a test lies in a folder");
    tempfile::tempdir_in(folder).expect("the build's folder is writable")
}
