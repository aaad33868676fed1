//! What compaction leaves of a batch.

use bytes::Bytes;

use crate::model::TimestampMs;
use crate::protocol::compression::Compression;

use super::batch::batch_length;
use super::builder::{NewRecord, put_record};
use super::header::TimestampType;
use super::{BatchError, NO_TIMESTAMP, Record, RecordBatch};

impl RecordBatch {
    /// This batch with only the records `retained`, which are some of its own in their order. It
    /// keeps its offsets, its producer and its sequence, so what was taken out leaves a gap and not
    /// another numbering.
    ///
    /// With a `delete_horizon`, the time from which tombstones may go, that takes the place of the
    /// base timestamp (KIP-534).
    ///
    /// # Errors
    /// If the compression is unknown, or the records compress to more than a batch can hold.
    pub fn retaining(
        &self,
        retained: &[Record<'_>],
        delete_horizon: Option<TimestampMs>,
    ) -> Result<Self, BatchError> {
        let old = self.header();
        let base_timestamp = delete_horizon.unwrap_or(match retained.first() {
            Some(first) => first.timestamp,
            None => NO_TIMESTAMP,
        });
        let mut body = Vec::new();
        for record in retained {
            let headers: Vec<_> = record
                .headers
                .iter()
                .map(|header| (header.key, header.value))
                .collect();
            let record = NewRecord {
                timestamp_delta: record.timestamp.wrapping_sub(base_timestamp),
                offset_delta: record.offset_delta,
                key: record.key,
                value: record.value,
                headers: headers.iter().copied(),
            };
            put_record(record, &mut body);
        }
        let compression = match old.attributes.compression() {
            _ if retained.is_empty() => Compression::None,
            Some(compression) => compression,
            None => {
                let id = old.attributes.compression_id();
                return Err(BatchError::CompressionId(id));
            }
        };
        let body = match compression {
            Compression::None => Bytes::from(body),
            compression => Bytes::from(compression.compress(None, &body)),
        };
        let mut header = *old;
        header.attributes = old
            .attributes
            .with_compression(compression)
            .with_delete_horizon(delete_horizon.is_some());
        header.base_timestamp = base_timestamp;
        if old.attributes.timestamp_type() == TimestampType::CreateTime
            && let Some(largest) = retained.iter().map(|record| record.timestamp).max()
        {
            header.max_timestamp = largest;
        }
        header.records_count =
            i32::try_from(retained.len()).expect("a part of a batch has fewer records");
        header.batch_length = batch_length(body.len()).ok_or(BatchError::Length(i32::MAX))?;
        header.crc = header.compute_crc(&body);
        Ok(Self::new(header, body))
    }
}
