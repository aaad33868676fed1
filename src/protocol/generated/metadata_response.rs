//! Generated from `schema/metadata.txt`: do not edit.

use super::super::wire::*;
use crate::model::Uuid;
use bytes::Bytes;

#[derive(Clone, Debug, PartialEq)]
pub struct MetadataResponse {
    /// 3+
    pub throttle_time_ms: i32,
    pub brokers: Vec<MetadataResponseBroker>,
    /// 2+
    pub cluster_id: Option<String>,
    /// 1+
    pub controller_id: i32,
    pub topics: Vec<MetadataResponseTopic>,
    /// 8-10
    pub cluster_authorized_operations: i32,
    /// 13+
    pub error_code: i16,
    pub unknown_tagged_fields: UnknownTaggedFields,
}

impl Default for MetadataResponse {
    fn default() -> Self {
        Self {
            throttle_time_ms: 0,
            brokers: Vec::new(),
            cluster_id: None,
            controller_id: -1,
            topics: Vec::new(),
            cluster_authorized_operations: -2147483648,
            error_code: 0,
            unknown_tagged_fields: UnknownTaggedFields::default(),
        }
    }
}

impl Struct for MetadataResponse {
    const BYTES_MIN: usize = 8;

    fn decode_fields(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let flexible = version >= 9;
        let mut value = Self::default();
        if version >= 3 {
            value.throttle_time_ms = reader.read_i32()?;
        }
        value.brokers = reader.read_structs(flexible, version)?;
        if version >= 2 {
            value.cluster_id = reader.read_nullable_string(flexible)?;
        }
        if version >= 1 {
            value.controller_id = reader.read_i32()?;
        }
        value.topics = reader.read_structs(flexible, version)?;
        if (8..=10).contains(&version) {
            value.cluster_authorized_operations = reader.read_i32()?;
        }
        if version >= 13 {
            value.error_code = reader.read_i16()?;
        }
        if version >= 9 {
            value.unknown_tagged_fields = reader.read_unknown_tagged_fields()?;
        }
        Ok(value)
    }

