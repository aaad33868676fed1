//! Generated from `schema/add_partitions_to_txn.txt`: do not edit.

use super::super::wire::*;
use crate::model::Uuid;
use bytes::Bytes;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct AddPartitionsToTxnResponse {
    pub throttle_time_ms: i32,
    /// 4+
    pub error_code: i16,
    /// 4+
    pub results_by_transaction: Vec<AddPartitionsToTxnResult>,
    /// 0-3
    pub results_by_topic_v3_and_below: Vec<AddPartitionsToTxnTopicResult>,
    pub unknown_tagged_fields: UnknownTaggedFields,
}

impl Struct for AddPartitionsToTxnResponse {
    const BYTES_MIN: usize = 6;

    fn decode_fields(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let flexible = version >= 3;
        let mut value = Self::default();
        value.throttle_time_ms = reader.read_i32()?;
        if version >= 4 {
            value.error_code = reader.read_i16()?;
            value.results_by_transaction = reader.read_structs(flexible, version)?;
        }
        if version <= 3 {
            value.results_by_topic_v3_and_below = reader.read_structs(flexible, version)?;
        }
        if version >= 3 {
            value.unknown_tagged_fields = reader.read_unknown_tagged_fields()?;
        }
        Ok(value)
    }

    fn encode_fields(&self, writer: &mut Writer, version: i16) -> Result<(), EncodeError> {
        if version < 4 && !self.results_by_transaction.is_empty() {
            return Err(EncodeError::FieldUnsupported { field: "AddPartitionsToTxnResponse.ResultsByTransaction", version });
        }
        if version > 3 && !self.results_by_topic_v3_and_below.is_empty() {
            return Err(EncodeError::FieldUnsupported { field: "AddPartitionsToTxnResponse.ResultsByTopicV3AndBelow", version });
        }
        if version < 3 && !self.unknown_tagged_fields.is_empty() {
            return Err(EncodeError::TaggedFieldsUnsupported { version });
        }
        let flexible = version >= 3;
        writer.put_i32(self.throttle_time_ms);
        if version >= 4 {
            writer.put_i16(self.error_code);
            writer.put_structs(flexible, &self.results_by_transaction, version)?;
        }
        if version <= 3 {
            writer.put_structs(flexible, &self.results_by_topic_v3_and_below, version)?;
        }
        if version >= 3 {
            writer.put_unknown_tagged_fields(&self.unknown_tagged_fields)?;
        }
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct AddPartitionsToTxnResult {
    pub transactional_id: String,
    pub topic_results: Vec<AddPartitionsToTxnTopicResult>,
    pub unknown_tagged_fields: UnknownTaggedFields,
}

impl Struct for AddPartitionsToTxnResult {
    const BYTES_MIN: usize = 3;

    fn decode_fields(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let mut value = Self::default();
        value.transactional_id = reader.read_string(true)?;
        value.topic_results = reader.read_structs(true, version)?;
        value.unknown_tagged_fields = reader.read_unknown_tagged_fields()?;
        Ok(value)
    }

    fn encode_fields(&self, writer: &mut Writer, version: i16) -> Result<(), EncodeError> {
        writer.put_string(true, &self.transactional_id)?;
        writer.put_structs(true, &self.topic_results, version)?;
        writer.put_unknown_tagged_fields(&self.unknown_tagged_fields)?;
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct AddPartitionsToTxnPartitionResult {
    pub partition_index: i32,
    pub partition_error_code: i16,
    pub unknown_tagged_fields: UnknownTaggedFields,
}

impl Struct for AddPartitionsToTxnPartitionResult {
    const BYTES_MIN: usize = 6;

    fn decode_fields(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let mut value = Self::default();
        value.partition_index = reader.read_i32()?;
        value.partition_error_code = reader.read_i16()?;
        if version >= 3 {
            value.unknown_tagged_fields = reader.read_unknown_tagged_fields()?;
        }
        Ok(value)
    }

    fn encode_fields(&self, writer: &mut Writer, version: i16) -> Result<(), EncodeError> {
        if version < 3 && !self.unknown_tagged_fields.is_empty() {
            return Err(EncodeError::TaggedFieldsUnsupported { version });
        }
        writer.put_i32(self.partition_index);
        writer.put_i16(self.partition_error_code);
        if version >= 3 {
            writer.put_unknown_tagged_fields(&self.unknown_tagged_fields)?;
        }
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct AddPartitionsToTxnTopicResult {
    pub name: String,
    pub results_by_partition: Vec<AddPartitionsToTxnPartitionResult>,
    pub unknown_tagged_fields: UnknownTaggedFields,
}

impl Struct for AddPartitionsToTxnTopicResult {
    const BYTES_MIN: usize = 3;

    fn decode_fields(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let flexible = version >= 3;
        let mut value = Self::default();
        value.name = reader.read_string(flexible)?;
        value.results_by_partition = reader.read_structs(flexible, version)?;
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
        writer.put_structs(flexible, &self.results_by_partition, version)?;
        if version >= 3 {
            writer.put_unknown_tagged_fields(&self.unknown_tagged_fields)?;
        }
        Ok(())
    }
}

impl Message for AddPartitionsToTxnResponse {
    const NAME: &'static str = "AddPartitionsToTxnResponse";
    const VERSIONS: (i16, i16) = (0, 5);
    const FLEXIBLE_SINCE: Option<i16> = Some(3);
}
