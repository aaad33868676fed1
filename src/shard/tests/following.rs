//! A partition that follows: what it asks its leader, on the wire, and what becomes of the answers.

use std::collections::BTreeSet;

use crate::metadata::{ConfigKind, ConfigResource, Endpoint};
use crate::metrics::MetricId;
use crate::model::LeaderEpoch;
use crate::protocol::messages::api_versions_response::ApiVersion;
use crate::protocol::messages::fetch_request::FetchPartition;
use crate::protocol::messages::fetch_response::{
    EpochEndOffset, FetchableTopicResponse, PartitionData,
};
use crate::protocol::messages::list_offsets_response::{
    ListOffsetsPartitionResponse, ListOffsetsTopicResponse,
};
use crate::protocol::messages::{
    ApiVersionsResponse, FetchRequest, FetchResponse, ListOffsetsRequest, ListOffsetsResponse,
};
use crate::protocol::record_batch::{Batches, RecordBatch};
use crate::protocol::{
    AnyRequest, AnyResponse, ApiKey, Writer, decode_request_header, encode_response_header,
};
use crate::shard::ConnectionId;

use super::*;

const SECOND: Duration = Duration::from_secs(1);

/// A request of the follower that waits at its leader.
#[derive(Debug)]
struct Asked {
    connection: ConnectionId,
    version: i16,
    id: i32,
    request: AnyRequest,
}

/// Broker 2, which leads the partition, and answers a fetch when it has something to say.
#[derive(Debug, Default)]
struct ToyLeader {
    epoch: LeaderEpoch,
    start: Offset,
    high_watermark: Offset,
    batches: Vec<RecordBatch>,
    waiting: Vec<Asked>,
    /// What was asked of the partition, and from which address.
    fetches: Vec<FetchPartition>,
    dialed: Vec<String>,
    /// The high watermark and the start that were told last.
    told: Option<(Offset, Offset)>,
    /// What it sends of its records is damaged.
    sends_rubbish: bool,
    /// How many batches it sends at a time, if not all.
    batches_max: Option<usize>,
    lists: usize,
}

impl ToyLeader {
    /// A leader in `epoch` with a record of each of these epochs, the first at `start`.
    fn new(epoch: LeaderEpoch, start: Offset, epochs: &[LeaderEpoch]) -> Self {
        let mut leader = Self {
            epoch,
            start,
            ..Self::default()
        };
        for written_in in epochs {
            leader.append(*written_in, leader.end());
        }
        leader.high_watermark = leader.end();
        leader
    }

    fn append(&mut self, epoch: LeaderEpoch, offset: Offset) {
        let mut builder = RecordBatchBuilder::new();
        builder.append(1, None, Some(b"value"), &[]);
        let mut batch = builder.finish();
        batch.stamp(offset, epoch);
        self.batches.push(batch);
    }

    fn end(&self) -> Offset {
        let last = self.batches.last();
        last.map_or(self.start, RecordBatch::next_offset)
    }

    fn bytes_from(&self, offset: Offset) -> Vec<u8> {
        self.some_from(offset, usize::MAX)
    }

    fn some_from(&self, offset: Offset, batches_max: usize) -> Vec<u8> {
        let batches = self.batches.iter();
        let wanted = batches.filter(|batch| batch.next_offset() > offset);
        let bytes = wanted.take(batches_max).map(RecordBatch::to_bytes);
        bytes.collect::<Vec<Bytes>>().concat()
    }

    /// The largest epoch that is not above `epoch`, and where it ends.
    fn end_of(&self, epoch: LeaderEpoch) -> (LeaderEpoch, Offset) {
        let of = |batch: &&RecordBatch| batch.leader_epoch().unwrap() <= epoch;
        let last = self.batches.iter().rfind(of);
        last.map_or((epoch, self.start), |batch| {
            (batch.leader_epoch().unwrap(), batch.next_offset())
        })
    }

