//! Generated from `schema`: do not edit.

use super::super::wire::{DecodeError, EncodeError, Message, Reader, Writer};
use super::super::wire::RecordContent as _;

/// The content of a record in `__cluster_metadata`.
#[derive(Clone, Debug, PartialEq)]
pub enum MetadataRecord {
    RegisterBroker(super::RegisterBrokerRecord),
    UnregisterBroker(super::UnregisterBrokerRecord),
    Topic(super::TopicRecord),
    Partition(super::PartitionRecord),
    Config(super::ConfigRecord),
    PartitionChange(super::PartitionChangeRecord),
    FenceBroker(super::FenceBrokerRecord),
    UnfenceBroker(super::UnfenceBrokerRecord),
    RemoveTopic(super::RemoveTopicRecord),
    DelegationToken(super::DelegationTokenRecord),
    UserScramCredential(super::UserScramCredentialRecord),
    FeatureLevel(super::FeatureLevelRecord),
    ClientQuota(super::ClientQuotaRecord),
    ProducerIds(super::ProducerIdsRecord),
    BrokerRegistrationChange(super::BrokerRegistrationChangeRecord),
    AccessControlEntry(super::AccessControlEntryRecord),
    RemoveAccessControlEntry(super::RemoveAccessControlEntryRecord),
    NoOp(super::NoOpRecord),
    ZkMigrationState(super::ZkMigrationStateRecord),
    RemoveUserScramCredential(super::RemoveUserScramCredentialRecord),
    BeginTransaction(super::BeginTransactionRecord),
    EndTransaction(super::EndTransactionRecord),
    AbortTransaction(super::AbortTransactionRecord),
    RemoveDelegationToken(super::RemoveDelegationTokenRecord),
    RegisterController(super::RegisterControllerRecord),
    ClearElr(super::ClearElrRecord),
    UnregisterController(super::UnregisterControllerRecord),
}

impl MetadataRecord {
    /// The number that says which record it is.
    #[must_use]
    pub const fn record_type(&self) -> i16 {
        match self {
            Self::RegisterBroker(_) => super::RegisterBrokerRecord::TYPE,
            Self::UnregisterBroker(_) => super::UnregisterBrokerRecord::TYPE,
            Self::Topic(_) => super::TopicRecord::TYPE,
            Self::Partition(_) => super::PartitionRecord::TYPE,
            Self::Config(_) => super::ConfigRecord::TYPE,
            Self::PartitionChange(_) => super::PartitionChangeRecord::TYPE,
            Self::FenceBroker(_) => super::FenceBrokerRecord::TYPE,
            Self::UnfenceBroker(_) => super::UnfenceBrokerRecord::TYPE,
            Self::RemoveTopic(_) => super::RemoveTopicRecord::TYPE,
            Self::DelegationToken(_) => super::DelegationTokenRecord::TYPE,
            Self::UserScramCredential(_) => super::UserScramCredentialRecord::TYPE,
            Self::FeatureLevel(_) => super::FeatureLevelRecord::TYPE,
            Self::ClientQuota(_) => super::ClientQuotaRecord::TYPE,
            Self::ProducerIds(_) => super::ProducerIdsRecord::TYPE,
            Self::BrokerRegistrationChange(_) => super::BrokerRegistrationChangeRecord::TYPE,
            Self::AccessControlEntry(_) => super::AccessControlEntryRecord::TYPE,
            Self::RemoveAccessControlEntry(_) => super::RemoveAccessControlEntryRecord::TYPE,
            Self::NoOp(_) => super::NoOpRecord::TYPE,
            Self::ZkMigrationState(_) => super::ZkMigrationStateRecord::TYPE,
            Self::RemoveUserScramCredential(_) => super::RemoveUserScramCredentialRecord::TYPE,
            Self::BeginTransaction(_) => super::BeginTransactionRecord::TYPE,
            Self::EndTransaction(_) => super::EndTransactionRecord::TYPE,
            Self::AbortTransaction(_) => super::AbortTransactionRecord::TYPE,
            Self::RemoveDelegationToken(_) => super::RemoveDelegationTokenRecord::TYPE,
            Self::RegisterController(_) => super::RegisterControllerRecord::TYPE,
            Self::ClearElr(_) => super::ClearElrRecord::TYPE,
            Self::UnregisterController(_) => super::UnregisterControllerRecord::TYPE,
        }
    }

