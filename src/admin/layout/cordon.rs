//! Brokers that are given no new replicas (KIP-1066).

use std::time::{Duration, Instant};

use crate::admin::Failure;
use crate::admin::session::Session;
use crate::model::BrokerId;
use crate::protocol::AnyRequest;
use crate::protocol::messages::DescribeLogDirsRequest;

use super::Layout;
use super::configs::{Alterations, Resource, alter, broker_values};
use super::reading::{are_cordoned, describe_directories};

const CORDONED: &str = "cordoned.log.dirs";

/// The value that means all directories.
const ALL_DIRECTORIES: &str = "*";

/// The version of DescribeLogDirs that tells what is cordoned.
const TOLD_SINCE: i16 = 5;

/// The feature, and its level 4.3-IV0, from which on controllers know of cordoned directories.
const METADATA_VERSION: &str = "metadata.version";
const KNOWN_SINCE: i16 = 30;

/// How long a broker may take to act on the setting.
const PATIENCE: Duration = Duration::from_secs(5);
const ASKED_AGAIN_AFTER: Duration = Duration::from_millis(100);

/// What became of a cordon.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Cordon {
    /// The broker is given no new replicas.
    Set,
    /// It cannot be, and why.
    Impossible(String),
}

impl Cordon {
    /// Tells the person at the terminal if it could not be set.
    pub fn report(&self, broker: BrokerId) {
        if let Self::Impossible(reason) = self {
            eprintln!("forebay: new partitions may still be placed on broker {broker}: {reason}");
        }
    }
}

/// Sets that the broker is given no new replicas.
pub fn cordon(session: &mut Session, layout: &Layout, broker: BrokerId) -> Result<Cordon, Failure> {
    let state = layout.brokers.get(&broker).cloned().unwrap_or_default();
    if state.is_cordoned {
        return Ok(Cordon::Set);
    }
    if !state.is_alive {
        let text = "it is down, and takes no settings";
        return Ok(Cordon::Impossible(text.to_owned()));
    }
    if !is_known(session) {
        let text = "this cluster has no cordoned.log.dirs (metadata.version 4.3-IV0 has)";
        return Ok(Cordon::Impossible(text.to_owned()));
    }
    if let Some(reason) = change(session, broker, Some(ALL_DIRECTORIES))? {
        return Ok(Cordon::Impossible(reason));
    }
    let deadline = Instant::now() + PATIENCE;
    while !are_cordoned(&describe_directories(session, broker, None)?) {
        if Instant::now() >= deadline {
            change(session, broker, None)?;
            let text = "it took cordoned.log.dirs but does not act on it";
            return Ok(Cordon::Impossible(text.to_owned()));
        }
        std::thread::sleep(ASKED_AGAIN_AFTER);
    }
    Ok(Cordon::Set)
}

/// Takes back what [`cordon`] set; true if something was.
pub fn uncordon(session: &mut Session, broker: BrokerId) -> Result<bool, Failure> {
    let values = broker_values(session, broker, &[CORDONED])?;
    if !values.get(CORDONED).is_some_and(|value| value.is_own) {
        return Ok(false);
    }
    match change(session, broker, None)? {
        None => Ok(true),
        Some(reason) => Err(Failure::Failed(format!(
            "cannot take back {CORDONED} of broker {broker}: {reason}"
        ))),
    }
}

/// Why it was refused, if it was.
fn change(
    session: &mut Session,
    broker: BrokerId,
    value: Option<&str>,
) -> Result<Option<String>, Failure> {
    let resource = Resource::Broker(broker);
    let changes: Alterations = vec![(CORDONED, value.map(str::to_owned))];
    let mut refused = alter(session, &[(resource.clone(), changes)].into())?;
    Ok(refused.remove(&resource))
}

fn is_known(session: &Session) -> bool {
    let connection = session.first_connection();
    let asked = AnyRequest::from(DescribeLogDirsRequest::default());
    let is_told = connection
        .version_for(&asked)
        .is_ok_and(|version| version >= TOLD_SINCE);
    let mut features = connection.handshake().finalized_features.iter();
    let version = features.find(|feature| feature.name == METADATA_VERSION);
    is_told && version.is_some_and(|version| version.max_version_level >= KNOWN_SINCE)
}
