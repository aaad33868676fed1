//! Generated from `schema/streams_group_describe.txt`: do not edit.

use super::super::wire::*;
use crate::model::Uuid;
use bytes::Bytes;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct StreamsGroupDescribeRequest {
    pub group_ids: Vec<String>,
    pub include_authorized_operations: bool,
    /// 1+
    pub include_topology_description: bool,
    pub unknown_tagged_fields: UnknownTaggedFields,
}

impl Struct for StreamsGroupDescribeRequest {
    const BYTES_MIN: usize = 3;

    fn decode_fields(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let mut value = Self::default();
        value.group_ids = reader.read_strings(true)?;
        value.include_authorized_operations = reader.read_bool()?;
        if version >= 1 {
            value.include_topology_description = reader.read_bool()?;
        }
        value.unknown_tagged_fields = reader.read_unknown_tagged_fields()?;
        Ok(value)
    }

    fn encode_fields(&self, writer: &mut Writer, version: i16) -> Result<(), EncodeError> {
        if version < 1 && self.include_topology_description {
            return Err(EncodeError::FieldUnsupported { field: "StreamsGroupDescribeRequest.IncludeTopologyDescription", version });
        }
        writer.put_strings(true, &self.group_ids)?;
        writer.put_bool(self.include_authorized_operations);
        if version >= 1 {
            writer.put_bool(self.include_topology_description);
        }
        writer.put_unknown_tagged_fields(&self.unknown_tagged_fields)?;
        Ok(())
    }
}

impl Message for StreamsGroupDescribeRequest {
    const NAME: &'static str = "StreamsGroupDescribeRequest";
    const VERSIONS: (i16, i16) = (0, 1);
    const FLEXIBLE_SINCE: Option<i16> = Some(0);
}

impl Request for StreamsGroupDescribeRequest {
    const KEY: super::ApiKey = super::ApiKey::StreamsGroupDescribe;
    type Response = super::StreamsGroupDescribeResponse;
}
