//! Generated from `schema/leave_group.txt`: do not edit.

use super::super::wire::*;
use crate::model::Uuid;
use bytes::Bytes;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct LeaveGroupRequest {
    pub group_id: String,
    /// 0-2
    pub member_id: String,
    /// 3+
    pub members: Vec<MemberIdentity>,
    pub unknown_tagged_fields: UnknownTaggedFields,
}

impl Struct for LeaveGroupRequest {
    const BYTES_MIN: usize = 3;

    fn decode_fields(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let flexible = version >= 4;
        let mut value = Self::default();
        value.group_id = reader.read_string(flexible)?;
        if version <= 2 {
            value.member_id = reader.read_string(flexible)?;
        }
        if version >= 3 {
            value.members = reader.read_structs(flexible, version)?;
        }
        if version >= 4 {
            value.unknown_tagged_fields = reader.read_unknown_tagged_fields()?;
        }
        Ok(value)
    }

    fn encode_fields(&self, writer: &mut Writer, version: i16) -> Result<(), EncodeError> {
        if version > 2 && !self.member_id.is_empty() {
            return Err(EncodeError::FieldUnsupported { field: "LeaveGroupRequest.MemberId", version });
        }
        if version < 3 && !self.members.is_empty() {
            return Err(EncodeError::FieldUnsupported { field: "LeaveGroupRequest.Members", version });
        }
        if version < 4 && !self.unknown_tagged_fields.is_empty() {
            return Err(EncodeError::TaggedFieldsUnsupported { version });
        }
        let flexible = version >= 4;
        writer.put_string(flexible, &self.group_id)?;
        if version <= 2 {
            writer.put_string(flexible, &self.member_id)?;
        }
        if version >= 3 {
            writer.put_structs(flexible, &self.members, version)?;
        }
        if version >= 4 {
            writer.put_unknown_tagged_fields(&self.unknown_tagged_fields)?;
        }
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct MemberIdentity {
    pub member_id: String,
    pub group_instance_id: Option<String>,
    /// 5+
    pub reason: Option<String>,
    pub unknown_tagged_fields: UnknownTaggedFields,
}

impl Struct for MemberIdentity {
    const BYTES_MIN: usize = 3;

    fn decode_fields(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let flexible = version >= 4;
        let mut value = Self::default();
        value.member_id = reader.read_string(flexible)?;
        value.group_instance_id = reader.read_nullable_string(flexible)?;
        if version >= 5 {
            value.reason = reader.read_nullable_string(flexible)?;
        }
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
        writer.put_nullable_string(flexible, self.group_instance_id.as_deref())?;
        if version >= 5 {
            writer.put_nullable_string(flexible, self.reason.as_deref())?;
        }
        if version >= 4 {
            writer.put_unknown_tagged_fields(&self.unknown_tagged_fields)?;
        }
        Ok(())
    }
}

impl Message for LeaveGroupRequest {
    const NAME: &'static str = "LeaveGroupRequest";
    const VERSIONS: (i16, i16) = (0, 5);
    const FLEXIBLE_SINCE: Option<i16> = Some(4);
}

impl Request for LeaveGroupRequest {
    const KEY: super::ApiKey = super::ApiKey::LeaveGroup;
    type Response = super::LeaveGroupResponse;
}
