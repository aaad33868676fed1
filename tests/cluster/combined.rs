//! Nodes that are brokers and voters at once, three of them, which die one after the other.

use crate::await_states;
use crate::controllers::leader;
use crate::replicating::{assert_equal_replicas, await_in_sync, create, settings};
use crate::support::{Broker, Kind, Lab, needs};
use crate::workload::{Load, assert_is_kept, pause, randomness, rounds};

const TOPICS: &str = "org.apache.kafka.tools.TopicCommand";
const PRODUCER: &str = "org.apache.kafka.tools.ConsoleProducer";
const CONSUMER: &str = "org.apache.kafka.tools.consumer.ConsoleConsumer";
const QUORUM: &str = "org.apache.kafka.tools.MetadataQuorumCommand";

/// Waits until `asked` tells that all nodes but `dead` are let in.
#[track_caller]
fn await_all_but(asked: &Broker, dead: Option<usize>) {
    let state = |id| match dead == Some(id) {
        true => "fenced",
        false => "unfenced",
    };
    await_states(asked, &[("1", state(1)), ("2", state(2)), ("3", state(3))]);
}

/// A consumer group that reads the topic `read`, which has a replica on each node.
struct Readers(usize);

impl Readers {
    fn begin(asked: &Broker) -> Self {
        let args = ["--create", "--topic", "read", "--replication-factor", "3"];
        asked.tool(TOPICS, &args).run().succeeded();
        Self(0)
    }

    /// The group goes on behind what it has read.
    #[track_caller]
    fn go_on(&mut self, produced_by: &Broker, consumed_by: &Broker) {
        self.0 += 1;
        let line = format!("record {}\n", self.0);
        let produce = produced_by.tool(PRODUCER, &["--topic", "read"]);
        produce.input(&line).run().succeeded();
        let args = ["--topic", "read", "--group", "readers", "--from-beginning"];
        let consume = consumed_by.tool(CONSUMER, &args);
        let consume = consume.args(["--max-messages", "1"]);
        assert_eq!(consume.run().succeeded().stdout, line);
    }
}

/// Three nodes die by SIGKILL one after the other while clients produce, and each comes back.
#[track_caller]
fn die_in_turns(lab: &Lab, mut nodes: [Broker; 3]) {
    let (seed, mut random) = randomness();
    await_all_but(&nodes[0], None);
    let args = ["--create", "--topic", "my-topic", "--partitions", "3"];
    let created = nodes[1].tool(TOPICS, &args);
    created
        .args(["--replication-factor", "3"])
        .run()
        .succeeded();
    create(&nodes[2], "3", "2");
    let mut readers = Readers::begin(&nodes[0]);
    readers.go_on(&nodes[1], &nodes[2]);
    let load = Load::start(lab, &nodes[0], seed);
    for _ in 0..rounds(1) {
        for dies in 0..3 {
            pause(&mut random, 200..2_000);
            nodes[dies].kill();
            let (next, other) = ((dies + 1) % 3, (dies + 2) % 3);
            await_all_but(&nodes[next], Some(dies + 1));
            readers.go_on(&nodes[next], &nodes[other]);
            nodes[dies].resume();
            await_all_but(&nodes[dies], None);
            await_in_sync(&nodes[other], 3);
        }
        // Whoever leads the quorum dies again and is back before anybody misses it as a broker.
        let dies = leader(&nodes) - 1;
        nodes[dies].kill();
        nodes[dies].resume();
        await_all_but(&nodes[dies], None);
        await_in_sync(&nodes[dies], 3);
    }
    let acknowledged = load.finish();
    assert_is_kept(lab, &nodes[1], &acknowledged);
    for node in &mut nodes {
        node.stop();
    }
    assert_equal_replicas(lab, &[&nodes[0], &nodes[1], &nodes[2]]);
}

#[test]
fn three_nodes_that_are_all_there_is_die_in_turns_and_lose_nothing_acknowledged() {
    let lab = needs!(Python, Java);
    let nodes = Broker::three_combined(&lab, [Kind::Forebay; 3], &settings());
    die_in_turns(&lab, nodes);
}
/// What `kafka-metadata-quorum describe` prints, with a `#` for each number and id, and no room
/// behind what stands in a column: that depends on how long the numbers are.
fn described(asked: &Broker, what: &str) -> String {
    let told = asked.tool(QUORUM, &["describe", what]).run().succeeded();
    let is_part = |letter: char| letter.is_ascii_alphanumeric() || "-_".contains(letter);
    let shown = |word: &str| {
        let digits = word.trim_start_matches('-');
        let is_number = !digits.is_empty() && digits.chars().all(|one| one.is_ascii_digit());
        match is_number || word.len() == 22 {
            true => "#".to_owned(),
            false => word.to_owned(),
        }
    };
    let mut form = String::new();
    let mut word = String::new();
    for letter in told.stdout.chars() {
        match is_part(letter) {
            true => word.push(letter),
            false => {
                form.push_str(&shown(&std::mem::take(&mut word)));
                form.push(letter);
            }
        }
    }
    let trimmed = |line: &str| {
        let cells = line.split('\t').map(str::trim_end);
        cells.collect::<Vec<_>>().join("\t")
    };
    form.lines().map(trimmed).collect::<Vec<_>>().join("\n")
}

#[test]
fn nodes_of_both_kinds_form_one_quorum_and_describe_it_alike() {
    let lab = needs!(Java);
    let kinds = [Kind::Forebay, Kind::Forebay, Kind::Kafka];
    let mut nodes = Broker::three_combined(&lab, kinds, &settings());
    await_all_but(&nodes[0], None);
    let mut by_kind: [Option<[String; 2]>; 2] = [None, None];
    for round in 0..12 {
        let leads = leader(&nodes) - 1;
        let kind = usize::from(nodes[leads].kind == Kind::Kafka);
        let asked = &nodes[(leads + 1) % 3];
        let topic = format!("topic-{round}");
        let args = ["--create", "--topic", &topic, "--replication-factor", "3"];
        asked.tool(TOPICS, &args).run().succeeded();
        by_kind[kind] = Some(["--status", "--replication"].map(|what| described(asked, what)));
        if by_kind.iter().all(Option::is_some) {
            break;
        }
        nodes[leads].stop();
        nodes[leads].resume();
        await_all_but(&nodes[leads], None);
    }
    let [Some(forebay), Some(kafka)] = by_kind else {
        panic!("only one kind has led");
    };
    assert_eq!(forebay, kafka);
}
