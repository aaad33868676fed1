//! Generated from `schema`: do not edit.

use super::super::wire::{DecodeError, EncodeError, Message, Reader, Writer};
use super::ApiKey;

/// A request of any API.
#[derive(Clone, Debug, PartialEq)]
pub enum AnyRequest {
    Produce(super::ProduceRequest),
    Fetch(super::FetchRequest),
    ListOffsets(super::ListOffsetsRequest),
    Metadata(super::MetadataRequest),
    OffsetCommit(super::OffsetCommitRequest),
    OffsetFetch(super::OffsetFetchRequest),
    FindCoordinator(super::FindCoordinatorRequest),
    JoinGroup(super::JoinGroupRequest),
    Heartbeat(super::HeartbeatRequest),
    LeaveGroup(super::LeaveGroupRequest),
    SyncGroup(super::SyncGroupRequest),
    DescribeGroups(super::DescribeGroupsRequest),
    ListGroups(super::ListGroupsRequest),
    SaslHandshake(super::SaslHandshakeRequest),
    ApiVersions(super::ApiVersionsRequest),
    CreateTopics(super::CreateTopicsRequest),
    DeleteTopics(super::DeleteTopicsRequest),
    DeleteRecords(super::DeleteRecordsRequest),
    InitProducerId(super::InitProducerIdRequest),
    OffsetForLeaderEpoch(super::OffsetForLeaderEpochRequest),
    AddPartitionsToTxn(super::AddPartitionsToTxnRequest),
    AddOffsetsToTxn(super::AddOffsetsToTxnRequest),
    EndTxn(super::EndTxnRequest),
    WriteTxnMarkers(super::WriteTxnMarkersRequest),
    TxnOffsetCommit(super::TxnOffsetCommitRequest),
    DescribeAcls(super::DescribeAclsRequest),
    CreateAcls(super::CreateAclsRequest),
    DeleteAcls(super::DeleteAclsRequest),
    DescribeConfigs(super::DescribeConfigsRequest),
    AlterConfigs(super::AlterConfigsRequest),
    AlterReplicaLogDirs(super::AlterReplicaLogDirsRequest),
    DescribeLogDirs(super::DescribeLogDirsRequest),
    SaslAuthenticate(super::SaslAuthenticateRequest),
    CreatePartitions(super::CreatePartitionsRequest),
    CreateDelegationToken(super::CreateDelegationTokenRequest),
    RenewDelegationToken(super::RenewDelegationTokenRequest),
    ExpireDelegationToken(super::ExpireDelegationTokenRequest),
    DescribeDelegationToken(super::DescribeDelegationTokenRequest),
    DeleteGroups(super::DeleteGroupsRequest),
    ElectLeaders(super::ElectLeadersRequest),
    IncrementalAlterConfigs(super::IncrementalAlterConfigsRequest),
    AlterPartitionReassignments(super::AlterPartitionReassignmentsRequest),
    ListPartitionReassignments(super::ListPartitionReassignmentsRequest),
    OffsetDelete(super::OffsetDeleteRequest),
    DescribeClientQuotas(super::DescribeClientQuotasRequest),
    AlterClientQuotas(super::AlterClientQuotasRequest),
    DescribeUserScramCredentials(super::DescribeUserScramCredentialsRequest),
    AlterUserScramCredentials(super::AlterUserScramCredentialsRequest),
    Vote(super::VoteRequest),
    BeginQuorumEpoch(super::BeginQuorumEpochRequest),
    EndQuorumEpoch(super::EndQuorumEpochRequest),
    DescribeQuorum(super::DescribeQuorumRequest),
    AlterPartition(super::AlterPartitionRequest),
    UpdateFeatures(super::UpdateFeaturesRequest),
    Envelope(super::EnvelopeRequest),
    FetchSnapshot(super::FetchSnapshotRequest),
    DescribeCluster(super::DescribeClusterRequest),
    DescribeProducers(super::DescribeProducersRequest),
    BrokerRegistration(super::BrokerRegistrationRequest),
    BrokerHeartbeat(super::BrokerHeartbeatRequest),
    UnregisterBroker(super::UnregisterBrokerRequest),
    DescribeTransactions(super::DescribeTransactionsRequest),
    ListTransactions(super::ListTransactionsRequest),
    AllocateProducerIds(super::AllocateProducerIdsRequest),
    ConsumerGroupHeartbeat(super::ConsumerGroupHeartbeatRequest),
    ConsumerGroupDescribe(super::ConsumerGroupDescribeRequest),
    ControllerRegistration(super::ControllerRegistrationRequest),
    GetTelemetrySubscriptions(super::GetTelemetrySubscriptionsRequest),
    PushTelemetry(super::PushTelemetryRequest),
    AssignReplicasToDirs(super::AssignReplicasToDirsRequest),
    ListConfigResources(super::ListConfigResourcesRequest),
    DescribeTopicPartitions(super::DescribeTopicPartitionsRequest),
    ShareGroupHeartbeat(super::ShareGroupHeartbeatRequest),
    ShareGroupDescribe(super::ShareGroupDescribeRequest),
    ShareFetch(super::ShareFetchRequest),
    ShareAcknowledge(super::ShareAcknowledgeRequest),
    AddRaftVoter(super::AddRaftVoterRequest),
    RemoveRaftVoter(super::RemoveRaftVoterRequest),
    UpdateRaftVoter(super::UpdateRaftVoterRequest),
    InitializeShareGroupState(super::InitializeShareGroupStateRequest),
    ReadShareGroupState(super::ReadShareGroupStateRequest),
    WriteShareGroupState(super::WriteShareGroupStateRequest),
    DeleteShareGroupState(super::DeleteShareGroupStateRequest),
    ReadShareGroupStateSummary(super::ReadShareGroupStateSummaryRequest),
    StreamsGroupHeartbeat(super::StreamsGroupHeartbeatRequest),
    StreamsGroupDescribe(super::StreamsGroupDescribeRequest),
    DescribeShareGroupOffsets(super::DescribeShareGroupOffsetsRequest),
    AlterShareGroupOffsets(super::AlterShareGroupOffsetsRequest),
    DeleteShareGroupOffsets(super::DeleteShareGroupOffsetsRequest),
    StreamsGroupTopologyDescriptionUpdate(super::StreamsGroupTopologyDescriptionUpdateRequest),
    UnregisterController(super::UnregisterControllerRequest),
}

impl AnyRequest {
    /// The API that it belongs to.
    #[must_use]
    pub const fn key(&self) -> ApiKey {
        match self {
            Self::Produce(_) => ApiKey::Produce,
            Self::Fetch(_) => ApiKey::Fetch,
            Self::ListOffsets(_) => ApiKey::ListOffsets,
            Self::Metadata(_) => ApiKey::Metadata,
            Self::OffsetCommit(_) => ApiKey::OffsetCommit,
            Self::OffsetFetch(_) => ApiKey::OffsetFetch,
            Self::FindCoordinator(_) => ApiKey::FindCoordinator,
            Self::JoinGroup(_) => ApiKey::JoinGroup,
            Self::Heartbeat(_) => ApiKey::Heartbeat,
            Self::LeaveGroup(_) => ApiKey::LeaveGroup,
            Self::SyncGroup(_) => ApiKey::SyncGroup,
            Self::DescribeGroups(_) => ApiKey::DescribeGroups,
            Self::ListGroups(_) => ApiKey::ListGroups,
            Self::SaslHandshake(_) => ApiKey::SaslHandshake,
            Self::ApiVersions(_) => ApiKey::ApiVersions,
            Self::CreateTopics(_) => ApiKey::CreateTopics,
            Self::DeleteTopics(_) => ApiKey::DeleteTopics,
            Self::DeleteRecords(_) => ApiKey::DeleteRecords,
            Self::InitProducerId(_) => ApiKey::InitProducerId,
            Self::OffsetForLeaderEpoch(_) => ApiKey::OffsetForLeaderEpoch,
            Self::AddPartitionsToTxn(_) => ApiKey::AddPartitionsToTxn,
            Self::AddOffsetsToTxn(_) => ApiKey::AddOffsetsToTxn,
            Self::EndTxn(_) => ApiKey::EndTxn,
            Self::WriteTxnMarkers(_) => ApiKey::WriteTxnMarkers,
            Self::TxnOffsetCommit(_) => ApiKey::TxnOffsetCommit,
            Self::DescribeAcls(_) => ApiKey::DescribeAcls,
            Self::CreateAcls(_) => ApiKey::CreateAcls,
            Self::DeleteAcls(_) => ApiKey::DeleteAcls,
            Self::DescribeConfigs(_) => ApiKey::DescribeConfigs,
            Self::AlterConfigs(_) => ApiKey::AlterConfigs,
            Self::AlterReplicaLogDirs(_) => ApiKey::AlterReplicaLogDirs,
            Self::DescribeLogDirs(_) => ApiKey::DescribeLogDirs,
            Self::SaslAuthenticate(_) => ApiKey::SaslAuthenticate,
            Self::CreatePartitions(_) => ApiKey::CreatePartitions,
            Self::CreateDelegationToken(_) => ApiKey::CreateDelegationToken,
            Self::RenewDelegationToken(_) => ApiKey::RenewDelegationToken,
            Self::ExpireDelegationToken(_) => ApiKey::ExpireDelegationToken,
            Self::DescribeDelegationToken(_) => ApiKey::DescribeDelegationToken,
            Self::DeleteGroups(_) => ApiKey::DeleteGroups,
            Self::ElectLeaders(_) => ApiKey::ElectLeaders,
            Self::IncrementalAlterConfigs(_) => ApiKey::IncrementalAlterConfigs,
            Self::AlterPartitionReassignments(_) => ApiKey::AlterPartitionReassignments,
            Self::ListPartitionReassignments(_) => ApiKey::ListPartitionReassignments,
            Self::OffsetDelete(_) => ApiKey::OffsetDelete,
            Self::DescribeClientQuotas(_) => ApiKey::DescribeClientQuotas,
            Self::AlterClientQuotas(_) => ApiKey::AlterClientQuotas,
            Self::DescribeUserScramCredentials(_) => ApiKey::DescribeUserScramCredentials,
            Self::AlterUserScramCredentials(_) => ApiKey::AlterUserScramCredentials,
            Self::Vote(_) => ApiKey::Vote,
            Self::BeginQuorumEpoch(_) => ApiKey::BeginQuorumEpoch,
            Self::EndQuorumEpoch(_) => ApiKey::EndQuorumEpoch,
            Self::DescribeQuorum(_) => ApiKey::DescribeQuorum,
            Self::AlterPartition(_) => ApiKey::AlterPartition,
            Self::UpdateFeatures(_) => ApiKey::UpdateFeatures,
            Self::Envelope(_) => ApiKey::Envelope,
            Self::FetchSnapshot(_) => ApiKey::FetchSnapshot,
            Self::DescribeCluster(_) => ApiKey::DescribeCluster,
            Self::DescribeProducers(_) => ApiKey::DescribeProducers,
            Self::BrokerRegistration(_) => ApiKey::BrokerRegistration,
            Self::BrokerHeartbeat(_) => ApiKey::BrokerHeartbeat,
            Self::UnregisterBroker(_) => ApiKey::UnregisterBroker,
            Self::DescribeTransactions(_) => ApiKey::DescribeTransactions,
            Self::ListTransactions(_) => ApiKey::ListTransactions,
            Self::AllocateProducerIds(_) => ApiKey::AllocateProducerIds,
            Self::ConsumerGroupHeartbeat(_) => ApiKey::ConsumerGroupHeartbeat,
            Self::ConsumerGroupDescribe(_) => ApiKey::ConsumerGroupDescribe,
            Self::ControllerRegistration(_) => ApiKey::ControllerRegistration,
            Self::GetTelemetrySubscriptions(_) => ApiKey::GetTelemetrySubscriptions,
            Self::PushTelemetry(_) => ApiKey::PushTelemetry,
            Self::AssignReplicasToDirs(_) => ApiKey::AssignReplicasToDirs,
            Self::ListConfigResources(_) => ApiKey::ListConfigResources,
            Self::DescribeTopicPartitions(_) => ApiKey::DescribeTopicPartitions,
            Self::ShareGroupHeartbeat(_) => ApiKey::ShareGroupHeartbeat,
            Self::ShareGroupDescribe(_) => ApiKey::ShareGroupDescribe,
            Self::ShareFetch(_) => ApiKey::ShareFetch,
            Self::ShareAcknowledge(_) => ApiKey::ShareAcknowledge,
            Self::AddRaftVoter(_) => ApiKey::AddRaftVoter,
            Self::RemoveRaftVoter(_) => ApiKey::RemoveRaftVoter,
            Self::UpdateRaftVoter(_) => ApiKey::UpdateRaftVoter,
            Self::InitializeShareGroupState(_) => ApiKey::InitializeShareGroupState,
            Self::ReadShareGroupState(_) => ApiKey::ReadShareGroupState,
            Self::WriteShareGroupState(_) => ApiKey::WriteShareGroupState,
            Self::DeleteShareGroupState(_) => ApiKey::DeleteShareGroupState,
            Self::ReadShareGroupStateSummary(_) => ApiKey::ReadShareGroupStateSummary,
            Self::StreamsGroupHeartbeat(_) => ApiKey::StreamsGroupHeartbeat,
            Self::StreamsGroupDescribe(_) => ApiKey::StreamsGroupDescribe,
            Self::DescribeShareGroupOffsets(_) => ApiKey::DescribeShareGroupOffsets,
            Self::AlterShareGroupOffsets(_) => ApiKey::AlterShareGroupOffsets,
            Self::DeleteShareGroupOffsets(_) => ApiKey::DeleteShareGroupOffsets,
            Self::StreamsGroupTopologyDescriptionUpdate(_) => ApiKey::StreamsGroupTopologyDescriptionUpdate,
            Self::UnregisterController(_) => ApiKey::UnregisterController,
        }
    }

