//! The settings of the broker, resolved.

use std::collections::BTreeMap;

use crate::model::BrokerId;
use crate::protocol::compression::Compression;

use super::from_value::FromValue;
use super::listener::{Listener, ListenerTexts, parse_host_and_port, resolve_listeners};
use super::quorum::{QuorumAddresses, Roles};
use super::settings::{BrokerSettings, ConfigError, Origin, Overrides};
use super::sync_method::SyncMethod;
use super::topic::{TopicConfig, TopicOwner, in_milliseconds};
use super::value::Value;

/// The authenticator that every Kafka broker has unless told otherwise, and Forebay always.
const DEFAULT_PRINCIPAL_BUILDER: &str =
    "org.apache.kafka.common.security.authenticator.DefaultKafkaPrincipalBuilder";
const STANDARD_AUTHORIZER: &str = "org.apache.kafka.metadata.authorizer.StandardAuthorizer";
const RACK_AWARE_SELECTOR: &str = "org.apache.kafka.common.replica.RackAwareReplicaSelector";

/// The setting of the directories that take no new partitions.
pub const CORDONED_LOG_DIRS: &str = "cordoned.log.dirs";
/// All of them.
const ALL_LOG_DIRS: &str = "*";

/// The settings of the authorizer, Kafka's `StandardAuthorizer`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct AuthorizerConfig {
    /// `super.users`: who may do everything, as `TYPE:NAME`
    pub super_users: Vec<String>,
    /// `allow.everyone.if.no.acl.found`: whether everybody may use what no entry is about
    pub allow_everyone_if_no_acl_found: bool,
}

