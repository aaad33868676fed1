//! What the fetcher of several partitions asks their leader, and when.

mod lagging;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use crate::model::{ErrorCode, Offset, TopicIdPartition, Uuid};
use crate::protocol::messages::fetch_request::ReplicaState;
use crate::protocol::messages::fetch_response::{
    EpochEndOffset, FetchableTopicResponse, PartitionData,
};
use crate::protocol::messages::list_offsets_response::{
    ListOffsetsPartitionResponse, ListOffsetsTopicResponse,
};
use crate::protocol::messages::{
    FetchRequest, FetchResponse, ListOffsetsRequest, ListOffsetsResponse,
};
use crate::protocol::{AnyRequest, AnyResponse, Writer};
use crate::stdx::{Instant, Random};

use super::*;

const RULES: FetchRules = FetchRules {
    replica: 1,
    broker_epoch: Some(100),
    bytes_min: 1,
    bytes_max: 10_000,
    partition_bytes_max: 1_000,
    wait_max: Duration::from_millis(500),
    backoff: Duration::from_millis(1_000),
    timeout: Duration::from_secs(30),
};

const DIRECTORY: Uuid = Uuid::from_bytes([7; 16]);

/// Longer than a request waits for syncs.
const LONG: Duration = Duration::from_millis(60);

fn id(number: u8) -> TopicIdPartition {
    TopicIdPartition {
        topic_id: Uuid::from_bytes([1 + number / 2; 16]),
        partition: i32::from(number % 2),
    }
}

fn topic(number: u8) -> Arc<str> {
    Arc::from(format!("topic-{}", 1 + number / 2))
}

const fn position(offset: Offset) -> FetchPosition {
    FetchPosition {
        offset,
        last_fetched_epoch: Some(2),
        leader_epoch: 3,
        log_start_offset: 0,
    }
}

const fn from(offset: Offset) -> FetchWish {
    FetchWish::From {
        position: position(offset),
        high_watermark: 0,
        lag: 0,
    }
}

/// A fetcher and the time.
struct Bench {
    fetcher: Fetcher,
    now: Instant,
}

/// A leader's end of sessions (KIP-227), as far as a fetcher can tell.
#[derive(Default)]
struct ToyLeader {
    id: i32,
    epoch: i32,
    partitions: BTreeMap<TopicIdPartition, Offset>,
    keeps_sessions: bool,
}

impl Bench {
    /// With partitions 0 to `count` that follow and want what lies at offset 0.
    fn new(count: u8) -> Self {
        let mut bench = Self {
            fetcher: Fetcher::new(),
            now: at(0),
        };
        for number in 0..count {
            bench.fetcher.follow(id(number), topic(number), DIRECTORY);
            bench.wish(number, from(0));
        }
        bench
    }

    fn wish(&mut self, number: u8, wish: FetchWish) {
        self.fetcher.wish(id(number), wish);
    }

    fn wait(&mut self, duration: Duration) {
        self.now = self.now + duration;
    }

    fn request(&mut self) -> Option<AnyRequest> {
        let request = self.fetcher.next_request(self.now, &RULES)?;
        assert_eq!(request.timeout, RULES.timeout);
        // Leaders tell the lives of brokers apart since version 15 (KIP-903).
        let versions = match &request.request {
            AnyRequest::Fetch(_) => 15..=18,
            _ => 1..=10,
        };
        for version in versions {
            let encoded = request.request.encode(&mut Writer::new(), version);
            assert_eq!(encoded, Ok(()), "in version {version}");
        }
        Some(request.request)
    }

    fn fetch(&mut self) -> Option<FetchRequest> {
        match self.request()? {
            AnyRequest::Fetch(request) => Some(request),
            request => panic!("{request:?} is no fetch"),
        }
    }

    fn list(&mut self) -> ListOffsetsRequest {
        match self.request() {
            Some(AnyRequest::ListOffsets(request)) => request,
            request => panic!("{request:?} asks for no offset"),
        }
    }

    fn answer(&mut self, response: FetchResponse) -> Vec<FetcherAnswer> {
        let response = Some(AnyResponse::Fetch(response));
        self.fetcher.on_response(self.now, response, &RULES)
    }

    /// Begin a session with all partitions up to `count`.
    fn begin(&mut self, count: u8) {
        let request = self.fetch().unwrap();
        assert_eq!((request.session_id, request.session_epoch), (0, 0));
        let all: Vec<PartitionData> = (0..count).map(|_| PartitionData::default()).collect();
        let answers = self.answer(answered(9, (0..count).zip(all)));
        assert_eq!(answers.len(), usize::from(count));
    }
}

