//! Snapshots: the state at one offset of the log, as records in a file of record batches.

use std::fmt;

use bytes::Bytes;

use crate::model::{LeaderEpoch, Offset, TimestampMs};
use crate::protocol::record_batch::{Batches, ControlType, RecordBatch, RecordBatchBuilder};

use super::control::{
    ControlRecord, Voter, encode_kraft_version, encode_snapshot_footer, encode_snapshot_header,
    encode_voters,
};

/// Kafka's end of a snapshot's name.
const SUFFIX: &str = ".checkpoint";

/// Digits of the offset and of the epoch in a snapshot's name.
const OFFSET_DIGITS: usize = 20;
const EPOCH_DIGITS: usize = 10;

/// A batch of a snapshot is ended at this size: it is read as a whole.
const BATCH_BYTES: usize = 1 << 20;

/// Records of a snapshot are small; a stream that unpacks to more than this is not one.
const DECOMPRESSED_BYTES_MAX: usize = 64 << 20;

/// The offset of the first record that a snapshot does not hold, and the epoch of the last that it
/// does.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct SnapshotId {
    /// The offset behind the last record in it.
    pub end_offset: Offset,
    /// The epoch of that record.
    pub epoch: LeaderEpoch,
}

impl SnapshotId {
    /// The name of the snapshot's file.
    #[must_use]
    pub fn file_name(self) -> String {
        self.to_string()
    }

    /// The snapshot whose file is called `name`; `None` for any other file.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        let (offset, epoch) = name.strip_suffix(SUFFIX)?.split_once('-')?;
        let is_number = |text: &str, digits| {
            text.len() == digits && text.bytes().all(|byte| byte.is_ascii_digit())
        };
        if !is_number(offset, OFFSET_DIGITS) || !is_number(epoch, EPOCH_DIGITS) {
            return None;
        }
        Some(Self {
            end_offset: offset.parse().ok()?,
            epoch: epoch.parse().ok()?,
        })
    }
}

impl fmt::Display for SnapshotId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "{:020}-{:010}{SUFFIX}",
            self.end_offset, self.epoch
        )
    }
}

/// What a snapshot holds.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SnapshotContents {
    /// When the last record of the log in it happened.
    pub last_contained_ms: TimestampMs,
    /// Who votes; `None` if the snapshot does not say.
    pub voters: Option<Vec<Voter>>,
    /// The values of the records.
    pub values: Vec<Bytes>,
}

/// The file of a snapshot.
pub fn encode_snapshot(
    epoch: LeaderEpoch,
    created_ms: TimestampMs,
    last_contained_ms: TimestampMs,
    voters: Option<&[Voter]>,
    values: impl Iterator<Item = Bytes>,
) -> Bytes {
    let mut file = Vec::new();
    let mut next_offset = 0;
    let mut finish = |builder: RecordBatchBuilder| {
        let mut batch = builder.finish();
        batch.stamp(next_offset, epoch);
        next_offset = batch.next_offset();
        batch.append_to(&mut file);
    };
    let mut head = RecordBatchBuilder::new().control();
    let header = encode_snapshot_header(last_contained_ms);
    head.append_control(created_ms, ControlType::SnapshotHeader, &header);
    if let Some(voters) = voters {
        let version = encode_kraft_version();
        head.append_control(created_ms, ControlType::KraftVersion, &version);
        head.append_control(created_ms, ControlType::KraftVoters, &encode_voters(voters));
    }
    finish(head);
    let mut batch = RecordBatchBuilder::new();
    for value in values {
        if batch.records_count() > 0 && batch.size_bytes() + value.len() > BATCH_BYTES {
            finish(std::mem::take(&mut batch));
        }
        batch.append(created_ms, None, Some(&value), &[]);
    }
    if batch.records_count() > 0 {
        finish(batch);
    }
    let mut foot = RecordBatchBuilder::new().control();
    foot.append_control(
        created_ms,
        ControlType::SnapshotFooter,
        &encode_snapshot_footer(),
    );
    finish(foot);
    Bytes::from(file)
}

/// The contents of the snapshot in `file`, which must be whole: every checksum is compared, the
/// header stands first and the footer last.
///
/// # Errors
/// A line that says what is wrong with it.
pub fn decode_snapshot(file: &Bytes) -> Result<SnapshotContents, String> {
    let mut contents = SnapshotContents::default();
    let mut has_header = false;
    let mut has_footer = false;
    for batch in Batches::new(file.clone()) {
        let batch = batch.map_err(|error| error.to_string())?;
        if has_footer {
            return Err("something follows the footer".to_owned());
        }
        let is_control = batch.is_control();
        for record in batch_records(&batch)? {
            let (key, value) = record;
            if !is_control {
                if !has_header {
                    return Err("it does not begin with a header".to_owned());
                }
                contents.values.push(value.unwrap_or_default());
                continue;
            }
            match ControlRecord::decode(key.as_deref(), value.as_deref())? {
                ControlRecord::SnapshotHeader { last_contained_ms } if !has_header => {
                    has_header = true;
                    contents.last_contained_ms = last_contained_ms;
                }
                _ if !has_header => return Err("it does not begin with a header".to_owned()),
                ControlRecord::Voters(voters) => contents.voters = Some(voters),
                ControlRecord::SnapshotFooter => has_footer = true,
                _ => {}
            }
        }
    }
    if has_footer {
        Ok(contents)
    } else {
        Err("it does not end with a footer".to_owned())
    }
}

