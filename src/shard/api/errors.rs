//! The error codes in answers, wherever in them they stand.

use crate::model::ErrorCode;
use crate::protocol::AnyResponse;

/// For each API, where its codes stand: `[]` is the answer itself, `[a b]` each `b` of each `a`.
macro_rules! visit_all {
    ($response:ident, $visit:ident, $($api:ident: $([$($field:ident)*])+;)*) => {
        match $response {
            $(AnyResponse::$api(response) => {
                $(visit_all!(@at response, $visit, $($field)*);)+
            })*
            _ => {}
        }
    };
    (@at $node:ident, $visit:ident,) => {
        if let Some(code) = ErrorCode::from_code($node.error_code) {
            $visit(code);
        }
    };
    (@at $node:ident, $visit:ident, $field:ident $($rest:ident)*) => {
        for inner in &$node.$field {
            visit_all!(@at inner, $visit, $($rest)*);
        }
    };
}

/// Call `visit` with every error code of `response`, NONE included.
pub fn visit_error_codes(response: &AnyResponse, mut visit: impl FnMut(ErrorCode)) {
    visit_all! { response, visit,
        Produce: [responses partition_responses];
        Fetch: [] [responses partitions];
        ListOffsets: [topics partitions];
        Metadata: [] [topics] [topics partitions];
        OffsetCommit: [topics partitions];
        OffsetFetch: [] [topics partitions] [groups] [groups topics partitions];
        FindCoordinator: [] [coordinators];
        JoinGroup: [];
        Heartbeat: [];
        LeaveGroup: [] [members];
        SyncGroup: [];
        DescribeGroups: [groups];
        ListGroups: [];
        ApiVersions: [];
        CreateTopics: [topics];
        DeleteTopics: [responses];
        DeleteRecords: [topics partitions];
        InitProducerId: [];
        OffsetForLeaderEpoch: [topics partitions];
        WriteTxnMarkers: [markers topics partitions];
        DescribeAcls: [];
        CreateAcls: [results];
        DeleteAcls: [filter_results];
        DescribeConfigs: [results];
        AlterConfigs: [responses];
        AlterReplicaLogDirs: [results partitions];
        DescribeLogDirs: [] [results];
        AlterPartitionReassignments: [] [responses partitions];
        ListPartitionReassignments: [];
        CreatePartitions: [results];
        DeleteGroups: [results];
        IncrementalAlterConfigs: [responses];
        OffsetDelete: [] [topics partitions];
        DescribeCluster: [];
        DescribeProducers: [topics partitions];
        ListConfigResources: [];
        DescribeTopicPartitions: [topics] [topics partitions];
        AddRaftVoter: [];
        RemoveRaftVoter: [];
        DescribeQuorum: [] [topics partitions];
        ElectLeaders: [] [replica_election_results partition_result];
        UnregisterBroker: [];
        UpdateFeatures: [];
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::messages::FetchResponse;
    use crate::protocol::messages::fetch_response::{FetchableTopicResponse, PartitionData};

    #[test]
    fn codes_are_found_at_every_depth() {
        let partition = |error: ErrorCode| PartitionData {
            error_code: error.code(),
            ..Default::default()
        };
        let topic = FetchableTopicResponse {
            partitions: vec![
                partition(ErrorCode::None),
                partition(ErrorCode::OffsetOutOfRange),
            ],
            ..Default::default()
        };
        let response = AnyResponse::from(FetchResponse {
            error_code: ErrorCode::FencedLeaderEpoch.code(),
            responses: vec![topic],
            ..Default::default()
        });
        let mut found = Vec::new();
        visit_error_codes(&response, |code| found.push(code));
        let expected = [
            ErrorCode::FencedLeaderEpoch,
            ErrorCode::None,
            ErrorCode::OffsetOutOfRange,
        ];
        assert_eq!(found, expected);
    }
}
