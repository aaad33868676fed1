//! The load: threads with plain blocking sockets, the same for every server.

use std::collections::VecDeque;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::ops::Range;
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use bytes::Bytes;
use forebay::protocol::messages::{
    CreateTopicsRequest, CreateTopicsResponse, DeleteTopicsRequest, FetchRequest, FetchResponse,
    ProduceRequest, ProduceResponse, create_topics_request, fetch_request, produce_request,
};
use forebay::protocol::record_batch::RecordBatchBuilder;
use forebay::protocol::{
    ApiKey, Message, Records, Request, Writer, decode_response_header, encode_request_header,
};

use super::server::{CpuTimes, Server, Target};

/// The newest versions that name topics instead of giving their ids.
pub const PRODUCE_VERSION: i16 = 12;
pub(super) const FETCH_VERSION: i16 = 12;
const CREATE_TOPICS_VERSION: i16 = 7;
const DELETE_TOPICS_VERSION: i16 = 5;
const TOPIC_ALREADY_EXISTS: i16 = 36;

/// Batches that are there to be fetched, per connection: 16 MiB, which every server keeps.
const FETCHED_BATCHES: usize = 256;
pub(super) const FETCH_BYTES: i32 = 1 << 20;

/// Clients that look at partitions at the same time, so that it is not they who take the time.
const AWAITING_CLIENTS: usize = 16;

/// What is asked of a server.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Load {
    pub work: Work,
    pub connections: i32,
    /// Each connection produces to this many partitions of its own, in turn.
    pub partitions_per_connection: i32,
    /// Requests under way on each connection.
    pub in_flight: usize,
    pub records_per_batch: u16,
    pub record_bytes: usize,
}

/// What a request is for.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Work {
    Produce,
    /// Records that are in memory, 1 MiB at a time.
    Fetch,
}

/// What it came to.
#[derive(Clone, Copy, Debug)]
pub struct Measured {
    pub megabytes_per_second: f64,
    pub cpu_seconds_per_gigabyte: f64,
    pub p50_us: f64,
    pub p99_us: f64,
    /// The part of the machine's CPU time that was not idle.
    pub busy: f64,
}

/// What the threads of a load share.
#[derive(Default)]
pub(super) struct Gauge {
    pub(super) is_over: AtomicBool,
    pub(super) is_counting: AtomicBool,
    pub(super) bytes: AtomicU64,
}

impl Gauge {
    /// Let a load that has begun warm up for a quarter of `duration`, measure it for all of it, and
    /// end it. Latencies are those of the caller.
    pub(super) fn measure(&self, server: &impl Target, duration: Duration) -> Measured {
        thread::sleep(duration / 4);
        self.is_counting.store(true, Ordering::Relaxed);
        let (start, cpu, machine) = (Instant::now(), server.cpu_seconds(), CpuTimes::now());
        thread::sleep(duration);
        self.is_counting.store(false, Ordering::Relaxed);
        let (seconds, cpu) = (start.elapsed().as_secs_f64(), server.cpu_seconds() - cpu);
        let busy = machine.busy_since();
        self.is_over.store(true, Ordering::Relaxed);
        let bytes = self.bytes.load(Ordering::Relaxed) as f64;
        Measured {
            megabytes_per_second: bytes / seconds / 1e6,
            cpu_seconds_per_gigabyte: cpu / (bytes / 1e9),
            p50_us: f64::NAN,
            p99_us: f64::NAN,
            busy,
        }
    }
}

impl Measured {
    /// The same with the percentiles of `latencies`.
    pub(super) fn with_latencies(self, mut latencies: Vec<Duration>) -> Self {
        latencies.sort_unstable();
        let percentile = |part: usize| {
            let latency = latencies.get(latencies.len() * part / 100);
            latency.map_or(f64::NAN, |latency| latency.as_secs_f64() * 1e6)
        };
        Self {
            p50_us: percentile(50),
            p99_us: percentile(99),
            ..self
        }
    }
}

impl Load {
    /// Wait until the servers take records where this load puts them.
    pub fn await_partitions(self, servers: &impl Target, topic: &str) {
        for connection in 0..self.connections {
            let first = connection * self.partitions_per_connection;
            let own = first..first + self.partitions_per_connection;
            Client::connect(servers, connection).await_partitions(topic, own);
        }
    }

    /// Put the load on `server`: a quarter of `duration` to warm up, then all of it to measure.
    pub fn run(self, server: &Server, duration: Duration) -> Measured {
        let partitions = self.connections * self.partitions_per_connection;
        let topic = format!("load-{partitions}");
        if server.has_topics {
            create_topic(server, &topic, partitions, &[]);
        }
        self.run_on(server, &topic, duration)
    }

