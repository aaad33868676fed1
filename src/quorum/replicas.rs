//! What a leader sees of the replicas that fetch from it.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::model::{Offset, TimestampMs};
use crate::stdx::{Instant, Now};

use super::request::ReplicaKey;

/// An observer that has not fetched for so long is not told of any more, as in Kafka.
const OBSERVER_EXPIRATION: Duration = Duration::from_mins(5);

/// The most replicas that are remembered. A cluster has fewer nodes; whoever may fetch could make
/// up any number of them.
const REPLICAS_MAX: usize = 4096;

/// What is known of one replica.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Progress {
    /// Everything below is on its disk.
    pub end_offset: Offset,
    /// When it fetched last, by the wall clock.
    pub last_fetch_ms: TimestampMs,
    /// When it had all that the leader had, by the wall clock.
    pub last_caught_up_ms: Option<TimestampMs>,
    last_fetch: Instant,
    /// Where the leader's log ended when it fetched last.
    leader_end_offset: Offset,
}

/// The replicas that have fetched in the leader's epoch.
#[derive(Debug, Default)]
pub(super) struct Replicas {
    known: BTreeMap<ReplicaKey, Progress>,
}

impl Replicas {
    /// `replica` fetches from `offset` on, while the leader's log ends at `leader_end_offset`.
    pub(super) fn on_fetch(
        &mut self,
        now: Now,
        replica: ReplicaKey,
        offset: Offset,
        leader_end_offset: Offset,
    ) {
        let before = self.known.get(&replica).copied();
        if before.is_none() && self.known.len() >= REPLICAS_MAX {
            self.expire(now.instant);
            if self.known.len() >= REPLICAS_MAX {
                return;
            }
        }
        let caught_up_before = before.and_then(|progress| progress.last_caught_up_ms);
        let last_caught_up_ms = if offset >= leader_end_offset {
            Some(now.wall_ms)
        } else {
            // It has what the leader had when it fetched the last time.
            before
                .filter(|before| before.leader_end_offset > 0 && offset >= before.leader_end_offset)
                .map(|before| before.last_fetch_ms)
        };
        let progress = Progress {
            end_offset: offset,
            last_fetch_ms: now.wall_ms,
            last_caught_up_ms: last_caught_up_ms.max(caught_up_before),
            last_fetch: now.instant,
            leader_end_offset,
        };
        self.known.insert(replica, progress);
    }

    fn expire(&mut self, now: Instant) {
        self.known
            .retain(|_, progress| now - progress.last_fetch < OBSERVER_EXPIRATION);
    }

    /// What is known of the replica for which `is` holds; of several, the one that fetched last.
    pub(super) fn latest(
        &self,
        is: impl Fn(ReplicaKey) -> bool,
    ) -> Option<(ReplicaKey, &Progress)> {
        let known = self.known.iter().filter(|(key, _)| is(**key));
        let latest = known.max_by_key(|(_, progress)| progress.last_fetch)?;
        Some((*latest.0, latest.1))
    }

    /// Those that have fetched lately.
    pub(super) fn recent(&self, now: Instant) -> impl Iterator<Item = (ReplicaKey, &Progress)> {
        self.known
            .iter()
            .filter(move |(_, progress)| now - progress.last_fetch < OBSERVER_EXPIRATION)
            .map(|(key, progress)| (*key, progress))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Uuid;

    fn at(seconds: u64) -> Now {
        Now {
            instant: Instant::from_nanos(seconds * 1_000_000_000),
            wall_ms: i64::try_from(seconds).unwrap() * 1000,
        }
    }

    fn found(replicas: &Replicas, wanted: ReplicaKey) -> Option<Progress> {
        let (_, progress) = replicas.latest(|key| key == wanted)?;
        Some(*progress)
    }

    fn observer(id: i32) -> ReplicaKey {
        ReplicaKey {
            id,
            directory_id: Uuid::ZERO,
        }
    }

    #[test]
    fn a_replica_is_caught_up_when_it_has_what_the_leader_had_at_its_last_fetch() {
        let mut replicas = Replicas::default();
        let caught_up =
            |replicas: &Replicas| found(replicas, observer(9)).unwrap().last_caught_up_ms;
        replicas.on_fetch(at(1), observer(9), 0, 10);
        assert_eq!(caught_up(&replicas), None);
        replicas.on_fetch(at(2), observer(9), 10, 12);
        assert_eq!(caught_up(&replicas), Some(1000), "then it had all of ten");
        replicas.on_fetch(at(3), observer(9), 11, 20);
        assert_eq!(caught_up(&replicas), Some(1000), "it had twelve to fetch");
        replicas.on_fetch(at(4), observer(9), 20, 20);
        assert_eq!(caught_up(&replicas), Some(4000));
        replicas.on_fetch(at(5), observer(9), 15, 20);
        assert_eq!(caught_up(&replicas), Some(4000), "it is never forgotten");
    }

    #[test]
    fn an_observer_that_is_silent_for_five_minutes_is_not_told_of() {
        let mut replicas = Replicas::default();
        replicas.on_fetch(at(0), observer(8), 0, 10);
        replicas.on_fetch(at(100), observer(9), 0, 10);
        let recent = |now: Now| {
            let found = replicas.recent(now.instant);
            found.map(|(key, _)| key.id).collect::<Vec<_>>()
        };
        assert_eq!(recent(at(299)), [8, 9]);
        assert_eq!(recent(at(300)), [9]);
        assert_eq!(recent(at(400)), [0; 0]);
    }

    #[test]
    fn made_up_replicas_do_not_fill_the_memory_nor_keep_others_out_for_ever() {
        let mut replicas = Replicas::default();
        let count = i32::try_from(REPLICAS_MAX).unwrap();
        for id in 0..count {
            replicas.on_fetch(at(0), observer(id), 0, 10);
        }
        replicas.on_fetch(at(1), observer(count), 0, 10);
        assert!(found(&replicas, observer(count)).is_none());
        replicas.on_fetch(at(1), observer(5), 7, 10);
        assert_eq!(found(&replicas, observer(5)).unwrap().end_offset, 7);
        replicas.on_fetch(at(300), observer(count), 0, 10);
        assert!(found(&replicas, observer(count)).is_some());
    }
}
