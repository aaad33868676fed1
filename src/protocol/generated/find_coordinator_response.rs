//! Generated from `schema/find_coordinator.txt`: do not edit.

use super::super::wire::*;
use crate::model::Uuid;
use bytes::Bytes;

#[derive(Clone, Debug, PartialEq)]
pub struct FindCoordinatorResponse {
    /// 1+
    pub throttle_time_ms: i32,
    /// 0-3
    pub error_code: i16,
    /// 1-3
    pub error_message: Option<String>,
    /// 0-3
    pub node_id: i32,
    /// 0-3
    pub host: String,
    /// 0-3
    pub port: i32,
    /// 4+
    pub coordinators: Vec<Coordinator>,
    pub unknown_tagged_fields: UnknownTaggedFields,
}

impl Default for FindCoordinatorResponse {
    fn default() -> Self {
        Self {
            throttle_time_ms: 0,
            error_code: 0,
            error_message: Some(String::new()),
            node_id: 0,
            host: String::new(),
            port: 0,
            coordinators: Vec::new(),
            unknown_tagged_fields: UnknownTaggedFields::default(),
        }
    }
}

impl Struct for FindCoordinatorResponse {
    const BYTES_MIN: usize = 6;

    fn decode_fields(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let flexible = version >= 3;
        let mut value = Self::default();
        if version >= 1 {
            value.throttle_time_ms = reader.read_i32()?;
        }
        if version <= 3 {
            value.error_code = reader.read_i16()?;
        }
        if (1..=3).contains(&version) {
            value.error_message = reader.read_nullable_string(flexible)?;
        }
        if version <= 3 {
            value.node_id = reader.read_i32()?;
            value.host = reader.read_string(flexible)?;
            value.port = reader.read_i32()?;
        }
        if version >= 4 {
            value.coordinators = reader.read_structs(flexible, version)?;
        }
        if version >= 3 {
            value.unknown_tagged_fields = reader.read_unknown_tagged_fields()?;
        }
        Ok(value)
    }

    fn encode_fields(&self, writer: &mut Writer, version: i16) -> Result<(), EncodeError> {
        if version > 3 && self.error_code != 0 {
            return Err(EncodeError::FieldUnsupported { field: "FindCoordinatorResponse.ErrorCode", version });
        }
        if version > 3 && self.node_id != 0 {
            return Err(EncodeError::FieldUnsupported { field: "FindCoordinatorResponse.NodeId", version });
        }
        if version > 3 && !self.host.is_empty() {
            return Err(EncodeError::FieldUnsupported { field: "FindCoordinatorResponse.Host", version });
        }
        if version > 3 && self.port != 0 {
            return Err(EncodeError::FieldUnsupported { field: "FindCoordinatorResponse.Port", version });
        }
        if version < 4 && !self.coordinators.is_empty() {
            return Err(EncodeError::FieldUnsupported { field: "FindCoordinatorResponse.Coordinators", version });
        }
        if version < 3 && !self.unknown_tagged_fields.is_empty() {
            return Err(EncodeError::TaggedFieldsUnsupported { version });
        }
        let flexible = version >= 3;
        if version >= 1 {
            writer.put_i32(self.throttle_time_ms);
        }
        if version <= 3 {
            writer.put_i16(self.error_code);
        }
        if (1..=3).contains(&version) {
            writer.put_nullable_string(flexible, self.error_message.as_deref())?;
        }
        if version <= 3 {
            writer.put_i32(self.node_id);
            writer.put_string(flexible, &self.host)?;
            writer.put_i32(self.port);
        }
        if version >= 4 {
            writer.put_structs(flexible, &self.coordinators, version)?;
        }
        if version >= 3 {
            writer.put_unknown_tagged_fields(&self.unknown_tagged_fields)?;
        }
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct Coordinator {
    pub key: String,
    pub node_id: i32,
    pub host: String,
    pub port: i32,
    pub error_code: i16,
    pub error_message: Option<String>,
    pub unknown_tagged_fields: UnknownTaggedFields,
}

impl Default for Coordinator {
    fn default() -> Self {
        Self {
            key: String::new(),
            node_id: 0,
            host: String::new(),
            port: 0,
            error_code: 0,
            error_message: Some(String::new()),
            unknown_tagged_fields: UnknownTaggedFields::default(),
        }
    }
}

impl Struct for Coordinator {
    const BYTES_MIN: usize = 14;

    fn decode_fields(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let mut value = Self::default();
        value.key = reader.read_string(true)?;
        value.node_id = reader.read_i32()?;
        value.host = reader.read_string(true)?;
        value.port = reader.read_i32()?;
        value.error_code = reader.read_i16()?;
        value.error_message = reader.read_nullable_string(true)?;
        value.unknown_tagged_fields = reader.read_unknown_tagged_fields()?;
        Ok(value)
    }

    fn encode_fields(&self, writer: &mut Writer, version: i16) -> Result<(), EncodeError> {
        writer.put_string(true, &self.key)?;
        writer.put_i32(self.node_id);
        writer.put_string(true, &self.host)?;
        writer.put_i32(self.port);
        writer.put_i16(self.error_code);
        writer.put_nullable_string(true, self.error_message.as_deref())?;
        writer.put_unknown_tagged_fields(&self.unknown_tagged_fields)?;
        Ok(())
    }
}

impl Message for FindCoordinatorResponse {
    const NAME: &'static str = "FindCoordinatorResponse";
    const VERSIONS: (i16, i16) = (0, 6);
    const FLEXIBLE_SINCE: Option<i16> = Some(3);
}
