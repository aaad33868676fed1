//! Who may connect, who has to wait and who is closed, in both brokers.

use std::io::ErrorKind;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::wire::Connection;
use crate::support::{Broker, Kind, Lab, free_port, needs};

/// How long a client that has to wait is watched.
const PATIENCE: Duration = Duration::from_millis(500);

/// How long a change may take to show.
const LIMIT: Duration = Duration::from_secs(10);

/// The types of a broker among what has settings, and of an operation that sets one.
const BROKER: i8 = 4;
const SET: i8 = 0;

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum State {
    Served,
    Waits,
    Closed,
}

/// What becomes of a client that asks for the brokers.
fn state_of(client: &mut Connection) -> State {
    let asked = client.send("Metadata", 12, &json!({ "Topics": [] }));
    asked.map_or(State::Closed, |()| answered(client))
}

/// What became of a client that has asked.
fn answered(client: &mut Connection) -> State {
    client.wait_at_most(PATIENCE);
    match client.answer("Metadata", 12) {
        Ok(_) => State::Served,
        Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
            State::Waits
        }
        Err(_) => State::Closed,
    }
}

/// Connects until `count` clients at a time are served: one that is gone counts until the broker
/// has noticed it.
fn served(lab: &Lab, port: u16, count: usize) -> Vec<Connection> {
    let mut clients = Vec::new();
    while clients.len() < count {
        let mut client = Connection::open(lab, port).expect("the kernel accepts");
        let started = Instant::now();
        let mut state = state_of(&mut client);
        while state == State::Waits && started.elapsed() < LIMIT {
            state = answered(&mut client);
        }
        assert_eq!(state, State::Served);
        clients.push(client);
    }
    clients
}

/// A broker with the listeners PLAINTEXT and SECOND, and their ports.
fn with_two_listeners(lab: &Lab, kind: Kind, settings: &[(&str, &str)]) -> (Broker, [u16; 2]) {
    let [first, second, controller] = [free_port(), free_port(), free_port()];
    let listeners = format!(
        "PLAINTEXT://127.0.0.1:{first},SECOND://127.0.0.1:{second},\
         CONTROLLER://127.0.0.1:{controller}"
    );
    let quorum = format!("127.0.0.1:{controller}");
    let own = [
        ("listeners", listeners.as_str()),
        ("advertised.listeners", &listeners),
        ("controller.quorum.bootstrap.servers", &quorum),
    ];
    let broker = Broker::start_on(lab, kind, first, &[&own, settings].concat());
    (broker, [first, second])
}

fn set(client: &mut Connection, broker: &str, name: &str, value: &str) {
    let change = json!({ "Name": name, "ConfigOperation": SET, "Value": value });
    let resource = json!({ "ResourceType": BROKER, "ResourceName": broker, "Configs": [change] });
    let body = json!({ "Resources": [resource], "ValidateOnly": false });
    client.wait_at_most(LIMIT);
    let answer = client.ask("IncrementalAlterConfigs", 1, &body);
    let answer = answer.expect("an answer");
    assert_eq!(
        answer["Responses"][0]["ErrorCode"],
        Value::from(0),
        "{answer}"
    );
}

#[test]
fn who_comes_above_max_connections_waits_until_another_is_gone() {
    let lab = needs!(Java);
    for kind in Kind::BOTH {
        let broker = Broker::start(&lab, kind, &[("max.connections", "3")]);
        let clients = served(&lab, broker.port, 3);
        let [mut fourth, mut fifth] = [broker.connect(), broker.connect()];
        assert_eq!(state_of(&mut fourth), State::Waits, "{kind:?}");
        assert_eq!(state_of(&mut fifth), State::Waits, "{kind:?}");
        let mut clients = clients.into_iter();
        drop(clients.next());
        assert_eq!(answered(&mut fourth), State::Served, "{kind:?}");
        assert_eq!(answered(&mut fifth), State::Waits, "{kind:?}");
        drop(fourth);
        assert_eq!(answered(&mut fifth), State::Served, "{kind:?}");
        for mut client in clients {
            assert_eq!(state_of(&mut client), State::Served, "{kind:?}");
        }
    }
}

