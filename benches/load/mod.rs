//! The load that benches put on servers, and the servers as processes of their own.
#![allow(
    dead_code,
    unused_imports,
    reason = "each bench uses its own part of the load"
)]

mod client;
mod crowd;
mod paced;
mod reader;
pub mod server;
mod windows;

pub use client::{Filled, Load, Measured, PRODUCE_VERSION, Work, create_topic, delete_topic};
pub use crowd::Crowd;
pub use paced::{Latency, Paced};
pub use reader::Reading;
pub use windows::{median, warm_up};

/// The value of the first of a bench's `arguments` that begins with `name`, as `--rounds=`.
pub fn option(arguments: &[String], name: &str) -> Option<String> {
    let value = |argument: &String| argument.strip_prefix(name).map(str::to_owned);
    arguments.iter().find_map(value)
}
