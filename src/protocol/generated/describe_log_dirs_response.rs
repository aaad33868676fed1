//! Generated from `schema/describe_log_dirs.txt`: do not edit.

use super::super::wire::*;
use crate::model::Uuid;
use bytes::Bytes;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct DescribeLogDirsResponse {
    pub throttle_time_ms: i32,
    /// 3+
    pub error_code: i16,
    pub results: Vec<DescribeLogDirsResult>,
    pub unknown_tagged_fields: UnknownTaggedFields,
}

impl Struct for DescribeLogDirsResponse {
    const BYTES_MIN: usize = 6;

    fn decode_fields(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let flexible = version >= 2;
        let mut value = Self::default();
        value.throttle_time_ms = reader.read_i32()?;
        if version >= 3 {
            value.error_code = reader.read_i16()?;
        }
        value.results = reader.read_structs(flexible, version)?;
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
        writer.put_i32(self.throttle_time_ms);
        if version >= 3 {
            writer.put_i16(self.error_code);
        }
        writer.put_structs(flexible, &self.results, version)?;
        if version >= 2 {
            writer.put_unknown_tagged_fields(&self.unknown_tagged_fields)?;
        }
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct DescribeLogDirsResult {
    pub error_code: i16,
    pub log_dir: String,
    pub topics: Vec<DescribeLogDirsTopic>,
    /// 4+
    pub total_bytes: i64,
    /// 4+
    pub usable_bytes: i64,
    /// 5+
    pub is_cordoned: bool,
    pub unknown_tagged_fields: UnknownTaggedFields,
}

impl Default for DescribeLogDirsResult {
    fn default() -> Self {
        Self {
            error_code: 0,
            log_dir: String::new(),
            topics: Vec::new(),
            total_bytes: -1,
            usable_bytes: -1,
            is_cordoned: false,
            unknown_tagged_fields: UnknownTaggedFields::default(),
        }
    }
}

impl Struct for DescribeLogDirsResult {
    const BYTES_MIN: usize = 5;

    fn decode_fields(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let flexible = version >= 2;
        let mut value = Self::default();
        value.error_code = reader.read_i16()?;
        value.log_dir = reader.read_string(flexible)?;
        value.topics = reader.read_structs(flexible, version)?;
        if version >= 4 {
            value.total_bytes = reader.read_i64()?;
            value.usable_bytes = reader.read_i64()?;
        }
        if version >= 5 {
            value.is_cordoned = reader.read_bool()?;
        }
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
        writer.put_i16(self.error_code);
        writer.put_string(flexible, &self.log_dir)?;
        writer.put_structs(flexible, &self.topics, version)?;
        if version >= 4 {
            writer.put_i64(self.total_bytes);
            writer.put_i64(self.usable_bytes);
        }
        if version >= 5 {
            writer.put_bool(self.is_cordoned);
        }
        if version >= 2 {
            writer.put_unknown_tagged_fields(&self.unknown_tagged_fields)?;
        }
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct DescribeLogDirsTopic {
    pub name: String,
    pub partitions: Vec<DescribeLogDirsPartition>,
    pub unknown_tagged_fields: UnknownTaggedFields,
}

impl Struct for DescribeLogDirsTopic {
    const BYTES_MIN: usize = 3;

    fn decode_fields(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let flexible = version >= 2;
        let mut value = Self::default();
        value.name = reader.read_string(flexible)?;
        value.partitions = reader.read_structs(flexible, version)?;
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
        writer.put_string(flexible, &self.name)?;
        writer.put_structs(flexible, &self.partitions, version)?;
        if version >= 2 {
            writer.put_unknown_tagged_fields(&self.unknown_tagged_fields)?;
        }
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct DescribeLogDirsPartition {
    pub partition_index: i32,
    pub partition_size: i64,
    pub offset_lag: i64,
    pub is_future_key: bool,
    pub unknown_tagged_fields: UnknownTaggedFields,
}

impl Struct for DescribeLogDirsPartition {
    const BYTES_MIN: usize = 21;

    fn decode_fields(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let mut value = Self::default();
        value.partition_index = reader.read_i32()?;
        value.partition_size = reader.read_i64()?;
        value.offset_lag = reader.read_i64()?;
        value.is_future_key = reader.read_bool()?;
        if version >= 2 {
            value.unknown_tagged_fields = reader.read_unknown_tagged_fields()?;
        }
        Ok(value)
    }

    fn encode_fields(&self, writer: &mut Writer, version: i16) -> Result<(), EncodeError> {
        if version < 2 && !self.unknown_tagged_fields.is_empty() {
            return Err(EncodeError::TaggedFieldsUnsupported { version });
        }
        writer.put_i32(self.partition_index);
        writer.put_i64(self.partition_size);
        writer.put_i64(self.offset_lag);
        writer.put_bool(self.is_future_key);
        if version >= 2 {
            writer.put_unknown_tagged_fields(&self.unknown_tagged_fields)?;
        }
        Ok(())
    }
}

impl Message for DescribeLogDirsResponse {
    const NAME: &'static str = "DescribeLogDirsResponse";
    const VERSIONS: (i16, i16) = (1, 5);
    const FLEXIBLE_SINCE: Option<i16> = Some(2);
}