    /// The same with a topic that is there.
    pub fn run_on(self, server: &impl Target, topic: &str, duration: Duration) -> Measured {
        let batch = batch(self.records_per_batch, self.record_bytes);
        let records = i64::from(self.records_per_batch);
        let gauge = Gauge::default();
        let (mut measured, mut latencies) = (None, Vec::new());
        let is_prepared = Barrier::new(self.connections as usize + 1);
        let drive = |connection: i32| {
            let mut client = Client::connect(server, connection);
            let first = connection * self.partitions_per_connection;
            let produces: Vec<_> = (first..first + self.partitions_per_connection)
                .map(|partition| produce_request(topic, partition, &batch))
                .collect();
            if self.work == Work::Produce {
                is_prepared.wait();
                let next = |round: usize| produces[round % produces.len()].clone();
                return client.drive(&gauge, self.in_flight, batch.len(), next);
            }
            let end = client.fill(&produces[0], records);
            is_prepared.wait();
            let next = |round: usize| fetch_request(topic, first, round, end, records);
            client.drive(&gauge, self.in_flight, 0, next)
        };
        let drive = &drive;
        thread::scope(|scope| {
            let threads: Vec<_> = (0..self.connections)
                .map(|connection| scope.spawn(move || drive(connection)))
                .collect();
            is_prepared.wait();
            measured = Some(gauge.measure(server, duration));
            for thread in threads {
                latencies.extend(thread.join().expect("a client does not fail"));
            }
        });
        let measured = measured.expect("it was measured");
        measured.with_latencies(latencies)
    }
}

/// A topic with as many batches in each partition.
pub struct Filled {
    pub(super) topic: String,
    pub(super) partitions: i32,
    pub(super) batch: Bytes,
    pub(super) records: i64,
    pub(super) batches: i64,
}

impl Filled {
    /// Produce `bytes` or a little more to `partitions` of a topic, in batches of 64 KiB that are
    /// all acknowledged.
    pub fn fill(server: &Server, partitions: i32, bytes: u64) -> Self {
        let (records, in_flight) = (63, 16);
        let topic = format!("filled-{partitions}");
        create_topic(server, &topic, partitions, &[]);
        let batch = batch(records, 1024);
        let batches = bytes.div_ceil(batch.len() as u64 * partitions as u64);
        let requests: Vec<Bytes> = (0..partitions)
            .map(|partition| produce_request(&topic, partition, &batch))
            .collect();
        let mut client = Client::connect(server, 0);
        let mut under_way = 0;
        for _ in 0..batches {
            for request in &requests {
                client.stream.write_all(request).expect("the server reads");
                under_way += 1;
                if under_way == in_flight {
                    assert_eq!(client.receive_produced().0, 0, "the records are taken");
                    under_way -= 1;
                }
            }
        }
        for _ in 0..under_way {
            assert_eq!(client.receive_produced().0, 0, "the records are taken");
        }
        Self {
            topic,
            partitions,
            batch,
            records: i64::from(records),
            batches: i64::try_from(batches).expect("few"),
        }
    }

    /// Wait until each partition has given its last record, and taken another one behind it.
    ///
    /// # Panics
    /// If a partition has lost something.
    pub fn await_all(&self, server: &Server) {
        let record = batch(1, 1024);
        let await_some = |first: i32| {
            let mut client = Client::connect(server, first);
            for partition in (first..self.partitions).step_by(AWAITING_CLIENTS) {
                self.await_one(&mut client, partition, &record);
            }
        };
        thread::scope(|scope| {
            for first in (0..).take(AWAITING_CLIENTS) {
                let await_some = &await_some;
                scope.spawn(move || await_some(first));
            }
        });
    }

    fn await_one(&self, client: &mut Client, partition: i32, record: &Bytes) {
        // Behind the record by which the topic was found to be there.
        let end = self.batches * self.records + 1;
        let fetch = fetch_at(&self.topic, partition, end - 1);
        while client.fetched_bytes(&fetch) < self.batch.len() {}
        let produce = produce_request(&self.topic, partition, record);
        loop {
            client.stream.write_all(&produce).expect("the server reads");
            let (error_code, base_offset) = client.receive_produced();
            if error_code == 0 {
                assert_eq!(base_offset, end, "partition {partition} has all records");
                return;
            }
            thread::sleep(Duration::from_millis(1));
        }
    }
}

pub(super) struct Client {
    pub(super) stream: TcpStream,
    answer: Vec<u8>,
}

