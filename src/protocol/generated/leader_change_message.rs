//! Generated from `schema/control_records.txt`: do not edit.

use super::super::wire::*;
use crate::model::Uuid;
use bytes::Bytes;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct LeaderChangeMessage {
    pub version: i16,
    pub leader_id: i32,
    pub voters: Vec<Voter>,
    pub granting_voters: Vec<Voter>,
    pub unknown_tagged_fields: UnknownTaggedFields,
}

impl Struct for LeaderChangeMessage {
    const BYTES_MIN: usize = 9;

    fn decode_fields(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let mut value = Self::default();
        value.version = reader.read_i16()?;
        value.leader_id = reader.read_i32()?;
        value.voters = reader.read_structs(true, version)?;
        value.granting_voters = reader.read_structs(true, version)?;
        value.unknown_tagged_fields = reader.read_unknown_tagged_fields()?;
        Ok(value)
    }

    fn encode_fields(&self, writer: &mut Writer, version: i16) -> Result<(), EncodeError> {
        writer.put_i16(self.version);
        writer.put_i32(self.leader_id);
        writer.put_structs(true, &self.voters, version)?;
        writer.put_structs(true, &self.granting_voters, version)?;
        writer.put_unknown_tagged_fields(&self.unknown_tagged_fields)?;
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Voter {
    pub voter_id: i32,
    /// 1+
    pub voter_directory_id: Uuid,
    pub unknown_tagged_fields: UnknownTaggedFields,
}

impl Struct for Voter {
    const BYTES_MIN: usize = 5;

    fn decode_fields(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let mut value = Self::default();
        value.voter_id = reader.read_i32()?;
        if version >= 1 {
            value.voter_directory_id = reader.read_uuid()?;
        }
        value.unknown_tagged_fields = reader.read_unknown_tagged_fields()?;
        Ok(value)
    }

    fn encode_fields(&self, writer: &mut Writer, version: i16) -> Result<(), EncodeError> {
        if version < 1 && self.voter_directory_id != Uuid::ZERO {
            return Err(EncodeError::FieldUnsupported { field: "Voter.VoterDirectoryId", version });
        }
        writer.put_i32(self.voter_id);
        if version >= 1 {
            writer.put_uuid(self.voter_directory_id);
        }
        writer.put_unknown_tagged_fields(&self.unknown_tagged_fields)?;
        Ok(())
    }
}

impl Message for LeaderChangeMessage {
    const NAME: &'static str = "LeaderChangeMessage";
    const VERSIONS: (i16, i16) = (0, 1);
    const FLEXIBLE_SINCE: Option<i16> = Some(0);
}
