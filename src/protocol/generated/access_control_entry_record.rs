//! Generated from `schema/metadata_records.txt`: do not edit.

use super::super::wire::*;
use crate::model::Uuid;
use bytes::Bytes;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct AccessControlEntryRecord {
    pub id: Uuid,
    pub resource_type: i8,
    pub resource_name: String,
    pub pattern_type: i8,
    pub principal: String,
    pub host: String,
    pub operation: i8,
    pub permission_type: i8,
    pub unknown_tagged_fields: UnknownTaggedFields,
}

impl Struct for AccessControlEntryRecord {
    const BYTES_MIN: usize = 24;

    fn decode_fields(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let mut value = Self::default();
        value.id = reader.read_uuid()?;
        value.resource_type = reader.read_i8()?;
        value.resource_name = reader.read_string(true)?;
        value.pattern_type = reader.read_i8()?;
        value.principal = reader.read_string(true)?;
        value.host = reader.read_string(true)?;
        value.operation = reader.read_i8()?;
        value.permission_type = reader.read_i8()?;
        value.unknown_tagged_fields = reader.read_unknown_tagged_fields()?;
        Ok(value)
    }

    fn encode_fields(&self, writer: &mut Writer, version: i16) -> Result<(), EncodeError> {
        writer.put_uuid(self.id);
        writer.put_i8(self.resource_type);
        writer.put_string(true, &self.resource_name)?;
        writer.put_i8(self.pattern_type);
        writer.put_string(true, &self.principal)?;
        writer.put_string(true, &self.host)?;
        writer.put_i8(self.operation);
        writer.put_i8(self.permission_type);
        writer.put_unknown_tagged_fields(&self.unknown_tagged_fields)?;
        Ok(())
    }
}

impl Message for AccessControlEntryRecord {
    const NAME: &'static str = "AccessControlEntryRecord";
    const VERSIONS: (i16, i16) = (0, 0);
    const FLEXIBLE_SINCE: Option<i16> = Some(0);
}

impl RecordContent for AccessControlEntryRecord {
    const TYPE: i16 = 18;
}
