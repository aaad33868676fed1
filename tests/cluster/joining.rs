//! Brokers of Forebay in clusters that another node controls: one of Forebay, one of Apache Kafka.

use crate::support::{Broker, Kind, needs};
use crate::{await_states, create_on, partitions};

const TOPICS: &str = "org.apache.kafka.tools.TopicCommand";
const PRODUCER: &str = "org.apache.kafka.tools.ConsoleProducer";
const QUORUM: &str = "org.apache.kafka.tools.MetadataQuorumCommand";
const OFFSETS: &str = "org.apache.kafka.tools.GetOffsetShell";

const LED_BY_2: &str = "Leader: 2 Replicas: 2 Isr: 2";
const LEADERLESS: &str = "Leader: none Replicas: 2 Isr: 2";

/// What a broker of Forebay does in the cluster of `controller`.
#[track_caller]
fn joins_serves_and_leaves(controller: &Broker) {
    let mut forebay = Broker::joining(controller, Kind::Forebay, 2);
    await_states(controller, &[("1", "unfenced"), ("2", "unfenced")]);

    // Asked for a topic, it asks the controller.
    let create = |args: &[&str]| {
        let args = [&["--create", "--topic"], args].concat();
        forebay.tool(TOPICS, &args).run().succeeded();
    };
    create(&["chosen", "--replica-assignment", "2"]);
    create(&["spread", "--partitions", "4", "--replication-factor", "1"]);
    assert_eq!(partitions(controller, "chosen"), [LED_BY_2]);
    let spread = partitions(controller, "spread");
    let here = spread.iter().filter(|line| *line == LED_BY_2);
    assert_eq!(here.count(), 2, "{spread:?}");

    let produce = controller.tool(PRODUCER, &["--topic", "chosen"]);
    produce.input("one\ntwo\n").run().succeeded();

    forebay.stop();
    await_states(controller, &[("1", "unfenced"), ("2", "fenced")]);
    assert_eq!(partitions(controller, "chosen"), [LEADERLESS]);
    forebay.resume();
    await_states(controller, &[("1", "unfenced"), ("2", "unfenced")]);

    forebay.kill();
    await_states(controller, &[("1", "unfenced"), ("2", "fenced")]);
    forebay.resume();
    await_states(controller, &[("1", "unfenced"), ("2", "unfenced")]);
    let offsets = controller.tool(OFFSETS, &["--topic", "chosen"]);
    assert_eq!(offsets.run().succeeded().stdout.trim(), "chosen:0:2");
}

#[test]
fn a_broker_of_forebay_serves_in_the_cluster_of_a_forebay_controller() {
    let lab = needs!(Java);
    let controller = Broker::start(&lab, Kind::Forebay, &[]);
    joins_serves_and_leaves(&controller);
}

#[test]
fn a_broker_of_forebay_serves_in_the_cluster_of_an_apache_kafka_controller() {
    let lab = needs!(Java);
    let controller = Broker::start_for_forebay(&lab, &[]);
    joins_serves_and_leaves(&controller);
}

#[test]
fn a_cluster_with_features_that_forebay_lacks_is_not_joined() {
    let lab = needs!(Java);
    let controller = Broker::start(&lab, Kind::Kafka, &[]);
    let mut forebay = Broker::prepared_to_join(&controller, Kind::Forebay, 2);
    let log = forebay.fails_to_start();
    assert!(
        log.contains("it lacks") && log.contains("transaction.version=2"),
        "{log}"
    );
}

#[test]
fn a_broker_of_another_cluster_and_one_that_is_not_formatted_stop_with_a_line() {
    let lab = needs!();
    let controller = Broker::start(&lab, Kind::Forebay, &[]);
    let mut forebay = Broker::prepared_to_join(&controller, Kind::Forebay, 2);
    std::fs::remove_dir_all(forebay.data()).expect("it can be removed");
    let log = forebay.fails_to_start();
    assert!(
        log.contains("is not formatted") && log.contains("forebay format"),
        "{log}"
    );

    forebay.format("MkU3OEVBNTcwNTJENDM2Qg");
    forebay.set(&[("initial.broker.registration.timeout.ms", "2000")]);
    let log = forebay.fails_to_start();
    assert!(
        log.contains("when last asked: it was refused with INCONSISTENT_CLUSTER_ID"),
        "{log}"
    );
}

#[test]
fn brokers_of_both_kinds_join_a_controller_that_is_no_broker() {
    let lab = needs!(Java);
    let mut controller = Broker::controller_alone(&lab);
    let forebay = Broker::joining(&controller, Kind::Forebay, 2);
    let kafka = Broker::joining(&controller, Kind::Kafka, 3);
    await_states(&forebay, &[("2", "unfenced"), ("3", "unfenced")]);
    create_on(&forebay, "one", "2:3");
    create_on(&kafka, "two", "3:2");
    for asked in [&forebay, &kafka] {
        let describe = asked.tool(QUORUM, &["describe", "--status"]);
        let told = describe.run().succeeded().stdout;
        let leader = told.lines().find(|line| line.starts_with("LeaderId:"));
        let leader = leader.and_then(|line| line.split_whitespace().nth(1));
        assert_eq!(leader, Some("1"), "{told}");
    }
    let produce = kafka.tool(PRODUCER, &["--topic", "one"]);
    produce.input("one\ntwo\n").run().succeeded();
    let offsets = forebay.tool(OFFSETS, &["--topic", "one"]);
    assert_eq!(offsets.run().succeeded().stdout.trim(), "one:0:2");
    controller.stop();
    controller.launch();
    create_on(&forebay, "three", "2:3");
    let led = "Leader: 2 Replicas: 2,3 Isr: 2,3";
    assert_eq!(partitions(&kafka, "three"), [led]);
}
