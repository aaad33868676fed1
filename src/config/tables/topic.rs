//! The settings of a topic, Kafka 4.3's and Forebay's, each with the broker settings that give its
//! default.

use super::super::setting::{Allowed::*, Setting, resource_settings};

resource_settings! {
    /// Every topic setting of Kafka 4.3, by name.
    pub const TOPIC =
    "cleanup.policy", List, "delete", OneOf(&["compact", "delete"]), ["log.cleanup.policy"], Medium
        => Obeyed "What becomes of old segments: `delete`, `compact` or both; empty keeps them.";
    "compression.gzip.level", Int, "-1", GzipLevel, ["compression.gzip.level"], Medium
        => Obeyed
            "The effort of gzip where the broker compresses with it; -1 is the level that zlib \
             itself prefers.";
    "compression.lz4.level", Int, "9", Between(1, 17), ["compression.lz4.level"], Medium
        => Obeyed "The effort of LZ4 where the broker compresses with it.";
    "compression.type", String, "producer", OneOf(&["uncompressed", "zstd", "lz4", "snappy",
        "gzip", "producer"]), ["compression.type"], Medium
        => Obeyed "The compression of stored records; `producer` keeps what the producer chose.";
    "compression.zstd.level", Int, "3", Between(-131_072, 22), ["compression.zstd.level"], Medium
        => Obeyed "The effort of Zstandard where the broker compresses with it.";
    "delete.retention.ms", Long, "86400000", AtLeast(0), ["log.cleaner.delete.retention.ms"], Medium
        => Obeyed "How long compaction keeps a record without value, in milliseconds.";
    "file.delete.delay.ms", Long, "60000", AtLeast(0), ["log.segment.delete.delay.ms"], Medium
        => Obeyed "How long the files of a deleted segment stay on the disk under another name.";
    "flush.messages", Long, "9223372036854775807", AtLeast(1), ["log.flush.interval.messages"],
        Medium
        => Obeyed
            "Where `forebay.durability` lets records be acknowledged before they are synced: the \
             append with which so many are not synced waits for the sync. 1 is like `synced`.";
    "flush.ms", Long, "9223372036854775807", AtLeast(0), ["log.flush.interval.ms",
        "log.flush.scheduler.interval.ms"], Medium
        => Obeyed
            "Where `forebay.durability` lets records be acknowledged before they are synced: so \
             long after an append its sync begins, and after 5 seconds in any case.";
    "follower.replication.throttled.replicas", List, "", ThrottledReplicas, [], Medium
        => Obeyed
            "The replicas whose fetching is throttled, as PARTITION:BROKER, or `*` for all; see \
             `follower.replication.throttled.rate`.";
    "index.interval.bytes", Int, "4096", AtLeast(0), ["log.index.interval.bytes"], Medium
        => Obeyed "The most bytes of records between two entries of an offset index.";
    "internal.segment.bytes", Int, null, Any, [], Internal
        => NotYet "segments below 1 MiB";
    "leader.replication.throttled.replicas", List, "", ThrottledReplicas, [], Medium
        => Obeyed
            "The leaders that are throttled, as PARTITION:BROKER, or `*` for all; see \
             `leader.replication.throttled.rate`.";
    "local.retention.bytes", Long, "-2", AtLeast(-2), ["log.local.retention.bytes"], Medium
        => NotYet "tiered storage";
    "local.retention.ms", Long, "-2", AtLeast(-2), ["log.local.retention.ms"], Medium
        => NotYet "tiered storage";
    "max.compaction.lag.ms", Long, "9223372036854775807", AtLeast(1),
        ["log.cleaner.max.compaction.lag.ms"], Medium
        => Obeyed "The longest that a record stays uncompacted, in milliseconds.";
    "max.message.bytes", Int, "1048588", AtLeast(0), ["message.max.bytes"], Medium
        => Obeyed "The largest record batch, with its header and as it is compressed.";
    "message.timestamp.after.max.ms", Long, "3600000", AtLeast(0),
        ["log.message.timestamp.after.max.ms"], Medium
        => Obeyed "How far a record's timestamp may lie ahead of the broker's clock.";
    "message.timestamp.before.max.ms", Long, "9223372036854775807", AtLeast(0),
        ["log.message.timestamp.before.max.ms"], Medium
        => Obeyed "How far a record's timestamp may lie behind the broker's clock.";
    "message.timestamp.type", String, "CreateTime", OneOf(&["CreateTime", "LogAppendTime"]),
        ["log.message.timestamp.type"], Medium
        => Obeyed
            "Whether a record keeps its producer's timestamp or gets the broker's when it is \
             appended.";
    "min.cleanable.dirty.ratio", Double, "0.5", Ratio(1.0), ["log.cleaner.min.cleanable.ratio"],
        Medium
        => Obeyed "How much of the log must be dirty before it is compacted, from 0 to 1.";
    "min.compaction.lag.ms", Long, "0", AtLeast(0), ["log.cleaner.min.compaction.lag.ms"], Medium
        => Obeyed "The shortest that a record stays uncompacted, in milliseconds.";
    "min.insync.replicas", Int, "1", AtLeast(1), ["min.insync.replicas"], Medium
        => Obeyed
            "How many replicas must have a record before acks=all is answered; fewer in sync \
             refuse it.";
    "preallocate", Boolean, "false", Any, ["log.preallocate"], Medium
        => NotNeeded "the blocks of a segment are always reserved before they are written";
    "remote.log.copy.disable", Boolean, "false", Any, [], Medium
        => NotYet "tiered storage";
    "remote.log.delete.on.disable", Boolean, "false", Any, [], Medium
        => NotYet "tiered storage";
    "remote.storage.enable", Boolean, "false", Any, [], Medium
        => NotYet "tiered storage";
    "retention.bytes", Long, "-1", Any, ["log.retention.bytes"], Medium
        => Obeyed
            "A partition above this size loses its oldest segments; a negative value keeps them.";
    "retention.ms", Long, "604800000", AtLeast(-1), ["log.retention.ms", "log.retention.minutes",
        "log.retention.hours"], Medium
        => Obeyed
            "Segments whose newest record is older than this are deleted; a negative value keeps \
             them.";
    "segment.bytes", Int, "1073741824", AtLeast(1_048_576), ["log.segment.bytes"], Medium
        => Obeyed "A segment is rolled before it grows beyond this size.";
    "segment.index.bytes", Int, "10485760", AtLeast(4), ["log.index.size.max.bytes"], Medium
        => Obeyed "The largest size of an index file; a segment whose index is full is rolled.";
    "segment.jitter.ms", Long, "0", AtLeast(0), ["log.roll.jitter.ms", "log.roll.jitter.hours"],
        Medium
        => Obeyed
            "At most this much is taken off `segment.ms`, at random, so that segments do not all \
             roll at once.";
    "segment.ms", Long, "604800000", AtLeast(1), ["log.roll.ms", "log.roll.hours"], Medium
        => Obeyed "A segment is rolled when its first record is older than this.";
    "unclean.leader.election.enable", Boolean, "false", Any, ["unclean.leader.election.enable"],
        Medium
        => Obeyed
            "Whether a replica that lacks records may lead when no other can: the partition goes on, \
             and what the replica lacks is lost.";
}

resource_settings! {
    /// Forebay's own settings of a topic.
    pub const FOREBAY =
    "forebay.durability", String, "synced", OneOf(&["synced", "replicated", "relaxed"]),
        ["forebay.durability"], High
        => Obeyed
            "What an acknowledgement means: `synced`, on the disk of every replica that it waits \
             for; `replicated`, on this broker's disk, or in the memory of another in-sync \
             replica, too; `relaxed`, in memory. docs/durability.md says what each can lose. The \
             broker's value is not for internal topics.";
}
