//! Which transactions of a log were aborted, as Apache Kafka's `.txnindex` files tell.
//!
//! A reader of committed records only passes over what these producers wrote from there to the
//! marker of the end. The files are read once, when the log is opened: an entry is made with the
//! marker, which no broker but Apache Kafka writes yet.

use crate::model::{Offset, ProducerId};

/// Bytes of an entry: version, producer, first, last and last stable offset.
const ENTRY_BYTES: usize = 34;

/// The only version of an entry.
const VERSION: [u8; 2] = [0, 0];

/// A transaction that was aborted.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct AbortedTransaction {
    /// Whose it was.
    pub producer_id: ProducerId,
    /// Its first record.
    pub first_offset: Offset,
    /// The marker of its end.
    pub last_offset: Offset,
}

/// The aborted transactions of a log, in the order of their ends.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct AbortedTransactions {
    all: Vec<AbortedTransaction>,
}

impl AbortedTransactions {
    /// Take in the `.txnindex` file of the next segment, which begins at `base_offset`.
    ///
    /// # Errors
    /// The byte at which there is something else than an entry.
    pub(crate) fn push_file(&mut self, base_offset: Offset, file: &[u8]) -> Result<(), usize> {
        let (entries, rest) = file.as_chunks::<ENTRY_BYTES>();
        let mut before = base_offset - 1;
        for (index, entry) in entries.iter().enumerate() {
            let number =
                |at: usize| i64::from_be_bytes(std::array::from_fn(|byte| entry[at + byte]));
            let aborted = AbortedTransaction {
                producer_id: number(2),
                first_offset: number(10),
                last_offset: number(18),
            };
            let (first, last) = (aborted.first_offset, aborted.last_offset);
            if entry[..2] != VERSION || first < 0 || first > last || last <= before {
                return Err(index * ENTRY_BYTES);
            }
            before = last;
            self.all.push(aborted);
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

    /// Those that have a part in the records from `offset` up to `upper`.
    pub(crate) fn between(&self, offset: Offset, upper: Offset) -> Vec<AbortedTransaction> {
        let from = self.all.partition_point(|one| one.last_offset < offset);
        let reaching = self.all[from..].iter();
        reaching
            .filter(|one| one.first_offset < upper)
            .copied()
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(producer_id: i64, first: i64, last: i64) -> Vec<u8> {
        let numbers = [producer_id, first, last, last + 1];
        let numbers = numbers.iter().flat_map(|number| number.to_be_bytes());
        VERSION.into_iter().chain(numbers).collect()
    }

    #[test]
    fn a_reader_is_told_of_the_aborted_transactions_in_what_it_reads() {
        let mut aborted = AbortedTransactions::default();
        let first = [entry(7, 0, 10), entry(8, 5, 20)].concat();
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
}