#[test]
fn a_listener_has_a_limit_of_its_own() {
    let lab = needs!(Java);
    for kind in Kind::BOTH {
        let own = [("listener.name.second.max.connections", "1")];
        let (_broker, [first, second]) = with_two_listeners(&lab, kind, &own);
        let _one = served(&lab, second, 1);
        let mut other = Connection::open(&lab, second).expect("the kernel accepts");
        assert_eq!(state_of(&mut other), State::Waits, "{kind:?}");
        let mut clients = served(&lab, first, 3);
        set(
            &mut clients[0],
            "",
            "listener.name.second.max.connections",
            "2",
        );
        assert_eq!(answered(&mut other), State::Served, "{kind:?}");
    }
}

#[test]
fn a_broker_takes_the_place_of_the_client_that_was_silent_longest() {
    let lab = needs!(Java);
    for kind in Kind::BOTH {
        let settings = [
            ("max.connections", "3"),
            ("inter.broker.listener.name", "SECOND"),
            // One thread, so that there is one order of silence; Forebay has one per shard.
            ("num.network.threads", "1"),
            ("forebay.shards", "1"),
        ];
        let (_broker, [first, second]) = with_two_listeners(&lab, kind, &settings);
        let mut clients = served(&lab, first, 3);
        assert_eq!(state_of(&mut clients[0]), State::Served, "{kind:?}");
        let _brokers = served(&lab, second, 1);
        let gone = |client: &mut Connection| {
            client.wait_at_most(PATIENCE);
            client.is_closed()
        };
        let gone: Vec<bool> = clients.iter_mut().map(gone).collect();
        assert_eq!(gone, [false, true, false], "{kind:?}");
        let _more = served(&lab, second, 2);
        let mut beyond = Connection::open(&lab, second).expect("the kernel accepts");
        assert_eq!(
            state_of(&mut beyond),
            State::Waits,
            "{kind:?}: its own limit holds"
        );
    }
}

#[test]
fn a_limit_that_falls_closes_those_that_are_too_many() {
    let lab = needs!(Java);
    for kind in Kind::BOTH {
        let settings = [("num.network.threads", "1"), ("forebay.shards", "1")];
        let broker = Broker::start(&lab, kind, &settings);
        let mut clients = served(&lab, broker.port, 4);
        let [.., last] = &mut clients[..] else {
            panic!("there are four");
        };
        set(last, "", "max.connections", "2");
        let started = Instant::now();
        let mut open = clients.len();
        while open > 2 {
            assert!(started.elapsed() < LIMIT, "{kind:?} keeps {open}");
            clients.retain_mut(|client| state_of(client) == State::Served);
            open = clients.len();
        }
        std::thread::sleep(PATIENCE);
        let stay = clients
            .iter_mut()
            .all(|client| state_of(client) == State::Served);
        assert!(open == 2 && stay, "{kind:?} keeps {open}");
    }
}

#[test]
fn who_comes_faster_than_max_connection_creation_rate_has_to_wait() {
    let lab = needs!(Java);
    for kind in Kind::BOTH {
        // The rate is measured over eleven seconds, of which ten count from the beginning.
        let broker = Broker::start(&lab, kind, &[("max.connection.creation.rate", "2")]);
        let started = Instant::now();
        drop(served(&lab, broker.port, 15));
        assert!(
            started.elapsed() < PATIENCE,
            "{kind:?}: these may come at once"
        );
        drop(served(&lab, broker.port, 8));
        let took = started.elapsed();
        assert!(took >= Duration::from_secs(1), "{kind:?} takes {took:?}");
        assert!(took < LIMIT, "{kind:?} takes {took:?}");
    }
}

#[test]
fn one_address_gets_only_the_connections_it_may_have() {
    let lab = needs!(Java);
    for kind in Kind::BOTH {
        let broker = Broker::start(&lab, kind, &[("max.connections.per.ip", "5")]);
        let none = json!({ "Topics": [] });
        // A connection counts until the broker has noticed its end, so one try may find fewer.
        let mut served = 0;
        for _ in 0..100 {
            let mut clients: Vec<Connection> = (0..8).map(|_| broker.connect()).collect();
            let answers = clients
                .iter_mut()
                .map(|client| client.ask("Metadata", 12, &none));
            served = answers.filter(Result::is_ok).count();
            if served == 5 {
                break;
            }
            assert!(served < 5, "{kind:?} serves {served}");
            drop(clients);
            std::thread::sleep(Duration::from_millis(50));
        }
        assert_eq!(served, 5, "{kind:?}");
    }
}
