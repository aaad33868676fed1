//! A broker that does nothing: what remains is the client's own ceiling.
//!
//! It listens on this machine, knows one node and any topic, takes every batch without a look at it
//! and forgets it, but for the last one of each size, which is what it gives to whoever fetches. It
//! costs what receiving costs, and that is taken from the same machine: the client alone is faster.

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use bytes::Bytes;

use crate::protocol::messages::api_versions_response::ApiVersion;
use crate::protocol::messages::create_topics_response::CreatableTopicResult;
use crate::protocol::messages::delete_topics_response::DeletableTopicResult;
use crate::protocol::messages::fetch_response::{FetchableTopicResponse, PartitionData};
use crate::protocol::messages::list_offsets_response::{
    ListOffsetsPartitionResponse, ListOffsetsTopicResponse,
};
use crate::protocol::messages::metadata_response::{
    MetadataResponseBroker, MetadataResponsePartition, MetadataResponseTopic,
};
use crate::protocol::messages::produce_response::{PartitionProduceResponse, TopicProduceResponse};
use crate::protocol::messages::{
    ApiVersionsResponse, CreateTopicsRequest, CreateTopicsResponse, DeleteTopicsRequest,
    DeleteTopicsResponse, FetchRequest, FetchResponse, InitProducerIdResponse, ListOffsetsRequest,
    ListOffsetsResponse, MetadataRequest, MetadataResponse, ProduceRequest, ProduceResponse,
};
use crate::protocol::record_batch::{BatchHeader, HEADER_BYTES};
use crate::protocol::{
    AnyRequest, AnyResponse, ApiKey, Records, Writer, decode_request_header, encode_response_header,
};

use super::link::{Received, write_all_vectored};
use super::topics::LATEST;

/// The number of the only node.
const NODE: i32 = 1;

/// The newest versions that name topics: this one gives out no ids.
const NEWEST_WITH_NAMES: i16 = 12;

/// What is answered at all.
const SERVED: [ApiKey; 8] = [
    ApiKey::ApiVersions,
    ApiKey::Metadata,
    ApiKey::CreateTopics,
    ApiKey::DeleteTopics,
    ApiKey::InitProducerId,
    ApiKey::ListOffsets,
    ApiKey::Produce,
    ApiKey::Fetch,
];

/// A sink that listens as long as the process lives.
#[derive(Debug)]
pub struct Sink {
    pub address: SocketAddr,
}

/// What all connections know.
#[derive(Debug)]
struct Known {
    address: SocketAddr,
    topics: Mutex<BTreeMap<String, Vec<Log>>>,
}

/// What is known of a partition.
#[derive(Clone, Debug, Default)]
struct Log {
    end: i64,
    /// The last batch, which stands for all.
    batch: Bytes,
    records: i64,
}

impl Sink {
    /// Listen on a port of this machine that is free.
    pub fn start() -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        let known = Arc::new(Known {
            address,
            topics: Mutex::new(BTreeMap::new()),
        });
        std::thread::Builder::new()
            .name("sink".to_owned())
            .spawn(move || {
                for stream in listener.incoming().flatten() {
                    let known = Arc::clone(&known);
                    let serve = move || drop(known.serve(stream));
                    let thread = std::thread::Builder::new().name("sink".to_owned());
                    // Without a thread the connection closes, which its client tells.
                    drop(thread.spawn(serve));
                }
            })?;
        Ok(Self { address })
    }
}

impl Known {
    /// Answers until the other side has had enough, or says what is not understood.
    fn serve(&self, mut stream: TcpStream) -> io::Result<()> {
        stream.set_nodelay(true)?;
        let mut received = Received::new();
        loop {
            let count = stream.read(received.room())?;
            if count == 0 {
                return Ok(());
            }
            received.fill(count);
            while let Some(frame) = received.next_frame().map_err(io::Error::other)? {
                let answer = self.answer(frame);
                let Some(slices) = answer.map_err(io::Error::other)? else {
                    continue;
                };
                write_all_vectored(&mut stream, &slices)?;
            }
        }
    }

