//! A connection to a broker that is never waited for once it stands.

use std::collections::VecDeque;
use std::io::{self, IoSlice, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

use bytes::{Bytes, BytesMut};

use crate::admin::Failure;
use crate::client::Connection;
use crate::protocol::{
    AnyRequest, AnyResponse, ApiKey, Writer, decode_response_header, encode_request_header,
};

/// Answers up to this size are received into one buffer for all, and copied out; larger ones are
/// received where they stay.
const SMALL_BYTES: usize = 64 << 10;

/// No answer is larger: a broker sends at most what a Fetch asked for and one batch more.
const FRAME_BYTES_MAX: usize = 256 << 20;

const PREFIX_BYTES: usize = 4;

/// Pieces of one send: the kernel takes up to 1024.
const SLICES_MAX: usize = 64;

/// One connection: requests out, and their answers in that order.
pub struct Link {
    stream: TcpStream,
    place: String,
    client_id: String,
    /// Knows which versions the broker speaks.
    connection: Connection,
    next_correlation_id: i32,
    asked: VecDeque<Asked>,
    output: VecDeque<Bytes>,
    received: Received,
    /// Something has changed on the socket that nobody has looked at.
    pub is_ready: bool,
}

#[derive(Clone, Copy)]
struct Asked {
    correlation_id: i32,
    key: ApiKey,
    version: i16,
}

impl Link {
    /// Connect, and learn which versions the broker speaks. Until [`Self::let_go`] every request
    /// is waited for.
    pub fn open(
        host: &str,
        port: u16,
        client_id: &str,
        timeout: Duration,
    ) -> Result<Self, Failure> {
        let place = format!("{host}:{port}");
        let failed = |error: io::Error| Failure::Failed(format!("{place}: {error}"));
        let stream = connect(host, port, timeout).map_err(failed)?;
        stream.set_nodelay(true).map_err(failed)?;
        stream.set_read_timeout(Some(timeout)).map_err(failed)?;
        stream.set_write_timeout(Some(timeout)).map_err(failed)?;
        let mut link = Self {
            stream,
            place: place.clone(),
            client_id: client_id.to_owned(),
            connection: Connection::new(client_id),
            next_correlation_id: 0,
            asked: VecDeque::new(),
            output: VecDeque::new(),
            received: Received::new(),
            is_ready: false,
        };
        let mut buffer = [0; 4096];
        while !link.connection.is_ready() {
            for slice in link.connection.drain_output() {
                link.stream.write_all(&slice).map_err(failed)?;
            }
            let count = link.stream.read(&mut buffer).map_err(failed)?;
            if count == 0 {
                return Err(link.broken("the other side closed the connection"));
            }
            link.connection.on_received(&buffer[..count]);
            let answer = link.connection.next_response();
            answer.map_err(|error| link.broken(&error.to_string()))?;
        }
        Ok(link)
    }

    /// Ask and wait for the answer.
    pub fn ask(&mut self, request: &AnyRequest) -> Result<AnyResponse, Failure> {
        self.send(request)?;
        loop {
            if let Some(answer) = self.next_answer()? {
                return Ok(answer);
            }
            self.is_ready = true;
            if !self.receive()? {
                return Err(self.broken(&format!("no answer to {}", request.key().name())));
            }
        }
    }

    /// From now on nothing is waited for: the socket is to be watched.
    pub fn let_go(&self) -> Result<(), Failure> {
        let set = self.stream.set_nonblocking(true);
        set.map_err(|error| self.broken(&error.to_string()))
    }

    pub fn socket(&self) -> BorrowedFd<'_> {
        self.stream.as_fd()
    }

    /// True if all that was sent has been taken by the kernel.
    pub fn is_flushed(&self) -> bool {
        self.output.is_empty()
    }

    /// Put a request behind those before it, and send what the kernel takes.
    pub fn send(&mut self, request: &AnyRequest) -> Result<(), Failure> {
        let version = self.connection.version_for(request);
        let version = version.map_err(|error| self.broken(&error.to_string()))?;
        let (key, correlation_id) = (request.key(), self.next_correlation_id);
        self.next_correlation_id = correlation_id.wrapping_add(1);
        let mut writer = Writer::with_capacity(512);
        writer.start_frame();
        let client_id = Some(self.client_id.as_str());
        encode_request_header(&mut writer, key, version, correlation_id, client_id)
            .and_then(|()| request.encode(&mut writer, version))
            .and_then(|()| writer.finish_frame())
            .map_err(|error| self.broken(&format!("{}: {error}", key.name())))?;
        self.output.extend(writer.into_slices());
        let has_answer = !matches!(request, AnyRequest::Produce(produce) if produce.acks == 0);
        if has_answer {
            self.asked.push_back(Asked {
                correlation_id,
                key,
                version,
            });
        }
        self.flush()
    }

    /// Send what the kernel takes of what is still here.
    pub fn flush(&mut self) -> Result<(), Failure> {
        while !self.output.is_empty() {
            let count = self.output.len().min(SLICES_MAX);
            let slices: Vec<IoSlice<'_>> = self
                .output
                .iter()
                .take(count)
                .map(|slice| IoSlice::new(slice))
                .collect();
            let mut written = match self.stream.write_vectored(&slices) {
                Ok(0) => return Err(self.broken("it takes no more bytes")),
                Ok(written) => written,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(self.broken(&error.to_string())),
            };
            while let Some(front) = self.output.front_mut() {
                if front.len() > written {
                    bytes::Buf::advance(front, written);
                    break;
                }
                written -= front.len();
                self.output.pop_front();
            }
        }
        Ok(())
    }

    /// Receive some bytes if [`Self::is_ready`], which is true afterwards if there may be more.
    /// True if some came: their answers are to be taken before the next ones are received.
    pub fn receive(&mut self) -> Result<bool, Failure> {
        while self.is_ready {
            let room = self.received.room();
            let room_bytes = room.len();
            match self.stream.read(room) {
                Ok(0) => return Err(self.broken("the other side closed the connection")),
                Ok(count) => {
                    self.received.fill(count);
                    // Whatever comes later is a change that is reported.
                    self.is_ready = count == room_bytes;
                    return Ok(true);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.is_ready = false,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(self.broken(&error.to_string())),
            }
        }
        Ok(false)
    }

    /// The next answer among the bytes received.
    pub fn next_answer(&mut self) -> Result<Option<AnyResponse>, Failure> {
        let frame = self.received.next_frame();
        let Some(frame) = frame.map_err(|text| self.broken(text))? else {
            return Ok(None);
        };
        let Some(asked) = self.asked.pop_front() else {
            return Err(self.broken("an answer came to nothing that was asked"));
        };
        let name = asked.key.name();
        let malformed = |error| self.broken(&format!("the answer to {name} is broken: {error}"));
        let decoded = decode_response_header(frame, asked.key, asked.version);
        let (header, mut reader) = decoded.map_err(malformed)?;
        if header.correlation_id != asked.correlation_id {
            return Err(self.broken(&format!("the answer to {name} is one to another request")));
        }
        let answer = AnyResponse::decode(asked.key, asked.version, &mut reader);
        answer.map(Some).map_err(malformed)
    }

    pub fn broken(&self, reason: &str) -> Failure {
        Failure::Failed(format!("{}: {reason}", self.place))
    }
}

fn connect(host: &str, port: u16, timeout: Duration) -> io::Result<TcpStream> {
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    for address in (host, port).to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, timeout) {
            Ok(stream) => return Ok(stream),
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// Send all of `slices`, however long that takes.
pub fn write_all_vectored(stream: &mut TcpStream, slices: &[Bytes]) -> io::Result<()> {
    for slices in slices.chunks(SLICES_MAX) {
        let mut buffers: Vec<IoSlice<'_>> =
            slices.iter().map(|slice| IoSlice::new(slice)).collect();
        let mut rest = buffers.as_mut_slice();
        while !rest.is_empty() {
            match stream.write_vectored(rest) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => IoSlice::advance_slices(&mut rest, written),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }
    Ok(())
}

/// Bytes on their way to frames.
pub struct Received {
    small: Vec<u8>,
    /// Which of them are there and not taken.
    start: usize,
    end: usize,
    /// A frame that is too large for them, and how much of it is there.
    large: Option<(BytesMut, usize)>,
    /// The large frame before, whose memory the next one takes if nobody has it any more: fresh
    /// memory for each would cost more than its contents.
    last_large: Bytes,
}

impl Received {
    /// Nothing received yet.
    pub fn new() -> Self {
        Self {
            small: vec![0; SMALL_BYTES],
            start: 0,
            end: 0,
            large: None,
            last_large: Bytes::new(),
        }
    }

    /// Where the next bytes go; never empty.
    pub fn room(&mut self) -> &mut [u8] {
        if let Some((large, filled)) = &mut self.large {
            return &mut large[*filled..];
        }
        self.small.copy_within(self.start..self.end, 0);
        self.end -= self.start;
        self.start = 0;
        &mut self.small[self.end..]
    }

    /// So many bytes have come into the room.
    pub fn fill(&mut self, count: usize) {
        match &mut self.large {
            Some((_, filled)) => *filled += count,
            None => self.end += count,
        }
    }

    /// The next frame that is whole. All are to be taken before there is room again.
    pub fn next_frame(&mut self) -> Result<Option<Bytes>, &'static str> {
        if let Some((large, filled)) = &self.large {
            if *filled < large.len() {
                return Ok(None);
            }
            let frame = self.large.take().map(|(large, _)| large.freeze());
            self.last_large = frame.clone().unwrap_or_default();
            return Ok(frame);
        }
        let bytes = &self.small[self.start..self.end];
        let Some(prefix) = bytes.first_chunk::<PREFIX_BYTES>() else {
            return Ok(None);
        };
        let length = usize::try_from(i32::from_be_bytes(*prefix)).ok();
        let Some(length) = length.filter(|length| *length <= FRAME_BYTES_MAX) else {
            return Err("what answers there does not speak Kafka's protocol");
        };
        let rest = &bytes[PREFIX_BYTES..];
        if rest.len() >= length {
            let frame = Bytes::copy_from_slice(&rest[..length]);
            self.start += PREFIX_BYTES + length;
            return Ok(Some(frame));
        }
        if PREFIX_BYTES + length > SMALL_BYTES {
            let last = std::mem::take(&mut self.last_large);
            let mut large = last.try_into_mut().unwrap_or_default();
            large.resize(length, 0);
            large[..rest.len()].copy_from_slice(rest);
            let filled = rest.len();
            self.large = Some((large, filled));
            (self.start, self.end) = (0, 0);
        }
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frames(pieces: usize, lengths: &[usize]) -> Vec<Bytes> {
        let mut stream = Vec::new();
        for (number, length) in lengths.iter().enumerate() {
            stream.extend_from_slice(&i32::try_from(*length).unwrap().to_be_bytes());
            stream.extend(std::iter::repeat_n(u8::try_from(number).unwrap(), *length));
        }
        let mut received = Received::new();
        let mut found = Vec::new();
        let mut rest = stream.as_slice();
        while !rest.is_empty() {
            let room = received.room();
            let count = rest.len().min(room.len()).min(pieces);
            room[..count].copy_from_slice(&rest[..count]);
            received.fill(count);
            rest = &rest[count..];
            while let Some(frame) = received.next_frame().unwrap() {
                found.push(frame);
            }
        }
        found
    }

    #[test]
    fn frames_come_whole_however_they_are_cut() {
        let lengths = [
            0,
            5,
            SMALL_BYTES - 4,
            SMALL_BYTES - 3,
            1,
            300_000,
            7,
            200_000,
        ];
        for pieces in [1, 3, 1000, 65_536, usize::MAX] {
            let found = frames(pieces, &lengths);
            let sizes: Vec<usize> = found.iter().map(Bytes::len).collect();
            assert_eq!(sizes, lengths, "in pieces of {pieces}");
            for (number, frame) in found.iter().enumerate() {
                assert!(frame.iter().all(|byte| usize::from(*byte) == number));
            }
        }
    }

    #[test]
    fn a_length_that_no_frame_has_is_refused() {
        let mut received = Received::new();
        received.room()[..4].copy_from_slice(b"HTTP");
        received.fill(4);
        assert!(received.next_frame().is_err());
    }
}
