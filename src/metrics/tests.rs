use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use crate::config::SyncMethod;
use crate::model::{ErrorCode, TopicPartition};
use crate::protocol::ApiKey;

use super::sample::SERIES_MAX;
use super::table::METRICS;
use super::*;

fn told(shards: &[ShardMetrics]) -> String {
    encode_exposition(&Scrape {
        shards,
        earlier: &[],
        listener_names: &["PLAINTEXT".to_owned(), "B".to_owned()],
    })
}

#[track_caller]
fn assert_line(text: &str, line: &str) {
    assert!(
        text.lines().any(|found| found == line),
        "{line} is missing in\n{text}"
    );
}

fn partition(topic: &str, partition: i32) -> TopicPartition {
    TopicPartition {
        topic: Arc::from(topic),
        partition,
    }
}

fn state(topic: &str, number: i32, high_watermark: i64) -> PartitionState {
    PartitionState {
        partition: partition(topic, number),
        size_bytes: 1000,
        segments: 2,
        log_start_offset: 1,
        log_end_offset: high_watermark + 1,
        high_watermark,
        lag: Some(3),
    }
}

/// A shard that has counted something in every metric.
fn busy() -> ShardMetrics {
    let mut shard = ShardMetrics::default();
    let times = RequestTimes {
        queue: Duration::from_micros(10),
        local: Duration::from_micros(20),
        remote: Duration::from_millis(3),
        send: Duration::from_micros(40),
    };
    shard.record_request(ApiKey::Fetch, 17, 100, 2000, &times);
    shard.count_error(ApiKey::Fetch, ErrorCode::OffsetOutOfRange);
    shard.count_error(ApiKey::Fetch, ErrorCode::None);
    shard.topic_mut("a").bytes_in += 7;
    shard.listener_mut(1).opened += 3;
    shard.listener_mut(1).closed += 1;
    shard.listener_mut(1).refused += 1;
    shard.listener_mut(1).broken += 1;
    shard.set_parked(ParkedOperation::Fetch, 4);
    shard.set(MetricId::Partitions, 5);
    shard.add(MetricId::StorageWrites, 6);
    shard.record(MetricId::StorageSyncSeconds, Duration::from_millis(2));
    shard.set(MetricId::CachedBytes, 8);
    shard.set_partitions(vec![state("a", 0, 50)]);
    shard.set_directories(vec![DirectoryState {
        path: "/data".to_owned(),
        room: Some((1000, 10)),
        is_full: true,
        is_offline: true,
        sync_method: Some(SyncMethod::Fdatasync),
    }]);
    shard.set_group_offsets(vec![GroupOffset {
        group: Arc::from("g"),
        partition: partition("a", 0),
        committed_offset: 30,
    }]);
    shard.set_quorum(QuorumState {
        leader: None,
        epoch: 7,
        high_watermark: -1,
        log_end_offset: 5,
        log_end_epoch: 6,
        vote: Some(2),
        voters: 3,
        leader_changes: 4,
        standing: "follower",
    });
    shard
}

#[test]
fn names_are_unique_and_helps_are_sentences() {
    let mut names = BTreeSet::new();
    for (index, metric) in METRICS.iter().enumerate() {
        assert_eq!(metric.id as usize, index, "an id is its place");
        assert!(names.insert(metric.name), "{}", metric.name);
        assert!(metric.name.starts_with("forebay_"));
        assert_eq!(
            metric.kind == table::MetricKind::Counter,
            metric.name.ends_with("_total"),
            "{}",
            metric.name
        );
        assert!(metric.help.ends_with('.'), "{}", metric.name);
        if let Some(alias) = metric.alias {
            assert!(names.insert(alias.name), "{}", alias.name);
            assert_eq!(alias.labels.len(), metric.labels.len(), "{}", alias.name);
        }
    }
}

#[test]
fn every_metric_of_the_table_is_told() {
    let text = told(&[busy()]);
    for metric in METRICS {
        if metric.id != MetricId::SeriesLeftOut {
            assert_line(
                &text,
                &format!("# TYPE {} {}", metric.name, metric.kind.name()),
            );
        }
        if let Some(alias) = metric.alias {
            let ends: &[&str] = match alias.form {
                table::AliasForm::AverageAndLargest => &["_avg", "_max"],
                _ => &[""],
            };
            for end in ends {
                let line = format!("# HELP {}{end} {}", alias.name, metric.help);
                assert_line(&text, &line);
            }
        }
    }
}

#[test]
fn each_line_is_one_of_prometheus_and_each_header_comes_once() {
    let text = told(&[busy(), busy()]);
    let mut headers = BTreeSet::new();
    for line in text.lines() {
        if line.starts_with('#') {
            assert!(headers.insert(line), "{line}");
            continue;
        }
        let (series, value) = line.rsplit_once(' ').expect("a series and its value");
        assert!(value.parse::<f64>().is_ok(), "{line}");
        let name = series.split('{').next().unwrap_or_default();
        assert!(
            name.bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_'),
            "{line}"
        );
        assert_eq!(series.contains('{'), series.ends_with('}'), "{line}");
    }
}

