//! Which transactions of a log were aborted, and Apache Kafka's `.txnindex` files, which tell that.
//!
//! A reader of committed records only passes over what these producers wrote from there to the
//! marker of the end. All of them are in memory, found by the markers of the log; each segment gets
//! a file of those that ended in it when it is sealed, and the files are read when the log is
//! opened. What is not sealed is read after a crash in any case, and its markers with it.

use bytes::{BufMut, Bytes, BytesMut};

use crate::model::{Offset, ProducerId};

/// Bytes of an entry: version, producer, first, last and last stable offset.
const ENTRY_BYTES: usize = 34;

/// The only version of an entry.
const VERSION: i16 = 0;

/// A transaction that was aborted.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct AbortedTransaction {
    /// Whose it was.
    pub producer_id: ProducerId,
    /// Its first record.
    pub first_offset: Offset,
    /// The marker of its end.
    pub last_offset: Offset,
    /// The last stable offset once it had ended: where the oldest transaction begins that was
    /// still open, or the offset behind the marker.
    pub last_stable_offset: Offset,
}

impl AbortedTransaction {
    fn decode(entry: &[u8; ENTRY_BYTES]) -> Option<Self> {
        let number = |at: usize| i64::from_be_bytes(std::array::from_fn(|byte| entry[at + byte]));
        let aborted = Self {
            producer_id: number(2),
            first_offset: number(10),
            last_offset: number(18),
            last_stable_offset: number(26),
        };
        let is_sound = entry[..2] == VERSION.to_be_bytes()
            && (0..=aborted.last_offset).contains(&aborted.first_offset);
        is_sound.then_some(aborted)
    }

    fn encode(&self, file: &mut BytesMut) {
        file.put_i16(VERSION);
        file.put_i64(self.producer_id);
        file.put_i64(self.first_offset);
        file.put_i64(self.last_offset);
        file.put_i64(self.last_stable_offset);
    }
}

/// The aborted transactions of a log, in the order of their ends.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct AbortedTransactions {
    all: Vec<AbortedTransaction>,
}

impl AbortedTransactions {
    /// Take in the `.txnindex` file of the segment which begins at `base_offset`.
    ///
    /// # Errors
    /// The byte at which there is something else than an entry; those before it are taken in.
    pub(crate) fn push_file(&mut self, base_offset: Offset, file: &[u8]) -> Result<(), usize> {
        let (entries, rest) = file.as_chunks::<ENTRY_BYTES>();
        let mut before = base_offset - 1;
        for (index, entry) in entries.iter().enumerate() {
            let aborted = AbortedTransaction::decode(entry);
            let aborted = aborted.filter(|aborted| aborted.last_offset > before);
            let aborted = aborted.ok_or(index * ENTRY_BYTES)?;
            before = aborted.last_offset;
            self.note(aborted);
        }
        if rest.is_empty() {
            Ok(())
        } else {
            Err(file.len() - rest.len())
        }
    }

    /// How many bytes of `file`, a `.txnindex`, tell of transactions that ended before `offset`.
    pub(crate) fn bytes_before(file: &[u8], offset: Offset) -> usize {
        let (entries, rest) = file.as_chunks::<ENTRY_BYTES>();
        let end_of = |entry: &[u8; ENTRY_BYTES]| {
            i64::from_be_bytes(std::array::from_fn(|byte| entry[18 + byte]))
        };
        let kept = entries.partition_point(|entry| end_of(entry) < offset);
        match kept == entries.len() {
            // What is no entry is for whoever reads the file to tell.
            true => kept * ENTRY_BYTES + rest.len(),
            false => kept * ENTRY_BYTES,
        }
    }

    /// A transaction was aborted; it may be known already.
    pub(crate) fn note(&mut self, aborted: AbortedTransaction) {
        let place = self.place_of(aborted.last_offset);
        match self.all.get(place) {
            Some(known) if known.last_offset == aborted.last_offset => {}
            _ => self.all.insert(place, aborted),
        }
    }

    /// Those that ended from `start` up to `end`.
    pub(crate) fn ended_in(&self, start: Offset, end: Offset) -> &[AbortedTransaction] {
        let (from, to) = (self.place_of(start), self.place_of(end));
        self.all.get(from..to).unwrap_or_default()
    }

    /// The `.txnindex` file of a segment with the offsets from `start` up to `end`.
    pub(crate) fn encode(&self, start: Offset, end: Offset) -> Bytes {
        let entries = self.ended_in(start, end);
        let mut file = BytesMut::with_capacity(entries.len() * ENTRY_BYTES);
        for aborted in entries {
            aborted.encode(&mut file);
        }
        file.freeze()
    }

