//! Generated from `schema/describe_quorum.txt`: do not edit.

use super::super::wire::*;
use crate::model::Uuid;
use bytes::Bytes;

#[derive(Clone, Debug, PartialEq)]
pub struct DescribeQuorumResponse {
    pub error_code: i16,
    /// 2+
    pub error_message: Option<String>,
    pub topics: Vec<TopicData>,
    /// 2+
    pub nodes: Vec<Node>,
    pub unknown_tagged_fields: UnknownTaggedFields,
}

impl Default for DescribeQuorumResponse {
    fn default() -> Self {
        Self {
            error_code: 0,
            error_message: Some(String::new()),
            topics: Vec::new(),
            nodes: Vec::new(),
            unknown_tagged_fields: UnknownTaggedFields::default(),
        }
    }
}

impl Struct for DescribeQuorumResponse {
    const BYTES_MIN: usize = 4;

    fn decode_fields(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let mut value = Self::default();
        value.error_code = reader.read_i16()?;
        if version >= 2 {
            value.error_message = reader.read_nullable_string(true)?;
        }
        value.topics = reader.read_structs(true, version)?;
        if version >= 2 {
            value.nodes = reader.read_structs(true, version)?;
        }
        value.unknown_tagged_fields = reader.read_unknown_tagged_fields()?;
        Ok(value)
    }

