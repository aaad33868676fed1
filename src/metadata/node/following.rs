//! A node that does not lead the quorum: what is committed is shown, what others ask is passed on.

use crate::log::storage::StorageOutbox;
use crate::model::{BrokerId, NodeAddress};
use crate::protocol::AnyResponse;
use crate::quorum::VoterEndpoint;
use crate::stdx::Now;

use super::super::image::ConfigKind;
use super::super::record::check_metadata_version;
use super::state::WorkingImage;
use super::{HaltCause, MetadataNode, Phase};

impl MetadataNode {
    /// The quorum's request with this `id` was answered; `None` if it failed or was given up.
    pub(super) fn on_quorum_outcome(
        &mut self,
        now: Now,
        id: u64,
        response: Option<AnyResponse>,
        outbox: &mut StorageOutbox,
    ) {
        if matches!(self.phase, Phase::Failed | Phase::Closed) {
            return;
        }
        if let Some(quorum) = &mut self.quorum {
            quorum.on_outcome(now, id, response, outbox);
        }
        self.drain_quorum(now, outbox);
    }

    /// Nobody listens where the quorum's request with this `id` was to go.
    pub(super) fn on_quorum_refused(&mut self, now: Now, id: u64, outbox: &mut StorageOutbox) {
        if matches!(self.phase, Phase::Failed | Phase::Closed) {
            return;
        }
        if let Some(quorum) = &mut self.quorum {
            quorum.on_refused(now, id, outbox);
        }
        self.drain_quorum(now, outbox);
    }

    /// The quorum has another leader, or none.
    pub(super) fn on_leader_changed(
        &mut self,
        now: Now,
        leader: Option<(BrokerId, Vec<VoterEndpoint>)>,
    ) {
        let leader = leader.and_then(|(id, endpoints)| {
            let first = endpoints.into_iter().next()?;
            let VoterEndpoint { host, port, .. } = first;
            Some((id, NodeAddress { host, port }))
        });
        self.joining.on_controller_changed(now.instant, leader);
    }

    /// Show what was committed since the last image.
    pub(super) fn publish_followed(&mut self, now: Now) {
        let is_following = matches!(self.phase, Phase::Following);
        if !is_following || !self.has_news || self.working.is_in_transaction() {
            return;
        }
        let end_offset = self.working.image.end_offset;
        if !self.joining.may_show(now.instant, end_offset) {
            return;
        }
        self.has_news = false;
        if let Err(reason) = check_metadata_version(self.working.image.metadata_version()) {
            let place = self.settings.metadata_directory_name();
            return self.halt(HaltCause::UnusableData(format!("{place}: {reason}")));
        }
        if let Some(quorum) = &self.quorum {
            self.working.image.kraft_version = quorum.kraft_version();
        }
        let publication = self.working.publication();
        let mut changed = publication.delta.configs_changed.iter();
        if self.published.is_none() || changed.any(|one| one.kind == ConfigKind::Broker) {
            self.refresh_settings();
        }
        self.on_shown(now, &publication.image, &publication.delta);
        self.show(publication, None);
        self.release_answers(now, end_offset);
    }

    /// This node was elected: what it decides from here on may be taken back.
    pub(super) fn settle(&mut self, now: Now) {
        self.publish_followed(now);
        self.settled = Some(self.working.clone());
    }

    /// This node leads no more: what it decided and was not committed is void.
    pub(super) fn on_unseated(&mut self, now: Now) {
        if !matches!(self.phase, Phase::Active | Phase::Closing) {
            return;
        }
        self.publications.clear();
        self.unsettle_answers(now);
        let settled = self.settled.take().unwrap_or_default();
        let shown = self.published.as_deref();
        let shown_end = shown.map_or(-1, |shown| shown.end_offset);
        self.has_news = shown_end < settled.image.end_offset;
        self.working = match shown.filter(|shown| shown.end_offset > settled.image.end_offset) {
            Some(shown) => WorkingImage::of(shown),
            None => settled,
        };
        if matches!(self.phase, Phase::Active) {
            self.phase = Phase::Following;
            let offset = self.working.image.end_offset;
            if let Some(quorum) = &mut self.quorum {
                quorum.tell_from(offset);
            }
        }
    }
}
