//! What the broker of a world is told.

use std::sync::Arc;

use crate::config::{BrokerConfig, BrokerSettings, ServeArguments};
use crate::model::{NodeAddress, ShardId};
use crate::shard::{ListenerIndex, ListenerKind, ShardSettings};
use crate::stdx::Random;

use super::super::planted::PlantedBug;

/// More than the partitions of a shard ever use at a time.
const OPEN_FILES_MAX: u64 = 12;

/// What the broker listens on.
const LISTENERS: [&str; 1] = ["PLAINTEXT"];

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
    /// Some settings. Sizes are small, so that much happens with few bytes. Other nodes reach it at
    /// `host`, where that is not the only one.
    pub fn from_random(
        random: &mut Random,
        apart: &mut Random,
        planted: Option<PlantedBug>,
        host: Option<&str>,
    ) -> Self {
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
        let advertised =
            host.map(|host| ("advertised.listeners", format!("PLAINTEXT://{host}:9092")));
        let arguments = ServeArguments {
            data_dir: Some(directories),
            set: set
                .into_iter()
                .chain(metadata)
                .chain(relaxed)
                .chain(advertised)
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
            memory_bytes: memory_kib << 10,
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
            listeners: LISTENERS
                .map(|name| ListenerKind::Kafka(name.to_owned()))
                .to_vec(),
        }
    }

    /// The listener to which an address leads.
    pub fn listener_at(&self, address: &NodeAddress) -> Option<ListenerIndex> {
        let place = LISTENERS.iter().position(|name| {
            let mut listeners = self.config.listeners.iter();
            let listener = listeners.find(|listener| listener.name == *name);
            let told = listener.and_then(|listener| listener.advertised.as_ref());
            told.is_some_and(|(host, port)| (host, *port) == (&address.host, address.port))
        })?;
        Some(ListenerIndex(u16::try_from(place).expect("few")))
    }
}
