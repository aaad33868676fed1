//! Bytes that no friend sends: decoding ends with an error, soon, and without much memory.

use bytes::Bytes;
use forebay::protocol::{AnyRequest, ApiKey, Reader, decode_request_header};
use forebay::stdx::Random;

use crate::{examples, ours, tables};

#[test]
fn what_is_cut_off_at_any_byte_is_an_error_and_no_panic() {
    for example in examples(&tables()) {
        // The first draw has every field; the cut is tried everywhere in it, elsewhere by steps.
        let step = 1 + example.bytes.len() / 400;
        for end in (0..example.bytes.len()).step_by(step) {
            let cut = example.bytes.slice(..end);
            let recoded = ours::recode(example.message, example.version, &cut);
            let place = format!("{} version {}", example.message.name, example.version);
            assert!(recoded.is_err(), "{place}, cut at {end}: {recoded:?}");
        }
    }
}

#[test]
fn changed_bytes_never_panic() {
    let mut random = Random::from_seed(21);
    for example in examples(&tables()) {
        for _ in 0..20 {
            let mut bytes = example.bytes.to_vec();
            for _ in 0..=random.below(3) {
                let Some(place) = bytes.len().checked_sub(1) else {
                    break;
                };
                let place = random.below(place as u64 + 1) as usize;
                bytes[place] = match random.below(4) {
                    0 => 0xff,
                    1 => 0x7f,
                    2 => 0x80,
                    _ => random.next_u64() as u8,
                };
            }
            // An error or another value: both are fine.
            drop(ours::recode(
                example.message,
                example.version,
                &bytes.into(),
            ));
        }
    }
}

#[test]
fn random_bytes_never_panic() {
    let mut random = Random::from_seed(22);
    for message in &tables() {
        for version in message.versions.0..=message.versions.1 {
            for _ in 0..50 {
                let length = random.below(200);
                let bytes: Vec<_> = (0..length).map(|_| random.next_u64() as u8).collect();
                drop(ours::recode(message, version, &bytes.into()));
            }
        }
    }
}

#[test]
fn random_frames_never_panic() {
    let mut random = Random::from_seed(23);
    for _ in 0..20_000 {
        let length = random.below(64);
        let mut frame: Vec<_> = (0..length).map(|_| random.next_u64() as u8).collect();
        if frame.len() > 4 {
            frame[0] = 0;
            frame[1] %= 95;
            frame[2] = 0;
            frame[3] %= 20;
        }
        if let Ok((key, header, mut reader)) = decode_request_header(frame.into()) {
            drop(AnyRequest::decode(
                key,
                header.request_api_version,
                &mut reader,
            ));
        }
    }
}

#[test]
fn an_array_of_two_billion_elements_in_ten_bytes_is_refused_where_it_stands() {
    let claims = b"\x7f\xff\xff\xff\0\0\0\0\0\0";
    let mut reader = Reader::new(Bytes::from_static(claims));
    let error = AnyRequest::decode(ApiKey::Metadata, 1, &mut reader).unwrap_err();
    assert_eq!(error.position, 4, "before the first element");

    // The same claim in the compact form.
    let claims = b"\xff\xff\xff\xff\x07\0\0\0\0\0";
    let mut reader = Reader::new(Bytes::from_static(claims));
    let error = AnyRequest::decode(ApiKey::Metadata, 9, &mut reader).unwrap_err();
    assert_eq!(error.position, 5, "before the first element");
}
