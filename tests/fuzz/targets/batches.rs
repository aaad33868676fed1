//! Record batches on the way that Produce takes: validated, changed as the topic wants, stamped.

use bytes::Bytes;
use forebay::log::validation::{Origin, ProduceRules, ValidatedBatch, validate};
use forebay::protocol::compression::Compression;
use forebay::protocol::record_batch::{
    BatchHeader, Batches, HEADER_BYTES, LOG_OVERHEAD_BYTES, NO_TIMESTAMP, RecordBatch,
    TimestampType,
};

/// The broker's clock.
const NOW_MS: i64 = 1_700_000_000_000;

/// Where the log ends.
const BASE_OFFSET: i64 = 1 << 40;

/// What the records of an accepted batch may have when decompressed: what `validate` allows.
const DECOMPRESSED_BYTES_MAX: usize = forebay::log::validation::DECOMPRESSED_BYTES_MAX;

/// How an input is read: its first two bytes.
struct Plan {
    /// Make the checksum right before the batch is looked at: no chance finds one.
    mends_checksum: bool,
    /// Compress the records first, as the attributes say: no chance finds a compressed stream of
    /// odd records.
    compresses: bool,
    origin: Origin,
    rules: ProduceRules,
}

impl Plan {
    fn of(first: u8, second: u8) -> Self {
        let bit = |number: u8| first >> number & 1 == 1;
        let compression = match second & 7 {
            0 => Some(Compression::None),
            1 => Some(Compression::Gzip),
            2 => Some(Compression::Snappy),
            3 => Some(Compression::Lz4),
            4 => Some(Compression::Zstd),
            _ => None,
        };
        let timestamp_type = if bit(2) {
            TimestampType::LogAppendTime
        } else {
            TimestampType::CreateTime
        };
        let origin = match (bit(4), bit(5)) {
            (false, is_newest) => Origin::Client {
                produce_version: if is_newest { 12 } else { 3 },
            },
            (true, _) => Origin::Replication,
        };
        Self {
            mends_checksum: bit(0),
            compresses: bit(1),
            origin,
            rules: ProduceRules {
                message_bytes_max: if bit(6) { 1 << 20 } else { 512 },
                segment_bytes: if bit(7) { 1 << 30 } else { 256 },
                timestamp_type,
                timestamp_before_ms_max: if second & 8 == 0 { i64::MAX } else { 1000 },
                timestamp_after_ms_max: 3_600_000,
                compression,
                compression_level: None,
                is_compacted: bit(3),
                decompressed_bytes_max: DECOMPRESSED_BYTES_MAX,
            },
        }
    }
}

/// `bytes` is a plan and what a request carries for one partition.
pub fn check(bytes: &[u8]) {
    let Some((&[first, second], payload)) = bytes.split_first_chunk() else {
        return;
    };
    let plan = Plan::of(first, second);
    let payload = prepared(&plan, payload);
    match validate(&payload, &plan.rules, plan.origin, NOW_MS) {
        Ok(validated) => check_accepted(&plan, &payload, validated),
        Err(refusal) => assert!(refusal.error.code() != 0, "{refusal:?}"),
    }
}

/// The payload with a batch whose length, checksum and compression are as its fields say.
fn prepared(plan: &Plan, payload: &[u8]) -> Bytes {
    let payload = Bytes::copy_from_slice(payload);
    if !plan.mends_checksum {
        return payload;
    }
    let Ok(mut header) = BatchHeader::decode(&payload) else {
        return payload;
    };
    let mut body = payload.slice(HEADER_BYTES..);
    if let Some(compression) = header.attributes.compression()
        && plan.compresses
    {
        body = Bytes::from(compression.compress(None, &body));
    }
    header.batch_length =
        i32::try_from(HEADER_BYTES - LOG_OVERHEAD_BYTES + body.len()).expect("inputs are small");
    header.crc = header.compute_crc(&body);
    RecordBatch::new(header, body).to_bytes()
}

fn check_accepted(plan: &Plan, payload: &[u8], validated: ValidatedBatch) {
    let ValidatedBatch {
        mut batch,
        decompressed_bytes: _,
        records_count,
        max_timestamp,
        max_timestamp_offset_delta,
        log_append_time,
    } = validated;
    if plan.origin == Origin::Replication {
        batch.verify_crc().expect("the checksum was compared");
        return;
    }
    assert!(batch.size_bytes() <= plan.rules.segment_bytes);
    assert!(batch.size_bytes() <= plan.rules.message_bytes_max);
    assert_eq!(batch.timestamp_type(), plan.rules.timestamp_type);
    let is_append_time = plan.rules.timestamp_type == TimestampType::LogAppendTime;
    assert_eq!(log_append_time, is_append_time.then_some(NOW_MS));
    batch.stamp(BASE_OFFSET, 3);

    // As a consumer or a scan finds it: in bytes.
    let mut batches = Batches::new(batch.to_bytes());
    let found = batches
        .next()
        .expect("there is a batch")
        .expect("a whole one");
    assert!(batches.next().is_none() && found == batch);
    found.verify_crc().expect("the checksum is right");
    let records = found.records(DECOMPRESSED_BYTES_MAX).expect("readable");
    let mut largest = None;
    let mut count = 0;
    for (delta, record) in (0..).zip(&records) {
        let record = record.expect("every record is readable");
        assert_eq!(record.headers.iter().count(), record.headers.len());
        assert_eq!(record.offset, BASE_OFFSET + i64::from(delta));
        assert!(!plan.rules.is_compacted || record.key.is_some());
        if record.timestamp > NO_TIMESTAMP
            && largest.is_none_or(|(_, known)| record.timestamp > known)
        {
            largest = Some((delta, record.timestamp));
        }
        count += 1;
    }
    assert_eq!(count, records_count);
    assert_eq!(batch.next_offset(), BASE_OFFSET + i64::from(records_count));
    let wanted = plan.rules.compression.or(batch.compression());
    assert_eq!(batch.compression(), wanted);
    // Of records that claim the leader's clock Kafka takes their batch's timestamp for theirs, and
    // lets them pass with what they have.
    let sent = BatchHeader::decode(payload).expect("it was accepted");
    if sent.attributes.timestamp_type() == TimestampType::LogAppendTime {
        return;
    }
    assert_eq!(largest.map(|(_, timestamp)| timestamp), max_timestamp);
    if let Some((delta, _)) = largest {
        assert_eq!(max_timestamp_offset_delta, Some(delta));
    }
}
