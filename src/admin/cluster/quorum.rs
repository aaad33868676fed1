//! The controllers' quorum, as a broker tells of it (KIP-595).

use crate::admin::Failure;
use crate::admin::failure::explain;
use crate::admin::session::{Session, answer};
use crate::client::error_of;
use crate::protocol::AnyRequest;
use crate::protocol::messages::DescribeQuorumRequest;
use crate::protocol::messages::describe_quorum_request::{PartitionData, TopicData};
pub use crate::protocol::messages::describe_quorum_response::PartitionData as Quorum;

/// The log that the controllers agree on.
const METADATA_TOPIC: &str = "__cluster_metadata";

/// Why nobody is known to lead the metadata log.
pub enum NoQuorum {
    /// The cluster cannot be asked: it is older than DescribeQuorum.
    Untold,
    Lost(String),
}

/// Who leads the metadata log, who votes and who follows.
pub fn describe_quorum(session: &mut Session) -> Result<Result<Quorum, NoQuorum>, Failure> {
    let request = DescribeQuorumRequest {
        topics: vec![TopicData {
            topic_name: METADATA_TOPIC.to_owned(),
            partitions: vec![PartitionData::default()],
            ..TopicData::default()
        }],
        ..DescribeQuorumRequest::default()
    };
    let any = AnyRequest::from(request);
    if session.first_connection().version_for(&any).is_err() {
        return Ok(Err(NoQuorum::Untold));
    }
    let told = match session.ask_any(any) {
        Ok(told) => answer!(DescribeQuorum, told),
        Err(Failure::Failed(text)) => return Ok(Err(NoQuorum::Lost(text))),
        Err(other) => return Err(other),
    };
    let lost = |error, message: Option<&str>| Ok(Err(NoQuorum::Lost(explain(error, message))));
    if let Err(error) = error_of(told.error_code) {
        return lost(error, told.error_message.as_deref());
    }
    let mut partitions = told.topics.into_iter().flat_map(|topic| topic.partitions);
    let Some(quorum) = partitions.next() else {
        return Ok(Err(NoQuorum::Untold));
    };
    if let Err(error) = error_of(quorum.error_code) {
        return lost(error, quorum.error_message.as_deref());
    }
    if quorum.leader_id < 0 {
        return Ok(Err(NoQuorum::Lost("nobody leads the quorum".to_owned())));
    }
    Ok(Ok(quorum))
}
