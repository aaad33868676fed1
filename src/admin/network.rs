//! Sockets of a command: one thread reads each of them, one channel tells what happened.

use std::collections::BTreeMap;
use std::io::{self, IoSlice, Read, Write};
use std::net::{Shutdown, TcpStream, ToSocketAddrs};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::Failure;
use super::input::InputRecord;

/// Events between the threads that read and the one that decides: enough to keep both at work.
const EVENTS_MAX: usize = 64;

/// What one read takes from a socket.
const READ_BYTES: usize = 256 << 10;

/// One socket of this command.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct LinkId(u32);

/// What happens outside of the thread that decides.
#[derive(Debug)]
pub enum Event {
    /// Bytes came.
    Received(LinkId, Bytes),
    /// The socket is of no further use: the broker closed it, or the reason.
    Closed(LinkId, Option<io::Error>),
    /// A piece of the command's own input.
    Input(Vec<InputRecord>),
    /// The end of that input, or why it cannot be read.
    InputEnd(Option<io::Error>),
    /// The person at the terminal wants an end.
    Interrupted,
}

/// All sockets of a command.
pub struct Network {
    events: Receiver<Event>,
    sender: SyncSender<Event>,
    links: BTreeMap<LinkId, TcpStream>,
    next_link: u32,
}

impl Network {
    /// Without a socket.
    pub fn new() -> Self {
        let (sender, events) = sync_channel(EVENTS_MAX);
        Self {
            events,
            sender,
            links: BTreeMap::new(),
            next_link: 0,
        }
    }

    /// Where other threads of the command say what happened.
    pub fn sender(&self) -> SyncSender<Event> {
        self.sender.clone()
    }

    /// Connects to the first address of `host` that accepts within `timeout`.
    pub fn connect(&mut self, host: &str, port: u16, timeout: Duration) -> Result<LinkId, Failure> {
        let place = format!("{host}:{port}");
        let addresses = (host, port).to_socket_addrs();
        let addresses = addresses.map_err(|error| {
            Failure::Failed(format!("cannot find the address of {host:?}: {error}"))
        })?;
        let mut last = None;
        for address in addresses {
            match TcpStream::connect_timeout(&address, timeout) {
                Ok(stream) => return self.adopt(stream, timeout).map_err(Failure::from),
                Err(error) => last = Some(error),
            }
        }
        let reason = last.map_or_else(
            || "the name has no address".to_owned(),
            |error| reason_of_connect(&error, timeout),
        );
        Err(Failure::Failed(format!(
            "cannot connect to {place}: {reason}"
        )))
    }

    fn adopt(&mut self, stream: TcpStream, timeout: Duration) -> io::Result<LinkId> {
        stream.set_nodelay(true)?;
        stream.set_write_timeout(Some(timeout))?;
        let link = LinkId(self.next_link);
        self.next_link += 1;
        let reading = stream.try_clone()?;
        let sender = self.sender.clone();
        thread::Builder::new()
            .name(format!("link-{}", link.0))
            .spawn(move || read_to_end(link, reading, &sender))?;
        self.links.insert(link, stream);
        Ok(link)
    }

    /// Sends all of `slices`.
    pub fn send(&self, link: LinkId, slices: &[Bytes]) -> io::Result<()> {
        let Some(mut stream) = self.links.get(&link) else {
            return Err(io::ErrorKind::NotConnected.into());
        };
        let mut buffers: Vec<IoSlice<'_>> =
            slices.iter().map(|slice| IoSlice::new(slice)).collect();
        let mut rest = buffers.as_mut_slice();
        while !rest.is_empty() {
            let written = match stream.write_vectored(rest) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => written,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            IoSlice::advance_slices(&mut rest, written);
        }
        Ok(())
    }

    /// Closes a socket; nothing of it is told any more, but what was read already.
    pub fn close(&mut self, link: LinkId) {
        if let Some(stream) = self.links.remove(&link) {
            // It may be closed already, which is what we want.
            drop(stream.shutdown(Shutdown::Both));
        }
    }

    /// The next event; `None` if none came before `deadline`.
    pub fn wait(&self, deadline: Instant) -> Option<Event> {
        let timeout = deadline.saturating_duration_since(Instant::now());
        match self.events.recv_timeout(timeout) {
            Ok(event) => Some(event),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => unreachable!("we hold a sender ourselves"),
        }
    }
}

fn read_to_end(link: LinkId, mut stream: TcpStream, sender: &SyncSender<Event>) {
    let mut buffer = vec![0; READ_BYTES];
    loop {
        let event = match stream.read(&mut buffer) {
            Ok(0) => Event::Closed(link, None),
            Ok(count) => Event::Received(link, Bytes::copy_from_slice(&buffer[..count])),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => Event::Closed(link, Some(error)),
        };
        let is_end = matches!(event, Event::Closed(..));
        // Nobody listens when the command has ended.
        if sender.send(event).is_err() || is_end {
            return;
        }
    }
}

fn reason_of_connect(error: &io::Error, timeout: Duration) -> String {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => "nothing listens there (connection refused)".to_owned(),
        io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock => {
            format!("no answer within {} ms", timeout.as_millis())
        }
        _ => error.to_string(),
    }
}
