//! Generated from `schema/push_telemetry.txt`: do not edit.

use super::super::wire::*;
use crate::model::Uuid;
use bytes::Bytes;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct PushTelemetryRequest {
    pub client_instance_id: Uuid,
    pub subscription_id: i32,
    pub terminating: bool,
    pub compression_type: i8,
    pub metrics: Bytes,
    pub unknown_tagged_fields: UnknownTaggedFields,
}

impl Struct for PushTelemetryRequest {
    const BYTES_MIN: usize = 24;

    fn decode_fields(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let mut value = Self::default();
        value.client_instance_id = reader.read_uuid()?;
        value.subscription_id = reader.read_i32()?;
        value.terminating = reader.read_bool()?;
        value.compression_type = reader.read_i8()?;
        value.metrics = reader.read_bytes(true)?;
        value.unknown_tagged_fields = reader.read_unknown_tagged_fields()?;
        Ok(value)
    }

    fn encode_fields(&self, writer: &mut Writer, version: i16) -> Result<(), EncodeError> {
        writer.put_uuid(self.client_instance_id);
        writer.put_i32(self.subscription_id);
        writer.put_bool(self.terminating);
        writer.put_i8(self.compression_type);
        writer.put_bytes(true, &self.metrics)?;
        writer.put_unknown_tagged_fields(&self.unknown_tagged_fields)?;
        Ok(())
    }
}

impl Message for PushTelemetryRequest {
    const NAME: &'static str = "PushTelemetryRequest";
    const VERSIONS: (i16, i16) = (0, 0);
    const FLEXIBLE_SINCE: Option<i16> = Some(0);
}

impl Request for PushTelemetryRequest {
    const KEY: super::ApiKey = super::ApiKey::PushTelemetry;
    type Response = super::PushTelemetryResponse;
}
