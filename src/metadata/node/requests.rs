//! Requests to the controller of a node: what it decides is appended, and answered when committed.

use crate::model::{ErrorCode, Offset, Uuid};
use crate::protocol::messages::MetadataRecord;
use crate::quorum::Quorum;
use crate::stdx::Now;

use super::super::controller::{Controller, Decision, Refusal};
use super::refusing::not_controller;
use super::taking_back::{Untrue, take_back};
use super::{
    ControllerRequest, ControllerResponse, MetadataEvent, MetadataNode, Phase, RequestToken,
    Source, WaitingAnswer,
};

impl MetadataNode {
    /// Have the controller decide on what this broker, or a client of it, asks: the one here, or
    /// the one on another node. The answer comes as an event when its records are committed.
    pub fn on_request(&mut self, now: Now, token: RequestToken, request: &ControllerRequest) {
        match self.phase {
            Phase::Following | Phase::Active if self.joining.lifecycle.is_some() => {
                let forwarding = &mut self.joining.forwarding;
                forwarding.ask(now.instant, token, request.clone());
                if matches!(self.phase, Phase::Active) {
                    self.ask_self(now);
                }
            }
            _ => self.on_controller_request(now, token, request),
        }
    }

    /// Decide on what is asked of this node as the controller, if it is that.
    pub fn on_controller_request(
        &mut self,
        now: Now,
        token: RequestToken,
        request: &ControllerRequest,
    ) {
        if matches!(self.phase, Phase::Active) {
            return self.decide_on(now, Source::Other(token), request);
        }
        let response = request.refused(&self.not_controller());
        self.events
            .push_back(MetadataEvent::Answer { token, response });
    }

    /// What whoever asks this node for a decision is told while it does not lead.
    pub(super) fn not_controller(&self) -> Refusal {
        let own = self.settings.config.node_id;
        let leader = self.quorum.as_ref().and_then(Quorum::leader_id);
        not_controller(leader.filter(|leader| *leader != own))
    }

    /// Decide on a request as the controller.
    pub(super) fn decide_on(&mut self, now: Now, source: Source, request: &ControllerRequest) {
        self.fence_late(now);
        let (records, mut response) = self.decide(now, request);
        let changes_settings = records
            .iter()
            .any(|record| matches!(record, MetadataRecord::Config(_)));
        self.upgrade_quorum(now, request, &response);
        let end_offset = if is_divisible(request) {
            self.append_parts(now, &records);
            self.working.image.end_offset
        } else {
            self.append(now, &records).unwrap_or_else(|refused| {
                take_back(&mut response, Untrue::Done, refused.into());
                self.working.image.end_offset
            })
        };
        if changes_settings {
            self.refresh_settings();
        }
        if changes_settings || matches!(request, ControllerRequest::UpdateFeatures(_)) {
            self.cordon(now);
        }
        self.note_brokers(request, &response, end_offset - 1);
        let is_asked_anew = matches!(source, Source::Broker(_));
        self.answers.push_back(WaitingAnswer {
            end_offset,
            epoch: self.leader_epoch(),
            source,
            response,
            request: is_asked_anew.then(|| request.clone()),
        });
    }

