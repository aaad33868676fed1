//! `forebay serve`: settings to a running broker. The one place that knows both the broker's
//! settings and the runtime that carries it.

use std::io::IsTerminal;
use std::process::ExitCode;
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use forebay::config::{BrokerConfig, Listener, LogLevels, ServeArguments};
use forebay::connection::ConnectionLimits;
use forebay::model::ShardId;
use forebay::runtime::{ListenerPlan, ServePlan, Serving, SocketOptions, StartFailure, serve};
use forebay::shard::{CHECKPOINT_EVERY_BYTES, ListenerKind, Shard, ShardSettings};
use forebay::stdx::Random;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, Registry, reload};

use crate::directories::{directories_of, metadata_index};
use crate::settings::read_settings;

/// The part of the machine's memory that the broker takes unless told otherwise: the other half
/// is the page cache's and the clients'.
const MEMORY_DIVISOR: u64 = 2;

/// The memory assumed where the kernel does not tell.
const MEMORY_BYTES_UNKNOWN: u64 = 1 << 30;

/// The name of the HTTP listener in messages.
const HTTP: &str = "HTTP";

/// Run a broker until it is told to stop.
pub fn run(arguments: &ServeArguments) -> ExitCode {
    let started = Instant::now();
    let log_levels = Arc::new(start_logging());
    let startup = match read_settings(arguments) {
        Ok(startup) => startup,
        Err(lines) => {
            for line in lines {
                eprintln!("forebay: {line}");
            }
            return exit(StartFailure::EXIT_STATUS);
        }
    };
    for warning in &startup.warnings {
        eprintln!("forebay: warning: {warning}");
    }
    let plan = plan_of(&startup.config);
    let (shards_count, memory_bytes) = (plan.shards_count, plan.memory_bytes);
    let listeners = listener_kinds(&startup.config);
    let seed = random_seed();
    let make_shard = move |id: ShardId, serving: &Serving| {
        let config = as_started(&startup.config, serving);
        let mut random = Random::from_seed(seed);
        for _ in 0..=id.0 {
            random = random.fork();
        }
        Shard::new(ShardSettings {
            id,
            shards_count,
            journal_bytes_max: config.forebay_journal_bytes,
            checkpoint_every_bytes: CHECKPOINT_EVERY_BYTES,
            config: Arc::new(config),
            settings: startup.settings.clone(),
            log_levels: Arc::clone(&log_levels),
            random,
            memory_bytes: memory_bytes / u64::from(shards_count),
            open_files_max: serving.files_per_shard,
            sync_methods: serving.sync_methods(),
            listeners: listeners.clone(),
        })
    };
    match serve(plan, make_shard, move |serving| announce(serving, started)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("forebay: {failure}");
            exit(StartFailure::EXIT_STATUS)
        }
    }
}

fn exit(status: i32) -> ExitCode {
    ExitCode::from(u8::try_from(status).unwrap_or(1))
}

/// Where what is logged can be changed; set once, when logging starts.
static FILTER: OnceLock<reload::Handle<EnvFilter, Registry>> = OnceLock::new();

/// Logs go to standard error: for a person on a terminal, as JSON where `FOREBAY_LOG_FORMAT=json`.
/// `FOREBAY_LOG` chooses what is logged, in the way of `RUST_LOG`; clients may change it.
fn start_logging() -> LogLevels {
    let levels = match std::env::var("FOREBAY_LOG") {
        Ok(filter) if EnvFilter::try_new(&filter).is_ok() => LogLevels::from_filter(&filter),
        _ => LogLevels::default(),
    };
    let (filter, handle) = reload::Layer::new(EnvFilter::new(levels.to_filter()));
    let layer = tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal());
    let layer = match std::env::var("FOREBAY_LOG_FORMAT").as_deref() {
        Ok("json") => layer.json().boxed(),
        _ => layer.boxed(),
    };
    tracing_subscriber::registry()
        .with(filter)
        .with(layer)
        .init();
    assert!(FILTER.set(handle).is_ok(), "logging is started once");
    levels
}

/// Log what `filter` says from now on.
fn filter_log(filter: &str) {
    if let (Some(handle), Ok(filter)) = (FILTER.get(), EnvFilter::try_new(filter)) {
        // It fails only when the log itself is gone, at the end of the process.
        drop(handle.reload(filter));
    }
}

/// A seed that nobody can predict.
pub fn random_seed() -> u64 {
    let mut bytes = [0; 8];
    let read = std::fs::File::open("/dev/urandom")
        .and_then(|mut file| std::io::Read::read_exact(&mut file, &mut bytes));
    read.expect("the kernel gives random bytes");
    u64::from_le_bytes(bytes)
}

