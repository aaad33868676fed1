//! A cluster at addresses of IPv6, which stand in brackets wherever a port follows.

use crate::support::{Broker, Kind, needs, not_possible};
use crate::{await_states, partitions};

const TOPICS: &str = "org.apache.kafka.tools.TopicCommand";
const PRODUCER: &str = "org.apache.kafka.tools.ConsoleProducer";
const CONSUMER: &str = "org.apache.kafka.tools.consumer.ConsoleConsumer";
const QUORUM: &str = "org.apache.kafka.tools.MetadataQuorumCommand";

const HOST: &str = "[::1]";

#[test]
fn three_nodes_of_both_kinds_find_each_other_at_addresses_of_ipv6() {
    let lab = needs!(Java);
    if std::net::TcpListener::bind("[::1]:0").is_err() {
        return not_possible("addresses of IPv6", "this machine has no ::1");
    }
    let kinds = [Kind::Forebay, Kind::Forebay, Kind::Kafka];
    let mut nodes = Broker::three_combined_on(&lab, HOST, kinds, &[]);
    await_states(&nodes[0], &["1", "2", "3"].map(|id| (id, "unfenced")));
    for (topic, replicas) in [("one", "1:2:3"), ("two", "2:3:1"), ("three", "3:1:2")] {
        let create = [
            "--create",
            "--topic",
            topic,
            "--replica-assignment",
            replicas,
        ];
        nodes[2].tool(TOPICS, &create).run().succeeded();
        let produce = nodes[1].tool(PRODUCER, &["--topic", topic]);
        produce.input("a\nb\n").run().succeeded();
    }
    let describe = nodes[0].tool(QUORUM, &["describe", "--status"]);
    let told = describe.run().succeeded().stdout;
    for node in &nodes {
        // Kafka writes the address without its brackets' shortening.
        let port = format!("]:{}", node.controller);
        assert!(told.contains(&port), "{told}");
    }
    nodes[0].kill();
    await_states(
        &nodes[1],
        &[("1", "fenced"), ("2", "unfenced"), ("3", "unfenced")],
    );
    let led = partitions(&nodes[1], "one");
    assert!(led[0].starts_with("Leader: 2 "), "{led:?}");
    for topic in ["one", "two", "three"] {
        let args = ["--topic", topic, "--from-beginning", "--max-messages", "2"];
        let consume = nodes[1].tool(CONSUMER, &args).run().succeeded();
        assert_eq!(consume.stdout, "a\nb\n", "{topic}");
    }
}
