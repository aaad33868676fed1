//! Generated from `schema/describe_topic_partitions.txt`: do not edit.

use super::super::wire::*;
use crate::model::Uuid;
use bytes::Bytes;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct DescribeTopicPartitionsResponse {
    pub throttle_time_ms: i32,
    pub topics: Vec<DescribeTopicPartitionsResponseTopic>,
    pub next_cursor: Option<Cursor>,
    pub unknown_tagged_fields: UnknownTaggedFields,
}

impl Struct for DescribeTopicPartitionsResponse {
    const BYTES_MIN: usize = 7;

    fn decode_fields(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let mut value = Self::default();
        value.throttle_time_ms = reader.read_i32()?;
        value.topics = reader.read_structs(true, version)?;
        value.next_cursor = reader.read_nullable_struct(version)?;
        value.unknown_tagged_fields = reader.read_unknown_tagged_fields()?;
        Ok(value)
    }

    fn encode_fields(&self, writer: &mut Writer, version: i16) -> Result<(), EncodeError> {
        writer.put_i32(self.throttle_time_ms);
        writer.put_structs(true, &self.topics, version)?;
        writer.put_nullable_struct(self.next_cursor.as_ref(), version)?;
        writer.put_unknown_tagged_fields(&self.unknown_tagged_fields)?;
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Cursor {
    pub topic_name: String,
    pub partition_index: i32,
    pub unknown_tagged_fields: UnknownTaggedFields,
}

impl Struct for Cursor {
    const BYTES_MIN: usize = 6;

    fn decode_fields(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let mut value = Self::default();
        value.topic_name = reader.read_string(true)?;
        value.partition_index = reader.read_i32()?;
        value.unknown_tagged_fields = reader.read_unknown_tagged_fields()?;
        Ok(value)
    }

    fn encode_fields(&self, writer: &mut Writer, version: i16) -> Result<(), EncodeError> {
        writer.put_string(true, &self.topic_name)?;
        writer.put_i32(self.partition_index);
        writer.put_unknown_tagged_fields(&self.unknown_tagged_fields)?;
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct DescribeTopicPartitionsResponseTopic {
    pub error_code: i16,
    pub name: Option<String>,
    pub topic_id: Uuid,
    pub is_internal: bool,
    pub partitions: Vec<DescribeTopicPartitionsResponsePartition>,
    pub topic_authorized_operations: i32,
    pub unknown_tagged_fields: UnknownTaggedFields,
}

impl Default for DescribeTopicPartitionsResponseTopic {
    fn default() -> Self {
        Self {
            error_code: 0,
            name: Some(String::new()),
            topic_id: Uuid::ZERO,
            is_internal: false,
            partitions: Vec::new(),
            topic_authorized_operations: -2147483648,
            unknown_tagged_fields: UnknownTaggedFields::default(),
        }
    }
}

impl Struct for DescribeTopicPartitionsResponseTopic {
    const BYTES_MIN: usize = 26;

    fn decode_fields(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let mut value = Self::default();
        value.error_code = reader.read_i16()?;
        value.name = reader.read_nullable_string(true)?;
        value.topic_id = reader.read_uuid()?;
        value.is_internal = reader.read_bool()?;
        value.partitions = reader.read_structs(true, version)?;
        value.topic_authorized_operations = reader.read_i32()?;
        value.unknown_tagged_fields = reader.read_unknown_tagged_fields()?;
        Ok(value)
    }

    fn encode_fields(&self, writer: &mut Writer, version: i16) -> Result<(), EncodeError> {
        writer.put_i16(self.error_code);
        writer.put_nullable_string(true, self.name.as_deref())?;
        writer.put_uuid(self.topic_id);
        writer.put_bool(self.is_internal);
        writer.put_structs(true, &self.partitions, version)?;
        writer.put_i32(self.topic_authorized_operations);
        writer.put_unknown_tagged_fields(&self.unknown_tagged_fields)?;
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct DescribeTopicPartitionsResponsePartition {
    pub error_code: i16,
    pub partition_index: i32,
    pub leader_id: i32,
    pub leader_epoch: i32,
    pub replica_nodes: Vec<i32>,
    pub isr_nodes: Vec<i32>,
    pub eligible_leader_replicas: Option<Vec<i32>>,
    pub last_known_elr: Option<Vec<i32>>,
    pub offline_replicas: Vec<i32>,
    pub unknown_tagged_fields: UnknownTaggedFields,
}

impl Default for DescribeTopicPartitionsResponsePartition {
    fn default() -> Self {
        Self {
            error_code: 0,
            partition_index: 0,
            leader_id: 0,
            leader_epoch: -1,
            replica_nodes: Vec::new(),
            isr_nodes: Vec::new(),
            eligible_leader_replicas: None,
            last_known_elr: None,
            offline_replicas: Vec::new(),
            unknown_tagged_fields: UnknownTaggedFields::default(),
        }
    }
}

impl Struct for DescribeTopicPartitionsResponsePartition {
    const BYTES_MIN: usize = 20;

    fn decode_fields(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let mut value = Self::default();
        value.error_code = reader.read_i16()?;
        value.partition_index = reader.read_i32()?;
        value.leader_id = reader.read_i32()?;
        value.leader_epoch = reader.read_i32()?;
        value.replica_nodes = reader.read_array(true, 4, Reader::read_i32)?;
        value.isr_nodes = reader.read_array(true, 4, Reader::read_i32)?;
        value.eligible_leader_replicas = reader.read_nullable_array(true, 4, Reader::read_i32)?;
        value.last_known_elr = reader.read_nullable_array(true, 4, Reader::read_i32)?;
        value.offline_replicas = reader.read_array(true, 4, Reader::read_i32)?;
        value.unknown_tagged_fields = reader.read_unknown_tagged_fields()?;
        Ok(value)
    }

    fn encode_fields(&self, writer: &mut Writer, version: i16) -> Result<(), EncodeError> {
        writer.put_i16(self.error_code);
        writer.put_i32(self.partition_index);
        writer.put_i32(self.leader_id);
        writer.put_i32(self.leader_epoch);
        writer.put_array(true, &self.replica_nodes, Writer::put_i32)?;
        writer.put_array(true, &self.isr_nodes, Writer::put_i32)?;
        writer.put_nullable_array(true, self.eligible_leader_replicas.as_deref(), Writer::put_i32)?;
        writer.put_nullable_array(true, self.last_known_elr.as_deref(), Writer::put_i32)?;
        writer.put_array(true, &self.offline_replicas, Writer::put_i32)?;
        writer.put_unknown_tagged_fields(&self.unknown_tagged_fields)?;
        Ok(())
    }
}

impl Message for DescribeTopicPartitionsResponse {
    const NAME: &'static str = "DescribeTopicPartitionsResponse";
    const VERSIONS: (i16, i16) = (0, 0);
    const FLEXIBLE_SINCE: Option<i16> = Some(0);
}
