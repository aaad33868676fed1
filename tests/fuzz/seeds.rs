//! Where a search begins: for each target, bytes that friends send.

use std::collections::BTreeMap;
use std::path::Path;

use bytes::Bytes;
use forebay::protocol::compression::Compression;
use forebay::protocol::record_batch::{ControlType, RecordBatchBuilder};
use forebay::protocol::{ApiKey, Writer, encode_request_header, encode_response_header};
use forebay::stdx::Random;

use crate::reference;
use crate::sample::{self, Fill, Value};
use crate::schema::{self, Kind, Message};

/// Inputs by name.
pub type Seeds = BTreeMap<String, Vec<u8>>;

/// Draws of one version of one message.
const FILLS: [Fill; 3] = [Fill::Full, Fill::Mixed, Fill::WithUnknownTags];

/// The seeds of the target `name`.
pub fn of(name: &str) -> Seeds {
    match name {
        "batches" => batches(),
        "broker" => broker(),
        "console" => console(),
        "coordinator" => coordinator(),
        "framing" => framing(),
        "metadata" => metadata(),
        "recovery" => recovery(),
        "requests" => messages(Kind::Request),
        "responses" => messages(Kind::Response),
        "settings" => settings(),
        _ => panic!("the target {name} has no seeds"),
    }
}

/// The messages of this kind.
fn messages_of(kind: Kind) -> Vec<Message> {
    let tables = concat!(env!("CARGO_MANIFEST_DIR"), "/src/protocol/schema");
    let mut messages = schema::read_tables(Path::new(tables));
    messages.retain(|message| message.kind == kind);
    messages
}

/// Every message of this kind in every version.
fn messages(kind: Kind) -> Seeds {
    let mut random = Random::from_seed(30);
    let mut seeds = Seeds::new();
    for message in messages_of(kind) {
        for version in message.versions.0..=message.versions.1 {
            for (number, fill) in FILLS.into_iter().enumerate() {
                let value = sample::draw(&message, version, fill, &mut random);
                let body = reference::encode(&message, version, &value);
                let name = format!("{}-{version}-{number}", message.module());
                seeds.insert(name, with_header(&message, version, &body));
            }
        }
    }
    seeds
}

fn with_header(message: &Message, version: i16, body: &[u8]) -> Vec<u8> {
    let key = message.number.and_then(ApiKey::from_code).expect("an API");
    let mut writer = Writer::new();
    let mut bytes = Vec::new();
    if message.kind == Kind::Request {
        encode_request_header(&mut writer, key, version, 7, Some("seed"))
    } else {
        bytes.extend(key.code().to_be_bytes());
        bytes.extend(version.to_be_bytes());
        encode_response_header(&mut writer, key, version, 7)
    }
    .expect("a header of a version that there is");
    bytes.extend(writer.into_bytes());
    bytes.extend(body);
    bytes
}

/// Batches of two Kafka clients and of our own builder, each read in several ways.
fn batches() -> Seeds {
    let folder = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/src/protocol/record_batch/fixtures"
    );
    let mut found: BTreeMap<String, Bytes> = std::fs::read_dir(folder)
        .expect("the fixtures are part of the package")
        .map(|entry| entry.expect("a folder can be read").path())
        .map(|path| {
            let name = path.file_stem().unwrap_or_default().to_string_lossy();
            let bytes = std::fs::read(&path).expect("a fixture can be read");
            (name.into_owned(), Bytes::from(bytes))
        })
        .collect();
    let builders = [
        ("plain", RecordBatchBuilder::new()),
        (
            "idempotent",
            RecordBatchBuilder::new().producer(7, 0, Some(3)),
        ),
        (
            "gzip",
            RecordBatchBuilder::new().compression(Compression::Gzip, None),
        ),
        (
            "snappy",
            RecordBatchBuilder::new().compression(Compression::Snappy, None),
        ),
        (
            "lz4",
            RecordBatchBuilder::new().compression(Compression::Lz4, None),
        ),
        (
            "zstd",
            RecordBatchBuilder::new().compression(Compression::Zstd, None),
        ),
    ];
    for (name, mut builder) in builders {
        builder.append(
            1_700_000_000_000,
            Some(b"key"),
            Some(b"value"),
            &[(b"h", Some(b"v"))],
        );
        builder.append(1_700_000_000_001, None, None, &[(b"h", None)]);
        builder.append(-1, Some(b""), Some(&[b'x'; 100]), &[]);
        found.insert(name.to_owned(), builder.finish().to_bytes());
    }
    let mut marker = RecordBatchBuilder::new()
        .producer(7, 0, None)
        .transactional()
        .control();
    marker.append_control(1_700_000_000_000, ControlType::Commit, b"\0\0\0\0\0\0");
    found.insert("marker".to_owned(), marker.finish().to_bytes());
    let mut seeds = Seeds::new();
    // As it is; mended; mended and compressed; with the leader's clock on a compacted topic; from
    // a leader; from a newer producer.
    for (number, first) in [0xc0, 0xc1, 0xe3, 0xcd, 0xd0, 0xe1].into_iter().enumerate() {
        for (name, batch) in &found {
            // As it came, and in every compression.
            for second in [5, 0, 1, 2, 3, 4] {
                let plan = [first, second];
                let name = format!("{name}-{number}-{second}");
                seeds.insert(name, [&plan[..], batch].concat());
            }
        }
    }
    seeds
}

