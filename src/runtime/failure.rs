//! Why the broker cannot start, in one line that says what to do.

use std::fmt;

/// The broker cannot start. [`fmt::Display`] gives the one line for the operator.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct StartFailure(String);

impl StartFailure {
    /// The exit status of a process that could not start.
    pub const EXIT_STATUS: i32 = 1;

    pub(super) fn new(line: impl Into<String>) -> Self {
        Self(line.into())
    }
}

impl fmt::Display for StartFailure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl std::error::Error for StartFailure {}
