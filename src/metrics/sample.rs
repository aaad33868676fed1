//! From what the shards have counted to the series of each metric.

use std::collections::BTreeMap;

use crate::model::{Offset, TopicPartition};

use super::exposition::Scrape;
use super::histogram::Histogram;
use super::shard_metrics::{
    DirectoryState, ListenerMetrics, ParkedOperation, PartitionState, QuorumState, RequestMetrics,
    ShardMetrics, TopicMetrics,
};
use super::table::{Metric, MetricId, MetricKind};

/// Series of one metric that are told: 10,000 partitions and a few times as many group offsets
/// are some megabytes of text.
pub(super) const SERIES_MAX: usize = 50_000;

/// In the place of a node that is not known, as in Kafka.
const NOBODY: i128 = -1;

/// One series: the values of its labels, and its own.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Sample {
    pub labels: Vec<String>,
    pub value: SampleValue,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum SampleValue {
    Number(i128),
    Durations {
        /// Since the broker started.
        all: Histogram,
        /// Of late.
        recent: Histogram,
    },
}

/// The series of `metric`, sorted by their labels, however many.
pub(super) fn samples_of(metric: &Metric, scrape: &Scrape<'_>) -> Vec<Sample> {
    let shards = scrape.shards;
    match metric.id {
        MetricId::Requests => requests_by_version(shards),
        MetricId::RequestErrors => request_errors(shards),
        MetricId::RequestBytes => by_api(shards, |request| request.request_bytes),
        MetricId::ResponseBytes => by_api(shards, |request| request.response_bytes),
        MetricId::RequestQueueSeconds => durations_by_api(scrape, |request| &request.queue),
        MetricId::RequestLocalSeconds => durations_by_api(scrape, |request| &request.local),
        MetricId::RequestRemoteSeconds => durations_by_api(scrape, |request| &request.remote),
        MetricId::RequestSendSeconds => durations_by_api(scrape, |request| &request.send),
        MetricId::RequestTotalSeconds => durations_by_api(scrape, |request| &request.total),
        MetricId::TopicBytesIn => by_topic(shards, |topic| topic.bytes_in),
        MetricId::TopicBytesOut => by_topic(shards, |topic| topic.bytes_out),
        MetricId::TopicRecordsIn => by_topic(shards, |topic| topic.records_in),
        MetricId::TopicProduceRequests => by_topic(shards, |topic| topic.produce_requests),
        MetricId::TopicFetchRequests => by_topic(shards, |topic| topic.fetch_requests),
        MetricId::TopicProduceFailures => by_topic(shards, |topic| topic.produce_failures),
        MetricId::TopicFetchFailures => by_topic(shards, |topic| topic.fetch_failures),
        MetricId::Connections => by_listener(scrape, open_connections),
        MetricId::ConnectionsOpened => by_listener(scrape, |listener| listener.opened.into()),
        MetricId::ConnectionsClosed => by_listener(scrape, |listener| listener.closed.into()),
        MetricId::ConnectionsRefused => by_listener(scrape, |listener| listener.refused.into()),
        MetricId::ConnectionsBroken => by_listener(scrape, |listener| listener.broken.into()),
        MetricId::ParkedRequests => parked(shards),
        MetricId::LogSizeBytes => by_partition(shards, |state| state.size_bytes.into()),
        MetricId::LogStartOffset => by_partition(shards, |state| state.log_start_offset.into()),
        MetricId::LogEndOffset => by_partition(shards, |state| state.log_end_offset.into()),
        MetricId::LogSegments => by_partition(shards, |state| state.segments.into()),
        MetricId::ReplicaLag => by_follower(shards),
        MetricId::GroupOffset => by_group(shards, |committed, _| Some(committed)),
        MetricId::GroupLag => by_group(shards, lag),
        MetricId::DirectoryBytes => by_directory(shards, |state| Some(state.room?.0)),
        MetricId::DirectoryUsableBytes => by_directory(shards, |state| Some(state.room?.1)),
        MetricId::DirectoryFull => by_directory(shards, |state| Some(state.is_full.into())),
        MetricId::DirectoryOffline => by_directory(shards, |state| Some(state.is_offline.into())),
        MetricId::DirectorySyncMethod => sync_methods(shards),
        MetricId::QuorumLeader => {
            of_quorum(shards, |state| state.leader.map_or(NOBODY, i128::from))
        }
        MetricId::QuorumEpoch => of_quorum(shards, |state| state.epoch.into()),
        MetricId::QuorumHighWatermark => of_quorum(shards, |state| state.high_watermark.into()),
        MetricId::QuorumLogEndOffset => of_quorum(shards, |state| state.log_end_offset.into()),
        MetricId::QuorumLogEndEpoch => of_quorum(shards, |state| state.log_end_epoch.into()),
        MetricId::QuorumVote => of_quorum(shards, |state| state.vote.map_or(NOBODY, i128::from)),
        MetricId::QuorumVoters => of_quorum(shards, |state| state.voters as i128),
        MetricId::QuorumLeaderChanges => of_quorum(shards, |state| state.leader_changes.into()),
        MetricId::QuorumState => {
            let state = quorum(shards).map(|state| number(vec![state.standing.to_owned()], 1));
            state.into_iter().collect()
        }
        MetricId::CompactionKeptPercent
        | MetricId::CompactionRunSeconds
        | MetricId::CompactionDirtyPercent
        | MetricId::CompactionSinceLookMs
        | MetricId::ReplicaLagMax => largest(metric, shards),
        // Told by the encoder, which knows what it left out.
        MetricId::SeriesLeftOut => Vec::new(),
        // The others have no labels, or the shard as their only one.
        _ => plain(metric, scrape),
    }
}