    /// The answer to a request as slices; `None` where there is none.
    fn answer(&self, frame: Bytes) -> Result<Option<Vec<Bytes>>, String> {
        let decoded = decode_request_header(frame);
        let (key, header, mut reader) = decoded.map_err(|error| format!("{error:?}"))?;
        let version = header.request_api_version;
        let request = AnyRequest::decode(key, version, &mut reader);
        let request = request.map_err(|error| error.to_string())?;
        let Some(answer) = self.answer_to(&request)? else {
            return Ok(None);
        };
        let mut writer = Writer::with_capacity(512);
        writer.start_frame();
        encode_response_header(&mut writer, key, version, header.correlation_id)
            .and_then(|()| answer.encode(&mut writer, version))
            .and_then(|()| writer.finish_frame())
            .map_err(|error| error.to_string())?;
        Ok(Some(writer.into_slices()))
    }

    fn answer_to(&self, request: &AnyRequest) -> Result<Option<AnyResponse>, String> {
        Ok(Some(match request {
            AnyRequest::Produce(request) => {
                let answer = self.produce(request);
                if request.acks == 0 {
                    return Ok(None);
                }
                answer.into()
            }
            AnyRequest::Fetch(request) => self.fetch(request).into(),
            AnyRequest::ListOffsets(request) => self.list_offsets(request).into(),
            AnyRequest::ApiVersions(_) => versions().into(),
            AnyRequest::Metadata(request) => self.metadata(request).into(),
            AnyRequest::CreateTopics(request) => self.create(request).into(),
            AnyRequest::DeleteTopics(request) => self.delete(request).into(),
            AnyRequest::InitProducerId(_) => InitProducerIdResponse {
                producer_id: 1,
                ..InitProducerIdResponse::default()
            }
            .into(),
            other => return Err(format!("{} is not served here", other.key().name())),
        }))
    }

    fn with_topics<T>(&self, work: impl FnOnce(&mut BTreeMap<String, Vec<Log>>) -> T) -> T {
        let mut topics = self.topics.lock().expect("no thread of the sink panics");
        work(&mut topics)
    }

    fn produce(&self, request: &ProduceRequest) -> ProduceResponse {
        let topics = request.topic_data.iter().map(|topic| TopicProduceResponse {
            name: topic.name.clone(),
            partition_responses: topic
                .partition_data
                .iter()
                .map(|partition| PartitionProduceResponse {
                    index: partition.index,
                    base_offset: self.take(&topic.name, partition.index, &partition.records),
                    log_append_time_ms: -1,
                    ..PartitionProduceResponse::default()
                })
                .collect(),
            ..TopicProduceResponse::default()
        });
        ProduceResponse {
            responses: topics.collect(),
            ..ProduceResponse::default()
        }
    }

    fn take(&self, topic: &str, partition: i32, records: &Option<Records>) -> i64 {
        let batch = records
            .as_ref()
            .and_then(|records| records.slices().first());
        let Some((batch, header)) =
            batch.and_then(|batch| Some((batch, BatchHeader::decode(batch).ok()?)))
        else {
            return 0;
        };
        let count = i64::from(header.records_count);
        self.with_topics(|topics| {
            let logs = topics.get_mut(topic);
            let log = logs.and_then(|logs| logs.get_mut(usize::try_from(partition).ok()?));
            let Some(log) = log else { return 0 };
            let base = log.end;
            log.end += count;
            // The memory of an answer's request is used again: only a copy may stay.
            if log.records != count {
                log.batch = Bytes::copy_from_slice(batch);
                log.records = count;
            }
            base
        })
    }

    fn fetch(&self, request: &FetchRequest) -> FetchResponse {
        let mut room = usize::try_from(request.max_bytes).unwrap_or(0);
        let topics = request.topics.iter().map(|topic| FetchableTopicResponse {
            topic: topic.topic.clone(),
            partitions: topic
                .partitions
                .iter()
                .map(|partition| {
                    let most = usize::try_from(partition.partition_max_bytes).unwrap_or(0);
                    let index = partition.partition;
                    let (records, end) =
                        self.give(&topic.topic, index, partition.fetch_offset, most.min(room));
                    room = room.saturating_sub(records.len());
                    PartitionData {
                        partition_index: index,
                        high_watermark: end,
                        last_stable_offset: end,
                        records: Some(records),
                        ..PartitionData::default()
                    }
                })
                .collect(),
            ..FetchableTopicResponse::default()
        });
        FetchResponse {
            responses: topics.collect(),
            ..FetchResponse::default()
        }
    }

