//! The last client of a cluster: with the faults over and the others done, it waits until every
//! replica is in sync, then reads each from its broker, so that replicas that differ show.

use std::collections::VecDeque;
use std::time::Duration;

use crate::model::{BrokerId, ErrorCode, Offset, Uuid};
use crate::protocol::messages::{
    FetchResponse, ListOffsetsResponse, MetadataRequest, MetadataResponse,
};
use crate::protocol::{AnyRequest, AnyResponse};
use crate::simulation::oracle::{PartitionName, Rule};

use super::consumer::{LATEST, Position, list_offsets};
use super::reader::{VERSION_OF_FOLLOWERS, fetch};
use super::{Behaviour, Link};

/// How long what is not as it has to be may take.
const PAUSE: Duration = Duration::from_millis(200);

/// A partition whose end is to be asked for, or a replica that is to be read.
#[derive(Debug)]
struct Visit {
    node: BrokerId,
    topic_id: Uuid,
    position: Position,
    /// Where the partition ends; `None` while its leader has to tell.
    end: Option<Offset>,
    replicas: Vec<BrokerId>,
    is_compacted: bool,
}

/// The first offset of a replica. The internal topics are those that are compacted.
fn position_in(partition: PartitionName, is_compacted: bool) -> Position {
    match is_compacted {
        true => Position::of_compacted_replicas(partition),
        false => Position::of_replicas(partition),
    }
}

/// The last client of a cluster.
#[derive(Debug, Default)]
pub struct Inspector {
    /// Where it has to go, one after the other; `None` before it knows.
    visits: Option<VecDeque<Visit>>,
    /// What it waits for.
    waits_for: String,
    is_connected: bool,
}

impl Inspector {
    fn advance(&self, link: &mut Link<'_>) {
        let is_busy = link.session.unanswered_count() > 0;
        if !self.is_connected || is_busy || link.session.wants_to_leave() {
            return;
        }
        let Some(visits) = &self.visits else {
            let request = MetadataRequest {
                topics: None,
                ..Default::default()
            };
            return link.send(request, 10, 13);
        };
        let Some(visit) = visits.front() else { return };
        if visit.node != link.node {
            return link.session.leave();
        }
        let (topic, partition) = &visit.position.partition;
        match visit.end {
            // Since version 5 a leader tells that it does not know yet what is committed.
            None => link.send(list_offsets(topic, &[*partition], LATEST), 5, 11),
            Some(_) => {
                let request = fetch(visit.topic_id, &visit.position, 10);
                link.send(request, VERSION_OF_FOLLOWERS, 18);
            }
        }
    }

    /// Something is not as it has to be in the end: look again.
    fn wait(&mut self, link: &mut Link<'_>, what: String) {
        self.waits_for = what;
        link.session.wake_at(link.now.plus(PAUSE));
    }

    fn on_metadata(&mut self, link: &mut Link<'_>, response: &MetadataResponse) {
        link.oracle.on_cluster_id(response.cluster_id.as_deref());
        let is_there = |name: &str| {
            let mut topics = response.topics.iter();
            topics.any(|topic| topic.name.as_deref() == Some(name))
        };
        let known: Vec<String> = link.oracle.topics().map(str::to_owned).collect();
        for topic in known {
            link.oracle.on_topic(&topic, is_there(&topic));
        }
        let mut visits = VecDeque::new();
        for topic in &response.topics {
            let name = topic.name.clone().unwrap_or_default();
            for found in &topic.partitions {
                let partition: PartitionName = (name.clone(), found.partition_index);
                let is_whole = found.isr_nodes.len() == found.replica_nodes.len();
                if topic.error_code != 0 || found.leader_id < 0 || !is_whole {
                    return self.wait(link, format!("{partition:?} as {found:?}"));
                }
                visits.push_back(Visit {
                    node: found.leader_id,
                    topic_id: topic.topic_id,
                    position: position_in(partition, topic.is_internal),
                    end: None,
                    replicas: found.replica_nodes.clone(),
                    is_compacted: topic.is_internal,
                });
            }
        }
        self.visits = Some(visits);
        self.advance(link);
    }

    fn on_end(&mut self, link: &mut Link<'_>, response: &ListOffsetsResponse) {
        let topic = response.topics.first();
        let part = topic.and_then(|topic| topic.partitions.first());
        let visits = self.visits.as_mut().expect("it was asked on a visit");
        let visit = visits.pop_front().expect("it was asked on a visit");
        let Some(part) = part.filter(|part| part.error_code == 0) else {
            // The leader may have changed since.
            self.visits = None;
            return self.wait(link, format!("the end of {:?}: {part:?}", visit.position));
        };
        link.oracle.on_end(&visit.position.partition, part.offset);
        for node in visit.replicas {
            visits.push_back(Visit {
                node,
                topic_id: visit.topic_id,
                position: position_in(visit.position.partition.clone(), visit.is_compacted),
                end: Some(part.offset),
                replicas: Vec::new(),
                is_compacted: visit.is_compacted,
            });
        }
        // Few ways between brokers: one after the other.
        visits
            .make_contiguous()
            .sort_by_key(|visit| (visit.end.is_some(), visit.node));
        self.advance(link);
    }

    fn on_fetched(&mut self, link: &mut Link<'_>, response: &FetchResponse) {
        let visits = self.visits.as_mut().expect("it was asked on a visit");
        let visit = visits.front_mut().expect("it was asked on a visit");
        let topic = response.responses.first();
        let part = topic.and_then(|topic| topic.partitions.first());
        let code = part.map_or(response.error_code, |part| part.error_code);
        match (ErrorCode::from_code(code), part) {
            (Some(ErrorCode::None), Some(part)) => visit.position.on_fetched(link, part),
            (Some(ErrorCode::NotLeaderOrFollower), _) => {
                let what = format!("{:?} on {}", visit.position, visit.node);
                return self.wait(link, what);
            }
            (error, _) => {
                let what = format!("{:?} on {}: {error:?}", visit.position, visit.node);
                return link.oracle.violate(Rule::NothingIsLost, what);
            }
        }
        if visit.position.offset >= visit.end {
            visits.pop_front();
        } else if part.is_none_or(|part| part.records.is_none()) {
            // A follower learns with its next fetch what is committed.
            let what = format!("{:?} on {}", visit.position, visit.node);
            return self.wait(link, what);
        }
        self.advance(link);
    }
}

impl Behaviour for Inspector {
    fn on_connected(&mut self, link: &mut Link<'_>) {
        self.is_connected = true;
        self.advance(link);
    }

    fn on_answer(&mut self, link: &mut Link<'_>, request: AnyRequest, response: AnyResponse) {
        match response {
            AnyResponse::Metadata(response) => self.on_metadata(link, &response),
            AnyResponse::ListOffsets(response) => self.on_end(link, &response),
            AnyResponse::Fetch(response) => self.on_fetched(link, &response),
            other => unreachable!("{request:?} is not answered by {other:?}"),
        }
    }

    fn on_disconnected(&mut self, _link: &mut Link<'_>) {
        self.is_connected = false;
    }

    fn on_wake(&mut self, link: &mut Link<'_>) {
        self.advance(link);
    }

    fn wanted_node(&self) -> Option<BrokerId> {
        Some(self.visits.as_ref()?.front()?.node)
    }

    fn is_finished(&self) -> bool {
        self.visits.as_ref().is_some_and(VecDeque::is_empty)
    }

    fn progress(&self) -> String {
        let visit = self.visits.as_ref().and_then(VecDeque::front);
        format!("{visit:?}, waits for {}", self.waits_for)
    }
}
