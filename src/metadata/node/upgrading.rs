//! The quorum's own version, `kraft.version`: asked for like the level of any feature, and written
//! by the quorum.

use crate::model::ErrorCode;
use crate::protocol::messages::UpdateFeaturesRequest;
use crate::stdx::Now;

use super::super::controller::QuorumStanding;
use super::super::features::KRAFT_VERSION;
use super::{ControllerRequest, ControllerResponse, MetadataNode};

impl MetadataNode {
    /// What of the quorum a change of features depends on; nothing else does.
    pub(super) fn quorum_standing(&self, request: &ControllerRequest) -> QuorumStanding {
        let asked = matches!(request, ControllerRequest::UpdateFeatures(_));
        match self.quorum.as_ref().filter(|_| asked) {
            Some(quorum) => QuorumStanding {
                voters: quorum.voter_ids(),
                upgrade: quorum.check_upgrade().map(drop),
            },
            None => QuorumStanding {
                voters: Vec::new(),
                upgrade: Err(String::new()),
            },
        }
    }

    /// Have the quorum's log say who votes, if that was asked for and nothing was refused. It is
    /// committed before the answer is given, which waits for all that is appended before it.
    pub(super) fn upgrade_quorum(
        &mut self,
        now: Now,
        request: &ControllerRequest,
        response: &ControllerResponse,
    ) {
        let (
            ControllerRequest::UpdateFeatures(request),
            ControllerResponse::UpdateFeatures(response),
        ) = (request, response)
        else {
            return;
        };
        let is_agreed = response.error_code == ErrorCode::None.code() && !request.validate_only;
        let level = wished_level(request).filter(|_| is_agreed);
        let Some(level) = level.filter(|level| *level > self.working.image.kraft_version) else {
            return;
        };
        let Some(quorum) = &mut self.quorum else {
            return;
        };
        if let Ok(voters) = quorum.check_upgrade() {
            let end_offset = quorum.upgrade(now, voters);
            let epoch = quorum.epoch();
            tracing::info!("the metadata log says who votes: kraft.version {level}");
            self.working.note_kraft_version(level, (end_offset, epoch));
        }
    }
}

/// The level of `kraft.version` that is wished; named twice, it counts as it is named last.
fn wished_level(request: &UpdateFeaturesRequest) -> Option<i16> {
    let mut updates = request.feature_updates.iter().rev();
    let wish = updates.find(|update| update.feature == KRAFT_VERSION)?;
    Some(wish.max_version_level)
}
