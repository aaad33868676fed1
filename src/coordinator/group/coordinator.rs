//! The coordinator of one partition of `__consumer_offsets`: its entries.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::metadata::MetadataImage;
use crate::model::{ErrorCode, Offset, PartitionIndex, Uuid};
use crate::stdx::{Instant, Now, Random};

use super::group_entry::Group;
use super::output::{CoordinatorRecord, Output, RequestToken, Write, WriteToken};
use super::replay::OpenTransactions;
use super::request::{GroupRequest, GroupResponse, RequestContext};
use super::settings::{GroupSettings, OUTSTANDING_WRITES_MAX};
use super::timers::{Timer, Timers};
use super::writes::{Outcome, Outstanding, Writes, error_of_failed_write};
use super::{GroupId, MemberId};

/// All groups of one partition of `__consumer_offsets`.
///
/// The shard that leads the partition makes one, replays the partition's records into it
/// ([`GroupCoordinator::replay`]), says [`GroupCoordinator::on_loaded`], and ends it with
/// [`GroupCoordinator::on_unloaded`] when it stops leading. Outcomes of writes of a coordinator
/// that is gone are the shard's to drop.
#[derive(Debug)]
pub struct GroupCoordinator {
    pub(super) settings: GroupSettings,
    pub(super) is_loaded: bool,
    pub(super) groups: BTreeMap<GroupId, Group>,
    pub(super) timers: Timers,
    pub(super) writes: Writes,
    pub(super) random: Random,
    pub(super) transactions: OpenTransactions,
    /// Topics that were deleted while the groups were loading.
    pub(super) topics_deleted_early: Vec<(Uuid, Arc<str>)>,
    /// The group after which the round of expiration goes on.
    pub(super) expiration_cursor: Option<GroupId>,
}

/// What a step may use beside the group it is about.
pub(super) struct Turn<'turn> {
    pub(super) now: Now,
    pub(super) settings: &'turn GroupSettings,
    pub(super) timers: &'turn mut Timers,
    pub(super) writes: &'turn mut Writes,
    pub(super) random: &'turn mut Random,
    pub(super) output: &'turn mut Output,
    /// The last write of this turn.
    pub(super) last_write: Option<WriteToken>,
}

impl Turn<'_> {
    /// Append `records` about `group`, after which the group is there, or not.
    pub(super) fn write(
        &mut self,
        group: &mut Group,
        exists: bool,
        records: Vec<CoordinatorRecord>,
    ) -> WriteToken {
        assert!(!records.is_empty(), "a write has records");
        let deadline = self.now.instant + self.settings.commit_timeout;
        let token = self.writes.begin(vec![Arc::clone(&group.id)], deadline);
        group.note_write(token, exists);
        self.output.writes.push(Write {
            token,
            records,
            timestamp_ms: self.now.wall_ms,
        });
        self.last_write = Some(token);
        token
    }

    /// Answer `request` when `token` is committed; at once if there is nothing to wait for.
    pub(super) fn answer_after(
        &mut self,
        token: Option<WriteToken>,
        request: RequestToken,
        response: GroupResponse,
    ) {
        match token.filter(|token| self.writes.is_outstanding(*token)) {
            Some(token) => self
                .writes
                .attach(token, Outcome::Answer { request, response }),
            None => self.output.answer(request, response),
        }
    }
}

impl GroupCoordinator {
    /// A coordinator that has yet to load its groups. `random` makes up member ids.
    #[must_use]
    pub fn new(settings: GroupSettings, random: Random) -> Self {
        Self {
            settings,
            is_loaded: false,
            groups: BTreeMap::new(),
            timers: Timers::default(),
            writes: Writes::default(),
            random,
            transactions: OpenTransactions::default(),
            topics_deleted_early: Vec::new(),
            expiration_cursor: None,
        }
    }

    /// The settings have changed. What already runs, runs on as it was.
    pub fn set_settings(&mut self, settings: GroupSettings) {
        self.settings = settings;
    }

    /// All records of the partition were replayed: serve.
    pub fn on_loaded(&mut self, now: Now, output: &mut Output) {
        assert!(!self.is_loaded, "a coordinator is loaded once");
        self.is_loaded = true;
        let interval = self.settings.offsets_retention_check_interval;
        self.timers
            .schedule(now.instant + interval, Timer::Expiration);
        let ids: Vec<GroupId> = self.groups.keys().cloned().collect();
        for id in ids {
            self.with_group(now, &id, output, |turn, group| turn.welcome(group));
        }
        let deleted = std::mem::take(&mut self.topics_deleted_early);
        let deleted: Vec<(Uuid, &str)> = deleted
            .iter()
            .map(|(id, name)| (*id, name.as_ref()))
            .collect();
        if !deleted.is_empty() {
            self.on_topics_deleted(now, &deleted, output);
        }
    }

    /// True once [`GroupCoordinator::on_loaded`] was said.
    #[must_use]
    pub const fn is_loaded(&self) -> bool {
        self.is_loaded
    }

