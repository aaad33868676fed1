//! What one shard does for a request of another, and what it answers.
//!
//! A request is cut into tasks by the shard of its connection, each goes to the shard that owns
//! what it is about, each brings one reply. A shard is its own neighbour: tasks for itself take
//! the same way without the mailbox.

use std::sync::Arc;

use bytes::Bytes;

use crate::coordinator::group::{GroupRequest, GroupResponse, RequestContext as GroupContext};
use crate::log::storage::DirectoryIndex;
use crate::log::validation::ValidatedBatch;
use crate::log::{AbortedTransaction, ActiveProducer, AppendOrigin};
use crate::metadata::{ControllerRequest, ControllerResponse};
use crate::metrics::ShardMetrics;
use crate::model::{
    BrokerId, ErrorCode, LeaderEpoch, Offset, PartitionIndex, TimestampMs, TopicIdPartition,
};
use crate::quorum::{QuorumRequest, QuorumResponse};
use crate::stdx::Instant;

use super::waiting::Acks;

/// A request in work on the shard of its connection.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct RequestId(pub u64);

/// The place of a task among those of its request.
pub type TaskIndex = u32;

/// A piece of a request.
#[derive(Debug)]
pub enum Task {
    /// Append a batch.
    Append(Box<AppendTask>),
    /// Read from partitions of this shard, waiting for data if asked to.
    Fetch(Box<FetchTask>),
    /// Find an offset.
    ListOffset {
        partition: TopicIdPartition,
        leader_epoch: Option<LeaderEpoch>,
        target: OffsetTarget,
    },
    /// Find where an epoch ends.
    EpochEnd {
        partition: TopicIdPartition,
        leader_epoch: Option<LeaderEpoch>,
        epoch: LeaderEpoch,
    },
    /// Delete records before an offset, `None` is the high watermark, and wait for the other
    /// replicas.
    DeleteRecords {
        partition: TopicIdPartition,
        before: Option<Offset>,
        deadline: Instant,
    },
    /// Have the replica lie in another log directory.
    MoveReplica {
        partition: TopicIdPartition,
        directory: DirectoryIndex,
    },
    /// Tell the producers that the partition knows.
    DescribeProducers { partition: TopicIdPartition },
    /// Tell the sizes of these partitions, or of all on this shard.
    DescribeSizes {
        partitions: Option<Vec<TopicIdPartition>>,
    },
    /// Tell how much room each log directory has.
    DescribeRoom,
    /// Tell what this shard has counted.
    CollectMetrics,
    /// Ask the controller, on whichever node it is.
    Controller(Box<ControllerRequest>),
    /// Ask the controller of this node, which may not be the active one.
    OwnController(Box<ControllerRequest>),
    /// Ask the metadata quorum.
    Quorum(Box<QuorumRequest>),
    /// Ask the groups of one partition of `__consumer_offsets`.
    Group {
        partition: PartitionIndex,
        context: GroupContext,
        request: Box<GroupRequest>,
    },
}

/// Append one validated batch.
#[derive(Debug)]
pub struct AppendTask {
    /// Where to.
    pub partition: TopicIdPartition,
    /// The batch.
    pub batch: ValidatedBatch,
    /// Who appends.
    pub origin: AppendOrigin,
    /// What the producer waits for.
    pub acks: Acks,
    /// When it is told that the replicas took too long.
    pub deadline: Instant,
}

/// Who fetches.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Reader {
    /// A consumer. Older ones must ask leaders only (KIP-392).
    Consumer { may_ask_followers: bool },
    /// A follower, with the registration of its broker if it tells (KIP-903).
    Replica {
        id: BrokerId,
        broker_epoch: Option<i64>,
    },
}

/// Read from partitions of one shard.
#[derive(Debug)]
pub struct FetchTask {
    /// What to read, in the order of the request.
    pub parts: Vec<FetchPart>,
    /// Answer once there are this many bytes.
    pub bytes_min: usize,
    /// Answer with at most this many bytes.
    pub bytes_max: usize,
    /// Answer at this time whatever there is.
    pub deadline: Instant,
    /// Only what is committed (`isolation.level=read_committed`).
    pub is_committed_only: bool,
    /// Who fetches.
    pub reader: Reader,
    /// The rack of a consumer that is to read from a follower there, if one can serve it.
    pub rack: Option<Arc<str>>,
}

/// One partition of a fetch.
#[derive(Clone, Debug)]
pub struct FetchPart {
    /// The place in the request.
    pub place: u32,
    /// Where to read.
    pub partition: TopicIdPartition,
    /// From where on.
    pub offset: Offset,
    /// The most bytes of this partition.
    pub bytes_max: usize,
    /// The epoch that the client believes the leader to have.
    pub leader_epoch: Option<LeaderEpoch>,
    /// The epoch of the last record that the client has.
    pub last_fetched_epoch: Option<LeaderEpoch>,
    /// Where the log of a follower starts.
    pub log_start_offset: Offset,
}

