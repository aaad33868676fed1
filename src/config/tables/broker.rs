//! The settings of the broker: Kafka 4.3's, those that older versions had, and Forebay's own.

use super::super::setting::{Allowed::*, Setting, broker_settings};

broker_settings! {
    /// Every broker setting of Kafka 4.3, by name.
    pub const KAFKA =
    "add.partitions.to.txn.retry.backoff.max.ms", Int, "100", AtLeast(0), ReadOnly, High
        => NotYet "transactions";
    "add.partitions.to.txn.retry.backoff.ms", Int, "20", AtLeast(1), ReadOnly, High
        => NotYet "transactions";
    "advertised.listeners", List, null, Any, ReadOnly, High
        => Obeyed
            "The addresses that clients are told to connect to, one for each listener; by default \
             those of `listeners`.";
    "alter.config.policy.class.name", Class, null, Any, ReadOnly, Low
        => Refused "Java policies cannot run here";
    "alter.log.dirs.replication.quota.window.num", Int, "11", AtLeast(1), ReadOnly, Low
        => NotYet "quotas";
    "alter.log.dirs.replication.quota.window.size.seconds", Int, "1", AtLeast(1), ReadOnly, Low
        => NotYet "quotas";
    "authorizer.class.name", String, "", Any, ReadOnly, Low
        => Obeyed
            "org.apache.kafka.metadata.authorizer.StandardAuthorizer lets access control lists \
             decide who may do what; by default everybody may do everything.";
    "auto.create.topics.enable", Boolean, "true", Any, ReadOnly, High
        => Obeyed "Whether asking for the metadata of a topic that does not exist creates it.";
    "auto.leader.rebalance.enable", Boolean, "true", Any, ReadOnly, High
        => Obeyed
            "Whether the first replica of each partition leads it again, some time after it is in \
             sync again.";
    "background.threads", Int, "10", AtLeast(1), ClusterWide, High
        => NotNeeded "each shard is one thread; see forebay.shards";
    "broker.heartbeat.interval.ms", Int, "2000", Any, ReadOnly, Medium
        => Obeyed "How often a broker tells the controller, another node, that it lives.";
    "broker.id", Int, "-1", Any, ReadOnly, High
        => Obeyed "The older name of `node.id`.";
    "broker.rack", String, null, Any, ReadOnly, Medium
        => Obeyed "The rack, or zone, that this broker stands in.";
    "broker.session.timeout.ms", Int, "9000", Any, ReadOnly, Medium
        => Obeyed
            "A broker that the controller has not heard of for this long is fenced: it leads nothing \
             until it is heard of again.";
    "client.quota.callback.class", Class, null, Any, ReadOnly, Low
        => Refused "Java quota callbacks cannot run here";
    "compression.gzip.level", Int, "-1", GzipLevel, ClusterWide, Medium
        => Obeyed
            "The effort of gzip where the broker compresses with it; -1 is the level that zlib \
             itself prefers.";
    "compression.lz4.level", Int, "9", Between(1, 17), ClusterWide, Medium
        => Obeyed "The effort of LZ4 where the broker compresses with it.";
    "compression.type", String, "producer", OneOf(&["uncompressed", "zstd", "lz4", "snappy",
        "gzip", "producer"]), ClusterWide, High
        => Obeyed "The compression of stored records; `producer` keeps what the producer chose.";
    "compression.zstd.level", Int, "3", Between(-131_072, 22), ClusterWide, Medium
        => Obeyed "The effort of Zstandard where the broker compresses with it.";
    "config.providers", List, "", Any, ClusterWide, Low
        => Refused "values from config providers cannot be read";
    "connection.failed.authentication.delay.ms", Int, "100", AtLeast(0), ReadOnly, Low
        => NotYet "TLS, SASL and delegation tokens";
    "connections.max.idle.ms", Long, "600000", Any, ReadOnly, Medium
        => Obeyed
            "A connection on which nothing was sent or received for this long is closed; a \
             negative value never closes.";
    "connections.max.reauth.ms", Long, "0", Any, ReadOnly, Medium
        => NotYet "TLS, SASL and delegation tokens";
    "controlled.shutdown.enable", Boolean, "true", Any, ReadOnly, Medium
        => NotYet "replication between brokers";
    "controller.listener.names", List, required, Any, ReadOnly, High
        => Obeyed "The listeners that belong to the controller: clients are not told of them.";
    "controller.performance.always.log.threshold.ms", Long, "2000", AtLeast(0), ReadOnly, Internal
        => NotYet "settings of the metadata quorum";
    "controller.performance.sample.period.ms", Long, "60000", AtLeast(100), ReadOnly, Internal
        => NotYet "settings of the metadata quorum";
    "controller.quorum.append.linger.ms", Int, "25", AtLeast(0), ReadOnly, Medium
        => NotNeeded "what a turn of the shard gathers is written together";
    "controller.quorum.auto.join.enable", Boolean, "false", Any, ReadOnly, Low
        => Obeyed
            "A controller that has no vote in the metadata quorum asks for one by itself, and first \
             gives back the vote of a directory that it had before.";
    "controller.quorum.bootstrap.servers", List, "", Any, ReadOnly, High
        => Obeyed
            "Where controllers of the cluster are found, as HOST:PORT; one that answers tells a \
             broker who leads.";
    "controller.quorum.election.backoff.max.ms", Int, "1000", AtLeast(0), ReadOnly, High
        => NotYet "settings of the metadata quorum";
    "controller.quorum.election.timeout.ms", Int, "1000", AtLeast(0), ReadOnly, High
        => Obeyed "How long a voter of the metadata quorum waits for votes before it tries again.";
    "controller.quorum.fetch.max.bytes", Int, "1048576", AtLeast(1), ReadOnly, Low
        => NotYet "settings of the metadata quorum";
    "controller.quorum.fetch.snapshot.max.bytes", Int, "1048576", AtLeast(1), ReadOnly, Low
        => NotYet "settings of the metadata quorum";
    "controller.quorum.fetch.timeout.ms", Int, "2000", AtLeast(0), ReadOnly, High
        => Obeyed
            "How long a node that follows the metadata log waits for its leader before it asks \
             others who leads.";
    "controller.quorum.request.timeout.ms", Int, "2000", AtLeast(0), ReadOnly, Medium
        => Obeyed "How long a node of the metadata quorum waits for an answer.";
    "controller.quorum.retry.backoff.ms", Int, "20", AtLeast(0), ReadOnly, Low
        => Obeyed "The pause before a node of the metadata quorum asks again.";
    "controller.quorum.voters", List, "", Any, ReadOnly, High
        => Obeyed
            "The voters of the metadata quorum, as ID@HOST:PORT, where they never change: the same \
             for all nodes.";
    "controller.quota.window.num", Int, "11", AtLeast(1), ReadOnly, Low
        => NotYet "quotas";
    "controller.quota.window.size.seconds", Int, "1", AtLeast(1), ReadOnly, Low
        => NotYet "quotas";
    "controller.socket.timeout.ms", Int, "30000", Any, ReadOnly, Medium
        => Obeyed "How long a broker waits for the answer of a controller that is another node.";
    "cordoned.log.dirs", List, "", Any, PerBroker, Medium
        => Obeyed
            "Log directories, of those in `log.dirs`, that take no new partitions; `*` for all of \
             them.";
    "create.topic.policy.class.name", Class, null, Any, ReadOnly, Low
        => Refused "Java policies cannot run here";
    "default.replication.factor", Int, "1", Any, ReadOnly, Medium
        => Obeyed "How many replicas a topic gets that is created without a number.";
    "delegation.token.expiry.check.interval.ms", Long, "3600000", AtLeast(1), ReadOnly, Low
        => NotYet "TLS, SASL and delegation tokens";
    "delegation.token.expiry.time.ms", Long, "86400000", AtLeast(1), ReadOnly, Medium
        => NotYet "TLS, SASL and delegation tokens";
    "delegation.token.max.lifetime.ms", Long, "604800000", AtLeast(1), ReadOnly, Medium
        => NotYet "TLS, SASL and delegation tokens";
    "delegation.token.secret.key", Password, null, Any, ReadOnly, Medium
        => NotYet "TLS, SASL and delegation tokens";
    "delete.records.purgatory.purge.interval.requests", Int, "1", Any, ReadOnly, Medium
        => NotNeeded "a request that was answered leaves its waiting place at once";
    "delete.topic.enable", Boolean, "true", Any, ReadOnly, High
        => Obeyed "Whether topics may be deleted.";
    "early.start.listeners", List, null, Any, ReadOnly, High
        => NotNeeded "every listener opens when the broker is ready";
    "fetch.max.bytes", Int, "57671680", AtLeast(1024), ReadOnly, Medium
        => Obeyed "The most bytes of records in one Fetch answer, whatever the client asks for.";
    "fetch.purgatory.purge.interval.requests", Int, "1000", Any, ReadOnly, Medium
        => NotNeeded "a request that was answered leaves its waiting place at once";
    "follower.fetch.last.tiered.offset.enable", Boolean, "false", Any, ClusterWide, Medium
        => NotYet "tiered storage";
    "group.consumer.assignment.interval.ms", Int, "1000", AtLeast(0), ClusterWide, Medium
        => NotYet "the consumer group protocol";
    "group.consumer.assignors", List, "uniform,range", Any, ReadOnly, Medium
        => NotYet "the consumer group protocol";
    "group.consumer.heartbeat.interval.ms", Int, "5000", AtLeast(1), ReadOnly, Medium
        => NotYet "the consumer group protocol";
    "group.consumer.max.assignment.interval.ms", Int, "15000", AtLeast(0), ReadOnly, Medium
        => NotYet "the consumer group protocol";
    "group.consumer.max.heartbeat.interval.ms", Int, "15000", AtLeast(1), ReadOnly, Medium
        => NotYet "the consumer group protocol";
    "group.consumer.max.session.timeout.ms", Int, "60000", AtLeast(1), ReadOnly, Medium
        => NotYet "the consumer group protocol";
    "group.consumer.max.size", Int, "2147483647", AtLeast(1), ReadOnly, Medium
        => NotYet "the consumer group protocol";
    "group.consumer.migration.policy", String, "bidirectional", OneOfIgnoringCase(&["DISABLED",
        "DOWNGRADE", "UPGRADE", "BIDIRECTIONAL"]), ReadOnly, Medium
        => NotYet "the consumer group protocol";
    "group.consumer.min.assignment.interval.ms", Int, "0", AtLeast(0), ReadOnly, Medium
        => NotYet "the consumer group protocol";
    "group.consumer.min.heartbeat.interval.ms", Int, "5000", AtLeast(1), ReadOnly, Medium
        => NotYet "the consumer group protocol";
    "group.consumer.min.session.timeout.ms", Int, "45000", AtLeast(1), ReadOnly, Medium
        => NotYet "the consumer group protocol";
    "group.consumer.regex.refresh.interval.ms", Int, "600000", AtLeast(10_000), ReadOnly, Internal
        => NotYet "the consumer group protocol";
    "group.consumer.session.timeout.ms", Int, "45000", AtLeast(1), ReadOnly, Medium
        => NotYet "the consumer group protocol";
    "group.coordinator.append.linger.ms", Int, "-1", AtLeast(-1), ReadOnly, Medium
        => NotNeeded "what a turn of the shard gathers is written together";
    "group.coordinator.background.threads", Int, "2", AtLeast(1), ReadOnly, High
        => NotNeeded "groups live on the shards of their partitions";
    "group.coordinator.cached.buffer.max.bytes", Int, "1048588", AtLeast(524_288), ClusterWide,
        Medium
        => NotNeeded "buffers belong to the memory budget; see forebay.memory.bytes";
    "group.coordinator.rebalance.protocols", List, "classic,consumer,streams", OneOf(&["consumer",
        "classic", "share", "streams"]), ReadOnly, Medium
        => NotYet "the consumer group protocol";
    "group.coordinator.threads", Int, "4", AtLeast(1), ReadOnly, High
        => NotNeeded "groups live on the shards of their partitions";
    "group.initial.rebalance.delay.ms", Int, "3000", Any, ReadOnly, Medium
        => Obeyed "How long an empty group waits for more members after the first one joined.";
    "group.max.session.timeout.ms", Int, "1800000", Any, ReadOnly, Medium
        => Obeyed "The longest session timeout that a member of a classic group may ask for.";
    "group.max.size", Int, "2147483647", AtLeast(1), ReadOnly, Medium
        => Obeyed "The most members of a classic group.";
    "group.min.session.timeout.ms", Int, "6000", Any, ReadOnly, Medium
        => Obeyed "The shortest session timeout that a member of a classic group may ask for.";
    "group.share.assignment.interval.ms", Int, "1000", AtLeast(0), ClusterWide, Medium
        => NotYet "share groups";
    "group.share.assignors", List, "simple", Any, ReadOnly, Medium
        => NotYet "share groups";
    "group.share.delivery.count.limit", Int, "5", Between(2, 10), ReadOnly, Medium
        => NotYet "share groups";
    "group.share.heartbeat.interval.ms", Int, "5000", AtLeast(1), ReadOnly, Medium
        => NotYet "share groups";
    "group.share.initialize.retry.interval.ms", Int, "30000", AtLeast(1), ReadOnly, Internal
        => NotYet "share groups";
    "group.share.max.assignment.interval.ms", Int, "15000", AtLeast(0), ReadOnly, Medium
        => NotYet "share groups";
    "group.share.max.delivery.count.limit", Int, "10", Between(5, 25), ReadOnly, Medium
        => NotYet "share groups";
    "group.share.max.heartbeat.interval.ms", Int, "15000", AtLeast(1), ReadOnly, Medium
        => NotYet "share groups";
    "group.share.max.partition.max.record.locks", Int, "4000", Between(2000, 10_000), ReadOnly,
        Medium
        => NotYet "share groups";
    "group.share.max.record.lock.duration.ms", Int, "60000", Between(30_000, 3_600_000), ReadOnly,
        Medium
        => NotYet "share groups";
    "group.share.max.session.timeout.ms", Int, "60000", AtLeast(1), ReadOnly, Medium
        => NotYet "share groups";
    "group.share.max.share.sessions", Int, "2000", AtLeast(1), ReadOnly, Medium
        => NotYet "share groups";
    "group.share.max.size", Int, "200", Between(1, 1000), ReadOnly, Medium
        => NotYet "share groups";
    "group.share.min.assignment.interval.ms", Int, "0", AtLeast(0), ReadOnly, Medium
        => NotYet "share groups";
    "group.share.min.delivery.count.limit", Int, "2", Between(2, 5), ReadOnly, Medium
        => NotYet "share groups";
    "group.share.min.heartbeat.interval.ms", Int, "5000", AtLeast(1), ReadOnly, Medium
        => NotYet "share groups";
    "group.share.min.partition.max.record.locks", Int, "100", Between(100, 2000), ReadOnly, Medium
        => NotYet "share groups";
    "group.share.min.record.lock.duration.ms", Int, "15000", Between(1000, 30_000), ReadOnly, Medium
        => NotYet "share groups";
    "group.share.min.session.timeout.ms", Int, "45000", AtLeast(1), ReadOnly, Medium
        => NotYet "share groups";
    "group.share.partition.max.record.locks", Int, "2000", Between(100, 10_000), ReadOnly, Medium
        => NotYet "share groups";
    "group.share.persister.class.name", String,
        "org.apache.kafka.server.share.persister.DefaultStatePersister", Any, ReadOnly, Internal
        => NotYet "share groups";
    "group.share.record.lock.duration.ms", Int, "30000", Between(1000, 3_600_000), ReadOnly, Medium
        => NotYet "share groups";
    "group.share.session.timeout.ms", Int, "45000", AtLeast(1), ReadOnly, Medium
        => NotYet "share groups";
    "group.streams.assignment.interval.ms", Int, "1000", AtLeast(0), ClusterWide, Medium
        => NotYet "streams groups";
    "group.streams.heartbeat.interval.ms", Int, "5000", AtLeast(1), ReadOnly, Medium
        => NotYet "streams groups";
    "group.streams.initial.rebalance.delay.ms", Int, "3000", AtLeast(0), ReadOnly, Medium
        => NotYet "streams groups";
    "group.streams.max.assignment.interval.ms", Int, "15000", AtLeast(0), ReadOnly, Medium
        => NotYet "streams groups";
    "group.streams.max.heartbeat.interval.ms", Int, "15000", AtLeast(1), ReadOnly, Medium
        => NotYet "streams groups";
    "group.streams.max.session.timeout.ms", Int, "60000", AtLeast(1), ReadOnly, Medium
        => NotYet "streams groups";
    "group.streams.max.size", Int, "2147483647", AtLeast(1), ReadOnly, Medium
        => NotYet "streams groups";
    "group.streams.max.standby.replicas", Int, "2", AtLeast(0), ReadOnly, Medium
        => NotYet "streams groups";
    "group.streams.min.assignment.interval.ms", Int, "0", AtLeast(0), ReadOnly, Medium
        => NotYet "streams groups";
    "group.streams.min.heartbeat.interval.ms", Int, "5000", AtLeast(1), ReadOnly, Medium
        => NotYet "streams groups";
    "group.streams.min.session.timeout.ms", Int, "45000", AtLeast(1), ReadOnly, Medium
        => NotYet "streams groups";
    "group.streams.num.standby.replicas", Int, "0", AtLeast(0), ReadOnly, Medium
        => NotYet "streams groups";
    "group.streams.session.timeout.ms", Int, "45000", AtLeast(1), ReadOnly, Medium
        => NotYet "streams groups";
    "initial.broker.registration.timeout.ms", Int, "60000", Any, ReadOnly, Medium
        => Obeyed
            "How long a broker tries to register with the controller before it gives up and stops.";
    "inter.broker.listener.name", String, null, Any, ReadOnly, Medium
        => Obeyed
            "The listener for other brokers: it must be one of `listeners`; by default the one \
             named like `security.inter.broker.protocol`.";
    "internal.metadata.delete.delay.millis", Long, "60000", Any, ReadOnly, Internal
        => NotYet "settings of the metadata quorum";
    "internal.metadata.log.segment.bytes", Int, null, Any, ReadOnly, Internal
        => NotYet "settings of the metadata quorum";
    "internal.metadata.max.batch.size.in.bytes", Int, "8388608", Any, ReadOnly, Internal
        => NotYet "settings of the metadata quorum";
    "kafka.metrics.polling.interval.secs", Int, "10", AtLeast(1), ReadOnly, Low
        => NotNeeded "metrics are served over HTTP; see forebay.http.listen";
    "kafka.metrics.reporters", List, "", Any, ReadOnly, Low
        => NotNeeded "metrics are served over HTTP; see forebay.http.listen";
    "leader.imbalance.check.interval.seconds", Long, "300", AtLeast(1), ReadOnly, High
        => Obeyed "How often the first replicas of partitions are made to lead them again.";
    "listener.security.protocol.map", String,
        "SASL_SSL:SASL_SSL,PLAINTEXT:PLAINTEXT,SSL:SSL,SASL_PLAINTEXT:SASL_PLAINTEXT", Any,
        PerBroker, Low
        => Obeyed "What is spoken on each listener, as NAME:PROTOCOL; so far PLAINTEXT is spoken.";
    "listeners", List, "PLAINTEXT://:9092", Any, PerBroker, High
        => Obeyed
            "The addresses to listen on, as NAME://HOST:PORT; an empty host means every interface.";
    "log.cleaner.backoff.ms", Long, "15000", AtLeast(0), ClusterWide, Medium
        => Obeyed "How long to wait before looking again which logs need compaction, in milliseconds.";
    "log.cleaner.dedupe.buffer.size", Long, "134217728", Any, ClusterWide, Medium
        => Obeyed "Memory for the keys of the logs that are compacted, of all shards together, in bytes.";
    "log.cleaner.delete.retention.ms", Long, "86400000", AtLeast(0), ClusterWide, Medium
        => Obeyed "How long a compacted log keeps a record without value, in milliseconds.";
    "log.cleaner.enable", Boolean, "true", Any, ReadOnly, Medium
        => Obeyed "Whether logs are compacted whose topics say so; otherwise those only grow.";
    "log.cleaner.io.buffer.load.factor", Double, "0.9", Any, ClusterWide, Medium
        => Obeyed "How much of `log.cleaner.dedupe.buffer.size` may be filled, from 0 to 1.";
    "log.cleaner.io.buffer.size", Int, "524288", AtLeast(0), ClusterWide, Medium
        => NotNeeded "compaction reads 256 KiB at a time";
    "log.cleaner.io.max.bytes.per.second", Double, "1.7976931348623157E308", Any, ClusterWide,
        Medium
        => Obeyed "How much compaction may read and write in a second, in bytes.";
    "log.cleaner.max.compaction.lag.ms", Long, "9223372036854775807", AtLeast(1), ClusterWide,
        Medium
        => Obeyed "The longest that a record stays uncompacted, in milliseconds.";
    "log.cleaner.min.cleanable.ratio", Double, "0.5", Ratio(1.0), ClusterWide, Medium
        => Obeyed "How much of a log must be dirty before it is compacted, from 0 to 1.";
    "log.cleaner.min.compaction.lag.ms", Long, "0", AtLeast(0), ClusterWide, Medium
        => Obeyed "The shortest that a record stays uncompacted, in milliseconds.";
    "log.cleaner.threads", Int, "1", AtLeast(0), ClusterWide, Medium
        => NotNeeded "each shard compacts its own partitions";
    "log.cleanup.policy", List, "delete", OneOf(&["compact", "delete"]), ClusterWide, Medium
        => Obeyed "What becomes of old segments: `delete`, `compact` or both; empty keeps them.";
    "log.dir", List, "/tmp/kafka-logs", Any, ReadOnly, High
        => Obeyed "The data directory, if `log.dirs` is not set.";
    "log.dir.failure.timeout.ms", Long, "30000", AtLeast(1), ReadOnly, Low
        => NotNeeded "the controller is in the same process and is told at once";
    "log.dirs", List, null, NonEmpty, ReadOnly, High
        => Obeyed
            "The data directories, separated by commas. A new replica goes where there are the \
             fewest for the room that is left.";
    "log.flush.interval.messages", Long, "9223372036854775807", AtLeast(1), ClusterWide, High
        => Obeyed
            "Where `forebay.durability` lets records be acknowledged before they are synced: the \
             append with which so many of a partition are not synced waits for the sync.";
    "log.flush.interval.ms", Long, null, Any, ClusterWide, High
        => Obeyed
            "Where `forebay.durability` lets records be acknowledged before they are synced: so \
             long after an append its sync begins, and after 5 seconds in any case.";
    "log.flush.offset.checkpoint.interval.ms", Int, "60000", AtLeast(0), ReadOnly, High
        => Obeyed "How often it is written down how far logs reach on the disk.";
    "log.flush.scheduler.interval.ms", Long, "9223372036854775807", Any, ReadOnly, High
        => Obeyed
            "As `log.flush.interval.ms`, where that is not set.";
    "log.flush.start.offset.checkpoint.interval.ms", Int, "60000", AtLeast(0), ReadOnly, High
        => Obeyed "How often it is written down where logs start.";
    "log.index.interval.bytes", Int, "4096", AtLeast(0), ClusterWide, Medium
        => Obeyed "The most bytes of records between two entries of an offset index.";
    "log.index.size.max.bytes", Int, "10485760", AtLeast(4), ClusterWide, Medium
        => Obeyed "The largest size of an index file; a segment whose index is full is rolled.";
    "log.initial.task.delay.ms", Long, "30000", AtLeast(0), ReadOnly, Internal
        => NotNeeded "retention needs no warm-up";
    "log.local.retention.bytes", Long, "-2", AtLeast(-2), ClusterWide, Medium
        => NotYet "tiered storage";
    "log.local.retention.ms", Long, "-2", AtLeast(-2), ClusterWide, Medium
        => NotYet "tiered storage";
    "log.message.timestamp.after.max.ms", Long, "3600000", AtLeast(0), ClusterWide, Medium
        => Obeyed "How far a record's timestamp may lie ahead of the broker's clock.";
    "log.message.timestamp.before.max.ms", Long, "9223372036854775807", AtLeast(0), ClusterWide,
        Medium
        => Obeyed "How far a record's timestamp may lie behind the broker's clock.";
    "log.message.timestamp.type", String, "CreateTime", OneOf(&["CreateTime", "LogAppendTime"]),
        ClusterWide, Medium
        => Obeyed
            "Whether a record keeps its producer's timestamp or gets the broker's when it is \
             appended.";
    "log.preallocate", Boolean, "false", Any, ClusterWide, Medium
        => NotNeeded "the blocks of a segment are always reserved before they are written";
    "log.retention.bytes", Long, "-1", Any, ClusterWide, High
        => Obeyed
            "A partition above this size loses its oldest segments; a negative value keeps them.";
    "log.retention.check.interval.ms", Long, "300000", AtLeast(1), ReadOnly, Medium
        => Obeyed "How often segments are looked through for what is to be deleted.";
    "log.retention.hours", Int, "168", Any, ReadOnly, High
        => Obeyed "`log.retention.ms` in hours; used if neither that nor the minutes are set.";
    "log.retention.minutes", Int, null, Any, ReadOnly, High
        => Obeyed "`log.retention.ms` in minutes; used if that is not set.";
    "log.retention.ms", Long, null, Any, ClusterWide, High
        => Obeyed
            "Segments whose newest record is older than this are deleted; a negative value keeps \
             them.";
    "log.roll.hours", Int, "168", AtLeast(1), ReadOnly, High
        => Obeyed "`log.roll.ms` in hours; used if that is not set.";
    "log.roll.jitter.hours", Int, "0", AtLeast(0), ReadOnly, High
        => Obeyed "`log.roll.jitter.ms` in hours; used if that is not set.";
    "log.roll.jitter.ms", Long, null, Any, ClusterWide, High
        => Obeyed
            "At most this much is taken off `log.roll.ms`, at random, so that segments do not all \
             roll at once.";
    "log.roll.ms", Long, null, Any, ClusterWide, High
        => Obeyed "A segment is rolled when its first record is older than this.";
    "log.segment.bytes", Int, "1073741824", AtLeast(1_048_576), ClusterWide, High
        => Obeyed "A segment is rolled before it grows beyond this size.";
    "log.segment.delete.delay.ms", Long, "60000", AtLeast(0), ClusterWide, High
        => Obeyed "How long the files of a deleted segment stay on the disk under another name.";
    "max.connection.creation.rate", Int, "2147483647", AtLeast(0), ClusterWide, Medium
        => Obeyed
            "New connections in a second, of all listeners but the inter-broker one; more have to \
             wait. `listener.name.NAME.max.connection.creation.rate` limits one listener.";
    "max.connections", Int, "2147483647", AtLeast(0), ClusterWide, Medium
        => Obeyed
            "The most connections at a time; more have to wait. For a new one of the inter-broker \
             listener the connection of another listener that was silent longest is closed. \
             `listener.name.NAME.max.connections` limits one listener.";
    "max.connections.per.ip", Int, "2147483647", AtLeast(0), ClusterWide, Medium
        => Obeyed "The most connections at a time from one address; more are closed.";
    "max.connections.per.ip.overrides", String, "", Any, ClusterWide, Medium
        => Obeyed "Hosts with another limit than `max.connections.per.ip`, as HOST:LIMIT. A name is looked up \
             once, and the limit is that of each of its addresses.";
    "max.incremental.fetch.session.cache.slots", Int, "1000", AtLeast(0), ReadOnly, Medium
        => Obeyed "The most fetch sessions that are remembered at a time.";
    "max.request.partition.size.limit", Int, "2000", AtLeast(1), ReadOnly, Medium
        => Obeyed "The most partitions in one DescribeTopicPartitions answer.";
    "message.max.bytes", Int, "1048588", AtLeast(0), ClusterWide, High
        => Obeyed "The largest record batch, with its header and as it is compressed.";
    "metadata.log.dir", String, null, Any, ReadOnly, High
        => Obeyed "The directory of the metadata log: one of `log.dirs`, by default the first, or one that \
             holds nothing else.";
    "metadata.log.max.record.bytes.between.snapshots", Long, "20971520", AtLeast(1), ReadOnly, High
        => Obeyed
            "After this many bytes of records in the metadata log a snapshot is written.";
    "metadata.log.max.snapshot.interval.ms", Long, "3600000", AtLeast(0), ReadOnly, High
        => Obeyed
            "After this long a snapshot of the metadata is written, if there is anything new; 0 never.";
    "metadata.log.segment.bytes", Int, "1073741824", AtLeast(8_388_608), ReadOnly, High
        => Obeyed "The size of a segment of the metadata log.";
    "metadata.log.segment.ms", Long, "604800000", Any, ReadOnly, High
        => Obeyed "How long the metadata log stays in the same segment.";
    "metadata.max.idle.interval.ms", Int, "500", AtLeast(0), ReadOnly, Low
        => NotYet "settings of the metadata quorum";
    "metadata.max.retention.bytes", Long, "104857600", Any, ReadOnly, High
        => Obeyed
            "Segments and snapshots of the metadata that a later snapshot replaces are deleted when \
             all together have more bytes than this; -1 for no limit.";
    "metadata.max.retention.ms", Long, "604800000", Any, ReadOnly, High
        => Obeyed
            "Segments and snapshots of the metadata that a later snapshot replaces are deleted when \
             they are older than this; -1 for no limit.";
    "metric.reporters", List, "org.apache.kafka.common.metrics.JmxReporter", Any, ClusterWide, Low
        => NotNeeded "metrics are served over HTTP; see forebay.http.listen";
    "metrics.num.samples", Int, "2", AtLeast(1), ReadOnly, Low
        => NotNeeded "metrics are served over HTTP; see forebay.http.listen";
    "metrics.recording.level", String, "INFO", Any, ReadOnly, Low
        => NotNeeded "metrics are served over HTTP; see forebay.http.listen";
    "metrics.sample.window.ms", Long, "30000", AtLeast(1), ReadOnly, Low
        => NotNeeded "metrics are served over HTTP; see forebay.http.listen";
    "min.insync.replicas", Int, "1", AtLeast(1), ClusterWide, High
        => Obeyed
            "How many replicas must have a record before acks=all is answered; fewer in sync \
             refuse it.";
    "node.id", Int, required, AtLeast(0), ReadOnly, High
        => Obeyed "The number of this broker in its cluster.";
    "num.io.threads", Int, "8", AtLeast(1), ClusterWide, High
        => NotNeeded "each shard is one thread; see forebay.shards";
    "num.network.threads", Int, "3", AtLeast(1), ClusterWide, High
        => NotNeeded "each shard is one thread; see forebay.shards";
    "num.partitions", Int, "1", AtLeast(1), ReadOnly, Medium
        => Obeyed "How many partitions a topic gets that is created without a number.";
    "num.recovery.threads.per.data.dir", Int, "2", AtLeast(1), ClusterWide, High
        => NotNeeded "each shard recovers its own partitions";
    "num.replica.alter.log.dirs.threads", Int, null, Any, ReadOnly, High
        => NotNeeded "each shard moves its own partitions";
    "num.replica.fetchers", Int, "1", AtLeast(1), ClusterWide, High
        => NotNeeded "each shard fetches for its own partitions";
    "offset.metadata.max.bytes", Int, "4096", Any, ReadOnly, High
        => Obeyed "The longest text that a consumer may store beside a committed offset.";
    "offsets.commit.timeout.ms", Int, "5000", AtLeast(1), ReadOnly, High
        => Obeyed
            "How long a request that changes a group may wait until the change is stored.";
    "offsets.load.buffer.size", Int, "5242880", AtLeast(1), ReadOnly, High
        => NotNeeded "buffers belong to the memory budget; see forebay.memory.bytes";
    "offsets.retention.check.interval.ms", Long, "600000", AtLeast(1), ReadOnly, High
        => Obeyed "How often committed offsets are looked through for expired ones.";
    "offsets.retention.minutes", Int, "10080", AtLeast(1), ReadOnly, High
        => Obeyed
            "How long the offsets of an empty group, or of a partition it no longer reads, are \
             kept.";
    "offsets.topic.compression.codec", Int, "0", Any, ReadOnly, High
        => Obeyed
            "The compression of `__consumer_offsets`: 0 none, 1 gzip, 2 snappy, 3 lz4, 4 zstd.";
    "offsets.topic.num.partitions", Int, "50", AtLeast(1), ReadOnly, High
        => Obeyed "How many partitions `__consumer_offsets` is created with.";
    "offsets.topic.replication.factor", Short, "3", AtLeast(1), ReadOnly, High
        => Obeyed "How many replicas `__consumer_offsets` is created with.";
    "offsets.topic.segment.bytes", Int, "104857600", AtLeast(1), ReadOnly, High
        => Obeyed "The segment size that `__consumer_offsets` is created with.";
    "principal.builder.class", Class,
        "org.apache.kafka.common.security.authenticator.DefaultKafkaPrincipalBuilder", Any,
        PerBroker, Medium
        => Obeyed "How a connection's principal is found: Kafka's own way is the only one.";
    "process.roles", List, required, OneOf(&["broker", "controller"]), ReadOnly, High
        => Obeyed
            "The roles of this process: `broker,controller`, one of them in a cluster of several \
             nodes.";
    "producer.id.expiration.check.interval.ms", Int, "600000", AtLeast(1), ReadOnly, Internal
        => NotNeeded "expired producers are dropped with retention";
    "producer.id.expiration.ms", Int, "86400000", AtLeast(1), ClusterWide, Low
        => Obeyed "How long an idle producer's sequence numbers are remembered.";
    "producer.purgatory.purge.interval.requests", Int, "1000", Any, ReadOnly, Medium
        => NotNeeded "a request that was answered leaves its waiting place at once";
    "queued.max.request.bytes", Long, "-1", Any, ReadOnly, Medium
        => Obeyed
            "Bytes of requests that may be in work at a time; while there are as many no more are \
             read. Without it `forebay.memory.bytes` is the limit.";
    "queued.max.requests", Int, "500", AtLeast(1), ReadOnly, High
        => NotNeeded "a connection is read no faster than its requests are answered";
    "quota.window.num", Int, "11", AtLeast(1), ReadOnly, Low
        => Obeyed
            "How many windows of `quota.window.size.seconds` the rate of new connections is \
             measured over.";
    "quota.window.size.seconds", Int, "1", AtLeast(1), ReadOnly, Low
        => Obeyed "How long each of these windows is, and how long a new connection waits at most.";
    "remote.fetch.max.wait.ms", Int, "500", AtLeast(1), ClusterWide, Medium
        => NotYet "tiered storage";
    "remote.list.offsets.request.timeout.ms", Long, "30000", AtLeast(1), ClusterWide, Medium
        => NotYet "tiered storage";
    "remote.log.index.file.cache.total.size.bytes", Long, "1073741824", AtLeast(1), ClusterWide, Low
        => NotYet "tiered storage";
    "remote.log.index.file.cache.ttl.ms", Long, "900000", AtLeast(-1), ReadOnly, Internal
        => NotYet "tiered storage";
    "remote.log.manager.copier.thread.pool.size", Int, "10", AtLeast(1), ClusterWide, Medium
        => NotYet "tiered storage";
    "remote.log.manager.copy.max.bytes.per.second", Long, "9223372036854775807", AtLeast(1),
        ClusterWide, Medium
        => NotYet "tiered storage";
    "remote.log.manager.copy.quota.window.num", Int, "11", AtLeast(1), ReadOnly, Medium
        => NotYet "tiered storage";
    "remote.log.manager.copy.quota.window.size.seconds", Int, "1", AtLeast(1), ReadOnly, Medium
        => NotYet "tiered storage";
    "remote.log.manager.expiration.thread.pool.size", Int, "10", AtLeast(1), ClusterWide, Medium
        => NotYet "tiered storage";
    "remote.log.manager.fetch.max.bytes.per.second", Long, "9223372036854775807", AtLeast(1),
        ClusterWide, Medium
        => NotYet "tiered storage";
    "remote.log.manager.fetch.quota.window.num", Int, "11", AtLeast(1), ReadOnly, Medium
        => NotYet "tiered storage";
    "remote.log.manager.fetch.quota.window.size.seconds", Int, "1", AtLeast(1), ReadOnly, Medium
        => NotYet "tiered storage";
    "remote.log.manager.follower.thread.pool.size", Int, "2", AtLeast(1), ClusterWide, Medium
        => NotYet "tiered storage";
    "remote.log.manager.task.interval.ms", Long, "30000", AtLeast(1), ReadOnly, Low
        => NotYet "tiered storage";
    "remote.log.manager.task.retry.backoff.max.ms", Long, "30000", AtLeast(1), ReadOnly, Internal
        => NotYet "tiered storage";
    "remote.log.manager.task.retry.backoff.ms", Long, "500", AtLeast(1), ReadOnly, Internal
        => NotYet "tiered storage";
    "remote.log.manager.task.retry.jitter", Double, "0.2", Ratio(0.5), ReadOnly, Internal
        => NotYet "tiered storage";
    "remote.log.manager.thread.pool.size", Int, "2", AtLeast(1), ReadOnly, Medium
        => NotYet "tiered storage";
    "remote.log.metadata.custom.metadata.max.bytes", Int, "128", AtLeast(0), ReadOnly, Low
        => NotYet "tiered storage";
    "remote.log.metadata.manager.class.name", String,
        "org.apache.kafka.server.log.remote.metadata.storage.TopicBasedRemoteLogMetadataManager",
        NonEmpty, ReadOnly, Medium
        => NotYet "tiered storage";
    "remote.log.metadata.manager.class.path", String, null, Any, ReadOnly, Medium
        => NotYet "tiered storage";
    "remote.log.metadata.manager.impl.prefix", String, "rlmm.config.", NonEmpty, ReadOnly, Medium
        => NotYet "tiered storage";
    "remote.log.metadata.manager.listener.name", String, null, NonEmpty, ReadOnly, Medium
        => NotYet "tiered storage";
    "remote.log.reader.max.pending.tasks", Int, "100", AtLeast(1), ReadOnly, Medium
        => NotYet "tiered storage";
    "remote.log.reader.threads", Int, "10", AtLeast(1), ClusterWide, Medium
        => NotYet "tiered storage";
    "remote.log.storage.manager.class.name", String, null, NonEmpty, ReadOnly, Medium
        => NotYet "tiered storage";
    "remote.log.storage.manager.class.path", String, null, Any, ReadOnly, Medium
        => NotYet "tiered storage";
    "remote.log.storage.manager.impl.prefix", String, "rsm.config.", NonEmpty, ReadOnly, Medium
        => NotYet "tiered storage";
    "remote.log.storage.system.enable", Boolean, "false", Any, ReadOnly, Medium
        => NotYet "tiered storage";
    "replica.fetch.backoff.ms", Int, "1000", AtLeast(0), ReadOnly, Medium
        => Obeyed
            "How long a follower does not ask its leader after something went wrong, in milliseconds.";
    "replica.fetch.max.bytes", Int, "1048576", AtLeast(0), ReadOnly, Medium
        => Obeyed
            "How many bytes of a partition a follower asks for at a time; a larger batch comes as a \
             whole.";
    "replica.fetch.min.bytes", Int, "1", Any, ReadOnly, High
        => Obeyed "How many bytes a leader waits for before it answers a follower.";
    "replica.fetch.response.max.bytes", Int, "10485760", AtLeast(0), ReadOnly, Medium
        => Obeyed "How many bytes of all partitions a follower asks for at a time.";
    "replica.fetch.wait.max.ms", Int, "500", Any, ReadOnly, High
        => Obeyed "How long a leader lets a follower wait for bytes, in milliseconds.";
    "replica.high.watermark.checkpoint.interval.ms", Long, "5000", Any, ReadOnly, High
        => NotYet "replication between brokers";
    "replica.lag.time.max.ms", Long, "30000", Any, ReadOnly, High
        => Obeyed "How long a follower may be without some of what its leader has, in milliseconds, \
                   before it is no longer in sync.";
    "replica.selector.class", String, null, Any, ReadOnly, Medium
        => Obeyed
            "Where consumers read: from the leader, or, with `RackAwareReplicaSelector`, from a replica \
             in sync in the rack that they tell (`client.rack`).";
    "replica.socket.receive.buffer.bytes", Int, "65536", Any, ReadOnly, High
        => NotYet "replication between brokers";
    "replica.socket.timeout.ms", Int, "30000", Any, ReadOnly, High
        => Obeyed
            "How long a follower waits for an answer of its leader, in milliseconds, before it asks \
             anew.";
    "replication.quota.window.num", Int, "11", AtLeast(1), ReadOnly, Low
        => Obeyed
            "Over how many windows of time the throttled rates of replication are averaged, the \
             current one among them.";
    "replication.quota.window.size.seconds", Int, "1", AtLeast(1), ReadOnly, Low
        => Obeyed "How long each of these windows lasts.";
    "request.timeout.ms", Int, "30000", Any, ReadOnly, High
        => Obeyed
            "How long the end of a transaction may take to reach the replicas in sync, in \
             milliseconds, before its coordinator is told to try again.";
    "sasl.client.callback.handler.class", Class, null, Any, ReadOnly, Medium
        => NotYet "TLS, SASL and delegation tokens";
    "sasl.enabled.mechanisms", List, "GSSAPI", Any, PerBroker, Medium
        => NotYet "TLS, SASL and delegation tokens";
    "sasl.jaas.config", Password, null, Any, PerBroker, Medium
        => NotYet "TLS, SASL and delegation tokens";
    "sasl.kerberos.kinit.cmd", String, "/usr/bin/kinit", Any, PerBroker, Medium
        => NotYet "TLS, SASL and delegation tokens";
    "sasl.kerberos.min.time.before.relogin", Long, "60000", Any, PerBroker, Medium
        => NotYet "TLS, SASL and delegation tokens";
    "sasl.kerberos.principal.to.local.rules", List, "DEFAULT", Any, PerBroker, Medium
        => NotYet "TLS, SASL and delegation tokens";
    "sasl.kerberos.service.name", String, null, Any, PerBroker, Medium
        => NotYet "TLS, SASL and delegation tokens";
    "sasl.kerberos.ticket.renew.jitter", Double, "0.05", Any, PerBroker, Medium
        => NotYet "TLS, SASL and delegation tokens";
    "sasl.kerberos.ticket.renew.window.factor", Double, "0.8", Any, PerBroker, Medium
        => NotYet "TLS, SASL and delegation tokens";
    "sasl.login.callback.handler.class", Class, null, Any, ReadOnly, Medium
        => NotYet "TLS, SASL and delegation tokens";
    "sasl.login.class", Class, null, Any, ReadOnly, Medium
        => NotYet "TLS, SASL and delegation tokens";
    "sasl.login.connect.timeout.ms", Int, null, Any, ReadOnly, Low
        => NotYet "TLS, SASL and delegation tokens";
    "sasl.login.read.timeout.ms", Int, null, Any, ReadOnly, Low
        => NotYet "TLS, SASL and delegation tokens";
    "sasl.login.refresh.buffer.seconds", Short, "300", Any, PerBroker, Medium
        => NotYet "TLS, SASL and delegation tokens";
    "sasl.login.refresh.min.period.seconds", Short, "60", Any, PerBroker, Medium
        => NotYet "TLS, SASL and delegation tokens";
    "sasl.login.refresh.window.factor", Double, "0.8", Any, PerBroker, Medium
        => NotYet "TLS, SASL and delegation tokens";
    "sasl.login.refresh.window.jitter", Double, "0.05", Any, PerBroker, Medium
        => NotYet "TLS, SASL and delegation tokens";
    "sasl.login.retry.backoff.max.ms", Long, "10000", Any, ReadOnly, Low
        => NotYet "TLS, SASL and delegation tokens";
    "sasl.login.retry.backoff.ms", Long, "100", Any, ReadOnly, Low
        => NotYet "TLS, SASL and delegation tokens";
    "sasl.mechanism.controller.protocol", String, "GSSAPI", Any, ReadOnly, High
        => NotYet "TLS, SASL and delegation tokens";
    "sasl.mechanism.inter.broker.protocol", String, "GSSAPI", Any, PerBroker, Medium
        => NotYet "TLS, SASL and delegation tokens";
    "sasl.oauthbearer.assertion.algorithm", String, "RS256", OneOfIgnoringCase(&["ES256",
        "RS256"]), ReadOnly, Medium
        => NotYet "TLS, SASL and delegation tokens";
    "sasl.oauthbearer.assertion.claim.aud", String, null, Any, ReadOnly, Medium
        => NotYet "TLS, SASL and delegation tokens";
    "sasl.oauthbearer.assertion.claim.exp.seconds", Int, "300", Between(0, 86_400), ReadOnly, Low
        => NotYet "TLS, SASL and delegation tokens";
    "sasl.oauthbearer.assertion.claim.iss", String, null, Any, ReadOnly, Medium
        => NotYet "TLS, SASL and delegation tokens";
    "sasl.oauthbearer.assertion.claim.jti.include", Boolean, "false", Any, ReadOnly, Medium
        => NotYet "TLS, SASL and delegation tokens";
    "sasl.oauthbearer.assertion.claim.nbf.seconds", Int, "60", Between(0, 3600), ReadOnly, Low
        => NotYet "TLS, SASL and delegation tokens";
    "sasl.oauthbearer.assertion.claim.sub", String, null, Any, ReadOnly, Medium
        => NotYet "TLS, SASL and delegation tokens";
    "sasl.oauthbearer.assertion.file", String, null, Any, ReadOnly, Medium
        => NotYet "TLS, SASL and delegation tokens";
    "sasl.oauthbearer.assertion.private.key.file", String, null, Any, ReadOnly, Medium
        => NotYet "TLS, SASL and delegation tokens";
    "sasl.oauthbearer.assertion.private.key.passphrase", Password, null, Any, ReadOnly, Medium
        => NotYet "TLS, SASL and delegation tokens";
    "sasl.oauthbearer.assertion.template.file", String, null, Any, ReadOnly, Medium
        => NotYet "TLS, SASL and delegation tokens";
    "sasl.oauthbearer.client.credentials.client.id", String, null, Any, ReadOnly, Medium
        => NotYet "TLS, SASL and delegation tokens";
    "sasl.oauthbearer.client.credentials.client.secret", Password, null, Any, ReadOnly, Medium
        => NotYet "TLS, SASL and delegation tokens";
    "sasl.oauthbearer.clock.skew.seconds", Int, "30", Any, ReadOnly, Low
        => NotYet "TLS, SASL and delegation tokens";
    "sasl.oauthbearer.expected.audience", List, "", Any, ReadOnly, High
        => NotYet "TLS, SASL and delegation tokens";
    "sasl.oauthbearer.expected.issuer", String, null, Any, ReadOnly, High
        => NotYet "TLS, SASL and delegation tokens";
    "sasl.oauthbearer.jwks.endpoint.refresh.ms", Long, "3600000", Any, ReadOnly, Low
        => NotYet "TLS, SASL and delegation tokens";
    "sasl.oauthbearer.jwks.endpoint.retry.backoff.max.ms", Long, "10000", Any, ReadOnly, Low
        => NotYet "TLS, SASL and delegation tokens";
    "sasl.oauthbearer.jwks.endpoint.retry.backoff.ms", Long, "100", Any, ReadOnly, Low
        => NotYet "TLS, SASL and delegation tokens";
    "sasl.oauthbearer.jwks.endpoint.url", String, null, Any, ReadOnly, Medium
        => NotYet "TLS, SASL and delegation tokens";
    "sasl.oauthbearer.jwt.retriever.class", Class,
        "org.apache.kafka.common.security.oauthbearer.DefaultJwtRetriever", Any, ReadOnly, Medium
        => NotYet "TLS, SASL and delegation tokens";
    "sasl.oauthbearer.jwt.validator.class", Class,
        "org.apache.kafka.common.security.oauthbearer.DefaultJwtValidator", Any, ReadOnly, Medium
        => NotYet "TLS, SASL and delegation tokens";
    "sasl.oauthbearer.scope", String, null, Any, ReadOnly, Medium
        => NotYet "TLS, SASL and delegation tokens";
    "sasl.oauthbearer.scope.claim.name", String, "scope", Any, ReadOnly, Low
        => NotYet "TLS, SASL and delegation tokens";
    "sasl.oauthbearer.sub.claim.name", String, "sub", Any, ReadOnly, Low
        => NotYet "TLS, SASL and delegation tokens";
    "sasl.oauthbearer.token.endpoint.url", String, null, Any, ReadOnly, Medium
        => NotYet "TLS, SASL and delegation tokens";
    "sasl.server.callback.handler.class", Class, null, Any, ReadOnly, Medium
        => NotYet "TLS, SASL and delegation tokens";
    "sasl.server.max.receive.size", Int, "524288", Any, ReadOnly, Medium
        => NotYet "TLS, SASL and delegation tokens";
    "security.inter.broker.protocol", String, "PLAINTEXT", OneOf(&["PLAINTEXT", "SSL",
        "SASL_PLAINTEXT", "SASL_SSL"]), ReadOnly, Medium
        => Obeyed
            "The name of the inter-broker listener, if `inter.broker.listener.name` is not set.";
    "security.providers", String, null, Any, ReadOnly, Low
        => NotNeeded "there is no Java security provider to load";
    "server.max.startup.time.ms", Long, "9223372036854775807", AtLeast(0), ReadOnly, Internal
        => NotNeeded "a start that cannot go on says so at once";
    "share.coordinator.append.linger.ms", Int, "-1", AtLeast(-1), ReadOnly, Medium
        => NotNeeded "what a turn of the shard gathers is written together";
    "share.coordinator.cached.buffer.max.bytes", Int, "1048588", AtLeast(524_288), ClusterWide,
        Medium
        => NotNeeded "buffers belong to the memory budget; see forebay.memory.bytes";
    "share.coordinator.cold.partition.snapshot.interval.ms", Int, "300000", AtLeast(1), ReadOnly,
        Internal
        => NotYet "share groups";
    "share.coordinator.load.buffer.size", Int, "5242880", AtLeast(1), ReadOnly, High
        => NotNeeded "buffers belong to the memory budget; see forebay.memory.bytes";
    "share.coordinator.snapshot.update.records.per.snapshot", Int, "500", Between(0, 500),
        ReadOnly, Medium
        => NotYet "share groups";
    "share.coordinator.state.topic.compression.codec", Int, "0", Any, ReadOnly, High
        => NotYet "share groups";
    "share.coordinator.state.topic.min.isr", Short, "2", AtLeast(1), ReadOnly, High
        => NotYet "share groups";
    "share.coordinator.state.topic.num.partitions", Int, "50", AtLeast(1), ReadOnly, High
        => NotYet "share groups";
    "share.coordinator.state.topic.prune.interval.ms", Int, "300000", AtLeast(1), ReadOnly, Internal
        => NotYet "share groups";
    "share.coordinator.state.topic.replication.factor", Short, "3", AtLeast(1), ReadOnly, High
        => NotYet "share groups";
    "share.coordinator.state.topic.segment.bytes", Int, "104857600", AtLeast(1), ReadOnly, High
        => NotYet "share groups";
    "share.coordinator.threads", Int, "1", AtLeast(1), ReadOnly, Medium
        => NotNeeded "share groups live on the shards of their partitions";
    "share.coordinator.write.timeout.ms", Int, "5000", AtLeast(1), ReadOnly, High
        => NotYet "share groups";
    "share.fetch.purgatory.purge.interval.requests", Int, "1000", Any, ReadOnly, Medium
        => NotNeeded "a request that was answered leaves its waiting place at once";
    "socket.connection.setup.timeout.max.ms", Long, "30000", Any, ReadOnly, Medium
        => Obeyed
            "The limit up to which `socket.connection.setup.timeout.ms` doubles with each connection \
             in a row that fails.";
    "socket.connection.setup.timeout.ms", Long, "10000", Any, ReadOnly, Medium
        => Obeyed
            "How long it may take to connect to another node, all addresses of its name included.";
    "socket.listen.backlog.size", Int, "50", AtLeast(1), ReadOnly, Medium
        => Obeyed
            "How many connections may wait to be accepted; 4096 where nobody chooses.";
    "socket.receive.buffer.bytes", Int, "102400", Any, ReadOnly, High
        => Obeyed
            "The receive buffer of a connection in the kernel; -1 leaves it to the kernel, and so does \
             not to choose.";
    "socket.request.max.bytes", Int, "104857600", AtLeast(1), ReadOnly, High
        => Obeyed "The largest request; a longer one closes the connection.";
    "socket.send.buffer.bytes", Int, "102400", Any, ReadOnly, High
        => Obeyed
            "The send buffer of a connection in the kernel; -1 leaves it to the kernel, and so does not \
             to choose.";
    "ssl.allow.dn.changes", Boolean, "false", Any, ReadOnly, Low
        => NotYet "TLS, SASL and delegation tokens";
    "ssl.allow.san.changes", Boolean, "false", Any, ReadOnly, Low
        => NotYet "TLS, SASL and delegation tokens";
    "ssl.cipher.suites", List, "", Any, PerBroker, Medium
        => NotYet "TLS, SASL and delegation tokens";
    "ssl.client.auth", String, "none", OneOf(&["required", "requested", "none"]), PerBroker, Medium
        => NotYet "TLS, SASL and delegation tokens";
    "ssl.enabled.protocols", List, "TLSv1.2,TLSv1.3", Any, PerBroker, Medium
        => NotYet "TLS, SASL and delegation tokens";
    "ssl.endpoint.identification.algorithm", String, "https", Any, PerBroker, Low
        => NotYet "TLS, SASL and delegation tokens";
    "ssl.engine.factory.class", Class, null, Any, PerBroker, Low
        => NotYet "TLS, SASL and delegation tokens";
    "ssl.key.password", Password, null, Any, PerBroker, Medium
        => NotYet "TLS, SASL and delegation tokens";
    "ssl.keymanager.algorithm", String, "SunX509", Any, PerBroker, Medium
        => NotYet "TLS, SASL and delegation tokens";
    "ssl.keystore.certificate.chain", Password, null, Any, PerBroker, Medium
        => NotYet "TLS, SASL and delegation tokens";
    "ssl.keystore.key", Password, null, Any, PerBroker, Medium
        => NotYet "TLS, SASL and delegation tokens";
    "ssl.keystore.location", String, null, Any, PerBroker, Medium
        => NotYet "TLS, SASL and delegation tokens";
    "ssl.keystore.password", Password, null, Any, PerBroker, Medium
        => NotYet "TLS, SASL and delegation tokens";
    "ssl.keystore.type", String, "JKS", Any, PerBroker, Medium
        => NotYet "TLS, SASL and delegation tokens";
    "ssl.principal.mapping.rules", String, "DEFAULT", Any, ReadOnly, Low
        => NotYet "TLS, SASL and delegation tokens";
    "ssl.protocol", String, "TLSv1.3", Any, PerBroker, Medium
        => NotYet "TLS, SASL and delegation tokens";
    "ssl.provider", String, null, Any, PerBroker, Medium
        => NotYet "TLS, SASL and delegation tokens";
    "ssl.secure.random.implementation", String, null, Any, PerBroker, Low
        => NotYet "TLS, SASL and delegation tokens";
    "ssl.trustmanager.algorithm", String, "PKIX", Any, PerBroker, Medium
        => NotYet "TLS, SASL and delegation tokens";
    "ssl.truststore.certificates", Password, null, Any, PerBroker, Medium
        => NotYet "TLS, SASL and delegation tokens";
    "ssl.truststore.location", String, null, Any, PerBroker, Medium
        => NotYet "TLS, SASL and delegation tokens";
    "ssl.truststore.password", Password, null, Any, PerBroker, Medium
        => NotYet "TLS, SASL and delegation tokens";
    "ssl.truststore.type", String, "JKS", Any, PerBroker, Medium
        => NotYet "TLS, SASL and delegation tokens";
    "telemetry.max.bytes", Int, "1048576", AtLeast(1), ReadOnly, Low
        => NotYet "client telemetry";
    "transaction.abort.timed.out.transaction.cleanup.interval.ms", Int, "10000", AtLeast(1),
        ReadOnly, Low
        => NotYet "transactions";
    "transaction.max.timeout.ms", Int, "900000", AtLeast(1), ReadOnly, High
        => NotYet "transactions";
    "transaction.partition.verification.enable", Boolean, "true", Any, ClusterWide, Low
        => NotYet "transactions";
    "transaction.remove.expired.transaction.cleanup.interval.ms", Int, "3600000", AtLeast(1),
        ReadOnly, Low
        => NotYet "transactions";
    "transaction.state.log.load.buffer.size", Int, "5242880", AtLeast(1), ReadOnly, High
        => NotNeeded "buffers belong to the memory budget; see forebay.memory.bytes";
    "transaction.state.log.min.isr", Int, "2", AtLeast(1), ReadOnly, High
        => NotYet "transactions";
    "transaction.state.log.num.partitions", Int, "50", AtLeast(1), ReadOnly, High
        => NotYet "transactions";
    "transaction.state.log.replication.factor", Short, "3", AtLeast(1), ReadOnly, High
        => NotYet "transactions";
    "transaction.state.log.segment.bytes", Int, "104857600", AtLeast(1), ReadOnly, High
        => NotYet "transactions";
    "transaction.two.phase.commit.enable", Boolean, "false", Any, ReadOnly, Low
        => NotYet "transactions";
    "transactional.id.expiration.ms", Int, "604800000", AtLeast(1), ReadOnly, High
        => NotYet "transactions";
    "unclean.leader.election.enable", Boolean, "false", Any, ClusterWide, High
        => Obeyed
            "Whether a replica that lacks records may lead when no other can: the partition goes on, \
             and what the replica lacks is lost.";
    "unclean.leader.election.interval.ms", Long, "300000", AtLeast(1), ReadOnly, Internal
        => Obeyed
            "How often partitions that nobody leads are looked at for replicas that may lead though \
             they lack records.";
    "unstable.api.versions.enable", Boolean, "false", Any, ReadOnly, Internal
        => NotYet "unstable versions";
    "unstable.feature.versions.enable", Boolean, "false", Any, ReadOnly, Internal
        => NotYet "unstable versions";
}

