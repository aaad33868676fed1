//! One shard that is not the controller's, on a disk in memory, told by messages what to do.

mod cleaning;
mod following;
mod opening;
mod peers;
mod returning;
mod roles;
mod stopping;
mod truncating;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use crate::config::{ServeArguments, Startup};
use crate::log::storage::{FolderEntry, StorageOutbox};
use crate::log::tests::disk::Disk;
use crate::log::validation::ValidatedBatch;
use crate::log::{AppendOrigin, Log};
use crate::metadata::{
    BrokerRegistration, MetadataDelta, MetadataImage, OpenDirectory, PartitionRegistration,
    TopicImage,
};
use crate::model::{BrokerId, ErrorCode, Offset, ShardId, TopicIdPartition, Uuid};
use crate::protocol::record_batch::RecordBatchBuilder;
use crate::stdx::{Instant, Now, Random, new_map};

use super::files::DirectoryContents;
use super::message::{Message, MetadataUpdate};
use super::partition::PartitionState;
use super::placement::{place, shard_of};
use super::task::{AppendTask, FetchPart, FetchTask, FetchedPart, Reader, Reply, RequestId, Task};
use super::waiting::Acks;
use super::{Effect, Effects, Event, Shard, ShardSettings};

const CONTROLLER: ShardId = ShardId(0);
const HERE: ShardId = ShardId(1);
const DIRECTORY: Uuid = Uuid::from_bytes([7; 16]);
const OTHER_DIRECTORY: Uuid = Uuid::from_bytes([8; 16]);
const TOPIC: Uuid = Uuid::from_bytes([9; 16]);

const LED: Registered<'static> = Registered {
    leader: 1,
    leader_epoch: 3,
    partition_epoch: 5,
    isr: &[1, 2],
    replicas: &[1, 2, 3],
};

const FOLLOWED: Registered<'static> = Registered {
    leader: 2,
    leader_epoch: 4,
    partition_epoch: 6,
    isr: &[1, 2],
    replicas: &[1, 2, 3],
};

const REPLICA: Reader = Reader::Replica {
    id: 2,
    broker_epoch: Some(100),
};

const CONSUMER: Reader = Reader::Consumer {
    may_ask_followers: true,
};

/// What a test chooses of a partition's registration.
#[derive(Clone, Copy)]
pub struct Registered<'a> {
    leader: BrokerId,
    leader_epoch: i32,
    partition_epoch: i32,
    isr: &'a [BrokerId],
    replicas: &'a [BrokerId],
}

/// A shard of broker 1, which has replicas of one partition together with brokers 2 and 3.
pub struct Bench {
    shard: Shard,
    effects: Effects,
    disk: Disk,
    random: Random,
    now: Now,
    image: MetadataImage,
    id: TopicIdPartition,
    next_request: u64,
    replies: BTreeMap<RequestId, Reply>,
    posted: Vec<Message>,
    /// What was to be done with connections.
    network: Vec<Effect>,
    /// Where the logs of followers start.
    replica_start: Offset,
    /// The rack that fetches tell.
    reader_rack: Option<&'static str>,
    /// Requests to the disk wait.
    is_disk_slow: bool,
    /// The broker began after a clean stop.
    is_clean: bool,
    /// The shard has its runtime take connections.
    is_accepting: bool,
    /// The time of the next record.
    record_time: i64,
    /// Its key.
    record_key: Option<&'static [u8]>,
    set: Vec<(String, String)>,
}

fn settings(set: Vec<(String, String)>) -> ShardSettings {
    let arguments = ServeArguments {
        set,
        ..ServeArguments::default()
    };
    let Startup {
        settings, config, ..
    } = arguments.resolve(None, "host").unwrap();
    ShardSettings {
        id: HERE,
        shards_count: 2,
        config: Arc::new(config),
        settings,
        log_levels: Arc::default(),
        random: Random::from_seed(1),
        memory_bytes: 16 << 20,
        journal_bytes_max: 0,
        checkpoint_every_bytes: 1 << 20,
        // As few as a log ever needs at a time.
        open_files_max: 2,
        sync_methods: Vec::new(),
        listeners: Vec::new(),
    }
}

