//! Generated from `schema/create_acls.txt`: do not edit.

use super::super::wire::*;
use crate::model::Uuid;
use bytes::Bytes;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct CreateAclsRequest {
    pub creations: Vec<AclCreation>,
    pub unknown_tagged_fields: UnknownTaggedFields,
}

impl Struct for CreateAclsRequest {
    const BYTES_MIN: usize = 2;

    fn decode_fields(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let flexible = version >= 2;
        let mut value = Self::default();
        value.creations = reader.read_structs(flexible, version)?;
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
        writer.put_structs(flexible, &self.creations, version)?;
        if version >= 2 {
            writer.put_unknown_tagged_fields(&self.unknown_tagged_fields)?;
        }
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct AclCreation {
    pub resource_type: i8,
    pub resource_name: String,
    pub resource_pattern_type: i8,
    pub principal: String,
    pub host: String,
    pub operation: i8,
    pub permission_type: i8,
    pub unknown_tagged_fields: UnknownTaggedFields,
}

impl Default for AclCreation {
    fn default() -> Self {
        Self {
            resource_type: 0,
            resource_name: String::new(),
            resource_pattern_type: 3,
            principal: String::new(),
            host: String::new(),
            operation: 0,
            permission_type: 0,
            unknown_tagged_fields: UnknownTaggedFields::default(),
        }
    }
}

impl Struct for AclCreation {
    const BYTES_MIN: usize = 8;

    fn decode_fields(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let flexible = version >= 2;
        let mut value = Self::default();
        value.resource_type = reader.read_i8()?;
        value.resource_name = reader.read_string(flexible)?;
        value.resource_pattern_type = reader.read_i8()?;
        value.principal = reader.read_string(flexible)?;
        value.host = reader.read_string(flexible)?;
        value.operation = reader.read_i8()?;
        value.permission_type = reader.read_i8()?;
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
        writer.put_i8(self.resource_type);
        writer.put_string(flexible, &self.resource_name)?;
        writer.put_i8(self.resource_pattern_type);
        writer.put_string(flexible, &self.principal)?;
        writer.put_string(flexible, &self.host)?;
        writer.put_i8(self.operation);
        writer.put_i8(self.permission_type);
        if version >= 2 {
            writer.put_unknown_tagged_fields(&self.unknown_tagged_fields)?;
        }
        Ok(())
    }
}

impl Message for CreateAclsRequest {
    const NAME: &'static str = "CreateAclsRequest";
    const VERSIONS: (i16, i16) = (1, 3);
    const FLEXIBLE_SINCE: Option<i16> = Some(2);
}

impl Request for CreateAclsRequest {
    const KEY: super::ApiKey = super::ApiKey::CreateAcls;
    type Response = super::CreateAclsResponse;
}
