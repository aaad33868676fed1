//! Fetches of the metadata log, by whoever follows it: checked, parked, answered.

use crate::log::{FetchedRecords, Log, ReadId, ReadPlan, ReadRequest};
use crate::model::{ErrorCode, LeaderEpoch, Offset, Uuid};
use crate::protocol::Records;
use crate::protocol::messages::fetch_response::{
    EpochEndOffset, FetchableTopicResponse, LeaderIdAndEpoch, NodeEndpoint, PartitionData,
    SnapshotId as WireSnapshotId,
};
use crate::protocol::messages::{FetchRequest, FetchResponse};
use crate::stdx::{Instant, Now};

use super::core::{Phase, Quorum};
use super::event::QuorumEvent;
use super::raft::{FetchAsk, FetchVerdict, LogEnd, LogView};
use super::request::{QuorumRequest, QuorumToken, ReplicaKey};
use super::settings::TOPIC;
use super::snapshot::SnapshotId;
use super::view::LogAndSnapshots;
use super::wire;

/// The most bytes of one answer: what a batch may have, so that a small limit of the asker does
/// not come to more answers than there are batches, nor a large one to much memory.
const FETCH_BYTES_MAX: usize = 8 << 20;

/// Since this version an answer names the address of the leader (KIP-853).
const VERSION_WITH_ENDPOINTS: i16 = 17;

/// Before this version topics have names.
const VERSION_WITH_IDS: i16 = 13;

/// A fetch that waits for records, for a higher high watermark, or for the disk.
#[derive(Debug)]
pub(super) struct WaitingFetch {
    token: QuorumToken,
    version: i16,
    listener: String,
    replica: Option<ReplicaKey>,
    leader_epoch: LeaderEpoch,
    offset: Offset,
    last_fetched_epoch: LeaderEpoch,
    /// The high watermark that the replica knows; `None` if it is not to be told of another.
    high_watermark: Option<Offset>,
    bytes_max: usize,
    deadline: Instant,
    read: Option<ReadId>,
}

impl WaitingFetch {
    /// Where the log of the asker ends.
    const fn end(&self) -> LogEnd {
        LogEnd {
            epoch: self.last_fetched_epoch,
            offset: self.offset,
        }
    }
}

/// What a fetch finds.
#[derive(Debug)]
enum Found {
    /// These records follow.
    Records(FetchedRecords),
    /// They have to be read; it goes on when they are.
    Reading,
    /// The replica's log is not a prefix of this one: the largest epoch that may agree, its end.
    Diverging(LeaderEpoch, Offset),
    /// The records there are gone: a snapshot has what they said.
    Snapshot(SnapshotId),
    /// It cannot be served.
    Refused(ErrorCode),
}

impl Quorum {
    /// Answer a fetch, now or when there is something to be told.
    pub(super) fn on_fetch(
        &mut self,
        now: Now,
        token: QuorumToken,
        asked: &QuorumRequest,
        request: &FetchRequest,
    ) {
        if let Err(error) = self.check_fetch(asked, request) {
            let response = FetchResponse {
                error_code: error.code(),
                ..Default::default()
            };
            return self.answer(token, response);
        }
        let partition = &request.topics[0].partitions[0];
        let replica_id = if asked.version < 15 {
            request.replica_id
        } else {
            request.replica_state.replica_id
        };
        let wait = u64::try_from(request.max_wait_ms).map(std::time::Duration::from_millis);
        let fetch = WaitingFetch {
            token,
            version: asked.version,
            listener: asked.listener.clone(),
            replica: (replica_id >= 0).then_some(ReplicaKey {
                id: replica_id,
                directory_id: partition.replica_directory_id,
            }),
            leader_epoch: partition.current_leader_epoch,
            offset: partition.fetch_offset,
            last_fetched_epoch: partition.last_fetched_epoch,
            high_watermark: (asked.version >= 18).then_some(partition.high_watermark),
            bytes_max: usize::try_from(request.max_bytes)
                .unwrap_or(0)
                .min(FETCH_BYTES_MAX),
            deadline: asked.received_at + wait.unwrap_or_default(),
            read: None,
        };
        let is_sensible = wait.is_ok()
            && fetch.offset >= 0
            && fetch.last_fetched_epoch >= 0
            && fetch.leader_epoch >= 0
            && fetch.last_fetched_epoch <= fetch.leader_epoch;
        if !is_sensible {
            return self.answer_fetch(&fetch, Found::Refused(ErrorCode::InvalidRequest));
        }
        if let Err(error) = self.note_fetch(&fetch) {
            return self.answer_fetch(&fetch, Found::Refused(error));
        }
        self.advance_fetch(now, fetch);
    }

