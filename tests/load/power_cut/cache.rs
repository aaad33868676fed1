//! The bytes of a disk with a volatile write cache.
//!
//! Promises: what was synced survives a power cut; of what was written after the last sync any part
//! may, sector by sector, and nothing else. Does not know: who writes.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use forebay::stdx::Random;

/// What a disk writes whole or not at all.
const SECTOR_BYTES: usize = 512;

/// What a power cut leaves of what was not synced.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Cut {
    /// Nothing.
    Nothing,
    /// The first writes, in their order.
    FirstWrites,
    /// Of a hundred sectors so many, here and there.
    Sectors { percent: u64 },
}

impl Cut {
    /// One of them.
    pub fn from_random(random: &mut Random) -> Self {
        match random.below(4) {
            0 => Self::Nothing,
            1 => Self::FirstWrites,
            2 => Self::Sectors { percent: 50 },
            _ => Self::Sectors { percent: 95 },
        }
    }
}

/// What was there before a write.
#[derive(Debug)]
struct Overwritten {
    offset: u64,
    bytes: Vec<u8>,
}

/// The disk: what a reader sees, and what brings back what was synced.
#[derive(Debug)]
pub struct Cache {
    contents: File,
    unsynced: Vec<Overwritten>,
}

impl Cache {
    /// A disk of zeros in a file, which is emptied.
    pub fn new(contents: File, bytes: u64) -> io::Result<Self> {
        contents.set_len(0)?;
        contents.set_len(bytes)?;
        let unsynced = Vec::new();
        Ok(Self { contents, unsynced })
    }

    /// What a reader sees.
    pub fn read(&self, offset: u64, length: usize) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; length];
        self.contents.read_exact_at(&mut bytes, offset)?;
        Ok(bytes)
    }

    /// Writes whole sectors.
    pub fn write(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let is_whole =
            offset.is_multiple_of(SECTOR_BYTES as u64) && bytes.len().is_multiple_of(SECTOR_BYTES);
        assert!(is_whole, "{} bytes at {offset} are no sectors", bytes.len());
        let before = self.read(offset, bytes.len())?;
        self.contents.write_all_at(bytes, offset)?;
        self.unsynced.push(Overwritten {
            offset,
            bytes: before,
        });
        Ok(())
    }

    /// Makes all that was written durable.
    pub fn sync(&mut self) {
        self.unsynced.clear();
    }

    /// The power goes and comes back.
    pub fn cut(&mut self, cut: Cut, random: &mut Random) -> io::Result<()> {
        let unsynced = std::mem::take(&mut self.unsynced);
        let first_lost = match cut {
            Cut::Nothing => 0,
            Cut::FirstWrites => random.below(unsynced.len() as u64 + 1) as usize,
            Cut::Sectors { percent } => return self.keep_sectors(&unsynced, percent, random),
        };
        for Overwritten { offset, bytes } in unsynced[first_lost..].iter().rev() {
            self.contents.write_all_at(bytes, *offset)?;
        }
        Ok(())
    }

    fn keep_sectors(
        &self,
        unsynced: &[Overwritten],
        percent: u64,
        random: &mut Random,
    ) -> io::Result<()> {
        let mut synced = BTreeMap::new();
        for Overwritten { offset, bytes } in unsynced {
            let places = (*offset..).step_by(SECTOR_BYTES);
            for (place, sector) in places.zip(bytes.chunks(SECTOR_BYTES)) {
                synced.entry(place).or_insert(sector);
            }
        }
        for (offset, sector) in synced {
            if !random.chance(percent, 100) {
                self.contents.write_all_at(sector, offset)?;
            }
        }
        Ok(())
    }
}

fn cache() -> Cache {
    let file = tempfile::tempfile().expect("there is room for a file");
    Cache::new(file, 8 * SECTOR_BYTES as u64).expect("there is room for a file")
}

/// Writes sectors full of `fill`.
fn write(cache: &mut Cache, sector: u64, count: usize, fill: u8) {
    let bytes = vec![fill; count * SECTOR_BYTES];
    let offset = sector * SECTOR_BYTES as u64;
    cache.write(offset, &bytes).expect("the file takes it");
}

/// The first byte of each sector; the others are the same.
fn sectors(cache: &Cache) -> Vec<u8> {
    let bytes = cache.read(0, 8 * SECTOR_BYTES).expect("it can be read");
    let sectors = bytes.chunks(SECTOR_BYTES);
    assert!(
        sectors
            .clone()
            .all(|sector| sector.iter().all(|byte| *byte == sector[0]))
    );
    sectors.map(|sector| sector[0]).collect()
}

#[test]
fn what_was_written_is_read_before_it_is_synced() {
    let mut cache = cache();
    write(&mut cache, 1, 2, 7);
    assert_eq!(sectors(&cache), [0, 7, 7, 0, 0, 0, 0, 0]);
}

#[test]
fn a_cut_brings_back_what_was_synced_and_nothing_else() {
    let mut cache = cache();
    write(&mut cache, 1, 3, 1);
    cache.sync();
    write(&mut cache, 0, 2, 2);
    write(&mut cache, 1, 2, 3);
    let mut random = Random::from_seed(1);
    cache.cut(Cut::Nothing, &mut random).expect("it is written");
    assert_eq!(sectors(&cache), [0, 1, 1, 1, 0, 0, 0, 0]);
    // What a cut has left is on the disk.
    cache.cut(Cut::Nothing, &mut random).expect("it is written");
    assert_eq!(sectors(&cache), [0, 1, 1, 1, 0, 0, 0, 0]);
}

#[test]
fn a_cut_may_leave_the_first_of_the_writes_and_never_a_later_one_without_them() {
    let mut seen = [0; 4];
    for seed in 0..100 {
        let mut cache = cache();
        write(&mut cache, 0, 8, 1);
        cache.sync();
        for fill in [2, 3, 4] {
            write(&mut cache, u64::from(fill), 2, fill);
        }
        let mut random = Random::from_seed(seed);
        cache
            .cut(Cut::FirstWrites, &mut random)
            .expect("it is written");
        let left = sectors(&cache);
        let states = [
            [1, 1, 1, 1, 1, 1, 1, 1],
            [1, 1, 2, 2, 1, 1, 1, 1],
            [1, 1, 2, 3, 3, 1, 1, 1],
            [1, 1, 2, 3, 4, 4, 1, 1],
        ];
        let state = states.iter().position(|state| left == state);
        seen[state.expect("one of these states")] += 1;
    }
    assert!(seen.iter().all(|count| *count > 0), "{seen:?}");
}

#[test]
fn a_cut_may_leave_any_sectors_as_they_were_written_last_or_as_they_were_synced() {
    let mut seen = std::collections::BTreeSet::new();
    for seed in 0..200 {
        let mut cache = cache();
        write(&mut cache, 0, 8, 1);
        cache.sync();
        write(&mut cache, 0, 2, 2);
        write(&mut cache, 1, 2, 3);
        let mut random = Random::from_seed(seed);
        let half = Cut::Sectors { percent: 50 };
        cache.cut(half, &mut random).expect("it is written");
        seen.insert(sectors(&cache));
    }
    let mut all = std::collections::BTreeSet::new();
    for (first, second, third) in (0..8).map(|bits| (bits & 1, bits >> 1 & 1, bits >> 2)) {
        all.insert(vec![
            1 + first,
            1 + 2 * second,
            1 + 2 * third,
            1,
            1,
            1,
            1,
            1,
        ]);
    }
    assert_eq!(seen, all);
}
