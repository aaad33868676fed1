//! Why there is no connection, or no answer.

use ::core::net::SocketAddr;
use std::fmt;

use crate::client::ConnectionError;

/// Why no connection came about.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum DialFailure {
    /// The host has no address; why, the resolver says.
    NotResolved {
        /// The name.
        host: String,
        /// One line.
        reason: String,
    },
    /// Nobody listens there, at none of the addresses of its name.
    Refused {
        /// The address that was tried last.
        at: SocketAddr,
    },
    /// Nobody answered in time.
    TimedOut {
        /// The address that was tried last; `None` if it was the name that took so long.
        at: Option<SocketAddr>,
    },
    /// There is no descriptor for one more connection.
    NoDescriptor,
    /// The network failed.
    Failed {
        /// The address that was tried last.
        at: SocketAddr,
        /// The system's error number.
        errno: i32,
    },
}

impl fmt::Display for DialFailure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotResolved { host, reason } => {
                write!(formatter, "the name {host:?} has no address ({reason})")
            }
            Self::Refused { at } => write!(formatter, "nobody listens at {at}"),
            Self::TimedOut { at: Some(at) } => {
                write!(formatter, "{at} did not answer in time")
            }
            Self::TimedOut { at: None } => {
                formatter.write_str("the address of its name was not found in time")
            }
            Self::NoDescriptor => formatter.write_str(
                "no descriptor is left: raise the limit of open files (ulimit -n, LimitNOFILE)",
            ),
            Self::Failed { at, errno } => {
                write!(formatter, "{at} cannot be reached (errno {errno})")
            }
        }
    }
}

impl std::error::Error for DialFailure {}

/// Why a request was not answered.
#[derive(Clone, Debug, PartialEq)]
pub enum AskFailure {
    /// No connection came about. The request was not sent.
    Refused(DialFailure),
    /// The connection was lost; the request may have been done.
    Disconnected,
    /// No answer came in time; the request may have been done.
    TimedOut,
    /// The node speaks no version that can carry the request. It was not sent.
    Unsupported(ConnectionError),
    /// What came is not the answer to what was asked; the request may have been done.
    Malformed(ConnectionError),
}

impl fmt::Display for AskFailure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(failure) => write!(formatter, "{failure}"),
            Self::Disconnected => formatter.write_str("the connection was lost"),
            Self::TimedOut => formatter.write_str("no answer came in time"),
            Self::Unsupported(error) | Self::Malformed(error) => write!(formatter, "{error}"),
        }
    }
}

impl std::error::Error for AskFailure {}
