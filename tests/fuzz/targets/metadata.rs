//! The records of `__cluster_metadata`, as another controller or a broken disk may have left them.

use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use forebay::config::ServeArguments;
use forebay::log::storage::{DirectoryIndex, StorageOutbox, StorageOwner};
use forebay::metadata::{
    ControllerRequest, ControllerResponse, MetadataEvent, MetadataImage, MetadataLogSettings,
    MetadataNode, NodeSettings, RequestToken,
};
use forebay::protocol::messages::CreateTopicsRequest;
use forebay::protocol::messages::create_topics_request::CreatableTopic;
use forebay::protocol::record_batch::{Batches, RecordBatchBuilder};
use forebay::quorum::Membership;
use forebay::stdx::{Instant, Now, Random};

use super::memory_disk::MemoryDisk;

const NOW: Now = Now {
    instant: Instant::from_nanos(0),
    wall_ms: 1_700_000_000_000,
};

const LOG: &str = "__cluster_metadata-0/00000000000000000000.log";

/// Turns that one cause may lead to.
const TURNS_MAX: usize = 10_000;

/// `bytes` are the values of the records behind those of a new cluster: the length of each, two
/// bytes, and the value. A length with the highest bit begins a new batch.
pub fn check(bytes: &[u8]) {
    let mut disk = new_cluster();
    if !append(&mut disk, bytes) {
        return;
    }
    let mut node = Node::start(disk);
    let Some(before) = node.image.clone() else {
        assert!(node.is_halted, "who does not serve says why");
        return;
    };
    let created = node.create_topic();
    // What was answered is there after a crash.
    let disk = std::mem::take(&mut node.disk);
    let after = Node::start(disk);
    let image = after
        .image
        .expect("what a node wrote and read can be read again");
    assert_eq!(image.cluster_id, before.cluster_id);
    let names = before
        .topic_ids
        .keys()
        .all(|name| image.topic(name).is_some());
    assert!(names, "no topic is lost");
    assert!(!created || image.topic(TOPIC).is_some());
}

const TOPIC: &str = "made-by-fuzzing";

/// The disk of a node that formatted it and was killed.
fn new_cluster() -> MemoryDisk {
    static FILES: OnceLock<MemoryDisk> = OnceLock::new();
    let made = FILES.get_or_init(|| {
        let node = Node::start(MemoryDisk::default());
        assert!(node.image.is_some(), "a node starts on an empty disk");
        node.disk
    });
    let mut disk = MemoryDisk::default();
    disk.files.clone_from(&made.files);
    disk.folders.clone_from(&made.folders);
    disk
}

/// Put batches of these values behind the metadata log; false if there are none.
fn append(disk: &mut MemoryDisk, mut rest: &[u8]) -> bool {
    let log = disk.files.get_mut(LOG).expect("a cluster has a log");
    let mut whole = Batches::new(Bytes::copy_from_slice(log));
    let (mut end, mut next_offset, mut epoch) = (0, 0, 0);
    while let Ok(Some(batch)) = whole.next_whole() {
        end += batch.size_bytes();
        next_offset = batch.next_offset();
        epoch = batch.leader_epoch().expect("a leader wrote it");
    }
    log.truncate(end);
    let mut batches: Vec<Vec<&[u8]>> = Vec::new();
    while let Some((length, after)) = rest.split_first_chunk() {
        let length = u16::from_be_bytes(*length);
        let begins = batches.is_empty() || length & 0x8000 != 0;
        let (value, after) = after.split_at(usize::from(length & 0x7fff).min(after.len()));
        rest = after;
        if begins {
            batches.push(Vec::new());
        }
        batches.last_mut().expect("there is one").push(value);
    }
    for values in &batches {
        let mut builder = RecordBatchBuilder::new();
        for value in values {
            builder.append(NOW.wall_ms, None, Some(value), &[]);
        }
        let mut batch = builder.finish();
        batch.stamp(next_offset, epoch);
        next_offset = batch.next_offset();
        log.extend_from_slice(&batch.to_bytes());
    }
    !batches.is_empty()
}

struct Node {
    node: MetadataNode,
    disk: MemoryDisk,
    outbox: StorageOutbox,
    image: Option<Arc<MetadataImage>>,
    answer: Option<ControllerResponse>,
    is_halted: bool,
}

impl Node {
    fn start(disk: MemoryDisk) -> Self {
        let arguments = ServeArguments {
            data_dir: Some("/data".to_owned()),
            ..ServeArguments::default()
        };
        let startup = arguments.resolve(None, "host").expect("good settings");
        let owner = |slot| StorageOwner {
            slot,
            incarnation: 0,
        };
        let settings = NodeSettings {
            log: MetadataLogSettings::new(&startup.config),
            settings: startup.settings,
            config: startup.config,
            metadata_directory: DirectoryIndex(0),
            cluster_id: None,
            membership: Membership::default(),
            files_owner: owner(1),
            log_owner: owner(2),
            random: Random::from_seed(1),
        };
        let mut node = Self {
            node: MetadataNode::new(settings),
            disk,
            outbox: StorageOutbox::default(),
            image: None,
            answer: None,
            is_halted: false,
        };
        node.node.start(NOW, &mut node.outbox);
        node.settle();
        node
    }

    /// Turns, until nothing is left to do.
    fn settle(&mut self) {
        for _ in 0..TURNS_MAX {
            self.node.flush(NOW, &mut self.outbox);
            while let Some(event) = self.node.next_event() {
                match event {
                    MetadataEvent::Published { image, .. } => self.image = Some(image),
                    MetadataEvent::Answer { response, .. } => self.answer = Some(response),
                    MetadataEvent::Halt(_) => self.is_halted = true,
                    MetadataEvent::DirectoriesOpened { .. }
                    | MetadataEvent::Unfenced
                    | MetadataEvent::MayStop
                    | MetadataEvent::QuorumAnswer { .. }
                    | MetadataEvent::Closed => {}
                }
            }
            let mut done = Vec::new();
            while let Some((ticket, request)) = self.outbox.next_request() {
                done.push((ticket, self.disk.perform(request)));
            }
            if done.is_empty() {
                return;
            }
            for (ticket, result) in done {
                self.node.on_storage(NOW, ticket, result, &mut self.outbox);
            }
        }
        panic!("the node goes round in circles");
    }

    /// Create a topic; true if it was made.
    fn create_topic(&mut self) -> bool {
        let request = ControllerRequest::CreateTopics(CreateTopicsRequest {
            topics: vec![CreatableTopic {
                name: TOPIC.to_owned(),
                num_partitions: 1,
                replication_factor: 1,
                ..CreatableTopic::default()
            }],
            ..CreateTopicsRequest::default()
        });
        self.node.on_request(NOW, RequestToken(1), &request);
        self.settle();
        match &self.answer {
            Some(ControllerResponse::CreateTopics(response)) => response.topics[0].error_code == 0,
            other => panic!("a request is answered with {other:?}"),
        }
    }
}
