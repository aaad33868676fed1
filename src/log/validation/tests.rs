//! Each refusal with its code, and what passes. The codes are those that Apache Kafka 4.3.1
//! answered to the same bytes, unless a test says otherwise.

use bytes::Bytes;
use proptest::prelude::*;

use super::*;
use crate::config::TopicConfig;
use crate::model::ErrorCode;
use crate::protocol::compression::Compression;
use crate::protocol::record_batch::{
    Attributes, BatchHeader, ControlType, HEADER_BYTES, RecordBatch, RecordBatchBuilder,
    TimestampType,
};

const NOW: i64 = 1_795_000_000_000;
const CLIENT: Origin = Origin::Client { produce_version: 8 };

fn rules() -> ProduceRules {
    ProduceRules::of_topic(&TopicConfig::default())
}

fn compacted() -> ProduceRules {
    ProduceRules {
        is_compacted: true,
        ..rules()
    }
}

fn narrow() -> ProduceRules {
    ProduceRules {
        timestamp_before_ms_max: 1000,
        timestamp_after_ms_max: 1000,
        ..rules()
    }
}

fn at_append() -> ProduceRules {
    ProduceRules {
        timestamp_type: TimestampType::LogAppendTime,
        ..rules()
    }
}

fn builder_of(timestamps: &[i64]) -> RecordBatchBuilder {
    let mut builder = RecordBatchBuilder::new();
    for timestamp in timestamps {
        builder.append(*timestamp, Some(b"k"), Some(b"v"), &[]);
    }
    builder
}

fn batch_of(timestamps: &[i64]) -> RecordBatch {
    builder_of(timestamps).finish()
}

/// A valid batch whose header is changed and whose checksum is right again.
fn changed(batch: &RecordBatch, change: impl FnOnce(&mut BatchHeader)) -> Bytes {
    let mut header = *batch.header();
    change(&mut header);
    let mut header_after = header;
    header_after.crc = header.compute_crc(batch.body());
    [&header_after.encode()[..], batch.body()].concat().into()
}

/// A batch of `count` records whose bytes are `body`, uncompressed or as gzip.
fn raw(body: &[u8], count: i32, compression: Compression) -> Bytes {
    let template = batch_of(&[NOW]);
    let body = compression.compress(None, body);
    let batch = template.with_body(compression, Bytes::from(body)).unwrap();
    changed(&batch, |header| {
        header.records_count = count;
        header.last_offset_delta = count - 1;
    })
}

/// A record: its size, attributes 0, timestamp delta 0, this offset delta, key `k`, value `v`, no
/// headers. The numbers are zigzag.
fn record(offset_delta: u8) -> Vec<u8> {
    vec![16, 0, 0, offset_delta * 2, 2, b'k', 2, b'v', 0]
}

fn sized(fields: &[u8]) -> Vec<u8> {
    let size = u8::try_from(fields.len() * 2).unwrap();
    [&[size], fields].concat()
}

fn check(payload: &Bytes, rules: &ProduceRules, expected: ErrorCode) -> Refusal {
    check_version(payload, rules, 8, expected)
}

fn check_version(
    payload: &Bytes,
    rules: &ProduceRules,
    produce_version: i16,
    expected: ErrorCode,
) -> Refusal {
    let refusal = validate(payload, rules, Origin::Client { produce_version }, NOW)
        .expect_err("the payload is refused");
    assert_eq!(refusal.error, expected, "{refusal:?}");
    refusal
}

fn accept(payload: &Bytes, rules: &ProduceRules) -> ValidatedBatch {
    let validated = validate(payload, rules, CLIENT, NOW).expect("the payload is accepted");
    validated.batch.verify_crc().unwrap();
    validated
}

#[test]
fn a_good_batch_passes_uncopied() {
    let payload = batch_of(&[NOW, NOW + 7, NOW + 3]).to_bytes();
    let validated = accept(&payload, &rules());
    assert_eq!(validated.batch.to_bytes(), payload);
    assert_eq!(
        validated.batch.body().as_ptr(),
        payload[HEADER_BYTES..].as_ptr()
    );
    assert_eq!(validated.records_count, 3);
    assert_eq!(validated.max_timestamp, Some(NOW + 7));
    assert_eq!(validated.max_timestamp_offset_delta, Some(1));
    assert_eq!(validated.log_append_time, None);
}

