//! What Kafka calls the files and folders of a partition.

use crate::model::{Offset, PartitionIndex};

/// Kafka's format version of `partition.metadata` holds the topic id.
pub(crate) const PARTITION_METADATA: &str = "partition.metadata";

/// The leader epochs and where each began.
pub(crate) const LEADER_EPOCHS: &str = "leader-epoch-checkpoint";

/// How far what checkpoints say of a log may be believed, since it was truncated later.
pub(crate) const TRUNCATION: &str = "forebay-truncation";

/// Up to where journals and checkpoints tell of an earlier replica of the partition.
pub(crate) const PREDECESSOR: &str = "forebay-predecessor";

/// The end of a file's name between its deletion and its removal.
pub(crate) const DELETED: &str = ".deleted";

/// The end of a file's name that compaction has not finished yet.
pub(crate) const CLEANED: &str = ".cleaned";

/// The end of a file's name that compaction has finished, before it takes the place of others.
pub(crate) const SWAP: &str = ".swap";

/// The end of a folder's name between its deletion and its removal.
pub const FOLDER_DELETED: &str = "-delete";

/// The end of the name of a partition's folder that is to take the place of another one.
const FOLDER_FUTURE: &str = "-future";

/// The end of the name of a partition's folder that is of no topic that there is.
pub(crate) const FOLDER_STRAY: &str = "-stray";

/// The longest name that the file systems in use take.
const NAME_BYTES_MAX: usize = 255;

/// Digits of a file's base offset: as many as the largest offset has, and one to spare.
const OFFSET_DIGITS: usize = 20;

/// What a file of a segment holds.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum FileKind {
    /// Record batches.
    Log,
    /// Offsets to positions.
    OffsetIndex,
    /// Timestamps to offsets.
    TimeIndex,
    /// Aborted transactions.
    TransactionIndex,
    /// The state of the producers at the base offset.
    Snapshot,
}

impl FileKind {
    const ALL: [Self; 5] = [
        Self::Log,
        Self::OffsetIndex,
        Self::TimeIndex,
        Self::TransactionIndex,
        Self::Snapshot,
    ];

    const fn suffix(self) -> &'static str {
        match self {
            Self::Log => ".log",
            Self::OffsetIndex => ".index",
            Self::TimeIndex => ".timeindex",
            Self::TransactionIndex => ".txnindex",
            Self::Snapshot => ".snapshot",
        }
    }

    /// The name of this file of the segment that begins at `base_offset`.
    pub(crate) fn name(self, base_offset: Offset) -> String {
        format!("{base_offset:020}{}", self.suffix())
    }

    /// What the file `name` is, if it is one of a segment's.
    pub(crate) fn parse(name: &str) -> Option<(Offset, Self)> {
        let (digits, _) = name.split_at_checked(OFFSET_DIGITS)?;
        if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let suffix = &name[OFFSET_DIGITS..];
        let kind = Self::ALL.into_iter().find(|kind| kind.suffix() == suffix)?;
        Some((digits.parse().ok()?, kind))
    }
}

/// The folder of a partition.
#[must_use]
pub fn partition_folder(topic: &str, partition: PartitionIndex) -> String {
    format!("{topic}-{partition}")
}

/// The topic and partition whose folder is called `name`; `None` for any other folder.
#[must_use]
pub fn parse_partition_folder(name: &str) -> Option<(&str, PartitionIndex)> {
    let (topic, digits) = name.rsplit_once('-')?;
    let all_digits = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    (all_digits && !topic.is_empty()).then(|| Some((topic, digits.parse().ok()?)))?
}

/// The name of a partition's folder between its deletion and its removal. `unique` tells apart
/// topics that were deleted under one name; a long topic name is shortened.
#[must_use]
pub fn deleted_folder(topic: &str, partition: PartitionIndex, unique: [u8; 16]) -> String {
    put_aside(topic, partition, unique, FOLDER_DELETED)
}

/// The name of a partition's folder that is of no topic that there is.
#[must_use]
pub fn stray_folder(topic: &str, partition: PartitionIndex, unique: [u8; 16]) -> String {
    put_aside(topic, partition, unique, FOLDER_STRAY)
}

/// The name of a partition's folder while it is filled from one in another log directory.
#[must_use]
pub fn future_folder(topic: &str, partition: PartitionIndex, unique: [u8; 16]) -> String {
    put_aside(topic, partition, unique, FOLDER_FUTURE)
}

/// The topic and partition of a folder that was being filled; `None` for any other folder. A long
/// topic name may be shortened.
#[must_use]
pub fn parse_future_folder(name: &str) -> Option<(&str, PartitionIndex)> {
    let (folder, unique) = name.strip_suffix(FOLDER_FUTURE)?.rsplit_once('.')?;
    let is_unique = unique.len() == 32 && unique.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_unique.then(|| parse_partition_folder(folder))?
}

fn put_aside(topic: &str, partition: PartitionIndex, unique: [u8; 16], suffix: &str) -> String {
    let number = u128::from_be_bytes(unique);
    let end = format!("-{partition}.{number:032x}{suffix}");
    // Topic names are ASCII, so any byte is a boundary; `floor` keeps that from being a promise.
    let kept = topic.floor_char_boundary(topic.len().min(NAME_BYTES_MAX - end.len()));
    format!("{}{end}", &topic[..kept])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_segments_files_are_named_by_their_base_offset() {
        assert_eq!(FileKind::Log.name(7), "00000000000000000007.log");
        assert_eq!(
            FileKind::parse("00000000000000000007.timeindex"),
            Some((7, FileKind::TimeIndex))
        );
        for name in [
            "00000000000000000007.log.deleted",
            "7.log",
            "leader-epoch-checkpoint",
            "+0000000000000000007.log",
            "99999999999999999999.log",
        ] {
            assert_eq!(FileKind::parse(name), None, "{name}");
        }
    }

    #[test]
    fn a_folder_names_topic_and_partition() {
        assert_eq!(parse_partition_folder("a-b-12"), Some(("a-b", 12)));
        assert_eq!(parse_partition_folder("a-"), None);
        assert_eq!(parse_partition_folder("-1"), None);
        assert_eq!(parse_partition_folder("a-1.00ff-delete"), None);
        assert_eq!(
            parse_partition_folder(&partition_folder("t", 0)),
            Some(("t", 0))
        );
    }

    #[test]
    fn the_folder_of_a_copy_names_topic_and_partition() {
        let unique = 0xab_u128.to_be_bytes();
        let name = future_folder("a.b", 3, unique);
        assert_eq!(name, "a.b-3.000000000000000000000000000000ab-future");
        assert_eq!(parse_future_folder(&name), Some(("a.b", 3)));
        for name in [
            "a-3",
            "a-3-future",
            "a-3.ab-future",
            "-3.ab-future",
            "-future",
        ] {
            assert_eq!(parse_future_folder(name), None, "{name}");
        }
        assert_eq!(parse_future_folder(&deleted_folder("a", 3, unique)), None);
    }

    #[test]
    fn a_deleted_folder_keeps_a_name_that_file_systems_take() {
        let unique = 0xab_u128.to_be_bytes();
        assert_eq!(
            deleted_folder("t", 3, unique),
            "t-3.000000000000000000000000000000ab-delete"
        );
        assert_eq!(
            deleted_folder(&"x".repeat(249), 3, unique).len(),
            NAME_BYTES_MAX
        );
    }
}
