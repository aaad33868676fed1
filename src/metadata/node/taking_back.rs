//! The answer to a request whose records cannot be committed, or are not by this controller.

use crate::model::{ErrorCode, Uuid};
use crate::quorum::BatchTooLarge;

use super::super::controller::Refusal;
use super::ControllerResponse;

impl From<BatchTooLarge> for Refusal {
    /// In the code of Kafka, which fails on such a request.
    fn from(refused: BatchTooLarge) -> Self {
        let BatchTooLarge {
            size_bytes,
            bytes_max,
        } = refused;
        let text = format!(
            "the change takes {size_bytes} bytes of the metadata log and at most {bytes_max} can \
             be committed at once: ask for it in smaller parts"
        );
        Self::new(ErrorCode::UnknownServerError, text)
    }
}

/// What of an answer is not so.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Untrue {
    /// What it says was done: its own records are not appended.
    Done,
    /// All of it. What it refuses, it may refuse for something that was decided before it and is
    /// never committed: a topic that is there already, or one that is not there any more.
    All,
}

/// Refuse in `response` what it says and is not so.
pub(super) fn take_back(response: &mut ControllerResponse, untrue: Untrue, refusal: Refusal) {
    let Refusal { code, message } = refusal.clone();
    let is_untrue = |error_code: i16| untrue == Untrue::All || error_code == 0;
    macro_rules! refuse {
        ($results:expr) => {
            for result in $results
                .iter_mut()
                .filter(|result| is_untrue(result.error_code))
            {
                result.error_code = code.code();
                result.error_message.clone_from(&message);
            }
        };
    }
    match response {
        ControllerResponse::CreateTopics(response) => {
            refuse!(response.topics);
            for topic in &mut response.topics {
                topic.topic_id = Uuid::ZERO;
                (topic.num_partitions, topic.replication_factor) = (-1, -1);
                topic.configs = Some(Vec::new());
            }
        }
        ControllerResponse::DeleteTopics(response) => refuse!(response.responses),
        ControllerResponse::CreatePartitions(response) => refuse!(response.results),
        ControllerResponse::AlterConfigs(response) => refuse!(response.responses),
        ControllerResponse::IncrementalAlterConfigs(response) => refuse!(response.responses),
        ControllerResponse::CreateAcls(response) => refuse!(response.results),
        ControllerResponse::DeleteAcls(response) => {
            refuse!(response.filter_results);
            for result in &mut response.filter_results {
                result.matching_acls.clear();
            }
        }
        ControllerResponse::AssignReplicasToDirs(response) => {
            response.error_code = code.code();
            response.directories.clear();
        }
        ControllerResponse::AlterPartitionReassignments(response) => {
            for topic in &mut response.responses {
                refuse!(topic.partitions);
            }
            (response.error_code, response.error_message) = (code.code(), message);
        }
        ControllerResponse::AllocateProducerIds(response) => response.error_code = code.code(),
        ControllerResponse::UpdateFeatures(response) => {
            response.error_code = code.code();
            response.error_message = message;
        }
        ControllerResponse::RegisterController(response) => {
            response.error_code = code.code();
            response.error_message = message;
        }
        ControllerResponse::RegisterBroker(response) => response.error_code = code.code(),
        ControllerResponse::BrokerHeartbeat(response) => response.error_code = code.code(),
        ControllerResponse::UnregisterBroker(response) => {
            response.error_code = code.code();
            response.error_message = message;
        }
        ControllerResponse::AlterPartition(response) => {
            response.error_code = code.code();
            response.topics.clear();
        }
        ControllerResponse::ElectLeaders(response) => {
            for topic in &mut response.replica_election_results {
                refuse!(topic.partition_result);
            }
            response.error_code = code.code();
        }
        ControllerResponse::AutoCreate(results) => {
            results.fill_with(|| Err(refusal.clone()));
        }
        // There are no records of it.
        ControllerResponse::DescribeQuorum(_)
        | ControllerResponse::AddRaftVoter(_)
        | ControllerResponse::RemoveRaftVoter(_)
        | ControllerResponse::Unavailable(_) => {}
    }
}