    /// Decodes the message of this API and version.
    ///
    /// # Errors
    /// As [`Message::decode`].
    pub fn decode(
        key: ApiKey,
        version: i16,
        reader: &mut Reader,
    ) -> Result<Self, DecodeError> {
        match key {
            ApiKey::Produce => Message::decode(reader, version).map(Self::Produce),
            ApiKey::Fetch => Message::decode(reader, version).map(Self::Fetch),
            ApiKey::ListOffsets => Message::decode(reader, version).map(Self::ListOffsets),
            ApiKey::Metadata => Message::decode(reader, version).map(Self::Metadata),
            ApiKey::OffsetCommit => Message::decode(reader, version).map(Self::OffsetCommit),
            ApiKey::OffsetFetch => Message::decode(reader, version).map(Self::OffsetFetch),
            ApiKey::FindCoordinator => Message::decode(reader, version).map(Self::FindCoordinator),
            ApiKey::JoinGroup => Message::decode(reader, version).map(Self::JoinGroup),
            ApiKey::Heartbeat => Message::decode(reader, version).map(Self::Heartbeat),
            ApiKey::LeaveGroup => Message::decode(reader, version).map(Self::LeaveGroup),
            ApiKey::SyncGroup => Message::decode(reader, version).map(Self::SyncGroup),
            ApiKey::DescribeGroups => Message::decode(reader, version).map(Self::DescribeGroups),
            ApiKey::ListGroups => Message::decode(reader, version).map(Self::ListGroups),
            ApiKey::SaslHandshake => Message::decode(reader, version).map(Self::SaslHandshake),
            ApiKey::ApiVersions => Message::decode(reader, version).map(Self::ApiVersions),
            ApiKey::CreateTopics => Message::decode(reader, version).map(Self::CreateTopics),
            ApiKey::DeleteTopics => Message::decode(reader, version).map(Self::DeleteTopics),
            ApiKey::DeleteRecords => Message::decode(reader, version).map(Self::DeleteRecords),
            ApiKey::InitProducerId => Message::decode(reader, version).map(Self::InitProducerId),
            ApiKey::OffsetForLeaderEpoch => Message::decode(reader, version).map(Self::OffsetForLeaderEpoch),
            ApiKey::AddPartitionsToTxn => Message::decode(reader, version).map(Self::AddPartitionsToTxn),
            ApiKey::AddOffsetsToTxn => Message::decode(reader, version).map(Self::AddOffsetsToTxn),
            ApiKey::EndTxn => Message::decode(reader, version).map(Self::EndTxn),
            ApiKey::WriteTxnMarkers => Message::decode(reader, version).map(Self::WriteTxnMarkers),
            ApiKey::TxnOffsetCommit => Message::decode(reader, version).map(Self::TxnOffsetCommit),
            ApiKey::DescribeAcls => Message::decode(reader, version).map(Self::DescribeAcls),
            ApiKey::CreateAcls => Message::decode(reader, version).map(Self::CreateAcls),
            ApiKey::DeleteAcls => Message::decode(reader, version).map(Self::DeleteAcls),
            ApiKey::DescribeConfigs => Message::decode(reader, version).map(Self::DescribeConfigs),
            ApiKey::AlterConfigs => Message::decode(reader, version).map(Self::AlterConfigs),
            ApiKey::AlterReplicaLogDirs => Message::decode(reader, version).map(Self::AlterReplicaLogDirs),
            ApiKey::DescribeLogDirs => Message::decode(reader, version).map(Self::DescribeLogDirs),
            ApiKey::SaslAuthenticate => Message::decode(reader, version).map(Self::SaslAuthenticate),
            ApiKey::CreatePartitions => Message::decode(reader, version).map(Self::CreatePartitions),
            ApiKey::CreateDelegationToken => Message::decode(reader, version).map(Self::CreateDelegationToken),
            ApiKey::RenewDelegationToken => Message::decode(reader, version).map(Self::RenewDelegationToken),
            ApiKey::ExpireDelegationToken => Message::decode(reader, version).map(Self::ExpireDelegationToken),
            ApiKey::DescribeDelegationToken => Message::decode(reader, version).map(Self::DescribeDelegationToken),
            ApiKey::DeleteGroups => Message::decode(reader, version).map(Self::DeleteGroups),
            ApiKey::ElectLeaders => Message::decode(reader, version).map(Self::ElectLeaders),
            ApiKey::IncrementalAlterConfigs => Message::decode(reader, version).map(Self::IncrementalAlterConfigs),
            ApiKey::AlterPartitionReassignments => Message::decode(reader, version).map(Self::AlterPartitionReassignments),
            ApiKey::ListPartitionReassignments => Message::decode(reader, version).map(Self::ListPartitionReassignments),
            ApiKey::OffsetDelete => Message::decode(reader, version).map(Self::OffsetDelete),
            ApiKey::DescribeClientQuotas => Message::decode(reader, version).map(Self::DescribeClientQuotas),
            ApiKey::AlterClientQuotas => Message::decode(reader, version).map(Self::AlterClientQuotas),
            ApiKey::DescribeUserScramCredentials => Message::decode(reader, version).map(Self::DescribeUserScramCredentials),
            ApiKey::AlterUserScramCredentials => Message::decode(reader, version).map(Self::AlterUserScramCredentials),
            ApiKey::Vote => Message::decode(reader, version).map(Self::Vote),
            ApiKey::BeginQuorumEpoch => Message::decode(reader, version).map(Self::BeginQuorumEpoch),
            ApiKey::EndQuorumEpoch => Message::decode(reader, version).map(Self::EndQuorumEpoch),
            ApiKey::DescribeQuorum => Message::decode(reader, version).map(Self::DescribeQuorum),
            ApiKey::AlterPartition => Message::decode(reader, version).map(Self::AlterPartition),
            ApiKey::UpdateFeatures => Message::decode(reader, version).map(Self::UpdateFeatures),
            ApiKey::Envelope => Message::decode(reader, version).map(Self::Envelope),
            ApiKey::FetchSnapshot => Message::decode(reader, version).map(Self::FetchSnapshot),
            ApiKey::DescribeCluster => Message::decode(reader, version).map(Self::DescribeCluster),
            ApiKey::DescribeProducers => Message::decode(reader, version).map(Self::DescribeProducers),
            ApiKey::BrokerRegistration => Message::decode(reader, version).map(Self::BrokerRegistration),
            ApiKey::BrokerHeartbeat => Message::decode(reader, version).map(Self::BrokerHeartbeat),
            ApiKey::UnregisterBroker => Message::decode(reader, version).map(Self::UnregisterBroker),
            ApiKey::DescribeTransactions => Message::decode(reader, version).map(Self::DescribeTransactions),
            ApiKey::ListTransactions => Message::decode(reader, version).map(Self::ListTransactions),
            ApiKey::AllocateProducerIds => Message::decode(reader, version).map(Self::AllocateProducerIds),
            ApiKey::ConsumerGroupHeartbeat => Message::decode(reader, version).map(Self::ConsumerGroupHeartbeat),
            ApiKey::ConsumerGroupDescribe => Message::decode(reader, version).map(Self::ConsumerGroupDescribe),
            ApiKey::ControllerRegistration => Message::decode(reader, version).map(Self::ControllerRegistration),
            ApiKey::GetTelemetrySubscriptions => Message::decode(reader, version).map(Self::GetTelemetrySubscriptions),
            ApiKey::PushTelemetry => Message::decode(reader, version).map(Self::PushTelemetry),
            ApiKey::AssignReplicasToDirs => Message::decode(reader, version).map(Self::AssignReplicasToDirs),
            ApiKey::ListConfigResources => Message::decode(reader, version).map(Self::ListConfigResources),
            ApiKey::DescribeTopicPartitions => Message::decode(reader, version).map(Self::DescribeTopicPartitions),
            ApiKey::ShareGroupHeartbeat => Message::decode(reader, version).map(Self::ShareGroupHeartbeat),
            ApiKey::ShareGroupDescribe => Message::decode(reader, version).map(Self::ShareGroupDescribe),
            ApiKey::ShareFetch => Message::decode(reader, version).map(Self::ShareFetch),
            ApiKey::ShareAcknowledge => Message::decode(reader, version).map(Self::ShareAcknowledge),
            ApiKey::AddRaftVoter => Message::decode(reader, version).map(Self::AddRaftVoter),
            ApiKey::RemoveRaftVoter => Message::decode(reader, version).map(Self::RemoveRaftVoter),
            ApiKey::UpdateRaftVoter => Message::decode(reader, version).map(Self::UpdateRaftVoter),
            ApiKey::InitializeShareGroupState => Message::decode(reader, version).map(Self::InitializeShareGroupState),
            ApiKey::ReadShareGroupState => Message::decode(reader, version).map(Self::ReadShareGroupState),
            ApiKey::WriteShareGroupState => Message::decode(reader, version).map(Self::WriteShareGroupState),
            ApiKey::DeleteShareGroupState => Message::decode(reader, version).map(Self::DeleteShareGroupState),
            ApiKey::ReadShareGroupStateSummary => Message::decode(reader, version).map(Self::ReadShareGroupStateSummary),
            ApiKey::StreamsGroupHeartbeat => Message::decode(reader, version).map(Self::StreamsGroupHeartbeat),
            ApiKey::StreamsGroupDescribe => Message::decode(reader, version).map(Self::StreamsGroupDescribe),
            ApiKey::DescribeShareGroupOffsets => Message::decode(reader, version).map(Self::DescribeShareGroupOffsets),
            ApiKey::AlterShareGroupOffsets => Message::decode(reader, version).map(Self::AlterShareGroupOffsets),
            ApiKey::DeleteShareGroupOffsets => Message::decode(reader, version).map(Self::DeleteShareGroupOffsets),
            ApiKey::StreamsGroupTopologyDescriptionUpdate => Message::decode(reader, version).map(Self::StreamsGroupTopologyDescriptionUpdate),
            ApiKey::UnregisterController => Message::decode(reader, version).map(Self::UnregisterController),
        }
    }