fn broker(id: BrokerId) -> BrokerRegistration {
    BrokerRegistration {
        id,
        epoch: 100,
        incarnation_id: Uuid::default(),
        endpoints: Vec::new(),
        features: Vec::new(),
        rack: Some(format!("rack-{id}")),
        fenced: false,
        in_controlled_shutdown: false,
        directories: vec![DIRECTORY],
        cordoned_directories: Vec::new(),
    }
}

/// A log directory with nothing in it.
fn no_contents() -> DirectoryContents {
    DirectoryContents {
        entries: new_map(),
        checkpoint: super::DirectoryCheckpoint::default(),
        journals: super::journaling::InheritedJournals::default(),
        checkpoints: super::resuming::InheritedCheckpoints::default(),
    }
}

impl Bench {
    /// A shard that serves, with `registered` and these settings of the broker.
    pub fn new(registered: Registered<'_>, set: &[(&str, &str)]) -> Self {
        let id = (0..2).map(|index| place(TOPIC, index));
        let id = { id }.find(|id| shard_of(*id, 2) == HERE).unwrap();
        let mut image = MetadataImage::default();
        for node in 1..=3 {
            image.brokers.insert(node, Arc::new(broker(node)));
        }
        let set = set.iter();
        let set = set.map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let set: Vec<(String, String)> = set.collect();
        let mut bench = Self {
            shard: Shard::new(settings(set.clone())),
            effects: Effects::default(),
            disk: Disk::default(),
            random: Random::from_seed(2),
            now: Now {
                instant: Instant::from_nanos(1_000_000_000),
                wall_ms: 1_000_000,
            },
            image,
            id,
            next_request: 0,
            replies: BTreeMap::new(),
            posted: Vec::new(),
            network: Vec::new(),
            replica_start: 0,
            reader_rack: None,
            is_disk_slow: false,
            is_clean: true,
            is_accepting: true,
            record_time: 1,
            record_key: None,
            set,
        };
        bench.start(registered);
        bench
    }

    fn start(&mut self, registered: Registered<'_>) {
        self.start_until_opened(registered);
        self.tell(Message::Serve);
    }

    /// Start, until the partition is open; others have yet to open theirs.
    fn start_until_opened(&mut self, registered: Registered<'_>) {
        self.shard
            .on_event(self.now, Event::Started, &mut self.effects);
        self.register(registered);
        let mut contents = vec![self.read_directory()];
        contents.resize_with(self.directories_count(), no_contents);
        self.tell(Message::DirectoriesRead(Arc::from(contents)));
        self.tell(Message::ClaimsAnswered(vec![(self.id, true)]));
    }

    fn directories_count(&self) -> usize {
        self.shard.settings.config.log_dirs.len()
    }

    /// What shard 0 tells of the first log directory.
    fn read_directory(&self) -> DirectoryContents {
        let mut contents = no_contents();
        for name in self.disk.folders().cloned() {
            let entry = FolderEntry {
                name: name.clone(),
                is_folder: true,
                length: 0,
                modified_ms: 0,
            };
            contents.entries.insert(name, entry);
        }
        for (path, file) in &self.disk.files {
            let file = Bytes::copy_from_slice(file);
            let (name, is_folder) = match path.split_once('/') {
                Some((folder, _)) => (folder.to_owned(), true),
                None => (path.clone(), false),
            };
            if super::journaling::is_journal(&name) {
                contents.journals.add_file(name, file);
            } else if super::resuming::is_checkpoint(&name) {
                contents.checkpoints.add_file(name, file);
            } else {
                let entry = FolderEntry {
                    name: name.clone(),
                    is_folder,
                    length: 0,
                    modified_ms: 0,
                };
                contents.entries.insert(name, entry);
            }
        }
        contents.journals.replay(DIRECTORY).unwrap();
        contents.checkpoints.decode(DIRECTORY).unwrap();
        contents
    }

    /// The power goes, and the broker starts again.
    pub fn crash(&mut self, registered: Registered<'_>) {
        self.begin_crash();
        self.start(registered);
    }

    fn begin_crash(&mut self) {
        self.disk.crash(&mut self.random);
        self.effects = Effects::default();
        self.shard = Shard::new(settings(self.set.clone()));
        self.replies.clear();
        self.posted.clear();
        self.network.clear();
        self.is_disk_slow = false;
        self.is_clean = false;
    }