    /// Tell the machine of a fetch, once: by it a voter acknowledges what it has.
    fn note_fetch(&mut self, fetch: &WaitingFetch) -> Result<(), ErrorCode> {
        self.check_leading(fetch.leader_epoch)?;
        let ask = FetchAsk {
            replica: fetch.replica,
            epoch: fetch.leader_epoch,
            end: fetch.end(),
            high_watermark: fetch.high_watermark,
        };
        match self.tell(|raft, log| raft.on_fetch(&ask, log)) {
            Some(FetchVerdict::Refused(refusal)) => Err(wire::code_of(refusal)),
            _ => Ok(()),
        }
    }

    fn check_fetch(&self, asked: &QuorumRequest, request: &FetchRequest) -> Result<(), ErrorCode> {
        self.check_cluster(request.cluster_id.as_deref())?;
        let [topic] = request.topics.as_slice() else {
            return Err(ErrorCode::InvalidRequest);
        };
        let is_known = if asked.version < VERSION_WITH_IDS {
            topic.topic == TOPIC
        } else {
            topic.topic_id == Uuid::METADATA_TOPIC
        };
        match topic.partitions.as_slice() {
            [partition] if is_known && partition.partition == 0 => Ok(()),
            _ => Err(ErrorCode::InvalidRequest),
        }
    }

    /// Whoever names the cluster means this one.
    pub(super) fn check_cluster(&self, cluster_id: Option<&str>) -> Result<(), ErrorCode> {
        match cluster_id {
            Some(id) if *id != *self.settings.cluster_id => Err(ErrorCode::InconsistentClusterId),
            _ => Ok(()),
        }
    }

    /// Whether this node leads, and in `epoch`.
    pub(super) fn check_leading(&self, epoch: LeaderEpoch) -> Result<(), ErrorCode> {
        let known = self.epoch();
        if epoch < known {
            Err(ErrorCode::FencedLeaderEpoch)
        } else if epoch > known {
            Err(ErrorCode::UnknownLeaderEpoch)
        } else if self.seat.is_some() && matches!(self.phase, Phase::Running) {
            Ok(())
        } else {
            Err(ErrorCode::NotLeaderOrFollower)
        }
    }

    /// Look at the fetches that wait: there may be something for them now.
    pub(super) fn advance_fetches(&mut self, now: Now) {
        if self.is_busy() && matches!(self.phase, Phase::Running) {
            // What this node knows of the epoch may not be on its disk.
            return;
        }
        for fetch in std::mem::take(&mut self.waiting_fetches) {
            if fetch.read.is_some() {
                self.waiting_fetches.push(fetch);
            } else {
                self.advance_fetch(now, fetch);
            }
        }
    }

    fn advance_fetch(&mut self, now: Now, mut fetch: WaitingFetch) {
        let found = self.find_records(now, &mut fetch);
        let is_waiting = match &found {
            Found::Reading => true,
            Found::Records(records) => {
                let is_behind = fetch
                    .high_watermark
                    .is_some_and(|known| known < self.high_watermark);
                records.length_bytes == 0 && !is_behind && now.instant < fetch.deadline
            }
            _ => false,
        };
        if is_waiting && !matches!(self.phase, Phase::Closing) {
            self.waiting_fetches.push(fetch);
        } else {
            self.answer_fetch(&fetch, found);
        }
    }

    fn find_records(&mut self, now: Now, fetch: &mut WaitingFetch) -> Found {
        if let Err(error) = self.check_leading(fetch.leader_epoch) {
            return Found::Refused(error);
        }
        if let Some(elsewhere) = self.find_elsewhere(fetch.end()) {
            return elsewhere;
        }
        let Some(log) = &mut self.log else {
            return Found::Refused(ErrorCode::NotLeaderOrFollower);
        };
        let end_offset = log.log_end_offset();
        if let Some(replica) = fetch.replica {
            self.replicas
                .on_fetch(now, replica, fetch.offset, end_offset);
        }
        let request = ReadRequest {
            offset: fetch.offset,
            bytes_max: fetch.bytes_max,
            upper: end_offset,
            at_least_one: true,
        };
        match log.plan_read(request) {
            Ok(ReadPlan::Ready(records)) => Found::Records(records),
            Ok(ReadPlan::Disk(read)) => {
                fetch.read = Some(log.start_read(read));
                Found::Reading
            }
            Err(error) => Found::Refused(error),
        }
    }

