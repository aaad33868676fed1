//! Kafka's four checkpoint files of a log directory, against the logs that they are about.

use std::collections::BTreeMap;
use std::path::Path;

use crate::log::checkpoint::{
    CLEANED_OFFSETS, HIGH_WATERMARKS, LOG_START_OFFSETS, RECOVERY_POINTS, decode_offsets,
};
use crate::model::{Offset, TopicPartition};

use super::finding::{Finding, Mending, Told};
use super::identity::read_small;

/// Offsets by partition.
pub type Offsets = BTreeMap<TopicPartition, Offset>;

/// What the checkpoint files of a log directory say; a file that is not one says nothing.
#[derive(Clone, Debug, Default)]
pub struct Checkpoints {
    pub cleaned_offsets: Offsets,
    pub log_start_offsets: Offsets,
    pub recovery_points: Offsets,
    pub high_watermarks: Offsets,
    /// True if the file of log start offsets is not as it was written.
    pub is_start_doubtful: bool,
}

/// A log as far as checkpoints are about it.
#[derive(Clone, Copy, Debug)]
pub struct LogRange {
    /// Where its first segment begins.
    pub first_offset: Offset,
    /// The offset behind its last record, those in the journal included.
    pub end_offset: Offset,
    /// True if nothing is known of its end, since a batch is damaged.
    pub is_damaged: bool,
    /// True if there is one replica, which has everything then.
    pub is_alone: bool,
}

impl Checkpoints {
    /// Read the files. After a clean stop they name only partitions that are there.
    pub fn read(
        directory: usize,
        path: &Path,
        is_there: impl Fn(&TopicPartition) -> bool,
        told: &mut Told,
    ) -> Self {
        let mut read = |name: &str| -> (Offsets, bool) {
            let path = path.join(name);
            let Some(file) = read_small(directory, &path, told) else {
                return (Offsets::new(), false);
            };
            let mut offsets = match decode_offsets(&file) {
                Ok(offsets) => offsets,
                Err(error) => {
                    let fault = Finding::new(directory, path, error.to_string());
                    told.find(fault.fault(Mending::Checkpoints));
                    return (Offsets::new(), true);
                }
            };
            let count = offsets.len();
            offsets.retain(|partition, _| {
                let is_there = is_there(partition);
                if !is_there {
                    let what = format!("it names {partition}, which is not here");
                    let fault = Finding::new(directory, path.clone(), what);
                    told.find(fault.fault(Mending::Checkpoints));
                }
                is_there
            });
            let is_doubtful = offsets.len() < count;
            (offsets, is_doubtful)
        };
        let (log_start_offsets, is_start_doubtful) = read(LOG_START_OFFSETS);
        Self {
            cleaned_offsets: read(CLEANED_OFFSETS).0,
            log_start_offsets,
            recovery_points: read(RECOVERY_POINTS).0,
            high_watermarks: read(HIGH_WATERMARKS).0,
            is_start_doubtful,
        }
    }

    /// Compare them with the logs.
    pub fn check(
        &self,
        directory: usize,
        path: &Path,
        is_clean: bool,
        logs: &BTreeMap<TopicPartition, LogRange>,
        told: &mut Told,
    ) {
        for (name, offsets) in [
            (CLEANED_OFFSETS, &self.cleaned_offsets),
            (LOG_START_OFFSETS, &self.log_start_offsets),
            (RECOVERY_POINTS, &self.recovery_points),
            (HIGH_WATERMARKS, &self.high_watermarks),
        ] {
            for (partition, offset) in offsets {
                let judged = match logs.get(partition) {
                    None => Ok(()),
                    Some(log) if log.is_damaged => Ok(()),
                    Some(log) => self.judge(name, partition, *offset, log, is_clean),
                };
                if let Err(reason) = judged {
                    let what = format!("it has offset {offset} for {partition}: {reason}");
                    let fault = Finding::new(directory, path.join(name), what);
                    let fault = fault.of(&partition.to_string()).offset(*offset);
                    told.find(fault.fault(self.mending(partition, *offset, logs)));
                }
            }
        }
    }

    fn judge(
        &self,
        name: &str,
        partition: &TopicPartition,
        offset: Offset,
        log: &LogRange,
        is_clean: bool,
    ) -> Result<(), String> {
        let end = log.end_offset;
        if offset < 0 || offset > end {
            return Err(format!("the log ends at {end}"));
        }
        if !is_clean {
            return Ok(());
        }
        let is_end = match name {
            RECOVERY_POINTS => offset == end,
            HIGH_WATERMARKS => offset == end || !log.is_alone,
            _ => true,
        };
        if !is_end {
            return Err(format!("a clean stop left the log with its end at {end}"));
        }
        let start = self.log_start_offsets.get(partition).copied();
        let start = start.unwrap_or(0).max(log.first_offset);
        if name == LOG_START_OFFSETS && offset < log.first_offset {
            return Err(format!("its first segment begins at {}", log.first_offset));
        }
        if name == HIGH_WATERMARKS && offset < start {
            return Err(format!("the log begins at {start}"));
        }
        Ok(())
    }

    /// Where two files agree on an end that the log does not reach, it is the log that is wrong.
    fn mending(
        &self,
        partition: &TopicPartition,
        offset: Offset,
        logs: &BTreeMap<TopicPartition, LogRange>,
    ) -> Mending {
        let is_short = logs
            .get(partition)
            .is_some_and(|log| offset > log.end_offset);
        let agree = self.recovery_points.get(partition) == self.high_watermarks.get(partition);
        if is_short && agree {
            Mending::ByHand("records are missing at the end of the log: restore it from a copy")
        } else {
            Mending::Checkpoints
        }
    }
}
