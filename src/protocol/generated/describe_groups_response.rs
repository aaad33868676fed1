//! Generated from `schema/describe_groups.txt`: do not edit.

use super::super::wire::*;
use crate::model::Uuid;
use bytes::Bytes;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct DescribeGroupsResponse {
    /// 1+
    pub throttle_time_ms: i32,
    pub groups: Vec<DescribedGroup>,
    pub unknown_tagged_fields: UnknownTaggedFields,
}

impl Struct for DescribeGroupsResponse {
    const BYTES_MIN: usize = 4;

    fn decode_fields(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let flexible = version >= 5;
        let mut value = Self::default();
        if version >= 1 {
            value.throttle_time_ms = reader.read_i32()?;
        }
        value.groups = reader.read_structs(flexible, version)?;
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
        if version >= 1 {
            writer.put_i32(self.throttle_time_ms);
        }
        writer.put_structs(flexible, &self.groups, version)?;
        if version >= 5 {
            writer.put_unknown_tagged_fields(&self.unknown_tagged_fields)?;
        }
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct DescribedGroup {
    pub error_code: i16,
    /// 6+
    pub error_message: Option<String>,
    pub group_id: String,
    pub group_state: String,
    pub protocol_type: String,
    pub protocol_data: String,
    pub members: Vec<DescribedGroupMember>,
    /// 3+
    pub authorized_operations: i32,
    pub unknown_tagged_fields: UnknownTaggedFields,
}

impl Default for DescribedGroup {
    fn default() -> Self {
        Self {
            error_code: 0,
            error_message: None,
            group_id: String::new(),
            group_state: String::new(),
            protocol_type: String::new(),
            protocol_data: String::new(),
            members: Vec::new(),
            authorized_operations: -2147483648,
            unknown_tagged_fields: UnknownTaggedFields::default(),
        }
    }
}

impl Struct for DescribedGroup {
    const BYTES_MIN: usize = 12;

    fn decode_fields(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let flexible = version >= 5;
        let mut value = Self::default();
        value.error_code = reader.read_i16()?;
        if version >= 6 {
            value.error_message = reader.read_nullable_string(flexible)?;
        }
        value.group_id = reader.read_string(flexible)?;
        value.group_state = reader.read_string(flexible)?;
        value.protocol_type = reader.read_string(flexible)?;
        value.protocol_data = reader.read_string(flexible)?;
        value.members = reader.read_structs(flexible, version)?;
        if version >= 3 {
            value.authorized_operations = reader.read_i32()?;
        }
        if version >= 5 {
            value.unknown_tagged_fields = reader.read_unknown_tagged_fields()?;
        }
        Ok(value)
    }

    fn encode_fields(&self, writer: &mut Writer, version: i16) -> Result<(), EncodeError> {
        if version < 6 && self.error_message.is_some() {
            return Err(EncodeError::FieldUnsupported { field: "DescribedGroup.ErrorMessage", version });
        }
        if version < 3 && self.authorized_operations != -2147483648 {
            return Err(EncodeError::FieldUnsupported { field: "DescribedGroup.AuthorizedOperations", version });
        }
        if version < 5 && !self.unknown_tagged_fields.is_empty() {
            return Err(EncodeError::TaggedFieldsUnsupported { version });
        }
        let flexible = version >= 5;
        writer.put_i16(self.error_code);
        if version >= 6 {
            writer.put_nullable_string(flexible, self.error_message.as_deref())?;
        }
        writer.put_string(flexible, &self.group_id)?;
        writer.put_string(flexible, &self.group_state)?;
        writer.put_string(flexible, &self.protocol_type)?;
        writer.put_string(flexible, &self.protocol_data)?;
        writer.put_structs(flexible, &self.members, version)?;
        if version >= 3 {
            writer.put_i32(self.authorized_operations);
        }
        if version >= 5 {
            writer.put_unknown_tagged_fields(&self.unknown_tagged_fields)?;
        }
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct DescribedGroupMember {
    pub member_id: String,
    /// 4+
    pub group_instance_id: Option<String>,
    pub client_id: String,
    pub client_host: String,
    pub member_metadata: Bytes,
    pub member_assignment: Bytes,
    pub unknown_tagged_fields: UnknownTaggedFields,
}

impl Struct for DescribedGroupMember {
    const BYTES_MIN: usize = 7;

    fn decode_fields(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let flexible = version >= 5;
        let mut value = Self::default();
        value.member_id = reader.read_string(flexible)?;
        if version >= 4 {
            value.group_instance_id = reader.read_nullable_string(flexible)?;
        }
        value.client_id = reader.read_string(flexible)?;
        value.client_host = reader.read_string(flexible)?;
        value.member_metadata = reader.read_bytes(flexible)?;
        value.member_assignment = reader.read_bytes(flexible)?;
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
        writer.put_string(flexible, &self.member_id)?;
        if version >= 4 {
            writer.put_nullable_string(flexible, self.group_instance_id.as_deref())?;
        }
        writer.put_string(flexible, &self.client_id)?;
        writer.put_string(flexible, &self.client_host)?;
        writer.put_bytes(flexible, &self.member_metadata)?;
        writer.put_bytes(flexible, &self.member_assignment)?;
        if version >= 5 {
            writer.put_unknown_tagged_fields(&self.unknown_tagged_fields)?;
        }
        Ok(())
    }
}

impl Message for DescribeGroupsResponse {
    const NAME: &'static str = "DescribeGroupsResponse";
    const VERSIONS: (i16, i16) = (0, 6);
    const FLEXIBLE_SINCE: Option<i16> = Some(5);
}
