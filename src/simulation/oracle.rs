//! What must hold, whatever happens: every client tells the oracle what it was told, and the oracle
//! tells where two things do not go together.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{Offset, PartitionIndex, ProducerId};

/// A promise of the broker.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Rule {
    /// What was acknowledged, or seen by a consumer, is there for good.
    NothingIsLost,
    /// An offset has one record for ever.
    OffsetsAreNotReused,
    /// A consumer meets every offset, one after the other.
    OffsetsAreDense,
    /// A record is what its producer sent.
    RecordsAreWhole,
    /// An idempotent producer's record is there once.
    NoDuplicates,
    /// An idempotent producer's records have their order.
    RecordsKeepTheirOrder,
    /// The answers of a connection come in the order of its requests, and are answers to them.
    AnswersInOrder,
    /// A producer that keeps to the protocol is not refused.
    NoWrongRefusal,
    /// A committed offset that was acknowledged is there for good.
    CommitsAreKept,
    /// A topic that was created is there, one that was deleted is not.
    TopicsAreKept,
    /// A producer id is given out once.
    ProducerIdsAreUnique,
    /// The high watermark never goes back.
    HighWatermarkStays,
    /// The broker starts and runs on a disk that works.
    BrokerRuns,
    /// When the faults have stopped, everything gets done.
    EverythingEnds,
    /// Queues are bounded, and so are open files.
    MemoryIsBounded,
}

/// A promise that was broken.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Violation {
    /// Which.
    pub rule: Rule,
    /// How.
    pub what: String,
}

/// A partition by the name of its topic.
pub type PartitionName = (String, PartitionIndex);

/// What names a record for good: its producer's number and its own, per partition.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct RecordName {
    /// The producer.
    pub producer: u32,
    /// Which of the producer's records of the partition it is, from zero.
    pub number: u32,
}

#[derive(Debug, Default)]
struct PartitionFacts {
    /// What was sent: a digest of the bytes.
    sent: BTreeMap<RecordName, u64>,
    /// What was acknowledged or seen.
    known: BTreeMap<Offset, RecordName>,
    places: BTreeMap<RecordName, Offset>,
    /// Records that their producer had to send a second time under another id.
    repeated: BTreeSet<RecordName>,
    /// The largest offset before which somebody asked to delete.
    deletable_before: Offset,
    high_watermark: Offset,
}

#[derive(Debug, Default)]
struct CommitFacts {
    acknowledged: Option<Offset>,
    attempted: Offset,
}

#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
enum TopicState {
    #[default]
    Unknown,
    Exists,
    /// Being created or deleted: either is right.
    Changing,
    Gone,
}

/// What clients know, and what does not go together.
#[derive(Debug, Default)]
pub struct Oracle {
    partitions: BTreeMap<PartitionName, PartitionFacts>,
    commits: BTreeMap<(String, PartitionName), CommitFacts>,
    topics: BTreeMap<String, TopicState>,
    producer_ids: BTreeSet<ProducerId>,
    /// The producers whose records have an order and are there once.
    idempotent: BTreeSet<u32>,
    cluster_id: Option<String>,
    violations: Vec<Violation>,
    facts: u64,
}

impl Oracle {
    /// A promise was broken.
    pub fn violate(&mut self, rule: Rule, what: String) {
        self.violations.push(Violation { rule, what });
    }

    /// What was broken so far.
    #[must_use]
    pub fn violations(&self) -> &[Violation] {
        &self.violations
    }

    /// How many facts were checked.
    #[must_use]
    pub const fn facts(&self) -> u64 {
        self.facts
    }

    fn partition(&mut self, name: &PartitionName) -> &mut PartitionFacts {
        if !self.partitions.contains_key(name) {
            self.partitions
                .insert(name.clone(), PartitionFacts::default());
        }
        self.partitions
            .get_mut(name)
            .expect("it was just put there")
    }

    /// This producer's records have an order and are there once.
    pub fn on_idempotent(&mut self, producer: u32) {
        self.idempotent.insert(producer);
    }

