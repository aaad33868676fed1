//! The value of a record in `__cluster_metadata`: a frame version, a type, a version, the fields.

use std::fmt;

use bytes::Bytes;

use crate::protocol::messages::MetadataRecord;
use crate::protocol::{Reader, Writer};

/// The only version of the frame around a metadata record.
const FRAME_VERSION: u32 = 1;

/// 3.7-IV2: replicas have log directories (KIP-858). What is older is not served.
pub const METADATA_VERSION_MIN: i16 = 17;

/// 4.3-IV0, the newest that is understood and what a new cluster starts with.
pub const METADATA_VERSION_MAX: i16 = 30;

/// The names of these levels, from [`METADATA_VERSION_MIN`] on.
const METADATA_VERSION_NAMES: [&str; 14] = [
    "3.7-IV2", "3.7-IV3", "3.7-IV4", "3.8-IV0", "3.9-IV0", "4.0-IV0", "4.0-IV1", "4.0-IV2",
    "4.0-IV3", "4.1-IV0", "4.1-IV1", "4.2-IV0", "4.2-IV1", "4.3-IV0",
];

/// A level of `metadata.version` for people, with its name if it is known.
pub(crate) fn metadata_version_name(level: i16) -> String {
    let index = usize::try_from(level - METADATA_VERSION_MIN).ok();
    let name = index.and_then(|index| METADATA_VERSION_NAMES.get(index));
    name.map_or_else(|| level.to_string(), |name| format!("{level} ({name})"))
}

/// The level of `metadata.version` with this name, or the last one of the release with this name.
pub(crate) fn metadata_version_of(name: &str) -> Option<i16> {
    let is_named = |known: &&str| {
        *known == name
            || known
                .split_once('-')
                .is_some_and(|(release, _)| release == name)
    };
    let index = METADATA_VERSION_NAMES.iter().rposition(is_named)?;
    Some(METADATA_VERSION_MIN + i16::try_from(index).ok()?)
}

/// Whether the records of a cluster at this level of `metadata.version` are understood here.
///
/// # Errors
/// One line that says why not.
pub(crate) fn check_metadata_version(level: Option<i16>) -> Result<(), String> {
    match level {
        Some(level) if level > METADATA_VERSION_MAX => Err(format!(
            "the cluster has metadata.version {level}, the newest that is understood is {}: \
             downgrade it with kafka-features, where Apache Kafka allows it",
            metadata_version_name(METADATA_VERSION_MAX)
        )),
        Some(level) if level < METADATA_VERSION_MIN => Err(format!(
            "the cluster has metadata.version {level}, the oldest that is understood is {}: \
             upgrade it with kafka-features",
            metadata_version_name(METADATA_VERSION_MIN)
        )),
        _ => Ok(()),
    }
}

/// 4.0-IV1: partitions have eligible leader replicas (KIP-966).
pub(super) const ELIGIBLE_REPLICAS_SINCE: i16 = 23;

/// 4.3-IV0: log directories can be cordoned (KIP-1066).
pub(super) const CORDONED_DIRECTORIES_SINCE: i16 = 30;

/// True if the records of this level say what those of the level before cannot, so that nobody may
/// go back behind it.
pub(super) const fn changes_records(level: i16) -> bool {
    matches!(level, 17 | 23 | 30)
}

/// Why the value of a metadata record cannot be read.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RecordError(String);

impl fmt::Display for RecordError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// The record in `value`.
///
/// # Errors
/// If it is not a metadata record of a type and version that Kafka 4.3 writes.
pub fn decode_record(value: &Bytes) -> Result<MetadataRecord, RecordError> {
    let mut reader = Reader::new(value.clone());
    let decoded = decode_frame(&mut reader);
    match decoded {
        Ok(record) if reader.remaining() == 0 => Ok(record),
        Ok(_) => Err(RecordError(format!(
            "a metadata record has {} bytes too many",
            reader.remaining()
        ))),
        Err(error) => Err(error),
    }
}

fn decode_frame(reader: &mut Reader) -> Result<MetadataRecord, RecordError> {
    let refuse = |error| RecordError(format!("a metadata record cannot be read: {error}"));
    let frame_version = reader.read_unsigned_varint().map_err(refuse)?;
    if frame_version != FRAME_VERSION {
        return Err(RecordError(format!(
            "a metadata record has frame version {frame_version}, known is {FRAME_VERSION}"
        )));
    }
    let record_type = reader.read_unsigned_varint().map_err(refuse)?;
    let version = reader.read_unsigned_varint().map_err(refuse)?;
    let (Ok(narrow_type), Ok(narrow_version)) =
        (i16::try_from(record_type), i16::try_from(version))
    else {
        return Err(RecordError(format!(
            "there is no metadata record of type {record_type} and version {version}"
        )));
    };
    MetadataRecord::decode_content(narrow_type, narrow_version, reader).map_err(|error| {
        RecordError(format!(
            "a metadata record of type {record_type} and version {version} cannot be read: {error}"
        ))
    })
}

/// The value of `record` in the version that goes with the cluster's `metadata_version`.
///
/// # Panics
/// If a field has a value that its version cannot carry: records are made here, not received.
#[must_use]
pub fn encode_record(record: &MetadataRecord, metadata_version: i16) -> Bytes {
    let version = version_of(record, metadata_version);
    let mut writer = Writer::new();
    writer.put_unsigned_varint(FRAME_VERSION);
    writer.put_unsigned_varint(u32::from(record.record_type().unsigned_abs()));
    writer.put_unsigned_varint(u32::from(version.unsigned_abs()));
    record
        .encode(&mut writer, version)
        .expect("the controller's records fit their versions");
    writer.into_bytes()
}

/// The version that Kafka writes a record in at this metadata version. A change of a registration
/// has the lowest one that carries the change.
fn version_of(record: &MetadataRecord, metadata_version: i16) -> i16 {
    match record {
        MetadataRecord::RegisterBroker(_) if metadata_version >= CORDONED_DIRECTORIES_SINCE => 4,
        MetadataRecord::RegisterBroker(_) => 3,
        MetadataRecord::BrokerRegistrationChange(change) => {
            if change.cordoned_log_dirs.is_some() {
                3
            } else if change.log_dirs.is_empty() {
                i16::from(change.in_controlled_shutdown != 0)
            } else {
                2
            }
        }
        MetadataRecord::Partition(_) | MetadataRecord::PartitionChange(_) => {
            if metadata_version >= ELIGIBLE_REPLICAS_SINCE {
                2
            } else {
                1
            }
        }
        _ => 0,
    }
}
