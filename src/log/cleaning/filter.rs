//! Which records of a batch compaction keeps.

use crate::log::validation::DECOMPRESSED_BYTES_MAX;
use crate::model::{Offset, TimestampMs};
use crate::protocol::record_batch::{BatchError, Record, RecordBatch};

use super::offset_map::OffsetMap;

/// What decides over all batches.
#[derive(Debug)]
pub(super) struct Rules<'a> {
    pub(super) map: &'a OffsetMap,
    pub(super) wall_ms: TimestampMs,
    /// `delete.retention.ms`: how long a tombstone stays once it was compacted.
    pub(super) delete_retention_ms: i64,
}

/// What is left of a batch.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Kept {
    /// All of it, as it is.
    Whole,
    /// This.
    Part(RecordBatch),
    Nothing,
}

/// What is known of a batch besides what it holds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fate {
    /// It stays even without records, for what it tells to whoever reads the log: the epoch and the
    /// sequence of its producer, or how far the compacted part reaches.
    pub(super) keeps_header: bool,
    /// Its records do not count: they were aborted, or it is a marker that nobody needs.
    pub(super) is_void: bool,
}

/// What is left of `batch`.
///
/// # Errors
/// If the records cannot be read.
pub(super) fn filter(
    batch: &RecordBatch,
    fate: Fate,
    rules: &Rules<'_>,
) -> Result<Kept, BatchError> {
    let records = batch.records(DECOMPRESSED_BYTES_MAX)?;
    let horizon = batch.delete_horizon();
    let has_passed = horizon.is_some_and(|horizon| horizon <= rules.wall_ms);
    let is_marker = batch.is_control();
    let goes = fate.is_void && (has_passed || !is_marker);
    let (mut retained, mut count) = (Vec::new(), 0_usize);
    let mut needs_horizon = is_marker && fate.is_void;
    for record in &records {
        let record = record?;
        count += 1;
        if !goes && (is_marker || is_retained(&record, horizon, rules)) {
            needs_horizon |= !is_marker && record.value.is_none();
            retained.push(record);
        }
    }
    if retained.is_empty() {
        return match (fate.keeps_header, count) {
            (false, _) => Ok(Kept::Nothing),
            (true, 0) => Ok(Kept::Whole),
            (true, _) => Ok(Kept::Part(batch.retaining(&[], None)?)),
        };
    }
    let new_horizon = match horizon {
        None if needs_horizon => Some(rules.wall_ms.saturating_add(rules.delete_retention_ms)),
        horizon => horizon,
    };
    if retained.len() == count && new_horizon == horizon {
        return Ok(Kept::Whole);
    }
    Ok(Kept::Part(batch.retaining(&retained, new_horizon)?))
}

