//! Generated from `schema/metadata_records.txt`: do not edit.

use super::super::wire::*;
use crate::model::Uuid;
use bytes::Bytes;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct DelegationTokenRecord {
    pub owner: String,
    pub requester: String,
    pub renewers: Vec<String>,
    pub issue_timestamp: i64,
    pub max_timestamp: i64,
    pub expiration_timestamp: i64,
    pub token_id: String,
    pub unknown_tagged_fields: UnknownTaggedFields,
}

impl Struct for DelegationTokenRecord {
    const BYTES_MIN: usize = 29;

    fn decode_fields(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let mut value = Self::default();
        value.owner = reader.read_string(true)?;
        value.requester = reader.read_string(true)?;
        value.renewers = reader.read_strings(true)?;
        value.issue_timestamp = reader.read_i64()?;
        value.max_timestamp = reader.read_i64()?;
        value.expiration_timestamp = reader.read_i64()?;
        value.token_id = reader.read_string(true)?;
        value.unknown_tagged_fields = reader.read_unknown_tagged_fields()?;
        Ok(value)
    }

    fn encode_fields(&self, writer: &mut Writer, version: i16) -> Result<(), EncodeError> {
        writer.put_string(true, &self.owner)?;
        writer.put_string(true, &self.requester)?;
        writer.put_strings(true, &self.renewers)?;
        writer.put_i64(self.issue_timestamp);
        writer.put_i64(self.max_timestamp);
        writer.put_i64(self.expiration_timestamp);
        writer.put_string(true, &self.token_id)?;
        writer.put_unknown_tagged_fields(&self.unknown_tagged_fields)?;
        Ok(())
    }
}

impl Message for DelegationTokenRecord {
    const NAME: &'static str = "DelegationTokenRecord";
    const VERSIONS: (i16, i16) = (0, 0);
    const FLEXIBLE_SINCE: Option<i16> = Some(0);
}

impl RecordContent for DelegationTokenRecord {
    const TYPE: i16 = 10;
}