broker_settings! {
    /// What Kafka accepts for a broker at run time only.
    pub const KAFKA_DYNAMIC =
    "follower.replication.throttled.rate", Long, "9223372036854775807", AtLeast(0), ClusterWide,
        Medium
        => Obeyed
            "How much this broker may fetch in a second for replicas that topics call throttled and \
             that are behind, in bytes.";
    "leader.replication.throttled.rate", Long, "9223372036854775807", AtLeast(0), ClusterWide,
        Medium
        => Obeyed
            "How much this broker may give in a second to followers of partitions that topics call \
             throttled, in bytes; those that are in sync are given more all the same.";
    "replica.alter.log.dirs.io.max.bytes.per.second", Long, "9223372036854775807", AtLeast(0),
        ClusterWide, Medium
        => Obeyed "How much may be copied in a second from one log directory to another, in bytes.";
}

broker_settings! {
    /// Forebay's own settings.
    pub const FOREBAY =
    "forebay.cpus", List, "", Any, ReadOnly, High
        => Obeyed
            "The CPUs to run on, as numbers and ranges such as 0-3,6; by default all that the \
             process may use.";
    "forebay.disk.reserve.bytes", Size, null, AtLeast(0), ClusterWide, Medium
        => Obeyed
            "The room that is left in a log directory for what the broker itself writes: while \
             there is less, producers are told `NOT_ENOUGH_REPLICAS`, which they try again, and all \
             else goes on. By default a hundredth of the file system, 1 GiB at most; 0 for none.";
    "forebay.durability", String, "synced", OneOf(&["synced", "replicated", "relaxed"]),
        ClusterWide, High
        => Obeyed
            "What an acknowledgement means for topics that do not say it themselves: `synced`, \
             `replicated` or `relaxed`, as docs/durability.md explains them. Internal topics are \
             `synced` unless they say otherwise.";
    "forebay.http.listen", String, null, Any, ReadOnly, High
        => Obeyed
            "Where metrics and health are served over HTTP, as HOST:PORT; by default nowhere.";
    "forebay.journal.bytes", Size, "67108864", Between(1_048_576, 4_294_967_296), ReadOnly, Medium
        => Obeyed
            "How long the journal of a shard in a log directory may become. A longer one has small \
             appends written to their segments less often, in larger pieces, and is read whole \
             after a crash.";
    "forebay.memory.bytes", Size, null, AtLeast(67_108_864), ReadOnly, High
        => Obeyed
            "The memory budget of all shards together, such as 4GiB; by default a part of what \
             the machine has. A batch whose records take more than a quarter of a shard's part \
             when decompressed, or more than 100 MiB, is refused as too large.";
    "forebay.shards", Int, null, Between(1, 1024), ReadOnly, High
        => Obeyed
            "How many shards, each a thread on a CPU of its own; by default one for each CPU.";
    "forebay.sync.method", String, "probe", OneOf(&["probe", "dsync", "fdatasync"]), ReadOnly, Medium
        => Obeyed
            "How a write gets on the disk before it is acknowledged: through a descriptor with \
             `O_DSYNC`, or by an `fdatasync` that follows it. `probe` measures both at the first \
             start in a log directory, takes the faster one, and notes the figures in the file \
             `forebay-sync-method` there; without that file they are measured again.";
}

