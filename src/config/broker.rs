//! The settings of the broker, resolved.

use crate::model::BrokerId;

use super::topic::TopicConfig;

/// The settings of the broker. A field is called like Kafka's setting, with `_` for `.`.
#[derive(Clone, Debug, PartialEq)]
pub struct BrokerConfig {
    /// `node.id`
    pub node_id: BrokerId,
    /// `broker.rack`
    pub broker_rack: Option<String>,
    /// `listeners`, `advertised.listeners` and `listener.security.protocol.map` in one.
    pub listeners: Vec<Listener>,
    /// `inter.broker.listener.name`
    pub inter_broker_listener_name: String,
    /// `controller.listener.names`
    pub controller_listener_names: Vec<String>,
    /// `log.dirs`
    pub log_dirs: Vec<String>,
    /// `metadata.log.dir`, by default the first of `log.dirs`.
    pub metadata_log_dir: String,
    /// `num.partitions`: of a topic created without a number.
    pub num_partitions: u32,
    /// `default.replication.factor`
    pub default_replication_factor: u16,
    /// `auto.create.topics.enable`
    pub auto_create_topics_enable: bool,
    /// `delete.topic.enable`
    pub delete_topic_enable: bool,
    /// What a topic gets that sets nothing itself.
    pub topic: TopicConfig,
    /// `log.retention.check.interval.ms`
    pub log_retention_check_interval_ms: i64,

    /// `socket.request.max.bytes`: the largest request.
    pub socket_request_max_bytes: u32,
    /// `socket.send.buffer.bytes`; `None` leaves it to the kernel.
    pub socket_send_buffer_bytes: Option<u32>,
    /// `socket.receive.buffer.bytes`; `None` leaves it to the kernel.
    pub socket_receive_buffer_bytes: Option<u32>,
    /// `socket.listen.backlog.size`
    pub socket_listen_backlog_size: u32,
    /// `connections.max.idle.ms`; `None` keeps idle connections.
    pub connections_max_idle_ms: Option<i64>,
    /// `max.connections`
    pub max_connections: u32,
    /// `max.connections.per.ip`
    pub max_connections_per_ip: u32,
    /// `max.connections.per.ip.overrides`: host name or address, and its own limit.
    pub max_connections_per_ip_overrides: Vec<(String, u32)>,
    /// `fetch.max.bytes`: the most that one Fetch answer carries.
    pub fetch_max_bytes: u32,
    /// `max.incremental.fetch.session.cache.slots`
    pub max_incremental_fetch_session_cache_slots: u32,
    /// `max.request.partition.size.limit`
    pub max_request_partition_size_limit: u32,

    /// `group.initial.rebalance.delay.ms`
    pub group_initial_rebalance_delay_ms: i64,
    /// `group.min.session.timeout.ms`
    pub group_min_session_timeout_ms: i32,
    /// `group.max.session.timeout.ms`
    pub group_max_session_timeout_ms: i32,
    /// `group.max.size`
    pub group_max_size: u32,
    /// `offset.metadata.max.bytes`
    pub offset_metadata_max_bytes: u32,
    /// `offsets.commit.timeout.ms`
    pub offsets_commit_timeout_ms: i64,
    /// `offsets.load.buffer.size`
    pub offsets_load_buffer_size: u32,
    /// `offsets.retention.minutes`, in milliseconds.
    pub offsets_retention_ms: i64,
    /// `offsets.retention.check.interval.ms`
    pub offsets_retention_check_interval_ms: i64,
    /// `offsets.topic.num.partitions`
    pub offsets_topic_num_partitions: u32,
    /// `offsets.topic.replication.factor`
    pub offsets_topic_replication_factor: u16,
    /// `offsets.topic.segment.bytes`
    pub offsets_topic_segment_bytes: u32,

    /// `producer.id.expiration.ms`
    pub producer_id_expiration_ms: i64,
    /// `transaction.max.timeout.ms`
    pub transaction_max_timeout_ms: i64,