    /// How many groups readers see.
    #[must_use]
    pub fn groups_count(&self) -> usize {
        let is_seen = |group: &&Group| group.is_committed();
        self.groups.values().filter(is_seen).count()
    }

    /// Every offset that is committed: the group, the topic, the partition, the offset.
    pub fn committed_offsets(
        &self,
    ) -> impl Iterator<Item = (&Arc<str>, &Arc<str>, PartitionIndex, Offset)> {
        self.groups.values().flat_map(|group| {
            let topics = group.offsets.committed();
            topics.flat_map(move |(topic, partitions)| {
                let offsets = partitions.iter();
                offsets.map(move |(index, entry)| (&group.id, topic, *index, entry.offset))
            })
        })
    }

    /// The shard no longer leads the partition: whoever waits is sent elsewhere.
    pub fn on_unloaded(mut self, output: &mut Output) {
        let error = ErrorCode::NotCoordinator;
        for write in self.writes.drain() {
            for outcome in write.outcomes {
                if let Outcome::Answer {
                    request,
                    mut response,
                } = outcome
                {
                    response.set_error(error);
                    output.answer(request, response);
                }
            }
        }
        for group in self.groups.values_mut() {
            group.answer_everyone(error, output);
        }
    }

    /// Serve `request`. Its answer comes now or with a later call, exactly once. Which topics there
    /// are, `image` says.
    pub fn on_request(
        &mut self,
        now: Now,
        token: RequestToken,
        context: &RequestContext,
        request: GroupRequest,
        image: &MetadataImage,
        output: &mut Output,
    ) {
        if let Some(error) = self.refusal(&request) {
            let response = request.error_response(context.api_version, error);
            output.answer(token, response);
            return;
        }
        match request {
            GroupRequest::JoinGroup(request) => self.join(now, token, context, request, output),
            GroupRequest::SyncGroup(request) => self.sync(now, token, context, request, output),
            GroupRequest::Heartbeat(request) => self.heartbeat(now, token, &request, output),
            GroupRequest::LeaveGroup(request) => self.leave(now, token, context, request, output),
            GroupRequest::OffsetCommit(request) => {
                self.commit(now, token, context, request, image, output);
            }
            GroupRequest::OffsetFetch {
                group,
                require_stable,
            } => self.fetch(now, token, context, group, require_stable, image, output),
            GroupRequest::OffsetDelete(request) => {
                self.delete_offsets(now, token, request, image, output);
            }
            GroupRequest::ListGroups(request) => {
                output.answer(token, GroupResponse::ListGroups(self.list(&request)));
            }
            GroupRequest::DescribeGroups(request) => {
                let response = self.describe(context.api_version, &request);
                output.answer(token, GroupResponse::DescribeGroups(response));
            }
            GroupRequest::DeleteGroups(request) => self.delete(now, token, request, output),
        }
    }

    /// Why no request is served now. Heartbeats are told that all is well while groups load: the
    /// member could do nothing but send the next one.
    fn refusal(&self, request: &GroupRequest) -> Option<ErrorCode> {
        let is_heartbeat = matches!(request, GroupRequest::Heartbeat(_));
        if !self.is_loaded {
            Some(if is_heartbeat {
                ErrorCode::None
            } else {
                ErrorCode::CoordinatorLoadInProgress
            })
        } else if self.writes.len() >= OUTSTANDING_WRITES_MAX && !is_heartbeat {
            Some(ErrorCode::CoordinatorNotAvailable)
        } else {
            None
        }
    }

    /// When [`GroupCoordinator::on_deadline`] has something to do; [`Instant::MAX`] for never.
    #[must_use]
    pub fn next_deadline(&self) -> Instant {
        self.timers.next_deadline().min(self.writes.next_deadline())
    }

    /// Do what is due.
    pub fn on_deadline(&mut self, now: Now, output: &mut Output) {
        while let Some((id, timer)) = self.timers.next_due(now.instant) {
            match timer {
                Timer::Join(group) => self.with_group(now, &group, output, |turn, group| {
                    turn.on_join_timer(group, id);
                }),
                Timer::Sync(group) => self.with_group(now, &group, output, |turn, group| {
                    turn.on_sync_timer(group, id);
                }),
                Timer::Session(group, member) => {
                    self.with_group(now, &group, output, |turn, group| {
                        turn.on_session_timer(group, &member, id);
                    });
                }
                Timer::Expiration => self.expire(now, output),
            }
        }
        let error = error_of_failed_write(ErrorCode::RequestTimedOut);
        while let Some(overdue) = self.writes.next_overdue(now.instant) {
            for (request, mut response) in overdue {
                response.set_error(error);
                output.answer(request, response);
            }
        }
    }

