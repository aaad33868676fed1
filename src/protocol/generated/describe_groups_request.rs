//! Generated from `schema/describe_groups.txt`: do not edit.

use super::super::wire::*;
use crate::model::Uuid;
use bytes::Bytes;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct DescribeGroupsRequest {
    pub groups: Vec<String>,
    /// 3+
    pub include_authorized_operations: bool,
    pub unknown_tagged_fields: UnknownTaggedFields,
}

impl Struct for DescribeGroupsRequest {
    const BYTES_MIN: usize = 3;

    fn decode_fields(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let flexible = version >= 5;
        let mut value = Self::default();
        value.groups = reader.read_strings(flexible)?;
        if version >= 3 {
            value.include_authorized_operations = reader.read_bool()?;
        }
        if version >= 5 {
            value.unknown_tagged_fields = reader.read_unknown_tagged_fields()?;
        }
        Ok(value)
    }

    fn encode_fields(&self, writer: &mut Writer, version: i16) -> Result<(), EncodeError> {
        if version < 3 && self.include_authorized_operations {
            return Err(EncodeError::FieldUnsupported { field: "DescribeGroupsRequest.IncludeAuthorizedOperations", version });
        }
        if version < 5 && !self.unknown_tagged_fields.is_empty() {
            return Err(EncodeError::TaggedFieldsUnsupported { version });
        }
        let flexible = version >= 5;
        writer.put_strings(flexible, &self.groups)?;
        if version >= 3 {
            writer.put_bool(self.include_authorized_operations);
        }
        if version >= 5 {
            writer.put_unknown_tagged_fields(&self.unknown_tagged_fields)?;
        }
        Ok(())
    }
}

impl Message for DescribeGroupsRequest {
    const NAME: &'static str = "DescribeGroupsRequest";
    const VERSIONS: (i16, i16) = (0, 6);
    const FLEXIBLE_SINCE: Option<i16> = Some(5);
}

impl Request for DescribeGroupsRequest {
    const KEY: super::ApiKey = super::ApiKey::DescribeGroups;
    type Response = super::DescribeGroupsResponse;
}
