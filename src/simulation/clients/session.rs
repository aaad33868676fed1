//! One connection of a client: frames out, frames in, each answer to the request that is due.

use std::collections::VecDeque;

use bytes::Bytes;

use crate::protocol::{
    AnyRequest, AnyResponse, ApiKey, Writer, decode_response_header, encode_request_header,
};
use crate::simulation::clock::SimulatedTime;

/// The length in front of every frame.
const LENGTH_BYTES: usize = 4;

/// No answer that a client asks for here is larger.
const FRAME_BYTES_MAX: usize = 8 << 20;

/// Why what came is not the answer that was due.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SessionFailure(pub String);

#[derive(Debug)]
struct Unanswered {
    correlation_id: i32,
    key: ApiKey,
    version: i16,
    request: AnyRequest,
}

/// A client's connection, or the lack of one.
#[derive(Debug, Default)]
pub struct Session {
    outgoing: Vec<u8>,
    incoming: Vec<u8>,
    unanswered: VecDeque<Unanswered>,
    next_correlation_id: i32,
    wake_at: Option<SimulatedTime>,
    wants_to_leave: bool,
}

impl Session {
    /// A new connection: nothing is left of the one before.
    pub fn restart(&mut self) {
        *self = Self {
            next_correlation_id: self.next_correlation_id,
            ..Self::default()
        };
    }

    /// Send a request in this version.
    pub fn send(&mut self, request: AnyRequest, version: i16) {
        let mut writer = Writer::new();
        let key = request.key();
        self.next_correlation_id = self.next_correlation_id.wrapping_add(1);
        let correlation_id = self.next_correlation_id;
        writer.start_frame();
        encode_request_header(&mut writer, key, version, correlation_id, Some("simulated"))
            .and_then(|()| request.encode(&mut writer, version))
            .and_then(|()| writer.finish_frame())
            .unwrap_or_else(|error| panic!("{request:?} has no version {version}: {error}"));
        self.outgoing.extend_from_slice(&writer.into_bytes());
        let expects_answer = !matches!(&request, AnyRequest::Produce(produce) if produce.acks == 0);
        if expects_answer {
            self.unanswered.push_back(Unanswered {
                correlation_id,
                key,
                version,
                request,
            });
        }
    }

    /// Requests without an answer.
    #[must_use]
    pub fn unanswered_count(&self) -> usize {
        self.unanswered.len()
    }

    /// Be woken then, and not at the time that was asked for before.
    pub const fn wake_at(&mut self, at: SimulatedTime) {
        self.wake_at = Some(at);
    }

    /// When to be woken, if that was asked for since.
    pub const fn take_wake_at(&mut self) -> Option<SimulatedTime> {
        self.wake_at.take()
    }

    /// Close the connection; another one follows.
    pub const fn leave(&mut self) {
        self.wants_to_leave = true;
    }

    /// True if the connection is to be closed.
    #[must_use]
    pub const fn wants_to_leave(&self) -> bool {
        self.wants_to_leave
    }

    /// What is to be sent.
    pub fn take_outgoing(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.outgoing)
    }

    /// These bytes have come.
    pub fn receive(&mut self, bytes: &Bytes) {
        self.incoming.extend_from_slice(bytes);
    }

    /// The next answer that has come whole, with its request.
    ///
    /// # Errors
    /// It is not the answer that is due.
    pub fn next_answer(&mut self) -> Result<Option<(AnyRequest, AnyResponse)>, SessionFailure> {
        let Some(prefix) = self.incoming.first_chunk::<LENGTH_BYTES>() else {
            return Ok(None);
        };
        let length = i32::from_be_bytes(*prefix);
        let length = usize::try_from(length)
            .ok()
            .filter(|length| *length <= FRAME_BYTES_MAX)
            .ok_or_else(|| SessionFailure(format!("an answer of {length} bytes")))?;
        if self.incoming.len() < LENGTH_BYTES + length {
            return Ok(None);
        }
        let rest = self.incoming.split_off(LENGTH_BYTES + length);
        let frame = Bytes::from(std::mem::replace(&mut self.incoming, rest));
        let frame = frame.slice(LENGTH_BYTES..);
        let Some(due) = self.unanswered.pop_front() else {
            return Err(SessionFailure("an answer that nobody asked for".to_owned()));
        };
        let Unanswered {
            correlation_id,
            key,
            version,
            request,
        } = due;
        let failed = |error: &dyn std::fmt::Display| {
            SessionFailure(format!("{} version {version}: {error}", key.name()))
        };
        let (header, mut reader) =
            decode_response_header(frame, key, version).map_err(|error| failed(&error))?;
        if header.correlation_id != correlation_id {
            let found = header.correlation_id;
            return Err(failed(&format!(
                "answer {found} came, {correlation_id} was due"
            )));
        }
        let response =
            AnyResponse::decode(key, version, &mut reader).map_err(|error| failed(&error))?;
        if reader.remaining() > 0 {
            return Err(failed(&format!("{} bytes too many", reader.remaining())));
        }
        Ok(Some((request, response)))
    }
}
