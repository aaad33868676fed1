//! Which APIs there are, in which versions, and which of them this broker answers.

use super::messages::{APIS, ApiKey};

/// Facts about one API.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Api {
    /// The API.
    pub key: ApiKey,
    /// Kafka's name of it.
    pub name: &'static str,
    /// The oldest and the newest version that can be decoded and encoded.
    pub versions: (i16, i16),
    /// The first version with compact lengths and tagged fields.
    pub flexible_since: Option<i16>,
    /// Where it is offered.
    pub listeners: Listeners,
    /// True if Kafka does not offer the newest version.
    pub is_latest_version_unstable: bool,
}

/// On which kinds of listeners an API is offered.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Listeners {
    /// Listeners for clients and other brokers.
    pub broker: bool,
    /// Listeners of controllers.
    pub controller: bool,
}

impl ApiKey {
    /// Every API, in the order of the numbers.
    pub const ALL: &[Api] = APIS;

    /// The API with this number on the wire.
    #[must_use]
    pub fn from_code(code: i16) -> Option<Self> {
        let place = APIS.binary_search_by_key(&code, |api| api.key.code());
        place.ok().map(|place| APIS[place].key)
    }

    /// The number on the wire.
    #[must_use]
    pub const fn code(self) -> i16 {
        self as i16
    }

