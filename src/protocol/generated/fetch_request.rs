//! Generated from `schema/fetch.txt`: do not edit.

use super::super::wire::*;
use crate::model::Uuid;
use bytes::Bytes;

#[derive(Clone, Debug, PartialEq)]
pub struct FetchRequest {
    /// 12+
    pub cluster_id: Option<String>,
    /// 4-14
    pub replica_id: i32,
    /// 15+
    pub replica_state: ReplicaState,
    pub max_wait_ms: i32,
    pub min_bytes: i32,
    pub max_bytes: i32,
    pub isolation_level: i8,
    /// 7+
    pub session_id: i32,
    /// 7+
    pub session_epoch: i32,
    pub topics: Vec<FetchTopic>,
    /// 7+
    pub forgotten_topics_data: Vec<ForgottenTopic>,
    /// 11+
    pub rack_id: String,
    pub unknown_tagged_fields: UnknownTaggedFields,
}

impl Default for FetchRequest {
    fn default() -> Self {
        Self {
            cluster_id: None,
            replica_id: -1,
            replica_state: ReplicaState::default(),
            max_wait_ms: 0,
            min_bytes: 0,
            max_bytes: i32::MAX,
            isolation_level: 0,
            session_id: 0,
            session_epoch: -1,
            topics: Vec::new(),
            forgotten_topics_data: Vec::new(),
            rack_id: String::new(),
            unknown_tagged_fields: UnknownTaggedFields::default(),
        }
    }
}

impl Struct for FetchRequest {
    const BYTES_MIN: usize = 21;

    fn decode_fields(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let flexible = version >= 12;
        let mut value = Self::default();
        if version <= 14 {
            value.replica_id = reader.read_i32()?;
        }
        value.max_wait_ms = reader.read_i32()?;
        value.min_bytes = reader.read_i32()?;
        value.max_bytes = reader.read_i32()?;
        value.isolation_level = reader.read_i8()?;
        if version >= 7 {
            value.session_id = reader.read_i32()?;
            value.session_epoch = reader.read_i32()?;
        }
        value.topics = reader.read_structs(flexible, version)?;
        if version >= 7 {
            value.forgotten_topics_data = reader.read_structs(flexible, version)?;
        }
        if version >= 11 {
            value.rack_id = reader.read_string(flexible)?;
        }
        if version >= 12 {
            let unknown = reader.read_tagged_fields(|reader, tag| {
                match tag {
                    0 => value.cluster_id = reader.read_nullable_string(true)?,
                    1 if version >= 15 => value.replica_state = Struct::decode_fields(reader, version)?,
                    1 => return Err(reader.expected("a tag that this version has")),
                    _ => return Ok(false),
                }
                Ok(true)
            })?;
            value.unknown_tagged_fields = unknown;
        }
        Ok(value)
    }

