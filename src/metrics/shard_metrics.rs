//! What one shard has counted.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::config::SyncMethod;
use crate::model::{BrokerId, ErrorCode, LeaderEpoch, Offset, TopicPartition};
use crate::protocol::ApiKey;
use crate::stdx::HashMap;

use super::histogram::Histogram;
use super::table::{METRICS, MetricId, MetricKind};

/// Topics that a shard counts apart; those beyond are counted together.
const TOPICS_MAX: usize = 10_000;

/// The name under which topics beyond [`TOPICS_MAX`], and those that are gone, are counted. No
/// topic can have it.
pub(super) const OTHER_TOPICS: &str = "(other)";

/// Versions of an API that are counted apart: twice as many as Kafka 4.4 has of any.
const VERSIONS_MAX: usize = 40;

/// What one shard has counted. Bumping is a plain addition; a clone is what others get to see.
#[derive(Clone, Debug, Default)]
pub struct ShardMetrics {
    /// The metrics without labels, and those whose only label is the shard.
    numbers: Numbers,
    histograms: BTreeMap<MetricId, Histogram>,
    requests: BTreeMap<ApiKey, RequestMetrics>,
    topics: HashMap<Arc<str>, TopicMetrics>,
    other_topics: TopicMetrics,
    listeners: Vec<ListenerMetrics>,
    parked: [u64; ParkedOperation::ALL.len()],
    partitions: Vec<PartitionState>,
    group_offsets: Vec<GroupOffset>,
    directories: Vec<DirectoryState>,
    quorum: Option<QuorumState>,
}

/// The metadata quorum as a node of it sees it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct QuorumState {
    /// Who leads, if that is known.
    pub leader: Option<BrokerId>,
    /// The epoch.
    pub epoch: LeaderEpoch,
    /// Everything below is committed; -1 before that is known.
    pub high_watermark: Offset,
    /// Where the log ends here.
    pub log_end_offset: Offset,
    /// The epoch of its last record here.
    pub log_end_epoch: LeaderEpoch,
    /// Whom the node has voted for in the epoch, if anybody.
    pub vote: Option<BrokerId>,
    /// How many vote.
    pub voters: usize,
    /// How often the node has learned of a leader that was elected.
    pub leader_changes: u64,
    /// What the node is in it.
    pub standing: &'static str,
}

#[derive(Clone, Debug)]
struct Numbers([u64; METRICS.len()]);

impl Default for Numbers {
    fn default() -> Self {
        Self([0; METRICS.len()])
    }
}

/// What was counted of one API.
#[derive(Clone, Debug)]
pub(super) struct RequestMetrics {
    pub by_version: [u64; VERSIONS_MAX],
    pub by_error: BTreeMap<ErrorCode, u64>,
    pub request_bytes: u64,
    pub response_bytes: u64,
    pub queue: Histogram,
    pub local: Histogram,
    pub remote: Histogram,
    pub send: Histogram,
    pub total: Histogram,
}

impl Default for RequestMetrics {
    fn default() -> Self {
        Self {
            by_version: [0; VERSIONS_MAX],
            by_error: BTreeMap::new(),
            request_bytes: 0,
            response_bytes: 0,
            queue: Histogram::default(),
            local: Histogram::default(),
            remote: Histogram::default(),
            send: Histogram::default(),
            total: Histogram::default(),
        }
    }
}

/// Where the time of one request went.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct RequestTimes {
    /// From the newest bytes of its connection to the beginning of the work on it.
    pub queue: Duration,
    /// Work of its shard's turn on it.
    pub local: Duration,
    /// Waiting for other shards, the disk, replicas or records.
    pub remote: Duration,
    /// From the finished answer to its last byte on the network.
    pub send: Duration,
}

/// What was counted of one topic.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct TopicMetrics {
    /// Bytes of appended batches.
    pub bytes_in: u64,
    /// Bytes of batches sent to consumers.
    pub bytes_out: u64,
    /// Appended records.
    pub records_in: u64,
    /// Its partitions in Produce requests.
    pub produce_requests: u64,
    /// Its partitions in Fetch requests.
    pub fetch_requests: u64,
    /// Its partitions in Produce requests that got an error.
    pub produce_failures: u64,
    /// Its partitions in Fetch requests that got an error.
    pub fetch_failures: u64,
}

