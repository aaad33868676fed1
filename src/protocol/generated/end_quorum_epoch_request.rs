//! Generated from `schema/end_quorum_epoch.txt`: do not edit.

use super::super::wire::*;
use crate::model::Uuid;
use bytes::Bytes;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct EndQuorumEpochRequest {
    pub cluster_id: Option<String>,
    pub topics: Vec<TopicData>,
    /// 1+
    pub leader_endpoints: Vec<LeaderEndpoint>,
    pub unknown_tagged_fields: UnknownTaggedFields,
}

impl Struct for EndQuorumEpochRequest {
    const BYTES_MIN: usize = 4;

    fn decode_fields(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let flexible = version >= 1;
        let mut value = Self::default();
        value.cluster_id = reader.read_nullable_string(flexible)?;
        value.topics = reader.read_structs(flexible, version)?;
        if version >= 1 {
            value.leader_endpoints = reader.read_structs(flexible, version)?;
        }
        if version >= 1 {
            value.unknown_tagged_fields = reader.read_unknown_tagged_fields()?;
        }
        Ok(value)
    }

    fn encode_fields(&self, writer: &mut Writer, version: i16) -> Result<(), EncodeError> {
        if version < 1 && !self.unknown_tagged_fields.is_empty() {
            return Err(EncodeError::TaggedFieldsUnsupported { version });
        }
        let flexible = version >= 1;
        writer.put_nullable_string(flexible, self.cluster_id.as_deref())?;
        writer.put_structs(flexible, &self.topics, version)?;
        if version >= 1 {
            writer.put_structs(flexible, &self.leader_endpoints, version)?;
        }
        if version >= 1 {
            writer.put_unknown_tagged_fields(&self.unknown_tagged_fields)?;
        }
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct LeaderEndpoint {
    pub name: String,
    pub host: String,
    pub port: u16,
    pub unknown_tagged_fields: UnknownTaggedFields,
}

impl Struct for LeaderEndpoint {
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
        let flexible = version >= 1;
        let mut value = Self::default();
        value.topic_name = reader.read_string(flexible)?;
        value.partitions = reader.read_structs(flexible, version)?;
        if version >= 1 {
            value.unknown_tagged_fields = reader.read_unknown_tagged_fields()?;
        }
        Ok(value)
    }

    fn encode_fields(&self, writer: &mut Writer, version: i16) -> Result<(), EncodeError> {
        if version < 1 && !self.unknown_tagged_fields.is_empty() {
            return Err(EncodeError::TaggedFieldsUnsupported { version });
        }
        let flexible = version >= 1;
        writer.put_string(flexible, &self.topic_name)?;
        writer.put_structs(flexible, &self.partitions, version)?;
        if version >= 1 {
            writer.put_unknown_tagged_fields(&self.unknown_tagged_fields)?;
        }
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct PartitionData {
    pub partition_index: i32,
    pub leader_id: i32,
    pub leader_epoch: i32,
    /// 0-0
    pub preferred_successors: Vec<i32>,
    /// 1+
    pub preferred_candidates: Vec<ReplicaInfo>,
    pub unknown_tagged_fields: UnknownTaggedFields,
}

impl Struct for PartitionData {
    const BYTES_MIN: usize = 14;

    fn decode_fields(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let flexible = version >= 1;
        let mut value = Self::default();
        value.partition_index = reader.read_i32()?;
        value.leader_id = reader.read_i32()?;
        value.leader_epoch = reader.read_i32()?;
        if version <= 0 {
            value.preferred_successors = reader.read_array(flexible, 4, Reader::read_i32)?;
        }
        if version >= 1 {
            value.preferred_candidates = reader.read_structs(flexible, version)?;
        }
        if version >= 1 {
            value.unknown_tagged_fields = reader.read_unknown_tagged_fields()?;
        }
        Ok(value)
    }

    fn encode_fields(&self, writer: &mut Writer, version: i16) -> Result<(), EncodeError> {
        if version < 1 && !self.unknown_tagged_fields.is_empty() {
            return Err(EncodeError::TaggedFieldsUnsupported { version });
        }
        let flexible = version >= 1;
        writer.put_i32(self.partition_index);
        writer.put_i32(self.leader_id);
        writer.put_i32(self.leader_epoch);
        if version <= 0 {
            writer.put_array(flexible, &self.preferred_successors, Writer::put_i32)?;
        }
        if version >= 1 {
            writer.put_structs(flexible, &self.preferred_candidates, version)?;
        }
        if version >= 1 {
            writer.put_unknown_tagged_fields(&self.unknown_tagged_fields)?;
        }
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct ReplicaInfo {
    pub candidate_id: i32,
    pub candidate_directory_id: Uuid,
    pub unknown_tagged_fields: UnknownTaggedFields,
}

impl Struct for ReplicaInfo {
    const BYTES_MIN: usize = 21;

    fn decode_fields(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let mut value = Self::default();
        value.candidate_id = reader.read_i32()?;
        value.candidate_directory_id = reader.read_uuid()?;
        value.unknown_tagged_fields = reader.read_unknown_tagged_fields()?;
        Ok(value)
    }

    fn encode_fields(&self, writer: &mut Writer, version: i16) -> Result<(), EncodeError> {
        writer.put_i32(self.candidate_id);
        writer.put_uuid(self.candidate_directory_id);
        writer.put_unknown_tagged_fields(&self.unknown_tagged_fields)?;
        Ok(())
    }
}

impl Message for EndQuorumEpochRequest {
    const NAME: &'static str = "EndQuorumEpochRequest";
    const VERSIONS: (i16, i16) = (0, 1);
    const FLEXIBLE_SINCE: Option<i16> = Some(1);
}

impl Request for EndQuorumEpochRequest {
    const KEY: super::ApiKey = super::ApiKey::EndQuorumEpoch;
    type Response = super::EndQuorumEpochResponse;
}