    /// Batches from `offset` on, all of them copies of the last one, and the end of the log.
    fn give(&self, topic: &str, partition: i32, offset: i64, most: usize) -> (Records, i64) {
        let log = self.with_topics(|topics| {
            let logs = topics.get(topic)?;
            logs.get(usize::try_from(partition).ok()?).cloned()
        });
        let log = log.unwrap_or_default();
        let mut records = Records::default();
        let mut next = offset;
        while next < log.end && records.len() + log.batch.len() <= most.max(log.batch.len()) {
            let mut header = log.batch[..HEADER_BYTES].to_vec();
            header[..8].copy_from_slice(&next.to_be_bytes());
            records.push(Bytes::from(header));
            records.push(log.batch.slice(HEADER_BYTES..));
            next += log.records;
        }
        (records, log.end)
    }

    fn list_offsets(&self, request: &ListOffsetsRequest) -> ListOffsetsResponse {
        let topics = request.topics.iter().map(|topic| ListOffsetsTopicResponse {
            name: topic.name.clone(),
            partitions: topic
                .partitions
                .iter()
                .map(|partition| {
                    let index = partition.partition_index;
                    let (_, end) = self.give(&topic.name, index, i64::MAX, 0);
                    ListOffsetsPartitionResponse {
                        partition_index: index,
                        timestamp: -1,
                        offset: if partition.timestamp == LATEST {
                            end
                        } else {
                            0
                        },
                        ..ListOffsetsPartitionResponse::default()
                    }
                })
                .collect(),
            ..ListOffsetsTopicResponse::default()
        });
        ListOffsetsResponse {
            topics: topics.collect(),
            ..ListOffsetsResponse::default()
        }
    }

    fn metadata(&self, request: &MetadataRequest) -> MetadataResponse {
        let asked = request.topics.iter().flatten();
        let asked = asked.filter_map(|topic| topic.name.clone());
        let topics = asked.map(|name| {
            let count = self.with_topics(|topics| topics.entry(name.clone()).or_default().len());
            let partitions = (0..count).map(|index| MetadataResponsePartition {
                partition_index: i32::try_from(index).unwrap_or(i32::MAX),
                leader_id: NODE,
                replica_nodes: vec![NODE],
                isr_nodes: vec![NODE],
                ..MetadataResponsePartition::default()
            });
            MetadataResponseTopic {
                name: Some(name),
                partitions: partitions.collect(),
                ..MetadataResponseTopic::default()
            }
        });
        MetadataResponse {
            brokers: vec![MetadataResponseBroker {
                node_id: NODE,
                host: self.address.ip().to_string(),
                port: i32::from(self.address.port()),
                ..MetadataResponseBroker::default()
            }],
            controller_id: NODE,
            topics: topics.collect(),
            ..MetadataResponse::default()
        }
    }

    fn create(&self, request: &CreateTopicsRequest) -> CreateTopicsResponse {
        let topics = request.topics.iter().map(|topic| {
            let count = usize::try_from(topic.num_partitions).unwrap_or(1);
            let logs = vec![Log::default(); count];
            self.with_topics(|topics| topics.insert(topic.name.clone(), logs));
            CreatableTopicResult {
                name: topic.name.clone(),
                num_partitions: topic.num_partitions,
                replication_factor: 1,
                ..CreatableTopicResult::default()
            }
        });
        CreateTopicsResponse {
            topics: topics.collect(),
            ..CreateTopicsResponse::default()
        }
    }

    fn delete(&self, request: &DeleteTopicsRequest) -> DeleteTopicsResponse {
        let names = request.topics.iter().filter_map(|topic| topic.name.clone());
        let responses = names.map(|name| {
            self.with_topics(|topics| topics.remove(&name));
            DeletableTopicResult {
                name: Some(name),
                ..DeletableTopicResult::default()
            }
        });
        DeleteTopicsResponse {
            responses: responses.collect(),
            ..DeleteTopicsResponse::default()
        }
    }
}

fn versions() -> ApiVersionsResponse {
    let served = SERVED.iter().map(|key| {
        let api = key.api();
        let newest = match key {
            ApiKey::Produce | ApiKey::Fetch => NEWEST_WITH_NAMES,
            _ => api.versions.1 - i16::from(api.is_latest_version_unstable),
        };
        ApiVersion {
            api_key: key.code(),
            min_version: api.versions.0,
            max_version: newest,
            ..ApiVersion::default()
        }
    });
    ApiVersionsResponse {
        api_keys: served.collect(),
        ..ApiVersionsResponse::default()
    }
}