    /// The records of the write `token` are committed.
    ///
    /// # Panics
    /// If there is no such write: the shard reports each outcome once.
    pub fn on_written(&mut self, now: Now, token: WriteToken, output: &mut Output) {
        let Outstanding {
            groups, outcomes, ..
        } = self.writes.end(token);
        for group in &groups {
            if let Some(group) = self.groups.get_mut(group) {
                group.commit(token);
            }
        }
        for outcome in outcomes {
            match outcome {
                Outcome::Answer { request, response } => output.answer(request, response),
                Outcome::Assigned {
                    group,
                    generation,
                    assignments,
                } => self.with_group(now, &group, output, |turn, group| {
                    turn.on_assignments_stored(group, generation, assignments);
                }),
                Outcome::Replaced { group, replacement } => {
                    self.with_group(now, &group, output, |turn, group| {
                        turn.on_replacement_stored(group, &replacement);
                    });
                }
                Outcome::Part { .. } | Outcome::Deleted { .. } => {}
            }
        }
        self.forget(&groups);
    }

    /// The records of the write `token` are not in the log and never will be.
    ///
    /// # Panics
    /// If there is no such write: the shard reports each outcome once.
    pub fn on_write_failed(
        &mut self,
        now: Now,
        token: WriteToken,
        error: ErrorCode,
        output: &mut Output,
    ) {
        let error = error_of_failed_write(error);
        let Outstanding {
            groups, outcomes, ..
        } = self.writes.end(token);
        for group in &groups {
            self.with_group(now, group, output, |turn, group| {
                group.roll_back(token);
                if !group.is_written() {
                    turn.on_never_created(group, error);
                }
            });
        }
        for outcome in outcomes {
            match outcome {
                Outcome::Answer {
                    request,
                    mut response,
                } => {
                    response.set_error(error);
                    output.answer(request, response);
                }
                Outcome::Part { request } => self.writes.spoil(request, error),
                Outcome::Assigned {
                    group, generation, ..
                } => self.with_group(now, &group, output, |turn, group| {
                    turn.on_assignments_lost(group, generation, error);
                }),
                Outcome::Replaced { group, replacement } => {
                    self.with_group(now, &group, output, |turn, group| {
                        turn.on_replacement_lost(group, *replacement, error);
                    });
                }
                Outcome::Deleted {
                    group,
                    membership,
                    kept,
                } => self.with_group(now, &group, output, |turn, group| {
                    turn.on_deletion_failed(group, *membership, kept.map(|kept| *kept));
                }),
            }
        }
        self.forget(&groups);
    }

    /// Run `step` on the group `id`, if it is known.
    pub(super) fn with_group(
        &mut self,
        now: Now,
        id: &str,
        output: &mut Output,
        step: impl FnOnce(&mut Turn<'_>, &mut Group),
    ) {
        let Some(group) = self.groups.get_mut(id) else {
            return;
        };
        let mut turn = Turn {
            now,
            settings: &self.settings,
            timers: &mut self.timers,
            writes: &mut self.writes,
            random: &mut self.random,
            output,
            last_write: None,
        };
        step(&mut turn, group);
        if group.is_forgettable() {
            self.groups.remove(id);
        }
    }

    /// Forget those of `groups` of which nothing is left.
    fn forget(&mut self, groups: &[GroupId]) {
        for id in groups {
            if self.groups.get(id).is_some_and(Group::is_forgettable) {
                self.groups.remove(id);
            }
        }
    }

    /// A random id in the form of Java's `UUID.randomUUID`.
    pub(super) fn member_id(random: &mut Random, prefix: &str) -> MemberId {
        let mut bytes = random.next_bytes16();
        bytes[6] = (bytes[6] & 0x0f) | 0x40;
        bytes[8] = (bytes[8] & 0x3f) | 0x80;
        let digits = u128::from_be_bytes(bytes);
        let text = format!("{digits:032x}");
        Arc::from(format!(
            "{prefix}-{}-{}-{}-{}-{}",
            &text[..8],
            &text[8..12],
            &text[12..16],
            &text[16..20],
            &text[20..]
        ))
    }

    /// Asserts whatever must hold between two calls; for the simulator and the tests.
    ///
    /// # Panics
    /// If it does not hold.
    pub fn check(&self) {
        for (id, group) in &self.groups {
            assert_eq!(id, &group.id, "a group is found by its id");
            group.check();
            let membership = &group.membership;
            if let Some(timer) = membership.join_timer {
                let timer = self.timers.find(timer.id());
                assert_eq!(timer, Some(&Timer::Join(Arc::clone(id))));
            }
            if let Some(timer) = membership.sync_timer {
                let timer = self.timers.find(timer);
                assert_eq!(timer, Some(&Timer::Sync(Arc::clone(id))));
            }
            for (member, timer) in &membership.pending {
                let expected = Timer::Session(Arc::clone(id), Arc::clone(member));
                assert_eq!(self.timers.find(*timer), Some(&expected));
            }
            for member in membership.members.values() {
                if let Some(timer) = member.session_timer {
                    let expected = Timer::Session(Arc::clone(id), Arc::clone(&member.id));
                    assert_eq!(self.timers.find(timer), Some(&expected));
                } else {
                    assert!(
                        !self.is_loaded || member.is_excused(),
                        "whoever is not waiting has a session"
                    );
                }
            }
        }
        let expected: usize = self
            .groups
            .values()
            .map(|g| g.membership.timer_count())
            .sum();
        assert_eq!(
            self.timers.len(),
            expected + usize::from(self.is_loaded),
            "every timer belongs to someone"
        );
    }
}
