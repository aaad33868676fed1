//! Offsets and groups that end by themselves (KIP-211).

use std::ops::Bound;
use std::sync::Arc;
use std::time::Duration;

use crate::model::TimestampMs;
use crate::stdx::Now;

use super::GroupId;
use super::coordinator::GroupCoordinator;
use super::group_entry::Group;
use super::kept::GroupKind;
use super::membership::GroupState;
use super::offsets::{OffsetEntry, Place};
use super::output::Output;
use super::timers::Timer;
use super::tombstones::Tombstones;

/// Offsets looked at in one step: about a millisecond of work.
const OFFSETS_PER_STEP: usize = 10_000;

/// The pause between two steps of one round, in which requests are served.
const STEP_PAUSE: Duration = Duration::from_millis(1);

/// What the age of a group's offsets is counted from.
#[derive(Clone, Copy)]
enum AgeSince {
    /// Since the group became empty.
    Moment(TimestampMs),
    /// Since each was committed.
    Commit,
}

impl GroupCoordinator {
    /// Look through the groups behind the last one of the step before, and delete what is over.
    pub(super) fn expire(&mut self, now: Now, output: &mut Output) {
        let mut batch = Tombstones::default();
        let mut looked_at = 0;
        let mut next = self.expiration_cursor.take();
        loop {
            let from = next.as_ref().map_or(Bound::Unbounded, Bound::Excluded);
            let mut behind = self.groups.range::<GroupId, _>((from, Bound::Unbounded));
            let Some((id, group)) = behind.next() else {
                next = None;
                break;
            };
            let id = Arc::clone(id);
            let (places, is_over) =
                expired_places(group, now.wall_ms, self.settings.offsets_retention_ms);
            looked_at += 1 + group
                .offsets
                .committed()
                .map(|(_, p)| p.len())
                .sum::<usize>();
            if is_over {
                self.delete_group(now, &id, &mut batch, output);
            } else {
                self.delete_places(now, &id, places, &mut batch, output);
            }
            next = Some(id);
            if looked_at >= OFFSETS_PER_STEP {
                break;
            }
        }
        self.flush_tombstones(now, 1, &mut batch, output);
        let pause = if next.is_some() {
            STEP_PAUSE
        } else {
            self.settings.offsets_retention_check_interval
        };
        self.expiration_cursor = next;
        self.timers.schedule(now.instant + pause, Timer::Expiration);
    }
}

/// The offsets of `group` that are over, and whether the group itself is.
fn expired_places(group: &Group, now_ms: TimestampMs, retention_ms: i64) -> (Vec<Place>, bool) {
    // Whoever commits at this moment is alive.
    if !group.is_written() || group.offsets.last_write().is_some() {
        return (Vec::new(), false);
    }
    let Some(since) = age_since(group) else {
        return (Vec::new(), false);
    };
    let (mut places, mut is_over) = (Vec::new(), true);
    for (topic, partitions) in group.offsets.committed() {
        let is_consumed = group.kept.is_none() && group.membership.is_subscribed_to(topic);
        for (partition, entry) in partitions {
            let is_expired = !is_consumed
                && is_entry_expired(entry, since, now_ms, retention_ms)
                && !group.offsets.is_in_transaction(topic, *partition);
            if is_expired {
                places.push((Arc::clone(topic), *partition));
            } else {
                is_over = false;
            }
        }
    }
    let is_share_group = group
        .kept
        .as_ref()
        .is_some_and(|kept| kept.kind == GroupKind::Share);
    let is_over =
        is_over && group.is_empty() && !group.offsets.has_transactions() && !is_share_group;
    (places, is_over)
}

/// From when on the offsets of `group` count as unused; `None` while they are in use.
fn age_since(group: &Group) -> Option<AgeSince> {
    let membership = &group.membership;
    if group.kept.is_some() {
        return Some(AgeSince::Commit);
    }
    if membership.protocol_type.is_none() {
        return Some(AgeSince::Commit);
    }
    match membership.state {
        GroupState::Empty => {
            let moment = membership.state_changed_ms;
            Some(moment.map_or(AgeSince::Commit, AgeSince::Moment))
        }
        GroupState::Stable if membership.subscribed_topics.is_some() => Some(AgeSince::Commit),
        _ => None,
    }
}

fn is_entry_expired(
    entry: &OffsetEntry,
    since: AgeSince,
    now_ms: TimestampMs,
    retention_ms: i64,
) -> bool {
    if let Some(expires_ms) = entry.expires_ms {
        return now_ms >= expires_ms;
    }
    let since_ms = match since {
        AgeSince::Moment(moment) => moment,
        AgeSince::Commit => entry.committed_ms,
    };
    now_ms.saturating_sub(since_ms) >= retention_ms
}
