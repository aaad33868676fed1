//! Generated from `schema/alter_partition.txt`: do not edit.

use super::super::wire::*;
use crate::model::Uuid;
use bytes::Bytes;

#[derive(Clone, Debug, PartialEq)]
pub struct AlterPartitionRequest {
    pub broker_id: i32,
    pub broker_epoch: i64,
    pub topics: Vec<TopicData>,
    pub unknown_tagged_fields: UnknownTaggedFields,
}

impl Default for AlterPartitionRequest {
    fn default() -> Self {
        Self {
            broker_id: 0,
            broker_epoch: -1,
            topics: Vec::new(),
            unknown_tagged_fields: UnknownTaggedFields::default(),
        }
    }
}

impl Struct for AlterPartitionRequest {
    const BYTES_MIN: usize = 14;

    fn decode_fields(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let mut value = Self::default();
        value.broker_id = reader.read_i32()?;
        value.broker_epoch = reader.read_i64()?;
        value.topics = reader.read_structs(true, version)?;
        value.unknown_tagged_fields = reader.read_unknown_tagged_fields()?;
        Ok(value)
    }

    fn encode_fields(&self, writer: &mut Writer, version: i16) -> Result<(), EncodeError> {
        writer.put_i32(self.broker_id);
        writer.put_i64(self.broker_epoch);
        writer.put_structs(true, &self.topics, version)?;
        writer.put_unknown_tagged_fields(&self.unknown_tagged_fields)?;
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct TopicData {
    pub topic_id: Uuid,
    pub partitions: Vec<PartitionData>,
    pub unknown_tagged_fields: UnknownTaggedFields,
}

impl Struct for TopicData {
    const BYTES_MIN: usize = 18;

    fn decode_fields(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let mut value = Self::default();
        value.topic_id = reader.read_uuid()?;
        value.partitions = reader.read_structs(true, version)?;
        value.unknown_tagged_fields = reader.read_unknown_tagged_fields()?;
        Ok(value)
    }

    fn encode_fields(&self, writer: &mut Writer, version: i16) -> Result<(), EncodeError> {
        writer.put_uuid(self.topic_id);
        writer.put_structs(true, &self.partitions, version)?;
        writer.put_unknown_tagged_fields(&self.unknown_tagged_fields)?;
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct PartitionData {
    pub partition_index: i32,
    pub leader_epoch: i32,
    /// 2-2
    pub new_isr: Vec<i32>,
    /// 3+
    pub new_isr_with_epochs: Vec<BrokerState>,
    pub leader_recovery_state: i8,
    pub partition_epoch: i32,
    pub unknown_tagged_fields: UnknownTaggedFields,
}

impl Struct for PartitionData {
    const BYTES_MIN: usize = 15;

    fn decode_fields(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let mut value = Self::default();
        value.partition_index = reader.read_i32()?;
        value.leader_epoch = reader.read_i32()?;
        if version <= 2 {
            value.new_isr = reader.read_array(true, 4, Reader::read_i32)?;
        }
        if version >= 3 {
            value.new_isr_with_epochs = reader.read_structs(true, version)?;
        }
        value.leader_recovery_state = reader.read_i8()?;
        value.partition_epoch = reader.read_i32()?;
        value.unknown_tagged_fields = reader.read_unknown_tagged_fields()?;
        Ok(value)
    }

    fn encode_fields(&self, writer: &mut Writer, version: i16) -> Result<(), EncodeError> {
        if version > 2 && !self.new_isr.is_empty() {
            return Err(EncodeError::FieldUnsupported { field: "PartitionData.NewIsr", version });
        }
        if version < 3 && !self.new_isr_with_epochs.is_empty() {
            return Err(EncodeError::FieldUnsupported { field: "PartitionData.NewIsrWithEpochs", version });
        }
        writer.put_i32(self.partition_index);
        writer.put_i32(self.leader_epoch);
        if version <= 2 {
            writer.put_array(true, &self.new_isr, Writer::put_i32)?;
        }
        if version >= 3 {
            writer.put_structs(true, &self.new_isr_with_epochs, version)?;
        }
        writer.put_i8(self.leader_recovery_state);
        writer.put_i32(self.partition_epoch);
        writer.put_unknown_tagged_fields(&self.unknown_tagged_fields)?;
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct BrokerState {
    pub broker_id: i32,
    pub broker_epoch: i64,
    pub unknown_tagged_fields: UnknownTaggedFields,
}

impl Default for BrokerState {
    fn default() -> Self {
        Self {
            broker_id: 0,
            broker_epoch: -1,
            unknown_tagged_fields: UnknownTaggedFields::default(),
        }
    }
}

impl Struct for BrokerState {
    const BYTES_MIN: usize = 13;

    fn decode_fields(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let mut value = Self::default();
        value.broker_id = reader.read_i32()?;
        value.broker_epoch = reader.read_i64()?;
        value.unknown_tagged_fields = reader.read_unknown_tagged_fields()?;
        Ok(value)
    }

    fn encode_fields(&self, writer: &mut Writer, version: i16) -> Result<(), EncodeError> {
        writer.put_i32(self.broker_id);
        writer.put_i64(self.broker_epoch);
        writer.put_unknown_tagged_fields(&self.unknown_tagged_fields)?;
        Ok(())
    }
}

impl Message for AlterPartitionRequest {
    const NAME: &'static str = "AlterPartitionRequest";
    const VERSIONS: (i16, i16) = (2, 3);
    const FLEXIBLE_SINCE: Option<i16> = Some(2);
}

impl Request for AlterPartitionRequest {
    const KEY: super::ApiKey = super::ApiKey::AlterPartition;
    type Response = super::AlterPartitionResponse;
}
