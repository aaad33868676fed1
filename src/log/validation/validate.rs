//! The checks, in Kafka's order.

use std::borrow::Cow;

use bytes::Bytes;

use crate::model::{ErrorCode, TimestampMs};
use crate::protocol::compression::Compression;
use crate::protocol::record_batch::{
    Attributes, BatchError, BatchHeader, Batches, LOG_OVERHEAD_BYTES, NO_TIMESTAMP, Record,
    RecordBatch, RecordBatchBuilder, RecordHeader, RecordSet, TimestampType,
};

use super::refusal::{RecordError, Refusal, refuse_unreadable};
use super::rules::{Origin, ProduceRules, ValidatedBatch};

/// Judge what was sent for one partition, and bring it into the form that is appended.
///
/// Bytes behind the only batch that do not make up another one are cut off, as Kafka does.
///
/// # Errors
/// A [`Refusal`] with the code that Kafka gives in the same case. The checks come in Kafka's order
/// wherever it decides the code.
pub fn validate(
    payload: &Bytes,
    rules: &ProduceRules,
    origin: Origin,
    now_ms: TimestampMs,
) -> Result<ValidatedBatch, Refusal> {
    let batch = cut_batch(payload, origin).map_err(Refusal::before_log)?;
    let is_client = matches!(origin, Origin::Client { .. });
    if is_client && batch.base_offset() != 0 {
        return Err(Refusal::of(
            ErrorCode::InvalidRecord,
            "a producer's batch starts at offset zero",
        ));
    }
    let is_replicated = origin == Origin::Replication;
    if !is_replicated {
        check_size(&batch, rules)?;
    }
    batch
        .verify_crc()
        .map_err(|error| Refusal::of(ErrorCode::CorruptMessage, error.to_string()))?;
    if is_replicated {
        return Ok(ValidatedBatch {
            decompressed_bytes: 0,
            records_count: batch.records_count(),
            max_timestamp: batch.max_timestamp(),
            max_timestamp_offset_delta: None,
            log_append_time: None,
            batch,
        });
    }
    let Some(source) = batch.compression() else {
        let id = batch.header().attributes.compression_id();
        let error = BatchError::CompressionId(id);
        return Err(refuse_unreadable(error, Compression::None));
    };
    if is_client {
        check_header_of_client(&batch)?;
    }
    let bytes_max = match source {
        // Nothing is unpacked.
        Compression::None => batch.body().len(),
        _ => rules.decompressed_bytes_max,
    };
    let records = batch
        .records(bytes_max)
        .map_err(|error| refuse_unreadable(error, source))?;
    let survey = survey_records(&batch, source, &records, rules, now_ms)?;
    let mut batch = convert(batch, &records, source, &survey, rules)?;
    let log_append_time = match rules.timestamp_type {
        TimestampType::CreateTime => None,
        TimestampType::LogAppendTime => Some(now_ms),
    };
    batch.stamp_timestamp(
        rules.timestamp_type,
        log_append_time.unwrap_or(survey.max_timestamp),
    );
    if batch.size_bytes() > rules.segment_bytes {
        return Err(Refusal::of(
            ErrorCode::RecordListTooLarge,
            format!(
                "the batch has {} bytes, a segment {}",
                batch.size_bytes(),
                rules.segment_bytes
            ),
        ));
    }
    Ok(ValidatedBatch {
        decompressed_bytes: match source {
            Compression::None => 0,
            _ => records.body().len(),
        },
        records_count: batch.records_count(),
        max_timestamp: batch.max_timestamp(),
        max_timestamp_offset_delta: Some(log_append_time.map_or(survey.max_timestamp_index, |_| 0)),
        log_append_time,
        batch,
    })
}

/// What the first batch of a payload claims to be; `None` if there is no whole batch.
///
/// # Errors
/// If no batch can start there. Kafka looks for transactional batches in the whole request before
/// it looks at single partitions, so this refusal is one of the request.
pub fn peek_attributes(payload: &Bytes) -> Result<Option<Attributes>, Refusal> {
    let batches = Batches::new(payload.clone());
    match batches.next_size() {
        Ok(Some(size)) if size <= payload.len() => Ok(BatchHeader::decode(payload)
            .ok()
            .map(|header| header.attributes)),
        Ok(_) => Ok(None),
        Err(error) => match refuse_front(error, payload.len()) {
            refusal if refusal.message.is_some() => Err(refusal),
            _ => Ok(None),
        },
    }
}

