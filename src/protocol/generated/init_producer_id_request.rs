//! Generated from `schema/init_producer_id.txt`: do not edit.

use super::super::wire::*;
use crate::model::Uuid;
use bytes::Bytes;

#[derive(Clone, Debug, PartialEq)]
pub struct InitProducerIdRequest {
    pub transactional_id: Option<String>,
    pub transaction_timeout_ms: i32,
    /// 3+
    pub producer_id: i64,
    /// 3+
    pub producer_epoch: i16,
    /// 6+
    pub enable2_pc: bool,
    /// 6+
    pub keep_prepared_txn: bool,
    pub unknown_tagged_fields: UnknownTaggedFields,
}

impl Default for InitProducerIdRequest {
    fn default() -> Self {
        Self {
            transactional_id: Some(String::new()),
            transaction_timeout_ms: 0,
            producer_id: -1,
            producer_epoch: -1,
            enable2_pc: false,
            keep_prepared_txn: false,
            unknown_tagged_fields: UnknownTaggedFields::default(),
        }
    }
}

impl Struct for InitProducerIdRequest {
    const BYTES_MIN: usize = 6;

    fn decode_fields(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let flexible = version >= 2;
        let mut value = Self::default();
        value.transactional_id = reader.read_nullable_string(flexible)?;
        value.transaction_timeout_ms = reader.read_i32()?;
        if version >= 3 {
            value.producer_id = reader.read_i64()?;
            value.producer_epoch = reader.read_i16()?;
        }
        if version >= 6 {
            value.enable2_pc = reader.read_bool()?;
            value.keep_prepared_txn = reader.read_bool()?;
        }
        if version >= 2 {
            value.unknown_tagged_fields = reader.read_unknown_tagged_fields()?;
        }
        Ok(value)
    }

    fn encode_fields(&self, writer: &mut Writer, version: i16) -> Result<(), EncodeError> {
        if version < 3 && self.producer_id != -1 {
            return Err(EncodeError::FieldUnsupported { field: "InitProducerIdRequest.ProducerId", version });
        }
        if version < 3 && self.producer_epoch != -1 {
            return Err(EncodeError::FieldUnsupported { field: "InitProducerIdRequest.ProducerEpoch", version });
        }
        if version < 6 && self.enable2_pc {
            return Err(EncodeError::FieldUnsupported { field: "InitProducerIdRequest.Enable2Pc", version });
        }
        if version < 6 && self.keep_prepared_txn {
            return Err(EncodeError::FieldUnsupported { field: "InitProducerIdRequest.KeepPreparedTxn", version });
        }
        if version < 2 && !self.unknown_tagged_fields.is_empty() {
            return Err(EncodeError::TaggedFieldsUnsupported { version });
        }
        let flexible = version >= 2;
        writer.put_nullable_string(flexible, self.transactional_id.as_deref())?;
        writer.put_i32(self.transaction_timeout_ms);
        if version >= 3 {
            writer.put_i64(self.producer_id);
            writer.put_i16(self.producer_epoch);
        }
        if version >= 6 {
            writer.put_bool(self.enable2_pc);
            writer.put_bool(self.keep_prepared_txn);
        }
        if version >= 2 {
            writer.put_unknown_tagged_fields(&self.unknown_tagged_fields)?;
        }
        Ok(())
    }
}

impl Message for InitProducerIdRequest {
    const NAME: &'static str = "InitProducerIdRequest";
    const VERSIONS: (i16, i16) = (0, 6);
    const FLEXIBLE_SINCE: Option<i16> = Some(2);
}

impl Request for InitProducerIdRequest {
    const KEY: super::ApiKey = super::ApiKey::InitProducerId;
    type Response = super::InitProducerIdResponse;
}
