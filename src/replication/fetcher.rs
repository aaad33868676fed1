//! The fetches of all partitions here that follow one leader: one request for all of them, and the
//! next one when that is answered.
//!
//! The leader takes what is fetched from some offset for what is safe below it here, also of a
//! partition that a session leaves unchanged. So one whose last records are not safe yet cannot
//! stay in the session as it is: the leader would send the same records once more. To have it
//! forgotten there and named again takes two requests, and the first of them may wait at the leader
//! for half a second while everything is safe after one sync of a millisecond. So the request waits
//! for the sync instead, which is mostly one for all that came in the same answer, and only a
//! partition whose disk takes much longer than that is forgotten, so that it does not hold up the
//! others.
//!
//! Partitions that lack committed records, as all do of a broker that comes back, have half of an
//! answer, and only as many of them are fetched at a time as fill that (`catching_up`). So those
//! that lack nothing wait for no others, but the sync of that half.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use crate::model::{BrokerId, ErrorCode, Offset, PartitionIndex, TopicIdPartition, Uuid};
use crate::protocol::messages::fetch_request::{
    FetchPartition, FetchTopic, ForgottenTopic, ReplicaState,
};
use crate::protocol::messages::list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic};
use crate::protocol::messages::{
    FetchRequest, FetchResponse, ListOffsetsRequest, ListOffsetsResponse,
};
use crate::protocol::{AnyRequest, AnyResponse};
use crate::stdx::Instant;

use super::catching_up::CatchingUp;
use super::fetch_session::{FetchSession, SessionRequest, Wanted};
use super::follower::{FetchAnswer, FetchPosition};

/// For so long a request waits until what came with the last answer is safe: several times what a
/// sync takes on a disk that has much to do. While a partition is left out since its disk takes
/// longer, the leader is not to wait longer than this either.
const HOLD_MAX: Duration = Duration::from_millis(50);

/// The part of an answer, one in so many, that is for partitions that lack committed records.
const CATCHING_UP_PART: i32 = 2;

/// What the names of the cluster's own topics begin with. A user's topic that is named so is as
/// soon a copy as they are, which harms nobody.
const INTERNAL_PREFIX: &str = "__";

/// What ListOffsets takes for the end of a log, and for its start.
const LATEST: i64 = -1;
const EARLIEST: i64 = -2;

/// What stands for "none" on the wire.
const NONE: i32 = -1;

/// Who fetches, and how much.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct FetchRules {
    /// This broker.
    pub replica: BrokerId,
    /// Its registration, as far as it is known (KIP-903).
    pub broker_epoch: Option<i64>,
    /// `replica.fetch.min.bytes`: the leader waits until it has so much.
    pub bytes_min: i32,
    /// `replica.fetch.response.max.bytes`
    pub bytes_max: i32,
    /// `replica.fetch.max.bytes`, of each partition.
    pub partition_bytes_max: i32,
    /// `replica.fetch.wait.max.ms`: the leader waits no longer.
    pub wait_max: Duration,
    /// `replica.fetch.backoff.ms`: the pause after something went wrong.
    pub backoff: Duration,
    /// `replica.socket.timeout.ms`: then the leader is taken for one that does not answer.
    pub timeout: Duration,
}

impl FetchRules {
    /// What may be asked for of a partition that lacks committed records.
    fn catching_up_bytes_max(&self) -> i32 {
        let part = self.bytes_max / CATCHING_UP_PART;
        self.partition_bytes_max.min(part).max(1)
    }

    /// How many of those may be asked for at a time.
    fn catching_up_max(&self) -> usize {
        let part = self.bytes_max / CATCHING_UP_PART;
        let count = part / self.catching_up_bytes_max();
        usize::try_from(count).map_or(1, |count| count.max(1))
    }
}

/// What a partition wants of its leader.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum FetchWish {
    /// Nothing for now.
    Nothing,
    /// More, as soon as what came is safe.
    AfterSync,
    /// What lies here.
    From {
        /// Where.
        position: FetchPosition,
        /// The high watermark that is known here.
        high_watermark: Offset,
        /// How many committed records are lacking here, as far as the leader has told.
        lag: Offset,
    },
}

/// A request to the leader.
#[derive(Clone, Debug, PartialEq)]
pub struct FetcherRequest {
    /// The request.
    pub request: AnyRequest,
    /// Without an answer after this long there will be none.
    pub timeout: Duration,
}

