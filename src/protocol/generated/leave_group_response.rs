//! Generated from `schema/leave_group.txt`: do not edit.

use super::super::wire::*;
use crate::model::Uuid;
use bytes::Bytes;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct LeaveGroupResponse {
    /// 1+
    pub throttle_time_ms: i32,
    pub error_code: i16,
    /// 3+
    pub members: Vec<MemberResponse>,
    pub unknown_tagged_fields: UnknownTaggedFields,
}

impl Struct for LeaveGroupResponse {
    const BYTES_MIN: usize = 2;

    fn decode_fields(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let flexible = version >= 4;
        let mut value = Self::default();
        if version >= 1 {
            value.throttle_time_ms = reader.read_i32()?;
        }
        value.error_code = reader.read_i16()?;
        if version >= 3 {
            value.members = reader.read_structs(flexible, version)?;
        }
        if version >= 4 {
            value.unknown_tagged_fields = reader.read_unknown_tagged_fields()?;
        }
        Ok(value)
    }

    fn encode_fields(&self, writer: &mut Writer, version: i16) -> Result<(), EncodeError> {
        if version < 3 && !self.members.is_empty() {
            return Err(EncodeError::FieldUnsupported { field: "LeaveGroupResponse.Members", version });
        }
        if version < 4 && !self.unknown_tagged_fields.is_empty() {
            return Err(EncodeError::TaggedFieldsUnsupported { version });
        }
        let flexible = version >= 4;
        if version >= 1 {
            writer.put_i32(self.throttle_time_ms);
        }
        writer.put_i16(self.error_code);
        if version >= 3 {
            writer.put_structs(flexible, &self.members, version)?;
        }
        if version >= 4 {
            writer.put_unknown_tagged_fields(&self.unknown_tagged_fields)?;
        }
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct MemberResponse {
    pub member_id: String,
    pub group_instance_id: Option<String>,
    pub error_code: i16,
    pub unknown_tagged_fields: UnknownTaggedFields,
}

impl Default for MemberResponse {
    fn default() -> Self {
        Self {
            member_id: String::new(),
            group_instance_id: Some(String::new()),
            error_code: 0,
            unknown_tagged_fields: UnknownTaggedFields::default(),
        }
    }
}

impl Struct for MemberResponse {
    const BYTES_MIN: usize = 5;

    fn decode_fields(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let flexible = version >= 4;
        let mut value = Self::default();
        value.member_id = reader.read_string(flexible)?;
        value.group_instance_id = reader.read_nullable_string(flexible)?;
        value.error_code = reader.read_i16()?;
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
        writer.put_i16(self.error_code);
        if version >= 4 {
            writer.put_unknown_tagged_fields(&self.unknown_tagged_fields)?;
        }
        Ok(())
    }
}

impl Message for LeaveGroupResponse {
    const NAME: &'static str = "LeaveGroupResponse";
    const VERSIONS: (i16, i16) = (0, 5);
    const FLEXIBLE_SINCE: Option<i16> = Some(4);
}
