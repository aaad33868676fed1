//! Forebay: a Kafka-wire-compatible message broker, thread-per-core on `io_uring`.
//!
//! This file is the map of the code, and the map is the law. The modules stand in dependency
//! order: a module may name only modules above it. Above the kernel line nothing touches a clock,
//! a thread, a socket, a file, an async function, a lock or a random seed: all of that is an input
//! or an effect there. `tests/tidy.rs` reads both rules from this file and enforces them.
//!
//! Start with [`shard`]: one core's state, an event in, effects out.

/// What std lacks: time as a value, buffers, a fixed hasher, a seeded generator, timeline maps.
pub mod stdx;

/// Kafka's nouns: offsets, epochs, topic partitions, broker and producer ids, error codes.
pub mod model;

/// The Kafka wire: frames, requests and responses by API and version, record batches.
pub mod protocol;

/// One table of every setting: Kafka's name, type, unit, default, range, dynamic or not.
pub mod config;

/// One table of every metric; plain per-shard counters and histograms; text exposition.
pub mod metrics;

/// Principals, access control lists, the decision who may do what.
pub mod security;

/// One replica of one partition: segments, indexes, epochs, producer state, retention, compaction.
pub mod log;

/// One shard's write-ahead journal: group commit over all its partitions, replay after a crash, and
/// the checkpoint that bounds a start.
pub mod journal;

/// The roles of a replica: who leads knows its followers, the in-sync set and the high watermark;
/// who follows knows what to ask its leader and what to make of the answer.
pub mod replication;

/// `KRaft`: the metadata log, its elections and its replication.
pub mod quorum;

/// The cluster image and its deltas; the controller that writes the records.
pub mod metadata;

/// Records, response and replay: groups.
pub mod coordinator;

/// One client connection: bytes to requests, responses in order to bytes; who may connect, and how
/// much may be in work.
pub mod connection;

/// The other side of the wire: for followers, admin, bench and simulated workloads.
pub mod client;

/// HTTP: metrics, health.
pub mod console;

/// All that one core owns: event in, effects out; `api` has one handler per Kafka API.
pub mod shard;

/// A deterministic world around brokers of several shards: faults, workloads, checks.
pub mod simulation;

// ------------------------------------ kernel line ------------------------------------

/// glommio: executors, the turn loop, files, sockets, mailboxes, timers, signals.
pub mod runtime;

/// The operator's command line; speaks Kafka's protocol only.
pub mod admin;

/// The check of a stopped broker's directories, and their repair.
pub mod verify;

/// The taking over of a stopped Apache Kafka's directories, where they are.
pub mod import;

/// The making of a node's directories those of a cluster.
pub mod format;

/// The load generator; speaks Kafka's protocol only.
pub mod bench;
