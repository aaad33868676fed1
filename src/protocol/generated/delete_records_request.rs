//! Generated from `schema/delete_records.txt`: do not edit.

use super::super::wire::*;
use crate::model::Uuid;
use bytes::Bytes;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct DeleteRecordsRequest {
    pub topics: Vec<DeleteRecordsTopic>,
    pub timeout_ms: i32,
    pub unknown_tagged_fields: UnknownTaggedFields,
}

impl Struct for DeleteRecordsRequest {
    const BYTES_MIN: usize = 6;

    fn decode_fields(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let flexible = version >= 2;
        let mut value = Self::default();
        value.topics = reader.read_structs(flexible, version)?;
        value.timeout_ms = reader.read_i32()?;
        if version >= 2 {
            value.unknown_tagged_fields = reader.read_unknown_tagged_fields()?;
        }
        Ok(value)
    }

    fn encode_fields(&self, writer: &mut Writer, version: i16) -> Result<(), EncodeError> {
        if version < 2 && !self.unknown_tagged_fields.is_empty() {
            return Err(EncodeError::TaggedFieldsUnsupported { version });
        }
        let flexible = version >= 2;
        writer.put_structs(flexible, &self.topics, version)?;
        writer.put_i32(self.timeout_ms);
        if version >= 2 {
            writer.put_unknown_tagged_fields(&self.unknown_tagged_fields)?;
        }
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct DeleteRecordsTopic {
    pub name: String,
    pub partitions: Vec<DeleteRecordsPartition>,
    pub unknown_tagged_fields: UnknownTaggedFields,
}

impl Struct for DeleteRecordsTopic {
    const BYTES_MIN: usize = 3;

    fn decode_fields(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let flexible = version >= 2;
        let mut value = Self::default();
        value.name = reader.read_string(flexible)?;
        value.partitions = reader.read_structs(flexible, version)?;
        if version >= 2 {
            value.unknown_tagged_fields = reader.read_unknown_tagged_fields()?;
        }
        Ok(value)
    }

    fn encode_fields(&self, writer: &mut Writer, version: i16) -> Result<(), EncodeError> {
        if version < 2 && !self.unknown_tagged_fields.is_empty() {
            return Err(EncodeError::TaggedFieldsUnsupported { version });
        }
        let flexible = version >= 2;
        writer.put_string(flexible, &self.name)?;
        writer.put_structs(flexible, &self.partitions, version)?;
        if version >= 2 {
            writer.put_unknown_tagged_fields(&self.unknown_tagged_fields)?;
        }
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct DeleteRecordsPartition {
    pub partition_index: i32,
    pub offset: i64,
    pub unknown_tagged_fields: UnknownTaggedFields,
}

impl Struct for DeleteRecordsPartition {
    const BYTES_MIN: usize = 12;

    fn decode_fields(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let mut value = Self::default();
        value.partition_index = reader.read_i32()?;
        value.offset = reader.read_i64()?;
        if version >= 2 {
            value.unknown_tagged_fields = reader.read_unknown_tagged_fields()?;
        }
        Ok(value)
    }

    fn encode_fields(&self, writer: &mut Writer, version: i16) -> Result<(), EncodeError> {
        if version < 2 && !self.unknown_tagged_fields.is_empty() {
            return Err(EncodeError::TaggedFieldsUnsupported { version });
        }
        writer.put_i32(self.partition_index);
        writer.put_i64(self.offset);
        if version >= 2 {
            writer.put_unknown_tagged_fields(&self.unknown_tagged_fields)?;
        }
        Ok(())
    }
}

impl Message for DeleteRecordsRequest {
    const NAME: &'static str = "DeleteRecordsRequest";
    const VERSIONS: (i16, i16) = (0, 2);
    const FLEXIBLE_SINCE: Option<i16> = Some(2);
}

impl Request for DeleteRecordsRequest {
    const KEY: super::ApiKey = super::ApiKey::DeleteRecords;
    type Response = super::DeleteRecordsResponse;
}
