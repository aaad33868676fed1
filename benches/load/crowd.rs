//! Many producers that few threads drive, so that their number costs the machine little.

use std::io::{Read, Write};
use std::sync::Barrier;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;

use bytes::Bytes;
use forebay::protocol::record_batch::RecordBatchBuilder;

use super::client::{Client, Gauge, Measured, produce_request};
use super::server::Server;

/// Enough that one of them writes while another waits for an answer.
const THREADS: usize = 4;

/// What a client without `linger.ms` has under way at most, by Kafka's default.
const IN_FLIGHT: usize = 5;

/// Answers of an in-flight's worth and more.
const ANSWERS_BYTES: usize = 4096;

/// Producers that send records with keys, each as it comes: one record in a request.
pub struct Crowd<'a> {
    pub producers: usize,
    /// A key says to which of all their partitions, counted through, a record goes.
    pub topics: &'a [(String, i32)],
    pub record_bytes: usize,
}

impl Crowd<'_> {
    /// Put the load on `server`: a quarter of `duration` to warm up, then all of it to measure.
    ///
    /// Counted are the bytes of whole batches of one record; see [`Crowd::batch_bytes`].
    pub fn run(&self, server: &Server, duration: Duration) -> Measured {
        let batch = self.batch();
        let requests: Vec<Bytes> = self
            .topics
            .iter()
            .flat_map(|(topic, partitions)| {
                (0..*partitions).map(|partition| produce_request(topic, partition, &batch))
            })
            .collect();
        let (gauge, is_prepared) = (Gauge::default(), Barrier::new(THREADS + 1));
        thread::scope(|scope| {
            for thread in 0..THREADS {
                let (gauge, is_prepared, requests) = (&gauge, &is_prepared, &requests);
                let bytes = batch.len();
                scope.spawn(move || {
                    let mut producers: Vec<_> = (thread..self.producers)
                        .step_by(THREADS)
                        .map(|number| Producer::connect(server, number))
                        .collect();
                    is_prepared.wait();
                    while !gauge.is_over.load(Ordering::Relaxed) {
                        for producer in &mut producers {
                            let answers = producer.exchange(requests);
                            if gauge.is_counting.load(Ordering::Relaxed) {
                                let bytes = (answers * bytes) as u64;
                                gauge.bytes.fetch_add(bytes, Ordering::Relaxed);
                            }
                        }
                    }
                });
            }
            is_prepared.wait();
            gauge.measure(server, duration)
        })
    }

    /// How many bytes a record comes to, with the batch around it.
    pub fn batch_bytes(&self) -> usize {
        self.batch().len()
    }

    fn batch(&self) -> Bytes {
        let mut builder = RecordBatchBuilder::new();
        let value = vec![b'v'; self.record_bytes];
        builder.append(1, Some(b"customer"), Some(&value), &[]);
        builder.finish().to_bytes()
    }
}

struct Producer {
    client: Client,
    /// Of a generator of pseudo-random numbers, which stand for the hashes of keys.
    state: u64,
    under_way: usize,
    /// What has come of an answer that is not whole yet.
    received: Vec<u8>,
    outgoing: Vec<u8>,
}

impl Producer {
    fn connect(server: &Server, number: usize) -> Self {
        Self {
            client: Client::connect(server, i32::try_from(number).expect("few")),
            state: number as u64 + 1,
            under_way: 0,
            received: Vec::new(),
            outgoing: Vec::new(),
        }
    }

    /// Take the answers that have come, at least one if any is due, and send as many requests.
    fn exchange(&mut self, requests: &[Bytes]) -> usize {
        let mut answers = 0;
        while self.under_way > 0 && answers == 0 {
            let mut buffer = [0; ANSWERS_BYTES];
            let length = self.client.stream.read(&mut buffer);
            let length = length.expect("the server answers");
            assert!(length > 0, "the server keeps the connection");
            self.received.extend_from_slice(&buffer[..length]);
            while let Some(prefix) = self.received.first_chunk() {
                let end = 4 + u32::from_be_bytes(*prefix) as usize;
                if self.received.len() < end {
                    break;
                }
                self.received.drain(..end);
                answers += 1;
            }
        }
        self.under_way -= answers;
        self.outgoing.clear();
        while self.under_way < IN_FLIGHT {
            self.under_way += 1;
            let request = &requests[self.next(requests.len())];
            self.outgoing.extend_from_slice(request);
        }
        let sent = self.client.stream.write_all(&self.outgoing);
        sent.expect("the server reads");
        answers
    }

    /// A pseudo-random number below `bound` (xorshift64*).
    fn next(&mut self, bound: usize) -> usize {
        self.state ^= self.state >> 12;
        self.state ^= self.state << 25;
        self.state ^= self.state >> 27;
        let number = self.state.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33;
        usize::try_from(number).expect("31 bits") % bound
    }
}
