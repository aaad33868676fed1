//! Connections to other nodes that are being made: names to addresses, addresses to sockets.
//!
//! A connect does not wait: the poller tells when the socket is writable, which is when the system
//! knows how it ended. A name is resolved by a thread of its own. The resolver may take a minute
//! and cannot be interrupted: on the executor's few threads for blocking calls the disk would wait
//! for it.

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use socket2::{Domain, Protocol, Socket, Type};

use crate::client::DialFailure;
use crate::model::NodeAddress;
use crate::shard::ConnectionId;
use crate::stdx::Instant;

use super::poller::{Poller, Readiness};

/// Names of one shard that are resolved at a time: a resolver whose servers are gone holds its
/// thread until it gives up, while the shard tries again and again.
const RESOLVERS_MAX: usize = 8;

/// What a resolver found.
#[derive(Debug)]
pub(in crate::runtime) struct Resolved {
    connection: ConnectionId,
    /// Or why there are none.
    addresses: Result<Vec<SocketAddr>, String>,
}

/// Brings what a resolver found to the shard, from the resolver's thread.
pub(in crate::runtime) type DeliverResolved = Arc<dyn Fn(Resolved) + Send + Sync>;

/// A connection that was made, with what is known of its socket.
#[derive(Debug)]
pub(super) struct Dialed {
    pub socket: OwnedFd,
    pub readiness: Readiness,
}

/// The connections of one shard that are being made.
pub(super) struct Dials {
    under_way: BTreeMap<ConnectionId, Dial>,
    /// Names that wait for a resolver.
    unresolved: VecDeque<(ConnectionId, NodeAddress)>,
    /// Threads that resolve a name.
    resolvers: usize,
    deliver: DeliverResolved,
    /// Nobody was told of these.
    ended: VecDeque<(ConnectionId, Result<Dialed, DialFailure>)>,
}

struct Dial {
    host: String,
    /// All has to be over by then.
    until: Instant,
    /// Those not tried yet.
    addresses: VecDeque<SocketAddr>,
    attempt: Option<Attempt>,
    /// Why those that were tried failed.
    failure: Option<DialFailure>,
}

struct Attempt {
    socket: Socket,
    at: SocketAddr,
    until: Instant,
}

impl Dials {
    /// None.
    pub fn new(deliver: DeliverResolved) -> Self {
        Self {
            under_way: BTreeMap::new(),
            unresolved: VecDeque::new(),
            resolvers: 0,
            deliver,
            ended: VecDeque::new(),
        }
    }

    /// Begin to connect to `address` under the number `id`.
    pub fn begin(
        &mut self,
        now: Instant,
        id: ConnectionId,
        (address, timeout): (NodeAddress, Duration),
        poller: &Poller,
    ) {
        let mut dial = Dial {
            host: address.host.clone(),
            until: now + timeout,
            addresses: VecDeque::new(),
            attempt: None,
            failure: None,
        };
        let literal = address.host.parse::<IpAddr>();
        if let Ok(literal) = literal {
            dial.addresses.push_back((literal, address.port).into());
        }
        let before = self.under_way.insert(id, dial);
        assert!(before.is_none(), "a connection's number is used once");
        if literal.is_ok() {
            self.try_next(now, id, None, poller);
        } else {
            self.unresolved.push_back((id, address));
            self.start_resolvers();
        }
    }

    /// A resolver has ended.
    pub fn on_resolved(&mut self, now: Instant, resolved: Resolved, poller: &Poller) {
        self.resolvers -= 1;
        self.start_resolvers();
        let id = resolved.connection;
        // It may have come too late.
        let Some(dial) = self.under_way.get_mut(&id) else {
            return;
        };
        match resolved.addresses {
            Ok(addresses) => {
                dial.addresses = addresses.into();
                self.try_next(now, id, None, poller);
            }
            Err(reason) => {
                let host = std::mem::take(&mut dial.host);
                self.end(id, Err(DialFailure::NotResolved { host, reason }));
            }
        }
    }

