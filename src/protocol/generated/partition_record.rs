//! Generated from `schema/metadata_records.txt`: do not edit.

use super::super::wire::*;
use crate::model::Uuid;
use bytes::Bytes;

#[derive(Clone, Debug, PartialEq)]
pub struct PartitionRecord {
    pub partition_id: i32,
    pub topic_id: Uuid,
    pub replicas: Vec<i32>,
    pub isr: Vec<i32>,
    pub removing_replicas: Vec<i32>,
    pub adding_replicas: Vec<i32>,
    pub leader: i32,
    pub leader_recovery_state: i8,
    pub leader_epoch: i32,
    pub partition_epoch: i32,
    /// 1+
    pub directories: Vec<Uuid>,
    /// 2+
    pub eligible_leader_replicas: Option<Vec<i32>>,
    /// 2+
    pub last_known_elr: Option<Vec<i32>>,
    pub unknown_tagged_fields: UnknownTaggedFields,
}

impl Default for PartitionRecord {
    fn default() -> Self {
        Self {
            partition_id: -1,
            topic_id: Uuid::ZERO,
            replicas: Vec::new(),
            isr: Vec::new(),
            removing_replicas: Vec::new(),
            adding_replicas: Vec::new(),
            leader: -1,
            leader_recovery_state: 0,
            leader_epoch: -1,
            partition_epoch: -1,
            directories: Vec::new(),
            eligible_leader_replicas: None,
            last_known_elr: None,
            unknown_tagged_fields: UnknownTaggedFields::default(),
        }
    }
}

impl Struct for PartitionRecord {
    const BYTES_MIN: usize = 37;

    fn decode_fields(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let mut value = Self::default();
        value.partition_id = reader.read_i32()?;
        value.topic_id = reader.read_uuid()?;
        value.replicas = reader.read_array(true, 4, Reader::read_i32)?;
        value.isr = reader.read_array(true, 4, Reader::read_i32)?;
        value.removing_replicas = reader.read_array(true, 4, Reader::read_i32)?;
        value.adding_replicas = reader.read_array(true, 4, Reader::read_i32)?;
        value.leader = reader.read_i32()?;
        value.leader_epoch = reader.read_i32()?;
        value.partition_epoch = reader.read_i32()?;
        if version >= 1 {
            value.directories = reader.read_array(true, 16, Reader::read_uuid)?;
        }
        let unknown = reader.read_tagged_fields(|reader, tag| {
            match tag {
                0 => value.leader_recovery_state = reader.read_i8()?,
                1 if version >= 2 => value.eligible_leader_replicas = reader.read_nullable_array(true, 4, Reader::read_i32)?,
                1 => return Err(reader.expected("a tag that this version has")),
                2 if version >= 2 => value.last_known_elr = reader.read_nullable_array(true, 4, Reader::read_i32)?,
                2 => return Err(reader.expected("a tag that this version has")),
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        value.unknown_tagged_fields = unknown;
        Ok(value)
    }

    fn encode_fields(&self, writer: &mut Writer, version: i16) -> Result<(), EncodeError> {
        if version < 1 && !self.directories.is_empty() {
            return Err(EncodeError::FieldUnsupported { field: "PartitionRecord.Directories", version });
        }
        if version < 2 && self.eligible_leader_replicas.is_some() {
            return Err(EncodeError::FieldUnsupported { field: "PartitionRecord.EligibleLeaderReplicas", version });
        }
        if version < 2 && self.last_known_elr.is_some() {
            return Err(EncodeError::FieldUnsupported { field: "PartitionRecord.LastKnownElr", version });
        }
        writer.put_i32(self.partition_id);
        writer.put_uuid(self.topic_id);
        writer.put_array(true, &self.replicas, Writer::put_i32)?;
        writer.put_array(true, &self.isr, Writer::put_i32)?;
        writer.put_array(true, &self.removing_replicas, Writer::put_i32)?;
        writer.put_array(true, &self.adding_replicas, Writer::put_i32)?;
        writer.put_i32(self.leader);
        writer.put_i32(self.leader_epoch);
        writer.put_i32(self.partition_epoch);
        if version >= 1 {
            writer.put_array(true, &self.directories, Writer::put_uuid)?;
        }
        let mut tagged = TaggedFields::default();
        if self.leader_recovery_state != 0 {
            tagged.add(0, |writer| {
                writer.put_i8(self.leader_recovery_state);
                Ok(())
            })?;
        }
        if version >= 2 && self.eligible_leader_replicas.is_some() {
            tagged.add(1, |writer| writer.put_nullable_array(true, self.eligible_leader_replicas.as_deref(), Writer::put_i32))?;
        }
        if version >= 2 && self.last_known_elr.is_some() {
            tagged.add(2, |writer| writer.put_nullable_array(true, self.last_known_elr.as_deref(), Writer::put_i32))?;
        }
        tagged.put(writer, &self.unknown_tagged_fields)?;
        Ok(())
    }
}

impl Message for PartitionRecord {
    const NAME: &'static str = "PartitionRecord";
    const VERSIONS: (i16, i16) = (0, 2);
    const FLEXIBLE_SINCE: Option<i16> = Some(0);
}

impl RecordContent for PartitionRecord {
    const TYPE: i16 = 3;
}
