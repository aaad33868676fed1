//! `process.roles`, and where the metadata quorum is found.

use crate::model::{BrokerId, NodeAddress};

use super::broker::BrokerConfig;
use super::listener::{Listener, parse_host_and_port};
use super::settings::{BrokerSettings, ConfigError};
use super::value::Value;

const ROLES: &str = "process.roles";
const VOTERS: &str = "controller.quorum.voters";
const BOOTSTRAP: &str = "controller.quorum.bootstrap.servers";

/// The port of a controller listener that nobody configured; Kafka ships it so.
pub const CONTROLLER_PORT: u16 = 9093;

/// What this process is in its cluster: `process.roles`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Roles {
    /// It holds partitions, and clients are told of it.
    pub broker: bool,
    /// It votes in the metadata quorum, and may decide for the cluster.
    pub controller: bool,
}

/// A voter of `controller.quorum.voters`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct QuorumVoter {
    /// The node.
    pub id: BrokerId,
    /// Where its controller listener is.
    pub address: NodeAddress,
}

/// Where the quorum is found.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct QuorumAddresses {
    /// `controller.quorum.voters`
    pub voters: Vec<QuorumVoter>,
    /// `controller.quorum.bootstrap.servers`
    pub bootstrap_servers: Vec<NodeAddress>,
}

impl QuorumAddresses {
    /// Where to ask who leads, without knowing anything yet.
    pub fn first_asked(&self) -> impl Iterator<Item = &NodeAddress> {
        let voters = self.voters.iter().map(|voter| &voter.address);
        self.bootstrap_servers.iter().chain(voters)
    }

    /// True if the operator named several voters, which never change then (`kraft.version` 0).
    #[must_use]
    pub fn are_several(&self) -> bool {
        self.voters.len() > 1
    }

    /// True if the operator named a quorum.
    #[must_use]
    pub fn are_given(&self) -> bool {
        !self.voters.is_empty() || !self.bootstrap_servers.is_empty()
    }
}

impl BrokerConfig {
    /// True if the broker registers with whoever leads the quorum. One whose node is the only voter
    /// there can be is registered by its own controller, and lives as long as that does.
    #[must_use]
    pub fn is_broker_that_joins(&self) -> bool {
        self.roles.broker && (!self.roles.controller || self.may_be_one_of_several())
    }

    /// True if the settings tell of other controllers than this node: other voters, or other
    /// places where who leads is to be asked. What a quorum of voters that change has come to, only
    /// its log tells.
    #[must_use]
    pub fn may_be_one_of_several(&self) -> bool {
        let mut servers = self.quorum.bootstrap_servers.iter();
        self.quorum.are_several() || servers.any(|address| !self.is_own_controller(address))
    }

    /// True if a controller listener of this node has this address, as far as its settings tell.
    fn is_own_controller(&self, address: &NodeAddress) -> bool {
        let is_here = matches!(&*address.host, "localhost" | "127.0.0.1" | "::1");
        let listeners = self.listeners.iter();
        let mut listeners = listeners
            .filter(|listener| listener.is_controller)
            .peekable();
        if listeners.peek().is_none() {
            return is_here && address.port == CONTROLLER_PORT;
        }
        let is_at = |listener: &Listener| match &listener.advertised {
            Some((host, port)) => *port == address.port && (*host == address.host || is_here),
            None => false,
        };
        listeners.any(is_at)
    }
}

impl BrokerSettings {
    /// Both where nothing is said.
    pub(super) fn roles(&self) -> Roles {
        let roles = self.list(ROLES);
        let has = |name: &str| roles.is_empty() || roles.iter().any(|role| role == name);
        Roles {
            broker: has("broker"),
            controller: has("controller"),
        }
    }

    /// The addresses of the quorum. An error comes with the setting that is to blame.
    pub(super) fn quorum_addresses(&self) -> Result<QuorumAddresses, (&'static str, String)> {
        let address = |text: &str| {
            let (host, port) = parse_host_and_port(text)?;
            (!host.is_empty() && port > 0).then_some(NodeAddress { host, port })
        };
        let voter = |text: &str| {
            let (id, text) = text.split_once('@')?;
            let (id, address) = (id.parse().ok()?, address(text)?);
            Some(QuorumVoter { id, address })
        };
        let mut addresses = QuorumAddresses::default();
        for text in self.list(VOTERS) {
            let malformed = || (VOTERS, format!("{text} is not of the form ID@HOST:PORT"));
            addresses.voters.push(voter(&text).ok_or_else(malformed)?);
        }
        for text in self.list(BOOTSTRAP) {
            let malformed = || (BOOTSTRAP, format!("{text} is not of the form HOST:PORT"));
            let server = address(&text).ok_or_else(malformed)?;
            addresses.bootstrap_servers.push(server);
        }
        Ok(addresses)
    }

    /// True if a listener of this node has this address.
    fn is_listened_on(&self, address: &NodeAddress) -> bool {
        let ending = format!("://{address}");
        let listeners = self.list("advertised.listeners").into_iter();
        let mut listeners = listeners.chain(self.list("listeners"));
        listeners.any(|listener| listener.ends_with(&ending))
    }

    /// What this process is, and who votes, must fit together.
    pub(super) fn check_roles(&self, addresses: &QuorumAddresses, errors: &mut Vec<ConfigError>) {
        let mut keep = |name: &str, reason: &str| errors.push(self.error(name, reason));
        let roles = self.roles();
        let own = self.node_id();
        let votes = addresses.voters.iter().any(|voter| voter.id == own);
        if let Some(twice) = named_twice(&addresses.voters) {
            keep(VOTERS, &twice);
        }
        if roles.controller {
            let mut voters = addresses.voters.iter().filter(|_| !votes);
            let is_here = |voter: &&QuorumVoter| self.is_listened_on(&voter.address);
            let here = voters.clone().find(is_here);
            let first = voters.next().filter(|_| !addresses.are_several());
            if let Some(QuorumVoter { id, address }) = here.or(first) {
                keep(VOTERS, &format!("{id}@{address} is not this node, {own}"));
            } else if !votes && addresses.are_several() {
                keep(
                    VOTERS,
                    &format!("this node, {own}, is not among the voters"),
                );
            }
        } else {
            if !addresses.are_given() {
                let reason = "a broker has to know where the controllers of its cluster are: \
                              set it to their addresses, as HOST:PORT";
                keep(BOOTSTRAP, reason);
            }
            if votes {
                let reason = format!("node {own} votes, and so has to be a controller, too");
                keep(VOTERS, &reason);
            }
        }
        let ids = (self.value("node.id"), self.value("broker.id"));
        if let (Value::Integer(node), Value::Integer(broker)) = ids
            && node != broker
        {
            let reason = format!("{node} is not the same node as broker.id={broker}");
            keep("node.id", &reason);
        }
        if let Value::Integer(..0) = self.value("broker.id") {
            keep("broker.id", "the number of a node is not negative");
        }
    }
}

/// What is wrong with voters of which two are the same node, or at the same place.
fn named_twice(voters: &[QuorumVoter]) -> Option<String> {
    let mut numbered = voters.iter().enumerate();
    numbered.find_map(|(number, voter)| {
        let QuorumVoter { id, address } = voter;
        let before = &voters[..number];
        if before.iter().any(|other| other.id == *id) {
            return Some(format!("node {id} is named twice"));
        }
        let other = before.iter().find(|other| other.address == *address)?;
        Some(format!(
            "nodes {} and {id} cannot both be at {address}",
            other.id
        ))
    })
}
