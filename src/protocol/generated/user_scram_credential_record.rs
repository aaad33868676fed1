//! Generated from `schema/metadata_records.txt`: do not edit.

use super::super::wire::*;
use crate::model::Uuid;
use bytes::Bytes;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct UserScramCredentialRecord {
    pub name: String,
    pub mechanism: i8,
    pub salt: Bytes,
    pub stored_key: Bytes,
    pub server_key: Bytes,
    pub iterations: i32,
    pub unknown_tagged_fields: UnknownTaggedFields,
}

impl Struct for UserScramCredentialRecord {
    const BYTES_MIN: usize = 10;

    fn decode_fields(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let mut value = Self::default();
        value.name = reader.read_string(true)?;
        value.mechanism = reader.read_i8()?;
        value.salt = reader.read_bytes(true)?;
        value.stored_key = reader.read_bytes(true)?;
        value.server_key = reader.read_bytes(true)?;
        value.iterations = reader.read_i32()?;
        value.unknown_tagged_fields = reader.read_unknown_tagged_fields()?;
        Ok(value)
    }

    fn encode_fields(&self, writer: &mut Writer, version: i16) -> Result<(), EncodeError> {
        writer.put_string(true, &self.name)?;
        writer.put_i8(self.mechanism);
        writer.put_bytes(true, &self.salt)?;
        writer.put_bytes(true, &self.stored_key)?;
        writer.put_bytes(true, &self.server_key)?;
        writer.put_i32(self.iterations);
        writer.put_unknown_tagged_fields(&self.unknown_tagged_fields)?;
        Ok(())
    }
}

impl Message for UserScramCredentialRecord {
    const NAME: &'static str = "UserScramCredentialRecord";
    const VERSIONS: (i16, i16) = (0, 0);
    const FLEXIBLE_SINCE: Option<i16> = Some(0);
}

impl RecordContent for UserScramCredentialRecord {
    const TYPE: i16 = 11;
}
