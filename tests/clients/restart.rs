//! What a stopped broker leaves on disk: for itself, and for Apache Kafka.

use crate::support::{Broker, Kind, Lab, Program, needs};

fn produced(lab: &Lab, broker: &Broker, topic: &str) {
    let server = broker.bootstrap();
    lab.python("clients/confluent.py", 90)
        .args(["produce", &server, topic])
        .run()
        .succeeded();
}

fn consumed(lab: &Lab, broker: &Broker, topic: &str, count: &str) -> String {
    let server = broker.bootstrap();
    let args = ["consume", &server, topic, count];
    lab.python("clients/confluent.py", 90)
        .args(args)
        .run()
        .succeeded()
        .stdout
}

/// `0 OFFSET None message N` for the ten messages of each producer.
fn ten_from(start: u32) -> String {
    (0..10)
        .map(|number| format!("0 {} None message {number}\n", start + number))
        .collect()
}

#[test]
fn records_topics_and_a_group_s_place_survive_a_stop_and_a_kill() {
    let lab = needs!(Python);
    let mut broker = Broker::start(&lab, Kind::Forebay, &[]);
    produced(&lab, &broker, "kept");
    assert_eq!(consumed(&lab, &broker, "kept", "10"), ten_from(0));
    broker.stop();
    broker.resume();
    produced(&lab, &broker, "kept");
    assert_eq!(consumed(&lab, &broker, "kept", "20"), ten_from(10));
    broker.kill();
    broker.resume();
    produced(&lab, &broker, "kept");
    assert_eq!(consumed(&lab, &broker, "kept", "30"), ten_from(20));
}

#[test]
fn apache_kafka_starts_on_a_copy_of_a_stopped_directory_and_serves_the_data() {
    let lab = needs!(Python, Java);
    let mut broker = Broker::start(&lab, Kind::Forebay, &[]);
    produced(&lab, &broker, "moved");
    assert_eq!(consumed(&lab, &broker, "moved", "10"), ten_from(0));
    let topics = "org.apache.kafka.tools.TopicCommand";
    let configs = [
        "--create",
        "--topic",
        "compact",
        "--config",
        "cleanup.policy=compact",
    ];
    broker.tool(topics, &configs).run().succeeded();
    // A setting that Apache Kafka does not know.
    let durability = |broker: &Broker, change: [&str; 2]| {
        let topic = [
            "--alter",
            "--entity-type",
            "topics",
            "--entity-name",
            "moved",
        ];
        broker
            .tool("kafka.admin.ConfigCommand", &[&topic[..], &change].concat())
            .run()
            .succeeded()
    };
    durability(&broker, ["--add-config", "forebay.durability=relaxed"]);
    produced(&lab, &broker, "moved");
    broker.stop();
    let mut kafka = Broker::on_copy_of(&broker, Kind::Kafka);
    kafka.resume();
    durability(&kafka, ["--delete-config", "forebay.durability"]);
    // The group goes on where it stopped, and the producer's records follow the last one.
    assert_eq!(consumed(&lab, &kafka, "moved", "20"), ten_from(10));
    produced(&lab, &kafka, "moved");
    assert_eq!(consumed(&lab, &kafka, "moved", "30"), ten_from(20));
    let described = kafka
        .tool(topics, &["--describe", "--topic", "compact"])
        .run()
        .succeeded();
    assert!(
        described.stdout.contains("cleanup.policy=compact"),
        "{}",
        described.stdout
    );
}

