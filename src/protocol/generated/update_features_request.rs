//! Generated from `schema/update_features.txt`: do not edit.

use super::super::wire::*;
use crate::model::Uuid;
use bytes::Bytes;

#[derive(Clone, Debug, PartialEq)]
pub struct UpdateFeaturesRequest {
    pub timeout_ms: i32,
    pub feature_updates: Vec<FeatureUpdateKey>,
    /// 1+
    pub validate_only: bool,
    pub unknown_tagged_fields: UnknownTaggedFields,
}

impl Default for UpdateFeaturesRequest {
    fn default() -> Self {
        Self {
            timeout_ms: 60000,
            feature_updates: Vec::new(),
            validate_only: false,
            unknown_tagged_fields: UnknownTaggedFields::default(),
        }
    }
}

impl Struct for UpdateFeaturesRequest {
    const BYTES_MIN: usize = 6;

    fn decode_fields(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let mut value = Self::default();
        value.timeout_ms = reader.read_i32()?;
        value.feature_updates = reader.read_structs(true, version)?;
        if version >= 1 {
            value.validate_only = reader.read_bool()?;
        }
        value.unknown_tagged_fields = reader.read_unknown_tagged_fields()?;
        Ok(value)
    }

    fn encode_fields(&self, writer: &mut Writer, version: i16) -> Result<(), EncodeError> {
        if version < 1 && self.validate_only {
            return Err(EncodeError::FieldUnsupported { field: "UpdateFeaturesRequest.ValidateOnly", version });
        }
        writer.put_i32(self.timeout_ms);
        writer.put_structs(true, &self.feature_updates, version)?;
        if version >= 1 {
            writer.put_bool(self.validate_only);
        }
        writer.put_unknown_tagged_fields(&self.unknown_tagged_fields)?;
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct FeatureUpdateKey {
    pub feature: String,
    pub max_version_level: i16,
    /// 0-0
    pub allow_downgrade: bool,
    /// 1+
    pub upgrade_type: i8,
    pub unknown_tagged_fields: UnknownTaggedFields,
}

impl Default for FeatureUpdateKey {
    fn default() -> Self {
        Self {
            feature: String::new(),
            max_version_level: 0,
            allow_downgrade: false,
            upgrade_type: 1,
            unknown_tagged_fields: UnknownTaggedFields::default(),
        }
    }
}

impl Struct for FeatureUpdateKey {
    const BYTES_MIN: usize = 5;

    fn decode_fields(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let mut value = Self::default();
        value.feature = reader.read_string(true)?;
        value.max_version_level = reader.read_i16()?;
        if version <= 0 {
            value.allow_downgrade = reader.read_bool()?;
        }
        if version >= 1 {
            value.upgrade_type = reader.read_i8()?;
        }
        value.unknown_tagged_fields = reader.read_unknown_tagged_fields()?;
        Ok(value)
    }

    fn encode_fields(&self, writer: &mut Writer, version: i16) -> Result<(), EncodeError> {
        if version > 0 && self.allow_downgrade {
            return Err(EncodeError::FieldUnsupported { field: "FeatureUpdateKey.AllowDowngrade", version });
        }
        if version < 1 && self.upgrade_type != 1 {
            return Err(EncodeError::FieldUnsupported { field: "FeatureUpdateKey.UpgradeType", version });
        }
        writer.put_string(true, &self.feature)?;
        writer.put_i16(self.max_version_level);
        if version <= 0 {
            writer.put_bool(self.allow_downgrade);
        }
        if version >= 1 {
            writer.put_i8(self.upgrade_type);
        }
        writer.put_unknown_tagged_fields(&self.unknown_tagged_fields)?;
        Ok(())
    }
}

impl Message for UpdateFeaturesRequest {
    const NAME: &'static str = "UpdateFeaturesRequest";
    const VERSIONS: (i16, i16) = (0, 2);
    const FLEXIBLE_SINCE: Option<i16> = Some(0);
}

impl Request for UpdateFeaturesRequest {
    const KEY: super::ApiKey = super::ApiKey::UpdateFeatures;
    type Response = super::UpdateFeaturesResponse;
}
