//! What a shard does from time to time, and what it does at the end: flush at the end of a turn,
//! caches within their budget, retention, checkpoints, the clean stop.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::log::storage::Durability;
use crate::model::ShardId;
use crate::stdx::{Instant, Now};

use super::core::{Phase, Shard};
use super::opening::slots_of;
use super::partition::{Partition, PartitionState};
use super::{Effect, Effects, ShardSettings};

/// How often files that nobody used are looked for, and for how long nobody used them then.
const IDLE_FILES_INTERVAL: Duration = Duration::from_secs(30);

/// Partitions that one step of retention looks at, so that a turn stays short.
const RETENTION_STEP_PARTITIONS: usize = 64;

/// How soon the next step of retention follows.
const RETENTION_STEP_INTERVAL: Duration = Duration::from_millis(5);

/// The part of its cache that a log gives up when the shard's caches are over their budget. What
/// is freed at once is soon needed again: with half of a cache at a time more blocks became free
/// than the shard keeps, and a tenth of the CPU time went into fresh memory from the kernel.
const TRIM_DIVISOR: usize = 16;

/// A cache of no more than this is given up as a whole, so that small ones do not take many steps.
const TRIM_BYTES_MIN: usize = 1 << 20;

/// When what is due, and what the caches hold.
#[derive(Debug)]
pub struct Housekeeping {
    /// How often it is written down where logs start and how far they reach.
    checkpoint_interval: Duration,
    retention_interval: Duration,
    retention_at: Instant,
    /// Where the round of retention that is under way goes on.
    retention_slot: Option<u32>,
    checkpoint_at: Instant,
    idle_files_at: Instant,
    folders_at: Instant,
    /// The partitions whose disk is full, and when they may ask it again.
    full_slots: BTreeSet<u32>,
    full_at: Instant,
    cache_bytes_max: usize,
    cached_bytes: usize,
    trim_slot: u32,
    are_partitions_closing: bool,
    are_last_checkpoints_sent: bool,
}

impl Housekeeping {
    /// Nothing is due yet.
    pub fn new(settings: &ShardSettings) -> Self {
        let interval_ms = settings.config.log_retention_check_interval_ms.max(1);
        // What Kafka writes apart is one write here.
        let config = &settings.config;
        let checkpoint_ms = config
            .log_flush_offset_checkpoint_interval_ms
            .min(config.log_flush_start_offset_checkpoint_interval_ms)
            .max(1);
        Self {
            checkpoint_interval: Duration::from_millis(u64::from(checkpoint_ms)),
            retention_interval: Duration::from_millis(interval_ms.unsigned_abs()),
            retention_at: Instant::MAX,
            retention_slot: None,
            checkpoint_at: Instant::MAX,
            idle_files_at: Instant::MAX,
            folders_at: Instant::MAX,
            full_slots: BTreeSet::new(),
            full_at: Instant::MAX,
            cache_bytes_max: settings.cache_bytes_max(),
            cached_bytes: 0,
            trim_slot: 0,
            are_partitions_closing: false,
            are_last_checkpoints_sent: false,
        }
    }

    /// The shard started.
    pub fn start(&mut self, now: Now) {
        self.retention_at = now.instant + self.retention_interval;
        self.checkpoint_at = now.instant + self.checkpoint_interval;
        self.idle_files_at = now.instant + IDLE_FILES_INTERVAL;
    }

    /// When the first thing is due.
    pub fn next_deadline(&self) -> Instant {
        self.retention_at
            .min(self.checkpoint_at)
            .min(self.idle_files_at)
            .min(self.folders_at)
            .min(self.full_at)
    }

    /// Whether the disk has room for the partition in `slot`.
    pub fn note_space(&mut self, slot: u32, has_room: bool) {
        if has_room {
            self.full_slots.remove(&slot);
        } else {
            self.full_slots.insert(slot);
        }
    }

    /// A partition is gone, and its cache with it.
    pub const fn forget_cache(&mut self, cached_bytes: usize) {
        self.cached_bytes -= cached_bytes;
    }

    /// The bytes that caches of recent records hold.
    pub const fn cached_bytes(&self) -> usize {
        self.cached_bytes
    }
}

