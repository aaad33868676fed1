//! Producers that keep a broker busy with batches of one size to partitions at random, as keys
//! choose them.

use std::collections::VecDeque;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use bytes::Bytes;
use forebay::protocol::messages::{
    CreateTopicsRequest, ProduceRequest, ProduceResponse, create_topics_request, produce_request,
};
use forebay::protocol::record_batch::RecordBatchBuilder;
use forebay::protocol::{
    ApiKey, Records, Request, Writer, decode_response_header, encode_request_header,
};
use forebay::stdx::Random;

use crate::load::server::{Server, Target};

const TOPIC: &str = "amplification";
const CREATE_TOPICS_VERSION: i16 = 7;
/// The newest version that names topics instead of giving their ids.
const PRODUCE_VERSION: i16 = 12;

/// Stands for the number of a partition in a request that is written many times.
const PLACEHOLDER: i32 = 0x7a5a_3c1e;

/// A key as applications have them.
const KEY_BYTES: usize = 16;

/// What every request asks for, and by how many producers.
#[derive(Clone, Copy, Debug)]
pub struct Producers {
    pub connections: u64,
    /// Requests under way on each connection.
    pub in_flight: usize,
    pub partitions: i32,
    pub batches_per_request: usize,
    pub records_per_batch: usize,
    pub value_bytes: usize,
}

/// What it came to.
#[derive(Clone, Copy, Debug)]
pub struct Produced {
    /// Bytes of acknowledged batches.
    pub bytes: u64,
    pub seconds: f64,
    /// The broker's CPU time.
    pub cpu_seconds: f64,
    /// What the broker wrote to the device, also after the load, until nothing was left to write.
    pub written_bytes: u64,
}

impl Produced {
    pub fn megabytes_per_second(&self) -> f64 {
        self.bytes as f64 / 1e6 / self.seconds
    }

    pub fn cpu_seconds_per_gigabyte(&self) -> f64 {
        self.cpu_seconds / (self.bytes as f64 / 1e9)
    }

    /// Bytes written to the device for each byte produced.
    pub fn amplification(&self) -> f64 {
        self.written_bytes as f64 / self.bytes as f64
    }
}

impl Producers {
    /// How many bytes a batch has.
    pub fn batch_bytes(&self) -> usize {
        self.batch().len()
    }

    fn batch(&self) -> Bytes {
        let mut builder = RecordBatchBuilder::new();
        let (key, value) = ([b'k'; KEY_BYTES], vec![b'v'; self.value_bytes]);
        for _ in 0..self.records_per_batch {
            builder.append(1, Some(&key), Some(&value), &[]);
        }
        builder.finish().to_bytes()
    }

    /// Put the load on `server`, and look at what it wrote once `settled` has passed.
    pub fn run(&self, server: &Server, duration: Duration, settled: Duration) -> Produced {
        create_topic(server, self.partitions);
        thread::sleep(settled);
        let (batch, address) = (self.batch(), server.addresses[0]);
        let (is_over, bytes) = (AtomicBool::new(false), AtomicU64::new(0));
        let written = server.written_bytes();
        let (start, cpu) = (Instant::now(), server.cpu_seconds());
        thread::scope(|scope| {
            for connection in 0..self.connections {
                let (is_over, bytes, batch) = (&is_over, &bytes, &batch);
                scope.spawn(move || {
                    let mut client = Client::connect(address);
                    let requests = client.drive(self, connection, batch, is_over);
                    let each = (batch.len() * self.batches_per_request) as u64;
                    bytes.fetch_add(requests * each, Ordering::Relaxed);
                });
            }
            thread::sleep(duration);
            is_over.store(true, Ordering::Relaxed);
        });
        let (seconds, cpu_seconds) = (start.elapsed().as_secs_f64(), server.cpu_seconds() - cpu);
        thread::sleep(settled);
        Produced {
            bytes: bytes.into_inner(),
            seconds,
            cpu_seconds,
            written_bytes: server.written_bytes() - written,
        }
    }
}

struct Client {
    stream: TcpStream,
    answer: Vec<u8>,
}

