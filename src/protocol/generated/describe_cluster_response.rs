//! Generated from `schema/describe_cluster.txt`: do not edit.

use super::super::wire::*;
use crate::model::Uuid;
use bytes::Bytes;

#[derive(Clone, Debug, PartialEq)]
pub struct DescribeClusterResponse {
    pub throttle_time_ms: i32,
    pub error_code: i16,
    pub error_message: Option<String>,
    /// 1+
    pub endpoint_type: i8,
    pub cluster_id: String,
    pub controller_id: i32,
    pub brokers: Vec<DescribeClusterBroker>,
    pub cluster_authorized_operations: i32,
    pub unknown_tagged_fields: UnknownTaggedFields,
}

impl Default for DescribeClusterResponse {
    fn default() -> Self {
        Self {
            throttle_time_ms: 0,
            error_code: 0,
            error_message: None,
            endpoint_type: 1,
            cluster_id: String::new(),
            controller_id: -1,
            brokers: Vec::new(),
            cluster_authorized_operations: -2147483648,
            unknown_tagged_fields: UnknownTaggedFields::default(),
        }
    }
}

impl Struct for DescribeClusterResponse {
    const BYTES_MIN: usize = 18;

    fn decode_fields(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let mut value = Self::default();
        value.throttle_time_ms = reader.read_i32()?;
        value.error_code = reader.read_i16()?;
        value.error_message = reader.read_nullable_string(true)?;
        if version >= 1 {
            value.endpoint_type = reader.read_i8()?;
        }
        value.cluster_id = reader.read_string(true)?;
        value.controller_id = reader.read_i32()?;
        value.brokers = reader.read_structs(true, version)?;
        value.cluster_authorized_operations = reader.read_i32()?;
        value.unknown_tagged_fields = reader.read_unknown_tagged_fields()?;
        Ok(value)
    }

    fn encode_fields(&self, writer: &mut Writer, version: i16) -> Result<(), EncodeError> {
        if version < 1 && self.endpoint_type != 1 {
            return Err(EncodeError::FieldUnsupported { field: "DescribeClusterResponse.EndpointType", version });
        }
        writer.put_i32(self.throttle_time_ms);
        writer.put_i16(self.error_code);
        writer.put_nullable_string(true, self.error_message.as_deref())?;
        if version >= 1 {
            writer.put_i8(self.endpoint_type);
        }
        writer.put_string(true, &self.cluster_id)?;
        writer.put_i32(self.controller_id);
        writer.put_structs(true, &self.brokers, version)?;
        writer.put_i32(self.cluster_authorized_operations);
        writer.put_unknown_tagged_fields(&self.unknown_tagged_fields)?;
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct DescribeClusterBroker {
    pub broker_id: i32,
    pub host: String,
    pub port: i32,
    pub rack: Option<String>,
    /// 2+
    pub is_fenced: bool,
    pub unknown_tagged_fields: UnknownTaggedFields,
}

impl Struct for DescribeClusterBroker {
    const BYTES_MIN: usize = 11;

    fn decode_fields(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let mut value = Self::default();
        value.broker_id = reader.read_i32()?;
        value.host = reader.read_string(true)?;
        value.port = reader.read_i32()?;
        value.rack = reader.read_nullable_string(true)?;
        if version >= 2 {
            value.is_fenced = reader.read_bool()?;
        }
        value.unknown_tagged_fields = reader.read_unknown_tagged_fields()?;
        Ok(value)
    }

    fn encode_fields(&self, writer: &mut Writer, version: i16) -> Result<(), EncodeError> {
        if version < 2 && self.is_fenced {
            return Err(EncodeError::FieldUnsupported { field: "DescribeClusterBroker.IsFenced", version });
        }
        writer.put_i32(self.broker_id);
        writer.put_string(true, &self.host)?;
        writer.put_i32(self.port);
        writer.put_nullable_string(true, self.rack.as_deref())?;
        if version >= 2 {
            writer.put_bool(self.is_fenced);
        }
        writer.put_unknown_tagged_fields(&self.unknown_tagged_fields)?;
        Ok(())
    }
}

impl Message for DescribeClusterResponse {
    const NAME: &'static str = "DescribeClusterResponse";
    const VERSIONS: (i16, i16) = (0, 2);
    const FLEXIBLE_SINCE: Option<i16> = Some(0);
}