    /// Appends the message.
    ///
    /// # Errors
    /// As [`Message::encode`].
    pub fn encode(&self, writer: &mut Writer, version: i16) -> Result<(), EncodeError> {
        match self {
            Self::Produce(message) => message.encode(writer, version),
            Self::Fetch(message) => message.encode(writer, version),
            Self::ListOffsets(message) => message.encode(writer, version),
            Self::Metadata(message) => message.encode(writer, version),
            Self::OffsetCommit(message) => message.encode(writer, version),
            Self::OffsetFetch(message) => message.encode(writer, version),
            Self::FindCoordinator(message) => message.encode(writer, version),
            Self::JoinGroup(message) => message.encode(writer, version),
            Self::Heartbeat(message) => message.encode(writer, version),
            Self::LeaveGroup(message) => message.encode(writer, version),
            Self::SyncGroup(message) => message.encode(writer, version),
            Self::DescribeGroups(message) => message.encode(writer, version),
            Self::ListGroups(message) => message.encode(writer, version),
            Self::SaslHandshake(message) => message.encode(writer, version),
            Self::ApiVersions(message) => message.encode(writer, version),
            Self::CreateTopics(message) => message.encode(writer, version),
            Self::DeleteTopics(message) => message.encode(writer, version),
            Self::DeleteRecords(message) => message.encode(writer, version),
            Self::InitProducerId(message) => message.encode(writer, version),
            Self::OffsetForLeaderEpoch(message) => message.encode(writer, version),
            Self::AddPartitionsToTxn(message) => message.encode(writer, version),
            Self::AddOffsetsToTxn(message) => message.encode(writer, version),
            Self::EndTxn(message) => message.encode(writer, version),
            Self::WriteTxnMarkers(message) => message.encode(writer, version),
            Self::TxnOffsetCommit(message) => message.encode(writer, version),
            Self::DescribeAcls(message) => message.encode(writer, version),
            Self::CreateAcls(message) => message.encode(writer, version),
            Self::DeleteAcls(message) => message.encode(writer, version),
            Self::DescribeConfigs(message) => message.encode(writer, version),
            Self::AlterConfigs(message) => message.encode(writer, version),
            Self::AlterReplicaLogDirs(message) => message.encode(writer, version),
            Self::DescribeLogDirs(message) => message.encode(writer, version),
            Self::SaslAuthenticate(message) => message.encode(writer, version),
            Self::CreatePartitions(message) => message.encode(writer, version),
            Self::CreateDelegationToken(message) => message.encode(writer, version),
            Self::RenewDelegationToken(message) => message.encode(writer, version),
            Self::ExpireDelegationToken(message) => message.encode(writer, version),
            Self::DescribeDelegationToken(message) => message.encode(writer, version),
            Self::DeleteGroups(message) => message.encode(writer, version),
            Self::ElectLeaders(message) => message.encode(writer, version),
            Self::IncrementalAlterConfigs(message) => message.encode(writer, version),
            Self::AlterPartitionReassignments(message) => message.encode(writer, version),
            Self::ListPartitionReassignments(message) => message.encode(writer, version),
            Self::OffsetDelete(message) => message.encode(writer, version),
            Self::DescribeClientQuotas(message) => message.encode(writer, version),
            Self::AlterClientQuotas(message) => message.encode(writer, version),
            Self::DescribeUserScramCredentials(message) => message.encode(writer, version),
            Self::AlterUserScramCredentials(message) => message.encode(writer, version),
            Self::Vote(message) => message.encode(writer, version),
            Self::BeginQuorumEpoch(message) => message.encode(writer, version),
            Self::EndQuorumEpoch(message) => message.encode(writer, version),
            Self::DescribeQuorum(message) => message.encode(writer, version),
            Self::AlterPartition(message) => message.encode(writer, version),
            Self::UpdateFeatures(message) => message.encode(writer, version),
            Self::Envelope(message) => message.encode(writer, version),
            Self::FetchSnapshot(message) => message.encode(writer, version),
            Self::DescribeCluster(message) => message.encode(writer, version),
            Self::DescribeProducers(message) => message.encode(writer, version),
            Self::BrokerRegistration(message) => message.encode(writer, version),
            Self::BrokerHeartbeat(message) => message.encode(writer, version),
            Self::UnregisterBroker(message) => message.encode(writer, version),
            Self::DescribeTransactions(message) => message.encode(writer, version),
            Self::ListTransactions(message) => message.encode(writer, version),
            Self::AllocateProducerIds(message) => message.encode(writer, version),
            Self::ConsumerGroupHeartbeat(message) => message.encode(writer, version),
            Self::ConsumerGroupDescribe(message) => message.encode(writer, version),
            Self::ControllerRegistration(message) => message.encode(writer, version),
            Self::GetTelemetrySubscriptions(message) => message.encode(writer, version),
            Self::PushTelemetry(message) => message.encode(writer, version),
            Self::AssignReplicasToDirs(message) => message.encode(writer, version),
            Self::ListConfigResources(message) => message.encode(writer, version),
            Self::DescribeTopicPartitions(message) => message.encode(writer, version),
            Self::ShareGroupHeartbeat(message) => message.encode(writer, version),
            Self::ShareGroupDescribe(message) => message.encode(writer, version),
            Self::ShareFetch(message) => message.encode(writer, version),
            Self::ShareAcknowledge(message) => message.encode(writer, version),
            Self::AddRaftVoter(message) => message.encode(writer, version),
            Self::RemoveRaftVoter(message) => message.encode(writer, version),
            Self::UpdateRaftVoter(message) => message.encode(writer, version),
            Self::InitializeShareGroupState(message) => message.encode(writer, version),
            Self::ReadShareGroupState(message) => message.encode(writer, version),
            Self::WriteShareGroupState(message) => message.encode(writer, version),
            Self::DeleteShareGroupState(message) => message.encode(writer, version),
            Self::ReadShareGroupStateSummary(message) => message.encode(writer, version),
            Self::StreamsGroupHeartbeat(message) => message.encode(writer, version),
            Self::StreamsGroupDescribe(message) => message.encode(writer, version),
            Self::DescribeShareGroupOffsets(message) => message.encode(writer, version),
            Self::AlterShareGroupOffsets(message) => message.encode(writer, version),
            Self::DeleteShareGroupOffsets(message) => message.encode(writer, version),
            Self::StreamsGroupTopologyDescriptionUpdate(message) => message.encode(writer, version),
            Self::UnregisterController(message) => message.encode(writer, version),
        }
    }
}

impl From<super::ProduceRequest> for AnyRequest {
    fn from(message: super::ProduceRequest) -> Self {
        Self::Produce(message)
    }
}

impl From<super::FetchRequest> for AnyRequest {
    fn from(message: super::FetchRequest) -> Self {
        Self::Fetch(message)
    }
}

impl From<super::ListOffsetsRequest> for AnyRequest {
    fn from(message: super::ListOffsetsRequest) -> Self {
        Self::ListOffsets(message)
    }
}

impl From<super::MetadataRequest> for AnyRequest {
    fn from(message: super::MetadataRequest) -> Self {
        Self::Metadata(message)
    }
}

impl From<super::OffsetCommitRequest> for AnyRequest {
    fn from(message: super::OffsetCommitRequest) -> Self {
        Self::OffsetCommit(message)
    }
}

impl From<super::OffsetFetchRequest> for AnyRequest {
    fn from(message: super::OffsetFetchRequest) -> Self {
        Self::OffsetFetch(message)
    }
}

impl From<super::FindCoordinatorRequest> for AnyRequest {
    fn from(message: super::FindCoordinatorRequest) -> Self {
        Self::FindCoordinator(message)
    }
}

impl From<super::JoinGroupRequest> for AnyRequest {
    fn from(message: super::JoinGroupRequest) -> Self {
        Self::JoinGroup(message)
    }
}

impl From<super::HeartbeatRequest> for AnyRequest {
    fn from(message: super::HeartbeatRequest) -> Self {
        Self::Heartbeat(message)
    }
}

impl From<super::LeaveGroupRequest> for AnyRequest {
    fn from(message: super::LeaveGroupRequest) -> Self {
        Self::LeaveGroup(message)
    }
}

impl From<super::SyncGroupRequest> for AnyRequest {
    fn from(message: super::SyncGroupRequest) -> Self {
        Self::SyncGroup(message)
    }
}

impl From<super::DescribeGroupsRequest> for AnyRequest {
    fn from(message: super::DescribeGroupsRequest) -> Self {
        Self::DescribeGroups(message)
    }
}

impl From<super::ListGroupsRequest> for AnyRequest {
    fn from(message: super::ListGroupsRequest) -> Self {
        Self::ListGroups(message)
    }
}

impl From<super::SaslHandshakeRequest> for AnyRequest {
    fn from(message: super::SaslHandshakeRequest) -> Self {
        Self::SaslHandshake(message)
    }
}

impl From<super::ApiVersionsRequest> for AnyRequest {
    fn from(message: super::ApiVersionsRequest) -> Self {
        Self::ApiVersions(message)
    }
}

impl From<super::CreateTopicsRequest> for AnyRequest {
    fn from(message: super::CreateTopicsRequest) -> Self {
        Self::CreateTopics(message)
    }
}

impl From<super::DeleteTopicsRequest> for AnyRequest {
    fn from(message: super::DeleteTopicsRequest) -> Self {
        Self::DeleteTopics(message)
    }
}

impl From<super::DeleteRecordsRequest> for AnyRequest {
    fn from(message: super::DeleteRecordsRequest) -> Self {
        Self::DeleteRecords(message)
    }
}

impl From<super::InitProducerIdRequest> for AnyRequest {
    fn from(message: super::InitProducerIdRequest) -> Self {
        Self::InitProducerId(message)
    }
}

impl From<super::OffsetForLeaderEpochRequest> for AnyRequest {
    fn from(message: super::OffsetForLeaderEpochRequest) -> Self {
        Self::OffsetForLeaderEpoch(message)
    }
}

impl From<super::AddPartitionsToTxnRequest> for AnyRequest {
    fn from(message: super::AddPartitionsToTxnRequest) -> Self {
        Self::AddPartitionsToTxn(message)
    }
}

impl From<super::AddOffsetsToTxnRequest> for AnyRequest {
    fn from(message: super::AddOffsetsToTxnRequest) -> Self {
        Self::AddOffsetsToTxn(message)
    }
}

impl From<super::EndTxnRequest> for AnyRequest {
    fn from(message: super::EndTxnRequest) -> Self {
        Self::EndTxn(message)
    }
}

impl From<super::WriteTxnMarkersRequest> for AnyRequest {
    fn from(message: super::WriteTxnMarkersRequest) -> Self {
        Self::WriteTxnMarkers(message)
    }
}

impl From<super::TxnOffsetCommitRequest> for AnyRequest {
    fn from(message: super::TxnOffsetCommitRequest) -> Self {
        Self::TxnOffsetCommit(message)
    }
}

impl From<super::DescribeAclsRequest> for AnyRequest {
    fn from(message: super::DescribeAclsRequest) -> Self {
        Self::DescribeAcls(message)
    }
}

impl From<super::CreateAclsRequest> for AnyRequest {
    fn from(message: super::CreateAclsRequest) -> Self {
        Self::CreateAcls(message)
    }
}

impl From<super::DeleteAclsRequest> for AnyRequest {
    fn from(message: super::DeleteAclsRequest) -> Self {
        Self::DeleteAcls(message)
    }
}

impl From<super::DescribeConfigsRequest> for AnyRequest {
    fn from(message: super::DescribeConfigsRequest) -> Self {
        Self::DescribeConfigs(message)
    }
}

impl From<super::AlterConfigsRequest> for AnyRequest {
    fn from(message: super::AlterConfigsRequest) -> Self {
        Self::AlterConfigs(message)
    }
}

