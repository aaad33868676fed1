//! Controllers that get a vote and lose it while the cluster works (KIP-853), as Apache Kafka's
//! tools have it done.

use std::thread;
use std::time::{Duration, Instant};

use crate::support::{Broker, Kind, Program, needs};
use crate::{LIMIT, await_states};

const QUORUM: &str = "org.apache.kafka.tools.MetadataQuorumCommand";
const TOPICS: &str = "org.apache.kafka.tools.TopicCommand";
const FEATURES: &str = "org.apache.kafka.tools.FeatureCommand";

/// Whom a tool asks.
#[derive(Clone, Copy)]
pub enum Asked<'a> {
    Broker(&'a Broker),
    Controller(&'a Broker),
}

impl Asked<'_> {
    fn tool(self, args: &[&str]) -> Program {
        match self {
            Self::Broker(broker) => broker.tool(QUORUM, args),
            Self::Controller(controller) => controller.controller_tool(QUORUM, args),
        }
    }
}

/// What `kafka-metadata-quorum describe --status` tells: the leader, and who votes with which
/// directory. `None` if nobody leads.
fn status(asked: Asked<'_>) -> Option<(u64, Vec<(u64, String)>)> {
    let output = asked.tool(&["describe", "--status"]).run();
    let value = |name: &str| {
        let mut lines = output.stdout.lines();
        lines.find_map(|line| Some(line.strip_prefix(name)?.trim().to_owned()))
    };
    let leader = value("LeaderId:")?.parse().ok()?;
    let voters: serde_json::Value = serde_json::from_str(&value("CurrentVoters:")?).ok()?;
    let voter = |voter: &serde_json::Value| {
        let directory = voter["directoryId"].as_str().unwrap_or_default().to_owned();
        Some((voter["id"].as_u64()?, directory))
    };
    let mut voters: Vec<_> = voters.as_array()?.iter().filter_map(voter).collect();
    voters.sort();
    Some((leader, voters))
}

/// Waits until the controller has heard who leads: a tool that Apache Kafka tells of no leader asks
/// again only after minutes.
#[track_caller]
fn await_leader(controller: &Broker) {
    let state = controller.data().join("__cluster_metadata-0/quorum-state");
    let started = Instant::now();
    loop {
        let text = std::fs::read_to_string(&state).unwrap_or_default();
        let told: serde_json::Value = serde_json::from_str(&text).unwrap_or_default();
        if told["leaderId"].as_i64().is_some_and(|leader| leader >= 0) {
            return;
        }
        assert!(started.elapsed() < LIMIT, "nobody leads: {text}");
        thread::sleep(Duration::from_millis(50));
    }
}

/// Waits until these vote; who leads, and their directories.
#[track_caller]
pub fn await_voters(asked: Asked<'_>, awaited: &[u64]) -> (u64, Vec<(u64, String)>) {
    if let Asked::Controller(controller) = asked
        && controller.kind == Kind::Kafka
    {
        await_leader(controller);
    }
    let started = Instant::now();
    loop {
        let told = status(asked);
        if let Some((leader, voters)) = &told {
            let ids: Vec<u64> = voters.iter().map(|(id, _)| *id).collect();
            if ids == awaited && awaited.contains(leader) {
                return (*leader, voters.clone());
            }
        }
        assert!(started.elapsed() < LIMIT, "{told:?} instead of {awaited:?}");
        thread::sleep(Duration::from_millis(200));
    }
}

/// Has the tool try until the new controller has caught up.
#[track_caller]
pub fn add(asked: Asked<'_>, new: &Broker) {
    let config = new.properties().display().to_string();
    let started = Instant::now();
    loop {
        let args = ["--command-config", &config, "add-controller"];
        let output = asked.tool(&args).run();
        if output.stdout.contains("Added controller") {
            return;
        }
        let told = format!("{}{}", output.stdout, output.stderr);
        assert!(started.elapsed() < LIMIT, "{told}");
        thread::sleep(Duration::from_millis(500));
    }
}

#[track_caller]
pub fn remove(asked: Asked<'_>, id: u64, directory: &str) {
    let id = id.to_string();
    let args = [
        "remove-controller",
        "--controller-id",
        &id,
        "--controller-directory-id",
        directory,
    ];
    asked.tool(&args).run().succeeded();
}

pub fn directory(voters: &[(u64, String)], id: u64) -> &str {
    let mut voters = voters.iter();
    let (_, directory) = voters.find(|(voter, _)| *voter == id).expect("it votes");
    directory
}

