//! From voters that the settings name to voters that the log names: `kraft.version` 0 becomes 1
//! (KIP-853), and from then on voters may change.
//!
//! The settings give voters no directories. So each tells the leader its own, once in an epoch, and
//! the leader can name all of them in one batch when somebody wants it to. The nodes that vote are
//! the same before and behind that batch.

use crate::model::{ErrorCode, Offset};
use crate::protocol::messages::update_raft_voter_request::KRaftVersionFeature;
use crate::protocol::record_batch::{ControlType, RecordBatchBuilder};
use crate::stdx::Now;

use super::changing::Refused;
use super::control::{KRAFT_VERSION, Voter, encode_kraft_version};
use super::core::Quorum;
use super::raft::Raft;

impl Quorum {
    /// A voter of the settings has told its directory, and what it speaks.
    pub(super) fn note_told(
        &mut self,
        voter: Voter,
        spoken: &KRaftVersionFeature,
    ) -> Result<(), Refused> {
        let mut known = self.known_voters().iter();
        if known.all(|known| known.id != voter.id) {
            return Err(Refused(ErrorCode::VoterNotFound, None));
        }
        let levels = spoken.min_supported_version..=spoken.max_supported_version;
        if !levels.contains(&self.kraft_version()) {
            return Err(Refused(ErrorCode::InvalidRequest, None));
        }
        match levels.contains(&KRAFT_VERSION) {
            true => drop(self.changes.told.insert(voter.id, voter)),
            false => drop(self.changes.told.remove(&voter.id)),
        }
        Ok(())
    }

    /// Those who vote, as the log can name them.
    ///
    /// # Errors
    /// A sentence that says why it cannot yet.
    pub fn check_upgrade(&self) -> Result<Vec<Voter>, String> {
        let change = self.raft.as_ref().map(Raft::check_change);
        if !self.is_seated() || change != Some(Ok(())) {
            return Err("The leader has not committed anything of its epoch yet.".to_owned());
        }
        let named = |voter: Voter| {
            if voter.id == self.settings.node_id {
                return Ok(Voter {
                    directory_id: self.settings.directory_id,
                    endpoints: self.settings.endpoints.clone(),
                    ..voter
                });
            }
            let told = self.changes.told.get(&voter.id).cloned();
            told.ok_or_else(|| {
                format!(
                    "Voter {} has not told that it supports kraft.version {KRAFT_VERSION}.",
                    voter.id
                )
            })
        };
        self.described_voters().into_iter().map(named).collect()
    }

    /// Have the log say who votes: these, whom [`Quorum::check_upgrade`] has told of. The offset
    /// behind that.
    pub fn upgrade(&mut self, now: Now, voters: Vec<Voter>) -> Offset {
        let mut batch = RecordBatchBuilder::new().control();
        let version = encode_kraft_version();
        batch.append_control(now.wall_ms, ControlType::KraftVersion, &version);
        self.append_with_voters(now, batch, voters)
    }
}