#[test]
fn what_shards_have_counted_adds_up() {
    let text = told(&[busy(), busy()]);
    for line in [
        "forebay_requests_total{api=\"Fetch\",version=\"17\"} 2",
        "kafka_network_requestmetrics_requests_total{request=\"FetchConsumer\",version=\"17\"} 2",
        "forebay_request_errors_total{api=\"Fetch\",error=\"OFFSET_OUT_OF_RANGE\"} 2",
        "forebay_request_bytes_total{api=\"Fetch\"} 200",
        "forebay_response_bytes_total{api=\"Fetch\"} 4000",
        "forebay_topic_bytes_in_total{topic=\"a\"} 14",
        "kafka_server_brokertopicmetrics_bytesin_total{topic=\"a\"} 14",
        "kafka_server_brokertopicmetrics_bytesin_total 14",
        "forebay_connections{listener=\"PLAINTEXT\"} 0",
        "forebay_connections{listener=\"B\"} 4",
        "kafka_server_delayedoperationpurgatory_purgatorysize{delayedOperation=\"Fetch\"} 8",
        "kafka_server_replicamanager_partitioncount 10",
        "forebay_storage_writes_total 12",
        "forebay_cached_bytes{shard=\"1\"} 8",
    ] {
        assert_line(&text, line);
    }
    assert!(!text.contains("error=\"NONE\""));
}

#[test]
fn a_quorum_is_told_by_the_shard_that_knows_it() {
    let text = told(&[ShardMetrics::default(), busy()]);
    assert_line(&text, "forebay_quorum_leader -1");
    assert_line(&text, "kafka_server_raft_metrics_current_epoch 7");
    assert_line(&text, "forebay_quorum_high_watermark -1");
    assert_line(&text, "forebay_quorum_log_end_offset 5");
    assert_line(&text, "forebay_quorum_state{state=\"follower\"} 1");
    let text = told(&[ShardMetrics::default()]);
    assert!(!text.contains("\nforebay_quorum_leader "));
}

#[test]
fn a_duration_is_told_as_buckets_and_as_quantiles() {
    let text = told(&[busy()]);
    for line in [
        "forebay_request_remote_seconds_bucket{api=\"Fetch\",le=\"0.001024\"} 0",
        "forebay_request_remote_seconds_bucket{api=\"Fetch\",le=\"0.004096\"} 1",
        "forebay_request_remote_seconds_bucket{api=\"Fetch\",le=\"+Inf\"} 1",
        "forebay_request_total_seconds_sum{api=\"Fetch\"} 0.00307",
        "forebay_request_total_seconds_count{api=\"Fetch\"} 1",
        "kafka_network_requestmetrics_remotetimems{request=\"Fetch\",quantile=\"0.99\"} 3.071",
        "kafka_network_requestmetrics_remotetimems_count{request=\"Fetch\"} 1",
        "forebay_storage_sync_seconds_bucket{le=\"+Inf\"} 1",
        "kafka_log_logflushstats_logflushrateandtimems{quantile=\"0.50\"} 2.047",
    ] {
        assert_line(&text, line);
    }
}

#[test]
fn quantiles_are_of_what_came_since_and_counts_of_all() {
    let earlier = [busy()];
    let mut shard = busy();
    let slow = RequestTimes {
        remote: Duration::from_secs(1),
        ..RequestTimes::default()
    };
    shard.record_request(ApiKey::Fetch, 17, 0, 0, &slow);
    let text = encode_exposition(&Scrape {
        shards: &[shard],
        earlier: &earlier,
        listener_names: &[],
    });
    for line in [
        "kafka_network_requestmetrics_remotetimems{request=\"Fetch\",quantile=\"0.50\"} 1048.575",
        "kafka_network_requestmetrics_remotetimems_count{request=\"Fetch\"} 2",
        "forebay_request_remote_seconds_count{api=\"Fetch\"} 2",
    ] {
        assert_line(&text, line);
    }
}

#[test]
fn a_group_lags_behind_a_partition_of_another_shard() {
    let mut of_group = ShardMetrics::default();
    let committed = |name, committed_offset| GroupOffset {
        group: Arc::from("g"),
        partition: partition(name, 0),
        committed_offset,
    };
    of_group.set_group_offsets(vec![
        committed("a", 30),
        committed("ahead", 99),
        committed("gone", 3),
    ]);
    let mut of_partition = ShardMetrics::default();
    of_partition.set_partitions(vec![state("a", 0, 50), state("ahead", 0, 10)]);
    let text = told(&[of_group, of_partition]);
    for line in [
        "forebay_group_lag{group=\"g\",topic=\"a\",partition=\"0\"} 20",
        "kafka_consumergroup_lag{consumergroup=\"g\",topic=\"a\",partition=\"0\"} 20",
        "forebay_group_lag{group=\"g\",topic=\"ahead\",partition=\"0\"} 0",
        "forebay_group_offset{group=\"g\",topic=\"gone\",partition=\"0\"} 3",
        "forebay_log_end_offset{topic=\"a\",partition=\"0\"} 51",
    ] {
        assert_line(&text, line);
    }
    assert!(!text.contains("forebay_group_lag{group=\"g\",topic=\"gone\""));
}

