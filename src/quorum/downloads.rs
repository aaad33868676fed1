//! Snapshots of this node that other nodes download, a part at a time.

use std::time::Duration;

use bytes::Bytes;

use crate::log::storage::{StorageOutbox, StorageRequest};
use crate::model::ErrorCode;
use crate::protocol::Records;
use crate::protocol::messages::fetch_snapshot_request::PartitionSnapshot as AskedSnapshot;
use crate::protocol::messages::fetch_snapshot_response::{
    LeaderIdAndEpoch, NodeEndpoint, PartitionSnapshot, SnapshotId as WireSnapshotId, TopicSnapshot,
};
use crate::protocol::messages::{FetchSnapshotRequest, FetchSnapshotResponse};
use crate::stdx::{Instant, Now};

use super::core::{Pending, Phase, Quorum};
use super::request::{QuorumRequest, QuorumToken};
use super::settings::TOPIC;
use super::snapshot::SnapshotId;

/// The most bytes of one part.
const PART_BYTES_MAX: usize = 8 << 20;

/// How long a snapshot is kept in memory after a part of it was asked for: a download of it is
/// over then.
const KEPT: Duration = Duration::from_secs(30);

/// The snapshot that is downloaded, and who waits for it to be read.
///
/// There is one: replicas are told of the newest.
#[derive(Debug, Default)]
pub(super) struct Downloads {
    file: Option<(SnapshotId, Bytes)>,
    kept_until: Option<Instant>,
    is_reading: Option<SnapshotId>,
    waiting: Vec<WaitingPart>,
}

/// A part that was asked for.
#[derive(Debug)]
struct WaitingPart {
    token: QuorumToken,
    version: i16,
    listener: String,
    partition: AskedSnapshot,
    bytes_max: usize,
}

impl Downloads {
    /// When the snapshot can be let go.
    pub(super) fn next_deadline(&self) -> Instant {
        self.kept_until.unwrap_or(Instant::MAX)
    }
}

impl Quorum {
    /// Answer with a part of a snapshot, when it is in memory.
    pub(super) fn on_fetch_snapshot(
        &mut self,
        token: QuorumToken,
        asked: &QuorumRequest,
        request: &FetchSnapshotRequest,
    ) {
        let refused = |error: ErrorCode| FetchSnapshotResponse {
            error_code: error.code(),
            ..Default::default()
        };
        if let Err(error) = self.check_cluster(request.cluster_id.as_deref()) {
            return self.answer(token, refused(error));
        }
        let [topic] = request.topics.as_slice() else {
            return self.answer(token, refused(ErrorCode::InvalidRequest));
        };
        let [partition] = topic.partitions.as_slice() else {
            return self.answer(token, refused(ErrorCode::InvalidRequest));
        };
        let part = WaitingPart {
            token,
            version: asked.version,
            listener: asked.listener.clone(),
            partition: partition.clone(),
            bytes_max: usize::try_from(request.max_bytes)
                .unwrap_or(0)
                .min(PART_BYTES_MAX),
        };
        if topic.name != TOPIC || partition.partition != 0 {
            let error = ErrorCode::UnknownTopicOrPartition;
            return self.answer_part(&part, &topic.name, Err(error));
        }
        self.downloads.waiting.push(part);
    }

    /// Serve those who wait, and read what is not in memory.
    pub(super) fn advance_downloads(&mut self, now: Now, outbox: &mut StorageOutbox) {
        if self.downloads.next_deadline() <= now.instant {
            self.downloads.file = None;
            self.downloads.kept_until = None;
        }
        if self.is_busy() && matches!(self.phase, Phase::Running) {
            // What this node knows of the epoch may not be on its disk.
            return;
        }
        for part in std::mem::take(&mut self.downloads.waiting) {
            let wanted = snapshot_of(&part.partition);
            let epoch = part.partition.current_leader_epoch;
            let checked = self.check_leading(epoch).and_then(|()| {
                match self.snapshots.contains_key(&wanted) {
                    true => Ok(()),
                    false => Err(ErrorCode::SnapshotNotFound),
                }
            });
            if let Err(error) = checked {
                self.answer_part(&part, TOPIC, Err(error));
                continue;
            }
            match &self.downloads.file {
                Some((id, file)) if *id == wanted => {
                    let file = file.clone();
                    self.downloads.kept_until = Some(now.instant + KEPT);
                    self.answer_part(&part, TOPIC, Ok(file));
                }
                _ => {
                    self.downloads.waiting.push(part);
                    if self.downloads.is_reading.is_none() {
                        self.downloads.is_reading = Some(wanted);
                        let path = self.folder.join(&wanted.file_name());
                        let pending = Pending::DownloadRead(wanted);
                        self.submit(outbox, pending, StorageRequest::ReadFile { path });
                    }
                }
            }
        }
    }

    /// A snapshot was read; `None` if it is gone.
    pub(super) fn on_download_read(
        &mut self,
        now: Now,
        id: SnapshotId,
        file: Option<Bytes>,
        outbox: &mut StorageOutbox,
    ) {
        self.downloads.is_reading = None;
        match file {
            Some(file) => {
                self.downloads.file = Some((id, file));
                self.downloads.kept_until = Some(now.instant + KEPT);
            }
            None => {
                self.snapshots.remove(&id);
            }
        }
        self.advance_downloads(now, outbox);
    }

    fn answer_part(&mut self, part: &WaitingPart, topic: &str, found: Result<Bytes, ErrorCode>) {
        let asked = &part.partition;
        let mut answer = PartitionSnapshot {
            index: asked.partition,
            snapshot_id: WireSnapshotId {
                end_offset: asked.snapshot_id.end_offset,
                epoch: asked.snapshot_id.epoch,
                ..Default::default()
            },
            current_leader: LeaderIdAndEpoch {
                leader_id: self.leader_id().unwrap_or(-1),
                leader_epoch: self.epoch(),
                ..Default::default()
            },
            ..Default::default()
        };
        match found.and_then(|file| cut(&file, asked.position, part.bytes_max)) {
            Ok((size, bytes)) => {
                answer.size = size;
                answer.position = asked.position;
                answer.unaligned_records = Records::new(vec![bytes]);
            }
            Err(error) => answer.error_code = error.code(),
        }
        let mut response = FetchSnapshotResponse {
            topics: vec![TopicSnapshot {
                name: topic.to_owned(),
                partitions: vec![answer],
                ..Default::default()
            }],
            ..Default::default()
        };
        if part.version >= 1
            && let Some((node_id, endpoint)) = self.leader_endpoint(&part.listener)
        {
            response.node_endpoints.push(NodeEndpoint {
                node_id,
                host: endpoint.host.clone(),
                port: endpoint.port,
                ..Default::default()
            });
        }
        self.answer(part.token, response);
    }
}

fn snapshot_of(asked: &AskedSnapshot) -> SnapshotId {
    SnapshotId {
        end_offset: asked.snapshot_id.end_offset,
        epoch: asked.snapshot_id.epoch,
    }
}

/// The size of `file`, and at most `bytes_max` bytes of it from `position` on.
fn cut(file: &Bytes, position: i64, bytes_max: usize) -> Result<(i64, Bytes), ErrorCode> {
    let begin = usize::try_from(position).map_err(|_| ErrorCode::PositionOutOfRange)?;
    if begin >= file.len() {
        return Err(ErrorCode::PositionOutOfRange);
    }
    let end = file.len().min(begin + bytes_max);
    let size = i64::try_from(file.len()).map_err(|_| ErrorCode::UnknownServerError)?;
    Ok((size, file.slice(begin..end)))
}
