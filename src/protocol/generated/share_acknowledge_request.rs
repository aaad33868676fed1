//! Generated from `schema/share_acknowledge.txt`: do not edit.

use super::super::wire::*;
use crate::model::Uuid;
use bytes::Bytes;

#[derive(Clone, Debug, PartialEq)]
pub struct ShareAcknowledgeRequest {
    pub group_id: Option<String>,
    pub member_id: Option<String>,
    pub share_session_epoch: i32,
    /// 2+
    pub is_renew_ack: bool,
    pub topics: Vec<AcknowledgeTopic>,
    pub unknown_tagged_fields: UnknownTaggedFields,
}

impl Default for ShareAcknowledgeRequest {
    fn default() -> Self {
        Self {
            group_id: None,
            member_id: Some(String::new()),
            share_session_epoch: 0,
            is_renew_ack: false,
            topics: Vec::new(),
            unknown_tagged_fields: UnknownTaggedFields::default(),
        }
    }
}

impl Struct for ShareAcknowledgeRequest {
    const BYTES_MIN: usize = 8;

    fn decode_fields(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let mut value = Self::default();
        value.group_id = reader.read_nullable_string(true)?;
        value.member_id = reader.read_nullable_string(true)?;
        value.share_session_epoch = reader.read_i32()?;
        if version >= 2 {
            value.is_renew_ack = reader.read_bool()?;
        }
        value.topics = reader.read_structs(true, version)?;
        value.unknown_tagged_fields = reader.read_unknown_tagged_fields()?;
        Ok(value)
    }

    fn encode_fields(&self, writer: &mut Writer, version: i16) -> Result<(), EncodeError> {
        if version < 2 && self.is_renew_ack {
            return Err(EncodeError::FieldUnsupported { field: "ShareAcknowledgeRequest.IsRenewAck", version });
        }
        writer.put_nullable_string(true, self.group_id.as_deref())?;
        writer.put_nullable_string(true, self.member_id.as_deref())?;
        writer.put_i32(self.share_session_epoch);
        if version >= 2 {
            writer.put_bool(self.is_renew_ack);
        }
        writer.put_structs(true, &self.topics, version)?;
        writer.put_unknown_tagged_fields(&self.unknown_tagged_fields)?;
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct AcknowledgeTopic {
    pub topic_id: Uuid,
    pub partitions: Vec<AcknowledgePartition>,
    pub unknown_tagged_fields: UnknownTaggedFields,
}

impl Struct for AcknowledgeTopic {
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
pub struct AcknowledgePartition {
    pub partition_index: i32,
    pub acknowledgement_batches: Vec<AcknowledgementBatch>,
    pub unknown_tagged_fields: UnknownTaggedFields,
}

impl Struct for AcknowledgePartition {
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

impl Message for ShareAcknowledgeRequest {
    const NAME: &'static str = "ShareAcknowledgeRequest";
    const VERSIONS: (i16, i16) = (1, 2);
    const FLEXIBLE_SINCE: Option<i16> = Some(1);
}

impl Request for ShareAcknowledgeRequest {
    const KEY: super::ApiKey = super::ApiKey::ShareAcknowledge;
    type Response = super::ShareAcknowledgeResponse;
}
