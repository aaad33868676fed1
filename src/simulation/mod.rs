//! A deterministic world: one broker of several shards or a cluster of them, their disks, their
//! network, their clients.
//!
//! Owns: time, the schedule, the faults, the workload, and the oracle that knows what must hold.
//! Promises: the same seed gives the same world, down to the last byte; the shards in it are those
//! of production, and so is every byte that they receive and send.
//! Knows nothing of: threads, sockets, files, and what a shard does inside.
//! Lives in: tests. Start at [`World::run`].

mod agreement;
mod clients;
mod clock;
mod disk;
mod faults;
mod links;
mod network;
mod oracle;
mod planted;
mod reached;
mod request;
mod tampering;
mod totals;
mod trace;
mod volume;
mod world;

pub use faults::{Fault, FaultCounts};
pub use oracle::{Rule, Violation};
pub use planted::PlantedBug;
pub use reached::{Reached, ReachedCounts};
pub use totals::Totals;
pub use world::{CLUSTER_ELECTIONS_MIN, CLUSTER_EVENTS_MIN, Outcome, Shape, World, WorldSettings};
