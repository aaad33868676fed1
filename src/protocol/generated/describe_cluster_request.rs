//! Generated from `schema/describe_cluster.txt`: do not edit.

use super::super::wire::*;
use crate::model::Uuid;
use bytes::Bytes;

#[derive(Clone, Debug, PartialEq)]
pub struct DescribeClusterRequest {
    pub include_cluster_authorized_operations: bool,
    /// 1+
    pub endpoint_type: i8,
    /// 2+
    pub include_fenced_brokers: bool,
    pub unknown_tagged_fields: UnknownTaggedFields,
}

impl Default for DescribeClusterRequest {
    fn default() -> Self {
        Self {
            include_cluster_authorized_operations: false,
            endpoint_type: 1,
            include_fenced_brokers: false,
            unknown_tagged_fields: UnknownTaggedFields::default(),
        }
    }
}

impl Struct for DescribeClusterRequest {
    const BYTES_MIN: usize = 2;

    fn decode_fields(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let mut value = Self::default();
        value.include_cluster_authorized_operations = reader.read_bool()?;
        if version >= 1 {
            value.endpoint_type = reader.read_i8()?;
        }
        if version >= 2 {
            value.include_fenced_brokers = reader.read_bool()?;
        }
        value.unknown_tagged_fields = reader.read_unknown_tagged_fields()?;
        Ok(value)
    }

    fn encode_fields(&self, writer: &mut Writer, version: i16) -> Result<(), EncodeError> {
        if version < 1 && self.endpoint_type != 1 {
            return Err(EncodeError::FieldUnsupported { field: "DescribeClusterRequest.EndpointType", version });
        }
        if version < 2 && self.include_fenced_brokers {
            return Err(EncodeError::FieldUnsupported { field: "DescribeClusterRequest.IncludeFencedBrokers", version });
        }
        writer.put_bool(self.include_cluster_authorized_operations);
        if version >= 1 {
            writer.put_i8(self.endpoint_type);
        }
        if version >= 2 {
            writer.put_bool(self.include_fenced_brokers);
        }
        writer.put_unknown_tagged_fields(&self.unknown_tagged_fields)?;
        Ok(())
    }
}

impl Message for DescribeClusterRequest {
    const NAME: &'static str = "DescribeClusterRequest";
    const VERSIONS: (i16, i16) = (0, 2);
    const FLEXIBLE_SINCE: Option<i16> = Some(0);
}

impl Request for DescribeClusterRequest {
    const KEY: super::ApiKey = super::ApiKey::DescribeCluster;
    type Response = super::DescribeClusterResponse;
}
