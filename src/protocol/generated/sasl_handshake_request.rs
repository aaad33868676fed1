//! Generated from `schema/sasl_handshake.txt`: do not edit.

use super::super::wire::*;
use crate::model::Uuid;
use bytes::Bytes;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct SaslHandshakeRequest {
    pub mechanism: String,
}

impl Struct for SaslHandshakeRequest {
    const BYTES_MIN: usize = 2;

    fn decode_fields(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let mut value = Self::default();
        value.mechanism = reader.read_string(false)?;
        Ok(value)
    }

    fn encode_fields(&self, writer: &mut Writer, version: i16) -> Result<(), EncodeError> {
        writer.put_string(false, &self.mechanism)?;
        Ok(())
    }
}

impl Message for SaslHandshakeRequest {
    const NAME: &'static str = "SaslHandshakeRequest";
    const VERSIONS: (i16, i16) = (0, 1);
    const FLEXIBLE_SINCE: Option<i16> = None;
}

impl Request for SaslHandshakeRequest {
    const KEY: super::ApiKey = super::ApiKey::SaslHandshake;
    type Response = super::SaslHandshakeResponse;
}
