//! Which leader epoch wrote which offsets (KIP-101, KIP-279).

use bytes::Bytes;

use crate::model::{LeaderEpoch, Offset};

use super::checkpoint::{CheckpointError, decode_lines, encode_lines};

/// Where the records of one leader epoch begin.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct EpochStart {
    /// The epoch.
    pub epoch: LeaderEpoch,
    /// The offset of its first record.
    pub start_offset: Offset,
}

/// Where the records of one leader epoch end.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct EpochEnd {
    /// The epoch: the one asked for, or the largest below it that wrote records.
    pub epoch: LeaderEpoch,
    /// The offset behind its last record.
    pub end_offset: Offset,
}

/// The epochs of a log, each with where it began; both rise.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct LeaderEpochs {
    starts: Vec<EpochStart>,
}

impl LeaderEpochs {
    pub(crate) fn latest(&self) -> Option<EpochStart> {
        self.starts.last().copied()
    }

    /// Note that `epoch` begins at `start_offset`; true if that was news. What contradicts it is
    /// forgotten: epochs that are not older, and older ones that begin no earlier.
    pub(super) fn assign(&mut self, epoch: LeaderEpoch, start_offset: Offset) -> bool {
        let start = EpochStart {
            epoch,
            start_offset,
        };
        let is_news = self
            .latest()
            .is_none_or(|latest| latest.epoch != epoch || start_offset < latest.start_offset);
        if !is_news || epoch < 0 {
            return false;
        }
        let kept = self
            .starts
            .partition_point(|start| start.epoch < epoch && start.start_offset < start_offset);
        self.starts.truncate(kept);
        self.starts.push(start);
        true
    }

    /// The oldest epoch that is known.
    pub(crate) fn first(&self) -> Option<EpochStart> {
        self.starts.first().copied()
    }

    /// True if it is known where `epoch` began.
    pub(crate) fn has(&self, epoch: LeaderEpoch) -> bool {
        self.starts.iter().any(|start| start.epoch == epoch)
    }

    /// The epoch that wrote `offset`.
    pub(crate) fn epoch_of(&self, offset: Offset) -> Option<LeaderEpoch> {
        let behind = self
            .starts
            .partition_point(|start| start.start_offset <= offset);
        Some(self.starts.get(behind.checked_sub(1)?)?.epoch)
    }

    /// Where `epoch` ended, seen from a log that ends at `log_end_offset`. `None` if nothing is
    /// known of it: it is newer than the latest, or there is no epoch at all.
    pub(super) fn end_of(&self, epoch: LeaderEpoch, log_end_offset: Offset) -> Option<EpochEnd> {
        if self.latest()?.epoch == epoch {
            return Some(EpochEnd {
                epoch,
                end_offset: log_end_offset,
            });
        }
        let higher = self.starts.partition_point(|start| start.epoch <= epoch);
        let end_offset = self.starts.get(higher)?.start_offset;
        let floor = higher.checked_sub(1).map(|index| self.starts[index].epoch);
        Some(EpochEnd {
            // One older than all that is known: the follower goes back to the first known start.
            epoch: floor.unwrap_or(epoch),
            end_offset,
        })
    }

    /// Forget what lies below a new log start; true if that changed anything.
    pub(super) fn cut_front(&mut self, log_start_offset: Offset) -> bool {
        let covered = self
            .starts
            .partition_point(|start| start.start_offset <= log_start_offset);
        let Some(last) = covered.checked_sub(1) else {
            return false;
        };
        let is_change = last > 0 || self.starts[0].start_offset < log_start_offset;
        self.starts.drain(..last);
        self.starts[0].start_offset = log_start_offset;
        is_change
    }

    /// Forget epochs that begin at or behind a new log end; true if that changed anything.
    pub(super) fn cut_back(&mut self, log_end_offset: Offset) -> bool {
        let kept = self
            .starts
            .partition_point(|start| start.start_offset < log_end_offset);
        let is_change = kept < self.starts.len();
        self.starts.truncate(kept);
        is_change
    }

    /// Kafka's `leader-epoch-checkpoint` file.
    pub(super) fn encode(&self) -> Bytes {
        let lines = self
            .starts
            .iter()
            .map(|start| format!("{} {}", start.epoch, start.start_offset));
        encode_lines(self.starts.len(), lines)
    }

    pub(crate) fn decode(file: &[u8]) -> Result<Self, CheckpointError> {
        let mut epochs = Self::default();
        decode_lines(file, "an epoch and a larger offset", |line| {
            let (epoch, offset) = line.split_once(' ')?;
            let start = EpochStart {
                epoch: epoch.parse().ok().filter(|epoch| *epoch >= 0)?,
                start_offset: offset.parse().ok().filter(|offset| *offset >= 0)?,
            };
            let rises = epochs.latest().is_none_or(|latest| {
                latest.epoch < start.epoch && latest.start_offset < start.start_offset
            });
            rises.then(|| epochs.starts.push(start))
        })?;
        Ok(epochs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn epochs(starts: &[(LeaderEpoch, Offset)]) -> LeaderEpochs {
        let mut epochs = LeaderEpochs::default();
        for (epoch, offset) in starts {
            assert!(epochs.assign(*epoch, *offset));
        }
        epochs
    }

    fn end(epoch: LeaderEpoch, end_offset: Offset) -> Option<EpochEnd> {
        Some(EpochEnd { epoch, end_offset })
    }

    #[test]
    fn an_epoch_ends_where_the_next_one_began() {
        let epochs = epochs(&[(2, 10), (4, 20), (7, 30)]);
        assert_eq!(epochs.end_of(7, 45), end(7, 45));
        assert_eq!(epochs.end_of(4, 45), end(4, 30));
        assert_eq!(epochs.end_of(5, 45), end(4, 30), "the largest below");
        assert_eq!(epochs.end_of(1, 45), end(1, 10), "older than all");
        assert_eq!(epochs.end_of(8, 45), None, "newer than all");
        assert_eq!(LeaderEpochs::default().end_of(0, 45), None);
    }

    #[test]
    fn what_contradicts_a_newer_assignment_is_forgotten() {
        let mut epochs = epochs(&[(2, 10), (4, 20), (7, 30)]);
        assert!(!epochs.assign(7, 31), "it began earlier");
        assert!(epochs.assign(5, 20));
        assert_eq!(epochs.starts.len(), 2);
        assert_eq!(epochs.latest().map(|start| start.epoch), Some(5));
    }

    #[test]
    fn the_ends_of_the_log_move_the_epochs() {
        let mut epochs = epochs(&[(2, 10), (4, 20), (7, 30)]);
        assert_eq!(epochs.epoch_of(9), None);
        assert_eq!(epochs.epoch_of(29), Some(4));
        assert!(!epochs.cut_front(10));
        assert!(epochs.cut_front(25));
        assert_eq!(epochs.encode().as_ref(), b"0\n2\n4 25\n7 30\n");
        assert!(!epochs.cut_back(31));
        assert!(epochs.cut_back(30));
        assert_eq!(epochs.latest().map(|start| start.epoch), Some(4));
    }

    #[test]
    fn the_file_is_kafkas() {
        let epochs = epochs(&[(0, 0), (3, 7)]);
        let file = epochs.encode();
        assert_eq!(file.as_ref(), b"0\n2\n0 0\n3 7\n");
        assert_eq!(LeaderEpochs::decode(&file), Ok(epochs));
        assert_eq!(
            LeaderEpochs::decode(b"0\n2\n3 0\n1 7\n").unwrap_err().line,
            4
        );
    }
}
