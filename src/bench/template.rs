//! Batches without encoding their records: all of a producer's are the front of one template.

use bytes::Bytes;

use crate::model::{ProducerEpoch, ProducerId, TimestampMs};
use crate::protocol::compression::Compression;
use crate::protocol::record_batch::{
    Attributes, BatchHeader, HEADER_BYTES, LOG_OVERHEAD_BYTES, NO_LEADER_EPOCH, RecordBatchBuilder,
};
use crate::stdx::Random;

use super::amounts::Sizes;
use super::keys::{KEY_BYTES, bytes_of};
use super::schedule::Nanoseconds;

/// What stands at the front of a value whose latency is to be measured end to end: which run it
/// belongs to, and when it was due.
pub const STAMP_BYTES: usize = 16;

/// The records of the largest batch, encoded: those of a smaller one are the first of them.
///
/// That is so since a record's place in its batch is the only thing that its encoding depends on:
/// all have the batch's own timestamp, and keys and stamps of one length.
#[derive(Debug)]
pub struct Template {
    body: Bytes,
    /// Where each record ends.
    ends: Vec<usize>,
    /// The length of each record's value.
    values: Vec<usize>,
    /// The bytes of keys and values up to and with each record.
    payload: Vec<u64>,
    has_keys: bool,
    compression: Compression,
}

/// What differs from batch to batch.
#[derive(Clone, Copy, Debug)]
pub struct BatchContent<'a> {
    pub count: usize,
    /// One for each record, or none where they have none.
    pub keys: &'a [u32],
    /// The run, and when each record was due; none where nobody measures it.
    pub stamps: Option<(u64, &'a [Nanoseconds])>,
    pub timestamp_ms: TimestampMs,
    /// Who produced it, and the number of its first record.
    pub producer: Option<(ProducerId, ProducerEpoch, i32)>,
}

impl Template {
    /// The template of batches of `batch_bytes`, uncompressed; a record that is larger has a
    /// batch of its own. Values are letters drawn anew for each place in a batch, as sizes are.
    pub fn new(
        batch_bytes: usize,
        sizes: Sizes,
        has_keys: bool,
        compression: Compression,
        random: &mut Random,
    ) -> Self {
        let mut builder = RecordBatchBuilder::new();
        let (mut ends, mut values, mut payload) = (Vec::new(), Vec::new(), Vec::new());
        let mut sum = 0;
        loop {
            let value = random_value(sizes, random);
            let key = has_keys.then(|| bytes_of(0));
            let key = key.as_ref().map(<[u8; KEY_BYTES]>::as_slice);
            builder.append(0, key, Some(&value), &[]);
            // What is too much stays behind the end of the last record that counts.
            if !ends.is_empty() && builder.size_bytes() > batch_bytes {
                break;
            }
            ends.push(builder.size_bytes() - HEADER_BYTES);
            values.push(value.len());
            sum += (value.len() + key.map_or(0, <[u8]>::len)) as u64;
            payload.push(sum);
        }
        Self {
            body: builder.finish().body().clone(),
            ends,
            values,
            payload,
            has_keys,
            compression,
        }
    }

    /// How many records a full batch has.
    pub fn records_max(&self) -> usize {
        self.ends.len()
    }

    /// The bytes of keys and values of a batch of `count` records.
    pub fn payload_bytes(&self, count: usize) -> u64 {
        self.payload[count - 1]
    }

    /// The bytes of a batch of `count` records before compression.
    pub fn batch_bytes(&self, count: usize) -> usize {
        HEADER_BYTES + self.ends[count - 1]
    }

    /// A batch as header and body. Without keys, stamps and compression the body is shared.
    pub fn batch(&self, content: &BatchContent<'_>) -> [Bytes; 2] {
        let body = self.body(content);
        let count = i32::try_from(content.count).expect("a batch has few records");
        let (producer_id, producer_epoch, base_sequence) = content.producer.unwrap_or((-1, -1, -1));
        let length = HEADER_BYTES - LOG_OVERHEAD_BYTES + body.len();
        let mut header = BatchHeader {
            base_offset: 0,
            batch_length: i32::try_from(length).expect("a batch is far below 2 GiB"),
            partition_leader_epoch: NO_LEADER_EPOCH,
            crc: 0,
            attributes: Attributes::default().with_compression(self.compression),
            last_offset_delta: count - 1,
            base_timestamp: content.timestamp_ms,
            max_timestamp: content.timestamp_ms,
            producer_id,
            producer_epoch,
            base_sequence,
            records_count: count,
        };
        header.crc = header.compute_crc(&body);
        [Bytes::copy_from_slice(&header.encode()), body]
    }

    fn body(&self, content: &BatchContent<'_>) -> Bytes {
        let end = self.ends[content.count - 1];
        let shared = self.body.slice(..end);
        let is_own = self.has_keys || content.stamps.is_some();
        let body = if is_own {
            let mut body = shared.to_vec();
            self.fill_in(content, &mut body);
            Bytes::from(body)
        } else {
            shared
        };
        match self.compression {
            Compression::None => body,
            compression => Bytes::from(compression.compress(None, &body)),
        }
    }

