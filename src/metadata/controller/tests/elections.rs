//! Leaders that somebody asks for, and those that are elected from time to time.

use super::brokers::after;
use super::*;
use crate::protocol::messages::ElectLeadersRequest;
use crate::protocol::messages::elect_leaders_request::TopicPartitions;
use crate::stdx::Instant;

const PREFERRED: i8 = 0;
const UNCLEAN: i8 = 1;

impl Cluster {
    /// Topic, partition, code and message of each answer.
    fn elect(
        &mut self,
        kind: i8,
        wanted: Option<(&str, i32)>,
    ) -> Vec<(String, i32, i16, Option<String>)> {
        let topics = wanted.map(|(topic, partition)| {
            vec![TopicPartitions {
                topic: topic.to_owned(),
                partitions: vec![partition],
                ..TopicPartitions::default()
            }]
        });
        let request = ElectLeadersRequest {
            election_type: kind,
            topic_partitions: topics,
            ..ElectLeadersRequest::default()
        };
        let (_, view) = self.deciding();
        let decision = Controller::elect_leaders(view, &request);
        self.replay(&decision.records);
        let topics = decision.response.replica_election_results.into_iter();
        topics
            .flat_map(|topic| {
                let name = topic.topic;
                let partitions = topic.partition_result.into_iter();
                partitions.map(move |told| {
                    let index = told.partition_id;
                    (name.clone(), index, told.error_code, told.error_message)
                })
            })
            .collect()
    }

    fn elect_due(&mut self, now: Instant) {
        loop {
            let (controller, view) = self.deciding();
            let Some(records) = controller.elect_due(view, now) else {
                break;
            };
            self.replay(&records);
        }
    }

    /// The leader of `t` is broker 1 again, though broker 2 comes first.
    fn led_by_the_second(configs: &[(&str, &str)]) -> Self {
        let mut cluster = Self::of_brokers(2);
        cluster.topic_on(&[2, 1], configs);
        cluster.change(|change| change.leader = 1);
        cluster
    }
}

#[test]
fn the_first_replica_leads_again_when_it_is_asked_for() {
    let mut cluster = Cluster::led_by_the_second(&[]);
    let done = [("t".to_owned(), 0, 0, None)];
    assert_eq!(cluster.elect(PREFERRED, Some(("t", 0))), done);
    assert_eq!(cluster.told(), (Some(2), 2, vec![2, 1], 2));
    let text = "Leader election not needed for topic partition.".to_owned();
    let needless = ErrorCode::ElectionNotNeeded.code();
    let told = cluster.elect(PREFERRED, Some(("t", 0)));
    assert_eq!(told, [("t".to_owned(), 0, needless, Some(text))]);
    assert_eq!(
        cluster.elect(PREFERRED, None),
        [],
        "nobody is told what is so"
    );
}

#[test]
fn an_election_that_cannot_be_is_refused_in_kafkas_words() {
    let mut cluster = Cluster::led_by_the_second(&[]);
    cluster.change(|change| change.isr = Some(vec![1]));
    let unknown = ErrorCode::UnknownTopicOrPartition;
    let cases = [
        (PREFERRED, "u", 0, unknown, "No such topic as u"),
        (PREFERRED, "t", 9, unknown, "No such partition as t-9"),
        (
            PREFERRED,
            "t",
            0,
            ErrorCode::PreferredLeaderNotAvailable,
            "The preferred leader was not available.",
        ),
        (
            UNCLEAN,
            "t",
            0,
            ErrorCode::ElectionNotNeeded,
            "Leader election not needed for topic partition.",
        ),
        (
            7,
            "t",
            0,
            ErrorCode::InvalidRequest,
            "Unknown election type 7",
        ),
    ];
    for (kind, topic, index, code, text) in cases {
        let told = cluster.elect(kind, Some((topic, index)));
        let refused = (topic.to_owned(), index, code.code(), Some(text.to_owned()));
        assert_eq!(told, [refused]);
    }
    cluster.change(|change| (change.leader, change.isr) = (-1, Some(vec![2])));
    cluster.change(|change| change.replicas = Some(vec![2]));
    cluster.fence_late(after(9));
    let text = "Eligible topic partition leaders are not available.";
    let code = ErrorCode::EligibleLeadersNotAvailable.code();
    let refused = ("t".to_owned(), 0, code, Some(text.to_owned()));
    assert_eq!(cluster.elect(UNCLEAN, Some(("t", 0))), [refused]);
}

#[test]
fn somebody_may_choose_a_leader_that_lacks_records() {
    let mut cluster = Cluster::led_by_the_second(&[]);
    cluster.change(|change| (change.leader, change.isr) = (2, Some(vec![2])));
    cluster.fence_late(after(9));
    assert_eq!(cluster.told(), (None, 3, vec![2], 3));
    assert_eq!(cluster.elect(UNCLEAN, None), [("t".to_owned(), 0, 0, None)]);
    assert_eq!(cluster.told(), (Some(1), 4, vec![1], 4));
    assert!(cluster.partition().leader_recovering);
}

