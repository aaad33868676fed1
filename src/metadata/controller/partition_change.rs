//! What becomes of one partition: who leads it, who is in sync, where its replicas are.
//!
//! Every change goes through here, whatever its reason: so a reassignment is completed, a leader
//! elected, and an epoch raised by the same rules, those of Kafka (KIP-455, KIP-841, KIP-966).

use std::collections::BTreeMap;

use crate::model::{BrokerId, Uuid};
use crate::protocol::messages::PartitionChangeRecord;

use super::super::image::{DIRECTORY_UNASSIGNED, NO_LEADER_CHANGE, PartitionRegistration};

/// In the place of a leader: there is none.
const NO_LEADER: BrokerId = -1;

/// How a leader is chosen.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Election {
    /// The first replica, if it may lead; else whoever keeps the partition online.
    Preferred,
    /// Who leads already, else the first replica that may lead.
    Online,
    /// The same, but better somebody who lacks records than nobody.
    Unclean,
}

/// A change of a partition's registration, in the making.
#[derive(Debug)]
pub(super) struct PartitionChange<'a> {
    partition: &'a PartitionRegistration,
    election: Election,
    replicas: Vec<BrokerId>,
    directories: BTreeMap<BrokerId, Uuid>,
    isr: Vec<BrokerId>,
    removing: Vec<BrokerId>,
    adding: Vec<BrokerId>,
    eligible: Vec<BrokerId>,
    is_recovering: bool,
    unclean: Option<BrokerId>,
    /// How many replicas must be in sync before others are eligible; `None` where the cluster has
    /// no eligible leader replicas.
    min_isr: Option<usize>,
}

impl<'a> PartitionChange<'a> {
    /// No change of `partition`, but for an election if its leader may not lead.
    pub(super) fn of(partition: &'a PartitionRegistration, min_isr: Option<usize>) -> Self {
        let replicas = partition.replicas.iter().copied();
        Self {
            partition,
            election: Election::Online,
            replicas: partition.replicas.clone(),
            directories: replicas.zip(partition.directories.clone()).collect(),
            isr: partition.isr.clone(),
            removing: partition.removing_replicas.clone(),
            adding: partition.adding_replicas.clone(),
            eligible: partition.eligible_leader_replicas.clone(),
            is_recovering: partition.leader_recovering,
            unclean: None,
            min_isr,
        }
    }

    /// A leader is chosen so.
    pub(super) const fn elect(mut self, election: Election) -> Self {
        self.election = election;
        self
    }

    /// These are in sync.
    pub(super) fn isr(mut self, isr: Vec<BrokerId>) -> Self {
        self.isr = isr;
        self
    }

    /// The leader lacks nothing any more, or may still.
    pub(super) const fn recovering(mut self, is_recovering: bool) -> Self {
        self.is_recovering = is_recovering;
        self
    }

    /// What this broker had may be lost: it is not eligible.
    pub(super) const fn unclean(mut self, broker: Option<BrokerId>) -> Self {
        self.unclean = broker;
        self
    }

    /// These hold the partition, of which some come and some go.
    pub(super) fn reassign(
        mut self,
        replicas: Vec<BrokerId>,
        adding: Vec<BrokerId>,
        removing: Vec<BrokerId>,
    ) -> Self {
        (self.replicas, self.adding, self.removing) = (replicas, adding, removing);
        self
    }

    /// The replica of `broker` lies, or will lie, in `directory`.
    pub(super) fn directory(mut self, broker: BrokerId, directory: Uuid) -> Self {
        self.directories.insert(broker, directory);
        self
    }

    /// The record of the change, but for its topic and index; `None` if nothing changes.
    /// `may_lead` tells of whom it is known that it runs and has its replica.
    pub(super) fn record(
        mut self,
        may_lead: &dyn Fn(BrokerId) -> bool,
    ) -> Option<PartitionChangeRecord> {
        let mut record = PartitionChangeRecord::default();
        self.complete_reassignment();
        self.find_eligible();
        self.choose_leader(&mut record, may_lead);
        self.raise_epoch_for_removal(&mut record);
        self.note_eligible(&mut record);
        let may_be_empty = self.min_isr.is_some();
        if record.isr.is_none()
            && (may_be_empty || !self.isr.is_empty())
            && self.isr != self.partition.isr
        {
            record.isr = Some(self.isr.clone());
        }
        self.note_last_leader(&mut record);
        self.note_assignment(&mut record);
        if self.is_recovering != self.partition.leader_recovering {
            record.leader_recovery_state = i8::from(self.is_recovering);
        }
        (record != PartitionChangeRecord::default()).then_some(record)
    }

    /// A reassignment ends when all that come are in sync, unless fewer would be in sync than
    /// could be.
    fn complete_reassignment(&mut self) {
        if self.adding.is_empty() && self.removing.is_empty() {
            return;
        }
        let stays = |broker: &BrokerId| !self.removing.contains(broker);
        let isr: Vec<_> = self.isr.iter().copied().filter(stays).collect();
        let replicas: Vec<_> = self.replicas.iter().copied().filter(stays).collect();
        let is_smaller = self.adding.len() < self.removing.len();
        let awaited = if is_smaller { &replicas } else { &self.adding };
        let has_come = self.adding.iter().chain(awaited);
        if !self.removing.is_empty() && (isr.is_empty() || replicas.is_empty()) {
            return;
        }
        if has_come.into_iter().all(|broker| isr.contains(broker)) {
            (self.isr, self.replicas) = (isr, replicas);
            (self.adding, self.removing) = (Vec::new(), Vec::new());
        }
    }