#[test]
fn of_the_shards_that_compact_the_worst_is_told() {
    let mut shards = [ShardMetrics::default(), ShardMetrics::default()];
    for (shard, percent) in shards.iter_mut().zip([70, 20]) {
        shard.set(MetricId::CompactionDirtyPercent, percent);
        shard.set(MetricId::UncleanablePartitions, 1);
    }
    let text = told(&shards);
    assert_line(&text, "kafka_log_logcleanermanager_max_dirty_percent 70");
    let uncleanable = "kafka_log_logcleanermanager_uncleanable_partitions_count 2";
    assert_line(&text, uncleanable);
}

#[test]
fn a_deleted_topic_stays_in_the_total() {
    let mut shard = ShardMetrics::default();
    shard.topic_mut("a").records_in += 3;
    shard.topic_mut("b").records_in += 4;
    shard.forget_topic("a");
    let text = told(&[shard]);
    assert!(!text.contains("topic=\"a\""));
    assert_line(&text, "forebay_topic_records_in_total{topic=\"(other)\"} 3");
    assert_line(&text, "kafka_server_brokertopicmetrics_messagesin_total 7");
}

#[test]
fn too_many_topics_are_counted_together() {
    let mut shard = ShardMetrics::default();
    for number in 0..10_005 {
        shard.topic_mut(&format!("topic-{number}")).records_in += 1;
    }
    let text = told(&[shard]);
    assert_line(&text, "forebay_topic_records_in_total{topic=\"(other)\"} 5");
    assert_line(
        &text,
        "kafka_server_brokertopicmetrics_messagesin_total 10005",
    );
}

#[test]
fn too_many_series_are_left_out_and_said_to_be() {
    let mut shard = ShardMetrics::default();
    let count = i32::try_from(SERIES_MAX).expect("a small number") + 2;
    shard.set_partitions((0..count).map(|number| state("a", number, 0)).collect());
    let text = told(&[shard]);
    assert_line(
        &text,
        "forebay_series_left_out{metric=\"forebay_log_segments\"} 2",
    );
    assert!(!text.contains(&format!(
        "forebay_log_segments{{topic=\"a\",partition=\"{}\"}}",
        count - 1
    )));
}

#[test]
fn a_label_cannot_break_out_of_its_quotes() {
    let mut shard = ShardMetrics::default();
    shard.set_group_offsets(vec![GroupOffset {
        group: Arc::from("a\"b\\c\nd"),
        partition: partition("t", 0),
        committed_offset: 1,
    }]);
    assert_line(
        &told(&[shard]),
        "forebay_group_offset{group=\"a\\\"b\\\\c\\nd\",topic=\"t\",partition=\"0\"} 1",
    );
}

#[test]
#[should_panic(expected = "forebay_requests_total is a counter without labels")]
fn a_metric_with_labels_cannot_be_bumped_without() {
    ShardMetrics::default().add(MetricId::Requests, 1);
}

#[test]
fn elections_and_commits_are_told_as_averages_and_largest_of_late() {
    let name = |end: &str| format!("kafka_server_raft_metrics_election_latency_{end}");
    let mut shard = ShardMetrics::default();
    for end in ["avg", "max"] {
        assert_line(&told(&[shard.clone()]), &format!("{} NaN", name(end)));
    }
    for millis in [1, 3] {
        let took = Duration::from_millis(millis);
        shard.record(MetricId::QuorumElectionSeconds, took);
    }
    let text = told(&[shard]);
    assert_line(&text, &format!("{} 2", name("avg")));
    let largest = format!("{} ", name("max"));
    let largest = text.lines().find_map(|line| line.strip_prefix(&*largest));
    let largest: f64 = largest.unwrap().parse().unwrap();
    assert!((3.0..3.4).contains(&largest), "{largest}");
}

#[test]
fn the_lag_is_told_of_partitions_that_follow_and_of_no_others() {
    let mut shard = busy();
    let leads = PartitionState {
        lag: None,
        ..state("b", 0, 50)
    };
    shard.set_partitions(vec![state("a", 0, 50), leads]);
    let text = told(&[shard]);
    let name = "forebay_replica_lag{topic=\"";
    assert_line(&text, &format!("{name}a\",partition=\"0\"}} 3"));
    assert!(!text.contains(&format!("{name}b")), "{text}");
}
