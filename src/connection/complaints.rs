//! What is written to the log about clients that do wrong: a line each, but no flood.
//!
//! Anybody who reaches a port can make the broker complain as fast as the network carries garbage.
//! The metrics count every case; the log gets one line per kind and address in an interval, which
//! says how many were left out since the last.

use ::core::net::IpAddr;
use std::fmt;
use std::time::Duration;

use crate::stdx::{HashMap, Instant, hash_map, new_map};

/// How long nothing more is written of a kind and an address. A flood that never ends fills the log
/// with 1,440 lines a day.
const INTERVAL: Duration = Duration::from_secs(60);

/// Addresses that are told apart: whoever has a network of IPv6 has more of them than memory holds.
/// The others share a line.
const ADDRESSES_MAX: usize = 1024;

/// What a client did, or what was done to it.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Complaint {
    /// It was turned away.
    Refused,
    /// It sent bytes that are no frame.
    Frame,
    /// It speaks HTTP.
    Http,
    /// It speaks TLS.
    Tls,
    /// It sent a frame that is no request which can be answered.
    Request,
    /// It sent a request too slowly while others waited for the memory.
    Slow,
}

/// What was complained of lately.
#[derive(Debug)]
pub struct Complaints {
    lines: HashMap<(Complaint, Option<IpAddr>), Line>,
}

#[derive(Clone, Copy, Debug)]
struct Line {
    written_at: Instant,
    left_out: u64,
}

/// How many complaints of the same kind and address were left out before a line.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct LeftOut(u64);

impl fmt::Display for LeftOut {
    /// What goes behind the line; nothing if none was left out.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            0 => Ok(()),
            count => write!(
                formatter,
                " (and {count} more of this kind since the last line)"
            ),
        }
    }
}

impl Default for Complaints {
    /// None.
    fn default() -> Self {
        Self { lines: new_map() }
    }
}

impl Complaints {
    /// There is cause for `complaint` about `address`: says whether a line is to be written, and
    /// what was left out before it.
    pub fn note(&mut self, now: Instant, complaint: Complaint, address: IpAddr) -> Option<LeftOut> {
        let own = (complaint, Some(address.to_canonical()));
        let is_full = self.lines.len() >= ADDRESSES_MAX && !self.lines.contains_key(&own);
        if is_full {
            self.lines
                .retain(|_, line| now - line.written_at < INTERVAL);
        }
        let is_told_apart = !is_full || self.lines.len() < ADDRESSES_MAX;
        match self.lines.entry(if is_told_apart {
            own
        } else {
            (complaint, None)
        }) {
            hash_map::Entry::Occupied(mut entry) => {
                let line = entry.get_mut();
                if now - line.written_at < INTERVAL {
                    line.left_out += 1;
                    return None;
                }
                line.written_at = now;
                Some(LeftOut(std::mem::take(&mut line.left_out)))
            }
            hash_map::Entry::Vacant(place) => {
                place.insert(Line {
                    written_at: now,
                    left_out: 0,
                });
                Some(LeftOut(0))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(last: u32) -> IpAddr {
        IpAddr::from(last.to_be_bytes())
    }

    fn at(seconds: u64) -> Instant {
        Instant::default() + Duration::from_secs(seconds)
    }

    #[test]
    fn a_flood_is_a_line_per_interval_that_counts_the_rest() {
        let mut complaints = Complaints::default();
        let mut note = |seconds| complaints.note(at(seconds), Complaint::Frame, address(1));
        assert_eq!(note(0), Some(LeftOut(0)));
        for _ in 0..5 {
            assert_eq!(note(59), None);
        }
        assert_eq!(note(60), Some(LeftOut(5)));
        assert_eq!(note(61), None);
        assert_eq!(note(120), Some(LeftOut(1)));
        let line = format!("closing the connection{}", LeftOut(1));
        assert_eq!(
            line,
            "closing the connection (and 1 more of this kind since the last line)"
        );
    }

    #[test]
    fn another_kind_and_another_address_have_lines_of_their_own() {
        let mut complaints = Complaints::default();
        for (complaint, last) in [
            (Complaint::Frame, 1),
            (Complaint::Request, 1),
            (Complaint::Frame, 2),
        ] {
            let line = complaints.note(at(0), complaint, address(last));
            assert_eq!(line, Some(LeftOut(0)));
        }
    }

    #[test]
    fn more_addresses_than_are_told_apart_cost_no_more_memory_and_share_a_line() {
        let mut complaints = Complaints::default();
        let many = 3 * u32::try_from(ADDRESSES_MAX).expect("a small constant");
        let lines = (0..many)
            .filter_map(|last| complaints.note(at(0), Complaint::Frame, address(last)))
            .count();
        assert_eq!(lines, ADDRESSES_MAX + 1);
        assert!(complaints.lines.len() <= ADDRESSES_MAX + 1);
        let later = complaints.note(at(100), Complaint::Frame, address(many));
        assert_eq!(later, Some(LeftOut(0)), "the others are over");
        assert_eq!(complaints.lines.len(), 1);
    }
}
