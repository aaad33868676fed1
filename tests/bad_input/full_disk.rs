//! A disk that becomes full while the broker runs.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use forebay::model::ErrorCode;

use super::client::{Client, LIMIT, await_topic, batch_of};
use super::volume::Volume;
use crate::support::{Broker, Kind, needs, not_run};

/// The file in which the broker notes how writes are synced in a directory.
const SYNC_NOTE: &str = "forebay-sync-method";

/// The value of the record at `offset`.
fn value_of(offset: i64) -> Vec<u8> {
    offset
        .to_string()
        .repeat(20_000 / offset.to_string().len())
        .into_bytes()
}

/// Produces record after record until one is refused; the offset that it would have had.
#[track_caller]
fn produce_until_refused(client: &mut Client, mut offset: i64) -> i64 {
    let started = Instant::now();
    loop {
        let produced = client.produce("topic", -1, batch_of(&value_of(offset)));
        match produced.expect("an answer") {
            (0, found) => assert_eq!(found, offset),
            (code, _) => {
                assert_eq!(
                    ErrorCode::from_code(code),
                    Some(ErrorCode::KafkaStorageError)
                );
                return offset;
            }
        }
        offset += 1;
        assert!(started.elapsed() < LIMIT, "the disk does not become full");
    }
}

/// Everything below `end` is there as it was produced.
#[track_caller]
fn assert_readable(client: &mut Client, end: i64) {
    let mut offset = 1;
    while offset < end {
        let (code, records) = client.fetch("topic", offset).expect("an answer");
        assert_eq!(code, ErrorCode::None.code(), "at {offset}");
        assert!(!records.is_empty(), "nothing at {offset}, below {end}");
        for (found, value) in records.into_iter().filter(|(found, _)| *found < end) {
            assert_eq!(found, offset, "offsets are dense");
            assert!(value == value_of(offset), "another record at {offset}");
            offset += 1;
        }
    }
}

#[test]
fn a_disk_that_becomes_full_refuses_records_and_serves_the_rest_until_there_is_room_again() {
    let lab = needs!();
    let Some(volume) = Volume::new("full-while-running", 64) else {
        return not_run("bad_input::full_disk", "mounting a file needs root");
    };
    let data = volume.path().join("data").display().to_string();
    let settings = [("log.dirs", &*data), ("forebay.disk.reserve.bytes", "0")];
    let mut broker = Broker::start(&lab, Kind::Forebay, &settings);
    let (mut client, mut other) = (Client::connect(broker.port), Client::connect(broker.port));
    await_topic(&mut client, "topic");
    volume.fill(2 << 20);

    let end = produce_until_refused(&mut client, 1);
    assert!(end > 20, "{end} records of 20 KB fit into 2 MB");
    let again = client
        .produce("topic", -1, batch_of(b"again"))
        .expect("an answer");
    assert_eq!(again.0, ErrorCode::KafkaStorageError.code());
    assert!(other.is_served());
    assert_readable(&mut other, end);

    volume.make_room();
    let next = client.produce_until("topic", ErrorCode::None);
    assert!(next >= end, "{next} was given before");
    assert_readable(&mut other, end);

    // Killed on a full disk, it has what it acknowledged after the next start.
    volume.fill(256 << 10);
    let acknowledged = until_refused(&mut client, next + 1);
    drop((client, other));
    broker.kill();
    volume.make_room();
    broker.resume();
    let mut client = Client::connect(broker.port);
    assert_readable(&mut client, end);
    let after = client.produce_until("topic", ErrorCode::None);
    assert!(after >= acknowledged, "{after} was given before");

    // A stop on a full disk gives up what nobody was promised.
    volume.fill(256 << 10);
    let acknowledged = until_refused(&mut client, after + 1);
    let took = broker.stop();
    assert!(took < Duration::from_secs(10), "the stop took {took:?}");
    volume.make_room();
    broker.resume();
    let mut client = Client::connect(broker.port);
    assert_readable(&mut client, end);
    let after = client.produce_until("topic", ErrorCode::None);
    assert!(after >= acknowledged, "{after} was given before");
    assert!(!broker.log().contains("panicked"), "{}", broker.log());
}

/// Produces small records until one is refused; the offset behind the last that was not.
#[track_caller]
fn until_refused(client: &mut Client, mut end: i64) -> i64 {
    let started = Instant::now();
    while started.elapsed() < LIMIT {
        match client
            .produce("topic", -1, batch_of(&[b'x'; 20_000]))
            .expect("an answer")
        {
            (0, offset) => end = offset + 1,
            _ => return end,
        }
    }
    panic!("the disk does not become full");
}

