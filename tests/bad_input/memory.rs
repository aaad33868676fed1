//! What clients can make the broker hold.

use std::io::Write as _;
use std::time::{Duration, Instant};

use forebay::protocol::messages::DescribeConfigsRequest;
use forebay::protocol::messages::describe_configs_request::DescribeConfigsResource;
use forebay::protocol::{AnyRequest, AnyResponse, Message as _, Writer};

use super::client::{Client, await_topic, batch_of, framed, produce_request};
use crate::support::{Broker, Kind, Program, needs};

/// Connections that want something of the broker at a time.
const CROWD: usize = 2000;

/// The type of a broker among what has settings.
const BROKER: i8 = 4;

const MIB: u64 = 1 << 20;

/// What the broker has in memory, in bytes.
fn resident_bytes(broker: &Broker) -> u64 {
    let path = format!("/proc/{}/status", broker.pid());
    let status = std::fs::read_to_string(path).expect("the broker runs");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.trim().strip_suffix(" kB"));
    kib.and_then(|kib| kib.parse::<u64>().ok())
        .expect("the kernel tells it")
        << 10
}

fn say(line: &str) {
    let mut stderr = std::io::stderr();
    writeln!(stderr, "{line}").expect("stderr takes a line");
}

/// Both ends of the connections need descriptors; the broker raises its own limit.
fn raise_descriptor_limit() {
    let this = std::process::id().to_string();
    Program::new("prlimit", 5)
        .args(["--pid", &this, "--nofile=8192"])
        .run()
        .succeeded();
}

#[test]
fn an_announced_request_costs_the_bytes_that_came() {
    let lab = needs!();
    raise_descriptor_limit();
    let mut broker = Broker::start(&lab, Kind::Forebay, &[]);
    let before = resident_bytes(&broker);
    let mut crowd: Vec<Client> = (0..CROWD).map(|_| Client::connect(broker.port)).collect();
    // A length of 100 MB and one byte more, twice over: 200 GB are announced.
    for client in &mut crowd {
        client
            .send(&[0x05, 0xf5, 0xe1, 0x00, 0])
            .expect("it is open");
    }
    let mut healthy = Client::connect(broker.port);
    assert!(healthy.is_served());
    let held = resident_bytes(&broker) - before;
    let line = format!(
        "{CROWD} requests of 100 MB announced: {} KiB more in memory",
        held >> 10
    );
    say(&line);
    assert!(held < 64 * MIB, "{line}");
    assert!(broker.runs());
}

#[test]
fn large_requests_that_do_not_end_leave_the_others_their_memory() {
    const MEMORY_BYTES: u64 = 256 * MIB;
    let lab = needs!();
    let memory = MEMORY_BYTES.to_string();
    let settings = [("forebay.memory.bytes", memory.as_str())];
    let mut broker = Broker::start(&lab, Kind::Forebay, &settings);
    let before = resident_bytes(&broker);
    let piece = vec![0; 2 << 20];
    let mut crowd: Vec<Client> = (0..250).map(|_| Client::connect(broker.port)).collect();
    for client in &mut crowd {
        client.send(&[0x05, 0xf5, 0xe1, 0x00]).expect("it is open");
        let limit = Some(Duration::from_millis(20));
        client
            .stream
            .set_write_timeout(limit)
            .expect("a limit above zero");
        // The broker takes what it has memory for; the rest waits in the network.
        drop(client.send(&piece));
    }
    let mut healthy = Client::connect(broker.port);
    await_topic(&mut healthy, "topic");
    let held = resident_bytes(&broker) - before;
    let line = format!(
        "250 times 2 MB of requests that do not end: {} MiB more",
        held / MIB
    );
    say(&line);
    assert!(held < MEMORY_BYTES, "{line}");
    assert!(broker.runs());
}

#[test]
fn large_requests_that_come_at_once_are_all_answered_within_the_memory() {
    const MEMORY_BYTES: u64 = 256 * MIB;
    const CLIENTS: usize = 120;
    const BATCH_BYTES: usize = 8 << 20;
    let lab = needs!();
    let memory = MEMORY_BYTES.to_string();
    let settings = [
        ("forebay.memory.bytes", memory.as_str()),
        ("message.max.bytes", "10000000"),
    ];
    let broker = Broker::start(&lab, Kind::Forebay, &settings);
    let mut healthy = Client::connect(broker.port);
    await_topic(&mut healthy, "topic");
    let before = resident_bytes(&broker);
    let request = framed(
        9,
        &produce_request("topic", -1, batch_of(&vec![7; BATCH_BYTES])),
    );
    let mut most = 0;
    std::thread::scope(|scope| {
        let senders: Vec<_> = (0..CLIENTS)
            .map(|_| {
                scope.spawn(|| {
                    let mut client = Client::connect(broker.port);
                    client.send(&request).expect("it is open");
                    client.produced().expect("an answer").0
                })
            })
            .collect();
        while !senders
            .iter()
            .all(std::thread::ScopedJoinHandle::is_finished)
        {
            most = most.max(resident_bytes(&broker).saturating_sub(before));
            assert!(healthy.is_served());
            std::thread::sleep(Duration::from_millis(2));
        }
        for sender in senders {
            assert_eq!(sender.join().expect("it was answered"), 0);
        }
    });
    let line = format!(
        "{CLIENTS} requests of 8 MB at once: {} MiB more",
        most / MIB
    );
    say(&line);
    assert!(most < MEMORY_BYTES, "{line}");
}

#[test]
fn a_client_that_does_not_read_costs_a_bounded_buffer() {
    let lab = needs!();
    let mut broker = Broker::start(&lab, Kind::Forebay, &[]);
    let mut reader = Client::connect(broker.port);
    let settings = AnyRequest::DescribeConfigs(DescribeConfigsRequest {
        resources: vec![DescribeConfigsResource {
            resource_type: BROKER,
            resource_name: reader.broker_id().to_string(),
            ..DescribeConfigsResource::default()
        }],
        include_synonyms: true,
        include_documentation: true,
        ..DescribeConfigsRequest::default()
    });
    let answer_bytes = match reader.ask(4, &settings) {
        Ok(AnyResponse::DescribeConfigs(answer)) => {
            let mut writer = Writer::new();
            answer.encode(&mut writer, 4).expect("it was just read");
            writer.into_bytes().len() as u64
        }
        other => panic!("{other:?}"),
    };
    let before = resident_bytes(&broker);
    // Each asks for 20 MB of answers in a few KB, and reads none.
    let count = usize::try_from(20 * MIB / answer_bytes).expect("a small number");
    let requests = framed(4, &settings).repeat(count);
    let mut deaf: Vec<Client> = (0..50).map(|_| Client::connect(broker.port)).collect();
    for client in &mut deaf {
        client
            .send(&requests)
            .expect("the broker takes what has room in a block");
    }
    let started = Instant::now();
    let mut most = 0;
    while started.elapsed() < Duration::from_secs(10) {
        assert!(reader.is_served());
        most = most.max(resident_bytes(&broker).saturating_sub(before));
        std::thread::sleep(Duration::from_millis(50));
    }
    let line = format!(
        "50 clients with {count} unread answers of {} KiB: {} MiB more",
        answer_bytes >> 10,
        most / MIB
    );
    say(&line);
    assert!(most < 200 * MIB, "{line}");
    assert!(broker.runs());
}