impl From<super::AlterReplicaLogDirsRequest> for AnyRequest {
    fn from(message: super::AlterReplicaLogDirsRequest) -> Self {
        Self::AlterReplicaLogDirs(message)
    }
}

impl From<super::DescribeLogDirsRequest> for AnyRequest {
    fn from(message: super::DescribeLogDirsRequest) -> Self {
        Self::DescribeLogDirs(message)
    }
}

impl From<super::SaslAuthenticateRequest> for AnyRequest {
    fn from(message: super::SaslAuthenticateRequest) -> Self {
        Self::SaslAuthenticate(message)
    }
}

impl From<super::CreatePartitionsRequest> for AnyRequest {
    fn from(message: super::CreatePartitionsRequest) -> Self {
        Self::CreatePartitions(message)
    }
}

impl From<super::CreateDelegationTokenRequest> for AnyRequest {
    fn from(message: super::CreateDelegationTokenRequest) -> Self {
        Self::CreateDelegationToken(message)
    }
}

impl From<super::RenewDelegationTokenRequest> for AnyRequest {
    fn from(message: super::RenewDelegationTokenRequest) -> Self {
        Self::RenewDelegationToken(message)
    }
}

impl From<super::ExpireDelegationTokenRequest> for AnyRequest {
    fn from(message: super::ExpireDelegationTokenRequest) -> Self {
        Self::ExpireDelegationToken(message)
    }
}

impl From<super::DescribeDelegationTokenRequest> for AnyRequest {
    fn from(message: super::DescribeDelegationTokenRequest) -> Self {
        Self::DescribeDelegationToken(message)
    }
}

impl From<super::DeleteGroupsRequest> for AnyRequest {
    fn from(message: super::DeleteGroupsRequest) -> Self {
        Self::DeleteGroups(message)
    }
}

impl From<super::ElectLeadersRequest> for AnyRequest {
    fn from(message: super::ElectLeadersRequest) -> Self {
        Self::ElectLeaders(message)
    }
}

impl From<super::IncrementalAlterConfigsRequest> for AnyRequest {
    fn from(message: super::IncrementalAlterConfigsRequest) -> Self {
        Self::IncrementalAlterConfigs(message)
    }
}

impl From<super::AlterPartitionReassignmentsRequest> for AnyRequest {
    fn from(message: super::AlterPartitionReassignmentsRequest) -> Self {
        Self::AlterPartitionReassignments(message)
    }
}

impl From<super::ListPartitionReassignmentsRequest> for AnyRequest {
    fn from(message: super::ListPartitionReassignmentsRequest) -> Self {
        Self::ListPartitionReassignments(message)
    }
}

impl From<super::OffsetDeleteRequest> for AnyRequest {
    fn from(message: super::OffsetDeleteRequest) -> Self {
        Self::OffsetDelete(message)
    }
}

impl From<super::DescribeClientQuotasRequest> for AnyRequest {
    fn from(message: super::DescribeClientQuotasRequest) -> Self {
        Self::DescribeClientQuotas(message)
    }
}

impl From<super::AlterClientQuotasRequest> for AnyRequest {
    fn from(message: super::AlterClientQuotasRequest) -> Self {
        Self::AlterClientQuotas(message)
    }
}

impl From<super::DescribeUserScramCredentialsRequest> for AnyRequest {
    fn from(message: super::DescribeUserScramCredentialsRequest) -> Self {
        Self::DescribeUserScramCredentials(message)
    }
}

impl From<super::AlterUserScramCredentialsRequest> for AnyRequest {
    fn from(message: super::AlterUserScramCredentialsRequest) -> Self {
        Self::AlterUserScramCredentials(message)
    }
}

impl From<super::VoteRequest> for AnyRequest {
    fn from(message: super::VoteRequest) -> Self {
        Self::Vote(message)
    }
}

impl From<super::BeginQuorumEpochRequest> for AnyRequest {
    fn from(message: super::BeginQuorumEpochRequest) -> Self {
        Self::BeginQuorumEpoch(message)
    }
}

impl From<super::EndQuorumEpochRequest> for AnyRequest {
    fn from(message: super::EndQuorumEpochRequest) -> Self {
        Self::EndQuorumEpoch(message)
    }
}

impl From<super::DescribeQuorumRequest> for AnyRequest {
    fn from(message: super::DescribeQuorumRequest) -> Self {
        Self::DescribeQuorum(message)
    }
}

impl From<super::AlterPartitionRequest> for AnyRequest {
    fn from(message: super::AlterPartitionRequest) -> Self {
        Self::AlterPartition(message)
    }
}

impl From<super::UpdateFeaturesRequest> for AnyRequest {
    fn from(message: super::UpdateFeaturesRequest) -> Self {
        Self::UpdateFeatures(message)
    }
}

impl From<super::EnvelopeRequest> for AnyRequest {
    fn from(message: super::EnvelopeRequest) -> Self {
        Self::Envelope(message)
    }
}

impl From<super::FetchSnapshotRequest> for AnyRequest {
    fn from(message: super::FetchSnapshotRequest) -> Self {
        Self::FetchSnapshot(message)
    }
}

impl From<super::DescribeClusterRequest> for AnyRequest {
    fn from(message: super::DescribeClusterRequest) -> Self {
        Self::DescribeCluster(message)
    }
}

impl From<super::DescribeProducersRequest> for AnyRequest {
    fn from(message: super::DescribeProducersRequest) -> Self {
        Self::DescribeProducers(message)
    }
}

impl From<super::BrokerRegistrationRequest> for AnyRequest {
    fn from(message: super::BrokerRegistrationRequest) -> Self {
        Self::BrokerRegistration(message)
    }
}

impl From<super::BrokerHeartbeatRequest> for AnyRequest {
    fn from(message: super::BrokerHeartbeatRequest) -> Self {
        Self::BrokerHeartbeat(message)
    }
}

impl From<super::UnregisterBrokerRequest> for AnyRequest {
    fn from(message: super::UnregisterBrokerRequest) -> Self {
        Self::UnregisterBroker(message)
    }
}

impl From<super::DescribeTransactionsRequest> for AnyRequest {
    fn from(message: super::DescribeTransactionsRequest) -> Self {
        Self::DescribeTransactions(message)
    }
}

impl From<super::ListTransactionsRequest> for AnyRequest {
    fn from(message: super::ListTransactionsRequest) -> Self {
        Self::ListTransactions(message)
    }
}

impl From<super::AllocateProducerIdsRequest> for AnyRequest {
    fn from(message: super::AllocateProducerIdsRequest) -> Self {
        Self::AllocateProducerIds(message)
    }
}

impl From<super::ConsumerGroupHeartbeatRequest> for AnyRequest {
    fn from(message: super::ConsumerGroupHeartbeatRequest) -> Self {
        Self::ConsumerGroupHeartbeat(message)
    }
}

impl From<super::ConsumerGroupDescribeRequest> for AnyRequest {
    fn from(message: super::ConsumerGroupDescribeRequest) -> Self {
        Self::ConsumerGroupDescribe(message)
    }
}

impl From<super::ControllerRegistrationRequest> for AnyRequest {
    fn from(message: super::ControllerRegistrationRequest) -> Self {
        Self::ControllerRegistration(message)
    }
}

impl From<super::GetTelemetrySubscriptionsRequest> for AnyRequest {
    fn from(message: super::GetTelemetrySubscriptionsRequest) -> Self {
        Self::GetTelemetrySubscriptions(message)
    }
}

impl From<super::PushTelemetryRequest> for AnyRequest {
    fn from(message: super::PushTelemetryRequest) -> Self {
        Self::PushTelemetry(message)
    }
}

impl From<super::AssignReplicasToDirsRequest> for AnyRequest {
    fn from(message: super::AssignReplicasToDirsRequest) -> Self {
        Self::AssignReplicasToDirs(message)
    }
}

impl From<super::ListConfigResourcesRequest> for AnyRequest {
    fn from(message: super::ListConfigResourcesRequest) -> Self {
        Self::ListConfigResources(message)
    }
}

impl From<super::DescribeTopicPartitionsRequest> for AnyRequest {
    fn from(message: super::DescribeTopicPartitionsRequest) -> Self {
        Self::DescribeTopicPartitions(message)
    }
}

impl From<super::ShareGroupHeartbeatRequest> for AnyRequest {
    fn from(message: super::ShareGroupHeartbeatRequest) -> Self {
        Self::ShareGroupHeartbeat(message)
    }
}

impl From<super::ShareGroupDescribeRequest> for AnyRequest {
    fn from(message: super::ShareGroupDescribeRequest) -> Self {
        Self::ShareGroupDescribe(message)
    }
}

impl From<super::ShareFetchRequest> for AnyRequest {
    fn from(message: super::ShareFetchRequest) -> Self {
        Self::ShareFetch(message)
    }
}

impl From<super::ShareAcknowledgeRequest> for AnyRequest {
    fn from(message: super::ShareAcknowledgeRequest) -> Self {
        Self::ShareAcknowledge(message)
    }
}

impl From<super::AddRaftVoterRequest> for AnyRequest {
    fn from(message: super::AddRaftVoterRequest) -> Self {
        Self::AddRaftVoter(message)
    }
}

impl From<super::RemoveRaftVoterRequest> for AnyRequest {
    fn from(message: super::RemoveRaftVoterRequest) -> Self {
        Self::RemoveRaftVoter(message)
    }
}

impl From<super::UpdateRaftVoterRequest> for AnyRequest {
    fn from(message: super::UpdateRaftVoterRequest) -> Self {
        Self::UpdateRaftVoter(message)
    }
}

impl From<super::InitializeShareGroupStateRequest> for AnyRequest {
    fn from(message: super::InitializeShareGroupStateRequest) -> Self {
        Self::InitializeShareGroupState(message)
    }
}

impl From<super::ReadShareGroupStateRequest> for AnyRequest {
    fn from(message: super::ReadShareGroupStateRequest) -> Self {
        Self::ReadShareGroupState(message)
    }
}

impl From<super::WriteShareGroupStateRequest> for AnyRequest {
    fn from(message: super::WriteShareGroupStateRequest) -> Self {
        Self::WriteShareGroupState(message)
    }
}

impl From<super::DeleteShareGroupStateRequest> for AnyRequest {
    fn from(message: super::DeleteShareGroupStateRequest) -> Self {
        Self::DeleteShareGroupState(message)
    }
}

impl From<super::ReadShareGroupStateSummaryRequest> for AnyRequest {
    fn from(message: super::ReadShareGroupStateSummaryRequest) -> Self {
        Self::ReadShareGroupStateSummary(message)
    }
}

impl From<super::StreamsGroupHeartbeatRequest> for AnyRequest {
    fn from(message: super::StreamsGroupHeartbeatRequest) -> Self {
        Self::StreamsGroupHeartbeat(message)
    }
}

impl From<super::StreamsGroupDescribeRequest> for AnyRequest {
    fn from(message: super::StreamsGroupDescribeRequest) -> Self {
        Self::StreamsGroupDescribe(message)
    }
}

impl From<super::DescribeShareGroupOffsetsRequest> for AnyRequest {
    fn from(message: super::DescribeShareGroupOffsetsRequest) -> Self {
        Self::DescribeShareGroupOffsets(message)
    }
}

impl From<super::AlterShareGroupOffsetsRequest> for AnyRequest {
    fn from(message: super::AlterShareGroupOffsetsRequest) -> Self {
        Self::AlterShareGroupOffsets(message)
    }
}

impl From<super::DeleteShareGroupOffsetsRequest> for AnyRequest {
    fn from(message: super::DeleteShareGroupOffsetsRequest) -> Self {
        Self::DeleteShareGroupOffsets(message)
    }
}

impl From<super::StreamsGroupTopologyDescriptionUpdateRequest> for AnyRequest {
    fn from(message: super::StreamsGroupTopologyDescriptionUpdateRequest) -> Self {
        Self::StreamsGroupTopologyDescriptionUpdate(message)
    }
}

