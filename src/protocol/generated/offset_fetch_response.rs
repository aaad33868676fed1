//! Generated from `schema/offset_fetch.txt`: do not edit.

use super::super::wire::*;
use crate::model::Uuid;
use bytes::Bytes;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct OffsetFetchResponse {
    /// 3+
    pub throttle_time_ms: i32,
    /// 1-7
    pub topics: Vec<OffsetFetchResponseTopic>,
    /// 2-7
    pub error_code: i16,
    /// 8+
    pub groups: Vec<OffsetFetchResponseGroup>,
    pub unknown_tagged_fields: UnknownTaggedFields,
}

impl Struct for OffsetFetchResponse {
    const BYTES_MIN: usize = 4;

    fn decode_fields(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let flexible = version >= 6;
        let mut value = Self::default();
        if version >= 3 {
            value.throttle_time_ms = reader.read_i32()?;
        }
        if version <= 7 {
            value.topics = reader.read_structs(flexible, version)?;
        }
        if (2..=7).contains(&version) {
            value.error_code = reader.read_i16()?;
        }
        if version >= 8 {
            value.groups = reader.read_structs(flexible, version)?;
        }
        if version >= 6 {
            value.unknown_tagged_fields = reader.read_unknown_tagged_fields()?;
        }
        Ok(value)
    }

