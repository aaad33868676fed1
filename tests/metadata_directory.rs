//! The metadata of a node on a real file system, and Apache Kafka's view of it.

#![expect(clippy::unwrap_used, reason = "a test fails where its own tools do")]

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

#[path = "support/mod.rs"]
mod support;

use bytes::Bytes;
use forebay::config::{ServeArguments, Startup};
use forebay::log::storage::{
    DirectoryIndex, FileId, FolderEntry, StorageFailure, StorageOutbox, StorageOutcome,
    StorageOwner, StoragePath, StorageRequest, StorageResult, Ticket,
};
use forebay::metadata::{
    ConfigKind, ConfigResource, ControllerRequest, ControllerResponse, HaltCause, MetadataEvent,
    MetadataImage, MetadataLogSettings, MetadataNode, NodeSettings, RequestToken,
};
use forebay::protocol::messages::create_acls_request::AclCreation;
use forebay::protocol::messages::create_topics_request::{CreatableTopic, CreatableTopicConfig};
use forebay::protocol::messages::delete_acls_request::DeleteAclsFilter;
use forebay::protocol::messages::delete_topics_request::DeleteTopicState;
use forebay::protocol::messages::{
    AllocateProducerIdsRequest, CreateAclsRequest, CreateTopicsRequest, DeleteAclsRequest,
    DeleteTopicsRequest,
};
use forebay::quorum::Membership;
use forebay::stdx::{Instant, Now, Random};
use support::{Broker, Kind, Lab, Program, needs};

/// Performs requests at once, on files below one folder for each log directory.
struct Disk {
    directories: Vec<PathBuf>,
    files: BTreeMap<FileId, (File, StoragePath)>,
}

impl Disk {
    fn path(&self, path: &StoragePath) -> PathBuf {
        self.directories[usize::from(path.directory.0)].join(path.relative.as_ref())
    }

    fn perform(&mut self, request: StorageRequest) -> StorageResult {
        let subject = match &request {
            StorageRequest::Open { path, .. }
            | StorageRequest::ReadFile { path }
            | StorageRequest::ReplaceFile { path, .. }
            | StorageRequest::CreateFolder { path }
            | StorageRequest::Rename { from: path, .. }
            | StorageRequest::Remove { path }
            | StorageRequest::List { path }
            | StorageRequest::DescribeRoom { path } => path.clone(),
            StorageRequest::SyncAll { directory } => StoragePath::new(*directory, ""),
            StorageRequest::Allocate { file, .. }
            | StorageRequest::Write { file, .. }
            | StorageRequest::Sync { file }
            | StorageRequest::Read { file, .. }
            | StorageRequest::Truncate { file, .. }
            | StorageRequest::Seal { file, .. }
            | StorageRequest::Close { file } => self.files[file].1.clone(),
        };
        self.try_perform(request).map_err(|error| StorageFailure {
            operation: "use",
            path: subject,
            position: 0,
            errno: error.raw_os_error().unwrap_or(0),
        })
    }

