//! The leader's view of one partition: its followers, who is in sync, the high watermark.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::model::{BrokerId, ErrorCode, LeaderEpoch, Offset};
use crate::stdx::Instant;

use super::in_sync::{InSync, IsrOutcome, IsrProposal, ProposalNumber};
use super::progress::Progress;

/// Who sets no time that followers may lag does not want the broker to do nothing else.
const LOOK_INTERVAL_MIN: Duration = Duration::from_millis(1);

/// What a topic and the broker ask of a leader.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct LeaderRules {
    /// `min.insync.replicas`.
    pub in_sync_min: usize,
    /// `replica.lag.time.max.ms`.
    pub lag_max: Duration,
}

impl LeaderRules {
    /// How often it is looked who fell behind, as often as Apache Kafka does it.
    fn look_interval(&self) -> Duration {
        (self.lag_max / 2).max(LOOK_INTERVAL_MIN)
    }
}

/// What a replica begins to lead with.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct LeaderTerm {
    /// The leader itself.
    pub node: BrokerId,
    /// The leader epoch.
    pub epoch: LeaderEpoch,
    /// How often the registration of the partition changed.
    pub partition_epoch: i32,
    /// Where the log ended when the epoch began.
    pub start_offset: Offset,
    /// What is known to be safe on all replicas in sync.
    pub high_watermark: Offset,
    /// Up to where the leader's own log is safe.
    pub safe_end_offset: Offset,
    /// Who holds the partition, the leader among them.
    pub replicas: Vec<BrokerId>,
    /// Who of them is in sync.
    pub isr: Vec<BrokerId>,
}

/// A follower's fetch, after its offset and its epochs were compared with the leader's log.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct ReplicaFetch {
    /// The follower.
    pub replica: BrokerId,
    /// The registration of its broker, if it tells (KIP-903).
    pub broker_epoch: Option<i64>,
    /// From where on it fetches: what is below is safe there.
    pub offset: Offset,
    /// Where its log starts.
    pub log_start_offset: Offset,
}

/// The leader's view of one partition.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Leader {
    node: BrokerId,
    epoch: LeaderEpoch,
    start_offset: Offset,
    high_watermark: Offset,
    safe_end: Offset,
    log_end: Offset,
    replicas_count: usize,
    followers: BTreeMap<BrokerId, Progress>,
    in_sync: InSync,
    rules: LeaderRules,
    /// When it is looked again who fell behind.
    next_look: Instant,
}

impl Leader {
    /// A leader of `term`, of whose followers nothing is known yet.
    #[must_use]
    pub fn new(now: Instant, term: LeaderTerm, rules: LeaderRules) -> Self {
        let mut leader = Self {
            node: term.node,
            epoch: term.epoch,
            start_offset: term.start_offset,
            high_watermark: term.high_watermark,
            safe_end: term.safe_end_offset,
            log_end: term.start_offset,
            replicas_count: 0,
            followers: BTreeMap::new(),
            in_sync: InSync::new(term.isr, term.partition_epoch),
            rules,
            next_look: now + rules.look_interval(),
        };
        leader.name_followers(now, &term.replicas);
        leader.advance(now);
        leader
    }

    /// The followers are these; what is known of those that stay is kept.
    fn name_followers(&mut self, now: Instant, replicas: &[BrokerId]) {
        let in_sync = self.in_sync.committed().clone();
        self.replicas_count = replicas.len();
        let named = |id: &BrokerId| replicas.contains(id) || in_sync.contains(id);
        self.followers.retain(|id, _| named(id));
        for id in replicas.iter().chain(&in_sync) {
            if *id != self.node {
                let new = || Progress::at_start(now, in_sync.contains(id));
                self.followers.entry(*id).or_insert_with(new);
            }
        }
    }

    /// The leader epoch.
    #[must_use]
    pub const fn epoch(&self) -> LeaderEpoch {
        self.epoch
    }

    /// Where the log ended when the epoch began.
    #[must_use]
    pub const fn start_offset(&self) -> Offset {
        self.start_offset
    }

    /// How many replicas are in sync, the leader among them.
    #[must_use]
    pub fn in_sync_replicas(&self) -> usize {
        self.in_sync.committed().len().max(1)
    }

    /// Everything below it is safe on every in-sync replica; consumers see no further.
    #[must_use]
    pub const fn high_watermark(&self) -> Offset {
        self.high_watermark
    }

    /// True if `replica` is in sync by what the controller has decided.
    #[must_use]
    pub fn is_in_sync(&self, replica: BrokerId) -> bool {
        self.in_sync.committed().contains(&replica)
    }