impl From<super::UnregisterControllerRequest> for AnyRequest {
    fn from(message: super::UnregisterControllerRequest) -> Self {
        Self::UnregisterController(message)
    }
}

/// A response of any API.
#[derive(Clone, Debug, PartialEq)]
pub enum AnyResponse {
    Produce(super::ProduceResponse),
    Fetch(super::FetchResponse),
    ListOffsets(super::ListOffsetsResponse),
    Metadata(super::MetadataResponse),
    OffsetCommit(super::OffsetCommitResponse),
    OffsetFetch(super::OffsetFetchResponse),
    FindCoordinator(super::FindCoordinatorResponse),
    JoinGroup(super::JoinGroupResponse),
    Heartbeat(super::HeartbeatResponse),
    LeaveGroup(super::LeaveGroupResponse),
    SyncGroup(super::SyncGroupResponse),
    DescribeGroups(super::DescribeGroupsResponse),
    ListGroups(super::ListGroupsResponse),
    SaslHandshake(super::SaslHandshakeResponse),
    ApiVersions(super::ApiVersionsResponse),
    CreateTopics(super::CreateTopicsResponse),
    DeleteTopics(super::DeleteTopicsResponse),
    DeleteRecords(super::DeleteRecordsResponse),
    InitProducerId(super::InitProducerIdResponse),
    OffsetForLeaderEpoch(super::OffsetForLeaderEpochResponse),
    AddPartitionsToTxn(super::AddPartitionsToTxnResponse),
    AddOffsetsToTxn(super::AddOffsetsToTxnResponse),
    EndTxn(super::EndTxnResponse),
    WriteTxnMarkers(super::WriteTxnMarkersResponse),
    TxnOffsetCommit(super::TxnOffsetCommitResponse),
    DescribeAcls(super::DescribeAclsResponse),
    CreateAcls(super::CreateAclsResponse),
    DeleteAcls(super::DeleteAclsResponse),
    DescribeConfigs(super::DescribeConfigsResponse),
    AlterConfigs(super::AlterConfigsResponse),
    AlterReplicaLogDirs(super::AlterReplicaLogDirsResponse),
    DescribeLogDirs(super::DescribeLogDirsResponse),
    SaslAuthenticate(super::SaslAuthenticateResponse),
    CreatePartitions(super::CreatePartitionsResponse),
    CreateDelegationToken(super::CreateDelegationTokenResponse),
    RenewDelegationToken(super::RenewDelegationTokenResponse),
    ExpireDelegationToken(super::ExpireDelegationTokenResponse),
    DescribeDelegationToken(super::DescribeDelegationTokenResponse),
    DeleteGroups(super::DeleteGroupsResponse),
    ElectLeaders(super::ElectLeadersResponse),
    IncrementalAlterConfigs(super::IncrementalAlterConfigsResponse),
    AlterPartitionReassignments(super::AlterPartitionReassignmentsResponse),
    ListPartitionReassignments(super::ListPartitionReassignmentsResponse),
    OffsetDelete(super::OffsetDeleteResponse),
    DescribeClientQuotas(super::DescribeClientQuotasResponse),
    AlterClientQuotas(super::AlterClientQuotasResponse),
    DescribeUserScramCredentials(super::DescribeUserScramCredentialsResponse),
    AlterUserScramCredentials(super::AlterUserScramCredentialsResponse),
    Vote(super::VoteResponse),
    BeginQuorumEpoch(super::BeginQuorumEpochResponse),
    EndQuorumEpoch(super::EndQuorumEpochResponse),
    DescribeQuorum(super::DescribeQuorumResponse),
    AlterPartition(super::AlterPartitionResponse),
    UpdateFeatures(super::UpdateFeaturesResponse),
    Envelope(super::EnvelopeResponse),
    FetchSnapshot(super::FetchSnapshotResponse),
    DescribeCluster(super::DescribeClusterResponse),
    DescribeProducers(super::DescribeProducersResponse),
    BrokerRegistration(super::BrokerRegistrationResponse),
    BrokerHeartbeat(super::BrokerHeartbeatResponse),
    UnregisterBroker(super::UnregisterBrokerResponse),
    DescribeTransactions(super::DescribeTransactionsResponse),
    ListTransactions(super::ListTransactionsResponse),
    AllocateProducerIds(super::AllocateProducerIdsResponse),
    ConsumerGroupHeartbeat(super::ConsumerGroupHeartbeatResponse),
    ConsumerGroupDescribe(super::ConsumerGroupDescribeResponse),
    ControllerRegistration(super::ControllerRegistrationResponse),
    GetTelemetrySubscriptions(super::GetTelemetrySubscriptionsResponse),
    PushTelemetry(super::PushTelemetryResponse),
    AssignReplicasToDirs(super::AssignReplicasToDirsResponse),
    ListConfigResources(super::ListConfigResourcesResponse),
    DescribeTopicPartitions(super::DescribeTopicPartitionsResponse),
    ShareGroupHeartbeat(super::ShareGroupHeartbeatResponse),
    ShareGroupDescribe(super::ShareGroupDescribeResponse),
    ShareFetch(super::ShareFetchResponse),
    ShareAcknowledge(super::ShareAcknowledgeResponse),
    AddRaftVoter(super::AddRaftVoterResponse),
    RemoveRaftVoter(super::RemoveRaftVoterResponse),
    UpdateRaftVoter(super::UpdateRaftVoterResponse),
    InitializeShareGroupState(super::InitializeShareGroupStateResponse),
    ReadShareGroupState(super::ReadShareGroupStateResponse),
    WriteShareGroupState(super::WriteShareGroupStateResponse),
    DeleteShareGroupState(super::DeleteShareGroupStateResponse),
    ReadShareGroupStateSummary(super::ReadShareGroupStateSummaryResponse),
    StreamsGroupHeartbeat(super::StreamsGroupHeartbeatResponse),
    StreamsGroupDescribe(super::StreamsGroupDescribeResponse),
    DescribeShareGroupOffsets(super::DescribeShareGroupOffsetsResponse),
    AlterShareGroupOffsets(super::AlterShareGroupOffsetsResponse),
    DeleteShareGroupOffsets(super::DeleteShareGroupOffsetsResponse),
    StreamsGroupTopologyDescriptionUpdate(super::StreamsGroupTopologyDescriptionUpdateResponse),
    UnregisterController(super::UnregisterControllerResponse),
}

impl AnyResponse {
    /// The API that it belongs to.
    #[must_use]
    pub const fn key(&self) -> ApiKey {
        match self {
            Self::Produce(_) => ApiKey::Produce,
            Self::Fetch(_) => ApiKey::Fetch,
            Self::ListOffsets(_) => ApiKey::ListOffsets,
            Self::Metadata(_) => ApiKey::Metadata,
            Self::OffsetCommit(_) => ApiKey::OffsetCommit,
            Self::OffsetFetch(_) => ApiKey::OffsetFetch,
            Self::FindCoordinator(_) => ApiKey::FindCoordinator,
            Self::JoinGroup(_) => ApiKey::JoinGroup,
            Self::Heartbeat(_) => ApiKey::Heartbeat,
            Self::LeaveGroup(_) => ApiKey::LeaveGroup,
            Self::SyncGroup(_) => ApiKey::SyncGroup,
            Self::DescribeGroups(_) => ApiKey::DescribeGroups,
            Self::ListGroups(_) => ApiKey::ListGroups,
            Self::SaslHandshake(_) => ApiKey::SaslHandshake,
            Self::ApiVersions(_) => ApiKey::ApiVersions,
            Self::CreateTopics(_) => ApiKey::CreateTopics,
            Self::DeleteTopics(_) => ApiKey::DeleteTopics,
            Self::DeleteRecords(_) => ApiKey::DeleteRecords,
            Self::InitProducerId(_) => ApiKey::InitProducerId,
            Self::OffsetForLeaderEpoch(_) => ApiKey::OffsetForLeaderEpoch,
            Self::AddPartitionsToTxn(_) => ApiKey::AddPartitionsToTxn,
            Self::AddOffsetsToTxn(_) => ApiKey::AddOffsetsToTxn,
            Self::EndTxn(_) => ApiKey::EndTxn,
            Self::WriteTxnMarkers(_) => ApiKey::WriteTxnMarkers,
            Self::TxnOffsetCommit(_) => ApiKey::TxnOffsetCommit,
            Self::DescribeAcls(_) => ApiKey::DescribeAcls,
            Self::CreateAcls(_) => ApiKey::CreateAcls,
            Self::DeleteAcls(_) => ApiKey::DeleteAcls,
            Self::DescribeConfigs(_) => ApiKey::DescribeConfigs,
            Self::AlterConfigs(_) => ApiKey::AlterConfigs,
            Self::AlterReplicaLogDirs(_) => ApiKey::AlterReplicaLogDirs,
            Self::DescribeLogDirs(_) => ApiKey::DescribeLogDirs,
            Self::SaslAuthenticate(_) => ApiKey::SaslAuthenticate,
            Self::CreatePartitions(_) => ApiKey::CreatePartitions,
            Self::CreateDelegationToken(_) => ApiKey::CreateDelegationToken,
            Self::RenewDelegationToken(_) => ApiKey::RenewDelegationToken,
            Self::ExpireDelegationToken(_) => ApiKey::ExpireDelegationToken,
            Self::DescribeDelegationToken(_) => ApiKey::DescribeDelegationToken,
            Self::DeleteGroups(_) => ApiKey::DeleteGroups,
            Self::ElectLeaders(_) => ApiKey::ElectLeaders,
            Self::IncrementalAlterConfigs(_) => ApiKey::IncrementalAlterConfigs,
            Self::AlterPartitionReassignments(_) => ApiKey::AlterPartitionReassignments,
            Self::ListPartitionReassignments(_) => ApiKey::ListPartitionReassignments,
            Self::OffsetDelete(_) => ApiKey::OffsetDelete,
            Self::DescribeClientQuotas(_) => ApiKey::DescribeClientQuotas,
            Self::AlterClientQuotas(_) => ApiKey::AlterClientQuotas,
            Self::DescribeUserScramCredentials(_) => ApiKey::DescribeUserScramCredentials,
            Self::AlterUserScramCredentials(_) => ApiKey::AlterUserScramCredentials,
            Self::Vote(_) => ApiKey::Vote,
            Self::BeginQuorumEpoch(_) => ApiKey::BeginQuorumEpoch,
            Self::EndQuorumEpoch(_) => ApiKey::EndQuorumEpoch,
            Self::DescribeQuorum(_) => ApiKey::DescribeQuorum,
            Self::AlterPartition(_) => ApiKey::AlterPartition,
            Self::UpdateFeatures(_) => ApiKey::UpdateFeatures,
            Self::Envelope(_) => ApiKey::Envelope,
            Self::FetchSnapshot(_) => ApiKey::FetchSnapshot,
            Self::DescribeCluster(_) => ApiKey::DescribeCluster,
            Self::DescribeProducers(_) => ApiKey::DescribeProducers,
            Self::BrokerRegistration(_) => ApiKey::BrokerRegistration,
            Self::BrokerHeartbeat(_) => ApiKey::BrokerHeartbeat,
            Self::UnregisterBroker(_) => ApiKey::UnregisterBroker,
            Self::DescribeTransactions(_) => ApiKey::DescribeTransactions,
            Self::ListTransactions(_) => ApiKey::ListTransactions,
            Self::AllocateProducerIds(_) => ApiKey::AllocateProducerIds,
            Self::ConsumerGroupHeartbeat(_) => ApiKey::ConsumerGroupHeartbeat,
            Self::ConsumerGroupDescribe(_) => ApiKey::ConsumerGroupDescribe,
            Self::ControllerRegistration(_) => ApiKey::ControllerRegistration,
            Self::GetTelemetrySubscriptions(_) => ApiKey::GetTelemetrySubscriptions,
            Self::PushTelemetry(_) => ApiKey::PushTelemetry,
            Self::AssignReplicasToDirs(_) => ApiKey::AssignReplicasToDirs,
            Self::ListConfigResources(_) => ApiKey::ListConfigResources,
            Self::DescribeTopicPartitions(_) => ApiKey::DescribeTopicPartitions,
            Self::ShareGroupHeartbeat(_) => ApiKey::ShareGroupHeartbeat,
            Self::ShareGroupDescribe(_) => ApiKey::ShareGroupDescribe,
            Self::ShareFetch(_) => ApiKey::ShareFetch,
            Self::ShareAcknowledge(_) => ApiKey::ShareAcknowledge,
            Self::AddRaftVoter(_) => ApiKey::AddRaftVoter,
            Self::RemoveRaftVoter(_) => ApiKey::RemoveRaftVoter,
            Self::UpdateRaftVoter(_) => ApiKey::UpdateRaftVoter,
            Self::InitializeShareGroupState(_) => ApiKey::InitializeShareGroupState,
            Self::ReadShareGroupState(_) => ApiKey::ReadShareGroupState,
            Self::WriteShareGroupState(_) => ApiKey::WriteShareGroupState,
            Self::DeleteShareGroupState(_) => ApiKey::DeleteShareGroupState,
            Self::ReadShareGroupStateSummary(_) => ApiKey::ReadShareGroupStateSummary,
            Self::StreamsGroupHeartbeat(_) => ApiKey::StreamsGroupHeartbeat,
            Self::StreamsGroupDescribe(_) => ApiKey::StreamsGroupDescribe,
            Self::DescribeShareGroupOffsets(_) => ApiKey::DescribeShareGroupOffsets,
            Self::AlterShareGroupOffsets(_) => ApiKey::AlterShareGroupOffsets,
            Self::DeleteShareGroupOffsets(_) => ApiKey::DeleteShareGroupOffsets,
            Self::StreamsGroupTopologyDescriptionUpdate(_) => ApiKey::StreamsGroupTopologyDescriptionUpdate,
            Self::UnregisterController(_) => ApiKey::UnregisterController,
        }
    }