    /// Forget those that ended from `start` up to `end`.
    pub(crate) fn forget(&mut self, start: Offset, end: Offset) {
        let (from, to) = (self.place_of(start), self.place_of(end));
        if from < to {
            self.all.drain(from..to);
        }
    }

    /// Those that have a part in the records from `offset` up to `upper`.
    pub(crate) fn between(&self, offset: Offset, upper: Offset) -> Vec<AbortedTransaction> {
        let mut found = Vec::new();
        for one in &self.all[self.place_of(offset)..] {
            if one.first_offset < upper {
                found.push(*one);
            }
            // All that begin before there have ended.
            if one.last_stable_offset >= upper {
                break;
            }
        }
        found
    }

    pub(super) fn check_invariants(&self, log_end_offset: Offset) {
        assert!(
            self.all
                .is_sorted_by(|one, next| one.last_offset < next.last_offset),
            "aborted transactions are in the order of their ends"
        );
        assert!(
            self.all
                .last()
                .is_none_or(|last| last.last_offset < log_end_offset),
            "no transaction was aborted behind the end of the log"
        );
    }

    /// Where among them the first one is that ended at `offset` or behind it.
    fn place_of(&self, offset: Offset) -> usize {
        self.all.partition_point(|one| one.last_offset < offset)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(producer_id: i64, first: i64, last: i64) -> Vec<u8> {
        stable_entry(producer_id, first, last, last + 1)
    }

    fn stable_entry(producer_id: i64, first: i64, last: i64, stable: i64) -> Vec<u8> {
        let numbers = [producer_id, first, last, stable];
        let numbers = numbers.iter().flat_map(|number| number.to_be_bytes());
        VERSION.to_be_bytes().into_iter().chain(numbers).collect()
    }

    #[test]
    fn a_reader_is_told_of_the_aborted_transactions_in_what_it_reads() {
        let mut aborted = AbortedTransactions::default();
        let first = [stable_entry(7, 0, 10, 5), entry(8, 5, 20)].concat();
        aborted.push_file(0, &first).unwrap();
        aborted.push_file(30, &entry(7, 25, 40)).unwrap();
        for (offset, upper, expected) in [
            (0, 5, vec![7]),
            (0, 6, vec![7, 8]),
            (10, 11, vec![7, 8]),
            (11, 25, vec![8]),
            (21, 25, vec![]),
            (21, 26, vec![7]),
            (41, 100, vec![]),
        ] {
            let found = aborted.between(offset, upper);
            let producers: Vec<i64> = found.iter().map(|one| one.producer_id).collect();
            assert_eq!(producers, expected, "{offset} to {upper}");
        }
    }

    #[test]
    fn what_is_no_entry_is_told_by_its_place() {
        let sound = entry(7, 0, 10);
        for (second, at) in [
            (entry(8, 12, 10), 34),
            (entry(8, 12, 11), 34),
            (entry(8, -1, 11), 34),
            (entry(8, 5, 10), 34),
            (vec![0, 0, 0], 34),
            ([vec![0, 1], entry(8, 11, 12)[2..].to_vec()].concat(), 34),
        ] {
            let mut aborted = AbortedTransactions::default();
            let file = [sound.clone(), second].concat();
            assert_eq!(aborted.push_file(0, &file), Err(at), "{file:?}");
        }
    }

    #[test]
    fn a_file_has_those_that_ended_in_its_segment() {
        let mut aborted = AbortedTransactions::default();
        let file = [entry(7, 0, 10), entry(8, 5, 20), entry(7, 15, 30)].concat();
        aborted.push_file(0, &file).unwrap();
        assert_eq!(aborted.encode(0, 31), file);
        assert_eq!(aborted.encode(20, 30), entry(8, 5, 20));
        aborted.forget(0, 20);
        assert_eq!(aborted.encode(0, 31), file[ENTRY_BYTES..]);
    }

    #[test]
    fn a_transaction_that_is_found_twice_is_told_once() {
        let mut aborted = AbortedTransactions::default();
        let file = [entry(7, 0, 10), entry(8, 5, 20)].concat();
        aborted.push_file(0, &file).unwrap();
        aborted.push_file(0, &entry(7, 0, 10)).unwrap();
        assert_eq!(aborted.encode(0, 31), file);
    }
}
