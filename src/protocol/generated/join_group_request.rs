//! Generated from `schema/join_group.txt`: do not edit.

use super::super::wire::*;
use crate::model::Uuid;
use bytes::Bytes;

#[derive(Clone, Debug, PartialEq)]
pub struct JoinGroupRequest {
    pub group_id: String,
    pub session_timeout_ms: i32,
    /// 1+
    pub rebalance_timeout_ms: i32,
    pub member_id: String,
    /// 5+
    pub group_instance_id: Option<String>,
    pub protocol_type: String,
    pub protocols: Vec<JoinGroupRequestProtocol>,
    /// 8+
    pub reason: Option<String>,
    pub unknown_tagged_fields: UnknownTaggedFields,
}

impl Default for JoinGroupRequest {
    fn default() -> Self {
        Self {
            group_id: String::new(),
            session_timeout_ms: 0,
            rebalance_timeout_ms: -1,
            member_id: String::new(),
            group_instance_id: None,
            protocol_type: String::new(),
            protocols: Vec::new(),
            reason: None,
            unknown_tagged_fields: UnknownTaggedFields::default(),
        }
    }
}

impl Struct for JoinGroupRequest {
    const BYTES_MIN: usize = 14;

    fn decode_fields(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let flexible = version >= 6;
        let mut value = Self::default();
        value.group_id = reader.read_string(flexible)?;
        value.session_timeout_ms = reader.read_i32()?;
        if version >= 1 {
            value.rebalance_timeout_ms = reader.read_i32()?;
        }
        value.member_id = reader.read_string(flexible)?;
        if version >= 5 {
            value.group_instance_id = reader.read_nullable_string(flexible)?;
        }
        value.protocol_type = reader.read_string(flexible)?;
        value.protocols = reader.read_structs(flexible, version)?;
        if version >= 8 {
            value.reason = reader.read_nullable_string(flexible)?;
        }
        if version >= 6 {
            value.unknown_tagged_fields = reader.read_unknown_tagged_fields()?;
        }
        Ok(value)
    }

    fn encode_fields(&self, writer: &mut Writer, version: i16) -> Result<(), EncodeError> {
        if version < 5 && self.group_instance_id.is_some() {
            return Err(EncodeError::FieldUnsupported { field: "JoinGroupRequest.GroupInstanceId", version });
        }
        if version < 6 && !self.unknown_tagged_fields.is_empty() {
            return Err(EncodeError::TaggedFieldsUnsupported { version });
        }
        let flexible = version >= 6;
        writer.put_string(flexible, &self.group_id)?;
        writer.put_i32(self.session_timeout_ms);
        if version >= 1 {
            writer.put_i32(self.rebalance_timeout_ms);
        }
        writer.put_string(flexible, &self.member_id)?;
        if version >= 5 {
            writer.put_nullable_string(flexible, self.group_instance_id.as_deref())?;
        }
        writer.put_string(flexible, &self.protocol_type)?;
        writer.put_structs(flexible, &self.protocols, version)?;
        if version >= 8 {
            writer.put_nullable_string(flexible, self.reason.as_deref())?;
        }
        if version >= 6 {
            writer.put_unknown_tagged_fields(&self.unknown_tagged_fields)?;
        }
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct JoinGroupRequestProtocol {
    pub name: String,
    pub metadata: Bytes,
    pub unknown_tagged_fields: UnknownTaggedFields,
}

impl Struct for JoinGroupRequestProtocol {
    const BYTES_MIN: usize = 3;

    fn decode_fields(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let flexible = version >= 6;
        let mut value = Self::default();
        value.name = reader.read_string(flexible)?;
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
        writer.put_string(flexible, &self.name)?;
        writer.put_bytes(flexible, &self.metadata)?;
        if version >= 6 {
            writer.put_unknown_tagged_fields(&self.unknown_tagged_fields)?;
        }
        Ok(())
    }
}

impl Message for JoinGroupRequest {
    const NAME: &'static str = "JoinGroupRequest";
    const VERSIONS: (i16, i16) = (0, 9);
    const FLEXIBLE_SINCE: Option<i16> = Some(6);
}

impl Request for JoinGroupRequest {
    const KEY: super::ApiKey = super::ApiKey::JoinGroup;
    type Response = super::JoinGroupResponse;
}
