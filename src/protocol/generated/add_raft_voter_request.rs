//! Generated from `schema/add_raft_voter.txt`: do not edit.

use super::super::wire::*;
use crate::model::Uuid;
use bytes::Bytes;

#[derive(Clone, Debug, PartialEq)]
pub struct AddRaftVoterRequest {
    pub cluster_id: Option<String>,
    pub timeout_ms: i32,
    pub voter_id: i32,
    pub voter_directory_id: Uuid,
    pub listeners: Vec<Listener>,
    /// 1+
    pub ack_when_committed: bool,
    pub unknown_tagged_fields: UnknownTaggedFields,
}

impl Default for AddRaftVoterRequest {
    fn default() -> Self {
        Self {
            cluster_id: Some(String::new()),
            timeout_ms: 0,
            voter_id: 0,
            voter_directory_id: Uuid::ZERO,
            listeners: Vec::new(),
            ack_when_committed: true,
            unknown_tagged_fields: UnknownTaggedFields::default(),
        }
    }
}

impl Struct for AddRaftVoterRequest {
    const BYTES_MIN: usize = 27;

    fn decode_fields(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let mut value = Self::default();
        value.cluster_id = reader.read_nullable_string(true)?;
        value.timeout_ms = reader.read_i32()?;
        value.voter_id = reader.read_i32()?;
        value.voter_directory_id = reader.read_uuid()?;
        value.listeners = reader.read_structs(true, version)?;
        if version >= 1 {
            value.ack_when_committed = reader.read_bool()?;
        }
        value.unknown_tagged_fields = reader.read_unknown_tagged_fields()?;
        Ok(value)
    }

    fn encode_fields(&self, writer: &mut Writer, version: i16) -> Result<(), EncodeError> {
        if version < 1 && !self.ack_when_committed {
            return Err(EncodeError::FieldUnsupported { field: "AddRaftVoterRequest.AckWhenCommitted", version });
        }
        writer.put_nullable_string(true, self.cluster_id.as_deref())?;
        writer.put_i32(self.timeout_ms);
        writer.put_i32(self.voter_id);
        writer.put_uuid(self.voter_directory_id);
        writer.put_structs(true, &self.listeners, version)?;
        if version >= 1 {
            writer.put_bool(self.ack_when_committed);
        }
        writer.put_unknown_tagged_fields(&self.unknown_tagged_fields)?;
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Listener {
    pub name: String,
    pub host: String,
    pub port: u16,
    pub unknown_tagged_fields: UnknownTaggedFields,
}

impl Struct for Listener {
    const BYTES_MIN: usize = 5;

    fn decode_fields(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let mut value = Self::default();
        value.name = reader.read_string(true)?;
        value.host = reader.read_string(true)?;
        value.port = reader.read_u16()?;
        value.unknown_tagged_fields = reader.read_unknown_tagged_fields()?;
        Ok(value)
    }

    fn encode_fields(&self, writer: &mut Writer, version: i16) -> Result<(), EncodeError> {
        writer.put_string(true, &self.name)?;
        writer.put_string(true, &self.host)?;
        writer.put_u16(self.port);
        writer.put_unknown_tagged_fields(&self.unknown_tagged_fields)?;
        Ok(())
    }
}

impl Message for AddRaftVoterRequest {
    const NAME: &'static str = "AddRaftVoterRequest";
    const VERSIONS: (i16, i16) = (0, 1);
    const FLEXIBLE_SINCE: Option<i16> = Some(0);
}

impl Request for AddRaftVoterRequest {
    const KEY: super::ApiKey = super::ApiKey::AddRaftVoter;
    type Response = super::AddRaftVoterResponse;
}
