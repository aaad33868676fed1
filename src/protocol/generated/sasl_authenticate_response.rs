//! Generated from `schema/sasl_authenticate.txt`: do not edit.

use super::super::wire::*;
use crate::model::Uuid;
use bytes::Bytes;

#[derive(Clone, Debug, PartialEq)]
pub struct SaslAuthenticateResponse {
    pub error_code: i16,
    pub error_message: Option<String>,
    pub auth_bytes: Bytes,
    /// 1+
    pub session_lifetime_ms: i64,
    pub unknown_tagged_fields: UnknownTaggedFields,
}

impl Default for SaslAuthenticateResponse {
    fn default() -> Self {
        Self {
            error_code: 0,
            error_message: Some(String::new()),
            auth_bytes: Bytes::new(),
            session_lifetime_ms: 0,
            unknown_tagged_fields: UnknownTaggedFields::default(),
        }
    }
}

impl Struct for SaslAuthenticateResponse {
    const BYTES_MIN: usize = 8;

    fn decode_fields(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let flexible = version >= 2;
        let mut value = Self::default();
        value.error_code = reader.read_i16()?;
        value.error_message = reader.read_nullable_string(flexible)?;
        value.auth_bytes = reader.read_bytes(flexible)?;
        if version >= 1 {
            value.session_lifetime_ms = reader.read_i64()?;
        }
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
        writer.put_bytes(flexible, &self.auth_bytes)?;
        if version >= 1 {
            writer.put_i64(self.session_lifetime_ms);
        }
        if version >= 2 {
            writer.put_unknown_tagged_fields(&self.unknown_tagged_fields)?;
        }
        Ok(())
    }
}

impl Message for SaslAuthenticateResponse {
    const NAME: &'static str = "SaslAuthenticateResponse";
    const VERSIONS: (i16, i16) = (0, 2);
    const FLEXIBLE_SINCE: Option<i16> = Some(2);
}