/// The series of a metric without labels, or of one for each shard.
fn plain(metric: &Metric, scrape: &Scrape<'_>) -> Vec<Sample> {
    let shards = scrape.shards;
    if metric.labels == ["shard"] {
        return (0_u64..)
            .zip(shards)
            .map(|(shard, metrics)| {
                number(vec![shard.to_string()], metrics.number(metric.id).into())
            })
            .collect();
    }
    if metric.kind == MetricKind::Histogram {
        let sum = |shards: &[ShardMetrics]| {
            let mut sum = Histogram::default();
            for histogram in shards.iter().filter_map(|shard| shard.histogram(metric.id)) {
                sum.add(histogram);
            }
            sum
        };
        return vec![durations(Vec::new(), sum(shards), &sum(scrape.earlier))];
    }
    let sum = shards
        .iter()
        .map(|shard| i128::from(shard.number(metric.id)))
        .sum();
    vec![number(Vec::new(), sum)]
}

/// The largest of what the shards tell.
fn largest(metric: &Metric, shards: &[ShardMetrics]) -> Vec<Sample> {
    let numbers = shards.iter().map(|shard| shard.number(metric.id).into());
    vec![number(Vec::new(), numbers.max().unwrap_or_default())]
}

fn number(labels: Vec<String>, value: i128) -> Sample {
    Sample {
        labels,
        value: SampleValue::Number(value),
    }
}

fn durations(labels: Vec<String>, all: Histogram, earlier: &Histogram) -> Sample {
    let mut recent = all.clone();
    recent.subtract(earlier);
    Sample {
        labels,
        value: SampleValue::Durations { all, recent },
    }
}

fn numbers(sums: BTreeMap<Vec<String>, i128>) -> Vec<Sample> {
    sums.into_iter()
        .map(|(labels, value)| number(labels, value))
        .collect()
}

fn requests(shards: &[ShardMetrics]) -> impl Iterator<Item = (String, &RequestMetrics)> {
    shards
        .iter()
        .flat_map(ShardMetrics::requests)
        .map(|(api, request)| (api.name().to_owned(), request))
}

fn requests_by_version(shards: &[ShardMetrics]) -> Vec<Sample> {
    let mut sums = BTreeMap::new();
    for (api, request) in requests(shards) {
        for (version, count) in request.by_version.iter().enumerate() {
            if *count > 0 {
                let labels = vec![api.clone(), version.to_string()];
                *sums.entry(labels).or_default() += i128::from(*count);
            }
        }
    }
    numbers(sums)
}

fn request_errors(shards: &[ShardMetrics]) -> Vec<Sample> {
    let mut sums = BTreeMap::new();
    for (api, request) in requests(shards) {
        for (error, count) in &request.by_error {
            let labels = vec![api.clone(), error.name().to_owned()];
            *sums.entry(labels).or_default() += i128::from(*count);
        }
    }
    numbers(sums)
}

fn by_api(shards: &[ShardMetrics], value: impl Fn(&RequestMetrics) -> u64) -> Vec<Sample> {
    let mut sums = BTreeMap::new();
    for (api, request) in requests(shards) {
        *sums.entry(vec![api]).or_default() += i128::from(value(request));
    }
    numbers(sums)
}

fn durations_by_api(
    scrape: &Scrape<'_>,
    histogram: impl Fn(&RequestMetrics) -> &Histogram,
) -> Vec<Sample> {
    let sums = |shards| {
        let mut sums: BTreeMap<String, Histogram> = BTreeMap::new();
        for (api, request) in requests(shards) {
            sums.entry(api).or_default().add(histogram(request));
        }
        sums
    };
    let earlier = sums(scrape.earlier);
    let none = Histogram::default();
    sums(scrape.shards)
        .into_iter()
        .map(|(api, all)| {
            let before = earlier.get(&api).unwrap_or(&none);
            durations(vec![api], all, before)
        })
        .collect()
}