    fn fill_in(&self, content: &BatchContent<'_>, body: &mut [u8]) {
        for (index, (end, value)) in self.ends.iter().zip(&self.values).enumerate() {
            if index == content.count {
                return;
            }
            // The last byte of a record says that it has no headers.
            let value_at = end - 1 - value;
            if self.has_keys {
                let key_at = value_at - varint_bytes(*value) - KEY_BYTES;
                let key = bytes_of(content.keys[index]);
                body[key_at..key_at + KEY_BYTES].copy_from_slice(&key);
            }
            if let Some((run, dues)) = content.stamps {
                let stamp = &mut body[value_at..value_at + STAMP_BYTES];
                stamp[..8].copy_from_slice(&run.to_be_bytes());
                stamp[8..].copy_from_slice(&dues[index].to_be_bytes());
            }
        }
    }
}

/// When the record of this value was due, if it has a stamp of `run`.
pub fn stamp_of(value: &[u8], run: u64) -> Option<Nanoseconds> {
    let stamp = value.first_chunk::<STAMP_BYTES>()?;
    let (of, due) = stamp.split_at(8);
    let number = |bytes: &[u8]| {
        bytes
            .iter()
            .fold(0, |sum, byte| (sum << 8) | u64::from(*byte))
    };
    (number(of) == run).then(|| number(due))
}

/// As Kafka's tool has them: capital letters, which compress to some five eighths.
fn random_value(sizes: Sizes, random: &mut Random) -> Vec<u8> {
    let more = random.below((sizes.max - sizes.min) as u64 + 1);
    let length = sizes.min + usize::try_from(more).expect("it is a part of a size");
    let letter = |_| b'A' + u8::try_from(random.below(26)).expect("there are 26 letters");
    (0..length).map(letter).collect()
}

/// How long the length of a value is as a varint of Kafka's, which leaves a bit for the sign.
fn varint_bytes(length: usize) -> usize {
    let bits = usize::BITS - (length << 1 | 1).leading_zeros();
    bits.div_ceil(7) as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::record_batch::RecordBatch;

    const SIZES: Sizes = Sizes { min: 20, max: 200 };

    fn decode(slices: [Bytes; 2]) -> RecordBatch {
        let batch = RecordBatch::decode(&slices.concat().into()).unwrap();
        batch.verify_crc().unwrap();
        batch
    }

    fn content(count: usize) -> BatchContent<'static> {
        BatchContent {
            count,
            keys: &[],
            stamps: None,
            timestamp_ms: 1_700_000_000_000,
            producer: None,
        }
    }

    #[test]
    fn every_front_of_a_template_is_a_valid_batch() {
        for compression in Compression::ALL {
            let mut random = Random::from_seed(1);
            let template = Template::new(20_000, SIZES, false, compression, &mut random);
            let most = template.records_max();
            assert!(most > 64, "offsets of one and of two bytes: {most}");
            assert!(template.batch_bytes(most) <= 20_000);
            for count in [1, 2, 63, 64, 65, most] {
                let batch = decode(template.batch(&content(count)));
                assert_eq!(batch.records_count() as usize, count);
                let records = batch.records(1 << 20).unwrap();
                let mut payload = 0;
                for record in &records {
                    let record = record.unwrap();
                    assert_eq!(record.timestamp, 1_700_000_000_000);
                    assert_eq!(record.key, None);
                    payload += record.value.unwrap().len() as u64;
                }
                assert_eq!(payload, template.payload_bytes(count));
            }
        }
    }

    #[test]
    fn keys_and_stamps_are_where_a_reader_looks_for_them() {
        for value in [16, 63, 64, 100, 8191, 8192] {
            let sizes = Sizes {
                min: value,
                max: value,
            };
            let mut random = Random::from_seed(2);
            let template = Template::new(40_000, sizes, true, Compression::None, &mut random);
            let count = template.records_max();
            let keys: Vec<u32> = (100..).take(count).collect();
            let dues: Vec<u64> = (7_000_000_000..).take(count).collect();
            let batch = decode(template.batch(&BatchContent {
                keys: &keys,
                stamps: Some((42, &dues)),
                producer: Some((9, 1, 77)),
                ..content(count)
            }));
            assert_eq!(batch.base_sequence(), Some(77));
            assert_eq!(batch.producer_id(), Some(9));
            let records = batch.records(1 << 20).unwrap();
            for (index, record) in records.iter().enumerate() {
                let record = record.unwrap();
                assert_eq!(record.key, Some(&bytes_of(keys[index])[..]), "{value}");
                let value = record.value.unwrap();
                assert_eq!(stamp_of(value, 42), Some(dues[index]));
                assert_eq!(stamp_of(value, 43), None);
            }
        }
    }

    #[test]
    fn a_record_that_is_larger_than_a_batch_is_alone_in_it() {
        let mut random = Random::from_seed(3);
        let template = Template::new(1, SIZES, false, Compression::None, &mut random);
        assert_eq!(template.records_max(), 1);
    }
}
