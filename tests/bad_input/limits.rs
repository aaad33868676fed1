//! Limits on how much one client may ask at a time, and for how long it may be silent.

use std::time::Duration;

use super::client::Client;
use crate::support::{Broker, Kind, needs};

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
