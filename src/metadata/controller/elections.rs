//! Who leads what when brokers come and go (KIP-631, KIP-841, KIP-966).

use crate::config::TopicConfig;
use crate::model::{BrokerId, PartitionIndex, Uuid};
use crate::protocol::messages::{MetadataRecord, PartitionChangeRecord};

use super::super::image::{ConfigKind, ConfigResource, PartitionRegistration, TopicImage};
use super::partition_change::{Election, PartitionChange};
use super::registration::each_partition;
use super::{Controller, View};

/// Who is taken in or out while records are made that the image does not have yet.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Turnover {
    /// It leaves the in-sync sets, and leads nothing.
    pub removed: Option<BrokerId>,
    /// It may lead, though the image does not tell yet.
    pub added: Option<BrokerId>,
    /// It may have lost records, so it leaves the eligible replicas too.
    pub unclean: Option<BrokerId>,
}

/// What the settings of a topic say of its elections.
#[derive(Clone, Copy, Debug)]
pub(super) struct ElectionRules {
    /// Better a leader that lacks records than none.
    pub is_unclean: bool,
    /// How many replicas must be in sync before others are eligible; `None` where the cluster has
    /// no eligible leader replicas.
    pub min_isr: Option<usize>,
}

impl ElectionRules {
    /// The rules of `topic`.
    pub(super) fn of(view: View<'_>, topic: &TopicImage) -> Self {
        let resource = ConfigResource {
            kind: ConfigKind::Topic,
            name: topic.name.clone(),
        };
        let own = view.image.config(&resource).and_then(|overrides| {
            let owner = super::topic_owner(&topic.name);
            TopicConfig::resolve(view.settings, owner, overrides).ok()
        });
        let config = own.as_ref().unwrap_or(&view.config.topic);
        let replicas = topic.partitions.values().next();
        let replicas = replicas.map_or(1, |partition| partition.replicas.len());
        let min_isr = usize::try_from(config.min_insync_replicas).unwrap_or(usize::MAX);
        Self {
            is_unclean: config.unclean_leader_election_enable,
            min_isr: view
                .image
                .has_eligible_replicas()
                .then(|| min_isr.min(replicas)),
        }
    }

    /// How a leader is chosen where nobody asked for a kind of election.
    pub(super) const fn election(self) -> Election {
        if self.is_unclean {
            Election::Unclean
        } else {
            Election::Online
        }
    }
}

impl View<'_> {
    /// True if the broker runs and does not want to stop.
    pub(super) fn is_active(&self, broker: BrokerId) -> bool {
        let registration = self.image.brokers.get(&broker);
        registration.is_some_and(|broker| !broker.fenced && !broker.in_controlled_shutdown)
    }

    /// True if the log directory of the broker's replica works, as far as is known.
    pub(super) fn has_directory(
        &self,
        partition: &PartitionRegistration,
        broker: BrokerId,
    ) -> bool {
        let registration = self.image.brokers.get(&broker);
        let directory = partition.directory_of(broker);
        registration.is_some_and(|broker| directory.is_none_or(|id| broker.has_online(id)))
    }

    /// True if the broker could serve the partition.
    pub(super) fn may_lead(&self, partition: &PartitionRegistration, broker: BrokerId) -> bool {
        self.is_active(broker) && self.has_directory(partition, broker)
    }
}

impl Controller {
    /// What becomes of the partitions for which `is_hit` holds while `turnover` happens.
    pub(super) fn turnover_records(
        view: View<'_>,
        turnover: Turnover,
        is_hit: impl Fn(&PartitionRegistration) -> bool,
    ) -> Vec<MetadataRecord> {
        let gone = [turnover.removed, turnover.unclean];
        let mut records = Vec::new();
        for topic in view.image.topics.values() {
            let mut rules = None;
            for (index, partition) in topic.partitions.iter() {
                if !is_hit(partition) {
                    continue;
                }
                let rules = *rules.get_or_insert_with(|| ElectionRules::of(view, topic));
                let may_lead = |broker| {
                    let is_active = turnover.added == Some(broker) || view.is_active(broker);
                    let is_gone = gone.contains(&Some(broker));
                    is_active && !is_gone && view.has_directory(partition, broker)
                };
                let isr = partition.isr.iter().copied();
                let change = PartitionChange::of(partition, rules.min_isr)
                    .elect(rules.election())
                    .unclean(turnover.unclean)
                    .isr(
                        isr.filter(|broker| !gone.contains(&Some(*broker)))
                            .collect(),
                    );
                let record = change.record(&may_lead);
                records.extend(record.map(|record| placed(record, topic, *index)));
            }
        }
        records
    }

    /// The records by which a broker that does not run leads nothing and is in sync with nothing.
    pub(super) fn removal_records(view: View<'_>, broker: BrokerId) -> Vec<MetadataRecord> {
        let turnover = Turnover {
            removed: Some(broker),
            ..Turnover::default()
        };
        Self::turnover_records(view, turnover, |partition| partition.isr.contains(&broker))
    }

    /// The same, of a broker that may have lost records when it stopped.
    pub(super) fn unclean_records(view: View<'_>, broker: BrokerId) -> Vec<MetadataRecord> {
        let turnover = Turnover {
            unclean: Some(broker),
            ..Turnover::default()
        };
        Self::turnover_records(view, turnover, |partition| {
            let eligible = &partition.eligible_leader_replicas;
            partition.isr.contains(&broker) || eligible.contains(&broker)
        })
    }

    /// The records by which a broker that runs now leads what nobody leads.
    pub(super) fn return_records(view: View<'_>, broker: BrokerId) -> Vec<MetadataRecord> {
        let turnover = Turnover {
            added: Some(broker),
            ..Turnover::default()
        };
        Self::turnover_records(view, turnover, |partition| partition.leader.is_none())
    }

    /// The records by which a broker leads nothing, and is in sync with nothing, that lies in one
    /// of these directories.
    pub(super) fn directory_records(
        view: View<'_>,
        broker: BrokerId,
        directories: &[Uuid],
    ) -> Vec<MetadataRecord> {
        let turnover = Turnover {
            removed: Some(broker),
            ..Turnover::default()
        };
        Self::turnover_records(view, turnover, |partition| {
            let directory = partition.directory_of(broker);
            directory.is_some_and(|directory| directories.contains(&directory))
        })
    }

    /// True if the broker leads a partition.
    pub(super) fn leads_any(view: View<'_>, broker: BrokerId) -> bool {
        each_partition(view.image).any(|(_, _, partition)| partition.leader == Some(broker))
    }
}

/// The record of a change of the partition `index` of `topic`.
pub(super) fn placed(
    record: PartitionChangeRecord,
    topic: &TopicImage,
    index: PartitionIndex,
) -> MetadataRecord {
    let record = PartitionChangeRecord {
        topic_id: topic.id,
        partition_id: index,
        ..record
    };
    record.into()
}