    fn encode_fields(&self, writer: &mut Writer, version: i16) -> Result<(), EncodeError> {
        if version > 14 && self.replica_id != -1 {
            return Err(EncodeError::FieldUnsupported { field: "FetchRequest.ReplicaId", version });
        }
        if version < 15 && self.replica_state != ReplicaState::default() {
            return Err(EncodeError::FieldUnsupported { field: "FetchRequest.ReplicaState", version });
        }
        if version < 7 && !self.forgotten_topics_data.is_empty() {
            return Err(EncodeError::FieldUnsupported { field: "FetchRequest.ForgottenTopicsData", version });
        }
        if version < 12 && !self.unknown_tagged_fields.is_empty() {
            return Err(EncodeError::TaggedFieldsUnsupported { version });
        }
        let flexible = version >= 12;
        if version <= 14 {
            writer.put_i32(self.replica_id);
        }
        writer.put_i32(self.max_wait_ms);
        writer.put_i32(self.min_bytes);
        writer.put_i32(self.max_bytes);
        writer.put_i8(self.isolation_level);
        if version >= 7 {
            writer.put_i32(self.session_id);
            writer.put_i32(self.session_epoch);
        }
        writer.put_structs(flexible, &self.topics, version)?;
        if version >= 7 {
            writer.put_structs(flexible, &self.forgotten_topics_data, version)?;
        }
        if version >= 11 {
            writer.put_string(flexible, &self.rack_id)?;
        }
        if version >= 12 {
            let mut tagged = TaggedFields::default();
            if self.cluster_id.is_some() {
                tagged.add(0, |writer| writer.put_nullable_string(true, self.cluster_id.as_deref()))?;
            }
            if version >= 15 && self.replica_state != ReplicaState::default() {
                tagged.add(1, |writer| self.replica_state.encode_fields(writer, version))?;
            }
            tagged.put(writer, &self.unknown_tagged_fields)?;
        }
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct ForgottenTopic {
    /// 7-12
    pub topic: String,
    /// 13+
    pub topic_id: Uuid,
    pub partitions: Vec<i32>,
    pub unknown_tagged_fields: UnknownTaggedFields,
}

impl Struct for ForgottenTopic {
    const BYTES_MIN: usize = 3;

    fn decode_fields(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let flexible = version >= 12;
        let mut value = Self::default();
        if version <= 12 {
            value.topic = reader.read_string(flexible)?;
        }
        if version >= 13 {
            value.topic_id = reader.read_uuid()?;
        }
        value.partitions = reader.read_array(flexible, 4, Reader::read_i32)?;
        if version >= 12 {
            value.unknown_tagged_fields = reader.read_unknown_tagged_fields()?;
        }
        Ok(value)
    }

    fn encode_fields(&self, writer: &mut Writer, version: i16) -> Result<(), EncodeError> {
        if version < 12 && !self.unknown_tagged_fields.is_empty() {
            return Err(EncodeError::TaggedFieldsUnsupported { version });
        }
        let flexible = version >= 12;
        if version <= 12 {
            writer.put_string(flexible, &self.topic)?;
        }
        if version >= 13 {
            writer.put_uuid(self.topic_id);
        }
        writer.put_array(flexible, &self.partitions, Writer::put_i32)?;
        if version >= 12 {
            writer.put_unknown_tagged_fields(&self.unknown_tagged_fields)?;
        }
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct FetchTopic {
    /// 4-12
    pub topic: String,
    /// 13+
    pub topic_id: Uuid,
    pub partitions: Vec<FetchPartition>,
    pub unknown_tagged_fields: UnknownTaggedFields,
}

impl Struct for FetchTopic {
    const BYTES_MIN: usize = 3;

    fn decode_fields(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let flexible = version >= 12;
        let mut value = Self::default();
        if version <= 12 {
            value.topic = reader.read_string(flexible)?;
        }
        if version >= 13 {
            value.topic_id = reader.read_uuid()?;
        }
        value.partitions = reader.read_structs(flexible, version)?;
        if version >= 12 {
            value.unknown_tagged_fields = reader.read_unknown_tagged_fields()?;
        }
        Ok(value)
    }

    fn encode_fields(&self, writer: &mut Writer, version: i16) -> Result<(), EncodeError> {
        if version < 12 && !self.unknown_tagged_fields.is_empty() {
            return Err(EncodeError::TaggedFieldsUnsupported { version });
        }
        let flexible = version >= 12;
        if version <= 12 {
            writer.put_string(flexible, &self.topic)?;
        }
        if version >= 13 {
            writer.put_uuid(self.topic_id);
        }
        writer.put_structs(flexible, &self.partitions, version)?;
        if version >= 12 {
            writer.put_unknown_tagged_fields(&self.unknown_tagged_fields)?;
        }
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct FetchPartition {
    pub partition: i32,
    /// 9+
    pub current_leader_epoch: i32,
    pub fetch_offset: i64,
    /// 12+
    pub last_fetched_epoch: i32,
    /// 5+
    pub log_start_offset: i64,
    pub partition_max_bytes: i32,
    /// 17+
    pub replica_directory_id: Uuid,
    /// 18+
    pub high_watermark: i64,
    pub unknown_tagged_fields: UnknownTaggedFields,
}

impl Default for FetchPartition {
    fn default() -> Self {
        Self {
            partition: 0,
            current_leader_epoch: -1,
            fetch_offset: 0,
            last_fetched_epoch: -1,
            log_start_offset: -1,
            partition_max_bytes: 0,
            replica_directory_id: Uuid::ZERO,
            high_watermark: i64::MAX,
            unknown_tagged_fields: UnknownTaggedFields::default(),
        }
    }
}

impl Struct for FetchPartition {
    const BYTES_MIN: usize = 16;

    fn decode_fields(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let mut value = Self::default();
        value.partition = reader.read_i32()?;
        if version >= 9 {
            value.current_leader_epoch = reader.read_i32()?;
        }
        value.fetch_offset = reader.read_i64()?;
        if version >= 12 {
            value.last_fetched_epoch = reader.read_i32()?;
        }
        if version >= 5 {
            value.log_start_offset = reader.read_i64()?;
        }
        value.partition_max_bytes = reader.read_i32()?;
        if version >= 12 {
            let unknown = reader.read_tagged_fields(|reader, tag| {
                match tag {
                    0 if version >= 17 => value.replica_directory_id = reader.read_uuid()?,
                    0 => return Err(reader.expected("a tag that this version has")),
                    1 if version >= 18 => value.high_watermark = reader.read_i64()?,
                    1 => return Err(reader.expected("a tag that this version has")),
                    _ => return Ok(false),
                }
                Ok(true)
            })?;
            value.unknown_tagged_fields = unknown;
        }
        Ok(value)
    }

    fn encode_fields(&self, writer: &mut Writer, version: i16) -> Result<(), EncodeError> {
        if version < 12 && self.last_fetched_epoch != -1 {
            return Err(EncodeError::FieldUnsupported { field: "FetchPartition.LastFetchedEpoch", version });
        }
        if version < 12 && !self.unknown_tagged_fields.is_empty() {
            return Err(EncodeError::TaggedFieldsUnsupported { version });
        }
        writer.put_i32(self.partition);
        if version >= 9 {
            writer.put_i32(self.current_leader_epoch);
        }
        writer.put_i64(self.fetch_offset);
        if version >= 12 {
            writer.put_i32(self.last_fetched_epoch);
        }
        if version >= 5 {
            writer.put_i64(self.log_start_offset);
        }
        writer.put_i32(self.partition_max_bytes);
        if version >= 12 {
            let mut tagged = TaggedFields::default();
            if version >= 17 && self.replica_directory_id != Uuid::ZERO {
                tagged.add(0, |writer| {
                    writer.put_uuid(self.replica_directory_id);
                    Ok(())
                })?;
            }
            if version >= 18 && self.high_watermark != i64::MAX {
                tagged.add(1, |writer| {
                    writer.put_i64(self.high_watermark);
                    Ok(())
                })?;
            }
            tagged.put(writer, &self.unknown_tagged_fields)?;
        }
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct ReplicaState {
    pub replica_id: i32,
    pub replica_epoch: i64,
    pub unknown_tagged_fields: UnknownTaggedFields,
}

impl Default for ReplicaState {
    fn default() -> Self {
        Self {
            replica_id: -1,
            replica_epoch: -1,
            unknown_tagged_fields: UnknownTaggedFields::default(),
        }
    }
}

impl Struct for ReplicaState {
    const BYTES_MIN: usize = 13;

    fn decode_fields(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let mut value = Self::default();
        value.replica_id = reader.read_i32()?;
        value.replica_epoch = reader.read_i64()?;
        value.unknown_tagged_fields = reader.read_unknown_tagged_fields()?;
        Ok(value)
    }

    fn encode_fields(&self, writer: &mut Writer, version: i16) -> Result<(), EncodeError> {
        writer.put_i32(self.replica_id);
        writer.put_i64(self.replica_epoch);
        writer.put_unknown_tagged_fields(&self.unknown_tagged_fields)?;
        Ok(())
    }
}

impl Message for FetchRequest {
    const NAME: &'static str = "FetchRequest";
    const VERSIONS: (i16, i16) = (4, 18);
    const FLEXIBLE_SINCE: Option<i16> = Some(12);
}

impl Request for FetchRequest {
    const KEY: super::ApiKey = super::ApiKey::Fetch;
    type Response = super::FetchResponse;
}
