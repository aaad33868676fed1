//! Generated from `schema/principals.txt`: do not edit.

use super::super::wire::*;
use crate::model::Uuid;
use bytes::Bytes;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct DefaultPrincipalData {
    pub r#type: String,
    pub name: String,
    pub token_authenticated: bool,
    pub unknown_tagged_fields: UnknownTaggedFields,
}

impl Struct for DefaultPrincipalData {
    const BYTES_MIN: usize = 4;

    fn decode_fields(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let mut value = Self::default();
        value.r#type = reader.read_string(true)?;
        value.name = reader.read_string(true)?;
        value.token_authenticated = reader.read_bool()?;
        value.unknown_tagged_fields = reader.read_unknown_tagged_fields()?;
        Ok(value)
    }

    fn encode_fields(&self, writer: &mut Writer, version: i16) -> Result<(), EncodeError> {
        writer.put_string(true, &self.r#type)?;
        writer.put_string(true, &self.name)?;
        writer.put_bool(self.token_authenticated);
        writer.put_unknown_tagged_fields(&self.unknown_tagged_fields)?;
        Ok(())
    }
}

impl Message for DefaultPrincipalData {
    const NAME: &'static str = "DefaultPrincipalData";
    const VERSIONS: (i16, i16) = (0, 0);
    const FLEXIBLE_SINCE: Option<i16> = Some(0);
}
