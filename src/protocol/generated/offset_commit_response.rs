//! Generated from `schema/offset_commit.txt`: do not edit.

use super::super::wire::*;
use crate::model::Uuid;
use bytes::Bytes;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct OffsetCommitResponse {
    /// 3+
    pub throttle_time_ms: i32,
    pub topics: Vec<OffsetCommitResponseTopic>,
    pub unknown_tagged_fields: UnknownTaggedFields,
}

impl Struct for OffsetCommitResponse {
    const BYTES_MIN: usize = 4;

    fn decode_fields(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let flexible = version >= 8;
        let mut value = Self::default();
        if version >= 3 {
            value.throttle_time_ms = reader.read_i32()?;
        }
        value.topics = reader.read_structs(flexible, version)?;
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
        if version >= 3 {
            writer.put_i32(self.throttle_time_ms);
        }
        writer.put_structs(flexible, &self.topics, version)?;
        if version >= 8 {
            writer.put_unknown_tagged_fields(&self.unknown_tagged_fields)?;
        }
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct OffsetCommitResponseTopic {
    /// 2-9
    pub name: String,
    /// 10+
    pub topic_id: Uuid,
    pub partitions: Vec<OffsetCommitResponsePartition>,
    pub unknown_tagged_fields: UnknownTaggedFields,
}

impl Struct for OffsetCommitResponseTopic {
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

#[derive(Clone, Debug, Default, PartialEq)]
pub struct OffsetCommitResponsePartition {
    pub partition_index: i32,
    pub error_code: i16,
    pub unknown_tagged_fields: UnknownTaggedFields,
}

impl Struct for OffsetCommitResponsePartition {
    const BYTES_MIN: usize = 6;

    fn decode_fields(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let mut value = Self::default();
        value.partition_index = reader.read_i32()?;
        value.error_code = reader.read_i16()?;
        if version >= 8 {
            value.unknown_tagged_fields = reader.read_unknown_tagged_fields()?;
        }
        Ok(value)
    }

    fn encode_fields(&self, writer: &mut Writer, version: i16) -> Result<(), EncodeError> {
        if version < 8 && !self.unknown_tagged_fields.is_empty() {
            return Err(EncodeError::TaggedFieldsUnsupported { version });
        }
        writer.put_i32(self.partition_index);
        writer.put_i16(self.error_code);
        if version >= 8 {
            writer.put_unknown_tagged_fields(&self.unknown_tagged_fields)?;
        }
        Ok(())
    }
}

impl Message for OffsetCommitResponse {
    const NAME: &'static str = "OffsetCommitResponse";
    const VERSIONS: (i16, i16) = (2, 10);
    const FLEXIBLE_SINCE: Option<i16> = Some(8);
}