    /// Where the log of a follower starts and up to where it is safe, as far as that is known.
    #[must_use]
    pub fn follower_bounds(&self, replica: BrokerId) -> Option<(Offset, Offset)> {
        let follower = self.followers.get(&replica)?;
        follower.log_start.zip(follower.synced_end)
    }

    /// True while fewer replicas are in sync than the topic asks for. A topic cannot ask for more
    /// than it has.
    #[must_use]
    pub fn is_under_in_sync_min(&self) -> bool {
        self.in_sync.committed().len() < self.rules.in_sync_min.min(self.replicas_count)
    }

    /// True while exactly as many replicas are in sync as the topic asks for.
    #[must_use]
    pub fn is_at_in_sync_min(&self) -> bool {
        self.in_sync.committed().len() == self.rules.in_sync_min.min(self.replicas_count)
    }

    /// Up to where every replica has deleted records; of a broker that does not run nothing is
    /// waited for. `None` while a follower has not told.
    #[must_use]
    pub fn low_watermark(&self, log_start_offset: Offset) -> Option<Offset> {
        let alive = self.followers.values();
        let alive = alive.filter(|follower| follower.eligible_epoch.is_some());
        alive
            .map(|follower| follower.log_start)
            .try_fold(log_start_offset, |lowest, start| Some(lowest.min(start?)))
    }

    /// The topic's or the broker's settings have changed. True if the high watermark moved.
    pub fn change_rules(&mut self, now: Instant, rules: LeaderRules) -> bool {
        self.rules = rules;
        self.next_look = self.next_look.min(now + rules.look_interval());
        self.advance(now)
    }

    /// The leader's own log ends at `log_end` and is safe up to `safe_end`. True if the high
    /// watermark moved.
    pub fn on_log(&mut self, now: Instant, log_end: Offset, safe_end: Offset) -> bool {
        self.log_end = log_end;
        self.safe_end = safe_end;
        self.advance(now)
    }

    /// The partition's registration changed within the leader epoch. True if the high watermark
    /// moved.
    pub fn on_registration(
        &mut self,
        now: Instant,
        replicas: &[BrokerId],
        isr: &[BrokerId],
        partition_epoch: i32,
    ) -> bool {
        if self.in_sync.on_registration(isr, partition_epoch) {
            self.name_followers(now, replicas);
        }
        self.advance(now)
    }

    /// The registration in which the broker of a follower may be in sync: it runs and is to go on.
    pub fn on_broker(&mut self, now: Instant, replica: BrokerId, epoch: Option<i64>) -> bool {
        if let Some(follower) = self.followers.get_mut(&replica) {
            follower.eligible_epoch = epoch;
        }
        self.advance(now)
    }

    /// True if there are other replicas to wait for.
    #[must_use]
    pub fn has_followers(&self) -> bool {
        !self.followers.is_empty()
    }

    /// The followers.
    pub fn followers(&self) -> impl Iterator<Item = BrokerId> {
        self.followers.keys().copied()
    }

    /// A follower fetches, as it does only from where its log is safe. True if the high watermark
    /// moved.
    ///
    /// # Errors
    /// What the follower is to be told: it holds no replica that is known here, or another life of
    /// its broker fetched since.
    pub fn on_fetch(
        &mut self,
        now: Instant,
        fetch: &ReplicaFetch,
        names_leader_epoch: bool,
    ) -> Result<bool, ErrorCode> {
        if fetch.offset > self.log_end {
            return Err(ErrorCode::OffsetOutOfRange);
        }
        let Some(follower) = self.followers.get_mut(&fetch.replica) else {
            // One side does not know yet of a reassignment.
            return Err(match names_leader_epoch {
                true => ErrorCode::UnknownLeaderEpoch,
                false => ErrorCode::NotLeaderOrFollower,
            });
        };
        let known = follower.broker_epoch.flatten();
        if known
            .zip(fetch.broker_epoch)
            .is_some_and(|(known, told)| told < known)
        {
            return Err(ErrorCode::NotLeaderOrFollower);
        }
        follower.broker_epoch = Some(fetch.broker_epoch);
        follower.log_start = Some(fetch.log_start_offset);
        follower.on_fetch(now, fetch.offset, self.log_end);
        self.propose_expansion(now, fetch.replica);
        Ok(self.advance(now))
    }

    /// The follower to whom a reader at `offset` is to go, of those that `is_near` names: one that
    /// is in sync and has what is there, and of these the one that has most (KIP-392).
    #[must_use]
    pub fn nearest_follower(
        &self,
        offset: Offset,
        is_near: impl Fn(BrokerId) -> bool,
    ) -> Option<BrokerId> {
        let in_sync = self.in_sync.committed();
        let has = |progress: &Progress| {
            let end = progress.synced_end.filter(|end| *end >= offset)?;
            progress.log_start.filter(|start| *start <= offset)?;
            Some(end)
        };
        let followers = self.followers.iter();
        let followers = followers.filter(|(id, _)| in_sync.contains(id) && is_near(**id));
        let followers = followers.filter_map(|(id, progress)| Some((has(progress)?, *id)));
        let nearest = followers.max_by_key(|(end, id)| (*end, std::cmp::Reverse(*id)));
        nearest.map(|(_, id)| id)
    }