    fn encode_fields(&self, writer: &mut Writer, version: i16) -> Result<(), EncodeError> {
        if !(8..=10).contains(&version) && self.cluster_authorized_operations != -2147483648 {
            return Err(EncodeError::FieldUnsupported { field: "MetadataResponse.ClusterAuthorizedOperations", version });
        }
        if version < 9 && !self.unknown_tagged_fields.is_empty() {
            return Err(EncodeError::TaggedFieldsUnsupported { version });
        }
        let flexible = version >= 9;
        if version >= 3 {
            writer.put_i32(self.throttle_time_ms);
        }
        writer.put_structs(flexible, &self.brokers, version)?;
        if version >= 2 {
            writer.put_nullable_string(flexible, self.cluster_id.as_deref())?;
        }
        if version >= 1 {
            writer.put_i32(self.controller_id);
        }
        writer.put_structs(flexible, &self.topics, version)?;
        if (8..=10).contains(&version) {
            writer.put_i32(self.cluster_authorized_operations);
        }
        if version >= 13 {
            writer.put_i16(self.error_code);
        }
        if version >= 9 {
            writer.put_unknown_tagged_fields(&self.unknown_tagged_fields)?;
        }
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct MetadataResponseTopic {
    pub error_code: i16,
    pub name: Option<String>,
    /// 10+
    pub topic_id: Uuid,
    /// 1+
    pub is_internal: bool,
    pub partitions: Vec<MetadataResponsePartition>,
    /// 8+
    pub topic_authorized_operations: i32,
    pub unknown_tagged_fields: UnknownTaggedFields,
}

impl Default for MetadataResponseTopic {
    fn default() -> Self {
        Self {
            error_code: 0,
            name: Some(String::new()),
            topic_id: Uuid::ZERO,
            is_internal: false,
            partitions: Vec::new(),
            topic_authorized_operations: -2147483648,
            unknown_tagged_fields: UnknownTaggedFields::default(),
        }
    }
}

impl Struct for MetadataResponseTopic {
    const BYTES_MIN: usize = 8;

    fn decode_fields(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let flexible = version >= 9;
        let mut value = Self::default();
        value.error_code = reader.read_i16()?;
        value.name = reader.read_nullable_string(flexible)?;
        if version < 12 && value.name.is_none() {
            return Err(reader.expected("MetadataResponseTopic.Name, not null"));
        }
        if version >= 10 {
            value.topic_id = reader.read_uuid()?;
        }
        if version >= 1 {
            value.is_internal = reader.read_bool()?;
        }
        value.partitions = reader.read_structs(flexible, version)?;
        if version >= 8 {
            value.topic_authorized_operations = reader.read_i32()?;
        }
        if version >= 9 {
            value.unknown_tagged_fields = reader.read_unknown_tagged_fields()?;
        }
        Ok(value)
    }

    fn encode_fields(&self, writer: &mut Writer, version: i16) -> Result<(), EncodeError> {
        if version < 12 && self.name.is_none() {
            return Err(EncodeError::NullUnsupported { field: "MetadataResponseTopic.Name", version });
        }
        if version < 8 && self.topic_authorized_operations != -2147483648 {
            return Err(EncodeError::FieldUnsupported { field: "MetadataResponseTopic.TopicAuthorizedOperations", version });
        }
        if version < 9 && !self.unknown_tagged_fields.is_empty() {
            return Err(EncodeError::TaggedFieldsUnsupported { version });
        }
        let flexible = version >= 9;
        writer.put_i16(self.error_code);
        writer.put_nullable_string(flexible, self.name.as_deref())?;
        if version >= 10 {
            writer.put_uuid(self.topic_id);
        }
        if version >= 1 {
            writer.put_bool(self.is_internal);
        }
        writer.put_structs(flexible, &self.partitions, version)?;
        if version >= 8 {
            writer.put_i32(self.topic_authorized_operations);
        }
        if version >= 9 {
            writer.put_unknown_tagged_fields(&self.unknown_tagged_fields)?;
        }
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct MetadataResponsePartition {
    pub error_code: i16,
    pub partition_index: i32,
    pub leader_id: i32,
    /// 7+
    pub leader_epoch: i32,
    pub replica_nodes: Vec<i32>,
    pub isr_nodes: Vec<i32>,
    /// 5+
    pub offline_replicas: Vec<i32>,
    pub unknown_tagged_fields: UnknownTaggedFields,
}

impl Default for MetadataResponsePartition {
    fn default() -> Self {
        Self {
            error_code: 0,
            partition_index: 0,
            leader_id: 0,
            leader_epoch: -1,
            replica_nodes: Vec::new(),
            isr_nodes: Vec::new(),
            offline_replicas: Vec::new(),
            unknown_tagged_fields: UnknownTaggedFields::default(),
        }
    }
}

impl Struct for MetadataResponsePartition {
    const BYTES_MIN: usize = 18;

    fn decode_fields(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let flexible = version >= 9;
        let mut value = Self::default();
        value.error_code = reader.read_i16()?;
        value.partition_index = reader.read_i32()?;
        value.leader_id = reader.read_i32()?;
        if version >= 7 {
            value.leader_epoch = reader.read_i32()?;
        }
        value.replica_nodes = reader.read_array(flexible, 4, Reader::read_i32)?;
        value.isr_nodes = reader.read_array(flexible, 4, Reader::read_i32)?;
        if version >= 5 {
            value.offline_replicas = reader.read_array(flexible, 4, Reader::read_i32)?;
        }
        if version >= 9 {
            value.unknown_tagged_fields = reader.read_unknown_tagged_fields()?;
        }
        Ok(value)
    }

    fn encode_fields(&self, writer: &mut Writer, version: i16) -> Result<(), EncodeError> {
        if version < 9 && !self.unknown_tagged_fields.is_empty() {
            return Err(EncodeError::TaggedFieldsUnsupported { version });
        }
        let flexible = version >= 9;
        writer.put_i16(self.error_code);
        writer.put_i32(self.partition_index);
        writer.put_i32(self.leader_id);
        if version >= 7 {
            writer.put_i32(self.leader_epoch);
        }
        writer.put_array(flexible, &self.replica_nodes, Writer::put_i32)?;
        writer.put_array(flexible, &self.isr_nodes, Writer::put_i32)?;
        if version >= 5 {
            writer.put_array(flexible, &self.offline_replicas, Writer::put_i32)?;
        }
        if version >= 9 {
            writer.put_unknown_tagged_fields(&self.unknown_tagged_fields)?;
        }
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct MetadataResponseBroker {
    pub node_id: i32,
    pub host: String,
    pub port: i32,
    /// 1+
    pub rack: Option<String>,
    pub unknown_tagged_fields: UnknownTaggedFields,
}

impl Struct for MetadataResponseBroker {
    const BYTES_MIN: usize = 10;

    fn decode_fields(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let flexible = version >= 9;
        let mut value = Self::default();
        value.node_id = reader.read_i32()?;
        value.host = reader.read_string(flexible)?;
        value.port = reader.read_i32()?;
        if version >= 1 {
            value.rack = reader.read_nullable_string(flexible)?;
        }
        if version >= 9 {
            value.unknown_tagged_fields = reader.read_unknown_tagged_fields()?;
        }
        Ok(value)
    }

    fn encode_fields(&self, writer: &mut Writer, version: i16) -> Result<(), EncodeError> {
        if version < 9 && !self.unknown_tagged_fields.is_empty() {
            return Err(EncodeError::TaggedFieldsUnsupported { version });
        }
        let flexible = version >= 9;
        writer.put_i32(self.node_id);
        writer.put_string(flexible, &self.host)?;
        writer.put_i32(self.port);
        if version >= 1 {
            writer.put_nullable_string(flexible, self.rack.as_deref())?;
        }
        if version >= 9 {
            writer.put_unknown_tagged_fields(&self.unknown_tagged_fields)?;
        }
        Ok(())
    }
}

impl Message for MetadataResponse {
    const NAME: &'static str = "MetadataResponse";
    const VERSIONS: (i16, i16) = (0, 13);
    const FLEXIBLE_SINCE: Option<i16> = Some(9);
}
