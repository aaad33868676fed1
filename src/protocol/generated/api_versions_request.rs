//! Generated from `schema/api_versions.txt`: do not edit.

use super::super::wire::*;
use crate::model::Uuid;
use bytes::Bytes;

#[derive(Clone, Debug, PartialEq)]
pub struct ApiVersionsRequest {
    /// 3+
    pub client_software_name: String,
    /// 3+
    pub client_software_version: String,
    /// 5+
    pub cluster_id: Option<String>,
    /// 5+
    pub node_id: i32,
    pub unknown_tagged_fields: UnknownTaggedFields,
}

impl Default for ApiVersionsRequest {
    fn default() -> Self {
        Self {
            client_software_name: String::new(),
            client_software_version: String::new(),
            cluster_id: None,
            node_id: -1,
            unknown_tagged_fields: UnknownTaggedFields::default(),
        }
    }
}

impl Struct for ApiVersionsRequest {
    const BYTES_MIN: usize = 0;

    fn decode_fields(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let flexible = version >= 3;
        let mut value = Self::default();
        if version >= 3 {
            value.client_software_name = reader.read_string(flexible)?;
            value.client_software_version = reader.read_string(flexible)?;
        }
        if version >= 5 {
            value.cluster_id = reader.read_nullable_string(flexible)?;
            value.node_id = reader.read_i32()?;
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
        if version >= 3 {
            writer.put_string(flexible, &self.client_software_name)?;
            writer.put_string(flexible, &self.client_software_version)?;
        }
        if version >= 5 {
            writer.put_nullable_string(flexible, self.cluster_id.as_deref())?;
            writer.put_i32(self.node_id);
        }
        if version >= 3 {
            writer.put_unknown_tagged_fields(&self.unknown_tagged_fields)?;
        }
        Ok(())
    }
}

impl Message for ApiVersionsRequest {
    const NAME: &'static str = "ApiVersionsRequest";
    const VERSIONS: (i16, i16) = (0, 5);
    const FLEXIBLE_SINCE: Option<i16> = Some(3);
}

impl Request for ApiVersionsRequest {
    const KEY: super::ApiKey = super::ApiKey::ApiVersions;
    type Response = super::ApiVersionsResponse;
}
