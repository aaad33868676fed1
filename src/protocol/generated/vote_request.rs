//! Generated from `schema/vote.txt`: do not edit.

use super::super::wire::*;
use crate::model::Uuid;
use bytes::Bytes;

#[derive(Clone, Debug, PartialEq)]
pub struct VoteRequest {
    pub cluster_id: Option<String>,
    /// 1+
    pub voter_id: i32,
    pub topics: Vec<TopicData>,
    pub unknown_tagged_fields: UnknownTaggedFields,
}

impl Default for VoteRequest {
    fn default() -> Self {
        Self {
            cluster_id: None,
            voter_id: -1,
            topics: Vec::new(),
            unknown_tagged_fields: UnknownTaggedFields::default(),
        }
    }
}

impl Struct for VoteRequest {
    const BYTES_MIN: usize = 3;

    fn decode_fields(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let mut value = Self::default();
        value.cluster_id = reader.read_nullable_string(true)?;
        if version >= 1 {
            value.voter_id = reader.read_i32()?;
        }
        value.topics = reader.read_structs(true, version)?;
        value.unknown_tagged_fields = reader.read_unknown_tagged_fields()?;
        Ok(value)
    }

    fn encode_fields(&self, writer: &mut Writer, version: i16) -> Result<(), EncodeError> {
        writer.put_nullable_string(true, self.cluster_id.as_deref())?;
        if version >= 1 {
            writer.put_i32(self.voter_id);
        }
        writer.put_structs(true, &self.topics, version)?;
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

#[derive(Clone, Debug, Default, PartialEq)]
pub struct PartitionData {
    pub partition_index: i32,
    pub replica_epoch: i32,
    pub replica_id: i32,
    /// 1+
    pub replica_directory_id: Uuid,
    /// 1+
    pub voter_directory_id: Uuid,
    pub last_offset_epoch: i32,
    pub last_offset: i64,
    /// 2+
    pub pre_vote: bool,
    pub unknown_tagged_fields: UnknownTaggedFields,
}

impl Struct for PartitionData {
    const BYTES_MIN: usize = 25;

    fn decode_fields(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let mut value = Self::default();
        value.partition_index = reader.read_i32()?;
        value.replica_epoch = reader.read_i32()?;
        value.replica_id = reader.read_i32()?;
        if version >= 1 {
            value.replica_directory_id = reader.read_uuid()?;
            value.voter_directory_id = reader.read_uuid()?;
        }
        value.last_offset_epoch = reader.read_i32()?;
        value.last_offset = reader.read_i64()?;
        if version >= 2 {
            value.pre_vote = reader.read_bool()?;
        }
        value.unknown_tagged_fields = reader.read_unknown_tagged_fields()?;
        Ok(value)
    }

    fn encode_fields(&self, writer: &mut Writer, version: i16) -> Result<(), EncodeError> {
        if version < 2 && self.pre_vote {
            return Err(EncodeError::FieldUnsupported { field: "PartitionData.PreVote", version });
        }
        writer.put_i32(self.partition_index);
        writer.put_i32(self.replica_epoch);
        writer.put_i32(self.replica_id);
        if version >= 1 {
            writer.put_uuid(self.replica_directory_id);
            writer.put_uuid(self.voter_directory_id);
        }
        writer.put_i32(self.last_offset_epoch);
        writer.put_i64(self.last_offset);
        if version >= 2 {
            writer.put_bool(self.pre_vote);
        }
        writer.put_unknown_tagged_fields(&self.unknown_tagged_fields)?;
        Ok(())
    }
}

impl Message for VoteRequest {
    const NAME: &'static str = "VoteRequest";
    const VERSIONS: (i16, i16) = (0, 2);
    const FLEXIBLE_SINCE: Option<i16> = Some(0);
}

impl Request for VoteRequest {
    const KEY: super::ApiKey = super::ApiKey::Vote;
    type Response = super::VoteResponse;
}