    /// What a replica is told instead of records whose log has this `end`.
    fn find_elsewhere(&self, end: LogEnd) -> Option<Found> {
        let log = LogAndSnapshots {
            log: self.log.as_ref()?,
            snapshots: &self.snapshots,
        };
        if let Some(id) = log.snapshot_for(end) {
            return Some(Found::Snapshot(id));
        }
        let agreed = log.end_of_epoch(end.epoch);
        let is_prefix = agreed.epoch == end.epoch && end.offset <= agreed.offset;
        let has_nothing = end == LogEnd::default();
        (!is_prefix && !has_nothing).then_some(Found::Diverging(agreed.epoch, agreed.offset))
    }

    /// A read of the log has ended; false if no fetch waits for it.
    pub(super) fn on_fetch_read(
        &mut self,
        read: ReadId,
        result: &Result<FetchedRecords, ErrorCode>,
    ) -> bool {
        let mut waiting = self.waiting_fetches.iter();
        let Some(place) = waiting.position(|fetch| fetch.read == Some(read)) else {
            return false;
        };
        let fetch = self.waiting_fetches.swap_remove(place);
        let found = match (self.check_leading(fetch.leader_epoch), result) {
            (Err(error), _) => Found::Refused(error),
            (_, Ok(records)) => Found::Records(records.clone()),
            (_, Err(error)) => Found::Refused(*error),
        };
        self.answer_fetch(&fetch, found);
        true
    }

    /// When the first fetch has waited long enough.
    pub(super) fn fetches_deadline(&self) -> Instant {
        let waiting = self.waiting_fetches.iter();
        let waiting = waiting.filter(|fetch| fetch.read.is_none());
        waiting
            .map(|fetch| fetch.deadline)
            .min()
            .unwrap_or(Instant::MAX)
    }

    fn answer_fetch(&mut self, fetch: &WaitingFetch, found: Found) {
        let log_start = self.log.as_ref().map_or(0, Log::log_start_offset);
        let mut data = PartitionData {
            high_watermark: self.high_watermark,
            log_start_offset: log_start,
            current_leader: LeaderIdAndEpoch {
                leader_id: self.leader_id().unwrap_or(-1),
                leader_epoch: self.epoch(),
                ..Default::default()
            },
            aborted_transactions: Some(Vec::new()),
            records: Some(Records::default()),
            ..Default::default()
        };
        match found {
            Found::Records(records) => data.records = Some(Records::new(records.slices)),
            Found::Reading => {}
            Found::Diverging(epoch, end_offset) => {
                data.diverging_epoch = EpochEndOffset {
                    epoch,
                    end_offset,
                    ..Default::default()
                };
            }
            Found::Snapshot(id) => {
                data.snapshot_id = WireSnapshotId {
                    end_offset: id.end_offset,
                    epoch: id.epoch,
                    ..Default::default()
                };
            }
            Found::Refused(error) => {
                data.error_code = error.code();
                data.high_watermark = -1;
            }
        }
        let mut response = FetchResponse {
            responses: vec![FetchableTopicResponse {
                topic: TOPIC.to_owned(),
                topic_id: Uuid::METADATA_TOPIC,
                partitions: vec![data],
                ..Default::default()
            }],
            ..Default::default()
        };
        if fetch.version >= VERSION_WITH_ENDPOINTS {
            let endpoint = self.leader_endpoint(&fetch.listener);
            response.node_endpoints = endpoint
                .map(|(node_id, endpoint)| NodeEndpoint {
                    node_id,
                    host: endpoint.host.clone(),
                    port: i32::from(endpoint.port),
                    ..Default::default()
                })
                .into_iter()
                .collect();
        }
        self.answer(fetch.token, response);
    }

    pub(super) fn answer(
        &mut self,
        token: QuorumToken,
        response: impl Into<super::QuorumResponse>,
    ) {
        let response = Box::new(response.into());
        self.events
            .push_back(QuorumEvent::Answer { token, response });
    }
}
