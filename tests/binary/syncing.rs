//! How writes get on the disk before they are acknowledged: measured at the first start, or set.

use std::fs;

use forebay::protocol::record_batch::RecordBatchBuilder;

use crate::broker::{Broker, Client, produce, produced_code};

const NOTE: &str = "forebay-sync-method";

/// The metric that tells how writes to the broker's directory are synced.
#[track_caller]
fn told_method(broker: &Broker) -> String {
    let told = broker.told("/metrics");
    let mut lines = told.lines().filter_map(|line| {
        let labels = line.strip_prefix("forebay_log_directory_sync_method{")?;
        labels.strip_suffix("} 1")
    });
    let labels = lines.next().expect("it is told").to_owned();
    assert_eq!(lines.next(), None, "there is one directory");
    labels
}

fn labels(broker: &Broker, method: &str) -> String {
    let directory = fs::canonicalize(broker.dir()).expect("it is there");
    format!("directory=\"{}\",method=\"{method}\"", directory.display())
}

#[test]
fn the_first_start_measures_how_to_sync_and_later_ones_read_what_it_noted() {
    let broker = Broker::start("sync-measured");
    let log = broker.log();
    assert!(log.contains("measured now"), "{log}");
    let note = broker.dir().join(NOTE);
    let noted = fs::read_to_string(&note).expect("it is noted");
    let told = told_method(&broker);
    let is_told = |method: &&str| told == labels(&broker, method);
    let methods = ["dsync", "fdatasync"];
    let method = methods.into_iter().find(is_told).expect("one of the two");
    assert!(log.contains(&format!("are synced by {method}: ")), "{log}");

    let broker = broker.restart();
    let log = broker.log();
    assert!(log.contains("measured before"), "{log}");
    assert_eq!(fs::read_to_string(&note).expect("it stays"), noted);
    assert_eq!(told_method(&broker), told);
}

#[test]
fn what_the_setting_says_is_done_and_nothing_is_measured() {
    for method in ["dsync", "fdatasync"] {
        let setting = format!("forebay.sync.method={method}");
        let broker = Broker::start_with(&format!("sync-{method}"), &[&setting]);
        let said = format!("are synced by {method}: forebay.sync.method says so");
        assert!(broker.log().contains(&said), "{}", broker.log());
        assert_eq!(told_method(&broker), labels(&broker, method));
        let mut client = Client::connect(broker.kafka, "writer");
        client.create("topic");
        for size in [10, 100_000] {
            let mut batch = RecordBatchBuilder::new();
            batch.append(1_700_000_000_000, None, Some(&vec![b'x'; size]), &[]);
            let produced = client.ask(produce("topic", batch.finish().to_bytes()));
            assert_eq!(produced_code(&produced), 0);
        }
        drop(client);
        let broker = broker.restart();
        let mut client = Client::connect(broker.kafka, "reader");
        assert_eq!(client.end_of("topic"), 2, "{method}");
        assert!(!broker.dir().join(NOTE).exists(), "{method}");
    }
}