    fn try_perform(&mut self, request: StorageRequest) -> std::io::Result<StorageOutcome> {
        match request {
            StorageRequest::Open { file, path, create } => {
                let opened = OpenOptions::new()
                    .read(true)
                    .write(true)
                    .create(create)
                    .truncate(false)
                    .open(self.path(&path))?;
                let length = opened.metadata()?.len();
                self.files.insert(file, (opened, path));
                return Ok(StorageOutcome::Opened { length });
            }
            StorageRequest::Allocate { file, length } => {
                let file = &self.files[&file].0;
                if file.metadata()?.len() < length {
                    file.set_len(length)?;
                }
            }
            StorageRequest::Write {
                file,
                position,
                slices,
                ..
            } => {
                let mut bytes: Vec<u8> = slices.iter().flatten().copied().collect();
                bytes.resize(bytes.len().next_multiple_of(4096), 0);
                let file = &mut self.files.get_mut(&file).unwrap().0;
                file.seek(SeekFrom::Start(position))?;
                file.write_all(&bytes)?;
            }
            StorageRequest::Sync { file } => self.files[&file].0.sync_data()?,
            StorageRequest::Read {
                file,
                position,
                length,
            } => {
                let mut bytes = vec![0; usize::try_from(length).unwrap()];
                let mut found = 0;
                while found < bytes.len() {
                    let at = position + found as u64;
                    match self.files[&file].0.read_at(&mut bytes[found..], at)? {
                        0 => break,
                        count => found += count,
                    }
                }
                bytes.truncate(found);
                return Ok(StorageOutcome::Data(Bytes::from(bytes)));
            }
            StorageRequest::Truncate { file, length } => self.files[&file].0.set_len(length)?,
            StorageRequest::Close { file } => drop(self.files.remove(&file)),
            StorageRequest::ReadFile { path } => return self.read_file(&path),
            StorageRequest::ReplaceFile { path, contents } => {
                let path = self.path(&path);
                let mut beside = path.clone().into_os_string();
                beside.push(".tmp");
                fs::write(&beside, &contents)?;
                fs::rename(&beside, path)?;
            }
            StorageRequest::CreateFolder { path } => fs::create_dir_all(self.path(&path))?,
            StorageRequest::Rename { from, to } => fs::rename(self.path(&from), self.path(&to))?,
            StorageRequest::Remove { path } => {
                let path = self.path(&path);
                if path.is_dir() {
                    fs::remove_dir_all(path)?;
                } else if path.exists() {
                    fs::remove_file(path)?;
                }
            }
            StorageRequest::List { path } => return self.list(&path),
            StorageRequest::Seal { .. }
            | StorageRequest::SyncAll { .. }
            | StorageRequest::DescribeRoom { .. } => {
                unreachable!("a metadata log does not ask")
            }
        }
        Ok(StorageOutcome::Done)
    }

    fn read_file(&self, path: &StoragePath) -> std::io::Result<StorageOutcome> {
        match fs::read(self.path(path)) {
            Ok(bytes) => Ok(StorageOutcome::Data(Bytes::from(bytes))),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                Ok(StorageOutcome::Missing)
            }
            Err(error) => Err(error),
        }
    }

    fn list(&self, path: &StoragePath) -> std::io::Result<StorageOutcome> {
        let Ok(entries) = fs::read_dir(self.path(path)) else {
            return Ok(StorageOutcome::Missing);
        };
        let mut found = Vec::new();
        for entry in entries {
            let entry = entry?;
            let metadata = entry.metadata()?;
            let modified = metadata.modified()?.duration_since(UNIX_EPOCH).unwrap();
            found.push(FolderEntry {
                name: entry.file_name().into_string().unwrap(),
                is_folder: metadata.is_dir(),
                length: if metadata.is_dir() { 0 } else { metadata.len() },
                modified_ms: i64::try_from(modified.as_millis()).unwrap(),
            });
        }
        found.sort();
        Ok(StorageOutcome::Entries(found))
    }
}

/// A node and its disk, run until nothing is to be done.
struct Node {
    node: MetadataNode,
    disk: Disk,
    outbox: StorageOutbox,
    image: Arc<MetadataImage>,
    answers: Vec<(RequestToken, ControllerResponse)>,
    halted: Option<HaltCause>,
    is_closed: bool,
}

fn now() -> Now {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    Now {
        instant: Instant::from_nanos(u64::try_from(since_epoch.as_nanos()).unwrap()),
        wall_ms: i64::try_from(since_epoch.as_millis()).unwrap(),
    }
}

impl Node {
    /// A node with the settings in `properties`, on these directories.
    fn start(properties: Option<&str>, directories: &[PathBuf]) -> Self {
        Self::start_on(properties, directories, false)
    }

    /// The same where the last directory holds the metadata log and nothing else.
    fn start_apart(properties: Option<&str>, directories: &[PathBuf]) -> Self {
        Self::start_on(properties, directories, true)
    }