    fn data_for(&self, asked: &FetchPartition) -> PartitionData {
        let bounds = PartitionData {
            partition_index: asked.partition,
            high_watermark: self.high_watermark,
            log_start_offset: self.start,
            ..Default::default()
        };
        let refused = |error: ErrorCode| PartitionData {
            partition_index: asked.partition,
            error_code: error.code(),
            high_watermark: -1,
            ..Default::default()
        };
        if asked.current_leader_epoch != self.epoch {
            return refused(match asked.current_leader_epoch < self.epoch {
                true => ErrorCode::FencedLeaderEpoch,
                false => ErrorCode::UnknownLeaderEpoch,
            });
        }
        if asked.last_fetched_epoch >= 0 {
            let (epoch, end_offset) = self.end_of(asked.last_fetched_epoch);
            if epoch < asked.last_fetched_epoch || end_offset < asked.fetch_offset {
                let diverging_epoch = EpochEndOffset {
                    epoch,
                    end_offset,
                    ..Default::default()
                };
                return PartitionData {
                    diverging_epoch,
                    ..bounds
                };
            }
        }
        if !(self.start..=self.end()).contains(&asked.fetch_offset) {
            return refused(ErrorCode::OffsetOutOfRange);
        }
        let batches_max = self.batches_max.unwrap_or(usize::MAX);
        let mut records = self.some_from(asked.fetch_offset, batches_max);
        if let Some(last) = records.last_mut().filter(|_| self.sends_rubbish) {
            *last ^= 1;
        }
        PartitionData {
            records: Some(Bytes::from(records).into()),
            ..bounds
        }
    }

    /// The answer to a fetch; `None` while it waits.
    fn fetch(&mut self, request: &FetchRequest) -> Option<FetchResponse> {
        let mut responses = Vec::new();
        for topic in &request.topics {
            for asked in &topic.partitions {
                let data = self.data_for(asked);
                let bounds = Some((data.high_watermark, data.log_start_offset));
                let has_news = data.error_code != 0
                    || data.diverging_epoch.epoch >= 0
                    || data
                        .records
                        .as_ref()
                        .is_some_and(|records| !records.is_empty())
                    || self.told != bounds;
                if !has_news {
                    return None;
                }
                self.told = bounds;
                responses.push(FetchableTopicResponse {
                    topic_id: topic.topic_id,
                    partitions: vec![data],
                    ..Default::default()
                });
            }
        }
        Some(FetchResponse {
            responses,
            ..Default::default()
        })
    }

    fn list(&mut self, request: &ListOffsetsRequest) -> ListOffsetsResponse {
        self.lists += 1;
        let topic = &request.topics[0];
        let asked = &topic.partitions[0];
        assert_eq!(asked.current_leader_epoch, self.epoch);
        let answer = ListOffsetsPartitionResponse {
            partition_index: asked.partition_index,
            offset: match asked.timestamp {
                -1 => self.end(),
                -2 => self.start,
                other => panic!("{other} is no bound"),
            },
            ..Default::default()
        };
        ListOffsetsResponse {
            topics: vec![ListOffsetsTopicResponse {
                name: topic.name.clone(),
                partitions: vec![answer],
                ..Default::default()
            }],
            ..Default::default()
        }
    }

    /// The answer to a request, if there is one by now.
    fn answer(&mut self, request: &AnyRequest) -> Option<AnyResponse> {
        match request {
            AnyRequest::ApiVersions(_) => {
                let spoken = |key: ApiKey, max_version| ApiVersion {
                    api_key: key.code(),
                    min_version: 0,
                    max_version,
                    ..Default::default()
                };
                Some(AnyResponse::ApiVersions(ApiVersionsResponse {
                    api_keys: vec![spoken(ApiKey::Fetch, 17), spoken(ApiKey::ListOffsets, 10)],
                    ..Default::default()
                }))
            }
            AnyRequest::Fetch(request) => self.fetch(request).map(AnyResponse::Fetch),
            AnyRequest::ListOffsets(request) => Some(AnyResponse::ListOffsets(self.list(request))),
            other => panic!("{other:?} is not asked by followers"),
        }
    }
}

fn leading(epoch: LeaderEpoch) -> Registered<'static> {
    Registered {
        leader_epoch: epoch,
        partition_epoch: epoch + 2,
        ..FOLLOWED
    }
}

const LED_AGAIN: Registered<'static> = Registered {
    leader_epoch: 9,
    partition_epoch: 20,
    isr: &[1],
    ..LED
};

impl Bench {
    /// A follower of broker 2, which leads in `epoch` and listens at this host.
    fn following(epoch: LeaderEpoch) -> Self {
        let mut bench = Self::new(leading(epoch), &[]);
        bench.name_leader("two");
        bench
    }

    fn name_leader(&mut self, host: &str) {
        let registration = BrokerRegistration {
            endpoints: vec![Endpoint {
                listener: "PLAINTEXT".to_owned(),
                host: host.to_owned(),
                port: 9092,
                security_protocol: 0,
            }],
            ..broker(2)
        };
        self.image.brokers.insert(2, Arc::new(registration));
        self.publish(MetadataDelta {
            brokers_changed: [2].into_iter().collect(),
            ..MetadataDelta::default()
        });
    }

