//! Consumers that go through a filled topic from its front, each by one fetch at a time.

use std::io::{Read, Write};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use forebay::protocol::messages::FetchResponse;
use forebay::protocol::{ApiKey, Message, decode_response_header};

use super::client::{Client, FETCH_VERSION, Filled, fetch_at};
use super::server::{Server, Target};

/// How often it is looked whether the time is over.
const TICK: Duration = Duration::from_millis(10);

/// What reading came to.
#[derive(Clone, Copy, Debug)]
pub struct Reading {
    pub megabytes_per_second: f64,
    pub cpu_seconds_per_gigabyte: f64,
}

impl Filled {
    /// Read the topic from its front with `consumers`, which share its partitions, until the end
    /// or for `duration` at most.
    pub fn read(&self, server: &Server, consumers: i32, duration: Duration) -> Reading {
        let is_over = AtomicBool::new(false);
        let (start, cpu) = (Instant::now(), server.cpu_seconds());
        let bytes = thread::scope(|scope| {
            let reading = scope.spawn(|| self.read_until(server, consumers, &is_over));
            while !reading.is_finished() && start.elapsed() < duration {
                thread::sleep(TICK);
            }
            is_over.store(true, Ordering::Relaxed);
            reading.join().expect("a consumer does not fail")
        });
        let (seconds, cpu) = (start.elapsed().as_secs_f64(), server.cpu_seconds() - cpu);
        Reading {
            megabytes_per_second: bytes as f64 / seconds / 1e6,
            cpu_seconds_per_gigabyte: cpu / (bytes as f64 / 1e9),
        }
    }

    /// Read the topic from its front until the end, or until it `is_over`; returns the bytes.
    pub fn read_until(&self, server: &Server, consumers: i32, is_over: &AtomicBool) -> u64 {
        let bytes = AtomicU64::new(0);
        thread::scope(|scope| {
            for first in 0..consumers {
                let bytes = &bytes;
                scope.spawn(move || {
                    let mut consumer = Consumer {
                        client: Client::connect(server, first),
                        buffer: BytesMut::new(),
                    };
                    for partition in (first..self.partitions).step_by(consumers as usize) {
                        // Behind the record by which the topic was found to be there.
                        let mut offset = 1;
                        while offset <= self.batches * self.records {
                            if is_over.load(Ordering::Relaxed) {
                                return;
                            }
                            let batches = consumer.fetch(self, partition, offset);
                            offset += batches * self.records;
                            let length = batches as u64 * self.batch.len() as u64;
                            bytes.fetch_add(length, Ordering::Relaxed);
                        }
                    }
                });
            }
        });
        bytes.into_inner()
    }
}

struct Consumer {
    client: Client,
    /// For one answer after the other: fresh memory for each would cost more than its contents.
    buffer: BytesMut,
}

impl Consumer {
    /// How many whole batches a fetch at `offset` brings.
    fn fetch(&mut self, filled: &Filled, partition: i32, offset: i64) -> i64 {
        let fetch = fetch_at(&filled.topic, partition, offset);
        let stream = &mut self.client.stream;
        stream.write_all(&fetch).expect("the server reads");
        let mut prefix = [0; 4];
        stream.read_exact(&mut prefix).expect("the server answers");
        let length = u32::from_be_bytes(prefix) as usize;
        let mut buffer = std::mem::take(&mut self.buffer);
        if buffer.len() < length {
            buffer.resize(length, 0);
        }
        let answer = stream.read_exact(&mut buffer[..length]);
        answer.expect("the server answers");
        let whole = buffer.freeze();
        let batches = whole_batches(whole.slice(..length), filled.batch.len(), offset);
        self.buffer = whole.try_into_mut().unwrap_or_default();
        batches
    }
}

/// How many batches of `batch_bytes` are in the answer to a fetch at `offset`.
fn whole_batches(frame: Bytes, batch_bytes: usize, offset: i64) -> i64 {
    let (_, mut reader) =
        decode_response_header(frame, ApiKey::Fetch, FETCH_VERSION).expect("a good answer");
    let response = FetchResponse::decode(&mut reader, FETCH_VERSION).expect("a good answer");
    let partition = &response.responses[0].partitions[0];
    assert_eq!(partition.error_code, 0, "the server has the records");
    let slices = partition.records.as_ref().map(|records| records.slices());
    let slices = slices.unwrap_or_default();
    let length: usize = slices.iter().map(Bytes::len).sum();
    if length > 0 {
        let base_offset = slices[0]
            .first_chunk()
            .map(|bytes| i64::from_be_bytes(*bytes));
        assert_eq!(base_offset, Some(offset), "a fetch brings what it asks for");
    }
    i64::try_from(length / batch_bytes).expect("few")
}