    fn start_on(properties: Option<&str>, directories: &[PathBuf], is_apart: bool) -> Self {
        let Startup {
            settings,
            mut config,
            ..
        } = ServeArguments::default()
            .resolve(properties, "localhost")
            .unwrap();
        let log_dirs = &directories[..directories.len() - usize::from(is_apart)];
        config.log_dirs = log_dirs
            .iter()
            .map(|path| path.to_str().unwrap().to_owned())
            .collect();
        let metadata_directory = if is_apart { log_dirs.len() } else { 0 };
        let owner = |slot| StorageOwner {
            slot,
            incarnation: 0,
        };
        let seed = u64::from(std::process::id()) ^ now().instant.as_nanos();
        // Small enough for a test to make some snapshots.
        let log = MetadataLogSettings {
            snapshot_bytes: 2000,
            ..MetadataLogSettings::new(&config)
        };
        let node = MetadataNode::new(NodeSettings {
            settings,
            config,
            metadata_directory: DirectoryIndex(u16::try_from(metadata_directory).unwrap()),
            cluster_id: None,
            log,
            membership: Membership::default(),
            files_owner: owner(0),
            log_owner: owner(1),
            random: Random::from_seed(seed),
        });
        let mut started = Self {
            node,
            disk: Disk {
                directories: directories.to_vec(),
                files: BTreeMap::new(),
            },
            outbox: StorageOutbox::default(),
            image: Arc::default(),
            answers: Vec::new(),
            halted: None,
            is_closed: false,
        };
        started.node.start(now(), &mut started.outbox);
        started.run();
        started
    }

    fn run(&mut self) {
        loop {
            self.node.flush(now(), &mut self.outbox);
            while let Some(event) = self.node.next_event() {
                match event {
                    MetadataEvent::Published { image, .. } => self.image = image,
                    MetadataEvent::Answer { token, response } => {
                        self.answers.push((token, response));
                    }
                    MetadataEvent::Halt(cause) => self.halted = Some(cause),
                    MetadataEvent::Closed => self.is_closed = true,
                    MetadataEvent::DirectoriesOpened { .. }
                    | MetadataEvent::Unfenced
                    | MetadataEvent::MayStop
                    | MetadataEvent::QuorumAnswer { .. } => {}
                }
            }
            let mut done: Vec<(Ticket, StorageResult)> = Vec::new();
            while let Some((ticket, request)) = self.outbox.next_request() {
                done.push((ticket, self.disk.perform(request)));
            }
            if done.is_empty() {
                break;
            }
            for (ticket, result) in done {
                self.node
                    .on_storage(now(), ticket, result, &mut self.outbox);
            }
        }
    }

    fn ask(&mut self, request: &ControllerRequest) -> ControllerResponse {
        self.node.on_request(now(), RequestToken(1), request);
        self.run();
        self.answers.pop().expect("an answer").1
    }

    fn allow(&mut self, principal: &str, topic: &str) {
        let creation = AclCreation {
            resource_type: 2,
            resource_name: topic.to_owned(),
            resource_pattern_type: 4,
            principal: principal.to_owned(),
            host: "*".to_owned(),
            operation: 3,
            permission_type: 3,
            ..AclCreation::default()
        };
        let request = ControllerRequest::CreateAcls(CreateAclsRequest {
            creations: vec![creation],
            ..CreateAclsRequest::default()
        });
        let ControllerResponse::CreateAcls(response) = self.ask(&request) else {
            panic!("another answer");
        };
        assert_eq!(response.results[0].error_code, 0, "{response:?}");
    }

    fn principals(&self) -> Vec<&str> {
        let acls = self.image.acls.iter();
        let mut principals: Vec<&str> = acls.map(|(_, acl)| acl.principal.as_str()).collect();
        principals.sort_unstable();
        principals
    }

    fn create(&mut self, name: &str, partitions: i32, configs: &[(&str, &str)]) {
        let configs = configs.iter().map(|(name, value)| CreatableTopicConfig {
            name: (*name).to_owned(),
            value: Some((*value).to_owned()),
            ..CreatableTopicConfig::default()
        });
        let topic = CreatableTopic {
            name: name.to_owned(),
            num_partitions: partitions,
            replication_factor: 1,
            configs: configs.collect(),
            ..CreatableTopic::default()
        };
        let request = ControllerRequest::CreateTopics(CreateTopicsRequest {
            topics: vec![topic],
            ..CreateTopicsRequest::default()
        });
        let ControllerResponse::CreateTopics(response) = self.ask(&request) else {
            panic!("another answer");
        };
        assert_eq!(response.topics[0].error_code, 0, "{response:?}");
    }

    fn stop(mut self) -> Arc<MetadataImage> {
        self.node.close(now());
        self.run();
        assert_eq!(self.halted, None);
        assert!(self.is_closed);
        self.image
    }
}

