//! Generated from `schema/log_files.txt`: do not edit.

use super::super::wire::*;
use crate::model::Uuid;
use bytes::Bytes;

#[derive(Clone, Debug, PartialEq)]
pub struct QuorumStateData {
    /// 0-0
    pub cluster_id: String,
    pub leader_id: i32,
    pub leader_epoch: i32,
    pub voted_id: i32,
    /// 1+
    pub voted_directory_id: Uuid,
    /// 0-0
    pub applied_offset: i64,
    /// 0-0
    pub current_voters: Option<Vec<Voter>>,
    pub unknown_tagged_fields: UnknownTaggedFields,
}

impl Default for QuorumStateData {
    fn default() -> Self {
        Self {
            cluster_id: String::new(),
            leader_id: -1,
            leader_epoch: -1,
            voted_id: -1,
            voted_directory_id: Uuid::ZERO,
            applied_offset: 0,
            current_voters: Some(Vec::new()),
            unknown_tagged_fields: UnknownTaggedFields::default(),
        }
    }
}

impl Struct for QuorumStateData {
    const BYTES_MIN: usize = 23;

    fn decode_fields(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let mut value = Self::default();
        if version <= 0 {
            value.cluster_id = reader.read_string(true)?;
        }
        value.leader_id = reader.read_i32()?;
        value.leader_epoch = reader.read_i32()?;
        value.voted_id = reader.read_i32()?;
        if version >= 1 {
            value.voted_directory_id = reader.read_uuid()?;
        }
        if version <= 0 {
            value.applied_offset = reader.read_i64()?;
            value.current_voters = reader.read_nullable_structs(true, version)?;
        }
        value.unknown_tagged_fields = reader.read_unknown_tagged_fields()?;
        Ok(value)
    }

    fn encode_fields(&self, writer: &mut Writer, version: i16) -> Result<(), EncodeError> {
        if version > 0 && !self.cluster_id.is_empty() {
            return Err(EncodeError::FieldUnsupported { field: "QuorumStateData.ClusterId", version });
        }
        if version < 1 && self.voted_directory_id != Uuid::ZERO {
            return Err(EncodeError::FieldUnsupported { field: "QuorumStateData.VotedDirectoryId", version });
        }
        if version > 0 && self.applied_offset != 0 {
            return Err(EncodeError::FieldUnsupported { field: "QuorumStateData.AppliedOffset", version });
        }
        if version > 0 && self.current_voters.as_ref().is_none_or(|value| !value.is_empty()) {
            return Err(EncodeError::FieldUnsupported { field: "QuorumStateData.CurrentVoters", version });
        }
        if version <= 0 {
            writer.put_string(true, &self.cluster_id)?;
        }
        writer.put_i32(self.leader_id);
        writer.put_i32(self.leader_epoch);
        writer.put_i32(self.voted_id);
        if version >= 1 {
            writer.put_uuid(self.voted_directory_id);
        }
        if version <= 0 {
            writer.put_i64(self.applied_offset);
            writer.put_nullable_structs(true, self.current_voters.as_deref(), version)?;
        }
        writer.put_unknown_tagged_fields(&self.unknown_tagged_fields)?;
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Voter {
    pub voter_id: i32,
    pub unknown_tagged_fields: UnknownTaggedFields,
}

impl Struct for Voter {
    const BYTES_MIN: usize = 5;

    fn decode_fields(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let mut value = Self::default();
        value.voter_id = reader.read_i32()?;
        value.unknown_tagged_fields = reader.read_unknown_tagged_fields()?;
        Ok(value)
    }

    fn encode_fields(&self, writer: &mut Writer, version: i16) -> Result<(), EncodeError> {
        writer.put_i32(self.voter_id);
        writer.put_unknown_tagged_fields(&self.unknown_tagged_fields)?;
        Ok(())
    }
}

impl Message for QuorumStateData {
    const NAME: &'static str = "QuorumStateData";
    const VERSIONS: (i16, i16) = (0, 1);
    const FLEXIBLE_SINCE: Option<i16> = Some(0);
}
