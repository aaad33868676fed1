//! Generated from `schema/log_files.txt`: do not edit.

use super::super::wire::*;
use crate::model::Uuid;
use bytes::Bytes;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct AbortedTxn {
    pub producer_id: i64,
    pub first_offset: i64,
    pub last_offset: i64,
    pub last_stable_offset: i64,
}

impl Struct for AbortedTxn {
    const BYTES_MIN: usize = 32;

    fn decode_fields(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let mut value = Self::default();
        value.producer_id = reader.read_i64()?;
        value.first_offset = reader.read_i64()?;
        value.last_offset = reader.read_i64()?;
        value.last_stable_offset = reader.read_i64()?;
        Ok(value)
    }

    fn encode_fields(&self, writer: &mut Writer, version: i16) -> Result<(), EncodeError> {
        writer.put_i64(self.producer_id);
        writer.put_i64(self.first_offset);
        writer.put_i64(self.last_offset);
        writer.put_i64(self.last_stable_offset);
        Ok(())
    }
}

impl Message for AbortedTxn {
    const NAME: &'static str = "AbortedTxn";
    const VERSIONS: (i16, i16) = (0, 0);
    const FLEXIBLE_SINCE: Option<i16> = None;
}