/// What the leader answered for one partition.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum FetcherAnswer {
    /// To a fetch.
    Fetched {
        /// The partition.
        partition: TopicIdPartition,
        /// What was asked.
        asked: FetchPosition,
        /// The answer.
        answer: FetchAnswer,
    },
    /// To [`Fetcher::ask_bounds`].
    Bounds {
        /// The partition.
        partition: TopicIdPartition,
        /// What the leader had nothing for.
        asked: FetchPosition,
        /// Where its log starts and ends.
        bounds: (Offset, Offset),
    },
}

#[derive(Debug)]
struct Followed {
    topic: Arc<str>,
    /// The log directory where the replica lies here.
    directory: Uuid,
    wish: FetchWish,
    /// True once the leader has answered for it: before that nobody knows how far behind it is.
    is_answered: bool,
    /// It is not asked for before this.
    resume_at: Option<Instant>,
    /// Those with a smaller one are named before it where order counts.
    turn: u64,
}

impl Followed {
    /// True unless it has all that the leader has told to be committed.
    const fn is_behind(&self) -> bool {
        match self.wish {
            FetchWish::From { lag, .. } => !self.is_answered || lag > 0,
            FetchWish::Nothing | FetchWish::AfterSync => true,
        }
    }

    /// True if it is known to lack records. Of one that is asked for the first time nobody knows,
    /// but the answer will tell.
    const fn lacks_records(&self) -> bool {
        matches!(self.wish, FetchWish::From { lag, .. } if self.is_answered && lag > 0)
    }
}

/// A question where the leader's log starts and ends.
#[derive(Clone, Copy, Debug)]
struct BoundsQuestion {
    asked: FetchPosition,
    /// The first half of the answer.
    end: Option<Offset>,
}

#[derive(Debug)]
enum InFlight {
    Fetch,
    /// Of these partitions, and which half of the question.
    Bounds(Vec<TopicIdPartition>, i64),
}

/// The fetches from one leader.
#[derive(Debug, Default)]
pub struct Fetcher {
    partitions: BTreeMap<TopicIdPartition, Followed>,
    session: FetchSession,
    /// By when they are asked for again.
    delayed: BTreeSet<(Instant, TopicIdPartition)>,
    bounds: BTreeMap<TopicIdPartition, BoundsQuestion>,
    /// Those that the next request waits for, until when, and those that took too long.
    unsynced: BTreeSet<TopicIdPartition>,
    held_until: Option<Instant>,
    left_out: BTreeSet<TopicIdPartition>,
    /// Those that are not fetched while they are behind, for a quota's sake.
    throttled: BTreeSet<TopicIdPartition>,
    catching_up: CatchingUp,
    in_flight: Option<InFlight>,
    /// Nothing is asked before this.
    resume_at: Option<Instant>,
    next_turn: u64,
}

impl Fetcher {
    /// A fetcher of nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// This partition follows the leader from now on, in a new epoch if it did before. Its replica
    /// here lies in the log directory `directory`.
    pub fn follow(&mut self, partition: TopicIdPartition, topic: Arc<str>, directory: Uuid) {
        self.unfollow(partition);
        let followed = Followed {
            topic,
            directory,
            wish: FetchWish::Nothing,
            is_answered: false,
            resume_at: None,
            turn: self.next_turn,
        };
        self.next_turn += 1;
        self.partitions.insert(partition, followed);
    }

    /// This partition does not follow the leader any more.
    pub fn unfollow(&mut self, partition: TopicIdPartition) {
        if let Some(gone) = self.partitions.remove(&partition) {
            if let Some(resume_at) = gone.resume_at {
                self.delayed.remove(&(resume_at, partition));
            }
            self.bounds.remove(&partition);
            self.note_synced(partition);
            self.catching_up.leave(partition);
            self.session.want(partition, None);
        }
    }

