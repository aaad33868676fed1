//! Generated from `schema/sync_group.txt`: do not edit.

use super::super::wire::*;
use crate::model::Uuid;
use bytes::Bytes;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct SyncGroupResponse {
    /// 1+
    pub throttle_time_ms: i32,
    pub error_code: i16,
    /// 5+
    pub protocol_type: Option<String>,
    /// 5+
    pub protocol_name: Option<String>,
    pub assignment: Bytes,
    pub unknown_tagged_fields: UnknownTaggedFields,
}

impl Struct for SyncGroupResponse {
    const BYTES_MIN: usize = 6;

    fn decode_fields(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let flexible = version >= 4;
        let mut value = Self::default();
        if version >= 1 {
            value.throttle_time_ms = reader.read_i32()?;
        }
        value.error_code = reader.read_i16()?;
        if version >= 5 {
            value.protocol_type = reader.read_nullable_string(flexible)?;
            value.protocol_name = reader.read_nullable_string(flexible)?;
        }
        value.assignment = reader.read_bytes(flexible)?;
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
        if version >= 1 {
            writer.put_i32(self.throttle_time_ms);
        }
        writer.put_i16(self.error_code);
        if version >= 5 {
            writer.put_nullable_string(flexible, self.protocol_type.as_deref())?;
            writer.put_nullable_string(flexible, self.protocol_name.as_deref())?;
        }
        writer.put_bytes(flexible, &self.assignment)?;
        if version >= 4 {
            writer.put_unknown_tagged_fields(&self.unknown_tagged_fields)?;
        }
        Ok(())
    }
}

impl Message for SyncGroupResponse {
    const NAME: &'static str = "SyncGroupResponse";
    const VERSIONS: (i16, i16) = (0, 5);
    const FLEXIBLE_SINCE: Option<i16> = Some(4);
}
