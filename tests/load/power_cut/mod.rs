//! The power of the broker's disk goes while clients work.
//!
//! The file systems are the kernel's, on a disk of this process that forgets what was not synced:
//! see [`disk`]. They need root (or sudo without a password), `/dev/fuse` and loop devices; where
//! one is missing, as in most containers, the tests say so and are listed as not run.

mod cache;
mod device;
mod disk;
mod fuse;
mod witness;

use std::thread;
use std::time::Duration;

use forebay::config::SyncMethod;
use forebay::model::ErrorCode;
use forebay::stdx::Random;
use serde_json::json;

use super::history::{Fault, faults};
use super::workload::{Load, SETTINGS, assert_is_kept, pause, randomness, read, rounds};
use crate::support::wire::Connection;
use crate::support::{Broker, Kind, Lab, needs, not_possible, test_name};
use cache::Cut;
use disk::{Disk, FileSystem};
use witness::value_of_units;

/// As often does the power go under load.
const CUTS: u64 = 20;

/// Opens a disk with a file system, or notes the test as not run and returns from it.
macro_rules! disk {
    ($name:literal, $file_system:ident) => {
        match Disk::new($name, FileSystem::$file_system) {
            Ok(disk) => disk,
            Err(reason) => return not_possible(test_name!(), &reason),
        }
    };
}

#[track_caller]
fn start_on(lab: &Lab, disk: &Disk, method: SyncMethod) -> Broker {
    let data = disk.path().join("data").display().to_string();
    let own = [("log.dirs", &*data), ("forebay.sync.method", method.name())];
    let settings = [&SETTINGS[..], &own].concat();
    Broker::start(lab, Kind::Forebay, &settings)
}

#[track_caller]
fn what_was_acknowledged_survives_power_cuts(lab: &Lab, mut disk: Disk, method: SyncMethod) {
    let (seed, mut random) = randomness();
    let mut broker = start_on(lab, &disk, method);
    let load = Load::start(lab, &broker, seed);
    for _ in 0..rounds(CUTS) {
        pause(&mut random, 200..2000);
        disk.device.lose_power();
        broker.kill();
        disk.start_again(Cut::from_random(&mut random), &mut random);
        broker.resume();
    }
    let acknowledged = load.finish();
    assert_is_kept(lab, &broker, &acknowledged);
}

#[test]
fn what_was_acknowledged_is_there_once_and_in_order_after_twenty_power_cuts_on_ext4() {
    let lab = needs!(Python, Java);
    what_was_acknowledged_survives_power_cuts(&lab, disk!("ext4", Ext4), SyncMethod::Dsync);
}

#[test]
fn what_was_acknowledged_is_there_once_and_in_order_after_power_cuts_on_ext4_with_fdatasync() {
    let lab = needs!(Python, Java);
    let disk = disk!("ext4-fdatasync", Ext4);
    what_was_acknowledged_survives_power_cuts(&lab, disk, SyncMethod::Fdatasync);
}

#[test]
fn what_was_acknowledged_is_there_once_and_in_order_after_twenty_power_cuts_on_xfs() {
    let lab = needs!(Python, Java);
    what_was_acknowledged_survives_power_cuts(&lab, disk!("xfs", Xfs), SyncMethod::Dsync);
}

#[test]
fn what_was_acknowledged_is_there_once_and_in_order_after_power_cuts_on_xfs_with_fdatasync() {
    let lab = needs!(Python, Java);
    let disk = disk!("xfs-fdatasync", Xfs);
    what_was_acknowledged_survives_power_cuts(&lab, disk, SyncMethod::Fdatasync);
}

#[test]
fn a_power_cut_that_takes_what_was_synced_is_found() {
    let lab = needs!(Python, Java);
    let mut disk = disk!("lying", Ext4);
    let (seed, mut random) = randomness();
    let mut broker = start_on(&lab, &disk, SyncMethod::Dsync);
    let load = Load::start(&lab, &broker, seed);
    pause(&mut random, 2000..3000);
    disk.device.begin_to_lie();
    pause(&mut random, 2000..3000);
    let acknowledged = load.finish();
    disk.device.lose_power();
    broker.kill();
    disk.start_again(Cut::Nothing, &mut random);
    broker.resume();
    let faults = faults(&acknowledged, &read(&lab, &broker));
    assert!(
        !faults.is_empty(),
        "the cut took nothing, or nobody noticed"
    );
    assert!(
        faults.iter().all(|fault| matches!(fault, Fault::Lost(_))),
        "a disk as it was a while ago lacks records, and that is all: {:#?}",
        &faults[..faults.len().min(5)]
    );
}

/// Clients of the next tests, and what each of them sends.
const CLIENTS: u64 = 3;
const RECORDS_PER_CLIENT: u64 = 60;

/// A sync takes long enough for an answer that does not wait for it to be seen before its end.
const SYNC_DURATION: Duration = Duration::from_millis(4);

/// Units of a record: most go through the journal, some are too large for it.
fn units(random: &mut Random) -> u32 {
    let range = match random.below(4) {
        0 => 2_000..6_000,
        _ => 2..200,
    };
    range.start + random.below(u64::from(range.end - range.start)) as u32
}

/// Sends a record of so many units to a partition and waits for the acknowledgement.
#[track_caller]
fn produce(client: &mut Connection, partition: u64, value: u64, units: u32) {
    assert_eq!(produced_code(client, partition, value, units), 0);
}

