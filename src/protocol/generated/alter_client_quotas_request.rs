//! Generated from `schema/alter_client_quotas.txt`: do not edit.

use super::super::wire::*;
use crate::model::Uuid;
use bytes::Bytes;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct AlterClientQuotasRequest {
    pub entries: Vec<EntryData>,
    pub validate_only: bool,
    pub unknown_tagged_fields: UnknownTaggedFields,
}

impl Struct for AlterClientQuotasRequest {
    const BYTES_MIN: usize = 3;

    fn decode_fields(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let flexible = version >= 1;
        let mut value = Self::default();
        value.entries = reader.read_structs(flexible, version)?;
        value.validate_only = reader.read_bool()?;
        if version >= 1 {
            value.unknown_tagged_fields = reader.read_unknown_tagged_fields()?;
        }
        Ok(value)
    }

    fn encode_fields(&self, writer: &mut Writer, version: i16) -> Result<(), EncodeError> {
        if version < 1 && !self.unknown_tagged_fields.is_empty() {
            return Err(EncodeError::TaggedFieldsUnsupported { version });
        }
        let flexible = version >= 1;
        writer.put_structs(flexible, &self.entries, version)?;
        writer.put_bool(self.validate_only);
        if version >= 1 {
            writer.put_unknown_tagged_fields(&self.unknown_tagged_fields)?;
        }
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct EntryData {
    pub entity: Vec<EntityData>,
    pub ops: Vec<OpData>,
    pub unknown_tagged_fields: UnknownTaggedFields,
}

impl Struct for EntryData {
    const BYTES_MIN: usize = 3;

    fn decode_fields(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let flexible = version >= 1;
        let mut value = Self::default();
        value.entity = reader.read_structs(flexible, version)?;
        value.ops = reader.read_structs(flexible, version)?;
        if version >= 1 {
            value.unknown_tagged_fields = reader.read_unknown_tagged_fields()?;
        }
        Ok(value)
    }

    fn encode_fields(&self, writer: &mut Writer, version: i16) -> Result<(), EncodeError> {
        if version < 1 && !self.unknown_tagged_fields.is_empty() {
            return Err(EncodeError::TaggedFieldsUnsupported { version });
        }
        let flexible = version >= 1;
        writer.put_structs(flexible, &self.entity, version)?;
        writer.put_structs(flexible, &self.ops, version)?;
        if version >= 1 {
            writer.put_unknown_tagged_fields(&self.unknown_tagged_fields)?;
        }
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct OpData {
    pub key: String,
    pub value: f64,
    pub remove: bool,
    pub unknown_tagged_fields: UnknownTaggedFields,
}

impl Struct for OpData {
    const BYTES_MIN: usize = 11;

    fn decode_fields(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let flexible = version >= 1;
        let mut value = Self::default();
        value.key = reader.read_string(flexible)?;
        value.value = reader.read_f64()?;
        value.remove = reader.read_bool()?;
        if version >= 1 {
            value.unknown_tagged_fields = reader.read_unknown_tagged_fields()?;
        }
        Ok(value)
    }

    fn encode_fields(&self, writer: &mut Writer, version: i16) -> Result<(), EncodeError> {
        if version < 1 && !self.unknown_tagged_fields.is_empty() {
            return Err(EncodeError::TaggedFieldsUnsupported { version });
        }
        let flexible = version >= 1;
        writer.put_string(flexible, &self.key)?;
        writer.put_f64(self.value);
        writer.put_bool(self.remove);
        if version >= 1 {
            writer.put_unknown_tagged_fields(&self.unknown_tagged_fields)?;
        }
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct EntityData {
    pub entity_type: String,
    pub entity_name: Option<String>,
    pub unknown_tagged_fields: UnknownTaggedFields,
}

impl Default for EntityData {
    fn default() -> Self {
        Self {
            entity_type: String::new(),
            entity_name: Some(String::new()),
            unknown_tagged_fields: UnknownTaggedFields::default(),
        }
    }
}

impl Struct for EntityData {
    const BYTES_MIN: usize = 3;

    fn decode_fields(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let flexible = version >= 1;
        let mut value = Self::default();
        value.entity_type = reader.read_string(flexible)?;
        value.entity_name = reader.read_nullable_string(flexible)?;
        if version >= 1 {
            value.unknown_tagged_fields = reader.read_unknown_tagged_fields()?;
        }
        Ok(value)
    }

    fn encode_fields(&self, writer: &mut Writer, version: i16) -> Result<(), EncodeError> {
        if version < 1 && !self.unknown_tagged_fields.is_empty() {
            return Err(EncodeError::TaggedFieldsUnsupported { version });
        }
        let flexible = version >= 1;
        writer.put_string(flexible, &self.entity_type)?;
        writer.put_nullable_string(flexible, self.entity_name.as_deref())?;
        if version >= 1 {
            writer.put_unknown_tagged_fields(&self.unknown_tagged_fields)?;
        }
        Ok(())
    }
}

impl Message for AlterClientQuotasRequest {
    const NAME: &'static str = "AlterClientQuotasRequest";
    const VERSIONS: (i16, i16) = (0, 1);
    const FLEXIBLE_SINCE: Option<i16> = Some(1);
}

impl Request for AlterClientQuotasRequest {
    const KEY: super::ApiKey = super::ApiKey::AlterClientQuotas;
    type Response = super::AlterClientQuotasResponse;
}