    /// A follower that has what is committed, and what this leader began with, may be in sync.
    fn propose_expansion(&mut self, now: Instant, replica: BrokerId) {
        let follower = &self.followers[&replica];
        let has_enough = follower
            .synced_end
            .is_some_and(|end| end >= self.high_watermark && end >= self.start_offset);
        if has_enough
            && follower.is_eligible()
            && !self.in_sync.may_contain(replica)
            && self.in_sync.is_settled(now)
        {
            let mut isr = self.members(|_| true);
            isr.push((replica, follower.broker_epoch.flatten()));
            self.in_sync.propose(now, self.epoch, isr);
        }
    }

    /// Those in sync that `stays` keeps, with the registrations of their brokers.
    fn members(&self, stays: impl Fn(BrokerId) -> bool) -> Vec<(BrokerId, Option<i64>)> {
        let kept = self.in_sync.committed().iter().copied();
        let kept = kept.filter(|id| *id == self.node || stays(*id));
        let epoch = |id| {
            self.followers
                .get(&id)
                .and_then(|one| one.broker_epoch.flatten())
        };
        kept.map(|id| (id, epoch(id))).collect()
    }

    /// Time has passed: those that fell behind are no longer in sync, and the high watermark does
    /// not wait for those that could have become so. True if it moved.
    pub fn on_time(&mut self, now: Instant) -> bool {
        if now < self.next_look {
            return false;
        }
        self.next_look = now + self.rules.look_interval();
        let is_behind = |id: BrokerId| {
            let follower = self.followers.get(&id);
            follower.is_some_and(|one| !one.is_caught_up(now, self.log_end, self.rules.lag_max))
        };
        if self.in_sync.is_settled(now) {
            let isr = self.members(|id| !is_behind(id));
            if isr.len() < self.in_sync.committed().len() {
                self.in_sync.propose(now, self.epoch, isr);
            }
        }
        self.advance(now)
    }

    /// When [`Leader::on_time`] and [`Leader::next_proposal`] have something to do.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Instant> {
        let look = (!self.followers.is_empty()).then_some(self.next_look);
        look.into_iter().chain(self.in_sync.next_deadline()).min()
    }

    /// The change of the in-sync set to be sent to the controller.
    pub fn next_proposal(&mut self, now: Instant) -> Option<IsrProposal> {
        self.in_sync.next_proposal(now)
    }

    /// What became of a proposal. True if the high watermark moved.
    pub fn on_outcome(
        &mut self,
        now: Instant,
        number: ProposalNumber,
        outcome: &IsrOutcome,
    ) -> bool {
        self.in_sync.on_outcome(now, number, self.epoch, outcome);
        self.advance(now)
    }

    /// Move the high watermark to the end of what is safe on all that may be in sync. One that is
    /// about to be counts as well: under load it would never reach a watermark that moves on with
    /// the leader alone.
    fn advance(&mut self, now: Instant) -> bool {
        if self.is_under_in_sync_min() {
            return false;
        }
        let mut end = self.safe_end;
        for (id, follower) in &self.followers {
            let is_coming = || {
                follower.is_eligible()
                    && follower.is_caught_up(now, self.log_end, self.rules.lag_max)
            };
            if self.in_sync.may_contain(*id) || is_coming() {
                match follower.synced_end {
                    Some(synced) => end = end.min(synced),
                    None => return false,
                }
            }
        }
        let moved = end > self.high_watermark;
        self.high_watermark = self.high_watermark.max(end);
        moved
    }

    /// Compare the epoch that a client believes in with the real one (KIP-320).
    ///
    /// # Errors
    /// `FENCED_LEADER_EPOCH` if the client is behind, `UNKNOWN_LEADER_EPOCH` if it is ahead.
    pub const fn check_epoch(&self, current: Option<LeaderEpoch>) -> Result<(), ErrorCode> {
        check_epoch(self.epoch, current)
    }
}

/// Compare the epoch that a client believes in with the one of this replica (KIP-320).
pub(super) const fn check_epoch(
    epoch: LeaderEpoch,
    current: Option<LeaderEpoch>,
) -> Result<(), ErrorCode> {
    match current {
        Some(current) if current < epoch => Err(ErrorCode::FencedLeaderEpoch),
        Some(current) if current > epoch => Err(ErrorCode::UnknownLeaderEpoch),
        _ => Ok(()),
    }
}
