//! All that one core owns, as one value: an event goes in, effects come out.
//!
//! Owns: the partitions placed on this core, the connections handed to it, the requests that wait.
//! Promises: it never awaits, never blocks, and does the same for the same events.
//! Knows nothing of: glommio, sockets, files, clocks. [`crate::runtime`] and [`crate::simulation`]
//! are two runtimes for the same shard.
//! Lives on: every core. Start at [`Shard::on_event`].

pub mod api;
mod appending;
mod checkpoints;
mod cleaning;
mod collecting;
mod configs;
mod connections;
mod console;
mod controller;
mod core;
mod deferring;
mod deleting;
mod effect;
mod event;
mod failing;
mod fetches;
mod file_limit;
mod files;
mod folders;
mod following;
mod future;
mod groups;
mod housekeeping;
mod inherited;
mod inspecting;
mod journaling;
mod leading;
mod message;
mod metering;
mod moving;
mod neighbours;
mod opening;
mod owning;
mod partition;
mod peers;
mod placement;
mod proposing;
mod reading;
mod request;
mod resuming;
mod roles;
mod room;
mod serving;
mod settings;
mod task;
mod throttling;
mod truncating;
mod waiting;

#[cfg(test)]
mod tests;

pub use self::core::Shard;
pub use effect::{Effect, Effects, HaltReason};
pub use event::{ConnectionId, DisconnectReason, Event, ListenerIndex, PeerAddress, RefusalReason};
pub use inspecting::ReplicaView;
pub use message::{DirectoryCheckpoint, Message, MetadataUpdate};
pub use peers::PeerAsker;
pub use resuming::CHECKPOINT_EVERY_BYTES;
pub use settings::{ListenerKind, ShardSettings};
