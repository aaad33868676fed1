//! One segment, with one bit changed anywhere.

use bytes::Bytes;

use super::indexes::{OffsetWalk, TimeWalk};
use super::segment::{Expected, Follow, SegmentCheck, SegmentFacts, SegmentFault, Tail};
use super::window::Window;
use crate::log::{LeaderEpochs, end_marker};
use crate::model::Offset;
use crate::protocol::record_batch::{BatchHeader, RecordBatch, RecordBatchBuilder};

const BASE: Offset = 1000;

#[derive(Default)]
struct Told {
    faults: Vec<SegmentFault>,
    batches: usize,
    bytes: u64,
}

impl Follow for Told {
    fn on_batch(&mut self, _: &BatchHeader, _: u64) {
        self.batches += 1;
    }

    fn on_fault(&mut self, fault: SegmentFault) {
        self.faults.push(fault);
    }

    fn on_progress(&mut self, bytes: u64) {
        self.bytes += bytes;
    }
}

fn batch(base: Offset, records: usize) -> RecordBatch {
    let mut builder = RecordBatchBuilder::new();
    for _ in 0..records {
        builder.append(base, None, Some(&[b'v'; 30]), &[]);
    }
    let mut batch = builder.finish();
    batch.stamp(base, 3);
    batch
}

/// Batches of three, one and two records.
fn segment() -> Vec<u8> {
    let mut file = Vec::new();
    for (base, records) in [(BASE, 3), (BASE + 3, 1), (BASE + 4, 2)] {
        batch(base, records).append_to(&mut file);
    }
    file
}

fn epochs() -> LeaderEpochs {
    LeaderEpochs::decode(b"0\n1\n3 0\n").unwrap()
}

fn expected<'a>(file: &[u8], epochs: &'a LeaderEpochs, ends_exactly: bool) -> Expected<'a> {
    Expected {
        base_offset: BASE,
        length: file.len() as u64,
        is_dense: true,
        next_base_offset: ends_exactly.then_some(BASE + 6),
        ends_exactly,
        epochs: Some(epochs),
        may_have_newer_epochs: false,
        leader_epoch: Some(3),
    }
}

fn check(file: &[u8], ends_exactly: bool) -> (SegmentFacts, Told) {
    let source = file.to_vec();
    let epochs = epochs();
    let mut told = Told::default();
    let expected = expected(file, &epochs, ends_exactly);
    // An entry for the second batch, and timestamps that rise with each.
    let second = u32::try_from(batch(BASE, 3).size_bytes()).unwrap();
    let index = [3_u32.to_be_bytes(), second.to_be_bytes()].concat();
    let times = [&(BASE + 4).to_be_bytes()[..], &5_u32.to_be_bytes()].concat();
    let offset_walk = OffsetWalk::new(&index, BASE, file.len() as u64);
    let time_walk = TimeWalk::new(&times, BASE);
    // They are there once nothing more is written.
    let walks = match ends_exactly {
        true => (Some(offset_walk), Some(time_walk)),
        false => (None, None),
    };
    let check = SegmentCheck::new(expected, Window::new(&source), walks.0, walks.1);
    let facts = check.run(&mut told).unwrap();
    (facts, told)
}

#[test]
fn a_sound_segment_has_no_fault() {
    let file = segment();
    let (facts, told) = check(&file, true);
    assert_eq!(told.faults, []);
    assert_eq!((told.batches, told.bytes), (3, file.len() as u64));
    let expected = SegmentFacts {
        next_offset: BASE + 6,
        end: file.len() as u64,
        batches: 3,
        tail: Tail::Sound,
        is_damaged: false,
    };
    assert_eq!(facts, expected);
}

#[test]
fn one_bit_anywhere_in_a_segment_is_one_fault_in_the_batch_that_it_lies_in() {
    let file = segment();
    let first = batch(BASE, 3).size_bytes();
    let second = first + batch(BASE, 1).size_bytes();
    for bit in 0..file.len() * 8 {
        let mut damaged = file.clone();
        damaged[bit / 8] ^= 1 << (bit % 8);
        let (facts, told) = check(&damaged, true);
        assert!(facts.is_damaged, "bit {bit}");
        let start = [second, first, 0]
            .into_iter()
            .find(|start| *start <= bit / 8);
        match &told.faults[..] {
            [SegmentFault::Batch { byte, .. } | SegmentFault::LeaderEpoch { byte, .. }] => {
                assert_eq!(Some(*byte), start.map(|start| start as u64), "bit {bit}");
            }
            other => panic!("bit {bit} of byte {}: {other:?}", bit / 8),
        }
    }
}

