//! Generated from `schema/txn_offset_commit.txt`: do not edit.

use super::super::wire::*;
use crate::model::Uuid;
use bytes::Bytes;

#[derive(Clone, Debug, PartialEq)]
pub struct TxnOffsetCommitRequest {
    pub transactional_id: String,
    pub group_id: String,
    pub producer_id: i64,
    pub producer_epoch: i16,
    /// 3+
    pub generation_id_or_member_epoch: i32,
    /// 3+
    pub member_id: String,
    /// 3+
    pub group_instance_id: Option<String>,
    pub topics: Vec<TxnOffsetCommitRequestTopic>,
    pub unknown_tagged_fields: UnknownTaggedFields,
}

impl Default for TxnOffsetCommitRequest {
    fn default() -> Self {
        Self {
            transactional_id: String::new(),
            group_id: String::new(),
            producer_id: 0,
            producer_epoch: 0,
            generation_id_or_member_epoch: -1,
            member_id: String::new(),
            group_instance_id: None,
            topics: Vec::new(),
            unknown_tagged_fields: UnknownTaggedFields::default(),
        }
    }
}

impl Struct for TxnOffsetCommitRequest {
    const BYTES_MIN: usize = 18;

    fn decode_fields(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let flexible = version >= 3;
        let mut value = Self::default();
        value.transactional_id = reader.read_string(flexible)?;
        value.group_id = reader.read_string(flexible)?;
        value.producer_id = reader.read_i64()?;
        value.producer_epoch = reader.read_i16()?;
        if version >= 3 {
            value.generation_id_or_member_epoch = reader.read_i32()?;
            value.member_id = reader.read_string(flexible)?;
            value.group_instance_id = reader.read_nullable_string(flexible)?;
        }
        value.topics = reader.read_structs(flexible, version)?;
        if version >= 3 {
            value.unknown_tagged_fields = reader.read_unknown_tagged_fields()?;
        }
        Ok(value)
    }

    fn encode_fields(&self, writer: &mut Writer, version: i16) -> Result<(), EncodeError> {
        if version < 3 && self.generation_id_or_member_epoch != -1 {
            return Err(EncodeError::FieldUnsupported { field: "TxnOffsetCommitRequest.GenerationIdOrMemberEpoch", version });
        }
        if version < 3 && !self.member_id.is_empty() {
            return Err(EncodeError::FieldUnsupported { field: "TxnOffsetCommitRequest.MemberId", version });
        }
        if version < 3 && self.group_instance_id.is_some() {
            return Err(EncodeError::FieldUnsupported { field: "TxnOffsetCommitRequest.GroupInstanceId", version });
        }
        if version < 3 && !self.unknown_tagged_fields.is_empty() {
            return Err(EncodeError::TaggedFieldsUnsupported { version });
        }
        let flexible = version >= 3;
        writer.put_string(flexible, &self.transactional_id)?;
        writer.put_string(flexible, &self.group_id)?;
        writer.put_i64(self.producer_id);
        writer.put_i16(self.producer_epoch);
        if version >= 3 {
            writer.put_i32(self.generation_id_or_member_epoch);
            writer.put_string(flexible, &self.member_id)?;
            writer.put_nullable_string(flexible, self.group_instance_id.as_deref())?;
        }
        writer.put_structs(flexible, &self.topics, version)?;
        if version >= 3 {
            writer.put_unknown_tagged_fields(&self.unknown_tagged_fields)?;
        }
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct TxnOffsetCommitRequestTopic {
    /// 0-5
    pub name: String,
    /// 6+
    pub topic_id: Uuid,
    pub partitions: Vec<TxnOffsetCommitRequestPartition>,
    pub unknown_tagged_fields: UnknownTaggedFields,
}

impl Struct for TxnOffsetCommitRequestTopic {
    const BYTES_MIN: usize = 3;

    fn decode_fields(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let flexible = version >= 3;
        let mut value = Self::default();
        if version <= 5 {
            value.name = reader.read_string(flexible)?;
        }
        if version >= 6 {
            value.topic_id = reader.read_uuid()?;
        }
        value.partitions = reader.read_structs(flexible, version)?;
        if version >= 3 {
            value.unknown_tagged_fields = reader.read_unknown_tagged_fields()?;
        }
        Ok(value)
    }

    fn encode_fields(&self, writer: &mut Writer, version: i16) -> Result<(), EncodeError> {
        if version < 3 && !self.unknown_tagged_fields.is_empty() {
            return Err(EncodeError::TaggedFieldsUnsupported { version });
        }
        let flexible = version >= 3;
        if version <= 5 {
            writer.put_string(flexible, &self.name)?;
        }
        if version >= 6 {
            writer.put_uuid(self.topic_id);
        }
        writer.put_structs(flexible, &self.partitions, version)?;
        if version >= 3 {
            writer.put_unknown_tagged_fields(&self.unknown_tagged_fields)?;
        }
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct TxnOffsetCommitRequestPartition {
    pub partition_index: i32,
    pub committed_offset: i64,
    /// 2+
    pub committed_leader_epoch: i32,
    pub committed_metadata: Option<String>,
    pub unknown_tagged_fields: UnknownTaggedFields,
}

impl Default for TxnOffsetCommitRequestPartition {
    fn default() -> Self {
        Self {
            partition_index: 0,
            committed_offset: 0,
            committed_leader_epoch: -1,
            committed_metadata: Some(String::new()),
            unknown_tagged_fields: UnknownTaggedFields::default(),
        }
    }
}

impl Struct for TxnOffsetCommitRequestPartition {
    const BYTES_MIN: usize = 14;

    fn decode_fields(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let flexible = version >= 3;
        let mut value = Self::default();
        value.partition_index = reader.read_i32()?;
        value.committed_offset = reader.read_i64()?;
        if version >= 2 {
            value.committed_leader_epoch = reader.read_i32()?;
        }
        value.committed_metadata = reader.read_nullable_string(flexible)?;
        if version >= 3 {
            value.unknown_tagged_fields = reader.read_unknown_tagged_fields()?;
        }
        Ok(value)
    }

    fn encode_fields(&self, writer: &mut Writer, version: i16) -> Result<(), EncodeError> {
        if version < 3 && !self.unknown_tagged_fields.is_empty() {
            return Err(EncodeError::TaggedFieldsUnsupported { version });
        }
        let flexible = version >= 3;
        writer.put_i32(self.partition_index);
        writer.put_i64(self.committed_offset);
        if version >= 2 {
            writer.put_i32(self.committed_leader_epoch);
        }
        writer.put_nullable_string(flexible, self.committed_metadata.as_deref())?;
        if version >= 3 {
            writer.put_unknown_tagged_fields(&self.unknown_tagged_fields)?;
        }
        Ok(())
    }
}

impl Message for TxnOffsetCommitRequest {
    const NAME: &'static str = "TxnOffsetCommitRequest";
    const VERSIONS: (i16, i16) = (0, 6);
    const FLEXIBLE_SINCE: Option<i16> = Some(3);
}

impl Request for TxnOffsetCommitRequest {
    const KEY: super::ApiKey = super::ApiKey::TxnOffsetCommit;
    type Response = super::TxnOffsetCommitResponse;
}