    /// Decodes the fields of the record of this type and version.
    ///
    /// # Errors
    /// If there is no such type, and as [`Message::decode`].
    pub fn decode_content(
        record_type: i16,
        version: i16,
        reader: &mut Reader,
    ) -> Result<Self, DecodeError> {
        match record_type {
            super::RegisterBrokerRecord::TYPE => {
                Message::decode(reader, version).map(Self::RegisterBroker)
            }
            super::UnregisterBrokerRecord::TYPE => {
                Message::decode(reader, version).map(Self::UnregisterBroker)
            }
            super::TopicRecord::TYPE => {
                Message::decode(reader, version).map(Self::Topic)
            }
            super::PartitionRecord::TYPE => {
                Message::decode(reader, version).map(Self::Partition)
            }
            super::ConfigRecord::TYPE => {
                Message::decode(reader, version).map(Self::Config)
            }
            super::PartitionChangeRecord::TYPE => {
                Message::decode(reader, version).map(Self::PartitionChange)
            }
            super::FenceBrokerRecord::TYPE => {
                Message::decode(reader, version).map(Self::FenceBroker)
            }
            super::UnfenceBrokerRecord::TYPE => {
                Message::decode(reader, version).map(Self::UnfenceBroker)
            }
            super::RemoveTopicRecord::TYPE => {
                Message::decode(reader, version).map(Self::RemoveTopic)
            }
            super::DelegationTokenRecord::TYPE => {
                Message::decode(reader, version).map(Self::DelegationToken)
            }
            super::UserScramCredentialRecord::TYPE => {
                Message::decode(reader, version).map(Self::UserScramCredential)
            }
            super::FeatureLevelRecord::TYPE => {
                Message::decode(reader, version).map(Self::FeatureLevel)
            }
            super::ClientQuotaRecord::TYPE => {
                Message::decode(reader, version).map(Self::ClientQuota)
            }
            super::ProducerIdsRecord::TYPE => {
                Message::decode(reader, version).map(Self::ProducerIds)
            }
            super::BrokerRegistrationChangeRecord::TYPE => {
                Message::decode(reader, version).map(Self::BrokerRegistrationChange)
            }
            super::AccessControlEntryRecord::TYPE => {
                Message::decode(reader, version).map(Self::AccessControlEntry)
            }
            super::RemoveAccessControlEntryRecord::TYPE => {
                Message::decode(reader, version).map(Self::RemoveAccessControlEntry)
            }
            super::NoOpRecord::TYPE => {
                Message::decode(reader, version).map(Self::NoOp)
            }
            super::ZkMigrationStateRecord::TYPE => {
                Message::decode(reader, version).map(Self::ZkMigrationState)
            }
            super::RemoveUserScramCredentialRecord::TYPE => {
                Message::decode(reader, version).map(Self::RemoveUserScramCredential)
            }
            super::BeginTransactionRecord::TYPE => {
                Message::decode(reader, version).map(Self::BeginTransaction)
            }
            super::EndTransactionRecord::TYPE => {
                Message::decode(reader, version).map(Self::EndTransaction)
            }
            super::AbortTransactionRecord::TYPE => {
                Message::decode(reader, version).map(Self::AbortTransaction)
            }
            super::RemoveDelegationTokenRecord::TYPE => {
                Message::decode(reader, version).map(Self::RemoveDelegationToken)
            }
            super::RegisterControllerRecord::TYPE => {
                Message::decode(reader, version).map(Self::RegisterController)
            }
            super::ClearElrRecord::TYPE => {
                Message::decode(reader, version).map(Self::ClearElr)
            }
            super::UnregisterControllerRecord::TYPE => {
                Message::decode(reader, version).map(Self::UnregisterController)
            }
            _ => Err(reader.expected("a known type of metadata record")),
        }
    }

    /// Appends the message.
    ///
    /// # Errors
    /// As [`Message::encode`].
    pub fn encode(&self, writer: &mut Writer, version: i16) -> Result<(), EncodeError> {
        match self {
            Self::RegisterBroker(message) => message.encode(writer, version),
            Self::UnregisterBroker(message) => message.encode(writer, version),
            Self::Topic(message) => message.encode(writer, version),
            Self::Partition(message) => message.encode(writer, version),
            Self::Config(message) => message.encode(writer, version),
            Self::PartitionChange(message) => message.encode(writer, version),
            Self::FenceBroker(message) => message.encode(writer, version),
            Self::UnfenceBroker(message) => message.encode(writer, version),
            Self::RemoveTopic(message) => message.encode(writer, version),
            Self::DelegationToken(message) => message.encode(writer, version),
            Self::UserScramCredential(message) => message.encode(writer, version),
            Self::FeatureLevel(message) => message.encode(writer, version),
            Self::ClientQuota(message) => message.encode(writer, version),
            Self::ProducerIds(message) => message.encode(writer, version),
            Self::BrokerRegistrationChange(message) => message.encode(writer, version),
            Self::AccessControlEntry(message) => message.encode(writer, version),
            Self::RemoveAccessControlEntry(message) => message.encode(writer, version),
            Self::NoOp(message) => message.encode(writer, version),
            Self::ZkMigrationState(message) => message.encode(writer, version),
            Self::RemoveUserScramCredential(message) => message.encode(writer, version),
            Self::BeginTransaction(message) => message.encode(writer, version),
            Self::EndTransaction(message) => message.encode(writer, version),
            Self::AbortTransaction(message) => message.encode(writer, version),
            Self::RemoveDelegationToken(message) => message.encode(writer, version),
            Self::RegisterController(message) => message.encode(writer, version),
            Self::ClearElr(message) => message.encode(writer, version),
            Self::UnregisterController(message) => message.encode(writer, version),
        }
    }
}

