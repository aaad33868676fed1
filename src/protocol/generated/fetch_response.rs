//! Generated from `schema/fetch.txt`: do not edit.

use super::super::wire::*;
use crate::model::Uuid;
use bytes::Bytes;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct FetchResponse {
    pub throttle_time_ms: i32,
    /// 7+
    pub error_code: i16,
    /// 7+
    pub session_id: i32,
    pub responses: Vec<FetchableTopicResponse>,
    /// 16+
    pub node_endpoints: Vec<NodeEndpoint>,
    pub unknown_tagged_fields: UnknownTaggedFields,
}

impl Struct for FetchResponse {
    const BYTES_MIN: usize = 8;

    fn decode_fields(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let flexible = version >= 12;
        let mut value = Self::default();
        value.throttle_time_ms = reader.read_i32()?;
        if version >= 7 {
            value.error_code = reader.read_i16()?;
            value.session_id = reader.read_i32()?;
        }
        value.responses = reader.read_structs(flexible, version)?;
        if version >= 12 {
            let unknown = reader.read_tagged_fields(|reader, tag| {
                match tag {
                    0 if version >= 16 => value.node_endpoints = reader.read_structs(true, version)?,
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
        if version < 7 && self.session_id != 0 {
            return Err(EncodeError::FieldUnsupported { field: "FetchResponse.SessionId", version });
        }
        if version < 16 && !self.node_endpoints.is_empty() {
            return Err(EncodeError::FieldUnsupported { field: "FetchResponse.NodeEndpoints", version });
        }
        if version < 12 && !self.unknown_tagged_fields.is_empty() {
            return Err(EncodeError::TaggedFieldsUnsupported { version });
        }
        let flexible = version >= 12;
        writer.put_i32(self.throttle_time_ms);
        if version >= 7 {
            writer.put_i16(self.error_code);
            writer.put_i32(self.session_id);
        }
        writer.put_structs(flexible, &self.responses, version)?;
        if version >= 12 {
            let mut tagged = TaggedFields::default();
            if version >= 16 && !self.node_endpoints.is_empty() {
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
pub struct FetchableTopicResponse {
    /// 4-12
    pub topic: String,
    /// 13+
    pub topic_id: Uuid,
    pub partitions: Vec<PartitionData>,
    pub unknown_tagged_fields: UnknownTaggedFields,
}

impl Struct for FetchableTopicResponse {
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
pub struct PartitionData {
    pub partition_index: i32,
    pub error_code: i16,
    pub high_watermark: i64,
    pub last_stable_offset: i64,
    /// 5+
    pub log_start_offset: i64,
    /// 12+
    pub diverging_epoch: EpochEndOffset,
    /// 12+
    pub current_leader: LeaderIdAndEpoch,
    /// 12+
    pub snapshot_id: SnapshotId,
    pub aborted_transactions: Option<Vec<AbortedTransaction>>,
    /// 11+
    pub preferred_read_replica: i32,
    pub records: Option<Records>,
    pub unknown_tagged_fields: UnknownTaggedFields,
}

impl Default for PartitionData {
    fn default() -> Self {
        Self {
            partition_index: 0,
            error_code: 0,
            high_watermark: 0,
            last_stable_offset: -1,
            log_start_offset: -1,
            diverging_epoch: EpochEndOffset::default(),
            current_leader: LeaderIdAndEpoch::default(),
            snapshot_id: SnapshotId::default(),
            aborted_transactions: Some(Vec::new()),
            preferred_read_replica: -1,
            records: None,
            unknown_tagged_fields: UnknownTaggedFields::default(),
        }
    }
}

impl Struct for PartitionData {
    const BYTES_MIN: usize = 30;

    fn decode_fields(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let flexible = version >= 12;
        let mut value = Self::default();
        value.partition_index = reader.read_i32()?;
        value.error_code = reader.read_i16()?;
        value.high_watermark = reader.read_i64()?;
        value.last_stable_offset = reader.read_i64()?;
        if version >= 5 {
            value.log_start_offset = reader.read_i64()?;
        }
        value.aborted_transactions = reader.read_nullable_structs(flexible, version)?;
        if version >= 11 {
            value.preferred_read_replica = reader.read_i32()?;
        }
        value.records = reader.read_nullable_records(flexible)?;
        if version >= 12 {
            let unknown = reader.read_tagged_fields(|reader, tag| {
                match tag {
                    0 => value.diverging_epoch = Struct::decode_fields(reader, version)?,
                    1 => value.current_leader = Struct::decode_fields(reader, version)?,
                    2 => value.snapshot_id = Struct::decode_fields(reader, version)?,
                    _ => return Ok(false),
                }
                Ok(true)
            })?;
            value.unknown_tagged_fields = unknown;
        }
        Ok(value)
    }

    fn encode_fields(&self, writer: &mut Writer, version: i16) -> Result<(), EncodeError> {
        if version < 12 && self.diverging_epoch != EpochEndOffset::default() {
            return Err(EncodeError::FieldUnsupported { field: "PartitionData.DivergingEpoch", version });
        }
        if version < 12 && self.current_leader != LeaderIdAndEpoch::default() {
            return Err(EncodeError::FieldUnsupported { field: "PartitionData.CurrentLeader", version });
        }
        if version < 12 && self.snapshot_id != SnapshotId::default() {
            return Err(EncodeError::FieldUnsupported { field: "PartitionData.SnapshotId", version });
        }
        if version < 11 && self.preferred_read_replica != -1 {
            return Err(EncodeError::FieldUnsupported { field: "PartitionData.PreferredReadReplica", version });
        }
        if version < 12 && !self.unknown_tagged_fields.is_empty() {
            return Err(EncodeError::TaggedFieldsUnsupported { version });
        }
        let flexible = version >= 12;
        writer.put_i32(self.partition_index);
        writer.put_i16(self.error_code);
        writer.put_i64(self.high_watermark);
        writer.put_i64(self.last_stable_offset);
        if version >= 5 {
            writer.put_i64(self.log_start_offset);
        }
        writer.put_nullable_structs(flexible, self.aborted_transactions.as_deref(), version)?;
        if version >= 11 {
            writer.put_i32(self.preferred_read_replica);
        }
        writer.put_nullable_records(flexible, self.records.as_ref())?;
        if version >= 12 {
            let mut tagged = TaggedFields::default();
            if self.diverging_epoch != EpochEndOffset::default() {
                tagged.add(0, |writer| self.diverging_epoch.encode_fields(writer, version))?;
            }
            if self.current_leader != LeaderIdAndEpoch::default() {
                tagged.add(1, |writer| self.current_leader.encode_fields(writer, version))?;
            }
            if self.snapshot_id != SnapshotId::default() {
                tagged.add(2, |writer| self.snapshot_id.encode_fields(writer, version))?;
            }
            tagged.put(writer, &self.unknown_tagged_fields)?;
        }
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct AbortedTransaction {
    pub producer_id: i64,
    pub first_offset: i64,
    pub unknown_tagged_fields: UnknownTaggedFields,
}

impl Struct for AbortedTransaction {
    const BYTES_MIN: usize = 16;

    fn decode_fields(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let mut value = Self::default();
        value.producer_id = reader.read_i64()?;
        value.first_offset = reader.read_i64()?;
        if version >= 12 {
            value.unknown_tagged_fields = reader.read_unknown_tagged_fields()?;
        }
        Ok(value)
    }

    fn encode_fields(&self, writer: &mut Writer, version: i16) -> Result<(), EncodeError> {
        if version < 12 && !self.unknown_tagged_fields.is_empty() {
            return Err(EncodeError::TaggedFieldsUnsupported { version });
        }
        writer.put_i64(self.producer_id);
        writer.put_i64(self.first_offset);
        if version >= 12 {
            writer.put_unknown_tagged_fields(&self.unknown_tagged_fields)?;
        }
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct SnapshotId {
    pub end_offset: i64,
    pub epoch: i32,
    pub unknown_tagged_fields: UnknownTaggedFields,
}

impl Default for SnapshotId {
    fn default() -> Self {
        Self {
            end_offset: -1,
            epoch: -1,
            unknown_tagged_fields: UnknownTaggedFields::default(),
        }
    }
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

#[derive(Clone, Debug, PartialEq)]
pub struct EpochEndOffset {
    pub epoch: i32,
    pub end_offset: i64,
    pub unknown_tagged_fields: UnknownTaggedFields,
}

impl Default for EpochEndOffset {
    fn default() -> Self {
        Self {
            epoch: -1,
            end_offset: -1,
            unknown_tagged_fields: UnknownTaggedFields::default(),
        }
    }
}

impl Struct for EpochEndOffset {
    const BYTES_MIN: usize = 13;

    fn decode_fields(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let mut value = Self::default();
        value.epoch = reader.read_i32()?;
        value.end_offset = reader.read_i64()?;
        value.unknown_tagged_fields = reader.read_unknown_tagged_fields()?;
        Ok(value)
    }

    fn encode_fields(&self, writer: &mut Writer, version: i16) -> Result<(), EncodeError> {
        writer.put_i32(self.epoch);
        writer.put_i64(self.end_offset);
        writer.put_unknown_tagged_fields(&self.unknown_tagged_fields)?;
        Ok(())
    }
}

impl Message for FetchResponse {
    const NAME: &'static str = "FetchResponse";
    const VERSIONS: (i16, i16) = (4, 18);
    const FLEXIBLE_SINCE: Option<i16> = Some(12);
}