    /// Shard 0 removes the journals of the last life, if they are not needed any more.
    pub fn remove_journals(&mut self, inherited: &[String]) {
        let is_over = |message: &Message| matches!(message, Message::JournalsWrittenBack);
        if !self.posted.iter().any(is_over) {
            return;
        }
        for name in inherited {
            self.disk.files.remove(name);
        }
        self.tell(Message::JournalsRemoved);
    }

    /// Where the partition is in its life.
    pub fn state(&self) -> PartitionState {
        self.shard.partitions.find(self.id).unwrap().state
    }

    /// The journals that lie on the disk.
    pub fn journals(&self) -> Vec<String> {
        let names = self.disk.files.keys();
        let journals = names.filter(|name| super::journaling::is_journal(name));
        journals.cloned().collect()
    }

    /// The log of the partition.
    pub fn log(&self) -> &Log {
        &self.shard.partitions.find(self.id).unwrap().log
    }

    /// One completion of the disk, and the turn that it is in; false if nothing is under way.
    pub fn step(&mut self) -> bool {
        self.shard
            .on_event(self.now, Event::TurnEnded, &mut self.effects);
        self.perform_effects();
        let completed = self.disk.complete(&mut self.random);
        let Some((ticket, result)) = completed else {
            return false;
        };
        let event = Event::StorageFinished { ticket, result };
        self.shard.on_event(self.now, event, &mut self.effects);
        true
    }

    fn tell(&mut self, message: Message) {
        let from = CONTROLLER;
        let event = Event::MessageArrived { from, message };
        self.shard.on_event(self.now, event, &mut self.effects);
        self.settle();
    }

    /// Turns, until there is nothing more to do.
    fn settle(&mut self) {
        loop {
            self.shard
                .on_event(self.now, Event::TurnEnded, &mut self.effects);
            self.perform_effects();
            if self.is_disk_slow {
                return;
            }
            let Some((ticket, result)) = self.disk.complete(&mut self.random) else {
                return;
            };
            let event = Event::StorageFinished { ticket, result };
            self.shard.on_event(self.now, event, &mut self.effects);
        }
    }

    fn perform_effects(&mut self) {
        let mut outbox = StorageOutbox::default();
        while let Some(effect) = self.effects.next_effect() {
            match effect {
                Effect::Storage { ticket, request } => outbox.submit(ticket, request),
                Effect::Post {
                    message: Message::Replies { replies },
                    ..
                } => {
                    for (request, _, reply) in replies {
                        assert!(self.replies.insert(request, reply).is_none());
                    }
                }
                Effect::Post { message, .. } => self.posted.push(message),
                Effect::StopAccepting => self.is_accepting = false,
                effect
                @ (Effect::Dial { .. } | Effect::Send { .. } | Effect::Disconnect { .. }) => {
                    self.network.push(effect)
                }
                _ => {}
            }
        }
        self.disk.take(&mut outbox);
    }

    /// The disk goes on.
    pub fn sync(&mut self) {
        self.is_disk_slow = false;
        self.settle();
    }

    pub fn wait(&mut self, duration: Duration) {
        self.now.instant = self.now.instant + duration;
        self.shard
            .on_event(self.now, Event::DeadlineReached, &mut self.effects);
        self.settle();
    }

    /// The cluster image says this of the partition from now on.
    pub fn register(&mut self, registered: Registered<'_>) {
        let replicas = registered.replicas.to_vec();
        let registration = PartitionRegistration {
            directories: vec![DIRECTORY; replicas.len()],
            replicas,
            isr: registered.isr.to_vec(),
            leader: Some(registered.leader).filter(|leader| *leader >= 0),
            leader_epoch: registered.leader_epoch,
            partition_epoch: registered.partition_epoch,
            ..PartitionRegistration::default()
        };
        let name: Arc<str> = Arc::from("topic");
        let mut topic = TopicImage {
            name: name.clone(),
            id: TOPIC,
            partitions: Default::default(),
        };
        let index = self.id.partition;
        topic.partitions.insert(index, Arc::new(registration));
        self.image.topics.insert(TOPIC, Arc::new(topic));
        self.image.topic_ids.insert(name, TOPIC);
        let delta = MetadataDelta {
            partitions_changed: [(TOPIC, index)].into_iter().collect(),
            ..MetadataDelta::default()
        };
        self.publish(delta);
    }

