//! Records that are acknowledged before they are synced: when which log has to begin its sync, and
//! how much memory they may take until it has ended.

use std::collections::BTreeSet;

use crate::log::Log;
use crate::replication::{Role, Safety};
use crate::stdx::{Instant, Now};

use super::ShardSettings;
use super::core::Shard;
use super::opening::slots_of;
use super::partition::Partition;

/// The part of the caches of recent records that may be such records: they are the only copy, so
/// the caches cannot let go of them, and what else is there must have its place. Beyond it an
/// append is acknowledged when it is synced, and so clients wait for the disk.
const CACHE_DIVISOR: u64 = 4;

/// From this part of that on all logs write what they have, so that clients seldom wait.
const HURRY_DIVISOR: u64 = 2;

/// What a log has to sync.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Deferred {
    /// When it has to begin, if nothing asks for it before.
    due: Option<Instant>,
    /// Bytes that lie in memory until then.
    bytes: u64,
}

/// What the logs of this shard have to sync.
#[derive(Debug)]
pub struct DeferredSyncs {
    /// The places of the partitions, by when their logs have to begin.
    due: BTreeSet<(Instant, u32)>,
    bytes: u64,
    bytes_max: u64,
    is_hurrying: bool,
}

impl DeferredSyncs {
    /// Nothing.
    pub fn new(settings: &ShardSettings) -> Self {
        Self {
            due: BTreeSet::new(),
            bytes: 0,
            bytes_max: settings.cache_bytes_max() as u64 / CACHE_DIVISOR,
            is_hurrying: false,
        }
    }

    /// When the first sync has to begin.
    pub fn next_deadline(&self) -> Instant {
        self.due.first().map_or(Instant::MAX, |(due, _)| *due)
    }

    /// True while memory is not enough for an acknowledgement.
    pub const fn is_full(&self) -> bool {
        self.bytes > self.bytes_max
    }

    /// True while every log writes what it has.
    pub const fn is_hurrying(&self) -> bool {
        self.is_hurrying
    }

    /// The log of the partition in `slot` was flushed.
    pub fn note(&mut self, slot: u32, partition: &mut Partition) {
        let now = Deferred {
            due: partition.log.sync_due(),
            bytes: partition.log.deferred_bytes(),
        };
        let before = std::mem::replace(&mut partition.deferred, now);
        if before != now {
            self.forget(slot, before);
            self.bytes += now.bytes;
            self.due.extend(now.due.map(|due| (due, slot)));
        }
    }

    /// The partition in `slot`, of whose log this was noted last, is gone.
    pub fn forget(&mut self, slot: u32, noted: Deferred) {
        self.bytes -= noted.bytes;
        if let Some(due) = noted.due {
            self.due.remove(&(due, slot));
        }
    }
}

/// Let the log of a partition defer its syncs if its topic, and the replicas in sync, allow it.
pub fn allow_deferral(log: &mut Log, role: &Role) {
    let durability = log.config().forebay_durability;
    let safety = Safety::of(durability, role.in_sync_replicas());
    log.defer_syncs(safety == Safety::InMemory);
}

impl Shard {
    /// At the end of the turn the logs whose time has come are flushed, and begin.
    pub(super) fn begin_due_syncs(&mut self, now: Now) {
        for (due, slot) in &self.deferring.due {
            if *due > now.instant {
                break;
            }
            self.partitions.touch(*slot);
        }
    }

    /// With much in memory all logs are flushed, and begin.
    pub(super) fn hurry_deferred(&mut self) {
        let deferring = &mut self.deferring;
        let is_much = deferring.bytes > deferring.bytes_max / HURRY_DIVISOR;
        if is_much && !std::mem::replace(&mut deferring.is_hurrying, is_much) {
            for slot in slots_of(&self.partitions) {
                let has_some = |partition: &Partition| partition.deferred.bytes > 0;
                if self.partitions.at(slot).is_some_and(has_some) {
                    self.partitions.touch(slot);
                }
            }
        }
        self.deferring.is_hurrying = is_much;
    }
}
