//! A client that moves replicas from one log directory to another, whoever uses them.

use std::time::Duration;

use crate::model::ErrorCode;
use crate::protocol::messages::AlterReplicaLogDirsRequest;
use crate::protocol::messages::alter_replica_log_dirs_request::{
    AlterReplicaLogDir, AlterReplicaLogDirTopic,
};
use crate::protocol::{AnyRequest, AnyResponse};
use crate::simulation::oracle::Rule;

use super::{Behaviour, Link};

/// What a mover may be told of a partition: that it moves, that it is not there, that a disk
/// failed, that there is no such directory.
const ANSWERS: [ErrorCode; 5] = [
    ErrorCode::None,
    ErrorCode::UnknownTopicOrPartition,
    ErrorCode::NotLeaderOrFollower,
    ErrorCode::KafkaStorageError,
    ErrorCode::LogDirNotFound,
];

/// Directories that a world may have.
const DIRECTORIES: [&str; 2] = ["/a", "/b"];

/// A client that moves replicas.
#[derive(Debug)]
pub struct Mover {
    topics: Vec<String>,
    moves_left: u32,
    is_connected: bool,
}

impl Mover {
    /// A client that asks so many times for the first partitions of some topics to be moved.
    #[must_use]
    pub const fn new(topics: Vec<String>, moves: u32) -> Self {
        Self {
            topics,
            moves_left: moves,
            is_connected: false,
        }
    }

    fn advance(&self, link: &mut Link<'_>) {
        let is_busy = link.session.unanswered_count() > 0;
        if !self.is_connected || is_busy || self.is_finished() {
            return;
        }
        let chosen = link.random.below(self.topics.len() as u64);
        let topic = &self.topics[usize::try_from(chosen).expect("small")];
        let directory = DIRECTORIES[usize::from(link.random.chance(1, 2))];
        let request = AlterReplicaLogDirsRequest {
            dirs: vec![AlterReplicaLogDir {
                path: directory.to_owned(),
                topics: vec![AlterReplicaLogDirTopic {
                    name: topic.clone(),
                    partitions: vec![0, 1],
                    ..Default::default()
                }],
                ..Default::default()
            }],
            ..Default::default()
        };
        link.send(request, 1, 2);
    }
}

impl Behaviour for Mover {
    fn on_connected(&mut self, link: &mut Link<'_>) {
        self.is_connected = true;
        link.wake_within(Duration::from_millis(200));
    }

    fn on_answer(&mut self, link: &mut Link<'_>, _request: AnyRequest, response: AnyResponse) {
        if let AnyResponse::AlterReplicaLogDirs(response) = response {
            let topics = response.results.iter();
            let partitions = topics.flat_map(|topic| topic.partitions.iter());
            for partition in partitions {
                let code = ErrorCode::from_code(partition.error_code);
                if !code.is_some_and(|code| ANSWERS.contains(&code)) {
                    let what = format!("a mover is told {code:?}");
                    link.oracle.violate(Rule::TopicsAreKept, what);
                }
            }
        }
        self.moves_left = self.moves_left.saturating_sub(1);
        link.wake_within(Duration::from_millis(300));
    }

    fn on_disconnected(&mut self, _link: &mut Link<'_>) {
        self.is_connected = false;
    }

    fn on_wake(&mut self, link: &mut Link<'_>) {
        self.advance(link);
    }

    fn is_finished(&self) -> bool {
        self.moves_left == 0
    }
}
