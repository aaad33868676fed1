//! A cluster on three hosts that die, stand still, and are cut off: as users set one up, and under
//! load.
//!
//! `FOREBAY_CHAOS_SECONDS` says for how long, `FOREBAY_SEED` what happens.

#[path = "../load/history.rs"]
mod history;
mod machine;
mod network;
#[path = "../support/mod.rs"]
mod support;
#[path = "../load/workload.rs"]
mod workload;

use std::fs::{self, File};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use forebay::stdx::Random;

use machine::Machine;
use network::{CLIENT, Network, namespace};
use support::{Lab, Output, needs, not_possible, test_name};
use workload::{
    Clients, Load, Pause, SETTINGS, TOPIC, assert_is_kept_for, number_from_environment, randomness,
    tell,
};

const TOPICS: &str = "org.apache.kafka.tools.TopicCommand";
const PRODUCER: &str = "org.apache.kafka.tools.ConsoleProducer";
const CONSUMER: &str = "org.apache.kafka.tools.consumer.ConsoleConsumer";

/// What clients are told of the cluster.
const SERVERS: &str = "kafka1:9092,kafka2:9092,kafka3:9092";

/// For how long something happens, unless the environment says so.
const SECONDS: u64 = 40;

/// A broker that is not heard of is missed after three seconds, so that in a short run several are.
const SOON: [(&str, &str); 4] = [
    ("broker.heartbeat.interval.ms", "500"),
    ("broker.session.timeout.ms", "3000"),
    ("offsets.topic.replication.factor", "3"),
    ("group.initial.rebalance.delay.ms", "0"),
];

/// What happens to a host.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Fault {
    Kill,
    StandStill,
    Cut,
    Mute,
    Slow,
    Restart,
}

const FAULTS: [Fault; 6] = [
    Fault::Kill,
    Fault::StandStill,
    Fault::Cut,
    Fault::Mute,
    Fault::Slow,
    Fault::Restart,
];

fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    u64::try_from(since.expect("it is later than 1970").as_millis()).expect("a time")
}

fn wait(random: &mut Random, millis: std::ops::Range<u64>) {
    let span = millis.end - millis.start;
    thread::sleep(Duration::from_millis(millis.start + random.below(span)));
}

/// Something happens to a machine, and is over; when it began and ended.
fn happens(
    fault: Fault,
    machine: &mut Machine,
    network: &Network,
    random: &mut Random,
) -> (u64, u64) {
    let began = now_ms();
    // Some are over before the broker is missed.
    let lasting = 500..6_000;
    match fault {
        Fault::Kill => {
            machine.kill();
            wait(random, 0..3_000);
            machine.start();
        }
        Fault::StandStill => {
            machine.signal("-STOP");
            wait(random, lasting);
            machine.signal("-CONT");
        }
        Fault::Restart => {
            machine.stop();
            machine.start();
        }
        Fault::Cut | Fault::Mute | Fault::Slow => {
            match fault {
                Fault::Cut => network.cut(machine.host),
                Fault::Mute => network.mute(machine.host),
                _ => network.slow(machine.host),
            }
            wait(random, lasting);
            network.heal(machine.host);
        }
    }
    (began, now_ms())
}

/// A console tool on the clients' host.
fn tool(lab: &Lab, class: &str, args: &[&str], input: &str) -> Output {
    let program = lab.java(class, 120).args(args).input(input);
    program.in_namespace(&namespace(CLIENT)).run().succeeded()
}

/// What users do first, as they do it.
fn first_steps(lab: &Lab) {
    let server = ["--bootstrap-server", "kafka1:9092"];
    let create = [
        "--create",
        "--topic",
        "my-topic",
        "--replication-factor",
        "3",
    ];
    let create = [&create[..], &["--partitions", "3"], &server].concat();
    let created = tool(lab, TOPICS, &create, "");
    assert!(
        created.stdout.contains("Created topic my-topic."),
        "{created:?}"
    );
    let topic = ["--topic", "my-topic"];
    let produce = [&topic[..], &server].concat();
    tool(lab, PRODUCER, &produce, "one\ntwo\nthree\n");
    let all = [
        "--from-beginning",
        "--max-messages",
        "3",
        "--timeout-ms",
        "30000",
    ];
    let consume = [&topic[..], &server, &all].concat();
    let consumed = tool(lab, CONSUMER, &consume, "").stdout;
    let mut lines: Vec<&str> = consumed.lines().collect();
    lines.sort_unstable();
    assert_eq!(lines, ["one", "three", "two"]);
}