/// Waits until records that the journal has are in the partition's first segment, too.
#[track_caller]
fn await_segment(folder: &Path) {
    let started = Instant::now();
    while !folder.join("00000000000000000000.log").exists() {
        assert!(started.elapsed() < LIMIT, "nothing is written back");
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// How many snapshots of the metadata there are.
fn snapshots_count(data: &Path) -> usize {
    let entries = fs::read_dir(data.join("__cluster_metadata-0")).expect("the metadata's folder");
    let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    names.filter(|name| name.ends_with(".checkpoint")).count()
}

#[test]
fn a_disk_without_room_for_another_file_holds_up_rolls_topics_and_snapshots_until_there_is_some() {
    let lab = needs!();
    let Some(volume) = Volume::new("without-names", 64) else {
        return not_run("bad_input::full_disk", "mounting a file needs root");
    };
    let data = volume.path().join("data");
    let settings = [
        ("log.dirs", &*data.display().to_string()),
        ("log.segment.bytes", "1048576"),
        ("metadata.log.max.record.bytes.between.snapshots", "1"),
    ];
    let mut broker = Broker::start(&lab, Kind::Forebay, &settings);
    let mut client = Client::connect(broker.port);
    await_topic(&mut client, "topic");
    await_segment(&data.join("topic-0"));
    volume.take_all_names();

    let end = produce_until_refused(&mut client, 1);
    assert!(
        end > 40,
        "{end} records of 20 KB fit into the first segment"
    );
    let refused = Some(ErrorCode::KafkaStorageError);
    assert_eq!(client.create_topic("other"), ErrorCode::None.code());
    for topic in ["other", "topic"] {
        let produced = client.produce(topic, -1, batch_of(b"refused"));
        let (code, _) = produced.expect("an answer");
        assert_eq!(ErrorCode::from_code(code), refused, "{topic}");
    }
    assert_readable(&mut client, end);
    let snapshots = snapshots_count(&data);

    volume.give_names_back();
    let next = client.produce_until("topic", ErrorCode::None);
    assert!(next >= end, "{next} was given before");
    assert_eq!(client.produce_until("other", ErrorCode::None), 0);
    assert_readable(&mut client, end);
    let started = Instant::now();
    while snapshots_count(&data) == snapshots {
        assert!(started.elapsed() < LIMIT, "no snapshot is made any more");
        std::thread::sleep(Duration::from_millis(100));
    }
    let log = broker.log();
    for said in [
        "topic-0 takes no records",
        "a snapshot of the metadata is put off",
    ] {
        assert_eq!(log.matches(said).count(), 1, "{said}: {log}");
    }
    drop(client);
    broker.stop();
    assert!(
        data.join(".kafka_cleanshutdown").exists(),
        "{}",
        broker.log()
    );
    broker.resume();
    let mut client = Client::connect(broker.port);
    assert_readable(&mut client, end);
    assert_eq!(client.produce_until("other", ErrorCode::None), 1);
}

#[test]
fn without_room_to_measure_how_to_sync_each_write_is_synced_by_itself_until_a_start_with_room() {
    let lab = needs!();
    let volumes = (
        Volume::new("room-to-measure", 64),
        Volume::new("no-room-to-measure", 16),
    );
    let (Some(roomy), Some(full)) = volumes else {
        return not_run("bad_input::full_disk", "mounting a file needs root");
    };
    let [first, second] = [&roomy, &full].map(|volume| volume.path().join("data"));
    let both = format!("{},{}", first.display(), second.display());
    full.fill(128 << 10);
    let mut broker = Broker::start(&lab, Kind::Forebay, &[("log.dirs", &both)]);
    let said = format!("writes in {} are synced by dsync", second.display());
    let log = broker.log();
    let line = log.lines().find(|line| line.contains(&said));
    let line = line.unwrap_or_else(|| panic!("{log}"));
    assert!(line.contains("No space left on device"), "{line}");
    let (noted, missing) = (first.join(SYNC_NOTE), second.join(SYNC_NOTE));
    assert!(noted.exists());
    assert!(!missing.exists());

    broker.stop();
    full.make_room();
    broker.resume();
    assert!(missing.exists(), "{}", broker.log());
}
