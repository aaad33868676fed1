//! From received bytes to requests, and from replies to answers.

use std::sync::Arc;

use bytes::Bytes;

use crate::connection::{Charge, Complaint, Overlap};
use crate::protocol::messages::EnvelopeResponse;
use crate::protocol::{
    AnyRequest, AnyResponse, ApiKey, DecodeError, EncodeError, HeaderError, Writer,
    decode_request_header, encode_response_header,
};
use crate::security::Operation;
use crate::stdx::Now;

use super::api::{self, Plan};
use super::connections::Answer;
use super::core::{Phase, Shard};
use super::metering::{Metered, Started};
use super::partition::Asker;
use super::request::{OpenRequest, RequestContext};
use super::task::{Reply, RequestId, TaskIndex};
use super::{ConnectionId, Effects, ListenerKind, Message};

/// Why a request cannot be answered: its connection is closed, as Apache Kafka does.
#[derive(Debug)]
enum Unanswerable {
    Header(HeaderError),
    Body(ApiKey, i16, DecodeError),
    NotServed(ApiKey, i16),
}

impl std::fmt::Display for Unanswerable {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Header(HeaderError::UnknownApi { code, version }) => {
                write!(formatter, "there is no API {code} (version {version})")
            }
            Self::Header(HeaderError::Malformed(error)) => {
                write!(formatter, "not a Kafka request: {error}")
            }
            Self::Body(key, version, error) => {
                write!(
                    formatter,
                    "{} version {version} is malformed: {error}",
                    key.name()
                )
            }
            Self::NotServed(key, version) => {
                write!(formatter, "{} version {version} is not served", key.name())
            }
        }
    }
}

/// Produce and Fetch may overlap with each other; everything else is done by itself.
fn overlap_of(frame: &[u8]) -> Overlap {
    let key = frame.first_chunk().map(|bytes| i16::from_be_bytes(*bytes));
    match key.and_then(ApiKey::from_code) {
        Some(ApiKey::Produce | ApiKey::Fetch) => Overlap::Allowed,
        _ => Overlap::Forbidden,
    }
}

/// True for what only nodes ask of each other.
const fn is_of_node(request: &AnyRequest) -> bool {
    match request {
        AnyRequest::Fetch(fetch) => fetch.replica_id >= 0 || fetch.replica_state.replica_id >= 0,
        AnyRequest::OffsetForLeaderEpoch(request) => request.replica_id >= 0,
        AnyRequest::AllocateProducerIds(_)
        | AnyRequest::AlterPartition(_)
        | AnyRequest::AssignReplicasToDirs(_)
        | AnyRequest::BeginQuorumEpoch(_)
        | AnyRequest::BrokerHeartbeat(_)
        | AnyRequest::BrokerRegistration(_)
        | AnyRequest::ControllerRegistration(_)
        | AnyRequest::EndQuorumEpoch(_)
        | AnyRequest::Envelope(_)
        | AnyRequest::FetchSnapshot(_)
        | AnyRequest::UpdateRaftVoter(_)
        | AnyRequest::Vote(_)
        | AnyRequest::WriteTxnMarkers(_) => true,
        _ => false,
    }
}

impl Shard {
    pub(super) fn on_received(
        &mut self,
        now: Now,
        id: ConnectionId,
        length: usize,
        effects: &mut Effects,
    ) {
        let Some(peer) = self.connections.find(id) else {
            return;
        };
        if let Some(http) = &mut peer.http {
            peer.connection.note_received(now.instant);
            http.on_received(length);
            self.start_http_requests(now, id, effects);
        } else {
            peer.connection.on_received(now.instant, length);
            self.start_requests(now, id, effects);
            self.connections.release_block(now, id);
        }
    }

    pub(super) fn on_sent(
        &mut self,
        now: Now,
        id: ConnectionId,
        length: usize,
        effects: &mut Effects,
    ) {
        let Some(peer) = self.connections.find(id) else {
            return;
        };
        peer.connection.on_sent(now.instant, length);
        if peer.http.is_some() {
            self.start_http_requests(now, id, effects);
        } else {
            peer.sent
                .on_sent(now.instant, length, &mut self.meter.metrics);
            self.start_requests(now, id, effects);
            self.connections.release_block(now, id);
        }
    }

    /// True if requests of the connection are looked at. One of several voters cannot know what its
    /// shards have before the others have voted, so that it serves them first.
    pub(super) fn serves(&mut self, id: ConnectionId) -> bool {
        if self.phase == Phase::Serving {
            return true;
        }
        let settings = &self.settings;
        let config = &settings.config;
        let may_be_one_of_several = config.may_be_one_of_several() || !config.roles.broker;
        if self.phase != Phase::Starting || !may_be_one_of_several {
            return false;
        }
        self.connections.find(id).is_some_and(|peer| {
            let kind = settings.listeners.get(usize::from(peer.listener.0));
            matches!(kind, Some(ListenerKind::Controller(_)))
        })
    }