#[test]
fn a_topic_that_kafka_configs_relaxes_loses_nothing_to_a_stop_and_its_end_to_a_kill() {
    let lab = needs!(Python, Java);
    let mut broker = Broker::start(&lab, Kind::Forebay, &[]);
    for (topic, settings) in [
        ("relaxed", "forebay.durability=relaxed"),
        ("each", "forebay.durability=relaxed,flush.messages=1"),
    ] {
        produced(&lab, &broker, topic);
        let named = ["--alter", "--entity-type", "topics", "--entity-name", topic];
        let change = [&named[..], &["--add-config", settings]].concat();
        let configs = broker.tool("kafka.admin.ConfigCommand", &change);
        configs.run().succeeded();
        produced(&lab, &broker, topic);
    }
    broker.stop();
    broker.resume();
    produced(&lab, &broker, "relaxed");
    produced(&lab, &broker, "each");
    broker.kill();
    broker.resume();
    let thirty = [ten_from(0), ten_from(10), ten_from(20)].concat();
    assert_eq!(consumed(&lab, &broker, "each", "30"), thirty);
    let offsets = broker.tool(
        "org.apache.kafka.tools.GetOffsetShell",
        &["--topic", "relaxed"],
    );
    let offsets = offsets.run().succeeded().stdout;
    let end = offsets.trim().strip_prefix("relaxed:0:");
    let end = end.unwrap_or_else(|| panic!("{offsets}"));
    let found = consumed(&lab, &broker, "relaxed", end);
    assert!(thirty.starts_with(&found), "{found}");
    assert!((20..=30).contains(&found.lines().count()), "{found}");
}

#[test]
fn apache_kafka_starts_on_the_repaired_directory_of_a_broker_that_was_killed() {
    let lab = needs!(Python, Java);
    let mut broker = Broker::start(&lab, Kind::Forebay, &[]);
    produced(&lab, &broker, "killed");
    broker.kill();
    let data = broker.data().display().to_string();
    let verify = |arguments: &[&str]| {
        Program::new(env!("CARGO_BIN_EXE_forebay"), 60)
            .args(["verify", "--data-dir", &data])
            .args(arguments)
            .run()
            .succeeded()
            .stdout
    };
    let found = verify(&[]);
    assert!(
        found.contains("10 records of 1 partition are only in the journal"),
        "{found}"
    );
    let repaired = verify(&["--repair"]);
    assert!(
        repaired.contains("10 records that only the journal had"),
        "{repaired}"
    );
    let log = broker.data().join("killed-0/00000000000000000000.log");
    let dump = lab
        .java("org.apache.kafka.tools.DumpLogSegments", 60)
        .args(["--deep-iteration", "--print-data-log"])
        .args(["--files", &log.display().to_string()])
        .run()
        .succeeded();
    assert_eq!(dump.stdout.matches(" payload: message ").count(), 10);
    assert!(!dump.stdout.contains("invalid"), "{}", dump.stdout);
    let mut kafka = Broker::on_copy_of(&broker, Kind::Kafka);
    kafka.resume();
    assert_eq!(consumed(&lab, &kafka, "killed", "10"), ten_from(0));
    assert!(!kafka.log().contains("Recovering"), "{}", kafka.log());
    produced(&lab, &kafka, "killed");
    kafka.stop();
    let told = Program::new(env!("CARGO_BIN_EXE_forebay"), 60)
        .args(["verify", "--data-dir", &kafka.data().display().to_string()])
        .run()
        .succeeded();
    assert!(told.stdout.contains("sound: "), "{}", told.stdout);
}

#[test]
fn kafka_dump_log_decodes_the_metadata_log_of_a_stopped_broker() {
    let lab = needs!(Java);
    let mut broker = Broker::start(&lab, Kind::Forebay, &[]);
    let topics = "org.apache.kafka.tools.TopicCommand";
    broker
        .tool(topics, &["--create", "--topic", "recorded"])
        .run()
        .succeeded();
    broker.stop();
    let log = broker
        .data()
        .join("__cluster_metadata-0/00000000000000000000.log");
    let args = [
        "--cluster-metadata-decoder",
        "--files",
        &log.display().to_string(),
    ];
    let dump = lab
        .java("org.apache.kafka.tools.DumpLogSegments", 60)
        .args(args)
        .run()
        .succeeded();
    for record in [
        "REGISTER_BROKER_RECORD",
        "TOPIC_RECORD",
        "PARTITION_RECORD",
        "\"recorded\"",
    ] {
        assert!(
            dump.stdout.contains(record),
            "no {record} in\n{}",
            dump.stdout
        );
    }
}
