//! One directory for each reason against it.

use std::fs;
use std::path::Path;

use bytes::Bytes;
use forebay::model::Uuid;
use forebay::protocol::messages::{
    ConfigRecord, FeatureLevelRecord, KRaftVersionRecord, MetadataRecord, PartitionChangeRecord,
    RegisterBrokerRecord, VotersRecord, voters_record,
};
use forebay::protocol::record_batch::{Batches, ControlType, RecordBatchBuilder};
use forebay::protocol::{Message, Writer};

use crate::directory::{Copy, Left, forebay, import, left, tree};
use crate::support::needs;

const METADATA_LOG: &str = "__cluster_metadata-0/00000000000000000000.log";

/// A batch of `records` as the next one of the metadata log.
fn append_metadata(copy: &Copy, records: &[(MetadataRecord, i16)]) {
    let mut builder = RecordBatchBuilder::new();
    for (record, version) in records {
        let mut writer = Writer::new();
        for number in [
            1,
            record.record_type().unsigned_abs(),
            version.unsigned_abs(),
        ] {
            writer.put_unsigned_varint(u32::from(number));
        }
        record.encode(&mut writer, *version).expect("it fits");
        builder.append(0, None, Some(&writer.into_bytes()), &[]);
    }
    append(copy, METADATA_LOG, builder);
}

/// A control record as the next batch of the metadata log.
fn append_control(copy: &Copy, kind: ControlType, message: &impl Message) {
    let mut writer = Writer::new();
    message.encode(&mut writer, 0).expect("it fits");
    let mut builder = RecordBatchBuilder::new().control();
    builder.append_control(0, kind, &writer.into_bytes());
    append(copy, METADATA_LOG, builder);
}

/// Append to a log as its leader would.
fn append(copy: &Copy, log: &str, builder: RecordBatchBuilder) {
    copy.edit(log, |file| {
        let mut batches = Batches::new(Bytes::from(file.clone()));
        let mut next = (0, 0);
        while let Some(batch) = batches.next_whole().expect("a sound log") {
            next = (batch.next_offset(), batch.leader_epoch().unwrap_or(0));
        }
        let batch = builder.place(next.0, next.1).finish();
        file.extend_from_slice(&batch.to_bytes());
    });
}

/// What is refused is left as it is.
#[track_caller]
fn assert_refused(copy: &Copy, reason: &str) {
    let before = tree(&copy.path);
    let told = copy.import();
    assert!(told.refused().contains(reason), "{told:?}");
    assert!(tree(&copy.path) == before, "nothing was changed");
    let (text, _, status) = forebay(&["import", "--data-dir", &copy.name()]);
    assert_eq!(status, 1, "{text}");
    assert!(text.contains("refused: "), "{text}");
}

fn ended(left: &Left) -> Copy {
    Copy::of(&left.ended.path)
}

#[test]
fn a_directory_is_refused_that_is_in_use_or_was_not_stopped_cleanly() {
    let lab = needs!(Java);
    let left = left(&lab);
    assert_eq!(left.while_it_ran.status, 1);
    let errors = &left.while_it_ran.errors;
    assert!(errors.contains("is in use by another broker"), "{errors}");
    let copy = ended(left);
    fs::remove_file(copy.file(".kafka_cleanshutdown")).expect("Kafka left it");
    assert_refused(&copy, "was not stopped cleanly");
    let (_, errors, status) = forebay(&["import", "--data-dir", "/nowhere/at/all"]);
    assert_eq!((status, errors.lines().count()), (1, 1), "{errors}");
}

#[test]
fn open_transactions_are_named() {
    let lab = needs!(Java);
    let left = left(&lab);
    let copy = Copy::of(&left.open.path);
    let reason = "the transaction of transactional id left-open is ongoing, in transactions-0:";
    assert_refused(&copy, reason);

    // One that the coordinator does not know of, as a crash of it may leave.
    let copy = ended(left);
    let mut builder = RecordBatchBuilder::new()
        .producer(4711, 0, Some(0))
        .transactional();
    builder.append(0, None, Some(b"hanging"), &[]);
    append(&copy, "transactions-1/00000000000000000000.log", builder);
    let told = copy.import();
    let reason = "transactions-1 has a transaction of producer 4711 that is open from offset";
    let reasons = told.document["refusals"].to_string();
    assert!(reasons.contains(reason), "{told:?}");
}

#[test]
fn clusters_of_more_than_one_node_are_refused_by_their_names() {
    let lab = needs!(Java);
    let left = left(&lab);
    let copy = ended(left);
    let other = RegisterBrokerRecord {
        broker_id: 7,
        broker_epoch: 1,
        ..RegisterBrokerRecord::default()
    };
    append_metadata(&copy, &[(other.into(), 0)]);
    assert_refused(&copy, "the cluster has other brokers than node 1: 7;");

    let copy = ended(left);
    let topic_id = topic_id(&copy.file("transactions-0"));
    let elsewhere = PartitionChangeRecord {
        partition_id: 0,
        topic_id,
        replicas: Some(vec![1, 7]),
        ..PartitionChangeRecord::default()
    };
    append_metadata(&copy, &[(elsewhere.into(), 0)]);
    let reason = "partitions have replicas on other nodes than 1: transactions-0 (on 1, 7)";
    assert_refused(&copy, reason);

    let copy = ended(left);
    let voter = |voter_id| voters_record::Voter {
        voter_id,
        ..voters_record::Voter::default()
    };
    let voters = VotersRecord {
        voters: vec![voter(1), voter(8), voter(9)],
        ..VotersRecord::default()
    };
    append_control(&copy, ControlType::KraftVoters, &voters);
    let reason = "the cluster has other voters of the metadata quorum than node 1: 8, 9;";
    assert_refused(&copy, reason);
}

