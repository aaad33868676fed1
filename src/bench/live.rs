//! The line while work goes on.

use std::io::{IsTerminal, Write, stderr};

/// One line on standard error: drawn anew on a terminal, else another one each second.
#[derive(Debug)]
pub struct Live {
    is_wanted: bool,
    is_terminal: bool,
    is_drawn: bool,
}

impl Live {
    /// A line that is told if it `is_wanted`.
    pub fn new(is_wanted: bool) -> Self {
        Self {
            is_wanted,
            is_terminal: stderr().is_terminal(),
            is_drawn: false,
        }
    }

    /// The line of another second. What cannot be printed is not worth an end.
    pub fn tell(&mut self, line: &str) {
        if !self.is_wanted {
            return;
        }
        let mut stderr = stderr().lock();
        if self.is_terminal {
            self.is_drawn = true;
            // To the line's start, the new text, and nothing of the old one behind it.
            drop(write!(stderr, "\r{line}\x1b[K"));
        } else {
            drop(writeln!(stderr, "{line}"));
        }
        drop(stderr.flush());
    }

    /// A line that stays.
    pub fn note(&mut self, line: &str) {
        if self.is_wanted {
            self.clear();
            eprintln!("{line}");
        }
    }

    /// Leave no half of a line behind.
    pub fn clear(&mut self) {
        if std::mem::take(&mut self.is_drawn) {
            eprint!("\r\x1b[K");
        }
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        self.clear();
    }
}