#[test]
fn what_is_missing_between_two_batches_is_a_fault_unless_it_was_compacted() {
    let mut file = Vec::new();
    batch(BASE, 2).append_to(&mut file);
    batch(BASE + 5, 1).append_to(&mut file);
    let source = file.clone();
    let epochs = epochs();
    for is_dense in [true, false] {
        let mut told = Told::default();
        let expected = Expected {
            is_dense,
            ..expected(&file, &epochs, true)
        };
        let check = SegmentCheck::new(expected, Window::new(&source), None, None);
        let facts = check.run(&mut told).unwrap();
        assert_eq!(facts.is_damaged, is_dense);
        assert_eq!(
            told.faults.len(),
            usize::from(is_dense),
            "{:?}",
            told.faults
        );
    }
}

#[test]
fn a_file_that_is_written_to_may_have_reserved_room_behind_its_mark_of_the_end() {
    let records = segment();
    let marked = |next_offset| {
        let mut file = [&records[..], &end_marker(next_offset)].concat();
        file.resize(8192, 0);
        file
    };
    let (facts, told) = check(&marked(BASE + 6), false);
    assert_eq!((facts.tail, told.faults), (Tail::Sound, vec![]));
    assert_eq!(facts.end, records.len() as u64);
    let (facts, _) = check(&marked(BASE + 7), false);
    assert!(matches!(facts.tail, Tail::NoBatch(_)), "{facts:?}");
    // Or what the segment held whose file it was: batches with lower offsets.
    let mut recycled = marked(BASE + 6);
    let mut older = segment();
    older[..8].copy_from_slice(&7_i64.to_be_bytes());
    recycled[4096..4096 + older.len()].copy_from_slice(&older);
    let (facts, told) = check(&recycled, false);
    assert_eq!((facts.tail, told.faults), (Tail::Sound, vec![]));
    // But not later batches of the same segment.
    let mut hidden = marked(BASE + 6);
    let mut later = segment();
    later[..8].copy_from_slice(&(BASE + 6).to_be_bytes());
    hidden[4096..4096 + later.len()].copy_from_slice(&later);
    let (facts, told) = check(&hidden, false);
    assert!(facts.is_damaged && !told.faults.is_empty());
    let mut torn = marked(BASE + 6);
    torn[records.len() - 1] ^= 1;
    let (facts, told) = check(&torn, false);
    assert!(matches!(facts.tail, Tail::NoBatch(_)), "{facts:?}");
    assert_eq!((facts.next_offset, told.faults), (BASE + 4, vec![]));
    torn[0] ^= 1;
    let (facts, told) = check(&torn, false);
    assert!(
        facts.is_damaged && told.faults.len() == 1,
        "{:?}",
        told.faults
    );
}

#[test]
fn epochs_of_deleted_records_rise_to_the_first_that_is_listed() {
    let said = LeaderEpochs::decode(b"0\n1\n3 1004\n").unwrap();
    for (byte, is_sound) in [(15, true), (14, false)] {
        let mut file = segment();
        // Epoch 2, or one that is larger than any that there was.
        file[byte] ^= 1;
        let mut told = Told::default();
        let expected = Expected {
            epochs: Some(&said),
            ..expected(&file, &said, true)
        };
        let check = SegmentCheck::new(expected, Window::new(&file), None, None);
        let facts = check.run(&mut told).unwrap();
        assert_eq!(facts.is_damaged, !is_sound, "{:?}", told.faults);
    }
}

#[test]
fn epochs_that_the_file_beside_has_otherwise_are_its_fault_where_they_never_fall() {
    let file = Bytes::from(segment()).to_vec();
    let said = LeaderEpochs::decode(b"0\n1\n2 0\n").unwrap();
    let mut told = Told::default();
    let expected = Expected {
        epochs: Some(&said),
        ..expected(&file, &said, true)
    };
    let check = SegmentCheck::new(expected, Window::new(&file), None, None);
    assert!(!check.run(&mut told).unwrap().is_damaged);
    assert!(
        matches!(
            &told.faults[..],
            [SegmentFault::LeaderEpoch {
                is_of_batches: false,
                offset: BASE,
                ..
            }]
        ),
        "{:?}",
        told.faults
    );
}
