//! The producers' state at an offset, as Kafka writes it beside the segments.

use bytes::{Buf, BufMut, Bytes, BytesMut};

use super::producer_state::{ProducerBatch, ProducerEntry, ProducerStates};

const VERSION: i16 = 1;

/// Version and checksum; the checksum covers what follows.
const CRC_COVERS_FROM: usize = 6;

/// Bytes of one producer.
const ENTRY_BYTES: usize = 46;

/// What stands for "none" in the file.
const NONE: i32 = -1;

/// The `.snapshot` file of `producers`. Only the last batch of each has a place in it.
pub(super) fn encode_snapshot(producers: &ProducerStates) -> Bytes {
    let mut file = BytesMut::with_capacity(CRC_COVERS_FROM + 4 + producers.len() * ENTRY_BYTES);
    file.put_i16(VERSION);
    file.put_u32(0);
    file.put_i32(i32::try_from(producers.len()).expect("the number of producers is bounded"));
    for (producer_id, entry) in producers.iter() {
        let last = entry.batches.back();
        file.put_i64(producer_id);
        file.put_i16(entry.epoch);
        file.put_i32(last.map_or(NONE, |batch| batch.last_sequence));
        file.put_i64(last.map_or(i64::from(NONE), |batch| batch.last_offset));
        file.put_i32(last.map_or(0, |batch| batch.offset_delta));
        file.put_i64(entry.last_timestamp);
        file.put_i32(entry.coordinator_epoch.unwrap_or(NONE));
        file.put_i64(entry.transaction_start.unwrap_or(i64::from(NONE)));
    }
    let crc = crc32c::crc32c(&file[CRC_COVERS_FROM..]);
    file[2..CRC_COVERS_FROM].copy_from_slice(&crc.to_be_bytes());
    file.freeze()
}

/// The producers in a `.snapshot` file; `None` if it is damaged.
pub(crate) fn decode_snapshot(file: &[u8]) -> Option<ProducerStates> {
    let mut rest = file;
    if rest.try_get_i16().ok()? != VERSION {
        return None;
    }
    let crc = rest.try_get_u32().ok()?;
    if crc != crc32c::crc32c(rest) {
        return None;
    }
    let count = usize::try_from(rest.try_get_i32().ok()?).ok()?;
    let mut producers = ProducerStates::default();
    for _ in 0..count {
        let (entry, after) = rest.split_first_chunk::<ENTRY_BYTES>()?;
        rest = after;
        let (producer_id, entry) = decode_entry(entry);
        producers.restore(producer_id, entry);
    }
    rest.is_empty().then_some(producers)
}

fn decode_entry(bytes: &[u8; ENTRY_BYTES]) -> (i64, ProducerEntry) {
    let mut bytes = bytes.as_slice();
    let producer_id = bytes.get_i64();
    let epoch = bytes.get_i16();
    let last_sequence = bytes.get_i32();
    let last_offset = bytes.get_i64();
    let offset_delta = bytes.get_i32();
    let last_timestamp = bytes.get_i64();
    let coordinator_epoch = bytes.get_i32();
    let transaction_start = bytes.get_i64();
    let batch = ProducerBatch {
        last_sequence,
        last_offset,
        offset_delta,
        timestamp: last_timestamp,
    };
    let is_batch = last_offset >= 0 && last_sequence >= 0 && offset_delta >= 0;
    let entry = ProducerEntry {
        epoch,
        coordinator_epoch: (coordinator_epoch >= 0).then_some(coordinator_epoch),
        last_timestamp,
        transaction_start: (transaction_start >= 0).then_some(transaction_start),
        batches: is_batch.then_some(batch).into_iter().collect(),
    };
    (producer_id, entry)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn producers() -> ProducerStates {
        let mut producers = ProducerStates::default();
        let batch = ProducerBatch {
            last_sequence: 9,
            last_offset: 109,
            offset_delta: 4,
            timestamp: 1_700,
        };
        let entry = ProducerEntry {
            epoch: 2,
            coordinator_epoch: None,
            last_timestamp: 1_700,
            transaction_start: Some(100),
            batches: [batch].into(),
        };
        producers.restore(7, entry);
        producers.restore(
            8,
            ProducerEntry {
                epoch: 0,
                coordinator_epoch: Some(3),
                last_timestamp: 1_600,
                ..ProducerEntry::default()
            },
        );
        producers
    }

    #[test]
    fn a_snapshot_brings_the_producers_back() {
        let file = encode_snapshot(&producers());
        assert_eq!(file.len(), 10 + 2 * ENTRY_BYTES);
        assert_eq!(decode_snapshot(&file), Some(producers()));
    }

    #[test]
    fn a_snapshot_that_kafka_wrote_is_read() {
        // One producer, from Apache Kafka 4.3.1.
        let file: &[u8] = include_bytes!("tests/kafka.snapshot");
        let producers = decode_snapshot(file).unwrap();
        let (_, entry) = producers.iter().next().unwrap();
        assert_eq!(entry.epoch, 0);
        assert_eq!(entry.batches.back().unwrap().last_offset, 2239);
        assert_eq!(encode_snapshot(&producers).as_ref(), file);
    }

    #[test]
    fn a_damaged_snapshot_is_refused() {
        let file = encode_snapshot(&producers());
        for index in 0..file.len() {
            let mut damaged = file.to_vec();
            damaged[index] ^= 1;
            assert_eq!(decode_snapshot(&damaged), None, "byte {index}");
        }
        assert_eq!(decode_snapshot(&file[..file.len() - 1]), None);
        assert_eq!(decode_snapshot(b""), None);
    }
}
