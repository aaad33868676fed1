//! Refusals, and the code each one gives.

use std::borrow::Cow;

use crate::model::ErrorCode;
use crate::protocol::compression::{Compression, CompressionError};
use crate::protocol::record_batch::BatchError;

/// Why a batch was refused, as the Produce response says it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Refusal {
    /// Kafka's code.
    pub error: ErrorCode,
    /// The text for the client; `None` where Kafka sends none.
    ///
    /// With [`ErrorCode::CorruptMessage`] it means that no batch can start at the payload's front.
    /// Kafka meets this before it looks at single partitions, and gives code and text to every
    /// partition of the request.
    pub message: Option<String>,
    /// The reason in words, for our own log.
    pub reason: Cow<'static, str>,
    /// The records at fault, by their index in the batch (KIP-467).
    pub record_errors: Vec<RecordError>,
    /// True if Kafka tells with it where the log starts.
    pub tells_log_start: bool,
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
    pub(super) fn of(error: ErrorCode, reason: impl Into<Cow<'static, str>>) -> Self {
        Self {
            error,
            message: None,
            reason: reason.into(),
            record_errors: Vec::new(),
            tells_log_start: Self::log_start_is_told_with(error),
        }
    }

    /// True if Kafka tells where a log starts when it refuses an append to it with `error`: what it
    /// counts among the broker's failures it answers with the code alone.
    #[must_use]
    pub const fn log_start_is_told_with(error: ErrorCode) -> bool {
        !matches!(
            error,
            ErrorCode::CorruptMessage
                | ErrorCode::KafkaStorageError
                | ErrorCode::MessageTooLarge
                | ErrorCode::NotLeaderOrFollower
                | ErrorCode::RecordListTooLarge
                | ErrorCode::UnknownTopicId
                | ErrorCode::UnknownTopicOrPartition
        )
    }

    /// The same, where Kafka refused the batch before it looked at its partition.
    pub(super) fn before_log(mut self) -> Self {
        self.tells_log_start = false;
        self
    }

    /// A refusal of a payload at whose front no batch can start, with a text for the client.
    pub(super) fn of_garbage(error: BatchError) -> Self {
        let reason = error.to_string();
        Self {
            error: ErrorCode::CorruptMessage,
            message: Some(reason.clone()),
            reason: reason.into(),
            record_errors: Vec::new(),
            tells_log_start: false,
        }
    }

    /// A refusal because of single records; one bad timestamp decides the code for all.
    pub(super) fn of_records(record_errors: Vec<RecordError>, has_bad_timestamp: bool) -> Self {
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
            tells_log_start: true,
        }
    }
}

/// Kafka's code for records that cannot be read.
pub(super) fn refuse_unreadable(error: BatchError, source: Compression) -> Refusal {
    let code = match error {
        BatchError::Compression(CompressionError::TooLarge { .. }) | BatchError::Length(_) => {
            ErrorCode::MessageTooLarge
        }
        // Kafka has no better code for a stream that its codecs cannot read.
        BatchError::Compression(CompressionError::Truncated | CompressionError::Corrupt)
        | BatchError::CompressionId(_) => ErrorCode::UnknownServerError,
        // Nor for this, unless a codec stands between, whose reader fails in another way.
        BatchError::EndlessSize if source == Compression::None => ErrorCode::UnknownServerError,
        _ => ErrorCode::InvalidRecord,
    };
    Refusal::of(code, error.to_string())
}
