//! What must hold, whatever happens: every client tells the oracle what it was told, and the oracle
//! tells where two things do not go together.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::model::{Offset, PartitionIndex, ProducerId};

use super::clock::SimulatedTime;
use super::reached::{Reached, ReachedCounts};

/// How much longer than `flush.ms` a record may be without its sync: the shard may be starved, and
/// each of the requests that lead to the write may be slow.
pub const FLUSH_SLACK: Duration = Duration::from_secs(3);

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
    /// A partition has one leader in an epoch, and so has the metadata quorum.
    OneLeaderPerEpoch,
    /// What is committed is on the disks of all replicas in sync.
    InSyncReplicasHaveAll,
    /// What one replica holds for committed is what all have there.
    LogsAreEqual,
    /// Nodes that have read the metadata log as far have read the same.
    ImagesAreEqual,
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

/// What a topic bounds its losses by: `flush.messages` and `flush.ms`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct FlushBounds {
    /// So many acknowledged records are never without their sync.
    pub messages: i64,
    /// So long after it was appended a record's sync begins.
    pub ms: i64,
}

/// How a life of the broker ends.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum LifeEnd {
    /// As the operator wanted, with all that it had in memory written.
    Stopped,
    /// The power went.
    Crashed,
    /// In one of these ways, after the disk had failed or had no room for something.
    Hurt,
}

/// What is known of a partition that acknowledges from memory.
#[derive(Debug)]
struct Relaxed {
    bounds: FlushBounds,
    /// The end of what was acknowledged by when.
    acknowledged: Vec<(Offset, SimulatedTime)>,
    /// No crash may lose what is below.
    kept_end: Offset,
    /// A life has ended, and nobody was told since where the log ends.
    is_end_open: bool,
}

impl Relaxed {
    fn acknowledged_end(&self) -> Offset {
        self.acknowledged.last().map_or(0, |(end, _)| *end)
    }
}

#[derive(Debug, Default)]
struct PartitionFacts {
    relaxed: Option<Relaxed>,
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
    /// Topics of which a request was not answered, and may still be done, however late: other nodes
    /// ask the controller on behalf of clients.
    doubtful: BTreeSet<String>,
    producer_ids: BTreeSet<ProducerId>,
    /// The producers whose records have an order and are there once.
    idempotent: BTreeSet<u32>,
    cluster_id: Option<String>,
    lives_ended: u64,
    /// The records of compacted partitions that somebody has seen, by their digests.
    survivors: BTreeMap<(PartitionName, Offset), u64>,
    reached: ReachedCounts,
    violations: Vec<Violation>,
    facts: u64,
}

impl Oracle {
    /// A client of the cluster came to it.
    pub fn note(&mut self, what: Reached) {
        self.reached.add(what);
    }

    /// What clients came to.
    #[must_use]
    pub const fn reached(&self) -> &ReachedCounts {
        &self.reached
    }

    /// A replica of a compacted partition has this record.
    pub fn on_survivor(&mut self, partition: &PartitionName, offset: Offset, digest: u64) {
        self.facts += 1;
        let place = (partition.clone(), offset);
        if *self.survivors.entry(place).or_insert(digest) != digest {
            let what = format!("{partition:?} {offset}: replicas have other records there");
            self.violate(Rule::RecordsAreWhole, what);
        }
    }

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

    /// The partition acknowledges from memory, within these bounds.
    pub fn on_relaxed(&mut self, partition: &PartitionName, bounds: FlushBounds) {
        let facts = self.partition(partition);
        facts.relaxed.get_or_insert(Relaxed {
            bounds,
            acknowledged: Vec::new(),
            kept_end: 0,
            is_end_open: false,
        });
    }

    /// What such a partition has below `end` was acknowledged, `is_synced` if its topic was to sync
    /// it before.
    pub fn on_relaxed_acknowledged(
        &mut self,
        partition: &PartitionName,
        end: Offset,
        now: SimulatedTime,
        is_synced: bool,
    ) {
        let relaxed = self.partition(partition).relaxed.as_mut();
        let relaxed = relaxed.expect("the partition acknowledges from memory");
        if end > relaxed.acknowledged_end() {
            relaxed.acknowledged.push((end, now));
        }
        if is_synced {
            relaxed.kept_end = relaxed.kept_end.max(end);
        }
    }

    /// How many lives of the broker have ended.
    #[must_use]
    pub const fn lives_ended(&self) -> u64 {
        self.lives_ended
    }

    /// A life of the broker ends.
    pub fn on_life_ended(&mut self, now: SimulatedTime, how: LifeEnd) {
        self.lives_ended += 1;
        let all = self.partitions.values_mut();
        for relaxed in all.filter_map(|facts| facts.relaxed.as_mut()) {
            // Nobody writes before being told where the log ends: in such a life nothing was
            // acknowledged, and it cannot keep what the one before has lost.
            if relaxed.is_end_open {
                continue;
            }
            let bounds = relaxed.bounds;
            let by_number = relaxed.acknowledged_end() - (bounds.messages - 1);
            let longest = Duration::from_millis(bounds.ms.unsigned_abs()) + FLUSH_SLACK;
            let is_kept = |at: SimulatedTime| match how {
                LifeEnd::Stopped => true,
                LifeEnd::Crashed => at.plus(longest) < now,
                LifeEnd::Hurt => false,
            };
            let mut newest = relaxed.acknowledged.iter().rev();
            let kept = newest.find(|(_, at)| is_kept(*at));
            let by_time = kept.map_or(0, |(end, _)| *end);
            relaxed.kept_end = relaxed.kept_end.max(by_number).max(by_time);
            relaxed.is_end_open = true;
        }
    }

    /// What lies behind `end` of a partition that acknowledges from memory may be gone after a
    /// life of the broker.
    fn forget_behind(&mut self, partition: &PartitionName, end: Offset) {
        let facts = self.partition(partition);
        let Some(relaxed) = facts.relaxed.as_mut().filter(|one| one.is_end_open) else {
            return;
        };
        relaxed.is_end_open = false;
        let kept_end = relaxed.kept_end;
        if end >= kept_end {
            relaxed.acknowledged.retain(|(known, _)| *known <= end);
            facts.known.split_off(&end);
            facts.places.retain(|_, offset| *offset < end);
            facts.high_watermark = facts.high_watermark.min(end);
        }
    }

    /// A client is told where the partition ends, at a time when nobody asks for more than it
    /// asked before.
    pub fn on_end(&mut self, partition: &PartitionName, end: Offset) {
        self.facts += 1;
        self.forget_behind(partition, end);
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
        let before = self.topics.insert(topic.to_owned(), TopicState::Changing);
        if before == Some(TopicState::Changing) {
            self.doubtful.insert(topic.to_owned());
        }
    }

    /// A topic was created or deleted, as was acknowledged by a broker that decides itself, or that
    /// asks another.
    pub fn on_topic_changed(&mut self, topic: &str, exists: bool, is_asked_of_others: bool) {
        if is_asked_of_others && self.doubtful.contains(topic) {
            return;
        }
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

    /// A client was told the committed offset, by a node that `knows_newest` or one that may not.
    pub fn on_commit_read(
        &mut self,
        group: &str,
        partition: &PartitionName,
        offset: Option<Offset>,
        knows_newest: bool,
    ) {
        self.facts += 1;
        let Some(facts) = self.commits.get(&(group.to_owned(), partition.clone())) else {
            return;
        };
        let least = facts.acknowledged.filter(|_| knows_newest);
        let most = facts.attempted;
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