    /// A producer is about to send a record.
    pub fn on_sent(&mut self, partition: &PartitionName, name: RecordName, digest: u64) {
        self.partition(partition).sent.insert(name, digest);
    }

    /// A producer could not learn whether its record is there, and sends it anew.
    pub fn on_repeated(&mut self, partition: &PartitionName, name: RecordName) {
        self.partition(partition).repeated.insert(name);
    }

    /// The record is at `offset`: its producer was told so, or a consumer has seen it.
    fn on_known(&mut self, partition: &PartitionName, offset: Offset, name: RecordName) {
        self.facts += 1;
        let is_idempotent = self.idempotent.contains(&name.producer);
        let facts = self.partition(partition);
        let before = facts.known.insert(offset, name);
        let place = *facts.places.entry(name).or_insert(offset);
        let is_repeated = facts.repeated.contains(&name);
        if let Some(before) = before
            && before != name
        {
            let what = format!("{partition:?} {offset}: first {before:?}, then {name:?}");
            self.violate(Rule::OffsetsAreNotReused, what);
        }
        if place != offset && is_idempotent && !is_repeated {
            let what = format!("{partition:?}: {name:?} is at {place} and at {offset}");
            self.violate(Rule::NoDuplicates, what);
        }
    }

    /// The records from `base_offset` on were acknowledged.
    pub fn on_acknowledged(
        &mut self,
        partition: &PartitionName,
        base_offset: Offset,
        names: impl Iterator<Item = RecordName>,
    ) {
        for (offset, name) in (base_offset..).zip(names) {
            self.on_known(partition, offset, name);
        }
    }

    /// A consumer has seen a record; `name` is `None` if it does not say its name.
    pub fn on_seen(
        &mut self,
        partition: &PartitionName,
        offset: Offset,
        name: Option<RecordName>,
        digest: u64,
    ) {
        let sent = name.and_then(|name| self.partition(partition).sent.get(&name).copied());
        match name {
            Some(name) if sent == Some(digest) => self.on_known(partition, offset, name),
            _ => {
                let what = format!("{partition:?} {offset}: {name:?} is not what was sent");
                self.violate(Rule::RecordsAreWhole, what);
            }
        }
    }

    /// A client was told the high watermark.
    pub fn on_high_watermark(&mut self, partition: &PartitionName, high_watermark: Offset) {
        let facts = self.partition(partition);
        facts.high_watermark = facts.high_watermark.max(high_watermark);
    }

    /// A client is told where the partition ends, at a time when nobody asks for more than it
    /// asked before.
    pub fn on_end(&mut self, partition: &PartitionName, end: Offset) {
        self.facts += 1;
        let facts = self.partition(partition);
        let told = facts.high_watermark;
        let known = facts
            .known
            .last_key_value()
            .map(|(offset, name)| (*offset, *name));
        if let Some((offset, name)) = known
            && offset >= end
        {
            let what = format!("{partition:?} ends at {end}, but {offset} was {name:?}");
            self.violate(Rule::NothingIsLost, what);
        }
        if told > end {
            let what = format!("{partition:?} ends at {end}, after {told}");
            self.violate(Rule::HighWatermarkStays, what);
        }
    }

    /// A client asks to delete what lies before `offset`.
    pub fn on_delete_records(&mut self, partition: &PartitionName, offset: Offset) {
        let facts = self.partition(partition);
        facts.deletable_before = facts.deletable_before.max(offset);
    }

    /// True if somebody asked to delete the record at `offset`. A start that was moved may move
    /// back with a crash: it is written down from time to time only.
    #[must_use]
    pub fn may_be_deleted(&self, partition: &PartitionName, offset: Offset) -> bool {
        let facts = self.partitions.get(partition);
        facts.is_some_and(|facts| offset < facts.deletable_before)
    }

    /// A client is told where the partition starts.
    pub fn on_start(&mut self, partition: &PartitionName, start: Offset) {
        self.facts += 1;
        let allowed = self.partition(partition).deletable_before;
        if start > allowed {
            let what = format!("{partition:?} starts at {start}, allowed was {allowed}");
            self.violate(Rule::NothingIsLost, what);
        }
    }

