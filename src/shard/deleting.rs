//! Records that clients delete: whoever asked is told once every replica has deleted them
//! (KIP-107).

use crate::model::{ErrorCode, Offset};
use crate::stdx::{Instant, Now};

use super::core::Shard;
use super::owning::leader_of;
use super::partition::{Asker, Partition};
use super::task::Reply;

/// A client that waits until no replica has records below an offset.
#[derive(Clone, Copy, Debug)]
pub struct WaitingDeletion {
    asker: Asker,
    before: Offset,
    deadline: Instant,
}

impl Shard {
    /// Delete the records of the partition in `slot` before an offset, or before the high
    /// watermark.
    pub(super) fn delete_records(
        &mut self,
        slot: u32,
        asker: Asker,
        before: Option<Offset>,
        deadline: Instant,
    ) -> Option<Reply> {
        let partition = self
            .partitions
            .touch(slot)
            .expect("the slot was just found");
        let high_watermark = match leader_of(partition, None) {
            Ok(leader) => leader.high_watermark(),
            Err(error) => return Some(Reply::DeletedRecords(Err(error))),
        };
        let before = before.unwrap_or(high_watermark);
        if let Err(error) = partition.log.delete_records(before, high_watermark) {
            return Some(Reply::DeletedRecords(Err(error)));
        }
        // The end of the turn looks whether it is done.
        partition.waiting_deletions.push(WaitingDeletion {
            asker,
            before,
            deadline,
        });
        None
    }

    /// Tell those whose records are gone everywhere, and those that waited too long.
    pub(super) fn settle_deletions(&mut self, now: Now, slot: u32) {
        let Some(partition) = self.partitions.at_mut(slot) else {
            return;
        };
        if partition.waiting_deletions.is_empty() {
            return;
        }
        let low_watermark = partition.low_watermark();
        let waiting = std::mem::take(&mut partition.waiting_deletions);
        let mut settled = Vec::new();
        for one in waiting {
            match low_watermark.filter(|low| *low >= one.before) {
                Some(low) => settled.push((one.asker, Ok(low))),
                None if one.deadline <= now.instant => {
                    settled.push((one.asker, Err(ErrorCode::RequestTimedOut)));
                }
                None => partition.waiting_deletions.push(one),
            }
        }
        for (asker, result) in settled {
            self.reply(asker, Reply::DeletedRecords(result));
        }
    }

    /// Nobody knows any more when the records will be gone everywhere.
    pub(super) fn refuse_deletions(&mut self, slot: u32, error: ErrorCode) {
        let Some(partition) = self.partitions.at_mut(slot) else {
            return;
        };
        for one in std::mem::take(&mut partition.waiting_deletions) {
            self.reply(one.asker, Reply::DeletedRecords(Err(error)));
        }
    }
}

impl Partition {
    /// Up to where every replica has deleted records; `None` while one has not told.
    fn low_watermark(&self) -> Option<Offset> {
        let leader = self.role.leader()?;
        leader.low_watermark(self.log.log_start_offset())
    }

    /// When the first client has waited too long.
    pub fn deletions_due(&self) -> Option<Instant> {
        self.waiting_deletions.iter().map(|one| one.deadline).min()
    }
}