#[test]
fn a_payload_without_a_whole_batch_is_an_invalid_record() {
    let payload = batch_of(&[NOW]).to_bytes();
    for length in [0, 5, 16, 40, payload.len() - 1] {
        check(&payload.slice(..length), &rules(), ErrorCode::InvalidRecord);
    }
}

#[test]
fn garbage_is_corrupt() {
    let lengths: [i32; 4] = [0, -5, 13, 20];
    for length in lengths {
        let mut payload = batch_of(&[NOW]).to_bytes().to_vec();
        payload[8..12].copy_from_slice(&length.to_be_bytes());
        let refusal = check(&payload.into(), &rules(), ErrorCode::CorruptMessage);
        // Kafka explains only what it sees before it has a batch.
        assert_eq!(refusal.message.is_some(), length < 14);
    }
    for magic in [3, 255] {
        let mut payload = batch_of(&[NOW]).to_bytes().to_vec();
        payload[16] = magic;
        let refusal = check(&payload.into(), &rules(), ErrorCode::CorruptMessage);
        assert!(refusal.message.is_some());
    }
}

#[test]
fn old_formats_are_invalid_records() {
    for magic in [0, 1] {
        let mut payload = batch_of(&[NOW]).to_bytes().to_vec();
        payload[16] = magic;
        let refusal = check(&payload.into(), &rules(), ErrorCode::InvalidRecord);
        assert_eq!(refusal.message, None);
    }
}

#[test]
fn one_partition_takes_one_batch() {
    let one = batch_of(&[NOW]).to_bytes();
    let two = Bytes::from([one.clone(), one.clone()].concat());
    check(&two, &rules(), ErrorCode::InvalidRecord);
    let zeros = Bytes::from([&one[..], &[0; 20]].concat());
    let refusal = check(&zeros, &rules(), ErrorCode::CorruptMessage);
    assert_eq!(refusal.message, None);
    for tail in [&b"abcde"[..], &one[..one.len() - 1]] {
        let payload = Bytes::from([&one[..], tail].concat());
        assert_eq!(accept(&payload, &rules()).batch.to_bytes(), one, "cut off");
    }
}

#[test]
fn base_offset_comes_before_size_and_size_before_checksum() {
    let batch = batch_of(&[NOW]);
    let mut bad_crc = batch.to_bytes().to_vec();
    bad_crc[20] ^= 1;
    let bad_crc = Bytes::from(bad_crc);
    check(&bad_crc, &rules(), ErrorCode::CorruptMessage);
    let small = ProduceRules {
        message_bytes_max: batch.size_bytes() - 1,
        ..rules()
    };
    check(&bad_crc, &small, ErrorCode::MessageTooLarge);
    let mut placed = bad_crc.to_vec();
    placed[7] = 5;
    check(&placed.into(), &small, ErrorCode::InvalidRecord);
    let exact = ProduceRules {
        message_bytes_max: batch.size_bytes(),
        ..rules()
    };
    accept(&batch.to_bytes(), &exact);
}

#[test]
fn a_batch_larger_than_a_segment_is_too_long_a_list() {
    let batch = batch_of(&[NOW]);
    let rules = ProduceRules {
        segment_bytes: batch.size_bytes() - 1,
        ..rules()
    };
    check(&batch.to_bytes(), &rules, ErrorCode::RecordListTooLarge);
}

#[test]
fn what_the_producer_put_into_the_leader_epoch_does_not_matter() {
    let payload = changed(&batch_of(&[NOW]), |header| {
        header.partition_leader_epoch = 9
    });
    accept(&payload, &rules());
}

#[test]
fn zstd_needs_produce_7() {
    let mut builder = RecordBatchBuilder::new().compression(Compression::Zstd, None);
    builder.append(NOW, Some(b"k"), None, &[]);
    let payload = builder.finish().to_bytes();
    accept(&payload, &rules());
    let twice = Bytes::from([payload.clone(), payload.clone()].concat());
    for payload in [payload, twice] {
        let expected = ErrorCode::UnsupportedCompressionType;
        check_version(&payload, &rules(), 6, expected);
    }
}

