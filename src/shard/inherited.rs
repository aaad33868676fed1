//! Files of the broker's last life, which go once no shard needs what they hold any more. Shard 0
//! alone keeps count.

use std::collections::BTreeSet;

use crate::log::storage::StoragePath;
use crate::model::ShardId;

/// Journals, or checkpoints, of the last life.
#[derive(Debug, Default)]
pub struct InheritedFiles {
    paths: Vec<StoragePath>,
    /// The shards that do not need them any more.
    done_by: BTreeSet<ShardId>,
}

impl InheritedFiles {
    /// A file was found at the start.
    pub fn add(&mut self, path: StoragePath) {
        self.paths.push(path);
    }

    /// A shard needs them no more: the files that may go now, if it was the last of them all.
    pub fn take_after(&mut self, shard: ShardId, shards_count: u16) -> Option<Vec<StoragePath>> {
        self.done_by.insert(shard);
        let is_last = self.done_by.len() == usize::from(shards_count);
        is_last.then(|| std::mem::take(&mut self.paths))
    }
}
