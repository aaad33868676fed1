//! Generated from `schema/metadata_records.txt`: do not edit.

use super::super::wire::*;
use crate::model::Uuid;
use bytes::Bytes;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct BeginTransactionRecord {
    pub name: Option<String>,
    pub unknown_tagged_fields: UnknownTaggedFields,
}

impl Struct for BeginTransactionRecord {
    const BYTES_MIN: usize = 1;

    fn decode_fields(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let mut value = Self::default();
        let unknown = reader.read_tagged_fields(|reader, tag| {
            match tag {
                0 => value.name = reader.read_nullable_string(true)?,
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        value.unknown_tagged_fields = unknown;
        Ok(value)
    }

    fn encode_fields(&self, writer: &mut Writer, version: i16) -> Result<(), EncodeError> {
        let mut tagged = TaggedFields::default();
        if self.name.is_some() {
            tagged.add(0, |writer| writer.put_nullable_string(true, self.name.as_deref()))?;
        }
        tagged.put(writer, &self.unknown_tagged_fields)?;
        Ok(())
    }
}

impl Message for BeginTransactionRecord {
    const NAME: &'static str = "BeginTransactionRecord";
    const VERSIONS: (i16, i16) = (0, 0);
    const FLEXIBLE_SINCE: Option<i16> = Some(0);
}

impl RecordContent for BeginTransactionRecord {
    const TYPE: i16 = 23;
}
