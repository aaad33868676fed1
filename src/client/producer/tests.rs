//! A producer against a broker that is a few lines of a test.

use std::time::Duration;

use crate::client::{Cluster, Outgoing};
use crate::model::{ErrorCode, TopicPartition};
use crate::protocol::messages::metadata_response::{
    MetadataResponseBroker, MetadataResponsePartition, MetadataResponseTopic,
};
use crate::protocol::messages::produce_response::{PartitionProduceResponse, TopicProduceResponse};
use crate::protocol::messages::{InitProducerIdResponse, MetadataResponse, ProduceResponse};
use crate::protocol::record_batch::RecordBatch;
use crate::protocol::{AnyRequest, AnyResponse};
use crate::stdx::Instant;

use super::{BufferFull, Delivery, DeliveryFailure, OutgoingRecord, Producer, ProducerSettings};

struct World {
    producer: Producer,
    cluster: Cluster,
    now: Instant,
}

fn at(ms: u64) -> Instant {
    Instant::from_nanos(ms * 1_000_000)
}

/// Partitions 0 and 1 of topic t, led by brokers 1 and 2.
fn cluster() -> Cluster {
    let broker = |node_id| MetadataResponseBroker {
        node_id,
        port: 9092,
        ..MetadataResponseBroker::default()
    };
    let partition = |partition_index, leader_id| MetadataResponsePartition {
        partition_index,
        leader_id,
        ..MetadataResponsePartition::default()
    };
    let topic = MetadataResponseTopic {
        name: Some("t".to_owned()),
        partitions: vec![partition(0, 1), partition(1, 2)],
        ..MetadataResponseTopic::default()
    };
    let mut cluster = Cluster::new();
    cluster.on_metadata(&MetadataResponse {
        brokers: vec![broker(1), broker(2)],
        topics: vec![topic],
        ..MetadataResponse::default()
    });
    cluster
}

fn partition(partition: i32) -> TopicPartition {
    TopicPartition {
        topic: "t".into(),
        partition,
    }
}

/// What a Produce for one partition carries.
fn batch_of(outgoing: &Outgoing) -> RecordBatch {
    let AnyRequest::Produce(request) = &outgoing.request else {
        panic!("not a Produce: {:?}", outgoing.request);
    };
    let records = request.topic_data[0].partition_data[0]
        .records
        .as_ref()
        .unwrap();
    RecordBatch::decode(&records.to_bytes()).unwrap()
}

fn produced(partition: i32, error: ErrorCode, base_offset: i64) -> AnyResponse {
    let answer = PartitionProduceResponse {
        index: partition,
        error_code: error.code(),
        base_offset,
        ..PartitionProduceResponse::default()
    };
    AnyResponse::Produce(ProduceResponse {
        responses: vec![TopicProduceResponse {
            name: "t".to_owned(),
            partition_responses: vec![answer],
            ..TopicProduceResponse::default()
        }],
        ..ProduceResponse::default()
    })
}

impl World {
    /// Batches of one record each, sent at once.
    fn new(settings: ProducerSettings) -> Self {
        let settings = ProducerSettings {
            linger: Duration::ZERO,
            batch_bytes_max: 1,
            ..settings
        };
        Self {
            producer: Producer::new(settings),
            cluster: cluster(),
            now: at(1),
        }
    }

    /// The same, with producer id 7 and one batch stored in partition 0.
    fn known() -> Self {
        let mut world = Self::new(ProducerSettings::default());
        world.append(0, "first");
        world.identify(7);
        let first = world.next().unwrap();
        assert_eq!(batch_of(&first).base_sequence(), Some(0));
        world.answer(&first, &produced(0, ErrorCode::None, 10));
        assert_eq!(world.delivered(), [(1, Ok(Some(10)))]);
        world
    }

    fn append(&mut self, index: i32, value: &str) {
        let record = OutgoingRecord {
            value: Some(value.as_bytes()),
            ..OutgoingRecord::default()
        };
        self.producer
            .append(self.now, &partition(index), &record)
            .unwrap();
    }

    fn next(&mut self) -> Option<Outgoing> {
        self.producer.next_request(self.now, &self.cluster)
    }

    fn identify(&mut self, producer_id: i64) {
        let asked = self.next().unwrap();
        assert!(matches!(asked.request, AnyRequest::InitProducerId(_)));
        assert!(self.next().is_none(), "nothing is sent without an identity");
        let identity = InitProducerIdResponse {
            producer_id,
            ..InitProducerIdResponse::default()
        };
        self.answer(&asked, &AnyResponse::InitProducerId(identity));
    }

