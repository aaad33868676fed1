//! What the straight and the pure server both do for a request, so that only the shape differs.

use std::collections::VecDeque;
use std::path::PathBuf;

use bytes::Bytes;
use forebay::log::storage::IO_BLOCK_BYTES;
use forebay::protocol::messages::{
    FetchRequest, FetchResponse, ProduceRequest, ProduceResponse, fetch_response, produce_response,
};
use forebay::protocol::record_batch::{Batches, RecordBatch};
use forebay::protocol::{
    ApiKey, Message, Records, Writer, decode_request_header, encode_response_header,
};
use forebay::stdx::buffer::{Block, BlockPool};

/// The file of a shard, reserved as a whole: like a log, no measurement writes a block twice.
pub const FILE_BYTES: u64 = 8 << 30;

/// What the shards receive into.
const RECEIVE_BLOCK_BYTES: usize = 1 << 20;

/// A receive of less room than this is not worth its call.
const ROOM_BYTES_MIN: usize = 64 << 10;

/// Memory for records that can be fetched.
const CACHE_BYTES_MAX: usize = 64 << 20;

/// How a server is started.
pub struct Options {
    pub folder: PathBuf,
    pub shards: u16,
    pub synced: bool,
}

impl Options {
    pub fn parse(arguments: &[String]) -> Self {
        let value = |name: &str| {
            let at = arguments.iter().position(|argument| argument == name);
            arguments[at.expect("the option is given") + 1].clone()
        };
        Self {
            folder: PathBuf::from(value("--data-dir")),
            shards: value("--shards").parse().expect("a number"),
            synced: value("--synced") == "yes",
        }
    }
}

/// One shard's records.
#[derive(Default)]
pub struct Work {
    next_offset: i64,
    next_position: u64,
    cache: VecDeque<(i64, [Bytes; 2])>,
    cache_bytes: usize,
}

/// What a request asks for.
pub enum Asked {
    /// Write this, then send the answer.
    Write {
        position: u64,
        slices: Vec<Bytes>,
        answer: Vec<Bytes>,
    },
    /// Send the answer.
    Answer(Vec<Bytes>),
}

impl Work {
    /// Decode a request and do all of it but writing and sending.
    pub fn on_request(&mut self, frame: Bytes) -> Asked {
        let (key, header, mut reader) = decode_request_header(frame).expect("a good request");
        let version = header.request_api_version;
        let mut writer = Writer::new();
        writer.start_frame();
        encode_response_header(&mut writer, key, version, header.correlation_id)
            .expect("a good version");
        let mut to_write = Vec::new();
        match key {
            ApiKey::Produce => {
                let request = ProduceRequest::decode(&mut reader, version).expect("a good body");
                let response = self.on_produce(request, &mut to_write);
                response
                    .encode(&mut writer, version)
                    .expect("a good answer");
            }
            ApiKey::Fetch => {
                let request = FetchRequest::decode(&mut reader, version).expect("a good body");
                let response = self.on_fetch(&request);
                response
                    .encode(&mut writer, version)
                    .expect("a good answer");
            }
            other => panic!("{other:?} is not part of the load"),
        }
        writer.finish_frame().expect("a short answer");
        let answer = writer.into_slices();
        if to_write.is_empty() {
            return Asked::Answer(answer);
        }
        let length: usize = to_write.iter().map(Bytes::len).sum();
        let blocks = (length as u64).next_multiple_of(IO_BLOCK_BYTES);
        if self.next_position + blocks > FILE_BYTES {
            self.next_position = 0;
        }
        let position = self.next_position;
        self.next_position += blocks;
        Asked::Write {
            position,
            slices: to_write,
            answer,
        }
    }

