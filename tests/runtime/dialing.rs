//! Connections that a core makes: to sockets of this test, by name and by address.

use std::collections::VecDeque;
use std::io::{Read, Write};
use std::net::{Ipv6Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use forebay::client::DialFailure;
use forebay::model::{NodeAddress, ShardId};
use forebay::runtime::Core;
use forebay::shard::{ConnectionId, DisconnectReason, Effect, Effects, Event};
use forebay::stdx::{HashMap, Instant, Now, new_map};

use crate::cores::Broker;

const LONG: Duration = Duration::from_secs(30);

/// What the test has the core do.
type Orders = Arc<Mutex<VecDeque<Effect>>>;

/// What became of a connection.
#[derive(Debug, Default)]
struct Fate {
    dialed: Option<Result<(), DialFailure>>,
    received: Vec<u8>,
    sent: usize,
    end: Option<DisconnectReason>,
}

type Fates = Arc<Mutex<HashMap<ConnectionId, Fate>>>;

/// Does what it is ordered to, and notes what it is told.
struct Caller {
    shard: ShardId,
    orders: Orders,
    fates: Fates,
    memory: Vec<u8>,
}

impl Caller {
    fn fate(&self, id: ConnectionId, note: impl FnOnce(&mut Fate)) {
        let mut fates = self.fates.lock().unwrap();
        let fate = fates.get_mut(&id).unwrap();
        assert!(
            fate.end.is_none(),
            "nothing happens after the end: {fate:?}"
        );
        note(fate);
    }
}

impl Core for Caller {
    fn on_event(&mut self, _: Now, event: Event, effects: &mut Effects) {
        match event {
            Event::Started if self.shard == ShardId(0) => effects.push(Effect::Ready),
            // Somebody knocks: there are orders.
            Event::Accepted { .. } => {
                let orders = self.orders.lock().unwrap().drain(..).collect::<Vec<_>>();
                for effect in orders {
                    if let Effect::Dial { connection, .. } = &effect {
                        let before = self
                            .fates
                            .lock()
                            .unwrap()
                            .insert(*connection, Fate::default());
                        assert!(before.is_none(), "a number is used once");
                    }
                    effects.push(effect);
                }
            }
            Event::Dialed { connection, result } => self.fate(connection, |fate| {
                assert!(fate.dialed.is_none(), "a dial ends once");
                fate.dialed = Some(result);
            }),
            Event::Received { connection, length } => {
                let bytes = self.memory[..length].to_vec();
                self.fate(connection, |fate| {
                    assert_eq!(fate.dialed, Some(Ok(())));
                    fate.received.extend(bytes);
                });
            }
            Event::Sent { connection, length } => self.fate(connection, |fate| fate.sent += length),
            Event::Disconnected { connection, reason } if connection.dialed_number().is_some() => {
                self.fate(connection, |fate| fate.end = Some(reason));
            }
            Event::Stopping => effects.push(Effect::Stopped),
            _ => {}
        }
    }

    fn receive_buffer(&mut self, _: ConnectionId) -> Option<&mut [u8]> {
        Some(&mut self.memory)
    }

    fn next_deadline(&self) -> Instant {
        Instant::MAX
    }
}

/// A broker of one shard that dials.
struct Dialer {
    broker: Broker,
    orders: Orders,
    fates: Fates,
    next_number: u64,
}

impl Dialer {
    fn start() -> Self {
        let (orders, fates) = (Orders::default(), Fates::new(Mutex::new(new_map())));
        let (for_core, of_core) = (Arc::clone(&orders), Arc::clone(&fates));
        let broker = Broker::start(1, move |shard, _| Caller {
            shard,
            orders: Arc::clone(&for_core),
            fates: Arc::clone(&of_core),
            memory: vec![0; 4096],
        });
        Self {
            broker,
            orders,
            fates,
            next_number: 0,
        }
    }

    fn order(&self, effect: Effect) {
        self.orders.lock().unwrap().push_back(effect);
        drop(self.broker.connect());
    }

    const fn next_connection(&mut self) -> ConnectionId {
        self.next_number += 1;
        ConnectionId::dialed(self.next_number)
    }

    fn dial(&mut self, host: &str, port: u16, timeout: Duration) -> ConnectionId {
        let connection = self.next_connection();
        let host = host.to_owned();
        self.order(Effect::Dial {
            connection,
            address: NodeAddress { host, port },
            timeout,
        });
        connection
    }

    fn send(&self, connection: ConnectionId, bytes: &[u8]) {
        let slices = vec![Bytes::copy_from_slice(bytes)];
        self.order(Effect::Send { connection, slices });
    }

    /// Wait until `find` finds something in what is known of the connection.
    fn wait_for<T>(&self, id: ConnectionId, find: impl Fn(&Fate) -> Option<T>) -> T {
        // Only a broken runtime waits this long.
        let give_up = std::time::Instant::now() + LONG;
        loop {
            let found = self.fates.lock().unwrap().get(&id).and_then(&find);
            if let Some(found) = found {
                return found;
            }
            assert!(std::time::Instant::now() < give_up, "{:?}", self.fates);
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    fn dialed(&self, id: ConnectionId) -> Result<(), DialFailure> {
        self.wait_for(id, |fate| fate.dialed.clone())
    }

    fn ended(&self, id: ConnectionId) -> DisconnectReason {
        self.wait_for(id, |fate| fate.end)
    }
}

/// A listener at an address of this machine; `None` where there is none of its kind.
fn listen(at: impl Into<SocketAddr>) -> Option<(TcpListener, u16)> {
    let listener = TcpListener::bind(at.into()).ok()?;
    let port = listener.local_addr().unwrap().port();
    Some((listener, port))
}

fn listen_here() -> (TcpListener, u16) {
    listen(([127, 0, 0, 1], 0)).unwrap()
}

/// A port at which nobody listens while the socket is there.
fn silent_port() -> (socket2::Socket, u16) {
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    socket
        .bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into())
        .unwrap();
    let port = socket.local_addr().unwrap().as_socket().unwrap().port();
    (socket, port)
}

/// A port that answers nothing, since the queue of its listener is full.
fn black_hole() -> (socket2::Socket, Vec<TcpStream>, u16) {
    let (socket, port) = silent_port();
    socket.listen(0).unwrap();
    let at = SocketAddr::from(([127, 0, 0, 1], port));
    let connect = || TcpStream::connect_timeout(&at, Duration::from_millis(300)).ok();
    let queued: Vec<TcpStream> = std::iter::from_fn(connect).take(16).collect();
    assert!(queued.len() < 16, "the queue of a listener is bounded");
    (socket, queued, port)
}

#[test]
fn bytes_go_both_ways_on_a_connection_that_the_core_made() {
    let mut dialer = Dialer::start();
    let (listener, port) = listen_here();
    let by_address = dialer.dial("127.0.0.1", port, LONG);
    let (mut first, _) = listener.accept().unwrap();
    let by_name = dialer.dial("localhost", port, LONG);
    let (mut second, _) = listener.accept().unwrap();
    for (id, peer) in [(by_address, &mut first), (by_name, &mut second)] {
        assert_eq!(dialer.dialed(id), Ok(()));
        let question: Vec<u8> = (0..300_000_u32).map(|n| (n % 251) as u8).collect();
        dialer.send(id, &question);
        let mut arrived = vec![0; question.len()];
        peer.read_exact(&mut arrived).unwrap();
        assert!(arrived == question, "the bytes arrive as they were sent");
        peer.write_all(&question[..100_000]).unwrap();
        let received = dialer.wait_for(id, |fate| {
            let is_all = fate.received.len() == 100_000 && fate.sent == question.len();
            is_all.then(|| fate.received.clone())
        });
        assert!(received == question[..100_000], "and so do those back");
    }
    dialer.broker.stop();
}

#[test]
fn what_the_peer_says_first_is_heard_and_its_end_ends_the_connection_once() {
    let mut dialer = Dialer::start();
    let (listener, port) = listen_here();
    let id = dialer.dial("127.0.0.1", port, LONG);
    let (mut peer, _) = listener.accept().unwrap();
    peer.write_all(b"welcome, and farewell").unwrap();
    drop(peer);
    assert_eq!(dialer.ended(id), DisconnectReason::ByPeer);
    let heard = dialer.wait_for(id, |fate| Some(fate.received.clone()));
    assert_eq!(heard, b"welcome, and farewell");
    dialer.broker.stop();
}

#[test]
fn the_core_closes_a_connection_that_it_made() {
    let mut dialer = Dialer::start();
    let (listener, port) = listen_here();
    let connection = dialer.dial("127.0.0.1", port, LONG);
    let (mut peer, _) = listener.accept().unwrap();
    assert_eq!(dialer.dialed(connection), Ok(()));
    dialer.send(connection, b"bye");
    let flush = true;
    dialer.order(Effect::Disconnect { connection, flush });
    let mut last = Vec::new();
    peer.read_to_end(&mut last).unwrap();
    assert_eq!(last, b"bye");
    assert_eq!(dialer.ended(connection), DisconnectReason::ByShard);
    dialer.broker.stop();
}

#[test]
fn a_port_at_which_nobody_listens_is_told_as_such() {
    let mut dialer = Dialer::start();
    let (_socket, port) = silent_port();
    let id = dialer.dial("127.0.0.1", port, LONG);
    let at = ([127, 0, 0, 1], port).into();
    assert_eq!(dialer.dialed(id), Err(DialFailure::Refused { at }));
    dialer.broker.stop();
}

#[test]
fn a_name_without_an_address_is_told_as_such() {
    let mut dialer = Dialer::start();
    let id = dialer.dial("no-such-host.invalid", 9092, LONG);
    let failure = dialer.dialed(id).unwrap_err();
    assert!(
        matches!(&failure, DialFailure::NotResolved { host, .. } if host == "no-such-host.invalid"),
        "{failure:?}"
    );
    dialer.broker.stop();
}

#[test]
fn a_name_with_two_addresses_is_reached_at_the_one_where_somebody_listens() {
    // On most machines "localhost" is ::1 and 127.0.0.1.
    let mut dialer = Dialer::start();
    for at in [
        SocketAddr::from(([127, 0, 0, 1], 0)),
        (Ipv6Addr::LOCALHOST, 0).into(),
    ] {
        let known = std::net::ToSocketAddrs::to_socket_addrs(&("localhost", 0)).unwrap();
        if known.into_iter().any(|one| one.ip() == at.ip())
            && let Some((listener, port)) = listen(at)
        {
            let id = dialer.dial("localhost", port, LONG);
            listener.accept().unwrap();
            assert_eq!(dialer.dialed(id), Ok(()));
        }
    }
    dialer.broker.stop();
}

#[test]
fn without_a_descriptor_a_dial_says_so_and_a_later_one_is_made() {
    const ALONE: &str = "FOREBAY_TEST_ALONE";
    if std::env::var_os(ALONE).is_none() {
        // The limit is one of the process: the other tests are not to meet it.
        let name = "dialing::without_a_descriptor_a_dial_says_so_and_a_later_one_is_made";
        let status = std::process::Command::new("sh")
            .args(["-c", "ulimit -n 300 && exec \"$0\" --exact \"$1\""])
            .args([std::env::current_exe().unwrap(), name.into()])
            .env(ALONE, "1")
            .status();
        assert!(status.unwrap().success());
        return;
    }
    let mut dialer = Dialer::start();
    let (listener, port) = listen_here();
    // One for the knock; the broker takes another for it.
    let spare = [(); 2].map(|()| std::fs::File::open("/dev/null").unwrap());
    let open = || std::fs::File::open("/dev/null").ok();
    let files: Vec<_> = std::iter::from_fn(open).collect();
    assert!(files.len() < 300);
    let connection = dialer.next_connection();
    dialer.orders.lock().unwrap().push_back(Effect::Dial {
        connection,
        address: NodeAddress {
            host: "127.0.0.1".to_owned(),
            port,
        },
        timeout: LONG,
    });
    drop(spare);
    let _knock = dialer.broker.connect();
    assert_eq!(dialer.dialed(connection), Err(DialFailure::NoDescriptor));
    drop(files);
    let id = dialer.dial("127.0.0.1", port, LONG);
    listener.accept().unwrap();
    assert_eq!(dialer.dialed(id), Ok(()));
    dialer.broker.stop();
}

#[test]
fn an_address_of_ipv6_is_reached() {
    let Some((listener, port)) = listen((Ipv6Addr::LOCALHOST, 0)) else {
        eprintln!("not run: this machine has no IPv6");
        return;
    };
    let mut dialer = Dialer::start();
    let id = dialer.dial("::1", port, LONG);
    let (_peer, from) = listener.accept().unwrap();
    assert!(from.is_ipv6());
    assert_eq!(dialer.dialed(id), Ok(()));
    dialer.broker.stop();
}

#[test]
fn a_peer_that_does_not_answer_is_given_up_in_time() {
    let mut dialer = Dialer::start();
    let (_socket, _queued, port) = black_hole();
    let limit = Duration::from_millis(100);
    let at = Some(([127, 0, 0, 1], port).into());
    let mut took = || {
        let start = std::time::Instant::now();
        let id = dialer.dial("127.0.0.1", port, limit);
        assert_eq!(dialer.dialed(id), Err(DialFailure::TimedOut { at }));
        start.elapsed()
    };
    let mut times = [(); 5].map(|()| took());
    times.sort_unstable();
    assert!(times[0] >= limit, "{times:?}");
    // Without an alarm for it the shard would sleep for half a second.
    assert!(times[2] < 4 * limit, "{times:?}");
    dialer.broker.stop();
}

#[test]
fn a_dial_that_the_core_gives_up_ends_as_a_connection_does() {
    let mut dialer = Dialer::start();
    let (_socket, _queued, port) = black_hole();
    let connection = dialer.dial("127.0.0.1", port, LONG);
    let flush = false;
    dialer.order(Effect::Disconnect { connection, flush });
    assert_eq!(dialer.ended(connection), DisconnectReason::ByShard);
    let dialed = dialer.wait_for(connection, |fate| Some(fate.dialed.clone()));
    assert_eq!(dialed, None);
    dialer.broker.stop();
}

#[test]
fn more_names_than_resolvers_are_resolved_one_after_the_other() {
    let mut dialer = Dialer::start();
    let (listener, port) = listen_here();
    let ids: Vec<_> = (0..40)
        .map(|_| dialer.dial("localhost", port, LONG))
        .collect();
    let peers: Vec<_> = ids.iter().map(|_| listener.accept().unwrap()).collect();
    for id in ids {
        assert_eq!(dialer.dialed(id), Ok(()));
    }
    drop(peers);
    dialer.broker.stop();
}
