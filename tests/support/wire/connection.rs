//! One connection that sends any bytes and waits for what comes back, within a limit.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddrV4, TcpStream};
use std::time::Duration;

use serde_json::Value;
use socket2::{Domain, Socket, Type};

use super::{Schema, decode, encode};
use crate::support::Lab;

const LIMIT: Duration = Duration::from_secs(20);

/// A connection to one broker.
pub struct Connection {
    stream: TcpStream,
    schema: &'static Schema,
    correlation: i32,
}

impl Connection {
    /// Connects to a port of this host.
    pub fn open(lab: &Lab, port: u16) -> io::Result<Self> {
        Self::open_from(lab, "127.0.0.1", port)
    }

    /// Connects to a port of this host from one of its addresses.
    pub fn open_from(lab: &Lab, host: &str, port: u16) -> io::Result<Self> {
        let from: Ipv4Addr = host.parse().map_err(|_| invalid("not an address"))?;
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
        socket.bind(&SocketAddrV4::new(from, 0).into())?;
        socket.connect(&SocketAddrV4::new(Ipv4Addr::LOCALHOST, port).into())?;
        let stream = TcpStream::from(socket);
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(LIMIT))?;
        stream.set_write_timeout(Some(LIMIT))?;
        Ok(Self {
            stream,
            schema: Schema::of(lab),
            correlation: 0,
        })
    }

    /// Sends a request and decodes its answer.
    #[track_caller]
    pub fn ask(&mut self, api: &str, version: i16, body: &Value) -> io::Result<Value> {
        self.send(api, version, body)?;
        self.answer(api, version)
    }

    /// Sends a request and does not wait.
    #[track_caller]
    pub fn send(&mut self, api: &str, version: i16, body: &Value) -> io::Result<()> {
        let message = self.schema.message(&format!("{api}Request"));
        self.correlation += 1;
        let flexible = message.is_flexible(version);
        let mut bytes = frame(message.key, version, self.correlation, flexible);
        bytes.extend(encode(message, version, body));
        self.send_frame(&bytes)
    }

    /// Sends bytes as one frame, their length before them.
    pub fn send_frame(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut framed = (bytes.len() as i32).to_be_bytes().to_vec();
        framed.extend(bytes);
        self.send_bytes(&framed)
    }

    /// Sends bytes as they stand.
    pub fn send_bytes(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes)
    }

    /// Waits for the answer to the oldest unanswered request, which was `api` in `version`.
    pub fn answer(&mut self, api: &str, version: i16) -> io::Result<Value> {
        let frame = self.receive()?;
        let message = self.schema.message(&format!("{api}Response"));
        // The answer to ApiVersions keeps the old header: who asks may know no other (KIP-511).
        let flexible = message.is_flexible(version) && api != "ApiVersions";
        let header = if flexible { 5 } else { 4 };
        let body = frame
            .get(header..)
            .ok_or_else(|| invalid("an answer without a header"))?;
        if flexible && frame[4] != 0 {
            return Err(invalid("tags in the answer's header"));
        }
        decode(message, version, body).map_err(|error| invalid(&error))
    }

    /// Waits for one frame.
    pub fn receive(&mut self) -> io::Result<Vec<u8>> {
        let mut length = [0; 4];
        self.stream.read_exact(&mut length)?;
        let length = i32::from_be_bytes(length);
        let length = usize::try_from(length).map_err(|_| invalid("a frame of negative length"))?;
        let mut frame = vec![0; length];
        self.stream.read_exact(&mut frame)?;
        Ok(frame)
    }

    /// Says that nothing more will be sent.
    pub fn finish(&mut self) -> io::Result<()> {
        self.stream.shutdown(std::net::Shutdown::Write)
    }

    /// True once the broker closed the connection without another byte.
    pub fn is_closed(&mut self) -> bool {
        match self.stream.read(&mut [0; 1]) {
            Ok(count) => count == 0,
            Err(error) => error.kind() == io::ErrorKind::ConnectionReset,
        }
    }

    /// How long the next reads wait at most.
    pub fn wait_at_most(&mut self, limit: Duration) {
        self.stream
            .set_read_timeout(Some(limit))
            .expect("a limit above zero");
    }
}

/// A request's header: the key, the version, the correlation id, the client id `tests`.
pub fn frame(key: i16, version: i16, correlation: i32, flexible: bool) -> Vec<u8> {
    let mut bytes = Vec::new();
    bytes.extend(key.to_be_bytes());
    bytes.extend(version.to_be_bytes());
    bytes.extend(correlation.to_be_bytes());
    bytes.extend(5i16.to_be_bytes());
    bytes.extend(b"tests");
    if flexible {
        bytes.push(0);
    }
    bytes
}

fn invalid(cause: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, cause)
}
