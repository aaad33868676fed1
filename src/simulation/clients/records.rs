//! Records that say who they are, so that whoever sees one knows whether it is right.

use bytes::Bytes;

use crate::model::{ProducerEpoch, ProducerId, TimestampMs};
use crate::protocol::compression::Compression;
use crate::protocol::record_batch::{Record, RecordBatch, RecordBatchBuilder};
use crate::simulation::oracle::{Oracle, PartitionName, RecordName};
use crate::simulation::trace::digest;
use crate::stdx::Random;

/// The producer's number and the record's.
const NAME_BYTES: usize = 8;

/// The most that a batch of these records may have inside.
pub const BATCH_BYTES_MAX: usize = 4 << 20;

/// Records of one producer for one partition, one after the other.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct RecordRange {
    /// The producer.
    pub producer: u32,
    /// The first record's number.
    pub first: u32,
    /// How many.
    pub count: u32,
    /// The most bytes of a value.
    pub value_bytes_max: u64,
}

/// The producer's sequence that a batch belongs to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Sequence {
    /// The producer's id.
    pub id: ProducerId,
    /// Its incarnation.
    pub epoch: ProducerEpoch,
    /// The number of the first record.
    pub first: i32,
}

impl RecordRange {
    /// The names of the records.
    pub fn names(self) -> impl Iterator<Item = RecordName> {
        (self.first..self.first + self.count).map(move |number| RecordName {
            producer: self.producer,
            number,
        })
    }

    /// The batch; the oracle learns what is in it.
    pub fn batch(
        self,
        partition: &PartitionName,
        sequence: Option<Sequence>,
        compression: Compression,
        timestamp: TimestampMs,
        oracle: &mut Oracle,
    ) -> Bytes {
        let mut builder = RecordBatchBuilder::new().compression(compression, None);
        if let Some(sequence) = sequence {
            builder = builder.producer(sequence.id, sequence.epoch, Some(sequence.first));
        }
        for name in self.names() {
            let value = value_of(partition, name, self.value_bytes_max);
            oracle.on_sent(partition, name, digest(&value));
            let key = name.number.to_be_bytes();
            builder.append(timestamp, Some(&key), Some(&value), &[(b"h", Some(b"v"))]);
        }
        builder.finish().to_bytes()
    }
}

/// The value of a record depends on its name alone.
fn value_of(partition: &PartitionName, name: RecordName, bytes_max: u64) -> Vec<u8> {
    let seed = u64::from(name.producer) << 40
        ^ u64::from(name.number) << 8
        ^ u64::from(partition.1.unsigned_abs());
    let mut random = Random::from_seed(seed ^ digest(partition.0.as_bytes()));
    let length = usize::try_from(random.below(bytes_max.max(1))).expect("values are small");
    let mut value = Vec::with_capacity(NAME_BYTES + length + 8);
    value.extend_from_slice(&name.producer.to_be_bytes());
    value.extend_from_slice(&name.number.to_be_bytes());
    while value.len() < NAME_BYTES + length {
        value.extend_from_slice(&random.next_u64().to_le_bytes());
    }
    value
}

/// The name that a value says it has.
fn name_in(value: &[u8]) -> Option<RecordName> {
    let (producer, rest) = value.split_first_chunk()?;
    let (number, _) = rest.split_first_chunk()?;
    Some(RecordName {
        producer: u32::from_be_bytes(*producer),
        number: u32::from_be_bytes(*number),
    })
}

/// Look at every record of a batch of a compacted partition from offset `from` on: it may lack
/// some; the offset behind it, or what is wrong with the batch.
pub fn check_survivors(
    partition: &PartitionName,
    batch: &RecordBatch,
    from: i64,
    oracle: &mut Oracle,
) -> Result<i64, String> {
    for_each_record(batch, |record| {
        if record.offset >= from {
            let key = record.key.map_or(0, digest);
            let value = record.value.map_or(0, digest);
            oracle.on_survivor(partition, record.offset, key ^ value.rotate_left(1));
        }
        Ok(())
    })?;
    Ok(batch.next_offset())
}

/// Look at every record of a batch from offset `from` on, which must be the first of them; the
/// offset behind the last, or what is wrong with the batch.
pub fn check_batch(
    partition: &PartitionName,
    batch: &RecordBatch,
    from: i64,
    oracle: &mut Oracle,
) -> Result<i64, String> {
    let mut expected = batch.base_offset();
    for_each_record(batch, |record| {
        if record.offset != expected {
            return Err(format!("{} stands where {expected} belongs", record.offset));
        }
        expected += 1;
        if record.offset >= from {
            let value = record.value.unwrap_or_default();
            oracle.on_seen(partition, record.offset, name_in(value), digest(value));
        }
        Ok(())
    })?;
    Ok(expected)
}

/// Look at the records of a batch one after the other, until one is wrong or the batch is.
fn for_each_record(
    batch: &RecordBatch,
    mut look: impl FnMut(Record<'_>) -> Result<(), String>,
) -> Result<(), String> {
    batch.verify_crc().map_err(|error| error.to_string())?;
    let records = batch
        .records(BATCH_BYTES_MAX)
        .map_err(|error| error.to_string())?;
    for record in &records {
        look(record.map_err(|error| error.to_string())?)?;
    }
    Ok(())
}
