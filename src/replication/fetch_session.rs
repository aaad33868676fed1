//! A follower's end of a fetch session (KIP-227): what the leader has been told of each partition,
//! and what of that is to be told anew.
//!
//! The leader takes a partition that a request does not name for one that is fetched from where it
//! was fetched before. So what is wanted no longer has to be forgotten there with the next request.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{ErrorCode, Offset, TopicIdPartition};

use super::follower::FetchPosition;

/// Begins a session, and ends the one whose id it names.
const INITIAL_EPOCH: i32 = 0;

/// Names no session.
const NO_SESSION: i32 = 0;

/// What the leader is told of a partition.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Wanted {
    /// From where on it is fetched.
    pub(super) position: FetchPosition,
    /// The high watermark that the follower knows.
    pub(super) high_watermark: Offset,
}

/// What a request has to say.
#[derive(Debug, Eq, PartialEq)]
pub(super) struct SessionRequest {
    pub(super) id: i32,
    pub(super) epoch: i32,
    pub(super) named: Vec<(TopicIdPartition, Wanted)>,
    pub(super) forgotten: Vec<TopicIdPartition>,
}

/// The session with one leader.
#[derive(Debug, Default)]
pub(super) struct FetchSession {
    id: i32,
    /// Of the next request.
    epoch: i32,
    wanted: BTreeMap<TopicIdPartition, Wanted>,
    /// What the leader believes, or will with the request that is under way.
    told: BTreeMap<TopicIdPartition, Wanted>,
    /// Those of which the two may differ.
    changed: BTreeSet<TopicIdPartition>,
}

impl FetchSession {
    /// Fetch this of `partition` from now on, or nothing.
    pub(super) fn want(&mut self, partition: TopicIdPartition, wanted: Option<Wanted>) {
        let before = match wanted {
            Some(wanted) => self.wanted.insert(partition, wanted),
            None => self.wanted.remove(&partition),
        };
        if before != wanted {
            self.changed.insert(partition);
        }
    }

    /// True if nothing is wanted.
    pub(super) fn wants_nothing(&self) -> bool {
        self.wanted.is_empty()
    }

    /// From where the leader was told that `partition` is fetched.
    pub(super) fn told(&self, partition: TopicIdPartition) -> Option<FetchPosition> {
        self.told.get(&partition).map(|told| told.position)
    }

    /// The next request. One that names all has them in the order of `turn_of`, since a leader that
    /// keeps no session would begin with the same ones each time.
    pub(super) fn request(&mut self, turn_of: impl Fn(TopicIdPartition) -> u64) -> SessionRequest {
        let is_full = self.epoch == INITIAL_EPOCH;
        let changed = std::mem::take(&mut self.changed);
        let (mut named, mut forgotten) = (Vec::new(), Vec::new());
        if is_full {
            named.extend(self.wanted.iter().map(|(id, wanted)| (*id, *wanted)));
            named.sort_by_key(|(id, _)| turn_of(*id));
            self.told = self.wanted.clone();
        } else {
            for id in changed {
                match self.wanted.get(&id) {
                    Some(wanted) if self.told.insert(id, *wanted) != Some(*wanted) => {
                        named.push((id, *wanted));
                    }
                    Some(_) => {}
                    None => forgotten.extend(self.told.remove(&id).map(|_| id)),
                }
            }
        }
        SessionRequest {
            id: self.id,
            epoch: self.epoch,
            named,
            forgotten,
        }
    }

    /// The leader answered in the session of `id`. False if it does not know all that it was told:
    /// the session is begun anew then.
    pub(super) fn on_answered(
        &mut self,
        id: i32,
        answered: impl Fn(&TopicIdPartition) -> bool,
    ) -> bool {
        if id == NO_SESSION {
            self.forget(NO_SESSION);
            return true;
        }
        if self.epoch == INITIAL_EPOCH && !self.told.keys().all(answered) {
            self.forget(id);
            return false;
        }
        self.id = id;
        self.epoch = next_epoch(self.epoch);
        true
    }

    /// The leader refused a request as a whole. True if it was for the session, which is begun
    /// anew.
    pub(super) fn on_refused(&mut self, error: ErrorCode) -> bool {
        let was_full = self.epoch == INITIAL_EPOCH;
        let is_unknown = error == ErrorCode::FetchSessionIdNotFound;
        let is_about_session = is_unknown
            || matches!(
                error,
                ErrorCode::InvalidFetchSessionEpoch | ErrorCode::FetchSessionTopicIdError
            );
        self.forget(if is_unknown { NO_SESSION } else { self.id });
        is_about_session && !was_full
    }

    /// Nobody knows what the leader was told: begin anew, and end the session.
    pub(super) fn on_unanswered(&mut self) {
        self.forget(self.id);
    }

    /// The next request begins a session, and ends the one with this `id`.
    fn forget(&mut self, id: i32) {
        self.id = id;
        self.epoch = INITIAL_EPOCH;
        self.told.clear();
    }
}

/// Epochs count up and, at the end of their range, begin again behind the initial one.
const fn next_epoch(epoch: i32) -> i32 {
    match epoch.checked_add(1) {
        Some(next) => next,
        None => INITIAL_EPOCH + 1,
    }
}
