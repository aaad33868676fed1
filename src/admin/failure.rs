//! How a command ends that could not do what it was asked.

use std::io;
use std::process::ExitCode;

use crate::model::ErrorCode;

use super::meaning::meaning;

/// Why a command failed: one line for a person and an exit status for a script.
#[derive(Debug)]
pub enum Failure {
    /// The arguments make no sense.
    Usage(String),
    /// The world did not allow it.
    Failed(String),
    /// It is all printed already, for instance as one line for each topic.
    Told,
    /// Who reads our output went away: as for any tool in a pipe, no reason for a message.
    OutputClosed,
}

impl Failure {
    /// The failure of `action` by an answer of the broker. `message` is the broker's own.
    pub fn refused(action: &str, error: ErrorCode, message: Option<&str>) -> Self {
        Self::Failed(format!("{action}: {}", explain(error, message)))
    }

    /// Tells the person and gives the exit status.
    pub fn report(&self) -> ExitCode {
        match self {
            Self::Usage(text) => {
                eprintln!("forebay: {text}");
                ExitCode::from(2)
            }
            Self::Failed(text) => {
                eprintln!("forebay: {text}");
                ExitCode::FAILURE
            }
            Self::Told => ExitCode::FAILURE,
            Self::OutputClosed => ExitCode::SUCCESS,
        }
    }
}

impl From<io::Error> for Failure {
    /// A failure of our own output or input.
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            Self::OutputClosed
        } else {
            Self::Failed(error.to_string())
        }
    }
}

/// The error's name and what it means, on one line: the broker's own words where it sent some.
pub fn explain(error: ErrorCode, message: Option<&str>) -> String {
    let words = message.filter(|message| !message.is_empty());
    match words.or(meaning(error)) {
        Some(words) => format!("{}: {}", error.name(), words.replace('\n', " ")),
        None => error.name().to_owned(),
    }
}
