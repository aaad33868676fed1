//! Round trips, bounds, broken streams. What Java wrote is read in `record_batch`'s tests.

use bytes::Bytes;
use proptest::prelude::*;

use super::{Compression, CompressionError};

const CODECS: [Compression; 4] = [
    Compression::Gzip,
    Compression::Snappy,
    Compression::Lz4,
    Compression::Zstd,
];

/// Long enough for several blocks of snappy and lz4.
fn text() -> Vec<u8> {
    (0..30_000_u32)
        .flat_map(|line| format!("line {} of a text\n", line % 700).into_bytes())
        .collect()
}

fn compressed(codec: Compression, input: &[u8]) -> Bytes {
    Bytes::from(codec.compress(None, input))
}

#[test]
fn every_level_of_every_codec_can_be_read_back() {
    let text = &text()[..100_000];
    for codec in CODECS {
        let range = codec.levels().unwrap_or(0..=0);
        for level in [
            *range.start(),
            -1,
            1,
            6,
            9,
            *range.end(),
            i32::MIN,
            i32::MAX,
        ] {
            let output = Bytes::from(codec.compress(Some(level), text));
            assert_eq!(codec.decompress(&output, text.len()).as_deref(), Ok(text));
        }
    }
}

#[test]
fn uncompressed_bytes_are_not_copied() {
    let input = Bytes::from(text());
    let output = Compression::None.decompress(&input, input.len()).unwrap();
    assert_eq!(output.as_ptr(), input.as_ptr());
    assert!(
        Compression::None
            .decompress(&input, input.len() - 1)
            .is_err()
    );
}

#[test]
fn one_byte_more_than_allowed_is_too_large() {
    let text = text();
    let bytes_max = text.len() - 1;
    for codec in CODECS {
        let input = compressed(codec, &text);
        assert_eq!(
            codec.decompress(&input, bytes_max),
            Err(CompressionError::TooLarge { bytes_max }),
            "{codec}"
        );
        assert!(codec.decompress(&input, bytes_max + 1).is_ok(), "{codec}");
    }
}

#[test]
fn a_snappy_length_that_its_bytes_cannot_yield_reserves_nothing() {
    // A raw block that claims 2^31 bytes.
    let claim = Bytes::from_static(&[0x80, 0x80, 0x80, 0x80, 0x08, 0x00, 0x41]);
    let result = Compression::Snappy.decompress(&claim, usize::MAX);
    // Without the check the memory is reserved, and only then the element found corrupt.
    assert_eq!(result, Err(CompressionError::Truncated));
}

#[test]
fn a_stream_that_is_cut_anywhere_is_an_error() {
    for codec in CODECS {
        let text = &text()[..70_000];
        let whole = compressed(codec, text);
        for length in (0..whole.len()).rev().step_by(whole.len() / 500 + 1) {
            let result = codec.decompress(&whole.slice(..length), text.len());
            // What is left of snappy may end between two blocks, which shows only in its length.
            let is_short = codec == Compression::Snappy
                && result
                    .as_ref()
                    .is_ok_and(|output| output.len() < text.len());
            assert!(result.is_err() || is_short, "{codec} cut to {length}");
        }
    }
}

#[test]
fn nothing_is_no_stream_except_for_zstd() {
    for codec in CODECS {
        let result = codec.decompress(&Bytes::new(), 10);
        assert_eq!(result.is_ok(), codec == Compression::Zstd, "{codec}");
    }
}

#[test]
fn snappy_is_written_with_xerial_framing_and_read_with_and_without() {
    let text = text();
    let framed = compressed(Compression::Snappy, &text);
    assert!(framed.starts_with(b"\x82SNAPPY\0\0\0\0\x01\0\0\0\x01"));
    let raw = Bytes::from(snap::raw::Encoder::new().compress_vec(&text).unwrap());
    let twice = Bytes::from([framed.clone(), framed].concat());
    let read = |input| {
        Compression::Snappy
            .decompress(input, 2 * text.len())
            .unwrap()
    };
    assert_eq!(read(&raw), text);
    assert_eq!(read(&twice), [text.clone(), text.clone()].concat());
}

#[test]
fn gzip_members_and_zstd_frames_may_follow_one_another() {
    for codec in [Compression::Gzip, Compression::Zstd] {
        let parts = [compressed(codec, b"one "), compressed(codec, b"two")].concat();
        let output = codec.decompress(&Bytes::from(parts), 7).unwrap();
        assert_eq!(output.as_ref(), b"one two", "{codec}");
    }
}

#[test]
fn what_follows_a_gzip_member_or_an_lz4_frame_is_passed_over_as_java_does() {
    for codec in [Compression::Gzip, Compression::Lz4] {
        let parts = [compressed(codec, b"data"), Bytes::from_static(b"garbage")].concat();
        let output = codec.decompress(&Bytes::from(parts), 4).unwrap();
        assert_eq!(output.as_ref(), b"data", "{codec}");
    }
}

#[test]
fn ids_and_names_are_kafkas() {
    let names: Vec<_> = Compression::ALL.iter().map(|codec| codec.name()).collect();
    assert_eq!(names, ["none", "gzip", "snappy", "lz4", "zstd"]);
    for (id, codec) in (0..).zip(Compression::ALL) {
        assert_eq!(codec.id(), id);
        assert_eq!(Compression::from_id(id), Some(codec));
        assert_eq!(Compression::parse(codec.name()), Some(codec));
    }
    assert_eq!(Compression::from_id(5), None);
    assert_eq!(Compression::parse("producer"), None);
}

proptest! {
    #[test]
    fn bytes_are_read_as_they_were_written(input: Vec<u8>) {
        for codec in CODECS {
            let output = codec.decompress(&compressed(codec, &input), input.len());
            prop_assert_eq!(output.as_deref(), Ok(input.as_slice()));
        }
    }

    #[test]
    fn changed_bytes_never_panic_and_never_yield_more_than_allowed(
        at: prop::sample::Index,
        value: u8,
        tail: Vec<u8>,
    ) {
        for codec in CODECS {
            let mut bytes = codec.compress(None, &b"abcdefgh".repeat(50));
            let position = at.index(bytes.len());
            bytes[position] = value;
            bytes.extend_from_slice(&tail);
            if let Ok(output) = codec.decompress(&Bytes::from(bytes), 1000) {
                prop_assert!(output.len() <= 1000);
            }
            let _ = codec.decompress(&Bytes::from(tail.clone()), 1000);
        }
    }
}
