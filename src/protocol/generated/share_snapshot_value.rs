//! Generated from `schema/share_coordinator_records.txt`: do not edit.

use super::super::wire::*;
use crate::model::Uuid;
use bytes::Bytes;

#[derive(Clone, Debug, PartialEq)]
pub struct ShareSnapshotValue {
    pub snapshot_epoch: i32,
    pub state_epoch: i32,
    pub leader_epoch: i32,
    pub start_offset: i64,
    pub delivery_complete_count: i32,
    pub create_timestamp: i64,
    pub write_timestamp: i64,
    pub state_batches: Vec<StateBatch>,
    pub unknown_tagged_fields: UnknownTaggedFields,
}

impl Default for ShareSnapshotValue {
    fn default() -> Self {
        Self {
            snapshot_epoch: 0,
            state_epoch: 0,
            leader_epoch: 0,
            start_offset: 0,
            delivery_complete_count: -1,
            create_timestamp: 0,
            write_timestamp: 0,
            state_batches: Vec::new(),
            unknown_tagged_fields: UnknownTaggedFields::default(),
        }
    }
}

impl Struct for ShareSnapshotValue {
    const BYTES_MIN: usize = 38;

    fn decode_fields(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let mut value = Self::default();
        value.snapshot_epoch = reader.read_i32()?;
        value.state_epoch = reader.read_i32()?;
        value.leader_epoch = reader.read_i32()?;
        value.start_offset = reader.read_i64()?;
        value.create_timestamp = reader.read_i64()?;
        value.write_timestamp = reader.read_i64()?;
        value.state_batches = reader.read_structs(true, version)?;
        let unknown = reader.read_tagged_fields(|reader, tag| {
            match tag {
                0 => value.delivery_complete_count = reader.read_i32()?,
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        value.unknown_tagged_fields = unknown;
        Ok(value)
    }

    fn encode_fields(&self, writer: &mut Writer, version: i16) -> Result<(), EncodeError> {
        writer.put_i32(self.snapshot_epoch);
        writer.put_i32(self.state_epoch);
        writer.put_i32(self.leader_epoch);
        writer.put_i64(self.start_offset);
        writer.put_i64(self.create_timestamp);
        writer.put_i64(self.write_timestamp);
        writer.put_structs(true, &self.state_batches, version)?;
        let mut tagged = TaggedFields::default();
        if self.delivery_complete_count != -1 {
            tagged.add(0, |writer| {
                writer.put_i32(self.delivery_complete_count);
                Ok(())
            })?;
        }
        tagged.put(writer, &self.unknown_tagged_fields)?;
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct StateBatch {
    pub first_offset: i64,
    pub last_offset: i64,
    pub delivery_state: i8,
    pub delivery_count: i16,
    pub unknown_tagged_fields: UnknownTaggedFields,
}

impl Struct for StateBatch {
    const BYTES_MIN: usize = 20;

    fn decode_fields(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let mut value = Self::default();
        value.first_offset = reader.read_i64()?;
        value.last_offset = reader.read_i64()?;
        value.delivery_state = reader.read_i8()?;
        value.delivery_count = reader.read_i16()?;
        value.unknown_tagged_fields = reader.read_unknown_tagged_fields()?;
        Ok(value)
    }

    fn encode_fields(&self, writer: &mut Writer, version: i16) -> Result<(), EncodeError> {
        writer.put_i64(self.first_offset);
        writer.put_i64(self.last_offset);
        writer.put_i8(self.delivery_state);
        writer.put_i16(self.delivery_count);
        writer.put_unknown_tagged_fields(&self.unknown_tagged_fields)?;
        Ok(())
    }
}

impl Message for ShareSnapshotValue {
    const NAME: &'static str = "ShareSnapshotValue";
    const VERSIONS: (i16, i16) = (0, 0);
    const FLEXIBLE_SINCE: Option<i16> = Some(0);
}

impl RecordContent for ShareSnapshotValue {
    const TYPE: i16 = 0;
}