impl Shard {
    pub(super) fn run_housekeeping(&mut self, now: Now, effects: &mut Effects) {
        if self.housekeeping.retention_at <= now.instant {
            self.step_retention(now);
        }
        if self.housekeeping.checkpoint_at <= now.instant {
            let interval = self.housekeeping.checkpoint_interval;
            self.housekeeping.checkpoint_at = now.instant + interval;
            if self.phase == Phase::Serving {
                self.send_checkpoints(false, effects);
                if self.settings.id == ShardId(0) {
                    self.write_checkpoints(effects);
                }
            }
        }
        if self.housekeeping.idle_files_at <= now.instant {
            self.housekeeping.idle_files_at = now.instant + IDLE_FILES_INTERVAL;
            for slot in slots_of(&self.partitions) {
                let partition = self
                    .partitions
                    .touch(slot)
                    .expect("the slot was just found");
                partition.close_unused_files(now, IDLE_FILES_INTERVAL, &mut effects.storage);
                let expiration_ms = self.configs.broker().producer_id_expiration_ms;
                partition.log.expire_producers(now, expiration_ms);
            }
        }
        if self.housekeeping.full_at <= now.instant {
            // At the end of the turn they are flushed, and ask.
            for slot in self.housekeeping.full_slots.clone() {
                self.partitions.touch(slot);
            }
        }
        self.run_cleaning(now);
        self.remove_due_folders(now, effects);
        self.set_aside_again(now, effects);
    }

    /// One step of a round of retention: the next few partitions.
    fn step_retention(&mut self, now: Now) {
        let mut next = Some(self.housekeeping.retention_slot.unwrap_or(0));
        for _ in 0..RETENTION_STEP_PARTITIONS {
            let Some(slot) = next.and_then(|slot| self.partitions.next_slot(slot)) else {
                next = None;
                break;
            };
            let partition = self
                .partitions
                .touch(slot)
                .expect("the slot was just found");
            let high_watermark = partition.role.high_watermark();
            partition.log.apply_retention(high_watermark);
            next = Some(slot + 1);
        }
        self.housekeeping.retention_slot = next;
        let pause = match next {
            Some(_) => RETENTION_STEP_INTERVAL,
            None => self.housekeeping.retention_interval,
        };
        self.housekeeping.retention_at = now.instant + pause;
    }

    /// Send the turn's appends and reads on their way: group commit. True if that led to more to
    /// do in this turn.
    pub(super) fn flush_partitions(&mut self, now: Now, effects: &mut Effects) -> bool {
        let mut touched = self.partitions.drain_touched();
        for slot in touched.clone() {
            self.step_move(now, slot, effects);
        }
        // A move that has a step behind it may let another one go on.
        touched.extend(self.partitions.drain_touched());
        let mut progressed = Vec::new();
        for slot in touched {
            let Some(partition) = self.partitions.touch(slot) else {
                continue;
            };
            if partition.state.is_without_folder() {
                continue;
            }
            // In place of a file that it has closed it may open another. Compaction, which keeps
            // one open while it goes from segment to segment, would give up where two may be open.
            self.file_limit.count(partition);
            let files_left = self.file_limit.left();
            effects.storage.allow_files(Some(files_left));
            if self.deferring.is_hurrying() {
                partition.log.hurry_sync();
            }
            partition.log.flush(now, &mut effects.storage);
            self.journals.take_offer(partition);
            self.resuming.note_appended(partition);
            partition.flush_others(now, &mut effects.storage);
            self.file_limit.note(slot, partition);
            self.deferring.note(slot, partition);
            let cached = partition.count_cached_bytes();
            let before = std::mem::replace(&mut partition.cached_bytes, cached);
            self.housekeeping.cached_bytes = self.housekeeping.cached_bytes + cached - before;
            progressed.push(slot);
        }
        // The metadata log is not counted.
        effects.storage.allow_files(None);
        self.partitions.drain_touched();
        for slot in progressed {
            self.on_log_progress(now, slot, effects);
            self.advance_high_watermark(now, slot);
            self.settle_deletions(now, slot);
            self.note_following(slot);
            if let Some(partition) = self.partitions.at_mut(slot) {
                self.leading.note(now, slot, partition);
            }
        }
        self.hurry_deferred();
        self.advance_file_limit(now, effects);
        self.trim_caches();
        self.note_cleaning();
        let set_aside_at = self.files.names.next_deadline();
        self.housekeeping.folders_at = self.opening.next_deadline().min(set_aside_at);
        self.housekeeping.full_at = self.next_space_retry();
        !self.own_replies.is_empty() || self.partitions.has_touched() || self.fetches.has_woken()
    }

