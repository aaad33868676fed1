//! What a journal's file looks like.
//!
//! Two header blocks, then the ring. A header says where replay begins; they are written in turn,
//! and the one with the larger number counts, so that one of them is whole whenever power fails.
//! An entry begins at the start of a block and is one write. All numbers are little-endian.
//!
//! | header | bytes | | entry | bytes |
//! | --- | --- | --- | --- | --- |
//! | magic `forebayj` | 8 | | magic | 4 |
//! | format version | 2 | | CRC-32C of what follows | 4 |
//! | shard | 2 | | journal's epoch | 8 |
//! | zeros | 4 | | number of the entry | 8 |
//! | directory's id | 16 | | CRC of the entry before | 4 |
//! | journal's epoch | 8 | | bytes that follow this table | 4 |
//! | number of the header | 8 | | then for each partition: | |
//! | first entry that is needed | 8 | | topic's id | 16 |
//! | its position | 8 | | partition | 4 |
//! | CRC-32C of all before | 4 | | length, and batches of that length | 4 |

use bytes::{Buf, BufMut, Bytes, BytesMut};

use crate::log::storage::IO_BLOCK_BYTES;
use crate::model::{PartitionIndex, TopicIdPartition, Uuid};

/// How the names of journals begin; shard and epoch follow.
pub const JOURNAL_FILE_PREFIX: &str = "forebay-journal-";

/// The format that is written. Others are refused.
pub const FORMAT_VERSION: u16 = 1;

const HEADER_MAGIC: &[u8; 8] = b"forebayj";
pub const HEADER_BYTES: usize = 68;
const ENTRY_MAGIC: u32 = 0x314A_4246;
const ENTRY_HEADER_BYTES: usize = 32;
const PART_HEADER_BYTES: usize = 24;

/// Where the ring begins: behind the two headers.
pub const RING_START: u64 = 2 * IO_BLOCK_BYTES;

/// Which journal a file is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct JournalIdentity {
    /// The id of its log directory.
    pub directory: Uuid,
    /// Its shard.
    pub shard: u16,
    /// How many lives of the broker had one before, as far as is known: larger than that of every
    /// other file in the directory.
    pub epoch: u64,
}

impl JournalIdentity {
    /// The name of the file.
    #[must_use]
    pub fn file_name(&self) -> String {
        format!("{JOURNAL_FILE_PREFIX}{}-{}", self.shard, self.epoch)
    }
}

/// Shard and epoch of a journal by the name of its file; `None` for other files.
#[must_use]
pub fn parse_file_name(name: &str) -> Option<(u16, u64)> {
    let (shard, epoch) = name.strip_prefix(JOURNAL_FILE_PREFIX)?.split_once('-')?;
    Some((shard.parse().ok()?, epoch.parse().ok()?))
}

/// One of the two headers.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Header {
    pub version: u16,
    pub identity: JournalIdentity,
    /// Counts headers: the larger one is the newer one.
    pub number: u64,
    /// The first entry that is needed.
    pub first_entry: u64,
    /// Where it is, or where it is looked for first.
    pub position: u64,
}

impl Header {
    /// The block to be written.
    pub fn encode(&self) -> Bytes {
        let mut block = BytesMut::with_capacity(HEADER_BYTES);
        block.put_slice(HEADER_MAGIC);
        block.put_u16_le(self.version);
        block.put_u16_le(self.identity.shard);
        block.put_u32_le(0);
        block.put_slice(self.identity.directory.as_bytes());
        block.put_u64_le(self.identity.epoch);
        block.put_u64_le(self.number);
        block.put_u64_le(self.first_entry);
        block.put_u64_le(self.position);
        block.put_u32_le(crc32c::crc32c(&block));
        block.freeze()
    }

    /// A header that is whole.
    pub fn decode(block: &[u8]) -> Option<Self> {
        let header = block.get(..HEADER_BYTES)?;
        let (covered, mut crc) = header.split_at(HEADER_BYTES - 4);
        if !covered.starts_with(HEADER_MAGIC) || crc.get_u32_le() != crc32c::crc32c(covered) {
            return None;
        }
        let mut rest = &covered[HEADER_MAGIC.len()..];
        let (version, shard) = (rest.get_u16_le(), rest.get_u16_le());
        rest.advance(4);
        let mut directory = [0; 16];
        rest.copy_to_slice(&mut directory);
        Some(Self {
            version,
            identity: JournalIdentity {
                directory: Uuid::from_bytes(directory),
                shard,
                epoch: rest.get_u64_le(),
            },
            number: rest.get_u64_le(),
            first_entry: rest.get_u64_le(),
            position: rest.get_u64_le(),
        })
    }
}

/// What tells one entry from every other.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct EntryKey {
    pub epoch: u64,
    /// Counts the entries of a journal.
    pub number: u64,
    /// The CRC of the entry before.
    pub previous_crc: u32,
}

/// How much a partition's batches of this length take of an entry.
pub const fn part_bytes(length: u64) -> u64 {
    length + PART_HEADER_BYTES as u64
}