    fn answer(&mut self, outgoing: &Outgoing, answer: &AnyResponse) {
        let tag = outgoing.tag.unwrap();
        self.producer
            .on_answer(self.now, tag, Some(answer), &self.cluster);
    }

    fn lose(&mut self, outgoing: &Outgoing) {
        self.producer
            .on_answer(self.now, outgoing.tag.unwrap(), None, &self.cluster);
    }

    fn wait(&mut self, duration: Duration) {
        self.now = self.now + duration;
    }

    fn delivered(&mut self) -> Vec<(u32, Result<Option<i64>, DeliveryFailure>)> {
        let deliveries = self.producer.drain_deliveries().into_iter();
        deliveries
            .map(
                |Delivery {
                     records_count,
                     result,
                     ..
                 }| (records_count, result),
            )
            .collect()
    }
}

#[test]
fn before_the_first_batch_is_stored_a_second_one_waits() {
    let mut world = World::new(ProducerSettings::default());
    world.append(0, "a");
    world.append(0, "b");
    world.identify(7);
    let first = world.next().unwrap();
    assert!(world.next().is_none());
    world.answer(&first, &produced(0, ErrorCode::None, 0));
    let second = world.next().unwrap();
    assert_eq!(batch_of(&second).base_sequence(), Some(1));
    assert_eq!(batch_of(&second).producer_id(), Some(7));
    batch_of(&second).verify_crc().unwrap();
}

#[test]
fn a_lost_answer_is_followed_by_the_same_batch_under_the_same_number() {
    let mut world = World::known();
    world.append(0, "a");
    let sent = world.next().unwrap();
    world.lose(&sent);
    assert!(
        world.producer.take_stale(),
        "the leader may be another one now"
    );
    assert!(world.next().is_none(), "not before the backoff");
    world.wait(Duration::from_millis(100));
    let again = world.next().unwrap();
    assert_eq!(batch_of(&again), batch_of(&sent));
    world.answer(&again, &produced(0, ErrorCode::DuplicateSequenceNumber, -1));
    assert_eq!(world.delivered(), [(1, Ok(None))]);
    assert!(world.producer.is_idle());
}

#[test]
fn batches_behind_a_refused_one_are_sent_again_in_order() {
    let mut world = World::known();
    ["a", "b", "c"]
        .iter()
        .for_each(|value| world.append(0, value));
    let sent: Vec<Outgoing> = std::iter::from_fn(|| world.next()).collect();
    assert_eq!(sent.len(), 3);
    world.answer(&sent[0], &produced(0, ErrorCode::NotLeaderOrFollower, -1));
    world.wait(Duration::from_millis(100));
    assert!(
        world.next().is_none(),
        "while others are on their way the order is not ours"
    );
    world.answer(
        &sent[1],
        &produced(0, ErrorCode::OutOfOrderSequenceNumber, -1),
    );
    world.answer(
        &sent[2],
        &produced(0, ErrorCode::OutOfOrderSequenceNumber, -1),
    );
    world.wait(Duration::from_millis(100));
    let again: Vec<Outgoing> = std::iter::from_fn(|| world.next()).collect();
    let sequences = again
        .iter()
        .map(|outgoing| batch_of(outgoing).base_sequence());
    assert_eq!(sequences.collect::<Vec<_>>(), [Some(1), Some(2), Some(3)]);
    for (outgoing, offset) in again.iter().zip(11..) {
        world.answer(outgoing, &produced(0, ErrorCode::None, offset));
    }
    assert_eq!(
        world.delivered(),
        [(1, Ok(Some(11))), (1, Ok(Some(12))), (1, Ok(Some(13)))]
    );
}

#[test]
fn what_follows_a_batch_that_is_not_stored_takes_its_number() {
    let mut world = World::known();
    world.append(0, "too large");
    world.append(0, "b");
    let sent: Vec<Outgoing> = std::iter::from_fn(|| world.next()).collect();
    world.answer(&sent[0], &produced(0, ErrorCode::MessageTooLarge, -1));
    world.append(0, "c");
    world.answer(
        &sent[1],
        &produced(0, ErrorCode::OutOfOrderSequenceNumber, -1),
    );
    world.wait(Duration::from_millis(100));
    let again: Vec<Outgoing> = std::iter::from_fn(|| world.next()).collect();
    let sequences = again
        .iter()
        .map(|outgoing| batch_of(outgoing).base_sequence());
    assert_eq!(sequences.collect::<Vec<_>>(), [Some(1), Some(2)]);
    let refused = DeliveryFailure::Refused(ErrorCode::MessageTooLarge, None);
    assert_eq!(world.delivered(), [(1, Err(refused))]);
}

