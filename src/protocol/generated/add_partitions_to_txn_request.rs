//! Generated from `schema/add_partitions_to_txn.txt`: do not edit.

use super::super::wire::*;
use crate::model::Uuid;
use bytes::Bytes;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct AddPartitionsToTxnRequest {
    /// 4+
    pub transactions: Vec<AddPartitionsToTxnTransaction>,
    /// 0-3
    pub v3_and_below_transactional_id: String,
    /// 0-3
    pub v3_and_below_producer_id: i64,
    /// 0-3
    pub v3_and_below_producer_epoch: i16,
    /// 0-3
    pub v3_and_below_topics: Vec<AddPartitionsToTxnTopic>,
    pub unknown_tagged_fields: UnknownTaggedFields,
}

impl Struct for AddPartitionsToTxnRequest {
    const BYTES_MIN: usize = 2;

    fn decode_fields(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let flexible = version >= 3;
        let mut value = Self::default();
        if version >= 4 {
            value.transactions = reader.read_structs(flexible, version)?;
        }
        if version <= 3 {
            value.v3_and_below_transactional_id = reader.read_string(flexible)?;
            value.v3_and_below_producer_id = reader.read_i64()?;
            value.v3_and_below_producer_epoch = reader.read_i16()?;
            value.v3_and_below_topics = reader.read_structs(flexible, version)?;
        }
        if version >= 3 {
            value.unknown_tagged_fields = reader.read_unknown_tagged_fields()?;
        }
        Ok(value)
    }

    fn encode_fields(&self, writer: &mut Writer, version: i16) -> Result<(), EncodeError> {
        if version < 4 && !self.transactions.is_empty() {
            return Err(EncodeError::FieldUnsupported { field: "AddPartitionsToTxnRequest.Transactions", version });
        }
        if version > 3 && !self.v3_and_below_transactional_id.is_empty() {
            return Err(EncodeError::FieldUnsupported { field: "AddPartitionsToTxnRequest.V3AndBelowTransactionalId", version });
        }
        if version > 3 && self.v3_and_below_producer_id != 0 {
            return Err(EncodeError::FieldUnsupported { field: "AddPartitionsToTxnRequest.V3AndBelowProducerId", version });
        }
        if version > 3 && self.v3_and_below_producer_epoch != 0 {
            return Err(EncodeError::FieldUnsupported { field: "AddPartitionsToTxnRequest.V3AndBelowProducerEpoch", version });
        }
        if version > 3 && !self.v3_and_below_topics.is_empty() {
            return Err(EncodeError::FieldUnsupported { field: "AddPartitionsToTxnRequest.V3AndBelowTopics", version });
        }
        if version < 3 && !self.unknown_tagged_fields.is_empty() {
            return Err(EncodeError::TaggedFieldsUnsupported { version });
        }
        let flexible = version >= 3;
        if version >= 4 {
            writer.put_structs(flexible, &self.transactions, version)?;
        }
        if version <= 3 {
            writer.put_string(flexible, &self.v3_and_below_transactional_id)?;
            writer.put_i64(self.v3_and_below_producer_id);
            writer.put_i16(self.v3_and_below_producer_epoch);
            writer.put_structs(flexible, &self.v3_and_below_topics, version)?;
        }
        if version >= 3 {
            writer.put_unknown_tagged_fields(&self.unknown_tagged_fields)?;
        }
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct AddPartitionsToTxnTransaction {
    pub transactional_id: String,
    pub producer_id: i64,
    pub producer_epoch: i16,
    pub verify_only: bool,
    pub topics: Vec<AddPartitionsToTxnTopic>,
    pub unknown_tagged_fields: UnknownTaggedFields,
}

impl Struct for AddPartitionsToTxnTransaction {
    const BYTES_MIN: usize = 14;

    fn decode_fields(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let mut value = Self::default();
        value.transactional_id = reader.read_string(true)?;
        value.producer_id = reader.read_i64()?;
        value.producer_epoch = reader.read_i16()?;
        value.verify_only = reader.read_bool()?;
        value.topics = reader.read_structs(true, version)?;
        value.unknown_tagged_fields = reader.read_unknown_tagged_fields()?;
        Ok(value)
    }

    fn encode_fields(&self, writer: &mut Writer, version: i16) -> Result<(), EncodeError> {
        writer.put_string(true, &self.transactional_id)?;
        writer.put_i64(self.producer_id);
        writer.put_i16(self.producer_epoch);
        writer.put_bool(self.verify_only);
        writer.put_structs(true, &self.topics, version)?;
        writer.put_unknown_tagged_fields(&self.unknown_tagged_fields)?;
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct AddPartitionsToTxnTopic {
    pub name: String,
    pub partitions: Vec<i32>,
    pub unknown_tagged_fields: UnknownTaggedFields,
}

impl Struct for AddPartitionsToTxnTopic {
    const BYTES_MIN: usize = 3;

    fn decode_fields(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let flexible = version >= 3;
        let mut value = Self::default();
        value.name = reader.read_string(flexible)?;
        value.partitions = reader.read_array(flexible, 4, Reader::read_i32)?;
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
        writer.put_string(flexible, &self.name)?;
        writer.put_array(flexible, &self.partitions, Writer::put_i32)?;
        if version >= 3 {
            writer.put_unknown_tagged_fields(&self.unknown_tagged_fields)?;
        }
        Ok(())
    }
}

impl Message for AddPartitionsToTxnRequest {
    const NAME: &'static str = "AddPartitionsToTxnRequest";
    const VERSIONS: (i16, i16) = (0, 5);
    const FLEXIBLE_SINCE: Option<i16> = Some(3);
}

impl Request for AddPartitionsToTxnRequest {
    const KEY: super::ApiKey = super::ApiKey::AddPartitionsToTxn;
    type Response = super::AddPartitionsToTxnResponse;
}