impl TopicMetrics {
    /// Count what `other` has counted as well.
    pub(super) const fn add(&mut self, other: &Self) {
        self.bytes_in += other.bytes_in;
        self.bytes_out += other.bytes_out;
        self.records_in += other.records_in;
        self.produce_requests += other.produce_requests;
        self.fetch_requests += other.fetch_requests;
        self.produce_failures += other.produce_failures;
        self.fetch_failures += other.fetch_failures;
    }
}

/// What was counted of one listener.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct ListenerMetrics {
    /// Connections that were accepted.
    pub opened: u64,
    /// Connections that are gone.
    pub closed: u64,
    /// Clients that were turned away.
    pub refused: u64,
    /// Connections that were closed because of what their clients sent.
    pub broken: u64,
}

/// What a request waits in the purgatory for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ParkedOperation {
    /// For its records to be safe.
    Produce,
    /// For records to come.
    Fetch,
}

impl ParkedOperation {
    pub(super) const ALL: [Self; 2] = [Self::Produce, Self::Fetch];

    /// Kafka's name of it.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Produce => "Produce",
            Self::Fetch => "Fetch",
        }
    }
}

/// A partition as it was when the metrics were collected.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PartitionState {
    /// Which one.
    pub partition: TopicPartition,
    /// Bytes of its segments.
    pub size_bytes: u64,
    /// Its segments.
    pub segments: u64,
    /// Its first offset.
    pub log_start_offset: Offset,
    /// The offset that its next record gets.
    pub log_end_offset: Offset,
    /// Consumers see what is below.
    pub high_watermark: Offset,
    /// The committed records that it lacks, if it follows.
    pub lag: Option<Offset>,
}

/// What a group had committed when the metrics were collected.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct GroupOffset {
    /// The group.
    pub group: Arc<str>,
    /// The partition.
    pub partition: TopicPartition,
    /// The next offset that the group wants.
    pub committed_offset: Offset,
}

/// A log directory as it was when its room was looked at last.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct DirectoryState {
    /// Its path, as in `log.dirs`.
    pub path: String,
    /// The bytes of its file system, and those that the broker may still write; `None` if the disk
    /// does not tell.
    pub room: Option<(u64, u64)>,
    /// True while it takes no records of producers.
    pub is_full: bool,
    /// True if it is given up until the next start.
    pub is_offline: bool,
    /// How writes to it are synced, if that is known.
    pub sync_method: Option<SyncMethod>,
}

impl ShardMetrics {
    /// Add `amount` to a counter without labels, or with the shard as its only one.
    pub fn add(&mut self, id: MetricId, amount: u64) {
        *self.number_mut(id, MetricKind::Counter) += amount;
    }

    /// Set a gauge without labels, or with the shard as its only one.
    pub fn set(&mut self, id: MetricId, value: u64) {
        *self.number_mut(id, MetricKind::Gauge) = value;
    }

    fn number_mut(&mut self, id: MetricId, kind: MetricKind) -> &mut u64 {
        let metric = &METRICS[id as usize];
        assert!(
            metric.kind == kind && matches!(metric.labels, [] | ["shard"]),
            "{} is a {} without labels",
            metric.name,
            kind.name()
        );
        &mut self.numbers.0[id as usize]
    }

    /// Count a duration in a histogram without labels.
    pub fn record(&mut self, id: MetricId, elapsed: Duration) {
        let metric = &METRICS[id as usize];
        assert!(
            metric.kind == MetricKind::Histogram && metric.labels.is_empty(),
            "{} is a histogram without labels",
            metric.name
        );
        self.histograms.entry(id).or_default().record(elapsed);
    }