/// Streams of a few frames, and of what is none, cut in several ways.
fn framing() -> Seeds {
    let frame = |body: &[u8]| [&(body.len() as u32).to_be_bytes()[..], body].concat();
    let streams: [(&str, Vec<u8>); 8] = [
        ("small", frame(b"\0\x03request").repeat(20)),
        (
            "overlapping",
            [frame(b"\x01produce"), frame(b"\x01fetch"), frame(b"\0end")].concat(),
        ),
        (
            "large",
            [frame(&[1; 4096]), frame(b""), frame(&[0; 3000])].concat(),
        ),
        ("too-large", [frame(b"\x01"), frame(&[1; 4097])].concat()),
        ("negative", [frame(b"\x01"), vec![0xff; 8]].concat()),
        ("two-gib", b"\x7f\xff\xff\xff\0\x03\0\x01".to_vec()),
        ("tls", b"\x16\x03\x01\0\xc8\x01\0\0\xc4\x03\x03".to_vec()),
        ("http", b"GET / HTTP/1.1\r\n\r\n".to_vec()),
    ];
    let mut seeds = Seeds::new();
    for (number, schedule) in [[0; 16], [0x3f; 16], [0xc5; 16]].iter().enumerate() {
        for (name, stream) in &streams {
            seeds.insert(format!("{name}-{number}"), [&schedule[..], stream].concat());
        }
    }
    seeds
}

/// Every request that is served, in every version, about the topic that there is.
fn broker() -> Seeds {
    let mut random = Random::from_seed(31);
    let mut seeds = Seeds::new();
    for message in messages_of(Kind::Request) {
        let key = message.number.and_then(ApiKey::from_code);
        let Some((first, last)) = key.and_then(ApiKey::served_versions) else {
            continue;
        };
        for version in first..=last {
            for number in 0..2 {
                let mut value = sample::draw(&message, version, Fill::Full, &mut random);
                bring_home(&mut value, &mut random);
                let body = reference::encode(&message, version, &value);
                let frame = with_header(&message, version, &body);
                let framed = [&(frame.len() as u32).to_be_bytes()[..], &frame].concat();
                seeds.insert(format!("{}-{version}-{number}", message.module()), framed);
            }
        }
    }
    seeds
}

/// Names that exist, numbers that mean something, a batch for bytes.
fn bring_home(value: &mut Value, random: &mut Random) {
    const NUMBERS: [i64; 6] = [0, 0, 1, -1, 100, 10_000];
    match value {
        Value::Text(text) => *text = "t".to_owned(),
        Value::Number(number) => {
            *number = NUMBERS[usize::try_from(random.below(6)).expect("a small number")];
        }
        Value::Bytes(bytes) => *bytes = plain_batch(0, b"value").to_vec(),
        Value::Array(elements) => elements.iter_mut().for_each(|one| bring_home(one, random)),
        Value::Struct(fields, _) => fields.iter_mut().for_each(|one| bring_home(one, random)),
        Value::Null | Value::Bool(_) | Value::Float(_) | Value::Uuid(_) => {}
    }
}