    /// Decodes the message of this API and version.
    ///
    /// # Errors
    /// As [`Message::decode`].
    pub fn decode(
        key: ApiKey,
        version: i16,
        reader: &mut Reader,
    ) -> Result<Self, DecodeError> {
        match key {
            ApiKey::Produce => Message::decode(reader, version).map(Self::Produce),
            ApiKey::Fetch => Message::decode(reader, version).map(Self::Fetch),
            ApiKey::ListOffsets => Message::decode(reader, version).map(Self::ListOffsets),
            ApiKey::Metadata => Message::decode(reader, version).map(Self::Metadata),
            ApiKey::OffsetCommit => Message::decode(reader, version).map(Self::OffsetCommit),
            ApiKey::OffsetFetch => Message::decode(reader, version).map(Self::OffsetFetch),
            ApiKey::FindCoordinator => Message::decode(reader, version).map(Self::FindCoordinator),
            ApiKey::JoinGroup => Message::decode(reader, version).map(Self::JoinGroup),
            ApiKey::Heartbeat => Message::decode(reader, version).map(Self::Heartbeat),
            ApiKey::LeaveGroup => Message::decode(reader, version).map(Self::LeaveGroup),
            ApiKey::SyncGroup => Message::decode(reader, version).map(Self::SyncGroup),
            ApiKey::DescribeGroups => Message::decode(reader, version).map(Self::DescribeGroups),
            ApiKey::ListGroups => Message::decode(reader, version).map(Self::ListGroups),
            ApiKey::SaslHandshake => Message::decode(reader, version).map(Self::SaslHandshake),
            ApiKey::ApiVersions => Message::decode(reader, version).map(Self::ApiVersions),
            ApiKey::CreateTopics => Message::decode(reader, version).map(Self::CreateTopics),
            ApiKey::DeleteTopics => Message::decode(reader, version).map(Self::DeleteTopics),
            ApiKey::DeleteRecords => Message::decode(reader, version).map(Self::DeleteRecords),
            ApiKey::InitProducerId => Message::decode(reader, version).map(Self::InitProducerId),
            ApiKey::OffsetForLeaderEpoch => Message::decode(reader, version).map(Self::OffsetForLeaderEpoch),
            ApiKey::AddPartitionsToTxn => Message::decode(reader, version).map(Self::AddPartitionsToTxn),
            ApiKey::AddOffsetsToTxn => Message::decode(reader, version).map(Self::AddOffsetsToTxn),
            ApiKey::EndTxn => Message::decode(reader, version).map(Self::EndTxn),
            ApiKey::WriteTxnMarkers => Message::decode(reader, version).map(Self::WriteTxnMarkers),
            ApiKey::TxnOffsetCommit => Message::decode(reader, version).map(Self::TxnOffsetCommit),
            ApiKey::DescribeAcls => Message::decode(reader, version).map(Self::DescribeAcls),
            ApiKey::CreateAcls => Message::decode(reader, version).map(Self::CreateAcls),
            ApiKey::DeleteAcls => Message::decode(reader, version).map(Self::DeleteAcls),
            ApiKey::DescribeConfigs => Message::decode(reader, version).map(Self::DescribeConfigs),
            ApiKey::AlterConfigs => Message::decode(reader, version).map(Self::AlterConfigs),
            ApiKey::AlterReplicaLogDirs => Message::decode(reader, version).map(Self::AlterReplicaLogDirs),
            ApiKey::DescribeLogDirs => Message::decode(reader, version).map(Self::DescribeLogDirs),
            ApiKey::SaslAuthenticate => Message::decode(reader, version).map(Self::SaslAuthenticate),
            ApiKey::CreatePartitions => Message::decode(reader, version).map(Self::CreatePartitions),
            ApiKey::CreateDelegationToken => Message::decode(reader, version).map(Self::CreateDelegationToken),
            ApiKey::RenewDelegationToken => Message::decode(reader, version).map(Self::RenewDelegationToken),
            ApiKey::ExpireDelegationToken => Message::decode(reader, version).map(Self::ExpireDelegationToken),
            ApiKey::DescribeDelegationToken => Message::decode(reader, version).map(Self::DescribeDelegationToken),
            ApiKey::DeleteGroups => Message::decode(reader, version).map(Self::DeleteGroups),
            ApiKey::ElectLeaders => Message::decode(reader, version).map(Self::ElectLeaders),
            ApiKey::IncrementalAlterConfigs => Message::decode(reader, version).map(Self::IncrementalAlterConfigs),
            ApiKey::AlterPartitionReassignments => Message::decode(reader, version).map(Self::AlterPartitionReassignments),
            ApiKey::ListPartitionReassignments => Message::decode(reader, version).map(Self::ListPartitionReassignments),
            ApiKey::OffsetDelete => Message::decode(reader, version).map(Self::OffsetDelete),
            ApiKey::DescribeClientQuotas => Message::decode(reader, version).map(Self::DescribeClientQuotas),
            ApiKey::AlterClientQuotas => Message::decode(reader, version).map(Self::AlterClientQuotas),
            ApiKey::DescribeUserScramCredentials => Message::decode(reader, version).map(Self::DescribeUserScramCredentials),
            ApiKey::AlterUserScramCredentials => Message::decode(reader, version).map(Self::AlterUserScramCredentials),
            ApiKey::Vote => Message::decode(reader, version).map(Self::Vote),
            ApiKey::BeginQuorumEpoch => Message::decode(reader, version).map(Self::BeginQuorumEpoch),
            ApiKey::EndQuorumEpoch => Message::decode(reader, version).map(Self::EndQuorumEpoch),
            ApiKey::DescribeQuorum => Message::decode(reader, version).map(Self::DescribeQuorum),
            ApiKey::AlterPartition => Message::decode(reader, version).map(Self::AlterPartition),
            ApiKey::UpdateFeatures => Message::decode(reader, version).map(Self::UpdateFeatures),
            ApiKey::Envelope => Message::decode(reader, version).map(Self::Envelope),
            ApiKey::FetchSnapshot => Message::decode(reader, version).map(Self::FetchSnapshot),
            ApiKey::DescribeCluster => Message::decode(reader, version).map(Self::DescribeCluster),
            ApiKey::DescribeProducers => Message::decode(reader, version).map(Self::DescribeProducers),
            ApiKey::BrokerRegistration => Message::decode(reader, version).map(Self::BrokerRegistration),
            ApiKey::BrokerHeartbeat => Message::decode(reader, version).map(Self::BrokerHeartbeat),
            ApiKey::UnregisterBroker => Message::decode(reader, version).map(Self::UnregisterBroker),
            ApiKey::DescribeTransactions => Message::decode(reader, version).map(Self::DescribeTransactions),
            ApiKey::ListTransactions => Message::decode(reader, version).map(Self::ListTransactions),
            ApiKey::AllocateProducerIds => Message::decode(reader, version).map(Self::AllocateProducerIds),
            ApiKey::ConsumerGroupHeartbeat => Message::decode(reader, version).map(Self::ConsumerGroupHeartbeat),
            ApiKey::ConsumerGroupDescribe => Message::decode(reader, version).map(Self::ConsumerGroupDescribe),
            ApiKey::ControllerRegistration => Message::decode(reader, version).map(Self::ControllerRegistration),
            ApiKey::GetTelemetrySubscriptions => Message::decode(reader, version).map(Self::GetTelemetrySubscriptions),
            ApiKey::PushTelemetry => Message::decode(reader, version).map(Self::PushTelemetry),
            ApiKey::AssignReplicasToDirs => Message::decode(reader, version).map(Self::AssignReplicasToDirs),
            ApiKey::ListConfigResources => Message::decode(reader, version).map(Self::ListConfigResources),
            ApiKey::DescribeTopicPartitions => Message::decode(reader, version).map(Self::DescribeTopicPartitions),
            ApiKey::ShareGroupHeartbeat => Message::decode(reader, version).map(Self::ShareGroupHeartbeat),
            ApiKey::ShareGroupDescribe => Message::decode(reader, version).map(Self::ShareGroupDescribe),
            ApiKey::ShareFetch => Message::decode(reader, version).map(Self::ShareFetch),
            ApiKey::ShareAcknowledge => Message::decode(reader, version).map(Self::ShareAcknowledge),
            ApiKey::AddRaftVoter => Message::decode(reader, version).map(Self::AddRaftVoter),
            ApiKey::RemoveRaftVoter => Message::decode(reader, version).map(Self::RemoveRaftVoter),
            ApiKey::UpdateRaftVoter => Message::decode(reader, version).map(Self::UpdateRaftVoter),
            ApiKey::InitializeShareGroupState => Message::decode(reader, version).map(Self::InitializeShareGroupState),
            ApiKey::ReadShareGroupState => Message::decode(reader, version).map(Self::ReadShareGroupState),
            ApiKey::WriteShareGroupState => Message::decode(reader, version).map(Self::WriteShareGroupState),
            ApiKey::DeleteShareGroupState => Message::decode(reader, version).map(Self::DeleteShareGroupState),
            ApiKey::ReadShareGroupStateSummary => Message::decode(reader, version).map(Self::ReadShareGroupStateSummary),
            ApiKey::StreamsGroupHeartbeat => Message::decode(reader, version).map(Self::StreamsGroupHeartbeat),
            ApiKey::StreamsGroupDescribe => Message::decode(reader, version).map(Self::StreamsGroupDescribe),
            ApiKey::DescribeShareGroupOffsets => Message::decode(reader, version).map(Self::DescribeShareGroupOffsets),
            ApiKey::AlterShareGroupOffsets => Message::decode(reader, version).map(Self::AlterShareGroupOffsets),
            ApiKey::DeleteShareGroupOffsets => Message::decode(reader, version).map(Self::DeleteShareGroupOffsets),
            ApiKey::StreamsGroupTopologyDescriptionUpdate => Message::decode(reader, version).map(Self::StreamsGroupTopologyDescriptionUpdate),
            ApiKey::UnregisterController => Message::decode(reader, version).map(Self::UnregisterController),
        }
    }

