//! Generated from `schema/create_topics.txt`: do not edit.

use super::super::wire::*;
use crate::model::Uuid;
use bytes::Bytes;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct CreateTopicsResponse {
    pub throttle_time_ms: i32,
    pub topics: Vec<CreatableTopicResult>,
    pub unknown_tagged_fields: UnknownTaggedFields,
}

impl Struct for CreateTopicsResponse {
    const BYTES_MIN: usize = 6;

    fn decode_fields(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let flexible = version >= 5;
        let mut value = Self::default();
        value.throttle_time_ms = reader.read_i32()?;
        value.topics = reader.read_structs(flexible, version)?;
        if version >= 5 {
            value.unknown_tagged_fields = reader.read_unknown_tagged_fields()?;
        }
        Ok(value)
    }

    fn encode_fields(&self, writer: &mut Writer, version: i16) -> Result<(), EncodeError> {
        if version < 5 && !self.unknown_tagged_fields.is_empty() {
            return Err(EncodeError::TaggedFieldsUnsupported { version });
        }
        let flexible = version >= 5;
        writer.put_i32(self.throttle_time_ms);
        writer.put_structs(flexible, &self.topics, version)?;
        if version >= 5 {
            writer.put_unknown_tagged_fields(&self.unknown_tagged_fields)?;
        }
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct CreatableTopicResult {
    pub name: String,
    /// 7+
    pub topic_id: Uuid,
    pub error_code: i16,
    pub error_message: Option<String>,
    /// 5+
    pub topic_config_error_code: i16,
    /// 5+
    pub num_partitions: i32,
    /// 5+
    pub replication_factor: i16,
    /// 5+
    pub configs: Option<Vec<CreatableTopicConfigs>>,
    pub unknown_tagged_fields: UnknownTaggedFields,
}

impl Default for CreatableTopicResult {
    fn default() -> Self {
        Self {
            name: String::new(),
            topic_id: Uuid::ZERO,
            error_code: 0,
            error_message: Some(String::new()),
            topic_config_error_code: 0,
            num_partitions: -1,
            replication_factor: -1,
            configs: Some(Vec::new()),
            unknown_tagged_fields: UnknownTaggedFields::default(),
        }
    }
}

impl Struct for CreatableTopicResult {
    const BYTES_MIN: usize = 6;

    fn decode_fields(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let flexible = version >= 5;
        let mut value = Self::default();
        value.name = reader.read_string(flexible)?;
        if version >= 7 {
            value.topic_id = reader.read_uuid()?;
        }
        value.error_code = reader.read_i16()?;
        value.error_message = reader.read_nullable_string(flexible)?;
        if version >= 5 {
            value.num_partitions = reader.read_i32()?;
            value.replication_factor = reader.read_i16()?;
            value.configs = reader.read_nullable_structs(flexible, version)?;
        }
        if version >= 5 {
            let unknown = reader.read_tagged_fields(|reader, tag| {
                match tag {
                    0 => value.topic_config_error_code = reader.read_i16()?,
                    _ => return Ok(false),
                }
                Ok(true)
            })?;
            value.unknown_tagged_fields = unknown;
        }
        Ok(value)
    }

    fn encode_fields(&self, writer: &mut Writer, version: i16) -> Result<(), EncodeError> {
        if version < 5 && !self.unknown_tagged_fields.is_empty() {
            return Err(EncodeError::TaggedFieldsUnsupported { version });
        }
        let flexible = version >= 5;
        writer.put_string(flexible, &self.name)?;
        if version >= 7 {
            writer.put_uuid(self.topic_id);
        }
        writer.put_i16(self.error_code);
        writer.put_nullable_string(flexible, self.error_message.as_deref())?;
        if version >= 5 {
            writer.put_i32(self.num_partitions);
            writer.put_i16(self.replication_factor);
            writer.put_nullable_structs(flexible, self.configs.as_deref(), version)?;
        }
        if version >= 5 {
            let mut tagged = TaggedFields::default();
            if self.topic_config_error_code != 0 {
                tagged.add(0, |writer| {
                    writer.put_i16(self.topic_config_error_code);
                    Ok(())
                })?;
            }
            tagged.put(writer, &self.unknown_tagged_fields)?;
        }
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct CreatableTopicConfigs {
    pub name: String,
    pub value: Option<String>,
    pub read_only: bool,
    pub config_source: i8,
    pub is_sensitive: bool,
    pub unknown_tagged_fields: UnknownTaggedFields,
}

impl Default for CreatableTopicConfigs {
    fn default() -> Self {
        Self {
            name: String::new(),
            value: Some(String::new()),
            read_only: false,
            config_source: -1,
            is_sensitive: false,
            unknown_tagged_fields: UnknownTaggedFields::default(),
        }
    }
}

impl Struct for CreatableTopicConfigs {
    const BYTES_MIN: usize = 6;

    fn decode_fields(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let mut value = Self::default();
        value.name = reader.read_string(true)?;
        value.value = reader.read_nullable_string(true)?;
        value.read_only = reader.read_bool()?;
        value.config_source = reader.read_i8()?;
        value.is_sensitive = reader.read_bool()?;
        value.unknown_tagged_fields = reader.read_unknown_tagged_fields()?;
        Ok(value)
    }

    fn encode_fields(&self, writer: &mut Writer, version: i16) -> Result<(), EncodeError> {
        writer.put_string(true, &self.name)?;
        writer.put_nullable_string(true, self.value.as_deref())?;
        writer.put_bool(self.read_only);
        writer.put_i8(self.config_source);
        writer.put_bool(self.is_sensitive);
        writer.put_unknown_tagged_fields(&self.unknown_tagged_fields)?;
        Ok(())
    }
}

impl Message for CreateTopicsResponse {
    const NAME: &'static str = "CreateTopicsResponse";
    const VERSIONS: (i16, i16) = (2, 7);
    const FLEXIBLE_SINCE: Option<i16> = Some(5);
}