    /// The network and the leader do what there is to do.
    fn follow(&mut self, leader: &mut ToyLeader) {
        loop {
            while !self.network.is_empty() {
                self.carry(leader);
            }
            let waiting = std::mem::take(&mut leader.waiting);
            let mut has_answered = false;
            for asked in waiting {
                match leader.answer(&asked.request) {
                    Some(answer) => {
                        has_answered = true;
                        self.receive(&asked, &answer);
                    }
                    None => leader.waiting.push(asked),
                }
            }
            if !has_answered {
                return;
            }
        }
    }

    /// What the shard does with its connections comes to the leader.
    fn carry(&mut self, leader: &mut ToyLeader) {
        match self.network.remove(0) {
            Effect::Dial {
                connection,
                address,
                ..
            } => {
                leader.dialed.push(address.to_string());
                let result = Ok(());
                let event = Event::Dialed { connection, result };
                self.shard.on_event(self.now, event, &mut self.effects);
                self.settle();
            }
            Effect::Send { connection, slices } => {
                let frame = Bytes::from(slices.concat()).slice(4..);
                let (key, header, mut reader) = decode_request_header(frame).unwrap();
                let version = header.request_api_version;
                let request = AnyRequest::decode(key, version, &mut reader).unwrap();
                if let AnyRequest::Fetch(fetch) = &request {
                    assert_eq!(fetch.replica_state.replica_id, 1);
                    assert_eq!(fetch.replica_state.replica_epoch, 100);
                    let topics = fetch.topics.iter();
                    let asked = topics.flat_map(|topic| topic.partitions.clone());
                    leader.fetches.extend(asked);
                }
                leader.waiting.push(Asked {
                    connection,
                    version,
                    id: header.correlation_id,
                    request,
                });
            }
            _ => {}
        }
    }

    fn receive(&mut self, asked: &Asked, answer: &AnyResponse) {
        let mut writer = Writer::new();
        writer.start_frame();
        let key = asked.request.key();
        encode_response_header(&mut writer, key, asked.version, asked.id).unwrap();
        answer.encode(&mut writer, asked.version).unwrap();
        writer.finish_frame().unwrap();
        let bytes = writer.into_bytes();
        let connection = asked.connection;
        let Some(memory) = self.shard.receive_buffer(connection) else {
            return;
        };
        memory[..bytes.len()].copy_from_slice(&bytes);
        let length = bytes.len();
        let event = Event::Received { connection, length };
        self.shard.on_event(self.now, event, &mut self.effects);
        self.settle();
    }

    /// All that the log has, read as its leader.
    fn log_bytes(&mut self) -> Vec<u8> {
        self.register(LED_AGAIN);
        let mut all = Vec::new();
        let mut offset = self.log().log_start_offset();
        while offset < self.end() {
            let request = self.fetch(REPLICA, offset, [Some(9), None]);
            let records = self.fetched(request).unwrap().records.concat();
            let batches = Batches::new(records.clone().into());
            offset = batches.last().unwrap().unwrap().next_offset();
            all.extend(records);
        }
        all
    }

    fn end(&self) -> Offset {
        self.log().log_end_offset()
    }

    fn failures(&self) -> u64 {
        self.shard.meter.metrics.number(MetricId::FetcherFailures)
    }
}

#[test]
fn a_follower_becomes_a_copy_and_shows_no_more_than_is_committed() {
    let mut bench = Bench::following(4);
    let mut leader = ToyLeader::new(4, 0, &[4, 4, 4]);
    leader.high_watermark = 2;
    bench.follow(&mut leader);
    assert_eq!(leader.dialed, ["two:9092"]);
    assert_eq!(bench.end(), 3);
    let last = leader.fetches.last().unwrap();
    assert_eq!((last.fetch_offset, last.last_fetched_epoch), (3, 4));
    assert_eq!(last.current_leader_epoch, 4);
    assert_eq!(last.replica_directory_id, DIRECTORY);
    let request = bench.fetch(CONSUMER, 0, [None; 2]);
    let found = bench.fetched(request).unwrap();
    assert_eq!(found.high_watermark, Some(2));
    let committed = leader.batches[..2].iter().map(RecordBatch::to_bytes);
    assert_eq!(
        found.records.concat(),
        committed.collect::<Vec<_>>().concat()
    );
    let waiting = bench.fetch(CONSUMER, 2, [None; 2]);
    assert!(
        bench.fetched(waiting).is_none(),
        "the third is not committed"
    );
    leader.high_watermark = 3;
    bench.follow(&mut leader);
    assert_eq!(bench.fetched(waiting).unwrap().high_watermark, Some(3));
    assert_eq!(bench.log_bytes(), leader.bytes_from(0));
}

