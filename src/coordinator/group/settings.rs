//! The settings and limits of group coordination.

use std::time::Duration;

use crate::config::BrokerConfig;
use crate::stdx::duration_of_ms;

/// A member that joins for the first time is given up when its rebalance takes longer: its client
/// cannot send heartbeats while it waits, and clients that tried again would leave defunct members
/// behind. Kafka's number.
pub(super) const NEW_MEMBER_JOIN_TIMEOUT: Duration = Duration::from_mins(5);

/// Groups that one coordinator holds. A group costs about a kilobyte, a flood of made-up group ids
/// must not cost more than that.
pub(super) const GROUPS_MAX: usize = 1_000_000;

/// Member ids of one group that were given out and not yet used. Each lives for a session timeout.
pub(super) const PENDING_MEMBERS_MAX: usize = 10_000;

/// Writes of one coordinator that are not yet committed. Beyond it the log is stuck, and clients
/// are told to come again.
pub(super) const OUTSTANDING_WRITES_MAX: usize = 100_000;

/// Records of one write of tombstones; what is more goes into further writes. A tombstone's key is
/// at most some 600 bytes, so a write stays below the smallest usual `max.message.bytes`.
pub(super) const TOMBSTONES_PER_WRITE_MAX: usize = 1_000;

/// The settings of the broker that groups depend on.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct GroupSettings {
    /// `group.initial.rebalance.delay.ms`
    pub initial_rebalance_delay: Duration,
    /// `group.min.session.timeout.ms`
    pub session_timeout_ms_min: i32,
    /// `group.max.session.timeout.ms`
    pub session_timeout_ms_max: i32,
    /// `group.max.size`
    pub members_max: usize,
    /// `offset.metadata.max.bytes`, which Kafka counts in UTF-16 units.
    pub offset_metadata_length_max: usize,
    /// `offsets.commit.timeout.ms`
    pub commit_timeout: Duration,
    /// `offsets.retention.minutes`
    pub offsets_retention_ms: i64,
    /// `offsets.retention.check.interval.ms`
    pub offsets_retention_check_interval: Duration,
}

impl GroupSettings {
    /// The settings in `config`.
    #[must_use]
    pub fn new(config: &BrokerConfig) -> Self {
        Self {
            initial_rebalance_delay: duration_of_ms(config.group_initial_rebalance_delay_ms),
            session_timeout_ms_min: config.group_min_session_timeout_ms,
            session_timeout_ms_max: config.group_max_session_timeout_ms,
            members_max: usize::try_from(config.group_max_size).unwrap_or(usize::MAX),
            offset_metadata_length_max: usize::try_from(config.offset_metadata_max_bytes)
                .unwrap_or(usize::MAX),
            commit_timeout: duration_of_ms(config.offsets_commit_timeout_ms),
            offsets_retention_ms: config.offsets_retention_ms,
            offsets_retention_check_interval: duration_of_ms(
                config.offsets_retention_check_interval_ms,
            ),
        }
    }
}
