//! Generated from `schema/group_coordinator_records.txt`: do not edit.

use super::super::wire::*;
use crate::model::Uuid;
use bytes::Bytes;

#[derive(Clone, Debug, PartialEq)]
pub struct ConsumerGroupMemberMetadataValue {
    pub instance_id: Option<String>,
    pub rack_id: Option<String>,
    pub client_id: String,
    pub client_host: String,
    pub subscribed_topic_names: Vec<String>,
    pub subscribed_topic_regex: Option<String>,
    pub rebalance_timeout_ms: i32,
    pub server_assignor: Option<String>,
    pub classic_member_metadata: Option<ClassicMemberMetadata>,
    pub unknown_tagged_fields: UnknownTaggedFields,
}

impl Default for ConsumerGroupMemberMetadataValue {
    fn default() -> Self {
        Self {
            instance_id: Some(String::new()),
            rack_id: Some(String::new()),
            client_id: String::new(),
            client_host: String::new(),
            subscribed_topic_names: Vec::new(),
            subscribed_topic_regex: Some(String::new()),
            rebalance_timeout_ms: -1,
            server_assignor: Some(String::new()),
            classic_member_metadata: Some(ClassicMemberMetadata::default()),
            unknown_tagged_fields: UnknownTaggedFields::default(),
        }
    }
}

impl Struct for ConsumerGroupMemberMetadataValue {
    const BYTES_MIN: usize = 12;

    fn decode_fields(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let mut value = Self::default();
        value.instance_id = reader.read_nullable_string(true)?;
        value.rack_id = reader.read_nullable_string(true)?;
        value.client_id = reader.read_string(true)?;
        value.client_host = reader.read_string(true)?;
        value.subscribed_topic_names = reader.read_strings(true)?;
        value.subscribed_topic_regex = reader.read_nullable_string(true)?;
        value.rebalance_timeout_ms = reader.read_i32()?;
        value.server_assignor = reader.read_nullable_string(true)?;
        let unknown = reader.read_tagged_fields(|reader, tag| {
            match tag {
                0 => value.classic_member_metadata = reader.read_nullable_tagged_struct(version)?,
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        value.unknown_tagged_fields = unknown;
        Ok(value)
    }

    fn encode_fields(&self, writer: &mut Writer, version: i16) -> Result<(), EncodeError> {
        writer.put_nullable_string(true, self.instance_id.as_deref())?;
        writer.put_nullable_string(true, self.rack_id.as_deref())?;
        writer.put_string(true, &self.client_id)?;
        writer.put_string(true, &self.client_host)?;
        writer.put_strings(true, &self.subscribed_topic_names)?;
        writer.put_nullable_string(true, self.subscribed_topic_regex.as_deref())?;
        writer.put_i32(self.rebalance_timeout_ms);
        writer.put_nullable_string(true, self.server_assignor.as_deref())?;
        let mut tagged = TaggedFields::default();
        if self.classic_member_metadata != Some(ClassicMemberMetadata::default()) {
            tagged.add(0, |writer| writer.put_nullable_tagged_struct(self.classic_member_metadata.as_ref(), version))?;
        }
        tagged.put(writer, &self.unknown_tagged_fields)?;
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct ClassicMemberMetadata {
    pub session_timeout_ms: i32,
    pub supported_protocols: Vec<ClassicProtocol>,
    pub unknown_tagged_fields: UnknownTaggedFields,
}

impl Struct for ClassicMemberMetadata {
    const BYTES_MIN: usize = 6;

    fn decode_fields(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let mut value = Self::default();
        value.session_timeout_ms = reader.read_i32()?;
        value.supported_protocols = reader.read_structs(true, version)?;
        value.unknown_tagged_fields = reader.read_unknown_tagged_fields()?;
        Ok(value)
    }

    fn encode_fields(&self, writer: &mut Writer, version: i16) -> Result<(), EncodeError> {
        writer.put_i32(self.session_timeout_ms);
        writer.put_structs(true, &self.supported_protocols, version)?;
        writer.put_unknown_tagged_fields(&self.unknown_tagged_fields)?;
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct ClassicProtocol {
    pub name: String,
    pub metadata: Bytes,
    pub unknown_tagged_fields: UnknownTaggedFields,
}

impl Struct for ClassicProtocol {
    const BYTES_MIN: usize = 3;

    fn decode_fields(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let mut value = Self::default();
        value.name = reader.read_string(true)?;
        value.metadata = reader.read_bytes(true)?;
        value.unknown_tagged_fields = reader.read_unknown_tagged_fields()?;
        Ok(value)
    }

    fn encode_fields(&self, writer: &mut Writer, version: i16) -> Result<(), EncodeError> {
        writer.put_string(true, &self.name)?;
        writer.put_bytes(true, &self.metadata)?;
        writer.put_unknown_tagged_fields(&self.unknown_tagged_fields)?;
        Ok(())
    }
}

impl Message for ConsumerGroupMemberMetadataValue {
    const NAME: &'static str = "ConsumerGroupMemberMetadataValue";
    const VERSIONS: (i16, i16) = (0, 0);
    const FLEXIBLE_SINCE: Option<i16> = Some(0);
}

impl RecordContent for ConsumerGroupMemberMetadataValue {
    const TYPE: i16 = 5;
}
