//! Generated from `schema/get_telemetry_subscriptions.txt`: do not edit.

use super::super::wire::*;
use crate::model::Uuid;
use bytes::Bytes;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct GetTelemetrySubscriptionsRequest {
    pub client_instance_id: Uuid,
    pub unknown_tagged_fields: UnknownTaggedFields,
}

impl Struct for GetTelemetrySubscriptionsRequest {
    const BYTES_MIN: usize = 17;

    fn decode_fields(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let mut value = Self::default();
        value.client_instance_id = reader.read_uuid()?;
        value.unknown_tagged_fields = reader.read_unknown_tagged_fields()?;
        Ok(value)
    }

    fn encode_fields(&self, writer: &mut Writer, version: i16) -> Result<(), EncodeError> {
        writer.put_uuid(self.client_instance_id);
        writer.put_unknown_tagged_fields(&self.unknown_tagged_fields)?;
        Ok(())
    }
}

impl Message for GetTelemetrySubscriptionsRequest {
    const NAME: &'static str = "GetTelemetrySubscriptionsRequest";
    const VERSIONS: (i16, i16) = (0, 0);
    const FLEXIBLE_SINCE: Option<i16> = Some(0);
}

impl Request for GetTelemetrySubscriptionsRequest {
    const KEY: super::ApiKey = super::ApiKey::GetTelemetrySubscriptions;
    type Response = super::GetTelemetrySubscriptionsResponse;
}
