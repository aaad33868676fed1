//! A broker of one shard and the stream of bytes that a client sends it: whatever comes, it
//! answers in order or closes the connection, and serves another client afterwards.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;
use forebay::config::ServeArguments;
use forebay::model::ShardId;
use forebay::protocol::messages::create_topics_request::CreatableTopic;
use forebay::protocol::messages::{CreateTopicsRequest, MetadataRequest};
use forebay::protocol::{
    AnyRequest, AnyResponse, ApiKey, Writer, decode_request_header, decode_response_header,
    encode_request_header,
};
use forebay::shard::{
    ConnectionId, DisconnectReason, Effect, Effects, Event, ListenerIndex, ListenerKind, Shard,
    ShardSettings,
};
use forebay::stdx::{Instant, Now, Random};

use super::memory_disk::MemoryDisk;

/// When the broker starts, in milliseconds since the Unix epoch.
const START_MS: i64 = 1_700_000_000_000;

/// The client that the stream comes from, and one that knows what it does.
const FUZZED: ConnectionId = ConnectionId(1);
const HEALTHY: ConnectionId = ConnectionId(2);

/// How often time may go on to what is due next: waits end, groups rebalance.
const DEADLINES_MAX: usize = 8;

/// Turns that one cause may lead to.
const TURNS_MAX: usize = 10_000;

/// `bytes` is what the client sends, in one piece.
pub fn check(bytes: &[u8]) {
    let mut host = Host::start();
    host.connect(FUZZED);
    host.receive(FUZZED, bytes);
    for _ in 0..DEADLINES_MAX {
        host.reach_deadline();
    }
    host.check_answers(bytes);
    host.connect(HEALTHY);
    let metadata = AnyRequest::Metadata(MetadataRequest::default());
    let answers = host.ask(1, &metadata);
    assert!(matches!(answers, AnyResponse::Metadata(_)));
}

struct Host {
    shard: Shard,
    effects: Effects,
    disk: MemoryDisk,
    now: Now,
    events: VecDeque<Event>,
    is_ready: bool,
    sent: [Vec<u8>; 2],
    is_closed: [bool; 2],
}

impl Host {
    /// A broker that serves, with a topic named `t`.
    fn start() -> Self {
        let set = [
            ("num.partitions", "1"),
            ("offsets.topic.num.partitions", "1"),
            ("group.initial.rebalance.delay.ms", "0"),
        ];
        let arguments = ServeArguments {
            data_dir: Some("/data".to_owned()),
            set: set.map(|(name, value)| (name.into(), value.into())).into(),
            ..ServeArguments::default()
        };
        let startup = arguments.resolve(None, "host").expect("good settings");
        let shard = Shard::new(ShardSettings {
            id: ShardId(0),
            shards_count: 1,
            config: Arc::new(startup.config),
            settings: startup.settings,
            log_levels: Arc::default(),
            random: Random::from_seed(1),
            journal_bytes_max: 1 << 20,
            checkpoint_every_bytes: 1 << 20,
            memory_bytes: 64 << 20,
            open_files_max: 16,
            sync_methods: Vec::new(),
            listeners: vec![ListenerKind::Kafka("PLAINTEXT".to_owned())],
        });
        let mut host = Self {
            shard,
            effects: Effects::default(),
            disk: MemoryDisk::default(),
            now: Now {
                instant: Instant::from_nanos(0),
                wall_ms: START_MS,
            },
            events: VecDeque::from([Event::Started]),
            is_ready: false,
            sent: Default::default(),
            is_closed: [false; 2],
        };
        host.settle();
        assert!(host.is_ready, "a broker with an empty disk starts");
        host.connect(HEALTHY);
        let create = AnyRequest::CreateTopics(CreateTopicsRequest {
            topics: vec![CreatableTopic {
                name: "t".to_owned(),
                num_partitions: 1,
                replication_factor: 1,
                ..CreatableTopic::default()
            }],
            timeout_ms: 1000,
            ..CreateTopicsRequest::default()
        });
        host.ask(7, &create);
        host.disconnect(HEALTHY);
        host
    }

    fn connect(&mut self, connection: ConnectionId) {
        self.is_closed[place(connection)] = false;
        self.events.push_back(Event::Accepted {
            connection,
            listener: ListenerIndex(0),
            peer: ([127, 0, 0, 1], 1).into(),
        });
        self.settle();
    }

    fn disconnect(&mut self, connection: ConnectionId) {
        let reason = DisconnectReason::ByPeer;
        self.events
            .push_back(Event::Disconnected { connection, reason });
        self.settle();
        self.sent[place(connection)].clear();
    }

    /// Turns, until nothing is left to do.
    fn settle(&mut self) {
        for _ in 0..TURNS_MAX {
            if self.events.is_empty() {
                return;
            }
            while let Some(event) = self.events.pop_front() {
                self.shard.on_event(self.now, event, &mut self.effects);
            }
            self.shard
                .on_event(self.now, Event::TurnEnded, &mut self.effects);
            self.perform();
        }
        panic!("the shard goes round in circles");
    }

