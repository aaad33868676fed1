//! Elections that somebody asks for, `ElectLeaders`, and those that happen from time to time: of
//! preferred leaders, and of any where a topic wants one whatever is lost (KIP-460).

use std::time::Duration;

use crate::model::{ErrorCode, PartitionIndex};
use crate::protocol::messages::elect_leaders_response::{PartitionResult, ReplicaElectionResult};
use crate::protocol::messages::{
    ElectLeadersRequest, ElectLeadersResponse, MetadataRecord, PartitionChangeRecord,
};
use crate::stdx::Instant;

use super::super::image::{PartitionRegistration, TopicImage};
use super::elections::{ElectionRules, placed};
use super::partition_change::{Election, PartitionChange};
use super::{Controller, Decision, RECORDS_MAX, Refusal, View};

/// Elections that are made at once, as in Kafka; the others follow in the next turn.
const ELECTIONS_MAX: usize = 1000;

/// When the next elections are due that nobody asks for.
#[derive(Clone, Copy, Debug)]
pub(super) struct ElectionTimes {
    preferred_at: Instant,
    unclean_at: Instant,
}

impl Default for ElectionTimes {
    fn default() -> Self {
        Self {
            preferred_at: Instant::MAX,
            unclean_at: Instant::MAX,
        }
    }
}

impl ElectionTimes {
    /// A controller begins.
    pub(super) fn begin(view: View<'_>, now: Instant) -> Self {
        Self {
            preferred_at: now + preferred_interval(view),
            unclean_at: now + unclean_interval(view),
        }
    }

    /// When the next of them is due.
    pub(super) fn next_deadline(&self) -> Instant {
        self.preferred_at.min(self.unclean_at)
    }
}

fn preferred_interval(view: View<'_>) -> Duration {
    if !view.config.auto_leader_rebalance_enable {
        return Duration::MAX;
    }
    let seconds = u64::try_from(view.config.leader_imbalance_check_interval_seconds);
    seconds.map_or(Duration::MAX, Duration::from_secs)
}

fn unclean_interval(view: View<'_>) -> Duration {
    let interval_ms = u64::try_from(view.config.unclean_leader_election_interval_ms);
    interval_ms.map_or(Duration::MAX, Duration::from_millis)
}

impl Controller {
    /// Decide on elections that a client asks for.
    pub(crate) fn elect_leaders(
        view: View<'_>,
        request: &ElectLeadersRequest,
    ) -> Decision<ElectLeadersResponse> {
        let mut decision = Decision::refused(ElectLeadersResponse::default());
        let election = match request.election_type {
            0 => Election::Preferred,
            1 => Election::Unclean,
            other => {
                let text = format!("Unknown election type {other}");
                let refusal = Refusal::new(ErrorCode::InvalidRequest, text);
                decision.response = refuse_elections(request, &refusal);
                return decision;
            }
        };
        match &request.topic_partitions {
            Some(wanted) => {
                for wanted in wanted {
                    let topic = view.image.topic(&wanted.topic);
                    let mut results = results(&wanted.topic);
                    for index in &wanted.partitions {
                        let result = match topic {
                            Some(topic) => elect_asked(view, topic, *index, election),
                            None => Err(Refusal::new(
                                ErrorCode::UnknownTopicOrPartition,
                                format!("No such topic as {}", wanted.topic),
                            )),
                        };
                        note(&mut decision.records, &mut results, *index, result);
                    }
                    decision.response.replica_election_results.push(results);
                }
            }
            None => {
                for topic in view.image.topics.values() {
                    let mut results = results(&topic.name);
                    for index in topic.partitions.keys() {
                        let result = elect_asked(view, topic, *index, election);
                        let is_needed = !matches!(
                            &result,
                            Err(refusal) if refusal.code == ErrorCode::ElectionNotNeeded
                        );
                        if is_needed {
                            note(&mut decision.records, &mut results, *index, result);
                        }
                    }
                    decision.response.replica_election_results.push(results);
                }
            }
        }
        if decision.records.len() > RECORDS_MAX {
            let text = "Unable to perform excessively large batch operation.";
            let refusal = Refusal::new(ErrorCode::PolicyViolation, text);
            decision = Decision::refused(refuse_elections(request, &refusal));
        }
        decision
    }

