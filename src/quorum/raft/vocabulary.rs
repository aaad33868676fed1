//! What the machine is told, and what it asks for.

use crate::model::{BrokerId, LeaderEpoch, Offset};

use super::super::request::ReplicaKey;
use super::super::snapshot::SnapshotId;
use super::super::state::ElectionState;

/// Where a log ends.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct LogEnd {
    /// The epoch of the last record. It stands first: a log of a later epoch has more in it than a
    /// longer one.
    pub epoch: LeaderEpoch,
    /// The offset behind the last record.
    pub offset: Offset,
}

/// What the machine sees of the log.
pub trait LogView {
    /// Where it ends, with what is not synced yet.
    fn end(&self) -> LogEnd;

    /// Everything below survives a crash.
    fn synced_end_offset(&self) -> Offset;

    /// The largest known epoch not above `epoch`, and where it ends.
    fn end_of_epoch(&self, epoch: LeaderEpoch) -> LogEnd;

    /// The snapshot that a replica needs whose log has this end, if the records that it lacks are
    /// gone.
    fn snapshot_for(&self, end: LogEnd) -> Option<SnapshotId>;
}

/// Who votes.
#[derive(Clone, Debug, Default, Eq, Hash, PartialEq)]
pub struct Voting {
    /// The voters.
    pub voters: Vec<ReplicaKey>,
    /// Where what names them ends: a record, committed or not, or a snapshot; 0 for what is not in
    /// the log.
    pub named_at: Offset,
    /// Who voted before that, where that is known.
    pub before: Vec<ReplicaKey>,
}

/// Something that happens unless it is started anew before its time.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Timer {
    /// A voter without a leader stands for election.
    Election,
    /// A follower has not heard of its leader.
    Fetch,
    /// A leader has not heard of a majority.
    CheckQuorum,
    /// A leader tells voters that have not fetched of its epoch again.
    BeginEpoch,
    /// A fetch that could not be served is tried again.
    Retry,
    /// A voter whose leader is gone lets another one stand first.
    Succession,
}

/// Whom a request is for.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Target {
    /// This node.
    Node(BrokerId),
    /// Any other voter, or a bootstrap server: one that may know who leads.
    Anybody,
}

/// A request to another node.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Request {
    /// Vote for me.
    Vote(VoteAsk),
    /// I lead this epoch.
    BeginEpoch {
        leader: BrokerId,
        epoch: LeaderEpoch,
        voter: ReplicaKey,
    },
    /// I do not lead this epoch any more; these may follow me, the best first.
    EndEpoch {
        leader: BrokerId,
        epoch: LeaderEpoch,
        successors: Vec<ReplicaKey>,
    },
    /// Give me what comes next.
    Fetch(FetchAsk),
}

/// The question for a vote.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct VoteAsk {
    /// Who wants to lead.
    pub candidate: ReplicaKey,
    /// In this epoch; for a pre-vote, the one before.
    pub epoch: LeaderEpoch,
    /// The end of its log.
    pub end: LogEnd,
    /// True if it asks whether it would get the vote (KIP-996).
    pub is_pre_vote: bool,
    /// Who is asked; `None` if the asker does not say.
    pub voter: Option<ReplicaKey>,
}

/// The question for records.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct FetchAsk {
    /// Who asks; `None` for a reader that is no replica.
    pub replica: Option<ReplicaKey>,
    /// The epoch that it knows.
    pub epoch: LeaderEpoch,
    /// The end of its log, of what is synced: it is acknowledged by this.
    pub end: LogEnd,
    /// The high watermark that it knows.
    pub high_watermark: Option<Offset>,
}

/// Why a request is refused.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Refusal {
    /// The epoch of the asker is over.
    FencedEpoch,
    /// The asker knows an epoch that this node does not.
    UnknownEpoch,
    /// This node does not lead the epoch.
    NotLeader,
    /// Another replica is meant, which had this node's id, or has another disk.
    InvalidVoterKey,
    /// The request contradicts itself, or what is known.
    Invalid,
    /// The asker has this node's own id.
    IsMyself,
}

/// Why the voters are not changed now.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum ChangeRefusal {
    /// This node does not lead.
    NotLeader,
    /// Nothing of the leader's epoch is committed yet.
    EpochUncommitted,
    /// The change before this one is not committed yet.
    ChangeUncommitted,
}

/// The answer to a [`VoteAsk`].
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct VoteAnswer {
    /// Who leads, if anybody, and the epoch.
    pub known: EpochAnswer,
    /// True if it gets the vote.
    pub is_granted: bool,
}

/// What every answer tells: whether the request was taken, and what the one who answers knows.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct EpochAnswer {
    /// Why the request was not taken.
    pub refusal: Option<Refusal>,
    /// The epoch.
    pub epoch: LeaderEpoch,
    /// Who leads it.
    pub leader: Option<BrokerId>,
}

/// What a leader finds for a fetch.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum FetchVerdict {
    /// The asker's log is a prefix of this one: what follows is for it.
    Records,
    /// It is not: the largest epoch that may agree, and its end.
    Diverging(LogEnd),
    /// What follows is gone: a snapshot has it.
    Snapshot(SnapshotId),
    /// It cannot be served.
    Refused(Refusal),
}

/// The answer to a fetch, without the records.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct FetchAnswer {
    /// Who leads, and whether the request was taken.
    pub known: EpochAnswer,
    /// What the leader found.
    pub found: FetchFound,
    /// The leader's high watermark.
    pub high_watermark: Option<Offset>,
}

/// What is found in an answer to a fetch, and what is to be done with the log then.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum FetchFound {
    /// Nothing.
    Nothing,
    /// Records: append them, and call [`super::Raft::on_log_synced`] when they are synced.
    Records,
    /// The logs diverge. In an answer, the largest epoch that may agree and its end; to be done:
    /// truncate the log to this offset, then call [`super::Raft::on_log_synced`].
    Diverging(LogEnd),
    /// Download this snapshot, begin the log anew behind it, then call
    /// [`super::Raft::on_log_synced`].
    Snapshot(SnapshotId),
}

/// Something to be done, in its order.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Output {
    /// Have this on the disk before anything that follows is done.
    Persist(ElectionState),
    /// Send this.
    Send { to: Target, request: Request },
    /// Start this timer anew.
    Start(Timer),
    /// Stop this timer.
    Stop(Timer),
    /// This node leads: append the record that says so, with who elected it.
    Lead {
        epoch: LeaderEpoch,
        granting: Vec<ReplicaKey>,
    },
    /// This node leads no more.
    Unseated,
    /// Every record below is committed.
    Committed(Offset),
}
