//! A node on a disk that crashes.

mod brokers;
mod combined;
mod directories;
mod disk;
mod founding;
mod full_disk;
mod observers;
mod too_large;
mod unseated;

use super::*;
use crate::config::{ServeArguments, Startup};
use crate::log::storage::{DirectoryIndex, StorageOwner, StoragePath};
use crate::metadata::PartitionRegistration;
use crate::model::ErrorCode;
use crate::protocol::messages::create_topics_request::{CreatableTopic, CreatableTopicConfig};
use crate::protocol::messages::delete_topics_request::DeleteTopicState;
use crate::protocol::messages::incremental_alter_configs_request::{
    AlterConfigsResource, AlterableConfig,
};
use crate::protocol::messages::{
    CreateAclsRequest, CreateTopicsRequest, DeleteTopicsRequest, IncrementalAlterConfigsRequest,
};
use crate::quorum::Membership;
use crate::stdx::Random;
use disk::Disk;

/// A node, its disk, and what it said.
struct World {
    node: MetadataNode,
    disk: Disk,
    outbox: StorageOutbox,
    time_ms: i64,
    image: Arc<MetadataImage>,
    deltas: Vec<Arc<MetadataDelta>>,
    answers: Vec<(RequestToken, ControllerResponse)>,
    quorum_answers: Vec<QuorumResponse>,
    opened: Vec<OpenDirectory>,
    halted: Option<HaltCause>,
    is_closed: bool,
    /// The disk stops working after this many requests, as in a crash.
    crashes_after: Option<usize>,
}

fn settings(directories: usize, seed: u64, log: MetadataLogSettings) -> NodeSettings {
    let Startup {
        settings,
        mut config,
        ..
    } = ServeArguments::default().resolve(None, "host").unwrap();
    config.log_dirs = (0..directories)
        .map(|index| format!("/data/{index}"))
        .collect();
    let owner = |slot| StorageOwner {
        slot,
        incarnation: 0,
    };
    NodeSettings {
        settings,
        config,
        metadata_directory: DirectoryIndex(0),
        cluster_id: None,
        log,
        membership: Membership::default(),
        files_owner: owner(1),
        log_owner: owner(2),
        random: Random::from_seed(seed),
    }
}

/// Snapshots after a few records, so that they happen in a test.
fn small_log() -> MetadataLogSettings {
    let startup = ServeArguments::default().resolve(None, "host").unwrap();
    MetadataLogSettings {
        snapshot_bytes: 1500,
        segment_bytes: 4096,
        retention_bytes: Some(6000),
        ..MetadataLogSettings::new(&startup.config)
    }
}

impl World {
    fn new(disk: Disk, settings: NodeSettings, crashes_after: Option<usize>) -> Self {
        let mut world = Self {
            node: MetadataNode::new(settings),
            disk,
            outbox: StorageOutbox::default(),
            time_ms: 1_000_000,
            image: Arc::default(),
            deltas: Vec::new(),
            answers: Vec::new(),
            quorum_answers: Vec::new(),
            opened: Vec::new(),
            halted: None,
            is_closed: false,
            crashes_after,
        };
        world.disk.performed = 0;
        let now = world.now();
        world.node.start(now, &mut world.outbox);
        world.run();
        world
    }

    fn start(disk: Disk, seed: u64) -> Self {
        Self::new(disk, settings(2, seed, small_log()), None)
    }

    fn now(&mut self) -> Now {
        self.time_ms += 1;
        Now {
            instant: Instant::from_nanos(u64::try_from(self.time_ms).unwrap() * 1_000_000),
            wall_ms: self.time_ms,
        }
    }

    fn has_crashed(&self) -> bool {
        self.crashes_after
            .is_some_and(|after| self.disk.performed >= after)
    }

