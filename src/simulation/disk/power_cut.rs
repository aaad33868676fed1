//! What of requests under way a failure or a power cut leaves.

use super::{Disk, UnderWay};
use crate::log::storage::StorageRequest;
use crate::model::ShardId;
use crate::simulation::clock::SimulatedTime;
use crate::simulation::faults::{Fault, FaultCounts};
use crate::simulation::planted::PlantedBug;

impl Disk {
    /// A failed request may have done a part of its work.
    pub(super) fn perform_in_part(
        &mut self,
        shard: ShardId,
        request: &StorageRequest,
        now: SimulatedTime,
    ) {
        match request {
            StorageRequest::Write { .. } => self.write_unsynced(shard, request, now),
            StorageRequest::ReplaceFile { path, contents } if self.random.chance(1, 2) => {
                self.volume
                    .abandon_replacement(path, contents, now.wall_ms());
            }
            StorageRequest::Remove { path } => {
                self.volume.remove_some(path, &mut self.random);
            }
            // It is not durable either way, so a crash leaves any part of it.
            StorageRequest::Seal { .. } if self.random.chance(1, 2) => {
                let _ = self.perform(shard, request, now);
            }
            StorageRequest::Rename { to, .. } if !to.relative.contains('/') => {
                let _ = self.random.chance(1, 2) && self.perform(shard, request, now).is_ok();
            }
            _ => {}
        }
    }

    /// The process is gone, or the power: what was under way may or may not have happened.
    pub fn crash(&mut self, now: SimulatedTime, counts: &mut FaultCounts) {
        for (_, lost) in std::mem::take(&mut self.under_way) {
            self.tear(lost, now, counts);
        }
        self.started.clear();
        self.handles.clear();
        self.replacing.clear();
        self.stale.clear();
        self.volume.crash(&mut self.random, counts);
        if self.planted == Some(PlantedBug::CutsSegment) {
            self.volume.cut_a_segment(&mut self.random);
        }
        if self.planted == Some(PlantedBug::LosesJournal) {
            self.volume.lose_journals();
        }
        if self.planted == Some(PlantedBug::LosesFolder) {
            self.volume.lose_a_folder(&mut self.random);
        }
    }

    fn tear(&mut self, lost: UnderWay, now: SimulatedTime, counts: &mut FaultCounts) {
        let UnderWay { shard, request, .. } = lost;
        let is_kept = self.random.chance(1, 2);
        match &request {
            StorageRequest::Write { .. } => self.write_unsynced(shard, &request, now),
            StorageRequest::ReplaceFile { path, contents } if !is_kept => {
                counts.add(Fault::LostNameChange);
                if self.random.chance(1, 2) {
                    counts.add(Fault::AbandonedReplacement);
                    let kept = self.random.below(contents.len() as u64 + 1);
                    let kept = usize::try_from(kept).expect("it lies in memory");
                    self.volume
                        .abandon_replacement(path, &contents[..kept], now.wall_ms());
                }
            }
            StorageRequest::Remove { path } if !is_kept => {
                counts.add(Fault::LostNameChange);
                self.volume.remove_some(path, &mut self.random);
            }
            StorageRequest::Open { create: true, .. }
            | StorageRequest::ReplaceFile { .. }
            | StorageRequest::CreateFolder { .. }
            | StorageRequest::Rename { .. }
            | StorageRequest::Remove { .. } => {
                if !is_kept {
                    return counts.add(Fault::LostNameChange);
                }
                counts.add(Fault::KeptNameChange);
                // What it relied on may be lost with this crash: then it did not happen either.
                let _ = self.perform(shard, &request, now);
            }
            StorageRequest::Allocate { .. }
            | StorageRequest::Truncate { .. }
            | StorageRequest::Seal { .. }
            | StorageRequest::SyncAll { .. }
                if is_kept =>
            {
                let _ = self.perform(shard, &request, now);
            }
            _ => {}
        }
    }

    /// What was written and is not synced: the next crash leaves any part of it.
    fn write_unsynced(&mut self, shard: ShardId, request: &StorageRequest, now: SimulatedTime) {
        if let StorageRequest::Write {
            file,
            position,
            slices,
            ..
        } = request
            && let Ok(inode) = self.inode_of(shard, *file)
        {
            let bytes = slices.concat();
            let now_ms = now.wall_ms();
            self.volume.write(inode, *position, &bytes, false, now_ms);
        }
    }
}
