//! Generated from `schema/group_coordinator_records.txt`: do not edit.

use super::super::wire::*;
use crate::model::Uuid;
use bytes::Bytes;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct ConsumerGroupMetadataValue {
    pub epoch: i32,
    pub metadata_hash: i64,
    pub unknown_tagged_fields: UnknownTaggedFields,
}

impl Struct for ConsumerGroupMetadataValue {
    const BYTES_MIN: usize = 5;

    fn decode_fields(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let mut value = Self::default();
        value.epoch = reader.read_i32()?;
        let unknown = reader.read_tagged_fields(|reader, tag| {
            match tag {
                0 => value.metadata_hash = reader.read_i64()?,
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        value.unknown_tagged_fields = unknown;
        Ok(value)
    }

    fn encode_fields(&self, writer: &mut Writer, version: i16) -> Result<(), EncodeError> {
        writer.put_i32(self.epoch);
        let mut tagged = TaggedFields::default();
        if self.metadata_hash != 0 {
            tagged.add(0, |writer| {
                writer.put_i64(self.metadata_hash);
                Ok(())
            })?;
        }
        tagged.put(writer, &self.unknown_tagged_fields)?;
        Ok(())
    }
}

impl Message for ConsumerGroupMetadataValue {
    const NAME: &'static str = "ConsumerGroupMetadataValue";
    const VERSIONS: (i16, i16) = (0, 0);
    const FLEXIBLE_SINCE: Option<i16> = Some(0);
}

impl RecordContent for ConsumerGroupMetadataValue {
    const TYPE: i16 = 3;
}
