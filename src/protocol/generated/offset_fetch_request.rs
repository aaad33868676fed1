//! Generated from `schema/offset_fetch.txt`: do not edit.

use super::super::wire::*;
use crate::model::Uuid;
use bytes::Bytes;

#[derive(Clone, Debug, PartialEq)]
pub struct OffsetFetchRequest {
    /// 1-7
    pub group_id: String,
    /// 1-7
    pub topics: Option<Vec<OffsetFetchRequestTopic>>,
    /// 8+
    pub groups: Vec<OffsetFetchRequestGroup>,
    /// 7+
    pub require_stable: bool,
    pub unknown_tagged_fields: UnknownTaggedFields,
}

impl Default for OffsetFetchRequest {
    fn default() -> Self {
        Self {
            group_id: String::new(),
            topics: Some(Vec::new()),
            groups: Vec::new(),
            require_stable: false,
            unknown_tagged_fields: UnknownTaggedFields::default(),
        }
    }
}

impl Struct for OffsetFetchRequest {
    const BYTES_MIN: usize = 3;

    fn decode_fields(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let flexible = version >= 6;
        let mut value = Self::default();
        if version <= 7 {
            value.group_id = reader.read_string(flexible)?;
            value.topics = reader.read_nullable_structs(flexible, version)?;
            if version < 2 && value.topics.is_none() {
                return Err(reader.expected("OffsetFetchRequest.Topics, not null"));
            }
        }
        if version >= 8 {
            value.groups = reader.read_structs(flexible, version)?;
        }
        if version >= 7 {
            value.require_stable = reader.read_bool()?;
        }
        if version >= 6 {
            value.unknown_tagged_fields = reader.read_unknown_tagged_fields()?;
        }
        Ok(value)
    }

    fn encode_fields(&self, writer: &mut Writer, version: i16) -> Result<(), EncodeError> {
        if version > 7 && !self.group_id.is_empty() {
            return Err(EncodeError::FieldUnsupported { field: "OffsetFetchRequest.GroupId", version });
        }
        if version > 7 && self.topics.as_ref().is_none_or(|value| !value.is_empty()) {
            return Err(EncodeError::FieldUnsupported { field: "OffsetFetchRequest.Topics", version });
        }
        if version < 2 && self.topics.is_none() {
            return Err(EncodeError::NullUnsupported { field: "OffsetFetchRequest.Topics", version });
        }
        if version < 8 && !self.groups.is_empty() {
            return Err(EncodeError::FieldUnsupported { field: "OffsetFetchRequest.Groups", version });
        }
        if version < 7 && self.require_stable {
            return Err(EncodeError::FieldUnsupported { field: "OffsetFetchRequest.RequireStable", version });
        }
        if version < 6 && !self.unknown_tagged_fields.is_empty() {
            return Err(EncodeError::TaggedFieldsUnsupported { version });
        }
        let flexible = version >= 6;
        if version <= 7 {
            writer.put_string(flexible, &self.group_id)?;
            writer.put_nullable_structs(flexible, self.topics.as_deref(), version)?;
        }
        if version >= 8 {
            writer.put_structs(flexible, &self.groups, version)?;
        }
        if version >= 7 {
            writer.put_bool(self.require_stable);
        }
        if version >= 6 {
            writer.put_unknown_tagged_fields(&self.unknown_tagged_fields)?;
        }
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct OffsetFetchRequestGroup {
    pub group_id: String,
    /// 9+
    pub member_id: Option<String>,
    /// 9+
    pub member_epoch: i32,
    pub topics: Option<Vec<OffsetFetchRequestTopics>>,
    pub unknown_tagged_fields: UnknownTaggedFields,
}

impl Default for OffsetFetchRequestGroup {
    fn default() -> Self {
        Self {
            group_id: String::new(),
            member_id: None,
            member_epoch: -1,
            topics: Some(Vec::new()),
            unknown_tagged_fields: UnknownTaggedFields::default(),
        }
    }
}

impl Struct for OffsetFetchRequestGroup {
    const BYTES_MIN: usize = 3;

    fn decode_fields(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let mut value = Self::default();
        value.group_id = reader.read_string(true)?;
        if version >= 9 {
            value.member_id = reader.read_nullable_string(true)?;
            value.member_epoch = reader.read_i32()?;
        }
        value.topics = reader.read_nullable_structs(true, version)?;
        value.unknown_tagged_fields = reader.read_unknown_tagged_fields()?;
        Ok(value)
    }

    fn encode_fields(&self, writer: &mut Writer, version: i16) -> Result<(), EncodeError> {
        writer.put_string(true, &self.group_id)?;
        if version >= 9 {
            writer.put_nullable_string(true, self.member_id.as_deref())?;
            writer.put_i32(self.member_epoch);
        }
        writer.put_nullable_structs(true, self.topics.as_deref(), version)?;
        writer.put_unknown_tagged_fields(&self.unknown_tagged_fields)?;
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct OffsetFetchRequestTopics {
    /// 8-9
    pub name: String,
    /// 10+
    pub topic_id: Uuid,
    pub partition_indexes: Vec<i32>,
    pub unknown_tagged_fields: UnknownTaggedFields,
}

impl Struct for OffsetFetchRequestTopics {
    const BYTES_MIN: usize = 3;

    fn decode_fields(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let mut value = Self::default();
        if version <= 9 {
            value.name = reader.read_string(true)?;
        }
        if version >= 10 {
            value.topic_id = reader.read_uuid()?;
        }
        value.partition_indexes = reader.read_array(true, 4, Reader::read_i32)?;
        value.unknown_tagged_fields = reader.read_unknown_tagged_fields()?;
        Ok(value)
    }

    fn encode_fields(&self, writer: &mut Writer, version: i16) -> Result<(), EncodeError> {
        if version <= 9 {
            writer.put_string(true, &self.name)?;
        }
        if version >= 10 {
            writer.put_uuid(self.topic_id);
        }
        writer.put_array(true, &self.partition_indexes, Writer::put_i32)?;
        writer.put_unknown_tagged_fields(&self.unknown_tagged_fields)?;
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct OffsetFetchRequestTopic {
    pub name: String,
    pub partition_indexes: Vec<i32>,
    pub unknown_tagged_fields: UnknownTaggedFields,
}

impl Struct for OffsetFetchRequestTopic {
    const BYTES_MIN: usize = 3;

    fn decode_fields(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let flexible = version >= 6;
        let mut value = Self::default();
        value.name = reader.read_string(flexible)?;
        value.partition_indexes = reader.read_array(flexible, 4, Reader::read_i32)?;
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
        writer.put_array(flexible, &self.partition_indexes, Writer::put_i32)?;
        if version >= 6 {
            writer.put_unknown_tagged_fields(&self.unknown_tagged_fields)?;
        }
        Ok(())
    }
}

impl Message for OffsetFetchRequest {
    const NAME: &'static str = "OffsetFetchRequest";
    const VERSIONS: (i16, i16) = (1, 10);
    const FLEXIBLE_SINCE: Option<i16> = Some(6);
}

impl Request for OffsetFetchRequest {
    const KEY: super::ApiKey = super::ApiKey::OffsetFetch;
    type Response = super::OffsetFetchResponse;
}