    /// `forebay.shards`; `None` means one for each CPU.
    pub forebay_shards: Option<u16>,
    /// `forebay.cpus`: the CPUs to run on; empty means all that the process may use.
    pub forebay_cpus: Vec<u16>,
    /// `forebay.memory.bytes`: the budget of all shards together; `None` means a part of what
    /// the machine has.
    pub forebay_memory_bytes: Option<u64>,
    /// `forebay.http.listen`: where metrics and health are served; `None` for nowhere.
    pub forebay_http_listen: Option<(String, u16)>,
}

/// One of the addresses that the broker listens on.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Listener {
    /// The listener's name, in capitals.
    pub name: String,
    /// The host name or address to bind; `None` for all interfaces.
    pub host: Option<String>,
    /// The port; zero for one that the kernel chooses.
    pub port: u16,
    /// What is spoken below Kafka's protocol.
    pub security_protocol: SecurityProtocol,
    /// The host and port that clients are told; `None` for a listener that is not told to them.
    pub advertised: Option<(String, u16)>,
}

/// What is spoken on a listener below Kafka's protocol.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum SecurityProtocol {
    /// Nothing.
    Plaintext,
    /// TLS.
    Ssl,
    /// SASL.
    SaslPlaintext,
    /// SASL within TLS.
    SaslSsl,
}

impl SecurityProtocol {
    /// Kafka's name of it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Plaintext => "PLAINTEXT",
            Self::Ssl => "SSL",
            Self::SaslPlaintext => "SASL_PLAINTEXT",
            Self::SaslSsl => "SASL_SSL",
        }
    }
}

impl Default for BrokerConfig {
    /// What `forebay serve` without arguments runs with.
    fn default() -> Self {
        Self {
            node_id: 1,
            broker_rack: None,
            listeners: vec![Listener {
                name: "PLAINTEXT".to_owned(),
                host: Some("127.0.0.1".to_owned()),
                port: 9092,
                security_protocol: SecurityProtocol::Plaintext,
                advertised: Some(("127.0.0.1".to_owned(), 9092)),
            }],
            inter_broker_listener_name: "PLAINTEXT".to_owned(),
            controller_listener_names: vec!["CONTROLLER".to_owned()],
            log_dirs: vec!["./forebay-data".to_owned()],
            metadata_log_dir: "./forebay-data".to_owned(),
            num_partitions: 1,
            default_replication_factor: 1,
            auto_create_topics_enable: true,
            delete_topic_enable: true,
            topic: TopicConfig::default(),
            log_retention_check_interval_ms: 300_000,
            socket_request_max_bytes: 104_857_600,
            socket_send_buffer_bytes: Some(102_400),
            socket_receive_buffer_bytes: Some(102_400),
            socket_listen_backlog_size: 50,
            connections_max_idle_ms: Some(600_000),
            max_connections: i32::MAX.cast_unsigned(),
            max_connections_per_ip: i32::MAX.cast_unsigned(),
            max_connections_per_ip_overrides: Vec::new(),
            fetch_max_bytes: 57_671_680,
            max_incremental_fetch_session_cache_slots: 1000,
            max_request_partition_size_limit: 2000,
            group_initial_rebalance_delay_ms: 3000,
            group_min_session_timeout_ms: 6000,
            group_max_session_timeout_ms: 1_800_000,
            group_max_size: i32::MAX.cast_unsigned(),
            offset_metadata_max_bytes: 4096,
            offsets_commit_timeout_ms: 5000,
            offsets_load_buffer_size: 5_242_880,
            offsets_retention_ms: 604_800_000,
            offsets_retention_check_interval_ms: 600_000,
            offsets_topic_num_partitions: 50,
            offsets_topic_replication_factor: 1,
            offsets_topic_segment_bytes: 104_857_600,
            producer_id_expiration_ms: 86_400_000,
            transaction_max_timeout_ms: 900_000,
            forebay_shards: None,
            forebay_cpus: Vec::new(),
            forebay_memory_bytes: None,
            forebay_http_listen: None,
        }
    }
}
