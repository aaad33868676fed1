//! Two thousand clients at once, some of whom never read what they asked for.

use std::io::{self, Write};
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::{Broker, Kind, Program, needs, wire::Connection};

const CLIENTS: usize = 2000;
const DEAF: usize = 100;
const ROUNDS: usize = 5;

fn produce(partition: usize) -> Value {
    let batch = json!({ "$batch": { "values": [{ "repeat": "x", "times": 500 }] } });
    let partition = json!({ "Index": partition, "Records": batch });
    let topic = json!({ "Name": "crowd", "PartitionData": [partition] });
    json!({ "Acks": -1, "TimeoutMs": 30000, "TopicData": [topic] })
}

fn fetch(partition: usize, offset: i64) -> Value {
    let partition = json!({ "Partition": partition, "FetchOffset": offset,
        "PartitionMaxBytes": 4096 });
    let topic = json!({ "Topic": "crowd", "Partitions": [partition] });
    json!({ "MaxWaitMs": 1000, "MinBytes": 1, "MaxBytes": 65536, "Topics": [topic] })
}

/// Produces and fetches its own record, again and again; how long each pair took.
fn talks(mut client: Connection, partition: usize) -> io::Result<Vec<Duration>> {
    let mut latencies = Vec::new();
    for _ in 0..ROUNDS {
        let started = Instant::now();
        let answer = client.ask("Produce", 9, &produce(partition))?;
        let answer = &answer["Responses"][0]["PartitionResponses"][0];
        if answer["ErrorCode"] != 0 {
            return Err(io::Error::other(format!("produce: {answer}")));
        }
        let offset = answer["BaseOffset"].as_i64().unwrap_or(-1);
        let answer = client.ask("Fetch", 11, &fetch(partition, offset))?;
        let answer = &answer["Responses"][0]["Partitions"][0];
        if answer["ErrorCode"] != 0 || answer["Records"].as_str().is_none_or(str::is_empty) {
            return Err(io::Error::other(format!("fetch at {offset}: {answer}")));
        }
        latencies.push(started.elapsed());
    }
    Ok(latencies)
}

/// Asks for more than any socket holds and reads none of it, until it cannot send any more.
fn is_deaf(client: &mut Connection, partition: usize) {
    for _ in 0..2000 {
        let sent = client.send("Fetch", 11, &fetch(partition, 0));
        if sent.is_err() {
            return;
        }
    }
}

#[test]
fn two_thousand_clients_are_served_while_a_hundred_of_them_never_read() {
    let lab = needs!(Java);
    // Both ends of the connections need descriptors; the broker raises its own limit.
    let this = std::process::id().to_string();
    Program::new("prlimit", 5)
        .args(["--pid", &this, "--nofile=8192"])
        .run()
        .succeeded();
    let broker = Broker::start(&lab, Kind::Forebay, &[("num.partitions", "10")]);
    let mut first = broker.connect();
    let topic = json!({ "timeoutMs": 10000,
        "Topics": [{ "Name": "crowd", "NumPartitions": 10, "ReplicationFactor": 1 }] });
    let created = first.ask("CreateTopics", 7, &topic).expect("an answer");
    assert_eq!(created["Topics"][0]["ErrorCode"], 0, "{created}");
    for partition in 0..10 {
        await_leader(&mut first, partition);
    }
    let barrier = Arc::new(Barrier::new(CLIENTS));
    let threads: Vec<_> = (0..CLIENTS)
        .map(|number| {
            let (mut client, barrier) = (broker.connect(), Arc::clone(&barrier));
            client.wait_at_most(Duration::from_secs(120));
            let work = move || {
                barrier.wait();
                if number % (CLIENTS / DEAF) == 0 {
                    is_deaf(&mut client, number % 10);
                    return Ok((Vec::new(), Some(client)));
                }
                talks(client, number % 10).map(|latencies| (latencies, None))
            };
            thread::Builder::new()
                .stack_size(256 << 10)
                .spawn(work)
                .expect("a thread starts")
        })
        .collect();
    let (mut latencies, mut deaf) = (Vec::new(), Vec::new());
    for thread in threads {
        let outcome: io::Result<_> = thread.join().expect("a client does not panic");
        let (took, unread) = outcome.expect("a client that reads is served");
        latencies.extend(took);
        // Their connections stay open until everybody else is done.
        deaf.extend(unread);
    }
    assert_eq!(deaf.len(), DEAF);
    assert_eq!(latencies.len(), (CLIENTS - DEAF) * ROUNDS);
    latencies.sort();
    let at = |part: usize| latencies[latencies.len() * part / 1000 - 1].as_millis();
    let line = format!(
        "{CLIENTS} clients, {DEAF} of them deaf: produce and fetch p50 {} ms, p99 {} ms, \
         max {} ms\n",
        at(500),
        at(990),
        at(1000)
    );
    std::io::stderr()
        .write_all(line.as_bytes())
        .expect("stderr takes a line");
}

fn await_leader(client: &mut Connection, partition: usize) {
    for _ in 0..100 {
        let answer = client
            .ask("Produce", 9, &produce(partition))
            .expect("an answer");
        if answer["Responses"][0]["PartitionResponses"][0]["ErrorCode"] == 0 {
            return;
        }
        thread::sleep(Duration::from_millis(50));
    }
    panic!("partition {partition} has no leader");
}
