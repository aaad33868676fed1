//! gzip, lz4 frames and zstd: crates do the work, this file keeps them within bounds.

use std::io::{self, Read, Write};

use super::CompressionError;

/// Output reserved per byte of input before anything is known: text shrinks about fourfold.
const EXPANSION_GUESS: usize = 4;

/// The largest window a zstd frame may ask for, as a power of two. Level 22 of a Java producer
/// asks for 2^27, also for small batches; the memory is touched only as far as it is filled.
const ZSTD_WINDOW_LOG_MAX: u32 = 27;

pub(super) fn compress_gzip(level: i32, input: &[u8]) -> Vec<u8> {
    let level = u32::try_from(level)
        .map_or_else(|_| flate2::Compression::default(), flate2::Compression::new);
    let mut encoder = flate2::write::GzEncoder::new(Vec::with_capacity(input.len() / 2), level);
    encoder
        .write_all(input)
        .and_then(|()| encoder.finish())
        .expect("gzip into memory does not fail")
}

pub(super) fn decompress_gzip(input: &[u8], bytes_max: usize) -> Result<Vec<u8>, CompressionError> {
    read_bounded(
        flate2::bufread::MultiGzDecoder::new(input),
        input.len(),
        bytes_max,
    )
}

/// A frame as Java's clients write and can read it: independent blocks of at most 64 KiB, neither
/// content size nor checksums.
pub(super) fn compress_lz4(input: &[u8]) -> Vec<u8> {
    use lz4_flex::frame::{BlockMode, BlockSize, FrameEncoder, FrameInfo};
    let info = FrameInfo::new()
        .block_size(BlockSize::Max64KB)
        .block_mode(BlockMode::Independent);
    let mut encoder = FrameEncoder::with_frame_info(info, Vec::with_capacity(input.len() / 2));
    encoder
        .write_all(input)
        .expect("lz4 into memory does not fail");
    encoder.finish().expect("lz4 into memory does not fail")
}

pub(super) fn decompress_lz4(input: &[u8], bytes_max: usize) -> Result<Vec<u8>, CompressionError> {
    let mut rest = input;
    let mut output = Vec::new();
    // The decoder stops at the end of a frame.
    loop {
        let decoder = lz4_flex::frame::FrameDecoder::new(&mut rest);
        let more = read_bounded(decoder, input.len(), bytes_max - output.len())?;
        if output.is_empty() {
            output = more;
        } else {
            output.extend_from_slice(&more);
        }
        if rest.is_empty() {
            return Ok(output);
        }
    }
}

pub(super) fn compress_zstd(level: i32, input: &[u8]) -> Vec<u8> {
    zstd::stream::encode_all(input, level).expect("zstd into memory does not fail")
}

pub(super) fn decompress_zstd(input: &[u8], bytes_max: usize) -> Result<Vec<u8>, CompressionError> {
    let mut decoder =
        zstd::stream::read::Decoder::with_buffer(input).map_err(|_| CompressionError::Corrupt)?;
    decoder
        .window_log_max(ZSTD_WINDOW_LOG_MAX)
        .map_err(|_| CompressionError::Corrupt)?;
    read_bounded(decoder, input.len(), bytes_max)
}

/// All that `reader` yields, if it is at most `bytes_max`.
fn read_bounded(
    reader: impl Read,
    input_bytes: usize,
    bytes_max: usize,
) -> Result<Vec<u8>, CompressionError> {
    let guess = input_bytes.saturating_mul(EXPANSION_GUESS).min(bytes_max);
    let mut output = Vec::with_capacity(guess);
    // One byte more than allowed tells "exactly full" from "more".
    let limit = u64::try_from(bytes_max)
        .unwrap_or(u64::MAX)
        .saturating_add(1);
    match reader.take(limit).read_to_end(&mut output) {
        Ok(_) if output.len() <= bytes_max => Ok(output),
        Ok(_) => Err(CompressionError::TooLarge { bytes_max }),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
            Err(CompressionError::Truncated)
        }
        Err(_) => Err(CompressionError::Corrupt),
    }
}