    /// A producer got this id.
    pub fn on_producer_id(&mut self, id: ProducerId) {
        self.facts += 1;
        if !self.producer_ids.insert(id) {
            self.violate(
                Rule::ProducerIdsAreUnique,
                format!("{id} was given out twice"),
            );
        }
    }

    /// A client was told the cluster's id.
    pub fn on_cluster_id(&mut self, id: Option<&str>) {
        let known = self
            .cluster_id
            .get_or_insert_with(|| id.unwrap_or_default().to_owned());
        if id != Some(known) {
            let what = format!("the cluster was {known}, now it is {id:?}");
            self.violate(Rule::TopicsAreKept, what);
        }
    }

    /// A client asks to create or delete a topic.
    pub fn on_topic_changing(&mut self, topic: &str) {
        self.topics.insert(topic.to_owned(), TopicState::Changing);
    }

    /// A topic was created or deleted, as was acknowledged.
    pub fn on_topic_changed(&mut self, topic: &str, exists: bool) {
        let state = if exists {
            TopicState::Exists
        } else {
            TopicState::Gone
        };
        self.topics.insert(topic.to_owned(), state);
        if !exists {
            self.partitions.retain(|(name, _), _| name != topic);
        }
    }

    /// A client was told whether a topic exists.
    pub fn on_topic(&mut self, topic: &str, exists: bool) {
        self.facts += 1;
        let wrong = match self.topics.get(topic) {
            Some(TopicState::Exists) => !exists,
            Some(TopicState::Gone) => exists,
            Some(TopicState::Changing | TopicState::Unknown) | None => false,
        };
        if wrong {
            let what = format!("{topic} exists: {exists}");
            self.violate(Rule::TopicsAreKept, what);
        }
    }

    /// The topics that somebody created or deleted.
    pub fn topics(&self) -> impl Iterator<Item = &str> {
        self.topics.keys().map(String::as_str)
    }

    /// A group is about to commit an offset; it commits no smaller one later.
    pub fn on_commit_attempted(&mut self, group: &str, partition: &PartitionName, offset: Offset) {
        let key = (group.to_owned(), partition.clone());
        let facts = self.commits.entry(key).or_default();
        facts.attempted = facts.attempted.max(offset);
    }

    /// The commit was acknowledged.
    pub fn on_committed(&mut self, group: &str, partition: &PartitionName, offset: Offset) {
        self.facts += 1;
        let key = (group.to_owned(), partition.clone());
        let facts = self.commits.entry(key).or_default();
        facts.acknowledged = facts.acknowledged.max(Some(offset));
    }

    /// A client was told the committed offset.
    pub fn on_commit_read(
        &mut self,
        group: &str,
        partition: &PartitionName,
        offset: Option<Offset>,
    ) {
        self.facts += 1;
        let Some(facts) = self.commits.get(&(group.to_owned(), partition.clone())) else {
            return;
        };
        let (least, most) = (facts.acknowledged, facts.attempted);
        if offset < least || offset > Some(most) {
            let what =
                format!("{group} {partition:?}: {offset:?} is committed, not {least:?} to {most}");
            self.violate(Rule::CommitsAreKept, what);
        }
    }

    /// Everything was read for the last time: the order of what is there.
    pub fn check_order(&mut self) {
        let mut found = Vec::new();
        for (partition, facts) in &self.partitions {
            let mut last: BTreeMap<u32, (u32, Offset)> = BTreeMap::new();
            for (offset, name) in &facts.known {
                if !self.idempotent.contains(&name.producer) || facts.repeated.contains(name) {
                    continue;
                }
                let before = last.insert(name.producer, (name.number, *offset));
                if let Some((number, at)) = before
                    && name.number <= number
                {
                    found.push(format!(
                        "{partition:?}: number {number} of {} at {at}, {} at {offset}",
                        name.producer, name.number
                    ));
                }
            }
        }
        for what in found {
            self.violate(Rule::RecordsKeepTheirOrder, what);
        }
    }
}
