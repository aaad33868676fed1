//! Reading a file of any size through a piece of memory of one size.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

/// How much is in memory at once, and read at once.
pub const WINDOW_BYTES: usize = 1 << 20;

/// Bytes that can be read from any position.
pub trait ReadAt {
    /// Fill `buffer` from `position` on; how much there was.
    fn read_at(&self, position: u64, buffer: &mut [u8]) -> io::Result<usize>;
}

impl ReadAt for File {
    fn read_at(&self, position: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let mut found = 0;
        while found < buffer.len() {
            match FileExt::read_at(self, &mut buffer[found..], position + found as u64) {
                Ok(0) => break,
                Ok(count) => found += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(found)
    }
}

impl ReadAt for Vec<u8> {
    fn read_at(&self, position: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let start = usize::try_from(position).map_or(self.len(), |start| start.min(self.len()));
        let count = buffer.len().min(self.len() - start);
        buffer[..count].copy_from_slice(&self[start..start + count]);
        Ok(count)
    }
}

/// The part of a file that is looked at.
pub struct Window<'a> {
    source: &'a dyn ReadAt,
    start: u64,
    bytes: Vec<u8>,
    filled: usize,
}

impl<'a> Window<'a> {
    /// Nothing was read yet.
    pub fn new(source: &'a dyn ReadAt) -> Self {
        Self {
            source,
            start: 0,
            bytes: vec![0; WINDOW_BYTES],
            filled: 0,
        }
    }

    /// The `length` bytes from `position` on, or as many as there are: at most [`WINDOW_BYTES`].
    pub fn at(&mut self, position: u64, length: usize) -> io::Result<&[u8]> {
        let length = length.min(WINDOW_BYTES);
        let behind = position.checked_sub(self.start);
        let behind = behind.and_then(|behind| usize::try_from(behind).ok());
        let skipped = match behind {
            Some(behind) if behind + length <= self.filled => behind,
            _ => {
                self.filled = self.source.read_at(position, &mut self.bytes)?;
                self.start = position;
                0
            }
        };
        let end = (skipped + length).min(self.filled);
        Ok(&self.bytes[skipped..end])
    }
}
