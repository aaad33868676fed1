//! Generated from `schema/txn_offset_commit.txt`: do not edit.

use super::super::wire::*;
use crate::model::Uuid;
use bytes::Bytes;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct TxnOffsetCommitResponse {
    pub throttle_time_ms: i32,
    pub topics: Vec<TxnOffsetCommitResponseTopic>,
    pub unknown_tagged_fields: UnknownTaggedFields,
}

impl Struct for TxnOffsetCommitResponse {
    const BYTES_MIN: usize = 6;

    fn decode_fields(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let flexible = version >= 3;
        let mut value = Self::default();
        value.throttle_time_ms = reader.read_i32()?;
        value.topics = reader.read_structs(flexible, version)?;
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
        writer.put_i32(self.throttle_time_ms);
        writer.put_structs(flexible, &self.topics, version)?;
        if version >= 3 {
            writer.put_unknown_tagged_fields(&self.unknown_tagged_fields)?;
        }
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct TxnOffsetCommitResponseTopic {
    /// 0-5
    pub name: String,
    /// 6+
    pub topic_id: Uuid,
    pub partitions: Vec<TxnOffsetCommitResponsePartition>,
    pub unknown_tagged_fields: UnknownTaggedFields,
}

impl Struct for TxnOffsetCommitResponseTopic {
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

#[derive(Clone, Debug, Default, PartialEq)]
pub struct TxnOffsetCommitResponsePartition {
    pub partition_index: i32,
    pub error_code: i16,
    pub unknown_tagged_fields: UnknownTaggedFields,
}

impl Struct for TxnOffsetCommitResponsePartition {
    const BYTES_MIN: usize = 6;

    fn decode_fields(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let mut value = Self::default();
        value.partition_index = reader.read_i32()?;
        value.error_code = reader.read_i16()?;
        if version >= 3 {
            value.unknown_tagged_fields = reader.read_unknown_tagged_fields()?;
        }
        Ok(value)
    }

    fn encode_fields(&self, writer: &mut Writer, version: i16) -> Result<(), EncodeError> {
        if version < 3 && !self.unknown_tagged_fields.is_empty() {
            return Err(EncodeError::TaggedFieldsUnsupported { version });
        }
        writer.put_i32(self.partition_index);
        writer.put_i16(self.error_code);
        if version >= 3 {
            writer.put_unknown_tagged_fields(&self.unknown_tagged_fields)?;
        }
        Ok(())
    }
}

impl Message for TxnOffsetCommitResponse {
    const NAME: &'static str = "TxnOffsetCommitResponse";
    const VERSIONS: (i16, i16) = (0, 6);
    const FLEXIBLE_SINCE: Option<i16> = Some(3);
}
