//! Requests to the controller while another node is it: sent there, and again until it answers, or
//! decided here if this node comes to be the controller meanwhile.
//!
//! Apache Kafka's brokers do the same (KIP-590): a client may ask any broker. Who the client is was
//! checked here; the controller is asked in this broker's name.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::config::BrokerConfig;
use crate::model::{ErrorCode, Uuid};
use crate::protocol::messages::delete_topics_request::DeleteTopicState;
use crate::protocol::messages::{CreateTopicsRequest, CreateTopicsResponse};
use crate::protocol::{AnyRequest, AnyResponse};
use crate::quorum::QuorumCall;
use crate::stdx::Instant;

use super::super::controller::{Refusal, automatic_topic};
use super::{ControllerRequest, ControllerResponse, RequestToken};

/// The pause before a request is sent again, as in Apache Kafka.
const RETRY_AFTER: Duration = Duration::from_millis(50);

/// Clients wait so long for an answer unless told otherwise (`request.timeout.ms`): later nobody
/// listens.
const GIVE_UP_AFTER: Duration = Duration::from_secs(30);

/// Since this version of `DeleteTopics` topics are named in a list that may have ids.
const DELETE_BY_ID_SINCE: i16 = 6;

/// What the asker of a request gets, once it is answered or given up.
pub(super) type Answered = (RequestToken, ControllerResponse);

/// The requests that another node is asked.
#[derive(Debug, Default)]
pub(super) struct Forwarding {
    requests: BTreeMap<u64, Forwarded>,
    next_id: u64,
}

#[derive(Debug)]
struct Forwarded {
    token: RequestToken,
    request: ControllerRequest,
    is_asking: bool,
    ask_at: Instant,
    give_up_at: Instant,
}

impl Forwarding {
    /// Have the controller answer `request`.
    pub(super) fn ask(&mut self, now: Instant, token: RequestToken, request: ControllerRequest) {
        self.next_id += 1;
        let forwarded = Forwarded {
            token,
            request,
            is_asking: false,
            ask_at: now,
            give_up_at: now + GIVE_UP_AFTER,
        };
        self.requests.insert(self.next_id, forwarded);
    }

    /// The next request to send, with the settings for topics that are created unasked.
    pub(super) fn next_request(
        &mut self,
        now: Instant,
        config: &BrokerConfig,
    ) -> Option<(u64, AnyRequest)> {
        let mut requests = self.requests.iter_mut();
        let due = |one: &Forwarded| !one.is_asking && one.ask_at <= now;
        let (id, forwarded) = requests.find(|(_, forwarded)| due(forwarded))?;
        forwarded.is_asking = true;
        Some((*id, to_wire(&forwarded.request, config)))
    }

    /// This node is the controller: the next request that nobody else may be answering, unless
    /// [`Forwarding::next_of_quorum`] has it.
    pub(super) fn take_back(&mut self) -> Option<(RequestToken, ControllerRequest)> {
        let mut requests = self.requests.iter();
        let id = requests.find_map(|(id, one)| {
            let is_taken = !one.is_asking && one.request.of_quorum().is_none();
            is_taken.then_some(*id)
        })?;
        let Forwarded { token, request, .. } = self.requests.remove(&id)?;
        Some((token, request))
    }

    /// This node leads the quorum: the next request that is answered by that, and not by the
    /// controller.
    pub(super) fn next_of_quorum(&mut self, now: Instant) -> Option<(u64, QuorumCall)> {
        let due = |one: &Forwarded| !one.is_asking && one.ask_at <= now;
        let mut requests = self.requests.iter_mut().filter(|(_, one)| due(one));
        requests.find_map(|(id, one)| {
            let call = one.request.of_quorum()?;
            one.is_asking = true;
            Some((*id, call))
        })
    }

    /// The request with this `id` is answered, or could not be sent.
    pub(super) fn on_answer(
        &mut self,
        now: Instant,
        id: u64,
        response: Option<AnyResponse>,
    ) -> Option<Answered> {
        let forwarded = self.requests.get_mut(&id)?;
        let response = response.filter(|response| !is_from_another(response));
        let Some(response) = response else {
            forwarded.is_asking = false;
            forwarded.ask_at = now + RETRY_AFTER;
            return None;
        };
        let forwarded = self.requests.remove(&id)?;
        let missing = match &forwarded.request {
            ControllerRequest::AutoCreate { topics } => Some(topics.as_slice()),
            _ => None,
        };
        Some((forwarded.token, from_wire(response, missing)))
    }

