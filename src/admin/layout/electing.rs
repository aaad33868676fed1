//! Elections of leaders that an operator asks for (KIP-460).

use std::collections::BTreeSet;

use crate::admin::Failure;
use crate::admin::failure::explain;
use crate::admin::session::{Session, answer};
use crate::client::error_of;
use crate::model::{ErrorCode, TopicPartition};
use crate::protocol::messages::ElectLeadersRequest;
use crate::protocol::messages::elect_leaders_request::TopicPartitions;

use super::reading::by_topic;
use super::reassignments::Refused;

/// Who is to lead.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Election {
    /// The first of the replicas, if it is in sync.
    Preferred,
    /// Any replica, in sync or not, where nobody leads: records may be lost.
    Unclean,
}

/// What became of an election.
#[derive(Debug, Default)]
pub struct Elected {
    pub elected: Vec<TopicPartition>,
    /// Those that did not need it.
    pub not_needed: Vec<TopicPartition>,
    pub refused: Vec<Refused>,
}

/// Elects the leaders of `partitions`.
pub fn elect_leaders(
    session: &mut Session,
    election: Election,
    partitions: &BTreeSet<TopicPartition>,
) -> Result<Elected, Failure> {
    let topics = by_topic(partitions).into_iter();
    let topics = topics.map(|(topic, partitions)| TopicPartitions {
        topic,
        partitions,
        ..TopicPartitions::default()
    });
    let request = ElectLeadersRequest {
        election_type: match election {
            Election::Preferred => 0,
            Election::Unclean => 1,
        },
        topic_partitions: Some(topics.collect()),
        timeout_ms: session.timeout_ms(),
        ..ElectLeadersRequest::default()
    };
    let answer = answer!(ElectLeaders, session.ask_any(request)?);
    error_of(answer.error_code)
        .map_err(|error| Failure::refused("cannot elect leaders", error, None))?;
    let mut elected = Elected::default();
    for topic in answer.replica_election_results {
        let name: std::sync::Arc<str> = topic.topic.as_str().into();
        for told in topic.partition_result {
            let partition = TopicPartition {
                topic: name.clone(),
                partition: told.partition_id,
            };
            match error_of(told.error_code) {
                Ok(()) => elected.elected.push(partition),
                Err(ErrorCode::ElectionNotNeeded) => elected.not_needed.push(partition),
                Err(error) => elected.refused.push(Refused {
                    partition,
                    reason: explain(error, told.error_message.as_deref()),
                }),
            }
        }
    }
    Ok(elected)
}
