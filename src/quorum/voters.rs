//! Who votes, by where the log says it.

use std::collections::BTreeMap;

use crate::model::Offset;

use super::control::Voter;

/// The voters, from each offset on behind the record that names them. They count as soon as that is
/// in the log, and no more when it is truncated (KIP-853).
#[derive(Debug, Default)]
pub(super) struct VoterSets {
    sets: BTreeMap<Offset, Vec<Voter>>,
}

impl VoterSets {
    /// The voters are these, as what ends at `end_offset` says: a batch, or a snapshot.
    pub(super) fn note(&mut self, end_offset: Offset, voters: Vec<Voter>) {
        self.sets.insert(end_offset, voters);
    }

    /// The latest voters.
    pub(super) fn latest(&self) -> Option<&[Voter]> {
        self.sets.values().next_back().map(Vec::as_slice)
    }

    /// The voters before the latest, where that is known.
    pub(super) fn before_latest(&self) -> Option<&[Voter]> {
        self.sets.values().nth_back(1).map(Vec::as_slice)
    }

    /// Where what names the latest voters ends; 0 if nothing does.
    pub(super) fn named_at(&self) -> Offset {
        self.sets.keys().next_back().copied().unwrap_or(0)
    }

    /// The voters as what lies below `offset` names them.
    pub(super) fn at(&self, offset: Offset) -> Option<&[Voter]> {
        let below = self.sets.range(..=offset).next_back();
        below.map(|(_, voters)| voters.as_slice())
    }

    /// True if records of the log name voters, and not only what the directory was formatted with.
    pub(super) fn are_in_log(&self) -> bool {
        self.sets.keys().next_back().is_some_and(|end| *end > 0)
    }

    /// Forget what lies behind `offset`.
    pub(super) fn truncate(&mut self, offset: Offset) {
        self.sets.retain(|end_offset, _| *end_offset <= offset);
    }

    /// Begin anew with what a snapshot that ends at `offset` names.
    pub(super) fn begin_at(&mut self, offset: Offset, voters: Option<Vec<Voter>>) {
        self.sets.clear();
        self.sets.extend(voters.map(|voters| (offset, voters)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Uuid;

    fn voters(ids: &[i32]) -> Vec<Voter> {
        let voter = |id: &i32| Voter {
            id: *id,
            directory_id: Uuid::ZERO,
            endpoints: Vec::new(),
        };
        ids.iter().map(voter).collect()
    }

    #[test]
    fn a_change_of_voters_is_void_when_its_record_is_truncated() {
        let mut sets = VoterSets::default();
        sets.begin_at(0, Some(voters(&[1])));
        assert!(!sets.are_in_log());
        sets.note(10, voters(&[1, 2]));
        sets.note(20, voters(&[1, 2, 3]));
        assert_eq!(sets.latest(), Some(&*voters(&[1, 2, 3])));
        assert_eq!(sets.at(19), Some(&*voters(&[1, 2])));
        sets.truncate(19);
        assert_eq!(sets.latest(), Some(&*voters(&[1, 2])));
        assert!(sets.are_in_log());
        sets.truncate(5);
        assert_eq!(sets.latest(), Some(&*voters(&[1])));
        sets.begin_at(30, None);
        assert_eq!(sets.latest(), None);
    }
}