/// A batch of one record at `offset`.
fn plain_batch(offset: i64, value: &[u8]) -> Bytes {
    let mut builder = RecordBatchBuilder::new();
    builder.append(1_700_000_000_000, Some(b"key"), Some(value), &[]);
    let mut batch = builder.finish();
    batch.stamp(offset, 0);
    batch.to_bytes()
}

/// One id for everything that has one.
fn share_ids(value: &mut Value) {
    match value {
        Value::Uuid(id) => *id = [1; 16],
        Value::Array(elements) => elements.iter_mut().for_each(share_ids),
        Value::Struct(fields, _) => fields.iter_mut().for_each(share_ids),
        _ => {}
    }
}

/// Every record of the metadata log in every version, alone and behind a topic with a partition,
/// and all of them in one log.
fn metadata() -> Seeds {
    const TOPIC: i16 = 2;
    const PARTITION: i16 = 3;
    let mut random = Random::from_seed(32);
    let (mut records, mut topic) = (Vec::new(), Vec::new());
    for message in messages_of(Kind::MetadataRecord) {
        let number = message.number.expect("a record has a type");
        for version in message.versions.0..=message.versions.1 {
            for drawn in 0..4 {
                let mut value = sample::draw(&message, version, Fill::Full, &mut random);
                bring_home(&mut value, &mut random);
                share_ids(&mut value);
                let mut writer = Writer::new();
                for varint in [1, number.unsigned_abs(), version.unsigned_abs()] {
                    writer.put_unsigned_varint(varint.into());
                }
                let body = reference::encode(&message, version, &value);
                let framed = [&writer.into_bytes()[..], &body].concat();
                let length = u16::try_from(framed.len()).expect("a short record");
                let record = [&length.to_be_bytes()[..], &framed].concat();
                if drawn == 0 && [TOPIC, PARTITION].contains(&number) {
                    topic.extend_from_slice(&record);
                }
                records.push((format!("{}-{version}-{drawn}", message.module()), record));
            }
        }
    }
    let all = records.iter().flat_map(|(_, record)| record.clone());
    let mut seeds = Seeds::from([("all".to_owned(), all.collect())]);
    for (name, record) in records {
        let behind = [&topic[..], &record].concat();
        seeds.insert(format!("{name}-behind-a-topic"), behind);
        seeds.insert(name, record);
    }
    seeds
}

/// Every record of a group in every version, plain, in a transaction that ends, and deleted again.
fn coordinator() -> Seeds {
    let mut random = Random::from_seed(33);
    let (mut seeds, mut all) = (Seeds::new(), Vec::new());
    let keys = messages_of(Kind::CoordinatorKey);
    for message in messages_of(Kind::CoordinatorValue) {
        let number = message.number.expect("a record has a type");
        let Some(key) = keys.iter().find(|key| key.number == Some(number)) else {
            continue;
        };
        for version in message.versions.0..=message.versions.1 {
            for drawn in 0..3 {
                let mut named = sample::draw(key, 0, Fill::Full, &mut random);
                let mut value = sample::draw(&message, version, Fill::Full, &mut random);
                bring_home(&mut named, &mut random);
                // Members are told apart where their names are as they were drawn.
                if drawn > 0 {
                    bring_home(&mut value, &mut random);
                }
                let key = [
                    &number.to_be_bytes()[..],
                    &reference::encode(key, 0, &named),
                ]
                .concat();
                let value = [
                    &version.to_be_bytes()[..],
                    &reference::encode(&message, version, &value),
                ]
                .concat();
                let record = |flags: u8| {
                    let length = |part: &[u8]| u16::try_from(part.len()).expect("a short record");
                    let lengths = [length(&key), length(&value)].map(u16::to_be_bytes);
                    [&[flags], lengths.as_flattened(), &key, &value].concat()
                };
                let name = format!("{}-{version}-{drawn}", message.module());
                let ends = |flags: u8| vec![flags, 0, 0, 0, 0];
                all.extend(record(0));
                seeds.insert(format!("{name}-deleted"), [record(0), record(2)].concat());
                seeds.insert(format!("{name}-aborted"), [record(1), ends(4)].concat());
                seeds.insert(format!("{name}-committed"), [record(1), ends(12)].concat());
                seeds.insert(name, record(0));
            }
        }
    }
    seeds.insert("all".to_owned(), all);
    seeds
}

