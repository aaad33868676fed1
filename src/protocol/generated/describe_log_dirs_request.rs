//! Generated from `schema/describe_log_dirs.txt`: do not edit.

use super::super::wire::*;
use crate::model::Uuid;
use bytes::Bytes;

#[derive(Clone, Debug, PartialEq)]
pub struct DescribeLogDirsRequest {
    pub topics: Option<Vec<DescribableLogDirTopic>>,
    pub unknown_tagged_fields: UnknownTaggedFields,
}

impl Default for DescribeLogDirsRequest {
    fn default() -> Self {
        Self {
            topics: Some(Vec::new()),
            unknown_tagged_fields: UnknownTaggedFields::default(),
        }
    }
}

impl Struct for DescribeLogDirsRequest {
    const BYTES_MIN: usize = 2;

    fn decode_fields(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let flexible = version >= 2;
        let mut value = Self::default();
        value.topics = reader.read_nullable_structs(flexible, version)?;
        if version >= 2 {
            value.unknown_tagged_fields = reader.read_unknown_tagged_fields()?;
        }
        Ok(value)
    }

    fn encode_fields(&self, writer: &mut Writer, version: i16) -> Result<(), EncodeError> {
        if version < 2 && !self.unknown_tagged_fields.is_empty() {
            return Err(EncodeError::TaggedFieldsUnsupported { version });
        }
        let flexible = version >= 2;
        writer.put_nullable_structs(flexible, self.topics.as_deref(), version)?;
        if version >= 2 {
            writer.put_unknown_tagged_fields(&self.unknown_tagged_fields)?;
        }
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct DescribableLogDirTopic {
    pub topic: String,
    pub partitions: Vec<i32>,
    pub unknown_tagged_fields: UnknownTaggedFields,
}

impl Struct for DescribableLogDirTopic {
    const BYTES_MIN: usize = 3;

    fn decode_fields(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let flexible = version >= 2;
        let mut value = Self::default();
        value.topic = reader.read_string(flexible)?;
        value.partitions = reader.read_array(flexible, 4, Reader::read_i32)?;
        if version >= 2 {
            value.unknown_tagged_fields = reader.read_unknown_tagged_fields()?;
        }
        Ok(value)
    }

    fn encode_fields(&self, writer: &mut Writer, version: i16) -> Result<(), EncodeError> {
        if version < 2 && !self.unknown_tagged_fields.is_empty() {
            return Err(EncodeError::TaggedFieldsUnsupported { version });
        }
        let flexible = version >= 2;
        writer.put_string(flexible, &self.topic)?;
        writer.put_array(flexible, &self.partitions, Writer::put_i32)?;
        if version >= 2 {
            writer.put_unknown_tagged_fields(&self.unknown_tagged_fields)?;
        }
        Ok(())
    }
}

impl Message for DescribeLogDirsRequest {
    const NAME: &'static str = "DescribeLogDirsRequest";
    const VERSIONS: (i16, i16) = (1, 5);
    const FLEXIBLE_SINCE: Option<i16> = Some(2);
}

impl Request for DescribeLogDirsRequest {
    const KEY: super::ApiKey = super::ApiKey::DescribeLogDirs;
    type Response = super::DescribeLogDirsResponse;
}
