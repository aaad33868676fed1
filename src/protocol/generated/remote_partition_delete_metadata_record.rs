//! Generated from `schema/remote_log_records.txt`: do not edit.

use super::super::wire::*;
use crate::model::Uuid;
use bytes::Bytes;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct RemotePartitionDeleteMetadataRecord {
    pub topic_id_partition: TopicIdPartitionEntry,
    pub broker_id: i32,
    pub event_timestamp_ms: i64,
    pub remote_partition_delete_state: i8,
    pub unknown_tagged_fields: UnknownTaggedFields,
}

impl Struct for RemotePartitionDeleteMetadataRecord {
    const BYTES_MIN: usize = 36;

    fn decode_fields(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let mut value = Self::default();
        value.topic_id_partition = Struct::decode_fields(reader, version)?;
        value.broker_id = reader.read_i32()?;
        value.event_timestamp_ms = reader.read_i64()?;
        value.remote_partition_delete_state = reader.read_i8()?;
        value.unknown_tagged_fields = reader.read_unknown_tagged_fields()?;
        Ok(value)
    }

    fn encode_fields(&self, writer: &mut Writer, version: i16) -> Result<(), EncodeError> {
        self.topic_id_partition.encode_fields(writer, version)?;
        writer.put_i32(self.broker_id);
        writer.put_i64(self.event_timestamp_ms);
        writer.put_i8(self.remote_partition_delete_state);
        writer.put_unknown_tagged_fields(&self.unknown_tagged_fields)?;
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct TopicIdPartitionEntry {
    pub name: String,
    pub id: Uuid,
    pub partition: i32,
    pub unknown_tagged_fields: UnknownTaggedFields,
}

impl Struct for TopicIdPartitionEntry {
    const BYTES_MIN: usize = 22;

    fn decode_fields(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let mut value = Self::default();
        value.name = reader.read_string(true)?;
        value.id = reader.read_uuid()?;
        value.partition = reader.read_i32()?;
        value.unknown_tagged_fields = reader.read_unknown_tagged_fields()?;
        Ok(value)
    }

    fn encode_fields(&self, writer: &mut Writer, version: i16) -> Result<(), EncodeError> {
        writer.put_string(true, &self.name)?;
        writer.put_uuid(self.id);
        writer.put_i32(self.partition);
        writer.put_unknown_tagged_fields(&self.unknown_tagged_fields)?;
        Ok(())
    }
}

impl Message for RemotePartitionDeleteMetadataRecord {
    const NAME: &'static str = "RemotePartitionDeleteMetadataRecord";
    const VERSIONS: (i16, i16) = (0, 0);
    const FLEXIBLE_SINCE: Option<i16> = Some(0);
}

impl RecordContent for RemotePartitionDeleteMetadataRecord {
    const TYPE: i16 = 2;
}
