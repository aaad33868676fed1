//! A follower of one partition: what it asks its leader for, and what it makes of the answer.
//!
//! It fetches from where its log is safe, since the leader takes that for what it has. So while
//! something that came is not safe yet, nothing more is asked for.

use bytes::Bytes;

use crate::log::EpochEnd;
use crate::model::{BrokerId, ErrorCode, LeaderEpoch, Offset};

use super::leader::check_epoch;

/// What a follower has to know of its own log.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct ReplicaLog {
    /// Where it starts.
    pub start_offset: Offset,
    /// Where it ends.
    pub end_offset: Offset,
    /// Up to where it is as safe as the topic asks.
    pub safe_end_offset: Offset,
    /// The epoch of its last record.
    pub latest_epoch: Option<LeaderEpoch>,
}

/// From where on a follower fetches.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct FetchPosition {
    /// The first offset that it lacks.
    pub offset: Offset,
    /// The epoch of its last record.
    pub last_fetched_epoch: Option<LeaderEpoch>,
    /// The epoch of the leader that it follows.
    pub leader_epoch: LeaderEpoch,
    /// Where its log starts.
    pub log_start_offset: Offset,
}

/// What the leader answered for the partition.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct FetchAnswer {
    /// What went wrong.
    pub error: ErrorCode,
    /// The leader's high watermark.
    pub high_watermark: Option<Offset>,
    /// Where the leader's log starts.
    pub log_start_offset: Option<Offset>,
    /// The logs are not the same: the largest epoch that may be, and where it ends at the leader.
    pub diverging: Option<(LeaderEpoch, Offset)>,
    /// Record batches.
    pub records: Bytes,
}

/// What is to be done for an answer.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum FollowerStep {
    /// Nothing: it answers what is not asked any more.
    Ignore,
    /// Append this, which may be nothing, then [`Follower::on_appended`].
    Append(Bytes),
    /// Cut the log off here, then fetch again.
    Truncate(Offset),
    /// Remove all records and begin here, where the leader's log starts.
    StartAnew(Offset),
    /// Ask the leader where its log starts and ends, then [`Follower::on_leader_bounds`].
    AskBounds,
    /// Fetch again after a pause.
    RetryLater,
    /// Fetch again after a short one: the leader has yet to hear that it leads.
    RetrySoon,
    /// Fetch no more before the cluster's metadata tell of another epoch.
    AwaitImage,
}

/// A follower of one partition.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Follower {
    leader: Option<BrokerId>,
    epoch: LeaderEpoch,
    high_watermark: Offset,
    /// Where the leader's high watermark and its log's start are, by its last answer.
    told: Option<(Offset, Offset)>,
    is_fenced: bool,
}

impl Follower {
    /// A replica that follows `leader` in `epoch`, if there is one. Below `high_watermark` its log
    /// has what is committed.
    #[must_use]
    pub const fn new(leader: Option<BrokerId>, epoch: LeaderEpoch, high_watermark: Offset) -> Self {
        Self {
            leader,
            epoch,
            high_watermark,
            told: None,
            is_fenced: false,
        }
    }

    /// Whom it follows.
    #[must_use]
    pub const fn leader(&self) -> Option<BrokerId> {
        self.leader
    }

    /// The leader epoch.
    #[must_use]
    pub const fn epoch(&self) -> LeaderEpoch {
        self.epoch
    }

    /// Below it the log has what is committed.
    #[must_use]
    pub const fn high_watermark(&self) -> Offset {
        self.high_watermark
    }

    /// How many committed records its log lacks, which ends at `end`, as far as the leader has
    /// told.
    #[must_use]
    pub fn lag(&self, end: Offset) -> Offset {
        let told = self.told.map_or(end, |(high_watermark, _)| high_watermark);
        (told - end).max(0)
    }

    /// Compare the epoch that a client believes in with the real one (KIP-320).
    ///
    /// # Errors
    /// `FENCED_LEADER_EPOCH` if the client is behind, `UNKNOWN_LEADER_EPOCH` if it is ahead.
    pub const fn check_epoch(&self, current: Option<LeaderEpoch>) -> Result<(), ErrorCode> {
        check_epoch(self.epoch, current)
    }

