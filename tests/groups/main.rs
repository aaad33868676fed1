//! The coordinator of classic groups, driven from outside: scenarios with their whole trace, and
//! random operations that must keep what a group promises.

#![expect(
    clippy::unwrap_used,
    clippy::too_many_lines,
    reason = "a test fails where something is not as it should be"
)]

mod loading;
mod property;
mod scenario;
mod text;
mod world;
