//! Clusters that lack what they need, and what is asked of brokers that are not there.

use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use crate::support::{Broker, Kind, needs};
use crate::{LIMIT, await_states, partitions};

const TOPICS: &str = "org.apache.kafka.tools.TopicCommand";
const PRODUCER: &str = "org.apache.kafka.tools.ConsoleProducer";
const CONSUMER: &str = "org.apache.kafka.tools.consumer.ConsoleConsumer";
const REASSIGN: &str = "org.apache.kafka.tools.reassign.ReassignPartitionsCommand";

#[test]
fn without_a_majority_of_the_quorum_what_is_committed_is_read_and_nothing_is_changed() {
    let lab = needs!(Java);
    let mut nodes = Broker::three_combined(&lab, [Kind::Forebay; 3], &[]);
    await_states(&nodes[0], &["1", "2", "3"].map(|id| (id, "unfenced")));
    let create = [
        "--create",
        "--topic",
        "read",
        "--replica-assignment",
        "1:2:3",
    ];
    nodes[0].tool(TOPICS, &create).run().succeeded();
    let produce = nodes[0].tool(PRODUCER, &["--topic", "read"]);
    produce.input("one\ntwo\n").run().succeeded();
    nodes[1].kill();
    nodes[2].kill();
    let read = |asked: &Broker| {
        let args = [
            "--topic",
            "read",
            "--partition",
            "0",
            "--offset",
            "earliest",
        ];
        let consume = asked.tool(CONSUMER, &args).args(["--max-messages", "2"]);
        consume.run().succeeded().stdout
    };
    assert_eq!(read(&nodes[0]), "one\ntwo\n");
    let patience = nodes[0].data().with_extension("patience");
    fs::write(
        &patience,
        "default.api.timeout.ms=5000\nrequest.timeout.ms=4000\n",
    )
    .expect("a file");
    let patience = patience.display().to_string();
    let create = ["--create", "--topic", "late", "--command-config", &patience];
    let refused = nodes[0].tool(TOPICS, &create).run();
    let told = format!("{}{}", refused.stdout, refused.stderr);
    assert_eq!(refused.status, Some(1), "{told}");
    assert!(
        told.contains("Timed out") || told.contains("TimeoutException"),
        "{told}"
    );
    // Still, and whoever leads nothing of the quorum any more goes on leading its partitions.
    assert_eq!(read(&nodes[0]), "one\ntwo\n");
    assert!(nodes[0].runs());
    nodes[1].resume();
    // Whether the other one came to be after all nobody was told.
    let created = nodes[0].tool(TOPICS, &["--create", "--topic", "in-time"]);
    created.run().succeeded();
    assert_eq!(read(&nodes[0]), "one\ntwo\n");
}

#[test]
fn a_replica_that_is_to_be_on_a_dead_broker_is_refused_by_name() {
    let lab = needs!(Java);
    let first = Broker::start(&lab, Kind::Forebay, &[]);
    let mut second = Broker::joining(&first, Kind::Forebay, 2);
    await_states(&first, &[("1", "unfenced"), ("2", "unfenced")]);
    let create = ["--create", "--topic", "moved", "--replica-assignment", "1"];
    first.tool(TOPICS, &create).run().succeeded();
    second.kill();
    await_states(&first, &[("1", "unfenced"), ("2", "fenced")]);
    let file = first.data().with_extension("json");
    let plan = r#"{"version":1,"partitions":[{"topic":"moved","partition":0,"replicas":[1,2]}]}"#;
    fs::write(&file, plan).expect("target/ can be written");
    let file = file.display().to_string();
    let execute = || {
        let args = ["--reassignment-json-file", &file, "--execute"];
        first.tool(REASSIGN, &args).run()
    };
    let refused = execute();
    assert_eq!(refused.status, Some(1));
    assert!(
        refused.stdout.contains("Unknown broker id 2"),
        "{}",
        refused.stdout
    );
    assert_eq!(
        partitions(&first, "moved"),
        ["Leader: 1 Replicas: 1 Isr: 1"]
    );

    second.resume();
    await_states(&first, &[("1", "unfenced"), ("2", "unfenced")]);
    execute().succeeded();
    let started = Instant::now();
    let moved = ["Leader: 1 Replicas: 1,2 Isr: 1,2"];
    while partitions(&first, "moved") != moved {
        assert!(
            started.elapsed() < LIMIT,
            "{:?}",
            partitions(&first, "moved")
        );
        thread::sleep(Duration::from_millis(200));
    }
}
