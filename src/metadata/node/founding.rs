//! Whom the metadata quorum of a new directory begins with, as `kafka-storage format` is told it.

use crate::model::{BrokerId, Uuid};
use crate::quorum::Voter;

use super::NodeSettings;

/// Who votes when the directory of the metadata log is new.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) enum Founding {
    /// What the settings say: this node alone, if they name no other.
    #[default]
    AsConfigured,
    /// This node alone (`--standalone`).
    Alone,
    /// These (`--initial-controllers`). All of them are formatted so.
    Voters(Vec<Voter>),
    /// Whoever votes in the cluster already (`--no-initial-controllers`).
    Elsewhere,
}

impl Founding {
    /// True if this node begins a quorum of its own.
    pub(super) fn is_of_one(&self, settings: &NodeSettings) -> bool {
        match self {
            Self::Alone => true,
            Self::AsConfigured => {
                let is_controller = settings.config.roles.controller;
                is_controller && !settings.config.may_be_one_of_several()
            }
            Self::Voters(_) | Self::Elsewhere => false,
        }
    }

    /// Whether a directory can be formatted so, of which nothing is known but the settings.
    ///
    /// # Errors
    /// One line that says what is missing.
    pub(super) fn check(&self, settings: &NodeSettings) -> Result<(), String> {
        if self.is_of_one(settings) {
            return Ok(());
        }
        let config = &settings.config;
        let place = settings.metadata_directory_name();
        let may_vote = config.roles.controller && !config.quorum.are_several();
        if *self == Self::AsConfigured && may_vote {
            return Err(format!(
                "{place} is not formatted, and controller.quorum.voters does not say who votes: \
                 run `forebay format` with the settings of this node and with --standalone, \
                 --initial-controllers or --no-initial-controllers"
            ));
        }
        if settings.cluster_id.is_none() {
            // A cluster of its own would be made of a mistake: an unmounted disk, a wrong path.
            return Err(format!(
                "{place} is not formatted, and this node is part of a cluster of several: run \
                 `forebay format --cluster-id ID` with the id of the cluster and the settings of \
                 this node"
            ));
        }
        Ok(())
    }

    /// The id that the directory of the metadata log of the node `id` gets; `None` for any.
    pub(super) fn directory_of(&self, id: BrokerId) -> Option<Uuid> {
        let Self::Voters(voters) = self else {
            return None;
        };
        let voter = voters.iter().find(|voter| voter.id == id);
        voter.map(|voter| voter.directory_id)
    }

    /// The voters that the directory `own` of the metadata log begins with, if it names any.
    pub(super) fn voters(&self, settings: &NodeSettings, own: Uuid) -> Option<Vec<Voter>> {
        match self {
            Self::Voters(voters) => Some(voters.clone()),
            _ if self.is_of_one(settings) => Some(vec![Voter {
                id: settings.config.node_id,
                directory_id: own,
                endpoints: settings.voter_endpoints(),
            }]),
            _ => None,
        }
    }
}
