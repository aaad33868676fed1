//! Generated from `schema/metadata_records.txt`: do not edit.

use super::super::wire::*;
use crate::model::Uuid;
use bytes::Bytes;

#[derive(Clone, Debug, PartialEq)]
pub struct PartitionChangeRecord {
    pub partition_id: i32,
    pub topic_id: Uuid,
    pub isr: Option<Vec<i32>>,
    pub leader: i32,
    pub replicas: Option<Vec<i32>>,
    pub removing_replicas: Option<Vec<i32>>,
    pub adding_replicas: Option<Vec<i32>>,
    pub leader_recovery_state: i8,
    /// 1+
    pub directories: Option<Vec<Uuid>>,
    /// 2+
    pub eligible_leader_replicas: Option<Vec<i32>>,
    /// 2+
    pub last_known_elr: Option<Vec<i32>>,
    pub unknown_tagged_fields: UnknownTaggedFields,
}

impl Default for PartitionChangeRecord {
    fn default() -> Self {
        Self {
            partition_id: -1,
            topic_id: Uuid::ZERO,
            isr: None,
            leader: -2,
            replicas: None,
            removing_replicas: None,
            adding_replicas: None,
            leader_recovery_state: -1,
            directories: None,
            eligible_leader_replicas: None,
            last_known_elr: None,
            unknown_tagged_fields: UnknownTaggedFields::default(),
        }
    }
}

impl Struct for PartitionChangeRecord {
    const BYTES_MIN: usize = 21;

    fn decode_fields(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let mut value = Self::default();
        value.partition_id = reader.read_i32()?;
        value.topic_id = reader.read_uuid()?;
        let unknown = reader.read_tagged_fields(|reader, tag| {
            match tag {
                0 => value.isr = reader.read_nullable_array(true, 4, Reader::read_i32)?,
                1 => value.leader = reader.read_i32()?,
                2 => value.replicas = reader.read_nullable_array(true, 4, Reader::read_i32)?,
                3 => value.removing_replicas = reader.read_nullable_array(true, 4, Reader::read_i32)?,
                4 => value.adding_replicas = reader.read_nullable_array(true, 4, Reader::read_i32)?,
                5 => value.leader_recovery_state = reader.read_i8()?,
                6 if version >= 2 => value.eligible_leader_replicas = reader.read_nullable_array(true, 4, Reader::read_i32)?,
                6 => return Err(reader.expected("a tag that this version has")),
                7 if version >= 2 => value.last_known_elr = reader.read_nullable_array(true, 4, Reader::read_i32)?,
                7 => return Err(reader.expected("a tag that this version has")),
                8 if version >= 1 => value.directories = reader.read_nullable_array(true, 16, Reader::read_uuid)?,
                8 => return Err(reader.expected("a tag that this version has")),
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        value.unknown_tagged_fields = unknown;
        Ok(value)
    }

    fn encode_fields(&self, writer: &mut Writer, version: i16) -> Result<(), EncodeError> {
        if version < 1 && self.directories.is_some() {
            return Err(EncodeError::FieldUnsupported { field: "PartitionChangeRecord.Directories", version });
        }
        if version < 2 && self.eligible_leader_replicas.is_some() {
            return Err(EncodeError::FieldUnsupported { field: "PartitionChangeRecord.EligibleLeaderReplicas", version });
        }
        if version < 2 && self.last_known_elr.is_some() {
            return Err(EncodeError::FieldUnsupported { field: "PartitionChangeRecord.LastKnownElr", version });
        }
        writer.put_i32(self.partition_id);
        writer.put_uuid(self.topic_id);
        let mut tagged = TaggedFields::default();
        if self.isr.is_some() {
            tagged.add(0, |writer| writer.put_nullable_array(true, self.isr.as_deref(), Writer::put_i32))?;
        }
        if self.leader != -2 {
            tagged.add(1, |writer| {
                writer.put_i32(self.leader);
                Ok(())
            })?;
        }
        if self.replicas.is_some() {
            tagged.add(2, |writer| writer.put_nullable_array(true, self.replicas.as_deref(), Writer::put_i32))?;
        }
        if self.removing_replicas.is_some() {
            tagged.add(3, |writer| writer.put_nullable_array(true, self.removing_replicas.as_deref(), Writer::put_i32))?;
        }
        if self.adding_replicas.is_some() {
            tagged.add(4, |writer| writer.put_nullable_array(true, self.adding_replicas.as_deref(), Writer::put_i32))?;
        }
        if self.leader_recovery_state != -1 {
            tagged.add(5, |writer| {
                writer.put_i8(self.leader_recovery_state);
                Ok(())
            })?;
        }
        if version >= 2 && self.eligible_leader_replicas.is_some() {
            tagged.add(6, |writer| writer.put_nullable_array(true, self.eligible_leader_replicas.as_deref(), Writer::put_i32))?;
        }
        if version >= 2 && self.last_known_elr.is_some() {
            tagged.add(7, |writer| writer.put_nullable_array(true, self.last_known_elr.as_deref(), Writer::put_i32))?;
        }
        if version >= 1 && self.directories.is_some() {
            tagged.add(8, |writer| writer.put_nullable_array(true, self.directories.as_deref(), Writer::put_uuid))?;
        }
        tagged.put(writer, &self.unknown_tagged_fields)?;
        Ok(())
    }
}

impl Message for PartitionChangeRecord {
    const NAME: &'static str = "PartitionChangeRecord";
    const VERSIONS: (i16, i16) = (0, 2);
    const FLEXIBLE_SINCE: Option<i16> = Some(0);
}

impl RecordContent for PartitionChangeRecord {
    const TYPE: i16 = 5;
}