    /// Count a request of `api`, and its answer.
    pub fn record_request(
        &mut self,
        api: ApiKey,
        version: i16,
        request_bytes: u64,
        response_bytes: u64,
        times: &RequestTimes,
    ) {
        let request = self.requests.entry(api).or_default();
        let version = usize::try_from(version).unwrap_or(0).min(VERSIONS_MAX - 1);
        request.by_version[version] += 1;
        request.request_bytes += request_bytes;
        request.response_bytes += response_bytes;
        request.queue.record(times.queue);
        request.local.record(times.local);
        request.remote.record(times.remote);
        request.send.record(times.send);
        request
            .total
            .record(times.queue + times.local + times.remote + times.send);
    }

    /// Count an error code in an answer to `api`; NONE is not counted.
    pub fn count_error(&mut self, api: ApiKey, error: ErrorCode) {
        if error.is_error() {
            let request = self.requests.entry(api).or_default();
            *request.by_error.entry(error).or_default() += 1;
        }
    }

    /// What is counted of the topic `name`.
    pub fn topic_mut(&mut self, name: &str) -> &mut TopicMetrics {
        if !self.topics.contains_key(name) {
            if self.topics.len() >= TOPICS_MAX {
                return &mut self.other_topics;
            }
            self.topics.insert(Arc::from(name), TopicMetrics::default());
        }
        self.topics
            .get_mut(name)
            .expect("the topic was put in where it was missing")
    }

    /// The topic `name` is deleted: what was counted of it stays in the totals.
    pub fn forget_topic(&mut self, name: &str) {
        if let Some(gone) = self.topics.remove(name) {
            self.other_topics.add(&gone);
        }
    }

    /// What is counted of the listener at `index` of the broker's listeners.
    pub fn listener_mut(&mut self, index: u16) -> &mut ListenerMetrics {
        let index = usize::from(index);
        if self.listeners.len() <= index {
            self.listeners.resize(index + 1, ListenerMetrics::default());
        }
        &mut self.listeners[index]
    }

    /// So many requests wait for this.
    pub const fn set_parked(&mut self, operation: ParkedOperation, count: u64) {
        self.parked[operation as usize] = count;
    }

    /// The shard's partitions as they are now; for the copy that is told.
    pub fn set_partitions(&mut self, partitions: Vec<PartitionState>) {
        self.partitions = partitions;
    }

    /// What the shard's groups have committed by now; for the copy that is told.
    pub fn set_group_offsets(&mut self, group_offsets: Vec<GroupOffset>) {
        self.group_offsets = group_offsets;
    }

    /// The log directories as they are now; for the copy of one shard.
    pub fn set_directories(&mut self, directories: Vec<DirectoryState>) {
        self.directories = directories;
    }

    /// The metadata quorum as it is now; for the copy of one shard.
    pub const fn set_quorum(&mut self, quorum: QuorumState) {
        self.quorum = Some(quorum);
    }

    pub(super) const fn quorum(&self) -> Option<&QuorumState> {
        self.quorum.as_ref()
    }

    /// What was counted, or set, of a metric without labels, or with the shard as its only one.
    #[must_use]
    pub const fn number(&self, id: MetricId) -> u64 {
        self.numbers.0[id as usize]
    }

    pub(super) fn histogram(&self, id: MetricId) -> Option<&Histogram> {
        self.histograms.get(&id)
    }

    pub(super) const fn requests(&self) -> &BTreeMap<ApiKey, RequestMetrics> {
        &self.requests
    }

    pub(super) fn topics(&self) -> impl Iterator<Item = (&str, &TopicMetrics)> {
        let others = (self.other_topics != TopicMetrics::default())
            .then_some((OTHER_TOPICS, &self.other_topics));
        self.topics
            .iter()
            .map(|(name, topic)| (name.as_ref(), topic))
            .chain(others)
    }

    pub(super) fn listeners(&self) -> &[ListenerMetrics] {
        &self.listeners
    }

    pub(super) const fn parked(&self, operation: ParkedOperation) -> u64 {
        self.parked[operation as usize]
    }

    pub(super) fn partitions(&self) -> &[PartitionState] {
        &self.partitions
    }

    pub(super) fn directories(&self) -> &[DirectoryState] {
        &self.directories
    }

    pub(super) fn group_offsets(&self) -> &[GroupOffset] {
        &self.group_offsets
    }
}
