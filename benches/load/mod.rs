//! The load that benches put on servers, and the servers as processes of their own.
#![allow(
    dead_code,
    unused_imports,
    reason = "each bench uses its own part of the load"
)]

mod client;
pub mod server;

pub use client::{Filled, Load, Measured, Work};
