//! Generated from `schema/describe_transactions.txt`: do not edit.

use super::super::wire::*;
use crate::model::Uuid;
use bytes::Bytes;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct DescribeTransactionsRequest {
    pub transactional_ids: Vec<String>,
    pub unknown_tagged_fields: UnknownTaggedFields,
}

impl Struct for DescribeTransactionsRequest {
    const BYTES_MIN: usize = 2;

    fn decode_fields(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let mut value = Self::default();
        value.transactional_ids = reader.read_strings(true)?;
        value.unknown_tagged_fields = reader.read_unknown_tagged_fields()?;
        Ok(value)
    }

    fn encode_fields(&self, writer: &mut Writer, version: i16) -> Result<(), EncodeError> {
        writer.put_strings(true, &self.transactional_ids)?;
        writer.put_unknown_tagged_fields(&self.unknown_tagged_fields)?;
        Ok(())
    }
}

impl Message for DescribeTransactionsRequest {
    const NAME: &'static str = "DescribeTransactionsRequest";
    const VERSIONS: (i16, i16) = (0, 0);
    const FLEXIBLE_SINCE: Option<i16> = Some(0);
}

impl Request for DescribeTransactionsRequest {
    const KEY: super::ApiKey = super::ApiKey::DescribeTransactions;
    type Response = super::DescribeTransactionsResponse;
}
