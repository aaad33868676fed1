//! Kafka's checkpoint files: text with a version, a count and one line for each entry.
//!
//! The files of a log directory (`recovery-point-offset-checkpoint`,
//! `replication-offset-checkpoint`, `log-start-offset-checkpoint`, `cleaner-offset-checkpoint`)
//! hold an offset for each of its partitions and belong to the shard; the leader epochs of a
//! partition have the same form.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};
use std::sync::Arc;

use bytes::Bytes;

use crate::model::{Offset, TopicPartition, Uuid};

/// The name of the file with the offsets up to which each log was compacted.
pub const CLEANED_OFFSETS: &str = "cleaner-offset-checkpoint";

/// The name of the file with the offsets up to which each log is on the disk.
pub const RECOVERY_POINTS: &str = "recovery-point-offset-checkpoint";

/// The name of the file with the high watermarks.
pub const HIGH_WATERMARKS: &str = "replication-offset-checkpoint";

/// The name of the file with the log start offsets that lie behind a segment's begin.
pub const LOG_START_OFFSETS: &str = "log-start-offset-checkpoint";

const VERSION: &str = "0";

/// Why a checkpoint file is not one.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct CheckpointError {
    /// The line at fault, from one.
    pub line: usize,
    /// What was expected there.
    pub expected: &'static str,
}

impl fmt::Display for CheckpointError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "line {} is not {}", self.line, self.expected)
    }
}

/// The text of a file of offsets.
#[must_use]
pub fn encode_offsets(offsets: &BTreeMap<TopicPartition, Offset>) -> Bytes {
    let lines = offsets
        .iter()
        .map(|(at, offset)| format!("{} {} {offset}", at.topic, at.partition));
    encode_lines(offsets.len(), lines)
}

/// The offsets in a file of them. An empty file, which Kafka makes before it first writes one,
/// holds none.
///
/// # Errors
/// If it is not a checkpoint file of version 0, ends early, or names a partition twice.
pub fn decode_offsets(file: &[u8]) -> Result<BTreeMap<TopicPartition, Offset>, CheckpointError> {
    let expected = "a topic, a partition and an offset";
    let mut offsets = BTreeMap::new();
    decode_lines(file, expected, |line| {
        let mut words = line.split(' ');
        let topic = words.next().filter(|topic| !topic.is_empty())?;
        let at = TopicPartition {
            topic: Arc::from(topic),
            partition: words.next()?.parse().ok()?,
        };
        let former = offsets.insert(at, words.next()?.parse().ok()?);
        (former.is_none() && words.next().is_none()).then_some(())
    })?;
    Ok(offsets)
}

/// The text of `count` entries.
pub(super) fn encode_lines(count: usize, lines: impl Iterator<Item = String>) -> Bytes {
    let mut text = format!("{VERSION}\n{count}\n");
    for line in lines {
        writeln!(text, "{line}").expect("a string takes every text");
    }
    Bytes::from(text)
}

/// Give each entry of `file` to `take`, which answers `None` if it is not what is `expected`.
pub(super) fn decode_lines<'a>(
    file: &'a [u8],
    expected: &'static str,
    mut take: impl FnMut(&'a str) -> Option<()>,
) -> Result<(), CheckpointError> {
    let refuse = |line, expected| CheckpointError { line, expected };
    if file.is_empty() {
        return Ok(());
    }
    let text = str::from_utf8(file).map_err(|_| refuse(1, "text"))?;
    let mut lines = text.lines();
    if lines.next() != Some(VERSION) {
        return Err(refuse(1, "version 0"));
    }
    let count: usize = lines
        .next()
        .and_then(|line| line.parse().ok())
        .ok_or_else(|| refuse(2, "the number of entries"))?;
    let mut found = 0;
    for line in lines {
        found += 1;
        take(line).ok_or_else(|| refuse(found + 2, expected))?;
    }
    if found == count {
        Ok(())
    } else {
        Err(refuse(2, "the number of entries that follow"))
    }
}

/// The text of `partition.metadata`.
pub(crate) fn encode_partition_metadata(topic_id: Uuid) -> Bytes {
    Bytes::from(format!("version: 0\ntopic_id: {topic_id}"))
}

/// The topic id in a partition's `partition.metadata`, by which a shard that starts knows whose a
/// folder is; `None` if the file is not one.
#[must_use]
pub fn decode_partition_metadata(file: &[u8]) -> Option<Uuid> {
    let mut lines = str::from_utf8(file).ok()?.lines();
    let version = lines.next()?.strip_prefix("version:")?;
    let topic_id = lines.next()?.strip_prefix("topic_id:")?;
    if version.trim() != VERSION {
        return None;
    }
    Uuid::parse(topic_id.trim()).filter(|id| !id.is_zero())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_offsets_of_a_directory_are_kafkas_text() {
        let at = |topic: &str, partition| TopicPartition {
            topic: Arc::from(topic),
            partition,
        };
        let offsets = BTreeMap::from([(at("t", 1), 1760), (at("t", 0), 2240)]);
        let file = encode_offsets(&offsets);
        assert_eq!(file.as_ref(), b"0\n2\nt 0 2240\nt 1 1760\n");
        assert_eq!(decode_offsets(&file), Ok(offsets));
        assert_eq!(decode_offsets(b""), Ok(BTreeMap::new()));
        assert_eq!(decode_offsets(b"0\n0\n"), Ok(BTreeMap::new()));
    }

    #[test]
    fn a_damaged_checkpoint_names_the_line() {
        for (file, line) in [
            (&b"1\n0\n"[..], 1),
            (b"\xff", 1),
            (b"0\n", 2),
            (b"0\n1\n", 2),
            (b"0\n1\nt 0 1\nt 1 1\n", 2),
            (b"0\n2\nt 0 1\nt 1\n", 4),
            (b"0\n1\nt 0 1 1\n", 3),
            (b"0\n2\nt 0 1\nt 0 2\n", 4),
        ] {
            assert_eq!(decode_offsets(file).unwrap_err().line, line, "{file:?}");
        }
    }

    #[test]
    fn the_topic_id_of_a_folder_is_kafkas_text() {
        let id = Uuid::parse("aMGSQPawRRSkMeZNL0Xbgg").unwrap();
        let file = encode_partition_metadata(id);
        assert_eq!(
            file.as_ref(),
            b"version: 0\ntopic_id: aMGSQPawRRSkMeZNL0Xbgg"
        );
        assert_eq!(decode_partition_metadata(&file), Some(id));
        assert_eq!(decode_partition_metadata(b"version: 1\ntopic_id: x"), None);
        assert_eq!(decode_partition_metadata(b""), None);
    }
}
