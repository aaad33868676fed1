//! Snappy: raw blocks, and the framing of the xerial library around them.
//!
//! Java's clients write `\x82SNAPPY\0`, two version numbers, and then blocks of at most 32 KiB,
//! each behind its compressed length; librdkafka writes one raw block. Both are read.

use super::CompressionError;

const XERIAL_MAGIC: [u8; 8] = *b"\x82SNAPPY\0";
/// The version a stream is written in, and the oldest that can read it.
const XERIAL_VERSIONS: [u8; 8] = [0, 0, 0, 1, 0, 0, 0, 1];
const XERIAL_BLOCK_BYTES: usize = 32 << 10;

/// No snappy element of `n` bytes yields more than 22 `n`: a copy of 64 bytes takes three.
const EXPANSION_MAX: usize = 22;

pub(super) fn compress(input: &[u8]) -> Vec<u8> {
    let mut encoder = snap::raw::Encoder::new();
    let mut output = Vec::with_capacity(XERIAL_MAGIC.len() * 2 + input.len() / 2);
    output.extend_from_slice(&XERIAL_MAGIC);
    output.extend_from_slice(&XERIAL_VERSIONS);
    for block in input.chunks(XERIAL_BLOCK_BYTES) {
        let start = output.len();
        output.resize(start + 4 + snap::raw::max_compress_len(block.len()), 0);
        let length = encoder
            .compress(block, &mut output[start + 4..])
            .expect("a block of 32 KiB fits where its largest encoding does");
        let prefix = u32::try_from(length).expect("a compressed block is small");
        output[start..start + 4].copy_from_slice(&prefix.to_be_bytes());
        output.truncate(start + 4 + length);
    }
    output
}

pub(super) fn decompress(input: &[u8], bytes_max: usize) -> Result<Vec<u8>, CompressionError> {
    let mut output = Vec::new();
    let mut decoder = snap::raw::Decoder::new();
    if !input.starts_with(&XERIAL_MAGIC) {
        append_block(&mut decoder, input, bytes_max, &mut output)?;
        return Ok(output);
    }
    let mut rest = input;
    while !rest.is_empty() {
        // Streams may follow one another, each with its own beginning.
        if let Some(after) = rest.strip_prefix(&XERIAL_MAGIC) {
            let versions = after.get(..XERIAL_VERSIONS.len());
            rest = &after[versions.ok_or(CompressionError::Truncated)?.len()..];
            continue;
        }
        // Fewer bytes than a length has are the end, also for Java.
        let Some((prefix, after)) = rest.split_first_chunk::<4>() else {
            break;
        };
        let length =
            usize::try_from(u32::from_be_bytes(*prefix)).map_err(|_| CompressionError::Corrupt)?;
        let block = after.get(..length).ok_or(CompressionError::Truncated)?;
        append_block(&mut decoder, block, bytes_max, &mut output)?;
        rest = &after[length..];
    }
    Ok(output)
}

fn append_block(
    decoder: &mut snap::raw::Decoder,
    block: &[u8],
    bytes_max: usize,
    output: &mut Vec<u8>,
) -> Result<(), CompressionError> {
    let length = snap::raw::decompress_len(block).map_err(|_| CompressionError::Corrupt)?;
    if length > bytes_max - output.len() {
        return Err(CompressionError::TooLarge { bytes_max });
    }
    // The claimed length is reserved only where the bytes that are there can yield it.
    if length > block.len().saturating_mul(EXPANSION_MAX) {
        return Err(CompressionError::Truncated);
    }
    let start = output.len();
    output.resize(start + length, 0);
    let written = decoder
        .decompress(block, &mut output[start..])
        .map_err(|_| CompressionError::Corrupt)?;
    if written == length {
        Ok(())
    } else {
        Err(CompressionError::Corrupt)
    }
}
