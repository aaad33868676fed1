//! Generated from `schema/list_config_resources.txt`: do not edit.

use super::super::wire::*;
use crate::model::Uuid;
use bytes::Bytes;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct ListConfigResourcesRequest {
    /// 1+
    pub resource_types: Vec<i8>,
    pub unknown_tagged_fields: UnknownTaggedFields,
}

impl Struct for ListConfigResourcesRequest {
    const BYTES_MIN: usize = 1;

    fn decode_fields(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let mut value = Self::default();
        if version >= 1 {
            value.resource_types = reader.read_array(true, 1, Reader::read_i8)?;
        }
        value.unknown_tagged_fields = reader.read_unknown_tagged_fields()?;
        Ok(value)
    }

    fn encode_fields(&self, writer: &mut Writer, version: i16) -> Result<(), EncodeError> {
        if version < 1 && !self.resource_types.is_empty() {
            return Err(EncodeError::FieldUnsupported { field: "ListConfigResourcesRequest.ResourceTypes", version });
        }
        if version >= 1 {
            writer.put_array(true, &self.resource_types, Writer::put_i8)?;
        }
        writer.put_unknown_tagged_fields(&self.unknown_tagged_fields)?;
        Ok(())
    }
}

impl Message for ListConfigResourcesRequest {
    const NAME: &'static str = "ListConfigResourcesRequest";
    const VERSIONS: (i16, i16) = (0, 1);
    const FLEXIBLE_SINCE: Option<i16> = Some(0);
}

impl Request for ListConfigResourcesRequest {
    const KEY: super::ApiKey = super::ApiKey::ListConfigResources;
    type Response = super::ListConfigResourcesResponse;
}
