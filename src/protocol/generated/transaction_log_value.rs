//! Generated from `schema/transaction_coordinator_records.txt`: do not edit.

use super::super::wire::*;
use crate::model::Uuid;
use bytes::Bytes;

#[derive(Clone, Debug, PartialEq)]
pub struct TransactionLogValue {
    pub producer_id: i64,
    /// 1+
    pub previous_producer_id: i64,
    /// 1+
    pub next_producer_id: i64,
    pub producer_epoch: i16,
    /// 1+
    pub next_producer_epoch: i16,
    pub transaction_timeout_ms: i32,
    pub transaction_status: i8,
    pub transaction_partitions: Option<Vec<PartitionsSchema>>,
    pub transaction_last_update_timestamp_ms: i64,
    pub transaction_start_timestamp_ms: i64,
    /// 1+
    pub client_transaction_version: i16,
    pub unknown_tagged_fields: UnknownTaggedFields,
}

impl Default for TransactionLogValue {
    fn default() -> Self {
        Self {
            producer_id: 0,
            previous_producer_id: -1,
            next_producer_id: -1,
            producer_epoch: 0,
            next_producer_epoch: -1,
            transaction_timeout_ms: 0,
            transaction_status: 0,
            transaction_partitions: Some(Vec::new()),
            transaction_last_update_timestamp_ms: 0,
            transaction_start_timestamp_ms: 0,
            client_transaction_version: 0,
            unknown_tagged_fields: UnknownTaggedFields::default(),
        }
    }
}

impl Struct for TransactionLogValue {
    const BYTES_MIN: usize = 33;

    fn decode_fields(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let flexible = version >= 1;
        let mut value = Self::default();
        value.producer_id = reader.read_i64()?;
        value.producer_epoch = reader.read_i16()?;
        value.transaction_timeout_ms = reader.read_i32()?;
        value.transaction_status = reader.read_i8()?;
        value.transaction_partitions = reader.read_nullable_structs(flexible, version)?;
        value.transaction_last_update_timestamp_ms = reader.read_i64()?;
        value.transaction_start_timestamp_ms = reader.read_i64()?;
        if version >= 1 {
            let unknown = reader.read_tagged_fields(|reader, tag| {
                match tag {
                    0 => value.previous_producer_id = reader.read_i64()?,
                    1 => value.next_producer_id = reader.read_i64()?,
                    2 => value.client_transaction_version = reader.read_i16()?,
                    3 => value.next_producer_epoch = reader.read_i16()?,
                    _ => return Ok(false),
                }
                Ok(true)
            })?;
            value.unknown_tagged_fields = unknown;
        }
        Ok(value)
    }

    fn encode_fields(&self, writer: &mut Writer, version: i16) -> Result<(), EncodeError> {
        if version < 1 && self.previous_producer_id != -1 {
            return Err(EncodeError::FieldUnsupported { field: "TransactionLogValue.PreviousProducerId", version });
        }
        if version < 1 && self.next_producer_id != -1 {
            return Err(EncodeError::FieldUnsupported { field: "TransactionLogValue.NextProducerId", version });
        }
        if version < 1 && self.next_producer_epoch != -1 {
            return Err(EncodeError::FieldUnsupported { field: "TransactionLogValue.NextProducerEpoch", version });
        }
        if version < 1 && self.client_transaction_version != 0 {
            return Err(EncodeError::FieldUnsupported { field: "TransactionLogValue.ClientTransactionVersion", version });
        }
        if version < 1 && !self.unknown_tagged_fields.is_empty() {
            return Err(EncodeError::TaggedFieldsUnsupported { version });
        }
        let flexible = version >= 1;
        writer.put_i64(self.producer_id);
        writer.put_i16(self.producer_epoch);
        writer.put_i32(self.transaction_timeout_ms);
        writer.put_i8(self.transaction_status);
        writer.put_nullable_structs(flexible, self.transaction_partitions.as_deref(), version)?;
        writer.put_i64(self.transaction_last_update_timestamp_ms);
        writer.put_i64(self.transaction_start_timestamp_ms);
        if version >= 1 {
            let mut tagged = TaggedFields::default();
            if self.previous_producer_id != -1 {
                tagged.add(0, |writer| {
                    writer.put_i64(self.previous_producer_id);
                    Ok(())
                })?;
            }
            if self.next_producer_id != -1 {
                tagged.add(1, |writer| {
                    writer.put_i64(self.next_producer_id);
                    Ok(())
                })?;
            }
            if self.client_transaction_version != 0 {
                tagged.add(2, |writer| {
                    writer.put_i16(self.client_transaction_version);
                    Ok(())
                })?;
            }
            if self.next_producer_epoch != -1 {
                tagged.add(3, |writer| {
                    writer.put_i16(self.next_producer_epoch);
                    Ok(())
                })?;
            }
            tagged.put(writer, &self.unknown_tagged_fields)?;
        }
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct PartitionsSchema {
    pub topic: String,
    pub partition_ids: Vec<i32>,
    pub unknown_tagged_fields: UnknownTaggedFields,
}

impl Struct for PartitionsSchema {
    const BYTES_MIN: usize = 3;

    fn decode_fields(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let flexible = version >= 1;
        let mut value = Self::default();
        value.topic = reader.read_string(flexible)?;
        value.partition_ids = reader.read_array(flexible, 4, Reader::read_i32)?;
        if version >= 1 {
            value.unknown_tagged_fields = reader.read_unknown_tagged_fields()?;
        }
        Ok(value)
    }

    fn encode_fields(&self, writer: &mut Writer, version: i16) -> Result<(), EncodeError> {
        if version < 1 && !self.unknown_tagged_fields.is_empty() {
            return Err(EncodeError::TaggedFieldsUnsupported { version });
        }
        let flexible = version >= 1;
        writer.put_string(flexible, &self.topic)?;
        writer.put_array(flexible, &self.partition_ids, Writer::put_i32)?;
        if version >= 1 {
            writer.put_unknown_tagged_fields(&self.unknown_tagged_fields)?;
        }
        Ok(())
    }
}

impl Message for TransactionLogValue {
    const NAME: &'static str = "TransactionLogValue";
    const VERSIONS: (i16, i16) = (0, 1);
    const FLEXIBLE_SINCE: Option<i16> = Some(1);
}

impl RecordContent for TransactionLogValue {
    const TYPE: i16 = 0;
}