    /// Who has left the in-sync set while it is too small for records to be committed lacks none
    /// of them.
    fn find_eligible(&mut self) {
        let Some(min_isr) = self.min_isr else {
            return;
        };
        if self.isr.len() >= min_isr {
            self.eligible.clear();
            return;
        }
        let mut eligible = std::mem::take(&mut self.eligible);
        eligible.extend(&self.partition.isr);
        eligible.sort_unstable();
        eligible.dedup();
        eligible.retain(|broker| !self.isr.contains(broker) && self.unclean != Some(*broker));
        self.eligible = eligible;
    }

    fn choose_leader(
        &mut self,
        record: &mut PartitionChangeRecord,
        may_lead: &dyn Fn(BrokerId) -> bool,
    ) {
        let (leader, is_unclean) = self.chosen_leader(may_lead);
        if leader == self.partition.leader {
            return;
        }
        if let Some(leader) = leader.filter(|leader| self.eligible.contains(leader)) {
            self.isr = vec![leader];
            self.eligible.retain(|broker| *broker != leader);
        }
        record.leader = leader.unwrap_or(NO_LEADER);
        if let Some(leader) = leader.filter(|_| is_unclean) {
            // What the others have beyond this replica is given up.
            record.isr = Some(vec![leader]);
            if !self.partition.leader_recovering {
                record.leader_recovery_state = 1;
            }
        }
    }

    /// Who is to lead, and whether it may lack records.
    fn chosen_leader(&self, may_lead: &dyn Fn(BrokerId) -> bool) -> (Option<BrokerId>, bool) {
        let is_valid = |broker: &BrokerId| {
            let has_all = self.isr.contains(broker)
                || (self.isr.is_empty() && self.eligible.contains(broker));
            has_all && may_lead(*broker)
        };
        let preferred = self.replicas.first().copied();
        let preferred = preferred.filter(|_| self.election == Election::Preferred);
        let mut candidates = preferred
            .into_iter()
            .chain(self.partition.leader)
            .chain(self.replicas.iter().copied());
        if let Some(leader) = candidates.find(is_valid) {
            return (Some(leader), false);
        }
        if let Some(leader) = self.last_leader().filter(|leader| may_lead(*leader)) {
            return (Some(leader), true);
        }
        let mut replicas = self.replicas.iter().copied();
        let any = replicas.find(|broker| may_lead(*broker));
        match any.filter(|_| self.election == Election::Unclean) {
            Some(leader) => (Some(leader), true),
            None => (None, false),
        }
    }

    /// Who led last, if nobody is left who has all records: it has most of them.
    fn last_leader(&self) -> Option<BrokerId> {
        let is_lost = self.min_isr.is_some() && self.eligible.is_empty() && self.isr.is_empty();
        match self.partition.last_known_elr[..] {
            [leader] if is_lost => Some(leader),
            _ => None,
        }
    }

    /// A leader must not go on serving a replica that was taken away.
    fn raise_epoch_for_removal(&self, record: &mut PartitionChangeRecord) {
        let before = &self.partition.replicas;
        let is_removed = before.iter().any(|broker| !self.replicas.contains(broker));
        if record.leader == NO_LEADER_CHANGE && is_removed {
            record.leader = self.partition.leader.unwrap_or(NO_LEADER);
        }
    }

    fn note_eligible(&mut self, record: &mut PartitionChangeRecord) {
        let is_unclean = record.isr.is_some();
        if is_unclean || self.min_isr.is_none() {
            self.eligible.clear();
        }
        if self.eligible != self.partition.eligible_leader_replicas {
            record.eligible_leader_replicas = Some(self.eligible.clone());
        }
    }

    fn note_last_leader(&self, record: &mut PartitionChangeRecord) {
        if self.min_isr.is_none() {
            return;
        }
        let is_known = !self.partition.last_known_elr.is_empty();
        if record.leader == NO_LEADER && !is_known {
            record.last_known_elr = Some(self.partition.leader.into_iter().collect());
        } else if record.leader >= 0 && is_known {
            record.last_known_elr = Some(Vec::new());
        }
    }

    fn note_assignment(&self, record: &mut PartitionChangeRecord) {
        let directory = |broker| self.directories.get(broker).copied();
        let directories: Vec<Uuid> = self
            .replicas
            .iter()
            .map(|broker| directory(broker).unwrap_or(DIRECTORY_UNASSIGNED))
            .collect();
        let changes = [
            (
                &mut record.replicas,
                &self.replicas,
                &self.partition.replicas,
            ),
            (
                &mut record.removing_replicas,
                &self.removing,
                &self.partition.removing_replicas,
            ),
            (
                &mut record.adding_replicas,
                &self.adding,
                &self.partition.adding_replicas,
            ),
        ];
        for (change, target, before) in changes {
            if target != before {
                *change = Some(target.clone());
            }
        }
        if directories != self.partition.directories {
            record.directories = Some(directories);
        }
    }
}