    fn run(&mut self) {
        loop {
            let now = self.now();
            self.node.flush(now, &mut self.outbox);
            self.take_events();
            let mut done = Vec::new();
            while let Some((ticket, request)) = self.outbox.next_request() {
                if self.has_crashed() {
                    return;
                }
                done.push((ticket, self.disk.perform(request)));
            }
            if done.is_empty() {
                return;
            }
            for (ticket, result) in done {
                let now = self.now();
                self.node.on_storage(now, ticket, result, &mut self.outbox);
            }
        }
    }

    fn take_events(&mut self) {
        while let Some(event) = self.node.next_event() {
            match event {
                MetadataEvent::DirectoriesOpened { directories, .. } => self.opened = directories,
                MetadataEvent::Published { image, delta, .. } => {
                    assert!(
                        image.end_offset > self.image.end_offset,
                        "images go forward"
                    );
                    self.image = image;
                    self.deltas.push(delta);
                }
                MetadataEvent::Answer { token, response } => self.answers.push((token, response)),
                MetadataEvent::QuorumAnswer { response, .. } => {
                    self.quorum_answers.push(*response);
                }
                MetadataEvent::Unfenced | MetadataEvent::MayStop => {}
                MetadataEvent::Halt(cause) => self.halted = Some(cause),
                MetadataEvent::Closed => self.is_closed = true,
            }
        }
    }

    /// Ask; `None` if the crash came before the answer.
    fn ask(&mut self, request: &ControllerRequest) -> Option<ControllerResponse> {
        let now = self.now();
        self.node.on_request(now, RequestToken(1), request);
        self.run();
        self.answers.pop().map(|(_, response)| response)
    }

    /// Create a topic; true if it was acknowledged.
    fn create(&mut self, name: &str) -> bool {
        match self.ask(&create(name)) {
            Some(ControllerResponse::CreateTopics(response)) => response.topics[0].error_code == 0,
            _ => false,
        }
    }

    fn close(mut self) -> Self {
        let now = self.now();
        self.node.close(now);
        self.run();
        self
    }

    fn refusal(&self) -> &str {
        match &self.halted {
            Some(HaltCause::UnusableData(text) | HaltCause::StorageFailed(text)) => text,
            None => panic!("the node goes on"),
        }
    }
}

fn create(name: &str) -> ControllerRequest {
    let topic = CreatableTopic {
        name: name.to_owned(),
        num_partitions: 3,
        replication_factor: 1,
        configs: vec![CreatableTopicConfig {
            name: "retention.ms".to_owned(),
            value: Some("5000".to_owned()),
            ..CreatableTopicConfig::default()
        }],
        ..CreatableTopic::default()
    };
    ControllerRequest::CreateTopics(CreateTopicsRequest {
        topics: vec![topic],
        ..CreateTopicsRequest::default()
    })
}

fn delete(name: &str) -> ControllerRequest {
    let topic = DeleteTopicState {
        name: Some(name.to_owned()),
        ..DeleteTopicState::default()
    };
    ControllerRequest::DeleteTopics {
        request: DeleteTopicsRequest {
            topics: vec![topic],
            ..DeleteTopicsRequest::default()
        },
        version: 6,
    }
}

fn path(directory: u16, relative: &str) -> StoragePath {
    StoragePath::new(DirectoryIndex(directory), relative)
}

fn partition_of(image: &MetadataImage, name: &str) -> PartitionRegistration {
    let topic = image.topic(name).unwrap();
    topic.partitions.get(&0).unwrap().as_ref().clone()
}

#[test]
fn an_empty_disk_becomes_a_cluster() {
    let world = World::start(Disk::default(), 1);
    assert_eq!(world.halted, None);
    let image = &world.image;
    assert_eq!(image.metadata_version(), Some(30));
    let broker = image.brokers.get(&1).unwrap();
    assert!(!broker.fenced);
    let ids: Vec<Uuid> = world.opened.iter().map(|directory| directory.id).collect();
    assert_eq!(broker.directories, ids);
    assert_eq!(
        image.finalized_features(),
        [("kraft.version", 1), ("metadata.version", 30)]
    );
    assert_eq!(world.deltas.len(), 1);
    assert!(world.deltas[0].brokers_changed.contains(&1));
}

