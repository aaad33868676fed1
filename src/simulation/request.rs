//! What can be said of a request to the disk without a disk.

use crate::log::storage::{FileId, IO_BLOCK_BYTES, StorageRequest};

/// What the broker owes the disk.
///
/// # Panics
/// If the request is against the contract.
pub fn check_contract(request: &StorageRequest) {
    match request {
        StorageRequest::Write { position, .. } => {
            assert!(
                position.is_multiple_of(IO_BLOCK_BYTES),
                "a write starts at a block"
            );
        }
        StorageRequest::Read {
            position, length, ..
        } => {
            assert!(
                position.is_multiple_of(IO_BLOCK_BYTES) && length.is_multiple_of(IO_BLOCK_BYTES),
                "a read covers whole blocks"
            );
        }
        StorageRequest::Rename { from, to } => {
            assert!(
                from.directory == to.directory,
                "a file stays in its log directory"
            );
        }
        _ => {}
    }
}

/// The open file that a request is about.
#[must_use]
pub const fn file_of(request: &StorageRequest) -> Option<FileId> {
    match request {
        StorageRequest::Open { file, .. }
        | StorageRequest::Allocate { file, .. }
        | StorageRequest::Write { file, .. }
        | StorageRequest::Sync { file }
        | StorageRequest::Read { file, .. }
        | StorageRequest::Truncate { file, .. }
        | StorageRequest::Close { file } => Some(*file),
        _ => None,
    }
}

/// What a request does, in one word.
#[must_use]
pub const fn operation_of(request: &StorageRequest) -> &'static str {
    match request {
        StorageRequest::Open { .. } => "open",
        StorageRequest::Allocate { .. } => "allocate",
        StorageRequest::Write { .. } => "write",
        StorageRequest::Sync { .. } => "sync",
        StorageRequest::Read { .. } => "read",
        StorageRequest::Truncate { .. } => "truncate",
        StorageRequest::Close { .. } => "close",
        StorageRequest::ReadFile { .. } => "read file",
        StorageRequest::ReplaceFile { .. } => "replace file",
        StorageRequest::CreateFolder { .. } => "create folder",
        StorageRequest::Rename { .. } => "rename",
        StorageRequest::Remove { .. } => "remove",
        StorageRequest::List { .. } => "list",
        StorageRequest::DescribeRoom { .. } => "describe",
    }
}