    /// Start the requests of a connection that may start.
    fn start_requests(&mut self, now: Now, id: ConnectionId, effects: &mut Effects) {
        if !self.serves(id) {
            return;
        }
        let frame_bytes_max = self.settings.config.socket_request_max_bytes as usize;
        loop {
            match self.connections.next_frame(id, frame_bytes_max, overlap_of) {
                Ok(Some(started)) => {
                    if let Err(reason) = self.start_request(now, id, started, effects) {
                        self.close_broken(now, id, (Complaint::Request, &reason), effects);
                    }
                }
                Ok(None) => return,
                Err(reason) => {
                    let cause: (_, &dyn std::fmt::Display) = (reason.complaint(), &reason);
                    self.close_broken(now, id, cause, effects);
                }
            }
        }
    }

    /// Go on with those that have had their share of the last turn.
    pub(super) fn start_postponed(&mut self, now: Now, effects: &mut Effects) {
        for connection in self.connections.take_postponed() {
            self.start_requests(now, connection, effects);
            self.connections.release_block(now, connection);
        }
        while let Some(connection) = self.connections.next_waiting_for_room() {
            self.start_requests(now, connection, effects);
            self.connections.release_block(now, connection);
            self.connections.settle_waiting_for_room(connection);
        }
    }

    /// Close a connection because of what its client sent.
    fn close_broken(
        &mut self,
        now: Now,
        id: ConnectionId,
        cause: (Complaint, &dyn std::fmt::Display),
        effects: &mut Effects,
    ) {
        if let Some(peer) = self.connections.find(id) {
            self.meter.metrics.listener_mut(peer.listener.0).broken += 1;
        }
        self.connections.close_for(now, id, cause, effects);
    }

    fn start_request(
        &mut self,
        now: Now,
        id: ConnectionId,
        (frame, charge): (Bytes, Charge),
        effects: &mut Effects,
    ) -> Result<(), Unanswerable> {
        let frame_bytes = frame.len();
        let (key, header, mut reader) =
            decode_request_header(frame).map_err(Unanswerable::Header)?;
        let version = header.request_api_version;
        let peer = self
            .connections
            .find(id)
            .expect("the frame came from an open connection");
        let is_known = peer.is_node;
        let context = RequestContext {
            connection: id,
            slot: peer.connection.open_slot(),
            key,
            version,
            correlation_id: header.correlation_id,
            client_id: header.client_id.map(Arc::from),
            peer: peer.address,
            client: Arc::clone(&peer.client),
            listener: peer.listener,
            received_at: now.instant,
            charge: Charge::default(),
            envelope: None,
            metered: Metered::new(frame_bytes, now.instant - peer.connection.last_received()),
        };
        let kind = &self.settings.listeners[usize::from(context.listener.0)];
        let is_served = kind
            .served_versions(key)
            .is_some_and(|(first, last)| (first..=last).contains(&version));
        if !is_served {
            // A client must be able to learn which versions there are (KIP-511).
            if key != ApiKey::ApiVersions {
                return Err(Unanswerable::NotServed(key, version));
            }
            let response = api::api_versions::unsupported_version();
            let mut context = context;
            context.version = 0;
            self.answer(now, &context, &response, effects);
            return Ok(());
        }
        let request = AnyRequest::decode(key, version, &mut reader)
            .map_err(|error| Unanswerable::Body(key, version, error))?;
        self.connections.budget_mut().begin(charge);
        let context = RequestContext { charge, ..context };
        if !is_known && is_of_node(&request) {
            let access = self.parts(now).access(&context);
            let may_be = access.would_allow_cluster(Operation::ClusterAction);
            if may_be {
                self.connections.note_node(id);
            }
        }
        if let AnyRequest::BrokerHeartbeat(heartbeat) = &request
            && let Some(peer) = self.connections.find(id)
        {
            peer.heartbeats = Some((heartbeat.broker_id, heartbeat.broker_epoch));
        }
        let AnyRequest::Envelope(envelope) = request else {
            self.plan(now, context, request, effects);
            return Ok(());
        };
        match api::envelope::open(&context, envelope, &self.parts(now)) {
            Ok((context, request)) => self.plan(now, context, request, effects),
            Err(error) => {
                let response = EnvelopeResponse {
                    error_code: error.code(),
                    ..EnvelopeResponse::default()
                };
                self.answer(now, &context, &response.into(), effects);
            }
        }
        Ok(())
    }

    fn plan(
        &mut self,
        now: Now,
        context: RequestContext,
        request: AnyRequest,
        effects: &mut Effects,
    ) {
        let plan = api::plan(&context, request, &mut self.parts(now));
        self.follow(now, None, context, plan, effects);
    }