fn by_topic(shards: &[ShardMetrics], value: impl Fn(&TopicMetrics) -> u64) -> Vec<Sample> {
    let mut sums = BTreeMap::new();
    for (name, topic) in shards.iter().flat_map(ShardMetrics::topics) {
        *sums.entry(vec![name.to_owned()]).or_default() += i128::from(value(topic));
    }
    numbers(sums)
}

fn open_connections(listener: &ListenerMetrics) -> i128 {
    i128::from(listener.opened) - i128::from(listener.closed)
}

fn by_listener(scrape: &Scrape<'_>, value: impl Fn(&ListenerMetrics) -> i128) -> Vec<Sample> {
    scrape
        .listener_names
        .iter()
        .enumerate()
        .map(|(index, name)| {
            let counted = scrape
                .shards
                .iter()
                .filter_map(|shard| shard.listeners().get(index));
            number(vec![name.clone()], counted.map(&value).sum())
        })
        .collect()
}

fn parked(shards: &[ShardMetrics]) -> Vec<Sample> {
    ParkedOperation::ALL
        .into_iter()
        .map(|operation| {
            let sum = shards
                .iter()
                .map(|shard| i128::from(shard.parked(operation)))
                .sum();
            number(vec![operation.name().to_owned()], sum)
        })
        .collect()
}

fn by_partition(shards: &[ShardMetrics], value: impl Fn(&PartitionState) -> i128) -> Vec<Sample> {
    some_partitions(shards, |state| Some(value(state)))
}

fn by_follower(shards: &[ShardMetrics]) -> Vec<Sample> {
    some_partitions(shards, |state| state.lag.map(i128::from))
}

/// The partitions for which there is a value.
fn some_partitions(
    shards: &[ShardMetrics],
    value: impl Fn(&PartitionState) -> Option<i128>,
) -> Vec<Sample> {
    let mut states: Vec<&PartitionState> =
        shards.iter().flat_map(ShardMetrics::partitions).collect();
    states.sort_by_key(|state| &state.partition);
    let told = states.into_iter().filter_map(|state| {
        let labels = partition_labels(&state.partition);
        Some(number(labels, value(state)?))
    });
    told.collect()
}

fn by_directory(
    shards: &[ShardMetrics],
    value: impl Fn(&DirectoryState) -> Option<u64>,
) -> Vec<Sample> {
    let states = shards.iter().flat_map(ShardMetrics::directories);
    let told = states.filter_map(|state| {
        let value = value(state)?;
        Some(number(vec![state.path.clone()], value.into()))
    });
    let mut told: Vec<Sample> = told.collect();
    told.sort_by(|one, other| one.labels.cmp(&other.labels));
    told
}

/// What the shard of the metadata knows of their quorum.
fn quorum(shards: &[ShardMetrics]) -> Option<&QuorumState> {
    shards.iter().find_map(ShardMetrics::quorum)
}

fn of_quorum(shards: &[ShardMetrics], value: impl Fn(&QuorumState) -> i128) -> Vec<Sample> {
    let state = quorum(shards).into_iter();
    state
        .map(|state| number(Vec::new(), value(state)))
        .collect()
}

fn sync_methods(shards: &[ShardMetrics]) -> Vec<Sample> {
    let states = shards.iter().flat_map(ShardMetrics::directories);
    let told = states.filter_map(|state| {
        let labels = vec![state.path.clone(), state.sync_method?.name().to_owned()];
        Some((labels, 1))
    });
    numbers(told.collect())
}

fn lag(committed: Offset, high_watermark: Option<Offset>) -> Option<Offset> {
    // A group may have committed more than a partition that was created again has.
    high_watermark.map(|high_watermark| (high_watermark - committed).max(0))
}

fn by_group(
    shards: &[ShardMetrics],
    value: impl Fn(Offset, Option<Offset>) -> Option<Offset>,
) -> Vec<Sample> {
    // A group and the partitions that it reads live on different shards.
    let high_watermarks: BTreeMap<&TopicPartition, Offset> = shards
        .iter()
        .flat_map(ShardMetrics::partitions)
        .map(|state| (&state.partition, state.high_watermark))
        .collect();
    let mut sums = BTreeMap::new();
    for offset in shards.iter().flat_map(ShardMetrics::group_offsets) {
        let high_watermark = high_watermarks.get(&offset.partition).copied();
        if let Some(value) = value(offset.committed_offset, high_watermark) {
            let mut labels = vec![offset.group.as_ref().to_owned()];
            labels.extend(partition_labels(&offset.partition));
            sums.insert(labels, i128::from(value));
        }
    }
    numbers(sums)
}

fn partition_labels(partition: &TopicPartition) -> Vec<String> {
    vec![
        partition.topic.as_ref().to_owned(),
        partition.partition.to_string(),
    ]
}