fn directories(root: &Path) -> Vec<PathBuf> {
    let directories: Vec<_> = ["a", "b"].iter().map(|name| root.join(name)).collect();
    for directory in &directories {
        fs::create_dir_all(directory).unwrap();
    }
    directories
}

#[test]
fn what_was_created_is_there_after_a_restart() {
    let root = tempfile::tempdir().unwrap();
    let directories = directories(root.path());
    let mut node = Node::start(None, &directories);
    assert_eq!(node.halted, None);
    node.create("t1", 3, &[("retention.ms", "1000")]);
    node.create("t2", 1, &[]);
    let request = ControllerRequest::DeleteTopics {
        request: DeleteTopicsRequest {
            topics: vec![DeleteTopicState {
                name: Some("t2".to_owned()),
                ..DeleteTopicState::default()
            }],
            ..DeleteTopicsRequest::default()
        },
        version: 6,
    };
    node.ask(&request);
    let before = node.stop();
    let node = Node::start(None, &directories);
    assert_eq!(node.halted, None);
    assert_eq!(node.image.cluster_id, before.cluster_id);
    assert!(node.image.topic("t2").is_none());
    let (old, new) = (before.topic("t1").unwrap(), node.image.topic("t1").unwrap());
    assert_eq!(old.id, new.id);
    assert_eq!(new.partitions.len(), 3);
    for (index, partition) in new.partitions.iter() {
        let old = &old.partitions.get(index).unwrap();
        assert_eq!(partition.leader, Some(1));
        assert!(partition.leader_epoch > old.leader_epoch);
        assert_eq!(partition.directories, old.directories);
    }
    let resource = ConfigResource::new(ConfigKind::Topic, "t1");
    let config = node.image.config(&resource).unwrap();
    assert_eq!(config.get("retention.ms").unwrap(), "1000");
}

/// Run a command with the settings of a broker: `import` takes over what Kafka left, `format`
/// begins a cluster. A start does neither where settings name voters.
fn forebay(command: &str, broker: &Broker) {
    let properties = broker.data().with_file_name("server.properties");
    Program::new(env!("CARGO_BIN_EXE_forebay"), 60)
        .args([command, "--config", &properties.display().to_string()])
        .run()
        .succeeded();
}

/// What Kafka tells of every topic: name, id, partitions and settings.
fn described_by_kafka(broker: &Broker) -> String {
    let topics = broker.tool("org.apache.kafka.tools.TopicCommand", &["--describe"]);
    topics.run().succeeded().stdout
}

fn assert_told(described: &str, image: &MetadataImage, name: &str) {
    let topic = image.topic(name).unwrap();
    let partitions = topic.partitions.len();
    let line = format!(
        "Topic: {name}\tTopicId: {}\tPartitionCount: {partitions}",
        topic.id
    );
    assert!(described.contains(&line), "{line} is not in\n{described}");
    let leader = format!("Topic: {name}\tPartition: 0\tLeader: 1\tReplicas: 1\tIsr: 1");
    assert!(
        described.contains(&leader),
        "{leader} is not in\n{described}"
    );
}

/// Every file of the metadata log, as Kafka's own tool reads it.
fn dumped_by_kafka(lab: &Lab, folder: &Path) -> String {
    let mut files: Vec<String> = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path
            .extension()
            .is_some_and(|end| end == "log" || end == "checkpoint")
        {
            files.push(path.to_str().unwrap().to_owned());
        }
    }
    let dump = lab
        .java("org.apache.kafka.tools.DumpLogSegments", 120)
        .args([
            "--cluster-metadata-decoder".to_owned(),
            "--files".to_owned(),
            files.join(","),
        ]);
    dump.run().succeeded().stdout
}