    /// From where on to fetch now; `None` while there is nobody to ask, or something that came is
    /// not safe yet.
    #[must_use]
    pub fn plan_fetch(&self, log: &ReplicaLog) -> Option<FetchPosition> {
        let is_ready =
            self.leader.is_some() && !self.is_fenced && log.safe_end_offset >= log.end_offset;
        is_ready.then(|| self.position(log))
    }

    const fn position(&self, log: &ReplicaLog) -> FetchPosition {
        FetchPosition {
            offset: log.end_offset,
            last_fetched_epoch: log.latest_epoch,
            leader_epoch: self.epoch,
            log_start_offset: log.start_offset,
        }
    }

    /// The leader answered what was `asked`. `end_of_epoch` tells where an epoch, or the one before
    /// it, ends in this log.
    pub fn on_answer(
        &mut self,
        asked: &FetchPosition,
        answer: FetchAnswer,
        log: &ReplicaLog,
        end_of_epoch: impl Fn(LeaderEpoch) -> Option<EpochEnd>,
    ) -> FollowerStep {
        if asked.leader_epoch != self.epoch || asked.offset != log.end_offset {
            return FollowerStep::Ignore;
        }
        match answer.error {
            ErrorCode::None => {}
            ErrorCode::OffsetOutOfRange => return FollowerStep::AskBounds,
            ErrorCode::FencedLeaderEpoch => {
                self.is_fenced = true;
                return FollowerStep::AwaitImage;
            }
            // Both are told of a new leader at about the same time, the follower maybe first.
            ErrorCode::UnknownLeaderEpoch
            | ErrorCode::NotLeaderOrFollower
            | ErrorCode::UnknownTopicId => return FollowerStep::RetrySoon,
            _ => return FollowerStep::RetryLater,
        }
        if let Some((epoch, end)) = answer.diverging {
            let common = end_of_epoch(epoch).map_or(end, |own| own.end_offset.min(end));
            return self.truncate(common, log);
        }
        self.told = answer.high_watermark.zip(answer.log_start_offset);
        FollowerStep::Append(answer.records)
    }

    /// The leader's log starts and ends there, which was asked since it has nothing at `asked`.
    pub fn on_leader_bounds(
        &mut self,
        asked: &FetchPosition,
        (start, end): (Offset, Offset),
        log: &ReplicaLog,
    ) -> FollowerStep {
        if asked.leader_epoch != self.epoch || asked.offset != log.end_offset {
            return FollowerStep::Ignore;
        }
        if start > log.end_offset {
            self.high_watermark = start;
            return FollowerStep::StartAnew(start);
        }
        match end < log.end_offset {
            true => self.truncate(end, log),
            false => FollowerStep::RetryLater,
        }
    }

    /// Cut off what the leader does not have. That can reach below the high watermark only if the
    /// leader was elected from outside of the in-sync set.
    fn truncate(&mut self, to: Offset, log: &ReplicaLog) -> FollowerStep {
        if to > log.end_offset || to < 0 {
            // There is nothing to cut off, so asking again at once would lead to the same answer.
            return FollowerStep::RetryLater;
        }
        // At the end of the log it is the note of an epoch in which nothing was appended that goes.
        if to < log.start_offset {
            self.high_watermark = to;
            return FollowerStep::StartAnew(to);
        }
        self.high_watermark = self.high_watermark.min(to);
        FollowerStep::Truncate(to)
    }

    /// The log has what came, and is safe up to some offset: where the high watermark is, and, if
    /// its front is to be deleted, up to where.
    pub fn on_appended(&mut self, log: &ReplicaLog) -> Option<Offset> {
        let (high_watermark, log_start) = self.told?;
        let safe = high_watermark.min(log.safe_end_offset);
        self.high_watermark = self.high_watermark.max(safe);
        let start = log_start.min(self.high_watermark);
        (start > log.start_offset).then_some(start)
    }
}
