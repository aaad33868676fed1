//! Generated from `schema/share_group_heartbeat.txt`: do not edit.

use super::super::wire::*;
use crate::model::Uuid;
use bytes::Bytes;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct ShareGroupHeartbeatRequest {
    pub group_id: String,
    pub member_id: String,
    pub member_epoch: i32,
    pub rack_id: Option<String>,
    pub subscribed_topic_names: Option<Vec<String>>,
    pub unknown_tagged_fields: UnknownTaggedFields,
}

impl Struct for ShareGroupHeartbeatRequest {
    const BYTES_MIN: usize = 9;

    fn decode_fields(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let mut value = Self::default();
        value.group_id = reader.read_string(true)?;
        value.member_id = reader.read_string(true)?;
        value.member_epoch = reader.read_i32()?;
        value.rack_id = reader.read_nullable_string(true)?;
        value.subscribed_topic_names = reader.read_nullable_strings(true)?;
        value.unknown_tagged_fields = reader.read_unknown_tagged_fields()?;
        Ok(value)
    }

    fn encode_fields(&self, writer: &mut Writer, version: i16) -> Result<(), EncodeError> {
        writer.put_string(true, &self.group_id)?;
        writer.put_string(true, &self.member_id)?;
        writer.put_i32(self.member_epoch);
        writer.put_nullable_string(true, self.rack_id.as_deref())?;
        writer.put_nullable_strings(true, self.subscribed_topic_names.as_deref())?;
        writer.put_unknown_tagged_fields(&self.unknown_tagged_fields)?;
        Ok(())
    }
}

impl Message for ShareGroupHeartbeatRequest {
    const NAME: &'static str = "ShareGroupHeartbeatRequest";
    const VERSIONS: (i16, i16) = (1, 1);
    const FLEXIBLE_SINCE: Option<i16> = Some(1);
}

impl Request for ShareGroupHeartbeatRequest {
    const KEY: super::ApiKey = super::ApiKey::ShareGroupHeartbeat;
    type Response = super::ShareGroupHeartbeatResponse;
}