#[test]
fn streams_that_no_codec_reads_are_unknown_server_errors() {
    for id in 1..8 {
        let payload = changed(&batch_of(&[NOW]), |header| {
            header.attributes = Attributes(id)
        });
        check(&payload, &rules(), ErrorCode::UnknownServerError);
    }
    let two = [record(0), record(1)].concat();
    for codec in [
        Compression::Gzip,
        Compression::Snappy,
        Compression::Lz4,
        Compression::Zstd,
    ] {
        let whole = RecordBatch::decode(&raw(&two, 2, codec)).unwrap();
        for cut in [1, 3, 4, 5] {
            let body = whole.body().slice(..whole.body().len() - cut);
            let batch = whole.with_body(codec, body).unwrap();
            check(&batch.to_bytes(), &rules(), ErrorCode::UnknownServerError);
        }
        let empty = whole.with_body(codec, Bytes::new()).unwrap();
        let expected = match codec {
            Compression::Zstd => ErrorCode::InvalidRecord,
            _ => ErrorCode::UnknownServerError,
        };
        check(&empty.to_bytes(), &rules(), expected);
    }
}

#[test]
fn records_that_decompress_without_bound_are_too_large() {
    // Kafka would go on.
    let zeros = Compression::Zstd.compress(None, &vec![0; DECOMPRESSED_BYTES_MAX + 1]);
    let template = batch_of(&[NOW]);
    let bomb = template.with_body(Compression::Zstd, zeros.into()).unwrap();
    check(&bomb.to_bytes(), &rules(), ErrorCode::MessageTooLarge);
}

#[test]
fn a_shard_with_little_memory_decompresses_less() {
    let body = [record(0), record(1)].concat();
    let rules_within = |decompressed_bytes_max| ProduceRules {
        decompressed_bytes_max,
        ..rules()
    };
    let too_few = rules_within(body.len() - 1);
    let packed = raw(&body, 2, Compression::Gzip);
    check(&packed, &too_few, ErrorCode::MessageTooLarge);
    accept(&packed, &rules_within(body.len()));
    // What came uncompressed takes no more memory than it did.
    accept(&raw(&body, 2, Compression::None), &too_few);
}

#[test]
fn counts_and_offsets_must_agree() {
    let two = batch_of(&[NOW, NOW]);
    let cases: [(i32, i32); 8] = [
        (0, -1),
        (0, 0),
        (-1, 0),
        (3, 2),
        (1, 0),
        (2, 5),
        (2, -1),
        (2, i32::MIN),
    ];
    for (records_count, last_offset_delta) in cases {
        let payload = changed(&two, |header| {
            header.records_count = records_count;
            header.last_offset_delta = last_offset_delta;
        });
        check(&payload, &rules(), ErrorCode::InvalidRecord);
    }
    let body = [record(0), record(1)].concat();
    for count in [1, 3] {
        check(
            &raw(&body, count, Compression::Gzip),
            &rules(),
            ErrorCode::InvalidRecord,
        );
    }
}

#[test]
fn control_batches_are_not_for_clients() {
    let mut builder = RecordBatchBuilder::new().producer(1, 0, None).control();
    builder.append_control(NOW, ControlType::Commit, &[0; 6]);
    let payload = builder.finish().to_bytes();
    check(&payload, &rules(), ErrorCode::InvalidRecord);
    let gzip = ProduceRules {
        compression: Some(Compression::Gzip),
        ..compacted()
    };
    let validated = validate(&payload, &gzip, Origin::Coordinator, NOW).unwrap();
    assert_eq!(
        validated.batch.to_bytes(),
        payload,
        "markers stay as they are"
    );
}

#[test]
fn an_idempotent_producer_numbers_its_batches() {
    let with = |producer_id, producer_epoch, base_sequence| {
        changed(&batch_of(&[NOW]), |header| {
            header.producer_id = producer_id;
            header.producer_epoch = producer_epoch;
            header.base_sequence = base_sequence;
        })
    };
    for sequence in [-1, -5] {
        check(&with(1, 0, sequence), &rules(), ErrorCode::InvalidRecord);
    }
    for (id, epoch, sequence) in [(-1, -1, 5), (-2, 0, -1), (77, -1, 0), (78, 0, 5)] {
        accept(&with(id, epoch, sequence), &rules());
    }
}