#[test]
fn requests_of_one_turn_are_one_commit_and_see_each_other() {
    let mut world = World::start(Disk::default(), 1);
    let before = world.disk.performed;
    let (published, now) = (world.deltas.len(), world.now());
    for (number, name) in ["a", "b", "a"].into_iter().enumerate() {
        let token = RequestToken(number as u64);
        world.node.on_request(now, token, &create(name));
    }
    world.node.on_request(now, RequestToken(3), &delete("b"));
    assert!(world.answers.is_empty());
    world.run();
    assert_eq!(world.deltas.len(), published + 1);
    assert!(
        world.disk.performed - before <= 3,
        "one write, and a snapshot"
    );
    let codes: Vec<i16> = world
        .answers
        .iter()
        .map(|(_, response)| match response {
            ControllerResponse::CreateTopics(response) => response.topics[0].error_code,
            ControllerResponse::DeleteTopics(response) => response.responses[0].error_code,
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(codes, [0, 0, ErrorCode::TopicAlreadyExists as i16, 0]);
    let delta = world.deltas.last().unwrap();
    assert_eq!(delta.topics_created.len(), 1, "b came and went");
    assert!(delta.topics_removed.is_empty());
}

#[test]
fn nothing_is_answered_or_published_before_it_is_on_the_disk() {
    let mut world = World::start(Disk::default(), 1);
    let published = world.deltas.len();
    world.crashes_after = Some(world.disk.performed);
    assert_eq!(world.ask(&create("t")).map(|_| ()), None);
    assert_eq!(world.deltas.len(), published);
    world.disk.crash();
    let world = World::start(world.disk, 2);
    assert!(world.image.topic("t").is_none());
}

/// What a client did and was told, to be found after the crash.
fn scenario(world: &mut World) -> Vec<(String, bool)> {
    let mut acknowledged = Vec::new();
    for round in 0..6 {
        let name = format!("topic-{round}");
        if world.create(&name) {
            acknowledged.push((name, true));
        }
        if round % 3 == 2 {
            let gone = format!("topic-{}", round - 1);
            if world.ask(&delete(&gone)).is_some() {
                acknowledged.push((gone, false));
            } else {
                // It may have happened.
                acknowledged.retain(|(name, _)| *name != gone);
            }
        }
    }
    acknowledged
}

#[test]
fn a_crash_at_any_step_loses_nothing_that_was_acknowledged() {
    let mut whole = World::start(Disk::default(), 1);
    let first_steps = whole.disk.performed;
    scenario(&mut whole);
    let steps = whole.disk.performed;
    assert!(steps > first_steps + 8, "{first_steps} to {steps}");
    for crash in 0..=steps {
        let settings = settings(2, 1, small_log());
        let mut world = World::new(Disk::default(), settings, Some(crash));
        let acknowledged = scenario(&mut world);
        let epoch_before = world.node.leader_epoch();
        let cluster_before = world.image.cluster_id.clone();
        let seen = Arc::clone(&world.image);
        world.disk.crash();
        let mut world = World::start(world.disk, 2);
        assert_eq!(world.halted, None, "crash after {crash} of {steps}");
        assert!(world.node.leader_epoch() > epoch_before || world.node.leader_epoch() == 1);
        if !cluster_before.is_empty() {
            assert_eq!(world.image.cluster_id, cluster_before);
        }
        for (name, exists) in &acknowledged {
            let is_last = acknowledged.iter().rev().find(|(other, _)| other == name);
            if is_last == Some(&(name.clone(), *exists)) {
                let found = world.image.topic(name).is_some();
                assert_eq!(found, *exists, "{name}, crash after {crash} of {steps}");
            }
        }
        for topic in world.image.topics.values() {
            for (index, partition) in topic.partitions.iter() {
                assert_eq!(partition.leader, Some(1));
                let old = seen.partition(topic.id, *index);
                assert!(old.is_none_or(|old| old.leader_epoch < partition.leader_epoch));
            }
        }
        assert!(world.create("after"), "it goes on");
        let world = world.close();
        assert!(world.is_closed, "crash after {crash} of {steps}");
    }
}

#[test]
fn a_disk_that_fails_at_any_step_halts_the_node_or_was_not_needed() {
    let mut whole = World::start(Disk::default(), 1);
    scenario(&mut whole);
    for fails_from in 0..whole.disk.performed {
        let mut disk = Disk::default();
        disk.fails_from = Some(fails_from);
        let mut world = World::start(disk, 1);
        scenario(&mut world);
        assert!(
            matches!(world.halted, Some(HaltCause::StorageFailed(_))),
            "{fails_from}: {:?}",
            world.halted
        );
    }
}

#[test]
fn snapshots_bound_the_log_and_give_the_same_image() {
    let mut world = World::start(Disk::default(), 1);
    for round in 0..60 {
        assert!(world.create(&format!("topic-{round}")));
        if round >= 3 {
            world.ask(&delete(&format!("topic-{}", round - 3))).unwrap();
        }
    }
    let names = |disk: &Disk, suffix: &str| {
        let paths = disk.paths().into_iter();
        let inside = paths.filter(|path| path.relative.starts_with(crate::quorum::METADATA_FOLDER));
        let mut names: Vec<String> = inside.map(|path| path.relative.to_string()).collect();
        names.retain(|name| name.ends_with(suffix));
        names
    };
    let snapshots = names(&world.disk, ".checkpoint");
    assert!((1..6).contains(&snapshots.len()), "{snapshots:?}");
    assert!(
        !snapshots[0].contains("/00000000000000000000-"),
        "{snapshots:?}"
    );
    let segments = names(&world.disk, ".log");
    assert!(
        !segments[0].contains("/00000000000000000000."),
        "{segments:?}"
    );
    let before = Arc::clone(&world.image);
    world.disk.crash();
    let mut world = World::start(world.disk, 2);
    assert_eq!(world.halted, None);
    let names_of =
        |image: &MetadataImage| -> Vec<Arc<str>> { image.topic_ids.keys().cloned().collect() };
    assert_eq!(names_of(&world.image), names_of(&before));
    assert_eq!(world.image.configs, before.configs);
    assert!(world.create("after"));
}

#[test]
fn a_snapshot_that_is_not_whole_is_passed_over() {
    let mut log = small_log();
    log.retention_bytes = None;
    let mut world = World::new(Disk::default(), settings(1, 1, log.clone()), None);
    for round in 0..10 {
        assert!(world.create(&format!("topic-{round}")));
    }
    let is_snapshot = |path: &&StoragePath| path.relative.ends_with(".checkpoint");
    let newest = world
        .disk
        .paths()
        .iter()
        .filter(is_snapshot)
        .max()
        .cloned()
        .unwrap();
    let newest = if newest.relative.starts_with("bootstrap") {
        let paths = world.disk.paths();
        let inside = |path: &&StoragePath| path.relative.contains('/') && is_snapshot(path);
        paths.iter().filter(inside).max().cloned().unwrap()
    } else {
        newest
    };
    let mut contents = world.disk.file(&newest).unwrap().to_vec();
    let middle = contents.len() / 2;
    contents[middle] ^= 1;
    world.disk.set_file(&newest, Some(&contents));
    world.disk.crash();
    let world = World::new(world.disk, settings(1, 2, log), None);
    assert_eq!(world.halted, None);
    assert_eq!(world.image.topics.len(), 10);
}

#[test]
fn a_stop_waits_for_a_snapshot_that_is_being_written() {
    let mut world = World::start(Disk::default(), 1);
    for round in 0..8 {
        let now = world.now();
        world
            .node
            .on_request(now, RequestToken(1), &create(&format!("topic-{round}")));
        world.node.flush(now, &mut world.outbox);
        world.take_events();
        let mut snapshot = None;
        let mut done = Vec::new();
        while let Some((ticket, request)) = world.outbox.next_request() {
            match &request {
                StorageRequest::ReplaceFile { path, .. } if path.relative.contains("-00000") => {
                    snapshot = Some((ticket, request));
                }
                _ => done.push((ticket, world.disk.perform(request))),
            }
        }
        for (ticket, result) in done {
            let now = world.now();
            world
                .node
                .on_storage(now, ticket, result, &mut world.outbox);
        }
        let Some((ticket, request)) = snapshot else {
            world.run();
            continue;
        };
        world = world.close();
        assert!(!world.is_closed, "the snapshot is not on the disk yet");
        let (result, now) = (world.disk.perform(request), world.now());
        world
            .node
            .on_storage(now, ticket, result, &mut world.outbox);
        world.run();
        assert!(world.is_closed);
        return;
    }
    panic!("no snapshot was written");
}

#[test]
fn settings_of_the_broker_count_at_once() {
    let mut world = World::start(Disk::default(), 1);
    let change = ControllerRequest::IncrementalAlterConfigs(IncrementalAlterConfigsRequest {
        resources: vec![AlterConfigsResource {
            resource_type: 4,
            configs: vec![AlterableConfig {
                name: "log.retention.ms".to_owned(),
                value: Some("1234".to_owned()),
                ..AlterableConfig::default()
            }],
            ..AlterConfigsResource::default()
        }],
        ..IncrementalAlterConfigsRequest::default()
    });
    let response = world.ask(&change);
    assert!(matches!(
        response,
        Some(ControllerResponse::IncrementalAlterConfigs(_))
    ));
    let mut request = create("t");
    if let ControllerRequest::CreateTopics(request) = &mut request {
        request.topics[0].configs.clear();
    }
    let Some(ControllerResponse::CreateTopics(response)) = world.ask(&request) else {
        panic!("another answer");
    };
    let configs = response.topics[0].configs.as_ref().unwrap();
    let retention = configs.iter().find(|config| config.name == "retention.ms");
    assert_eq!(retention.unwrap().value.as_deref(), Some("1234"));
}

/// The lines of a file of properties that say something, as somebody leaves them who changes them.
fn without_comments(file: &[u8]) -> String {
    let text = str::from_utf8(file).unwrap();
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines.map(|line| format!("{line}\n")).collect()
}

#[test]
fn directories_that_do_not_belong_together_are_refused_in_one_line() {
    let fresh = || World::start(Disk::default(), 1).close().disk;
    let meta = "meta.properties";
    let edit = |disk: &mut Disk, directory, from: &str, to: &str| {
        let file = disk.file(&path(directory, meta)).unwrap();
        let text = without_comments(file).replace(from, to);
        disk.set_file(&path(directory, meta), Some(text.as_bytes()));
    };
    let refused = |disk: Disk| World::start(disk, 2).refusal().to_owned();

    let mut disk = fresh();
    edit(&mut disk, 0, "node.id=1", "node.id=7");
    let line = refused(disk);
    assert!(
        line.starts_with("/data/0 belongs to node 7, but this is node 1"),
        "{line}"
    );

    let mut disk = fresh();
    edit(&mut disk, 1, "cluster.id=", "cluster.id=x");
    assert!(refused(disk).contains("/data/1 belongs to cluster x"));

    let mut disk = fresh();
    edit(&mut disk, 1, "version=1", "version=0");
    assert!(refused(disk).contains("/data/1/meta.properties has version 0"));

    let mut disk = fresh();
    let copy = disk.file(&path(0, meta)).unwrap().to_vec();
    disk.set_file(&path(1, meta), Some(&copy));
    assert!(refused(disk).contains("one is a copy of the other"));

    let mut disk = fresh();
    disk.set_file(&path(0, meta), None);
    assert!(refused(disk).contains("/data/0 has no meta.properties but is not empty"));

    let mut disk = fresh();
    for lost in disk.paths().iter().filter(|path| path.directory.0 == 0) {
        disk.set_file(lost, None);
    }
    let line = refused(disk);
    assert!(
        line.contains("/data/0, where its metadata should be, is empty"),
        "{line}"
    );
}

#[test]
fn what_is_no_data_does_not_keep_a_directory_from_being_formatted() {
    let mut disk = Disk::default();
    for name in [
        ".lock",
        ".direct-io-template.0",
        "forebay-sync-method",
        "meta.properties.tmp",
        "bootstrap.checkpoint",
        "recovery-point-offset-checkpoint",
    ] {
        disk.set_file(&path(0, name), Some(b""));
    }
    let world = World::start(disk.clone(), 1);
    assert_eq!(world.halted, None);
    disk.set_file(
        &path(0, "recovery-point-offset-checkpoint"),
        Some(b"0\n1\nt 0 7\n"),
    );
    let world = World::start(disk, 1);
    assert!(
        world
            .refusal()
            .contains("it holds recovery-point-offset-checkpoint")
    );
}

#[test]
fn the_features_to_begin_with_are_needed_once() {
    let bootstrap = path(0, "bootstrap.checkpoint");
    let mut disk = World::start(Disk::default(), 1).close().disk;
    disk.set_file(&bootstrap, Some(b"damaged"));
    assert_eq!(World::start(disk.clone(), 2).halted, None);
    for lost in disk.paths() {
        if lost.relative.contains('/') && !lost.relative.contains("/00000000000000000000-") {
            disk.set_file(&lost, None);
        }
    }
    let world = World::start(disk, 2);
    assert!(
        world
            .refusal()
            .contains("bootstrap.checkpoint cannot be used"),
        "{:?}",
        world.halted
    );
}

#[test]
fn a_new_directory_joins_the_cluster() {
    let world = World::new(Disk::default(), settings(1, 1, small_log()), None).close();
    let cluster_id = Arc::clone(&world.image.cluster_id);
    let world = World::start(world.disk, 2);
    assert_eq!(world.halted, None);
    assert_eq!(world.image.cluster_id, cluster_id);
    assert_eq!(world.image.brokers.get(&1).unwrap().directories.len(), 2);
}

#[test]
fn a_log_that_lost_its_middle_is_refused() {
    let mut world = World::start(Disk::default(), 1);
    for round in 0..30 {
        assert!(world.create(&format!("topic-{round}")));
    }
    let mut disk = world.close().disk;
    for lost in disk.paths() {
        let is_snapshot = lost.relative.contains('/') && lost.relative.ends_with(".checkpoint");
        if is_snapshot {
            disk.set_file(&lost, None);
        }
    }
    let world = World::start(disk, 2);
    assert!(
        world.refusal().contains("records are missing"),
        "{}",
        world.refusal()
    );
}

#[test]
fn a_quorum_of_others_is_refused() {
    let mut disk = World::start(Disk::default(), 1).close().disk;
    let file = disk.file(&path(0, "meta.properties")).unwrap();
    let text = without_comments(file);
    let other: String = text
        .lines()
        .map(|line| match line.split_once("directory.id=") {
            Some(_) => "directory.id=ZkmUMx3NyLiFJOJrRFfR1A\n".to_owned(),
            None => format!("{line}\n"),
        })
        .collect();
    disk.set_file(&path(0, "meta.properties"), Some(other.as_bytes()));
    let world = World::start(disk, 2);
    assert!(
        world.refusal().contains("can only lead a quorum of itself"),
        "{}",
        world.refusal()
    );
}
