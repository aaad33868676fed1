//! The sockets that clients connect to: bound once, before any shard starts.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs};
use std::os::fd::OwnedFd;

use socket2::{Domain, Protocol, Socket, Type};

use crate::runtime::StartFailure;

/// Connections that the kernel completes before the acceptor takes them, where nobody chose a
/// number; it caps every number at `net.core.somaxconn`.
const BACKLOG: u32 = 4096;

/// A listener to be opened.
#[derive(Clone, Debug)]
pub struct ListenerPlan {
    /// The listener's name, for messages to the operator.
    pub name: String,
    /// A host name or address to bind; empty for every address of the host.
    pub host: String,
    /// The port; 0 for one that the kernel chooses.
    pub port: u16,
    /// What else was chosen for its sockets.
    pub sockets: SocketOptions,
}

/// What an operator may choose for the sockets of a listener; `None` leaves it to the kernel, which
/// sizes the buffers of each connection by its traffic.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct SocketOptions {
    /// How many connections may wait to be accepted.
    pub backlog: Option<u32>,
    /// The receive buffer of a connection.
    pub receive_buffer_bytes: Option<u32>,
    /// The send buffer of a connection.
    pub send_buffer_bytes: Option<u32>,
}

/// A socket that listens.
#[derive(Debug)]
pub(in crate::runtime) struct Listener {
    pub socket: OwnedFd,
    pub address: SocketAddr,
}

/// Bind and listen. Names are resolved here, off the shards; the first address is taken, as Kafka
/// does.
pub(in crate::runtime) fn open_listener(plan: &ListenerPlan) -> Result<Listener, StartFailure> {
    let candidates = resolve(plan)?;
    let mut failure = None;
    for address in candidates {
        match listen(address, plan.sockets) {
            Ok(socket) => {
                let bound = socket.local_addr().ok().and_then(|bound| bound.as_socket());
                return Ok(Listener {
                    address: bound.unwrap_or(address),
                    socket: socket.into(),
                });
            }
            Err(error) => failure = Some(listen_failure(plan, address, &error)),
        }
    }
    Err(failure.unwrap_or_else(|| {
        StartFailure::new(format!(
            "listener {}: host {:?} has no address",
            plan.name, plan.host
        ))
    }))
}

/// The addresses to try until one can be bound. Only the address of "everything" has two: a host
/// without IPv6 has just the other.
fn resolve(plan: &ListenerPlan) -> Result<Vec<SocketAddr>, StartFailure> {
    let host = plan.host.trim_matches(['[', ']']);
    if host.is_empty() {
        return Ok(vec![
            (Ipv6Addr::UNSPECIFIED, plan.port).into(),
            (Ipv4Addr::UNSPECIFIED, plan.port).into(),
        ]);
    }
    if let Ok(address) = host.parse::<IpAddr>() {
        return Ok(vec![(address, plan.port).into()]);
    }
    let resolved = (host, plan.port).to_socket_addrs().map_err(|error| {
        StartFailure::new(format!(
            "listener {}: host {host:?} cannot be resolved ({error}): use a name or address of \
             this machine",
            plan.name
        ))
    })?;
    Ok(resolved.take(1).collect())
}

fn listen(address: SocketAddr, options: SocketOptions) -> io::Result<Socket> {
    let domain = Domain::for_address(address);
    let socket = Socket::new(domain, Type::STREAM, Some(Protocol::TCP))?;
    socket.set_nonblocking(true)?;
    // Lets a restarted broker bind beside its old connections in TIME_WAIT. SO_REUSEPORT stays
    // off: with it a second broker would share the port without an error.
    socket.set_reuse_address(true)?;
    if address.ip() == IpAddr::V6(Ipv6Addr::UNSPECIFIED) {
        socket.set_only_v6(false)?;
    }
    // Connections inherit the buffers. The size is told to a peer when it connects, so it must be
    // known before.
    let size = |bytes: u32| usize::try_from(bytes).unwrap_or(usize::MAX);
    if let Some(bytes) = options.receive_buffer_bytes {
        socket.set_recv_buffer_size(size(bytes))?;
    }
    if let Some(bytes) = options.send_buffer_bytes {
        socket.set_send_buffer_size(size(bytes))?;
    }
    socket.bind(&address.into())?;
    let backlog = options.backlog.unwrap_or(BACKLOG);
    socket.listen(i32::try_from(backlog).unwrap_or(i32::MAX))?;
    Ok(socket)
}

