//! Generated from `schema/sync_group.txt`: do not edit.

use super::super::wire::*;
use crate::model::Uuid;
use bytes::Bytes;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct SyncGroupRequest {
    pub group_id: String,
    pub generation_id: i32,
    pub member_id: String,
    /// 3+
    pub group_instance_id: Option<String>,
    /// 5+
    pub protocol_type: Option<String>,
    /// 5+
    pub protocol_name: Option<String>,
    pub assignments: Vec<SyncGroupRequestAssignment>,
    pub unknown_tagged_fields: UnknownTaggedFields,
}

impl Struct for SyncGroupRequest {
    const BYTES_MIN: usize = 9;

    fn decode_fields(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let flexible = version >= 4;
        let mut value = Self::default();
        value.group_id = reader.read_string(flexible)?;
        value.generation_id = reader.read_i32()?;
        value.member_id = reader.read_string(flexible)?;
        if version >= 3 {
            value.group_instance_id = reader.read_nullable_string(flexible)?;
        }
        if version >= 5 {
            value.protocol_type = reader.read_nullable_string(flexible)?;
            value.protocol_name = reader.read_nullable_string(flexible)?;
        }
        value.assignments = reader.read_structs(flexible, version)?;
        if version >= 4 {
            value.unknown_tagged_fields = reader.read_unknown_tagged_fields()?;
        }
        Ok(value)
    }

    fn encode_fields(&self, writer: &mut Writer, version: i16) -> Result<(), EncodeError> {
        if version < 3 && self.group_instance_id.is_some() {
            return Err(EncodeError::FieldUnsupported { field: "SyncGroupRequest.GroupInstanceId", version });
        }
        if version < 4 && !self.unknown_tagged_fields.is_empty() {
            return Err(EncodeError::TaggedFieldsUnsupported { version });
        }
        let flexible = version >= 4;
        writer.put_string(flexible, &self.group_id)?;
        writer.put_i32(self.generation_id);
        writer.put_string(flexible, &self.member_id)?;
        if version >= 3 {
            writer.put_nullable_string(flexible, self.group_instance_id.as_deref())?;
        }
        if version >= 5 {
            writer.put_nullable_string(flexible, self.protocol_type.as_deref())?;
            writer.put_nullable_string(flexible, self.protocol_name.as_deref())?;
        }
        writer.put_structs(flexible, &self.assignments, version)?;
        if version >= 4 {
            writer.put_unknown_tagged_fields(&self.unknown_tagged_fields)?;
        }
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct SyncGroupRequestAssignment {
    pub member_id: String,
    pub assignment: Bytes,
    pub unknown_tagged_fields: UnknownTaggedFields,
}

impl Struct for SyncGroupRequestAssignment {
    const BYTES_MIN: usize = 3;

    fn decode_fields(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let flexible = version >= 4;
        let mut value = Self::default();
        value.member_id = reader.read_string(flexible)?;
        value.assignment = reader.read_bytes(flexible)?;
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
        writer.put_string(flexible, &self.member_id)?;
        writer.put_bytes(flexible, &self.assignment)?;
        if version >= 4 {
            writer.put_unknown_tagged_fields(&self.unknown_tagged_fields)?;
        }
        Ok(())
    }
}

impl Message for SyncGroupRequest {
    const NAME: &'static str = "SyncGroupRequest";
    const VERSIONS: (i16, i16) = (0, 5);
    const FLEXIBLE_SINCE: Option<i16> = Some(4);
}

impl Request for SyncGroupRequest {
    const KEY: super::ApiKey = super::ApiKey::SyncGroup;
    type Response = super::SyncGroupResponse;
}
