//! Generated from `schema/group_coordinator_records.txt`: do not edit.

use super::super::wire::*;
use crate::model::Uuid;
use bytes::Bytes;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct StreamsGroupTopologyValue {
    pub epoch: i32,
    pub subtopologies: Vec<Subtopology>,
    pub unknown_tagged_fields: UnknownTaggedFields,
}

impl Struct for StreamsGroupTopologyValue {
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
pub struct TopicInfo {
    pub name: String,
    pub partitions: i32,
    pub replication_factor: i16,
    pub topic_configs: Vec<TopicConfig>,
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
pub struct TopicConfig {
    pub key: String,
    pub value: String,
    pub unknown_tagged_fields: UnknownTaggedFields,
}

impl Struct for TopicConfig {
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

impl Message for StreamsGroupTopologyValue {
    const NAME: &'static str = "StreamsGroupTopologyValue";
    const VERSIONS: (i16, i16) = (0, 0);
    const FLEXIBLE_SINCE: Option<i16> = Some(0);
}

impl RecordContent for StreamsGroupTopologyValue {
    const TYPE: i16 = 23;
}