    fn on_produce(
        &mut self,
        request: ProduceRequest,
        to_write: &mut Vec<Bytes>,
    ) -> ProduceResponse {
        let mut response = ProduceResponse::default();
        for topic in request.topic_data {
            let mut answers = Vec::new();
            for partition in topic.partition_data {
                let base_offset = self.next_offset;
                let records = partition.records.unwrap_or_default().to_bytes();
                for batch in Batches::new(records) {
                    self.append(batch.expect("a good batch"), to_write);
                }
                answers.push(produce_response::PartitionProduceResponse {
                    index: partition.index,
                    base_offset,
                    ..Default::default()
                });
            }
            response
                .responses
                .push(produce_response::TopicProduceResponse {
                    name: topic.name,
                    partition_responses: answers,
                    ..Default::default()
                });
        }
        response
    }

    fn append(&mut self, mut batch: RecordBatch, to_write: &mut Vec<Bytes>) {
        batch.verify_crc().expect("a good checksum");
        batch.stamp(self.next_offset, 0);
        let slices = batch.slices();
        to_write.extend(slices.iter().cloned());
        self.cache_bytes += slices.iter().map(Bytes::len).sum::<usize>();
        self.cache.push_back((self.next_offset, slices));
        self.next_offset += i64::from(batch.records_count());
        while self.cache_bytes > CACHE_BYTES_MAX {
            let (_, oldest) = self.cache.pop_front().expect("bytes are of batches");
            self.cache_bytes -= oldest.iter().map(Bytes::len).sum::<usize>();
        }
    }

    fn on_fetch(&self, request: &FetchRequest) -> FetchResponse {
        let topic = &request.topics[0];
        let wanted = &topic.partitions[0];
        let start = self
            .cache
            .partition_point(|(base, _)| *base <= wanted.fetch_offset);
        let mut room = usize::try_from(wanted.partition_max_bytes).expect("a limit");
        let mut records = Records::default();
        for (_, slices) in self.cache.range(start.saturating_sub(1)..) {
            let length = slices.iter().map(Bytes::len).sum::<usize>();
            if length > room && !records.is_empty() {
                break;
            }
            room = room.saturating_sub(length);
            slices.iter().for_each(|slice| records.push(slice.clone()));
        }
        FetchResponse {
            responses: vec![fetch_response::FetchableTopicResponse {
                topic: topic.topic.clone(),
                partitions: vec![fetch_response::PartitionData {
                    partition_index: wanted.partition,
                    high_watermark: self.next_offset,
                    last_stable_offset: self.next_offset,
                    log_start_offset: 0,
                    records: Some(records),
                    ..Default::default()
                }],
                ..Default::default()
            }],
            ..Default::default()
        }
    }
}

/// The bytes of one connection on their way to being requests.
pub struct Incoming {
    pool: BlockPool,
    block: Block,
    start: usize,
}

/// The memory that a shard's connections share.
pub fn receive_pool() -> BlockPool {
    BlockPool::new(RECEIVE_BLOCK_BYTES, 128)
}

impl Incoming {
    pub fn new(pool: &BlockPool) -> Self {
        Self {
            pool: pool.clone(),
            block: pool.take(),
            start: 0,
        }
    }

    /// Memory for the next bytes.
    pub fn room(&mut self) -> &mut [u8] {
        if self.block.capacity() - self.block.filled() < ROOM_BYTES_MIN {
            let mut next = self.pool.take();
            next.append(self.block.written(self.start, self.block.filled()));
            (self.block, self.start) = (next, 0);
        }
        self.block.unfilled_mut()
    }

    /// So many bytes were put there.
    pub fn advance(&mut self, length: usize) {
        self.block.advance(length);
    }

    /// The next whole request.
    pub fn next_frame(&mut self) -> Option<Bytes> {
        let waiting = self.block.written(self.start, self.block.filled());
        let prefix = waiting.first_chunk::<4>()?;
        let length = u32::from_be_bytes(*prefix) as usize;
        assert!(
            length < RECEIVE_BLOCK_BYTES / 2,
            "requests of the load are short"
        );
        if waiting.len() < 4 + length {
            return None;
        }
        let frame = self.block.slice(self.start + 4, self.start + 4 + length);
        self.start += 4 + length;
        Some(frame)
    }
}
