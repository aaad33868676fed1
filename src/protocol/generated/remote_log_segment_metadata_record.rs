//! Generated from `schema/remote_log_records.txt`: do not edit.

use super::super::wire::*;
use crate::model::Uuid;
use bytes::Bytes;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct RemoteLogSegmentMetadataRecord {
    pub remote_log_segment_id: RemoteLogSegmentIdEntry,
    pub start_offset: i64,
    pub end_offset: i64,
    pub broker_id: i32,
    pub max_timestamp_ms: i64,
    pub event_timestamp_ms: i64,
    pub segment_leader_epochs: Vec<SegmentLeaderEpochEntry>,
    pub segment_size_in_bytes: i32,
    pub custom_metadata: Option<Bytes>,
    pub remote_log_segment_state: i8,
    pub txn_index_empty: bool,
    pub unknown_tagged_fields: UnknownTaggedFields,
}

impl Struct for RemoteLogSegmentMetadataRecord {
    const BYTES_MIN: usize = 83;

    fn decode_fields(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let mut value = Self::default();
        value.remote_log_segment_id = Struct::decode_fields(reader, version)?;
        value.start_offset = reader.read_i64()?;
        value.end_offset = reader.read_i64()?;
        value.broker_id = reader.read_i32()?;
        value.max_timestamp_ms = reader.read_i64()?;
        value.event_timestamp_ms = reader.read_i64()?;
        value.segment_leader_epochs = reader.read_structs(true, version)?;
        value.segment_size_in_bytes = reader.read_i32()?;
        value.custom_metadata = reader.read_nullable_bytes(true)?;
        value.remote_log_segment_state = reader.read_i8()?;
        let unknown = reader.read_tagged_fields(|reader, tag| {
            match tag {
                0 => value.txn_index_empty = reader.read_bool()?,
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        value.unknown_tagged_fields = unknown;
        Ok(value)
    }

    fn encode_fields(&self, writer: &mut Writer, version: i16) -> Result<(), EncodeError> {
        self.remote_log_segment_id.encode_fields(writer, version)?;
        writer.put_i64(self.start_offset);
        writer.put_i64(self.end_offset);
        writer.put_i32(self.broker_id);
        writer.put_i64(self.max_timestamp_ms);
        writer.put_i64(self.event_timestamp_ms);
        writer.put_structs(true, &self.segment_leader_epochs, version)?;
        writer.put_i32(self.segment_size_in_bytes);
        writer.put_nullable_bytes(true, self.custom_metadata.as_ref())?;
        writer.put_i8(self.remote_log_segment_state);
        let mut tagged = TaggedFields::default();
        if self.txn_index_empty {
            tagged.add(0, |writer| {
                writer.put_bool(self.txn_index_empty);
                Ok(())
            })?;
        }
        tagged.put(writer, &self.unknown_tagged_fields)?;
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct SegmentLeaderEpochEntry {
    pub leader_epoch: i32,
    pub offset: i64,
    pub unknown_tagged_fields: UnknownTaggedFields,
}

impl Struct for SegmentLeaderEpochEntry {
    const BYTES_MIN: usize = 13;

    fn decode_fields(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let mut value = Self::default();
        value.leader_epoch = reader.read_i32()?;
        value.offset = reader.read_i64()?;
        value.unknown_tagged_fields = reader.read_unknown_tagged_fields()?;
        Ok(value)
    }

    fn encode_fields(&self, writer: &mut Writer, version: i16) -> Result<(), EncodeError> {
        writer.put_i32(self.leader_epoch);
        writer.put_i64(self.offset);
        writer.put_unknown_tagged_fields(&self.unknown_tagged_fields)?;
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct RemoteLogSegmentIdEntry {
    pub topic_id_partition: TopicIdPartitionEntry,
    pub id: Uuid,
    pub unknown_tagged_fields: UnknownTaggedFields,
}

impl Struct for RemoteLogSegmentIdEntry {
    const BYTES_MIN: usize = 39;

    fn decode_fields(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let mut value = Self::default();
        value.topic_id_partition = Struct::decode_fields(reader, version)?;
        value.id = reader.read_uuid()?;
        value.unknown_tagged_fields = reader.read_unknown_tagged_fields()?;
        Ok(value)
    }

    fn encode_fields(&self, writer: &mut Writer, version: i16) -> Result<(), EncodeError> {
        self.topic_id_partition.encode_fields(writer, version)?;
        writer.put_uuid(self.id);
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

impl Message for RemoteLogSegmentMetadataRecord {
    const NAME: &'static str = "RemoteLogSegmentMetadataRecord";
    const VERSIONS: (i16, i16) = (0, 0);
    const FLEXIBLE_SINCE: Option<i16> = Some(0);
}

impl RecordContent for RemoteLogSegmentMetadataRecord {
    const TYPE: i16 = 0;
}
