//! Generated from `schema/list_groups.txt`: do not edit.

use super::super::wire::*;
use crate::model::Uuid;
use bytes::Bytes;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct ListGroupsResponse {
    /// 1+
    pub throttle_time_ms: i32,
    pub error_code: i16,
    pub groups: Vec<ListedGroup>,
    pub unknown_tagged_fields: UnknownTaggedFields,
}

impl Struct for ListGroupsResponse {
    const BYTES_MIN: usize = 6;

    fn decode_fields(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let flexible = version >= 3;
        let mut value = Self::default();
        if version >= 1 {
            value.throttle_time_ms = reader.read_i32()?;
        }
        value.error_code = reader.read_i16()?;
        value.groups = reader.read_structs(flexible, version)?;
        if version >= 3 {
            value.unknown_tagged_fields = reader.read_unknown_tagged_fields()?;
        }
        Ok(value)
    }

    fn encode_fields(&self, writer: &mut Writer, version: i16) -> Result<(), EncodeError> {
        if version < 3 && !self.unknown_tagged_fields.is_empty() {
            return Err(EncodeError::TaggedFieldsUnsupported { version });
        }
        let flexible = version >= 3;
        if version >= 1 {
            writer.put_i32(self.throttle_time_ms);
        }
        writer.put_i16(self.error_code);
        writer.put_structs(flexible, &self.groups, version)?;
        if version >= 3 {
            writer.put_unknown_tagged_fields(&self.unknown_tagged_fields)?;
        }
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct ListedGroup {
    pub group_id: String,
    pub protocol_type: String,
    /// 4+
    pub group_state: String,
    /// 5+
    pub group_type: String,
    pub unknown_tagged_fields: UnknownTaggedFields,
}

impl Struct for ListedGroup {
    const BYTES_MIN: usize = 3;

    fn decode_fields(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let flexible = version >= 3;
        let mut value = Self::default();
        value.group_id = reader.read_string(flexible)?;
        value.protocol_type = reader.read_string(flexible)?;
        if version >= 4 {
            value.group_state = reader.read_string(flexible)?;
        }
        if version >= 5 {
            value.group_type = reader.read_string(flexible)?;
        }
        if version >= 3 {
            value.unknown_tagged_fields = reader.read_unknown_tagged_fields()?;
        }
        Ok(value)
    }

    fn encode_fields(&self, writer: &mut Writer, version: i16) -> Result<(), EncodeError> {
        if version < 3 && !self.unknown_tagged_fields.is_empty() {
            return Err(EncodeError::TaggedFieldsUnsupported { version });
        }
        let flexible = version >= 3;
        writer.put_string(flexible, &self.group_id)?;
        writer.put_string(flexible, &self.protocol_type)?;
        if version >= 4 {
            writer.put_string(flexible, &self.group_state)?;
        }
        if version >= 5 {
            writer.put_string(flexible, &self.group_type)?;
        }
        if version >= 3 {
            writer.put_unknown_tagged_fields(&self.unknown_tagged_fields)?;
        }
        Ok(())
    }
}

impl Message for ListGroupsResponse {
    const NAME: &'static str = "ListGroupsResponse";
    const VERSIONS: (i16, i16) = (0, 5);
    const FLEXIBLE_SINCE: Option<i16> = Some(3);
}
