//! What the broker owes the disk, as can be said of a request without one.

use crate::log::storage::{IO_BLOCK_BYTES, StorageRequest};

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
