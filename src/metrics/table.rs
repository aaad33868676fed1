//! Every metric: its name, its labels, one sentence on it, and the name that dashboards know.

/// One metric.
#[derive(Clone, Copy, Debug)]
pub struct Metric {
    /// What the code calls it.
    pub id: MetricId,
    /// Its name.
    pub name: &'static str,
    /// What its values are.
    pub kind: MetricKind,
    /// The names of its labels.
    pub labels: &'static [&'static str],
    /// One sentence on it.
    pub help: &'static str,
    /// The same under the name that dashboards for Kafka use.
    pub alias: Option<Alias>,
}

/// What the values of a metric are.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum MetricKind {
    /// A number that only grows.
    Counter,
    /// A number that is what it is now.
    Gauge,
    /// Durations, in seconds.
    Histogram,
}

impl MetricKind {
    /// Prometheus' name of it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        }
    }
}

/// A name that dashboards use: that of Kafka's JMX bean as the rules that come with
/// `jmx_exporter` spell it, or for groups the one of `kafka_exporter`.
#[derive(Clone, Copy, Debug)]
pub struct Alias {
    /// The name.
    pub name: &'static str,
    /// The names of its labels, in the order of the metric's own.
    pub labels: &'static [&'static str],
    /// How its values differ from the metric's own.
    pub form: AliasForm,
}

/// How the values of an alias differ from the metric's own.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum AliasForm {
    /// Not at all.
    Same,
    /// There is the sum of all as well, without a label.
    WithTotal,
    /// They are quantiles, in milliseconds, and a count.
    Quantiles,
    /// There are two of them, the average and the largest, in milliseconds.
    AverageAndLargest,
}

