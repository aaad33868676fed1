//! What the broker of a world is told.

use std::sync::Arc;

use crate::config::{BrokerConfig, BrokerSettings, ServeArguments};
use crate::log::storage::{DirectoryIndex, StorageOwner, StorageRequest, StorageResult};
use crate::metadata::{
    FormatPlan, Founding, MetadataLogSettings, NodeSettings, membership_of, plan_format,
};
use crate::model::{BrokerId, NodeAddress, ShardId, TimestampMs};
use crate::shard::{ListenerIndex, ListenerKind, ShardSettings};
use crate::stdx::Random;

use super::super::planted::PlantedBug;

/// More than the partitions of a shard ever use at a time.
const OPEN_FILES_MAX: u64 = 12;

/// The least memory of a shard in a cluster: fetches of followers share the room for small requests
/// with all that consumers are about to be sent.
const MEMBER_MEMORY_BYTES_MIN: u64 = 4 << 20;

/// The listener for clients and other brokers.
const CLIENTS: &str = "PLAINTEXT";

/// The listener of controllers.
const CONTROLLERS: &str = "CONTROLLER";

/// A setting of a node, by its name.
pub(super) type Setting = (&'static str, String);

/// What makes a node one of several.
#[derive(Debug)]
pub(super) enum Place {
    /// It is a cluster of its own. Other nodes reach it at this host, where there are any.
    Alone(Option<&'static str>),
    /// It is part of a cluster, and these are its settings that others of the cluster have not,
    /// or that all have and a broker of its own has not.
    Member(Vec<Setting>),
}

impl Place {
    fn settings(self) -> Vec<Setting> {
        let advertised = |host| ("advertised.listeners", format!("{CLIENTS}://{host}:9092"));
        match self {
            Self::Alone(host) => host.map(advertised).into_iter().collect(),
            Self::Member(settings) => settings,
        }
    }
}

/// The settings of a world's broker, the same in all its lives.
#[derive(Debug)]
pub(super) struct BrokerPlan {
    settings: BrokerSettings,
    config: Arc<BrokerConfig>,
    pub directories_count: u16,
    /// In the life at hand.
    pub shards_count: u16,
    memory_bytes: u64,
    journal_bytes_max: u64,
    checkpoint_every_bytes: u64,
    /// Segment files that the partitions of a shard may have open.
    pub open_files_max: usize,
}

impl BrokerPlan {
    /// Some settings. Sizes are small, so that much happens with few bytes.
    pub fn from_random(
        random: &mut Random,
        apart: &mut Random,
        planted: Option<PlantedBug>,
        place: Place,
    ) -> Self {
        let memory_bytes_min = match place {
            Place::Alone(_) => 0,
            Place::Member(_) => MEMBER_MEMORY_BYTES_MIN,
        };
        let mut pick = |values: &[&str]| {
            let place = random.below(values.len() as u64);
            values[usize::try_from(place).expect("a small number")].to_owned()
        };
        let directories = pick(&["/a", "/a", "/a,/b"]);
        let mut pick_apart = |values: &[&str]| {
            let place = apart.below(values.len() as u64);
            values[usize::try_from(place).expect("a small number")].to_owned()
        };
        let set = [
            (
                "log.flush.offset.checkpoint.interval.ms",
                pick_apart(&["50", "300", "60000"]),
            ),
            (
                "log.cleaner.backoff.ms",
                pick_apart(&["20", "200", "15000"]),
            ),
            (
                "log.cleaner.min.cleanable.ratio",
                pick_apart(&["0.01", "0.5"]),
            ),
            (
                "log.cleaner.dedupe.buffer.size",
                pick_apart(&["1000", "1000000"]),
            ),
            ("num.partitions", pick(&["1", "2", "4"])),
            ("offsets.topic.num.partitions", pick(&["1", "3"])),
            ("log.roll.ms", pick(&["100", "700", "600000"])),
            ("log.segment.bytes", "1048576".to_owned()),
            ("log.index.interval.bytes", pick(&["256", "4096"])),
            ("log.segment.delete.delay.ms", pick(&["0", "200"])),
            ("log.retention.check.interval.ms", pick(&["200", "300000"])),
            ("group.initial.rebalance.delay.ms", pick(&["0", "100"])),
            ("compression.type", pick(&["producer", "producer", "lz4"])),
            (
                "log.message.timestamp.type",
                pick(&["CreateTime", "CreateTime", "LogAppendTime"]),
            ),
        ];
        let open_files_max = 1 + usize::try_from(apart.below(OPEN_FILES_MAX)).expect("small");
        // One in three keeps its metadata log apart from all others.
        let metadata = (apart.below(3) == 0).then_some(("metadata.log.dir", "/m".to_owned()));
        let relaxed = (planted == Some(PlantedBug::RelaxesAll))
            .then_some(("forebay.durability", "relaxed".to_owned()));
        let arguments = ServeArguments {
            data_dir: Some(directories),
            set: set
                .into_iter()
                .chain(metadata)
                .chain(relaxed)
                .chain(place.settings())
                .map(|(name, value)| (name.to_owned(), value))
                .collect(),
            ..ServeArguments::default()
        };
        let startup = arguments
            .resolve(None, "simulated")
            .unwrap_or_else(|errors| panic!("the world's settings are good: {errors:?}"));
        let memory_kib = [64, 512, 4096][usize::try_from(random.below(3)).expect("small")];
        let config = &startup.config;
        let has_own = !config.log_dirs.contains(&config.metadata_log_dir);
        let directories_count = config.log_dirs.len() + usize::from(has_own);
        Self {
            directories_count: u16::try_from(directories_count).expect("few"),
            shards_count: 1,
            settings: startup.settings,
            config: Arc::new(startup.config),
            memory_bytes: memory_bytes_min.max(memory_kib << 10),
            // The smaller one goes round many times.
            journal_bytes_max: [0, 1 << 20][usize::from(apart.chance(1, 3))],
            checkpoint_every_bytes: [4 << 10, 64 << 10, 64 << 20][apart.below(3) as usize],
            open_files_max,
        }
    }

    /// What the shard `id` is told.
    pub fn shard_settings(&self, id: ShardId, random: Random) -> ShardSettings {
        ShardSettings {
            id,
            shards_count: self.shards_count,
            config: Arc::clone(&self.config),
            settings: self.settings.clone(),
            log_levels: Arc::default(),
            random,
            memory_bytes: self.memory_bytes,
            journal_bytes_max: self.journal_bytes_max,
            checkpoint_every_bytes: self.checkpoint_every_bytes,
            open_files_max: self.open_files_max,
            sync_methods: Vec::new(),
            listeners: self.listeners(),
        }
    }

    /// What is spoken on each listener, that for clients first.
    fn listeners(&self) -> Vec<ListenerKind> {
        let kinds = [
            (false, ListenerKind::Kafka(CLIENTS.to_owned())),
            (true, ListenerKind::Controller(CONTROLLERS.to_owned())),
        ];
        let has = |is_controller: bool| {
            let mut listeners = self.config.listeners.iter();
            listeners.any(|listener| listener.is_controller == is_controller)
        };
        let own = kinds
            .into_iter()
            .filter(|(is_controller, _)| has(*is_controller));
        own.map(|(_, kind)| kind).collect()
    }

    /// The node's number in its cluster.
    pub fn node_id(&self) -> BrokerId {
        self.config.node_id
    }

    /// True if clients can connect to it.
    pub fn takes_clients(&self) -> bool {
        self.config.roles.broker
    }

    /// The listener to which an address leads.
    pub fn listener_at(&self, address: &NodeAddress) -> Option<ListenerIndex> {
        let mut listeners = self.config.listeners.iter();
        let listener = listeners.find(|listener| {
            let told = listener.advertised.as_ref();
            told.is_some_and(|(host, port)| (host, *port) == (&address.host, address.port))
        })?;
        let kinds = self.listeners().into_iter();
        let mut of_controllers = kinds.map(|kind| matches!(kind, ListenerKind::Controller(_)));
        let place = of_controllers.position(|is| is == listener.is_controller)?;
        Some(ListenerIndex(u16::try_from(place).expect("few")))
    }

    /// Make the node's directories those of the cluster with this id.
    ///
    /// # Panics
    /// If they cannot be formatted.
    pub fn format(
        &self,
        cluster_id: &str,
        random: Random,
        now_ms: TimestampMs,
        mut perform: impl FnMut(StorageRequest) -> StorageResult,
    ) {
        let config = &self.config;
        let mut log_dirs = config.log_dirs.iter();
        let metadata = log_dirs.position(|dir| *dir == config.metadata_log_dir);
        let nobody = StorageOwner {
            slot: 0,
            incarnation: 0,
        };
        let mut settings = NodeSettings {
            settings: self.settings.clone(),
            config: BrokerConfig::clone(config),
            metadata_directory: DirectoryIndex::at(metadata.unwrap_or(config.log_dirs.len())),
            cluster_id: Some(cluster_id.to_owned()),
            log: MetadataLogSettings::new(config),
            membership: membership_of(config),
            files_owner: nobody,
            log_owner: nobody,
            random,
        };
        let founding = Founding::AsConfigured;
        let plan = plan_format(&mut settings, &founding, now_ms, &mut perform);
        let FormatPlan { steps, .. } = plan.expect("nothing is in the directories");
        for step in steps {
            perform(step).expect("no fault has begun");
        }
    }
}
