//! The administrator of a cluster: makes the topics, makes and deletes others, and has a replica of
//! one taken from a broker and given back, all in another order, in the end on fewer brokers.

use std::time::Duration;

use crate::model::ErrorCode;
use crate::protocol::messages::alter_partition_reassignments_request::{
    ReassignablePartition, ReassignableTopic,
};
use crate::protocol::messages::create_topics_request::CreatableTopic;
use crate::protocol::messages::delete_topics_request::DeleteTopicState;
use crate::protocol::messages::{
    AlterPartitionReassignmentsRequest, CreateTopicsRequest, DeleteTopicsRequest, MetadataRequest,
};
use crate::protocol::{AnyRequest, AnyResponse};
use crate::simulation::oracle::Rule;

use super::{Behaviour, Link};

/// How long the controller may take before it says that it is late.
const TIMEOUT_MS: i32 = 1_500;

#[derive(Clone, Debug, Eq, PartialEq)]
enum Step {
    Create {
        topic: String,
        partitions: i32,
    },
    Delete {
        topic: String,
    },
    /// Have the replicas of the topic's first partition in another order, or one fewer of them.
    Reassign {
        topic: String,
        takes_away: bool,
    },
}

/// The administrator of a cluster.
#[derive(Debug)]
pub struct Steward {
    /// What is to be done, the last first.
    steps: Vec<Step>,
    /// The brokers, once somebody told who they are.
    brokers: Vec<i32>,
    is_connected: bool,
}

impl Steward {
    /// Who makes these topics, each with so many partitions, and then does other things so often.
    #[must_use]
    pub fn new(topics: &[(&str, i32)], rounds: u32) -> Self {
        let create = |(topic, partitions): &(&str, i32)| Step::Create {
            topic: (*topic).to_owned(),
            partitions: *partitions,
        };
        let mut steps: Vec<Step> = topics.iter().map(create).collect();
        for round in 0..rounds {
            // One name is used again and again.
            let number = if round % 2 == 0 { 0 } else { round };
            let topic = format!("churn-{number}");
            steps.push(Step::Create {
                topic: topic.clone(),
                partitions: 1,
            });
            let is_last = round + 1 == rounds;
            for takes_away in [false, true].into_iter().filter(|takes| *takes || !is_last) {
                steps.push(Step::Reassign {
                    topic: topics[0].0.to_owned(),
                    takes_away,
                });
            }
            if round % 4 != 1 {
                steps.push(Step::Delete { topic });
            }
        }
        steps.reverse();
        Self {
            steps,
            brokers: Vec::new(),
            is_connected: false,
        }
    }

    fn advance(&self, link: &mut Link<'_>) {
        let is_busy = link.session.unanswered_count() > 0;
        if !self.is_connected || is_busy || link.session.wants_to_leave() {
            return;
        }
        match self.steps.last() {
            None => {}
            Some(Step::Create { topic, partitions }) => {
                link.oracle.on_topic_changing(topic);
                let request = CreateTopicsRequest {
                    topics: vec![CreatableTopic {
                        name: topic.clone(),
                        num_partitions: *partitions,
                        replication_factor: -1,
                        ..Default::default()
                    }],
                    timeout_ms: TIMEOUT_MS,
                    ..Default::default()
                };
                link.send(request, 4, 7);
            }
            Some(Step::Delete { topic }) => {
                link.oracle.on_topic_changing(topic);
                let request = DeleteTopicsRequest {
                    topics: vec![DeleteTopicState {
                        name: Some(topic.clone()),
                        ..Default::default()
                    }],
                    timeout_ms: TIMEOUT_MS,
                    ..Default::default()
                };
                link.send(request, 6, 6);
            }
            Some(Step::Reassign { .. }) if self.brokers.is_empty() => {
                link.send(MetadataRequest::default(), 10, 13);
            }
            Some(Step::Reassign { topic, takes_away }) => {
                self.reassign(link, topic, *takes_away);
            }
        }
    }

    fn reassign(&self, link: &mut Link<'_>, topic: &str, takes_away: bool) {
        let mut replicas = self.brokers.clone();
        let by = usize::try_from(link.random.below(replicas.len() as u64)).expect("few");
        replicas.rotate_left(by);
        if takes_away {
            replicas.pop();
        }
        let request = AlterPartitionReassignmentsRequest {
            timeout_ms: TIMEOUT_MS,
            topics: vec![ReassignableTopic {
                name: topic.to_owned(),
                partitions: vec![ReassignablePartition {
                    partition_index: 0,
                    replicas: Some(replicas),
                    ..Default::default()
                }],
                ..Default::default()
            }],
            ..Default::default()
        };
        link.send(request, 0, 1);
    }

    fn go_on(&mut self, link: &mut Link<'_>) {
        self.steps.pop();
        link.wake_within(Duration::from_millis(800));
    }

    /// A change of topics was answered with `code`; `already` says that there was nothing to do.
    fn on_changed(&mut self, link: &mut Link<'_>, code: i16, already: ErrorCode) {
        let error = ErrorCode::from_code(code);
        // The broker asks the controller again, too, where an answer did not come.
        let is_done = error == Some(ErrorCode::None) || error == Some(already);
        let (topic, exists) = match self.steps.last() {
            Some(Step::Create { topic, .. }) => (topic.clone(), true),
            Some(Step::Delete { topic }) => (topic.clone(), false),
            other => unreachable!("{other:?} changes no topic"),
        };
        if is_done {
            link.oracle.on_topic_changed(&topic, exists, true);
            return self.go_on(link);
        }
        match error {
            Some(
                ErrorCode::NotController
                | ErrorCode::CoordinatorNotAvailable
                | ErrorCode::RequestTimedOut
                // Not all brokers are there.
                | ErrorCode::InvalidReplicationFactor,
            ) => link.wake_within(Duration::from_millis(200)),
            error => {
                let what = format!("{:?}: {error:?}", self.steps.last());
                link.oracle.violate(Rule::TopicsAreKept, what);
            }
        }
    }
}

impl Behaviour for Steward {
    fn on_connected(&mut self, link: &mut Link<'_>) {
        self.is_connected = true;
        self.advance(link);
    }

    fn on_answer(&mut self, link: &mut Link<'_>, request: AnyRequest, response: AnyResponse) {
        match response {
            AnyResponse::CreateTopics(response) => {
                let code = response.topics.first().map_or(0, |topic| topic.error_code);
                self.on_changed(link, code, ErrorCode::TopicAlreadyExists);
            }
            AnyResponse::DeleteTopics(response) => {
                let topic = response.responses.first();
                let code = topic.map_or(0, |topic| topic.error_code);
                self.on_changed(link, code, ErrorCode::UnknownTopicOrPartition);
            }
            AnyResponse::Metadata(response) => {
                let mut brokers: Vec<i32> =
                    response.brokers.iter().map(|one| one.node_id).collect();
                brokers.sort_unstable();
                self.brokers = brokers;
                self.advance(link);
            }
            // It is refused where a broker is not there, which another round may find.
            AnyResponse::AlterPartitionReassignments(_) => {
                self.brokers.clear();
                self.go_on(link);
            }
            other => unreachable!("{request:?} is not answered by {other:?}"),
        }
    }

    fn on_disconnected(&mut self, _link: &mut Link<'_>) {
        self.is_connected = false;
    }

    fn on_wake(&mut self, link: &mut Link<'_>) {
        self.advance(link);
    }

    fn is_finished(&self) -> bool {
        self.steps.is_empty()
    }
}