fn memory_bytes() -> u64 {
    let text = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let total = text.lines().find_map(|line| {
        let kib = line.strip_prefix("MemTotal:")?.trim().strip_suffix(" kB")?;
        kib.parse::<u64>().ok()
    });
    total.map_or(MEMORY_BYTES_UNKNOWN, |kib| kib << 10)
}

fn cpus_count() -> u16 {
    let count = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    u16::try_from(count).unwrap_or(u16::MAX)
}

/// The listeners that speak Kafka's protocol. Those for clients come first: limits of connections
/// name them by their places.
fn kafka_listeners(config: &BrokerConfig) -> Vec<&Listener> {
    let mut listeners: Vec<&Listener> = config.listeners.iter().collect();
    listeners.sort_by_key(|listener| listener.is_controller);
    listeners
}

fn listener_kinds(config: &BrokerConfig) -> Vec<ListenerKind> {
    let kafka = kafka_listeners(config).into_iter().map(|listener| {
        let name = listener.name.clone();
        if listener.is_controller {
            ListenerKind::Controller(name)
        } else {
            ListenerKind::Kafka(name)
        }
    });
    kafka
        .chain(
            config
                .forebay_http_listen
                .iter()
                .map(|_| ListenerKind::Http),
        )
        .collect()
}

fn plan_of(config: &BrokerConfig) -> ServePlan {
    let kafka = kafka_listeners(config);
    let kafka = kafka.into_iter().map(|listener| ListenerPlan {
        name: listener.name.clone(),
        host: listener.host.clone().unwrap_or_default(),
        port: listener.port,
        sockets: SocketOptions {
            backlog: config.socket_listen_backlog_size,
            receive_buffer_bytes: config.socket_receive_buffer_bytes,
            send_buffer_bytes: config.socket_send_buffer_bytes,
        },
    });
    let http = config
        .forebay_http_listen
        .iter()
        .map(|(host, port)| ListenerPlan {
            name: HTTP.to_owned(),
            host: host.clone(),
            port: *port,
            sockets: SocketOptions::default(),
        });
    let cpus: Vec<usize> = config
        .forebay_cpus
        .iter()
        .map(|cpu| usize::from(*cpu))
        .collect();
    let cpus_given = u16::try_from(cpus.len()).ok().filter(|count| *count > 0);
    ServePlan {
        listeners: kafka.chain(http).collect(),
        directories: directories_of(config),
        needed_directory: metadata_index(config).unwrap_or(config.log_dirs.len()),
        shards_count: config
            .forebay_shards
            .or(cpus_given)
            .unwrap_or_else(cpus_count),
        cpus,
        sync_method: config.forebay_sync_method,
        memory_bytes: config
            .forebay_memory_bytes
            .unwrap_or(memory_bytes() / MEMORY_DIVISOR),
        limits: ConnectionLimits::new(config),
        filter_log,
    }
}

/// The settings as they came to be: a listener with port zero got its port from the kernel, which
/// is what clients are told; directories are told by their full paths.
fn as_started(config: &BrokerConfig, serving: &Serving) -> BrokerConfig {
    let mut config = config.clone();
    let metadata = metadata_index(&config).unwrap_or(config.log_dirs.len());
    let paths = serving.directories.iter();
    let mut directories: Vec<String> = paths.map(|path| path.display().to_string()).collect();
    config.metadata_log_dir = directories[metadata].clone();
    directories.truncate(config.log_dirs.len());
    config.log_dirs = directories;
    let mut listeners: Vec<&mut Listener> = config.listeners.iter_mut().collect();
    listeners.sort_by_key(|listener| listener.is_controller);
    for (listener, address) in listeners.into_iter().zip(&serving.addresses) {
        listener.port = address.port();
        if let Some((_, port)) = &mut listener.advertised
            && *port == 0
        {
            *port = address.port();
        }
    }
    config
}

/// The one line that says that the broker serves.
fn announce(serving: &Serving, started: Instant) {
    for warning in &serving.warnings {
        eprintln!("forebay: warning: {warning}");
    }
    let addresses: Vec<String> = serving.addresses.iter().map(ToString::to_string).collect();
    let directories: Vec<String> = serving
        .directories
        .iter()
        .map(|path| path.display().to_string())
        .collect();
    println!(
        "forebay is ready: listening on {}, {} shards, data in {}, after {} ms",
        addresses.join(", "),
        serving.shards_count,
        directories.join(", "),
        started.elapsed().as_millis()
    );
}