#[test]
fn apache_kafka_and_this_node_take_turns_on_one_directory() {
    let lab = needs!(Java);
    let mut kafka = Broker::start(&lab, Kind::Kafka, &[]);
    let create = ["--create", "--topic", "kafkas", "--partitions", "3"];
    let configs = ["--config", "cleanup.policy=compact"];
    kafka
        .tool(
            "org.apache.kafka.tools.TopicCommand",
            &[create.as_slice(), &configs].concat(),
        )
        .run()
        .succeeded();
    let described = described_by_kafka(&kafka);
    kafka.stop();

    // What Kafka formatted and filled is opened here ...
    let data = kafka.data();
    let properties = fs::read_to_string(data.with_file_name("server.properties")).unwrap();
    let directories = [data.clone()];
    forebay("import", &kafka);
    let mut node = Node::start(Some(&properties), &directories);
    assert_eq!(node.halted, None);
    assert_told(&described, &node.image, "kafkas");
    let resource = ConfigResource::new(ConfigKind::Topic, "kafkas");
    let config = node.image.config(&resource).unwrap();
    assert_eq!(config.get("cleanup.policy").unwrap(), "compact");
    let offered = node.image.finalized_features();
    assert_eq!(offered, [("kraft.version", 1), ("metadata.version", 30)]);
    for number in 0..10 {
        node.create(&format!("ours-{number}"), 2, &[("retention.ms", "123456")]);
    }
    let image = node.stop();

    // ... and what was added here is served there.
    kafka.resume();
    let described = described_by_kafka(&kafka);
    for name in ["kafkas", "ours-0", "ours-9"] {
        assert_told(&described, &image, name);
    }
    assert!(described.contains("retention.ms=123456"), "{described}");
    kafka.stop();
    let refused = Node::start(Some(&properties), &directories).halted;
    let Some(HaltCause::UnusableData(reason)) = refused else {
        panic!("it was not refused: {refused:?}");
    };
    let expected = "Apache Kafka has changed it since it was imported";
    assert!(reason.contains(expected), "{reason}");
    forebay("import", &kafka);
    let node = Node::start(Some(&properties), &directories);
    assert_eq!(node.halted, None);
    assert_eq!(
        node.image.topic("ours-9").unwrap().id,
        image.topic("ours-9").unwrap().id
    );
    node.stop();
}

/// Access control entries that Kafka's tool lists.
fn acls_told_by_kafka(broker: &Broker) -> String {
    let acls = broker.tool("org.apache.kafka.tools.AclCommand", &["--list"]);
    acls.run().succeeded().stdout
}

#[test]
fn access_control_entries_of_apache_kafka_and_of_this_node_stay_on_one_directory() {
    let lab = needs!(Java);
    let authorizer = "org.apache.kafka.metadata.authorizer.StandardAuthorizer";
    let settings = [
        ("authorizer.class.name", authorizer),
        ("super.users", "User:ANONYMOUS"),
    ];
    let mut kafka = Broker::start(&lab, Kind::Kafka, &settings);
    for principal in ["User:kafkas", "User:gone"] {
        let allow = ["--add", "--allow-principal", principal];
        let what = ["--operation", "Write", "--topic", "orders"];
        kafka
            .tool(
                "org.apache.kafka.tools.AclCommand",
                &[allow.as_slice(), &what].concat(),
            )
            .run()
            .succeeded();
    }
    kafka.stop();

    let data = kafka.data();
    let properties = fs::read_to_string(data.with_file_name("server.properties")).unwrap();
    let directories = [data];
    forebay("import", &kafka);
    let mut node = Node::start(Some(&properties), &directories);
    assert_eq!(node.halted, None);
    assert_eq!(node.principals(), ["User:gone", "User:kafkas"]);
    node.allow("User:ours", "ord");
    let request = ControllerRequest::DeleteAcls(DeleteAclsRequest {
        filters: vec![DeleteAclsFilter {
            resource_type_filter: 1,
            pattern_type_filter: 1,
            principal_filter: Some("User:gone".to_owned()),
            host_filter: None,
            resource_name_filter: None,
            operation: 1,
            permission_type: 1,
            ..DeleteAclsFilter::default()
        }],
        ..DeleteAclsRequest::default()
    });
    node.ask(&request);
    let image = node.stop();

    kafka.resume();
    let told = acls_told_by_kafka(&kafka);
    for part in [
        "name=orders, patternType=LITERAL",
        "(principal=User:kafkas, host=*, operation=WRITE, permissionType=ALLOW)",
        "name=ord, patternType=PREFIXED",
        "(principal=User:ours, host=*, operation=READ, permissionType=ALLOW)",
    ] {
        assert!(told.contains(part), "{part} is not in\n{told}");
    }
    assert!(!told.contains("User:gone"), "{told}");
    kafka.stop();
    forebay("import", &kafka);
    let node = Node::start(Some(&properties), &directories);
    assert_eq!(node.halted, None);
    assert_eq!(node.image.acls, image.acls);
    node.stop();
}

