//! Limits on who may connect and how much one client may ask at a time.

use std::time::Duration;

use super::client::Client;
use crate::support::{Broker, Kind, needs};

/// How many of `count` clients that connect at once are served.
fn served_of(broker: &Broker, count: usize) -> usize {
    let mut clients: Vec<Client> = (0..count).map(|_| Client::connect(broker.port)).collect();
    for client in &clients {
        let limit = Some(Duration::from_secs(5));
        client
            .stream
            .set_read_timeout(limit)
            .expect("a limit above zero");
    }
    clients
        .iter_mut()
        .filter_map(|client| client.is_served().then_some(()))
        .count()
}

#[test]
fn no_more_clients_are_served_than_may_connect() {
    let lab = needs!();
    let broker = Broker::start(&lab, Kind::Forebay, &[("max.connections", "5")]);
    // A connection counts until the broker has noticed its end, so one try may find fewer.
    for _ in 0..100 {
        match served_of(&broker, 8) {
            5 => return,
            served => assert!(served < 5, "{served} are served"),
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    panic!("fewer clients are served than may connect");
}

#[test]
fn a_request_above_socket_request_max_bytes_ends_its_connection() {
    let lab = needs!();
    let broker = Broker::start(&lab, Kind::Forebay, &[("socket.request.max.bytes", "1000")]);
    let (mut within, mut above) = (Client::connect(broker.port), Client::connect(broker.port));
    within.send(&1000_u32.to_be_bytes()).expect("it is open");
    above.send(&1001_u32.to_be_bytes()).expect("it is open");
    assert!(above.is_closed());
    let limit = Some(Duration::from_millis(200));
    within
        .stream
        .set_read_timeout(limit)
        .expect("a limit above zero");
    assert!(!within.is_closed(), "its request may still come");
}

#[test]
fn a_connection_is_closed_when_it_was_silent_for_too_long() {
    let lab = needs!();
    let broker = Broker::start(&lab, Kind::Forebay, &[("connections.max.idle.ms", "1500")]);
    let (mut idle, mut busy) = (Client::connect(broker.port), Client::connect(broker.port));
    // A request that does not come counts as silence.
    idle.send(&[0, 0, 0]).expect("it is open");
    for _ in 0..20 {
        assert!(busy.is_served());
        std::thread::sleep(Duration::from_millis(200));
    }
    assert!(idle.is_closed());
}
