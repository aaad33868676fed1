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

/// What starts a member of a gzip stream.
const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];

/// Members may follow one another. What follows and is no member is passed over, as Java does.
pub(super) fn decompress_gzip(input: &[u8], bytes_max: usize) -> Result<Vec<u8>, CompressionError> {
    let mut output = reserve_output(input, bytes_max);
    let mut rest = input;
    loop {
        let decoder = flate2::bufread::GzDecoder::new(&mut rest);
        read_bounded(decoder, bytes_max, &mut output)?;
        if !rest.starts_with(&GZIP_MAGIC) {
            return Ok(output);
        }
    }
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

/// Bytes whose end is an error: the decoder would take it for the end of the frame, which has a
/// mark of its own.
struct Unending<'a>(&'a [u8]);

impl Read for Unending<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.0.is_empty() {
            return Err(io::Error::other("the frame has no end"));
        }
        self.0.read(buffer)
    }
}

/// One frame; Java's clients write and read no second one.
pub(super) fn decompress_lz4(input: &[u8], bytes_max: usize) -> Result<Vec<u8>, CompressionError> {
    let mut output = reserve_output(input, bytes_max);
    let decoder = lz4_flex::frame::FrameDecoder::new(Unending(input));
    read_bounded(decoder, bytes_max, &mut output)?;
    Ok(output)
}

pub(super) fn compress_zstd(level: i32, input: &[u8]) -> Vec<u8> {
    zstd::stream::encode_all(input, level).expect("zstd into memory does not fail")
}

pub(super) fn decompress_zstd(input: &[u8], bytes_max: usize) -> Result<Vec<u8>, CompressionError> {
    if input.is_empty() {
        // No frames are a stream too, of nothing.
        return Ok(Vec::new());
    }
    let mut decoder =
        zstd::stream::read::Decoder::with_buffer(input).map_err(|_| CompressionError::Corrupt)?;
    decoder
        .window_log_max(ZSTD_WINDOW_LOG_MAX)
        .map_err(|_| CompressionError::Corrupt)?;
    let mut output = reserve_output(input, bytes_max);
    read_bounded(decoder, bytes_max, &mut output)?;
    Ok(output)
}

fn reserve_output(input: &[u8], bytes_max: usize) -> Vec<u8> {
    Vec::with_capacity(input.len().saturating_mul(EXPANSION_GUESS).min(bytes_max))
}

/// Append all that `reader` yields, as long as `output` stays within `bytes_max`.
fn read_bounded(
    reader: impl Read,
    bytes_max: usize,
    output: &mut Vec<u8>,
) -> Result<(), CompressionError> {
    // One byte more than allowed tells "exactly full" from "more".
    let allowed = bytes_max.saturating_sub(output.len()).saturating_add(1);
    let limit = u64::try_from(allowed).unwrap_or(u64::MAX);
    match reader.take(limit).read_to_end(output) {
        Ok(_) if output.len() <= bytes_max => Ok(()),
        Ok(_) => Err(CompressionError::TooLarge { bytes_max }),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
            Err(CompressionError::Truncated)
        }
        Err(_) => Err(CompressionError::Corrupt),
    }
}
