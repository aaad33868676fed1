//! Generated from `schema/delete_topics.txt`: do not edit.

use super::super::wire::*;
use crate::model::Uuid;
use bytes::Bytes;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct DeleteTopicsRequest {
    /// 6+
    pub topics: Vec<DeleteTopicState>,
    /// 1-5
    pub topic_names: Vec<String>,
    pub timeout_ms: i32,
    pub unknown_tagged_fields: UnknownTaggedFields,
}

impl Struct for DeleteTopicsRequest {
    const BYTES_MIN: usize = 6;

    fn decode_fields(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let flexible = version >= 4;
        let mut value = Self::default();
        if version >= 6 {
            value.topics = reader.read_structs(flexible, version)?;
        }
        if version <= 5 {
            value.topic_names = reader.read_strings(flexible)?;
        }
        value.timeout_ms = reader.read_i32()?;
        if version >= 4 {
            value.unknown_tagged_fields = reader.read_unknown_tagged_fields()?;
        }
        Ok(value)
    }

    fn encode_fields(&self, writer: &mut Writer, version: i16) -> Result<(), EncodeError> {
        if version < 6 && !self.topics.is_empty() {
            return Err(EncodeError::FieldUnsupported { field: "DeleteTopicsRequest.Topics", version });
        }
        if version < 4 && !self.unknown_tagged_fields.is_empty() {
            return Err(EncodeError::TaggedFieldsUnsupported { version });
        }
        let flexible = version >= 4;
        if version >= 6 {
            writer.put_structs(flexible, &self.topics, version)?;
        }
        if version <= 5 {
            writer.put_strings(flexible, &self.topic_names)?;
        }
        writer.put_i32(self.timeout_ms);
        if version >= 4 {
            writer.put_unknown_tagged_fields(&self.unknown_tagged_fields)?;
        }
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct DeleteTopicState {
    pub name: Option<String>,
    pub topic_id: Uuid,
    pub unknown_tagged_fields: UnknownTaggedFields,
}

impl Struct for DeleteTopicState {
    const BYTES_MIN: usize = 18;

    fn decode_fields(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let mut value = Self::default();
        value.name = reader.read_nullable_string(true)?;
        value.topic_id = reader.read_uuid()?;
        value.unknown_tagged_fields = reader.read_unknown_tagged_fields()?;
        Ok(value)
    }

    fn encode_fields(&self, writer: &mut Writer, version: i16) -> Result<(), EncodeError> {
        writer.put_nullable_string(true, self.name.as_deref())?;
        writer.put_uuid(self.topic_id);
        writer.put_unknown_tagged_fields(&self.unknown_tagged_fields)?;
        Ok(())
    }
}

impl Message for DeleteTopicsRequest {
    const NAME: &'static str = "DeleteTopicsRequest";
    const VERSIONS: (i16, i16) = (1, 6);
    const FLEXIBLE_SINCE: Option<i16> = Some(4);
}

impl Request for DeleteTopicsRequest {
    const KEY: super::ApiKey = super::ApiKey::DeleteTopics;
    type Response = super::DeleteTopicsResponse;
}
