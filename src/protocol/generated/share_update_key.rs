//! Generated from `schema/share_coordinator_records.txt`: do not edit.

use super::super::wire::*;
use crate::model::Uuid;
use bytes::Bytes;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct ShareUpdateKey {
    pub group_id: String,
    pub topic_id: Uuid,
    pub partition: i32,
}

impl Struct for ShareUpdateKey {
    const BYTES_MIN: usize = 22;

    fn decode_fields(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let mut value = Self::default();
        value.group_id = reader.read_string(false)?;
        value.topic_id = reader.read_uuid()?;
        value.partition = reader.read_i32()?;
        Ok(value)
    }

    fn encode_fields(&self, writer: &mut Writer, version: i16) -> Result<(), EncodeError> {
        writer.put_string(false, &self.group_id)?;
        writer.put_uuid(self.topic_id);
        writer.put_i32(self.partition);
        Ok(())
    }
}

impl Message for ShareUpdateKey {
    const NAME: &'static str = "ShareUpdateKey";
    const VERSIONS: (i16, i16) = (0, 0);
    const FLEXIBLE_SINCE: Option<i16> = None;
}

impl RecordContent for ShareUpdateKey {
    const TYPE: i16 = 1;
}