/// What was found in one partition.
#[derive(Clone, Debug)]
pub struct FetchedPart {
    /// The place in the request.
    pub place: u32,
    /// What went wrong.
    pub error: ErrorCode,
    /// The high watermark, absent with an error.
    pub high_watermark: Option<Offset>,
    /// The last stable offset, absent with an error.
    pub last_stable_offset: Option<Offset>,
    /// Where the log starts, absent with an error.
    pub log_start_offset: Option<Offset>,
    /// The client's log is not a prefix of ours: the largest epoch that may agree and its end.
    pub diverging: Option<(LeaderEpoch, Offset)>,
    /// The record batches.
    pub records: Vec<Bytes>,
    /// The aborted transactions that have records among them.
    pub aborted: Vec<AbortedTransaction>,
    /// The follower that the consumer is to read from instead.
    pub preferred_replica: Option<BrokerId>,
}

impl FetchedPart {
    /// The answer for a partition that cannot be read.
    #[must_use]
    pub const fn refused(place: u32, error: ErrorCode) -> Self {
        Self {
            place,
            error,
            high_watermark: None,
            last_stable_offset: None,
            log_start_offset: None,
            diverging: None,
            records: Vec::new(),
            aborted: Vec::new(),
            preferred_replica: None,
        }
    }

    /// The bytes of the records.
    #[must_use]
    pub fn records_bytes(&self) -> usize {
        self.records.iter().map(Bytes::len).sum()
    }
}

/// Which offset is asked for (the negative timestamps of ListOffsets).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum OffsetTarget {
    /// Where the log starts: -2, and -4 for the part of it that is on local disks.
    Earliest,
    /// Where consumers' view ends: -1, by isolation level.
    Latest { is_committed_only: bool },
    /// Where the log ends, which followers ask for.
    LogEnd,
    /// The record with the largest timestamp: -3 (KIP-734).
    MaxTimestamp,
    /// The last offset in remote storage: -5 (KIP-1005). There is no remote storage.
    LatestTiered,
    /// The first record at or after this time.
    Timestamp(TimestampMs),
}

/// An append that was acknowledged.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct AppendedReply {
    /// The offset of the first record.
    pub base_offset: Offset,
    /// The time of the append where the broker sets the timestamps.
    pub append_time: Option<TimestampMs>,
    /// Where the log starts.
    pub log_start_offset: Offset,
}

/// An append that was refused.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct RefusedAppend {
    /// The code for the client.
    pub error: ErrorCode,
    /// Where the log starts, if the client is told.
    pub log_start_offset: Option<Offset>,
}

impl From<ErrorCode> for RefusedAppend {
    /// Refused before anybody looked at the log.
    fn from(error: ErrorCode) -> Self {
        Self {
            error,
            log_start_offset: None,
        }
    }
}

/// An offset that was asked for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct ListedOffset {
    /// The offset.
    pub offset: Offset,
    /// The timestamp of the record there, if a record was searched for.
    pub timestamp: Option<TimestampMs>,
    /// The epoch of the leader that appended it.
    pub leader_epoch: Option<LeaderEpoch>,
}

/// The size of one partition.
#[derive(Clone, Debug)]
pub struct PartitionSize {
    /// The partition.
    pub partition: TopicIdPartition,
    /// The topic's name.
    pub topic: Arc<str>,
    /// The position of its log directory in `log.dirs`.
    pub directory: u16,
    /// The bytes of its segments.
    pub size_bytes: u64,
    /// Of a future replica: how many offsets it lacks.
    pub future_lag: Option<Offset>,
}

/// How much room the file system of a log directory has.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct DirectoryRoom {
    /// Its size.
    pub total_bytes: u64,
    /// What the broker may still write.
    pub usable_bytes: u64,
}

/// What is known of a log directory.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum DirectoryCondition {
    /// It was given up until the next start.
    Offline,
    /// The disk does not tell how much room there is.
    Unknown,
    /// How much room there is.
    Room(DirectoryRoom),
}

/// What a task brought.
#[derive(Debug)]
pub enum Reply {
    /// To [`Task::Append`].
    Appended(Result<AppendedReply, RefusedAppend>),
    /// To [`Task::Fetch`].
    Fetched(Vec<FetchedPart>),
    /// To [`Task::ListOffset`]: the offset found, if any.
    Offset(Result<Option<ListedOffset>, ErrorCode>),
    /// To [`Task::EpochEnd`]: the largest epoch not above the one asked for, and its end.
    EpochEnd(Result<Option<(LeaderEpoch, Offset)>, ErrorCode>),
    /// To [`Task::DeleteRecords`]: where the log starts now.
    DeletedRecords(Result<Offset, ErrorCode>),
    /// To [`Task::MoveReplica`]: the move has begun, or nothing is to be moved.
    Moved(Result<(), ErrorCode>),
    /// To [`Task::DescribeProducers`].
    Producers(Result<Vec<ActiveProducer>, ErrorCode>),
    /// To [`Task::DescribeSizes`].
    Sizes(Vec<PartitionSize>),
    /// To [`Task::DescribeRoom`]: by log directory.
    Directories(Vec<DirectoryCondition>),
    /// To [`Task::CollectMetrics`].
    Metrics(Box<ShardMetrics>),
    /// To [`Task::Controller`].
    Controller(Box<ControllerResponse>),
    /// To [`Task::Quorum`]; `None` if the quorum does not work, now or any more.
    Quorum(Option<Box<QuorumResponse>>),
    /// To [`Task::Group`].
    Group(Box<GroupResponse>),
}
