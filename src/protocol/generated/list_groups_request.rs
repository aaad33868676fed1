//! Generated from `schema/list_groups.txt`: do not edit.

use super::super::wire::*;
use crate::model::Uuid;
use bytes::Bytes;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct ListGroupsRequest {
    /// 4+
    pub states_filter: Vec<String>,
    /// 5+
    pub types_filter: Vec<String>,
    pub unknown_tagged_fields: UnknownTaggedFields,
}

impl Struct for ListGroupsRequest {
    const BYTES_MIN: usize = 0;

    fn decode_fields(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let flexible = version >= 3;
        let mut value = Self::default();
        if version >= 4 {
            value.states_filter = reader.read_strings(flexible)?;
        }
        if version >= 5 {
            value.types_filter = reader.read_strings(flexible)?;
        }
        if version >= 3 {
            value.unknown_tagged_fields = reader.read_unknown_tagged_fields()?;
        }
        Ok(value)
    }

    fn encode_fields(&self, writer: &mut Writer, version: i16) -> Result<(), EncodeError> {
        if version < 4 && !self.states_filter.is_empty() {
            return Err(EncodeError::FieldUnsupported { field: "ListGroupsRequest.StatesFilter", version });
        }
        if version < 5 && !self.types_filter.is_empty() {
            return Err(EncodeError::FieldUnsupported { field: "ListGroupsRequest.TypesFilter", version });
        }
        if version < 3 && !self.unknown_tagged_fields.is_empty() {
            return Err(EncodeError::TaggedFieldsUnsupported { version });
        }
        let flexible = version >= 3;
        if version >= 4 {
            writer.put_strings(flexible, &self.states_filter)?;
        }
        if version >= 5 {
            writer.put_strings(flexible, &self.types_filter)?;
        }
        if version >= 3 {
            writer.put_unknown_tagged_fields(&self.unknown_tagged_fields)?;
        }
        Ok(())
    }
}

impl Message for ListGroupsRequest {
    const NAME: &'static str = "ListGroupsRequest";
    const VERSIONS: (i16, i16) = (0, 5);
    const FLEXIBLE_SINCE: Option<i16> = Some(3);
}

impl Request for ListGroupsRequest {
    const KEY: super::ApiKey = super::ApiKey::ListGroups;
    type Response = super::ListGroupsResponse;
}
