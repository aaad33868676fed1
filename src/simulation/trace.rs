//! What happened in a world, as one number; as text on demand.

use super::clock::SimulatedTime;

/// A running hash over everything that happens, and the same as lines if they are wanted.
#[derive(Debug)]
pub struct Trace {
    hash: u64,
    steps: u64,
    lines: Option<Vec<String>>,
}

impl Trace {
    /// Nothing happened yet.
    #[must_use]
    pub fn new(keeps_lines: bool) -> Self {
        Self {
            hash: 0xcbf2_9ce4_8422_2325,
            steps: 0,
            lines: keeps_lines.then(Vec::new),
        }
    }

    /// Something happened: what kind of thing, and the numbers that tell it from others.
    pub fn note(
        &mut self,
        now: SimulatedTime,
        kind: &'static str,
        numbers: &[u64],
        describe: impl FnOnce() -> String,
    ) {
        self.steps += 1;
        self.fold(now.nanos());
        for byte in kind.bytes() {
            self.fold(u64::from(byte));
        }
        for number in numbers {
            self.fold(*number);
        }
        if let Some(lines) = &mut self.lines {
            lines.push(format!("{now} {kind} {}", describe()));
        }
    }

    fn fold(&mut self, word: u64) {
        self.hash = (self.hash ^ word)
            .wrapping_mul(0x9e37_79b9_7f4a_7c15)
            .rotate_left(29);
    }

    /// The hash over everything so far.
    #[must_use]
    pub const fn hash(&self) -> u64 {
        self.hash
    }

    /// How many things happened.
    #[must_use]
    pub const fn steps(&self) -> u64 {
        self.steps
    }

    /// The lines, if they were kept.
    #[must_use]
    pub fn into_lines(self) -> Vec<String> {
        self.lines.unwrap_or_default()
    }
}

/// A number that stands for `bytes`.
#[must_use]
pub fn digest(bytes: &[u8]) -> u64 {
    let mut hash = 0x9e37_79b9_7f4a_7c15_u64 ^ bytes.len() as u64;
    for chunk in bytes.chunks(8) {
        let mut word = [0; 8];
        word[..chunk.len()].copy_from_slice(chunk);
        hash = (hash ^ u64::from_le_bytes(word)).wrapping_mul(0xff51_afd7_ed55_8ccd);
        hash ^= hash >> 32;
    }
    hash
}