/// What `partition.metadata` says.
fn topic_id(folder: &Path) -> Uuid {
    let text = fs::read_to_string(folder.join("partition.metadata")).expect("Kafka wrote it");
    let id = text
        .lines()
        .find_map(|line| line.strip_prefix("topic_id: "));
    Uuid::parse(id.expect("an id")).expect("an id")
}

#[test]
fn what_a_newer_apache_kafka_wrote_is_refused_by_its_version() {
    let lab = needs!(Java);
    let left = left(&lab);
    let level = FeatureLevelRecord {
        name: "metadata.version".to_owned(),
        feature_level: 31,
        ..FeatureLevelRecord::default()
    };
    let reason = "the cluster has metadata.version 31, the newest that is understood is 30 \
                  (4.3-IV0)";
    let copy = ended(left);
    append_metadata(&copy, &[(level.clone().into(), 0)]);
    assert_refused(&copy, reason);
    // The broker says so, too, and changes nothing either.
    let before = tree(&copy.path);
    let (_, errors, status) = forebay(&["serve", "--data-dir", &copy.name()]);
    assert_eq!(status, crate::UNUSABLE, "{errors}");
    assert!(errors.contains(reason), "{errors}");
    assert!(tree(&copy.path) == before, "nothing was changed");

    // Nor does a record that is not known here hide why.
    let copy = ended(left);
    append_metadata(&copy, &[(level.into(), 0)]);
    let mut builder = RecordBatchBuilder::new();
    builder.append(0, None, Some(&[1, 99, 0, 0]), &[]);
    append(&copy, METADATA_LOG, builder);
    let told = copy.import();
    assert!(
        told.document["refusals"].to_string().contains(reason),
        "{told:?}"
    );

    let copy = ended(left);
    let version = KRaftVersionRecord {
        kraft_version: 2,
        ..KRaftVersionRecord::default()
    };
    append_control(&copy, ControlType::KraftVersion, &version);
    let told = copy.import();
    assert_eq!(told.status, 1, "{told:?}");
    let faults = told.document["faults"].to_string();
    let reason = "the quorum speaks kraft.version 2, known is 1";
    assert!(faults.contains(reason), "{told:?}");
}

#[test]
fn topics_that_would_not_be_kept_as_they_are_are_refused_by_their_names() {
    let lab = needs!(Java);
    let left = left(&lab);
    for (name, value, reason) in [
        (
            "remote.storage.enable",
            "true",
            "topics have records in remote storage (remote.storage.enable): transactions;",
        ),
        (
            "retention.moons",
            "3",
            "early: transactions (set at run time: Unknown topic config name: retention.moons)",
        ),
    ] {
        let copy = ended(left);
        let config = ConfigRecord {
            resource_type: 2,
            resource_name: "transactions".to_owned(),
            name: name.to_owned(),
            value: Some(value.to_owned()),
            ..ConfigRecord::default()
        };
        append_metadata(&copy, &[(config.into(), 0)]);
        assert_refused(&copy, reason);
    }
    let copy = ended(left);
    copy.edit("none-1/00000000000000000000.log", |file| file[16] = 1);
    let reason = "formats from before Apache Kafka 0.11: none-1 (format 1);";
    assert_refused(&copy, reason);
}

#[test]
fn directories_that_are_not_whole_are_refused() {
    let lab = needs!(Java);
    let left = left(&lab);
    let copy = ended(left);
    let elsewhere = PartitionChangeRecord {
        partition_id: 1,
        topic_id: topic_id(&copy.file("none-1")),
        directories: Some(vec![Uuid::from_bytes([9; 16])]),
        ..PartitionChangeRecord::default()
    };
    append_metadata(&copy, &[(elsewhere.into(), 1)]);
    assert_refused(
        &copy,
        "partitions are in log directories that were not given: none-1 (in ",
    );

    let copy = ended(left);
    copy.edit("none-0/00000000000000000000.log", |file| file[100] ^= 1);
    assert_refused(&copy, "there is damage (1 fault): ");

    let copy = ended(left);
    copy.edit("meta.properties", |file| {
        let text = String::from_utf8_lossy(file).replace("version=1", "version=0");
        *file = text.into_bytes();
    });
    let told = copy.import();
    let faults = told.document["faults"].to_string();
    assert!(
        faults.contains("version 0, written by a Kafka with ZooKeeper"),
        "{told:?}"
    );

    let copy = ended(left);
    let properties = copy.file("server.properties");
    let text = format!("node.id=5\nlog.dirs={}\n", copy.name());
    fs::write(&properties, text).expect("target/ can be written");
    let name = properties.display().to_string();
    let (text, _, status) = forebay(&["import", "--config", &name]);
    assert_eq!(status, 1, "{text}");
    assert!(
        text.contains("belongs to node 1, but the settings are of node 5"),
        "{text}"
    );
    assert!(import(&copy.name(), &["--dry-run"]).succeeded()["refusals"] == serde_json::json!([]));
}
