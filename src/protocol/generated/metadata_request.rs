//! Generated from `schema/metadata.txt`: do not edit.

use super::super::wire::*;
use crate::model::Uuid;
use bytes::Bytes;

#[derive(Clone, Debug, PartialEq)]
pub struct MetadataRequest {
    pub topics: Option<Vec<MetadataRequestTopic>>,
    /// 4+
    pub allow_auto_topic_creation: bool,
    /// 8-10
    pub include_cluster_authorized_operations: bool,
    /// 8+
    pub include_topic_authorized_operations: bool,
    pub unknown_tagged_fields: UnknownTaggedFields,
}

impl Default for MetadataRequest {
    fn default() -> Self {
        Self {
            topics: Some(Vec::new()),
            allow_auto_topic_creation: true,
            include_cluster_authorized_operations: false,
            include_topic_authorized_operations: false,
            unknown_tagged_fields: UnknownTaggedFields::default(),
        }
    }
}

impl Struct for MetadataRequest {
    const BYTES_MIN: usize = 4;

    fn decode_fields(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let flexible = version >= 9;
        let mut value = Self::default();
        value.topics = reader.read_nullable_structs(flexible, version)?;
        if version < 1 && value.topics.is_none() {
            return Err(reader.expected("MetadataRequest.Topics, not null"));
        }
        if version >= 4 {
            value.allow_auto_topic_creation = reader.read_bool()?;
        }
        if (8..=10).contains(&version) {
            value.include_cluster_authorized_operations = reader.read_bool()?;
        }
        if version >= 8 {
            value.include_topic_authorized_operations = reader.read_bool()?;
        }
        if version >= 9 {
            value.unknown_tagged_fields = reader.read_unknown_tagged_fields()?;
        }
        Ok(value)
    }

    fn encode_fields(&self, writer: &mut Writer, version: i16) -> Result<(), EncodeError> {
        if version < 1 && self.topics.is_none() {
            return Err(EncodeError::NullUnsupported { field: "MetadataRequest.Topics", version });
        }
        if version < 4 && !self.allow_auto_topic_creation {
            return Err(EncodeError::FieldUnsupported { field: "MetadataRequest.AllowAutoTopicCreation", version });
        }
        if !(8..=10).contains(&version) && self.include_cluster_authorized_operations {
            return Err(EncodeError::FieldUnsupported { field: "MetadataRequest.IncludeClusterAuthorizedOperations", version });
        }
        if version < 8 && self.include_topic_authorized_operations {
            return Err(EncodeError::FieldUnsupported { field: "MetadataRequest.IncludeTopicAuthorizedOperations", version });
        }
        if version < 9 && !self.unknown_tagged_fields.is_empty() {
            return Err(EncodeError::TaggedFieldsUnsupported { version });
        }
        let flexible = version >= 9;
        writer.put_nullable_structs(flexible, self.topics.as_deref(), version)?;
        if version >= 4 {
            writer.put_bool(self.allow_auto_topic_creation);
        }
        if (8..=10).contains(&version) {
            writer.put_bool(self.include_cluster_authorized_operations);
        }
        if version >= 8 {
            writer.put_bool(self.include_topic_authorized_operations);
        }
        if version >= 9 {
            writer.put_unknown_tagged_fields(&self.unknown_tagged_fields)?;
        }
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct MetadataRequestTopic {
    /// 10+
    pub topic_id: Uuid,
    pub name: Option<String>,
    pub unknown_tagged_fields: UnknownTaggedFields,
}

impl Default for MetadataRequestTopic {
    fn default() -> Self {
        Self {
            topic_id: Uuid::ZERO,
            name: Some(String::new()),
            unknown_tagged_fields: UnknownTaggedFields::default(),
        }
    }
}

impl Struct for MetadataRequestTopic {
    const BYTES_MIN: usize = 2;

    fn decode_fields(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let flexible = version >= 9;
        let mut value = Self::default();
        if version >= 10 {
            value.topic_id = reader.read_uuid()?;
        }
        value.name = reader.read_nullable_string(flexible)?;
        if version < 10 && value.name.is_none() {
            return Err(reader.expected("MetadataRequestTopic.Name, not null"));
        }
        if version >= 9 {
            value.unknown_tagged_fields = reader.read_unknown_tagged_fields()?;
        }
        Ok(value)
    }

    fn encode_fields(&self, writer: &mut Writer, version: i16) -> Result<(), EncodeError> {
        if version < 10 && self.name.is_none() {
            return Err(EncodeError::NullUnsupported { field: "MetadataRequestTopic.Name", version });
        }
        if version < 9 && !self.unknown_tagged_fields.is_empty() {
            return Err(EncodeError::TaggedFieldsUnsupported { version });
        }
        let flexible = version >= 9;
        if version >= 10 {
            writer.put_uuid(self.topic_id);
        }
        writer.put_nullable_string(flexible, self.name.as_deref())?;
        if version >= 9 {
            writer.put_unknown_tagged_fields(&self.unknown_tagged_fields)?;
        }
        Ok(())
    }
}

impl Message for MetadataRequest {
    const NAME: &'static str = "MetadataRequest";
    const VERSIONS: (i16, i16) = (0, 13);
    const FLEXIBLE_SINCE: Option<i16> = Some(9);
}

impl Request for MetadataRequest {
    const KEY: super::ApiKey = super::ApiKey::Metadata;
    type Response = super::MetadataResponse;
}
