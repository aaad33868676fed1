//! Whether what a producer sent may enter a partition's log, and in which form it does.
//!
//! Owns: Kafka's rules for one batch: format, size, checksum, counts, timestamps, keys; and the
//! changes a topic's settings ask for (another compression, the leader's timestamp).
//! Promises: what passes can be appended as it is once its offset is stamped; what does not is
//! refused with Kafka's error code. A batch that needs no change is not copied, and its records
//! are read once, without an allocation each.
//! Knows nothing of: the log itself. Sequence numbers and epochs of producers are checked where
//! their state is, so this runs on whatever shard accepted the request.
//! Start at [`validate`].

use std::borrow::Cow;

use bytes::Bytes;

use crate::model::{ErrorCode, TimestampMs};
use crate::protocol::compression::{Compression, CompressionError};
use crate::protocol::record_batch::{
    BatchError, Batches, LOG_OVERHEAD_BYTES, NO_TIMESTAMP, Record, RecordBatch, RecordBatchBuilder,
    RecordHeader, Records, TimestampType,
};

/// The most bytes that the records of one batch may have when decompressed.
///
/// Kafka has no such bound. Ours is what a client may send at once (`socket.request.max.bytes`,
/// 100 MiB): whoever could not have sent the records uncompressed in any way has no claim that
/// compressing them makes room. A client is told that the batch is too large, and then splits it.
pub const DECOMPRESSED_BYTES_MAX: usize = 100 << 20;

/// Who appends; it decides how much is trusted.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Origin {
    /// A client, with the version of its Produce request.
    Client { produce_version: i16 },
    /// A coordinator of this broker: markers of transactions, offsets, group states.
    Coordinator,
    /// The partition's leader, which validated and stamped already.
    Replication,
}

/// What a topic's settings ask of a batch.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct ProduceRules {
    /// `max.message.bytes`.
    pub message_bytes_max: usize,
    /// `segment.bytes`: no batch may exceed a segment.
    pub segment_bytes: usize,
    /// `message.timestamp.type`.
    pub timestamp_type: TimestampType,
    /// `message.timestamp.before.max.ms`.
    pub timestamp_before_ms_max: i64,
    /// `message.timestamp.after.max.ms`.
    pub timestamp_after_ms_max: i64,
    /// `compression.type`; `None` is `producer`: as it came.
    pub compression: Option<Compression>,
    /// `compression.<compression>.level`; `None` for its default.
    pub compression_level: Option<i32>,
    /// True if `cleanup.policy` contains `compact`.
    pub is_compacted: bool,
}

/// A batch that may be appended, and what was learnt on the way.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ValidatedBatch {
    /// The batch to append, at offset zero until it is stamped.
    pub batch: RecordBatch,
    /// How many records it has, at least one unless it was replicated.
    pub records_count: u32,
    /// The largest timestamp; `None` if no record has one.
    pub max_timestamp: Option<TimestampMs>,
    /// The first record with that timestamp, relative to the batch's base offset; `None` for a
    /// replicated batch, whose records are not looked at.
    pub max_timestamp_offset_delta: Option<i32>,
    /// The time that the leader gave the records, for the Produce response.
    pub log_append_time: Option<TimestampMs>,
}

/// Why a batch was refused, as the Produce response says it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Refusal {
    /// Kafka's code.
    pub error: ErrorCode,
    /// The text for the client; `None` where Kafka sends none.
    pub message: Option<String>,
    /// The reason in words, for our own log.
    pub reason: Cow<'static, str>,
    /// The records at fault, by their index in the batch (KIP-467).
    pub record_errors: Vec<RecordError>,
}

/// What is wrong with one record of a batch.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RecordError {
    /// The record's index in its batch.
    pub batch_index: i32,
    /// What is wrong, for a person.
    pub message: Cow<'static, str>,
}

impl Refusal {
    /// A refusal of the batch as a whole, of which Kafka tells the client no more than the code.
    fn of(error: ErrorCode, reason: impl Into<Cow<'static, str>>) -> Self {
        Self {
            error,
            message: None,
            reason: reason.into(),
            record_errors: Vec::new(),
        }
    }

    /// A refusal of a payload at whose front no batch can start, with a text for the client.
    fn of_garbage(error: BatchError) -> Self {
        let reason = error.to_string();
        Self {
            error: ErrorCode::CorruptMessage,
            message: Some(reason.clone()),
            reason: reason.into(),
            record_errors: Vec::new(),
        }
    }

    /// A refusal because of single records; one bad timestamp decides the code for all.
    fn of_records(record_errors: Vec<RecordError>, has_bad_timestamp: bool) -> Self {
        let error = if has_bad_timestamp {
            ErrorCode::InvalidTimestamp
        } else {
            ErrorCode::InvalidRecord
        };
        let first = record_errors.first().map(|first| first.message.as_ref());
        let reason = format!(
            "{} records of the batch were refused, the first because: {}",
            record_errors.len(),
            first.unwrap_or_default(),
        );
        Self {
            error,
            message: Some(reason.clone()),
            reason: reason.into(),
            record_errors,
        }
    }
}

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
    let batch = cut_batch(payload, origin)?;
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
            records_count: batch.records_count(),
            max_timestamp: batch.max_timestamp(),
            max_timestamp_offset_delta: None,
            log_append_time: None,
            batch,
        });
    }
    let Some(source) = batch.compression() else {
        return Err(refuse_unreadable(BatchError::CompressionId(
            batch.header().attributes.compression_id(),
        )));
    };
    if is_client {
        check_header_of_client(&batch)?;
    }
    let records = batch
        .records(DECOMPRESSED_BYTES_MAX)
        .map_err(refuse_unreadable)?;
    let survey = survey_records(&batch, &records, rules, now_ms)?;
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
        records_count: batch.records_count(),
        max_timestamp: batch.max_timestamp(),
        max_timestamp_offset_delta: Some(log_append_time.map_or(survey.max_timestamp_index, |_| 0)),
        log_append_time,
        batch,
    })
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
    records: &Records,
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
        let record = record.map_err(refuse_unreadable)?;
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
    records: &Records,
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
        batch.with_body(target, body).map_err(refuse_unreadable)?
    } else {
        renumber(&batch, records, target, rules.compression_level)?
    };
    check_size(&converted, rules)?;
    Ok(converted)
}

/// The batch with offsets 0, 1, 2 and so on.
fn renumber(
    batch: &RecordBatch,
    records: &Records,
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
        let record = record.map_err(refuse_unreadable)?;
        let headers: Vec<_> = record
            .headers
            .iter()
            .map(|RecordHeader { key, value }| (key, value))
            .collect();
        builder.append(record.timestamp, record.key, record.value, &headers);
    }
    Ok(builder.finish())
}

/// Kafka's code for records that cannot be read.
fn refuse_unreadable(error: BatchError) -> Refusal {
    let code = match error {
        BatchError::Compression(CompressionError::TooLarge { .. }) | BatchError::Length(_) => {
            ErrorCode::MessageTooLarge
        }
        // Kafka has no better code for a stream that its codecs cannot read.
        BatchError::Compression(CompressionError::Truncated | CompressionError::Corrupt)
        | BatchError::CompressionId(_) => ErrorCode::UnknownServerError,
        _ => ErrorCode::InvalidRecord,
    };
    Refusal::of(code, error.to_string())
}
