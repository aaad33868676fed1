//! Reading a journal after a crash.

use std::fmt;

use bytes::Bytes;

use crate::log::storage::IO_BLOCK_BYTES;
use crate::model::{TopicIdPartition, Uuid};

use super::format::{Entry, FORMAT_VERSION, Header, JournalIdentity, RING_START};

/// What a journal holds.
#[derive(Debug)]
pub struct Replayed {
    /// Which journal it is; `None` of one that was never written to.
    pub identity: Option<JournalIdentity>,
    /// Batches of partitions, in the order of writing.
    pub parts: Vec<(TopicIdPartition, Bytes)>,
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

/// What the whole file of a journal holds that was written in the log directory `directory`.
///
/// Only one entry is written at a time, so that nothing can follow one that is not whole: the
/// journal ends there, and if something does follow it, the disk has lost what it had made durable.
///
/// # Errors
/// If it cannot be relied upon.
pub fn replay(file: &Bytes, directory: Uuid) -> Result<Replayed, JournalFault> {
    let block = |position: u64| -> Bytes {
        let start = usize::try_from(position).map_or(file.len(), |start| start.min(file.len()));
        file.slice(start..)
    };
    let headers = [0, IO_BLOCK_BYTES].map(|position| Header::decode(&block(position)));
    let header = headers
        .into_iter()
        .flatten()
        .max_by_key(|header| header.number);
    let positions =
        || (RING_START..file.len() as u64).step_by(usize::try_from(IO_BLOCK_BYTES).unwrap_or(1));
    let Some(header) = header else {
        // Nothing is written to the ring before a header is durable.
        return match positions().find(|position| Entry::decode(&block(*position)).is_some()) {
            Some(_) => Err(JournalFault::Damaged(0, "neither of its headers is whole")),
            None => Ok(Replayed {
                identity: None,
                parts: Vec::new(),
            }),
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
        let found = entry.parts();
        parts.extend(found.ok_or(JournalFault::Damaged(
            at,
            "an entry is not made up of batches",
        ))?);
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
        None => Ok(Replayed {
            identity: Some(header.identity),
            parts,
        }),
    }
}