impl Client {
    pub(super) fn connect(server: &impl Target, connection: i32) -> Self {
        let address = server.address(connection as usize);
        let stream = TcpStream::connect(address).expect("the server listens");
        stream.set_nodelay(true).expect("a TCP socket");
        Self {
            stream,
            answer: Vec::new(),
        }
    }

    /// Keep `in_flight` requests under way until the load is over; returns the latencies.
    ///
    /// Counts `bytes` for each, or if that is zero those of its answer.
    fn drive(
        &mut self,
        gauge: &Gauge,
        in_flight: usize,
        bytes: usize,
        mut request: impl FnMut(usize) -> Bytes,
    ) -> Vec<Duration> {
        let (mut under_way, mut latencies) = (VecDeque::new(), Vec::new());
        let mut round = 0;
        loop {
            while under_way.len() < in_flight && !gauge.is_over.load(Ordering::Relaxed) {
                under_way.push_back(Instant::now());
                self.stream
                    .write_all(&request(round))
                    .expect("the server reads");
                round += 1;
            }
            let Some(sent) = under_way.pop_front() else {
                return latencies;
            };
            // Looking into every answer would cost the server CPU time on a machine this small.
            let is_looked_at = bytes > 0 && latencies.len() % 64 == 0;
            let length = if is_looked_at {
                assert_eq!(self.receive_produced().0, 0, "the server takes the records");
                bytes
            } else {
                self.receive()
            };
            if gauge.is_counting.load(Ordering::Relaxed) {
                latencies.push(sent.elapsed());
                let counted = if bytes == 0 { length } else { bytes };
                gauge.bytes.fetch_add(counted as u64, Ordering::Relaxed);
            }
        }
    }

    /// Produce what is to be fetched; returns the offset behind it.
    fn fill(&mut self, produce: &Bytes, records: i64) -> i64 {
        let mut end = 0;
        for _ in 0..FETCHED_BATCHES {
            self.stream.write_all(produce).expect("the server reads");
            let (error_code, base_offset) = self.receive_produced();
            assert_eq!(error_code, 0, "the server takes what is to be fetched");
            end = base_offset + records;
        }
        end
    }

    /// How many bytes of records the answer to a fetch of one partition brings.
    fn fetched_bytes(&mut self, fetch: &Bytes) -> usize {
        self.stream.write_all(fetch).expect("the server reads");
        let length = self.receive();
        let frame = Bytes::copy_from_slice(&self.answer[..length]);
        let (_, mut reader) =
            decode_response_header(frame, ApiKey::Fetch, FETCH_VERSION).expect("a good answer");
        let response = FetchResponse::decode(&mut reader, FETCH_VERSION);
        let response = response.expect("a good answer");
        let partition = response
            .responses
            .first()
            .and_then(|topic| topic.partitions.first());
        let records = partition.and_then(|partition| partition.records.as_ref());
        records.map_or(0, |records| records.slices().iter().map(Bytes::len).sum())
    }

    /// Ask for a topic; returns the error code.
    fn create_topic(&mut self, request: &Bytes) -> i16 {
        self.stream.write_all(request).expect("the server reads");
        let length = self.receive();
        let frame = Bytes::copy_from_slice(&self.answer[..length]);
        let version = CREATE_TOPICS_VERSION;
        let (_, mut reader) =
            decode_response_header(frame, ApiKey::CreateTopics, version).expect("a good answer");
        let response = CreateTopicsResponse::decode(&mut reader, version);
        response.expect("a good answer").topics[0].error_code
    }

    /// Wait until the server takes a record for each of these partitions, which are there only a
    /// moment after their topic.
    fn await_partitions(&mut self, topic: &str, partitions: Range<i32>) {
        // A compacted topic takes no record without a key.
        let mut probe = RecordBatchBuilder::new();
        probe.append(1, Some(b"probe"), Some(b"v"), &[]);
        let probe = probe.finish().to_bytes();
        for partition in partitions {
            let produce = produce_request(topic, partition, &probe);
            loop {
                self.stream.write_all(&produce).expect("the server reads");
                if self.receive_produced().0 == 0 {
                    break;
                }
                thread::sleep(Duration::from_millis(10));
            }
        }
    }

    /// Receive the answer to a produce request: its error code and base offset.
    pub(super) fn receive_produced(&mut self) -> (i16, i64) {
        let length = self.receive();
        let frame = Bytes::copy_from_slice(&self.answer[..length]);
        let (_, mut reader) =
            decode_response_header(frame, ApiKey::Produce, PRODUCE_VERSION).expect("a good answer");
        let response = ProduceResponse::decode(&mut reader, PRODUCE_VERSION);
        let response = response.expect("a good answer");
        let partition = &response.responses[0].partition_responses[0];
        (partition.error_code, partition.base_offset)
    }