fn answered(
    session_id: i32,
    partitions: impl IntoIterator<Item = (u8, PartitionData)>,
) -> FetchResponse {
    let responses = partitions
        .into_iter()
        .map(|(number, data)| FetchableTopicResponse {
            topic_id: id(number).topic_id,
            partitions: vec![PartitionData {
                partition_index: id(number).partition,
                ..data
            }],
            ..Default::default()
        });
    FetchResponse {
        session_id,
        responses: responses.collect(),
        ..Default::default()
    }
}

fn refused(error: ErrorCode) -> FetchResponse {
    FetchResponse {
        error_code: error.code(),
        ..Default::default()
    }
}

/// The partitions that a request names, with their offsets, and those that it has forgotten.
fn said(request: &FetchRequest) -> (Vec<(TopicIdPartition, Offset)>, Vec<TopicIdPartition>) {
    let of = |topic_id, partition| TopicIdPartition {
        topic_id,
        partition,
    };
    let named = request.topics.iter().flat_map(|topic| {
        let partitions = topic.partitions.iter();
        partitions.map(|one| (of(topic.topic_id, one.partition), one.fetch_offset))
    });
    let forgotten = request.forgotten_topics_data.iter().flat_map(|topic| {
        let partitions = topic.partitions.iter();
        partitions.map(|partition| of(topic.topic_id, *partition))
    });
    (named.collect(), forgotten.collect())
}

#[test]
fn a_request_says_who_fetches_and_what_it_has() {
    let mut bench = Bench::new(3);
    let request = bench.fetch().unwrap();
    let state = ReplicaState {
        replica_id: 1,
        replica_epoch: 100,
        ..Default::default()
    };
    assert_eq!(request.replica_state, state);
    assert_eq!((request.max_wait_ms, request.min_bytes), (500, 1));
    assert_eq!(request.max_bytes, 10_000);
    let all = [(id(0), 0), (id(1), 0), (id(2), 0)];
    assert_eq!(said(&request), (all.to_vec(), Vec::new()));
    assert_eq!(request.topics.len(), 2, "a topic is named once");
    let first = &request.topics[0].partitions[0];
    assert_eq!(first.current_leader_epoch, 3);
    assert_eq!(first.last_fetched_epoch, 2);
    assert_eq!(first.log_start_offset, 0);
    assert_eq!(first.partition_max_bytes, 1_000);
    assert_eq!(first.replica_directory_id, DIRECTORY);
    assert_eq!(first.high_watermark, 0);
    assert_eq!(bench.fetch(), None, "one is under way");
    assert_eq!(bench.fetcher.next_deadline(), Instant::MAX);
}

#[test]
fn a_session_is_told_what_changed_and_nothing_else() {
    let mut bench = Bench::new(3);
    bench.begin(3);
    let request = bench.fetch().unwrap();
    assert_eq!((request.session_id, request.session_epoch), (9, 1));
    assert_eq!(said(&request), (Vec::new(), Vec::new()));
    bench.answer(answered(9, []));
    bench.wish(1, from(5));
    bench.wish(2, FetchWish::Nothing);
    let request = bench.fetch().unwrap();
    assert_eq!(request.session_epoch, 2);
    assert_eq!(said(&request), (vec![(id(1), 5)], vec![id(2)]));
    bench.answer(answered(9, []));
    bench.wish(2, from(0));
    bench.fetcher.unfollow(id(0));
    let request = bench.fetch().unwrap();
    assert_eq!(said(&request), (vec![(id(2), 0)], vec![id(0)]));
}