    /// What is known about the API.
    ///
    /// # Panics
    /// Never: the table has every key.
    #[must_use]
    pub fn api(self) -> &'static Api {
        let place = APIS.binary_search_by_key(&self, |api| api.key);
        &APIS[place.expect("the table has every key")]
    }

    /// Kafka's name of the API.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.api().name
    }

    /// The version of the request's header.
    #[must_use]
    pub fn request_header_version(self, version: i16) -> i16 {
        if self.is_flexible(version) { 2 } else { 1 }
    }

    /// The version of the response's header.
    #[must_use]
    pub fn response_header_version(self, version: i16) -> i16 {
        // A client that asks for the versions does not know yet what the broker understands, and
        // must be able to read the answer to a request that was too new (KIP-511).
        if self.is_flexible(version) && self != Self::ApiVersions {
            1
        } else {
            0
        }
    }

    fn is_flexible(self, version: i16) -> bool {
        self.api()
            .flexible_since
            .is_some_and(|since| version >= since)
    }

    /// The versions that this broker answers on client listeners; `None` if it lacks the API.
    ///
    /// They are those of Kafka 4.3, which can be fewer than the codec knows.
    #[must_use]
    pub const fn served_versions(self) -> Option<(i16, i16)> {
        Some(match self {
            Self::Produce => (3, 13),
            Self::Fetch => (4, 18),
            Self::ListOffsets => (1, 11),
            Self::Metadata => (0, 13),
            Self::OffsetCommit => (2, 10),
            Self::OffsetFetch => (1, 10),
            Self::FindCoordinator => (0, 6),
            Self::JoinGroup => (0, 9),
            Self::Heartbeat => (0, 4),
            Self::LeaveGroup => (0, 5),
            Self::SyncGroup => (0, 5),
            Self::DescribeGroups => (0, 6),
            Self::ListGroups => (0, 5),
            Self::ApiVersions => (0, 4),
            Self::CreateTopics => (2, 7),
            Self::DeleteTopics => (1, 6),
            Self::DeleteRecords => (0, 2),
            Self::InitProducerId => (0, 5),
            Self::OffsetForLeaderEpoch => (2, 4),
            Self::WriteTxnMarkers => (1, 2),
            Self::DescribeAcls | Self::CreateAcls | Self::DeleteAcls => (1, 3),
            Self::DescribeConfigs => (1, 4),
            Self::AlterConfigs => (0, 2),
            Self::AlterReplicaLogDirs => (1, 2),
            Self::DescribeLogDirs => (1, 5),
            Self::AlterPartitionReassignments => (0, 1),
            Self::ListPartitionReassignments => (0, 0),
            Self::CreatePartitions => (0, 3),
            Self::ElectLeaders | Self::DeleteGroups => (0, 2),
            Self::IncrementalAlterConfigs => (0, 1),
            Self::OffsetDelete => (0, 0),
            Self::DescribeQuorum | Self::DescribeCluster => (0, 2),
            Self::DescribeProducers => (0, 0),
            Self::UnregisterBroker | Self::RemoveRaftVoter => (0, 0),
            Self::AddRaftVoter => (0, 1),
            Self::UpdateFeatures => (0, 2),
            Self::ListConfigResources => (0, 1),
            Self::DescribeTopicPartitions => (0, 0),
            _ => return None,
        })
    }

    /// The versions that this node answers on listeners of controllers; `None` if they lack the
    /// API. Where the listeners of brokers have it too, they are the same.
    #[must_use]
    pub const fn controller_versions(self) -> Option<(i16, i16)> {
        match self {
            Self::FetchSnapshot | Self::BeginQuorumEpoch | Self::EndQuorumEpoch => Some((0, 1)),
            Self::Vote => Some((0, 2)),
            Self::AlterPartition => Some((2, 3)),
            Self::BrokerRegistration => Some((0, 4)),
            Self::BrokerHeartbeat => Some((0, 2)),
            Self::AllocateProducerIds
            | Self::Envelope
            | Self::ControllerRegistration
            | Self::UpdateRaftVoter
            | Self::AssignReplicasToDirs => Some((0, 0)),
            Self::Fetch
            | Self::ApiVersions
            | Self::CreateTopics
            | Self::DeleteTopics
            | Self::DescribeAcls
            | Self::CreateAcls
            | Self::DeleteAcls
            | Self::DescribeConfigs
            | Self::AlterConfigs
            | Self::CreatePartitions
            | Self::IncrementalAlterConfigs
            | Self::AlterPartitionReassignments
            | Self::ListPartitionReassignments
            | Self::ElectLeaders
            | Self::UnregisterBroker
            | Self::UpdateFeatures
            | Self::DescribeQuorum
            | Self::AddRaftVoter
            | Self::RemoveRaftVoter
            | Self::DescribeCluster => self.served_versions(),
            _ => None,
        }
    }

    /// The versions to name in an ApiVersions response; `None` if the broker lacks the API.
    #[must_use]
    pub const fn advertised_versions(self) -> Option<(i16, i16)> {
        match (self, self.served_versions()) {
            // librdkafka refuses a broker that does not claim the oldest Produce (KAFKA-18659).
            (Self::Produce, Some((_, last))) => Some((0, last)),
            (_, served) => served,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_api_is_found_by_its_number() {
        for api in ApiKey::ALL {
            assert_eq!(ApiKey::from_code(api.key.code()), Some(api.key));
            assert_eq!(api.key.name(), api.name);
        }
        assert_eq!(ApiKey::from_code(1), Some(ApiKey::Fetch));
        assert_eq!(
            ApiKey::from_code(4),
            None,
            "its last version went with Kafka 3"
        );
        assert_eq!(ApiKey::from_code(-1), None);
    }

    #[test]
    fn a_controller_serves_what_kafkas_controllers_offer_in_versions_that_can_be_decoded() {
        for api in ApiKey::ALL {
            let Some((first, last)) = api.key.controller_versions() else {
                continue;
            };
            assert!(api.listeners.controller, "{}", api.name);
            assert!(api.versions.0 <= first && last <= api.versions.1);
        }
    }

    #[test]
    fn served_versions_can_be_decoded() {
        for api in ApiKey::ALL {
            let Some((first, last)) = api.key.served_versions() else {
                continue;
            };
            assert!(
                api.versions.0 <= first && last <= api.versions.1,
                "{}",
                api.name
            );
        }
    }

    #[test]
    fn only_produce_is_advertised_below_what_is_served() {
        for api in ApiKey::ALL {
            let advertised = api.key.advertised_versions();
            if api.key == ApiKey::Produce {
                assert_eq!(advertised, Some((0, 13)));
            } else {
                assert_eq!(advertised, api.key.served_versions());
            }
        }
    }
}