/// Settings that Kafka reads outside its table, or that versions before 4 had, with what they are
/// now. A trailing `*` stands for any ending.
pub const OTHER: &[(&str, OtherSetting)] = &[
    (
        "allow.everyone.if.no.acl.found",
        OtherSetting::Obeyed(
            "Whether everybody may use what no access control list is about: `true` or `false`, \
             by default `false`.",
        ),
    ),
    (
        "broker.id.generation.enable",
        OtherSetting::NotNeeded("it belonged to ZooKeeper"),
    ),
    (
        "config.providers.*",
        OtherSetting::NotYet("config providers"),
    ),
    (
        "control.plane.listener.name",
        OtherSetting::NotNeeded("it belonged to ZooKeeper"),
    ),
    (
        "delegation.token.master.key",
        OtherSetting::NotYet("TLS, SASL and delegation tokens"),
    ),
    (
        "enable.zookeeper.*",
        OtherSetting::NotNeeded("it belonged to ZooKeeper"),
    ),
    (
        "group.coordinator.new.enable",
        OtherSetting::NotNeeded("Kafka 4 has one group coordinator"),
    ),
    (
        "inter.broker.protocol.version",
        OtherSetting::NotNeeded("the version of the metadata log decides"),
    ),
    (
        "leader.imbalance.per.broker.percentage",
        OtherSetting::NotNeeded("it belonged to ZooKeeper"),
    ),
    (
        "listener.name.*",
        OtherSetting::NotYet("settings of a single listener"),
    ),
    (
        "log.message.downconversion.enable",
        OtherSetting::NotNeeded("Kafka 4 has one message format"),
    ),
    (
        "log.message.format.version",
        OtherSetting::NotNeeded("Kafka 4 has one message format"),
    ),
    (
        "log.message.timestamp.difference.max.ms",
        OtherSetting::NotNeeded("Kafka 4 has a before and an after in its place"),
    ),
    (
        "offsets.commit.required.acks",
        OtherSetting::NotNeeded("Kafka 4 always commits with acks=all"),
    ),
    (
        "password.encoder.*",
        OtherSetting::NotNeeded("it belonged to ZooKeeper"),
    ),
    ("quota.consumer.default", OtherSetting::NotYet("quotas")),
    ("quota.producer.default", OtherSetting::NotYet("quotas")),
    (
        "reserved.broker.max.id",
        OtherSetting::NotNeeded("it belonged to ZooKeeper"),
    ),
    ("rlmm.config.*", OtherSetting::NotYet("tiered storage")),
    ("rsm.config.*", OtherSetting::NotYet("tiered storage")),
    (
        "super.users",
        OtherSetting::Obeyed(
            "Who may do everything whatever the access control lists say, such as \
             `User:alice;User:bob`.",
        ),
    ),
    (
        "zookeeper.*",
        OtherSetting::NotNeeded("there is no ZooKeeper"),
    ),
];

/// What becomes of a setting in [`OTHER`].
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum OtherSetting {
    /// Forebay obeys it; one sentence says what that means.
    Obeyed(&'static str),
    /// Forebay does without; the reason.
    NotNeeded(&'static str),
    /// The feature that is missing.
    NotYet(&'static str),
}
