//! Generated from `schema/describe_configs.txt`: do not edit.

use super::super::wire::*;
use crate::model::Uuid;
use bytes::Bytes;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct DescribeConfigsRequest {
    pub resources: Vec<DescribeConfigsResource>,
    pub include_synonyms: bool,
    /// 3+
    pub include_documentation: bool,
    pub unknown_tagged_fields: UnknownTaggedFields,
}

impl Struct for DescribeConfigsRequest {
    const BYTES_MIN: usize = 4;

    fn decode_fields(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let flexible = version >= 4;
        let mut value = Self::default();
        value.resources = reader.read_structs(flexible, version)?;
        value.include_synonyms = reader.read_bool()?;
        if version >= 3 {
            value.include_documentation = reader.read_bool()?;
        }
        if version >= 4 {
            value.unknown_tagged_fields = reader.read_unknown_tagged_fields()?;
        }
        Ok(value)
    }

    fn encode_fields(&self, writer: &mut Writer, version: i16) -> Result<(), EncodeError> {
        if version < 3 && self.include_documentation {
            return Err(EncodeError::FieldUnsupported { field: "DescribeConfigsRequest.IncludeDocumentation", version });
        }
        if version < 4 && !self.unknown_tagged_fields.is_empty() {
            return Err(EncodeError::TaggedFieldsUnsupported { version });
        }
        let flexible = version >= 4;
        writer.put_structs(flexible, &self.resources, version)?;
        writer.put_bool(self.include_synonyms);
        if version >= 3 {
            writer.put_bool(self.include_documentation);
        }
        if version >= 4 {
            writer.put_unknown_tagged_fields(&self.unknown_tagged_fields)?;
        }
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct DescribeConfigsResource {
    pub resource_type: i8,
    pub resource_name: String,
    pub configuration_keys: Option<Vec<String>>,
    pub unknown_tagged_fields: UnknownTaggedFields,
}

impl Default for DescribeConfigsResource {
    fn default() -> Self {
        Self {
            resource_type: 0,
            resource_name: String::new(),
            configuration_keys: Some(Vec::new()),
            unknown_tagged_fields: UnknownTaggedFields::default(),
        }
    }
}

impl Struct for DescribeConfigsResource {
    const BYTES_MIN: usize = 4;

    fn decode_fields(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let flexible = version >= 4;
        let mut value = Self::default();
        value.resource_type = reader.read_i8()?;
        value.resource_name = reader.read_string(flexible)?;
        value.configuration_keys = reader.read_nullable_strings(flexible)?;
        if version >= 4 {
            value.unknown_tagged_fields = reader.read_unknown_tagged_fields()?;
        }
        Ok(value)
    }

    fn encode_fields(&self, writer: &mut Writer, version: i16) -> Result<(), EncodeError> {
        if version < 4 && !self.unknown_tagged_fields.is_empty() {
            return Err(EncodeError::TaggedFieldsUnsupported { version });
        }
        let flexible = version >= 4;
        writer.put_i8(self.resource_type);
        writer.put_string(flexible, &self.resource_name)?;
        writer.put_nullable_strings(flexible, self.configuration_keys.as_deref())?;
        if version >= 4 {
            writer.put_unknown_tagged_fields(&self.unknown_tagged_fields)?;
        }
        Ok(())
    }
}

impl Message for DescribeConfigsRequest {
    const NAME: &'static str = "DescribeConfigsRequest";
    const VERSIONS: (i16, i16) = (1, 4);
    const FLEXIBLE_SINCE: Option<i16> = Some(4);
}

impl Request for DescribeConfigsRequest {
    const KEY: super::ApiKey = super::ApiKey::DescribeConfigs;
    type Response = super::DescribeConfigsResponse;
}
