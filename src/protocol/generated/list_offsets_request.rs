//! Generated from `schema/list_offsets.txt`: do not edit.

use super::super::wire::*;
use crate::model::Uuid;
use bytes::Bytes;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct ListOffsetsRequest {
    pub replica_id: i32,
    /// 2+
    pub isolation_level: i8,
    pub topics: Vec<ListOffsetsTopic>,
    /// 10+
    pub timeout_ms: i32,
    pub unknown_tagged_fields: UnknownTaggedFields,
}

impl Struct for ListOffsetsRequest {
    const BYTES_MIN: usize = 7;

    fn decode_fields(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let flexible = version >= 6;
        let mut value = Self::default();
        value.replica_id = reader.read_i32()?;
        if version >= 2 {
            value.isolation_level = reader.read_i8()?;
        }
        value.topics = reader.read_structs(flexible, version)?;
        if version >= 10 {
            value.timeout_ms = reader.read_i32()?;
        }
        if version >= 6 {
            value.unknown_tagged_fields = reader.read_unknown_tagged_fields()?;
        }
        Ok(value)
    }

    fn encode_fields(&self, writer: &mut Writer, version: i16) -> Result<(), EncodeError> {
        if version < 2 && self.isolation_level != 0 {
            return Err(EncodeError::FieldUnsupported { field: "ListOffsetsRequest.IsolationLevel", version });
        }
        if version < 6 && !self.unknown_tagged_fields.is_empty() {
            return Err(EncodeError::TaggedFieldsUnsupported { version });
        }
        let flexible = version >= 6;
        writer.put_i32(self.replica_id);
        if version >= 2 {
            writer.put_i8(self.isolation_level);
        }
        writer.put_structs(flexible, &self.topics, version)?;
        if version >= 10 {
            writer.put_i32(self.timeout_ms);
        }
        if version >= 6 {
            writer.put_unknown_tagged_fields(&self.unknown_tagged_fields)?;
        }
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct ListOffsetsTopic {
    pub name: String,
    pub partitions: Vec<ListOffsetsPartition>,
    pub unknown_tagged_fields: UnknownTaggedFields,
}

impl Struct for ListOffsetsTopic {
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
pub struct ListOffsetsPartition {
    pub partition_index: i32,
    /// 4+
    pub current_leader_epoch: i32,
    pub timestamp: i64,
    pub unknown_tagged_fields: UnknownTaggedFields,
}

impl Default for ListOffsetsPartition {
    fn default() -> Self {
        Self {
            partition_index: 0,
            current_leader_epoch: -1,
            timestamp: 0,
            unknown_tagged_fields: UnknownTaggedFields::default(),
        }
    }
}

impl Struct for ListOffsetsPartition {
    const BYTES_MIN: usize = 12;

    fn decode_fields(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let mut value = Self::default();
        value.partition_index = reader.read_i32()?;
        if version >= 4 {
            value.current_leader_epoch = reader.read_i32()?;
        }
        value.timestamp = reader.read_i64()?;
        if version >= 6 {
            value.unknown_tagged_fields = reader.read_unknown_tagged_fields()?;
        }
        Ok(value)
    }

    fn encode_fields(&self, writer: &mut Writer, version: i16) -> Result<(), EncodeError> {
        if version < 6 && !self.unknown_tagged_fields.is_empty() {
            return Err(EncodeError::TaggedFieldsUnsupported { version });
        }
        writer.put_i32(self.partition_index);
        if version >= 4 {
            writer.put_i32(self.current_leader_epoch);
        }
        writer.put_i64(self.timestamp);
        if version >= 6 {
            writer.put_unknown_tagged_fields(&self.unknown_tagged_fields)?;
        }
        Ok(())
    }
}

impl Message for ListOffsetsRequest {
    const NAME: &'static str = "ListOffsetsRequest";
    const VERSIONS: (i16, i16) = (1, 11);
    const FLEXIBLE_SINCE: Option<i16> = Some(6);
}

impl Request for ListOffsetsRequest {
    const KEY: super::ApiKey = super::ApiKey::ListOffsets;
    type Response = super::ListOffsetsResponse;
}