fn listen_failure(plan: &ListenerPlan, address: SocketAddr, error: &io::Error) -> StartFailure {
    let name = &plan.name;
    StartFailure::new(match error.raw_os_error() {
        Some(libc::EADDRINUSE) => format!(
            "listener {name}: {address} is in use by another program: stop it, or choose \
             another port"
        ),
        Some(libc::EADDRNOTAVAIL) => format!(
            "listener {name}: {address} is not an address of this machine: listen on one that \
             is, and advertise the other"
        ),
        Some(libc::EACCES) => format!(
            "listener {name}: this user may not listen on {address}: choose a port from 1024 up, \
             or grant CAP_NET_BIND_SERVICE"
        ),
        _ => format!("listener {name}: cannot listen on {address}: {error}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(host: &str, port: u16) -> ListenerPlan {
        ListenerPlan {
            name: "PLAINTEXT".to_owned(),
            host: host.to_owned(),
            port,
            sockets: SocketOptions::default(),
        }
    }

    #[test]
    fn what_was_chosen_for_sockets_holds_for_every_connection() {
        let mut plan = plan("127.0.0.1", 0);
        plan.sockets = SocketOptions {
            backlog: Some(7),
            receive_buffer_bytes: Some(30_000),
            send_buffer_bytes: Some(40_000),
        };
        let listener = open_listener(&plan).unwrap();
        let listening = socket2::SockRef::from(&listener.socket);
        let _client = std::net::TcpStream::connect(listener.address).unwrap();
        let accepted = loop {
            match listening.accept() {
                Ok((accepted, _)) => break accepted,
                Err(error) => assert_eq!(error.kind(), io::ErrorKind::WouldBlock),
            }
        };
        // The kernel doubles what is asked, for its own bookkeeping (socket(7)).
        assert_eq!(accepted.recv_buffer_size().unwrap(), 60_000);
        assert_eq!(accepted.send_buffer_size().unwrap(), 80_000);
        assert_eq!(backlog_of(&listener.socket), 7);
    }

    /// The kernel tells a listening socket's backlog in a field that has another meaning for
    /// connections.
    fn backlog_of(socket: &OwnedFd) -> u32 {
        use std::os::fd::AsRawFd;
        let mut info = std::mem::MaybeUninit::<libc::tcp_info>::zeroed();
        let mut length = libc::socklen_t::try_from(size_of::<libc::tcp_info>()).unwrap();
        // SAFETY: the kernel writes at most `length` bytes of plain numbers into `info`.
        let info = unsafe {
            let told = libc::getsockopt(
                socket.as_raw_fd(),
                libc::IPPROTO_TCP,
                libc::TCP_INFO,
                info.as_mut_ptr().cast(),
                &raw mut length,
            );
            assert_eq!(told, 0, "{}", io::Error::last_os_error());
            info.assume_init()
        };
        info.tcpi_sacked
    }

    #[test]
    fn a_port_in_use_is_told_with_its_address() {
        let first = open_listener(&plan("127.0.0.1", 0)).unwrap();
        let again = plan("127.0.0.1", first.address.port());
        let line = open_listener(&again).unwrap_err().to_string();
        assert!(line.contains(&first.address.to_string()), "{line}");
        assert!(line.contains("in use by another program"), "{line}");
    }

    #[test]
    fn an_empty_host_listens_on_every_address_of_both_kinds() {
        let listener = open_listener(&plan("", 0)).unwrap();
        let port = listener.address.port();
        std::net::TcpStream::connect(("127.0.0.1", port)).unwrap();
        if listener.address.is_ipv6() {
            std::net::TcpStream::connect(("::1", port)).unwrap();
        }
    }

    #[test]
    fn a_host_that_is_not_ours_or_not_there_is_one_clear_line() {
        // 192.0.2.0/24 is reserved for documentation: no host has it.
        let line = open_listener(&plan("192.0.2.1", 0))
            .unwrap_err()
            .to_string();
        assert!(line.contains("not an address of this machine"), "{line}");
        let line = open_listener(&plan("no-such-host.invalid", 0)).unwrap_err();
        assert!(line.to_string().contains("cannot be resolved"), "{line}");
    }
}