/// How long an entry is in the file whose parts take `parts_bytes`.
pub const fn entry_bytes(parts_bytes: u64) -> u64 {
    (parts_bytes + ENTRY_HEADER_BYTES as u64).next_multiple_of(IO_BLOCK_BYTES)
}

/// Gathers the parts of an entry.
#[derive(Debug, Default)]
pub struct EntryBuilder {
    slices: Vec<Bytes>,
    parts_bytes: u64,
}

impl EntryBuilder {
    /// Bytes of the parts so far.
    pub const fn parts_bytes(&self) -> u64 {
        self.parts_bytes
    }

    /// Put in the batches of a partition.
    pub fn push(&mut self, partition: TopicIdPartition, batches: Vec<Bytes>) {
        let length: usize = batches.iter().map(Bytes::len).sum();
        let mut header = BytesMut::with_capacity(PART_HEADER_BYTES);
        header.put_slice(partition.topic_id.as_bytes());
        header.put_i32_le(partition.partition);
        header.put_u32_le(u32::try_from(length).expect("an entry is smaller than 4 GiB"));
        self.slices.push(header.freeze());
        self.slices.extend(batches);
        self.parts_bytes += part_bytes(length as u64);
    }

    /// The whole entry, to be written as it is and filled up with zeros, and its CRC.
    pub fn finish(self, key: EntryKey) -> (Vec<Bytes>, u32) {
        let mut header = BytesMut::with_capacity(ENTRY_HEADER_BYTES);
        header.put_u64_le(key.epoch);
        header.put_u64_le(key.number);
        header.put_u32_le(key.previous_crc);
        let length = u32::try_from(self.parts_bytes).expect("an entry is smaller than 4 GiB");
        header.put_u32_le(length);
        let parts = self.slices.iter();
        let crc = parts.fold(crc32c::crc32c(&header), |crc, slice| {
            crc32c::crc32c_append(crc, slice)
        });
        let mut front = BytesMut::with_capacity(ENTRY_HEADER_BYTES);
        front.put_u32_le(ENTRY_MAGIC);
        front.put_u32_le(crc);
        front.put_slice(&header);
        let mut slices = Vec::with_capacity(self.slices.len() + 1);
        slices.push(front.freeze());
        slices.extend(self.slices);
        (slices, crc)
    }
}

/// An entry that is whole.
#[derive(Debug)]
pub struct Entry {
    pub key: EntryKey,
    pub crc: u32,
    /// Its length in the file.
    pub bytes: u64,
    parts: Bytes,
}

/// True if what stands at the front of `bytes`, and is no whole entry, was to be the one that
/// follows on the one with `previous_crc`, so that its write was begun.
pub fn is_begun(bytes: &[u8], next: (u64, u64), previous_crc: Option<u32>) -> bool {
    let Some(mut front) = bytes.get(..ENTRY_HEADER_BYTES) else {
        return false;
    };
    let has_magic = front.get_u32_le() == ENTRY_MAGIC;
    front.advance(4);
    let has_epoch = front.get_u64_le() == next.0;
    let has_number = front.get_u64_le() == next.1;
    let follows = previous_crc == Some(front.get_u32_le());
    // Entries of earlier rounds have the magic and the epoch as well.
    follows || (has_number && (has_epoch || has_magic))
}

impl Entry {
    /// The entry at the front of `bytes`, if there is a whole one.
    pub fn decode(bytes: &Bytes) -> Option<Self> {
        let mut front = bytes.get(..ENTRY_HEADER_BYTES)?;
        if front.get_u32_le() != ENTRY_MAGIC {
            return None;
        }
        let crc = front.get_u32_le();
        let key = EntryKey {
            epoch: front.get_u64_le(),
            number: front.get_u64_le(),
            previous_crc: front.get_u32_le(),
        };
        let length = usize::try_from(front.get_u32_le()).ok()?;
        let end = ENTRY_HEADER_BYTES.checked_add(length)?;
        let covered = bytes.get(8..end)?;
        (crc32c::crc32c(covered) == crc).then(|| Self {
            key,
            crc,
            bytes: entry_bytes(length as u64),
            parts: bytes.slice(ENTRY_HEADER_BYTES..end),
        })
    }

    /// How many of its bytes are not there to fill its last block.
    pub fn used_bytes(&self) -> usize {
        ENTRY_HEADER_BYTES + self.parts.len()
    }

    /// The batches of each partition, in the order of writing; `None` if they were not written by
    /// [`EntryBuilder`].
    pub fn parts(&self) -> Option<Vec<(TopicIdPartition, Bytes)>> {
        let mut rest = self.parts.clone();
        let mut parts = Vec::new();
        while !rest.is_empty() {
            if rest.len() < PART_HEADER_BYTES {
                return None;
            }
            let mut topic_id = [0; 16];
            rest.copy_to_slice(&mut topic_id);
            let partition: PartitionIndex = rest.get_i32_le();
            let length = usize::try_from(rest.get_u32_le()).ok()?;
            if rest.len() < length {
                return None;
            }
            let id = TopicIdPartition {
                topic_id: Uuid::from_bytes(topic_id),
                partition,
            };
            parts.push((id, rest.split_to(length)));
        }
        Some(parts)
    }
}