impl From<super::RegisterBrokerRecord> for MetadataRecord {
    fn from(message: super::RegisterBrokerRecord) -> Self {
        Self::RegisterBroker(message)
    }
}

impl From<super::UnregisterBrokerRecord> for MetadataRecord {
    fn from(message: super::UnregisterBrokerRecord) -> Self {
        Self::UnregisterBroker(message)
    }
}

impl From<super::TopicRecord> for MetadataRecord {
    fn from(message: super::TopicRecord) -> Self {
        Self::Topic(message)
    }
}

impl From<super::PartitionRecord> for MetadataRecord {
    fn from(message: super::PartitionRecord) -> Self {
        Self::Partition(message)
    }
}

impl From<super::ConfigRecord> for MetadataRecord {
    fn from(message: super::ConfigRecord) -> Self {
        Self::Config(message)
    }
}

impl From<super::PartitionChangeRecord> for MetadataRecord {
    fn from(message: super::PartitionChangeRecord) -> Self {
        Self::PartitionChange(message)
    }
}

impl From<super::FenceBrokerRecord> for MetadataRecord {
    fn from(message: super::FenceBrokerRecord) -> Self {
        Self::FenceBroker(message)
    }
}

impl From<super::UnfenceBrokerRecord> for MetadataRecord {
    fn from(message: super::UnfenceBrokerRecord) -> Self {
        Self::UnfenceBroker(message)
    }
}

impl From<super::RemoveTopicRecord> for MetadataRecord {
    fn from(message: super::RemoveTopicRecord) -> Self {
        Self::RemoveTopic(message)
    }
}

impl From<super::DelegationTokenRecord> for MetadataRecord {
    fn from(message: super::DelegationTokenRecord) -> Self {
        Self::DelegationToken(message)
    }
}

impl From<super::UserScramCredentialRecord> for MetadataRecord {
    fn from(message: super::UserScramCredentialRecord) -> Self {
        Self::UserScramCredential(message)
    }
}

impl From<super::FeatureLevelRecord> for MetadataRecord {
    fn from(message: super::FeatureLevelRecord) -> Self {
        Self::FeatureLevel(message)
    }
}

impl From<super::ClientQuotaRecord> for MetadataRecord {
    fn from(message: super::ClientQuotaRecord) -> Self {
        Self::ClientQuota(message)
    }
}

impl From<super::ProducerIdsRecord> for MetadataRecord {
    fn from(message: super::ProducerIdsRecord) -> Self {
        Self::ProducerIds(message)
    }
}

impl From<super::BrokerRegistrationChangeRecord> for MetadataRecord {
    fn from(message: super::BrokerRegistrationChangeRecord) -> Self {
        Self::BrokerRegistrationChange(message)
    }
}

impl From<super::AccessControlEntryRecord> for MetadataRecord {
    fn from(message: super::AccessControlEntryRecord) -> Self {
        Self::AccessControlEntry(message)
    }
}

impl From<super::RemoveAccessControlEntryRecord> for MetadataRecord {
    fn from(message: super::RemoveAccessControlEntryRecord) -> Self {
        Self::RemoveAccessControlEntry(message)
    }
}

impl From<super::NoOpRecord> for MetadataRecord {
    fn from(message: super::NoOpRecord) -> Self {
        Self::NoOp(message)
    }
}

impl From<super::ZkMigrationStateRecord> for MetadataRecord {
    fn from(message: super::ZkMigrationStateRecord) -> Self {
        Self::ZkMigrationState(message)
    }
}

impl From<super::RemoveUserScramCredentialRecord> for MetadataRecord {
    fn from(message: super::RemoveUserScramCredentialRecord) -> Self {
        Self::RemoveUserScramCredential(message)
    }
}

impl From<super::BeginTransactionRecord> for MetadataRecord {
    fn from(message: super::BeginTransactionRecord) -> Self {
        Self::BeginTransaction(message)
    }
}

impl From<super::EndTransactionRecord> for MetadataRecord {
    fn from(message: super::EndTransactionRecord) -> Self {
        Self::EndTransaction(message)
    }
}

impl From<super::AbortTransactionRecord> for MetadataRecord {
    fn from(message: super::AbortTransactionRecord) -> Self {
        Self::AbortTransaction(message)
    }
}

impl From<super::RemoveDelegationTokenRecord> for MetadataRecord {
    fn from(message: super::RemoveDelegationTokenRecord) -> Self {
        Self::RemoveDelegationToken(message)
    }
}

impl From<super::RegisterControllerRecord> for MetadataRecord {
    fn from(message: super::RegisterControllerRecord) -> Self {
        Self::RegisterController(message)
    }
}

impl From<super::ClearElrRecord> for MetadataRecord {
    fn from(message: super::ClearElrRecord) -> Self {
        Self::ClearElr(message)
    }
}

impl From<super::UnregisterControllerRecord> for MetadataRecord {
    fn from(message: super::UnregisterControllerRecord) -> Self {
        Self::UnregisterController(message)
    }
}
