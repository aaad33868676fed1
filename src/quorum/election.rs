//! The election that this node cannot lose, and the first batch of its epoch.

use crate::log::Log;
use crate::log::storage::{StorageOutbox, StorageRequest};
use crate::protocol::record_batch::{ControlType, RecordBatchBuilder};
use crate::stdx::Now;

use super::control::{encode_kraft_version, encode_leader_change, encode_voters};
use super::core::{Pending, Phase, Quorum, QuorumEvent, QuorumFailure};
use super::state::{self, ElectionState};

impl Quorum {
    /// If everything was given out, see whether this node is the only one who votes.
    pub(super) fn finish_replay(&mut self) {
        let replay = match &self.phase {
            Phase::Replaying(replay) if replay.is_finished() => replay,
            _ => return,
        };
        let node_id = self.settings.node_id;
        let directory_id = self.settings.directory_id;
        let is_alone = match &self.voters {
            Some(voters) => match voters.as_slice() {
                [voter] => {
                    voter.id == node_id
                        && (voter.directory_id == directory_id || voter.directory_id.is_zero())
                }
                _ => false,
            },
            None => replay
                .last_electors()
                .is_none_or(|electors| electors == [node_id]),
        };
        if !is_alone {
            let known = self.voters.as_ref().map_or_else(
                || format!("{:?}", replay.last_electors().unwrap_or_default()),
                |voters| {
                    let text = voters
                        .iter()
                        .map(|voter| format!("{}:{}", voter.id, voter.directory_id));
                    text.collect::<Vec<_>>().join(", ")
                },
            );
            self.fail(QuorumFailure::Unusable(format!(
                "the metadata quorum in {} has the voters {known}, but this node is \
                 {node_id}:{directory_id} and can only lead a quorum of itself",
                self.folder
            )));
            return;
        }
        self.phase = Phase::Loaded;
        self.events.push_back(QuorumEvent::Loaded);
    }

    /// Become the leader of a new epoch: it is on the disk before anything is done in it.
    /// [`QuorumEvent::Elected`] follows.
    ///
    /// # Panics
    /// If [`QuorumEvent::Loaded`] did not come yet.
    pub fn elect(&mut self, outbox: &mut StorageOutbox) {
        assert!(
            matches!(self.phase, Phase::Loaded),
            "a leader knows everything that is in the log"
        );
        let node_id = self.settings.node_id;
        let known = [
            self.state.map_or(0, |state| state.leader_epoch),
            self.loaded.map_or(0, |id| id.epoch),
            self.log
                .as_ref()
                .and_then(Log::latest_epoch)
                .map_or(0, |latest| latest.epoch),
        ];
        let latest = known.into_iter().max().unwrap_or(0);
        let Some(epoch) = latest.checked_add(1) else {
            self.fail(QuorumFailure::Unusable(format!(
                "the metadata quorum in {} is out of epochs",
                self.folder
            )));
            return;
        };
        self.epoch = epoch;
        self.phase = Phase::Electing;
        let state = ElectionState {
            leader_id: Some(node_id),
            leader_epoch: epoch,
            // The only voter leads its epoch before anything else can happen in it.
            voted: None,
        };
        let request = StorageRequest::ReplaceFile {
            path: self.folder.join(state::FILE_NAME),
            contents: state.encode(),
        };
        self.submit(outbox, Pending::StateWritten, request);
    }

    /// The epoch is on the disk: its first batch says who leads it.
    pub(super) fn lead(&mut self, now: Now) {
        let node_id = self.settings.node_id;
        let mut batch = RecordBatchBuilder::new().control();
        let change = encode_leader_change(node_id);
        batch.append_control(now.wall_ms, ControlType::LeaderChange, &change);
        if let Some([voter]) = self.voters.as_deref_mut() {
            let has_moved =
                !self.settings.endpoints.is_empty() && voter.endpoints != self.settings.endpoints;
            if has_moved {
                voter.endpoints.clone_from(&self.settings.endpoints);
            }
            if has_moved || !self.voters_in_log {
                let version = encode_kraft_version();
                batch.append_control(now.wall_ms, ControlType::KraftVersion, &version);
                let voters = encode_voters(std::slice::from_ref(voter));
                batch.append_control(now.wall_ms, ControlType::KraftVoters, &voters);
                self.voters_in_log = true;
            }
        }
        self.phase = Phase::Leading;
        let (next_offset, _) = self.append_batch(now, batch);
        self.events.push_back(QuorumEvent::Elected {
            epoch: self.epoch,
            next_offset,
        });
    }
}