fn is_retained(record: &Record<'_>, horizon: Option<TimestampMs>, rules: &Rules<'_>) -> bool {
    let Some(key) = record.key else {
        return false;
    };
    let latest: Option<Offset> = rules.map.latest(key);
    if latest.is_some_and(|latest| latest > record.offset) {
        return false;
    }
    record.value.is_some() || horizon.is_none_or(|horizon| rules.wall_ms < horizon)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::producer_state::ended_transaction;
    use crate::protocol::compression::Compression;
    use crate::protocol::record_batch::{ControlType, EndTransactionMarker, RecordBatchBuilder};
    use crate::stdx::Random;

    const DAY_MS: i64 = 86_400_000;

    const PLAIN: Fate = Fate {
        keeps_header: false,
        is_void: false,
    };

    const VOID: Fate = Fate {
        is_void: true,
        ..PLAIN
    };

    /// A batch at offset 10 of records with these keys and values, a millisecond apart.
    fn batch(compression: Compression, records: &[(&str, Option<&str>)]) -> RecordBatch {
        let mut builder = RecordBatchBuilder::new()
            .compression(compression, None)
            .place(10, 4)
            .producer(7, 0, Some(3));
        for (index, (key, value)) in (0..).zip(records) {
            let value = value.map(str::as_bytes);
            builder.append(1000 + index, Some(key.as_bytes()), value, &[(b"h", None)]);
        }
        builder.finish()
    }

    fn map(entries: &[(&str, Offset)]) -> OffsetMap {
        let mut map = OffsetMap::new(1 << 20, &mut Random::from_seed(3));
        for (key, offset) in entries {
            map.put(key.as_bytes(), *offset);
        }
        map
    }

    fn filtered(batch: &RecordBatch, map: &OffsetMap, wall_ms: i64) -> Kept {
        let rules = Rules {
            map,
            wall_ms,
            delete_retention_ms: DAY_MS,
        };
        filter(batch, PLAIN, &rules).unwrap()
    }

    fn offsets_and_times(batch: &RecordBatch) -> Vec<(Offset, i64)> {
        let records = batch.records(1 << 20).unwrap();
        let records = records.iter().map(Result::unwrap);
        records
            .map(|record| (record.offset, record.timestamp))
            .collect()
    }

    #[test]
    fn of_each_key_the_record_in_the_map_and_what_the_map_does_not_name_stay() {
        for compression in [Compression::None, Compression::Gzip, Compression::Zstd] {
            let values = [("a", Some("1")), ("b", Some("2")), ("c", Some("3"))];
            let batch = batch(compression, &values);
            let Kept::Part(part) = filtered(&batch, &map(&[("a", 11), ("b", 11)]), 5000) else {
                panic!("one record is superseded");
            };
            part.verify_crc().unwrap();
            assert_eq!(offsets_and_times(&part), [(11, 1001), (12, 1002)]);
            assert_eq!(part.base_offset(), 10);
            assert_eq!(part.last_offset(), 12);
            assert_eq!(part.compression(), Some(compression));
            assert_eq!(part.last_sequence(), Some(5));
            assert_eq!(part.leader_epoch(), Some(4));
        }
    }

    #[test]
    fn a_batch_of_which_everything_stays_is_not_touched() {
        let batch = batch(Compression::None, &[("a", Some("1"))]);
        assert_eq!(filtered(&batch, &map(&[("a", 10)]), 5000), Kept::Whole);
        assert_eq!(filtered(&batch, &map(&[]), 5000), Kept::Whole);
    }

    #[test]
    fn a_batch_that_lost_its_last_record_keeps_its_last_offset_and_learns_its_largest_timestamp() {
        let batch = batch(Compression::None, &[("a", Some("1")), ("b", Some("2"))]);
        let Kept::Part(part) = filtered(&batch, &map(&[("b", 20)]), 5000) else {
            panic!("one record is superseded");
        };
        assert_eq!(part.last_offset(), 11);
        assert_eq!(part.max_timestamp(), Some(1000));
    }

    #[test]
    fn a_tombstone_gets_a_horizon_first_and_goes_when_that_has_passed() {
        let batch = batch(Compression::None, &[("a", None), ("b", Some("2"))]);
        let map = map(&[("a", 10), ("b", 11)]);
        let Kept::Part(marked) = filtered(&batch, &map, 5000) else {
            panic!("the batch gets a horizon");
        };
        assert_eq!(marked.delete_horizon(), Some(5000 + DAY_MS));
        assert_eq!(offsets_and_times(&marked), [(10, 1000), (11, 1001)]);
        assert_eq!(filtered(&marked, &map, 4999 + DAY_MS), Kept::Whole);
        let Kept::Part(rest) = filtered(&marked, &map, 5000 + DAY_MS) else {
            panic!("the tombstone goes");
        };
        assert_eq!(offsets_and_times(&rest), [(11, 1001)]);
    }

    #[test]
    fn a_superseded_tombstone_goes_at_once() {
        let batch = batch(Compression::None, &[("a", None)]);
        assert_eq!(filtered(&batch, &map(&[("a", 11)]), 5000), Kept::Nothing);
    }

    #[test]
    fn the_last_batch_of_a_producer_stays_without_its_records() {
        let batch = batch(Compression::Gzip, &[("a", Some("1")), ("a", Some("2"))]);
        let map = map(&[("a", 20)]);
        let rules = Rules {
            map: &map,
            wall_ms: 5000,
            delete_retention_ms: DAY_MS,
        };
        let last = Fate {
            keeps_header: true,
            ..PLAIN
        };
        let Kept::Part(empty) = filter(&batch, last, &rules).unwrap() else {
            panic!("the batch stays");
        };
        empty.verify_crc().unwrap();
        assert_eq!(empty.records_count(), 0);
        assert_eq!(empty.last_offset(), 11);
        assert_eq!(empty.last_sequence(), Some(4));
        assert_eq!(empty.producer_id(), Some(7));
        assert_eq!(filter(&empty, last, &rules).unwrap(), Kept::Whole);
        assert_eq!(filter(&empty, PLAIN, &rules).unwrap(), Kept::Nothing);
    }

    #[test]
    fn of_a_void_batch_nothing_stays_but_what_tells_of_its_producer() {
        let batch = batch(Compression::Lz4, &[("a", Some("1")), ("b", None)]);
        let map = map(&[("a", 10), ("b", 11)]);
        let rules = Rules {
            map: &map,
            wall_ms: 5000,
            delete_retention_ms: DAY_MS,
        };
        assert_eq!(filter(&batch, VOID, &rules).unwrap(), Kept::Nothing);
        let last = Fate {
            keeps_header: true,
            ..VOID
        };
        let Kept::Part(empty) = filter(&batch, last, &rules).unwrap() else {
            panic!("its sequence stays");
        };
        assert_eq!((empty.records_count(), empty.last_sequence()), (0, Some(4)));
        assert_eq!(empty.delete_horizon(), None);
    }

    #[test]
    fn a_void_marker_gets_a_horizon_first_and_goes_when_that_has_passed() {
        let mut builder = RecordBatchBuilder::new()
            .place(10, 4)
            .producer(7, 2, None)
            .transactional()
            .control();
        let value = EndTransactionMarker {
            coordinator_epoch: 3,
        };
        builder.append_control(1000, ControlType::Abort, &value.encode());
        let marker = builder.finish();
        let map = map(&[]);
        let at = |batch: &RecordBatch, fate, wall_ms| {
            let rules = Rules {
                map: &map,
                wall_ms,
                delete_retention_ms: DAY_MS,
            };
            filter(batch, fate, &rules).unwrap()
        };
        assert_eq!(at(&marker, PLAIN, 5000), Kept::Whole);
        let Kept::Part(marked) = at(&marker, VOID, 5000) else {
            panic!("the batch gets a horizon");
        };
        marked.verify_crc().unwrap();
        assert_eq!(marked.delete_horizon(), Some(5000 + DAY_MS));
        assert_eq!(offsets_and_times(&marked), [(10, 1000)]);
        assert!(marked.is_control() && marked.is_transactional());
        assert_eq!(ended_transaction(&marked), Some((7, false)));
        assert_eq!(at(&marked, VOID, 4999 + DAY_MS), Kept::Whole);
        assert_eq!(at(&marked, PLAIN, 5000 + DAY_MS), Kept::Whole);
        assert_eq!(at(&marked, VOID, 5000 + DAY_MS), Kept::Nothing);
        let last = Fate {
            keeps_header: true,
            ..VOID
        };
        let Kept::Part(empty) = at(&marked, last, 5000 + DAY_MS) else {
            panic!("the epoch of its producer stays");
        };
        assert_eq!((empty.records_count(), empty.producer_epoch()), (0, 2));
        assert_eq!(at(&empty, last, 5000 + DAY_MS), Kept::Whole);
        assert_eq!(at(&empty, VOID, 5000 + DAY_MS), Kept::Nothing);
    }

    #[test]
    fn a_record_without_a_key_goes() {
        let mut builder = RecordBatchBuilder::new();
        builder.append(1, None, Some(b"1"), &[]);
        assert_eq!(filtered(&builder.finish(), &map(&[]), 5000), Kept::Nothing);
    }
}