    /// Appends the message.
    ///
    /// # Errors
    /// As [`Message::encode`].
    pub fn encode(&self, writer: &mut Writer, version: i16) -> Result<(), EncodeError> {
        match self {
            Self::Produce(message) => message.encode(writer, version),
            Self::Fetch(message) => message.encode(writer, version),
            Self::ListOffsets(message) => message.encode(writer, version),
            Self::Metadata(message) => message.encode(writer, version),
            Self::OffsetCommit(message) => message.encode(writer, version),
            Self::OffsetFetch(message) => message.encode(writer, version),
            Self::FindCoordinator(message) => message.encode(writer, version),
            Self::JoinGroup(message) => message.encode(writer, version),
            Self::Heartbeat(message) => message.encode(writer, version),
            Self::LeaveGroup(message) => message.encode(writer, version),
            Self::SyncGroup(message) => message.encode(writer, version),
            Self::DescribeGroups(message) => message.encode(writer, version),
            Self::ListGroups(message) => message.encode(writer, version),
            Self::SaslHandshake(message) => message.encode(writer, version),
            Self::ApiVersions(message) => message.encode(writer, version),
            Self::CreateTopics(message) => message.encode(writer, version),
            Self::DeleteTopics(message) => message.encode(writer, version),
            Self::DeleteRecords(message) => message.encode(writer, version),
            Self::InitProducerId(message) => message.encode(writer, version),
            Self::OffsetForLeaderEpoch(message) => message.encode(writer, version),
            Self::AddPartitionsToTxn(message) => message.encode(writer, version),
            Self::AddOffsetsToTxn(message) => message.encode(writer, version),
            Self::EndTxn(message) => message.encode(writer, version),
            Self::WriteTxnMarkers(message) => message.encode(writer, version),
            Self::TxnOffsetCommit(message) => message.encode(writer, version),
            Self::DescribeAcls(message) => message.encode(writer, version),
            Self::CreateAcls(message) => message.encode(writer, version),
            Self::DeleteAcls(message) => message.encode(writer, version),
            Self::DescribeConfigs(message) => message.encode(writer, version),
            Self::AlterConfigs(message) => message.encode(writer, version),
            Self::AlterReplicaLogDirs(message) => message.encode(writer, version),
            Self::DescribeLogDirs(message) => message.encode(writer, version),
            Self::SaslAuthenticate(message) => message.encode(writer, version),
            Self::CreatePartitions(message) => message.encode(writer, version),
            Self::CreateDelegationToken(message) => message.encode(writer, version),
            Self::RenewDelegationToken(message) => message.encode(writer, version),
            Self::ExpireDelegationToken(message) => message.encode(writer, version),
            Self::DescribeDelegationToken(message) => message.encode(writer, version),
            Self::DeleteGroups(message) => message.encode(writer, version),
            Self::ElectLeaders(message) => message.encode(writer, version),
            Self::IncrementalAlterConfigs(message) => message.encode(writer, version),
            Self::AlterPartitionReassignments(message) => message.encode(writer, version),
            Self::ListPartitionReassignments(message) => message.encode(writer, version),
            Self::OffsetDelete(message) => message.encode(writer, version),
            Self::DescribeClientQuotas(message) => message.encode(writer, version),
            Self::AlterClientQuotas(message) => message.encode(writer, version),
            Self::DescribeUserScramCredentials(message) => message.encode(writer, version),
            Self::AlterUserScramCredentials(message) => message.encode(writer, version),
            Self::Vote(message) => message.encode(writer, version),
            Self::BeginQuorumEpoch(message) => message.encode(writer, version),
            Self::EndQuorumEpoch(message) => message.encode(writer, version),
            Self::DescribeQuorum(message) => message.encode(writer, version),
            Self::AlterPartition(message) => message.encode(writer, version),
            Self::UpdateFeatures(message) => message.encode(writer, version),
            Self::Envelope(message) => message.encode(writer, version),
            Self::FetchSnapshot(message) => message.encode(writer, version),
            Self::DescribeCluster(message) => message.encode(writer, version),
            Self::DescribeProducers(message) => message.encode(writer, version),
            Self::BrokerRegistration(message) => message.encode(writer, version),
            Self::BrokerHeartbeat(message) => message.encode(writer, version),
            Self::UnregisterBroker(message) => message.encode(writer, version),
            Self::DescribeTransactions(message) => message.encode(writer, version),
            Self::ListTransactions(message) => message.encode(writer, version),
            Self::AllocateProducerIds(message) => message.encode(writer, version),
            Self::ConsumerGroupHeartbeat(message) => message.encode(writer, version),
            Self::ConsumerGroupDescribe(message) => message.encode(writer, version),
            Self::ControllerRegistration(message) => message.encode(writer, version),
            Self::GetTelemetrySubscriptions(message) => message.encode(writer, version),
            Self::PushTelemetry(message) => message.encode(writer, version),
            Self::AssignReplicasToDirs(message) => message.encode(writer, version),
            Self::ListConfigResources(message) => message.encode(writer, version),
            Self::DescribeTopicPartitions(message) => message.encode(writer, version),
            Self::ShareGroupHeartbeat(message) => message.encode(writer, version),
            Self::ShareGroupDescribe(message) => message.encode(writer, version),
            Self::ShareFetch(message) => message.encode(writer, version),
            Self::ShareAcknowledge(message) => message.encode(writer, version),
            Self::AddRaftVoter(message) => message.encode(writer, version),
            Self::RemoveRaftVoter(message) => message.encode(writer, version),
            Self::UpdateRaftVoter(message) => message.encode(writer, version),
            Self::InitializeShareGroupState(message) => message.encode(writer, version),
            Self::ReadShareGroupState(message) => message.encode(writer, version),
            Self::WriteShareGroupState(message) => message.encode(writer, version),
            Self::DeleteShareGroupState(message) => message.encode(writer, version),
            Self::ReadShareGroupStateSummary(message) => message.encode(writer, version),
            Self::StreamsGroupHeartbeat(message) => message.encode(writer, version),
            Self::StreamsGroupDescribe(message) => message.encode(writer, version),
            Self::DescribeShareGroupOffsets(message) => message.encode(writer, version),
            Self::AlterShareGroupOffsets(message) => message.encode(writer, version),
            Self::DeleteShareGroupOffsets(message) => message.encode(writer, version),
            Self::StreamsGroupTopologyDescriptionUpdate(message) => message.encode(writer, version),
            Self::UnregisterController(message) => message.encode(writer, version),
        }
    }
}

impl From<super::ProduceResponse> for AnyResponse {
    fn from(message: super::ProduceResponse) -> Self {
        Self::Produce(message)
    }
}

impl From<super::FetchResponse> for AnyResponse {
    fn from(message: super::FetchResponse) -> Self {
        Self::Fetch(message)
    }
}

impl From<super::ListOffsetsResponse> for AnyResponse {
    fn from(message: super::ListOffsetsResponse) -> Self {
        Self::ListOffsets(message)
    }
}

impl From<super::MetadataResponse> for AnyResponse {
    fn from(message: super::MetadataResponse) -> Self {
        Self::Metadata(message)
    }
}

impl From<super::OffsetCommitResponse> for AnyResponse {
    fn from(message: super::OffsetCommitResponse) -> Self {
        Self::OffsetCommit(message)
    }
}

impl From<super::OffsetFetchResponse> for AnyResponse {
    fn from(message: super::OffsetFetchResponse) -> Self {
        Self::OffsetFetch(message)
    }
}

impl From<super::FindCoordinatorResponse> for AnyResponse {
    fn from(message: super::FindCoordinatorResponse) -> Self {
        Self::FindCoordinator(message)
    }
}

impl From<super::JoinGroupResponse> for AnyResponse {
    fn from(message: super::JoinGroupResponse) -> Self {
        Self::JoinGroup(message)
    }
}

impl From<super::HeartbeatResponse> for AnyResponse {
    fn from(message: super::HeartbeatResponse) -> Self {
        Self::Heartbeat(message)
    }
}

impl From<super::LeaveGroupResponse> for AnyResponse {
    fn from(message: super::LeaveGroupResponse) -> Self {
        Self::LeaveGroup(message)
    }
}

impl From<super::SyncGroupResponse> for AnyResponse {
    fn from(message: super::SyncGroupResponse) -> Self {
        Self::SyncGroup(message)
    }
}

impl From<super::DescribeGroupsResponse> for AnyResponse {
    fn from(message: super::DescribeGroupsResponse) -> Self {
        Self::DescribeGroups(message)
    }
}

impl From<super::ListGroupsResponse> for AnyResponse {
    fn from(message: super::ListGroupsResponse) -> Self {
        Self::ListGroups(message)
    }
}

impl From<super::SaslHandshakeResponse> for AnyResponse {
    fn from(message: super::SaslHandshakeResponse) -> Self {
        Self::SaslHandshake(message)
    }
}

impl From<super::ApiVersionsResponse> for AnyResponse {
    fn from(message: super::ApiVersionsResponse) -> Self {
        Self::ApiVersions(message)
    }
}

impl From<super::CreateTopicsResponse> for AnyResponse {
    fn from(message: super::CreateTopicsResponse) -> Self {
        Self::CreateTopics(message)
    }
}

impl From<super::DeleteTopicsResponse> for AnyResponse {
    fn from(message: super::DeleteTopicsResponse) -> Self {
        Self::DeleteTopics(message)
    }
}

impl From<super::DeleteRecordsResponse> for AnyResponse {
    fn from(message: super::DeleteRecordsResponse) -> Self {
        Self::DeleteRecords(message)
    }
}

impl From<super::InitProducerIdResponse> for AnyResponse {
    fn from(message: super::InitProducerIdResponse) -> Self {
        Self::InitProducerId(message)
    }
}

impl From<super::OffsetForLeaderEpochResponse> for AnyResponse {
    fn from(message: super::OffsetForLeaderEpochResponse) -> Self {
        Self::OffsetForLeaderEpoch(message)
    }
}

impl From<super::AddPartitionsToTxnResponse> for AnyResponse {
    fn from(message: super::AddPartitionsToTxnResponse) -> Self {
        Self::AddPartitionsToTxn(message)
    }
}

impl From<super::AddOffsetsToTxnResponse> for AnyResponse {
    fn from(message: super::AddOffsetsToTxnResponse) -> Self {
        Self::AddOffsetsToTxn(message)
    }
}

impl From<super::EndTxnResponse> for AnyResponse {
    fn from(message: super::EndTxnResponse) -> Self {
        Self::EndTxn(message)
    }
}

impl From<super::WriteTxnMarkersResponse> for AnyResponse {
    fn from(message: super::WriteTxnMarkersResponse) -> Self {
        Self::WriteTxnMarkers(message)
    }
}

impl From<super::TxnOffsetCommitResponse> for AnyResponse {
    fn from(message: super::TxnOffsetCommitResponse) -> Self {
        Self::TxnOffsetCommit(message)
    }
}

impl From<super::DescribeAclsResponse> for AnyResponse {
    fn from(message: super::DescribeAclsResponse) -> Self {
        Self::DescribeAcls(message)
    }
}

impl From<super::CreateAclsResponse> for AnyResponse {
    fn from(message: super::CreateAclsResponse) -> Self {
        Self::CreateAcls(message)
    }
}

impl From<super::DeleteAclsResponse> for AnyResponse {
    fn from(message: super::DeleteAclsResponse) -> Self {
        Self::DeleteAcls(message)
    }
}

impl From<super::DescribeConfigsResponse> for AnyResponse {
    fn from(message: super::DescribeConfigsResponse) -> Self {
        Self::DescribeConfigs(message)
    }
}

impl From<super::AlterConfigsResponse> for AnyResponse {
    fn from(message: super::AlterConfigsResponse) -> Self {
        Self::AlterConfigs(message)
    }
}

impl From<super::AlterReplicaLogDirsResponse> for AnyResponse {
    fn from(message: super::AlterReplicaLogDirsResponse) -> Self {
        Self::AlterReplicaLogDirs(message)
    }
}

