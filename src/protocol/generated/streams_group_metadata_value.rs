//! Generated from `schema/group_coordinator_records.txt`: do not edit.

use super::super::wire::*;
use crate::model::Uuid;
use bytes::Bytes;

#[derive(Clone, Debug, PartialEq)]
pub struct StreamsGroupMetadataValue {
    pub epoch: i32,
    pub metadata_hash: i64,
    pub validated_topology_epoch: i32,
    pub last_assignment_configs: Option<Vec<LastAssignmentConfig>>,
    pub stored_description_topology_epoch: i32,
    pub failed_description_topology_epoch: i32,
    pub unknown_tagged_fields: UnknownTaggedFields,
}

impl Default for StreamsGroupMetadataValue {
    fn default() -> Self {
        Self {
            epoch: 0,
            metadata_hash: 0,
            validated_topology_epoch: -1,
            last_assignment_configs: Some(Vec::new()),
            stored_description_topology_epoch: -1,
            failed_description_topology_epoch: -1,
            unknown_tagged_fields: UnknownTaggedFields::default(),
        }
    }
}

impl Struct for StreamsGroupMetadataValue {
    const BYTES_MIN: usize = 13;

    fn decode_fields(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let mut value = Self::default();
        value.epoch = reader.read_i32()?;
        value.metadata_hash = reader.read_i64()?;
        let unknown = reader.read_tagged_fields(|reader, tag| {
            match tag {
                0 => value.validated_topology_epoch = reader.read_i32()?,
                1 => value.last_assignment_configs = reader.read_nullable_structs(true, version)?,
                2 => value.stored_description_topology_epoch = reader.read_i32()?,
                3 => value.failed_description_topology_epoch = reader.read_i32()?,
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        value.unknown_tagged_fields = unknown;
        Ok(value)
    }

    fn encode_fields(&self, writer: &mut Writer, version: i16) -> Result<(), EncodeError> {
        writer.put_i32(self.epoch);
        writer.put_i64(self.metadata_hash);
        let mut tagged = TaggedFields::default();
        if self.validated_topology_epoch != -1 {
            tagged.add(0, |writer| {
                writer.put_i32(self.validated_topology_epoch);
                Ok(())
            })?;
        }
        if self.last_assignment_configs.as_ref().is_none_or(|value| !value.is_empty()) {
            tagged.add(1, |writer| writer.put_nullable_structs(true, self.last_assignment_configs.as_deref(), version))?;
        }
        if self.stored_description_topology_epoch != -1 {
            tagged.add(2, |writer| {
                writer.put_i32(self.stored_description_topology_epoch);
                Ok(())
            })?;
        }
        if self.failed_description_topology_epoch != -1 {
            tagged.add(3, |writer| {
                writer.put_i32(self.failed_description_topology_epoch);
                Ok(())
            })?;
        }
        tagged.put(writer, &self.unknown_tagged_fields)?;
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct LastAssignmentConfig {
    pub key: String,
    pub value: String,
    pub unknown_tagged_fields: UnknownTaggedFields,
}

impl Struct for LastAssignmentConfig {
    const BYTES_MIN: usize = 3;

    fn decode_fields(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let mut value = Self::default();
        value.key = reader.read_string(true)?;
        value.value = reader.read_string(true)?;
        value.unknown_tagged_fields = reader.read_unknown_tagged_fields()?;
        Ok(value)
    }

    fn encode_fields(&self, writer: &mut Writer, version: i16) -> Result<(), EncodeError> {
        writer.put_string(true, &self.key)?;
        writer.put_string(true, &self.value)?;
        writer.put_unknown_tagged_fields(&self.unknown_tagged_fields)?;
        Ok(())
    }
}

impl Message for StreamsGroupMetadataValue {
    const NAME: &'static str = "StreamsGroupMetadataValue";
    const VERSIONS: (i16, i16) = (0, 0);
    const FLEXIBLE_SINCE: Option<i16> = Some(0);
}

impl RecordContent for StreamsGroupMetadataValue {
    const TYPE: i16 = 17;
}
