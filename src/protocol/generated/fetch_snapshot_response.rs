//! Generated from `schema/fetch_snapshot.txt`: do not edit.

use super::super::wire::*;
use crate::model::Uuid;
use bytes::Bytes;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct FetchSnapshotResponse {
    pub throttle_time_ms: i32,
    pub error_code: i16,
    pub topics: Vec<TopicSnapshot>,
    /// 1+
    pub node_endpoints: Vec<NodeEndpoint>,
    pub unknown_tagged_fields: UnknownTaggedFields,
}

impl Struct for FetchSnapshotResponse {
    const BYTES_MIN: usize = 8;

    fn decode_fields(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let mut value = Self::default();
        value.throttle_time_ms = reader.read_i32()?;
        value.error_code = reader.read_i16()?;
        value.topics = reader.read_structs(true, version)?;
        let unknown = reader.read_tagged_fields(|reader, tag| {
            match tag {
                0 if version >= 1 => value.node_endpoints = reader.read_structs(true, version)?,
                0 => return Err(reader.expected("a tag that this version has")),
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        value.unknown_tagged_fields = unknown;
        Ok(value)
    }

    fn encode_fields(&self, writer: &mut Writer, version: i16) -> Result<(), EncodeError> {
        if version < 1 && !self.node_endpoints.is_empty() {
            return Err(EncodeError::FieldUnsupported { field: "FetchSnapshotResponse.NodeEndpoints", version });
        }
        writer.put_i32(self.throttle_time_ms);
        writer.put_i16(self.error_code);
        writer.put_structs(true, &self.topics, version)?;
        let mut tagged = TaggedFields::default();
        if version >= 1 && !self.node_endpoints.is_empty() {
            tagged.add(0, |writer| writer.put_structs(true, &self.node_endpoints, version))?;
        }
        tagged.put(writer, &self.unknown_tagged_fields)?;
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct NodeEndpoint {
    pub node_id: i32,
    pub host: String,
    pub port: u16,
    pub unknown_tagged_fields: UnknownTaggedFields,
}

impl Struct for NodeEndpoint {
    const BYTES_MIN: usize = 8;

    fn decode_fields(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let mut value = Self::default();
        value.node_id = reader.read_i32()?;
        value.host = reader.read_string(true)?;
        value.port = reader.read_u16()?;
        value.unknown_tagged_fields = reader.read_unknown_tagged_fields()?;
        Ok(value)
    }

    fn encode_fields(&self, writer: &mut Writer, version: i16) -> Result<(), EncodeError> {
        writer.put_i32(self.node_id);
        writer.put_string(true, &self.host)?;
        writer.put_u16(self.port);
        writer.put_unknown_tagged_fields(&self.unknown_tagged_fields)?;
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
    pub index: i32,
    pub error_code: i16,
    pub snapshot_id: SnapshotId,
    pub current_leader: LeaderIdAndEpoch,
    pub size: i64,
    pub position: i64,
    pub unaligned_records: Records,
    pub unknown_tagged_fields: UnknownTaggedFields,
}

impl Struct for PartitionSnapshot {
    const BYTES_MIN: usize = 37;

    fn decode_fields(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let mut value = Self::default();
        value.index = reader.read_i32()?;
        value.error_code = reader.read_i16()?;
        value.snapshot_id = Struct::decode_fields(reader, version)?;
        value.size = reader.read_i64()?;
        value.position = reader.read_i64()?;
        value.unaligned_records = reader.read_records(true)?;
        let unknown = reader.read_tagged_fields(|reader, tag| {
            match tag {
                0 => value.current_leader = Struct::decode_fields(reader, version)?,
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        value.unknown_tagged_fields = unknown;
        Ok(value)
    }

    fn encode_fields(&self, writer: &mut Writer, version: i16) -> Result<(), EncodeError> {
        writer.put_i32(self.index);
        writer.put_i16(self.error_code);
        self.snapshot_id.encode_fields(writer, version)?;
        writer.put_i64(self.size);
        writer.put_i64(self.position);
        writer.put_records(true, &self.unaligned_records)?;
        let mut tagged = TaggedFields::default();
        if self.current_leader != LeaderIdAndEpoch::default() {
            tagged.add(0, |writer| self.current_leader.encode_fields(writer, version))?;
        }
        tagged.put(writer, &self.unknown_tagged_fields)?;
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct LeaderIdAndEpoch {
    pub leader_id: i32,
    pub leader_epoch: i32,
    pub unknown_tagged_fields: UnknownTaggedFields,
}

impl Struct for LeaderIdAndEpoch {
    const BYTES_MIN: usize = 9;

    fn decode_fields(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let mut value = Self::default();
        value.leader_id = reader.read_i32()?;
        value.leader_epoch = reader.read_i32()?;
        value.unknown_tagged_fields = reader.read_unknown_tagged_fields()?;
        Ok(value)
    }

    fn encode_fields(&self, writer: &mut Writer, version: i16) -> Result<(), EncodeError> {
        writer.put_i32(self.leader_id);
        writer.put_i32(self.leader_epoch);
        writer.put_unknown_tagged_fields(&self.unknown_tagged_fields)?;
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

impl Message for FetchSnapshotResponse {
    const NAME: &'static str = "FetchSnapshotResponse";
    const VERSIONS: (i16, i16) = (0, 1);
    const FLEXIBLE_SINCE: Option<i16> = Some(0);
}
