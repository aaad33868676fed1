//! Record batches (format v2), right or wrong in exactly one way.

use serde_json::Value;

/// The position of the CRC in a batch; what it covers begins after its four bytes.
const CRC: usize = 17;
/// 2024-01-01, the timestamp of every record, so that both brokers store the same bytes.
pub const TIMESTAMP_MS: i64 = 1_704_067_200_000;

/// The batch of a description such as `{"values": ["a", "b"], "wrong": "crc"}`.
///
/// `values` (null for a tombstone), `keys` (none by default), `timestamp`, `producer`, `epoch`,
/// `sequence`, `attributes`, `base`; `wrong` is one of `crc`, `magic0`, `magic1`, `magic3`,
/// `count`, `last_delta`, `length`, `cut`, `garbage`, `no_records`, `attributes`.
#[track_caller]
pub fn build(description: &Value) -> Vec<u8> {
    let number = |name: &str, default: i64| description[name].as_i64().unwrap_or(default);
    let timestamp = number("timestamp", TIMESTAMP_MS);
    let values = description["values"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    let mut records = Vec::new();
    for (index, value) in values.iter().enumerate() {
        let key = description["keys"].get(index).and_then(Value::as_str);
        put_record(&mut records, index as i64, key, &repeated(value));
    }
    let count = values.len() as i32;
    let mut batch = Vec::new();
    batch.extend(number("base", 0).to_be_bytes());
    batch.extend(((49 + records.len()) as i32).to_be_bytes());
    batch.extend((number("leader_epoch", -1) as i32).to_be_bytes());
    batch.push(2);
    batch.extend([0; 4]);
    batch.extend((number("attributes", 0) as i16).to_be_bytes());
    batch.extend((count - 1).to_be_bytes());
    batch.extend(timestamp.to_be_bytes());
    batch.extend(timestamp.to_be_bytes());
    batch.extend(number("producer", -1).to_be_bytes());
    batch.extend((number("epoch", -1) as i16).to_be_bytes());
    batch.extend((number("sequence", -1) as i32).to_be_bytes());
    batch.extend(count.to_be_bytes());
    batch.extend(records);
    spoil(&mut batch, description["wrong"].as_str().unwrap_or(""));
    batch
}

/// A value is text, null, or `{"repeat": "x", "times": N}`.
fn repeated(value: &Value) -> Option<String> {
    if let Some(text) = value["repeat"].as_str() {
        return Some(text.repeat(value["times"].as_u64().unwrap_or(1) as usize));
    }
    value.as_str().map(str::to_owned)
}

fn put_record(out: &mut Vec<u8>, delta: i64, key: Option<&str>, value: &Option<String>) {
    let mut record = vec![0];
    put_zigzag(&mut record, 0);
    put_zigzag(&mut record, delta);
    for bytes in [key, value.as_deref()] {
        put_zigzag(&mut record, bytes.map_or(-1, |bytes| bytes.len() as i64));
        record.extend(bytes.unwrap_or_default().as_bytes());
    }
    put_zigzag(&mut record, 0);
    put_zigzag(out, record.len() as i64);
    out.extend(record);
}

fn put_zigzag(out: &mut Vec<u8>, value: i64) {
    let mut bits = (value << 1 ^ value >> 63) as u64;
    while bits > 0x7f {
        out.push(bits as u8 | 0x80);
        bits >>= 7;
    }
    out.push(bits as u8);
}

#[track_caller]
fn spoil(batch: &mut Vec<u8>, wrong: &str) {
    match wrong {
        "count" => *last_byte_of(batch, 57) += 1,
        "last_delta" => *last_byte_of(batch, 23) += 1,
        "garbage" => batch[61..].fill(0xff),
        "magic0" => batch[16] = 0,
        "magic1" => batch[16] = 1,
        "magic3" => batch[16] = 3,
        "attributes" => batch[22] = 0x07,
        "no_records" => {
            batch.truncate(61);
            batch[57..61].fill(0);
            batch[23..27].fill(0xff);
            batch[8..12].copy_from_slice(&49i32.to_be_bytes());
        }
        _ => {}
    }
    let crc = crc32c::crc32c(&batch[CRC + 4..]);
    batch[CRC..CRC + 4].copy_from_slice(&crc.to_be_bytes());
    match wrong {
        "crc" => batch[CRC] ^= 0xff,
        "length" => *last_byte_of(batch, 8) = last_byte_of(batch, 8).wrapping_add(1),
        "cut" => batch.truncate(batch.len() - 1),
        "" | "count" | "last_delta" | "garbage" | "magic0" | "magic1" | "magic3" | "attributes"
        | "no_records" => {}
        other => panic!("a batch cannot be wrong by {other}"),
    }
}

/// The low byte of the 32-bit number at `position`.
fn last_byte_of(batch: &mut [u8], position: usize) -> &mut u8 {
    &mut batch[position + 3]
}
