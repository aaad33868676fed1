//! Generated from `schema/broker_heartbeat.txt`: do not edit.

use super::super::wire::*;
use crate::model::Uuid;
use bytes::Bytes;

#[derive(Clone, Debug, PartialEq)]
pub struct BrokerHeartbeatRequest {
    pub broker_id: i32,
    pub broker_epoch: i64,
    pub current_metadata_offset: i64,
    pub want_fence: bool,
    pub want_shut_down: bool,
    /// 1+
    pub offline_log_dirs: Vec<Uuid>,
    /// 2+
    pub cordoned_log_dirs: Option<Vec<Uuid>>,
    pub unknown_tagged_fields: UnknownTaggedFields,
}

impl Default for BrokerHeartbeatRequest {
    fn default() -> Self {
        Self {
            broker_id: 0,
            broker_epoch: -1,
            current_metadata_offset: 0,
            want_fence: false,
            want_shut_down: false,
            offline_log_dirs: Vec::new(),
            cordoned_log_dirs: None,
            unknown_tagged_fields: UnknownTaggedFields::default(),
        }
    }
}

impl Struct for BrokerHeartbeatRequest {
    const BYTES_MIN: usize = 23;

    fn decode_fields(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let mut value = Self::default();
        value.broker_id = reader.read_i32()?;
        value.broker_epoch = reader.read_i64()?;
        value.current_metadata_offset = reader.read_i64()?;
        value.want_fence = reader.read_bool()?;
        value.want_shut_down = reader.read_bool()?;
        let unknown = reader.read_tagged_fields(|reader, tag| {
            match tag {
                0 if version >= 1 => value.offline_log_dirs = reader.read_array(true, 16, Reader::read_uuid)?,
                0 => return Err(reader.expected("a tag that this version has")),
                1 if version >= 2 => value.cordoned_log_dirs = reader.read_nullable_array(true, 16, Reader::read_uuid)?,
                1 => return Err(reader.expected("a tag that this version has")),
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        value.unknown_tagged_fields = unknown;
        Ok(value)
    }

    fn encode_fields(&self, writer: &mut Writer, version: i16) -> Result<(), EncodeError> {
        if version < 1 && !self.offline_log_dirs.is_empty() {
            return Err(EncodeError::FieldUnsupported { field: "BrokerHeartbeatRequest.OfflineLogDirs", version });
        }
        if version < 2 && self.cordoned_log_dirs.is_some() {
            return Err(EncodeError::FieldUnsupported { field: "BrokerHeartbeatRequest.CordonedLogDirs", version });
        }
        writer.put_i32(self.broker_id);
        writer.put_i64(self.broker_epoch);
        writer.put_i64(self.current_metadata_offset);
        writer.put_bool(self.want_fence);
        writer.put_bool(self.want_shut_down);
        let mut tagged = TaggedFields::default();
        if version >= 1 && !self.offline_log_dirs.is_empty() {
            tagged.add(0, |writer| writer.put_array(true, &self.offline_log_dirs, Writer::put_uuid))?;
        }
        if version >= 2 && self.cordoned_log_dirs.is_some() {
            tagged.add(1, |writer| writer.put_nullable_array(true, self.cordoned_log_dirs.as_deref(), Writer::put_uuid))?;
        }
        tagged.put(writer, &self.unknown_tagged_fields)?;
        Ok(())
    }
}

impl Message for BrokerHeartbeatRequest {
    const NAME: &'static str = "BrokerHeartbeatRequest";
    const VERSIONS: (i16, i16) = (0, 2);
    const FLEXIBLE_SINCE: Option<i16> = Some(0);
}

impl Request for BrokerHeartbeatRequest {
    const KEY: super::ApiKey = super::ApiKey::BrokerHeartbeat;
    type Response = super::BrokerHeartbeatResponse;
}
