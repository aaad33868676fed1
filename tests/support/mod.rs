//! What the tests with real clients stand on.
//!
//! Owns: the lab under `target/lab` (a Python environment, Apache Kafka's jars, its message
//! definitions), brokers of both kinds as child processes, and a wire client that can say odd
//! things. Promises: nothing is installed outside of `target/`; a test whose tool is missing says
//! so by name and is listed at the end (with `CI=true` it fails); no child outlives the test
//! process. Does not know: any scenario. Start reading at [`needs`], then [`Broker`].
#![allow(
    dead_code,
    unused_imports,
    unused_macros,
    reason = "each test binary uses its own part of the support"
)]

mod lab;
mod broker;
mod compare;
mod process;
pub mod wire;

pub use broker::{Broker, Kind, free_port};
pub use compare::{assert_equal, difference, on_both, shared};
pub use lab::{Lab, Tool, all_not_run, not_possible, not_run};
pub use process::{Output, Program, as_root, resident, spawn};

/// The name of the test in which this stands, for the list of those that did not run.
macro_rules! test_name {
    () => {{
        fn here() {}
        std::any::type_name_of_val(&here).trim_end_matches("::here")
    }};
}
pub(crate) use test_name;

/// Opens the lab with the named tools, or notes the test as not run and returns from it.
macro_rules! needs {
    ($($tool:ident),*) => {{
        let name = $crate::support::test_name!();
        match $crate::support::Lab::open(name, &[$($crate::support::Tool::$tool),*]) {
            Some(lab) => lab,
            None => return,
        }
    }};
}
pub(crate) use needs;
