//! Batches that Java's client 4.3.1 wrote, round trips of our own, broken bytes.

use bytes::Bytes;
use proptest::prelude::*;

use super::*;
use crate::protocol::compression::Compression;

const JAVA: [(Compression, &[u8]); 5] = [
    (
        Compression::None,
        include_bytes!("fixtures/java-none.batch"),
    ),
    (
        Compression::Gzip,
        include_bytes!("fixtures/java-gzip.batch"),
    ),
    (
        Compression::Snappy,
        include_bytes!("fixtures/java-snappy.batch"),
    ),
    (Compression::Lz4, include_bytes!("fixtures/java-lz4.batch")),
    (
        Compression::Zstd,
        include_bytes!("fixtures/java-zstd.batch"),
    ),
];
const JAVA_TRANSACTIONAL: &[u8] = include_bytes!("fixtures/java-transactional.batch");
const JAVA_COMMIT: &[u8] = include_bytes!("fixtures/java-commit.batch");

/// Segments that Kafka 4.3.1 stored as librdkafka sent them: twenty small records and a big one.
const LIBRDKAFKA: [(Compression, &[u8]); 4] = [
    (
        Compression::Gzip,
        include_bytes!("fixtures/librdkafka-gzip.batch"),
    ),
    (
        Compression::Snappy,
        include_bytes!("fixtures/librdkafka-snappy.batch"),
    ),
    (
        Compression::Lz4,
        include_bytes!("fixtures/librdkafka-lz4.batch"),
    ),
    (
        Compression::Zstd,
        include_bytes!("fixtures/librdkafka-zstd.batch"),
    ),
];

const START: i64 = 1_700_000_000_000;
const BYTES_MAX: usize = 1 << 20;

type TestHeader<'a> = (&'a [u8], Option<&'a [u8]>);
type TestRecord<'a> = (i64, Option<&'a [u8]>, Option<&'a [u8]>, Vec<TestHeader<'a>>);

/// What the Java program appended, which did without the last one where nothing compresses.
fn java_records(big: &[u8], compression: Compression) -> Vec<TestRecord<'_>> {
    let headers: Vec<TestHeader<'_>> = vec![(b"name", Some(b"header value")), (b"", None)];
    let mut records: Vec<TestRecord<'_>> = vec![
        (START, Some(b"key"), Some(b"value"), vec![]),
        (START + 5, None, Some(b"no key"), vec![]),
        (START + 3, Some(b"tombstone"), None, vec![]),
        (START + 4, Some(b""), Some(b""), headers),
    ];
    if compression != Compression::None {
        records.push((START + 5, Some(b"big"), Some(big), vec![]));
    }
    records
}

fn big() -> Vec<u8> {
    b"forebay ".repeat(8750)
}

