//! Deletions of many offsets and groups, gathered into few writes.

use std::sync::Arc;

use crate::stdx::Now;

use super::GroupId;
use super::coordinator::{GroupCoordinator, Turn};
use super::group_entry::Group;
use super::kept::KeptGroup;
use super::membership::Membership;
use super::offsets::{Change, Place};
use super::output::{CoordinatorRecord, Output, RequestToken, Write, WriteToken};
use super::records::{group_key, group_metadata_record, offset_key, tombstone};
use super::settings::TOMBSTONES_PER_WRITE_MAX;
use super::writes::Outcome;

/// Tombstones for the next write.
#[derive(Debug, Default)]
pub(super) struct Tombstones {
    records: Vec<CoordinatorRecord>,
    groups: Vec<Touched>,
    /// Whom the outcome is told, with a later write.
    request: Option<RequestToken>,
    last_write: Option<WriteToken>,
}

/// What the tombstones do to one group.
#[derive(Debug)]
struct Touched {
    id: GroupId,
    changes: Vec<Change>,
    is_deleted: bool,
}

impl Tombstones {
    /// Tombstones that `request` asked for.
    pub(super) fn asked_by(request: RequestToken) -> Self {
        Self {
            request: Some(request),
            ..Self::default()
        }
    }

    /// The last write that was begun.
    pub(super) const fn last_write(&self) -> Option<WriteToken> {
        self.last_write
    }

    fn touch(&mut self, id: &GroupId) -> &mut Touched {
        let is_last = self.groups.last().is_some_and(|touched| touched.id == *id);
        if !is_last {
            self.groups.push(Touched {
                id: Arc::clone(id),
                changes: Vec::new(),
                is_deleted: false,
            });
        }
        self.groups.last_mut().expect("a group was pushed")
    }
}

impl Turn<'_> {
    /// The group could not be deleted after all: it is as before. If it has begun anew meanwhile,
    /// it is written again that it has, for the log still says what was before.
    pub(super) fn on_deletion_failed(
        &mut self,
        group: &mut Group,
        mut membership: Membership,
        kept: Option<KeptGroup>,
    ) {
        if !group.is_begun_anew() {
            // Their timers were cancelled with the group.
            membership.pending.clear();
            group.membership = membership;
            group.kept = kept;
        } else if group.is_written() && group.is_empty() {
            let record = group_metadata_record(group, None);
            self.write(group, true, vec![record]);
        }
    }
}

impl GroupCoordinator {
    /// Delete these offsets of `group`.
    pub(super) fn delete_places(
        &mut self,
        now: Now,
        group: &GroupId,
        places: Vec<Place>,
        batch: &mut Tombstones,
        output: &mut Output,
    ) {
        for place in places {
            batch.records.push(tombstone(offset_key(group, &place)));
            batch.touch(group).changes.push((place, None));
            self.flush_tombstones(now, TOMBSTONES_PER_WRITE_MAX, batch, output);
        }
    }

    /// Delete the group `id`, which is empty, with all that it has.
    pub(super) fn delete_group(
        &mut self,
        now: Now,
        id: &GroupId,
        batch: &mut Tombstones,
        output: &mut Output,
    ) {
        let group = &self.groups[id];
        assert!(group.is_empty(), "only an empty group is deleted");
        let places = group.offsets.all_places();
        let kept = group.kept.as_ref();
        let kept: Vec<_> = kept.map_or_else(Vec::new, |kept| kept.keys().cloned().collect());
        self.delete_places(now, id, places, batch, output);
        if kept.is_empty() {
            batch.records.push(tombstone(group_key(id)));
        }
        batch.records.extend(kept.into_iter().map(tombstone));
        batch.touch(id).is_deleted = true;
        self.flush_tombstones(now, TOMBSTONES_PER_WRITE_MAX, batch, output);
    }

    /// Write what was gathered if it is `records_min` or more.
    pub(super) fn flush_tombstones(
        &mut self,
        now: Now,
        records_min: usize,
        batch: &mut Tombstones,
        output: &mut Output,
    ) {
        if batch.records.len() < records_min.max(1) {
            return;
        }
        let ids = batch.groups.iter().map(|touched| Arc::clone(&touched.id));
        let deadline = now.instant + self.settings.commit_timeout;
        let token = self.writes.begin(ids.collect(), deadline);
        for touched in std::mem::take(&mut batch.groups) {
            let id = Arc::clone(&touched.id);
            self.with_group(now, &id, output, |turn, group| {
                group.note_write(token, !touched.is_deleted);
                if !touched.changes.is_empty() {
                    group.offsets.note_write(token, touched.changes);
                }
                if touched.is_deleted {
                    let deleted = Outcome::Deleted {
                        group: touched.id,
                        membership: Box::new(turn.reset_membership(group)),
                        kept: group.kept.take().map(Box::new),
                    };
                    turn.writes.attach(token, deleted);
                }
            });
        }
        if let Some(request) = batch.request {
            self.writes.attach(token, Outcome::Part { request });
        }
        output.writes.push(Write {
            token,
            records: std::mem::take(&mut batch.records),
            timestamp_ms: now.wall_ms,
        });
        batch.last_write = Some(token);
    }

    /// True if the group `id` is there for writers and nobody is in it.
    pub(super) fn is_empty_group(&self, id: &str) -> bool {
        let group = self.groups.get(id);
        group.is_some_and(|group| Group::is_written(group) && group.is_empty())
    }
}