/// `--initial-controllers` of these nodes, counted from one on, with directories of these ids.
fn initial(nodes: &[Broker], directories: &[String]) -> String {
    let initial = nodes.iter().zip(1..).zip(directories);
    let initial = initial
        .map(|((one, id), directory)| format!("{id}@127.0.0.1:{}:{directory}", one.controller));
    initial.collect::<Vec<_>>().join(",")
}

#[test]
fn controllers_are_added_removed_and_replaced_by_kafkas_tools() {
    let lab = needs!(Java);
    let mut controllers = Broker::unformatted_controllers(&lab, &[Kind::Forebay; 4]);
    let ids: Vec<String> = (0..3).map(|_| Broker::random_uuid()).collect();
    let initial = initial(&controllers, &ids);
    for controller in &mut controllers[..3] {
        let refused = controller.fails_to_start();
        assert!(refused.contains("--initial-controllers"), "{refused}");
        controller.format_quorum(&["--initial-controllers", &initial]);
        controller.launch();
    }
    let (_, voters) = await_voters(Asked::Controller(&controllers[0]), &[1, 2, 3]);
    let told: Vec<&String> = voters.iter().map(|(_, directory)| directory).collect();
    assert_eq!(told, ids.iter().collect::<Vec<_>>());
    let broker = Broker::joining(&controllers[0], Kind::Forebay, 9);

    controllers[3].format_quorum(&["--no-initial-controllers"]);
    controllers[3].launch();
    add(Asked::Controller(&controllers[1]), &controllers[3]);
    let (leader, voters) = await_voters(Asked::Broker(&broker), &[1, 2, 3, 4]);
    // The leader itself goes.
    remove(Asked::Broker(&broker), leader, directory(&voters, leader));
    let left: Vec<u64> = (1..=4).filter(|id| *id != leader).collect();
    let (_, voters) = await_voters(Asked::Broker(&broker), &left);
    let create = broker.tool(TOPICS, &["--create", "--topic", "first"]);
    create.run().succeeded();

    // One of three has lost its disk, and another one is down: nobody may lead.
    let [lost, down, _] = left[..] else {
        unreachable!("three are left");
    };
    let (lost_at, down_at) = (lost as usize - 1, down as usize - 1);
    controllers[lost_at].kill();
    std::fs::remove_dir_all(controllers[lost_at].data()).expect("it has data");
    controllers[lost_at].format_quorum(&["--no-initial-controllers"]);
    controllers[lost_at].launch();
    controllers[down_at].kill();
    thread::sleep(Duration::from_secs(10));
    let told = status(Asked::Controller(&controllers[left[2] as usize - 1]));
    assert_eq!(told, None, "the new disk has voted for the old one");
    controllers[down_at].launch();
    await_voters(Asked::Broker(&broker), &left);
    remove(Asked::Broker(&broker), lost, directory(&voters, lost));
    add(Asked::Broker(&broker), &controllers[lost_at]);
    let (_, replaced) = await_voters(Asked::Broker(&broker), &left);
    assert_ne!(directory(&replaced, lost), directory(&voters, lost));
    controllers[down_at].kill();
    let create = broker.tool(TOPICS, &["--create", "--topic", "second"]);
    create.run().succeeded();
    let listed = broker.tool(TOPICS, &["--list"]).run().succeeded();
    assert_eq!(
        listed.stdout.lines().collect::<Vec<_>>(),
        ["first", "second"]
    );
}

