//! The file that says from where each log of a shard is read after a crash.
//!
//! It is written anew as a whole, and takes the place of the one before. All numbers are
//! little-endian.
//!
//! | file | bytes | | entry | bytes |
//! | --- | --- | --- | --- | --- |
//! | magic `forebayc` | 8 | | topic's id | 16 |
//! | format version | 2 | | partition | 4 |
//! | shard | 2 | | length, and a point of that length | 4 |
//! | count of entries | 4 | | | |
//! | directory's id | 16 | | | |
//! | epoch of the shard's journal | 8 | | | |
//! | the entries | | | | |
//! | CRC-32C of all before | 4 | | | |

use std::fmt;

use bytes::{Buf, BufMut, Bytes, BytesMut};

use crate::model::{PartitionIndex, TopicIdPartition, Uuid};

use super::format::JournalIdentity;

/// How the names of checkpoints begin; shard and epoch follow.
const FILE_PREFIX: &str = "forebay-checkpoint-";

/// The format that is written. One that is newer stops the start.
const FORMAT_VERSION: u16 = 1;

const MAGIC: &[u8; 8] = b"forebayc";
const HEADER_BYTES: usize = 40;
const CRC_BYTES: usize = 4;
const ENTRY_HEADER_BYTES: usize = 24;

/// Why a checkpoint cannot be used.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum CheckpointFault {
    /// It is not whole, or not a checkpoint. Without it logs are read from further back.
    Damaged,
    /// It was written in the log directory of this id.
    Foreign(Uuid),
    /// A newer Forebay wrote it, in the format of this version.
    Newer(u16),
}

impl fmt::Display for CheckpointFault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Damaged => formatter.write_str("it is damaged"),
            Self::Foreign(id) => write!(formatter, "it belongs to the log directory {id}"),
            Self::Newer(version) => write!(
                formatter,
                "its format has version {version}, and this Forebay knows {FORMAT_VERSION}: start \
                 the Forebay that wrote it and stop it cleanly, then start this one"
            ),
        }
    }
}

/// The name of the checkpoint that goes with a journal.
#[must_use]
pub fn checkpoint_name(identity: &JournalIdentity) -> String {
    format!("{FILE_PREFIX}{}-{}", identity.shard, identity.epoch)
}

/// The epoch of a checkpoint by the name of its file; `None` for other files.
#[must_use]
pub fn checkpoint_epoch(name: &str) -> Option<u64> {
    let (shard, epoch) = name.strip_prefix(FILE_PREFIX)?.split_once('-')?;
    shard.parse::<u16>().ok()?;
    epoch.parse().ok()
}

/// The file that holds `points`.
#[must_use]
pub fn encode_checkpoint(
    identity: &JournalIdentity,
    points: &[(TopicIdPartition, Bytes)],
) -> Bytes {
    let lengths = points.iter().map(|(_, point)| point.len());
    let points_bytes: usize = lengths.map(|length| ENTRY_HEADER_BYTES + length).sum();
    let mut file = BytesMut::with_capacity(HEADER_BYTES + points_bytes + CRC_BYTES);
    file.put_slice(MAGIC);
    file.put_u16_le(FORMAT_VERSION);
    file.put_u16_le(identity.shard);
    file.put_u32_le(u32::try_from(points.len()).expect("partitions are counted in 32 bits"));
    file.put_slice(identity.directory.as_bytes());
    file.put_u64_le(identity.epoch);
    for (partition, point) in points {
        file.put_slice(partition.topic_id.as_bytes());
        file.put_i32_le(partition.partition);
        file.put_u32_le(u32::try_from(point.len()).expect("a point is smaller than 4 GiB"));
        file.put_slice(point);
    }
    file.put_u32_le(crc32c::crc32c(&file));
    file.freeze()
}

