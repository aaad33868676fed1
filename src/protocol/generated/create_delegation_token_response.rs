//! Generated from `schema/create_delegation_token.txt`: do not edit.

use super::super::wire::*;
use crate::model::Uuid;
use bytes::Bytes;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct CreateDelegationTokenResponse {
    pub error_code: i16,
    pub principal_type: String,
    pub principal_name: String,
    /// 3+
    pub token_requester_principal_type: String,
    /// 3+
    pub token_requester_principal_name: String,
    pub issue_timestamp_ms: i64,
    pub expiry_timestamp_ms: i64,
    pub max_timestamp_ms: i64,
    pub token_id: String,
    pub hmac: Bytes,
    pub throttle_time_ms: i32,
    pub unknown_tagged_fields: UnknownTaggedFields,
}

impl Struct for CreateDelegationTokenResponse {
    const BYTES_MIN: usize = 35;

    fn decode_fields(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let flexible = version >= 2;
        let mut value = Self::default();
        value.error_code = reader.read_i16()?;
        value.principal_type = reader.read_string(flexible)?;
        value.principal_name = reader.read_string(flexible)?;
        if version >= 3 {
            value.token_requester_principal_type = reader.read_string(flexible)?;
            value.token_requester_principal_name = reader.read_string(flexible)?;
        }
        value.issue_timestamp_ms = reader.read_i64()?;
        value.expiry_timestamp_ms = reader.read_i64()?;
        value.max_timestamp_ms = reader.read_i64()?;
        value.token_id = reader.read_string(flexible)?;
        value.hmac = reader.read_bytes(flexible)?;
        value.throttle_time_ms = reader.read_i32()?;
        if version >= 2 {
            value.unknown_tagged_fields = reader.read_unknown_tagged_fields()?;
        }
        Ok(value)
    }

    fn encode_fields(&self, writer: &mut Writer, version: i16) -> Result<(), EncodeError> {
        if version < 3 && !self.token_requester_principal_type.is_empty() {
            return Err(EncodeError::FieldUnsupported { field: "CreateDelegationTokenResponse.TokenRequesterPrincipalType", version });
        }
        if version < 3 && !self.token_requester_principal_name.is_empty() {
            return Err(EncodeError::FieldUnsupported { field: "CreateDelegationTokenResponse.TokenRequesterPrincipalName", version });
        }
        if version < 2 && !self.unknown_tagged_fields.is_empty() {
            return Err(EncodeError::TaggedFieldsUnsupported { version });
        }
        let flexible = version >= 2;
        writer.put_i16(self.error_code);
        writer.put_string(flexible, &self.principal_type)?;
        writer.put_string(flexible, &self.principal_name)?;
        if version >= 3 {
            writer.put_string(flexible, &self.token_requester_principal_type)?;
            writer.put_string(flexible, &self.token_requester_principal_name)?;
        }
        writer.put_i64(self.issue_timestamp_ms);
        writer.put_i64(self.expiry_timestamp_ms);
        writer.put_i64(self.max_timestamp_ms);
        writer.put_string(flexible, &self.token_id)?;
        writer.put_bytes(flexible, &self.hmac)?;
        writer.put_i32(self.throttle_time_ms);
        if version >= 2 {
            writer.put_unknown_tagged_fields(&self.unknown_tagged_fields)?;
        }
        Ok(())
    }
}

impl Message for CreateDelegationTokenResponse {
    const NAME: &'static str = "CreateDelegationTokenResponse";
    const VERSIONS: (i16, i16) = (1, 3);
    const FLEXIBLE_SINCE: Option<i16> = Some(2);
}
