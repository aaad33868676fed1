//! Generated from `schema/offset_commit.txt`: do not edit.

use super::super::wire::*;
use crate::model::Uuid;
use bytes::Bytes;

#[derive(Clone, Debug, PartialEq)]
pub struct OffsetCommitRequest {
    pub group_id: String,
    pub generation_id_or_member_epoch: i32,
    pub member_id: String,
    /// 7+
    pub group_instance_id: Option<String>,
    /// 2-4
    pub retention_time_ms: i64,
    pub topics: Vec<OffsetCommitRequestTopic>,
    pub unknown_tagged_fields: UnknownTaggedFields,
}

impl Default for OffsetCommitRequest {
    fn default() -> Self {
        Self {
            group_id: String::new(),
            generation_id_or_member_epoch: -1,
            member_id: String::new(),
            group_instance_id: None,
            retention_time_ms: -1,
            topics: Vec::new(),
            unknown_tagged_fields: UnknownTaggedFields::default(),
        }
    }
}

impl Struct for OffsetCommitRequest {
    const BYTES_MIN: usize = 9;

    fn decode_fields(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let flexible = version >= 8;
        let mut value = Self::default();
        value.group_id = reader.read_string(flexible)?;
        value.generation_id_or_member_epoch = reader.read_i32()?;
        value.member_id = reader.read_string(flexible)?;
        if version >= 7 {
            value.group_instance_id = reader.read_nullable_string(flexible)?;
        }
        if version <= 4 {
            value.retention_time_ms = reader.read_i64()?;
        }
        value.topics = reader.read_structs(flexible, version)?;
        if version >= 8 {
            value.unknown_tagged_fields = reader.read_unknown_tagged_fields()?;
        }
        Ok(value)
    }

    fn encode_fields(&self, writer: &mut Writer, version: i16) -> Result<(), EncodeError> {
        if version < 7 && self.group_instance_id.is_some() {
            return Err(EncodeError::FieldUnsupported { field: "OffsetCommitRequest.GroupInstanceId", version });
        }
        if version < 8 && !self.unknown_tagged_fields.is_empty() {
            return Err(EncodeError::TaggedFieldsUnsupported { version });
        }
        let flexible = version >= 8;
        writer.put_string(flexible, &self.group_id)?;
        writer.put_i32(self.generation_id_or_member_epoch);
        writer.put_string(flexible, &self.member_id)?;
        if version >= 7 {
            writer.put_nullable_string(flexible, self.group_instance_id.as_deref())?;
        }
        if version <= 4 {
            writer.put_i64(self.retention_time_ms);
        }
        writer.put_structs(flexible, &self.topics, version)?;
        if version >= 8 {
            writer.put_unknown_tagged_fields(&self.unknown_tagged_fields)?;
        }
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct OffsetCommitRequestTopic {
    /// 2-9
    pub name: String,
    /// 10+
    pub topic_id: Uuid,
    pub partitions: Vec<OffsetCommitRequestPartition>,
    pub unknown_tagged_fields: UnknownTaggedFields,
}

impl Struct for OffsetCommitRequestTopic {
    const BYTES_MIN: usize = 3;

    fn decode_fields(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let flexible = version >= 8;
        let mut value = Self::default();
        if version <= 9 {
            value.name = reader.read_string(flexible)?;
        }
        if version >= 10 {
            value.topic_id = reader.read_uuid()?;
        }
        value.partitions = reader.read_structs(flexible, version)?;
        if version >= 8 {
            value.unknown_tagged_fields = reader.read_unknown_tagged_fields()?;
        }
        Ok(value)
    }

    fn encode_fields(&self, writer: &mut Writer, version: i16) -> Result<(), EncodeError> {
        if version < 8 && !self.unknown_tagged_fields.is_empty() {
            return Err(EncodeError::TaggedFieldsUnsupported { version });
        }
        let flexible = version >= 8;
        if version <= 9 {
            writer.put_string(flexible, &self.name)?;
        }
        if version >= 10 {
            writer.put_uuid(self.topic_id);
        }
        writer.put_structs(flexible, &self.partitions, version)?;
        if version >= 8 {
            writer.put_unknown_tagged_fields(&self.unknown_tagged_fields)?;
        }
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct OffsetCommitRequestPartition {
    pub partition_index: i32,
    pub committed_offset: i64,
    /// 6+
    pub committed_leader_epoch: i32,
    pub committed_metadata: Option<String>,
    pub unknown_tagged_fields: UnknownTaggedFields,
}

impl Default for OffsetCommitRequestPartition {
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

impl Struct for OffsetCommitRequestPartition {
    const BYTES_MIN: usize = 14;

    fn decode_fields(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let flexible = version >= 8;
        let mut value = Self::default();
        value.partition_index = reader.read_i32()?;
        value.committed_offset = reader.read_i64()?;
        if version >= 6 {
            value.committed_leader_epoch = reader.read_i32()?;
        }
        value.committed_metadata = reader.read_nullable_string(flexible)?;
        if version >= 8 {
            value.unknown_tagged_fields = reader.read_unknown_tagged_fields()?;
        }
        Ok(value)
    }

    fn encode_fields(&self, writer: &mut Writer, version: i16) -> Result<(), EncodeError> {
        if version < 8 && !self.unknown_tagged_fields.is_empty() {
            return Err(EncodeError::TaggedFieldsUnsupported { version });
        }
        let flexible = version >= 8;
        writer.put_i32(self.partition_index);
        writer.put_i64(self.committed_offset);
        if version >= 6 {
            writer.put_i32(self.committed_leader_epoch);
        }
        writer.put_nullable_string(flexible, self.committed_metadata.as_deref())?;
        if version >= 8 {
            writer.put_unknown_tagged_fields(&self.unknown_tagged_fields)?;
        }
        Ok(())
    }
}

impl Message for OffsetCommitRequest {
    const NAME: &'static str = "OffsetCommitRequest";
    const VERSIONS: (i16, i16) = (2, 10);
    const FLEXIBLE_SINCE: Option<i16> = Some(8);
}

impl Request for OffsetCommitRequest {
    const KEY: super::ApiKey = super::ApiKey::OffsetCommit;
    type Response = super::OffsetCommitResponse;
}
