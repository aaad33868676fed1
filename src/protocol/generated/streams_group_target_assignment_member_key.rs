//! Generated from `schema/group_coordinator_records.txt`: do not edit.

use super::super::wire::*;
use crate::model::Uuid;
use bytes::Bytes;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct StreamsGroupTargetAssignmentMemberKey {
    pub group_id: String,
    pub member_id: String,
}

impl Struct for StreamsGroupTargetAssignmentMemberKey {
    const BYTES_MIN: usize = 4;

    fn decode_fields(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let mut value = Self::default();
        value.group_id = reader.read_string(false)?;
        value.member_id = reader.read_string(false)?;
        Ok(value)
    }

    fn encode_fields(&self, writer: &mut Writer, version: i16) -> Result<(), EncodeError> {
        writer.put_string(false, &self.group_id)?;
        writer.put_string(false, &self.member_id)?;
        Ok(())
    }
}

impl Message for StreamsGroupTargetAssignmentMemberKey {
    const NAME: &'static str = "StreamsGroupTargetAssignmentMemberKey";
    const VERSIONS: (i16, i16) = (0, 0);
    const FLEXIBLE_SINCE: Option<i16> = None;
}

impl RecordContent for StreamsGroupTargetAssignmentMemberKey {
    const TYPE: i16 = 21;
}