    /// The system has news of the socket of `id`, if that is being connected.
    pub fn on_ready(
        &mut self,
        now: Instant,
        id: ConnectionId,
        readiness: Readiness,
        poller: &Poller,
    ) {
        let Some(dial) = self.under_way.get_mut(&id) else {
            return;
        };
        let ended = dial.attempt.take_if(|_| readiness.is_writable());
        let Some(Attempt { socket, at, .. }) = ended else {
            return;
        };
        match connected(&socket) {
            Ok(()) => {
                let socket = socket.into();
                self.end(id, Ok(Dialed { socket, readiness }));
            }
            Err(error) => {
                drop(socket);
                self.try_next(now, id, Some(failure_of(&error, at)), poller);
            }
        }
    }

    /// Give up on what takes too long.
    pub fn on_time(&mut self, now: Instant, poller: &Poller) {
        let due = |(id, dial): (&ConnectionId, &Dial)| (dial.due() <= now).then_some(*id);
        let due: Vec<ConnectionId> = self.under_way.iter().filter_map(due).collect();
        for id in due {
            let dial = self.under_way.get_mut(&id).expect("it was just listed");
            let at = dial.attempt.take().map(|attempt| attempt.at);
            self.try_next(now, id, Some(DialFailure::TimedOut { at }), poller);
        }
    }

    /// Give up on `id`. True if it was being made, or nobody had been told that it was.
    pub fn give_up(&mut self, id: ConnectionId) -> bool {
        let count = self.ended.len();
        self.ended.retain(|(ended, _)| *ended != id);
        self.unresolved.retain(|(waiting, _)| *waiting != id);
        self.under_way.remove(&id).is_some() || self.ended.len() < count
    }

    /// How the next one ended.
    pub fn next_ended(&mut self) -> Option<(ConnectionId, Result<Dialed, DialFailure>)> {
        self.ended.pop_front()
    }

    /// True if one has ended of which nobody was told.
    pub fn has_ended(&self) -> bool {
        !self.ended.is_empty()
    }

    /// When one will have taken too long.
    pub fn next_deadline(&self) -> Instant {
        let due = self.under_way.values().map(Dial::due);
        due.min().unwrap_or(Instant::MAX)
    }

    /// Try the next address, or end with the failure of the last.
    fn try_next(
        &mut self,
        now: Instant,
        id: ConnectionId,
        failure: Option<DialFailure>,
        poller: &Poller,
    ) {
        let dial = self.under_way.get_mut(&id).expect("it is being made");
        dial.note(failure);
        while dial.until > now
            && let Some(at) = dial.addresses.pop_front()
        {
            // Those behind it have to have a chance, too.
            let rest = u32::try_from(dial.addresses.len()).unwrap_or(u32::MAX - 1);
            let until = now + (dial.until - now) / (rest + 1);
            match connect(at, id, poller) {
                Ok(socket) => {
                    dial.attempt = Some(Attempt { socket, at, until });
                    return;
                }
                Err(error) => dial.note(Some(failure_of(&error, at))),
            }
        }
        if !dial.addresses.is_empty() || dial.failure.is_none() {
            dial.note(Some(DialFailure::TimedOut { at: None }));
        }
        let failure = dial.failure.take().expect("it was just noted");
        self.end(id, Err(failure));
    }

    fn end(&mut self, id: ConnectionId, result: Result<Dialed, DialFailure>) {
        self.under_way.remove(&id);
        self.unresolved.retain(|(waiting, _)| *waiting != id);
        self.ended.push_back((id, result));
    }

    fn start_resolvers(&mut self) {
        while self.resolvers < RESOLVERS_MAX
            && let Some((connection, address)) = self.unresolved.pop_front()
        {
            let deliver = Arc::clone(&self.deliver);
            let host = address.host.clone();
            let resolve = move || {
                let addresses = resolve(&address);
                deliver(Resolved {
                    connection,
                    addresses,
                });
            };
            let thread = thread::Builder::new().name("resolver".to_owned());
            match thread.spawn(resolve) {
                Ok(_) => self.resolvers += 1,
                Err(error) => {
                    let reason = format!("no thread to ask for it: {error}");
                    self.end(connection, Err(DialFailure::NotResolved { host, reason }));
                }
            }
        }
    }
}

impl Dial {
    fn due(&self) -> Instant {
        let attempt = self.attempt.as_ref();
        attempt.map_or(self.until, |attempt| attempt.until)
    }