impl Client {
    fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).expect("the broker listens");
        stream.set_nodelay(true).expect("a TCP socket");
        Self {
            stream,
            answer: Vec::new(),
        }
    }

    /// Keep requests under way until the load is over; how many were answered.
    fn drive(
        &mut self,
        producers: &Producers,
        connection: u64,
        batch: &Bytes,
        is_over: &AtomicBool,
    ) -> u64 {
        let (mut request, places) = produce_request(batch, producers.batches_per_request);
        let mut random = Random::from_seed(connection + 1);
        let (mut under_way, mut answered) = (VecDeque::new(), 0);
        loop {
            while under_way.len() < producers.in_flight && !is_over.load(Ordering::Relaxed) {
                let count = producers.partitions;
                let first = i32::try_from(random.below(count as u64)).expect("few partitions");
                for (place, partition) in places.iter().zip(first..) {
                    let number = (partition % count).to_be_bytes();
                    request[*place..*place + 4].copy_from_slice(&number);
                }
                self.stream.write_all(&request).expect("the broker reads");
                under_way.push_back(());
            }
            if under_way.pop_front().is_none() {
                return answered;
            }
            // Looking into every answer would cost the broker CPU time on a small machine.
            let frame = self.receive();
            if answered % 64 == 0 {
                assert_eq!(error_code(frame), 0, "the broker takes the records");
            }
            answered += 1;
        }
    }

    fn receive(&mut self) -> &[u8] {
        let mut prefix = [0; 4];
        let read = self.stream.read_exact(&mut prefix);
        read.expect("the broker answers");
        self.answer.resize(u32::from_be_bytes(prefix) as usize, 0);
        let read = self.stream.read_exact(&mut self.answer);
        read.expect("the broker answers");
        &self.answer
    }
}

fn error_code(frame: &[u8]) -> i16 {
    let frame = Bytes::copy_from_slice(frame);
    let header = decode_response_header(frame, ApiKey::Produce, PRODUCE_VERSION);
    let (_, mut reader) = header.expect("a good answer");
    let response: Result<ProduceResponse, _> =
        forebay::protocol::Message::decode(&mut reader, PRODUCE_VERSION);
    let response = response.expect("a good answer");
    let mut partitions = response
        .responses
        .iter()
        .flat_map(|topic| &topic.partition_responses);
    let refused = partitions.find(|partition| partition.error_code != 0);
    refused.map_or(0, |partition| partition.error_code)
}

/// A request with `count` batches, and where the numbers of their partitions stand in it.
fn produce_request(batch: &Bytes, count: usize) -> (Vec<u8>, Vec<usize>) {
    let partition = produce_request::PartitionProduceData {
        index: PLACEHOLDER,
        records: Some(Records::new(vec![batch.clone()])),
        ..Default::default()
    };
    let request = ProduceRequest {
        acks: -1,
        timeout_ms: 30_000,
        topic_data: vec![produce_request::TopicProduceData {
            name: TOPIC.to_owned(),
            partition_data: vec![partition; count],
            ..Default::default()
        }],
        ..Default::default()
    };
    let frame = encode(&request, PRODUCE_VERSION).to_vec();
    let mark = PLACEHOLDER.to_be_bytes();
    let windows = frame.windows(mark.len()).enumerate();
    let places: Vec<usize> = windows
        .filter_map(|(place, window)| (window == mark).then_some(place))
        .collect();
    assert_eq!(
        places.len(),
        count,
        "nothing else looks like the placeholder"
    );
    (frame, places)
}

fn create_topic(server: &Server, partitions: i32) {
    let request = CreateTopicsRequest {
        timeout_ms: 30_000,
        topics: vec![create_topics_request::CreatableTopic {
            name: TOPIC.to_owned(),
            num_partitions: partitions,
            replication_factor: 1,
            ..Default::default()
        }],
        ..Default::default()
    };
    let mut client = Client::connect(server.addresses[0]);
    let create = encode(&request, CREATE_TOPICS_VERSION);
    client.stream.write_all(&create).expect("the broker reads");
    client.receive();
    // Its partitions are there a moment later, and their files with the first record.
    let mut batch = RecordBatchBuilder::new();
    batch.append(1, None, Some(b"v"), &[]);
    let (mut produce, places) = produce_request(&batch.finish().to_bytes(), 1);
    for partition in 0..partitions {
        produce[places[0]..places[0] + 4].copy_from_slice(&partition.to_be_bytes());
        loop {
            client.stream.write_all(&produce).expect("the broker reads");
            if error_code(client.receive()) == 0 {
                break;
            }
            thread::sleep(Duration::from_millis(10));
        }
    }
}

fn encode<R: Request>(request: &R, version: i16) -> Bytes {
    let mut writer = Writer::new();
    writer.start_frame();
    let header = encode_request_header(&mut writer, R::KEY, version, 0, Some("amplification"));
    header.expect("a good version");
    let encoded = request.encode(&mut writer, version);
    encoded.expect("a good request");
    writer.finish_frame().expect("a short request");
    writer.into_bytes()
}