/// What a checkpoint holds that was written in the log directory of the id `directory`.
///
/// # Errors
/// Why it cannot be used.
pub fn decode_checkpoint(
    file: &Bytes,
    directory: Uuid,
) -> Result<Vec<(TopicIdPartition, Bytes)>, CheckpointFault> {
    if file.len() < HEADER_BYTES + CRC_BYTES || !file.starts_with(MAGIC) {
        return Err(CheckpointFault::Damaged);
    }
    let mut rest = file.slice(..file.len() - CRC_BYTES);
    let crc = (&file[rest.len()..]).get_u32_le();
    if crc != crc32c::crc32c(&rest) {
        return Err(CheckpointFault::Damaged);
    }
    rest.advance(MAGIC.len());
    let version = rest.get_u16_le();
    if version > FORMAT_VERSION {
        return Err(CheckpointFault::Newer(version));
    }
    rest.advance(2);
    let count = rest.get_u32_le();
    let written_in = take_uuid(&mut rest);
    if written_in != directory {
        return Err(CheckpointFault::Foreign(written_in));
    }
    rest.advance(8);
    let mut points = Vec::new();
    for _ in 0..count {
        if rest.len() < ENTRY_HEADER_BYTES {
            return Err(CheckpointFault::Damaged);
        }
        let topic_id = take_uuid(&mut rest);
        let partition: PartitionIndex = rest.get_i32_le();
        let length = usize::try_from(rest.get_u32_le()).unwrap_or(usize::MAX);
        if rest.len() < length {
            return Err(CheckpointFault::Damaged);
        }
        let id = TopicIdPartition {
            topic_id,
            partition,
        };
        points.push((id, rest.split_to(length)));
    }
    if rest.is_empty() {
        Ok(points)
    } else {
        Err(CheckpointFault::Damaged)
    }
}

fn take_uuid(rest: &mut Bytes) -> Uuid {
    let mut id = [0; 16];
    rest.copy_to_slice(&mut id);
    Uuid::from_bytes(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    const IDENTITY: JournalIdentity = JournalIdentity {
        directory: Uuid::from_bytes([7; 16]),
        shard: 3,
        epoch: 12,
    };

    fn points() -> Vec<(TopicIdPartition, Bytes)> {
        let id = |partition| TopicIdPartition {
            topic_id: Uuid::from_bytes([9; 16]),
            partition,
        };
        vec![(id(0), Bytes::from_static(b"point")), (id(5), Bytes::new())]
    }

    #[test]
    fn a_checkpoint_says_again_what_it_was_told() {
        let file = encode_checkpoint(&IDENTITY, &points());
        assert_eq!(decode_checkpoint(&file, IDENTITY.directory), Ok(points()));
        assert_eq!(checkpoint_name(&IDENTITY), "forebay-checkpoint-3-12");
        assert_eq!(checkpoint_epoch("forebay-checkpoint-3-12"), Some(12));
        assert_eq!(checkpoint_epoch("forebay-checkpoint-3-12.tmp"), None);
    }

    #[test]
    fn every_flipped_bit_and_every_missing_byte_is_noticed() {
        let file = encode_checkpoint(&IDENTITY, &points());
        for place in 0..file.len() {
            let mut other = file.to_vec();
            other[place] ^= 1;
            let decoded = decode_checkpoint(&other.into(), IDENTITY.directory);
            assert_eq!(decoded, Err(CheckpointFault::Damaged), "byte {place}");
            let decoded = decode_checkpoint(&file.slice(..place), IDENTITY.directory);
            assert_eq!(decoded, Err(CheckpointFault::Damaged), "{place} bytes");
        }
    }

    #[test]
    fn checkpoints_of_others_are_refused_by_name() {
        let file = encode_checkpoint(&IDENTITY, &points());
        let other = Uuid::from_bytes([8; 16]);
        let foreign = CheckpointFault::Foreign(IDENTITY.directory);
        assert_eq!(decode_checkpoint(&file, other), Err(foreign));
        let mut newer = file[..file.len() - CRC_BYTES].to_vec();
        newer[8] = 2;
        newer.put_u32_le(crc32c::crc32c(&newer));
        let decoded = decode_checkpoint(&newer.into(), IDENTITY.directory);
        assert_eq!(decoded, Err(CheckpointFault::Newer(2)));
    }
}