    /// An address failed. The last failure is told, but that nobody listens only if that is so at
    /// every address: of a node that is not reached at another nothing is known.
    fn note(&mut self, failure: Option<DialFailure>) {
        let is_known = |known: &DialFailure| !matches!(known, DialFailure::Refused { .. });
        let says_less = matches!(failure, Some(DialFailure::Refused { .. }));
        if failure.is_some() && !(says_less && self.failure.as_ref().is_some_and(is_known)) {
            self.failure = failure;
        }
    }
}

/// The addresses of a name, or one line that says why there are none.
fn resolve(address: &NodeAddress) -> Result<Vec<SocketAddr>, String> {
    let found = (address.host.as_str(), address.port).to_socket_addrs();
    let found: Vec<SocketAddr> = found.map_err(|error| error.to_string())?.collect();
    if found.is_empty() {
        return Err("the resolver knows none".to_owned());
    }
    Ok(found)
}

/// Begin to connect to `at`. The poller tells under the number `id` when that has ended.
fn connect(at: SocketAddr, id: ConnectionId, poller: &Poller) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(at), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_nonblocking(true)?;
    // Requests are written in one piece: waiting for more to send would only delay them.
    socket.set_tcp_nodelay(true)?;
    match socket.connect(&at.into()) {
        Err(error) if error.raw_os_error() != Some(libc::EINPROGRESS) => return Err(error),
        _ => {}
    }
    // Only now: a socket that connects to nothing counts as broken.
    poller.add_connection(socket.as_fd(), id.0)?;
    Ok(socket)
}

/// How the connect of a socket ended.
fn connected(socket: &Socket) -> io::Result<()> {
    if let Some(error) = socket.take_error()? {
        return Err(error);
    }
    // Where nobody listens at a port of those that the system gives to whoever connects, it may
    // give that very port, and the socket is connected with itself.
    if socket.local_addr()?.as_socket() == socket.peer_addr()?.as_socket() {
        return Err(io::Error::from_raw_os_error(libc::ECONNREFUSED));
    }
    Ok(())
}