    fn encode_fields(&self, writer: &mut Writer, version: i16) -> Result<(), EncodeError> {
        if version > 7 && !self.topics.is_empty() {
            return Err(EncodeError::FieldUnsupported { field: "OffsetFetchResponse.Topics", version });
        }
        if version < 8 && !self.groups.is_empty() {
            return Err(EncodeError::FieldUnsupported { field: "OffsetFetchResponse.Groups", version });
        }
        if version < 6 && !self.unknown_tagged_fields.is_empty() {
            return Err(EncodeError::TaggedFieldsUnsupported { version });
        }
        let flexible = version >= 6;
        if version >= 3 {
            writer.put_i32(self.throttle_time_ms);
        }
        if version <= 7 {
            writer.put_structs(flexible, &self.topics, version)?;
        }
        if (2..=7).contains(&version) {
            writer.put_i16(self.error_code);
        }
        if version >= 8 {
            writer.put_structs(flexible, &self.groups, version)?;
        }
        if version >= 6 {
            writer.put_unknown_tagged_fields(&self.unknown_tagged_fields)?;
        }
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct OffsetFetchResponseGroup {
    pub group_id: String,
    pub topics: Vec<OffsetFetchResponseTopics>,
    pub error_code: i16,
    pub unknown_tagged_fields: UnknownTaggedFields,
}

impl Struct for OffsetFetchResponseGroup {
    const BYTES_MIN: usize = 5;

    fn decode_fields(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let mut value = Self::default();
        value.group_id = reader.read_string(true)?;
        value.topics = reader.read_structs(true, version)?;
        value.error_code = reader.read_i16()?;
        value.unknown_tagged_fields = reader.read_unknown_tagged_fields()?;
        Ok(value)
    }

    fn encode_fields(&self, writer: &mut Writer, version: i16) -> Result<(), EncodeError> {
        writer.put_string(true, &self.group_id)?;
        writer.put_structs(true, &self.topics, version)?;
        writer.put_i16(self.error_code);
        writer.put_unknown_tagged_fields(&self.unknown_tagged_fields)?;
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct OffsetFetchResponseTopics {
    /// 8-9
    pub name: String,
    /// 10+
    pub topic_id: Uuid,
    pub partitions: Vec<OffsetFetchResponsePartitions>,
    pub unknown_tagged_fields: UnknownTaggedFields,
}

impl Struct for OffsetFetchResponseTopics {
    const BYTES_MIN: usize = 3;

    fn decode_fields(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let mut value = Self::default();
        if version <= 9 {
            value.name = reader.read_string(true)?;
        }
        if version >= 10 {
            value.topic_id = reader.read_uuid()?;
        }
        value.partitions = reader.read_structs(true, version)?;
        value.unknown_tagged_fields = reader.read_unknown_tagged_fields()?;
        Ok(value)
    }

    fn encode_fields(&self, writer: &mut Writer, version: i16) -> Result<(), EncodeError> {
        if version <= 9 {
            writer.put_string(true, &self.name)?;
        }
        if version >= 10 {
            writer.put_uuid(self.topic_id);
        }
        writer.put_structs(true, &self.partitions, version)?;
        writer.put_unknown_tagged_fields(&self.unknown_tagged_fields)?;
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct OffsetFetchResponsePartitions {
    pub partition_index: i32,
    pub committed_offset: i64,
    pub committed_leader_epoch: i32,
    pub metadata: Option<String>,
    pub error_code: i16,
    pub unknown_tagged_fields: UnknownTaggedFields,
}

impl Default for OffsetFetchResponsePartitions {
    fn default() -> Self {
        Self {
            partition_index: 0,
            committed_offset: 0,
            committed_leader_epoch: -1,
            metadata: Some(String::new()),
            error_code: 0,
            unknown_tagged_fields: UnknownTaggedFields::default(),
        }
    }
}

impl Struct for OffsetFetchResponsePartitions {
    const BYTES_MIN: usize = 20;

    fn decode_fields(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let mut value = Self::default();
        value.partition_index = reader.read_i32()?;
        value.committed_offset = reader.read_i64()?;
        value.committed_leader_epoch = reader.read_i32()?;
        value.metadata = reader.read_nullable_string(true)?;
        value.error_code = reader.read_i16()?;
        value.unknown_tagged_fields = reader.read_unknown_tagged_fields()?;
        Ok(value)
    }

    fn encode_fields(&self, writer: &mut Writer, version: i16) -> Result<(), EncodeError> {
        writer.put_i32(self.partition_index);
        writer.put_i64(self.committed_offset);
        writer.put_i32(self.committed_leader_epoch);
        writer.put_nullable_string(true, self.metadata.as_deref())?;
        writer.put_i16(self.error_code);
        writer.put_unknown_tagged_fields(&self.unknown_tagged_fields)?;
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct OffsetFetchResponseTopic {
    pub name: String,
    pub partitions: Vec<OffsetFetchResponsePartition>,
    pub unknown_tagged_fields: UnknownTaggedFields,
}

impl Struct for OffsetFetchResponseTopic {
    const BYTES_MIN: usize = 3;

    fn decode_fields(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let flexible = version >= 6;
        let mut value = Self::default();
        value.name = reader.read_string(flexible)?;
        value.partitions = reader.read_structs(flexible, version)?;
        if version >= 6 {
            value.unknown_tagged_fields = reader.read_unknown_tagged_fields()?;
        }
        Ok(value)
    }

    fn encode_fields(&self, writer: &mut Writer, version: i16) -> Result<(), EncodeError> {
        if version < 6 && !self.unknown_tagged_fields.is_empty() {
            return Err(EncodeError::TaggedFieldsUnsupported { version });
        }
        let flexible = version >= 6;
        writer.put_string(flexible, &self.name)?;
        writer.put_structs(flexible, &self.partitions, version)?;
        if version >= 6 {
            writer.put_unknown_tagged_fields(&self.unknown_tagged_fields)?;
        }
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct OffsetFetchResponsePartition {
    pub partition_index: i32,
    pub committed_offset: i64,
    /// 5-7
    pub committed_leader_epoch: i32,
    pub metadata: Option<String>,
    pub error_code: i16,
    pub unknown_tagged_fields: UnknownTaggedFields,
}

impl Default for OffsetFetchResponsePartition {
    fn default() -> Self {
        Self {
            partition_index: 0,
            committed_offset: 0,
            committed_leader_epoch: -1,
            metadata: Some(String::new()),
            error_code: 0,
            unknown_tagged_fields: UnknownTaggedFields::default(),
        }
    }
}

impl Struct for OffsetFetchResponsePartition {
    const BYTES_MIN: usize = 16;

    fn decode_fields(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let flexible = version >= 6;
        let mut value = Self::default();
        value.partition_index = reader.read_i32()?;
        value.committed_offset = reader.read_i64()?;
        if version >= 5 {
            value.committed_leader_epoch = reader.read_i32()?;
        }
        value.metadata = reader.read_nullable_string(flexible)?;
        value.error_code = reader.read_i16()?;
        if version >= 6 {
            value.unknown_tagged_fields = reader.read_unknown_tagged_fields()?;
        }
        Ok(value)
    }

    fn encode_fields(&self, writer: &mut Writer, version: i16) -> Result<(), EncodeError> {
        if version < 6 && !self.unknown_tagged_fields.is_empty() {
            return Err(EncodeError::TaggedFieldsUnsupported { version });
        }
        let flexible = version >= 6;
        writer.put_i32(self.partition_index);
        writer.put_i64(self.committed_offset);
        if version >= 5 {
            writer.put_i32(self.committed_leader_epoch);
        }
        writer.put_nullable_string(flexible, self.metadata.as_deref())?;
        writer.put_i16(self.error_code);
        if version >= 6 {
            writer.put_unknown_tagged_fields(&self.unknown_tagged_fields)?;
        }
        Ok(())
    }
}

impl Message for OffsetFetchResponse {
    const NAME: &'static str = "OffsetFetchResponse";
    const VERSIONS: (i16, i16) = (1, 10);
    const FLEXIBLE_SINCE: Option<i16> = Some(6);
}