#[test]
fn compacted_topics_name_every_record_without_a_key() {
    for compression in [Compression::None, Compression::Gzip] {
        let mut builder = RecordBatchBuilder::new().compression(compression, None);
        for key in [Some(&b"k"[..]), None, Some(b""), None] {
            builder.append(NOW, key, Some(b"v"), &[]);
        }
        let payload = builder.finish().to_bytes();
        accept(&payload, &rules());
        let refusal = check(&payload, &compacted(), ErrorCode::InvalidRecord);
        let indexes: Vec<_> = refusal
            .record_errors
            .iter()
            .map(|error| error.batch_index)
            .collect();
        assert_eq!(indexes, [1, 3]);
        assert!(refusal.message.is_some());
    }
}

#[test]
fn timestamps_must_be_near_the_brokers_clock() {
    for timestamp in [-1, NOW - 1000, NOW + 1000] {
        accept(&batch_of(&[timestamp]).to_bytes(), &narrow());
    }
    for timestamp in [-2, NOW - 1001, NOW + 1001, i64::MIN, i64::MAX] {
        let payload = batch_of(&[timestamp]).to_bytes();
        let refusal = check(&payload, &narrow(), ErrorCode::InvalidTimestamp);
        assert_eq!(refusal.record_errors.len(), 1);
        accept(&payload, &at_append());
    }
    accept(&batch_of(&[5]).to_bytes(), &rules());
    let future = batch_of(&[NOW + 3_600_001]).to_bytes();
    check(&future, &rules(), ErrorCode::InvalidTimestamp);
}

#[test]
fn one_bad_timestamp_decides_the_code_but_a_missing_key_comes_first_in_a_record() {
    let mixed = |first_delta: i64| {
        let mut builder = RecordBatchBuilder::new();
        builder.append(NOW + first_delta, None, Some(b"v"), &[]);
        builder.append(NOW + 100_000_000, Some(b"k"), Some(b"v"), &[]);
        builder.finish().to_bytes()
    };
    let refusal = check(&mixed(0), &compacted(), ErrorCode::InvalidTimestamp);
    assert_eq!(refusal.record_errors.len(), 2);
    let mut builder = RecordBatchBuilder::new();
    builder.append(NOW + 100_000_000, None, Some(b"v"), &[]);
    let payload = builder.finish().to_bytes();
    check(&payload, &compacted(), ErrorCode::InvalidRecord);
}

#[test]
fn producers_may_not_claim_log_append_time() {
    let claimed = |timestamp| builder_of(&[timestamp]).finish_at(timestamp).to_bytes();
    check(&claimed(NOW), &at_append(), ErrorCode::InvalidTimestamp);
    check(&claimed(-1), &rules(), ErrorCode::InvalidTimestamp);
    // Where the time could be the producer's own, Kafka takes it for that.
    let validated = accept(&claimed(NOW), &rules());
    assert_eq!(validated.batch.timestamp_type(), TimestampType::CreateTime);
}

#[test]
fn log_append_time_is_stamped_into_the_header_alone() {
    let payload = batch_of(&[0, NOW - 5]).to_bytes();
    let validated = accept(&payload, &at_append());
    assert_eq!(validated.log_append_time, Some(NOW));
    assert_eq!(validated.max_timestamp, Some(NOW));
    assert_eq!(validated.max_timestamp_offset_delta, Some(0));
    assert_eq!(
        validated.batch.body().as_ptr(),
        payload[HEADER_BYTES..].as_ptr()
    );
    for record in &validated.batch.records(100).unwrap() {
        assert_eq!(record.unwrap().timestamp, NOW);
    }
}

#[test]
fn a_wrong_largest_timestamp_is_set_right() {
    for wrong in [5, NOW + 1_000_000_000] {
        let payload = changed(&batch_of(&[NOW]), |header| header.max_timestamp = wrong);
        let validated = accept(&payload, &rules());
        assert_eq!(validated.max_timestamp, Some(NOW));
    }
}

