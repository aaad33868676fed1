//! Generated from `schema/add_offsets_to_txn.txt`: do not edit.

use super::super::wire::*;
use crate::model::Uuid;
use bytes::Bytes;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct AddOffsetsToTxnRequest {
    pub transactional_id: String,
    pub producer_id: i64,
    pub producer_epoch: i16,
    pub group_id: String,
    pub unknown_tagged_fields: UnknownTaggedFields,
}

impl Struct for AddOffsetsToTxnRequest {
    const BYTES_MIN: usize = 13;

    fn decode_fields(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let flexible = version >= 3;
        let mut value = Self::default();
        value.transactional_id = reader.read_string(flexible)?;
        value.producer_id = reader.read_i64()?;
        value.producer_epoch = reader.read_i16()?;
        value.group_id = reader.read_string(flexible)?;
        if version >= 3 {
            value.unknown_tagged_fields = reader.read_unknown_tagged_fields()?;
        }
        Ok(value)
    }

    fn encode_fields(&self, writer: &mut Writer, version: i16) -> Result<(), EncodeError> {
        if version < 3 && !self.unknown_tagged_fields.is_empty() {
            return Err(EncodeError::TaggedFieldsUnsupported { version });
        }
        let flexible = version >= 3;
        writer.put_string(flexible, &self.transactional_id)?;
        writer.put_i64(self.producer_id);
        writer.put_i16(self.producer_epoch);
        writer.put_string(flexible, &self.group_id)?;
        if version >= 3 {
            writer.put_unknown_tagged_fields(&self.unknown_tagged_fields)?;
        }
        Ok(())
    }
}

impl Message for AddOffsetsToTxnRequest {
    const NAME: &'static str = "AddOffsetsToTxnRequest";
    const VERSIONS: (i16, i16) = (0, 4);
    const FLEXIBLE_SINCE: Option<i16> = Some(3);
}

impl Request for AddOffsetsToTxnRequest {
    const KEY: super::ApiKey = super::ApiKey::AddOffsetsToTxn;
    type Response = super::AddOffsetsToTxnResponse;
}
