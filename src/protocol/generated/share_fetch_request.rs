//! Generated from `schema/share_fetch.txt`: do not edit.

use super::super::wire::*;
use crate::model::Uuid;
use bytes::Bytes;

#[derive(Clone, Debug, PartialEq)]
pub struct ShareFetchRequest {
    pub group_id: Option<String>,
    pub member_id: Option<String>,
    pub share_session_epoch: i32,
    pub max_wait_ms: i32,
    pub min_bytes: i32,
    pub max_bytes: i32,
    pub max_records: i32,
    pub batch_size: i32,
    /// 2+
    pub share_acquire_mode: i8,
    /// 2+
    pub is_renew_ack: bool,
    pub topics: Vec<FetchTopic>,
    pub forgotten_topics_data: Vec<ForgottenTopic>,
    pub unknown_tagged_fields: UnknownTaggedFields,
}

impl Default for ShareFetchRequest {
    fn default() -> Self {
        Self {
            group_id: None,
            member_id: Some(String::new()),
            share_session_epoch: 0,
            max_wait_ms: 0,
            min_bytes: 0,
            max_bytes: i32::MAX,
            max_records: 0,
            batch_size: 0,
            share_acquire_mode: 0,
            is_renew_ack: false,
            topics: Vec::new(),
            forgotten_topics_data: Vec::new(),
            unknown_tagged_fields: UnknownTaggedFields::default(),
        }
    }
}

impl Struct for ShareFetchRequest {
    const BYTES_MIN: usize = 29;

    fn decode_fields(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let mut value = Self::default();
        value.group_id = reader.read_nullable_string(true)?;
        value.member_id = reader.read_nullable_string(true)?;
        value.share_session_epoch = reader.read_i32()?;
        value.max_wait_ms = reader.read_i32()?;
        value.min_bytes = reader.read_i32()?;
        value.max_bytes = reader.read_i32()?;
        value.max_records = reader.read_i32()?;
        value.batch_size = reader.read_i32()?;
        if version >= 2 {
            value.share_acquire_mode = reader.read_i8()?;
            value.is_renew_ack = reader.read_bool()?;
        }
        value.topics = reader.read_structs(true, version)?;
        value.forgotten_topics_data = reader.read_structs(true, version)?;
        value.unknown_tagged_fields = reader.read_unknown_tagged_fields()?;
        Ok(value)
    }

    fn encode_fields(&self, writer: &mut Writer, version: i16) -> Result<(), EncodeError> {
        if version < 2 && self.is_renew_ack {
            return Err(EncodeError::FieldUnsupported { field: "ShareFetchRequest.IsRenewAck", version });
        }
        writer.put_nullable_string(true, self.group_id.as_deref())?;
        writer.put_nullable_string(true, self.member_id.as_deref())?;
        writer.put_i32(self.share_session_epoch);
        writer.put_i32(self.max_wait_ms);
        writer.put_i32(self.min_bytes);
        writer.put_i32(self.max_bytes);
        writer.put_i32(self.max_records);
        writer.put_i32(self.batch_size);
        if version >= 2 {
            writer.put_i8(self.share_acquire_mode);
            writer.put_bool(self.is_renew_ack);
        }
        writer.put_structs(true, &self.topics, version)?;
        writer.put_structs(true, &self.forgotten_topics_data, version)?;
        writer.put_unknown_tagged_fields(&self.unknown_tagged_fields)?;
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct ForgottenTopic {
    pub topic_id: Uuid,
    pub partitions: Vec<i32>,
    pub unknown_tagged_fields: UnknownTaggedFields,
}

impl Struct for ForgottenTopic {
    const BYTES_MIN: usize = 18;

    fn decode_fields(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let mut value = Self::default();
        value.topic_id = reader.read_uuid()?;
        value.partitions = reader.read_array(true, 4, Reader::read_i32)?;
        value.unknown_tagged_fields = reader.read_unknown_tagged_fields()?;
        Ok(value)
    }

    fn encode_fields(&self, writer: &mut Writer, version: i16) -> Result<(), EncodeError> {
        writer.put_uuid(self.topic_id);
        writer.put_array(true, &self.partitions, Writer::put_i32)?;
        writer.put_unknown_tagged_fields(&self.unknown_tagged_fields)?;
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct FetchTopic {
    pub topic_id: Uuid,
    pub partitions: Vec<FetchPartition>,
    pub unknown_tagged_fields: UnknownTaggedFields,
}

impl Struct for FetchTopic {
    const BYTES_MIN: usize = 18;

    fn decode_fields(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let mut value = Self::default();
        value.topic_id = reader.read_uuid()?;
        value.partitions = reader.read_structs(true, version)?;
        value.unknown_tagged_fields = reader.read_unknown_tagged_fields()?;
        Ok(value)
    }

    fn encode_fields(&self, writer: &mut Writer, version: i16) -> Result<(), EncodeError> {
        writer.put_uuid(self.topic_id);
        writer.put_structs(true, &self.partitions, version)?;
        writer.put_unknown_tagged_fields(&self.unknown_tagged_fields)?;
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct FetchPartition {
    pub partition_index: i32,
    pub acknowledgement_batches: Vec<AcknowledgementBatch>,
    pub unknown_tagged_fields: UnknownTaggedFields,
}

impl Struct for FetchPartition {
    const BYTES_MIN: usize = 6;

    fn decode_fields(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let mut value = Self::default();
        value.partition_index = reader.read_i32()?;
        value.acknowledgement_batches = reader.read_structs(true, version)?;
        value.unknown_tagged_fields = reader.read_unknown_tagged_fields()?;
        Ok(value)
    }

    fn encode_fields(&self, writer: &mut Writer, version: i16) -> Result<(), EncodeError> {
        writer.put_i32(self.partition_index);
        writer.put_structs(true, &self.acknowledgement_batches, version)?;
        writer.put_unknown_tagged_fields(&self.unknown_tagged_fields)?;
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct AcknowledgementBatch {
    pub first_offset: i64,
    pub last_offset: i64,
    pub acknowledge_types: Vec<i8>,
    pub unknown_tagged_fields: UnknownTaggedFields,
}

impl Struct for AcknowledgementBatch {
    const BYTES_MIN: usize = 18;

    fn decode_fields(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let mut value = Self::default();
        value.first_offset = reader.read_i64()?;
        value.last_offset = reader.read_i64()?;
        value.acknowledge_types = reader.read_array(true, 1, Reader::read_i8)?;
        value.unknown_tagged_fields = reader.read_unknown_tagged_fields()?;
        Ok(value)
    }

    fn encode_fields(&self, writer: &mut Writer, version: i16) -> Result<(), EncodeError> {
        writer.put_i64(self.first_offset);
        writer.put_i64(self.last_offset);
        writer.put_array(true, &self.acknowledge_types, Writer::put_i8)?;
        writer.put_unknown_tagged_fields(&self.unknown_tagged_fields)?;
        Ok(())
    }
}

impl Message for ShareFetchRequest {
    const NAME: &'static str = "ShareFetchRequest";
    const VERSIONS: (i16, i16) = (1, 2);
    const FLEXIBLE_SINCE: Option<i16> = Some(1);
}

impl Request for ShareFetchRequest {
    const KEY: super::ApiKey = super::ApiKey::ShareFetch;
    type Response = super::ShareFetchResponse;
}
