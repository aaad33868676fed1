//! A broker that was killed and still reads the offsets of its groups.

use bytes::Bytes;

use forebay::model::ErrorCode;
use forebay::protocol::messages::offset_fetch_request::{
    OffsetFetchRequestGroup, OffsetFetchRequestTopics,
};
use forebay::protocol::messages::{OffsetCommitKey, OffsetCommitValue, OffsetFetchRequest};
use forebay::protocol::record_batch::RecordBatchBuilder;
use forebay::protocol::{AnyResponse, encode_record_key, encode_versioned};

use crate::broker::{Broker, Client, produce, produced_code};

/// Kafka lets only clients of this name write to internal topics.
const ADMIN: &str = "__admin_client";

/// Offsets of other groups, in batches just below the largest that is allowed: they take several
/// reads to load.
const BATCHES: i64 = 24;
const BATCH_BYTES: usize = 1_000_000;

/// A batch of offsets of groups that nobody asks about.
fn other_offsets(seed: i64) -> Bytes {
    let mut builder = RecordBatchBuilder::new();
    for number in 0.. {
        if builder.size_bytes() > BATCH_BYTES {
            break;
        }
        let key = OffsetCommitKey {
            group: format!("other-{number}"),
            topic: "flow".to_owned(),
            partition: 0,
        };
        let value = OffsetCommitValue {
            offset: seed,
            ..Default::default()
        };
        let key = encode_record_key(&key).expect("a key can be encoded");
        let value = encode_versioned(&value, 3).expect("a value can be encoded");
        builder.append(1_700_000_000_000, Some(&key), Some(&value), &[]);
    }
    builder.finish().to_bytes()
}

fn append_to_offsets(client: &mut Client, batch: Bytes) {
    let produced = client.ask(produce("__consumer_offsets", batch));
    assert_eq!(produced_code(&produced), 0);
}

/// What is told of the group's offset: the error, and the offset if there is none.
fn fetch(client: &mut Client) -> (ErrorCode, i64) {
    let answer = client.ask(OffsetFetchRequest {
        groups: vec![OffsetFetchRequestGroup {
            group_id: "readers".to_owned(),
            topics: Some(vec![OffsetFetchRequestTopics {
                name: "flow".to_owned(),
                partition_indexes: vec![0],
                ..Default::default()
            }]),
            ..Default::default()
        }],
        ..Default::default()
    });
    let AnyResponse::OffsetFetch(answer) = answer else {
        panic!("another answer: {answer:?}");
    };
    let group = &answer.groups[0];
    let offset = group
        .topics
        .first()
        .map_or(-1, |topic| topic.partitions[0].committed_offset);
    let error = ErrorCode::from_code(group.error_code).expect("a code of Kafka's");
    (error, offset)
}

#[test]
fn while_offsets_are_loaded_a_group_is_told_so_and_never_an_older_offset() {
    let broker = Broker::start("loading");
    let mut client = Client::connect(broker.kafka, ADMIN);
    client.create("flow");
    client.commit("readers", "flow", 1);
    for seed in 0..BATCHES {
        append_to_offsets(&mut client, other_offsets(seed));
    }
    client.commit("readers", "flow", 2);
    assert_eq!(fetch(&mut client), (ErrorCode::None, 2));
    let broker = broker.restart();
    let mut client = Client::connect(broker.kafka, "test");
    let mut loading = 0;
    let told = loop {
        match fetch(&mut client) {
            (ErrorCode::CoordinatorLoadInProgress, offset) => {
                assert_eq!(offset, -1, "an error comes without an offset");
                loading += 1;
            }
            told => break told,
        }
    };
    println!("{loading} answers while the offsets were loaded");
    assert_eq!(told, (ErrorCode::None, 2));
}