/// The longest of the pauses that were not over when something began, up to its end and what it
/// had led to.
fn longest(pauses: &[Pause], (began, ended): (u64, u64)) -> u64 {
    let during = pauses.iter().filter(|one| one.began_ms <= ended);
    let during = during.filter(|one| one.began_ms + one.length_ms >= began);
    during.map(|one| one.length_ms).max().unwrap_or(0)
}

fn tell_pauses(happened: &[(Fault, &str, (u64, u64))], pauses: &[Pause]) {
    for fault in FAULTS {
        let of_fault = happened.iter().filter(|(one, ..)| *one == fault);
        let mut lengths: Vec<u64> = of_fault.map(|(.., time)| longest(pauses, *time)).collect();
        lengths.sort_unstable();
        if let Some(worst) = lengths.last() {
            let (count, median) = (lengths.len(), lengths[lengths.len() / 2]);
            tell(&format!(
                "{fault:?} {count} times: a partition acknowledged nothing for {median} ms in the \
                 median, {worst} ms at worst\n"
            ));
        }
    }
}

#[test]
fn what_hosts_acknowledge_that_die_and_are_cut_off_is_there_once_and_in_order() {
    let lab = needs!(Python, Java);
    let network = match Network::build() {
        Ok(network) => network,
        Err(reason) => return not_possible(test_name!(), &reason),
    };
    let (seed, mut random) = randomness();
    let settings = [&SETTINGS[..], &SOON].concat();
    let mut machines = [(1, "kafka1"), (2, "kafka2"), (3, "kafka3")]
        .map(|(n, host)| Machine::new(host, n, &settings));
    machines.iter_mut().for_each(Machine::start);
    machines[0].await_all();
    first_steps(&lab);
    let create = [
        "--create",
        "--topic",
        TOPIC,
        "--replication-factor",
        "3",
        "--partitions",
        "6",
    ];
    let in_sync = [
        "--config",
        "min.insync.replicas=2",
        "--bootstrap-server",
        SERVERS,
    ];
    tool(&lab, TOPICS, &[&create[..], &in_sync].concat(), "");

    let on = namespace(CLIENT);
    let clients = Clients {
        lab: &lab,
        server: SERVERS,
        environment: &[],
        namespace: Some(&on),
    };
    let end = Path::new(env!("CARGO_TARGET_TMPDIR")).join("chaos-end");
    drop(fs::remove_file(&end));
    let end_at = end.display().to_string();
    let load = Load::of(clients, seed);
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/load/Consumed.java");
    let consumers = [
        lab.python("load/acknowledged.py", 600)
            .args(["consume", SERVERS, TOPIC, &end_at]),
        lab.java(source, 600).args([SERVERS, TOPIC, &end_at]),
    ];
    let consumers = consumers.map(|consumer| {
        let consumer = consumer.in_namespace(&on);
        thread::spawn(move || consumer.run())
    });

    let seconds = number_from_environment("FOREBAY_CHAOS_SECONDS").unwrap_or(SECONDS);
    let (started, mut happened) = (Instant::now(), Vec::new());
    while started.elapsed() < Duration::from_secs(seconds) {
        wait(&mut random, 200..1_500);
        let fault = FAULTS[usize::try_from(random.below(6)).expect("few")];
        let machine = &mut machines[usize::try_from(random.below(3)).expect("few")];
        tell(&format!(
            "{:>5.1} s: {fault:?} {}\n",
            started.elapsed().as_secs_f64(),
            machine.host
        ));
        let time = happens(fault, machine, &network, &mut random);
        happened.push((fault, machine.host, time));
        // Sometimes the next one dies before this one is back.
        if random.chance(3, 4) {
            machine.await_all();
            wait(&mut random, 500..2_000);
        }
    }
    let finished = load.finish_telling();
    File::create(&end).expect("target/ can be written");
    for consumer in consumers {
        tell(&consumer.join().expect("a thread ends").succeeded().stderr);
    }
    tell_pauses(&happened, &finished.pauses);
    machines[0].await_all();
    assert_is_kept_for(clients, &finished.acknowledged);
}
