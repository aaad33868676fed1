//! Generated from `schema/list_transactions.txt`: do not edit.

use super::super::wire::*;
use crate::model::Uuid;
use bytes::Bytes;

#[derive(Clone, Debug, PartialEq)]
pub struct ListTransactionsRequest {
    pub state_filters: Vec<String>,
    pub producer_id_filters: Vec<i64>,
    /// 1+
    pub duration_filter: i64,
    /// 2+
    pub transactional_id_pattern: Option<String>,
    pub unknown_tagged_fields: UnknownTaggedFields,
}

impl Default for ListTransactionsRequest {
    fn default() -> Self {
        Self {
            state_filters: Vec::new(),
            producer_id_filters: Vec::new(),
            duration_filter: -1,
            transactional_id_pattern: None,
            unknown_tagged_fields: UnknownTaggedFields::default(),
        }
    }
}

impl Struct for ListTransactionsRequest {
    const BYTES_MIN: usize = 3;

    fn decode_fields(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let mut value = Self::default();
        value.state_filters = reader.read_strings(true)?;
        value.producer_id_filters = reader.read_array(true, 8, Reader::read_i64)?;
        if version >= 1 {
            value.duration_filter = reader.read_i64()?;
        }
        if version >= 2 {
            value.transactional_id_pattern = reader.read_nullable_string(true)?;
        }
        value.unknown_tagged_fields = reader.read_unknown_tagged_fields()?;
        Ok(value)
    }

    fn encode_fields(&self, writer: &mut Writer, version: i16) -> Result<(), EncodeError> {
        if version < 1 && self.duration_filter != -1 {
            return Err(EncodeError::FieldUnsupported { field: "ListTransactionsRequest.DurationFilter", version });
        }
        if version < 2 && self.transactional_id_pattern.is_some() {
            return Err(EncodeError::FieldUnsupported { field: "ListTransactionsRequest.TransactionalIdPattern", version });
        }
        writer.put_strings(true, &self.state_filters)?;
        writer.put_array(true, &self.producer_id_filters, Writer::put_i64)?;
        if version >= 1 {
            writer.put_i64(self.duration_filter);
        }
        if version >= 2 {
            writer.put_nullable_string(true, self.transactional_id_pattern.as_deref())?;
        }
        writer.put_unknown_tagged_fields(&self.unknown_tagged_fields)?;
        Ok(())
    }
}

impl Message for ListTransactionsRequest {
    const NAME: &'static str = "ListTransactionsRequest";
    const VERSIONS: (i16, i16) = (0, 2);
    const FLEXIBLE_SINCE: Option<i16> = Some(0);
}

impl Request for ListTransactionsRequest {
    const KEY: super::ApiKey = super::ApiKey::ListTransactions;
    type Response = super::ListTransactionsResponse;
}
