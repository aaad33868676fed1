//! A disk with less room than the broker keeps for itself.

use std::fmt::Write as _;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

use forebay::model::ErrorCode;
use forebay::protocol::messages::incremental_alter_configs_request::{
    AlterConfigsResource, AlterableConfig,
};
use forebay::protocol::messages::offset_commit_request::{
    OffsetCommitRequestPartition, OffsetCommitRequestTopic,
};
use forebay::protocol::messages::{
    FindCoordinatorRequest, IncrementalAlterConfigsRequest, OffsetCommitRequest,
};
use forebay::protocol::{AnyRequest, AnyResponse};

use super::client::{Client, LIMIT, await_topic};
use super::volume::Volume;
use crate::support::{Broker, Kind, free_port, needs, not_run};

const RESERVE: &str = "forebay.disk.reserve.bytes";
const REFUSED: ErrorCode = ErrorCode::NotEnoughReplicas;

/// Sets the reserve of this broker while it runs.
#[track_caller]
fn keep_in_reserve(client: &mut Client, bytes: &str) {
    let config = AlterableConfig {
        name: RESERVE.to_owned(),
        config_operation: 0,
        value: Some(bytes.to_owned()),
        ..AlterableConfig::default()
    };
    let request = IncrementalAlterConfigsRequest {
        resources: vec![AlterConfigsResource {
            resource_type: 4,
            resource_name: "1".to_owned(),
            configs: vec![config],
            ..AlterConfigsResource::default()
        }],
        ..IncrementalAlterConfigsRequest::default()
    };
    match client.ask(1, &AnyRequest::IncrementalAlterConfigs(request)) {
        Ok(AnyResponse::IncrementalAlterConfigs(answer)) => {
            assert_eq!(answer.responses[0].error_code, 0, "{answer:?}");
        }
        other => panic!("{other:?}"),
    }
}

/// Commits an offset of a group that has no members; the error code.
#[track_caller]
fn commit(client: &mut Client, offset: i64) -> i16 {
    let request = OffsetCommitRequest {
        group_id: "group".to_owned(),
        generation_id_or_member_epoch: -1,
        topics: vec![OffsetCommitRequestTopic {
            name: "topic".to_owned(),
            partitions: vec![OffsetCommitRequestPartition {
                partition_index: 0,
                committed_offset: offset,
                ..OffsetCommitRequestPartition::default()
            }],
            ..OffsetCommitRequestTopic::default()
        }],
        ..OffsetCommitRequest::default()
    };
    match client.ask(8, &AnyRequest::OffsetCommit(request)) {
        Ok(AnyResponse::OffsetCommit(answer)) => answer.topics[0].partitions[0].error_code,
        other => panic!("{other:?}"),
    }
}

/// Commits until the group's partition is there.
#[track_caller]
fn commit_at_last(client: &mut Client, offset: i64) {
    let started = Instant::now();
    let request = AnyRequest::FindCoordinator(FindCoordinatorRequest {
        key: "group".to_owned(),
        ..FindCoordinatorRequest::default()
    });
    while client.ask(2, &request).is_ok() && commit(client, offset) != 0 {
        assert!(started.elapsed() < LIMIT, "no offset is committed");
        thread::sleep(Duration::from_millis(50));
    }
}

/// The value of a metric of the broker's only log directory.
#[track_caller]
fn metric(http: u16, name: &str) -> f64 {
    let mut stream = TcpStream::connect(("127.0.0.1", http)).expect("the broker listens");
    let request = "GET /metrics HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    stream.write_all(request.as_bytes()).expect("it is sent");
    let mut text = String::new();
    stream.read_to_string(&mut text).expect("it is answered");
    let mut name = name.to_owned();
    write!(name, "{{directory=").expect("a string takes text");
    let line = text.lines().find(|line| line.starts_with(&name));
    let value = line.and_then(|line| line.rsplit_once(' '));
    let (_, value) = value.unwrap_or_else(|| panic!("{name} is missing in\n{text}"));
    value.parse().expect("a number")
}

