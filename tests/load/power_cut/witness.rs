//! A witness of what the disk has: it knows records by what is in them, byte for byte.
//!
//! A value that it is to know consists of units of 32 bytes, each of which says which value's and
//! which of its units it is. So it is seen wherever it is written, whatever is written around it.

use std::collections::BTreeSet;

/// What a unit begins with; the number of the value and that of the unit follow in digits.
const UNIT_START: &[u8] = b"#unit-of";

/// Bytes of a unit.
pub const UNIT_BYTES: usize = 32;

/// The value with the number `value`, of so many units.
pub fn value_of_units(value: u64, units: u32) -> String {
    let start = std::str::from_utf8(UNIT_START).expect("it is text");
    let unit = |unit| format!("{start}{value:016}{unit:08}");
    (0..units).map(unit).collect()
}

/// Which units of which values were written, and which of them were synced then.
#[derive(Debug, Default)]
pub struct Witness {
    written: BTreeSet<(u64, u32)>,
    synced: BTreeSet<(u64, u32)>,
}

impl Witness {
    /// Looks at what is on the disk where something was just written, from a unit before it to a
    /// unit behind it.
    pub fn look_at(&mut self, bytes: &[u8]) {
        let mut rest = bytes;
        while let Some(place) = rest.iter().position(|byte| *byte == UNIT_START[0]) {
            rest = &rest[place..];
            if let Some(unit) = parse_unit(rest) {
                self.written.insert(unit);
            }
            rest = &rest[1..];
        }
    }

    /// All that was written is on the disk for good.
    pub fn sync(&mut self) {
        self.synced.append(&mut self.written);
    }

    /// The units of a value that would not survive a power cut now.
    ///
    /// One that is missing between others is there in two parts: where a file goes on elsewhere on
    /// the disk, nobody sees it as a whole. What a disk writes or loses are sectors, of many units.
    pub fn unsynced_units(&self, value: u64, units: u32) -> Vec<u32> {
        let is_synced = |unit| self.synced.contains(&(value, unit));
        let is_in_parts = |unit: u32| {
            let before = unit.checked_sub(1);
            let behind = Some(unit + 1).filter(|behind| *behind < units);
            units > 1 && before.into_iter().chain(behind).all(is_synced)
        };
        let is_unsynced = |unit: &u32| !is_synced(*unit) && !is_in_parts(*unit);
        (0..units).filter(is_unsynced).collect()
    }
}

fn parse_unit(bytes: &[u8]) -> Option<(u64, u32)> {
    let digits = bytes.get(..UNIT_BYTES)?.strip_prefix(UNIT_START)?;
    let digits = std::str::from_utf8(digits).ok()?;
    let (value, unit) = digits.split_at_checked(16)?;
    Some((value.parse().ok()?, unit.parse().ok()?))
}

#[test]
fn a_unit_is_seen_wherever_it_is_written_and_is_unsynced_until_a_sync() {
    let mut witness = Witness::default();
    let value = value_of_units(7, 4);
    assert_eq!(value.len(), 4 * UNIT_BYTES);
    let (written, rest) = value.split_at(UNIT_BYTES + 31);
    witness.look_at(format!("##{written}").as_bytes());
    assert_eq!(witness.unsynced_units(7, 4), [0, 1, 2, 3]);
    witness.sync();
    assert_eq!(witness.unsynced_units(7, 4), [1, 2, 3]);
    witness.look_at(format!("{}{rest}", &written[UNIT_BYTES..]).as_bytes());
    assert_eq!(witness.unsynced_units(7, 4), [1, 2, 3]);
    witness.sync();
    assert_eq!(witness.unsynced_units(7, 4), [0; 0]);
    assert_eq!(witness.unsynced_units(8, 1), [0]);
}

#[test]
fn a_unit_may_be_in_two_parts_where_those_beside_it_are_seen() {
    let mut witness = Witness::default();
    let value = value_of_units(7, 6);
    for unit in [0, 2, 5] {
        witness.look_at(&value.as_bytes()[unit * UNIT_BYTES..][..UNIT_BYTES]);
    }
    witness.sync();
    assert_eq!(witness.unsynced_units(7, 6), [3, 4]);
}
