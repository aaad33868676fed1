//! Generated from `schema/init_producer_id.txt`: do not edit.

use super::super::wire::*;
use crate::model::Uuid;
use bytes::Bytes;

#[derive(Clone, Debug, PartialEq)]
pub struct InitProducerIdResponse {
    pub throttle_time_ms: i32,
    pub error_code: i16,
    pub producer_id: i64,
    pub producer_epoch: i16,
    /// 6+
    pub ongoing_txn_producer_id: i64,
    /// 6+
    pub ongoing_txn_producer_epoch: i16,
    pub unknown_tagged_fields: UnknownTaggedFields,
}

impl Default for InitProducerIdResponse {
    fn default() -> Self {
        Self {
            throttle_time_ms: 0,
            error_code: 0,
            producer_id: -1,
            producer_epoch: 0,
            ongoing_txn_producer_id: -1,
            ongoing_txn_producer_epoch: -1,
            unknown_tagged_fields: UnknownTaggedFields::default(),
        }
    }
}

impl Struct for InitProducerIdResponse {
    const BYTES_MIN: usize = 16;

    fn decode_fields(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let mut value = Self::default();
        value.throttle_time_ms = reader.read_i32()?;
        value.error_code = reader.read_i16()?;
        value.producer_id = reader.read_i64()?;
        value.producer_epoch = reader.read_i16()?;
        if version >= 6 {
            value.ongoing_txn_producer_id = reader.read_i64()?;
            value.ongoing_txn_producer_epoch = reader.read_i16()?;
        }
        if version >= 2 {
            value.unknown_tagged_fields = reader.read_unknown_tagged_fields()?;
        }
        Ok(value)
    }

    fn encode_fields(&self, writer: &mut Writer, version: i16) -> Result<(), EncodeError> {
        if version < 6 && self.ongoing_txn_producer_id != -1 {
            return Err(EncodeError::FieldUnsupported { field: "InitProducerIdResponse.OngoingTxnProducerId", version });
        }
        if version < 6 && self.ongoing_txn_producer_epoch != -1 {
            return Err(EncodeError::FieldUnsupported { field: "InitProducerIdResponse.OngoingTxnProducerEpoch", version });
        }
        if version < 2 && !self.unknown_tagged_fields.is_empty() {
            return Err(EncodeError::TaggedFieldsUnsupported { version });
        }
        writer.put_i32(self.throttle_time_ms);
        writer.put_i16(self.error_code);
        writer.put_i64(self.producer_id);
        writer.put_i16(self.producer_epoch);
        if version >= 6 {
            writer.put_i64(self.ongoing_txn_producer_id);
            writer.put_i16(self.ongoing_txn_producer_epoch);
        }
        if version >= 2 {
            writer.put_unknown_tagged_fields(&self.unknown_tagged_fields)?;
        }
        Ok(())
    }
}

impl Message for InitProducerIdResponse {
    const NAME: &'static str = "InitProducerIdResponse";
    const VERSIONS: (i16, i16) = (0, 6);
    const FLEXIBLE_SINCE: Option<i16> = Some(2);
}
