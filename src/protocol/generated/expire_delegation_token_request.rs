//! Generated from `schema/expire_delegation_token.txt`: do not edit.

use super::super::wire::*;
use crate::model::Uuid;
use bytes::Bytes;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct ExpireDelegationTokenRequest {
    pub hmac: Bytes,
    pub expiry_time_period_ms: i64,
    pub unknown_tagged_fields: UnknownTaggedFields,
}

impl Struct for ExpireDelegationTokenRequest {
    const BYTES_MIN: usize = 10;

    fn decode_fields(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let flexible = version >= 2;
        let mut value = Self::default();
        value.hmac = reader.read_bytes(flexible)?;
        value.expiry_time_period_ms = reader.read_i64()?;
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
        writer.put_bytes(flexible, &self.hmac)?;
        writer.put_i64(self.expiry_time_period_ms);
        if version >= 2 {
            writer.put_unknown_tagged_fields(&self.unknown_tagged_fields)?;
        }
        Ok(())
    }
}

impl Message for ExpireDelegationTokenRequest {
    const NAME: &'static str = "ExpireDelegationTokenRequest";
    const VERSIONS: (i16, i16) = (1, 2);
    const FLEXIBLE_SINCE: Option<i16> = Some(2);
}

impl Request for ExpireDelegationTokenRequest {
    const KEY: super::ApiKey = super::ApiKey::ExpireDelegationToken;
    type Response = super::ExpireDelegationTokenResponse;
}