/// Requests of browsers, of monitors and of nobody in his right mind.
fn console() -> Seeds {
    let get = "GET /metrics HTTP/1.1\r\nHost: a\r\n";
    let requests: [(&str, String); 12] = [
        ("get", format!("{get}\r\n")),
        ("two", format!("{get}\r\n{get}Connection: close\r\n\r\n")),
        (
            "old",
            "GET /health HTTP/1.0\r\nConnection: keep-alive\r\n\r\n".to_owned(),
        ),
        (
            "head",
            "HEAD http://a/?b HTTP/1.1\r\nhost: a\r\n\r\n".to_owned(),
        ),
        (
            "post",
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc".to_owned(),
        ),
        (
            "empty-post",
            "PUT /x HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n".to_owned(),
        ),
        (
            "chunked",
            format!("{get}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
        ),
        ("newer", "GET / HTTP/2.0\r\n\r\n".to_owned()),
        ("without-host", "GET / HTTP/1.1\r\n\r\n".to_owned()),
        (
            "many-headers",
            format!("{get}{}\r\n", "a: b\r\n".repeat(70)),
        ),
        ("long", format!("{get}a: {}\r\n\r\n", "b".repeat(9000))),
        ("tls", "\x16\x03\x01\0\x01\0\x03\x03".to_owned()),
    ];
    let mut seeds = Seeds::new();
    for step in [0, 7, 255] {
        for (name, request) in &requests {
            let seed = [&[step], request.as_bytes()].concat();
            seeds.insert(format!("{name}-{step}"), seed);
        }
    }
    seeds
}

/// Segments of a few batches, whole and torn, beside other files of a partition.
fn recovery() -> Seeds {
    let mut producer = RecordBatchBuilder::new().producer(7, 0, Some(0));
    producer.append(1_700_000_000_000, None, Some(b"numbered"), &[]);
    let mut numbered = producer.finish();
    numbered.stamp(2, 1);
    let segment = [
        plain_batch(0, b"first"),
        plain_batch(1, &[b'x'; 500]),
        numbered.to_bytes(),
    ]
    .concat();
    let torn = [&segment[..], &plain_batch(3, b"torn")[..40]].concat();
    let reserved = [&segment[..], &[0; 4096]].concat();
    let epochs = b"0\n2\n0 0\n1 2\n".as_slice();
    let offsets = b"0\n1\nt 0 2\n".as_slice();
    let next = plain_batch(5, b"next segment");
    let mut seeds = Seeds::new();
    for (name, segment) in [
        ("whole", &segment),
        ("torn", &torn),
        ("reserved", &reserved),
    ] {
        for (file, other) in [epochs, offsets, &[0; 8], &[0; 12], &next]
            .iter()
            .enumerate()
        {
            for flags in [0, 1, 2, 5, 9] {
                let plan = (file as u8) << 4 | flags;
                let length = (segment.len() as u16).to_be_bytes();
                let seed = [&[plan], &length[..], segment, other].concat();
                seeds.insert(format!("{name}-{file}-{flags}"), seed);
            }
        }
    }
    seeds
}

/// Every setting of Kafka with its default, alone and all together, and odd lines.
fn settings() -> Seeds {
    let table = include_str!("../../src/config/fixtures/kafka-4.3.1-settings.tsv");
    let mut seeds = Seeds::new();
    let mut all = String::new();
    for line in table.lines().filter(|line| !line.starts_with('#')) {
        let fields: Vec<&str> = line.split('\t').collect();
        let ["broker", name, _, default, _] = fields[..] else {
            continue;
        };
        let assignment = format!("{name}={default}\n");
        all.push_str(&assignment);
        seeds.insert(name.to_owned(), assignment.into_bytes());
    }
    seeds.insert("all".to_owned(), all.into_bytes());
    let odd = "a\\\n  b = c\\u0041\\t\n! no\n# no\n: x\n=\nnum.partitions : 3\nlistner=x\n";
    seeds.insert("odd-lines".to_owned(), odd.into());
    let listeners =
        "listeners=A://:1,B://[::1]:2\nlistener.security.protocol.map=A:PLAINTEXT,B:SSL\n";
    seeds.insert("listeners-of-two-kinds".to_owned(), listeners.into());
    seeds
}
