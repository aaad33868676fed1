//! Coordinators: records, response and replay.
//!
//! Owns: what clients agree on through the broker. A request reads the state and gives records to
//! append and an answer that waits until they are committed; a failed append takes the change
//! back; after a restart the replayed records give the same state again.
//! Promises: pure functions of time, requests, records and a seeded generator.
//! Knows nothing of: logs, sockets, authorization. Who appends, and where, is the shard's matter.
//! Start at [`group::GroupCoordinator`].

pub mod group;
