//! `forebay verify` on directories that the real broker left.

#[path = "../binary/broker.rs"]
#[allow(dead_code, reason = "each test binary uses its own part of it")]
mod broker;

mod directory;
mod flips;
mod repair;
