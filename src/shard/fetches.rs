//! Fetches on the shard that owns the partitions: read, or wait until there is enough.

use std::collections::{BTreeMap, BTreeSet};

use crate::stdx::Instant;

use super::partition::Asker;
use super::task::{FetchTask, FetchedPart};

/// A fetch in work on this shard.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct FetchKey(u64);

/// One fetch: what is asked, and what was read so far.
#[derive(Debug)]
pub struct Fetch {
    /// Who asked.
    pub asker: Asker,
    /// What for.
    pub task: FetchTask,
    /// The results of the read that is going on, in the order of the task's parts.
    pub found: Vec<Option<FetchedPart>>,
    /// Reads from the disk that have not ended.
    pub pending_reads: usize,
    /// True once the leaders were told how far the follower has come.
    pub is_noted: bool,
    /// Answer with what there is: the request has enough from elsewhere, or the broker stops.
    pub is_hurried: bool,
}

/// The fetches in work on this shard.
#[derive(Debug, Default)]
pub struct Fetches {
    next: u64,
    open: BTreeMap<FetchKey, Fetch>,
    deadlines: BTreeSet<(Instant, FetchKey)>,
    /// Those that may have enough now.
    woken: BTreeSet<FetchKey>,
}

impl Fetches {
    /// A new fetch, to be looked at once.
    pub fn open(&mut self, asker: Asker, task: FetchTask) -> FetchKey {
        self.next += 1;
        let key = FetchKey(self.next);
        self.deadlines.insert((task.deadline, key));
        let found = task.parts.iter().map(|_| None).collect();
        self.open.insert(
            key,
            Fetch {
                asker,
                task,
                found,
                pending_reads: 0,
                is_noted: false,
                is_hurried: false,
            },
        );
        key
    }

    /// The fetch `key`, if it is not answered.
    pub fn find(&mut self, key: FetchKey) -> Option<&mut Fetch> {
        self.open.get_mut(&key)
    }

    /// The fetch `key` is answered.
    pub fn close(&mut self, key: FetchKey) -> Option<Fetch> {
        let fetch = self.open.remove(&key)?;
        self.deadlines.remove(&(fetch.task.deadline, key));
        self.woken.remove(&key);
        Some(fetch)
    }

    /// Look at these again before the turn ends.
    pub fn wake(&mut self, keys: impl IntoIterator<Item = FetchKey>) {
        self.woken.extend(keys);
    }

    /// Wake those whose time has come.
    pub fn wake_due(&mut self, now: Instant) {
        while let Some((deadline, key)) = self.deadlines.first().copied() {
            if deadline > now {
                return;
            }
            self.deadlines.pop_first();
            self.woken.insert(key);
        }
    }

    /// Wake the fetches that `matches` names, to be answered with what there is.
    pub fn hurry(&mut self, matches: impl Fn(&Asker) -> bool) {
        for (key, fetch) in &mut self.open {
            if matches(&fetch.asker) {
                fetch.is_hurried = true;
                self.woken.insert(*key);
            }
        }
    }

    /// One of those to be looked at.
    pub fn next_woken(&mut self) -> Option<FetchKey> {
        self.woken.pop_first()
    }

    /// True if one is to be looked at.
    pub fn has_woken(&self) -> bool {
        !self.woken.is_empty()
    }

    /// When the first one must be answered.
    pub fn next_deadline(&self) -> Instant {
        self.deadlines
            .first()
            .map_or(Instant::MAX, |(deadline, _)| *deadline)
    }

    /// How many wait.
    pub fn len(&self) -> usize {
        self.open.len()
    }
}

/// Cut `parts` to `bytes_max` bytes of records in all: whole parts are left out once the next one
/// does not fit, but the first one with records stays whatever its size (KIP-74).
pub fn trim_parts<'a>(parts: impl Iterator<Item = &'a mut FetchedPart>, bytes_max: usize) {
    let mut taken = 0;
    for part in parts {
        let bytes = part.records_bytes();
        if taken > 0 && bytes > 0 && taken + bytes > bytes_max {
            part.records.clear();
        } else {
            taken += bytes;
        }
    }
}
