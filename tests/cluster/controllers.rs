//! Several controllers of Forebay: one decides, the others know what it decided, and one of them
//! goes on when it dies.

use crate::support::{Broker, Kind, needs};
use crate::{await_states, partitions};

const TOPICS: &str = "org.apache.kafka.tools.TopicCommand";

pub fn joined(controllers: &[Broker], kind: Kind, node_id: u32) -> Broker {
    let voters = Broker::voters(controllers);
    let mut broker = Broker::prepared_to_join(&controllers[0], kind, node_id);
    broker.set(&[
        ("controller.quorum.voters", &voters),
        ("controller.quorum.bootstrap.servers", ""),
    ]);
    broker.resume();
    broker
}

/// Who leads the quorum, as a controller has noted it.
pub fn leader(controllers: &[Broker]) -> usize {
    let election = |one: &Broker| {
        let file = one.data().join("__cluster_metadata-0/quorum-state");
        let text = std::fs::read_to_string(file).expect("a voter notes what it knows");
        let state: serde_json::Value = serde_json::from_str(&text).expect("it is JSON");
        (state["leaderEpoch"].as_i64(), state["leaderId"].as_u64())
    };
    let (_, leader) = controllers
        .iter()
        .map(election)
        .max()
        .expect("there are some");
    usize::try_from(leader.expect("somebody leads")).expect("it is small")
}

#[test]
fn a_cluster_goes_on_when_its_controllers_die_one_after_the_other() {
    let lab = needs!(Java);
    let mut controllers = Broker::three_controllers(&lab);
    let forebay = joined(&controllers, Kind::Forebay, 4);
    let kafka = joined(&controllers, Kind::Kafka, 5);
    await_states(&forebay, &[("4", "unfenced"), ("5", "unfenced")]);
    for round in 0..3 {
        let topic = format!("topic-{round}");
        let args = ["--create", "--topic", &topic, "--replica-assignment", "4:5"];
        forebay.tool(TOPICS, &args).run().succeeded();
        assert_eq!(
            partitions(&kafka, &topic),
            ["Leader: 4 Replicas: 4,5 Isr: 4,5"]
        );
        let leader = leader(&controllers);
        let dies = &mut controllers[leader - 1];
        dies.kill();
        let args = ["--create", "--topic", &format!("again-{round}")];
        kafka.tool(TOPICS, &args).run().succeeded();
        dies.launch();
    }
    await_states(&kafka, &[("4", "unfenced"), ("5", "unfenced")]);
    let listed = forebay.tool(TOPICS, &["--list"]).run().succeeded().stdout;
    let topics: Vec<&str> = listed.lines().collect();
    let all = [
        "again-0", "again-1", "again-2", "topic-0", "topic-1", "topic-2",
    ];
    assert_eq!(topics, all);
}