    /// True if no partition follows.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.partitions.is_empty()
    }

    /// What a partition that follows wants from now on.
    pub fn wish(&mut self, partition: TopicIdPartition, wish: FetchWish) {
        let Some(followed) = self.partitions.get_mut(&partition) else {
            return;
        };
        followed.wish = wish;
        if wish != FetchWish::AfterSync {
            self.note_synced(partition);
        } else if !self.left_out.contains(&partition) {
            self.unsynced.insert(partition);
        }
        self.review(partition);
    }

    /// Nothing waits for the disk of this partition any more.
    fn note_synced(&mut self, partition: TopicIdPartition) {
        self.left_out.remove(&partition);
        self.unsynced.remove(&partition);
        if self.unsynced.is_empty() {
            self.held_until = None;
        }
    }

    /// Leave these out from now on, and no others, unless they have caught up: for what they lack
    /// there is no room in a quota (KIP-73).
    pub fn throttle(&mut self, throttled: BTreeSet<TopicIdPartition>) {
        let before = std::mem::replace(&mut self.throttled, throttled);
        let changed: Vec<_> = before
            .symmetric_difference(&self.throttled)
            .copied()
            .collect();
        for partition in changed {
            self.review(partition);
        }
    }

    /// Ask for a partition again after a pause only.
    pub fn delay(&mut self, now: Instant, partition: TopicIdPartition, pause: Duration) {
        let Some(followed) = self.partitions.get_mut(&partition) else {
            return;
        };
        let resume_at = now + pause;
        if let Some(before) = followed.resume_at.replace(resume_at) {
            self.delayed.remove(&(before, partition));
        }
        self.delayed.insert((resume_at, partition));
        self.review(partition);
    }

    /// Ask where the leader's log starts and ends, which had nothing for what was `asked`.
    pub fn ask_bounds(&mut self, partition: TopicIdPartition, asked: FetchPosition) {
        if self.partitions.contains_key(&partition) {
            let question = BoundsQuestion { asked, end: None };
            self.bounds.insert(partition, question);
            self.review(partition);
        }
    }

    /// What the next fetch is to say of a partition may have changed.
    fn review(&mut self, partition: TopicIdPartition) {
        let followed = self.partitions.get(&partition);
        let followed = followed.filter(|followed| {
            followed.resume_at.is_none()
                && !self.bounds.contains_key(&partition)
                && !(self.throttled.contains(&partition) && followed.is_behind())
        });
        let wish = followed.map_or(FetchWish::Nothing, |followed| followed.wish);
        let lacks_records = followed.is_some_and(Followed::lacks_records);
        match wish {
            FetchWish::From { .. } if lacks_records => {
                let is_first = self.partitions[&partition]
                    .topic
                    .starts_with(INTERNAL_PREFIX);
                self.catching_up.want(partition, is_first);
            }
            // It goes on when what came is safe, unless its disk takes long for that.
            FetchWish::AfterSync if !self.left_out.contains(&partition) => {}
            _ => self.catching_up.leave(partition),
        }
        let may_be_fetched = !lacks_records || self.catching_up.is_admitted(partition);
        let wanted = match wish {
            FetchWish::From {
                position,
                high_watermark,
                ..
            } if may_be_fetched => Some(Wanted {
                position,
                high_watermark,
            }),
            _ => None,
        };
        self.session.want(partition, wanted);
    }

    /// When [`Fetcher::next_request`] may have one that it has not now.
    #[must_use]
    pub fn next_deadline(&self) -> Instant {
        if self.in_flight.is_some() {
            return Instant::MAX;
        }
        if let Some(resume_at) = self.resume_at {
            return resume_at;
        }
        let delayed = self.delayed.first().map(|(resume_at, _)| *resume_at);
        // Without anything to fetch, nothing is held.
        let held_until = self.held_until.filter(|_| !self.session.wants_nothing());
        let first = delayed.into_iter().chain(held_until).min();
        first.unwrap_or(Instant::MAX)
    }

    /// The request to be sent now. [`Fetcher::on_response`] has to be called before there is
    /// another.
    pub fn next_request(&mut self, now: Instant, rules: &FetchRules) -> Option<FetcherRequest> {
        self.resume_at = self.resume_at.filter(|resume_at| *resume_at > now);
        if self.in_flight.is_some() || self.resume_at.is_some() {
            return None;
        }
        while let Some((resume_at, partition)) = self.delayed.first().copied()
            && resume_at <= now
        {
            self.delayed.pop_first();
            if let Some(followed) = self.partitions.get_mut(&partition) {
                followed.resume_at = None;
            }
            self.review(partition);
        }
        for partition in self.catching_up.admit(rules.catching_up_max()) {
            self.review(partition);
        }
        let request = match self.bounds_request(rules) {
            Some(request) => AnyRequest::ListOffsets(request),
            None if self.session.wants_nothing() || self.must_hold(now) => return None,
            None => AnyRequest::Fetch(self.fetch_request(rules)),
        };
        Some(FetcherRequest {
            request,
            timeout: rules.timeout,
        })
    }

    /// True while the next fetch waits for syncs.
    fn must_hold(&mut self, now: Instant) -> bool {
        if self.unsynced.is_empty() {
            return false;
        }
        let until = *self.held_until.get_or_insert(now + HOLD_MAX);
        if now < until {
            return true;
        }
        self.held_until = None;
        for partition in std::mem::take(&mut self.unsynced) {
            self.left_out.insert(partition);
            self.review(partition);
        }
        false
    }

    fn fetch_request(&mut self, rules: &FetchRules) -> FetchRequest {
        let partitions = &self.partitions;
        let turn_of = |id| partitions.get(&id).map_or(0, |followed| followed.turn);
        let SessionRequest {
            id,
            epoch,
            named,
            forgotten,
        } = self.session.request(turn_of);
        self.in_flight = Some(InFlight::Fetch);
        let wait = match self.left_out.is_empty() {
            true => rules.wait_max,
            false => rules.wait_max.min(HOLD_MAX),
        };
        let mut topics: Vec<FetchTopic> = Vec::new();
        for (id, wanted) in named {
            let partition = named_partition(id, &wanted, &self.partitions[&id], rules);
            match topics.last_mut() {
                Some(last) if last.topic_id == id.topic_id => last.partitions.push(partition),
                _ => topics.push(FetchTopic {
                    topic_id: id.topic_id,
                    partitions: vec![partition],
                    ..Default::default()
                }),
            }
        }
        let mut forgotten_topics: Vec<ForgottenTopic> = Vec::new();
        for id in forgotten {
            match forgotten_topics.last_mut() {
                Some(last) if last.topic_id == id.topic_id => last.partitions.push(id.partition),
                _ => forgotten_topics.push(ForgottenTopic {
                    topic_id: id.topic_id,
                    partitions: vec![id.partition],
                    ..Default::default()
                }),
            }
        }
        FetchRequest {
            replica_state: ReplicaState {
                replica_id: rules.replica,
                replica_epoch: rules.broker_epoch.unwrap_or(NONE.into()),
                ..Default::default()
            },
            max_wait_ms: i32::try_from(wait.as_millis()).unwrap_or(i32::MAX),
            min_bytes: rules.bytes_min,
            max_bytes: rules.bytes_max,
            session_id: id,
            session_epoch: epoch,
            topics,
            forgotten_topics_data: forgotten_topics,
            ..Default::default()
        }
    }

    /// Ask one half of what is to be known of the leader's logs: where they end, then where those
    /// of which that is known start.
    fn bounds_request(&mut self, rules: &FetchRules) -> Option<ListOffsetsRequest> {
        let has_end = self.bounds.values().all(|question| question.end.is_some());
        let timestamp = if has_end { EARLIEST } else { LATEST };
        let asked = self.bounds.iter();
        let asked = asked.filter(|(_, question)| question.end.is_some() == has_end);
        let asked: Vec<TopicIdPartition> = asked.map(|(id, _)| *id).collect();
        if asked.is_empty() {
            return None;
        }
        let mut topics: Vec<ListOffsetsTopic> = Vec::new();
        for id in &asked {
            let name = &self.partitions[id].topic;
            let partition = ListOffsetsPartition {
                partition_index: id.partition,
                current_leader_epoch: self.bounds[id].asked.leader_epoch,
                timestamp,
                ..Default::default()
            };
            match topics.last_mut() {
                Some(last) if *last.name == **name => last.partitions.push(partition),
                _ => topics.push(ListOffsetsTopic {
                    name: name.to_string(),
                    partitions: vec![partition],
                    ..Default::default()
                }),
            }
        }
        self.in_flight = Some(InFlight::Bounds(asked, timestamp));
        Some(ListOffsetsRequest {
            replica_id: rules.replica,
            topics,
            ..Default::default()
        })
    }

    /// The leader answered the request that is under way, or did not.
    ///
    /// # Panics
    /// If none is.
    pub fn on_response(
        &mut self,
        now: Instant,
        response: Option<AnyResponse>,
        rules: &FetchRules,
    ) -> Vec<FetcherAnswer> {
        let in_flight = self.in_flight.take();
        match (in_flight.expect("a request is answered once"), response) {
            (InFlight::Fetch, Some(AnyResponse::Fetch(response))) => {
                self.on_fetched(now, response, rules)
            }
            (InFlight::Bounds(asked, half), Some(AnyResponse::ListOffsets(response))) => {
                self.on_bounds(now, (asked, half), &response, rules)
            }
            (InFlight::Fetch, _) => {
                self.session.on_unanswered();
                self.pause(now, rules);
                Vec::new()
            }
            (InFlight::Bounds(asked, half), _) => {
                self.pause(now, rules);
                self.on_bounds(now, (asked, half), &ListOffsetsResponse::default(), rules)
            }
        }
    }

    fn pause(&mut self, now: Instant, rules: &FetchRules) {
        self.resume_at = Some(now + rules.backoff);
    }

    fn on_fetched(
        &mut self,
        now: Instant,
        response: FetchResponse,
        rules: &FetchRules,
    ) -> Vec<FetcherAnswer> {
        if let Some(error) = refusal(response.error_code) {
            if !self.session.on_refused(error) {
                self.pause(now, rules);
            }
            return Vec::new();
        }
        let (mut answers, mut answered) = (Vec::new(), BTreeSet::new());
        let mut idle: BTreeSet<TopicIdPartition> = self.catching_up.admitted().collect();
        idle.retain(|id| self.session.told(*id).is_some());
        for topic in response.responses {
            for data in topic.partitions {
                let partition = TopicIdPartition {
                    topic_id: topic.topic_id,
                    partition: data.partition_index,
                };
                let Some(asked) = self.session.told(partition) else {
                    continue;
                };
                answered.insert(partition);
                let diverging = &data.diverging_epoch;
                let answer = FetchAnswer {
                    error: refusal(data.error_code).unwrap_or(ErrorCode::None),
                    high_watermark: known(data.high_watermark),
                    log_start_offset: known(data.log_start_offset),
                    diverging: (diverging.epoch > NONE)
                        .then_some((diverging.epoch, diverging.end_offset)),
                    records: data.records.map_or(Bytes::new(), |one| one.to_bytes()),
                };
                if let Some(followed) = self.partitions.get_mut(&partition) {
                    followed.is_answered = true;
                    if !answer.records.is_empty() {
                        followed.turn = self.next_turn;
                        self.next_turn += 1;
                        idle.remove(&partition);
                    }
                }
                answers.push(FetcherAnswer::Fetched {
                    partition,
                    asked,
                    answer,
                });
            }
        }
        for partition in idle {
            if self.catching_up.pass_on(partition) {
                self.review(partition);
            }
        }
        let is_answered = |id: &TopicIdPartition| answered.contains(id);
        if !self.session.on_answered(response.session_id, is_answered) {
            self.pause(now, rules);
        }
        answers
    }

    /// What is not answered is asked again later, by a fetch first.
    fn on_bounds(
        &mut self,
        now: Instant,
        (asked, half): (Vec<TopicIdPartition>, i64),
        response: &ListOffsetsResponse,
        rules: &FetchRules,
    ) -> Vec<FetcherAnswer> {
        let mut found = BTreeMap::<(&str, PartitionIndex), Offset>::new();
        for topic in &response.topics {
            for answer in &topic.partitions {
                if refusal(answer.error_code).is_none() && answer.offset >= 0 {
                    found.insert((&topic.name, answer.partition_index), answer.offset);
                }
            }
        }
        let mut answers = Vec::new();
        for partition in asked {
            // It may have been let go, or asked for anew.
            let (Some(followed), Some(question)) = (
                self.partitions.get(&partition),
                self.bounds.get_mut(&partition),
            ) else {
                continue;
            };
            let offset = found.get(&(&*followed.topic, partition.partition));
            match (offset.copied(), half, question.end) {
                (Some(end), LATEST, None) => question.end = Some(end),
                (Some(start), EARLIEST, Some(end)) => {
                    let asked = question.asked;
                    self.bounds.remove(&partition);
                    self.review(partition);
                    answers.push(FetcherAnswer::Bounds {
                        partition,
                        asked,
                        bounds: (start, end),
                    });
                }
                _ => {
                    self.bounds.remove(&partition);
                    self.delay(now, partition, rules.backoff);
                }
            }
        }
        answers
    }
}

/// What is said of a partition that is fetched.
fn named_partition(
    id: TopicIdPartition,
    wanted: &Wanted,
    followed: &Followed,
    rules: &FetchRules,
) -> FetchPartition {
    let position = &wanted.position;
    let bytes_max = match followed.lacks_records() {
        true => rules.catching_up_bytes_max(),
        false => rules.partition_bytes_max,
    };
    FetchPartition {
        partition: id.partition,
        current_leader_epoch: position.leader_epoch,
        fetch_offset: position.offset,
        last_fetched_epoch: position.last_fetched_epoch.unwrap_or(NONE),
        log_start_offset: position.log_start_offset,
        partition_max_bytes: bytes_max,
        replica_directory_id: followed.directory,
        high_watermark: wanted.high_watermark,
        ..Default::default()
    }
}

/// The error of a wire code, if it is one. What nobody knows is no success.
fn refusal(code: i16) -> Option<ErrorCode> {
    let error = ErrorCode::from_code(code).unwrap_or(ErrorCode::UnknownServerError);
    error.is_error().then_some(error)
}

/// An offset of the wire, where -1 stands for none.
fn known(offset: Offset) -> Option<Offset> {
    (offset >= 0).then_some(offset)
}