    /// The records of the elections that are due by now, of which nothing is known until they are
    /// in the image; `None` if none is.
    pub(crate) fn elect_due(
        &mut self,
        view: View<'_>,
        now: Instant,
    ) -> Option<Vec<MetadataRecord>> {
        let (election, interval, next_at) = if self.elections.preferred_at <= now {
            let next_at = &mut self.elections.preferred_at;
            (Election::Preferred, preferred_interval(view), next_at)
        } else if self.elections.unclean_at <= now {
            let next_at = &mut self.elections.unclean_at;
            (Election::Unclean, unclean_interval(view), next_at)
        } else {
            return None;
        };
        let mut records = Vec::new();
        for topic in view.image.topics.values() {
            let mut rules = None;
            for (index, partition) in topic.partitions.iter() {
                if records.len() >= ELECTIONS_MAX {
                    return Some(records);
                }
                if is_wanting(partition, election) {
                    let rules = *rules.get_or_insert_with(|| ElectionRules::of(view, topic));
                    let may_elect = election == Election::Preferred || rules.election() == election;
                    let record = may_elect.then(|| elect(view, partition, rules, election));
                    let record = record.flatten();
                    records.extend(record.map(|record| placed(record, topic, *index)));
                }
            }
        }
        *next_at = now + interval;
        Some(records)
    }
}

/// True if an election of this kind could change who leads.
fn is_wanting(partition: &PartitionRegistration, election: Election) -> bool {
    match election {
        Election::Preferred => partition.leader != partition.replicas.first().copied(),
        Election::Online | Election::Unclean => partition.leader.is_none(),
    }
}

fn elect(
    view: View<'_>,
    partition: &PartitionRegistration,
    rules: ElectionRules,
    election: Election,
) -> Option<PartitionChangeRecord> {
    let change = PartitionChange::of(partition, rules.min_isr).elect(election);
    change.record(&|broker| view.may_lead(partition, broker))
}

fn elect_asked(
    view: View<'_>,
    topic: &TopicImage,
    index: PartitionIndex,
    election: Election,
) -> Result<MetadataRecord, Refusal> {
    let partition = topic.partitions.get(&index).ok_or_else(|| {
        let text = format!("No such partition as {}-{index}", topic.name);
        Refusal::new(ErrorCode::UnknownTopicOrPartition, text)
    })?;
    if !is_wanting(partition, election) {
        return Err(told(ErrorCode::ElectionNotNeeded));
    }
    let record = elect(view, partition, ElectionRules::of(view, topic), election);
    let record = record.ok_or_else(|| {
        told(match election {
            Election::Preferred => ErrorCode::PreferredLeaderNotAvailable,
            Election::Online | Election::Unclean => ErrorCode::EligibleLeadersNotAvailable,
        })
    })?;
    Ok(placed(record, topic, index))
}

/// The answer to elections of which none happens.
pub(crate) fn refuse_elections(
    request: &ElectLeadersRequest,
    refusal: &Refusal,
) -> ElectLeadersResponse {
    let topics = request.topic_partitions.iter().flatten();
    let topics = topics.map(|topic| {
        let partitions = topic.partitions.iter();
        let partitions = partitions.map(|index| PartitionResult {
            partition_id: *index,
            error_code: refusal.code.code(),
            error_message: refusal.message.clone(),
            ..PartitionResult::default()
        });
        ReplicaElectionResult {
            partition_result: partitions.collect(),
            ..results(&topic.topic)
        }
    });
    ElectLeadersResponse {
        error_code: refusal.code.code(),
        replica_election_results: topics.collect(),
        ..ElectLeadersResponse::default()
    }
}

/// A refusal in the words that Kafka has for its code.
fn told(code: ErrorCode) -> Refusal {
    let text = match code {
        ErrorCode::ElectionNotNeeded => "Leader election not needed for topic partition.",
        ErrorCode::PreferredLeaderNotAvailable => "The preferred leader was not available.",
        _ => "Eligible topic partition leaders are not available.",
    };
    Refusal::new(code, text)
}

fn results(topic: &str) -> ReplicaElectionResult {
    ReplicaElectionResult {
        topic: topic.to_owned(),
        ..ReplicaElectionResult::default()
    }
}

fn note(
    records: &mut Vec<MetadataRecord>,
    results: &mut ReplicaElectionResult,
    partition_id: PartitionIndex,
    result: Result<MetadataRecord, Refusal>,
) {
    let mut told = PartitionResult {
        partition_id,
        error_message: None,
        ..PartitionResult::default()
    };
    match result {
        Ok(record) => records.push(record),
        Err(refusal) => {
            told.error_code = refusal.code.code();
            told.error_message = refusal.message;
        }
    }
    results.partition_result.push(told);
}
