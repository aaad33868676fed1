//! Generated from `schema/create_delegation_token.txt`: do not edit.

use super::super::wire::*;
use crate::model::Uuid;
use bytes::Bytes;

#[derive(Clone, Debug, PartialEq)]
pub struct CreateDelegationTokenRequest {
    /// 3+
    pub owner_principal_type: Option<String>,
    /// 3+
    pub owner_principal_name: Option<String>,
    pub renewers: Vec<CreatableRenewers>,
    pub max_lifetime_ms: i64,
    pub unknown_tagged_fields: UnknownTaggedFields,
}

impl Default for CreateDelegationTokenRequest {
    fn default() -> Self {
        Self {
            owner_principal_type: Some(String::new()),
            owner_principal_name: Some(String::new()),
            renewers: Vec::new(),
            max_lifetime_ms: 0,
            unknown_tagged_fields: UnknownTaggedFields::default(),
        }
    }
}

impl Struct for CreateDelegationTokenRequest {
    const BYTES_MIN: usize = 10;

    fn decode_fields(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let flexible = version >= 2;
        let mut value = Self::default();
        if version >= 3 {
            value.owner_principal_type = reader.read_nullable_string(flexible)?;
            value.owner_principal_name = reader.read_nullable_string(flexible)?;
        }
        value.renewers = reader.read_structs(flexible, version)?;
        value.max_lifetime_ms = reader.read_i64()?;
        if version >= 2 {
            value.unknown_tagged_fields = reader.read_unknown_tagged_fields()?;
        }
        Ok(value)
    }

    fn encode_fields(&self, writer: &mut Writer, version: i16) -> Result<(), EncodeError> {
        if version < 3 && self.owner_principal_type.as_ref().is_none_or(|value| !value.is_empty()) {
            return Err(EncodeError::FieldUnsupported { field: "CreateDelegationTokenRequest.OwnerPrincipalType", version });
        }
        if version < 3 && self.owner_principal_name.as_ref().is_none_or(|value| !value.is_empty()) {
            return Err(EncodeError::FieldUnsupported { field: "CreateDelegationTokenRequest.OwnerPrincipalName", version });
        }
        if version < 2 && !self.unknown_tagged_fields.is_empty() {
            return Err(EncodeError::TaggedFieldsUnsupported { version });
        }
        let flexible = version >= 2;
        if version >= 3 {
            writer.put_nullable_string(flexible, self.owner_principal_type.as_deref())?;
            writer.put_nullable_string(flexible, self.owner_principal_name.as_deref())?;
        }
        writer.put_structs(flexible, &self.renewers, version)?;
        writer.put_i64(self.max_lifetime_ms);
        if version >= 2 {
            writer.put_unknown_tagged_fields(&self.unknown_tagged_fields)?;
        }
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct CreatableRenewers {
    pub principal_type: String,
    pub principal_name: String,
    pub unknown_tagged_fields: UnknownTaggedFields,
}

impl Struct for CreatableRenewers {
    const BYTES_MIN: usize = 3;

    fn decode_fields(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let flexible = version >= 2;
        let mut value = Self::default();
        value.principal_type = reader.read_string(flexible)?;
        value.principal_name = reader.read_string(flexible)?;
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
        writer.put_string(flexible, &self.principal_type)?;
        writer.put_string(flexible, &self.principal_name)?;
        if version >= 2 {
            writer.put_unknown_tagged_fields(&self.unknown_tagged_fields)?;
        }
        Ok(())
    }
}

impl Message for CreateDelegationTokenRequest {
    const NAME: &'static str = "CreateDelegationTokenRequest";
    const VERSIONS: (i16, i16) = (1, 3);
    const FLEXIBLE_SINCE: Option<i16> = Some(2);
}

impl Request for CreateDelegationTokenRequest {
    const KEY: super::ApiKey = super::ApiKey::CreateDelegationToken;
    type Response = super::CreateDelegationTokenResponse;
}
