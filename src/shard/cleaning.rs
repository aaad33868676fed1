//! When partitions are compacted: one at a time on each shard, the dirtiest first.

use std::collections::VecDeque;
use std::time::Duration;

use crate::log::{CleaningEnd, CleaningLimits};
use crate::metrics::{MetricId, ShardMetrics};
use crate::stdx::{Instant, Now};

use super::core::{Phase, Shard};
use super::partition::PartitionState;

/// The part of a shard's memory that the offsets of keys may take.
const MAP_MEMORY_DIVISOR: u64 = 8;

/// The round of compaction that is under way.
#[derive(Debug)]
pub struct Cleaning {
    /// When it is looked who needs it.
    look_at: Instant,
    /// When that was done last.
    looked_at: Instant,
    /// The dirty part of the dirtiest log that was seen then, from 0 to 1.
    dirtiest_ratio: f64,
    /// Who is next.
    waiting: VecDeque<u32>,
    running: Option<u32>,
    /// When that one began.
    began_at: Instant,
    /// When the one that runs goes on after it was slowed down.
    resume_at: Instant,
}

impl Cleaning {
    /// Nothing is due yet.
    pub const fn new() -> Self {
        Self {
            look_at: Instant::MAX,
            looked_at: Instant::MAX,
            dirtiest_ratio: 0.0,
            waiting: VecDeque::new(),
            running: None,
            began_at: Instant::MAX,
            resume_at: Instant::MAX,
        }
    }

    /// When something is due.
    pub fn next_deadline(&self) -> Instant {
        self.look_at.min(self.resume_at)
    }
}

impl Shard {
    fn cleaner_backoff(&self) -> Duration {
        let backoff_ms = self.configs.broker().log_cleaner_backoff_ms.max(1);
        Duration::from_millis(backoff_ms.unsigned_abs())
    }

    /// The shard started.
    pub(super) fn start_cleaning(&mut self, now: Now) {
        if self.configs.broker().log_cleaner_enable {
            self.cleaning.look_at = now.instant + self.cleaner_backoff();
            self.cleaning.looked_at = now.instant;
        }
    }

    /// Look who needs compaction if it is time, and keep the one that runs running.
    pub(super) fn run_cleaning(&mut self, now: Now) {
        if self.cleaning.resume_at <= now.instant
            && let Some(slot) = self.cleaning.running
        {
            // At the end of the turn it is flushed, and goes on.
            self.partitions.touch(slot);
        }
        if self.cleaning.look_at > now.instant {
            return;
        }
        self.cleaning.look_at = now.instant + self.cleaner_backoff();
        let is_running = |slot| {
            let partition = self.partitions.at(slot);
            partition.is_some_and(|partition| partition.log.is_cleaning())
        };
        if self.phase != Phase::Serving || self.cleaning.running.is_some_and(is_running) {
            return;
        }
        self.cleaning.running = None;
        self.cleaning.looked_at = now.instant;
        self.cleaning.dirtiest_ratio = 0.0;
        let mut needs: Vec<(f64, u32)> = Vec::new();
        for (slot, partition) in self.partitions.iter() {
            if partition.state != PartitionState::Open || partition.future.is_some() {
                continue;
            }
            let high_watermark = partition.role.high_watermark();
            if let Some(dirtiness) = partition.log.dirtiness(now, high_watermark) {
                let dirtiest = self.cleaning.dirtiest_ratio.max(dirtiness.ratio);
                self.cleaning.dirtiest_ratio = dirtiest;
                needs.extend(dirtiness.need.map(|need| (need, slot)));
            }
        }
        needs.sort_by(|one, other| other.0.total_cmp(&one.0));
        self.cleaning.waiting = needs.into_iter().map(|(_, slot)| slot).collect();
        self.clean_next(now);
    }

