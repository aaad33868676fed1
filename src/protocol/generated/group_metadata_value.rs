//! Generated from `schema/group_coordinator_records.txt`: do not edit.

use super::super::wire::*;
use crate::model::Uuid;
use bytes::Bytes;

#[derive(Clone, Debug, PartialEq)]
pub struct GroupMetadataValue {
    pub protocol_type: String,
    pub generation: i32,
    pub protocol: Option<String>,
    pub leader: Option<String>,
    /// 2+
    pub current_state_timestamp: i64,
    pub members: Vec<MemberMetadata>,
    pub unknown_tagged_fields: UnknownTaggedFields,
}

impl Default for GroupMetadataValue {
    fn default() -> Self {
        Self {
            protocol_type: String::new(),
            generation: 0,
            protocol: Some(String::new()),
            leader: Some(String::new()),
            current_state_timestamp: -1,
            members: Vec::new(),
            unknown_tagged_fields: UnknownTaggedFields::default(),
        }
    }
}

impl Struct for GroupMetadataValue {
    const BYTES_MIN: usize = 14;

    fn decode_fields(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let flexible = version >= 4;
        let mut value = Self::default();
        value.protocol_type = reader.read_string(flexible)?;
        value.generation = reader.read_i32()?;
        value.protocol = reader.read_nullable_string(flexible)?;
        value.leader = reader.read_nullable_string(flexible)?;
        if version >= 2 {
            value.current_state_timestamp = reader.read_i64()?;
        }
        value.members = reader.read_structs(flexible, version)?;
        if version >= 4 {
            value.unknown_tagged_fields = reader.read_unknown_tagged_fields()?;
        }
        Ok(value)
    }

    fn encode_fields(&self, writer: &mut Writer, version: i16) -> Result<(), EncodeError> {
        if version < 4 && !self.unknown_tagged_fields.is_empty() {
            return Err(EncodeError::TaggedFieldsUnsupported { version });
        }
        let flexible = version >= 4;
        writer.put_string(flexible, &self.protocol_type)?;
        writer.put_i32(self.generation);
        writer.put_nullable_string(flexible, self.protocol.as_deref())?;
        writer.put_nullable_string(flexible, self.leader.as_deref())?;
        if version >= 2 {
            writer.put_i64(self.current_state_timestamp);
        }
        writer.put_structs(flexible, &self.members, version)?;
        if version >= 4 {
            writer.put_unknown_tagged_fields(&self.unknown_tagged_fields)?;
        }
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct MemberMetadata {
    pub member_id: String,
    /// 3+
    pub group_instance_id: Option<String>,
    pub client_id: String,
    pub client_host: String,
    /// 1+
    pub rebalance_timeout: i32,
    pub session_timeout: i32,
    pub subscription: Bytes,
    pub assignment: Bytes,
    pub unknown_tagged_fields: UnknownTaggedFields,
}

impl Default for MemberMetadata {
    fn default() -> Self {
        Self {
            member_id: String::new(),
            group_instance_id: None,
            client_id: String::new(),
            client_host: String::new(),
            rebalance_timeout: -1,
            session_timeout: 0,
            subscription: Bytes::new(),
            assignment: Bytes::new(),
            unknown_tagged_fields: UnknownTaggedFields::default(),
        }
    }
}

impl Struct for MemberMetadata {
    const BYTES_MIN: usize = 15;

    fn decode_fields(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let flexible = version >= 4;
        let mut value = Self::default();
        value.member_id = reader.read_string(flexible)?;
        if version >= 3 {
            value.group_instance_id = reader.read_nullable_string(flexible)?;
        }
        value.client_id = reader.read_string(flexible)?;
        value.client_host = reader.read_string(flexible)?;
        if version >= 1 {
            value.rebalance_timeout = reader.read_i32()?;
        }
        value.session_timeout = reader.read_i32()?;
        value.subscription = reader.read_bytes(flexible)?;
        value.assignment = reader.read_bytes(flexible)?;
        if version >= 4 {
            value.unknown_tagged_fields = reader.read_unknown_tagged_fields()?;
        }
        Ok(value)
    }

    fn encode_fields(&self, writer: &mut Writer, version: i16) -> Result<(), EncodeError> {
        if version < 4 && !self.unknown_tagged_fields.is_empty() {
            return Err(EncodeError::TaggedFieldsUnsupported { version });
        }
        let flexible = version >= 4;
        writer.put_string(flexible, &self.member_id)?;
        if version >= 3 {
            writer.put_nullable_string(flexible, self.group_instance_id.as_deref())?;
        }
        writer.put_string(flexible, &self.client_id)?;
        writer.put_string(flexible, &self.client_host)?;
        if version >= 1 {
            writer.put_i32(self.rebalance_timeout);
        }
        writer.put_i32(self.session_timeout);
        writer.put_bytes(flexible, &self.subscription)?;
        writer.put_bytes(flexible, &self.assignment)?;
        if version >= 4 {
            writer.put_unknown_tagged_fields(&self.unknown_tagged_fields)?;
        }
        Ok(())
    }
}

impl Message for GroupMetadataValue {
    const NAME: &'static str = "GroupMetadataValue";
    const VERSIONS: (i16, i16) = (0, 4);
    const FLEXIBLE_SINCE: Option<i16> = Some(4);
}

impl RecordContent for GroupMetadataValue {
    const TYPE: i16 = 2;
}
