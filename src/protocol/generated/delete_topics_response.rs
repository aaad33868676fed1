//! Generated from `schema/delete_topics.txt`: do not edit.

use super::super::wire::*;
use crate::model::Uuid;
use bytes::Bytes;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct DeleteTopicsResponse {
    pub throttle_time_ms: i32,
    pub responses: Vec<DeletableTopicResult>,
    pub unknown_tagged_fields: UnknownTaggedFields,
}

impl Struct for DeleteTopicsResponse {
    const BYTES_MIN: usize = 6;

    fn decode_fields(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let flexible = version >= 4;
        let mut value = Self::default();
        value.throttle_time_ms = reader.read_i32()?;
        value.responses = reader.read_structs(flexible, version)?;
        if version >= 4 {
            value.unknown_tagged_fields = reader.read_unknown_tagged_fields()?;
        }
        Ok(value)
    }

    fn encode_fields(&self, writer: &mut Writer, version: i16) -> Result<(), EncodeError> {
        if version < 4 && !self.unknown_tagged_fields.is_empty() {
            return Err(EncodeError::TaggedFieldsUnsupported { version });
        }
        let flexible = version >= 4;
        writer.put_i32(self.throttle_time_ms);
        writer.put_structs(flexible, &self.responses, version)?;
        if version >= 4 {
            writer.put_unknown_tagged_fields(&self.unknown_tagged_fields)?;
        }
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct DeletableTopicResult {
    pub name: Option<String>,
    /// 6+
    pub topic_id: Uuid,
    pub error_code: i16,
    /// 5+
    pub error_message: Option<String>,
    pub unknown_tagged_fields: UnknownTaggedFields,
}

impl Default for DeletableTopicResult {
    fn default() -> Self {
        Self {
            name: Some(String::new()),
            topic_id: Uuid::ZERO,
            error_code: 0,
            error_message: None,
            unknown_tagged_fields: UnknownTaggedFields::default(),
        }
    }
}

impl Struct for DeletableTopicResult {
    const BYTES_MIN: usize = 4;

    fn decode_fields(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let flexible = version >= 4;
        let mut value = Self::default();
        value.name = reader.read_nullable_string(flexible)?;
        if version < 6 && value.name.is_none() {
            return Err(reader.expected("DeletableTopicResult.Name, not null"));
        }
        if version >= 6 {
            value.topic_id = reader.read_uuid()?;
        }
        value.error_code = reader.read_i16()?;
        if version >= 5 {
            value.error_message = reader.read_nullable_string(flexible)?;
        }
        if version >= 4 {
            value.unknown_tagged_fields = reader.read_unknown_tagged_fields()?;
        }
        Ok(value)
    }

    fn encode_fields(&self, writer: &mut Writer, version: i16) -> Result<(), EncodeError> {
        if version < 6 && self.name.is_none() {
            return Err(EncodeError::NullUnsupported { field: "DeletableTopicResult.Name", version });
        }
        if version < 4 && !self.unknown_tagged_fields.is_empty() {
            return Err(EncodeError::TaggedFieldsUnsupported { version });
        }
        let flexible = version >= 4;
        writer.put_nullable_string(flexible, self.name.as_deref())?;
        if version >= 6 {
            writer.put_uuid(self.topic_id);
        }
        writer.put_i16(self.error_code);
        if version >= 5 {
            writer.put_nullable_string(flexible, self.error_message.as_deref())?;
        }
        if version >= 4 {
            writer.put_unknown_tagged_fields(&self.unknown_tagged_fields)?;
        }
        Ok(())
    }
}

impl Message for DeleteTopicsResponse {
    const NAME: &'static str = "DeleteTopicsResponse";
    const VERSIONS: (i16, i16) = (1, 6);
    const FLEXIBLE_SINCE: Option<i16> = Some(4);
}
