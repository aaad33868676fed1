//! Streams of bytes that are not what a Kafka client sends, while another client is served.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use bytes::Bytes;
use forebay::model::ErrorCode;
use forebay::protocol::record_batch::{BatchHeader, RecordBatch};

use super::client::{Client, await_topic, batch_of, framed, produce_request};
use crate::support::{Broker, Kind, free_port, needs};

/// A Metadata request of version 1 with these bytes for its array of topics.
fn metadata(version: i16, topics: &[u8]) -> Vec<u8> {
    let mut frame = vec![0, 3];
    frame.extend(version.to_be_bytes());
    frame.extend([0, 0, 0, 1, 0, 5]);
    frame.extend(b"tests");
    frame.extend(topics);
    [&(frame.len() as u32).to_be_bytes()[..], &frame].concat()
}

#[test]
fn nonsense_ends_its_connection_alone() {
    let lab = needs!();
    let mut broker = Broker::start(&lab, Kind::Forebay, &[]);
    let mut healthy = Client::connect(broker.port);
    let two_billion = 2_000_000_000_u32.to_be_bytes();
    let streams: [(&str, Vec<u8>); 12] = [
        ("garbage", b"\xf0\x0d\xfe\xed".repeat(100)),
        ("zeros", vec![0; 100_000]),
        (
            "TLS",
            [
                b"\x16\x03\x01\0\xc8\x01\0\0\xc4\x03\x03".as_slice(),
                &[7; 190],
            ]
            .concat(),
        ),
        (
            "HTTP",
            b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n".to_vec(),
        ),
        ("two GiB", b"\x7f\xff\xff\xff\0\x03\0\x01".to_vec()),
        (
            "a negative length",
            b"\xff\xff\xff\xff\0\x03\0\x01".to_vec(),
        ),
        (
            "an unknown API",
            b"\0\0\0\x0a\x03\xe7\0\0\0\0\0\x01\xff\xff".to_vec(),
        ),
        ("an unknown version", metadata(99, &[0; 4])),
        ("two billion topics", metadata(1, &two_billion)),
        ("an array that ends early", metadata(1, &[0, 0, 0, 9, 0, 1])),
        (
            "a frame above the limit",
            ((100 << 20) + 1_u32).to_be_bytes().to_vec(),
        ),
        (
            "a name of negative length",
            metadata(1, &[0, 0, 0, 1, 0xff, 0xfe]),
        ),
    ];
    for (name, bytes) in &streams {
        let mut odd = Client::connect(broker.port);
        odd.send(bytes).expect("the socket takes a few bytes");
        assert!(odd.is_closed(), "{name} leaves the connection open");
        assert!(
            healthy.is_served(),
            "after {name} the others are not served"
        );
    }
    for (words, count) in [
        ("looks like TLS", 1),
        ("looks like HTTP", 1),
        ("panicked", 0),
    ] {
        let log = broker.log();
        assert_eq!(log.matches(words).count(), count, "{words} in:\n{log}");
    }
    assert!(broker.runs());
}

#[test]
fn a_frame_that_ends_early_is_forgotten_with_its_connection() {
    let lab = needs!();
    let broker = Broker::start(&lab, Kind::Forebay, &[]);
    let mut healthy = Client::connect(broker.port);
    let whole = metadata(1, &[0; 4]);
    for end in 0..whole.len() {
        let mut odd = Client::connect(broker.port);
        odd.send(&whole[..end])
            .expect("the socket takes a few bytes");
        odd.stream
            .shutdown(std::net::Shutdown::Write)
            .expect("it is open");
        assert!(odd.is_closed(), "cut at {end}");
    }
    assert!(healthy.is_served());
}

/// The batch with a header changed by `change`, its checksum right again.
fn changed(change: impl FnOnce(&mut BatchHeader)) -> Bytes {
    let batch = RecordBatch::decode(&batch_of(b"value")).expect("a batch");
    let mut header = *batch.header();
    change(&mut header);
    header.crc = header.compute_crc(batch.body());
    RecordBatch::new(header, batch.body().clone()).to_bytes()
}