    /// Do what a handler planned for a request.
    fn follow(
        &mut self,
        now: Now,
        id: Option<RequestId>,
        context: RequestContext,
        plan: Plan,
        effects: &mut Effects,
    ) {
        match plan {
            Plan::Answer(response) => self.answer(now, &context, &response, effects),
            Plan::NoAnswer => self.complete(now, &context, Vec::new(), effects),
            Plan::Close(reason) => {
                let cause: (_, &dyn std::fmt::Display) = (Complaint::Request, &reason);
                self.close_broken(now, context.connection, cause, effects);
                self.connections.end_charge(context.charge);
            }
            Plan::Tasks { tasks, gather } => {
                // Batches that were compressed anew are other memory than the request's.
                let budget = self.connections.budget_mut();
                let context = RequestContext {
                    charge: budget.grow(context.charge, tasks.batch_bytes()),
                    ..context
                };
                let id = id.unwrap_or_else(|| {
                    let id = self.requests.next_id();
                    self.meter.started.push(Started::Request(id));
                    id
                });
                let missing = tasks.count();
                self.requests.open(
                    id,
                    OpenRequest {
                        context,
                        gather: *gather,
                        missing,
                    },
                );
                let image_end_offset = self.image.end_offset;
                for (shard, tasks) in tasks {
                    if shard != self.settings.id {
                        let request = id;
                        effects.post(
                            shard,
                            Message::Tasks {
                                request,
                                image_end_offset,
                                tasks,
                            },
                        );
                        continue;
                    }
                    for (index, task) in tasks {
                        let asker = Asker {
                            shard,
                            request: id,
                            index,
                        };
                        self.take_task(now, asker, image_end_offset, task);
                    }
                }
            }
        }
    }

    pub(super) fn on_reply(
        &mut self,
        now: Now,
        id: RequestId,
        index: TaskIndex,
        reply: Reply,
        effects: &mut Effects,
    ) {
        let Some(request) = self.requests.find(id) else {
            return self.on_scrape_reply(now, id, index, reply, effects);
        };
        request.gather.on_reply(index, reply);
        request.missing -= 1;
        if request.missing > 0 {
            if request.gather.has_enough() {
                self.hurry(id, effects);
            }
            return;
        }
        let request = self.requests.close(id).expect("the request was just found");
        let OpenRequest {
            context, gather, ..
        } = request;
        let plan = gather.finish(&context, &mut self.parts(now));
        let connection = context.connection;
        self.follow(now, Some(id), context, plan, effects);
        self.start_requests(now, connection, effects);
        self.connections.release_block(now, connection);
    }

    /// Tell every shard that works for the fetch `id` to answer with what it has.
    fn hurry(&mut self, id: RequestId, effects: &mut Effects) {
        let own = self.settings.id;
        self.fetches
            .hurry(|asker| asker.shard == own && asker.request == id);
        self.broadcast_to_others(effects, || Message::HurryFetch { request: id });
    }

    fn broadcast_to_others(&self, effects: &mut Effects, message: impl Fn() -> Message) {
        for shard in 0..self.settings.shards_count {
            if shard != self.settings.id.0 {
                effects.post(crate::model::ShardId(shard), message());
            }
        }
    }

    fn answer(
        &mut self,
        now: Now,
        context: &RequestContext,
        response: &AnyResponse,
        effects: &mut Effects,
    ) {
        let metrics = &mut self.meter.metrics;
        api::errors::visit_error_codes(response, |code| metrics.count_error(context.key, code));
        match encode(context, response) {
            Ok(answer) => self.complete(now, context, answer, effects),
            Err(error) => {
                tracing::error!(
                    api = context.key.name(),
                    version = context.version,
                    "an answer cannot be said in the client's version: {error}"
                );
                self.connections.end_charge(context.charge);
                self.connections.close(context.connection, false, effects);
            }
        }
    }

    fn complete(
        &mut self,
        now: Now,
        context: &RequestContext,
        answer: Answer,
        effects: &mut Effects,
    ) {
        self.connections.end_charge(context.charge);
        if let Some(peer) = self.connections.find(context.connection) {
            let response_bytes = answer.iter().map(Bytes::len).sum();
            let answered = context.answered(now.instant, response_bytes);
            if response_bytes == 0 {
                answered.record(now.instant, &mut self.meter.metrics);
            } else {
                peer.sent.push(context.slot, answered);
                if context.metered.local_end.is_none() {
                    let started = Started::Answer(context.connection, context.slot);
                    self.meter.started.push(started);
                }
            }
            peer.connection.complete_slot(context.slot, answer);
            self.connections.send_answers(context.connection, effects);
        }
    }
}

fn encode(context: &RequestContext, response: &AnyResponse) -> Result<Answer, EncodeError> {
    let mut writer = Writer::new();
    let Some(envelope) = context.envelope else {
        writer.start_frame();
        encode_answer(context, response, &mut writer)?;
        writer.finish_frame()?;
        return Ok(writer.into_slices());
    };
    if let Some(refusal) = api::envelope::refusal_of(context.key, response) {
        writer.start_frame();
        api::envelope::close_with(envelope, &refusal, &mut writer)?;
        writer.finish_frame()?;
        return Ok(writer.into_slices());
    }
    let mut inner = Writer::new();
    encode_answer(context, response, &mut inner)?;
    writer.start_frame();
    api::envelope::close(envelope, &inner.into_slices(), &mut writer)?;
    writer.finish_frame()?;
    Ok(writer.into_slices())
}

fn encode_answer(
    context: &RequestContext,
    response: &AnyResponse,
    writer: &mut Writer,
) -> Result<(), EncodeError> {
    let (key, version) = (context.key, context.version);
    encode_response_header(writer, key, version, context.correlation_id)?;
    response.encode(writer, version)
}
