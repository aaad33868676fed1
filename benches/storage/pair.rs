//! The brokers of a figure: all run while it is measured, one after the other has the machine.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use crate::brokers::{self, Broker};
use crate::load::server::Server;
use crate::support::Lab;

/// Which broker.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Kind {
    Forebay,
    /// Another build of Forebay.
    Other,
    Kafka,
}

/// What the command line says of a run.
pub struct Run {
    pub lab: Lab,
    /// On the disk that is measured.
    pub folder: PathBuf,
    pub rounds: u64,
    /// Of each window of measuring.
    pub duration: Duration,
    /// The size of a topic that is read from the disk.
    pub gigabytes: u64,
    /// The names of the brokers that are wanted.
    pub brokers: String,
    /// The program of another build of Forebay, which is measured too.
    pub other: Option<PathBuf>,
}

/// A broker that runs.
pub struct Running {
    pub kind: Kind,
    pub broker: Broker,
    pub server: Server,
    /// Where everything that it keeps is.
    pub folder: PathBuf,
}

impl Run {
    /// Start the brokers that are wanted, each formatted anew with `settings`.
    pub fn start(&self, settings: &[(&str, &str)]) -> Vec<Running> {
        let wanted = [Kind::Forebay, Kind::Other, Kind::Kafka].into_iter();
        let wanted = wanted.filter(|kind| {
            let name = format!("{kind:?}").to_lowercase();
            match kind {
                Kind::Other => self.other.is_some(),
                _ => self.brokers.split(',').any(|wanted| wanted == name),
            }
        });
        wanted.map(|kind| self.start_one(kind, settings)).collect()
    }

    pub fn start_one(&self, kind: Kind, settings: &[(&str, &str)]) -> Running {
        let folder = self.folder.join(format!("{kind:?}").to_lowercase());
        let format = |kind| Broker::format(kind, &self.lab, &folder, settings);
        let mut broker = match (kind, &self.other) {
            (Kind::Kafka, _) => format(brokers::Kind::Kafka),
            (Kind::Other, Some(program)) => Broker::format_other(program, &folder, settings),
            _ => format(brokers::Kind::Forebay),
        };
        let server = broker.start();
        Running {
            kind,
            broker,
            server,
            folder,
        }
    }

    /// A line of progress.
    pub fn tell(&self, who: &str, what: &str) {
        eprintln!("  {who:<8} {what}");
    }
}

impl Running {
    pub fn name(&self) -> String {
        format!("{:?}", self.kind)
    }
}

/// Have everything written back that anyone has left in the page cache.
pub fn settle() {
    let synced = Command::new("sync").status();
    assert!(synced.is_ok_and(|status| status.success()), "sync is there");
}