#[test]
fn attributes_without_a_meaning_pass() {
    for attributes in [0x40, 0x7f80] {
        let payload = changed(&batch_of(&[NOW]), |header| {
            header.attributes = Attributes(attributes);
        });
        let validated = accept(&payload, &rules());
        assert_eq!(validated.batch.header().attributes.0, attributes);
    }
}

#[test]
fn records_that_are_none_are_invalid() {
    let long = sized(&[0, 0, 0, 2, b'k', 2, b'v', 0, b'z']);
    let key_beyond_the_end = sized(&[0, 0, 0, 200, b'k', b'k']);
    let negative_headers = sized(&[0, 0, 0, 2, b'k', 2, b'v', 1]);
    let missing_headers = sized(&[0, 0, 0, 2, b'k', 2, b'v', 18]);
    let header_without_key = sized(&[0, 0, 0, 2, b'k', 2, b'v', 2, 1, 2, b'x']);
    let short_header = sized(&[0, 0, 0, 2, b'k', 2, b'v', 2, 2, b'h', 18]);
    let mut larger = record(0);
    larger[0] += 2;
    let mut smaller = record(0);
    smaller[0] = 6;
    let mut negative = record(0);
    negative[0] = 5;
    let endless_timestamp = sized(&[0, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255]);
    let endless_offset = sized(&[0, 0, 255, 255, 255, 255, 255, 255]);
    for body in [
        Vec::new(),
        long,
        key_beyond_the_end,
        negative_headers,
        missing_headers,
        header_without_key,
        short_header,
        larger,
        smaller,
        negative,
        endless_timestamp,
        endless_offset,
        vec![0x80],
    ] {
        // Kafka reads compressed records by their fields alone and stores the first three of
        // the wrong sizes, which its own consumers then cannot read.
        for compression in [Compression::None, Compression::Gzip] {
            let payload = raw(&body, 1, compression);
            check(&payload, &rules(), ErrorCode::InvalidRecord);
        }
    }
    let endless_size = [255; 12];
    let payload = raw(&endless_size, 1, Compression::None);
    check(&payload, &rules(), ErrorCode::UnknownServerError);
    let payload = raw(&endless_size, 1, Compression::Gzip);
    check(&payload, &rules(), ErrorCode::InvalidRecord);
}

#[test]
fn odd_but_readable_records_pass() {
    let absent_key = sized(&[0, 0, 0, 9, 2, b'v', 0]);
    let attributes = sized(&[255, 0, 0, 2, b'k', 2, b'v', 0]);
    let header_without_value = sized(&[0, 0, 0, 2, b'k', 2, b'v', 2, 2, b'h', 1]);
    let header_not_utf8 = sized(&[0, 0, 0, 2, b'k', 2, b'v', 2, 4, 255, 254, 1]);
    for body in [
        absent_key,
        attributes,
        header_without_value,
        header_not_utf8,
    ] {
        accept(&raw(&body, 1, Compression::None), &rules());
    }
}

fn offset_deltas(batch: &RecordBatch) -> Vec<i32> {
    let records = batch.records(1000).unwrap();
    records
        .iter()
        .map(|record| record.unwrap().offset_delta)
        .collect()
}

#[test]
fn offsets_that_are_not_dense_are_made_so_or_refused() {
    // Kafka stores the first as it is; with dense offsets the answer is the same, and no
    // consumer sees an offset twice.
    let body = [record(3), record(7)].concat();
    let plain = raw(&body, 2, Compression::None);
    assert_eq!(offset_deltas(&accept(&plain, &rules()).batch), [0, 1]);
    let gzip = ProduceRules {
        compression: Some(Compression::Gzip),
        ..rules()
    };
    let validated = accept(&plain, &gzip);
    assert_eq!(offset_deltas(&validated.batch), [0, 1]);
    assert_eq!(validated.batch.compression(), Some(Compression::Gzip));
    let compressed = raw(&body, 2, Compression::Gzip);
    check(&compressed, &rules(), ErrorCode::UnknownServerError);
}

