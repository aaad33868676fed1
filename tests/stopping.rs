//! A shard that is told to stop, seen from outside.

use std::sync::Arc;

use forebay::config::ServeArguments;
use forebay::metadata::{MetadataDelta, MetadataImage, OpenDirectory};
use forebay::model::{ShardId, Uuid};
use forebay::shard::{
    Effect, Effects, Event, ListenerKind, Message, MetadataUpdate, Shard, ShardSettings,
};
use forebay::stdx::{Now, Random};

/// The second of two shards.
struct Host {
    shard: Shard,
    effects: Effects,
}

impl Host {
    fn new() -> Self {
        let startup = ServeArguments::default()
            .resolve(None, "here")
            .expect("the settings without arguments are good");
        let settings = ShardSettings {
            id: ShardId(1),
            shards_count: 2,
            config: Arc::new(startup.config),
            settings: startup.settings,
            log_levels: Arc::default(),
            random: Random::from_seed(1),
            memory_bytes: 1 << 20,
            journal_bytes_max: 1 << 20,
            checkpoint_every_bytes: 1 << 20,
            open_files_max: 16,
            sync_methods: Vec::new(),
            listeners: vec![ListenerKind::Kafka("PLAINTEXT".to_owned())],
        };
        Self {
            shard: Shard::new(settings),
            effects: Effects::default(),
        }
    }

    /// A turn with one event: what the shard asks for.
    fn turn(&mut self, event: Event) -> Vec<Effect> {
        for event in [event, Event::TurnEnded] {
            self.shard
                .on_event(Now::default(), event, &mut self.effects);
        }
        std::iter::from_fn(|| self.effects.next_effect()).collect()
    }

    /// The shard learns of a cluster without topics, and finds its directory empty.
    fn open_nothing(&mut self) -> Vec<Effect> {
        self.turn(Event::Started);
        let update = MetadataUpdate {
            image: Arc::new(MetadataImage::default()),
            delta: Arc::new(MetadataDelta::default()),
            directories: Arc::from([OpenDirectory {
                id: Uuid::from_bytes([7; 16]),
                is_clean: true,
                is_offline: false,
            }]),
        };
        self.turn(Event::MessageArrived {
            from: ShardId(0),
            message: Message::MetadataPublished(update),
        });
        self.turn(Event::MessageArrived {
            from: ShardId(0),
            message: Message::DirectoriesRead(Arc::from([])),
        })
    }
}

fn has_last_checkpoints(effects: &[Effect]) -> bool {
    effects.iter().any(|effect| {
        matches!(
            effect,
            Effect::Post {
                to: ShardId(0),
                message: Message::Checkpoints { is_last: true, .. },
            }
        )
    })
}

#[test]
fn a_shard_that_has_not_heard_yet_that_it_serves_closes_its_partitions_when_it_stops() {
    let mut host = Host::new();
    let told = host.open_nothing();
    assert!(
        told.iter().any(|effect| matches!(
            effect,
            Effect::Post {
                message: Message::PartitionsOpened,
                ..
            }
        )),
        "shard 0 may let the broker serve from now on, and then waits for this one: {told:?}"
    );
    let effects = host.turn(Event::Stopping);
    assert!(has_last_checkpoints(&effects), "{effects:?}");
    assert!(
        effects
            .iter()
            .any(|effect| matches!(effect, Effect::Stopped))
    );
}

#[test]
fn a_shard_without_its_partitions_stops_at_once() {
    let mut host = Host::new();
    host.turn(Event::Started);
    let effects = host.turn(Event::Stopping);
    assert!(!has_last_checkpoints(&effects), "{effects:?}");
    assert!(
        effects
            .iter()
            .any(|effect| matches!(effect, Effect::Stopped))
    );
}
