//! A disk that several threads look at: the kernel writes to it, a test takes its power.

use std::fs::File;
use std::io;
use std::sync::{Mutex, MutexGuard};
use std::thread;
use std::time::Duration;

use forebay::stdx::Random;

use super::cache::{Cache, Cut};
use super::witness::{UNIT_BYTES, Witness};

/// From one power cut to the next. What was opened in an earlier one fails for ever.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Life(pub u64);

#[derive(Debug)]
struct State {
    cache: Cache,
    witness: Witness,
    life: Life,
    has_power: bool,
    /// True if it says that it has synced, and has not.
    is_lying: bool,
    /// True if it says that it cannot sync, and does not.
    fails_syncs: bool,
    sync_duration: Duration,
}

/// The disk.
#[derive(Debug)]
pub struct Device {
    bytes: u64,
    state: Mutex<State>,
}

impl Device {
    /// A disk of zeros in a file, which is emptied.
    pub fn new(contents: File, bytes: u64) -> io::Result<Self> {
        let state = State {
            cache: Cache::new(contents, bytes)?,
            witness: Witness::default(),
            life: Life(0),
            has_power: true,
            is_lying: false,
            fails_syncs: false,
            sync_duration: Duration::ZERO,
        };
        Ok(Self {
            bytes,
            state: Mutex::new(state),
        })
    }

    pub const fn bytes(&self) -> u64 {
        self.bytes
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("nobody panics with the disk")
    }

    fn alive(&self, life: Life) -> io::Result<MutexGuard<'_, State>> {
        let state = self.state();
        if state.has_power && state.life == life {
            return Ok(state);
        }
        Err(io::Error::other("the disk has no power"))
    }

    /// The life at hand.
    pub fn open(&self) -> Life {
        self.state().life
    }

    pub fn read(&self, life: Life, offset: u64, length: usize) -> io::Result<Vec<u8>> {
        self.alive(life)?.cache.read(offset, length)
    }

    pub fn write(&self, life: Life, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let mut state = self.alive(life)?;
        state.cache.write(offset, bytes)?;
        let start = offset.saturating_sub(UNIT_BYTES as u64);
        let end = (offset + (bytes.len() + UNIT_BYTES) as u64).min(self.bytes);
        let around = state.cache.read(start, (end - start) as usize)?;
        state.witness.look_at(&around);
        Ok(())
    }

    /// Makes durable what was written before; nothing may be written meanwhile.
    pub fn sync(&self, life: Life) -> io::Result<()> {
        let duration = self.alive(life)?.sync_duration;
        thread::sleep(duration);
        let mut state = self.alive(life)?;
        if state.fails_syncs {
            return Err(io::Error::other("the disk cannot sync"));
        }
        if !state.is_lying {
            state.cache.sync();
            state.witness.sync();
        }
        Ok(())
    }

    /// How long a sync takes from now on.
    pub fn set_sync_duration(&self, duration: Duration) {
        self.state().sync_duration = duration;
    }

    /// From now on syncs do nothing, as on a disk that only says that it has synced.
    pub fn begin_to_lie(&self) {
        self.state().is_lying = true;
    }

    /// Whether syncs fail from now on.
    pub fn fail_syncs(&self, fails: bool) {
        self.state().fails_syncs = fails;
    }

    /// The units of a value that would not survive a power cut now.
    pub fn unsynced_units(&self, value: u64, units: u32) -> Vec<u32> {
        self.state().witness.unsynced_units(value, units)
    }

    /// The power goes: all fails from now on.
    pub fn lose_power(&self) {
        self.state().has_power = false;
    }

    /// The power comes back, and with it what `cut` has left.
    pub fn regain_power(&self, cut: Cut, random: &mut Random) -> io::Result<()> {
        let mut state = self.state();
        state.cache.cut(cut, random)?;
        state.life = Life(state.life.0 + 1);
        state.has_power = true;
        state.is_lying = false;
        Ok(())
    }
}
