//! A client in the bytes of our own codec, so that these tests need no other tool.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

use bytes::Bytes;
use forebay::model::ErrorCode;
use forebay::protocol::messages::create_topics_request::CreatableTopic;
use forebay::protocol::messages::fetch_request::{FetchPartition, FetchTopic};
use forebay::protocol::messages::produce_request::{PartitionProduceData, TopicProduceData};
use forebay::protocol::messages::{
    CreateTopicsRequest, FetchRequest, MetadataRequest, ProduceRequest,
};
use forebay::protocol::record_batch::{Batches, RecordBatchBuilder};
use forebay::protocol::{
    AnyRequest, AnyResponse, ApiKey, Records, Writer, decode_response_header, encode_request_header,
};

/// How long an answer, or a change that is waited for, may take.
pub const LIMIT: Duration = Duration::from_secs(60);

/// An error code, and the records with their offsets.
pub type Fetched = (i16, Vec<(i64, Vec<u8>)>);

/// One connection.
pub struct Client {
    pub stream: TcpStream,
}

impl Client {
    #[track_caller]
    pub fn connect(port: u16) -> Self {
        let stream = TcpStream::connect(("127.0.0.1", port)).expect("the broker accepts");
        stream.set_nodelay(true).expect("a socket of TCP");
        stream
            .set_read_timeout(Some(LIMIT))
            .expect("a limit above zero");
        Self { stream }
    }

    pub fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes)
    }

    /// Sends a request in `version` and waits for its answer.
    pub fn ask(&mut self, version: i16, request: &AnyRequest) -> io::Result<AnyResponse> {
        self.send(&framed(version, request))?;
        self.answer(version, request.key())
    }

    /// Waits for the answer to a request of `key` in `version`.
    fn answer(&mut self, version: i16, key: ApiKey) -> io::Result<AnyResponse> {
        let mut length = [0; 4];
        self.stream.read_exact(&mut length)?;
        let mut frame = vec![0; u32::from_be_bytes(length) as usize];
        self.stream.read_exact(&mut frame)?;
        let header = decode_response_header(frame.into(), key, version);
        let (_, mut reader) = header.expect("a response header");
        let response = AnyResponse::decode(key, version, &mut reader);
        Ok(response.expect("a response of the version that was asked in"))
    }

    /// True if the broker lists itself.
    pub fn is_served(&mut self) -> bool {
        self.lists().is_some()
    }

    /// The number of the broker.
    #[track_caller]
    pub fn broker_id(&mut self) -> i32 {
        self.lists().expect("the broker lists itself")
    }

    fn lists(&mut self) -> Option<i32> {
        let request = AnyRequest::Metadata(MetadataRequest {
            topics: Some(Vec::new()),
            ..MetadataRequest::default()
        });
        match self.ask(1, &request) {
            Ok(AnyResponse::Metadata(answer)) => answer.brokers.first().map(|one| one.node_id),
            _ => None,
        }
    }

    /// True once the broker has closed the connection; bytes that come before are dropped.
    pub fn is_closed(&mut self) -> bool {
        let mut nowhere = [0; 4096];
        loop {
            match self.stream.read(&mut nowhere) {
                Ok(0) => return true,
                Ok(_) => {}
                Err(error) => return error.kind() == io::ErrorKind::ConnectionReset,
            }
        }
    }

    #[track_caller]
    pub fn create_topic(&mut self, name: &str) -> i16 {
        let request = AnyRequest::CreateTopics(CreateTopicsRequest {
            topics: vec![CreatableTopic {
                name: name.to_owned(),
                num_partitions: 1,
                replication_factor: 1,
                ..CreatableTopic::default()
            }],
            timeout_ms: 10_000,
            ..CreateTopicsRequest::default()
        });
        match self.ask(7, &request) {
            Ok(AnyResponse::CreateTopics(answer)) => answer.topics[0].error_code,
            other => panic!("{other:?}"),
        }
    }

    /// Produces `payload` with these acks; the error code and the base offset.
    pub fn produce(&mut self, topic: &str, acks: i16, payload: Bytes) -> io::Result<(i16, i64)> {
        self.send(&framed(9, &produce_request(topic, acks, payload)))?;
        self.produced()
    }

    /// Waits for the answer to a produce request; the error code and the base offset.
    pub fn produced(&mut self) -> io::Result<(i16, i64)> {
        match self.answer(9, ApiKey::Produce)? {
            AnyResponse::Produce(answer) => {
                let answer = &answer.responses[0].partition_responses[0];
                Ok((answer.error_code, answer.base_offset))
            }
            other => panic!("{other:?}"),
        }
    }

    /// Produces a record again and again until the answer is `wanted`; its base offset.
    #[track_caller]
    pub fn produce_until(&mut self, topic: &str, wanted: ErrorCode) -> i64 {
        let started = Instant::now();
        while started.elapsed() < LIMIT {
            let produced = self.produce(topic, -1, batch_of(b"again"));
            let (code, offset) = produced.expect("an answer");
            if code == wanted.code() {
                return offset;
            }
            thread::sleep(Duration::from_millis(50));
        }
        panic!("no record of {topic} is answered with {wanted:?}");
    }

    /// The records from `offset` on: the error code, and every value.
    pub fn fetch(&mut self, topic: &str, offset: i64) -> io::Result<Fetched> {
        let AnyResponse::Fetch(answer) = self.ask(11, &fetch_request(topic, offset))? else {
            panic!("another answer than was asked for");
        };
        let partition = &answer.responses[0].partitions[0];
        let mut values = Vec::new();
        let bytes = partition.records.clone().unwrap_or_default().to_bytes();
        let mut batches = Batches::new(bytes);
        while let Ok(Some(batch)) = batches.next_whole() {
            for record in &batch.records(100 << 20).expect("readable records") {
                let record = record.expect("a readable record");
                values.push((record.offset, record.value.unwrap_or_default().to_vec()));
            }
        }
        Ok((partition.error_code, values))
    }
}

