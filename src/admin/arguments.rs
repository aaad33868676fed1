//! The commands and what they share.

use std::str::FromStr;

use clap::{Args, Subcommand};

use crate::config::parse_size;

use super::cluster::ClusterCommand;
use super::consume::Consume;
use super::group::GroupCommand;
use super::produce::Produce;
use super::topic::TopicCommand;

/// Kafka's port.
const PORT: u16 = 9092;

/// The commands of an operator.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Create, list, describe, change and delete topics
    #[command(subcommand)]
    Topic(TopicCommand),
    Produce(Produce),
    Consume(Consume),
    /// List, describe and delete consumer groups
    #[command(subcommand)]
    Group(GroupCommand),
    /// Show the cluster
    #[command(subcommand)]
    Cluster(ClusterCommand),
}

impl Command {
    /// Where the command asks, and how it answers.
    pub const fn connection(&self) -> &ConnectionArguments {
        match self {
            Self::Topic(command) => command.connection(),
            Self::Produce(command) => &command.connection,
            Self::Consume(command) => &command.connection,
            Self::Group(command) => command.connection(),
            Self::Cluster(command) => command.connection(),
        }
    }
}

/// What every command understands.
#[derive(Args, Clone, Debug)]
pub struct ConnectionArguments {
    /// Brokers to ask first, separated by commas; the port may be left out if it is 9092
    #[arg(
        long,
        short = 'b',
        value_name = "HOST:PORT",
        value_delimiter = ',',
        default_value = "127.0.0.1:9092",
        help_heading = "Connection"
    )]
    pub bootstrap_server: Vec<Server>,

    /// How long to wait for a broker, in milliseconds
    #[arg(
        long,
        value_name = "MS",
        default_value_t = 30_000,
        value_parser = clap::value_parser!(u64).range(1..=86_400_000),
        help_heading = "Connection"
    )]
    pub request_timeout_ms: u64,

    /// The name by which the broker's logs, metrics and quotas know this command
    #[arg(
        long,
        value_name = "NAME",
        default_value = "forebay",
        help_heading = "Connection"
    )]
    pub client_id: String,

    /// Print JSON for programs: its fields keep their names and meaning
    #[arg(long)]
    pub json: bool,
}

/// Bytes a second with a unit or none: positive, in 63 bits, as Kafka has them.
///
/// # Errors
/// What they look like, if `text` is something else.
pub fn rate(text: &str) -> Result<u64, String> {
    let bytes = parse_size(text)
        .ok()
        .and_then(|bytes| u64::try_from(bytes).ok());
    bytes
        .filter(|bytes| *bytes > 0)
        .ok_or_else(|| "Not bytes a second, such as 50000000 or 50MiB".to_owned())
}

/// A host and a port.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Server {
    pub host: String,
    pub port: u16,
}

impl FromStr for Server {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        // An IPv6 address has colons of its own and stands in brackets where a port follows.
        let (host, port) = match text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            Some((host, "")) => (host, None),
            Some((host, rest)) => (host, Some(rest.strip_prefix(':').unwrap_or(rest))),
            None => match text.split_once(':') {
                Some((_, rest)) if rest.contains(':') => (text, None),
                Some((host, port)) => (host, Some(port)),
                None => (text, None),
            },
        };
        if host.is_empty() {
            return Err("the host is missing".to_owned());
        }
        let port = match port {
            None => PORT,
            Some(port) => port
                .parse()
                .ok()
                .filter(|port| *port > 0)
                .ok_or_else(|| format!("{port:?} is no port: a number from 1 to 65535 is"))?,
        };
        Ok(Self {
            host: host.to_owned(),
            port,
        })
    }
}

/// A setting and its value.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Setting {
    pub name: String,
    pub value: String,
}

impl FromStr for Setting {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once('=') {
            Some((name, value)) if !name.trim().is_empty() => Ok(Self {
                name: name.trim().to_owned(),
                value: value.to_owned(),
            }),
            _ => Err("expected NAME=VALUE".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_are_read_with_and_without_ports() {
        let server = |text: &str| {
            text.parse::<Server>()
                .map(|server| (server.host, server.port))
        };
        assert_eq!(server("a:1"), Ok(("a".to_owned(), 1)));
        assert_eq!(server("a.b"), Ok(("a.b".to_owned(), 9092)));
        assert_eq!(server("[::1]:7"), Ok(("::1".to_owned(), 7)));
        assert_eq!(server("::1"), Ok(("::1".to_owned(), 9092)));
        assert!(server("a:0").is_err());
        assert!(server("a:b").is_err());
        assert!(server(":9").is_err());
    }

    #[test]
    fn rates_have_a_unit_or_none() {
        assert_eq!(rate("50000000"), Ok(50_000_000));
        assert_eq!(rate("50MiB"), Ok(50 << 20));
        assert_eq!(rate("1GB"), Ok(1_000_000_000));
        for bad in ["", "0", "-1", "1.5MiB", "fast", "9223372036854775807K"] {
            let refused = rate(bad).unwrap_err();
            assert_eq!(
                refused, "Not bytes a second, such as 50000000 or 50MiB",
                "{bad}"
            );
        }
    }
}