/// The one batch that a payload may hold since Produce 3 (KIP-98).
fn cut_batch(payload: &Bytes, origin: Origin) -> Result<RecordBatch, Refusal> {
    let mut batches = Batches::new(payload.clone());
    let batch = match batches.next_whole() {
        Ok(Some(batch)) => batch,
        Ok(None) => {
            return Err(Refusal::of(
                ErrorCode::InvalidRecord,
                "there is no whole record batch",
            ));
        }
        Err(error) => return Err(refuse_front(error, payload.len())),
    };
    if let Origin::Client { produce_version } = origin
        && produce_version < ZSTD_PRODUCE_VERSION_MIN
        && batch.compression() == Some(Compression::Zstd)
    {
        return Err(Refusal::of(
            ErrorCode::UnsupportedCompressionType,
            format!("zstd needs Produce {ZSTD_PRODUCE_VERSION_MIN}, not {produce_version}"),
        ));
    }
    match batches.next_whole() {
        Ok(None) => Ok(batch),
        Ok(Some(_)) | Err(BatchError::Magic(0 | 1)) => Err(Refusal::of(
            ErrorCode::InvalidRecord,
            "there is more than one record batch",
        )),
        Err(error) => Err(Refusal::of(ErrorCode::CorruptMessage, error.to_string())),
    }
}

/// The first version of Produce that may carry zstd (KIP-110).
const ZSTD_PRODUCE_VERSION_MIN: i16 = 7;

fn refuse_front(error: BatchError, payload_bytes: usize) -> Refusal {
    match error {
        // The formats before 0.11, which brokers convert no more (KIP-724).
        BatchError::Magic(0 | 1) => Refusal::of(ErrorCode::InvalidRecord, error.to_string()),
        // Long enough for an older format, so Kafka first looks whether all of it is there.
        BatchError::Length(14..) => {
            let BatchError::Length(length) = error else {
                unreachable!("the arm is for lengths")
            };
            let is_whole = usize::try_from(length)
                .is_ok_and(|length| LOG_OVERHEAD_BYTES + length <= payload_bytes);
            let code = if is_whole {
                ErrorCode::CorruptMessage
            } else {
                ErrorCode::InvalidRecord
            };
            Refusal::of(code, error.to_string())
        }
        _ => Refusal::of_garbage(error),
    }
}

fn check_size(batch: &RecordBatch, rules: &ProduceRules) -> Result<(), Refusal> {
    if batch.size_bytes() <= rules.message_bytes_max {
        return Ok(());
    }
    Err(Refusal::of(
        ErrorCode::MessageTooLarge,
        format!(
            "the batch has {} bytes, the topic allows {}",
            batch.size_bytes(),
            rules.message_bytes_max
        ),
    ))
}

fn check_header_of_client(batch: &RecordBatch) -> Result<(), Refusal> {
    let header = batch.header();
    let count = i64::from(header.records_count);
    let reason = if header.last_offset_delta < 0 {
        "the last offset lies before the first"
    } else if count <= 0 {
        "there are no records"
    } else if i64::from(header.last_offset_delta) + 1 != count {
        "offsets and count of records disagree"
    } else if batch.is_control() {
        "control records are not for clients"
    } else if batch.producer_id().is_some() && batch.base_sequence().is_none() {
        "an idempotent producer numbers its batches"
    } else {
        return Ok(());
    };
    Err(Refusal::of(ErrorCode::InvalidRecord, reason))
}

/// What one pass over the records brought.
struct Survey {
    max_timestamp: TimestampMs,
    max_timestamp_index: i32,
    /// True if the offsets are 0, 1, 2 and so on.
    is_dense: bool,
}

