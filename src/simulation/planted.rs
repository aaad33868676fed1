//! Bugs put into a world on purpose, each to be caught by the checks.
//!
//! They sit at the world's border, in the disk, the network and the mail, so that the broker's code
//! is the one that runs in production.

use bytes::Bytes;

use crate::log::PREDECESSOR;
use crate::log::checkpoint::{decode_offsets, encode_offsets};
use crate::log::storage::StoragePath;

macro_rules! planted_bugs {
    ($($variant:ident $description:literal;)*) => {
        /// A bug put into a world on purpose.
        #[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
        pub enum PlantedBug {
            $(#[doc = $description] $variant,)*
        }

        impl PlantedBug {
            /// Every bug.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// One line.
            #[must_use]
            pub const fn description(self) -> &'static str {
                match self {
                    $(Self::$variant => $description,)*
                }
            }

            /// True if it can show only where there are several nodes.
            #[must_use]
            pub const fn is_of_clusters(self) -> bool {
                self as u8 >= Self::AcknowledgesAlone as u8
            }
        }
    };
}

planted_bugs! {
    CompletesUnsynced "a synced write completes though a crash can still undo it";
    CompletesBeforeWriting "a write completes before it has begun";
    LosesWrite "a write to a segment completes though nothing was written";
    LosesCopy "a write to a replica that is to take another's place completes without being done";
    MisdirectsWrite "a write to a segment goes one block too far";
    CorruptsRead "a read of a segment has a wrong byte";
    ReadsStale "a read of a segment brings what was there before the last write";
    CompletesTwice "a request to the disk completes a second time";
    CutsSegment "a crash cuts off the end of a segment";
    LosesJournal "a crash undoes the making of the journals";
    LosesFolder "a crash undoes the making of a partition's folder";
    ForgetsProducers "the state of the producers is not stored";
    KeepsCheckpoints "a file of recovery points goes on to name what it named before";
    LosesRename "a folder is not renamed though that completes";
    KeepsSegment "a segment that was merged is not removed though that completes";
    SkipsReplacement "a small file is not replaced though that completes";
    SkipsSyncAll "all is synced, as that completes, though a crash can still undo it";
    RelaxesAll "what is in memory is acknowledged in every topic";
    IgnoresFlush "a topic that acknowledges from memory does not obey flush.messages and flush.ms";
    SwapsAnswers "two answers of a connection leave in the wrong order";
    LosesAnswerBytes "some bytes of an answer are left out";
    RepeatsRequest "a request reaches the broker twice";
    LosesMail "a message between shards is lost";
    SwapsMail "two messages of one shard to another arrive in the wrong order";
    AcknowledgesAlone "a leader acknowledges what no replica in sync has beside itself";
    ClaimsMore "a follower's fetch says that it has synced one record more than it has";
    HidesDivergence "a follower is not told that its log has something else than its leader's";
    GrantsEveryVote "a vote that was refused counts as given";
    ForgetsPredecessor "a replica that is back does not note whose what was journalled before is";
    ForgetsVotes "a voter does not store whom it gave its vote, and in which epoch";
    RaisesWatermark "a follower is told that more is committed than is";
}

/// True if the file stays against what is told.
pub(super) fn keeps_segment(planted: Option<PlantedBug>, path: &StoragePath) -> bool {
    planted == Some(PlantedBug::KeepsSegment) && path.relative.ends_with(".log")
}

/// What a voter remembers of an election.
const QUORUM_STATE: &str = "quorum-state";

/// True if a small file stays as it is against what is told.
pub(super) fn forgets(planted: Option<PlantedBug>, path: &StoragePath) -> bool {
    let file = match planted {
        Some(PlantedBug::ForgetsPredecessor) => PREDECESSOR,
        Some(PlantedBug::ForgetsVotes) => QUORUM_STATE,
        _ => return false,
    };
    path.relative.ends_with(file)
}

/// A producer snapshot in Kafka's format that knows no producer.
pub(super) fn snapshot_of_nobody() -> Bytes {
    let entries = 0_i32.to_be_bytes();
    let crc = crc32c::crc32c(&entries);
    [&1_i16.to_be_bytes()[..], &crc.to_be_bytes(), &entries]
        .concat()
        .into()
}

/// `contents` and the offsets of partitions that only the file in their place, `older`, names.
pub(super) fn with_older_entries(older: &[u8], contents: &[u8]) -> Bytes {
    let mut offsets = decode_offsets(older).unwrap_or_default();
    offsets.extend(decode_offsets(contents).expect("the broker writes its own format"));
    encode_offsets(&offsets)
}