#[test]
fn preferred_leaders_are_elected_from_time_to_time() {
    let mut cluster = Cluster::led_by_the_second(&[]);
    cluster.elect_due(after(299));
    assert_eq!(cluster.partition().leader, Some(1));
    cluster.beat(2, after(299), |_| {});
    cluster.elect_due(after(300));
    assert_eq!(cluster.told(), (Some(2), 2, vec![2, 1], 2));
    cluster.change(|change| change.leader = 1);
    cluster.elect_due(after(301));
    assert_eq!(cluster.partition().leader, Some(1), "not all the time");
    cluster.elect_due(after(600));
    assert_eq!(cluster.partition().leader, Some(2));
}

#[test]
fn nobody_is_made_to_lead_where_that_is_switched_off() {
    let mut cluster = Cluster::led_by_the_second(&[]);
    cluster.startup.config.auto_leader_rebalance_enable = false;
    let (controller, view) = cluster.deciding();
    controller.begin(view, after(0), OwnBroker::Stays);
    cluster.elect_due(after(1000));
    assert_eq!(cluster.partition().leader, Some(1));
}

#[test]
fn a_partition_that_nobody_leads_is_looked_at_where_its_topic_wants_any_leader() {
    for (setting, leader) in [("true", Some(1)), ("false", None)] {
        let configs = [("unclean.leader.election.enable", setting)];
        let mut cluster = Cluster::led_by_the_second(&configs);
        cluster.fence_late(after(9));
        cluster.change(|change| (change.leader, change.isr) = (-1, Some(vec![2])));
        cluster.elect_due(after(300));
        assert_eq!(cluster.partition().leader, leader);
    }
}

#[test]
fn new_partitions_are_spread_over_the_brokers_that_run() {
    let mut cluster = Cluster::of_brokers(4);
    cluster.beat(4, after(1), |beat| beat.want_fence = true);
    assert_eq!(cluster.create(&[topic("t", 6, 2)]), [(0, None)]);
    let mut counts = [0; 5];
    for partition in cluster.image.topic("t").unwrap().partitions.values() {
        assert_eq!(partition.replicas, partition.isr);
        assert_eq!(partition.leader, partition.replicas.first().copied());
        for broker in &partition.replicas {
            counts[usize::try_from(*broker).unwrap()] += 1;
        }
    }
    assert_eq!(counts, [0, 4, 4, 4, 0]);
    let wide = topic("w", 1, 4);
    assert_eq!(cluster.create(&[wide]), [(0, None)]);
    let wide = cluster.image.topic("w").unwrap();
    let wide = wide.partitions.get(&0).unwrap();
    assert_eq!(
        (wide.replicas[3], wide.isr.len()),
        (4, 3),
        "the fenced one is last"
    );
    let (code, text) = cluster.refusal(topic("x", 1, 5));
    assert_eq!(code, ErrorCode::InvalidReplicationFactor.code());
    assert!(text.contains("only 4 broker(s) are registered"), "{text}");
}

#[test]
fn a_broker_whose_directories_are_all_cordoned_is_given_nothing() {
    let mut cluster = Cluster::of_brokers(2);
    cluster.beat(2, after(1), |beat| {
        beat.cordoned_log_dirs = Some(vec![directory(20)]);
    });
    assert_eq!(cluster.create(&[topic("t", 4, 1)]), [(0, None)]);
    let topic = cluster.image.topic("t").unwrap();
    assert!(topic.partitions.values().all(|one| one.replicas == [1]));
}

#[test]
fn a_topic_without_a_factor_has_the_brokers_default() {
    let mut cluster = Cluster::of_brokers(3);
    cluster.startup.config.default_replication_factor = 3;
    assert_eq!(cluster.create(&[topic("t", 1, -1)]), [(0, None)]);
    assert_eq!(cluster.partition().replicas.len(), 3);
}

#[test]
fn partitions_that_are_added_have_as_many_replicas_as_the_others() {
    let mut cluster = Cluster::of_brokers(3);
    cluster.topic_on(&[2, 3], &[]);
    let more = CreatePartitionsTopic {
        name: "t".to_owned(),
        count: 3,
        assignments: None,
        ..CreatePartitionsTopic::default()
    };
    assert_eq!(cluster.add(more), (0, None, 2));
    let topic = cluster.image.topic("t").unwrap();
    assert!(topic.partitions.values().all(|one| one.replicas.len() == 2));
}

#[test]
fn a_chosen_broker_that_is_fenced_is_no_leader_and_one_must_run() {
    let mut cluster = Cluster::of_brokers(3);
    cluster.beat(2, after(1), |beat| beat.want_fence = true);
    cluster.topic_on(&[2, 3], &[]);
    assert_eq!(cluster.told(), (Some(3), 0, vec![3], 0));
    let mut alone = assigned(-1, -1, &[(0, &[2])]);
    alone.name = "alone".to_owned();
    let (code, text) = cluster.refusal(alone);
    assert_eq!(code, ErrorCode::InvalidReplicaAssignment.code());
    assert!(text.ends_with("partition 0 are fenced or in controlled shutdown."));
}
