//! Generated from `schema/metadata_records.txt`: do not edit.

use super::super::wire::*;
use crate::model::Uuid;
use bytes::Bytes;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct AbortTransactionRecord {
    pub reason: Option<String>,
    pub unknown_tagged_fields: UnknownTaggedFields,
}

impl Struct for AbortTransactionRecord {
    const BYTES_MIN: usize = 1;

    fn decode_fields(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let mut value = Self::default();
        let unknown = reader.read_tagged_fields(|reader, tag| {
            match tag {
                0 => value.reason = reader.read_nullable_string(true)?,
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        value.unknown_tagged_fields = unknown;
        Ok(value)
    }

    fn encode_fields(&self, writer: &mut Writer, version: i16) -> Result<(), EncodeError> {
        let mut tagged = TaggedFields::default();
        if self.reason.is_some() {
            tagged.add(0, |writer| writer.put_nullable_string(true, self.reason.as_deref()))?;
        }
        tagged.put(writer, &self.unknown_tagged_fields)?;
        Ok(())
    }
}

impl Message for AbortTransactionRecord {
    const NAME: &'static str = "AbortTransactionRecord";
    const VERSIONS: (i16, i16) = (0, 0);
    const FLEXIBLE_SINCE: Option<i16> = Some(0);
}

impl RecordContent for AbortTransactionRecord {
    const TYPE: i16 = 25;
}
