//! Generated from `schema/log_files.txt`: do not edit.

use super::super::wire::*;
use crate::model::Uuid;
use bytes::Bytes;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct ProducerSnapshot {
    pub crc: u32,
    pub producer_entries: Vec<ProducerEntry>,
}

impl Struct for ProducerSnapshot {
    const BYTES_MIN: usize = 8;

    fn decode_fields(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let mut value = Self::default();
        value.crc = reader.read_u32()?;
        value.producer_entries = reader.read_structs(false, version)?;
        Ok(value)
    }

    fn encode_fields(&self, writer: &mut Writer, version: i16) -> Result<(), EncodeError> {
        writer.put_u32(self.crc);
        writer.put_structs(false, &self.producer_entries, version)?;
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct ProducerEntry {
    pub producer_id: i64,
    pub epoch: i16,
    pub last_sequence: i32,
    pub last_offset: i64,
    pub offset_delta: i32,
    pub timestamp: i64,
    pub coordinator_epoch: i32,
    pub current_txn_first_offset: i64,
}

impl Struct for ProducerEntry {
    const BYTES_MIN: usize = 46;

    fn decode_fields(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let mut value = Self::default();
        value.producer_id = reader.read_i64()?;
        value.epoch = reader.read_i16()?;
        value.last_sequence = reader.read_i32()?;
        value.last_offset = reader.read_i64()?;
        value.offset_delta = reader.read_i32()?;
        value.timestamp = reader.read_i64()?;
        value.coordinator_epoch = reader.read_i32()?;
        value.current_txn_first_offset = reader.read_i64()?;
        Ok(value)
    }

    fn encode_fields(&self, writer: &mut Writer, version: i16) -> Result<(), EncodeError> {
        writer.put_i64(self.producer_id);
        writer.put_i16(self.epoch);
        writer.put_i32(self.last_sequence);
        writer.put_i64(self.last_offset);
        writer.put_i32(self.offset_delta);
        writer.put_i64(self.timestamp);
        writer.put_i32(self.coordinator_epoch);
        writer.put_i64(self.current_txn_first_offset);
        Ok(())
    }
}

impl Message for ProducerSnapshot {
    const NAME: &'static str = "ProducerSnapshot";
    const VERSIONS: (i16, i16) = (1, 1);
    const FLEXIBLE_SINCE: Option<i16> = None;
}
