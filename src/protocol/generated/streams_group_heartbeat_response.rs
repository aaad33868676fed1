//! Generated from `schema/streams_group_heartbeat.txt`: do not edit.

use super::super::wire::*;
use crate::model::Uuid;
use bytes::Bytes;

#[derive(Clone, Debug, PartialEq)]
pub struct StreamsGroupHeartbeatResponse {
    pub throttle_time_ms: i32,
    pub error_code: i16,
    pub error_message: Option<String>,
    pub member_id: String,
    pub member_epoch: i32,
    pub heartbeat_interval_ms: i32,
    /// 0-0
    pub acceptable_recovery_lag_legacy: i32,
    pub task_offset_interval_ms: i32,
    /// 1+
    pub acceptable_recovery_lag: i64,
    pub status: Option<Vec<Status>>,
    pub active_tasks: Option<Vec<TaskIds>>,
    pub standby_tasks: Option<Vec<TaskIds>>,
    pub warmup_tasks: Option<Vec<TaskIds>>,
    /// 1+
    pub topology_description_required: bool,
    pub endpoint_information_epoch: i32,
    pub partitions_by_user_endpoint: Option<Vec<EndpointToPartitions>>,
    pub unknown_tagged_fields: UnknownTaggedFields,
}

impl Default for StreamsGroupHeartbeatResponse {
    fn default() -> Self {
        Self {
            throttle_time_ms: 0,
            error_code: 0,
            error_message: None,
            member_id: String::new(),
            member_epoch: 0,
            heartbeat_interval_ms: 0,
            acceptable_recovery_lag_legacy: 0,
            task_offset_interval_ms: 0,
            acceptable_recovery_lag: -1,
            status: Some(Vec::new()),
            active_tasks: None,
            standby_tasks: None,
            warmup_tasks: None,
            topology_description_required: false,
            endpoint_information_epoch: 0,
            partitions_by_user_endpoint: None,
            unknown_tagged_fields: UnknownTaggedFields::default(),
        }
    }
}

impl Struct for StreamsGroupHeartbeatResponse {
    const BYTES_MIN: usize = 34;

    fn decode_fields(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let mut value = Self::default();
        value.throttle_time_ms = reader.read_i32()?;
        value.error_code = reader.read_i16()?;
        value.error_message = reader.read_nullable_string(true)?;
        value.member_id = reader.read_string(true)?;
        value.member_epoch = reader.read_i32()?;
        value.heartbeat_interval_ms = reader.read_i32()?;
        if version <= 0 {
            value.acceptable_recovery_lag_legacy = reader.read_i32()?;
        }
        value.task_offset_interval_ms = reader.read_i32()?;
        if version >= 1 {
            value.acceptable_recovery_lag = reader.read_i64()?;
        }
        value.status = reader.read_nullable_structs(true, version)?;
        value.active_tasks = reader.read_nullable_structs(true, version)?;
        value.standby_tasks = reader.read_nullable_structs(true, version)?;
        value.warmup_tasks = reader.read_nullable_structs(true, version)?;
        if version >= 1 {
            value.topology_description_required = reader.read_bool()?;
        }
        value.endpoint_information_epoch = reader.read_i32()?;
        value.partitions_by_user_endpoint = reader.read_nullable_structs(true, version)?;
        value.unknown_tagged_fields = reader.read_unknown_tagged_fields()?;
        Ok(value)
    }