#[test]
fn forebay_takes_the_place_of_kafka_in_a_quorum_and_kafka_that_of_forebay() {
    let lab = needs!(Java);
    for kinds in [[Kind::Kafka, Kind::Forebay], [Kind::Forebay, Kind::Kafka]] {
        let mut controllers = Broker::unformatted_controllers(&lab, &kinds);
        controllers[0].format_quorum(&["--standalone"]);
        controllers[1].format_quorum(&["--no-initial-controllers"]);
        controllers[0].launch();
        await_voters(Asked::Controller(&controllers[0]), &[1]);
        let mut broker = Broker::prepared_to_join(&controllers[0], kinds[1], 9);
        let servers = controllers
            .iter()
            .map(|one| format!("127.0.0.1:{}", one.controller));
        let servers = servers.collect::<Vec<_>>().join(",");
        broker.set(&[("controller.quorum.bootstrap.servers", &servers)]);
        broker.resume();
        let create = broker.tool(TOPICS, &["--create", "--topic", "first"]);
        create.run().succeeded();
        controllers[1].launch();
        add(Asked::Controller(&controllers[0]), &controllers[1]);
        let (_, voters) = await_voters(Asked::Controller(&controllers[0]), &[1, 2]);
        remove(Asked::Broker(&broker), 1, directory(&voters, 1));
        await_voters(Asked::Controller(&controllers[1]), &[2]);
        controllers[0].kill();
        let create = broker.tool(TOPICS, &["--create", "--topic", "second"]);
        create.run().succeeded();
        let listed = broker.tool(TOPICS, &["--list"]).run().succeeded();
        let topics: Vec<&str> = listed.stdout.lines().collect();
        assert_eq!(topics, ["first", "second"], "{kinds:?}");
    }
}

#[test]
fn controllers_that_may_get_their_votes_by_themselves_and_give_back_that_of_a_lost_disk() {
    let lab = needs!(Java);
    for leader in Kind::BOTH {
        let kinds = [leader, Kind::Forebay, Kind::Forebay];
        let mut controllers = Broker::unformatted_controllers(&lab, &kinds);
        controllers[0].format_quorum(&["--standalone"]);
        controllers[0].launch();
        for controller in &mut controllers[1..] {
            controller.set(&[("controller.quorum.auto.join.enable", "true")]);
            controller.format_quorum(&["--no-initial-controllers"]);
            controller.launch();
        }
        let asked = Asked::Controller(&controllers[0]);
        let (_, voters) = await_voters(asked, &[1, 2, 3]);
        controllers[2].kill();
        std::fs::remove_dir_all(controllers[2].data()).expect("it has data");
        controllers[2].format_quorum(&["--no-initial-controllers"]);
        controllers[2].launch();
        let started = Instant::now();
        loop {
            let (_, replaced) = await_voters(Asked::Controller(&controllers[0]), &[1, 2, 3]);
            if directory(&replaced, 3) != directory(&voters, 3) {
                break;
            }
            assert!(started.elapsed() < LIMIT, "{replaced:?}");
        }
    }
}

/// Waits until the brokers with these numbers are let in, and no others are known.
#[track_caller]
fn await_brokers(asked: &Broker, ids: &[u64]) {
    let ids: Vec<String> = ids.iter().map(u64::to_string).collect();
    let states: Vec<(&str, &str)> = ids.iter().map(|id| (&**id, "unfenced")).collect();
    await_states(asked, &states);
}

/// Creates a topic with three replicas.
#[track_caller]
fn create(asked: &Broker, topic: &str) {
    let args = ["--create", "--topic", topic, "--replication-factor", "3"];
    asked.tool(TOPICS, &args).run().succeeded();
}

/// Kills each of the first three nodes, has another make a topic without it, and has it back.
#[track_caller]
fn kill_in_turns(nodes: &mut [Broker]) {
    for dies in 0..3 {
        nodes[dies].kill();
        let args = ["--create", "--topic", &format!("without-{dies}")];
        nodes[(dies + 1) % 3].tool(TOPICS, &args).run().succeeded();
        nodes[dies].resume();
        await_brokers(&nodes[dies], &[1, 2, 3]);
    }
}

