//! The disk of one shard: segment files by direct IO, small files and folders by a thread pool.
//!
//! Owns: open files, the order in which requests on one file start, the memory that writes are
//! gathered in.
//! Promises: the contract of [`crate::log::storage`]; every request ends with exactly one
//! completion, and its inputs live until then.
//! Knows nothing of: what the files hold.
//! Start at `Disk::submit`.

mod blocking;
mod descriptor;
pub(super) mod folders;
mod open_file;
mod requests;
mod trial;

pub(super) use requests::{Disk, DiskDirectory};
pub(super) use trial::{Timed, WRITES_BYTES, time_syncs};