    fn perform(&mut self) {
        self.effects.take_storage();
        while let Some(effect) = self.effects.next_effect() {
            let event = match effect {
                Effect::Send { connection, slices } => {
                    let bytes = slices.concat();
                    let length = bytes.len();
                    self.sent[place(connection)].extend(bytes);
                    Event::Sent { connection, length }
                }
                Effect::Disconnect { connection, .. } => {
                    self.is_closed[place(connection)] = true;
                    let reason = DisconnectReason::ByShard;
                    Event::Disconnected { connection, reason }
                }
                Effect::Storage { ticket, request } => {
                    let result = self.disk.perform(request);
                    Event::StorageFinished { ticket, result }
                }
                Effect::Post { message, .. } => Event::MessageArrived {
                    from: ShardId(0),
                    message,
                },
                Effect::FilterLog(_) | Effect::LimitConnections(_) | Effect::StopAccepting => {
                    continue;
                }
                Effect::Ready => {
                    self.is_ready = true;
                    continue;
                }
                Effect::Dial { address, .. } => panic!("no node asks {address}"),
                Effect::Stopped => panic!("nobody stops the shard"),
                Effect::Halt(reason) => panic!("the broker halts: {}", reason.message()),
            };
            self.events.push_back(event);
        }
    }

    /// The client sends `bytes`, as far as the shard wants them.
    fn receive(&mut self, connection: ConnectionId, mut bytes: &[u8]) {
        while !bytes.is_empty() && !self.is_closed[place(connection)] {
            let Some(memory) = self.shard.receive_buffer(connection) else {
                return;
            };
            let length = memory.len().min(bytes.len());
            memory[..length].copy_from_slice(&bytes[..length]);
            bytes = &bytes[length..];
            self.events
                .push_back(Event::Received { connection, length });
            self.settle();
        }
    }

    fn reach_deadline(&mut self) {
        let deadline = self.shard.next_deadline();
        if deadline == Instant::MAX {
            return;
        }
        if deadline > self.now.instant {
            let passed = deadline - self.now.instant;
            self.now.instant = deadline;
            self.now.wall_ms += i64::try_from(passed.as_millis()).expect("a life is short");
        }
        self.events.push_back(Event::DeadlineReached);
        self.settle();
    }

    /// Every answer is one to the next request, in the version that was asked in.
    fn check_answers(&mut self, mut stream: &[u8]) {
        let sent = std::mem::take(&mut self.sent[place(FUZZED)]);
        let mut answers = &sent[..];
        while let Some(answer) = cut_frame(&mut answers) {
            let (key, version, correlation_id) = loop {
                let request = cut_frame(&mut stream).expect("a request is answered once");
                let header = decode_request_header(request).expect("what is answered was read");
                let (key, header, mut body) = header;
                let version = header.request_api_version;
                let decoded = AnyRequest::decode(key, version, &mut body);
                // Without acknowledgement there is no answer.
                if !matches!(&decoded, Ok(AnyRequest::Produce(produce)) if produce.acks == 0) {
                    break (key, version, header.correlation_id);
                }
            };
            let is_served = key
                .served_versions()
                .is_some_and(|(first, last)| (first..=last).contains(&version));
            // What is too new an ApiVersions is answered in its oldest version (KIP-511).
            let version = if key == ApiKey::ApiVersions && !is_served {
                0
            } else {
                version
            };
            let read = decode_response_header(answer, key, version);
            let (header, mut body) = read.expect("an answer has a header");
            assert_eq!(header.correlation_id, correlation_id);
            AnyResponse::decode(key, version, &mut body).expect("an answer can be read");
            assert_eq!(body.remaining(), 0);
        }
        assert!(answers.is_empty(), "answers are whole");
    }

    /// The answer to a request of the healthy client.
    fn ask(&mut self, version: i16, request: &AnyRequest) -> AnyResponse {
        let mut writer = Writer::new();
        writer.start_frame();
        encode_request_header(&mut writer, request.key(), version, 1, None).expect("no name");
        request
            .encode(&mut writer, version)
            .expect("a good request");
        writer.finish_frame().expect("a short request");
        self.receive(HEALTHY, &writer.into_slices().concat());
        let sent = std::mem::take(&mut self.sent[place(HEALTHY)]);
        let answer = cut_frame(&mut &sent[..]).expect("a good request is answered");
        let header = decode_response_header(answer, request.key(), version);
        let (_, mut body) = header.expect("an answer has a header");
        AnyResponse::decode(request.key(), version, &mut body).expect("an answer can be read")
    }
}

fn place(connection: ConnectionId) -> usize {
    usize::from(connection == HEALTHY)
}

/// The next whole frame, without its length.
fn cut_frame(stream: &mut &[u8]) -> Option<Bytes> {
    let (length, rest) = stream.split_first_chunk::<4>()?;
    let length = usize::try_from(i32::from_be_bytes(*length)).ok()?;
    let (frame, rest) = rest.split_at_checked(length)?;
    *stream = rest;
    Some(Bytes::copy_from_slice(frame))
}