#[test]
fn apache_kafka_starts_on_a_directory_that_this_node_formatted() {
    let lab = needs!(Java);
    let mut kafka = Broker::start(&lab, Kind::Kafka, &[]);
    kafka.stop();
    let data = kafka.data();
    fs::remove_dir_all(&data).unwrap();
    fs::create_dir(&data).unwrap();
    let properties = fs::read_to_string(data.with_file_name("server.properties")).unwrap();
    forebay("format", &kafka);
    let mut node = Node::start(Some(&properties), std::slice::from_ref(&data));
    assert_eq!(node.halted, None);
    for number in 0..10 {
        node.create(&format!("topic-{number}"), 3, &[("retention.ms", "123456")]);
    }
    let block = AllocateProducerIdsRequest {
        broker_id: 1,
        broker_epoch: node.node.broker_epoch().unwrap(),
        ..AllocateProducerIdsRequest::default()
    };
    node.ask(&ControllerRequest::AllocateProducerIds(block));
    let image = node.stop();

    let dumped = dumped_by_kafka(&lab, &data.join("__cluster_metadata-0"));
    assert!(!dumped.contains("isvalid: false"), "{dumped}");
    for part in [
        "KRaftVoters {",
        "LeaderChange: {",
        "SnapshotFooter {",
        "\"REGISTER_BROKER_RECORD\",\"version\":4",
        "\"PRODUCER_IDS_RECORD\"",
        "\"name\":\"topic-9\"",
    ] {
        assert!(dumped.contains(part), "{part} is not in\n{dumped}");
    }
    kafka.resume();
    let described = described_by_kafka(&kafka);
    for number in 0..10 {
        assert_told(&described, &image, &format!("topic-{number}"));
    }
}

/// The names of what is in a directory, but for locks.
fn names_in(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = names.filter(|name| name != ".lock").collect();
    names.sort_unstable();
    names
}

#[test]
fn apache_kafka_and_this_node_take_turns_on_a_metadata_log_with_a_directory_for_itself() {
    let lab = needs!(Java);
    let root = tempfile::tempdir().unwrap();
    let apart = root.path().join("metadata");
    let settings = [("metadata.log.dir", apart.to_str().unwrap())];
    let mut kafka = Broker::start(&lab, Kind::Kafka, &settings);
    kafka.stop();
    let kafkas = names_in(&apart);

    // What this node formats has what Kafka's has, in each directory ...
    let data = kafka.data();
    let properties = fs::read_to_string(data.with_file_name("server.properties")).unwrap();
    let directories = [data.clone(), apart.clone()];
    for directory in &directories {
        fs::remove_dir_all(directory).unwrap();
        fs::create_dir(directory).unwrap();
    }
    forebay("format", &kafka);
    let mut node = Node::start_apart(Some(&properties), &directories);
    assert_eq!(node.halted, None);
    for number in 0..10 {
        node.create(&format!("topic-{number}"), 3, &[("retention.ms", "123456")]);
    }
    let image = node.stop();
    assert_eq!(names_in(&apart), kafkas);
    let in_data = names_in(&data);
    assert!(
        !in_data.contains(&"__cluster_metadata-0".to_owned()),
        "{in_data:?}"
    );

    // ... and Kafka serves it, and this node what Kafka left.
    kafka.resume();
    let described = described_by_kafka(&kafka);
    for number in 0..10 {
        assert_told(&described, &image, &format!("topic-{number}"));
    }
    let told = kafka.tool("org.apache.kafka.tools.LogDirsCommand", &["--describe"]);
    let told = told.run().succeeded().stdout;
    assert!(told.contains("topic-9-0"), "{told}");
    assert!(!told.contains(apart.to_str().unwrap()), "{told}");
    kafka.stop();
    forebay("import", &kafka);
    let node = Node::start_apart(Some(&properties), &directories);
    assert_eq!(node.halted, None);
    let (ours, kafkas) = (image.topic("topic-9").unwrap(), node.image.topic("topic-9"));
    assert_eq!(ours.id, kafkas.unwrap().id);
    node.stop();
}