    fn decide(
        &mut self,
        now: Now,
        request: &ControllerRequest,
    ) -> (Vec<MetadataRecord>, ControllerResponse) {
        use ControllerResponse as Response;
        let next_offset = self.quorum.as_ref().map_or(0, Quorum::next_offset);
        let standing = self.quorum_standing(request);
        let (controller, view) = self.deciding();
        match request {
            ControllerRequest::CreateTopics(request) => controller
                .create_topics(view, request)
                .answering(Response::CreateTopics),
            ControllerRequest::DeleteTopics { request, version } => controller
                .delete_topics(view, request, *version)
                .answering(Response::DeleteTopics),
            ControllerRequest::CreatePartitions(request) => controller
                .create_partitions(view, request)
                .answering(Response::CreatePartitions),
            ControllerRequest::AlterConfigs(request) => controller
                .alter_configs(view, request)
                .answering(Response::AlterConfigs),
            ControllerRequest::IncrementalAlterConfigs(request) => controller
                .incremental_alter_configs(view, request)
                .answering(Response::IncrementalAlterConfigs),
            ControllerRequest::CreateAcls(request) => controller
                .create_acls(view, request)
                .answering(Response::CreateAcls),
            ControllerRequest::DeleteAcls(request) => {
                Controller::delete_acls(view, request).answering(Response::DeleteAcls)
            }
            ControllerRequest::AssignReplicasToDirs(request) => controller
                .assign_replicas_to_dirs(view, request)
                .answering(Response::AssignReplicasToDirs),
            ControllerRequest::AlterPartitionReassignments(request) => controller
                .alter_partition_reassignments(view, request)
                .answering(Response::AlterPartitionReassignments),
            ControllerRequest::AlterPartition { request, version } => {
                Controller::alter_partition(view, request, *version)
                    .answering(Response::AlterPartition)
            }
            ControllerRequest::ElectLeaders(request) => {
                Controller::elect_leaders(view, request).answering(Response::ElectLeaders)
            }
            ControllerRequest::UpdateFeatures(request) => controller
                .update_features(view, &standing, request)
                .answering(Response::UpdateFeatures),
            ControllerRequest::AllocateProducerIds(request) => {
                Controller::allocate_producer_ids(view.image, request)
                    .answering(Response::AllocateProducerIds)
            }
            ControllerRequest::RegisterBroker { request, version } => controller
                .register_broker(view, now.instant, (request, *version), next_offset)
                .answering(Response::RegisterBroker),
            ControllerRequest::BrokerHeartbeat(request) => controller
                .broker_heartbeat(view, now.instant, request)
                .answering(Response::BrokerHeartbeat),
            ControllerRequest::UnregisterBroker(request) => controller
                .unregister_broker(view, request)
                .answering(Response::UnregisterBroker),
            ControllerRequest::RegisterController(request) => {
                Controller::register_controller(request).answering(Response::RegisterController)
            }
            ControllerRequest::DescribeQuorum(_)
            | ControllerRequest::AddRaftVoter(_)
            | ControllerRequest::RemoveRaftVoter(_) => {
                // The quorum of this node answers it itself.
                let unasked = Response::Unavailable(ErrorCode::UnknownServerError);
                (Vec::new(), unasked)
            }
            ControllerRequest::AutoCreate { topics } => {
                let results = self.auto_create(now, topics);
                (Vec::new(), Response::AutoCreate(results))
            }
        }
    }

    /// What was decided of a broker is in the log, the last record of it at `offset`.
    fn note_brokers(
        &mut self,
        request: &ControllerRequest,
        response: &ControllerResponse,
        offset: Offset,
    ) {
        match (request, response) {
            (
                ControllerRequest::RegisterBroker { request, .. },
                ControllerResponse::RegisterBroker(response),
            ) if response.error_code == 0 => {
                let (id, epoch) = (request.broker_id, response.broker_epoch);
                self.controller.on_registered(id, epoch, offset);
            }
            (
                ControllerRequest::BrokerHeartbeat(request),
                ControllerResponse::BrokerHeartbeat(response),
            ) => self
                .controller
                .on_heartbeat_noted(request, response, offset),
            _ => {}
        }
    }

    /// Fence the brokers that were not heard of in time.
    pub(super) fn fence_late(&mut self, now: Now) {
        loop {
            let (controller, view) = self.deciding();
            let Some(records) = controller.fence_next(view, now.instant) else {
                break;
            };
            self.append_parts(now, &records);
        }
    }

    /// Elect the leaders that are due, some of them in this turn.
    pub(super) fn elect_due(&mut self, now: Now) {
        let (controller, view) = self.deciding();
        let records = controller.elect_due(view, now.instant).unwrap_or_default();
        self.append_parts(now, &records);
    }

    /// Each topic by itself: one that cannot be made does not hinder the others.
    fn auto_create(&mut self, now: Now, topics: &[String]) -> Vec<Result<Uuid, Refusal>> {
        let mut results = Vec::with_capacity(topics.len());
        for topic in topics {
            let (controller, view) = self.deciding();
            let decision = controller.create_missing_topic(view, topic);
            let appended = self.append(now, &decision.records);
            let result = appended.map_err(Refusal::from);
            results.push(result.and(decision.response));
        }
        results
    }
}

/// True if the records of a decision may be committed in parts: what becomes of one partition does
/// not hang on another, and there may be more of them than fit into a batch.
const fn is_divisible(request: &ControllerRequest) -> bool {
    matches!(
        request,
        ControllerRequest::RegisterBroker { .. }
            | ControllerRequest::BrokerHeartbeat(_)
            | ControllerRequest::UnregisterBroker(_)
            | ControllerRequest::AlterPartition { .. }
            | ControllerRequest::ElectLeaders(_)
    )
}

impl<R> Decision<R> {
    fn answering(
        self,
        wrap: impl FnOnce(R) -> ControllerResponse,
    ) -> (Vec<MetadataRecord>, ControllerResponse) {
        (self.records, wrap(self.response))
    }
}
