//! Generated from `schema/get_telemetry_subscriptions.txt`: do not edit.

use super::super::wire::*;
use crate::model::Uuid;
use bytes::Bytes;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct GetTelemetrySubscriptionsResponse {
    pub throttle_time_ms: i32,
    pub error_code: i16,
    pub client_instance_id: Uuid,
    pub subscription_id: i32,
    pub accepted_compression_types: Vec<i8>,
    pub push_interval_ms: i32,
    pub telemetry_max_bytes: i32,
    pub delta_temporality: bool,
    pub requested_metrics: Vec<String>,
    pub unknown_tagged_fields: UnknownTaggedFields,
}

impl Struct for GetTelemetrySubscriptionsResponse {
    const BYTES_MIN: usize = 38;

    fn decode_fields(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let mut value = Self::default();
        value.throttle_time_ms = reader.read_i32()?;
        value.error_code = reader.read_i16()?;
        value.client_instance_id = reader.read_uuid()?;
        value.subscription_id = reader.read_i32()?;
        value.accepted_compression_types = reader.read_array(true, 1, Reader::read_i8)?;
        value.push_interval_ms = reader.read_i32()?;
        value.telemetry_max_bytes = reader.read_i32()?;
        value.delta_temporality = reader.read_bool()?;
        value.requested_metrics = reader.read_strings(true)?;
        value.unknown_tagged_fields = reader.read_unknown_tagged_fields()?;
        Ok(value)
    }

    fn encode_fields(&self, writer: &mut Writer, version: i16) -> Result<(), EncodeError> {
        writer.put_i32(self.throttle_time_ms);
        writer.put_i16(self.error_code);
        writer.put_uuid(self.client_instance_id);
        writer.put_i32(self.subscription_id);
        writer.put_array(true, &self.accepted_compression_types, Writer::put_i8)?;
        writer.put_i32(self.push_interval_ms);
        writer.put_i32(self.telemetry_max_bytes);
        writer.put_bool(self.delta_temporality);
        writer.put_strings(true, &self.requested_metrics)?;
        writer.put_unknown_tagged_fields(&self.unknown_tagged_fields)?;
        Ok(())
    }
}

impl Message for GetTelemetrySubscriptionsResponse {
    const NAME: &'static str = "GetTelemetrySubscriptionsResponse";
    const VERSIONS: (i16, i16) = (0, 0);
    const FLEXIBLE_SINCE: Option<i16> = Some(0);
}
