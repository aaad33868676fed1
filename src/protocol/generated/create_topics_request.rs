//! Generated from `schema/create_topics.txt`: do not edit.

use super::super::wire::*;
use crate::model::Uuid;
use bytes::Bytes;

#[derive(Clone, Debug, PartialEq)]
pub struct CreateTopicsRequest {
    pub topics: Vec<CreatableTopic>,
    pub timeout_ms: i32,
    pub validate_only: bool,
    pub unknown_tagged_fields: UnknownTaggedFields,
}

impl Default for CreateTopicsRequest {
    fn default() -> Self {
        Self {
            topics: Vec::new(),
            timeout_ms: 60000,
            validate_only: false,
            unknown_tagged_fields: UnknownTaggedFields::default(),
        }
    }
}

impl Struct for CreateTopicsRequest {
    const BYTES_MIN: usize = 7;

    fn decode_fields(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let flexible = version >= 5;
        let mut value = Self::default();
        value.topics = reader.read_structs(flexible, version)?;
        value.timeout_ms = reader.read_i32()?;
        value.validate_only = reader.read_bool()?;
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
        writer.put_structs(flexible, &self.topics, version)?;
        writer.put_i32(self.timeout_ms);
        writer.put_bool(self.validate_only);
        if version >= 5 {
            writer.put_unknown_tagged_fields(&self.unknown_tagged_fields)?;
        }
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct CreatableTopic {
    pub name: String,
    pub num_partitions: i32,
    pub replication_factor: i16,
    pub assignments: Vec<CreatableReplicaAssignment>,
    pub configs: Vec<CreatableTopicConfig>,
    pub unknown_tagged_fields: UnknownTaggedFields,
}

impl Struct for CreatableTopic {
    const BYTES_MIN: usize = 10;

    fn decode_fields(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let flexible = version >= 5;
        let mut value = Self::default();
        value.name = reader.read_string(flexible)?;
        value.num_partitions = reader.read_i32()?;
        value.replication_factor = reader.read_i16()?;
        value.assignments = reader.read_structs(flexible, version)?;
        value.configs = reader.read_structs(flexible, version)?;
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
        writer.put_string(flexible, &self.name)?;
        writer.put_i32(self.num_partitions);
        writer.put_i16(self.replication_factor);
        writer.put_structs(flexible, &self.assignments, version)?;
        writer.put_structs(flexible, &self.configs, version)?;
        if version >= 5 {
            writer.put_unknown_tagged_fields(&self.unknown_tagged_fields)?;
        }
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct CreatableTopicConfig {
    pub name: String,
    pub value: Option<String>,
    pub unknown_tagged_fields: UnknownTaggedFields,
}

impl Default for CreatableTopicConfig {
    fn default() -> Self {
        Self {
            name: String::new(),
            value: Some(String::new()),
            unknown_tagged_fields: UnknownTaggedFields::default(),
        }
    }
}

impl Struct for CreatableTopicConfig {
    const BYTES_MIN: usize = 3;

    fn decode_fields(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let flexible = version >= 5;
        let mut value = Self::default();
        value.name = reader.read_string(flexible)?;
        value.value = reader.read_nullable_string(flexible)?;
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
        writer.put_string(flexible, &self.name)?;
        writer.put_nullable_string(flexible, self.value.as_deref())?;
        if version >= 5 {
            writer.put_unknown_tagged_fields(&self.unknown_tagged_fields)?;
        }
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct CreatableReplicaAssignment {
    pub partition_index: i32,
    pub broker_ids: Vec<i32>,
    pub unknown_tagged_fields: UnknownTaggedFields,
}

impl Struct for CreatableReplicaAssignment {
    const BYTES_MIN: usize = 6;

    fn decode_fields(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let flexible = version >= 5;
        let mut value = Self::default();
        value.partition_index = reader.read_i32()?;
        value.broker_ids = reader.read_array(flexible, 4, Reader::read_i32)?;
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
        writer.put_i32(self.partition_index);
        writer.put_array(flexible, &self.broker_ids, Writer::put_i32)?;
        if version >= 5 {
            writer.put_unknown_tagged_fields(&self.unknown_tagged_fields)?;
        }
        Ok(())
    }
}

impl Message for CreateTopicsRequest {
    const NAME: &'static str = "CreateTopicsRequest";
    const VERSIONS: (i16, i16) = (2, 7);
    const FLEXIBLE_SINCE: Option<i16> = Some(5);
}

impl Request for CreateTopicsRequest {
    const KEY: super::ApiKey = super::ApiKey::CreateTopics;
    type Response = super::CreateTopicsResponse;
}
