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
mod alter_partition;
mod assignments;
mod brokers;
mod create_partitions;
mod create_topics;
mod delete_topics;
mod elect_leaders;
mod elections;
mod internal_topics;
mod partition_change;
mod placement;
mod reassignments;
mod registration;
mod sessions;
mod striping;
mod suspecting;
mod suspicions;
mod topic_name;
mod update_features;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::config::{BrokerConfig, BrokerSettings};
use crate::model::{BrokerId, ErrorCode, Uuid};
use crate::protocol::messages::{
    AllocateProducerIdsRequest, AllocateProducerIdsResponse, MetadataRecord, ProducerIdsRecord,
};
use crate::stdx::{Instant, Random};

use super::image::MetadataImage;
use elect_leaders::ElectionTimes;
use placement::Placement;
use sessions::Sessions;
use suspicions::Suspicions;

pub use alter_configs::{check_broker_alterations, check_broker_replacement, log_level_changes};
pub(crate) use elect_leaders::refuse_elections;
pub(super) use internal_topics::automatic_topic;
pub use internal_topics::{CONSUMER_OFFSETS, TRANSACTION_STATE, is_internal_topic, topic_owner};
pub(crate) use registration::NodeIdentity;
pub use suspicions::{Probe, ProbeId, ProbeOutcome};
pub use topic_name::{CLUSTER_METADATA, check_topic_name};
pub(crate) use update_features::QuorumStanding;

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

impl<R> Decision<R> {
    /// A refusal: nothing changes.
    const fn refused(response: R) -> Self {
        Self {
            records: Vec::new(),
            response,
        }
    }
}

/// The broker of the controller's node.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum OwnBroker {
    /// There is none.
    None,
    /// It is registered by the controller, and lives as long as that: it has no session.
    Stays,
    /// It registers as any other, in this life with this id. What is registered of an earlier life
    /// is of one that ended.
    Joins(Uuid),
}

/// Decides what changes the cluster.
#[derive(Debug)]
pub struct Controller {
    node_id: BrokerId,
    /// The broker that has no session.
    staying: Option<BrokerId>,
    random: Random,
    placement: Placement,
    sessions: Sessions,
    suspicions: Suspicions,
    elections: ElectionTimes,
}

impl Controller {
    /// The controller of the node `node_id`. New ids are drawn from `random`.
    #[must_use]
    pub fn new(node_id: BrokerId, random: Random) -> Self {
        Self {
            node_id,
            staying: Some(node_id),
            random,
            placement: Placement::default(),
            sessions: Sessions::default(),
            suspicions: Suspicions::default(),
            elections: ElectionTimes::default(),
        }
    }

    /// So much may be written to each log directory of this broker.
    pub(crate) fn on_room(&mut self, usable_bytes: BTreeMap<Uuid, u64>) {
        self.placement.on_room(usable_bytes);
    }

    /// New replicas of this broker do not go to these directories (KIP-1066).
    pub(crate) fn on_cordoned(&mut self, cordoned: BTreeSet<Uuid>) {
        self.placement.on_cordoned(cordoned);
    }

    /// The directories of this broker, of those in `online`, for the next `count` replicas; none if
    /// there is no directory.
    pub(crate) fn choose_directories(
        &mut self,
        image: &MetadataImage,
        online: &[Uuid],
        count: usize,
    ) -> Vec<Uuid> {
        self.placement.begin(image, self.node_id, online);
        (0..count).map_while(|_| self.placement.choose()).collect()
    }

    /// An id that nothing has.
    pub fn draw_id(&mut self) -> Uuid {
        loop {
            if let Some(id) = Uuid::from_random(self.random.next_bytes16()) {
                return id;
            }
        }
    }

    /// This node is the controller from now on: it has yet to hear of the other brokers.
    pub(crate) fn begin(&mut self, view: View<'_>, now: Instant, own: OwnBroker) {
        let timeout_ms = u64::try_from(view.config.broker_session_timeout_ms).unwrap_or(0);
        let timeout = Duration::from_millis(timeout_ms);
        self.staying = (own == OwnBroker::Stays).then_some(self.node_id);
        self.sessions.begin(now, view.image, self.staying, timeout);
        let known = view.image.brokers.get(&self.node_id);
        if let (OwnBroker::Joins(life), Some(known)) = (own, known)
            && known.incarnation_id != life
        {
            // It may register at once.
            self.sessions.end(self.node_id);
        }
        self.suspect_all(view, now);
        self.elections = ElectionTimes::begin(view, now);
    }

    /// Give the next block of producer ids to a broker, for good.
    #[must_use]
    pub fn allocate_producer_ids(
        image: &MetadataImage,
        request: &AllocateProducerIdsRequest,
    ) -> Decision<AllocateProducerIdsResponse> {
        let refuse = |code: ErrorCode| {
            Decision::refused(AllocateProducerIdsResponse {
                error_code: code.code(),
                ..AllocateProducerIdsResponse::default()
            })
        };
        let (broker_id, broker_epoch) = (request.broker_id, request.broker_epoch);
        if let Err(refusal) = brokers::check_epoch(image, broker_id, broker_epoch) {
            return refuse(refusal.code);
        }
        let first = image.next_producer_id;
        let length = PRODUCER_ID_BLOCK_LENGTH;
        let Some(next) = first.checked_add(i64::from(length)) else {
            tracing::error!("every producer id was given out");
            return refuse(ErrorCode::UnknownServerError);
        };
        let record = ProducerIdsRecord {
            broker_id,
            broker_epoch,
            next_producer_id: next,
            ..ProducerIdsRecord::default()
        };
        Decision {
            records: vec![record.into()],
            response: AllocateProducerIdsResponse {
                producer_id_start: first,
                producer_id_len: length,
                ..AllocateProducerIdsResponse::default()
            },
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