fn failure_of(error: &io::Error, at: SocketAddr) -> DialFailure {
    match error.raw_os_error() {
        Some(libc::ECONNREFUSED) => DialFailure::Refused { at },
        Some(libc::ETIMEDOUT) => DialFailure::TimedOut { at: Some(at) },
        Some(libc::EMFILE | libc::ENFILE) => DialFailure::NoDescriptor,
        errno => DialFailure::Failed {
            at,
            errno: errno.unwrap_or(0),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{TcpListener, TcpStream};

    /// A listener that answers nothing: as many wait to be accepted as may.
    fn black_hole() -> (Socket, Vec<TcpStream>, SocketAddr) {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        let at = SocketAddr::from(([127, 0, 0, 1], 0));
        socket.bind(&at.into()).unwrap();
        socket.listen(0).unwrap();
        let at = socket.local_addr().unwrap().as_socket().unwrap();
        let connect = || TcpStream::connect_timeout(&at, Duration::from_millis(300)).ok();
        let queued = std::iter::from_fn(connect).take(16).collect();
        (socket, queued, at)
    }

    #[test]
    fn addresses_of_a_name_are_tried_in_turn_and_share_the_time() {
        const SECOND: Duration = Duration::from_secs(1);
        let (_socket, _queued, silent) = black_hole();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let there = listener.local_addr().unwrap();
        let mut poller = Poller::new().unwrap();
        let mut dials = Dials::new(Arc::new(|_| {}));
        let id = ConnectionId::dialed(1);
        let start = Instant::from_nanos(1);
        let host = "three.invalid".to_owned();
        let to = NodeAddress { host, port: 1 };
        dials.begin(start, id, (to, 9 * SECOND), &poller);
        assert_eq!(dials.next_deadline(), start + 9 * SECOND);
        let resolved = Resolved {
            connection: id,
            addresses: Ok(vec![silent, silent, there]),
        };
        dials.on_resolved(start, resolved, &poller);
        for passed in [3, 6] {
            assert_eq!(dials.next_deadline(), start + passed * SECOND);
            dials.on_time(start + passed * SECOND, &poller);
        }
        assert_eq!(dials.next_deadline(), start + 9 * SECOND);
        listener.accept().unwrap();
        let ready: Vec<Readiness> = poller.look().collect();
        for readiness in ready {
            assert_eq!(readiness.token, id.0);
            dials.on_ready(start + 6 * SECOND, id, readiness, &poller);
        }
        let (ended, result) = dials.next_ended().unwrap();
        assert_eq!(ended, id);
        let socket = Socket::from(result.unwrap().socket);
        assert_eq!(socket.peer_addr().unwrap().as_socket(), Some(there));
    }

    #[test]
    fn nobody_listens_only_if_that_is_so_at_every_address_of_a_name() {
        let (_socket, _queued, silent) = black_hole();
        let free = TcpListener::bind("127.0.0.1:0").unwrap();
        let refusing = free.local_addr().unwrap();
        drop(free);
        let limit = Duration::from_secs(9);
        let start = Instant::from_nanos(1);
        let ends_with = |addresses: Vec<SocketAddr>| {
            let mut poller = Poller::new().unwrap();
            let mut dials = Dials::new(Arc::new(|_| {}));
            let id = ConnectionId::dialed(1);
            let host = "some.invalid".to_owned();
            dials.begin(start, id, (NodeAddress { host, port: 1 }, limit), &poller);
            let addresses = Ok(addresses);
            let resolved = Resolved {
                connection: id,
                addresses,
            };
            dials.on_resolved(start, resolved, &poller);
            while !dials.has_ended() {
                let ready: Vec<Readiness> = poller.look().collect();
                if ready.is_empty() {
                    dials.on_time(dials.next_deadline(), &poller);
                }
                for readiness in ready {
                    dials.on_ready(start, id, readiness, &poller);
                }
            }
            dials.next_ended().unwrap().1.unwrap_err()
        };
        let refused = ends_with(vec![refusing, refusing]);
        assert_eq!(refused, DialFailure::Refused { at: refusing });
        let late = DialFailure::TimedOut { at: Some(silent) };
        assert_eq!(ends_with(vec![refusing, silent]), late);
        assert_eq!(ends_with(vec![silent, refusing]), late);
    }

    #[test]
    fn a_resolver_that_takes_too_long_is_not_waited_for() {
        let poller = Poller::new().unwrap();
        let mut dials = Dials::new(Arc::new(|_| {}));
        let start = Instant::from_nanos(1);
        let limit = Duration::from_secs(1);
        let ids: Vec<_> = (0..=RESOLVERS_MAX as u64)
            .map(ConnectionId::dialed)
            .collect();
        for id in &ids {
            let host = "slow.invalid".to_owned();
            let to = NodeAddress { host, port: 1 };
            dials.begin(start, *id, (to, limit), &poller);
        }
        assert_eq!(dials.unresolved.len(), 1, "it waits for a resolver");
        dials.on_time(start + limit, &poller);
        for id in &ids {
            let (ended, result) = dials.next_ended().unwrap();
            let late = DialFailure::TimedOut { at: None };
            assert_eq!((ended, result.unwrap_err()), (*id, late));
        }
        assert!(dials.unresolved.is_empty());
        // What they find in the end is of no use.
        dials.on_resolved(
            start + 2 * limit,
            Resolved {
                connection: ids[0],
                addresses: Ok(vec![([127, 0, 0, 1], 1).into()]),
            },
            &poller,
        );
        assert!(!dials.has_ended());
        assert_eq!(dials.next_deadline(), Instant::MAX);
    }

    #[test]
    fn each_way_in_which_the_system_fails_has_a_line_that_says_what_and_where() {
        let at = SocketAddr::from(([10, 0, 0, 1], 9093));
        for (errno, words) in [
            (libc::ECONNREFUSED, "nobody listens at 10.0.0.1:9093"),
            (libc::ETIMEDOUT, "10.0.0.1:9093 did not answer in time"),
            (libc::EMFILE, "ulimit -n"),
            (libc::ENFILE, "ulimit -n"),
            (
                libc::ENETUNREACH,
                "10.0.0.1:9093 cannot be reached (errno 101)",
            ),
        ] {
            let failure = failure_of(&io::Error::from_raw_os_error(errno), at);
            let line = failure.to_string();
            assert!(line.contains(words), "{line}");
            assert!(!line.contains('\n'), "{line}");
        }
    }
}
