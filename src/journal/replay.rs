//! Reading a journal after a crash.

use std::fmt;

use bytes::Bytes;

use crate::log::storage::IO_BLOCK_BYTES;
use crate::log::{JournalPlace, JournalledBatches};
use crate::model::{TopicIdPartition, Uuid};

use super::format::{
    Entry, FORMAT_VERSION, HEADER_BYTES, Header, JournalIdentity, RING_START, is_begun,
};

/// What a journal holds.
#[derive(Debug)]
pub struct Replayed {
    /// Which journal it is; `None` of one that was never written to.
    pub identity: Option<JournalIdentity>,
    /// Batches of partitions, in the order of writing.
    pub parts: Vec<(TopicIdPartition, JournalledBatches)>,
}

/// Why a journal cannot be replayed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum JournalFault {
    /// It was written by a newer version of Forebay, in this format.
    NewerFormat(u16),
    /// It was written in a log directory with this id.
    Foreign(Uuid),
    /// Something that was durable is gone or changed: where, and what.
    Damaged(u64, &'static str),
}

impl fmt::Display for JournalFault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NewerFormat(version) => write!(
                formatter,
                "it has format {version}, and this version knows {FORMAT_VERSION}: start the \
                 version that wrote it once more and stop it cleanly"
            ),
            Self::Foreign(directory) => write!(
                formatter,
                "it belongs to the log directory {directory}: was a directory copied in part?"
            ),
            Self::Damaged(position, what) => write!(
                formatter,
                "it is damaged at byte {position}: {what}. Acknowledged records are missing; move \
                 it away to start without them"
            ),
        }
    }
}

/// Which journal it is, as the newer of its headers says.
pub fn identity_of(file: &Bytes) -> Option<JournalIdentity> {
    newest_header(file).map(|header| header.identity)
}

fn newest_header(file: &Bytes) -> Option<Header> {
    let headers = [0, IO_BLOCK_BYTES].map(|position| Header::decode(&block_at(file, position)));
    let headers = headers.into_iter().flatten();
    headers.max_by_key(|header| header.number)
}

/// What the whole file of a journal holds that was written in the log directory `directory`.
///
/// Only one entry is written at a time, so that nothing can follow one that is not whole: the
/// journal ends there, and if something does follow it, the disk has lost what it had made durable.
///
/// # Errors
/// If it cannot be relied upon.
pub fn replay(file: &Bytes, directory: Uuid) -> Result<Replayed, JournalFault> {
    walk(file, directory, |_, _| {}).map(|(replayed, _)| replayed)
}

/// What a journal holds, and everything about its file that is not as it was written, also where
/// replay passes over it.
#[derive(Debug)]
pub struct Inspected {
    /// What replay comes to.
    pub replayed: Result<Replayed, JournalFault>,
    /// Places at which something is not as it was written, in bytes, and what.
    pub stains: Vec<(u64, &'static str)>,
    /// Where an entry begins that is not whole and nothing follows on: what a crash cut off looks
    /// like this, and an entry that was changed.
    pub unfinished: Option<u64>,
}

/// Look at the whole file of a journal, more closely than [`replay`] has to.
pub fn inspect(file: &Bytes, directory: Uuid) -> Inspected {
    let mut stains = Vec::new();
    for position in [0, IO_BLOCK_BYTES] {
        let block = block_at(file, position);
        let block = &block[..block.len().min(to_usize(IO_BLOCK_BYTES))];
        let used = match Header::decode(block) {
            Some(_) => HEADER_BYTES,
            // Until a second header is written there is none.
            None if is_zero(block) => continue,
            None => {
                stains.push((position, "the header is not whole"));
                continue;
            }
        };
        if !is_zero(&block[used..]) {
            stains.push((position + used as u64, "something follows the header"));
        }
    }
    let walked = walk(file, directory, |position, entry| {
        let filling = position + entry.used_bytes() as u64;
        let end = (position + entry.bytes).min(file.len() as u64);
        if !is_zero(&file[to_usize(filling)..to_usize(end)]) {
            stains.push((filling, "something follows the entry in its last block"));
        }
    });
    let (replayed, unfinished) = match walked {
        Ok((replayed, unfinished)) => (Ok(replayed), unfinished),
        Err(fault) => (Err(fault), None),
    };
    Inspected {
        replayed,
        stains,
        unfinished,
    }
}

fn is_zero(bytes: &[u8]) -> bool {
    bytes.iter().all(|byte| *byte == 0)
}

fn to_usize(position: u64) -> usize {
    usize::try_from(position).expect("what is in memory has a size")
}

fn block_at(file: &Bytes, position: u64) -> Bytes {
    let start = usize::try_from(position).map_or(file.len(), |start| start.min(file.len()));
    file.slice(start..)
}

/// Go through the entries that are needed, each shown to `visit` with its position. Returns also
/// where an entry was begun behind the last of them.
fn walk(
    file: &Bytes,
    directory: Uuid,
    mut visit: impl FnMut(u64, &Entry),
) -> Result<(Replayed, Option<u64>), JournalFault> {
    let block = |position| block_at(file, position);
    let header = newest_header(file);
    let positions =
        || (RING_START..file.len() as u64).step_by(usize::try_from(IO_BLOCK_BYTES).unwrap_or(1));
    let Some(header) = header else {
        // Nothing is written to the ring before a header is durable.
        return match positions().find(|position| Entry::decode(&block(*position)).is_some()) {
            Some(_) => Err(JournalFault::Damaged(0, "neither of its headers is whole")),
            None => {
                let replayed = Replayed {
                    identity: None,
                    parts: Vec::new(),
                };
                Ok((replayed, None))
            }
        };
    };
    if header.version != FORMAT_VERSION {
        return Err(JournalFault::NewerFormat(header.version));
    }
    if header.identity.directory != directory {
        return Err(JournalFault::Foreign(header.identity.directory));
    }
    let (mut number, mut position) = (header.first_entry, header.position);
    let mut previous_crc = None;
    let mut parts = Vec::new();
    let is_next = |entry: &Entry, number: u64, previous_crc: Option<u32>| {
        entry.key.epoch == header.identity.epoch
            && entry.key.number == number
            && previous_crc.is_none_or(|crc| entry.key.previous_crc == crc)
    };
    while let Some((at, entry)) = [position, RING_START].into_iter().find_map(|at| {
        let entry = Entry::decode(&block(at))?;
        is_next(&entry, number, previous_crc).then_some((at, entry))
    }) {
        visit(at, &entry);
        let found = entry.parts();
        let found = found.ok_or(JournalFault::Damaged(
            at,
            "an entry is not made up of batches",
        ))?;
        let place = JournalPlace {
            epoch: header.identity.epoch,
            entry: number,
        };
        parts.extend(
            found
                .into_iter()
                .map(|(partition, batches)| (partition, JournalledBatches { place, batches })),
        );
        (number, position) = (number + 1, at + entry.bytes);
        previous_crc = Some(entry.crc);
    }
    let is_later = |at: &u64| {
        Entry::decode(&block(*at)).is_some_and(|entry| {
            entry.key.epoch == header.identity.epoch && entry.key.number >= number
        })
    };
    match positions().find(is_later) {
        Some(_) => Err(JournalFault::Damaged(position, "an entry is missing here")),
        None => {
            let next = (header.identity.epoch, number);
            let begun = [position, RING_START];
            let mut begun = begun.into_iter();
            let begun = begun.find(|at| is_begun(&block(*at), next, previous_crc));
            let replayed = Replayed {
                identity: Some(header.identity),
                parts,
            };
            Ok((replayed, begun))
        }
    }
}
