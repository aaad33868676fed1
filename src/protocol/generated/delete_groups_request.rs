//! Generated from `schema/delete_groups.txt`: do not edit.

use super::super::wire::*;
use crate::model::Uuid;
use bytes::Bytes;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct DeleteGroupsRequest {
    pub groups_names: Vec<String>,
    pub unknown_tagged_fields: UnknownTaggedFields,
}

impl Struct for DeleteGroupsRequest {
    const BYTES_MIN: usize = 2;

    fn decode_fields(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let flexible = version >= 2;
        let mut value = Self::default();
        value.groups_names = reader.read_strings(flexible)?;
        if version >= 2 {
            value.unknown_tagged_fields = reader.read_unknown_tagged_fields()?;
        }
        Ok(value)
    }

    fn encode_fields(&self, writer: &mut Writer, version: i16) -> Result<(), EncodeError> {
        if version < 2 && !self.unknown_tagged_fields.is_empty() {
            return Err(EncodeError::TaggedFieldsUnsupported { version });
        }
        let flexible = version >= 2;
        writer.put_strings(flexible, &self.groups_names)?;
        if version >= 2 {
            writer.put_unknown_tagged_fields(&self.unknown_tagged_fields)?;
        }
        Ok(())
    }
}

impl Message for DeleteGroupsRequest {
    const NAME: &'static str = "DeleteGroupsRequest";
    const VERSIONS: (i16, i16) = (0, 3);
    const FLEXIBLE_SINCE: Option<i16> = Some(2);
}

impl Request for DeleteGroupsRequest {
    const KEY: super::ApiKey = super::ApiKey::DeleteGroups;
    type Response = super::DeleteGroupsResponse;
}
