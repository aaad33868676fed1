//! What a command prints: text for a person, or JSON for a program.

use std::io::{self, BufWriter, StdoutLock, Write};

use serde_json::Value;

use super::Failure;

/// Standard output, buffered until [`Self::flush`].
pub struct Output {
    stdout: BufWriter<StdoutLock<'static>>,
    json: bool,
}

impl Output {
    /// Output for a program if `json`.
    pub fn new(json: bool) -> Self {
        Self {
            stdout: BufWriter::with_capacity(1 << 16, io::stdout().lock()),
            json,
        }
    }

    /// True if a program reads it.
    pub const fn is_json(&self) -> bool {
        self.json
    }

    /// One line.
    pub fn line(&mut self, text: &str) -> Result<(), Failure> {
        writeln!(self.stdout, "{text}")?;
        Ok(())
    }

    /// Bytes as they are.
    pub fn bytes(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        self.stdout.write_all(bytes)?;
        Ok(())
    }

    /// One JSON document on one line.
    pub fn document(&mut self, document: &Value) -> Result<(), Failure> {
        writeln!(self.stdout, "{document}")?;
        Ok(())
    }

    /// Hands everything to who reads it.
    pub fn flush(&mut self) -> Result<(), Failure> {
        self.stdout.flush()?;
        Ok(())
    }
}