#[test]
fn nodes_that_are_brokers_too_get_votes_die_in_turns_and_lose_their_votes() {
    let lab = needs!(Java);
    let mut nodes = Broker::unformatted_combined(&lab, &[Kind::Forebay; 4]);
    let ids: Vec<String> = (0..3).map(|_| Broker::random_uuid()).collect();
    let initial = initial(&nodes, &ids);
    for node in &mut nodes[..3] {
        node.format_quorum(&["--initial-controllers", &initial]);
        node.launch();
    }
    let (_, voters) = await_voters(Asked::Broker(&nodes[0]), &[1, 2, 3]);
    let told: Vec<&String> = voters.iter().map(|(_, directory)| directory).collect();
    assert_eq!(told, ids.iter().collect::<Vec<_>>());
    await_brokers(&nodes[0], &[1, 2, 3]);
    create(&nodes[1], "first");
    kill_in_turns(&mut nodes);

    nodes[3].format_quorum(&["--no-initial-controllers"]);
    nodes[3].resume();
    await_brokers(&nodes[3], &[1, 2, 3, 4]);
    add(Asked::Broker(&nodes[0]), &nodes[3]);
    let (leader, voters) = await_voters(Asked::Broker(&nodes[3]), &[1, 2, 3, 4]);
    remove(Asked::Broker(&nodes[3]), leader, directory(&voters, leader));
    let left: Vec<u64> = (1..=4).filter(|id| *id != leader).collect();
    await_voters(Asked::Broker(&nodes[3]), &left);
    // Who has no vote any more is a broker as before, also after a restart.
    let removed = leader as usize - 1;
    create(&nodes[removed], "second");
    nodes[removed].stop();
    nodes[removed].resume();
    await_brokers(&nodes[removed], &[1, 2, 3, 4]);
    let (leader, _) = await_voters(Asked::Broker(&nodes[removed]), &left);
    nodes[leader as usize - 1].kill();
    create(&nodes[removed], "third");
    let listed = nodes[removed].tool(TOPICS, &["--list"]).run().succeeded();
    let topics: Vec<&str> = listed.stdout.lines().collect();
    let all = [
        "first",
        "second",
        "third",
        "without-0",
        "without-1",
        "without-2",
    ];
    assert_eq!(topics, all);
}

#[test]
fn nodes_of_both_kinds_that_are_brokers_too_join_the_quorum_of_one_by_themselves() {
    let lab = needs!(Java);
    for first in Kind::BOTH {
        let kinds = [first, Kind::Forebay, Kind::Kafka];
        let mut nodes = Broker::unformatted_combined(&lab, &kinds);
        let (one, others) = nodes.split_at_mut(1);
        one[0].format_quorum(&["--standalone"]);
        one[0].resume();
        for node in others {
            node.set(&[("controller.quorum.auto.join.enable", "true")]);
            node.format_quorum(&["--no-initial-controllers"]);
            node.resume();
        }
        await_voters(Asked::Broker(&nodes[0]), &[1, 2, 3]);
        await_brokers(&nodes[0], &[1, 2, 3]);
        create(&nodes[2], "first");
        kill_in_turns(&mut nodes);
    }
}

#[test]
fn voters_that_the_settings_name_become_voters_that_change() {
    let lab = needs!(Java);
    for kinds in [
        [Kind::Forebay; 3],
        [Kind::Forebay, Kind::Forebay, Kind::Kafka],
    ] {
        let mut nodes = Broker::three_combined(&lab, kinds, &[]);
        await_brokers(&nodes[0], &[1, 2, 3]);
        let is_named = |voter: &(u64, String)| !["", "AAAAAAAAAAAAAAAAAAAAAA"].contains(&&*voter.1);
        let (_, voters) = await_voters(Asked::Broker(&nodes[0]), &[1, 2, 3]);
        assert!(!voters.iter().any(is_named), "{voters:?}");
        let started = Instant::now();
        loop {
            // Each voter tells the leader its directory soon.
            let args = ["upgrade", "--feature", "kraft.version=1"];
            let output = nodes[1].tool(FEATURES, &args).run();
            if output.status == Some(0) {
                break;
            }
            assert!(started.elapsed() < LIMIT, "{output:?}");
            thread::sleep(Duration::from_millis(500));
        }
        let (leader, voters) = await_voters(Asked::Broker(&nodes[0]), &[1, 2, 3]);
        assert!(voters.iter().all(is_named), "{voters:?}");
        let removed = leader % 3 + 1;
        remove(
            Asked::Broker(&nodes[0]),
            removed,
            directory(&voters, removed),
        );
        let left: Vec<u64> = (1..=3).filter(|id| *id != removed).collect();
        await_voters(Asked::Broker(&nodes[0]), &left);
        // The log counts, also for whoever starts with the old settings.
        for node in &mut nodes {
            node.stop();
            node.resume();
        }
        await_voters(Asked::Broker(&nodes[0]), &left);
        await_brokers(&nodes[0], &[1, 2, 3]);
        create(&nodes[removed as usize - 1], "after");
        add(Asked::Broker(&nodes[0]), &nodes[removed as usize - 1]);
        await_voters(Asked::Broker(&nodes[0]), &[1, 2, 3]);
        let described = nodes[0].tool(FEATURES, &["describe"]).run().succeeded();
        let mut lines = described.stdout.lines();
        let line = lines.find(|line| line.contains("kraft.version"));
        assert!(line.is_some_and(|line| line.contains("FinalizedVersionLevel: 1")));
    }
}
