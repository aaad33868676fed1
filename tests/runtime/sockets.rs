//! Connections: bytes in order, ends exactly once, limits, clients that do not read.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

use forebay::connection::ListenerLimits;
use forebay::shard::DisconnectReason;

use crate::cores::{Broker, Echo, Seen};

#[test]
fn bytes_come_back_in_order_over_many_connections_and_shards() {
    let broker = Broker::start(2, Echo::new);
    // All are there before the first can leave again: a place that is left is given away anew.
    let streams: Vec<_> = (0..20).map(|_| broker.connect()).collect();
    let clients: Vec<_> = (0_u8..)
        .zip(streams)
        .map(|(client, mut stream)| {
            std::thread::spawn(move || {
                let sent: Vec<u8> = (0..300_000_u32).map(|n| (n % 113) as u8 ^ client).collect();
                let mut writer = stream.try_clone().unwrap();
                let bytes = sent.clone();
                let writing = std::thread::spawn(move || {
                    for piece in bytes.chunks(7001) {
                        writer.write_all(piece).unwrap();
                    }
                });
                let mut back = vec![0; sent.len()];
                stream.read_exact(&mut back).unwrap();
                writing.join().unwrap();
                assert!(
                    back == sent,
                    "the bytes of client {client} came back as they were"
                );
            })
        })
        .collect();
    for client in clients {
        client.join().unwrap();
    }
    let seen = broker.stop();
    for shard in 0..2 {
        let accepted =
            |seen: &&Seen| matches!(seen, Seen::Accepted { shard: s, .. } if *s == shard);
        assert_eq!(
            seen.iter().filter(accepted).count(),
            10,
            "shard {shard} has its half"
        );
    }
}

#[test]
fn a_connection_ends_exactly_once_however_it_ends() {
    let broker = Broker::start(1, Echo::new);
    // The peer closes, resets, half-closes; the core closes at once and after its last bytes.
    drop(broker.connect());
    reset(broker.connect());
    let half = broker.connect();
    half.shutdown(Shutdown::Write).unwrap();
    let mut closed = broker.connect();
    closed.write_all(&[Echo::CLOSE]).unwrap();
    assert_eq!(read_to_end(&mut closed), b"");
    let mut flushed = broker.connect();
    flushed.write_all(b"bye").unwrap();
    flushed.write_all(&[Echo::FLUSH_AND_CLOSE]).unwrap();
    assert_eq!(read_to_end(&mut flushed), b"bye");
    broker.wait_for(5, |seen| matches!(seen, Seen::Disconnected { .. }));
    let seen = broker.stop();
    let mut ends: Vec<_> = seen
        .iter()
        .filter_map(|seen| match seen {
            Seen::Disconnected { connection, reason } => Some((*connection, *reason)),
            Seen::Accepted { .. } => None,
        })
        .collect();
    let by_shard = ends
        .iter()
        .filter(|(_, reason)| *reason == DisconnectReason::ByShard);
    assert_eq!(by_shard.count(), 2);
    ends.sort_by_key(|(connection, _)| *connection);
    ends.dedup_by_key(|(connection, _)| *connection);
    assert_eq!(ends.len(), 5, "five connections, five ends");
}

#[test]
fn a_client_that_does_not_read_costs_a_bounded_queue_and_holds_up_nobody() {
    let broker = Broker::start(1, Echo::new);
    let mut stuck = broker.connect();
    stuck
        .set_write_timeout(Some(Duration::from_millis(200)))
        .unwrap();
    let piece = [7; 65_536];
    let mut sent = 0;
    // Ends when neither the sockets nor the core take more.
    while let Ok(length) = stuck.write(&piece) {
        sent += length;
        assert!(
            sent < 256 << 20,
            "the core goes on reading what it cannot answer"
        );
    }
    let mut other = broker.connect();
    other.write_all(b"still here").unwrap();
    let mut back = [0; 10];
    other.read_exact(&mut back).unwrap();
    assert_eq!(&back, b"still here");
    // Once it reads, everything it sent comes back.
    let mut back = vec![0; sent];
    stuck.read_exact(&mut back).unwrap();
    assert!(back.iter().all(|byte| *byte == 7));
    broker.stop();
}

#[test]
fn clients_over_a_limit_are_turned_away_and_places_come_back() {
    let mut plan = Broker::plan(1);
    plan.limits.listeners = vec![ListenerLimits::NONE];
    plan.limits.per_address_max = 2;
    let broker = Broker::start_with(plan, Echo::new);
    let mut first = broker.connect();
    let mut second = broker.connect();
    assert!(is_served(&mut first) && is_served(&mut second));
    assert!(!is_served(&mut broker.connect()));
    drop(first);
    broker.wait_for(1, |seen| matches!(seen, Seen::Disconnected { .. }));
    assert!(is_served(&mut broker.connect()));
    broker.stop();
}

#[test]
fn a_clean_stop_sends_what_was_queued_and_ends_within_a_second() {
    let broker = Broker::start(2, Echo::new);
    let mut stream = broker.connect();
    assert!(is_served(&mut stream));
    stream.write_all(&[Echo::ANSWER_AT_STOP]).unwrap();
    let mut back = [0];
    stream.read_exact(&mut back).unwrap();
    broker.stop();
    assert_eq!(read_to_end(&mut stream), b"stopped");
}

/// One byte there and back; false if the connection was closed instead.
fn is_served(stream: &mut TcpStream) -> bool {
    let mut byte = [0];
    stream.write_all(b"x").is_ok() && matches!(stream.read(&mut byte), Ok(1))
}

fn read_to_end(stream: &mut TcpStream) -> Vec<u8> {
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).unwrap();
    bytes
}

fn reset(stream: TcpStream) {
    let socket = socket2::Socket::from(stream);
    socket.set_linger(Some(Duration::ZERO)).unwrap();
}