    /// Receive one answer; returns its length.
    pub(super) fn receive(&mut self) -> usize {
        let mut prefix = [0; 4];
        self.stream
            .read_exact(&mut prefix)
            .expect("the server answers");
        let length = u32::from_be_bytes(prefix) as usize;
        if self.answer.len() < length {
            self.answer.resize(length, 0);
        }
        let answer = &mut self.answer[..length];
        self.stream.read_exact(answer).expect("the server answers");
        length
    }
}

pub(super) fn produce_request(topic: &str, partition: i32, batch: &Bytes) -> Bytes {
    let request = ProduceRequest {
        acks: -1,
        timeout_ms: 30_000,
        topic_data: vec![produce_request::TopicProduceData {
            name: topic.to_owned(),
            partition_data: vec![produce_request::PartitionProduceData {
                index: partition,
                records: Some(Records::new(vec![batch.clone()])),
                ..Default::default()
            }],
            ..Default::default()
        }],
        ..Default::default()
    };
    encode(&request, PRODUCE_VERSION)
}

fn fetch_request(topic: &str, partition: i32, round: usize, end: i64, records: i64) -> Bytes {
    // Each fetch brings 15 or 16 batches; starting every 16 walks over all that was filled in.
    let batches = FETCHED_BATCHES as i64;
    let start = end - (batches - (round as i64 * 16) % (batches - 16)) * records;
    fetch_at(topic, partition, start)
}

pub(super) fn fetch_at(topic: &str, partition: i32, start: i64) -> Bytes {
    let request = FetchRequest {
        max_wait_ms: 500,
        min_bytes: 1,
        max_bytes: FETCH_BYTES,
        session_epoch: -1,
        topics: vec![fetch_request::FetchTopic {
            topic: topic.to_owned(),
            partitions: vec![fetch_request::FetchPartition {
                partition,
                current_leader_epoch: -1,
                fetch_offset: start,
                last_fetched_epoch: -1,
                log_start_offset: -1,
                partition_max_bytes: FETCH_BYTES,
                ..Default::default()
            }],
            ..Default::default()
        }],
        ..Default::default()
    };
    encode(&request, FETCH_VERSION)
}

/// Create a topic with `configs`, if it is not there yet, and wait until it takes records.
pub fn create_topic(server: &Server, topic: &str, partitions: i32, configs: &[(&str, &str)]) {
    let configs = configs.iter().map(|&(name, value)| {
        let (name, value) = (name.to_owned(), Some(value.to_owned()));
        create_topics_request::CreatableTopicConfig {
            name,
            value,
            ..Default::default()
        }
    });
    let request = CreateTopicsRequest {
        timeout_ms: 30_000,
        topics: vec![create_topics_request::CreatableTopic {
            name: topic.to_owned(),
            num_partitions: partitions,
            replication_factor: 1,
            configs: configs.collect(),
            ..Default::default()
        }],
        ..Default::default()
    };
    let mut client = Client::connect(server, 0);
    let request = encode(&request, CREATE_TOPICS_VERSION);
    // A broker that has just started may have nobody yet to give a partition to.
    while ![0, TOPIC_ALREADY_EXISTS].contains(&client.create_topic(&request)) {
        thread::sleep(Duration::from_millis(10));
    }
    client.await_partitions(topic, 0..partitions);
}

pub(super) fn batch(records: u16, record_bytes: usize) -> Bytes {
    let mut builder = RecordBatchBuilder::new();
    let value = vec![b'v'; record_bytes];
    for _ in 0..records {
        builder.append(1, None, Some(&value), &[]);
    }
    builder.finish().to_bytes()
}

pub(super) fn encode<R: Request>(request: &R, version: i16) -> Bytes {
    let mut writer = Writer::new();
    writer.start_frame();
    encode_request_header(&mut writer, R::KEY, version, 0, Some("shape")).expect("a good version");
    request
        .encode(&mut writer, version)
        .expect("a good request");
    writer.finish_frame().expect("a short request");
    writer.into_bytes()
}

/// Delete a topic.
pub fn delete_topic(server: &Server, topic: &str) {
    let request = DeleteTopicsRequest {
        topic_names: vec![topic.to_owned()],
        timeout_ms: 30_000,
        ..Default::default()
    };
    let mut client = Client::connect(server, 0);
    let request = encode(&request, DELETE_TOPICS_VERSION);
    client.stream.write_all(&request).expect("the server reads");
    client.receive();
}
