//! What error codes mean to a person at the command line.

use crate::model::ErrorCode;

/// One sentence about the errors that these commands meet, said in the operator's terms.
pub const fn meaning(error: ErrorCode) -> Option<&'static str> {
    Some(match error {
        ErrorCode::UnknownServerError => "the broker failed; its log says why",
        ErrorCode::OffsetOutOfRange => "the partition has no record at this offset",
        ErrorCode::CorruptMessage => "the checksum of a record batch does not match its bytes",
        ErrorCode::UnknownTopicOrPartition => "there is no such topic or partition",
        ErrorCode::LeaderNotAvailable => "the partition has no leader at the moment",
        ErrorCode::NotLeaderOrFollower => "another broker leads the partition",
        ErrorCode::RequestTimedOut => "the broker did not finish in time",
        ErrorCode::MessageTooLarge => "the batch is larger than the topic's max.message.bytes",
        ErrorCode::CoordinatorLoadInProgress => "the group's coordinator is still loading",
        ErrorCode::CoordinatorNotAvailable => "the group has no coordinator at the moment",
        ErrorCode::NotCoordinator => "another broker coordinates the group",
        ErrorCode::InvalidTopicException => {
            "a name has 1 to 249 of the characters a-z A-Z 0-9 . _ - and is not \".\" or \"..\""
        }
        ErrorCode::NotEnoughReplicas => "fewer replicas are in sync than min.insync.replicas",
        ErrorCode::NotEnoughReplicasAfterAppend => {
            "written, but fewer replicas are in sync than min.insync.replicas"
        }
        ErrorCode::TopicAuthorizationFailed => "not allowed on this topic",
        ErrorCode::GroupAuthorizationFailed => "not allowed on this group",
        ErrorCode::ClusterAuthorizationFailed => "not allowed on the cluster",
        ErrorCode::InvalidTimestamp => "the record's timestamp is out of the topic's bounds",
        ErrorCode::UnsupportedVersion => "the broker does not speak this version of the request",
        ErrorCode::TopicAlreadyExists => "the topic exists already",
        ErrorCode::InvalidPartitions => "not a valid number of partitions",
        ErrorCode::InvalidReplicationFactor => {
            "there must be at least one replica and no more than there are brokers"
        }
        ErrorCode::InvalidConfig => "the broker refuses this setting",
        ErrorCode::PolicyViolation => "the broker's policy forbids it",
        ErrorCode::NonEmptyGroup => "the group still has members: stop them first",
        ErrorCode::GroupIdNotFound => "there is no such group",
        ErrorCode::InvalidGroupId => "no group can have this name",
        ErrorCode::TopicDeletionDisabled => "the broker runs with delete.topic.enable=false",
        ErrorCode::UnsupportedCompressionType => "the broker cannot read this compression",
        ErrorCode::InvalidRecord => "the broker refuses the record",
        ErrorCode::OutOfOrderSequenceNumber => "records sent before these were lost",
        ErrorCode::InconsistentGroupProtocol => {
            "the members of the group do not share an assignment strategy with us"
        }
        ErrorCode::FencedInstanceId => "another member has taken this member's place",
        ErrorCode::GroupMaxSizeReached => "the group is full",
        _ => return None,
    })
}
