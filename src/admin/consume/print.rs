//! One record as text.

use bytes::Bytes;
use serde_json::{Value, json};

use crate::client::consumer::ConsumedRecord;
use crate::model::TopicPartition;

use super::Field;

/// The line of a record in plain format: the fields as they are, separated by tabs.
pub fn plain(partition: &TopicPartition, record: &ConsumedRecord, fields: &[Field]) -> Vec<u8> {
    let mut line = Vec::new();
    for (index, field) in fields.iter().enumerate() {
        if index > 0 {
            line.push(b'\t');
        }
        match field {
            Field::Key => line.extend_from_slice(or_null(record.key.as_ref())),
            Field::Value => line.extend_from_slice(or_null(record.value.as_ref())),
            Field::Offset => line.extend_from_slice(record.offset.to_string().as_bytes()),
            Field::Partition => {
                line.extend_from_slice(partition.partition.to_string().as_bytes());
            }
            Field::Timestamp => line.extend_from_slice(record.timestamp.to_string().as_bytes()),
            Field::Headers => put_headers(record, &mut line),
        }
    }
    line.push(b'\n');
    line
}

fn or_null(bytes: Option<&Bytes>) -> &[u8] {
    bytes.map_or(b"null".as_slice(), |bytes| bytes)
}

fn put_headers(record: &ConsumedRecord, line: &mut Vec<u8>) {
    for (index, (key, value)) in record.headers.iter().enumerate() {
        if index > 0 {
            line.push(b',');
        }
        line.extend_from_slice(key);
        line.push(b'=');
        line.extend_from_slice(or_null(value.as_ref()));
    }
}

/// The object of a record in JSON format.
pub fn document(partition: &TopicPartition, record: &ConsumedRecord) -> Value {
    let headers = record.headers.iter();
    let headers = headers
        .map(|(key, value)| json!({ "key": text(Some(key)), "value": text(value.as_ref()) }));
    json!({
        "topic": partition.topic.as_ref(),
        "partition": partition.partition,
        "offset": record.offset,
        "timestamp": record.timestamp,
        "key": text(record.key.as_ref()),
        "value": text(record.value.as_ref()),
        "headers": headers.collect::<Vec<_>>(),
    })
}

/// Bytes as a string if they are one, else named for what they are.
fn text(bytes: Option<&Bytes>) -> Value {
    match bytes {
        None => Value::Null,
        Some(bytes) => match std::str::from_utf8(bytes) {
            Ok(text) => Value::from(text),
            Err(_) => json!({ "base64": base64(bytes) }),
        },
    }
}

/// RFC 4648's base64 with padding.
fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for three in bytes.chunks(3) {
        let word = three
            .iter()
            .fold(0_u32, |word, byte| (word << 8) | u32::from(*byte));
        let word = word << (8 * (3 - three.len()));
        for place in 0..4 {
            if place > three.len() {
                text.push('=');
            } else {
                let digit = (word >> (18 - 6 * place)) & 0x3f;
                text.push(char::from(
                    DIGITS[usize::try_from(digit).unwrap_or_default()],
                ));
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record() -> ConsumedRecord {
        ConsumedRecord {
            offset: 7,
            timestamp: 1_700_000_000_000,
            key: None,
            value: Some(Bytes::from_static(b"v")),
            headers: vec![(Bytes::from_static(b"h"), Some(Bytes::from_static(b"1")))],
        }
    }

    #[test]
    fn base64_is_padded_to_whole_words() {
        let cases: [(&[u8], &str); 5] = [
            (b"", ""),
            (b"f", "Zg=="),
            (b"fo", "Zm8="),
            (b"foo", "Zm9v"),
            (b"\xff\xfe", "//4="),
        ];
        for (bytes, expected) in cases {
            assert_eq!(base64(bytes), expected);
        }
    }

    #[test]
    fn a_record_is_printed_in_the_fields_asked_for() {
        let partition = TopicPartition {
            topic: "t".into(),
            partition: 2,
        };
        let fields = [
            Field::Partition,
            Field::Offset,
            Field::Key,
            Field::Headers,
            Field::Value,
        ];
        assert_eq!(
            plain(&partition, &record(), &fields),
            b"2\t7\tnull\th=1\tv\n"
        );
        let expected = "{\"headers\":[{\"key\":\"h\",\"value\":\"1\"}],\"key\":null,\"offset\":7,\
            \"partition\":2,\"timestamp\":1700000000000,\"topic\":\"t\",\"value\":\"v\"}";
        assert_eq!(document(&partition, &record()).to_string(), expected);
    }
}
