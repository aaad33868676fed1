//! Generated from `schema/alter_configs.txt`: do not edit.

use super::super::wire::*;
use crate::model::Uuid;
use bytes::Bytes;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct AlterConfigsResponse {
    pub throttle_time_ms: i32,
    pub responses: Vec<AlterConfigsResourceResponse>,
    pub unknown_tagged_fields: UnknownTaggedFields,
}

impl Struct for AlterConfigsResponse {
    const BYTES_MIN: usize = 6;

    fn decode_fields(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let flexible = version >= 2;
        let mut value = Self::default();
        value.throttle_time_ms = reader.read_i32()?;
        value.responses = reader.read_structs(flexible, version)?;
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
        writer.put_i32(self.throttle_time_ms);
        writer.put_structs(flexible, &self.responses, version)?;
        if version >= 2 {
            writer.put_unknown_tagged_fields(&self.unknown_tagged_fields)?;
        }
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct AlterConfigsResourceResponse {
    pub error_code: i16,
    pub error_message: Option<String>,
    pub resource_type: i8,
    pub resource_name: String,
    pub unknown_tagged_fields: UnknownTaggedFields,
}

impl Default for AlterConfigsResourceResponse {
    fn default() -> Self {
        Self {
            error_code: 0,
            error_message: Some(String::new()),
            resource_type: 0,
            resource_name: String::new(),
            unknown_tagged_fields: UnknownTaggedFields::default(),
        }
    }
}

impl Struct for AlterConfigsResourceResponse {
    const BYTES_MIN: usize = 6;

    fn decode_fields(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let flexible = version >= 2;
        let mut value = Self::default();
        value.error_code = reader.read_i16()?;
        value.error_message = reader.read_nullable_string(flexible)?;
        value.resource_type = reader.read_i8()?;
        value.resource_name = reader.read_string(flexible)?;
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
        writer.put_i16(self.error_code);
        writer.put_nullable_string(flexible, self.error_message.as_deref())?;
        writer.put_i8(self.resource_type);
        writer.put_string(flexible, &self.resource_name)?;
        if version >= 2 {
            writer.put_unknown_tagged_fields(&self.unknown_tagged_fields)?;
        }
        Ok(())
    }
}

impl Message for AlterConfigsResponse {
    const NAME: &'static str = "AlterConfigsResponse";
    const VERSIONS: (i16, i16) = (0, 2);
    const FLEXIBLE_SINCE: Option<i16> = Some(2);
}
