//! A node that is killed is missed at once: nobody waits until a session or a fetch has taken too
//! long. Whatever only looks dead is waited for.

use std::time::{Duration, Instant};

use crate::controllers::{joined, leader};
use crate::support::{Broker, Kind, Lab, Program, needs};
use crate::{await_states, partitions};

const TOPICS: &str = "org.apache.kafka.tools.TopicCommand";

/// Longer than the whole test may take.
const NO_SESSION_ENDS: [(&str, &str); 1] = [("broker.session.timeout.ms", "600000")];

/// Far less than that, and more than the tools take.
const SOON: Duration = Duration::from_secs(40);

fn signal(broker: &Broker, signal: &str) {
    let pid = broker.pid().to_string();
    Program::new("kill", 5)
        .args([signal, &pid])
        .run()
        .succeeded();
}

/// A broker of `kind` is killed and comes back, twice.
#[track_caller]
fn is_missed_at_once(lab: &Lab, kind: Kind) {
    let controller = Broker::start(lab, Kind::Forebay, &NO_SESSION_ENDS);
    let mut broker = Broker::joining(&controller, kind, 2);
    let create = [
        "--create",
        "--topic",
        "moves",
        "--replica-assignment",
        "2:1",
    ];
    controller.tool(TOPICS, &create).run().succeeded();
    for _ in 0..2 {
        let started = Instant::now();
        broker.kill();
        await_states(&controller, &[("1", "unfenced"), ("2", "fenced")]);
        let led_by_1 = "Leader: 1 Replicas: 2,1 Isr: 1";
        assert_eq!(partitions(&controller, "moves"), [led_by_1]);
        // Nor does its next life wait for the end of the earlier one.
        broker.resume();
        await_states(&controller, &[("1", "unfenced"), ("2", "unfenced")]);
        assert!(started.elapsed() < SOON, "{:?}", started.elapsed());
    }
}

#[test]
fn a_broker_of_forebay_that_is_killed_is_missed_at_once() {
    let lab = needs!(Java);
    is_missed_at_once(&lab, Kind::Forebay);
}

#[test]
fn a_broker_of_apache_kafka_that_is_killed_is_missed_at_once() {
    let lab = needs!(Java);
    is_missed_at_once(&lab, Kind::Kafka);
}

#[test]
fn a_broker_that_does_not_answer_keeps_its_place_until_its_session_ends() {
    let lab = needs!(Java);
    let session = [("broker.session.timeout.ms", "15000")];
    let controller = Broker::start(&lab, Kind::Forebay, &session);
    let broker = Broker::joining(&controller, Kind::Forebay, 2);
    await_states(&controller, &[("1", "unfenced"), ("2", "unfenced")]);
    let stopped = Instant::now();
    signal(&broker, "-STOP");
    await_states(&controller, &[("1", "unfenced"), ("2", "fenced")]);
    // Its last heartbeat may be two seconds old.
    assert!(stopped.elapsed() > Duration::from_secs(12));
    signal(&broker, "-CONT");
    await_states(&controller, &[("1", "unfenced"), ("2", "unfenced")]);
}

#[test]
fn voters_elect_another_leader_at_once_when_theirs_is_killed() {
    let lab = needs!(Java);
    let mut controllers = Broker::three_controllers(&lab);
    for controller in &mut controllers {
        controller.kill();
        controller.set(&[("controller.quorum.fetch.timeout.ms", "600000")]);
        controller.launch();
    }
    let broker = joined(&controllers, Kind::Forebay, 4);
    for round in 0..2 {
        let dies = leader(&controllers) - 1;
        let started = Instant::now();
        controllers[dies].kill();
        let create = ["--create", "--topic", &format!("topic-{round}")];
        broker.tool(TOPICS, &create).run().succeeded();
        assert!(started.elapsed() < SOON, "{:?}", started.elapsed());
        controllers[dies].launch();
    }
}
