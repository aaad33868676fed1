//! Generated from `schema/produce.txt`: do not edit.

use super::super::wire::*;
use crate::model::Uuid;
use bytes::Bytes;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct ProduceRequest {
    pub transactional_id: Option<String>,
    pub acks: i16,
    pub timeout_ms: i32,
    pub topic_data: Vec<TopicProduceData>,
    pub unknown_tagged_fields: UnknownTaggedFields,
}

impl Struct for ProduceRequest {
    const BYTES_MIN: usize = 9;

    fn decode_fields(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let flexible = version >= 9;
        let mut value = Self::default();
        value.transactional_id = reader.read_nullable_string(flexible)?;
        value.acks = reader.read_i16()?;
        value.timeout_ms = reader.read_i32()?;
        value.topic_data = reader.read_structs(flexible, version)?;
        if version >= 9 {
            value.unknown_tagged_fields = reader.read_unknown_tagged_fields()?;
        }
        Ok(value)
    }

    fn encode_fields(&self, writer: &mut Writer, version: i16) -> Result<(), EncodeError> {
        if version < 9 && !self.unknown_tagged_fields.is_empty() {
            return Err(EncodeError::TaggedFieldsUnsupported { version });
        }
        let flexible = version >= 9;
        writer.put_nullable_string(flexible, self.transactional_id.as_deref())?;
        writer.put_i16(self.acks);
        writer.put_i32(self.timeout_ms);
        writer.put_structs(flexible, &self.topic_data, version)?;
        if version >= 9 {
            writer.put_unknown_tagged_fields(&self.unknown_tagged_fields)?;
        }
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct TopicProduceData {
    /// 3-12
    pub name: String,
    /// 13+
    pub topic_id: Uuid,
    pub partition_data: Vec<PartitionProduceData>,
    pub unknown_tagged_fields: UnknownTaggedFields,
}

impl Struct for TopicProduceData {
    const BYTES_MIN: usize = 3;

    fn decode_fields(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let flexible = version >= 9;
        let mut value = Self::default();
        if version <= 12 {
            value.name = reader.read_string(flexible)?;
        }
        if version >= 13 {
            value.topic_id = reader.read_uuid()?;
        }
        value.partition_data = reader.read_structs(flexible, version)?;
        if version >= 9 {
            value.unknown_tagged_fields = reader.read_unknown_tagged_fields()?;
        }
        Ok(value)
    }

    fn encode_fields(&self, writer: &mut Writer, version: i16) -> Result<(), EncodeError> {
        if version < 9 && !self.unknown_tagged_fields.is_empty() {
            return Err(EncodeError::TaggedFieldsUnsupported { version });
        }
        let flexible = version >= 9;
        if version <= 12 {
            writer.put_string(flexible, &self.name)?;
        }
        if version >= 13 {
            writer.put_uuid(self.topic_id);
        }
        writer.put_structs(flexible, &self.partition_data, version)?;
        if version >= 9 {
            writer.put_unknown_tagged_fields(&self.unknown_tagged_fields)?;
        }
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct PartitionProduceData {
    pub index: i32,
    pub records: Option<Records>,
    pub unknown_tagged_fields: UnknownTaggedFields,
}

impl Struct for PartitionProduceData {
    const BYTES_MIN: usize = 6;

    fn decode_fields(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let flexible = version >= 9;
        let mut value = Self::default();
        value.index = reader.read_i32()?;
        value.records = reader.read_nullable_records(flexible)?;
        if version >= 9 {
            value.unknown_tagged_fields = reader.read_unknown_tagged_fields()?;
        }
        Ok(value)
    }

    fn encode_fields(&self, writer: &mut Writer, version: i16) -> Result<(), EncodeError> {
        if version < 9 && !self.unknown_tagged_fields.is_empty() {
            return Err(EncodeError::TaggedFieldsUnsupported { version });
        }
        let flexible = version >= 9;
        writer.put_i32(self.index);
        writer.put_nullable_records(flexible, self.records.as_ref())?;
        if version >= 9 {
            writer.put_unknown_tagged_fields(&self.unknown_tagged_fields)?;
        }
        Ok(())
    }
}

impl Message for ProduceRequest {
    const NAME: &'static str = "ProduceRequest";
    const VERSIONS: (i16, i16) = (3, 13);
    const FLEXIBLE_SINCE: Option<i16> = Some(9);
}

impl Request for ProduceRequest {
    const KEY: super::ApiKey = super::ApiKey::Produce;
    type Response = super::ProduceResponse;
}
