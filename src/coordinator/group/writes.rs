//! Writes on their way to the log, and what their outcome decides.

use std::collections::BTreeMap;

use bytes::Bytes;

use crate::model::ErrorCode;
use crate::stdx::Instant;

use super::kept::KeptGroup;
use super::member::Protocol;
use super::membership::Membership;
use super::request::GroupResponse;
use super::{GroupId, MemberId, RequestToken, WriteToken};

/// What happens when a write is committed or has failed.
#[derive(Debug)]
pub(super) enum Outcome {
    /// The answer goes out, with an error in it if the write failed.
    Answer {
        request: RequestToken,
        response: GroupResponse,
    },
    /// The request is answered with a later write of it, with an error if this one failed.
    Part { request: RequestToken },
    /// The members get their assignments; if the write failed they have to join again.
    Assigned {
        group: GroupId,
        generation: i32,
        assignments: BTreeMap<MemberId, Bytes>,
    },
    /// A static member came back; if the write failed it is the old one again.
    Replaced {
        group: GroupId,
        replacement: Box<Replacement>,
    },
    /// The group is gone; if the write failed it is as before.
    Deleted {
        group: GroupId,
        membership: Box<Membership>,
        kept: Option<Box<KeptGroup>>,
    },
}

/// A static member's replacement, with what it takes to undo it (KIP-345).
#[derive(Debug)]
pub(super) struct Replacement {
    /// The request that brought the member back.
    pub(super) request: RequestToken,
    pub(super) old_id: MemberId,
    pub(super) new_id: MemberId,
    pub(super) old_leader: Option<MemberId>,
    pub(super) old_protocols: Vec<Protocol>,
    pub(super) old_rebalance_timeout_ms: i32,
    pub(super) old_session_timeout_ms: i32,
}

/// A write on its way.
#[derive(Debug)]
pub(super) struct Outstanding {
    /// The groups that its records are about.
    pub(super) groups: Vec<GroupId>,
    pub(super) outcomes: Vec<Outcome>,
    /// Until when a client waits for it.
    pub(super) deadline: Instant,
}

/// The writes on their way.
#[derive(Debug, Default)]
pub(super) struct Writes {
    next: u64,
    outstanding: BTreeMap<WriteToken, Outstanding>,
    /// Clients wait for the writes from here on; for those before they have waited long enough.
    unexpired_from: u64,
}

impl Writes {
    /// A new write about `groups`, for which clients wait until `deadline`.
    pub(super) fn begin(&mut self, groups: Vec<GroupId>, deadline: Instant) -> WriteToken {
        let token = WriteToken(self.next);
        self.next += 1;
        let write = Outstanding {
            groups,
            outcomes: Vec::new(),
            deadline,
        };
        self.outstanding.insert(token, write);
        token
    }

    /// `outcome` happens with the outcome of the write `token`, behind what was attached before.
    pub(super) fn attach(&mut self, token: WriteToken, outcome: Outcome) {
        self.outstanding
            .get_mut(&token)
            .expect("an outcome is attached to a write on its way")
            .outcomes
            .push(outcome);
    }

    /// When [`Writes::next_overdue`] has something; [`Instant::MAX`] for never.
    pub(super) fn next_deadline(&self) -> Instant {
        let mut awaited = self.outstanding.range(WriteToken(self.unexpired_from)..);
        awaited
            .next()
            .map_or(Instant::MAX, |(_, write)| write.deadline)
    }

    /// The answers that waited too long for the oldest write that they still wait for. The write
    /// goes on, and so does what else it decides.
    pub(super) fn next_overdue(
        &mut self,
        now: Instant,
    ) -> Option<Vec<(RequestToken, GroupResponse)>> {
        let unexpired_from = WriteToken(self.unexpired_from);
        let (token, write) = self.outstanding.range_mut(unexpired_from..).next()?;
        if write.deadline > now {
            return None;
        }
        self.unexpired_from = token.0 + 1;
        let mut overdue = Vec::new();
        for outcome in std::mem::take(&mut write.outcomes) {
            match outcome {
                Outcome::Answer { request, response } => overdue.push((request, response)),
                other => write.outcomes.push(other),
            }
        }
        Some(overdue)
    }

    /// The write `token` has ended.
    pub(super) fn end(&mut self, token: WriteToken) -> Outstanding {
        self.outstanding
            .remove(&token)
            .expect("a write ends once, and only one that was begun")
    }

    /// An earlier part of what `request` asked has failed.
    pub(super) fn spoil(&mut self, request: RequestToken, error: ErrorCode) {
        for write in self.outstanding.values_mut() {
            for outcome in &mut write.outcomes {
                if let Outcome::Answer {
                    request: waiting,
                    response,
                } = outcome
                    && *waiting == request
                {
                    response.set_error(error);
                }
            }
        }
    }

    /// True if the write `token` has not ended.
    pub(super) fn is_outstanding(&self, token: WriteToken) -> bool {
        self.outstanding.contains_key(&token)
    }

    /// How many writes are on their way.
    pub(super) fn len(&self) -> usize {
        self.outstanding.len()
    }

    /// Every write on its way, oldest first.
    pub(super) fn drain(&mut self) -> impl Iterator<Item = Outstanding> + use<> {
        std::mem::take(&mut self.outstanding).into_values()
    }
}

/// The code that a client is told when the log refused a write: as in Kafka, the reason belongs to
/// the offsets topic, not to anything that the client named.
pub(super) const fn error_of_failed_write(error: ErrorCode) -> ErrorCode {
    match error {
        ErrorCode::UnknownTopicOrPartition
        | ErrorCode::NotEnoughReplicas
        | ErrorCode::NotEnoughReplicasAfterAppend
        | ErrorCode::RequestTimedOut => ErrorCode::CoordinatorNotAvailable,
        ErrorCode::NotLeaderOrFollower | ErrorCode::KafkaStorageError => ErrorCode::NotCoordinator,
        ErrorCode::MessageTooLarge
        | ErrorCode::RecordListTooLarge
        | ErrorCode::InvalidFetchSize => ErrorCode::UnknownServerError,
        other => other,
    }
}
