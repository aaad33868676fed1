//! The settings of a group and of a client-metrics subscription in Kafka 4.3.

use super::super::setting::{Allowed::*, Setting, resource_settings};

resource_settings! {
    /// Every group setting of Kafka 4.3, by name.
    pub const GROUP =
    "consumer.assignment.interval.ms", Int, "1000", AtLeast(0),
        ["group.consumer.assignment.interval.ms"], Medium
        => NotYet "the consumer group protocol";
    "consumer.heartbeat.interval.ms", Int, "5000", AtLeast(1),
        ["group.consumer.heartbeat.interval.ms"], Medium
        => NotYet "the consumer group protocol";
    "consumer.session.timeout.ms", Int, "45000", AtLeast(1), ["group.consumer.session.timeout.ms"],
        Medium
        => NotYet "the consumer group protocol";
    "share.assignment.interval.ms", Int, "1000", AtLeast(0),
        ["group.share.assignment.interval.ms"], Medium
        => NotYet "share groups";
    "share.auto.offset.reset", String, "latest", OffsetReset, [], Medium
        => NotYet "share groups";
    "share.delivery.count.limit", Int, "5", AtLeast(2), ["group.share.delivery.count.limit"], Medium
        => NotYet "share groups";
    "share.heartbeat.interval.ms", Int, "5000", AtLeast(1), ["group.share.heartbeat.interval.ms"],
        Medium
        => NotYet "share groups";
    "share.isolation.level", String, "read_uncommitted", OneOf(&["read_committed",
        "read_uncommitted"]), [], Medium
        => NotYet "share groups";
    "share.partition.max.record.locks", Int, "2000", AtLeast(100),
        ["group.share.partition.max.record.locks"], Medium
        => NotYet "share groups";
    "share.record.lock.duration.ms", Int, "30000", AtLeast(1000),
        ["group.share.record.lock.duration.ms"], Medium
        => NotYet "share groups";
    "share.renew.acknowledge.enable", Boolean, "true", Any, [], Medium
        => NotYet "share groups";
    "share.session.timeout.ms", Int, "45000", AtLeast(1), ["group.share.session.timeout.ms"], Medium
        => NotYet "share groups";
    "streams.assignment.interval.ms", Int, "1000", AtLeast(0),
        ["group.streams.assignment.interval.ms"], Medium
        => NotYet "streams groups";
    "streams.heartbeat.interval.ms", Int, "5000", AtLeast(1),
        ["group.streams.heartbeat.interval.ms"], Medium
        => NotYet "streams groups";
    "streams.initial.rebalance.delay.ms", Int, "3000", AtLeast(0),
        ["group.streams.initial.rebalance.delay.ms"], Medium
        => NotYet "streams groups";
    "streams.num.standby.replicas", Int, "0", AtLeast(0), ["group.streams.num.standby.replicas"],
        Medium
        => NotYet "streams groups";
    "streams.session.timeout.ms", Int, "45000", AtLeast(1), ["group.streams.session.timeout.ms"],
        Medium
        => NotYet "streams groups";
}

resource_settings! {
    /// Every setting of a client-metrics subscription of Kafka 4.3, by name.
    pub const CLIENT_METRICS =
    "interval.ms", Int, "300000", Between(100, 3_600_000), [], Medium
        => NotYet "client telemetry";
    "match", List, "", Any, [], Medium
        => NotYet "client telemetry";
    "metrics", List, "", Any, [], Medium
        => NotYet "client telemetry";
}
