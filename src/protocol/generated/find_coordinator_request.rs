//! Generated from `schema/find_coordinator.txt`: do not edit.

use super::super::wire::*;
use crate::model::Uuid;
use bytes::Bytes;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct FindCoordinatorRequest {
    /// 0-3
    pub key: String,
    /// 1+
    pub key_type: i8,
    /// 4+
    pub coordinator_keys: Vec<String>,
    pub unknown_tagged_fields: UnknownTaggedFields,
}

impl Struct for FindCoordinatorRequest {
    const BYTES_MIN: usize = 2;

    fn decode_fields(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let flexible = version >= 3;
        let mut value = Self::default();
        if version <= 3 {
            value.key = reader.read_string(flexible)?;
        }
        if version >= 1 {
            value.key_type = reader.read_i8()?;
        }
        if version >= 4 {
            value.coordinator_keys = reader.read_strings(flexible)?;
        }
        if version >= 3 {
            value.unknown_tagged_fields = reader.read_unknown_tagged_fields()?;
        }
        Ok(value)
    }

    fn encode_fields(&self, writer: &mut Writer, version: i16) -> Result<(), EncodeError> {
        if version > 3 && !self.key.is_empty() {
            return Err(EncodeError::FieldUnsupported { field: "FindCoordinatorRequest.Key", version });
        }
        if version < 1 && self.key_type != 0 {
            return Err(EncodeError::FieldUnsupported { field: "FindCoordinatorRequest.KeyType", version });
        }
        if version < 4 && !self.coordinator_keys.is_empty() {
            return Err(EncodeError::FieldUnsupported { field: "FindCoordinatorRequest.CoordinatorKeys", version });
        }
        if version < 3 && !self.unknown_tagged_fields.is_empty() {
            return Err(EncodeError::TaggedFieldsUnsupported { version });
        }
        let flexible = version >= 3;
        if version <= 3 {
            writer.put_string(flexible, &self.key)?;
        }
        if version >= 1 {
            writer.put_i8(self.key_type);
        }
        if version >= 4 {
            writer.put_strings(flexible, &self.coordinator_keys)?;
        }
        if version >= 3 {
            writer.put_unknown_tagged_fields(&self.unknown_tagged_fields)?;
        }
        Ok(())
    }
}

impl Message for FindCoordinatorRequest {
    const NAME: &'static str = "FindCoordinatorRequest";
    const VERSIONS: (i16, i16) = (0, 6);
    const FLEXIBLE_SINCE: Option<i16> = Some(3);
}

impl Request for FindCoordinatorRequest {
    const KEY: super::ApiKey = super::ApiKey::FindCoordinator;
    type Response = super::FindCoordinatorResponse;
}