#[test]
fn an_answer_is_told_with_what_was_asked() {
    let mut bench = Bench::new(2);
    bench.begin(2);
    bench.wish(1, from(4));
    bench.fetch();
    // The epoch of a leader ends while its answer is on the way.
    bench.wish(1, from(7));
    let diverging = PartitionData {
        diverging_epoch: EpochEndOffset {
            epoch: 1,
            end_offset: 3,
            ..Default::default()
        },
        high_watermark: 6,
        log_start_offset: 2,
        ..Default::default()
    };
    let failing = PartitionData {
        error_code: ErrorCode::FencedLeaderEpoch.code(),
        high_watermark: -1,
        ..Default::default()
    };
    let unknown = PartitionData::default();
    let answers = bench.answer(answered(9, [(0, failing), (1, diverging), (5, unknown)]));
    let fetched = |number, offset, answer| FetcherAnswer::Fetched {
        partition: id(number),
        asked: position(offset),
        answer,
    };
    let failing = FetchAnswer {
        error: ErrorCode::FencedLeaderEpoch,
        ..FetchAnswer::default()
    };
    let diverging = FetchAnswer {
        high_watermark: Some(6),
        log_start_offset: Some(2),
        diverging: Some((1, 3)),
        ..FetchAnswer::default()
    };
    let expected = [fetched(0, 0, failing), fetched(1, 4, diverging)];
    assert_eq!(answers, expected, "nobody asked for the third");
    // A code that nobody knows is an error, too.
    bench.fetch();
    let strange = PartitionData {
        error_code: 12_345,
        ..Default::default()
    };
    let answers = bench.answer(answered(9, [(0, strange)]));
    let FetcherAnswer::Fetched { answer, .. } = &answers[0] else {
        panic!("{answers:?}");
    };
    assert_eq!(answer.error, ErrorCode::UnknownServerError);
}

#[test]
fn a_request_waits_until_what_came_is_synced_but_not_for_a_slow_disk() {
    let mut bench = Bench::new(2);
    bench.begin(2);
    bench.wish(0, FetchWish::AfterSync);
    assert_eq!(bench.fetch(), None);
    bench.wish(0, from(3));
    let request = bench.fetch().unwrap();
    assert_eq!(said(&request), (vec![(id(0), 3)], Vec::new()));
    bench.answer(answered(9, []));
    bench.wish(0, FetchWish::AfterSync);
    assert_eq!(bench.fetch(), None);
    let held_until = bench.fetcher.next_deadline();
    assert!(held_until > bench.now && held_until < bench.now + LONG);
    bench.wait(LONG);
    let request = bench.fetch().unwrap();
    assert_eq!(said(&request), (Vec::new(), vec![id(0)]));
    assert!(request.max_wait_ms < 100, "it may soon be synced");
    bench.answer(answered(9, []));
    // The next one does not wait for the same disk again.
    assert!(bench.fetch().is_some());
    bench.answer(answered(9, []));
    bench.wish(0, from(3));
    let request = bench.fetch().unwrap();
    assert_eq!(said(&request), (vec![(id(0), 3)], Vec::new()));
    assert_eq!(request.max_wait_ms, 500);
    // Where there is nothing else to fetch, no time is set.
    bench.answer(answered(9, []));
    bench.wish(0, FetchWish::AfterSync);
    assert_eq!(bench.fetch(), None);
    bench.wish(1, FetchWish::Nothing);
    bench.wait(LONG);
    assert_eq!(bench.fetch(), None);
    assert_eq!(bench.fetcher.next_deadline(), Instant::MAX);
}

#[test]
fn a_lost_session_is_begun_anew_at_once_and_other_refusals_after_a_pause() {
    for (error, kept_id) in [
        (ErrorCode::FetchSessionIdNotFound, 0),
        (ErrorCode::InvalidFetchSessionEpoch, 9),
        (ErrorCode::FetchSessionTopicIdError, 9),
    ] {
        let mut bench = Bench::new(2);
        bench.begin(2);
        bench.fetch();
        assert_eq!(bench.answer(refused(error)), []);
        let request = bench.fetch().unwrap();
        assert_eq!((request.session_id, request.session_epoch), (kept_id, 0));
        assert_eq!(said(&request).0, [(id(0), 0), (id(1), 0)]);
        // That was no session: the leader cannot mean it.
        bench.answer(refused(error));
        assert_eq!(bench.fetch(), None);
        assert_eq!(bench.fetcher.next_deadline(), bench.now + RULES.backoff);
        bench.wait(RULES.backoff);
        assert!(bench.fetch().is_some());
    }
    let mut bench = Bench::new(2);
    bench.begin(2);
    bench.fetch();
    bench.answer(refused(ErrorCode::ClusterAuthorizationFailed));
    assert_eq!(bench.fetch(), None);
}

#[test]
fn a_leader_that_does_not_answer_is_asked_after_a_pause_in_a_new_session() {
    let mut bench = Bench::new(1);
    bench.begin(1);
    bench.fetch();
    assert_eq!(bench.fetcher.on_response(bench.now, None, &RULES), []);
    assert_eq!(bench.fetch(), None);
    bench.wait(RULES.backoff);
    let request = bench.fetch().unwrap();
    assert_eq!((request.session_id, request.session_epoch), (9, 0));
}