impl From<super::DescribeLogDirsResponse> for AnyResponse {
    fn from(message: super::DescribeLogDirsResponse) -> Self {
        Self::DescribeLogDirs(message)
    }
}

impl From<super::SaslAuthenticateResponse> for AnyResponse {
    fn from(message: super::SaslAuthenticateResponse) -> Self {
        Self::SaslAuthenticate(message)
    }
}

impl From<super::CreatePartitionsResponse> for AnyResponse {
    fn from(message: super::CreatePartitionsResponse) -> Self {
        Self::CreatePartitions(message)
    }
}

impl From<super::CreateDelegationTokenResponse> for AnyResponse {
    fn from(message: super::CreateDelegationTokenResponse) -> Self {
        Self::CreateDelegationToken(message)
    }
}

impl From<super::RenewDelegationTokenResponse> for AnyResponse {
    fn from(message: super::RenewDelegationTokenResponse) -> Self {
        Self::RenewDelegationToken(message)
    }
}

impl From<super::ExpireDelegationTokenResponse> for AnyResponse {
    fn from(message: super::ExpireDelegationTokenResponse) -> Self {
        Self::ExpireDelegationToken(message)
    }
}

impl From<super::DescribeDelegationTokenResponse> for AnyResponse {
    fn from(message: super::DescribeDelegationTokenResponse) -> Self {
        Self::DescribeDelegationToken(message)
    }
}

impl From<super::DeleteGroupsResponse> for AnyResponse {
    fn from(message: super::DeleteGroupsResponse) -> Self {
        Self::DeleteGroups(message)
    }
}

impl From<super::ElectLeadersResponse> for AnyResponse {
    fn from(message: super::ElectLeadersResponse) -> Self {
        Self::ElectLeaders(message)
    }
}

impl From<super::IncrementalAlterConfigsResponse> for AnyResponse {
    fn from(message: super::IncrementalAlterConfigsResponse) -> Self {
        Self::IncrementalAlterConfigs(message)
    }
}

impl From<super::AlterPartitionReassignmentsResponse> for AnyResponse {
    fn from(message: super::AlterPartitionReassignmentsResponse) -> Self {
        Self::AlterPartitionReassignments(message)
    }
}

impl From<super::ListPartitionReassignmentsResponse> for AnyResponse {
    fn from(message: super::ListPartitionReassignmentsResponse) -> Self {
        Self::ListPartitionReassignments(message)
    }
}

impl From<super::OffsetDeleteResponse> for AnyResponse {
    fn from(message: super::OffsetDeleteResponse) -> Self {
        Self::OffsetDelete(message)
    }
}

impl From<super::DescribeClientQuotasResponse> for AnyResponse {
    fn from(message: super::DescribeClientQuotasResponse) -> Self {
        Self::DescribeClientQuotas(message)
    }
}

impl From<super::AlterClientQuotasResponse> for AnyResponse {
    fn from(message: super::AlterClientQuotasResponse) -> Self {
        Self::AlterClientQuotas(message)
    }
}

impl From<super::DescribeUserScramCredentialsResponse> for AnyResponse {
    fn from(message: super::DescribeUserScramCredentialsResponse) -> Self {
        Self::DescribeUserScramCredentials(message)
    }
}

impl From<super::AlterUserScramCredentialsResponse> for AnyResponse {
    fn from(message: super::AlterUserScramCredentialsResponse) -> Self {
        Self::AlterUserScramCredentials(message)
    }
}

impl From<super::VoteResponse> for AnyResponse {
    fn from(message: super::VoteResponse) -> Self {
        Self::Vote(message)
    }
}

impl From<super::BeginQuorumEpochResponse> for AnyResponse {
    fn from(message: super::BeginQuorumEpochResponse) -> Self {
        Self::BeginQuorumEpoch(message)
    }
}

impl From<super::EndQuorumEpochResponse> for AnyResponse {
    fn from(message: super::EndQuorumEpochResponse) -> Self {
        Self::EndQuorumEpoch(message)
    }
}

impl From<super::DescribeQuorumResponse> for AnyResponse {
    fn from(message: super::DescribeQuorumResponse) -> Self {
        Self::DescribeQuorum(message)
    }
}

impl From<super::AlterPartitionResponse> for AnyResponse {
    fn from(message: super::AlterPartitionResponse) -> Self {
        Self::AlterPartition(message)
    }
}

impl From<super::UpdateFeaturesResponse> for AnyResponse {
    fn from(message: super::UpdateFeaturesResponse) -> Self {
        Self::UpdateFeatures(message)
    }
}

impl From<super::EnvelopeResponse> for AnyResponse {
    fn from(message: super::EnvelopeResponse) -> Self {
        Self::Envelope(message)
    }
}

impl From<super::FetchSnapshotResponse> for AnyResponse {
    fn from(message: super::FetchSnapshotResponse) -> Self {
        Self::FetchSnapshot(message)
    }
}

impl From<super::DescribeClusterResponse> for AnyResponse {
    fn from(message: super::DescribeClusterResponse) -> Self {
        Self::DescribeCluster(message)
    }
}

impl From<super::DescribeProducersResponse> for AnyResponse {
    fn from(message: super::DescribeProducersResponse) -> Self {
        Self::DescribeProducers(message)
    }
}

impl From<super::BrokerRegistrationResponse> for AnyResponse {
    fn from(message: super::BrokerRegistrationResponse) -> Self {
        Self::BrokerRegistration(message)
    }
}

impl From<super::BrokerHeartbeatResponse> for AnyResponse {
    fn from(message: super::BrokerHeartbeatResponse) -> Self {
        Self::BrokerHeartbeat(message)
    }
}

impl From<super::UnregisterBrokerResponse> for AnyResponse {
    fn from(message: super::UnregisterBrokerResponse) -> Self {
        Self::UnregisterBroker(message)
    }
}

impl From<super::DescribeTransactionsResponse> for AnyResponse {
    fn from(message: super::DescribeTransactionsResponse) -> Self {
        Self::DescribeTransactions(message)
    }
}

impl From<super::ListTransactionsResponse> for AnyResponse {
    fn from(message: super::ListTransactionsResponse) -> Self {
        Self::ListTransactions(message)
    }
}

impl From<super::AllocateProducerIdsResponse> for AnyResponse {
    fn from(message: super::AllocateProducerIdsResponse) -> Self {
        Self::AllocateProducerIds(message)
    }
}

impl From<super::ConsumerGroupHeartbeatResponse> for AnyResponse {
    fn from(message: super::ConsumerGroupHeartbeatResponse) -> Self {
        Self::ConsumerGroupHeartbeat(message)
    }
}

impl From<super::ConsumerGroupDescribeResponse> for AnyResponse {
    fn from(message: super::ConsumerGroupDescribeResponse) -> Self {
        Self::ConsumerGroupDescribe(message)
    }
}

impl From<super::ControllerRegistrationResponse> for AnyResponse {
    fn from(message: super::ControllerRegistrationResponse) -> Self {
        Self::ControllerRegistration(message)
    }
}

impl From<super::GetTelemetrySubscriptionsResponse> for AnyResponse {
    fn from(message: super::GetTelemetrySubscriptionsResponse) -> Self {
        Self::GetTelemetrySubscriptions(message)
    }
}

impl From<super::PushTelemetryResponse> for AnyResponse {
    fn from(message: super::PushTelemetryResponse) -> Self {
        Self::PushTelemetry(message)
    }
}

impl From<super::AssignReplicasToDirsResponse> for AnyResponse {
    fn from(message: super::AssignReplicasToDirsResponse) -> Self {
        Self::AssignReplicasToDirs(message)
    }
}

impl From<super::ListConfigResourcesResponse> for AnyResponse {
    fn from(message: super::ListConfigResourcesResponse) -> Self {
        Self::ListConfigResources(message)
    }
}

impl From<super::DescribeTopicPartitionsResponse> for AnyResponse {
    fn from(message: super::DescribeTopicPartitionsResponse) -> Self {
        Self::DescribeTopicPartitions(message)
    }
}

impl From<super::ShareGroupHeartbeatResponse> for AnyResponse {
    fn from(message: super::ShareGroupHeartbeatResponse) -> Self {
        Self::ShareGroupHeartbeat(message)
    }
}

impl From<super::ShareGroupDescribeResponse> for AnyResponse {
    fn from(message: super::ShareGroupDescribeResponse) -> Self {
        Self::ShareGroupDescribe(message)
    }
}

impl From<super::ShareFetchResponse> for AnyResponse {
    fn from(message: super::ShareFetchResponse) -> Self {
        Self::ShareFetch(message)
    }
}

impl From<super::ShareAcknowledgeResponse> for AnyResponse {
    fn from(message: super::ShareAcknowledgeResponse) -> Self {
        Self::ShareAcknowledge(message)
    }
}

impl From<super::AddRaftVoterResponse> for AnyResponse {
    fn from(message: super::AddRaftVoterResponse) -> Self {
        Self::AddRaftVoter(message)
    }
}

impl From<super::RemoveRaftVoterResponse> for AnyResponse {
    fn from(message: super::RemoveRaftVoterResponse) -> Self {
        Self::RemoveRaftVoter(message)
    }
}

impl From<super::UpdateRaftVoterResponse> for AnyResponse {
    fn from(message: super::UpdateRaftVoterResponse) -> Self {
        Self::UpdateRaftVoter(message)
    }
}

impl From<super::InitializeShareGroupStateResponse> for AnyResponse {
    fn from(message: super::InitializeShareGroupStateResponse) -> Self {
        Self::InitializeShareGroupState(message)
    }
}

impl From<super::ReadShareGroupStateResponse> for AnyResponse {
    fn from(message: super::ReadShareGroupStateResponse) -> Self {
        Self::ReadShareGroupState(message)
    }
}

impl From<super::WriteShareGroupStateResponse> for AnyResponse {
    fn from(message: super::WriteShareGroupStateResponse) -> Self {
        Self::WriteShareGroupState(message)
    }
}

impl From<super::DeleteShareGroupStateResponse> for AnyResponse {
    fn from(message: super::DeleteShareGroupStateResponse) -> Self {
        Self::DeleteShareGroupState(message)
    }
}

impl From<super::ReadShareGroupStateSummaryResponse> for AnyResponse {
    fn from(message: super::ReadShareGroupStateSummaryResponse) -> Self {
        Self::ReadShareGroupStateSummary(message)
    }
}

impl From<super::StreamsGroupHeartbeatResponse> for AnyResponse {
    fn from(message: super::StreamsGroupHeartbeatResponse) -> Self {
        Self::StreamsGroupHeartbeat(message)
    }
}

impl From<super::StreamsGroupDescribeResponse> for AnyResponse {
    fn from(message: super::StreamsGroupDescribeResponse) -> Self {
        Self::StreamsGroupDescribe(message)
    }
}

impl From<super::DescribeShareGroupOffsetsResponse> for AnyResponse {
    fn from(message: super::DescribeShareGroupOffsetsResponse) -> Self {
        Self::DescribeShareGroupOffsets(message)
    }
}

impl From<super::AlterShareGroupOffsetsResponse> for AnyResponse {
    fn from(message: super::AlterShareGroupOffsetsResponse) -> Self {
        Self::AlterShareGroupOffsets(message)
    }
}

impl From<super::DeleteShareGroupOffsetsResponse> for AnyResponse {
    fn from(message: super::DeleteShareGroupOffsetsResponse) -> Self {
        Self::DeleteShareGroupOffsets(message)
    }
}

impl From<super::StreamsGroupTopologyDescriptionUpdateResponse> for AnyResponse {
    fn from(message: super::StreamsGroupTopologyDescriptionUpdateResponse) -> Self {
        Self::StreamsGroupTopologyDescriptionUpdate(message)
    }
}

impl From<super::UnregisterControllerResponse> for AnyResponse {
    fn from(message: super::UnregisterControllerResponse) -> Self {
        Self::UnregisterController(message)
    }
}