macro_rules! broker_config {
    (
        computed { $($(#[$meta:meta])* $computed:ident: $computed_type:ty,)* }
        read { $($setting:literal $field:ident: $type:ty;)* }
    ) => {
        /// The settings of the broker. A field is called like Kafka's setting, with `_` for `.`;
        /// `None` stands for Kafka's -1 or for no value.
        #[derive(Clone, Debug, PartialEq)]
        pub struct BrokerConfig {
            $($(#[$meta])* pub $computed: $computed_type,)*
            $(#[doc = concat!("`", $setting, "`")] pub $field: $type,)*
        }

        /// The fields that more than one setting, or more than its type, decides on.
        struct Computed { $($computed: $computed_type,)* }

        impl BrokerConfig {
            /// The settings that have a field of their own.
            #[cfg(test)]
            pub(super) const READ: &[&str] = &[$($setting,)*];

            fn from_parts(computed: Computed, settings: &BrokerSettings) -> Self {
                Self {
                    $($computed: computed.$computed,)*
                    $($field: <$type>::from_value(&settings.value($setting)),)*
                }
            }
        }
    };
}

broker_config! {
    computed {
        /// `node.id`, or its older name `broker.id`
        node_id: BrokerId,
        /// `listeners`, `advertised.listeners` and `listener.security.protocol.map` in one
        listeners: Vec<Listener>,
        /// `process.roles`
        roles: Roles,
        /// `controller.quorum.voters` and `controller.quorum.bootstrap.servers`
        quorum: QuorumAddresses,
        /// `controller.listener.names`, in capitals
        controller_listener_names: Vec<String>,
        /// `log.dirs`, or `log.dir`
        log_dirs: Vec<String>,
        /// `metadata.log.dir`, by default the first of `log.dirs`; it may be none of them
        metadata_log_dir: String,
        /// `cordoned.log.dirs`: those of `log_dirs` that take no new partitions (KIP-1066)
        cordoned_log_dirs: Vec<String>,
        /// What a topic has that sets nothing itself.
        topic: TopicConfig,
        /// `max.connections.per.ip.overrides`: the address or name of a host, and its own limit
        max_connections_per_ip_overrides: Vec<(String, u32)>,
        /// `offsets.retention.minutes`, in milliseconds
        offsets_retention_ms: i64,
        /// `offsets.topic.compression.codec`
        offsets_topic_compression: Compression,
        /// `socket.listen.backlog.size`; `None` if nobody chose it
        socket_listen_backlog_size: Option<u32>,
        /// `socket.receive.buffer.bytes`; `None` if nobody chose it, or left it to the kernel
        socket_receive_buffer_bytes: Option<u32>,
        /// `socket.send.buffer.bytes`; `None` if nobody chose it, or left it to the kernel
        socket_send_buffer_bytes: Option<u32>,
        /// `authorizer.class.name` with the settings of the authorizer; `None` if everybody may do
        /// everything
        authorizer: Option<AuthorizerConfig>,
        /// `replica.selector.class`: whether consumers are sent to followers in their rack
        is_replica_selector_rack_aware: bool,
        /// `forebay.cpus`: the CPUs to run on; empty means all that the process may use
        forebay_cpus: Vec<u16>,
        /// `forebay.http.listen`: where metrics and health are served
        forebay_http_listen: Option<(String, u16)>,
    }
    read {
        "auto.create.topics.enable" auto_create_topics_enable: bool;
        "auto.leader.rebalance.enable" auto_leader_rebalance_enable: bool;
        "broker.heartbeat.interval.ms" broker_heartbeat_interval_ms: i64;
        "broker.rack" broker_rack: Option<String>;
        "broker.session.timeout.ms" broker_session_timeout_ms: i64;
        "connections.max.idle.ms" connections_max_idle_ms: Option<i64>;
        "controller.quorum.auto.join.enable" controller_quorum_auto_join_enable: bool;
        "controller.quorum.election.timeout.ms" controller_quorum_election_timeout_ms: i64;
        "controller.quorum.fetch.timeout.ms" controller_quorum_fetch_timeout_ms: i64;
        "controller.quorum.request.timeout.ms" controller_quorum_request_timeout_ms: i64;
        "controller.quorum.retry.backoff.ms" controller_quorum_retry_backoff_ms: i64;
        "controller.socket.timeout.ms" controller_socket_timeout_ms: i64;
        "default.replication.factor" default_replication_factor: u16;
        "delete.topic.enable" delete_topic_enable: bool;
        "fetch.max.bytes" fetch_max_bytes: u32;
        "follower.replication.throttled.rate" follower_replication_throttled_rate: u64;
        "forebay.disk.reserve.bytes" forebay_disk_reserve_bytes: Option<u64>;
        "forebay.journal.bytes" forebay_journal_bytes: u64;
        "forebay.memory.bytes" forebay_memory_bytes: Option<u64>;
        "forebay.shards" forebay_shards: Option<u16>;
        "forebay.sync.method" forebay_sync_method: Option<SyncMethod>;
        "group.initial.rebalance.delay.ms" group_initial_rebalance_delay_ms: i64;
        "group.max.session.timeout.ms" group_max_session_timeout_ms: i32;
        "group.max.size" group_max_size: u32;
        "group.min.session.timeout.ms" group_min_session_timeout_ms: i32;
        "initial.broker.registration.timeout.ms" initial_broker_registration_timeout_ms: i64;
        "leader.imbalance.check.interval.seconds" leader_imbalance_check_interval_seconds: i64;
        "leader.replication.throttled.rate" leader_replication_throttled_rate: u64;
        "log.cleaner.backoff.ms" log_cleaner_backoff_ms: i64;
        "log.cleaner.dedupe.buffer.size" log_cleaner_dedupe_buffer_size: i64;
        "log.cleaner.enable" log_cleaner_enable: bool;
        "log.cleaner.io.buffer.load.factor" log_cleaner_io_buffer_load_factor: f64;
        "log.cleaner.io.max.bytes.per.second" log_cleaner_io_max_bytes_per_second: f64;
        "log.flush.offset.checkpoint.interval.ms" log_flush_offset_checkpoint_interval_ms: u32;
        "log.flush.start.offset.checkpoint.interval.ms"
            log_flush_start_offset_checkpoint_interval_ms: u32;
        "log.retention.check.interval.ms" log_retention_check_interval_ms: i64;
        "max.connection.creation.rate" max_connection_creation_rate: u32;
        "max.connections" max_connections: u32;
        "max.connections.per.ip" max_connections_per_ip: u32;
        "max.incremental.fetch.session.cache.slots"
            max_incremental_fetch_session_cache_slots: u32;
        "max.request.partition.size.limit" max_request_partition_size_limit: u32;
        "metadata.log.max.record.bytes.between.snapshots"
            metadata_log_max_record_bytes_between_snapshots: u64;
        "metadata.log.max.snapshot.interval.ms" metadata_log_max_snapshot_interval_ms: i64;
        "metadata.log.segment.bytes" metadata_log_segment_bytes: u32;
        "metadata.log.segment.ms" metadata_log_segment_ms: i64;
        "metadata.max.retention.bytes" metadata_max_retention_bytes: Option<u64>;
        "metadata.max.retention.ms" metadata_max_retention_ms: Option<u64>;
        "num.partitions" num_partitions: u32;
        "offset.metadata.max.bytes" offset_metadata_max_bytes: u32;
        "offsets.commit.timeout.ms" offsets_commit_timeout_ms: i64;
        "offsets.retention.check.interval.ms" offsets_retention_check_interval_ms: i64;
        "offsets.topic.num.partitions" offsets_topic_num_partitions: u32;
        "offsets.topic.replication.factor" offsets_topic_replication_factor: u16;
        "offsets.topic.segment.bytes" offsets_topic_segment_bytes: u32;
        "producer.id.expiration.ms" producer_id_expiration_ms: i64;
        "queued.max.request.bytes" queued_max_request_bytes: Option<u64>;
        "quota.window.num" quota_window_num: u32;
        "quota.window.size.seconds" quota_window_size_seconds: u32;
        "replica.alter.log.dirs.io.max.bytes.per.second"
            replica_alter_log_dirs_io_max_bytes_per_second: i64;
        "replica.fetch.backoff.ms" replica_fetch_backoff_ms: u32;
        "replica.fetch.max.bytes" replica_fetch_max_bytes: i32;
        "replica.fetch.min.bytes" replica_fetch_min_bytes: i32;
        "replica.fetch.response.max.bytes" replica_fetch_response_max_bytes: i32;
        "replica.fetch.wait.max.ms" replica_fetch_wait_max_ms: u32;
        "replica.lag.time.max.ms" replica_lag_time_max_ms: i64;
        "replica.socket.timeout.ms" replica_socket_timeout_ms: u32;
        "replication.quota.window.num" replication_quota_window_num: u32;
        "replication.quota.window.size.seconds" replication_quota_window_size_seconds: u32;
        "request.timeout.ms" request_timeout_ms: i32;
        "socket.connection.setup.timeout.max.ms" socket_connection_setup_timeout_max_ms: u64;
        "socket.connection.setup.timeout.ms" socket_connection_setup_timeout_ms: u64;
        "socket.request.max.bytes" socket_request_max_bytes: u32;
        "unclean.leader.election.interval.ms" unclean_leader_election_interval_ms: i64;
    }
}

/// What several settings say of the log directories.
struct Directories {
    log_dirs: Vec<String>,
    metadata_log_dir: String,
    cordoned_log_dirs: Vec<String>,
}

impl BrokerSettings {
    /// The settings as they apply now.
    ///
    /// # Errors
    /// Every setting that contradicts another, or asks for what does not exist.
    pub fn config(&self) -> Result<BrokerConfig, Vec<ConfigError>> {
        let mut errors = Vec::new();
        self.check_times(&mut errors);
        self.check_sizes(&mut errors);
        self.check_classes(&mut errors);
        let computed = self.computed(&mut errors);
        match computed {
            Some(computed) if errors.is_empty() => Ok(BrokerConfig::from_parts(computed, self)),
            _ => Err(errors),
        }
    }

    fn computed(&self, errors: &mut Vec<ConfigError>) -> Option<Computed> {
        let mut keep = |name: &str, result: Result<(), String>| {
            errors.extend(result.err().map(|reason| self.error(name, &reason)));
        };
        let mut listeners = Vec::new();
        match self.listeners() {
            Ok(resolved) => listeners = resolved,
            Err((name, reason)) => keep(name, Err(reason)),
        }
        let mut quorum = QuorumAddresses::default();
        match self.quorum_addresses() {
            Ok(addresses) => quorum = addresses,
            Err((name, reason)) => keep(name, Err(reason)),
        }
        let mut limits = Vec::new();
        keep(
            "max.connections.per.ip.overrides",
            parse_limits(&self.text("max.connections.per.ip.overrides"))
                .map(|found| limits = found),
        );
        if limits.is_empty() && self.integer("max.connections.per.ip") == 0 {
            let reason = "zero needs max.connections.per.ip.overrides, or nobody could connect";
            keep("max.connections.per.ip", Err(reason.to_owned()));
        }
        let mut forebay_cpus = Vec::new();
        keep(
            "forebay.cpus",
            parse_cpus(&self.list("forebay.cpus")).map(|found| forebay_cpus = found),
        );
        let mut forebay_http_listen = None;
        keep(
            "forebay.http.listen",
            self.http_listen().map(|found| forebay_http_listen = found),
        );
        let mut authorizer = None;
        keep(
            "super.users",
            self.authorizer().map(|found| authorizer = found),
        );
        let codec = self.integer("offsets.topic.compression.codec");
        let offsets_topic_compression = u8::try_from(codec).ok().and_then(Compression::from_id);
        if offsets_topic_compression.is_none() {
            let reason = format!("there is no compression with the number {codec}");
            keep("offsets.topic.compression.codec", Err(reason));
        }
        let directories = self.directories(&mut keep);
        self.check_roles(&quorum, errors);
        let retention_minutes = self.integer("offsets.retention.minutes");
        Some(Computed {
            node_id: self.node_id(),
            listeners,
            roles: self.roles(),
            quorum,
            controller_listener_names: self.controller_names(),
            log_dirs: directories.log_dirs,
            metadata_log_dir: directories.metadata_log_dir,
            cordoned_log_dirs: directories.cordoned_log_dirs,
            topic: TopicConfig::resolve(self, TopicOwner::User, &Overrides::new())
                .map_err(|error| errors.push(error))
                .ok()?,
            max_connections_per_ip_overrides: limits,
            offsets_retention_ms: in_milliseconds("offsets.retention.minutes", retention_minutes),
            offsets_topic_compression: offsets_topic_compression?,
            socket_listen_backlog_size: self.chosen("socket.listen.backlog.size"),
            socket_receive_buffer_bytes: self.chosen("socket.receive.buffer.bytes"),
            socket_send_buffer_bytes: self.chosen("socket.send.buffer.bytes"),
            authorizer,
            is_replica_selector_rack_aware: self.text("replica.selector.class")
                == RACK_AWARE_SELECTOR,
            forebay_cpus,
            forebay_http_listen,
        })
    }

    /// The log directories; what is wrong with them goes to `keep`, with the setting's name.
    fn directories(&self, keep: &mut impl FnMut(&str, Result<(), String>)) -> Directories {
        let log_dirs = self.log_dirs();
        let metadata_log_dir = match (self.text("metadata.log.dir"), log_dirs.first()) {
            (dir, Some(first)) if dir.is_empty() => first.clone(),
            (dir, _) => dir,
        };
        if log_dirs.is_empty() {
            keep(
                "log.dirs",
                Err("at least one directory is needed".to_owned()),
            );
        }
        let cordoned = cordoned(&log_dirs, self.list(CORDONED_LOG_DIRS));
        let cordoned_log_dirs = cordoned.unwrap_or_else(|reason| {
            keep(CORDONED_LOG_DIRS, Err(reason));
            Vec::new()
        });
        Directories {
            log_dirs,
            metadata_log_dir,
            cordoned_log_dirs,
        }
    }

    fn listeners(&self) -> Result<Vec<Listener>, (&'static str, String)> {
        let mut listeners = resolve_listeners(&self.listener_texts(), self.host_name())?;
        for listener in &mut listeners {
            let own = |name| u32::from_value(&self.value_of_listener(&listener.name, name));
            let (count, rate) = (own("max.connections"), own("max.connection.creation.rate"));
            listener.max_connections = count;
            listener.max_connection_creation_rate = rate;
        }
        Ok(listeners)
    }

    /// Kafka checks these outside its table: zero would delete or roll everything at once.
    fn check_times(&self, errors: &mut Vec<ConfigError>) {
        let first_set = |names: &[&'static str]| {
            names.iter().find_map(|name| match self.value(name) {
                Value::Integer(amount) => Some((*name, amount)),
                _ => None,
            })
        };
        let retention = [
            "log.retention.ms",
            "log.retention.minutes",
            "log.retention.hours",
        ];
        if let Some((name, 0)) = first_set(&retention) {
            errors.push(self.error(name, "zero keeps nothing; -1 keeps everything"));
        }
        if let Some((name, ..1)) = first_set(&["log.roll.ms", "log.roll.hours"]) {
            errors.push(self.error(name, "a segment must be allowed to last for 1 ms at least"));
        }
        if let Some((name, ..0)) = first_set(&["log.roll.jitter.ms", "log.roll.jitter.hours"]) {
            errors.push(self.error(name, "the jitter cannot be negative"));
        }
        let name = "replica.fetch.wait.max.ms";
        let wait = self.integer(name);
        for longer in ["replica.socket.timeout.ms", "replica.lag.time.max.ms"] {
            if wait > self.integer(longer) {
                let reason = format!("{wait} is more than {longer}, {}", self.integer(longer));
                errors.push(self.error(name, &reason));
            }
        }
    }

    /// Kafka checks this outside its table, too: the largest request would never be read.
    fn check_sizes(&self, errors: &mut Vec<ConfigError>) {
        let name = "queued.max.request.bytes";
        let (queued, request) = (self.integer(name), self.integer("socket.request.max.bytes"));
        if queued > 0 && queued < request {
            let reason = format!("{queued} is less than socket.request.max.bytes, {request}");
            errors.push(self.error(name, &reason));
        }
    }

    /// Java classes that Forebay has no counterpart of.
    fn check_classes(&self, errors: &mut Vec<ConfigError>) {
        for (name, known) in [
            ("authorizer.class.name", STANDARD_AUTHORIZER),
            ("principal.builder.class", DEFAULT_PRINCIPAL_BUILDER),
            ("replica.selector.class", RACK_AWARE_SELECTOR),
        ] {
            let class = self.text(name);
            if !class.is_empty() && class != known {
                let reason = format!("Forebay has nothing in place of {class}, only of {known}");
                errors.push(self.error(name, &reason));
            }
        }
    }

    /// Where metrics and health are served, if anywhere.
    fn http_listen(&self) -> Result<Option<(String, u16)>, String> {
        let text = self.text("forebay.http.listen");
        if text.is_empty() {
            return Ok(None);
        }
        let address = parse_host_and_port(&text);
        address
            .map(Some)
            .ok_or_else(|| format!("{text} is not of the form HOST:PORT"))
    }

    /// The settings that the authorizer reads by itself, outside of Kafka's table.
    fn authorizer(&self) -> Result<Option<AuthorizerConfig>, String> {
        if self.text("authorizer.class.name").is_empty() {
            return Ok(None);
        }
        let text = |name: &str| {
            self.fixed()
                .get(name)
                .map_or("", |given| given.value.trim())
        };
        let users = text("super.users").split(';').map(str::trim);
        let super_users: Vec<String> = users
            .filter(|user| !user.is_empty())
            .map(str::to_owned)
            .collect();
        if let Some(user) = super_users.iter().find(|user| !user.contains(':')) {
            return Err(format!(
                "{user} is not of the form TYPE:NAME, such as User:alice; several are separated \
                 by semicolons"
            ));
        }
        Ok(Some(AuthorizerConfig {
            super_users,
            allow_everyone_if_no_acl_found: text("allow.everyone.if.no.acl.found")
                .eq_ignore_ascii_case("true"),
        }))
    }

    pub(super) fn node_id(&self) -> BrokerId {
        match self.value("node.id") {
            // Settings that nobody gave, as a topic is resolved without a broker.
            Value::Null => 1,
            value => BrokerId::from_value(&value),
        }
    }

    fn log_dirs(&self) -> Vec<String> {
        match self.value("log.dirs") {
            Value::List(dirs) => dirs,
            _ => self.list("log.dir"),
        }
    }

    fn controller_names(&self) -> Vec<String> {
        let mut names = self.list("controller.listener.names");
        if names.is_empty() {
            names.push("CONTROLLER".to_owned());
        }
        names.iter().map(|name| name.to_ascii_uppercase()).collect()
    }

    /// The number that the operator chose; `None` where Kafka's default or its shipped file would
    /// decide, or where the operator left it to the kernel with a negative one.
    fn chosen(&self, name: &str) -> Option<u32> {
        match self.fixed().get(name)?.origin {
            Origin::Shipped | Origin::Default => None,
            _ => Option::from_value(&self.value(name)),
        }
    }

    fn listener_texts(&self) -> ListenerTexts {
        let optional = |name: &str| self.is_set(name).then(|| self.text(name));
        let mut protocol_map = self.text("listener.security.protocol.map");
        if !self.is_set("listener.security.protocol.map") {
            for name in self.controller_names() {
                // Kafka lets a controller's listener speak PLAINTEXT where nothing is said.
                protocol_map = format!("{name}:PLAINTEXT,{protocol_map}");
            }
        }
        ListenerTexts {
            is_broker: self.roles().broker,
            listeners: self.list("listeners"),
            advertised: self
                .is_set("advertised.listeners")
                .then(|| self.list("advertised.listeners")),
            protocol_map,
            controller_names: self.controller_names(),
            inter_broker_name: optional("inter.broker.listener.name"),
            inter_broker_protocol: optional("security.inter.broker.protocol"),
        }
    }

    fn integer(&self, name: &str) -> i64 {
        i64::from_value(&self.value(name))
    }

    fn text(&self, name: &str) -> String {
        Option::<String>::from_value(&self.value(name)).unwrap_or_default()
    }

    pub(super) fn list(&self, name: &str) -> Vec<String> {
        match self.value(name) {
            Value::List(values) => values,
            _ => Vec::new(),
        }
    }
}

/// Which of `log_dirs` take no new partitions.
fn cordoned(log_dirs: &[String], named: Vec<String>) -> Result<Vec<String>, String> {
    if named == [ALL_LOG_DIRS] {
        return Ok(log_dirs.to_vec());
    }
    if named.iter().any(|dir| dir == ALL_LOG_DIRS) {
        return Err("* stands for all log directories and must stand alone".to_owned());
    }
    match named.iter().find(|dir| !log_dirs.contains(dir)) {
        Some(unknown) => Err(format!("{unknown} is none of log.dirs")),
        None => Ok(named),
    }
}

/// HOST:LIMIT, separated by commas; the last of a host counts.
fn parse_limits(text: &str) -> Result<Vec<(String, u32)>, String> {
    let entries = text.split(',').map(str::trim);
    let mut limits = BTreeMap::new();
    for entry in entries.filter(|entry| !entry.is_empty()) {
        let parts = entry.rsplit_once(':');
        let parts = parts.and_then(|(host, limit)| Some((host, limit.trim().parse().ok()?)));
        let Some((host, limit)) = parts.filter(|(host, _)| !host.trim().is_empty()) else {
            return Err(format!("{text} is not of the form HOST:LIMIT,HOST:LIMIT"));
        };
        limits.insert(host.trim().to_owned(), limit);
    }
    Ok(limits.into_iter().collect())
}

/// Numbers and ranges of them; sorted, each once.
fn parse_cpus(entries: &[String]) -> Result<Vec<u16>, String> {
    // More than any machine has: a range must not fill the memory.
    const CPU_MAX: u16 = 4095;
    let mut cpus = Vec::new();
    for entry in entries {
        let (first, last) = entry.split_once('-').unwrap_or((entry, entry));
        match (first.trim().parse::<u16>(), last.trim().parse::<u16>()) {
            (Ok(first), Ok(last)) if first <= last && last <= CPU_MAX => cpus.extend(first..=last),
            _ => {
                return Err(format!(
                    "{entry} is neither a CPU's number nor a range such as 0-3"
                ));
            }
        }
    }
    cpus.sort_unstable();
    cpus.dedup();
    Ok(cpus)
}
