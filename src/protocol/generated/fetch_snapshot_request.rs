//! Generated from `schema/fetch_snapshot.txt`: do not edit.

use super::super::wire::*;
use crate::model::Uuid;
use bytes::Bytes;

#[derive(Clone, Debug, PartialEq)]
pub struct FetchSnapshotRequest {
    pub cluster_id: Option<String>,
    pub replica_id: i32,
    pub max_bytes: i32,
    pub topics: Vec<TopicSnapshot>,
    pub unknown_tagged_fields: UnknownTaggedFields,
}

impl Default for FetchSnapshotRequest {
    fn default() -> Self {
        Self {
            cluster_id: None,
            replica_id: -1,
            max_bytes: i32::MAX,
            topics: Vec::new(),
            unknown_tagged_fields: UnknownTaggedFields::default(),
        }
    }
}

impl Struct for FetchSnapshotRequest {
    const BYTES_MIN: usize = 10;

    fn decode_fields(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let mut value = Self::default();
        value.replica_id = reader.read_i32()?;
        value.max_bytes = reader.read_i32()?;
        value.topics = reader.read_structs(true, version)?;
        let unknown = reader.read_tagged_fields(|reader, tag| {
            match tag {
                0 => value.cluster_id = reader.read_nullable_string(true)?,
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        value.unknown_tagged_fields = unknown;
        Ok(value)
    }

    fn encode_fields(&self, writer: &mut Writer, version: i16) -> Result<(), EncodeError> {
        writer.put_i32(self.replica_id);
        writer.put_i32(self.max_bytes);
        writer.put_structs(true, &self.topics, version)?;
        let mut tagged = TaggedFields::default();
        if self.cluster_id.is_some() {
            tagged.add(0, |writer| writer.put_nullable_string(true, self.cluster_id.as_deref()))?;
        }
        tagged.put(writer, &self.unknown_tagged_fields)?;
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct TopicSnapshot {
    pub name: String,
    pub partitions: Vec<PartitionSnapshot>,
    pub unknown_tagged_fields: UnknownTaggedFields,
}

impl Struct for TopicSnapshot {
    const BYTES_MIN: usize = 3;

    fn decode_fields(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let mut value = Self::default();
        value.name = reader.read_string(true)?;
        value.partitions = reader.read_structs(true, version)?;
        value.unknown_tagged_fields = reader.read_unknown_tagged_fields()?;
        Ok(value)
    }

    fn encode_fields(&self, writer: &mut Writer, version: i16) -> Result<(), EncodeError> {
        writer.put_string(true, &self.name)?;
        writer.put_structs(true, &self.partitions, version)?;
        writer.put_unknown_tagged_fields(&self.unknown_tagged_fields)?;
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct PartitionSnapshot {
    pub partition: i32,
    pub current_leader_epoch: i32,
    pub snapshot_id: SnapshotId,
    pub position: i64,
    /// 1+
    pub replica_directory_id: Uuid,
    pub unknown_tagged_fields: UnknownTaggedFields,
}

impl Struct for PartitionSnapshot {
    const BYTES_MIN: usize = 30;

    fn decode_fields(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let mut value = Self::default();
        value.partition = reader.read_i32()?;
        value.current_leader_epoch = reader.read_i32()?;
        value.snapshot_id = Struct::decode_fields(reader, version)?;
        value.position = reader.read_i64()?;
        let unknown = reader.read_tagged_fields(|reader, tag| {
            match tag {
                0 if version >= 1 => value.replica_directory_id = reader.read_uuid()?,
                0 => return Err(reader.expected("a tag that this version has")),
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        value.unknown_tagged_fields = unknown;
        Ok(value)
    }

    fn encode_fields(&self, writer: &mut Writer, version: i16) -> Result<(), EncodeError> {
        writer.put_i32(self.partition);
        writer.put_i32(self.current_leader_epoch);
        self.snapshot_id.encode_fields(writer, version)?;
        writer.put_i64(self.position);
        let mut tagged = TaggedFields::default();
        if version >= 1 && self.replica_directory_id != Uuid::ZERO {
            tagged.add(0, |writer| {
                writer.put_uuid(self.replica_directory_id);
                Ok(())
            })?;
        }
        tagged.put(writer, &self.unknown_tagged_fields)?;
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct SnapshotId {
    pub end_offset: i64,
    pub epoch: i32,
    pub unknown_tagged_fields: UnknownTaggedFields,
}

impl Struct for SnapshotId {
    const BYTES_MIN: usize = 13;

    fn decode_fields(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let mut value = Self::default();
        value.end_offset = reader.read_i64()?;
        value.epoch = reader.read_i32()?;
        value.unknown_tagged_fields = reader.read_unknown_tagged_fields()?;
        Ok(value)
    }

    fn encode_fields(&self, writer: &mut Writer, version: i16) -> Result<(), EncodeError> {
        writer.put_i64(self.end_offset);
        writer.put_i32(self.epoch);
        writer.put_unknown_tagged_fields(&self.unknown_tagged_fields)?;
        Ok(())
    }
}

impl Message for FetchSnapshotRequest {
    const NAME: &'static str = "FetchSnapshotRequest";
    const VERSIONS: (i16, i16) = (0, 1);
    const FLEXIBLE_SINCE: Option<i16> = Some(0);
}

impl Request for FetchSnapshotRequest {
    const KEY: super::ApiKey = super::ApiKey::FetchSnapshot;
    type Response = super::FetchSnapshotResponse;
}
