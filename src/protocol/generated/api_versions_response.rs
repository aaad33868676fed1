//! Generated from `schema/api_versions.txt`: do not edit.

use super::super::wire::*;
use crate::model::Uuid;
use bytes::Bytes;

#[derive(Clone, Debug, PartialEq)]
pub struct ApiVersionsResponse {
    pub error_code: i16,
    pub api_keys: Vec<ApiVersion>,
    /// 1+
    pub throttle_time_ms: i32,
    /// 3+
    pub supported_features: Vec<SupportedFeatureKey>,
    /// 3+
    pub finalized_features_epoch: i64,
    /// 3+
    pub finalized_features: Vec<FinalizedFeatureKey>,
    /// 3+
    pub zk_migration_ready: bool,
    pub unknown_tagged_fields: UnknownTaggedFields,
}

impl Default for ApiVersionsResponse {
    fn default() -> Self {
        Self {
            error_code: 0,
            api_keys: Vec::new(),
            throttle_time_ms: 0,
            supported_features: Vec::new(),
            finalized_features_epoch: -1,
            finalized_features: Vec::new(),
            zk_migration_ready: false,
            unknown_tagged_fields: UnknownTaggedFields::default(),
        }
    }
}

impl Struct for ApiVersionsResponse {
    const BYTES_MIN: usize = 6;

    fn decode_fields(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let flexible = version >= 3;
        let mut value = Self::default();
        value.error_code = reader.read_i16()?;
        value.api_keys = reader.read_structs(flexible, version)?;
        if version >= 1 {
            value.throttle_time_ms = reader.read_i32()?;
        }
        if version >= 3 {
            let unknown = reader.read_tagged_fields(|reader, tag| {
                match tag {
                    0 => value.supported_features = reader.read_structs(true, version)?,
                    1 => value.finalized_features_epoch = reader.read_i64()?,
                    2 => value.finalized_features = reader.read_structs(true, version)?,
                    3 => value.zk_migration_ready = reader.read_bool()?,
                    _ => return Ok(false),
                }
                Ok(true)
            })?;
            value.unknown_tagged_fields = unknown;
        }
        Ok(value)
    }

    fn encode_fields(&self, writer: &mut Writer, version: i16) -> Result<(), EncodeError> {
        if version < 3 && !self.unknown_tagged_fields.is_empty() {
            return Err(EncodeError::TaggedFieldsUnsupported { version });
        }
        let flexible = version >= 3;
        writer.put_i16(self.error_code);
        writer.put_structs(flexible, &self.api_keys, version)?;
        if version >= 1 {
            writer.put_i32(self.throttle_time_ms);
        }
        if version >= 3 {
            let mut tagged = TaggedFields::default();
            if !self.supported_features.is_empty() {
                tagged.add(0, |writer| writer.put_structs(true, &self.supported_features, version))?;
            }
            if self.finalized_features_epoch != -1 {
                tagged.add(1, |writer| {
                    writer.put_i64(self.finalized_features_epoch);
                    Ok(())
                })?;
            }
            if !self.finalized_features.is_empty() {
                tagged.add(2, |writer| writer.put_structs(true, &self.finalized_features, version))?;
            }
            if self.zk_migration_ready {
                tagged.add(3, |writer| {
                    writer.put_bool(self.zk_migration_ready);
                    Ok(())
                })?;
            }
            tagged.put(writer, &self.unknown_tagged_fields)?;
        }
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct FinalizedFeatureKey {
    pub name: String,
    pub max_version_level: i16,
    pub min_version_level: i16,
    pub unknown_tagged_fields: UnknownTaggedFields,
}

impl Struct for FinalizedFeatureKey {
    const BYTES_MIN: usize = 6;

    fn decode_fields(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let mut value = Self::default();
        value.name = reader.read_string(true)?;
        value.max_version_level = reader.read_i16()?;
        value.min_version_level = reader.read_i16()?;
        value.unknown_tagged_fields = reader.read_unknown_tagged_fields()?;
        Ok(value)
    }

    fn encode_fields(&self, writer: &mut Writer, version: i16) -> Result<(), EncodeError> {
        writer.put_string(true, &self.name)?;
        writer.put_i16(self.max_version_level);
        writer.put_i16(self.min_version_level);
        writer.put_unknown_tagged_fields(&self.unknown_tagged_fields)?;
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct SupportedFeatureKey {
    pub name: String,
    pub min_version: i16,
    pub max_version: i16,
    pub unknown_tagged_fields: UnknownTaggedFields,
}

impl Struct for SupportedFeatureKey {
    const BYTES_MIN: usize = 6;

    fn decode_fields(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let mut value = Self::default();
        value.name = reader.read_string(true)?;
        value.min_version = reader.read_i16()?;
        value.max_version = reader.read_i16()?;
        value.unknown_tagged_fields = reader.read_unknown_tagged_fields()?;
        Ok(value)
    }

    fn encode_fields(&self, writer: &mut Writer, version: i16) -> Result<(), EncodeError> {
        writer.put_string(true, &self.name)?;
        writer.put_i16(self.min_version);
        writer.put_i16(self.max_version);
        writer.put_unknown_tagged_fields(&self.unknown_tagged_fields)?;
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct ApiVersion {
    pub api_key: i16,
    pub min_version: i16,
    pub max_version: i16,
    pub unknown_tagged_fields: UnknownTaggedFields,
}

impl Struct for ApiVersion {
    const BYTES_MIN: usize = 6;

    fn decode_fields(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let mut value = Self::default();
        value.api_key = reader.read_i16()?;
        value.min_version = reader.read_i16()?;
        value.max_version = reader.read_i16()?;
        if version >= 3 {
            value.unknown_tagged_fields = reader.read_unknown_tagged_fields()?;
        }
        Ok(value)
    }

    fn encode_fields(&self, writer: &mut Writer, version: i16) -> Result<(), EncodeError> {
        if version < 3 && !self.unknown_tagged_fields.is_empty() {
            return Err(EncodeError::TaggedFieldsUnsupported { version });
        }
        writer.put_i16(self.api_key);
        writer.put_i16(self.min_version);
        writer.put_i16(self.max_version);
        if version >= 3 {
            writer.put_unknown_tagged_fields(&self.unknown_tagged_fields)?;
        }
        Ok(())
    }
}

impl Message for ApiVersionsResponse {
    const NAME: &'static str = "ApiVersionsResponse";
    const VERSIONS: (i16, i16) = (0, 5);
    const FLEXIBLE_SINCE: Option<i16> = Some(3);
}