#[test]
fn below_its_reserve_a_directory_takes_no_records_and_does_all_else_until_there_is_room() {
    let lab = needs!();
    let Some(volume) = Volume::new("reserve", 128) else {
        return not_run("bad_input::watermark", "mounting a file needs root");
    };
    let data = volume.path().join("data").display().to_string();
    let http = free_port();
    let settings = [
        ("log.dirs", &*data),
        (RESERVE, "32MiB"),
        ("offsets.topic.num.partitions", "1"),
        ("forebay.http.listen", &format!("127.0.0.1:{http}")),
    ];
    let broker = Broker::start(&lab, Kind::Forebay, &settings);
    let mut client = Client::connect(broker.port);
    await_topic(&mut client, "topic");
    commit_at_last(&mut client, 1);
    assert_eq!(metric(http, "forebay_log_directory_full") as i64, 0);

    volume.fill(24 << 20);
    client.produce_until("topic", REFUSED);
    assert_eq!(metric(http, "forebay_log_directory_full") as i64, 1);
    assert!(metric(http, "forebay_log_directory_usable_bytes") < f64::from(32 << 20));
    let (code, records) = client.fetch("topic", 0).expect("an answer");
    assert_eq!((code, records.is_empty()), (0, false));
    assert_eq!(commit(&mut client, 1), 0);
    assert_eq!(client.create_topic("another"), 0);
    assert!(client.is_served());

    // What an operator may do, too: keep less in reserve.
    keep_in_reserve(&mut client, "1MiB");
    client.produce_until("topic", ErrorCode::None);
    keep_in_reserve(&mut client, "32MiB");
    client.produce_until("topic", REFUSED);
    volume.make_room();
    client.produce_until("topic", ErrorCode::None);
    assert_eq!(metric(http, "forebay_log_directory_full") as i64, 0);
    let log = broker.log();
    let told = [
        log.matches("takes no records of producers").count(),
        log.matches("takes records of producers again").count(),
    ];
    assert_eq!(told, [2, 2], "{log}");
}

#[test]
fn a_producer_waits_for_room_and_loses_nothing() {
    let lab = needs!(Python);
    let Some(volume) = Volume::new("reserve-producer", 256) else {
        return not_run("bad_input::watermark", "mounting a file needs root");
    };
    let data = volume.path().join("data").display().to_string();
    let settings = [("log.dirs", &*data), (RESERVE, "64MiB")];
    let broker = Broker::start(&lab, Kind::Forebay, &settings);
    let (lab_too, server) = (lab.clone(), broker.bootstrap());
    let producer = thread::spawn(move || {
        let args = ["produce", &server, "acknowledged", "9"];
        lab_too.python("bad_input/waiting.py", 240).args(args).run()
    });
    thread::sleep(Duration::from_secs(3));
    volume.fill(60 << 20);
    thread::sleep(Duration::from_secs(4));
    assert!(broker.log().contains("takes no records of producers"));
    volume.make_room();
    let sent = producer.join().expect("the producer's thread ends");
    let sent = sent.succeeded();
    let args = ["read", &broker.bootstrap(), "acknowledged"];
    let found = lab.python("bad_input/waiting.py", 120).args(args).run();
    let found = found.succeeded();
    let mut sent: Vec<&str> = sent.stdout.lines().collect();
    let mut found: Vec<&str> = found.stdout.lines().collect();
    sent.sort_unstable();
    found.sort_unstable();
    assert!(sent.len() > 100, "only {} records were sent", sent.len());
    assert!(sent == found, "{} sent, {} found", sent.len(), found.len());
    let mut numbers: Vec<usize> = sent
        .iter()
        .filter_map(|line| line.rsplit_once('-')?.1.parse().ok())
        .collect();
    numbers.sort_unstable();
    assert!(numbers.into_iter().eq(0..sent.len()), "a record failed");
}