macro_rules! metrics {
    ($($id:ident, $kind:ident, $name:literal, [$($label:literal),*]
        $(=> $form:ident $alias:literal [$($alias_label:literal),*])?, $help:literal;)*) => {
        /// What the code calls a metric.
        #[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
        pub enum MetricId {
            $(#[doc = $help] $id,)*
        }

        /// Every metric, in the order in which they are told.
        pub const METRICS: &[Metric] = &[$(Metric {
            id: MetricId::$id,
            name: $name,
            kind: MetricKind::$kind,
            labels: &[$($label),*],
            help: $help,
            alias: metrics!(@alias $($form $alias [$($alias_label),*])?),
        },)*];
    };
    (@alias) => { None };
    (@alias $form:ident $alias:literal [$($label:literal),*]) => {
        Some(Alias { name: $alias, labels: &[$($label),*], form: AliasForm::$form })
    };
}

metrics! {
    Requests, Counter, "forebay_requests_total", ["api", "version"]
        => Same "kafka_network_requestmetrics_requests_total" ["request", "version"],
        "Requests that were answered.";
    RequestErrors, Counter, "forebay_request_errors_total", ["api", "error"]
        => Same "kafka_network_requestmetrics_errors_total" ["request", "error"],
        "Error codes other than NONE in answers.";
    RequestBytes, Counter, "forebay_request_bytes_total", ["api"],
        "Bytes of requests.";
    ResponseBytes, Counter, "forebay_response_bytes_total", ["api"],
        "Bytes of answers.";
    RequestQueueSeconds, Histogram, "forebay_request_queue_seconds", ["api"]
        => Quantiles "kafka_network_requestmetrics_requestqueuetimems" ["request"],
        "From the newest bytes of its connection to the beginning of the work on a request.";
    RequestLocalSeconds, Histogram, "forebay_request_local_seconds", ["api"]
        => Quantiles "kafka_network_requestmetrics_localtimems" ["request"],
        "Work of its shard's turn on a request, until it has left for others or is answered.";
    RequestRemoteSeconds, Histogram, "forebay_request_remote_seconds", ["api"]
        => Quantiles "kafka_network_requestmetrics_remotetimems" ["request"],
        "Waiting of a request for other shards, for the disk, for replicas or for records.";
    RequestSendSeconds, Histogram, "forebay_request_send_seconds", ["api"]
        => Quantiles "kafka_network_requestmetrics_responsesendtimems" ["request"],
        "From a finished answer to its last byte on the network.";
    RequestTotalSeconds, Histogram, "forebay_request_total_seconds", ["api"]
        => Quantiles "kafka_network_requestmetrics_totaltimems" ["request"],
        "The sum of the times above.";

    TopicBytesIn, Counter, "forebay_topic_bytes_in_total", ["topic"]
        => WithTotal "kafka_server_brokertopicmetrics_bytesin_total" ["topic"],
        "Bytes of record batches that producers sent and that were appended.";
    TopicBytesOut, Counter, "forebay_topic_bytes_out_total", ["topic"]
        => WithTotal "kafka_server_brokertopicmetrics_bytesout_total" ["topic"],
        "Bytes of record batches that were sent to consumers.";
    TopicRecordsIn, Counter, "forebay_topic_records_in_total", ["topic"]
        => WithTotal "kafka_server_brokertopicmetrics_messagesin_total" ["topic"],
        "Records that producers sent and that were appended.";
    TopicProduceRequests, Counter, "forebay_topic_produce_requests_total", ["topic"]
        => WithTotal "kafka_server_brokertopicmetrics_totalproducerequests_total" ["topic"],
        "Partitions of the topic in Produce requests.";
    TopicFetchRequests, Counter, "forebay_topic_fetch_requests_total", ["topic"]
        => WithTotal "kafka_server_brokertopicmetrics_totalfetchrequests_total" ["topic"],
        "Partitions of the topic in Fetch requests.";
    TopicProduceFailures, Counter, "forebay_topic_produce_failures_total", ["topic"]
        => WithTotal "kafka_server_brokertopicmetrics_failedproducerequests_total" ["topic"],
        "Partitions of the topic in Produce requests that got an error.";
    TopicFetchFailures, Counter, "forebay_topic_fetch_failures_total", ["topic"]
        => WithTotal "kafka_server_brokertopicmetrics_failedfetchrequests_total" ["topic"],
        "Partitions of the topic in Fetch requests that got an error.";

    Connections, Gauge, "forebay_connections", ["listener"]
        => Same "kafka_server_socket_server_metrics_connection_count" ["listener"],
        "Open connections.";
    ConnectionsOpened, Counter, "forebay_connections_opened_total", ["listener"]
        => Same "kafka_server_socket_server_metrics_connection_creation_total" ["listener"],
        "Connections that were accepted.";
    ConnectionsClosed, Counter, "forebay_connections_closed_total", ["listener"]
        => Same "kafka_server_socket_server_metrics_connection_close_total" ["listener"],
        "Connections that are gone.";
    ConnectionsRefused, Counter, "forebay_connections_refused_total", ["listener"],
        "Clients that were turned away because of a limit.";
    ConnectionsBroken, Counter, "forebay_connections_broken_total", ["listener"],
        "Connections that were closed because of what their clients sent.";

    ParkedRequests, Gauge, "forebay_parked_requests", ["operation"]
        => Same "kafka_server_delayedoperationpurgatory_purgatorysize" ["delayedOperation"],
        "Requests that wait: Produce for its records to be safe, Fetch for records to come.";

    Partitions, Gauge, "forebay_partitions", []
        => Same "kafka_server_replicamanager_partitioncount" [],
        "Partitions with a replica on this broker.";
    Leaders, Gauge, "forebay_leaders", []
        => Same "kafka_server_replicamanager_leadercount" [],
        "Partitions whose leader is this broker.";
    OfflineReplicas, Gauge, "forebay_offline_replicas", []
        => Same "kafka_server_replicamanager_offlinereplicacount" [],
        "Replicas of this broker that cannot be used because their storage failed.";
    UnderReplicated, Gauge, "forebay_under_replicated_partitions", []
        => Same "kafka_server_replicamanager_underreplicatedpartitions" [],
        "Partitions led by this broker with fewer in-sync replicas than replicas.";
    UnderMinIsr, Gauge, "forebay_under_min_isr_partitions", []
        => Same "kafka_server_replicamanager_underminisrpartitioncount" [],
        "Partitions led by this broker with fewer in-sync replicas than `min.insync.replicas`.";
    AtMinIsr, Gauge, "forebay_at_min_isr_partitions", []
        => Same "kafka_server_replicamanager_atminisrpartitioncount" [],
        "Partitions led by this broker with as many in-sync replicas as `min.insync.replicas`.";
    IsrShrinks, Counter, "forebay_isr_shrinks_total", []
        => Same "kafka_server_replicamanager_isrshrinks_total" [],
        "In-sync sets that this broker, as their leader, had made smaller.";
    IsrExpands, Counter, "forebay_isr_expands_total", []
        => Same "kafka_server_replicamanager_isrexpands_total" [],
        "In-sync sets that this broker, as their leader, had made larger.";
    IsrUpdateFailures, Counter, "forebay_isr_update_failures_total", []
        => Same "kafka_server_replicamanager_failedisrupdates_total" [],
        "In-sync sets that this broker, as their leader, proposed and the controller refused.";
    ReassigningPartitions, Gauge, "forebay_reassigning_partitions", []
        => Same "kafka_server_replicamanager_reassigningpartitions" [],
        "Partitions led by this broker that are being moved to other replicas.";
    ActiveControllers, Gauge, "forebay_active_controllers", []
        => Same "kafka_controller_kafkacontroller_activecontrollercount" [],
        "One if this node is the active controller.";
    ClusterTopics, Gauge, "forebay_cluster_topics", []
        => Same "kafka_controller_kafkacontroller_globaltopiccount" [],
        "Topics of the cluster.";
    ClusterPartitions, Gauge, "forebay_cluster_partitions", []
        => Same "kafka_controller_kafkacontroller_globalpartitioncount" [],
        "Partitions of the cluster.";
    LeaderlessPartitions, Gauge, "forebay_cluster_leaderless_partitions", []
        => Same "kafka_controller_kafkacontroller_offlinepartitionscount" [],
        "Partitions of the cluster that have no leader.";
    UnpreferredLeaders, Gauge, "forebay_cluster_unpreferred_leaders", []
        => Same "kafka_controller_kafkacontroller_preferredreplicaimbalancecount" [],
        "Partitions of the cluster that another replica leads than the first.";
    ActiveBrokers, Gauge, "forebay_cluster_active_brokers", []
        => Same "kafka_controller_kafkacontroller_activebrokercount" [],
        "Registered brokers of the cluster that are not fenced.";
    FencedBrokers, Gauge, "forebay_cluster_fenced_brokers", []
        => Same "kafka_controller_kafkacontroller_fencedbrokercount" [],
        "Registered brokers of the cluster that are fenced.";
    LeaderElections, Counter, "forebay_cluster_leader_elections_total", [],
        "Partitions of the cluster that got another leader, or one again, since this node began to \
         know of them.";
    UncleanElections, Counter, "forebay_cluster_unclean_leader_elections_total", []
        => Same "kafka_controller_controllerstats_uncleanleaderelections_total" [],
        "Those of them whose new leader may lack records.";
    EligibleElections, Counter, "forebay_cluster_eligible_leader_elections_total", []
        => Same "kafka_controller_controllerstats_electionfromeligibleleaderreplicas_total" [],
        "Those of them whose new leader was eligible, and not in sync.";
    LeaderElectionSeconds, Histogram, "forebay_cluster_leader_election_seconds", []
        => Quantiles "kafka_controller_controllerstats_leaderelectionrateandtimems" [],
        "From a decision of the active controller by which partitions get another leader, or one \
         again, until it is committed; told by that node.";

    MetadataOffset, Gauge, "forebay_metadata_offset", []
        => Same "kafka_server_broker_metadata_metrics_last_applied_record_offset" [],
        "The offset of the last record of the metadata log that this node works by.";
    MetadataLag, Gauge, "forebay_metadata_lag", [],
        "Committed records of the metadata log that it does not work by yet.";
    QuorumLeader, Gauge, "forebay_quorum_leader", []
        => Same "kafka_server_raft_metrics_current_leader" [],
        "The node that leads the metadata quorum; -1 while none is known.";
    QuorumEpoch, Gauge, "forebay_quorum_epoch", []
        => Same "kafka_server_raft_metrics_current_epoch" [],
        "The epoch of that leader.";
    QuorumHighWatermark, Gauge, "forebay_quorum_high_watermark", []
        => Same "kafka_server_raft_metrics_high_watermark" [],
        "Everything below this offset of the metadata log is committed; -1 before that is known.";
    QuorumLogEndOffset, Gauge, "forebay_quorum_log_end_offset", []
        => Same "kafka_server_raft_metrics_log_end_offset" [],
        "The offset that the next record of the metadata log gets here.";
    QuorumLogEndEpoch, Gauge, "forebay_quorum_log_end_epoch", []
        => Same "kafka_server_raft_metrics_log_end_epoch" [],
        "The epoch of the last record of the metadata log here.";
    QuorumVote, Gauge, "forebay_quorum_vote", []
        => Same "kafka_server_raft_metrics_current_vote" [],
        "The node that this one has voted for in the epoch, itself while it leads; -1 for none.";
    QuorumVoters, Gauge, "forebay_quorum_voters", []
        => Same "kafka_server_raft_metrics_number_of_voters" [],
        "Nodes that vote in the metadata quorum.";
    QuorumLeaderChanges, Counter, "forebay_quorum_leader_changes_total", []
        => Same "kafka_controller_kafkacontroller_newactivecontrollerscount" [],
        "How often this node has learned of a leader of the metadata quorum that was elected.";
    QuorumElectionSeconds, Histogram, "forebay_quorum_election_seconds", []
        => AverageAndLargest "kafka_server_raft_metrics_election_latency" [],
        "From standing for election until a leader of the metadata quorum is known.";
    QuorumCommitSeconds, Histogram, "forebay_quorum_commit_seconds", []
        => AverageAndLargest "kafka_server_raft_metrics_commit_latency" [],
        "From a decision of the active controller until it is committed; told by that node.";
    QuorumState, Gauge, "forebay_quorum_state", ["state"],
        "One for what this node is in the metadata quorum: leader, follower, candidate, \
         prospective, resigned or unattached as a voter, else observer.";
    PeerConnections, Gauge, "forebay_peer_connections", [],
        "Connections to other nodes that this broker has dialed, or is dialing.";

    ReplicaLagMax, Gauge, "forebay_replica_lag_max", []
        => Same "kafka_server_replicafetchermanager_maxlag" [],
        "Committed records that a replica of this broker lacks; the most of all that follow.";
    ReplicaLag, Gauge, "forebay_replica_lag", ["topic", "partition"]
        => Same "kafka_server_fetcherlagmetrics_consumerlag" ["topic", "partition"],
        "Committed records that a replica of this broker lacks, which follows.";
    ReplicationBytesIn, Counter, "forebay_replication_bytes_in_total", []
        => Same "kafka_server_brokertopicmetrics_replicationbytesin_total" [],
        "Bytes of record batches that replicas of this broker got from their leaders.";
    ReplicationBytesOut, Counter, "forebay_replication_bytes_out_total", []
        => Same "kafka_server_brokertopicmetrics_replicationbytesout_total" [],
        "Bytes of record batches that other brokers' replicas got from leaders of this one.";
    FetcherFailures, Counter, "forebay_replica_fetcher_failures_total", [],
        "Requests that leaders did not answer, and partitions whose answers were of no use.";

    LogSizeBytes, Gauge, "forebay_log_size_bytes", ["topic", "partition"]
        => Same "kafka_log_log_size" ["topic", "partition"],
        "Bytes of the segments of a partition.";
    LogStartOffset, Gauge, "forebay_log_start_offset", ["topic", "partition"]
        => Same "kafka_log_log_logstartoffset" ["topic", "partition"],
        "The first offset of a partition.";
    LogEndOffset, Gauge, "forebay_log_end_offset", ["topic", "partition"]
        => Same "kafka_log_log_logendoffset" ["topic", "partition"],
        "The offset that the next record of a partition gets.";
    LogSegments, Gauge, "forebay_log_segments", ["topic", "partition"]
        => Same "kafka_log_log_numlogsegments" ["topic", "partition"],
        "Segments of a partition.";

    DirectoryBytes, Gauge, "forebay_log_directory_bytes", ["directory"],
        "Bytes of the file system of a log directory.";
    DirectoryUsableBytes, Gauge, "forebay_log_directory_usable_bytes", ["directory"],
        "What the broker may still write there.";
    DirectoryFull, Gauge, "forebay_log_directory_full", ["directory"],
        "One while a log directory takes no records of producers, since too little room is left.";
    DirectoryOffline, Gauge, "forebay_log_directory_offline", ["directory"]
        => Same "kafka_log_logmanager_logdirectoryoffline" ["logDirectory"],
        "One if a log directory is given up until the next start, since its disk failed.";
    DirectorySyncMethod, Gauge, "forebay_log_directory_sync_method", ["directory", "method"],
        "One for how writes to a log directory are synced, dsync or fdatasync.";
    OfflineDirectories, Gauge, "forebay_offline_log_directories", []
        => Same "kafka_log_logmanager_offlinelogdirectorycount" [],
        "Log directories that are given up.";

    CompactionRuns, Counter, "forebay_compaction_runs_total", [],
        "Runs of compaction, each over one log, that have come to their end.";
    CompactionReadBytes, Counter, "forebay_compaction_read_bytes_total", [],
        "Bytes of the segments that those runs went through.";
    CompactionKeptBytes, Counter, "forebay_compaction_kept_bytes_total", [],
        "What is left of these bytes.";
    CompactionKeptPercent, Gauge, "forebay_compaction_kept_percent", []
        => Same "kafka_log_logcleaner_cleaner_recopy_percent" [],
        "How much the last run has left of what it went through; the most of all shards.";
    CompactionRunSeconds, Gauge, "forebay_compaction_run_seconds", []
        => Same "kafka_log_logcleaner_max_clean_time_secs" [],
        "How long the last run took, in whole seconds; the longest of all shards.";
    CompactionDirtyPercent, Gauge, "forebay_compaction_dirty_percent", []
        => Same "kafka_log_logcleanermanager_max_dirty_percent" [],
        "How much of the dirtiest log that may be compacted is dirty.";
    CompactionSinceLookMs, Gauge, "forebay_compaction_since_look_ms", []
        => Same "kafka_log_logcleanermanager_time_since_last_run_ms" [],
        "Since it was looked last which logs need compaction; the longest of all shards.";
    UncleanablePartitions, Gauge, "forebay_uncleanable_partitions", []
        => Same "kafka_log_logcleanermanager_uncleanable_partitions_count" [],
        "Partitions that are not compacted any more, for a reason that the log tells.";
    UncleanableBytes, Gauge, "forebay_uncleanable_bytes", []
        => Same "kafka_log_logcleanermanager_uncleanable_bytes" [],
        "Bytes of these partitions that were never compacted.";

    Groups, Gauge, "forebay_groups", []
        => Same "kafka_coordinator_group_groupmetadatamanager_numgroups" [],
        "Groups that this broker coordinates.";
    GroupOffset, Gauge, "forebay_group_offset", ["group", "topic", "partition"]
        => Same "kafka_consumergroup_current_offset" ["consumergroup", "topic", "partition"],
        "The offset that a group has committed for a partition.";
    GroupLag, Gauge, "forebay_group_lag", ["group", "topic", "partition"]
        => Same "kafka_consumergroup_lag" ["consumergroup", "topic", "partition"],
        "Records of a partition that a group has yet to commit.";

    StorageWrites, Counter, "forebay_storage_writes_total", [],
        "Writes that the disk has finished.";
    StorageWrittenBytes, Counter, "forebay_storage_written_bytes_total", [],
        "Bytes that were written to the disk.";
    StorageReads, Counter, "forebay_storage_reads_total", [],
        "Reads that the disk has finished.";
    StorageReadBytes, Counter, "forebay_storage_read_bytes_total", [],
        "Bytes that were read from the disk.";
    StorageFailures, Counter, "forebay_storage_failures_total", [],
        "Requests to the disk that failed.";
    StorageWriteSeconds, Histogram, "forebay_storage_write_seconds", [],
        "From asking for a write to its end.";
    StorageSyncSeconds, Histogram, "forebay_storage_sync_seconds", []
        => Quantiles "kafka_log_logflushstats_logflushrateandtimems" [],
        "From asking for a sync to its end.";

    RequestsInWork, Gauge, "forebay_requests_in_work", ["shard"],
        "Requests of a shard's connections that wait for shards, the disk or records.";
    RequestsInWorkBytes, Gauge, "forebay_requests_in_work_bytes", ["shard"],
        "Memory of the requests of a shard's connections that are not answered yet.";
    RequestsWaitingBytes, Gauge, "forebay_requests_waiting_bytes", ["shard"],
        "Memory of requests that have not come whole, or for which there is no room yet.";
    DecompressedBytes, Counter, "forebay_decompressed_bytes_total", ["shard"],
        "Bytes that the batches of producers had when they were decompressed to be checked.";
    CachedBytes, Gauge, "forebay_cached_bytes", ["shard"],
        "Bytes of recent records that a shard keeps in memory.";
    JournalEntries, Counter, "forebay_journal_entries_total", ["shard"],
        "Entries that a shard's journals have made durable, each with one write.";
    JournalBytes, Counter, "forebay_journal_written_bytes_total", ["shard"],
        "Bytes of those entries, with what fills their last blocks.";
    JournalKeptBytes, Gauge, "forebay_journal_kept_bytes", ["shard"],
        "Bytes of a shard's journals that may not be overwritten yet.";
    UnsyncedRecords, Gauge, "forebay_unsynced_records", ["shard"],
        "Records that were acknowledged, as `forebay.durability` lets them, and are not synced.";
    UnsyncedBytes, Gauge, "forebay_unsynced_bytes", ["shard"],
        "Bytes of records that wait in memory for their sync without holding up who sent them.";
    OpenFiles, Gauge, "forebay_open_files", ["shard"],
        "Segment files that a shard's partitions have open.";
    OpenFilesMax, Gauge, "forebay_open_files_max", ["shard"],
        "Segment files that a shard's partitions may have open; then others are closed first.";
    Turns, Counter, "forebay_turns_total", ["shard"],
        "Turns of a shard's loop.";
    Events, Counter, "forebay_events_total", ["shard"],
        "Events that a shard has reacted to.";

    SeriesLeftOut, Gauge, "forebay_series_left_out", ["metric"],
        "Series that are not told because a metric has too many.";
}