    /// A request that nobody waits for any more.
    pub(super) fn expire(&mut self, now: Instant) -> Option<Answered> {
        let mut requests = self.requests.iter();
        let id = requests.find_map(|(id, one)| (one.give_up_at <= now).then_some(*id))?;
        let forwarded = self.requests.remove(&id)?;
        let reason = "The request timed out.";
        let refusal = Refusal::new(ErrorCode::RequestTimedOut, reason);
        Some((forwarded.token, forwarded.request.refused(&refusal)))
    }

    /// When [`Forwarding::expire`] has something, or, if the controller is known,
    /// [`Forwarding::next_request`].
    pub(super) fn next_deadline(&self, is_known: bool) -> Instant {
        let requests = self.requests.values();
        let due = requests.map(|one| match is_known && !one.is_asking {
            true => one.ask_at.min(one.give_up_at),
            false => one.give_up_at,
        });
        due.min().unwrap_or(Instant::MAX)
    }
}

fn to_wire(request: &ControllerRequest, config: &BrokerConfig) -> AnyRequest {
    match request {
        ControllerRequest::CreateTopics(request) => request.clone().into(),
        ControllerRequest::DeleteTopics { request, version } => {
            let mut request = request.clone();
            if *version < DELETE_BY_ID_SINCE {
                let names = std::mem::take(&mut request.topic_names).into_iter();
                let topic = |name| DeleteTopicState {
                    name: Some(name),
                    ..DeleteTopicState::default()
                };
                request.topics = names.map(topic).collect();
            }
            request.into()
        }
        ControllerRequest::CreatePartitions(request) => request.clone().into(),
        ControllerRequest::AlterConfigs(request) => request.clone().into(),
        ControllerRequest::IncrementalAlterConfigs(request) => request.clone().into(),
        ControllerRequest::CreateAcls(request) => request.clone().into(),
        ControllerRequest::DeleteAcls(request) => request.clone().into(),
        ControllerRequest::AssignReplicasToDirs(request) => request.clone().into(),
        ControllerRequest::AlterPartitionReassignments(request) => request.clone().into(),
        ControllerRequest::AllocateProducerIds(request) => request.clone().into(),
        ControllerRequest::RegisterBroker { request, .. } => request.clone().into(),
        ControllerRequest::BrokerHeartbeat(request) => request.clone().into(),
        ControllerRequest::UnregisterBroker(request) => request.clone().into(),
        ControllerRequest::AlterPartition { request, .. } => request.clone().into(),
        ControllerRequest::ElectLeaders(request) => request.clone().into(),
        ControllerRequest::UpdateFeatures(request) => request.clone().into(),
        ControllerRequest::RegisterController(request) => request.clone().into(),
        ControllerRequest::DescribeQuorum(request) => request.clone().into(),
        ControllerRequest::AddRaftVoter(request) => request.clone().into(),
        ControllerRequest::RemoveRaftVoter(request) => request.clone().into(),
        ControllerRequest::AutoCreate { topics } => {
            let topics = topics.iter().map(|name| automatic_topic(name, config));
            CreateTopicsRequest {
                topics: topics.collect(),
                ..CreateTopicsRequest::default()
            }
            .into()
        }
    }
}

fn from_wire(response: AnyResponse, missing: Option<&[String]>) -> ControllerResponse {
    use ControllerResponse as Own;
    match response {
        AnyResponse::CreateTopics(response) => match missing {
            Some(names) => Own::AutoCreate(created(names, &response)),
            None => Own::CreateTopics(response),
        },
        AnyResponse::DeleteTopics(response) => Own::DeleteTopics(response),
        AnyResponse::CreatePartitions(response) => Own::CreatePartitions(response),
        AnyResponse::AlterConfigs(response) => Own::AlterConfigs(response),
        AnyResponse::IncrementalAlterConfigs(response) => Own::IncrementalAlterConfigs(response),
        AnyResponse::CreateAcls(response) => Own::CreateAcls(response),
        AnyResponse::DeleteAcls(response) => Own::DeleteAcls(response),
        AnyResponse::AssignReplicasToDirs(response) => Own::AssignReplicasToDirs(response),
        AnyResponse::AlterPartitionReassignments(response) => {
            Own::AlterPartitionReassignments(response)
        }
        AnyResponse::AllocateProducerIds(response) => Own::AllocateProducerIds(response),
        AnyResponse::BrokerRegistration(response) => Own::RegisterBroker(response),
        AnyResponse::BrokerHeartbeat(response) => Own::BrokerHeartbeat(response),
        AnyResponse::UnregisterBroker(response) => Own::UnregisterBroker(response),
        AnyResponse::AlterPartition(response) => Own::AlterPartition(response),
        AnyResponse::ElectLeaders(response) => Own::ElectLeaders(response),
        AnyResponse::UpdateFeatures(response) => Own::UpdateFeatures(response),
        AnyResponse::ControllerRegistration(response) => Own::RegisterController(response),
        AnyResponse::DescribeQuorum(response) => Own::DescribeQuorum(response),
        AnyResponse::AddRaftVoter(response) => Own::AddRaftVoter(response),
        AnyResponse::RemoveRaftVoter(response) => Own::RemoveRaftVoter(response),
        _ => Own::Unavailable(ErrorCode::UnknownServerError),
    }
}