    fn clean_next(&mut self, now: Now) {
        let limits = self.cleaning_limits();
        while let Some(slot) = self.cleaning.waiting.pop_front() {
            if let Some(partition) = self.partitions.touch(slot)
                && partition.state == PartitionState::Open
                && partition.future.is_none()
            {
                let high_watermark = partition.role.high_watermark();
                partition.log.start_cleaning(high_watermark, limits);
                self.cleaning.running = Some(slot);
                self.cleaning.began_at = now.instant;
                return;
            }
        }
    }

    /// What Kafka's settings allow all cleaners together, shared between the shards.
    fn cleaning_limits(&self) -> CleaningLimits {
        let config = self.configs.broker();
        let shards = u64::from(self.settings.shards_count);
        let buffer = config.log_cleaner_dedupe_buffer_size as f64;
        let filled = buffer * config.log_cleaner_io_buffer_load_factor;
        let map_bytes =
            (filled as u64 / shards).min(self.settings.memory_bytes / MAP_MEMORY_DIVISOR);
        CleaningLimits {
            map_bytes_max: usize::try_from(map_bytes).unwrap_or(usize::MAX),
            bytes_per_second_max: config.log_cleaner_io_max_bytes_per_second / shards as f64,
        }
    }

    /// The run over the partition in `slot` has ended.
    pub(super) fn on_cleaning_ended(&mut self, now: Now, slot: u32, end: &CleaningEnd) {
        match end {
            CleaningEnd::Cleaned {
                first_dirty_offset,
                bytes_before,
                bytes_after,
            } => {
                self.count_run(now, *bytes_before, *bytes_after);
                let partition = self.partitions.at(slot);
                let log = partition.map(|partition| partition.log.identity().to_string());
                tracing::info!(
                    log,
                    bytes_before,
                    bytes_after,
                    "compacted up to offset {first_dirty_offset}"
                );
            }
            CleaningEnd::Uncleanable(reason) => {
                let what = "is not compacted until the next start";
                tracing::warn!("{}", self.place_of(slot, what, reason));
            }
            CleaningEnd::NothingToDo | CleaningEnd::Stopped => {}
        }
        if self.cleaning.running == Some(slot) {
            self.cleaning.running = None;
            self.clean_next(now);
        }
    }

    fn count_run(&mut self, now: Now, bytes_before: u64, bytes_after: u64) {
        let metrics = &mut self.meter.metrics;
        metrics.add(MetricId::CompactionRuns, 1);
        metrics.add(MetricId::CompactionReadBytes, bytes_before);
        metrics.add(MetricId::CompactionKeptBytes, bytes_after);
        let kept_percent = bytes_after * 100 / bytes_before.max(1);
        metrics.set(MetricId::CompactionKeptPercent, kept_percent);
        let run = now.instant.saturating_since(self.cleaning.began_at);
        metrics.set(MetricId::CompactionRunSeconds, run.as_secs());
    }

    /// What compaction is like now.
    pub(super) fn collect_cleaning(&self, now: Now, metrics: &mut ShardMetrics) {
        let dirty_percent = (self.cleaning.dirtiest_ratio * 100.0) as u64;
        metrics.set(MetricId::CompactionDirtyPercent, dirty_percent);
        let since = now.instant.saturating_since(self.cleaning.looked_at);
        let since_ms = u64::try_from(since.as_millis()).unwrap_or(u64::MAX);
        metrics.set(MetricId::CompactionSinceLookMs, since_ms);
        let (mut partitions, mut bytes) = (0, 0);
        for (_, partition) in self.partitions.iter() {
            let high_watermark = partition.role.high_watermark();
            if let Some(left) = partition.log.uncleanable_bytes(now, high_watermark) {
                partitions += 1;
                bytes += left;
            }
        }
        metrics.set(MetricId::UncleanablePartitions, partitions);
        metrics.set(MetricId::UncleanableBytes, bytes);
    }

    /// Note when the run that is under way must go on.
    pub(super) fn note_cleaning(&mut self) {
        let running = self.cleaning.running;
        let partition = running.and_then(|slot| self.partitions.at(slot));
        self.cleaning.resume_at =
            partition.map_or(Instant::MAX, |partition| partition.log.cleaning_deadline());
    }
}