    fn encode_fields(&self, writer: &mut Writer, version: i16) -> Result<(), EncodeError> {
        if version > 0 && self.acceptable_recovery_lag_legacy != 0 {
            return Err(EncodeError::FieldUnsupported { field: "StreamsGroupHeartbeatResponse.AcceptableRecoveryLagLegacy", version });
        }
        if version < 1 && self.topology_description_required {
            return Err(EncodeError::FieldUnsupported { field: "StreamsGroupHeartbeatResponse.TopologyDescriptionRequired", version });
        }
        writer.put_i32(self.throttle_time_ms);
        writer.put_i16(self.error_code);
        writer.put_nullable_string(true, self.error_message.as_deref())?;
        writer.put_string(true, &self.member_id)?;
        writer.put_i32(self.member_epoch);
        writer.put_i32(self.heartbeat_interval_ms);
        if version <= 0 {
            writer.put_i32(self.acceptable_recovery_lag_legacy);
        }
        writer.put_i32(self.task_offset_interval_ms);
        if version >= 1 {
            writer.put_i64(self.acceptable_recovery_lag);
        }
        writer.put_nullable_structs(true, self.status.as_deref(), version)?;
        writer.put_nullable_structs(true, self.active_tasks.as_deref(), version)?;
        writer.put_nullable_structs(true, self.standby_tasks.as_deref(), version)?;
        writer.put_nullable_structs(true, self.warmup_tasks.as_deref(), version)?;
        if version >= 1 {
            writer.put_bool(self.topology_description_required);
        }
        writer.put_i32(self.endpoint_information_epoch);
        writer.put_nullable_structs(true, self.partitions_by_user_endpoint.as_deref(), version)?;
        writer.put_unknown_tagged_fields(&self.unknown_tagged_fields)?;
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct EndpointToPartitions {
    pub user_endpoint: Endpoint,
    pub active_partitions: Vec<TopicPartition>,
    pub standby_partitions: Vec<TopicPartition>,
    pub unknown_tagged_fields: UnknownTaggedFields,
}

impl Struct for EndpointToPartitions {
    const BYTES_MIN: usize = 7;

    fn decode_fields(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let mut value = Self::default();
        value.user_endpoint = Struct::decode_fields(reader, version)?;
        value.active_partitions = reader.read_structs(true, version)?;
        value.standby_partitions = reader.read_structs(true, version)?;
        value.unknown_tagged_fields = reader.read_unknown_tagged_fields()?;
        Ok(value)
    }

    fn encode_fields(&self, writer: &mut Writer, version: i16) -> Result<(), EncodeError> {
        self.user_endpoint.encode_fields(writer, version)?;
        writer.put_structs(true, &self.active_partitions, version)?;
        writer.put_structs(true, &self.standby_partitions, version)?;
        writer.put_unknown_tagged_fields(&self.unknown_tagged_fields)?;
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Endpoint {
    pub host: String,
    pub port: u16,
    pub unknown_tagged_fields: UnknownTaggedFields,
}

impl Struct for Endpoint {
    const BYTES_MIN: usize = 4;

    fn decode_fields(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let mut value = Self::default();
        value.host = reader.read_string(true)?;
        value.port = reader.read_u16()?;
        value.unknown_tagged_fields = reader.read_unknown_tagged_fields()?;
        Ok(value)
    }

    fn encode_fields(&self, writer: &mut Writer, version: i16) -> Result<(), EncodeError> {
        writer.put_string(true, &self.host)?;
        writer.put_u16(self.port);
        writer.put_unknown_tagged_fields(&self.unknown_tagged_fields)?;
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct TaskIds {
    pub subtopology_id: String,
    pub partitions: Vec<i32>,
    pub unknown_tagged_fields: UnknownTaggedFields,
}

impl Struct for TaskIds {
    const BYTES_MIN: usize = 3;

    fn decode_fields(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let mut value = Self::default();
        value.subtopology_id = reader.read_string(true)?;
        value.partitions = reader.read_array(true, 4, Reader::read_i32)?;
        value.unknown_tagged_fields = reader.read_unknown_tagged_fields()?;
        Ok(value)
    }

    fn encode_fields(&self, writer: &mut Writer, version: i16) -> Result<(), EncodeError> {
        writer.put_string(true, &self.subtopology_id)?;
        writer.put_array(true, &self.partitions, Writer::put_i32)?;
        writer.put_unknown_tagged_fields(&self.unknown_tagged_fields)?;
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct TopicPartition {
    pub topic: String,
    pub partitions: Vec<i32>,
    pub unknown_tagged_fields: UnknownTaggedFields,
}

impl Struct for TopicPartition {
    const BYTES_MIN: usize = 3;

    fn decode_fields(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let mut value = Self::default();
        value.topic = reader.read_string(true)?;
        value.partitions = reader.read_array(true, 4, Reader::read_i32)?;
        value.unknown_tagged_fields = reader.read_unknown_tagged_fields()?;
        Ok(value)
    }

    fn encode_fields(&self, writer: &mut Writer, version: i16) -> Result<(), EncodeError> {
        writer.put_string(true, &self.topic)?;
        writer.put_array(true, &self.partitions, Writer::put_i32)?;
        writer.put_unknown_tagged_fields(&self.unknown_tagged_fields)?;
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Status {
    pub status_code: i8,
    pub status_detail: String,
    pub unknown_tagged_fields: UnknownTaggedFields,
}

impl Struct for Status {
    const BYTES_MIN: usize = 3;

    fn decode_fields(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let mut value = Self::default();
        value.status_code = reader.read_i8()?;
        value.status_detail = reader.read_string(true)?;
        value.unknown_tagged_fields = reader.read_unknown_tagged_fields()?;
        Ok(value)
    }

    fn encode_fields(&self, writer: &mut Writer, version: i16) -> Result<(), EncodeError> {
        writer.put_i8(self.status_code);
        writer.put_string(true, &self.status_detail)?;
        writer.put_unknown_tagged_fields(&self.unknown_tagged_fields)?;
        Ok(())
    }
}

impl Message for StreamsGroupHeartbeatResponse {
    const NAME: &'static str = "StreamsGroupHeartbeatResponse";
    const VERSIONS: (i16, i16) = (0, 1);
    const FLEXIBLE_SINCE: Option<i16> = Some(0);
}
