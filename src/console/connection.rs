//! One HTTP connection: bytes in, one request at a time out; an answer in, bytes out.

use bytes::Bytes;

use super::answer::Answer;
use super::request::{ConsoleRequest, HEAD_BYTES_MAX, parse_head};

/// What a connection needs next.
#[derive(Debug, Eq, PartialEq)]
pub enum HttpStep {
    /// An answer to this, for [`HttpConnection::answer`].
    Request(ConsoleRequest),
    /// These bytes sent: the request was refused.
    Refused(Vec<Bytes>),
}

/// How the request in work is to be answered.
#[derive(Clone, Copy, Debug)]
struct Form {
    is_head: bool,
    keeps_open: bool,
}

/// One HTTP connection. Holds memory only while bytes of a request wait in it.
#[derive(Debug, Default)]
pub struct HttpConnection {
    /// Empty, or [`HEAD_BYTES_MAX`] long.
    buffer: Vec<u8>,
    filled: usize,
    in_work: Option<Form>,
    is_over: bool,
}

impl HttpConnection {
    /// Memory for the next bytes; `None` while the connection must not be read from.
    pub fn receive_buffer(&mut self) -> Option<&mut [u8]> {
        if self.in_work.is_some() || self.is_over || self.filled == HEAD_BYTES_MAX {
            return None;
        }
        self.buffer.resize(HEAD_BYTES_MAX, 0);
        Some(&mut self.buffer[self.filled..])
    }

    /// The first `length` bytes of the lent memory were filled.
    pub fn on_received(&mut self, length: usize) {
        self.filled += length;
        assert!(
            self.filled <= self.buffer.len(),
            "bytes arrive in lent memory"
        );
    }

    /// What the next request needs, if one is whole and none is in work.
    pub fn next_step(&mut self) -> Option<HttpStep> {
        if self.in_work.is_some() || self.is_over || self.filled == 0 {
            return None;
        }
        let head = match parse_head(&self.buffer[..self.filled]) {
            Ok(head) => head?,
            Err(status) => {
                // Where the next request would begin is not known.
                self.is_over = true;
                self.forget(self.filled);
                let slices = Answer::refusal(status).encode(false, false);
                return Some(HttpStep::Refused(slices));
            }
        };
        self.forget(head.length);
        self.in_work = Some(Form {
            is_head: head.is_head,
            keeps_open: head.keeps_open,
        });
        Some(match head.asked {
            Ok(request) => HttpStep::Request(request),
            Err(status) => HttpStep::Refused(self.answer(Answer::refusal(status))),
        })
    }

    /// The bytes that answer the request in work.
    ///
    /// # Panics
    /// If none is in work.
    pub fn answer(&mut self, answer: Answer) -> Vec<Bytes> {
        let form = self.in_work.take().expect("a request is answered once");
        self.is_over = !form.keeps_open;
        answer.encode(form.is_head, form.keeps_open)
    }

    /// True if the connection is to be closed once all answers have left.
    #[must_use]
    pub const fn is_over(&self) -> bool {
        self.is_over
    }

    fn forget(&mut self, length: usize) {
        self.buffer.copy_within(length..self.filled, 0);
        self.filled -= length;
        if self.filled == 0 {
            self.buffer = Vec::new();
        }
    }
}