#[test]
fn every_compression_becomes_every_other() {
    for source in Compression::ALL {
        let mut builder = RecordBatchBuilder::new()
            .compression(source, None)
            .producer(5, 1, Some(9))
            .transactional();
        for index in 0..50 {
            let headers: [(&[u8], Option<&[u8]>); 1] = [(b"h", Some(b"x"))];
            builder.append(NOW + index % 7, Some(b"key"), Some(b"a value"), &headers);
        }
        let sent = builder.finish();
        let payload = sent.to_bytes();
        let contents = sent.records(10_000).unwrap();
        for target in Compression::ALL {
            let rules = ProduceRules {
                compression: Some(target),
                ..rules()
            };
            let validated = accept(&payload, &rules);
            let batch = &validated.batch;
            assert_eq!(batch.compression(), Some(target));
            assert_eq!(batch.records(10_000).unwrap().body(), contents.body());
            assert_eq!(batch.producer_id(), Some(5));
            assert_eq!(batch.last_sequence(), Some(58));
            assert!(batch.is_transactional());
            assert_eq!(validated.max_timestamp, Some(NOW + 6));
            assert_eq!(validated.records_count, 50);
            if source == target {
                assert_eq!(batch.to_bytes(), payload);
            }
        }
    }
}

#[test]
fn a_batch_that_conversion_makes_too_large_is_refused() {
    let mut builder = RecordBatchBuilder::new().compression(Compression::Gzip, None);
    builder.append(NOW, Some(b"k"), Some(&[b'x'; 400]), &[]);
    let rules = ProduceRules {
        message_bytes_max: 200,
        compression: Some(Compression::None),
        ..rules()
    };
    let payload = builder.finish().to_bytes();
    assert!(payload.len() <= 200);
    check(&payload, &rules, ErrorCode::MessageTooLarge);
}

#[test]
fn a_replicated_batch_keeps_its_place_and_only_its_checksum_matters() {
    let mut builder = RecordBatchBuilder::new().place(500, 4).control();
    builder.append_control(NOW, ControlType::LeaderChange, b"");
    let payload = builder.finish().to_bytes();
    let small = ProduceRules {
        message_bytes_max: 1,
        ..compacted()
    };
    let validated = validate(&payload, &small, Origin::Replication, NOW).unwrap();
    assert_eq!(validated.batch.to_bytes(), payload);
    let mut broken = payload.to_vec();
    broken[65] ^= 1;
    let refusal = validate(&broken.into(), &small, Origin::Replication, NOW).unwrap_err();
    assert_eq!(refusal.error, ErrorCode::CorruptMessage);
}

proptest! {
    #[test]
    fn no_payload_panics(
        codec in 0_usize..5,
        target in prop::option::of(0_usize..5),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
        cut: prop::sample::Index,
        is_checksum_right: bool,
    ) {
        let mut builder = RecordBatchBuilder::new().compression(Compression::ALL[codec], None);
        for index in 0..5 {
            builder.append(NOW + index, Some(b"key"), Some(b"a value"), &[(b"h", None)]);
        }
        let mut payload = builder.finish().to_bytes().to_vec();
        for (at, value) in &changes {
            let position = at.index(payload.len());
            payload[position] = *value;
        }
        if let (true, Ok(header)) = (is_checksum_right, BatchHeader::decode(&payload)) {
            let crc = header.compute_crc(&payload[HEADER_BYTES..]);
            payload[17..21].copy_from_slice(&crc.to_be_bytes());
        }
        let payload = Bytes::from(payload);
        let rules = ProduceRules {
            compression: target.map(|target| Compression::ALL[target]),
            ..compacted()
        };
        for payload in [payload.slice(..cut.index(payload.len())), payload] {
            for origin in [CLIENT, Origin::Coordinator, Origin::Replication] {
                let result = validate(&payload, &rules, origin, NOW);
                if let (Ok(validated), CLIENT) = (&result, origin) {
                    prop_assert!(validated.batch.verify_crc().is_ok());
                    let records = validated.batch.records(DECOMPRESSED_BYTES_MAX).unwrap();
                    prop_assert!(records.iter().all(|record| record.is_ok()));
                }
            }
        }
    }
}
