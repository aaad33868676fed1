//! Generated from `schema/produce.txt`: do not edit.

use super::super::wire::*;
use crate::model::Uuid;
use bytes::Bytes;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct ProduceResponse {
    pub responses: Vec<TopicProduceResponse>,
    pub throttle_time_ms: i32,
    /// 10+
    pub node_endpoints: Vec<NodeEndpoint>,
    pub unknown_tagged_fields: UnknownTaggedFields,
}

impl Struct for ProduceResponse {
    const BYTES_MIN: usize = 6;

    fn decode_fields(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let flexible = version >= 9;
        let mut value = Self::default();
        value.responses = reader.read_structs(flexible, version)?;
        value.throttle_time_ms = reader.read_i32()?;
        if version >= 9 {
            let unknown = reader.read_tagged_fields(|reader, tag| {
                match tag {
                    0 if version >= 10 => value.node_endpoints = reader.read_structs(true, version)?,
                    0 => return Err(reader.expected("a tag that this version has")),
                    _ => return Ok(false),
                }
                Ok(true)
            })?;
            value.unknown_tagged_fields = unknown;
        }
        Ok(value)
    }

    fn encode_fields(&self, writer: &mut Writer, version: i16) -> Result<(), EncodeError> {
        if version < 10 && !self.node_endpoints.is_empty() {
            return Err(EncodeError::FieldUnsupported { field: "ProduceResponse.NodeEndpoints", version });
        }
        if version < 9 && !self.unknown_tagged_fields.is_empty() {
            return Err(EncodeError::TaggedFieldsUnsupported { version });
        }
        let flexible = version >= 9;
        writer.put_structs(flexible, &self.responses, version)?;
        writer.put_i32(self.throttle_time_ms);
        if version >= 9 {
            let mut tagged = TaggedFields::default();
            if version >= 10 && !self.node_endpoints.is_empty() {
                tagged.add(0, |writer| writer.put_structs(true, &self.node_endpoints, version))?;
            }
            tagged.put(writer, &self.unknown_tagged_fields)?;
        }
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct NodeEndpoint {
    pub node_id: i32,
    pub host: String,
    pub port: i32,
    pub rack: Option<String>,
    pub unknown_tagged_fields: UnknownTaggedFields,
}

impl Struct for NodeEndpoint {
    const BYTES_MIN: usize = 11;

    fn decode_fields(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let mut value = Self::default();
        value.node_id = reader.read_i32()?;
        value.host = reader.read_string(true)?;
        value.port = reader.read_i32()?;
        value.rack = reader.read_nullable_string(true)?;
        value.unknown_tagged_fields = reader.read_unknown_tagged_fields()?;
        Ok(value)
    }

    fn encode_fields(&self, writer: &mut Writer, version: i16) -> Result<(), EncodeError> {
        writer.put_i32(self.node_id);
        writer.put_string(true, &self.host)?;
        writer.put_i32(self.port);
        writer.put_nullable_string(true, self.rack.as_deref())?;
        writer.put_unknown_tagged_fields(&self.unknown_tagged_fields)?;
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct TopicProduceResponse {
    /// 3-12
    pub name: String,
    /// 13+
    pub topic_id: Uuid,
    pub partition_responses: Vec<PartitionProduceResponse>,
    pub unknown_tagged_fields: UnknownTaggedFields,
}

impl Struct for TopicProduceResponse {
    const BYTES_MIN: usize = 3;

    fn decode_fields(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let flexible = version >= 9;
        let mut value = Self::default();
        if version <= 12 {
            value.name = reader.read_string(flexible)?;
        }
        if version >= 13 {
            value.topic_id = reader.read_uuid()?;
        }
        value.partition_responses = reader.read_structs(flexible, version)?;
        if version >= 9 {
            value.unknown_tagged_fields = reader.read_unknown_tagged_fields()?;
        }
        Ok(value)
    }

    fn encode_fields(&self, writer: &mut Writer, version: i16) -> Result<(), EncodeError> {
        if version < 9 && !self.unknown_tagged_fields.is_empty() {
            return Err(EncodeError::TaggedFieldsUnsupported { version });
        }
        let flexible = version >= 9;
        if version <= 12 {
            writer.put_string(flexible, &self.name)?;
        }
        if version >= 13 {
            writer.put_uuid(self.topic_id);
        }
        writer.put_structs(flexible, &self.partition_responses, version)?;
        if version >= 9 {
            writer.put_unknown_tagged_fields(&self.unknown_tagged_fields)?;
        }
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct PartitionProduceResponse {
    pub index: i32,
    pub error_code: i16,
    pub base_offset: i64,
    pub log_append_time_ms: i64,
    /// 5+
    pub log_start_offset: i64,
    /// 8+
    pub record_errors: Vec<BatchIndexAndErrorMessage>,
    /// 8+
    pub error_message: Option<String>,
    /// 10+
    pub current_leader: LeaderIdAndEpoch,
    pub unknown_tagged_fields: UnknownTaggedFields,
}

impl Default for PartitionProduceResponse {
    fn default() -> Self {
        Self {
            index: 0,
            error_code: 0,
            base_offset: 0,
            log_append_time_ms: -1,
            log_start_offset: -1,
            record_errors: Vec::new(),
            error_message: None,
            current_leader: LeaderIdAndEpoch::default(),
            unknown_tagged_fields: UnknownTaggedFields::default(),
        }
    }
}

impl Struct for PartitionProduceResponse {
    const BYTES_MIN: usize = 22;

    fn decode_fields(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let flexible = version >= 9;
        let mut value = Self::default();
        value.index = reader.read_i32()?;
        value.error_code = reader.read_i16()?;
        value.base_offset = reader.read_i64()?;
        value.log_append_time_ms = reader.read_i64()?;
        if version >= 5 {
            value.log_start_offset = reader.read_i64()?;
        }
        if version >= 8 {
            value.record_errors = reader.read_structs(flexible, version)?;
            value.error_message = reader.read_nullable_string(flexible)?;
        }
        if version >= 9 {
            let unknown = reader.read_tagged_fields(|reader, tag| {
                match tag {
                    0 if version >= 10 => value.current_leader = Struct::decode_fields(reader, version)?,
                    0 => return Err(reader.expected("a tag that this version has")),
                    _ => return Ok(false),
                }
                Ok(true)
            })?;
            value.unknown_tagged_fields = unknown;
        }
        Ok(value)
    }

    fn encode_fields(&self, writer: &mut Writer, version: i16) -> Result<(), EncodeError> {
        if version < 10 && self.current_leader != LeaderIdAndEpoch::default() {
            return Err(EncodeError::FieldUnsupported { field: "PartitionProduceResponse.CurrentLeader", version });
        }
        if version < 9 && !self.unknown_tagged_fields.is_empty() {
            return Err(EncodeError::TaggedFieldsUnsupported { version });
        }
        let flexible = version >= 9;
        writer.put_i32(self.index);
        writer.put_i16(self.error_code);
        writer.put_i64(self.base_offset);
        writer.put_i64(self.log_append_time_ms);
        if version >= 5 {
            writer.put_i64(self.log_start_offset);
        }
        if version >= 8 {
            writer.put_structs(flexible, &self.record_errors, version)?;
            writer.put_nullable_string(flexible, self.error_message.as_deref())?;
        }
        if version >= 9 {
            let mut tagged = TaggedFields::default();
            if version >= 10 && self.current_leader != LeaderIdAndEpoch::default() {
                tagged.add(0, |writer| self.current_leader.encode_fields(writer, version))?;
            }
            tagged.put(writer, &self.unknown_tagged_fields)?;
        }
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct LeaderIdAndEpoch {
    pub leader_id: i32,
    pub leader_epoch: i32,
    pub unknown_tagged_fields: UnknownTaggedFields,
}

impl Default for LeaderIdAndEpoch {
    fn default() -> Self {
        Self {
            leader_id: -1,
            leader_epoch: -1,
            unknown_tagged_fields: UnknownTaggedFields::default(),
        }
    }
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
pub struct BatchIndexAndErrorMessage {
    pub batch_index: i32,
    pub batch_index_error_message: Option<String>,
    pub unknown_tagged_fields: UnknownTaggedFields,
}

impl Struct for BatchIndexAndErrorMessage {
    const BYTES_MIN: usize = 6;

    fn decode_fields(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let flexible = version >= 9;
        let mut value = Self::default();
        value.batch_index = reader.read_i32()?;
        value.batch_index_error_message = reader.read_nullable_string(flexible)?;
        if version >= 9 {
            value.unknown_tagged_fields = reader.read_unknown_tagged_fields()?;
        }
        Ok(value)
    }

    fn encode_fields(&self, writer: &mut Writer, version: i16) -> Result<(), EncodeError> {
        if version < 9 && !self.unknown_tagged_fields.is_empty() {
            return Err(EncodeError::TaggedFieldsUnsupported { version });
        }
        let flexible = version >= 9;
        writer.put_i32(self.batch_index);
        writer.put_nullable_string(flexible, self.batch_index_error_message.as_deref())?;
        if version >= 9 {
            writer.put_unknown_tagged_fields(&self.unknown_tagged_fields)?;
        }
        Ok(())
    }
}

impl Message for ProduceResponse {
    const NAME: &'static str = "ProduceResponse";
    const VERSIONS: (i16, i16) = (3, 13);
    const FLEXIBLE_SINCE: Option<i16> = Some(9);
}
