//! Generated from `schema/streams_group_heartbeat.txt`: do not edit.

use super::super::wire::*;
use crate::model::Uuid;
use bytes::Bytes;

#[derive(Clone, Debug, PartialEq)]
pub struct StreamsGroupHeartbeatRequest {
    pub group_id: String,
    pub member_id: String,
    pub member_epoch: i32,
    pub endpoint_information_epoch: i32,
    pub instance_id: Option<String>,
    pub rack_id: Option<String>,
    pub rebalance_timeout_ms: i32,
    pub topology: Option<Topology>,
    pub active_tasks: Option<Vec<TaskIds>>,
    pub standby_tasks: Option<Vec<TaskIds>>,
    pub warmup_tasks: Option<Vec<TaskIds>>,
    pub process_id: Option<String>,
    pub user_endpoint: Option<Endpoint>,
    pub client_tags: Option<Vec<KeyValue>>,
    pub task_offsets: Option<Vec<TaskOffset>>,
    pub task_end_offsets: Option<Vec<TaskOffset>>,
    pub shutdown_application: bool,
    pub unknown_tagged_fields: UnknownTaggedFields,
}

impl Default for StreamsGroupHeartbeatRequest {
    fn default() -> Self {
        Self {
            group_id: String::new(),
            member_id: String::new(),
            member_epoch: 0,
            endpoint_information_epoch: 0,
            instance_id: None,
            rack_id: None,
            rebalance_timeout_ms: -1,
            topology: None,
            active_tasks: None,
            standby_tasks: None,
            warmup_tasks: None,
            process_id: None,
            user_endpoint: None,
            client_tags: None,
            task_offsets: None,
            task_end_offsets: None,
            shutdown_application: false,
            unknown_tagged_fields: UnknownTaggedFields::default(),
        }
    }
}

impl Struct for StreamsGroupHeartbeatRequest {
    const BYTES_MIN: usize = 27;

    fn decode_fields(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let mut value = Self::default();
        value.group_id = reader.read_string(true)?;
        value.member_id = reader.read_string(true)?;
        value.member_epoch = reader.read_i32()?;
        value.endpoint_information_epoch = reader.read_i32()?;
        value.instance_id = reader.read_nullable_string(true)?;
        value.rack_id = reader.read_nullable_string(true)?;
        value.rebalance_timeout_ms = reader.read_i32()?;
        value.topology = reader.read_nullable_struct(version)?;
        value.active_tasks = reader.read_nullable_structs(true, version)?;
        value.standby_tasks = reader.read_nullable_structs(true, version)?;
        value.warmup_tasks = reader.read_nullable_structs(true, version)?;
        value.process_id = reader.read_nullable_string(true)?;
        value.user_endpoint = reader.read_nullable_struct(version)?;
        value.client_tags = reader.read_nullable_structs(true, version)?;
        value.task_offsets = reader.read_nullable_structs(true, version)?;
        value.task_end_offsets = reader.read_nullable_structs(true, version)?;
        value.shutdown_application = reader.read_bool()?;
        value.unknown_tagged_fields = reader.read_unknown_tagged_fields()?;
        Ok(value)
    }

