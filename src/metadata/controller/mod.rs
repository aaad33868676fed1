//! The decisions of the controller: requests in, records and answers out.
//!
//! Owns: Kafka's checks of what changes the cluster, in Kafka's order and with its error codes;
//! the choice of replicas and directories; ids of new topics.
//! Promises: an answer of success holds once its records are committed; a refusal and a request
//! that only validates leave no record.
//! Knows nothing of: the log its records go to, who asked.
//! Start at [`Controller`].

mod acls;
mod alter_configs;
mod assignments;
mod create_partitions;
mod create_topics;
mod delete_topics;
mod internal_topics;
mod placement;
mod registration;
mod topic_name;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use crate::config::{BrokerConfig, BrokerSettings};
use crate::model::{BrokerId, ErrorCode, ProducerId, Uuid};
use crate::protocol::messages::{MetadataRecord, ProducerIdsRecord};
use crate::stdx::Random;

use super::image::MetadataImage;
use placement::Placement;

pub use alter_configs::log_level_changes;
pub use internal_topics::{CONSUMER_OFFSETS, is_internal_topic, topic_owner};
pub(crate) use registration::NodeIdentity;
pub use topic_name::{CLUSTER_METADATA, check_topic_name};

/// The most records that one request may make, as in Kafka: they are committed together.
const RECORDS_MAX: usize = 10_000;

/// How many producer ids a broker is given at once, as in Kafka.
pub const PRODUCER_ID_BLOCK_LENGTH: i32 = 1000;

/// Why something is not done, for the client to be told.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Refusal {
    /// Kafka's error.
    pub code: ErrorCode,
    /// What a person is told; some of Kafka's refusals say nothing.
    pub message: Option<String>,
}

impl Refusal {
    /// A refusal with words.
    #[must_use]
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self {
            code,
            message: Some(message.into()),
        }
    }

    /// A refusal without words.
    const fn silent(code: ErrorCode) -> Self {
        Self {
            code,
            message: None,
        }
    }
}

/// What the controller decided: records to commit, and what to answer when they are.
#[derive(Clone, Debug)]
pub struct Decision<R> {
    /// The records, to be committed all or none.
    pub records: Vec<MetadataRecord>,
    /// The answer.
    pub response: R,
}

/// A block of producer ids, given to a broker for good.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct ProducerIdBlock {
    /// The first id.
    pub first: ProducerId,
    /// How many there are.
    pub length: i32,
}

/// Decides what changes the cluster.
#[derive(Debug)]
pub struct Controller {
    node_id: BrokerId,
    random: Random,
    placement: Placement,
}

impl Controller {
    /// The controller of the node `node_id`. New ids are drawn from `random`.
    #[must_use]
    pub fn new(node_id: BrokerId, random: Random) -> Self {
        Self {
            node_id,
            random,
            placement: Placement::default(),
        }
    }

    /// So much may be written to each log directory of this broker.
    pub(crate) fn on_room(&mut self, usable_bytes: BTreeMap<Uuid, u64>) {
        self.placement.on_room(usable_bytes);
    }

    /// An id that nothing has.
    pub fn draw_id(&mut self) -> Uuid {
        loop {
            if let Some(id) = Uuid::from_random(self.random.next_bytes16()) {
                return id;
            }
        }
    }

    /// Give the next block of producer ids to this broker.
    #[must_use]
    pub fn allocate_producer_ids(
        &self,
        image: &MetadataImage,
    ) -> Decision<Result<ProducerIdBlock, Refusal>> {
        let first = image.next_producer_id;
        let length = PRODUCER_ID_BLOCK_LENGTH;
        let Some(next) = first.checked_add(i64::from(length)) else {
            let text = "Exhausted all producerIds as the next block's end producerId has exceeded \
                        the int64 type limit";
            return Decision {
                records: Vec::new(),
                response: Err(Refusal::new(ErrorCode::UnknownServerError, text)),
            };
        };
        let broker_epoch = image.brokers.get(&self.node_id).map(|broker| broker.epoch);
        let record = ProducerIdsRecord {
            broker_id: self.node_id,
            broker_epoch: broker_epoch.unwrap_or(-1),
            next_producer_id: next,
            ..ProducerIdsRecord::default()
        };
        Decision {
            records: vec![record.into()],
            response: Ok(ProducerIdBlock { first, length }),
        }
    }
}

/// What every decision looks at.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    /// The cluster with all that was decided so far, committed or not.
    pub image: &'a MetadataImage,
    /// The settings of this node, with those that were changed at run time.
    pub settings: &'a BrokerSettings,
    /// The same, resolved.
    pub config: &'a BrokerConfig,
}