#[test]
fn a_leader_that_keeps_no_session_is_told_all_and_first_who_waited_longest() {
    let mut bench = Bench::new(2);
    bench.fetch();
    let records = PartitionData {
        records: Some(Bytes::from_static(b"records").into()),
        ..Default::default()
    };
    let answers = bench.answer(answered(0, [(0, records)]));
    assert_eq!(answers.len(), 1);
    let request = bench.fetch().unwrap();
    assert_eq!((request.session_id, request.session_epoch), (0, 0));
    assert_eq!(said(&request).0, [(id(1), 0), (id(0), 0)]);
    // One that begins a session without a word on some is not believed.
    bench.answer(answered(9, [(0, PartitionData::default())]));
    assert_eq!(bench.fetch(), None);
    bench.wait(RULES.backoff);
    let request = bench.fetch().unwrap();
    assert_eq!((request.session_id, request.session_epoch), (9, 0));
}

#[test]
fn a_partition_that_is_delayed_is_left_out_for_that_time() {
    let mut bench = Bench::new(2);
    bench.begin(2);
    bench.fetcher.delay(bench.now, id(1), RULES.backoff);
    let request = bench.fetch().unwrap();
    assert_eq!(said(&request), (Vec::new(), vec![id(1)]));
    bench.answer(answered(9, []));
    bench.wish(1, from(2));
    assert_eq!(bench.fetcher.next_deadline(), bench.now + RULES.backoff);
    assert_eq!(said(&bench.fetch().unwrap()).0, []);
    bench.answer(answered(9, []));
    bench.wait(RULES.backoff);
    assert_eq!(said(&bench.fetch().unwrap()).0, [(id(1), 2)]);
    bench.answer(answered(9, []));
    // A new epoch has nothing to do with what went wrong in the one before.
    bench.fetcher.delay(bench.now, id(1), RULES.backoff);
    bench.fetcher.follow(id(1), topic(1), DIRECTORY);
    bench.wish(1, from(3));
    assert_eq!(said(&bench.fetch().unwrap()).0, [(id(1), 3)]);
}

fn listed(answers: impl IntoIterator<Item = (u8, ErrorCode, Offset)>) -> AnyResponse {
    let topics = answers.into_iter().map(|(number, error, offset)| {
        let answer = ListOffsetsPartitionResponse {
            partition_index: id(number).partition,
            error_code: error.code(),
            offset,
            ..Default::default()
        };
        ListOffsetsTopicResponse {
            name: topic(number).to_string(),
            partitions: vec![answer],
            ..Default::default()
        }
    });
    AnyResponse::ListOffsets(ListOffsetsResponse {
        topics: topics.collect(),
        ..Default::default()
    })
}

#[test]
fn where_the_leaders_log_starts_and_ends_is_asked_in_two_steps() {
    let mut bench = Bench::new(3);
    bench.begin(3);
    bench.fetcher.ask_bounds(id(0), position(4));
    bench.fetcher.ask_bounds(id(2), position(5));
    let asked = bench.list();
    assert_eq!(asked.replica_id, 1);
    let first = &asked.topics[0].partitions[0];
    assert_eq!((first.timestamp, first.current_leader_epoch), (-1, 3));
    assert_eq!((&*asked.topics[1].name, asked.topics.len()), ("topic-2", 2));
    let fenced = ErrorCode::FencedLeaderEpoch;
    let ends = listed([(0, ErrorCode::None, 8), (2, fenced, -1)]);
    assert_eq!(bench.fetcher.on_response(bench.now, Some(ends), &RULES), []);
    let asked = bench.list();
    assert_eq!(asked.topics.len(), 1, "the other one is fenced");
    assert_eq!(asked.topics[0].partitions[0].timestamp, -2);
    let starts = listed([(0, ErrorCode::None, 6)]);
    let told = bench.fetcher.on_response(bench.now, Some(starts), &RULES);
    let bounds = FetcherAnswer::Bounds {
        partition: id(0),
        asked: position(4),
        bounds: (6, 8),
    };
    assert_eq!(told, [bounds]);
    bench.wish(0, FetchWish::Nothing);
    let request = bench.fetch().unwrap();
    assert_eq!(said(&request), (Vec::new(), vec![id(0), id(2)]));
    bench.answer(answered(9, []));
    bench.wait(RULES.backoff);
    assert_eq!(said(&bench.fetch().unwrap()).0, [(id(2), 0)]);
}