    fn encode_fields(&self, writer: &mut Writer, version: i16) -> Result<(), EncodeError> {
        if version < 2 && !self.nodes.is_empty() {
            return Err(EncodeError::FieldUnsupported { field: "DescribeQuorumResponse.Nodes", version });
        }
        writer.put_i16(self.error_code);
        if version >= 2 {
            writer.put_nullable_string(true, self.error_message.as_deref())?;
        }
        writer.put_structs(true, &self.topics, version)?;
        if version >= 2 {
            writer.put_structs(true, &self.nodes, version)?;
        }
        writer.put_unknown_tagged_fields(&self.unknown_tagged_fields)?;
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Node {
    pub node_id: i32,
    pub listeners: Vec<Listener>,
    pub unknown_tagged_fields: UnknownTaggedFields,
}

impl Struct for Node {
    const BYTES_MIN: usize = 6;

    fn decode_fields(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let mut value = Self::default();
        value.node_id = reader.read_i32()?;
        value.listeners = reader.read_structs(true, version)?;
        value.unknown_tagged_fields = reader.read_unknown_tagged_fields()?;
        Ok(value)
    }

    fn encode_fields(&self, writer: &mut Writer, version: i16) -> Result<(), EncodeError> {
        writer.put_i32(self.node_id);
        writer.put_structs(true, &self.listeners, version)?;
        writer.put_unknown_tagged_fields(&self.unknown_tagged_fields)?;
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Listener {
    pub name: String,
    pub host: String,
    pub port: u16,
    pub unknown_tagged_fields: UnknownTaggedFields,
}

impl Struct for Listener {
    const BYTES_MIN: usize = 5;

    fn decode_fields(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let mut value = Self::default();
        value.name = reader.read_string(true)?;
        value.host = reader.read_string(true)?;
        value.port = reader.read_u16()?;
        value.unknown_tagged_fields = reader.read_unknown_tagged_fields()?;
        Ok(value)
    }

    fn encode_fields(&self, writer: &mut Writer, version: i16) -> Result<(), EncodeError> {
        writer.put_string(true, &self.name)?;
        writer.put_string(true, &self.host)?;
        writer.put_u16(self.port);
        writer.put_unknown_tagged_fields(&self.unknown_tagged_fields)?;
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct TopicData {
    pub topic_name: String,
    pub partitions: Vec<PartitionData>,
    pub unknown_tagged_fields: UnknownTaggedFields,
}

impl Struct for TopicData {
    const BYTES_MIN: usize = 3;

    fn decode_fields(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let mut value = Self::default();
        value.topic_name = reader.read_string(true)?;
        value.partitions = reader.read_structs(true, version)?;
        value.unknown_tagged_fields = reader.read_unknown_tagged_fields()?;
        Ok(value)
    }

    fn encode_fields(&self, writer: &mut Writer, version: i16) -> Result<(), EncodeError> {
        writer.put_string(true, &self.topic_name)?;
        writer.put_structs(true, &self.partitions, version)?;
        writer.put_unknown_tagged_fields(&self.unknown_tagged_fields)?;
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct PartitionData {
    pub partition_index: i32,
    pub error_code: i16,
    /// 2+
    pub error_message: Option<String>,
    pub leader_id: i32,
    pub leader_epoch: i32,
    pub high_watermark: i64,
    pub current_voters: Vec<ReplicaState>,
    pub observers: Vec<ReplicaState>,
    pub unknown_tagged_fields: UnknownTaggedFields,
}

impl Default for PartitionData {
    fn default() -> Self {
        Self {
            partition_index: 0,
            error_code: 0,
            error_message: Some(String::new()),
            leader_id: 0,
            leader_epoch: 0,
            high_watermark: 0,
            current_voters: Vec::new(),
            observers: Vec::new(),
            unknown_tagged_fields: UnknownTaggedFields::default(),
        }
    }
}

impl Struct for PartitionData {
    const BYTES_MIN: usize = 25;

    fn decode_fields(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let mut value = Self::default();
        value.partition_index = reader.read_i32()?;
        value.error_code = reader.read_i16()?;
        if version >= 2 {
            value.error_message = reader.read_nullable_string(true)?;
        }
        value.leader_id = reader.read_i32()?;
        value.leader_epoch = reader.read_i32()?;
        value.high_watermark = reader.read_i64()?;
        value.current_voters = reader.read_structs(true, version)?;
        value.observers = reader.read_structs(true, version)?;
        value.unknown_tagged_fields = reader.read_unknown_tagged_fields()?;
        Ok(value)
    }

    fn encode_fields(&self, writer: &mut Writer, version: i16) -> Result<(), EncodeError> {
        writer.put_i32(self.partition_index);
        writer.put_i16(self.error_code);
        if version >= 2 {
            writer.put_nullable_string(true, self.error_message.as_deref())?;
        }
        writer.put_i32(self.leader_id);
        writer.put_i32(self.leader_epoch);
        writer.put_i64(self.high_watermark);
        writer.put_structs(true, &self.current_voters, version)?;
        writer.put_structs(true, &self.observers, version)?;
        writer.put_unknown_tagged_fields(&self.unknown_tagged_fields)?;
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct ReplicaState {
    pub replica_id: i32,
    /// 2+
    pub replica_directory_id: Uuid,
    pub log_end_offset: i64,
    /// 1+
    pub last_fetch_timestamp: i64,
    /// 1+
    pub last_caught_up_timestamp: i64,
    pub unknown_tagged_fields: UnknownTaggedFields,
}

impl Default for ReplicaState {
    fn default() -> Self {
        Self {
            replica_id: 0,
            replica_directory_id: Uuid::ZERO,
            log_end_offset: 0,
            last_fetch_timestamp: -1,
            last_caught_up_timestamp: -1,
            unknown_tagged_fields: UnknownTaggedFields::default(),
        }
    }
}

impl Struct for ReplicaState {
    const BYTES_MIN: usize = 13;

    fn decode_fields(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let mut value = Self::default();
        value.replica_id = reader.read_i32()?;
        if version >= 2 {
            value.replica_directory_id = reader.read_uuid()?;
        }
        value.log_end_offset = reader.read_i64()?;
        if version >= 1 {
            value.last_fetch_timestamp = reader.read_i64()?;
            value.last_caught_up_timestamp = reader.read_i64()?;
        }
        value.unknown_tagged_fields = reader.read_unknown_tagged_fields()?;
        Ok(value)
    }

    fn encode_fields(&self, writer: &mut Writer, version: i16) -> Result<(), EncodeError> {
        if version < 2 && self.replica_directory_id != Uuid::ZERO {
            return Err(EncodeError::FieldUnsupported { field: "ReplicaState.ReplicaDirectoryId", version });
        }
        writer.put_i32(self.replica_id);
        if version >= 2 {
            writer.put_uuid(self.replica_directory_id);
        }
        writer.put_i64(self.log_end_offset);
        if version >= 1 {
            writer.put_i64(self.last_fetch_timestamp);
            writer.put_i64(self.last_caught_up_timestamp);
        }
        writer.put_unknown_tagged_fields(&self.unknown_tagged_fields)?;
        Ok(())
    }
}

impl Message for DescribeQuorumResponse {
    const NAME: &'static str = "DescribeQuorumResponse";
    const VERSIONS: (i16, i16) = (0, 2);
    const FLEXIBLE_SINCE: Option<i16> = Some(0);
}