    fn encode_fields(&self, writer: &mut Writer, version: i16) -> Result<(), EncodeError> {
        writer.put_string(true, &self.group_id)?;
        writer.put_string(true, &self.member_id)?;
        writer.put_i32(self.member_epoch);
        writer.put_i32(self.endpoint_information_epoch);
        writer.put_nullable_string(true, self.instance_id.as_deref())?;
        writer.put_nullable_string(true, self.rack_id.as_deref())?;
        writer.put_i32(self.rebalance_timeout_ms);
        writer.put_nullable_struct(self.topology.as_ref(), version)?;
        writer.put_nullable_structs(true, self.active_tasks.as_deref(), version)?;
        writer.put_nullable_structs(true, self.standby_tasks.as_deref(), version)?;
        writer.put_nullable_structs(true, self.warmup_tasks.as_deref(), version)?;
        writer.put_nullable_string(true, self.process_id.as_deref())?;
        writer.put_nullable_struct(self.user_endpoint.as_ref(), version)?;
        writer.put_nullable_structs(true, self.client_tags.as_deref(), version)?;
        writer.put_nullable_structs(true, self.task_offsets.as_deref(), version)?;
        writer.put_nullable_structs(true, self.task_end_offsets.as_deref(), version)?;
        writer.put_bool(self.shutdown_application);
        writer.put_unknown_tagged_fields(&self.unknown_tagged_fields)?;
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Topology {
    pub epoch: i32,
    pub subtopologies: Vec<Subtopology>,
    pub unknown_tagged_fields: UnknownTaggedFields,
}

impl Struct for Topology {
    const BYTES_MIN: usize = 6;

    fn decode_fields(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let mut value = Self::default();
        value.epoch = reader.read_i32()?;
        value.subtopologies = reader.read_structs(true, version)?;
        value.unknown_tagged_fields = reader.read_unknown_tagged_fields()?;
        Ok(value)
    }

    fn encode_fields(&self, writer: &mut Writer, version: i16) -> Result<(), EncodeError> {
        writer.put_i32(self.epoch);
        writer.put_structs(true, &self.subtopologies, version)?;
        writer.put_unknown_tagged_fields(&self.unknown_tagged_fields)?;
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Subtopology {
    pub subtopology_id: String,
    pub source_topics: Vec<String>,
    pub source_topic_regex: Vec<String>,
    pub state_changelog_topics: Vec<TopicInfo>,
    pub repartition_sink_topics: Vec<String>,
    pub repartition_source_topics: Vec<TopicInfo>,
    pub copartition_groups: Vec<CopartitionGroup>,
    pub unknown_tagged_fields: UnknownTaggedFields,
}

impl Struct for Subtopology {
    const BYTES_MIN: usize = 8;

    fn decode_fields(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let mut value = Self::default();
        value.subtopology_id = reader.read_string(true)?;
        value.source_topics = reader.read_strings(true)?;
        value.source_topic_regex = reader.read_strings(true)?;
        value.state_changelog_topics = reader.read_structs(true, version)?;
        value.repartition_sink_topics = reader.read_strings(true)?;
        value.repartition_source_topics = reader.read_structs(true, version)?;
        value.copartition_groups = reader.read_structs(true, version)?;
        value.unknown_tagged_fields = reader.read_unknown_tagged_fields()?;
        Ok(value)
    }

    fn encode_fields(&self, writer: &mut Writer, version: i16) -> Result<(), EncodeError> {
        writer.put_string(true, &self.subtopology_id)?;
        writer.put_strings(true, &self.source_topics)?;
        writer.put_strings(true, &self.source_topic_regex)?;
        writer.put_structs(true, &self.state_changelog_topics, version)?;
        writer.put_strings(true, &self.repartition_sink_topics)?;
        writer.put_structs(true, &self.repartition_source_topics, version)?;
        writer.put_structs(true, &self.copartition_groups, version)?;
        writer.put_unknown_tagged_fields(&self.unknown_tagged_fields)?;
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct CopartitionGroup {
    pub source_topics: Vec<i16>,
    pub source_topic_regex: Vec<i16>,
    pub repartition_source_topics: Vec<i16>,
    pub unknown_tagged_fields: UnknownTaggedFields,
}

impl Struct for CopartitionGroup {
    const BYTES_MIN: usize = 4;

    fn decode_fields(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let mut value = Self::default();
        value.source_topics = reader.read_array(true, 2, Reader::read_i16)?;
        value.source_topic_regex = reader.read_array(true, 2, Reader::read_i16)?;
        value.repartition_source_topics = reader.read_array(true, 2, Reader::read_i16)?;
        value.unknown_tagged_fields = reader.read_unknown_tagged_fields()?;
        Ok(value)
    }

    fn encode_fields(&self, writer: &mut Writer, version: i16) -> Result<(), EncodeError> {
        writer.put_array(true, &self.source_topics, Writer::put_i16)?;
        writer.put_array(true, &self.source_topic_regex, Writer::put_i16)?;
        writer.put_array(true, &self.repartition_source_topics, Writer::put_i16)?;
        writer.put_unknown_tagged_fields(&self.unknown_tagged_fields)?;
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct TaskIds {
    pub subtopology_id: String,
    pub partitions: Vec<i32>,
    pub unknown_tagged_fields: UnknownTaggedFields,
}

impl Struct for TaskIds {
    const BYTES_MIN: usize = 3;

    fn decode_fields(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let mut value = Self::default();
        value.subtopology_id = reader.read_string(true)?;
        value.partitions = reader.read_array(true, 4, Reader::read_i32)?;
        value.unknown_tagged_fields = reader.read_unknown_tagged_fields()?;
        Ok(value)
    }

    fn encode_fields(&self, writer: &mut Writer, version: i16) -> Result<(), EncodeError> {
        writer.put_string(true, &self.subtopology_id)?;
        writer.put_array(true, &self.partitions, Writer::put_i32)?;
        writer.put_unknown_tagged_fields(&self.unknown_tagged_fields)?;
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct TaskOffset {
    pub subtopology_id: String,
    pub partition: i32,
    pub offset: i64,
    pub unknown_tagged_fields: UnknownTaggedFields,
}

impl Struct for TaskOffset {
    const BYTES_MIN: usize = 14;

    fn decode_fields(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let mut value = Self::default();
        value.subtopology_id = reader.read_string(true)?;
        value.partition = reader.read_i32()?;
        value.offset = reader.read_i64()?;
        value.unknown_tagged_fields = reader.read_unknown_tagged_fields()?;
        Ok(value)
    }

    fn encode_fields(&self, writer: &mut Writer, version: i16) -> Result<(), EncodeError> {
        writer.put_string(true, &self.subtopology_id)?;
        writer.put_i32(self.partition);
        writer.put_i64(self.offset);
        writer.put_unknown_tagged_fields(&self.unknown_tagged_fields)?;
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Endpoint {
    pub host: String,
    pub port: u16,
    pub unknown_tagged_fields: UnknownTaggedFields,
}

impl Struct for Endpoint {
    const BYTES_MIN: usize = 4;

    fn decode_fields(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let mut value = Self::default();
        value.host = reader.read_string(true)?;
        value.port = reader.read_u16()?;
        value.unknown_tagged_fields = reader.read_unknown_tagged_fields()?;
        Ok(value)
    }

    fn encode_fields(&self, writer: &mut Writer, version: i16) -> Result<(), EncodeError> {
        writer.put_string(true, &self.host)?;
        writer.put_u16(self.port);
        writer.put_unknown_tagged_fields(&self.unknown_tagged_fields)?;
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct TopicInfo {
    pub name: String,
    pub partitions: i32,
    pub replication_factor: i16,
    pub topic_configs: Vec<KeyValue>,
    pub unknown_tagged_fields: UnknownTaggedFields,
}

impl Struct for TopicInfo {
    const BYTES_MIN: usize = 9;

    fn decode_fields(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let mut value = Self::default();
        value.name = reader.read_string(true)?;
        value.partitions = reader.read_i32()?;
        value.replication_factor = reader.read_i16()?;
        value.topic_configs = reader.read_structs(true, version)?;
        value.unknown_tagged_fields = reader.read_unknown_tagged_fields()?;
        Ok(value)
    }

    fn encode_fields(&self, writer: &mut Writer, version: i16) -> Result<(), EncodeError> {
        writer.put_string(true, &self.name)?;
        writer.put_i32(self.partitions);
        writer.put_i16(self.replication_factor);
        writer.put_structs(true, &self.topic_configs, version)?;
        writer.put_unknown_tagged_fields(&self.unknown_tagged_fields)?;
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct KeyValue {
    pub key: String,
    pub value: String,
    pub unknown_tagged_fields: UnknownTaggedFields,
}

impl Struct for KeyValue {
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

impl Message for StreamsGroupHeartbeatRequest {
    const NAME: &'static str = "StreamsGroupHeartbeatRequest";
    const VERSIONS: (i16, i16) = (0, 1);
    const FLEXIBLE_SINCE: Option<i16> = Some(0);
}

impl Request for StreamsGroupHeartbeatRequest {
    const KEY: super::ApiKey = super::ApiKey::StreamsGroupHeartbeat;
    type Response = super::StreamsGroupHeartbeatResponse;
}