#[test]
fn a_broker_that_forgot_the_producer_makes_it_start_anew() {
    let mut world = World::known();
    world.append(0, "a");
    world.append(0, "b");
    let sent: Vec<Outgoing> = std::iter::from_fn(|| world.next()).collect();
    world.answer(&sent[0], &produced(0, ErrorCode::UnknownProducerId, -1));
    assert!(world.next().is_none(), "one is still on its way");
    world.lose(&sent[1]);
    world.append(0, "c");
    world.identify(8);
    world.wait(Duration::from_millis(100));
    let next = batch_of(&world.next().unwrap());
    assert_eq!(
        (next.producer_id(), next.base_sequence()),
        (Some(8), Some(0))
    );
    let refused = DeliveryFailure::Refused(ErrorCode::UnknownProducerId, None);
    let delivered = world.delivered();
    assert_eq!(
        delivered,
        [(1, Err(refused)), (1, Err(DeliveryFailure::Unknown))],
        "b may be stored, so it is not sent under another number"
    );
}

#[test]
fn without_idempotence_one_batch_of_a_partition_is_on_its_way() {
    let settings = ProducerSettings {
        acks: 1,
        is_idempotent: false,
        ..Default::default()
    };
    let mut world = World::new(settings);
    world.append(0, "a");
    world.append(0, "b");
    world.append(1, "c");
    let sent: Vec<Outgoing> = std::iter::from_fn(|| world.next()).collect();
    assert_eq!(
        sent.iter().map(|one| one.broker).collect::<Vec<_>>(),
        [Some(1), Some(2)]
    );
    assert_eq!(batch_of(&sent[0]).producer_id(), None);
}

#[test]
fn with_acks_of_nobody_a_batch_is_settled_when_it_is_sent() {
    let settings = ProducerSettings {
        acks: 0,
        is_idempotent: false,
        ..Default::default()
    };
    let mut world = World::new(settings);
    world.append(0, "a");
    assert_eq!(world.next().unwrap().tag, None);
    assert_eq!(world.delivered(), [(1, Ok(None))]);
    assert!(world.producer.is_idle());
}

#[test]
fn a_batch_that_is_never_acknowledged_fails_in_the_end_and_makes_room() {
    let settings = ProducerSettings {
        buffer_bytes_max: 200,
        delivery_timeout: Duration::from_secs(1),
        ..ProducerSettings::default()
    };
    let mut world = World::new(settings);
    world.append(0, "a");
    let record = OutgoingRecord {
        value: Some(&[0; 100]),
        ..OutgoingRecord::default()
    };
    let refused = world.producer.append(world.now, &partition(0), &record);
    assert_eq!(refused, Err(BufferFull));
    world.identify(7);
    let sent = world.next().unwrap();
    world.lose(&sent);
    world.wait(Duration::from_secs(1));
    let renewed = world.next();
    assert!(renewed.is_none(), "there is nothing left to send");
    assert_eq!(world.delivered(), [(1, Err(DeliveryFailure::TimedOut))]);
    assert_eq!(world.producer.buffered_bytes(), 0);
}

#[test]
fn a_batch_waits_for_more_records_until_it_is_full_old_or_flushed() {
    let settings = ProducerSettings {
        acks: 1,
        is_idempotent: false,
        linger: Duration::from_millis(5),
        ..ProducerSettings::default()
    };
    let mut world = World::new(ProducerSettings::default());
    world.producer = Producer::new(settings.clone());
    world.append(0, "a");
    world.append(0, "b");
    assert!(world.next().is_none());
    assert_eq!(
        world.producer.next_deadline(),
        Some(world.now + Duration::from_millis(5))
    );
    world.wait(Duration::from_millis(5));
    assert_eq!(batch_of(&world.next().unwrap()).records_count(), 2);

    world.producer = Producer::new(settings);
    world.append(0, "a");
    world.producer.flush();
    assert_eq!(batch_of(&world.next().unwrap()).records_count(), 1);
}
