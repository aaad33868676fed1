//! Who waits for what the controller of this node has decided, and what they are told.

use crate::model::{LeaderEpoch, Offset};
use crate::protocol::AnyResponse;
use crate::quorum::{RecordBlock, SnapshotId};
use crate::stdx::{Instant, Now};

use super::taking_back::{Untrue, take_back};
use super::{
    ControllerRequest, ControllerResponse, MetadataEvent, MetadataNode, Phase, RequestToken,
};

/// Who asks the controller of this node.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Source {
    /// The broker of this node, which tells of itself.
    Lifecycle,
    /// The broker of this node, for itself or for a client.
    Broker(RequestToken),
    /// Another node, or whoever asks nobody but the controller.
    Other(RequestToken),
}

/// An answer that waits for its records, and those before.
#[derive(Debug)]
pub(super) struct WaitingAnswer {
    /// It holds if all below is committed as it was appended,
    pub end_offset: Offset,
    /// which was in this epoch.
    pub epoch: LeaderEpoch,
    pub source: Source,
    pub response: ControllerResponse,
    /// What was asked, where the next leader is asked again if this one's decision is void.
    pub request: Option<ControllerRequest>,
}

impl MetadataNode {
    /// Publish the images and release the answers whose records are committed.
    pub(super) fn publish(&mut self, now: Now) {
        if !matches!(self.phase, Phase::Active | Phase::Closing) {
            return;
        }
        let is_let_in = self.joining.may_show(now.instant, self.committed);
        while let Some((_, next)) = self.publications.front()
            && next.image.end_offset <= self.committed
        {
            let Some((decided_at, next)) = self.publications.pop_front() else {
                break;
            };
            self.on_shown(now, &next.image, &next.delta);
            self.show(next, Some(decided_at));
        }
        match &self.published {
            Some(image) => self.release_answers(now, image.end_offset),
            // The broker of this node is not let in yet: no shard has an image, so that whoever
            // asks is another node, or the broker itself.
            None if !is_let_in => self.release_answers(now, self.committed),
            None => {}
        }
    }

    /// Note the image as it is now, to be shown when it is committed; not before the broker of this
    /// node is let in.
    pub(super) fn prepare_publication(&mut self, now: Instant) {
        let is_let_in = self.published.is_some() || self.joining.is_let_in();
        if is_let_in && matches!(self.phase, Phase::Active) {
            let publication = self.working.take_publication();
            self.publications.extend(publication.map(|one| (now, one)));
        }
    }

    /// Tell the answers that hold if everything below `offset` is committed, and shown.
    pub(super) fn release_answers(&mut self, now: Now, offset: Offset) {
        while let Some(waiting) = self.answers.front()
            && waiting.end_offset <= offset
        {
            let Some(waiting) = self.answers.pop_front() else {
                break;
            };
            self.answer(now, waiting.source, waiting.response);
        }
    }

    fn answer(&mut self, now: Now, source: Source, response: ControllerResponse) {
        match source {
            Source::Lifecycle => {
                let response: Option<AnyResponse> = match response {
                    ControllerResponse::RegisterBroker(response) => Some(response.into()),
                    ControllerResponse::BrokerHeartbeat(response) => Some(response.into()),
                    _ => None,
                };
                if let Some(lifecycle) = &mut self.joining.lifecycle {
                    lifecycle.on_answer(now.instant, response.as_ref());
                }
            }
            Source::Broker(token) => self.on_forwarded(now, (token, response)),
            Source::Other(token) => {
                let answer = MetadataEvent::Answer { token, response };
                self.events.push_back(answer);
            }
        }
    }

    /// This node leads no more. Nobody knows yet whether what it decided last will be committed:
    /// its own broker waits until that is known, so that nothing is done twice, and all others are
    /// told to ask the next leader.
    pub(super) fn unsettle_answers(&mut self, now: Now) {
        for waiting in std::mem::take(&mut self.answers) {
            if waiting.request.is_some() && matches!(self.phase, Phase::Active) {
                self.answers.push_back(waiting);
                continue;
            }
            let mut response = waiting.response;
            take_back(&mut response, Untrue::All, self.not_controller());
            self.answer(now, waiting.source, response);
        }
    }

    /// Records are committed that this node did not append as the leader that it is, behind all
    /// that is in its image: they tell which decisions of an earlier time are void. Whoever waits
    /// for one of these asks anew.
    pub(super) fn void_answers(&mut self, now: Now, block: &RecordBlock) {
        let committed = self.working.image.end_offset;
        let is_void = |one: &WaitingAnswer| one.epoch < block.epoch && one.end_offset > committed;
        self.ask_anew(now, is_void);
    }

    /// The state begins anew with a snapshot, which does not tell what became of which decision.
    pub(super) fn void_answers_before(&mut self, now: Now, id: SnapshotId) {
        self.ask_anew(now, |one: &WaitingAnswer| one.epoch < id.epoch);
    }

    fn ask_anew(&mut self, now: Now, is_void: impl Fn(&WaitingAnswer) -> bool) {
        for waiting in std::mem::take(&mut self.answers) {
            match (waiting.source, &waiting.request) {
                (Source::Broker(token), Some(request)) if is_void(&waiting) => {
                    let request = request.clone();
                    self.joining.forwarding.ask(now.instant, token, request);
                }
                _ => self.answers.push_back(waiting),
            }
        }
    }
}
