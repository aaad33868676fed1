//! A consumer: follows all partitions of a topic from their start, and looks at every record.

use std::time::Duration;

use crate::model::{ErrorCode, Offset, Uuid};
use crate::protocol::messages::fetch_request::{FetchPartition, FetchTopic};
use crate::protocol::messages::fetch_response::PartitionData;
use crate::protocol::messages::list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic};
use crate::protocol::messages::{
    FetchRequest, FetchResponse, ListOffsetsRequest, ListOffsetsResponse, MetadataResponse,
};
use crate::protocol::record_batch::Batches;
use crate::protocol::{AnyRequest, AnyResponse};
use crate::simulation::oracle::{PartitionName, Rule};

use super::records::{check_batch, check_survivors};
use super::{Behaviour, Link, metadata_of, topic_in};

/// ListOffsets' word for where a log starts.
pub const EARLIEST: i64 = -2;
/// ListOffsets' word for where a log ends.
pub const LATEST: i64 = -1;

/// Where a consumer stands in a partition.
#[derive(Clone, Debug)]
pub struct Position {
    /// The partition.
    pub partition: PartitionName,
    /// The next offset; `None` while it is asked for where the log starts.
    pub offset: Option<Offset>,
    /// The offset that was told to be out of range.
    out_of_range: Option<Offset>,
    /// True if it goes from replica to replica: the next one may not know yet what was committed.
    changes_replicas: bool,
    /// True if records between others may be gone, and do not say their names.
    is_compacted: bool,
}

impl Position {
    /// The start of a partition.
    #[must_use]
    pub const fn at_start(partition: PartitionName) -> Self {
        Self {
            partition,
            offset: None,
            out_of_range: None,
            changes_replicas: false,
            is_compacted: false,
        }
    }

    /// The first offset, to be read from one replica or another.
    #[must_use]
    pub const fn of_replicas(partition: PartitionName) -> Self {
        Self {
            partition,
            offset: Some(0),
            out_of_range: None,
            changes_replicas: true,
            is_compacted: false,
        }
    }

    /// The same of a compacted partition.
    #[must_use]
    pub fn of_compacted_replicas(partition: PartitionName) -> Self {
        Self {
            is_compacted: true,
            ..Self::of_replicas(partition)
        }
    }

    /// A client is told where the log starts.
    pub fn on_start(&mut self, link: &mut Link<'_>, start: Offset) {
        link.oracle.on_start(&self.partition, start);
        if let Some(offset) = self.out_of_range.take()
            && offset >= start
            && !link.oracle.may_be_deleted(&self.partition, offset)
        {
            let what = format!(
                "{:?}: {offset} is out of range, though the log starts at {start}",
                self.partition
            );
            link.oracle.violate(Rule::NothingIsLost, what);
        }
        self.offset = Some(start);
    }

    /// Look at what a fetch brought.
    pub fn on_fetched(&mut self, link: &mut Link<'_>, data: &PartitionData) {
        let Some(from) = self.offset else { return };
        link.oracle
            .on_high_watermark(&self.partition, data.high_watermark);
        let Some(records) = &data.records else { return };
        let mut batches = Batches::new(records.to_bytes());
        let mut next = from;
        loop {
            let batch = match batches.next_whole() {
                // What follows the last whole batch is the front of one that did not fit.
                Ok(None) => break,
                Ok(Some(batch)) => batch,
                Err(error) => return self.wrong(link, Rule::RecordsAreWhole, &error.to_string()),
            };
            let is_next = batch.base_offset() <= next && next < batch.next_offset();
            if self.is_compacted {
                match check_survivors(&self.partition, &batch, next, link.oracle) {
                    Ok(end) => next = next.max(end),
                    Err(error) => return self.wrong(link, Rule::RecordsAreWhole, &error),
                }
                continue;
            }
            if batch.base_offset() > next || (next > from && !is_next) {
                let what = format!("{} follows where {next} is due", batch.base_offset());
                return self.wrong(link, Rule::OffsetsAreDense, &what);
            }
            if batch.next_offset() <= next {
                continue;
            }
            match check_batch(&self.partition, &batch, next, link.oracle) {
                Ok(end) => next = end,
                Err(error) => return self.wrong(link, Rule::RecordsAreWhole, &error),
            }
        }
        let is_told = next > from || !self.changes_replicas;
        if is_told && next > data.high_watermark {
            let what = format!("records up to {next} above {}", data.high_watermark);
            self.wrong(link, Rule::HighWatermarkStays, &what);
        }
        self.offset = Some(next);
    }

    fn wrong(&mut self, link: &mut Link<'_>, rule: Rule, what: &str) {
        let what = format!("{:?} from {:?}: {what}", self.partition, self.offset);
        link.oracle.violate(rule, what);
    }

    /// The offset is not in the log.
    pub const fn on_out_of_range(&mut self) {
        self.out_of_range = self.offset.take();
    }
}

/// A request for where partitions start or end.
#[must_use]
pub fn list_offsets(topic: &str, partitions: &[i32], timestamp: i64) -> ListOffsetsRequest {
    ListOffsetsRequest {
        replica_id: -1,
        topics: vec![ListOffsetsTopic {
            name: topic.to_owned(),
            partitions: partitions
                .iter()
                .map(|partition| ListOffsetsPartition {
                    partition_index: *partition,
                    timestamp,
                    ..Default::default()
                })
                .collect(),
            ..Default::default()
        }],
        ..Default::default()
    }
}

