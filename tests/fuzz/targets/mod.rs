//! What must hold for any bytes at all, one function for each place where bytes come in.
//!
//! A target panics where a promise is broken. The driver (`driver/`) feeds them what libFuzzer
//! invents; the test feeds them the seeds and everything that once broke one of them.

#[allow(unsafe_code)]
mod allocations;
mod batches;
mod broker;
mod framing;
mod memory_disk;
mod messages;
mod recovery;
mod settings;

/// Panics if these bytes break a promise.
pub type Target = fn(&[u8]);

/// Every target by its name.
pub const TARGETS: [(&str, Target); 7] = [
    ("batches", batches::check),
    ("broker", broker::check),
    ("framing", framing::check),
    ("recovery", recovery::check),
    ("requests", messages::check_request),
    ("responses", messages::check_response),
    ("settings", settings::check),
];
