//! Generated from `schema/group_coordinator_records.txt`: do not edit.

use super::super::wire::*;
use crate::model::Uuid;
use bytes::Bytes;

#[derive(Clone, Debug, PartialEq)]
pub struct OffsetCommitValue {
    pub offset: i64,
    /// 3+
    pub leader_epoch: i32,
    pub metadata: String,
    pub commit_timestamp: i64,
    /// 1-1
    pub expire_timestamp: i64,
    /// 4+
    pub topic_id: Uuid,
    pub unknown_tagged_fields: UnknownTaggedFields,
}

impl Default for OffsetCommitValue {
    fn default() -> Self {
        Self {
            offset: 0,
            leader_epoch: -1,
            metadata: String::new(),
            commit_timestamp: 0,
            expire_timestamp: -1,
            topic_id: Uuid::ZERO,
            unknown_tagged_fields: UnknownTaggedFields::default(),
        }
    }
}

impl Struct for OffsetCommitValue {
    const BYTES_MIN: usize = 18;

    fn decode_fields(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let flexible = version >= 4;
        let mut value = Self::default();
        value.offset = reader.read_i64()?;
        if version >= 3 {
            value.leader_epoch = reader.read_i32()?;
        }
        value.metadata = reader.read_string(flexible)?;
        value.commit_timestamp = reader.read_i64()?;
        if version == 1 {
            value.expire_timestamp = reader.read_i64()?;
        }
        if version >= 4 {
            let unknown = reader.read_tagged_fields(|reader, tag| {
                match tag {
                    0 => value.topic_id = reader.read_uuid()?,
                    _ => return Ok(false),
                }
                Ok(true)
            })?;
            value.unknown_tagged_fields = unknown;
        }
        Ok(value)
    }

    fn encode_fields(&self, writer: &mut Writer, version: i16) -> Result<(), EncodeError> {
        if version < 4 && !self.unknown_tagged_fields.is_empty() {
            return Err(EncodeError::TaggedFieldsUnsupported { version });
        }
        let flexible = version >= 4;
        writer.put_i64(self.offset);
        if version >= 3 {
            writer.put_i32(self.leader_epoch);
        }
        writer.put_string(flexible, &self.metadata)?;
        writer.put_i64(self.commit_timestamp);
        if version == 1 {
            writer.put_i64(self.expire_timestamp);
        }
        if version >= 4 {
            let mut tagged = TaggedFields::default();
            if self.topic_id != Uuid::ZERO {
                tagged.add(0, |writer| {
                    writer.put_uuid(self.topic_id);
                    Ok(())
                })?;
            }
            tagged.put(writer, &self.unknown_tagged_fields)?;
        }
        Ok(())
    }
}

impl Message for OffsetCommitValue {
    const NAME: &'static str = "OffsetCommitValue";
    const VERSIONS: (i16, i16) = (0, 4);
    const FLEXIBLE_SINCE: Option<i16> = Some(4);
}

impl RecordContent for OffsetCommitValue {
    const TYPE: i16 = 1;
}
