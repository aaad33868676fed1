//! `forebay import` on directories that Apache Kafka left, and what becomes of them.

#[path = "../support/mod.rs"]
mod support;

mod directory;
mod refusals;

use std::collections::BTreeSet;
use std::fs;

use directory::{SETTINGS, forebay, import, java, tree};
use support::{Broker, Kind, needs};

/// The exit status of a broker that cannot start on its data.
pub const UNUSABLE: i32 = 3;

/// What Kafka's tool says of users: their credentials and quotas.
fn users(broker: &Broker) -> String {
    let arguments = ["--describe", "--entity-type", "users"];
    let tool = broker.tool("kafka.admin.ConfigCommand", &arguments);
    let told = tool.run().succeeded().stdout;
    assert!(told.contains("SCRAM-SHA-256=iterations=4096"), "{told}");
    assert!(told.contains("producer_byte_rate"), "{told}");
    told
}

#[track_caller]
fn assert_same(before: &str, after: &str) {
    let only = |one: &str, other: &str| -> Vec<String> {
        let known: BTreeSet<&str> = other.lines().collect();
        let lines = one.lines().filter(|line| !known.contains(line));
        lines.take(5).map(str::to_owned).collect()
    };
    assert!(
        before == after,
        "only before: {:#?}\nonly after: {:#?}",
        only(before, after),
        only(after, before)
    );
}

#[test]
fn what_apache_kafka_served_is_served_and_goes_back_with_what_came_later() {
    let lab = needs!(Java);
    let mut broker = Broker::start(&lab, Kind::Kafka, &SETTINGS);
    java(&lab, &broker, "fill");
    let (before, users_before) = (java(&lab, &broker, "tell"), users(&broker));
    assert!(before.contains("aborted") && before.contains("committed"));
    broker.stop();
    let path = broker.data();
    let data = path.display().to_string();
    let properties = path.with_file_name("server.properties");
    let serve = ["serve", "--config", properties.to_str().expect("a text")];

    // What nobody has looked at is refused as it is.
    let left = tree(&path);
    let (_, errors, status) = forebay(&serve);
    assert_eq!(status, UNUSABLE, "{errors}");
    let reason = "Apache Kafka has served it last: `forebay import`";
    assert!(errors.contains(reason), "{errors}");
    assert!(tree(&path) == left, "nothing was changed");

    let facts = import(&data, &["--dry-run"]).succeeded();
    assert_eq!(facts["imported"], false);
    assert!(tree(&path) == left, "nothing was changed");
    for (pointer, expected) in [
        ("/metadata_version/name", "\"30 (4.3-IV0)\""),
        ("/node_id", "1"),
        ("/groups/classic", "2"),
        ("/groups/consumer", "2"),
        ("/groups/share", "1"),
        ("/kept/scram_credentials", "1"),
        ("/kept/client_quotas", "1"),
        ("/acls", "1"),
    ] {
        let found = facts.pointer(pointer).map(ToString::to_string);
        assert_eq!(found.as_deref(), Some(expected), "{pointer} in {facts}");
    }
    import(&data, &[]).succeeded();
    let mut noted = tree(&path);
    noted.retain(|(name, _)| name != "forebay-import");
    assert!(noted == left, "nothing but the note is new");

    broker.hand_to(Kind::Forebay);
    broker.resume();
    assert_same(&before, &java(&lab, &broker, "tell"));
    java(&lab, &broker, "more");
    let later = java(&lab, &broker, "tell");
    assert!(later.contains("new-99"), "{later}");
    broker.stop();
    assert_eq!(import(&data, &[]).succeeded()["written_by"], "Forebay");

    broker.hand_to(Kind::Kafka);
    broker.resume();
    assert_same(&later, &java(&lab, &broker, "tell"));
    assert_eq!(users(&broker), users_before);
    let log = broker.log();
    assert!(
        !log.contains("Recovering") && !log.contains("ERROR"),
        "{log}"
    );
    // The producer of the transactions is known, and goes on.
    java(&lab, &broker, "transact");
    broker.stop();
    import(&data, &[]).succeeded();

    // Kafka ran once more: what was looked at is not what is there.
    broker.resume();
    broker.stop();
    let (_, errors, status) = forebay(&serve);
    assert_eq!(status, UNUSABLE, "{errors}");
    let reason = "Apache Kafka has changed it since it was imported";
    assert!(errors.contains(reason), "{errors}");
    import(&data, &[]).succeeded();
    // The first start may be interrupted when it has removed the mark.
    let mark = path.join(".kafka_cleanshutdown");
    fs::remove_file(mark).expect("Kafka left it");
    broker.hand_to(Kind::Forebay);
    broker.resume();
    assert!(java(&lab, &broker, "tell").contains("again104"));
}