    /// A broker is not fenced, in this registration, or is.
    pub fn register_broker(&mut self, id: BrokerId, epoch: i64, fenced: bool) {
        let registration = BrokerRegistration {
            epoch,
            fenced,
            ..broker(id)
        };
        self.image.brokers.insert(id, Arc::new(registration));
        let delta = MetadataDelta {
            brokers_changed: [id].into_iter().collect(),
            ..MetadataDelta::default()
        };
        self.publish(delta);
    }

    fn publish(&mut self, delta: MetadataDelta) {
        self.image.end_offset += 1;
        let directory = |id| OpenDirectory {
            id,
            is_clean: self.is_clean,
            is_offline: false,
        };
        let directories = [DIRECTORY, OTHER_DIRECTORY].map(directory);
        let directories = &directories[..self.directories_count()];
        self.tell(Message::MetadataPublished(MetadataUpdate {
            image: Arc::new(self.image.clone()),
            delta: Arc::new(delta),
            directories: Arc::from(directories),
        }));
    }

    /// Ask for something; the number of the request.
    pub fn ask(&mut self, task: Task) -> RequestId {
        self.next_request += 1;
        let request = RequestId(self.next_request);
        self.tell(Message::Tasks {
            request,
            image_end_offset: self.image.end_offset,
            tasks: vec![(0, task)],
        });
        request
    }

    pub fn reply(&mut self, request: RequestId) -> Option<Reply> {
        self.replies.remove(&request)
    }

    /// One record, to be told within ten seconds that it is safe.
    pub fn produce(&mut self, acks: Acks) -> RequestId {
        let mut builder = RecordBatchBuilder::new();
        builder.append(self.record_time, self.record_key, Some(b"value"), &[]);
        let batch = ValidatedBatch {
            batch: builder.finish(),
            decompressed_bytes: 0,
            records_count: 1,
            max_timestamp: Some(self.record_time),
            max_timestamp_offset_delta: Some(0),
            log_append_time: None,
        };
        let deadline = self.now.instant + Duration::from_secs(10);
        let partition = self.id;
        self.ask(Task::Append(Box::new(AppendTask {
            partition,
            batch,
            origin: AppendOrigin::Client,
            acks,
            deadline,
        })))
    }

    /// What became of it: the offset, or why not; `None` while it waits.
    pub fn produced(&mut self, request: RequestId) -> Option<Result<Offset, ErrorCode>> {
        match self.reply(request)? {
            Reply::Appended(Ok(reply)) => Some(Ok(reply.base_offset)),
            Reply::Appended(Err(refused)) => Some(Err(refused.error)),
            reply => panic!("{reply:?} is no answer to an append"),
        }
    }

    /// A fetch that waits for half a second.
    pub fn fetch(&mut self, reader: Reader, offset: Offset, epochs: [Option<i32>; 2]) -> RequestId {
        let deadline = self.now.instant + Duration::from_millis(500);
        let part = FetchPart {
            place: 0,
            partition: self.id,
            offset,
            bytes_max: 1 << 20,
            leader_epoch: epochs[0],
            last_fetched_epoch: epochs[1],
            log_start_offset: self.replica_start,
        };
        self.ask(Task::Fetch(Box::new(FetchTask {
            parts: vec![part],
            bytes_min: 1,
            bytes_max: 1 << 20,
            deadline,
            is_committed_only: false,
            reader,
            rack: self.reader_rack.map(Arc::from),
        })))
    }

    pub fn fetched(&mut self, request: RequestId) -> Option<FetchedPart> {
        match self.reply(request)? {
            Reply::Fetched(mut parts) => parts.pop(),
            reply => panic!("{reply:?} is no answer to a fetch"),
        }
    }

    /// The in-sync sets that were proposed.
    pub fn proposals(&mut self) -> Vec<Vec<BrokerId>> {
        let proposed = self.posted.drain(..).filter_map(|message| match message {
            Message::ProposeIsr(proposed) => Some(proposed),
            _ => None,
        });
        let isr = proposed.flatten().map(|one| one.proposal.isr);
        isr.map(|isr| isr.into_iter().map(|(id, _)| id).collect())
            .collect()
    }
}
