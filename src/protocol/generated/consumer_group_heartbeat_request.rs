//! Generated from `schema/consumer_group_heartbeat.txt`: do not edit.

use super::super::wire::*;
use crate::model::Uuid;
use bytes::Bytes;

#[derive(Clone, Debug, PartialEq)]
pub struct ConsumerGroupHeartbeatRequest {
    pub group_id: String,
    pub member_id: String,
    pub member_epoch: i32,
    pub instance_id: Option<String>,
    pub rack_id: Option<String>,
    pub rebalance_timeout_ms: i32,
    pub subscribed_topic_names: Option<Vec<String>>,
    /// 1+
    pub subscribed_topic_regex: Option<String>,
    pub server_assignor: Option<String>,
    pub topic_partitions: Option<Vec<TopicPartitions>>,
    pub unknown_tagged_fields: UnknownTaggedFields,
}

impl Default for ConsumerGroupHeartbeatRequest {
    fn default() -> Self {
        Self {
            group_id: String::new(),
            member_id: String::new(),
            member_epoch: 0,
            instance_id: None,
            rack_id: None,
            rebalance_timeout_ms: -1,
            subscribed_topic_names: None,
            subscribed_topic_regex: None,
            server_assignor: None,
            topic_partitions: None,
            unknown_tagged_fields: UnknownTaggedFields::default(),
        }
    }
}

impl Struct for ConsumerGroupHeartbeatRequest {
    const BYTES_MIN: usize = 16;

    fn decode_fields(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let mut value = Self::default();
        value.group_id = reader.read_string(true)?;
        value.member_id = reader.read_string(true)?;
        value.member_epoch = reader.read_i32()?;
        value.instance_id = reader.read_nullable_string(true)?;
        value.rack_id = reader.read_nullable_string(true)?;
        value.rebalance_timeout_ms = reader.read_i32()?;
        value.subscribed_topic_names = reader.read_nullable_strings(true)?;
        if version >= 1 {
            value.subscribed_topic_regex = reader.read_nullable_string(true)?;
        }
        value.server_assignor = reader.read_nullable_string(true)?;
        value.topic_partitions = reader.read_nullable_structs(true, version)?;
        value.unknown_tagged_fields = reader.read_unknown_tagged_fields()?;
        Ok(value)
    }

    fn encode_fields(&self, writer: &mut Writer, version: i16) -> Result<(), EncodeError> {
        if version < 1 && self.subscribed_topic_regex.is_some() {
            return Err(EncodeError::FieldUnsupported { field: "ConsumerGroupHeartbeatRequest.SubscribedTopicRegex", version });
        }
        writer.put_string(true, &self.group_id)?;
        writer.put_string(true, &self.member_id)?;
        writer.put_i32(self.member_epoch);
        writer.put_nullable_string(true, self.instance_id.as_deref())?;
        writer.put_nullable_string(true, self.rack_id.as_deref())?;
        writer.put_i32(self.rebalance_timeout_ms);
        writer.put_nullable_strings(true, self.subscribed_topic_names.as_deref())?;
        if version >= 1 {
            writer.put_nullable_string(true, self.subscribed_topic_regex.as_deref())?;
        }
        writer.put_nullable_string(true, self.server_assignor.as_deref())?;
        writer.put_nullable_structs(true, self.topic_partitions.as_deref(), version)?;
        writer.put_unknown_tagged_fields(&self.unknown_tagged_fields)?;
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct TopicPartitions {
    pub topic_id: Uuid,
    pub partitions: Vec<i32>,
    pub unknown_tagged_fields: UnknownTaggedFields,
}

impl Struct for TopicPartitions {
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

impl Message for ConsumerGroupHeartbeatRequest {
    const NAME: &'static str = "ConsumerGroupHeartbeatRequest";
    const VERSIONS: (i16, i16) = (0, 1);
    const FLEXIBLE_SINCE: Option<i16> = Some(0);
}

impl Request for ConsumerGroupHeartbeatRequest {
    const KEY: super::ApiKey = super::ApiKey::ConsumerGroupHeartbeat;
    type Response = super::ConsumerGroupHeartbeatResponse;
}
