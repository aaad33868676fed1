//! Generated from `schema/group_coordinator_records.txt`: do not edit.

use super::super::wire::*;
use crate::model::Uuid;
use bytes::Bytes;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct LegacyOffsetCommitValue {
    pub offset: i64,
    pub metadata: String,
    pub commit_timestamp: i64,
}

impl Struct for LegacyOffsetCommitValue {
    const BYTES_MIN: usize = 18;

    fn decode_fields(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let mut value = Self::default();
        value.offset = reader.read_i64()?;
        value.metadata = reader.read_string(false)?;
        value.commit_timestamp = reader.read_i64()?;
        Ok(value)
    }

    fn encode_fields(&self, writer: &mut Writer, version: i16) -> Result<(), EncodeError> {
        writer.put_i64(self.offset);
        writer.put_string(false, &self.metadata)?;
        writer.put_i64(self.commit_timestamp);
        Ok(())
    }
}

impl Message for LegacyOffsetCommitValue {
    const NAME: &'static str = "LegacyOffsetCommitValue";
    const VERSIONS: (i16, i16) = (0, 0);
    const FLEXIBLE_SINCE: Option<i16> = None;
}

impl RecordContent for LegacyOffsetCommitValue {
    const TYPE: i16 = 0;
}