/// A consumer.
#[derive(Debug)]
pub struct Consumer {
    topic: String,
    topic_id: Option<Uuid>,
    positions: Vec<Position>,
    /// Bytes of a partition in an answer.
    partition_bytes_max: i32,
    is_connected: bool,
    records: u64,
}

impl Consumer {
    /// A consumer of `topic` that takes at most so many bytes of a partition at a time.
    #[must_use]
    pub const fn new(topic: String, partition_bytes_max: i32) -> Self {
        Self {
            topic,
            topic_id: None,
            positions: Vec::new(),
            partition_bytes_max,
            is_connected: false,
            records: 0,
        }
    }

    fn advance(&mut self, link: &mut Link<'_>) {
        let is_busy = link.session.unanswered_count() > 0;
        if !self.is_connected || is_busy || link.session.wants_to_leave() {
            return;
        }
        let Some(topic_id) = self.topic_id else {
            return link.send(metadata_of(&self.topic), 10, 13);
        };
        let unplaced: Vec<i32> = self
            .positions
            .iter()
            .filter(|position| position.offset.is_none())
            .map(|position| position.partition.1)
            .collect();
        if !unplaced.is_empty() {
            return link.send(list_offsets(&self.topic, &unplaced, EARLIEST), 1, 11);
        }
        let partitions = self.positions.iter().filter_map(|position| {
            Some(FetchPartition {
                partition: position.partition.1,
                fetch_offset: position.offset?,
                partition_max_bytes: self.partition_bytes_max,
                ..Default::default()
            })
        });
        let request = FetchRequest {
            max_wait_ms: i32::try_from(link.random.below(300)).expect("small"),
            min_bytes: i32::try_from(link.random.below(2000)).expect("small"),
            max_bytes: 1 + i32::try_from(link.random.below(1 << 20)).expect("small"),
            topics: vec![FetchTopic {
                topic: self.topic.clone(),
                topic_id,
                partitions: partitions.collect(),
                ..Default::default()
            }],
            ..Default::default()
        };
        // Zstandard needs version 10.
        link.send(request, 10, 18);
    }

    fn on_metadata(&mut self, link: &mut Link<'_>, response: &MetadataResponse) {
        link.oracle.on_cluster_id(response.cluster_id.as_deref());
        let Some((id, count)) = topic_in(response, &self.topic) else {
            return link.wake_within(Duration::from_millis(50));
        };
        self.topic_id = Some(id);
        if self.positions.is_empty() {
            let position = |partition| Position::at_start((self.topic.clone(), partition));
            self.positions = (0..count).map(position).collect();
        }
        self.advance(link);
    }

    fn on_offsets(&mut self, link: &mut Link<'_>, response: &ListOffsetsResponse) {
        let parts = response.topics.iter().flat_map(|topic| &topic.partitions);
        for part in parts {
            let place = usize::try_from(part.partition_index).unwrap_or(usize::MAX);
            if part.error_code != 0 {
                return link.session.leave();
            }
            if let Some(position) = self.positions.get_mut(place) {
                position.on_start(link, part.offset);
            }
        }
        self.advance(link);
    }

    fn on_fetched(&mut self, link: &mut Link<'_>, response: &FetchResponse) {
        if response.error_code != 0 {
            return link.session.leave();
        }
        let parts = response
            .responses
            .iter()
            .flat_map(|topic| &topic.partitions);
        for part in parts {
            let place = usize::try_from(part.partition_index).unwrap_or(usize::MAX);
            let Some(position) = self.positions.get_mut(place) else {
                let what = format!("a fetch brought partition {}", part.partition_index);
                link.oracle.violate(Rule::AnswersInOrder, what);
                continue;
            };
            match ErrorCode::from_code(part.error_code) {
                Some(ErrorCode::None) => {
                    let before = position.offset;
                    position.on_fetched(link, part);
                    let read = position
                        .offset
                        .zip(before)
                        .map_or(0, |(now, then)| now - then);
                    self.records += read.unsigned_abs();
                }
                Some(ErrorCode::OffsetOutOfRange) => position.on_out_of_range(),
                Some(
                    ErrorCode::NotLeaderOrFollower
                    | ErrorCode::KafkaStorageError
                    | ErrorCode::UnknownTopicOrPartition
                    | ErrorCode::UnknownTopicId,
                ) => return link.session.leave(),
                error => {
                    let rule = match error {
                        Some(ErrorCode::CorruptMessage) => Rule::RecordsAreWhole,
                        _ => Rule::NoWrongRefusal,
                    };
                    let what = format!("fetching {:?}: {error:?}", position.partition);
                    link.oracle.violate(rule, what);
                    return link.session.leave();
                }
            }
        }
        if link.random.chance(1, 3) {
            return link.wake_within(Duration::from_millis(30));
        }
        self.advance(link);
    }
}

impl Behaviour for Consumer {
    fn on_connected(&mut self, link: &mut Link<'_>) {
        self.is_connected = true;
        self.advance(link);
    }

    fn on_answer(&mut self, link: &mut Link<'_>, request: AnyRequest, response: AnyResponse) {
        match response {
            AnyResponse::Metadata(response) => self.on_metadata(link, &response),
            AnyResponse::ListOffsets(response) => self.on_offsets(link, &response),
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

    /// It has no end of its own: the auditor reads everything in the end.
    fn is_finished(&self) -> bool {
        !self.positions.is_empty()
    }
}
