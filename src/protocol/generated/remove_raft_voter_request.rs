//! Generated from `schema/remove_raft_voter.txt`: do not edit.

use super::super::wire::*;
use crate::model::Uuid;
use bytes::Bytes;

#[derive(Clone, Debug, PartialEq)]
pub struct RemoveRaftVoterRequest {
    pub cluster_id: Option<String>,
    pub voter_id: i32,
    pub voter_directory_id: Uuid,
    pub unknown_tagged_fields: UnknownTaggedFields,
}

impl Default for RemoveRaftVoterRequest {
    fn default() -> Self {
        Self {
            cluster_id: Some(String::new()),
            voter_id: 0,
            voter_directory_id: Uuid::ZERO,
            unknown_tagged_fields: UnknownTaggedFields::default(),
        }
    }
}

impl Struct for RemoveRaftVoterRequest {
    const BYTES_MIN: usize = 22;

    fn decode_fields(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let mut value = Self::default();
        value.cluster_id = reader.read_nullable_string(true)?;
        value.voter_id = reader.read_i32()?;
        value.voter_directory_id = reader.read_uuid()?;
        value.unknown_tagged_fields = reader.read_unknown_tagged_fields()?;
        Ok(value)
    }

    fn encode_fields(&self, writer: &mut Writer, version: i16) -> Result<(), EncodeError> {
        writer.put_nullable_string(true, self.cluster_id.as_deref())?;
        writer.put_i32(self.voter_id);
        writer.put_uuid(self.voter_directory_id);
        writer.put_unknown_tagged_fields(&self.unknown_tagged_fields)?;
        Ok(())
    }
}

impl Message for RemoveRaftVoterRequest {
    const NAME: &'static str = "RemoveRaftVoterRequest";
    const VERSIONS: (i16, i16) = (0, 0);
    const FLEXIBLE_SINCE: Option<i16> = Some(0);
}

impl Request for RemoveRaftVoterRequest {
    const KEY: super::ApiKey = super::ApiKey::RemoveRaftVoter;
    type Response = super::RemoveRaftVoterResponse;
}