#[test]
fn a_follower_asks_for_more_when_what_it_has_is_synced() {
    let mut bench = Bench::following(4);
    let mut leader = ToyLeader::new(4, 0, &[]);
    bench.follow(&mut leader);
    bench.is_disk_slow = true;
    leader.append(4, 0);
    leader.high_watermark = 1;
    bench.follow(&mut leader);
    assert_eq!(bench.end(), 1);
    assert_eq!(leader.fetches.last().unwrap().fetch_offset, 0);
    let request = bench.fetch(CONSUMER, 0, [None; 2]);
    assert!(bench.fetched(request).is_none(), "it is not synced");
    bench.sync();
    bench.follow(&mut leader);
    assert_eq!(leader.fetches.last().unwrap().fetch_offset, 1);
    assert!(bench.fetched(request).unwrap().records_bytes() > 0);
}

#[test]
fn a_follower_with_another_end_cuts_it_off_and_takes_that_of_its_leader() {
    let mut bench = Bench::new(LED, &[]);
    for _ in 0..4 {
        bench.produce(Acks::Leader);
    }
    let mut leader = ToyLeader::new(5, 0, &[3, 3, 4, 5, 5]);
    bench.name_leader("two");
    bench.register(leading(5));
    bench.follow(&mut leader);
    assert_eq!(bench.end(), 5);
    assert_eq!(bench.log_bytes(), leader.bytes_from(0));
}

#[test]
fn a_follower_below_its_leaders_log_begins_anew_where_that_starts() {
    let mut bench = Bench::new(LED, &[]);
    bench.produce(Acks::Leader);
    let mut leader = ToyLeader::new(4, 10, &[3, 4]);
    bench.name_leader("two");
    bench.register(leading(4));
    bench.follow(&mut leader);
    assert_eq!(leader.lists, 2);
    assert_eq!((bench.log().log_start_offset(), bench.end()), (10, 12));
    let request = bench.fetch(CONSUMER, 10, [None; 2]);
    assert_eq!(bench.fetched(request).unwrap().high_watermark, Some(12));
    assert_eq!(bench.log_bytes(), leader.bytes_from(10));
}

#[test]
fn a_crash_while_a_follower_cuts_its_end_off_changes_nothing_in_the_end() {
    let mut opened = BTreeSet::new();
    for steps in 0..150 {
        let mut bench = Bench::new(LED, &[]);
        for _ in 0..5 {
            bench.produce(Acks::Leader);
        }
        bench.name_leader("two");
        bench.register(leading(5));
        let mut leader = ToyLeader::new(5, 0, &[3, 3, 5, 5]);
        bench.is_disk_slow = true;
        bench.follow(&mut leader);
        assert_eq!(bench.state(), PartitionState::Truncating);
        let is_over = (0..steps).any(|_| !bench.step());
        let inherited = bench.journals();
        bench.crash(leading(5));
        assert!((2..=5).contains(&bench.end()), "after {steps} steps");
        opened.insert(bench.end());
        let mut leader = ToyLeader {
            waiting: Vec::new(),
            told: None,
            ..leader
        };
        // Journals of the last life are in the way of another truncation.
        for _ in 0..3 {
            bench.follow(&mut leader);
            bench.remove_journals(&inherited);
        }
        assert_eq!(bench.end(), 4, "after {steps} steps");
        assert_eq!(bench.log_bytes(), leader.bytes_from(0));
        if is_over {
            assert!(opened.contains(&5) && opened.contains(&2));
            return;
        }
    }
    panic!("a truncation ends");
}

#[test]
fn what_is_damaged_is_refused_and_asked_for_again_after_a_pause() {
    let mut bench = Bench::following(4);
    let mut leader = ToyLeader::new(4, 0, &[4, 4]);
    leader.sends_rubbish = true;
    bench.follow(&mut leader);
    assert_eq!(bench.end(), 1, "the second one is damaged");
    assert_eq!(bench.failures(), 1);
    let asked = leader.fetches.len();
    leader.sends_rubbish = false;
    bench.follow(&mut leader);
    assert_eq!(leader.fetches.len(), asked, "it waits");
    bench.wait(SECOND);
    bench.follow(&mut leader);
    assert_eq!(bench.end(), 2);
    assert_eq!(bench.log_bytes(), leader.bytes_from(0));
}

