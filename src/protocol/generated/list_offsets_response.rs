//! Generated from `schema/list_offsets.txt`: do not edit.

use super::super::wire::*;
use crate::model::Uuid;
use bytes::Bytes;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct ListOffsetsResponse {
    /// 2+
    pub throttle_time_ms: i32,
    pub topics: Vec<ListOffsetsTopicResponse>,
    pub unknown_tagged_fields: UnknownTaggedFields,
}

impl Struct for ListOffsetsResponse {
    const BYTES_MIN: usize = 4;

    fn decode_fields(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let flexible = version >= 6;
        let mut value = Self::default();
        if version >= 2 {
            value.throttle_time_ms = reader.read_i32()?;
        }
        value.topics = reader.read_structs(flexible, version)?;
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
        if version >= 2 {
            writer.put_i32(self.throttle_time_ms);
        }
        writer.put_structs(flexible, &self.topics, version)?;
        if version >= 6 {
            writer.put_unknown_tagged_fields(&self.unknown_tagged_fields)?;
        }
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct ListOffsetsTopicResponse {
    pub name: String,
    pub partitions: Vec<ListOffsetsPartitionResponse>,
    pub unknown_tagged_fields: UnknownTaggedFields,
}

impl Struct for ListOffsetsTopicResponse {
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
pub struct ListOffsetsPartitionResponse {
    pub partition_index: i32,
    pub error_code: i16,
    pub timestamp: i64,
    pub offset: i64,
    /// 4+
    pub leader_epoch: i32,
    pub unknown_tagged_fields: UnknownTaggedFields,
}

impl Default for ListOffsetsPartitionResponse {
    fn default() -> Self {
        Self {
            partition_index: 0,
            error_code: 0,
            timestamp: -1,
            offset: -1,
            leader_epoch: -1,
            unknown_tagged_fields: UnknownTaggedFields::default(),
        }
    }
}

impl Struct for ListOffsetsPartitionResponse {
    const BYTES_MIN: usize = 22;

    fn decode_fields(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let mut value = Self::default();
        value.partition_index = reader.read_i32()?;
        value.error_code = reader.read_i16()?;
        value.timestamp = reader.read_i64()?;
        value.offset = reader.read_i64()?;
        if version >= 4 {
            value.leader_epoch = reader.read_i32()?;
        }
        if version >= 6 {
            value.unknown_tagged_fields = reader.read_unknown_tagged_fields()?;
        }
        Ok(value)
    }

    fn encode_fields(&self, writer: &mut Writer, version: i16) -> Result<(), EncodeError> {
        if version < 4 && self.leader_epoch != -1 {
            return Err(EncodeError::FieldUnsupported { field: "ListOffsetsPartitionResponse.LeaderEpoch", version });
        }
        if version < 6 && !self.unknown_tagged_fields.is_empty() {
            return Err(EncodeError::TaggedFieldsUnsupported { version });
        }
        writer.put_i32(self.partition_index);
        writer.put_i16(self.error_code);
        writer.put_i64(self.timestamp);
        writer.put_i64(self.offset);
        if version >= 4 {
            writer.put_i32(self.leader_epoch);
        }
        if version >= 6 {
            writer.put_unknown_tagged_fields(&self.unknown_tagged_fields)?;
        }
        Ok(())
    }
}

impl Message for ListOffsetsResponse {
    const NAME: &'static str = "ListOffsetsResponse";
    const VERSIONS: (i16, i16) = (1, 11);
    const FLEXIBLE_SINCE: Option<i16> = Some(6);
}
