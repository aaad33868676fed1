//! Generated from `schema/alter_partition_reassignments.txt`: do not edit.

use super::super::wire::*;
use crate::model::Uuid;
use bytes::Bytes;

#[derive(Clone, Debug, PartialEq)]
pub struct AlterPartitionReassignmentsRequest {
    pub timeout_ms: i32,
    /// 1+
    pub allow_replication_factor_change: bool,
    pub topics: Vec<ReassignableTopic>,
    pub unknown_tagged_fields: UnknownTaggedFields,
}

impl Default for AlterPartitionReassignmentsRequest {
    fn default() -> Self {
        Self {
            timeout_ms: 60000,
            allow_replication_factor_change: true,
            topics: Vec::new(),
            unknown_tagged_fields: UnknownTaggedFields::default(),
        }
    }
}

impl Struct for AlterPartitionReassignmentsRequest {
    const BYTES_MIN: usize = 6;

    fn decode_fields(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let mut value = Self::default();
        value.timeout_ms = reader.read_i32()?;
        if version >= 1 {
            value.allow_replication_factor_change = reader.read_bool()?;
        }
        value.topics = reader.read_structs(true, version)?;
        value.unknown_tagged_fields = reader.read_unknown_tagged_fields()?;
        Ok(value)
    }

    fn encode_fields(&self, writer: &mut Writer, version: i16) -> Result<(), EncodeError> {
        if version < 1 && !self.allow_replication_factor_change {
            return Err(EncodeError::FieldUnsupported { field: "AlterPartitionReassignmentsRequest.AllowReplicationFactorChange", version });
        }
        writer.put_i32(self.timeout_ms);
        if version >= 1 {
            writer.put_bool(self.allow_replication_factor_change);
        }
        writer.put_structs(true, &self.topics, version)?;
        writer.put_unknown_tagged_fields(&self.unknown_tagged_fields)?;
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct ReassignableTopic {
    pub name: String,
    pub partitions: Vec<ReassignablePartition>,
    pub unknown_tagged_fields: UnknownTaggedFields,
}

impl Struct for ReassignableTopic {
    const BYTES_MIN: usize = 3;

    fn decode_fields(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let mut value = Self::default();
        value.name = reader.read_string(true)?;
        value.partitions = reader.read_structs(true, version)?;
        value.unknown_tagged_fields = reader.read_unknown_tagged_fields()?;
        Ok(value)
    }

    fn encode_fields(&self, writer: &mut Writer, version: i16) -> Result<(), EncodeError> {
        writer.put_string(true, &self.name)?;
        writer.put_structs(true, &self.partitions, version)?;
        writer.put_unknown_tagged_fields(&self.unknown_tagged_fields)?;
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct ReassignablePartition {
    pub partition_index: i32,
    pub replicas: Option<Vec<i32>>,
    pub unknown_tagged_fields: UnknownTaggedFields,
}

impl Struct for ReassignablePartition {
    const BYTES_MIN: usize = 6;

    fn decode_fields(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let mut value = Self::default();
        value.partition_index = reader.read_i32()?;
        value.replicas = reader.read_nullable_array(true, 4, Reader::read_i32)?;
        value.unknown_tagged_fields = reader.read_unknown_tagged_fields()?;
        Ok(value)
    }

    fn encode_fields(&self, writer: &mut Writer, version: i16) -> Result<(), EncodeError> {
        writer.put_i32(self.partition_index);
        writer.put_nullable_array(true, self.replicas.as_deref(), Writer::put_i32)?;
        writer.put_unknown_tagged_fields(&self.unknown_tagged_fields)?;
        Ok(())
    }
}

impl Message for AlterPartitionReassignmentsRequest {
    const NAME: &'static str = "AlterPartitionReassignmentsRequest";
    const VERSIONS: (i16, i16) = (0, 1);
    const FLEXIBLE_SINCE: Option<i16> = Some(0);
}

impl Request for AlterPartitionReassignmentsRequest {
    const KEY: super::ApiKey = super::ApiKey::AlterPartitionReassignments;
    type Response = super::AlterPartitionReassignmentsResponse;
}