#[test]
fn a_gap_in_the_leaders_log_is_one_here_also_after_a_crash() {
    let mut bench = Bench::following(4);
    let mut leader = ToyLeader::new(4, 0, &[4, 4]);
    bench.follow(&mut leader);
    for offset in [7, 8, 12] {
        leader.append(4, offset);
        leader.high_watermark = leader.end();
        bench.follow(&mut leader);
    }
    assert_eq!(bench.end(), 13);
    bench.crash(LED_AGAIN);
    assert_eq!(bench.end(), 13);
    assert_eq!(bench.log_bytes(), leader.bytes_from(0));
}

#[test]
fn where_the_leaders_log_starts_the_followers_does() {
    let mut bench = Bench::following(4);
    let mut leader = ToyLeader::new(4, 0, &[4, 4, 4]);
    bench.follow(&mut leader);
    leader.start = 2;
    bench.follow(&mut leader);
    assert_eq!(bench.log().log_start_offset(), 2);
    assert_eq!(leader.fetches.last().unwrap().log_start_offset, 2);
}

#[test]
fn what_comes_of_an_epoch_that_is_over_is_passed_over() {
    let mut bench = Bench::following(4);
    let mut leader = ToyLeader::new(4, 0, &[]);
    bench.follow(&mut leader);
    bench.register(leading(5));
    leader.append(4, 0);
    bench.follow(&mut leader);
    assert_eq!(bench.end(), 0, "it was asked in epoch 4");
    assert_eq!(bench.state(), PartitionState::Open);
    leader.epoch = 5;
    bench.wait(SECOND);
    bench.follow(&mut leader);
    assert_eq!(bench.end(), 1);
    // And so is what comes for who leads.
    bench.register(LED_AGAIN);
    leader.append(5, 1);
    bench.follow(&mut leader);
    assert_eq!(bench.end(), 1);
}

#[test]
fn a_leader_that_is_elsewhere_is_asked_there() {
    let mut bench = Bench::following(4);
    let mut leader = ToyLeader::new(4, 0, &[4]);
    bench.follow(&mut leader);
    bench.name_leader("other");
    leader.append(4, 1);
    bench.follow(&mut leader);
    assert_eq!(leader.dialed, ["two:9092", "other:9092"]);
    assert_eq!(bench.end(), 2);
    // One that is not there is asked again.
    let mut gone = ToyLeader::new(4, 0, &[]);
    bench.name_leader("gone");
    bench.wait(31 * SECOND);
    assert!(bench.failures() > 0);
    bench.follow(&mut gone);
    assert!(gone.dialed.contains(&"gone:9092".to_owned()));
}

#[test]
fn a_full_disk_stops_who_follows_until_there_is_room() {
    let mut bench = Bench::following(4);
    let mut leader = ToyLeader::new(4, 0, &[4]);
    bench.disk.is_full = true;
    bench.follow(&mut leader);
    let asked = leader.fetches.len();
    leader.append(4, 1);
    bench.follow(&mut leader);
    assert_eq!(leader.fetches.len(), asked);
    bench.disk.is_full = false;
    for _ in 0..20 {
        bench.wait(SECOND);
        bench.follow(&mut leader);
    }
    assert_eq!(bench.end(), 2);
}

#[test]
fn a_throttled_follower_that_lacks_records_waits_until_its_quota_has_room() {
    let mut bench = Bench::following(4);
    let mut set = |kind, resource: &str, name: &str, value: &str| {
        let resource = ConfigResource::new(kind, resource);
        let values = [(name.to_owned(), value.to_owned())].into();
        bench
            .image
            .configs
            .insert(resource.clone(), Arc::new(values));
        resource
    };
    let (replicas, rate) = (
        "follower.replication.throttled.replicas",
        "follower.replication.throttled.rate",
    );
    let changed = [
        set(ConfigKind::Topic, "topic", replicas, "*"),
        set(ConfigKind::Broker, "1", rate, "1"),
    ];
    bench.publish(MetadataDelta {
        configs_changed: changed.into(),
        ..MetadataDelta::default()
    });
    let mut leader = ToyLeader {
        batches_max: Some(1),
        ..ToyLeader::new(4, 0, &[4, 4, 4])
    };
    bench.follow(&mut leader);
    assert_eq!(bench.end(), 1, "it lacks two more, as it was told");
    bench.wait(SECOND);
    bench.follow(&mut leader);
    assert_eq!(bench.end(), 1);
    bench.wait(100 * SECOND);
    bench.follow(&mut leader);
    assert_eq!(bench.end(), 2);
    bench.wait(100 * SECOND);
    bench.follow(&mut leader);
    assert_eq!(bench.end(), 3);
    // Who lacks nothing is not held back, whatever the quota.
    leader.append(4, 3);
    bench.follow(&mut leader);
    assert_eq!(bench.end(), 4);
}
