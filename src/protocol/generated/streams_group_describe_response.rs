//! Generated from `schema/streams_group_describe.txt`: do not edit.

use super::super::wire::*;
use crate::model::Uuid;
use bytes::Bytes;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct StreamsGroupDescribeResponse {
    pub throttle_time_ms: i32,
    pub groups: Vec<DescribedGroup>,
    pub unknown_tagged_fields: UnknownTaggedFields,
}

impl Struct for StreamsGroupDescribeResponse {
    const BYTES_MIN: usize = 6;

    fn decode_fields(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let mut value = Self::default();
        value.throttle_time_ms = reader.read_i32()?;
        value.groups = reader.read_structs(true, version)?;
        value.unknown_tagged_fields = reader.read_unknown_tagged_fields()?;
        Ok(value)
    }

    fn encode_fields(&self, writer: &mut Writer, version: i16) -> Result<(), EncodeError> {
        writer.put_i32(self.throttle_time_ms);
        writer.put_structs(true, &self.groups, version)?;
        writer.put_unknown_tagged_fields(&self.unknown_tagged_fields)?;
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct DescribedGroup {
    pub error_code: i16,
    pub error_message: Option<String>,
    pub group_id: String,
    pub group_state: String,
    pub group_epoch: i32,
    pub assignment_epoch: i32,
    pub topology: Option<Topology>,
    pub members: Vec<Member>,
    pub authorized_operations: i32,
    /// 1+
    pub topology_description: Option<TopologyDescription>,
    /// 1+
    pub topology_description_status: i8,
    /// 1+
    pub assignor_name: Option<String>,
    pub unknown_tagged_fields: UnknownTaggedFields,
}

impl Default for DescribedGroup {
    fn default() -> Self {
        Self {
            error_code: 0,
            error_message: None,
            group_id: String::new(),
            group_state: String::new(),
            group_epoch: 0,
            assignment_epoch: 0,
            topology: None,
            members: Vec::new(),
            authorized_operations: -2147483648,
            topology_description: None,
            topology_description_status: 0,
            assignor_name: None,
            unknown_tagged_fields: UnknownTaggedFields::default(),
        }
    }
}

impl Struct for DescribedGroup {
    const BYTES_MIN: usize = 20;

    fn decode_fields(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let mut value = Self::default();
        value.error_code = reader.read_i16()?;
        value.error_message = reader.read_nullable_string(true)?;
        value.group_id = reader.read_string(true)?;
        value.group_state = reader.read_string(true)?;
        value.group_epoch = reader.read_i32()?;
        value.assignment_epoch = reader.read_i32()?;
        value.topology = reader.read_nullable_struct(version)?;
        value.members = reader.read_structs(true, version)?;
        value.authorized_operations = reader.read_i32()?;
        if version >= 1 {
            value.topology_description = reader.read_nullable_struct(version)?;
            value.topology_description_status = reader.read_i8()?;
            value.assignor_name = reader.read_nullable_string(true)?;
        }
        value.unknown_tagged_fields = reader.read_unknown_tagged_fields()?;
        Ok(value)
    }

    fn encode_fields(&self, writer: &mut Writer, version: i16) -> Result<(), EncodeError> {
        if version < 1 && self.topology_description.is_some() {
            return Err(EncodeError::FieldUnsupported { field: "DescribedGroup.TopologyDescription", version });
        }
        if version < 1 && self.topology_description_status != 0 {
            return Err(EncodeError::FieldUnsupported { field: "DescribedGroup.TopologyDescriptionStatus", version });
        }
        writer.put_i16(self.error_code);
        writer.put_nullable_string(true, self.error_message.as_deref())?;
        writer.put_string(true, &self.group_id)?;
        writer.put_string(true, &self.group_state)?;
        writer.put_i32(self.group_epoch);
        writer.put_i32(self.assignment_epoch);
        writer.put_nullable_struct(self.topology.as_ref(), version)?;
        writer.put_structs(true, &self.members, version)?;
        writer.put_i32(self.authorized_operations);
        if version >= 1 {
            writer.put_nullable_struct(self.topology_description.as_ref(), version)?;
            writer.put_i8(self.topology_description_status);
            writer.put_nullable_string(true, self.assignor_name.as_deref())?;
        }
        writer.put_unknown_tagged_fields(&self.unknown_tagged_fields)?;
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Member {
    pub member_id: String,
    pub member_epoch: i32,
    pub instance_id: Option<String>,
    pub rack_id: Option<String>,
    pub client_id: String,
    pub client_host: String,
    pub topology_epoch: i32,
    pub process_id: String,
    pub user_endpoint: Option<Endpoint>,
    pub client_tags: Vec<KeyValue>,
    pub task_offsets: Vec<TaskOffset>,
    pub task_end_offsets: Vec<TaskOffset>,
    pub assignment: Assignment,
    pub target_assignment: Assignment,
    pub is_classic: bool,
    pub unknown_tagged_fields: UnknownTaggedFields,
}

impl Struct for Member {
    const BYTES_MIN: usize = 28;

    fn decode_fields(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let mut value = Self::default();
        value.member_id = reader.read_string(true)?;
        value.member_epoch = reader.read_i32()?;
        value.instance_id = reader.read_nullable_string(true)?;
        value.rack_id = reader.read_nullable_string(true)?;
        value.client_id = reader.read_string(true)?;
        value.client_host = reader.read_string(true)?;
        value.topology_epoch = reader.read_i32()?;
        value.process_id = reader.read_string(true)?;
        value.user_endpoint = reader.read_nullable_struct(version)?;
        value.client_tags = reader.read_structs(true, version)?;
        value.task_offsets = reader.read_structs(true, version)?;
        value.task_end_offsets = reader.read_structs(true, version)?;
        value.assignment = Struct::decode_fields(reader, version)?;
        value.target_assignment = Struct::decode_fields(reader, version)?;
        value.is_classic = reader.read_bool()?;
        value.unknown_tagged_fields = reader.read_unknown_tagged_fields()?;
        Ok(value)
    }

    fn encode_fields(&self, writer: &mut Writer, version: i16) -> Result<(), EncodeError> {
        writer.put_string(true, &self.member_id)?;
        writer.put_i32(self.member_epoch);
        writer.put_nullable_string(true, self.instance_id.as_deref())?;
        writer.put_nullable_string(true, self.rack_id.as_deref())?;
        writer.put_string(true, &self.client_id)?;
        writer.put_string(true, &self.client_host)?;
        writer.put_i32(self.topology_epoch);
        writer.put_string(true, &self.process_id)?;
        writer.put_nullable_struct(self.user_endpoint.as_ref(), version)?;
        writer.put_structs(true, &self.client_tags, version)?;
        writer.put_structs(true, &self.task_offsets, version)?;
        writer.put_structs(true, &self.task_end_offsets, version)?;
        self.assignment.encode_fields(writer, version)?;
        self.target_assignment.encode_fields(writer, version)?;
        writer.put_bool(self.is_classic);
        writer.put_unknown_tagged_fields(&self.unknown_tagged_fields)?;
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Topology {
    pub epoch: i32,
    pub subtopologies: Option<Vec<Subtopology>>,
    pub unknown_tagged_fields: UnknownTaggedFields,
}

impl Struct for Topology {
    const BYTES_MIN: usize = 6;

    fn decode_fields(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let mut value = Self::default();
        value.epoch = reader.read_i32()?;
        value.subtopologies = reader.read_nullable_structs(true, version)?;
        value.unknown_tagged_fields = reader.read_unknown_tagged_fields()?;
        Ok(value)
    }

    fn encode_fields(&self, writer: &mut Writer, version: i16) -> Result<(), EncodeError> {
        writer.put_i32(self.epoch);
        writer.put_nullable_structs(true, self.subtopologies.as_deref(), version)?;
        writer.put_unknown_tagged_fields(&self.unknown_tagged_fields)?;
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Subtopology {
    pub subtopology_id: String,
    pub source_topics: Vec<String>,
    pub repartition_sink_topics: Vec<String>,
    pub state_changelog_topics: Vec<TopicInfo>,
    pub repartition_source_topics: Vec<TopicInfo>,
    pub unknown_tagged_fields: UnknownTaggedFields,
}

impl Struct for Subtopology {
    const BYTES_MIN: usize = 6;

    fn decode_fields(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let mut value = Self::default();
        value.subtopology_id = reader.read_string(true)?;
        value.source_topics = reader.read_strings(true)?;
        value.repartition_sink_topics = reader.read_strings(true)?;
        value.state_changelog_topics = reader.read_structs(true, version)?;
        value.repartition_source_topics = reader.read_structs(true, version)?;
        value.unknown_tagged_fields = reader.read_unknown_tagged_fields()?;
        Ok(value)
    }

    fn encode_fields(&self, writer: &mut Writer, version: i16) -> Result<(), EncodeError> {
        writer.put_string(true, &self.subtopology_id)?;
        writer.put_strings(true, &self.source_topics)?;
        writer.put_strings(true, &self.repartition_sink_topics)?;
        writer.put_structs(true, &self.state_changelog_topics, version)?;
        writer.put_structs(true, &self.repartition_source_topics, version)?;
        writer.put_unknown_tagged_fields(&self.unknown_tagged_fields)?;
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct TopologyDescriptionGlobalStore {
    pub source: TopologyDescriptionNode,
    pub processor: TopologyDescriptionNode,
    pub unknown_tagged_fields: UnknownTaggedFields,
}

impl Struct for TopologyDescriptionGlobalStore {
    const BYTES_MIN: usize = 15;

    fn decode_fields(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let mut value = Self::default();
        value.source = Struct::decode_fields(reader, version)?;
        value.processor = Struct::decode_fields(reader, version)?;
        value.unknown_tagged_fields = reader.read_unknown_tagged_fields()?;
        Ok(value)
    }

    fn encode_fields(&self, writer: &mut Writer, version: i16) -> Result<(), EncodeError> {
        self.source.encode_fields(writer, version)?;
        self.processor.encode_fields(writer, version)?;
        writer.put_unknown_tagged_fields(&self.unknown_tagged_fields)?;
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct TopologyDescriptionNode {
    pub name: String,
    pub node_type: i8,
    pub source_topics: Vec<String>,
    pub sink_topic: Option<String>,
    pub stores: Vec<String>,
    pub successors: Vec<String>,
    pub unknown_tagged_fields: UnknownTaggedFields,
}

impl Struct for TopologyDescriptionNode {
    const BYTES_MIN: usize = 7;

    fn decode_fields(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let mut value = Self::default();
        value.name = reader.read_string(true)?;
        value.node_type = reader.read_i8()?;
        value.source_topics = reader.read_strings(true)?;
        value.sink_topic = reader.read_nullable_string(true)?;
        value.stores = reader.read_strings(true)?;
        value.successors = reader.read_strings(true)?;
        value.unknown_tagged_fields = reader.read_unknown_tagged_fields()?;
        Ok(value)
    }

    fn encode_fields(&self, writer: &mut Writer, version: i16) -> Result<(), EncodeError> {
        writer.put_string(true, &self.name)?;
        writer.put_i8(self.node_type);
        writer.put_strings(true, &self.source_topics)?;
        writer.put_nullable_string(true, self.sink_topic.as_deref())?;
        writer.put_strings(true, &self.stores)?;
        writer.put_strings(true, &self.successors)?;
        writer.put_unknown_tagged_fields(&self.unknown_tagged_fields)?;
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct TopologyDescriptionSubtopology {
    pub subtopology_id: String,
    pub nodes: Vec<TopologyDescriptionNode>,
    pub unknown_tagged_fields: UnknownTaggedFields,
}

impl Struct for TopologyDescriptionSubtopology {
    const BYTES_MIN: usize = 3;

    fn decode_fields(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let mut value = Self::default();
        value.subtopology_id = reader.read_string(true)?;
        value.nodes = reader.read_structs(true, version)?;
        value.unknown_tagged_fields = reader.read_unknown_tagged_fields()?;
        Ok(value)
    }

    fn encode_fields(&self, writer: &mut Writer, version: i16) -> Result<(), EncodeError> {
        writer.put_string(true, &self.subtopology_id)?;
        writer.put_structs(true, &self.nodes, version)?;
        writer.put_unknown_tagged_fields(&self.unknown_tagged_fields)?;
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct TopologyDescription {
    pub subtopologies: Vec<TopologyDescriptionSubtopology>,
    pub global_stores: Vec<TopologyDescriptionGlobalStore>,
    pub unknown_tagged_fields: UnknownTaggedFields,
}

impl Struct for TopologyDescription {
    const BYTES_MIN: usize = 3;

    fn decode_fields(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let mut value = Self::default();
        value.subtopologies = reader.read_structs(true, version)?;
        value.global_stores = reader.read_structs(true, version)?;
        value.unknown_tagged_fields = reader.read_unknown_tagged_fields()?;
        Ok(value)
    }

    fn encode_fields(&self, writer: &mut Writer, version: i16) -> Result<(), EncodeError> {
        writer.put_structs(true, &self.subtopologies, version)?;
        writer.put_structs(true, &self.global_stores, version)?;
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
pub struct Assignment {
    pub active_tasks: Vec<TaskIds>,
    pub standby_tasks: Vec<TaskIds>,
    pub warmup_tasks: Vec<TaskIds>,
    pub unknown_tagged_fields: UnknownTaggedFields,
}

impl Struct for Assignment {
    const BYTES_MIN: usize = 4;

    fn decode_fields(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let mut value = Self::default();
        value.active_tasks = reader.read_structs(true, version)?;
        value.standby_tasks = reader.read_structs(true, version)?;
        value.warmup_tasks = reader.read_structs(true, version)?;
        value.unknown_tagged_fields = reader.read_unknown_tagged_fields()?;
        Ok(value)
    }

    fn encode_fields(&self, writer: &mut Writer, version: i16) -> Result<(), EncodeError> {
        writer.put_structs(true, &self.active_tasks, version)?;
        writer.put_structs(true, &self.standby_tasks, version)?;
        writer.put_structs(true, &self.warmup_tasks, version)?;
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

impl Message for StreamsGroupDescribeResponse {
    const NAME: &'static str = "StreamsGroupDescribeResponse";
    const VERSIONS: (i16, i16) = (0, 1);
    const FLEXIBLE_SINCE: Option<i16> = Some(0);
}
