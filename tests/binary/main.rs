//! The real binary, asked over the network.

mod bench;
#[allow(dead_code, reason = "each test binary uses its own part of it")]
mod broker;
mod compaction;
mod console;
mod durability;
mod folders;
mod loading;
mod recovery;
mod settings;
mod syncing;