#[test]
fn a_question_that_is_not_answered_is_asked_again_by_a_fetch() {
    let mut bench = Bench::new(1);
    bench.begin(1);
    bench.fetcher.ask_bounds(id(0), position(4));
    bench.list();
    assert_eq!(bench.fetcher.on_response(bench.now, None, &RULES), []);
    assert_eq!(bench.request(), None);
    bench.wait(RULES.backoff);
    assert!(bench.fetch().is_some());
    // Who is let go in the meantime is not told of.
    bench.answer(answered(9, []));
    bench.fetcher.ask_bounds(id(0), position(4));
    bench.list();
    bench.fetcher.unfollow(id(0));
    let ends = listed([(0, ErrorCode::None, 8)]);
    assert_eq!(bench.fetcher.on_response(bench.now, Some(ends), &RULES), []);
    assert!(bench.fetcher.is_empty());
    assert_eq!(bench.request(), None);
}

impl ToyLeader {
    fn on_fetch(&mut self, request: &FetchRequest) -> Option<ErrorCode> {
        let (named, forgotten) = said(request);
        if request.session_epoch == 0 {
            self.id += 1;
            self.epoch = 0;
            self.partitions.clear();
        } else if request.session_id != self.id || !self.keeps_sessions {
            return Some(ErrorCode::FetchSessionIdNotFound);
        } else if request.session_epoch != self.epoch {
            return Some(ErrorCode::InvalidFetchSessionEpoch);
        }
        self.epoch += 1;
        self.partitions.extend(named);
        for gone in forgotten {
            assert!(self.partitions.remove(&gone).is_some());
        }
        None
    }
}

#[test]
fn a_leader_never_takes_for_safe_what_is_not_whatever_happens() {
    for seed in 0..300 {
        let mut random = Random::from_seed(seed);
        let mut leader = ToyLeader {
            keeps_sessions: true,
            ..ToyLeader::default()
        };
        let mut bench = Bench::new(4);
        let mut wishes = [from(0); 4];
        for step in 0..200 {
            let number = usize::try_from(random.below(4)).unwrap();
            wishes[number] = match random.below(4) {
                0 => FetchWish::Nothing,
                1 => FetchWish::AfterSync,
                _ => from(step),
            };
            bench.wish(u8::try_from(number).unwrap(), wishes[number]);
            bench.wait(Duration::from_millis(random.below(100)));
            leader.keeps_sessions = random.chance(9, 10);
            let Some(request) = bench.fetch() else {
                continue;
            };
            if random.chance(1, 20) {
                bench.fetcher.on_response(bench.now, None, &RULES);
                bench.wait(RULES.backoff);
                continue;
            }
            if let Some(error) = leader.on_fetch(&request) {
                bench.answer(refused(error));
                continue;
            }
            let believed = (0..4).zip(&wishes).filter_map(|(number, wish)| match wish {
                FetchWish::From { position, .. } => Some((id(number), position.offset)),
                _ => None,
            });
            assert_eq!(leader.partitions, believed.collect(), "seed {seed}");
            let all = (0..4).map(|number| (number, PartitionData::default()));
            let session = if leader.keeps_sessions { leader.id } else { 0 };
            bench.answer(answered(session, all));
        }
    }
}

/// A wish for what lies at `offset`, of a replica that knows that more is committed.
const fn behind(offset: Offset) -> FetchWish {
    FetchWish::From {
        position: position(offset),
        high_watermark: offset,
        lag: 1,
    }
}

#[test]
fn a_throttled_partition_is_left_out_while_it_is_behind() {
    let mut bench = Bench::new(3);
    bench.begin(3);
    bench.wish(0, behind(5));
    bench.wish(1, from(5));
    bench.fetcher.throttle([id(0), id(1)].into());
    let request = bench.fetch().unwrap();
    let others = vec![(id(1), 5)];
    assert_eq!(said(&request), (others, vec![id(0)]), "1 has caught up");
    bench.answer(answered(9, []));
    bench.wish(0, behind(6));
    assert_eq!(said(&bench.fetch().unwrap()), (Vec::new(), Vec::new()));
    bench.answer(answered(9, []));
    bench.fetcher.throttle([id(1)].into());
    let request = bench.fetch().unwrap();
    assert_eq!(said(&request), (vec![(id(0), 6)], Vec::new()));
}

#[test]
fn a_throttled_partition_of_which_nothing_is_known_counts_as_behind() {
    let mut bench = Bench::new(2);
    bench.fetcher.throttle([id(0), id(1)].into());
    assert_eq!(bench.fetch(), None);
    bench.fetcher.throttle([id(0)].into());
    let request = bench.fetch().unwrap();
    assert_eq!(said(&request), (vec![(id(1), 0)], Vec::new()));
}