/// A request with its length in front.
pub fn framed(version: i16, request: &AnyRequest) -> Vec<u8> {
    let mut writer = Writer::new();
    writer.start_frame();
    encode_request_header(&mut writer, request.key(), version, 1, Some("tests"))
        .expect("a short client id");
    request
        .encode(&mut writer, version)
        .expect("a sound request");
    writer.finish_frame().expect("a small request");
    writer.into_slices().concat()
}

pub fn produce_request(topic: &str, acks: i16, payload: Bytes) -> AnyRequest {
    AnyRequest::Produce(ProduceRequest {
        acks,
        timeout_ms: 10_000,
        topic_data: vec![TopicProduceData {
            name: topic.to_owned(),
            partition_data: vec![PartitionProduceData {
                index: 0,
                records: Some(Records::from(payload)),
                ..PartitionProduceData::default()
            }],
            ..TopicProduceData::default()
        }],
        ..ProduceRequest::default()
    })
}

pub fn fetch_request(topic: &str, offset: i64) -> AnyRequest {
    AnyRequest::Fetch(FetchRequest {
        replica_id: -1,
        max_wait_ms: 0,
        min_bytes: 0,
        max_bytes: 50 << 20,
        topics: vec![FetchTopic {
            topic: topic.to_owned(),
            partitions: vec![FetchPartition {
                partition: 0,
                fetch_offset: offset,
                partition_max_bytes: 1 << 20,
                current_leader_epoch: -1,
                ..FetchPartition::default()
            }],
            ..FetchTopic::default()
        }],
        ..FetchRequest::default()
    })
}

/// A batch of one record.
pub fn batch_of(value: &[u8]) -> Bytes {
    let mut builder = RecordBatchBuilder::new();
    builder.append(1_700_000_000_000, None, Some(value), &[]);
    builder.finish().to_bytes()
}

/// Produces until the partition has a leader that takes the record.
#[track_caller]
pub fn await_topic(client: &mut Client, topic: &str) {
    let created = client.create_topic(topic);
    assert_eq!(created, ErrorCode::None.code());
    client.produce_until(topic, ErrorCode::None);
}