/// The same, for the code of the answer.
#[track_caller]
fn produced_code(client: &mut Connection, partition: u64, value: u64, units: u32) -> i64 {
    let batch = json!({ "$batch": { "values": [value_of_units(value, units)] } });
    let partition = json!({ "Index": partition, "Records": batch });
    let topic = json!({ "Name": "watched", "PartitionData": [partition] });
    let body = json!({ "Acks": -1, "TimeoutMs": 30000, "TopicData": [topic] });
    let answer = client.ask("Produce", 9, &body).expect("an answer");
    let partition = &answer["Responses"][0]["PartitionResponses"][0];
    partition["ErrorCode"].as_i64().expect("a code")
}

#[track_caller]
fn create_watched(broker: &Broker, partitions: u64) {
    let topic = json!({ "Name": "watched", "NumPartitions": partitions, "ReplicationFactor": 1 });
    let topics = json!({ "Topics": [topic], "timeoutMs": 30000 });
    let created = broker.connect().ask("CreateTopics", 4, &topics);
    let created = created.expect("an answer");
    assert_eq!(created["Topics"][0]["ErrorCode"], 0, "{created}");
}

/// The acknowledgements that came before all of their record was on the disk for good: the number
/// of the record, of its units, and of those that a power cut would have taken just then.
#[track_caller]
fn early_acknowledgements(lab: &Lab, disk: &Disk, method: SyncMethod) -> Vec<(u64, u32, usize)> {
    let (_, mut random) = randomness();
    let broker = start_on(lab, disk, method);
    let partitions = 4;
    create_watched(&broker, partitions);
    disk.device.set_sync_duration(SYNC_DURATION);
    let send_all = |client: u64, mut random: Random| {
        let mut connection = broker.connect();
        let mut early = Vec::new();
        for number in 0..RECORDS_PER_CLIENT {
            let value = client * RECORDS_PER_CLIENT + number;
            let units = units(&mut random);
            produce(&mut connection, random.below(partitions), value, units);
            let unsynced = disk.device.unsynced_units(value, units).len();
            if unsynced > 0 {
                early.push((value, units, unsynced));
            }
        }
        early
    };
    thread::scope(|scope| {
        let threads: Vec<_> = (0..CLIENTS)
            .map(|client| {
                let random = random.fork();
                scope.spawn(move || send_all(client, random))
            })
            .collect();
        let join = |thread: thread::ScopedJoinHandle<'_, _>| thread.join().expect("a client ends");
        threads.into_iter().flat_map(join).collect()
    })
}

#[test]
fn no_acknowledgement_comes_before_the_disk_has_synced_all_of_its_record() {
    let lab = needs!(Java);
    let disk = disk!("watched", Ext4);
    let early = early_acknowledgements(&lab, &disk, SyncMethod::Dsync);
    assert_eq!(early, []);
}

#[test]
fn with_fdatasync_no_acknowledgement_comes_before_the_disk_has_synced_all_of_its_record() {
    let lab = needs!(Java);
    let disk = disk!("watched-fdatasync", Ext4);
    let early = early_acknowledgements(&lab, &disk, SyncMethod::Fdatasync);
    assert_eq!(early, []);
}

#[test]
fn acknowledgements_are_early_where_the_disk_only_says_that_it_has_synced() {
    let lab = needs!(Java);
    let disk = disk!("watched-lying", Ext4);
    disk.device.begin_to_lie();
    let early = early_acknowledgements(&lab, &disk, SyncMethod::Dsync);
    assert_eq!(early.len() as u64, CLIENTS * RECORDS_PER_CLIENT);
    assert!(
        early
            .iter()
            .all(|(_, units, unsynced)| *units as usize == *unsynced)
    );
}

/// Units of a record that goes through the journal, and of one that is too large for it.
const SIZES: [u32; 2] = [100, 4000];

#[track_caller]
fn no_record_is_acknowledged_once_a_sync_has_failed(lab: &Lab, disk: &Disk, method: SyncMethod) {
    let storage_error = i64::from(ErrorCode::KafkaStorageError.code());
    let broker = start_on(lab, disk, method);
    create_watched(&broker, SIZES.len() as u64);
    let mut client = broker.connect();
    for (partition, units) in (0..).zip(SIZES) {
        produce(&mut client, partition, partition, units);
    }
    disk.device.fail_syncs(true);
    for (partition, units) in (0..).zip(SIZES) {
        let code = produced_code(&mut client, partition, 10 + partition, units);
        assert_eq!(code, storage_error, "{units} units");
    }
    // A sync that succeeds now would say nothing of what the failed one was to secure.
    disk.device.fail_syncs(false);
    for (partition, units) in (0..).zip(SIZES) {
        let code = produced_code(&mut client, partition, 20 + partition, units);
        assert_eq!(code, storage_error, "{units} units");
    }
}

#[test]
fn a_record_whose_sync_failed_is_not_acknowledged_and_no_sync_is_tried_again() {
    let lab = needs!(Java);
    let disk = disk!("failing-dsync", Ext4);
    no_record_is_acknowledged_once_a_sync_has_failed(&lab, &disk, SyncMethod::Dsync);
}

#[test]
fn a_record_whose_fdatasync_failed_is_not_acknowledged_and_no_sync_is_tried_again() {
    let lab = needs!(Java);
    let disk = disk!("failing-fdatasync", Ext4);
    no_record_is_acknowledged_once_a_sync_has_failed(&lab, &disk, SyncMethod::Fdatasync);
}