#[test]
fn batches_that_are_wrong_are_refused_with_kafkas_errors_and_the_connection_goes_on() {
    let lab = needs!();
    let broker = Broker::start(&lab, Kind::Forebay, &[]);
    let mut client = Client::connect(broker.port);
    await_topic(&mut client, "topic");
    let mut bad_checksum = batch_of(b"value").to_vec();
    bad_checksum[20] ^= 1;
    let invalid = ErrorCode::InvalidRecord;
    let cases = [
        ("topic", bad_checksum.into(), ErrorCode::CorruptMessage),
        ("topic", changed(|header| header.records_count = 2), invalid),
        (
            "topic",
            changed(|header| header.records_count = i32::MAX),
            invalid,
        ),
        (
            "topic",
            changed(|header| header.last_offset_delta = 7),
            invalid,
        ),
        ("topic", changed(|header| header.base_offset = 7), invalid),
        ("topic", Bytes::new(), invalid),
        (
            "a/b",
            batch_of(b"value"),
            ErrorCode::UnknownTopicOrPartition,
        ),
        (
            "../topic",
            batch_of(b"value"),
            ErrorCode::UnknownTopicOrPartition,
        ),
    ];
    for (topic, payload, expected) in cases {
        let produced = client
            .produce(topic, -1, payload.clone())
            .expect("an answer");
        let found = ErrorCode::from_code(produced.0);
        assert_eq!(found, Some(expected), "{topic}: {payload:?}");
    }
    for name in ["a/b", "..", "", "a\0b", "über", &"x".repeat(250)] {
        let code = client.create_topic(name);
        assert_eq!(code, ErrorCode::InvalidTopicException.code(), "{name:?}");
    }
    let produced = client
        .produce("topic", -1, batch_of(b"good"))
        .expect("an answer");
    assert_eq!(produced.0, ErrorCode::None.code());
}

#[test]
fn an_error_that_acks_of_zero_leave_untold_closes_the_connection() {
    let lab = needs!();
    let broker = Broker::start(&lab, Kind::Forebay, &[]);
    let (mut good, mut bad) = (Client::connect(broker.port), Client::connect(broker.port));
    await_topic(&mut good, "topic");
    let request = |payload| framed(9, &produce_request("topic", 0, payload));
    good.send(&request(batch_of(b"value"))).expect("it is open");
    assert!(
        good.is_served(),
        "without an error there is nothing to tell"
    );
    let mut payload = batch_of(b"value").to_vec();
    payload[20] ^= 1;
    bad.send(&request(payload.into())).expect("it is open");
    assert!(bad.is_closed());
}

#[test]
fn garbage_from_one_address_writes_few_lines_and_every_case_is_counted() {
    const CLIENTS: usize = 200;
    let lab = needs!();
    let http = format!("127.0.0.1:{}", free_port());
    let settings = [
        ("forebay.http.listen", http.as_str()),
        ("forebay.shards", "2"),
    ];
    let broker = Broker::start(&lab, Kind::Forebay, &settings);
    for _ in 0..CLIENTS {
        let mut odd = Client::connect(broker.port);
        odd.send(b"\xff\xff\xff\xff")
            .expect("the socket takes a few bytes");
        assert!(odd.is_closed());
    }
    let mut scrape = TcpStream::connect(&http).expect("the console accepts");
    let request = b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    scrape.write_all(request).expect("it is open");
    let mut metrics = String::new();
    scrape.read_to_string(&mut metrics).expect("an answer");
    let counted = format!("forebay_connections_broken_total{{listener=\"PLAINTEXT\"}} {CLIENTS}");
    assert!(metrics.contains(&counted), "{metrics}");
    let log = broker.log();
    // One line of each shard.
    let lines = log.matches("a request of -1 bytes").count();
    assert!((1..=2).contains(&lines), "{log}");
}