    fn next_space_retry(&mut self) -> Instant {
        let partitions = &self.partitions;
        let slots = &mut self.housekeeping.full_slots;
        slots.retain(|slot| partitions.at(*slot).is_some_and(Partition::waits_for_disk));
        let deadlines = slots.iter().filter_map(|slot| partitions.at(*slot));
        deadlines
            .map(Partition::next_deadline)
            .min()
            .unwrap_or(Instant::MAX)
    }

    /// Bring the caches back into their budget, one log after the other.
    fn trim_caches(&mut self) {
        let count = self.partitions.len();
        for _ in 0..count {
            if self.housekeeping.cached_bytes <= self.housekeeping.cache_bytes_max {
                return;
            }
            let start = self.housekeeping.trim_slot;
            let next = self
                .partitions
                .next_slot(start)
                .or_else(|| self.partitions.next_slot(0));
            let Some(slot) = next else { return };
            self.housekeeping.trim_slot = slot + 1;
            let partition = self
                .partitions
                .at_mut(slot)
                .expect("the slot was just found");
            let given_up = (partition.cached_bytes / TRIM_DIVISOR).max(TRIM_BYTES_MIN);
            let kept = partition.cached_bytes.saturating_sub(given_up);
            partition.log.trim_cache(kept);
            let cached = partition.count_cached_bytes();
            let before = std::mem::replace(&mut partition.cached_bytes, cached);
            self.housekeeping.cached_bytes = self.housekeeping.cached_bytes + cached - before;
        }
    }

    /// The operator wants a clean stop. Where another node may be the controller, the active one
    /// has others lead first what this broker leads: shard 0 asks for that, and tells all when it
    /// is so.
    pub(super) fn on_stop_wanted(&mut self, now: Now, effects: &mut Effects) {
        if !self.settings.config.is_broker_that_joins() {
            self.on_stopping(effects);
        } else if let Some(controller) = &mut self.controller {
            controller.stop(now);
        }
    }

    /// A clean stop: answer what can be answered, then close the partitions.
    pub(super) fn on_stopping(&mut self, effects: &mut Effects) {
        if self.phase == Phase::Stopping {
            return;
        }
        // Shard 0 serves once every shard has its partitions, and then waits for each to close
        // them, also for one that has yet to hear that it serves.
        let is_waited_for = match self.phase {
            Phase::Serving => true,
            _ => self.settings.id != ShardId(0) && self.opening.is_told(),
        };
        self.phase = Phase::Stopping;
        effects.push(Effect::StopAccepting);
        if !is_waited_for {
            // Nothing was acknowledged yet; what is on the disk is as a crash would leave it.
            return Self::stopped(effects);
        }
        self.fetches.hurry(|_| true);
        for slot in slots_of(&self.partitions) {
            let partition = self
                .partitions
                .touch(slot)
                .expect("the slot was just found");
            partition.was_closed_early = matches!(
                partition.state,
                PartitionState::Opening | PartitionState::Failed
            );
            if partition.state.is_without_folder() {
                // There is no folder that could be unclean.
                partition.state = PartitionState::Opening;
            }
            partition.log.close(Durability::Later);
            self.close_future(slot);
        }
        self.housekeeping.are_partitions_closing = true;
    }

    /// Go on with a clean stop: with the last partition closed, shard 0 is told.
    pub(super) fn advance_stop(&mut self, now: Now, effects: &mut Effects) {
        let is_waiting = !self.housekeeping.are_partitions_closing
            || self.housekeeping.are_last_checkpoints_sent
            || self
                .partitions
                .iter()
                .any(|(_, partition)| !partition.is_over());
        if is_waiting || !self.close_journals(now, effects) {
            return;
        }
        self.housekeeping.are_last_checkpoints_sent = true;
        self.connections.close_all(effects);
        self.send_checkpoints(true, effects);
        if self.settings.id != ShardId(0) {
            Self::stopped(effects);
        }
    }
}
