//! Every node of a cluster is restarted, one after the other, under load.

use std::fs::{self, File};
use std::path::Path;
use std::thread;
use std::time::{Duration, SystemTime};

use crate::await_states;
use crate::replicating::{await_in_sync, create};
use crate::support::{Broker, Kind, needs};
use crate::workload::{Clients, Load, SETTINGS, TOPIC, assert_is_kept_for, randomness, tell};

/// A producer gives a record up after ten seconds, and asks again after three.
const PATIENCE: [(&str, &str); 3] = [
    ("DELIVERY_TIMEOUT_MS", "10000"),
    ("REQUEST_TIMEOUT_MS", "3000"),
    ("ONE_LIFE", "1"),
];

fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    u64::try_from(since.expect("it is later than 1970").as_millis()).expect("a time")
}

#[test]
fn no_client_notices_that_every_node_is_restarted_one_after_the_other() {
    let lab = needs!(Python, Java);
    let (seed, _) = randomness();
    let mut nodes = Broker::three_combined(&lab, [Kind::Forebay; 3], &SETTINGS);
    let states = [("1", "unfenced"), ("2", "unfenced"), ("3", "unfenced")];
    await_states(&nodes[0], &states);
    create(&nodes[0], "3", "2");

    let servers: Vec<String> = nodes.iter().map(Broker::bootstrap).collect();
    let servers = servers.join(",");
    let clients = Clients {
        lab: &lab,
        server: &servers,
        environment: &PATIENCE,
        namespace: None,
    };
    let end = Path::new(env!("CARGO_TARGET_TMPDIR")).join("rolling-end");
    drop(fs::remove_file(&end));
    let end_at = end.display().to_string();
    let load = Load::of(clients, seed);
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/load/Consumed.java");
    let consumers = [
        lab.python("load/acknowledged.py", 600)
            .args(["consume", &servers, TOPIC, &end_at]),
        lab.java(source, 600).args([&servers, TOPIC, &end_at]),
    ];
    let consumers = consumers.map(|consumer| thread::spawn(move || consumer.run()));
    thread::sleep(Duration::from_secs(3));

    let mut restarts = Vec::new();
    for (node, id) in nodes.iter_mut().zip(1..) {
        let began = now_ms();
        node.stop();
        node.resume();
        await_in_sync(node, 3);
        restarts.push((id, began, now_ms()));
    }
    let finished = load.finish_telling();
    File::create(&end).expect("target/ can be written");
    for consumer in consumers {
        let output = consumer.join().expect("a client's thread ends").succeeded();
        tell(&output.stderr);
    }
    for (node, began, ended) in restarts {
        let pauses = finished.pauses.iter();
        let pauses = pauses.filter(|one| one.began_ms <= ended);
        let pauses = pauses.filter(|one| one.began_ms + one.length_ms >= began);
        let longest = pauses.map(|one| one.length_ms).max().unwrap_or(0);
        tell(&format!(
            "node {node} is restarted: the longest pause of a partition is {longest} ms\n"
        ));
    }
    assert_is_kept_for(clients, &finished.acknowledged);
}
