//! Generated from `schema/consumer_protocol.txt`: do not edit.

use super::super::wire::*;
use crate::model::Uuid;
use bytes::Bytes;

#[derive(Clone, Debug, PartialEq)]
pub struct ConsumerProtocolSubscription {
    pub topics: Vec<String>,
    pub user_data: Option<Bytes>,
    /// 1+
    pub owned_partitions: Vec<TopicPartition>,
    /// 2+
    pub generation_id: i32,
    /// 3+
    pub rack_id: Option<String>,
}

impl Default for ConsumerProtocolSubscription {
    fn default() -> Self {
        Self {
            topics: Vec::new(),
            user_data: None,
            owned_partitions: Vec::new(),
            generation_id: -1,
            rack_id: None,
        }
    }
}

impl Struct for ConsumerProtocolSubscription {
    const BYTES_MIN: usize = 8;

    fn decode_fields(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let mut value = Self::default();
        value.topics = reader.read_strings(false)?;
        value.user_data = reader.read_nullable_bytes(false)?;
        if version >= 1 {
            value.owned_partitions = reader.read_structs(false, version)?;
        }
        if version >= 2 {
            value.generation_id = reader.read_i32()?;
        }
        if version >= 3 {
            value.rack_id = reader.read_nullable_string(false)?;
        }
        Ok(value)
    }

    fn encode_fields(&self, writer: &mut Writer, version: i16) -> Result<(), EncodeError> {
        writer.put_strings(false, &self.topics)?;
        writer.put_nullable_bytes(false, self.user_data.as_ref())?;
        if version >= 1 {
            writer.put_structs(false, &self.owned_partitions, version)?;
        }
        if version >= 2 {
            writer.put_i32(self.generation_id);
        }
        if version >= 3 {
            writer.put_nullable_string(false, self.rack_id.as_deref())?;
        }
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct TopicPartition {
    pub topic: String,
    pub partitions: Vec<i32>,
}

impl Struct for TopicPartition {
    const BYTES_MIN: usize = 6;

    fn decode_fields(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let mut value = Self::default();
        value.topic = reader.read_string(false)?;
        value.partitions = reader.read_array(false, 4, Reader::read_i32)?;
        Ok(value)
    }

    fn encode_fields(&self, writer: &mut Writer, version: i16) -> Result<(), EncodeError> {
        writer.put_string(false, &self.topic)?;
        writer.put_array(false, &self.partitions, Writer::put_i32)?;
        Ok(())
    }
}

impl Message for ConsumerProtocolSubscription {
    const NAME: &'static str = "ConsumerProtocolSubscription";
    const VERSIONS: (i16, i16) = (0, 3);
    const FLEXIBLE_SINCE: Option<i16> = None;
}
