//! How far one follower has come, as its leader knows it from the follower's fetches.

use std::time::Duration;

use crate::model::Offset;
use crate::stdx::Instant;

/// What a leader knows of one follower.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct Progress {
    /// Everything below is safe there; unknown before the first fetch in this leader epoch.
    pub synced_end: Option<Offset>,
    /// Where its log starts.
    pub log_start: Option<Offset>,
    /// The registration of the broker that fetched last; `Some(None)` if it does not tell.
    pub broker_epoch: Option<Option<i64>>,
    /// The registration in which the broker may join the in-sync set: it runs, is not fenced and
    /// does not stop.
    pub eligible_epoch: Option<i64>,
    /// When it had all that the leader had.
    last_caught_up: Option<Instant>,
    /// When it fetched last, and where the leader's log ended then.
    last_fetch: Option<(Instant, Offset)>,
}

impl Progress {
    /// A follower of which nothing is known but whether it is in sync, which gives it time.
    pub(super) fn at_start(now: Instant, is_in_sync: bool) -> Self {
        Self {
            last_caught_up: is_in_sync.then_some(now),
            ..Self::default()
        }
    }

    /// It fetched from `offset` on while the leader's log ended at `log_end`. Having all that was
    /// there at the fetch before counts as of then: under load no follower ever has all.
    pub(super) fn on_fetch(&mut self, now: Instant, offset: Offset, log_end: Offset) {
        let caught_up_at = match self.last_fetch {
            _ if offset >= log_end => Some(now),
            Some((then, end)) if offset >= end => Some(then),
            _ => None,
        };
        self.last_caught_up = self.last_caught_up.max(caught_up_at);
        self.last_fetch = Some((now, log_end));
        self.synced_end = Some(offset);
    }

    /// True if it had all of the log not longer than `lag_max` ago.
    pub(super) fn is_caught_up(&self, now: Instant, log_end: Offset, lag_max: Duration) -> bool {
        self.synced_end == Some(log_end)
            || self
                .last_caught_up
                .is_some_and(|then| now.saturating_since(then) <= lag_max)
    }

    /// True if the broker that fetched is the one that the cluster knows, and may join (KIP-903).
    pub(super) fn is_eligible(&self) -> bool {
        match (self.broker_epoch, self.eligible_epoch) {
            (Some(Some(fetching)), Some(registered)) => fetching == registered,
            (Some(None), Some(_)) => true,
            _ => false,
        }
    }
}
