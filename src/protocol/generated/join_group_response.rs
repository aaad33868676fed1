//! Generated from `schema/join_group.txt`: do not edit.

use super::super::wire::*;
use crate::model::Uuid;
use bytes::Bytes;

#[derive(Clone, Debug, PartialEq)]
pub struct JoinGroupResponse {
    /// 2+
    pub throttle_time_ms: i32,
    pub error_code: i16,
    pub generation_id: i32,
    /// 7+
    pub protocol_type: Option<String>,
    pub protocol_name: Option<String>,
    pub leader: String,
    /// 9+
    pub skip_assignment: bool,
    pub member_id: String,
    pub members: Vec<JoinGroupResponseMember>,
    pub unknown_tagged_fields: UnknownTaggedFields,
}

impl Default for JoinGroupResponse {
    fn default() -> Self {
        Self {
            throttle_time_ms: 0,
            error_code: 0,
            generation_id: -1,
            protocol_type: None,
            protocol_name: Some(String::new()),
            leader: String::new(),
            skip_assignment: false,
            member_id: String::new(),
            members: Vec::new(),
            unknown_tagged_fields: UnknownTaggedFields::default(),
        }
    }
}

impl Struct for JoinGroupResponse {
    const BYTES_MIN: usize = 15;

    fn decode_fields(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let flexible = version >= 6;
        let mut value = Self::default();
        if version >= 2 {
            value.throttle_time_ms = reader.read_i32()?;
        }
        value.error_code = reader.read_i16()?;
        value.generation_id = reader.read_i32()?;
        if version >= 7 {
            value.protocol_type = reader.read_nullable_string(flexible)?;
        }
        value.protocol_name = reader.read_nullable_string(flexible)?;
        if version < 7 && value.protocol_name.is_none() {
            return Err(reader.expected("JoinGroupResponse.ProtocolName, not null"));
        }
        value.leader = reader.read_string(flexible)?;
        if version >= 9 {
            value.skip_assignment = reader.read_bool()?;
        }
        value.member_id = reader.read_string(flexible)?;
        value.members = reader.read_structs(flexible, version)?;
        if version >= 6 {
            value.unknown_tagged_fields = reader.read_unknown_tagged_fields()?;
        }
        Ok(value)
    }

    fn encode_fields(&self, writer: &mut Writer, version: i16) -> Result<(), EncodeError> {
        if version < 7 && self.protocol_name.is_none() {
            return Err(EncodeError::NullUnsupported { field: "JoinGroupResponse.ProtocolName", version });
        }
        if version < 9 && self.skip_assignment {
            return Err(EncodeError::FieldUnsupported { field: "JoinGroupResponse.SkipAssignment", version });
        }
        if version < 6 && !self.unknown_tagged_fields.is_empty() {
            return Err(EncodeError::TaggedFieldsUnsupported { version });
        }
        let flexible = version >= 6;
        if version >= 2 {
            writer.put_i32(self.throttle_time_ms);
        }
        writer.put_i16(self.error_code);
        writer.put_i32(self.generation_id);
        if version >= 7 {
            writer.put_nullable_string(flexible, self.protocol_type.as_deref())?;
        }
        writer.put_nullable_string(flexible, self.protocol_name.as_deref())?;
        writer.put_string(flexible, &self.leader)?;
        if version >= 9 {
            writer.put_bool(self.skip_assignment);
        }
        writer.put_string(flexible, &self.member_id)?;
        writer.put_structs(flexible, &self.members, version)?;
        if version >= 6 {
            writer.put_unknown_tagged_fields(&self.unknown_tagged_fields)?;
        }
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct JoinGroupResponseMember {
    pub member_id: String,
    /// 5+
    pub group_instance_id: Option<String>,
    pub metadata: Bytes,
    pub unknown_tagged_fields: UnknownTaggedFields,
}

impl Struct for JoinGroupResponseMember {
    const BYTES_MIN: usize = 4;

    fn decode_fields(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let flexible = version >= 6;
        let mut value = Self::default();
        value.member_id = reader.read_string(flexible)?;
        if version >= 5 {
            value.group_instance_id = reader.read_nullable_string(flexible)?;
        }
        value.metadata = reader.read_bytes(flexible)?;
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
        writer.put_string(flexible, &self.member_id)?;
        if version >= 5 {
            writer.put_nullable_string(flexible, self.group_instance_id.as_deref())?;
        }
        writer.put_bytes(flexible, &self.metadata)?;
        if version >= 6 {
            writer.put_unknown_tagged_fields(&self.unknown_tagged_fields)?;
        }
        Ok(())
    }
}

impl Message for JoinGroupResponse {
    const NAME: &'static str = "JoinGroupResponse";
    const VERSIONS: (i16, i16) = (0, 9);
    const FLEXIBLE_SINCE: Option<i16> = Some(6);
}
