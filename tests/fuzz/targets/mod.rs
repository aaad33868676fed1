//! What must hold for any bytes at all, one function for each place where bytes come in.
//!
//! A target panics where a promise is broken. The driver (`driver/`) feeds them what libFuzzer
//! invents; the test feeds them the seeds and everything that once broke one of them.

#[allow(unsafe_code)]
mod allocations;
mod batches;
mod broker;
mod console;
mod coordinator;
mod framing;
mod memory_disk;
mod messages;
mod metadata;
mod recovery;
mod settings;

/// Panics if these bytes break a promise.
pub type Target = fn(&[u8]);

/// Every target by its name.
pub const TARGETS: [(&str, Target); 10] = [
    ("batches", batches::check),
    ("broker", broker::check),
    ("console", console::check),
    ("coordinator", coordinator::check),
    ("framing", framing::check),
    ("metadata", metadata::check),
    ("recovery", recovery::check),
    ("requests", messages::check_request),
    ("responses", messages::check_response),
    ("settings", settings::check),
];
