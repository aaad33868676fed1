//! Generated from `schema/describe_configs.txt`: do not edit.

use super::super::wire::*;
use crate::model::Uuid;
use bytes::Bytes;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct DescribeConfigsResponse {
    pub throttle_time_ms: i32,
    pub results: Vec<DescribeConfigsResult>,
    pub unknown_tagged_fields: UnknownTaggedFields,
}

impl Struct for DescribeConfigsResponse {
    const BYTES_MIN: usize = 6;

    fn decode_fields(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let flexible = version >= 4;
        let mut value = Self::default();
        value.throttle_time_ms = reader.read_i32()?;
        value.results = reader.read_structs(flexible, version)?;
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
        writer.put_i32(self.throttle_time_ms);
        writer.put_structs(flexible, &self.results, version)?;
        if version >= 4 {
            writer.put_unknown_tagged_fields(&self.unknown_tagged_fields)?;
        }
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct DescribeConfigsResult {
    pub error_code: i16,
    pub error_message: Option<String>,
    pub resource_type: i8,
    pub resource_name: String,
    pub configs: Vec<DescribeConfigsResourceResult>,
    pub unknown_tagged_fields: UnknownTaggedFields,
}

impl Default for DescribeConfigsResult {
    fn default() -> Self {
        Self {
            error_code: 0,
            error_message: Some(String::new()),
            resource_type: 0,
            resource_name: String::new(),
            configs: Vec::new(),
            unknown_tagged_fields: UnknownTaggedFields::default(),
        }
    }
}

impl Struct for DescribeConfigsResult {
    const BYTES_MIN: usize = 7;

    fn decode_fields(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let flexible = version >= 4;
        let mut value = Self::default();
        value.error_code = reader.read_i16()?;
        value.error_message = reader.read_nullable_string(flexible)?;
        value.resource_type = reader.read_i8()?;
        value.resource_name = reader.read_string(flexible)?;
        value.configs = reader.read_structs(flexible, version)?;
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
        writer.put_i16(self.error_code);
        writer.put_nullable_string(flexible, self.error_message.as_deref())?;
        writer.put_i8(self.resource_type);
        writer.put_string(flexible, &self.resource_name)?;
        writer.put_structs(flexible, &self.configs, version)?;
        if version >= 4 {
            writer.put_unknown_tagged_fields(&self.unknown_tagged_fields)?;
        }
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct DescribeConfigsResourceResult {
    pub name: String,
    pub value: Option<String>,
    pub read_only: bool,
    pub config_source: i8,
    pub is_sensitive: bool,
    pub synonyms: Vec<DescribeConfigsSynonym>,
    /// 3+
    pub config_type: i8,
    /// 3+
    pub documentation: Option<String>,
    pub unknown_tagged_fields: UnknownTaggedFields,
}

impl Default for DescribeConfigsResourceResult {
    fn default() -> Self {
        Self {
            name: String::new(),
            value: Some(String::new()),
            read_only: false,
            config_source: -1,
            is_sensitive: false,
            synonyms: Vec::new(),
            config_type: 0,
            documentation: Some(String::new()),
            unknown_tagged_fields: UnknownTaggedFields::default(),
        }
    }
}

impl Struct for DescribeConfigsResourceResult {
    const BYTES_MIN: usize = 9;

    fn decode_fields(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let flexible = version >= 4;
        let mut value = Self::default();
        value.name = reader.read_string(flexible)?;
        value.value = reader.read_nullable_string(flexible)?;
        value.read_only = reader.read_bool()?;
        value.config_source = reader.read_i8()?;
        value.is_sensitive = reader.read_bool()?;
        value.synonyms = reader.read_structs(flexible, version)?;
        if version >= 3 {
            value.config_type = reader.read_i8()?;
            value.documentation = reader.read_nullable_string(flexible)?;
        }
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
        writer.put_string(flexible, &self.name)?;
        writer.put_nullable_string(flexible, self.value.as_deref())?;
        writer.put_bool(self.read_only);
        writer.put_i8(self.config_source);
        writer.put_bool(self.is_sensitive);
        writer.put_structs(flexible, &self.synonyms, version)?;
        if version >= 3 {
            writer.put_i8(self.config_type);
            writer.put_nullable_string(flexible, self.documentation.as_deref())?;
        }
        if version >= 4 {
            writer.put_unknown_tagged_fields(&self.unknown_tagged_fields)?;
        }
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct DescribeConfigsSynonym {
    pub name: String,
    pub value: Option<String>,
    pub source: i8,
    pub unknown_tagged_fields: UnknownTaggedFields,
}

impl Default for DescribeConfigsSynonym {
    fn default() -> Self {
        Self {
            name: String::new(),
            value: Some(String::new()),
            source: 0,
            unknown_tagged_fields: UnknownTaggedFields::default(),
        }
    }
}

impl Struct for DescribeConfigsSynonym {
    const BYTES_MIN: usize = 4;

    fn decode_fields(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let flexible = version >= 4;
        let mut value = Self::default();
        value.name = reader.read_string(flexible)?;
        value.value = reader.read_nullable_string(flexible)?;
        value.source = reader.read_i8()?;
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
        writer.put_string(flexible, &self.name)?;
        writer.put_nullable_string(flexible, self.value.as_deref())?;
        writer.put_i8(self.source);
        if version >= 4 {
            writer.put_unknown_tagged_fields(&self.unknown_tagged_fields)?;
        }
        Ok(())
    }
}

impl Message for DescribeConfigsResponse {
    const NAME: &'static str = "DescribeConfigsResponse";
    const VERSIONS: (i16, i16) = (1, 4);
    const FLEXIBLE_SINCE: Option<i16> = Some(4);
}