fn build(mut builder: RecordBatchBuilder, records: &[TestRecord<'_>]) -> RecordBatch {
    for (timestamp, key, value, headers) in records {
        builder.append(*timestamp, *key, *value, headers);
    }
    builder.finish()
}

fn check_records(batch: &RecordBatch, expected: &[TestRecord<'_>]) {
    let records = batch.records(BYTES_MAX).unwrap();
    let mut count = 0;
    for (record, (timestamp, key, value, headers)) in records.iter().zip(expected) {
        let record = record.unwrap();
        assert_eq!(record.offset, batch.base_offset() + count);
        assert_eq!(record.timestamp, *timestamp);
        assert_eq!(record.key, *key);
        assert_eq!(record.value, *value);
        let found: Vec<_> = record
            .headers
            .iter()
            .map(|header| (header.key, header.value))
            .collect();
        assert_eq!(found, *headers);
        count += 1;
    }
    assert_eq!(count, i64::try_from(expected.len()).unwrap());
    assert_eq!(records.iter().count(), expected.len());
}

#[test]
fn what_java_compressed_is_read() {
    let big = big();
    for (compression, bytes) in JAVA {
        let batch = RecordBatch::decode(&Bytes::from_static(bytes)).unwrap();
        batch.verify_crc().unwrap();
        assert_eq!(batch.compression(), Some(compression));
        assert_eq!(batch.max_timestamp(), Some(START + 5));
        assert_eq!(batch.producer_id(), None);
        assert_eq!(batch.leader_epoch(), None);
        check_records(&batch, &java_records(&big, compression));
    }
}

#[test]
fn what_librdkafka_compressed_is_read_from_a_segment() {
    for (compression, bytes) in LIBRDKAFKA {
        let mut offset = 0;
        for batch in Batches::new(Bytes::from_static(bytes)) {
            let batch = batch.unwrap();
            batch.verify_crc().unwrap();
            assert_eq!(batch.base_offset(), offset);
            let records = batch.records(BYTES_MAX).unwrap();
            for record in &records {
                let record = record.unwrap();
                let (key, value) = if offset == 20 {
                    assert_eq!(batch.compression(), Some(compression));
                    (b"big".to_vec(), big())
                } else {
                    (
                        format!("key{offset}").into(),
                        format!("value {offset}").into(),
                    )
                };
                assert_eq!(record.offset, offset);
                assert_eq!(record.key, Some(key.as_slice()));
                assert_eq!(record.value, Some(value.as_slice()));
                assert_eq!(record.headers.len(), 1);
                offset += 1;
            }
            assert_eq!(batch.next_offset(), offset);
        }
        assert_eq!(offset, 21, "{compression}");
    }
}

#[test]
fn an_uncompressed_batch_has_the_same_bytes_as_javas() {
    let records = java_records(&[], Compression::None);
    let plain = build(RecordBatchBuilder::new(), &records);
    assert_eq!(plain.to_bytes(), JAVA[0].1);
    let transactional = RecordBatchBuilder::new()
        .producer(4711, 3, Some(41))
        .transactional();
    assert_eq!(
        build(transactional, &records).to_bytes(),
        JAVA_TRANSACTIONAL
    );
}

#[test]
fn a_commit_marker_has_the_same_bytes_as_javas() {
    let mut builder = RecordBatchBuilder::new()
        .place(100, 7)
        .producer(4711, 3, None)
        .transactional()
        .control();
    let marker = EndTransactionMarker {
        coordinator_epoch: 12,
    };
    builder.append_control(START + 9, ControlType::Commit, &marker.encode());
    let batch = builder.finish();
    assert_eq!(batch.to_bytes(), JAVA_COMMIT);
    let records = batch.records(BYTES_MAX).unwrap();
    let record = records.iter().next().unwrap().unwrap();
    let kind = record.key.and_then(ControlType::decode_key);
    assert_eq!(kind, Some(ControlType::Commit));
    let value = record.value.and_then(EndTransactionMarker::decode);
    assert_eq!(value, Some(marker));
}

#[test]
fn unknown_control_records_and_broken_markers_are_told_apart() {
    assert_eq!(ControlType::decode_key(&[0, 0, 0, 7]), None);
    assert_eq!(ControlType::decode_key(&[0xff, 0xff, 0, 1]), None);
    assert_eq!(ControlType::decode_key(&[0, 0, 0]), None);
    assert_eq!(EndTransactionMarker::decode(&[0, 0, 0, 0, 1]), None);
}

#[test]
fn stamping_changes_neither_checksum_nor_body() {
    let received = Bytes::from_static(JAVA[3].1);
    let mut batch = RecordBatch::decode(&received).unwrap();
    batch.stamp(1000, 9);
    let [header, body] = batch.slices();
    assert_eq!(
        body.as_ptr(),
        received[HEADER_BYTES..].as_ptr(),
        "not copied"
    );
    assert_eq!(header[12..16], 9_i32.to_be_bytes());
    assert_eq!(header[16..], received[16..HEADER_BYTES]);
    let stamped = RecordBatch::decode(&batch.to_bytes()).unwrap();
    stamped.verify_crc().unwrap();
    assert_eq!(stamped, batch);
    assert_eq!((batch.base_offset(), batch.last_offset()), (1000, 1004));
    assert_eq!(batch.next_offset(), 1005);
    assert_eq!(batch.leader_epoch(), Some(9));
    assert_eq!(batch.size_bytes(), received.len());
}

#[test]
fn log_append_time_is_the_time_of_every_record() {
    let mut batch = RecordBatch::decode(&Bytes::from_static(JAVA[0].1)).unwrap();
    batch.stamp_timestamp(TimestampType::LogAppendTime, START + 77);
    batch.verify_crc().unwrap();
    assert_eq!(batch.timestamp_type(), TimestampType::LogAppendTime);
    let records = batch.records(BYTES_MAX).unwrap();
    for record in &records {
        assert_eq!(record.unwrap().timestamp, START + 77);
    }
}

#[test]
fn sequence_numbers_start_again_after_the_largest() {
    assert_eq!(sequence_after(5, 3), 8);
    assert_eq!(sequence_after(i32::MAX, 1), 0);
    assert_eq!(sequence_after(i32::MAX - 1, 3), 1);
    let records = java_records(&[], Compression::None);
    let builder = RecordBatchBuilder::new().producer(1, 0, Some(i32::MAX - 1));
    assert_eq!(build(builder, &records).last_sequence(), Some(1));
}

#[test]
fn bytes_are_cut_into_batches_without_a_copy() {
    let bytes: Bytes = JAVA.iter().flat_map(|(_, bytes)| bytes.to_vec()).collect();
    let cut: Result<Vec<_>, _> = Batches::new(bytes.clone()).collect();
    let cut = cut.unwrap();
    assert_eq!(cut.len(), 5);
    assert_eq!(cut[0].body().as_ptr(), bytes[HEADER_BYTES..].as_ptr());
    let sizes: Vec<_> = cut.iter().map(RecordBatch::size_bytes).collect();
    assert_eq!(sizes, JAVA.map(|(_, bytes)| bytes.len()));
}

#[test]
fn a_scan_ends_at_a_batch_cut_off_and_says_where() {
    let bytes = Bytes::from([JAVA[0].1, JAVA[1].1].concat());
    for length in 0..bytes.len() {
        let mut batches = Batches::new(bytes.slice(..length));
        let is_first_whole = length >= JAVA[0].1.len();
        assert_eq!(batches.next_whole().unwrap().is_some(), is_first_whole);
        assert_eq!(batches.next_whole(), Ok(None));
        let position = if is_first_whole { JAVA[0].1.len() } else { 0 };
        assert_eq!(batches.position(), position);
        let last = batches.last();
        assert_eq!(
            last,
            (length > position).then_some(Err(BatchError::Truncated))
        );
    }
}

#[test]
fn zeros_and_old_formats_are_no_batches() {
    let zeros = Batches::new(Bytes::from_static(&[0; 4096])).next();
    assert_eq!(zeros, Some(Err(BatchError::Length(0))));
    let mut old = JAVA[0].1.to_vec();
    old[16] = 1;
    assert_eq!(BatchHeader::decode(&old), Err(BatchError::Magic(1)));
    let mut batches = Batches::new(Bytes::from(old));
    assert_eq!(batches.next(), Some(Err(BatchError::Magic(1))));
    assert_eq!(batches.next(), None, "an error is the end");
}

#[test]
fn a_changed_byte_is_seen_wherever_the_checksum_covers() {
    for (_, original) in JAVA {
        for position in 17..original.len().min(400) {
            let mut bytes = original.to_vec();
            bytes[position] ^= 0x20;
            let batch = RecordBatch::decode(&Bytes::from(bytes)).unwrap();
            assert!(batch.verify_crc().is_err(), "byte {position}");
        }
    }
}

#[test]
fn a_count_that_is_not_that_of_the_records_is_an_error() {
    for (_, bytes) in JAVA {
        let batch = RecordBatch::decode(&Bytes::from_static(bytes)).unwrap();
        for wrong in [
            -1,
            0,
            batch.header().records_count - 1,
            batch.header().records_count + 1,
        ] {
            let mut header = *batch.header();
            header.records_count = wrong;
            let changed = RecordBatch::new(header, batch.body().clone());
            let records = changed.records(BYTES_MAX).unwrap();
            let last = records.iter().last();
            assert!(matches!(last, Some(Err(BatchError::Records(_)))), "{wrong}");
        }
    }
}

#[test]
fn a_shared_value_keeps_the_memory_of_its_batch() {
    let batch = RecordBatch::decode(&Bytes::from_static(JAVA[0].1)).unwrap();
    let records = batch.records(BYTES_MAX).unwrap();
    let first = records.iter().next().unwrap().unwrap();
    let value = records.share(first.value.unwrap());
    assert_eq!(value.as_ptr(), first.value.unwrap().as_ptr());
}

fn any_bytes() -> impl Strategy<Value = Option<Vec<u8>>> {
    prop::option::of(prop::collection::vec(any::<u8>(), 0..200))
}

type OwnedRecord = (
    i64,
    Option<Vec<u8>>,
    Option<Vec<u8>>,
    Vec<(Vec<u8>, Option<Vec<u8>>)>,
);

fn any_record() -> impl Strategy<Value = OwnedRecord> {
    let header = (prop::collection::vec(any::<u8>(), 0..20), any_bytes());
    let headers = prop::collection::vec(header, 0..4);
    (any::<i64>(), any_bytes(), any_bytes(), headers)
}

proptest! {
    #[test]
    fn records_are_read_as_they_were_appended(
        owned in prop::collection::vec(any_record(), 1..20),
        base_offset in 0..i64::MAX / 2,
        codec in 0_usize..5,
    ) {
        let records: Vec<TestRecord<'_>> = owned
            .iter()
            .map(|(timestamp, key, value, headers)| {
                let headers = headers
                    .iter()
                    .map(|(key, value)| (key.as_slice(), value.as_deref()))
                    .collect();
                (*timestamp, key.as_deref(), value.as_deref(), headers)
            })
            .collect();
        let builder = RecordBatchBuilder::new()
            .compression(Compression::ALL[codec], None)
            .place(base_offset, 1);
        let bytes = build(builder, &records).to_bytes();
        let batch = RecordBatch::decode(&bytes).unwrap();
        batch.verify_crc().unwrap();
        check_records(&batch, &records);
    }

    #[test]
    fn no_bytes_make_reading_panic(
        codec in 0_usize..5,
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        cut: prop::sample::Index,
    ) {
        let mut bytes = JAVA[codec].1.to_vec();
        for (at, value) in changes {
            let position = at.index(bytes.len());
            bytes[position] = value;
        }
        let bytes = Bytes::from(bytes);
        let cut = bytes.slice(cut.index(bytes.len())..);
        for batch in Batches::new(bytes).chain(Batches::new(cut)).flatten() {
            let _ = (batch.next_offset(), batch.last_sequence(), batch.records_count());
            if let Ok(records) = batch.records(BYTES_MAX) {
                let _ = records.iter().count();
            }
        }
    }
}