fn survey_records(
    batch: &RecordBatch,
    source: Compression,
    records: &RecordSet,
    rules: &ProduceRules,
    now_ms: TimestampMs,
) -> Result<Survey, Refusal> {
    let mut survey = Survey {
        max_timestamp: NO_TIMESTAMP,
        max_timestamp_index: 0,
        is_dense: true,
    };
    let mut record_errors = Vec::new();
    let mut has_bad_timestamp = false;
    for (index, record) in (0..).zip(records) {
        let record = record.map_err(|error| refuse_unreadable(error, source))?;
        let error = if rules.is_compacted && record.key.is_none() {
            Some(Cow::Borrowed(
                "a compacted topic needs a key in every record",
            ))
        } else {
            let error = check_timestamp(batch, &record, rules, now_ms);
            has_bad_timestamp |= error.is_some();
            error
        };
        if let Some(message) = error {
            record_errors.push(RecordError {
                batch_index: index,
                message,
            });
        }
        survey.is_dense &= record.offset_delta == index;
        if record.timestamp > survey.max_timestamp {
            survey.max_timestamp = record.timestamp;
            survey.max_timestamp_index = index;
        }
    }
    if record_errors.is_empty() {
        Ok(survey)
    } else {
        Err(Refusal::of_records(record_errors, has_bad_timestamp))
    }
}

fn check_timestamp(
    batch: &RecordBatch,
    record: &Record<'_>,
    rules: &ProduceRules,
    now_ms: TimestampMs,
) -> Option<Cow<'static, str>> {
    if rules.timestamp_type == TimestampType::CreateTime && record.timestamp != NO_TIMESTAMP {
        // Wraps as Kafka's arithmetic does, which refuses both ends of the range.
        let age = now_ms.wrapping_sub(record.timestamp);
        let is_in_range = age <= rules.timestamp_before_ms_max
            && age.wrapping_neg() <= rules.timestamp_after_ms_max;
        return (!is_in_range).then(|| {
            Cow::Owned(format!(
                "timestamp {} is out of the range {} to {}",
                record.timestamp,
                now_ms.saturating_sub(rules.timestamp_before_ms_max),
                now_ms.saturating_add(rules.timestamp_after_ms_max),
            ))
        });
    }
    (batch.timestamp_type() == TimestampType::LogAppendTime)
        .then_some(Cow::Borrowed("a producer may not claim LogAppendTime"))
}

/// The batch with the compression that the topic wants and with dense offsets.
fn convert(
    batch: RecordBatch,
    records: &RecordSet,
    source: Compression,
    survey: &Survey,
    rules: &ProduceRules,
) -> Result<RecordBatch, Refusal> {
    let target = match rules.compression {
        // Kafka leaves markers as they are, so that readers find them without a codec.
        Some(target) if !(batch.is_control() && source == Compression::None) => target,
        _ => source,
    };
    if survey.is_dense && target == source {
        return Ok(batch);
    }
    if !survey.is_dense && target == source && source != Compression::None {
        // Kafka means to number these anew, and fails, since it read no keys and values.
        return Err(Refusal::of(
            ErrorCode::UnknownServerError,
            "the offsets in a compressed batch are not dense",
        ));
    }
    let converted = if survey.is_dense {
        let body = match target {
            Compression::None => records.body().clone(),
            _ => Bytes::from(target.compress(rules.compression_level, records.body())),
        };
        batch
            .with_body(target, body)
            .map_err(|error| refuse_unreadable(error, source))?
    } else {
        renumber(&batch, source, records, target, rules.compression_level)?
    };
    check_size(&converted, rules)?;
    Ok(converted)
}

/// The batch with offsets 0, 1, 2 and so on.
fn renumber(
    batch: &RecordBatch,
    source: Compression,
    records: &RecordSet,
    compression: Compression,
    level: Option<i32>,
) -> Result<RecordBatch, Refusal> {
    let header = batch.header();
    let mut builder = RecordBatchBuilder::new()
        .compression(compression, level)
        .producer(
            header.producer_id,
            header.producer_epoch,
            batch.base_sequence(),
        );
    if batch.is_transactional() {
        builder = builder.transactional();
    }
    if batch.is_control() {
        builder = builder.control();
    }
    for record in records {
        let record = record.map_err(|error| refuse_unreadable(error, source))?;
        let headers: Vec<_> = record
            .headers
            .iter()
            .map(|RecordHeader { key, value }| (key, value))
            .collect();
        builder.append(record.timestamp, record.key, record.value, &headers);
    }
    Ok(builder.finish())
}
