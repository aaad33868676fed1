//! A producer that keeps to its schedule whatever the server does: a pause of the server shows in
//! every request that it should have taken meanwhile.

use std::io::Write;
use std::thread;
use std::time::{Duration, Instant};

use bytes::Bytes;
use forebay::protocol::record_batch::RecordBatchBuilder;

use super::client::{Client, produce_request};
use super::server::Server;

/// Batches that differ in their keys, sent in turn.
const BATCHES: usize = 64;

/// One connection to one partition.
pub struct Paced<'a> {
    pub topic: &'a str,
    pub requests_per_second: u32,
    pub records_per_batch: u16,
    pub record_bytes: usize,
}

/// How long answers took, from when their request was due.
#[derive(Clone, Copy, Debug)]
pub struct Latency {
    pub p50_us: f64,
    pub p99_us: f64,
}

impl Paced<'_> {
    /// Put the load on `server`: a quarter of `duration` to warm up, then all of it to measure.
    pub fn run(&self, server: &Server, duration: Duration) -> Latency {
        let requests: Vec<Bytes> = (0..BATCHES)
            .map(|number| produce_request(self.topic, 0, &self.batch(number)))
            .collect();
        let rate = f64::from(self.requests_per_second);
        let measured = (duration.as_secs_f64() * rate) as u32;
        let warm_up = measured / 4;
        let mut client = Client::connect(server, 0);
        let mut stream = client.stream.try_clone().expect("a socket can be shared");
        let start = Instant::now();
        let due = |number: u32| start + Duration::from_secs_f64(f64::from(number) / rate);
        let mut latencies = Vec::new();
        thread::scope(|scope| {
            scope.spawn(move || {
                for (number, request) in (0..warm_up + measured).zip(requests.iter().cycle()) {
                    thread::sleep(due(number).saturating_duration_since(Instant::now()));
                    stream.write_all(request).expect("the server reads");
                }
            });
            for number in 0..warm_up + measured {
                let (error_code, _) = client.receive_produced();
                assert_eq!(error_code, 0, "the server takes the records");
                if number >= warm_up {
                    latencies.push(due(number).elapsed());
                }
            }
        });
        latencies.sort_unstable();
        let percentile = |part: usize| latencies[latencies.len() * part / 100].as_secs_f64() * 1e6;
        Latency {
            p50_us: percentile(50),
            p99_us: percentile(99),
        }
    }

    fn batch(&self, number: usize) -> Bytes {
        let mut builder = RecordBatchBuilder::new();
        let value = vec![b'v'; self.record_bytes];
        for record in 0..usize::from(self.records_per_batch) {
            let key = format!("{}", number * usize::from(self.records_per_batch) + record);
            builder.append(1, Some(key.as_bytes()), Some(&value), &[]);
        }
        builder.finish().to_bytes()
    }
}