/// The keys and values of a batch whose checksum is right.
pub(super) type KeyAndValue = (Option<Bytes>, Option<Bytes>);

pub(super) fn batch_records(batch: &RecordBatch) -> Result<Vec<KeyAndValue>, String> {
    batch.verify_crc().map_err(|error| error.to_string())?;
    let records = batch
        .records(DECOMPRESSED_BYTES_MAX)
        .map_err(|error| error.to_string())?;
    let mut found = Vec::new();
    for record in records.iter() {
        let record = record.map_err(|error| error.to_string())?;
        found.push((
            record.key.map(Bytes::copy_from_slice),
            record.value.map(Bytes::copy_from_slice),
        ));
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Uuid;
    use crate::quorum::VoterEndpoint;

    fn voters() -> Vec<Voter> {
        vec![Voter {
            id: 1,
            directory_id: Uuid::parse("ZkmUMx3NyLiFJOJrRFfR1A").unwrap(),
            endpoints: vec![VoterEndpoint {
                listener: "CONTROLLER".to_owned(),
                host: "127.0.0.1".to_owned(),
                port: 29301,
            }],
        }]
    }

    /// The snapshot that `kafka-storage format` of Kafka 4.3.1 leaves in `__cluster_metadata-0`.
    const KAFKAS: &str = "\
        00000000000000000000009a00000000028cda8daa002000000002000001a1ff261811000001a1ff2618\
        11ffffffffffffffffffffffffffff000000032a0000000800000003160000000001a1ff2617ea00001e\
        00000208000000050a000000010000820100000408000000066e00000200000001664994331dcdc8b885\
        24e26b4457d1d4020b434f4e54524f4c4c45520a3132372e302e302e3172750000000001000000000000\
        0000000000030000003f000000000201d3b347002000000000000001a1ff26181f000001a1ff26181fff\
        ffffffffffffffffffffffffff000000011a00000008000000040600000000";

    fn bytes(hex: &str) -> Bytes {
        let digits: Vec<u8> = hex
            .bytes()
            .filter(|byte| !byte.is_ascii_whitespace())
            .collect();
        digits
            .chunks(2)
            .map(|pair| u8::from_str_radix(str::from_utf8(pair).unwrap(), 16).unwrap())
            .collect()
    }

    #[test]
    fn the_file_is_kafkas_byte_by_byte() {
        let kafkas = bytes(KAFKAS);
        let contents = decode_snapshot(&kafkas).unwrap();
        assert_eq!(contents.voters, Some(voters()));
        assert_eq!(contents.last_contained_ms, 1_795_282_049_002);
        assert!(contents.values.is_empty());
        let ours = encode_snapshot(
            0,
            1_795_282_049_041,
            contents.last_contained_ms,
            Some(&voters()),
            std::iter::empty(),
        );
        // The footer of Kafka's was written some milliseconds later, which its checksum covers.
        assert_eq!(ours[..166], kafkas[..166]);
        assert_eq!(ours.len(), kafkas.len());
    }

    #[test]
    fn a_name_says_offset_and_epoch() {
        let id = SnapshotId {
            end_offset: 33,
            epoch: 1,
        };
        assert_eq!(id.file_name(), "00000000000000000033-0000000001.checkpoint");
        assert_eq!(SnapshotId::parse(&id.file_name()), Some(id));
        for name in [
            "bootstrap.checkpoint",
            "00000000000000000033-0000000001.checkpoint.part",
            "00000000000000000033.checkpoint",
            "0000000000000000003a-0000000001.checkpoint",
            "33-1.checkpoint",
        ] {
            assert_eq!(SnapshotId::parse(name), None, "{name}");
        }
    }

    #[test]
    fn a_snapshot_cut_or_changed_anywhere_is_refused() {
        let values: Vec<Bytes> = (0..1100_u32)
            .map(|number| Bytes::from(vec![number.to_be_bytes()[3]; 1000]))
            .collect();
        let file = encode_snapshot(3, 5, 4, Some(&voters()), values.iter().cloned());
        let contents = decode_snapshot(&file).unwrap();
        assert_eq!(contents.values, values);
        assert_eq!(contents.last_contained_ms, 4);
        for cut in (0..file.len())
            .step_by(997)
            .chain(file.len() - 80..file.len())
        {
            assert!(decode_snapshot(&file.slice(..cut)).is_err(), "cut at {cut}");
        }
        for position in [17, 30, 61, 70, 400_000, file.len() - 1] {
            let mut changed = file.to_vec();
            changed[position] ^= 1;
            assert!(
                decode_snapshot(&Bytes::from(changed)).is_err(),
                "{position}"
            );
        }
    }
}
