//! The last client of a world: with the faults over and the others done, it reads everything.

use std::time::Duration;

use crate::model::{ErrorCode, Offset, Uuid};
use crate::protocol::messages::fetch_request::{FetchPartition, FetchTopic};
use crate::protocol::messages::{
    FetchRequest, FetchResponse, ListOffsetsResponse, MetadataRequest, MetadataResponse,
};
use crate::protocol::{AnyRequest, AnyResponse};
use crate::simulation::oracle::Rule;

use super::consumer::{EARLIEST, LATEST, Position, list_offsets};
use super::{Behaviour, Link};

/// Bytes of an answer.
const FETCH_BYTES_MAX: i32 = 1 << 20;

#[derive(Debug)]
struct Audited {
    name: String,
    id: Uuid,
    positions: Vec<Position>,
    ends: Vec<Option<Offset>>,
}

impl Audited {
    fn partitions(&self) -> Vec<i32> {
        self.positions
            .iter()
            .map(|position| position.partition.1)
            .collect()
    }

    fn is_read(&self) -> bool {
        self.positions.iter().zip(&self.ends).all(|(position, end)| {
            matches!((position.offset, end), (Some(offset), Some(end)) if offset >= *end)
        })
    }
}

/// The last client.
#[derive(Debug, Default)]
pub struct Auditor {
    topics: Option<Vec<Audited>>,
    is_connected: bool,
}

impl Auditor {
    fn advance(&mut self, link: &mut Link<'_>) {
        let is_busy = link.session.unanswered_count() > 0;
        if !self.is_connected || is_busy || link.session.wants_to_leave() {
            return;
        }
        let Some(topics) = &self.topics else {
            let request = MetadataRequest {
                topics: None,
                ..Default::default()
            };
            return link.send(request, 10, 13);
        };
        let Some(topic) = topics.iter().find(|topic| !topic.is_read()) else {
            return;
        };
        let partitions = topic.partitions();
        if topic
            .positions
            .iter()
            .any(|position| position.offset.is_none())
        {
            return link.send(list_offsets(&topic.name, &partitions, EARLIEST), 1, 11);
        }
        if topic.ends.iter().any(Option::is_none) {
            return link.send(list_offsets(&topic.name, &partitions, LATEST), 1, 11);
        }
        let partitions = topic.positions.iter().filter_map(|position| {
            Some(FetchPartition {
                partition: position.partition.1,
                fetch_offset: position.offset?,
                partition_max_bytes: FETCH_BYTES_MAX,
                ..Default::default()
            })
        });
        let request = FetchRequest {
            min_bytes: 1,
            max_wait_ms: 10,
            max_bytes: FETCH_BYTES_MAX,
            topics: vec![FetchTopic {
                topic: topic.name.clone(),
                topic_id: topic.id,
                partitions: partitions.collect(),
                ..Default::default()
            }],
            ..Default::default()
        };
        link.send(request, 10, 18);
    }

    fn on_metadata(&mut self, link: &mut Link<'_>, response: &MetadataResponse) {
        link.oracle.on_cluster_id(response.cluster_id.as_deref());
        let names: Vec<&str> = response
            .topics
            .iter()
            .filter_map(|topic| topic.name.as_deref())
            .collect();
        let known: Vec<String> = link.oracle.topics().map(str::to_owned).collect();
        for topic in known {
            link.oracle
                .on_topic(&topic, names.contains(&topic.as_str()));
        }
        let is_ours = |name: &&str| !name.starts_with("__");
        let audited = response.topics.iter().filter_map(|topic| {
            let name = topic.name.as_deref().filter(is_ours)?;
            let partition = |index| Position::at_start((name.to_owned(), index));
            let count = topic.partitions.len();
            Some(Audited {
                name: name.to_owned(),
                id: topic.topic_id,
                positions: (0..i32::try_from(count).ok()?).map(partition).collect(),
                ends: vec![None; count],
            })
        });
        self.topics = Some(audited.collect());
        self.advance(link);
    }

    fn on_offsets(
        &mut self,
        link: &mut Link<'_>,
        request: &AnyRequest,
        response: &ListOffsetsResponse,
    ) {
        let AnyRequest::ListOffsets(request) = request else {
            unreachable!("the answer is to a request of its kind")
        };
        let asked = request.topics[0].partitions[0].timestamp;
        for topic in &response.topics {
            let audited = self.topics.iter_mut().flatten();
            let Some(audited) = audited.into_iter().find(|one| one.name == topic.name) else {
                continue;
            };
            for part in &topic.partitions {
                let place = usize::try_from(part.partition_index).unwrap_or(usize::MAX);
                if part.error_code != 0 {
                    return self.refused(link, part.error_code);
                }
                let Some(position) = audited.positions.get_mut(place) else {
                    continue;
                };
                if asked == EARLIEST {
                    position.on_start(link, part.offset);
                } else {
                    link.oracle.on_end(&position.partition, part.offset);
                    audited.ends[place] = Some(part.offset);
                }
            }
        }
        self.advance(link);
    }

    fn on_fetched(&mut self, link: &mut Link<'_>, response: &FetchResponse) {
        for topic in &response.responses {
            let audited = self.topics.iter_mut().flatten();
            let Some(audited) = audited
                .into_iter()
                .find(|one| one.name == topic.topic || one.id == topic.topic_id)
            else {
                continue;
            };
            for part in &topic.partitions {
                let place = usize::try_from(part.partition_index).unwrap_or(usize::MAX);
                if part.error_code != 0 {
                    return self.refused(link, part.error_code);
                }
                if let Some(position) = audited.positions.get_mut(place) {
                    position.on_fetched(link, part);
                }
            }
        }
        self.advance(link);
    }

    /// Nothing fails any more: what cannot be read is lost.
    fn refused(&self, link: &mut Link<'_>, code: i16) {
        let error = ErrorCode::from_code(code);
        if error == Some(ErrorCode::NotLeaderOrFollower) {
            return link.session.leave();
        }
        let what = format!("the auditor is refused: {error:?}");
        link.oracle.violate(Rule::NothingIsLost, what);
        link.wake_within(Duration::from_millis(500));
    }
}

impl Behaviour for Auditor {
    fn on_connected(&mut self, link: &mut Link<'_>) {
        self.is_connected = true;
        self.advance(link);
    }

    fn on_answer(&mut self, link: &mut Link<'_>, request: AnyRequest, response: AnyResponse) {
        match response {
            AnyResponse::Metadata(response) => self.on_metadata(link, &response),
            AnyResponse::ListOffsets(response) => self.on_offsets(link, &request, &response),
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

    fn is_finished(&self) -> bool {
        let topics = self.topics.as_ref();
        topics.is_some_and(|topics| topics.iter().all(Audited::is_read))
    }
}
