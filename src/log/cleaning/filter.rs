//! Which records of a batch compaction keeps.

use crate::log::validation::DECOMPRESSED_BYTES_MAX;
use crate::model::{Offset, TimestampMs};
use crate::protocol::record_batch::{BatchError, Record, RecordBatch};

use super::offset_map::OffsetMap;

/// What decides.
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

/// What is left of `batch`. The last batch of a producer stays even without records, since it
/// tells the producer's sequence to whoever reads the log.
///
/// # Errors
/// If the records cannot be read.
pub(super) fn filter(
    batch: &RecordBatch,
    is_last_of_producer: bool,
    rules: &Rules<'_>,
) -> Result<Kept, BatchError> {
    let records = batch.records(DECOMPRESSED_BYTES_MAX)?;
    let horizon = batch.delete_horizon();
    let (mut retained, mut count, mut has_tombstone) = (Vec::new(), 0_usize, false);
    for record in &records {
        let record = record?;
        count += 1;
        if is_retained(&record, horizon, rules) {
            has_tombstone |= record.value.is_none();
            retained.push(record);
        }
    }
    if retained.is_empty() {
        return match (is_last_of_producer, count) {
            (false, _) => Ok(Kept::Nothing),
            (true, 0) => Ok(Kept::Whole),
            (true, _) => Ok(Kept::Part(batch.retaining(&[], None)?)),
        };
    }
    let new_horizon = match horizon {
        None if has_tombstone => Some(rules.wall_ms.saturating_add(rules.delete_retention_ms)),
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
    use crate::protocol::compression::Compression;
    use crate::protocol::record_batch::RecordBatchBuilder;
    use crate::stdx::Random;

    const DAY_MS: i64 = 86_400_000;

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
        filter(batch, false, &rules).unwrap()
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
        let Kept::Part(empty) = filter(&batch, true, &rules).unwrap() else {
            panic!("the batch stays");
        };
        empty.verify_crc().unwrap();
        assert_eq!(empty.records_count(), 0);
        assert_eq!(empty.last_offset(), 11);
        assert_eq!(empty.last_sequence(), Some(4));
        assert_eq!(empty.producer_id(), Some(7));
        assert_eq!(filter(&empty, true, &rules).unwrap(), Kept::Whole);
        assert_eq!(filter(&empty, false, &rules).unwrap(), Kept::Nothing);
    }

    #[test]
    fn a_record_without_a_key_goes() {
        let mut builder = RecordBatchBuilder::new();
        builder.append(1, None, Some(b"1"), &[]);
        assert_eq!(filtered(&builder.finish(), &map(&[]), 5000), Kept::Nothing);
    }
}