/// What became of each missing topic.
fn created(names: &[String], response: &CreateTopicsResponse) -> Vec<Result<Uuid, Refusal>> {
    let result = |name: &String| {
        let mut topics = response.topics.iter();
        let topic = topics.find(|topic| topic.name == *name);
        let topic = topic.ok_or(Refusal {
            code: ErrorCode::UnknownServerError,
            message: None,
        })?;
        match topic.error_code {
            0 => Ok(topic.topic_id),
            code => Err(Refusal {
                code: ErrorCode::from_code(code).unwrap_or(ErrorCode::UnknownServerError),
                message: topic.error_message.clone(),
            }),
        }
    };
    names.iter().map(result).collect()
}

/// True if the node that answered is not the controller, or not any more.
fn is_from_another(response: &AnyResponse) -> bool {
    let is = |code: i16| code == ErrorCode::NotController.code();
    let leads_not = |code: i16| code == ErrorCode::NotLeaderOrFollower.code();
    match response {
        AnyResponse::CreateTopics(response) => {
            response.topics.iter().any(|topic| is(topic.error_code))
        }
        AnyResponse::DeleteTopics(response) => {
            response.responses.iter().any(|topic| is(topic.error_code))
        }
        AnyResponse::CreatePartitions(response) => {
            response.results.iter().any(|topic| is(topic.error_code))
        }
        AnyResponse::AlterConfigs(response) => {
            response.responses.iter().any(|one| is(one.error_code))
        }
        AnyResponse::IncrementalAlterConfigs(response) => {
            response.responses.iter().any(|one| is(one.error_code))
        }
        AnyResponse::CreateAcls(response) => response.results.iter().any(|one| is(one.error_code)),
        AnyResponse::DeleteAcls(response) => {
            let mut results = response.filter_results.iter();
            results.any(|one| is(one.error_code))
        }
        AnyResponse::AssignReplicasToDirs(response) => is(response.error_code),
        AnyResponse::AlterPartitionReassignments(response) => is(response.error_code),
        AnyResponse::AllocateProducerIds(response) => is(response.error_code),
        AnyResponse::BrokerRegistration(response) => is(response.error_code),
        AnyResponse::BrokerHeartbeat(response) => is(response.error_code),
        AnyResponse::UnregisterBroker(response) => is(response.error_code),
        AnyResponse::AlterPartition(response) => is(response.error_code),
        AnyResponse::ElectLeaders(response) => is(response.error_code),
        AnyResponse::UpdateFeatures(response) => is(response.error_code),
        AnyResponse::ControllerRegistration(response) => is(response.error_code),
        AnyResponse::DescribeQuorum(response) => {
            let partitions = response.topics.iter().flat_map(|topic| &topic.partitions);
            let mut codes = partitions.map(|partition| partition.error_code);
            codes.any(leads_not)
        }
        AnyResponse::AddRaftVoter(response) => leads_not(response.error_code),
        AnyResponse::RemoveRaftVoter(response) => leads_not(response.error_code),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use crate::protocol::messages::create_topics_response::CreatableTopicResult;
    use crate::protocol::messages::{
        AllocateProducerIdsRequest, AllocateProducerIdsResponse, DeleteTopicsRequest,
    };

    use super::*;

    fn at(seconds: u64) -> Instant {
        Instant::default() + Duration::from_secs(seconds)
    }

    const TOKEN: RequestToken = RequestToken(7);

    fn forwarding(request: &ControllerRequest) -> (Forwarding, u64, AnyRequest) {
        let mut forwarding = Forwarding::default();
        forwarding.ask(at(1), TOKEN, request.clone());
        let (id, sent) = next(&mut forwarding, at(1)).expect("it is to be sent");
        assert_eq!(next(&mut forwarding, at(1)), None);
        (forwarding, id, sent)
    }

    fn next(forwarding: &mut Forwarding, now: Instant) -> Option<(u64, AnyRequest)> {
        forwarding.next_request(now, &BrokerConfig::default())
    }

    fn producer_ids(error: ErrorCode) -> Option<AnyResponse> {
        let response = AllocateProducerIdsResponse {
            error_code: error.code(),
            producer_id_start: 1000,
            ..Default::default()
        };
        Some(response.into())
    }

    #[test]
    fn a_request_is_sent_until_the_controller_answers_it() {
        let request = ControllerRequest::AllocateProducerIds(AllocateProducerIdsRequest::default());
        let (mut forwarding, id, sent) = forwarding(&request);
        assert_eq!(
            forwarding
                .on_answer(at(1), id, None)
                .map(|(token, _)| token),
            None
        );
        let again = forwarding.next_deadline(true);
        assert_eq!(again, at(1) + RETRY_AFTER);
        assert_eq!(forwarding.next_deadline(false), at(1) + GIVE_UP_AFTER);
        assert_eq!(next(&mut forwarding, again), Some((id, sent.clone())));
        let wrong = producer_ids(ErrorCode::NotController);
        assert!(forwarding.on_answer(at(2), id, wrong).is_none());
        assert_eq!(next(&mut forwarding, at(3)), Some((id, sent)));
        let answer = forwarding.on_answer(at(3), id, producer_ids(ErrorCode::None));
        let Some((TOKEN, ControllerResponse::AllocateProducerIds(block))) = answer else {
            panic!("{answer:?} is not what the controller answered");
        };
        assert_eq!(block.producer_id_start, 1000);
        assert_eq!(forwarding.next_deadline(true), Instant::MAX);
    }

    #[test]
    fn what_another_node_may_be_answering_is_not_decided_here() {
        let request = ControllerRequest::AllocateProducerIds(AllocateProducerIdsRequest::default());
        let (mut forwarding, id, _) = forwarding(&request);
        assert!(forwarding.take_back().is_none());
        let wrong = producer_ids(ErrorCode::NotController);
        assert!(forwarding.on_answer(at(2), id, wrong).is_none());
        let taken = forwarding.take_back();
        assert!(matches!(
            taken,
            Some((TOKEN, ControllerRequest::AllocateProducerIds(_)))
        ));
        assert!(forwarding.take_back().is_none());
        assert_eq!(forwarding.next_deadline(true), Instant::MAX);
    }

    #[test]
    fn a_request_is_given_up_when_nobody_waits_for_it_any_more() {
        let request = ControllerRequest::AllocateProducerIds(AllocateProducerIdsRequest::default());
        let (mut forwarding, id, _) = forwarding(&request);
        assert!(forwarding.expire(at(30)).is_none());
        let given_up = forwarding.expire(at(31));
        let Some((TOKEN, ControllerResponse::AllocateProducerIds(refused))) = given_up else {
            panic!("{given_up:?} does not say so");
        };
        assert_eq!(refused.error_code, ErrorCode::RequestTimedOut.code());
        let late = forwarding.on_answer(at(32), id, producer_ids(ErrorCode::None));
        assert!(late.is_none());
    }

    #[test]
    fn topics_that_old_clients_delete_by_name_are_named_as_the_controller_wants_it() {
        let request = DeleteTopicsRequest {
            topic_names: vec!["a".to_owned()],
            ..Default::default()
        };
        let (_, _, sent) = forwarding(&ControllerRequest::DeleteTopics {
            request,
            version: 5,
        });
        let AnyRequest::DeleteTopics(sent) = sent else {
            panic!("{sent:?} deletes no topics");
        };
        assert_eq!(sent.topics[0].name.as_deref(), Some("a"));
        assert!(sent.topic_names.is_empty());
    }

    #[test]
    fn topics_that_are_missing_are_created_and_their_ids_told_in_order() {
        let topics = vec!["b".to_owned(), "__consumer_offsets".to_owned()];
        let (mut forwarding, id, sent) = forwarding(&ControllerRequest::AutoCreate { topics });
        let AnyRequest::CreateTopics(sent) = sent else {
            panic!("{sent:?} creates no topics");
        };
        let partitions = sent.topics.iter().map(|topic| topic.num_partitions);
        assert_eq!(partitions.collect::<Vec<_>>(), [-1, 50]);
        let result = |name: &str, error: ErrorCode| CreatableTopicResult {
            name: name.to_owned(),
            topic_id: Uuid::from_bytes([9; 16]),
            error_code: error.code(),
            ..Default::default()
        };
        let response = CreateTopicsResponse {
            topics: vec![
                result("__consumer_offsets", ErrorCode::InvalidReplicationFactor),
                result("b", ErrorCode::None),
            ],
            ..Default::default()
        };
        let answer = forwarding.on_answer(at(2), id, Some(response.into()));
        let Some((TOKEN, ControllerResponse::AutoCreate(results))) = answer else {
            panic!("{answer:?} is not what was asked");
        };
        assert_eq!(results[0], Ok(Uuid::from_bytes([9; 16])));
        let refusal = results[1].as_ref().expect_err("it was refused");
        assert_eq!(refusal.code, ErrorCode::InvalidReplicationFactor);
    }
}
