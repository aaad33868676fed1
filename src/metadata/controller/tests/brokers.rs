//! Several brokers: who may join, who leads when they come, are not heard of, and go.

use std::time::Duration;

use super::*;
use crate::metadata::PartitionRegistration;
use crate::protocol::messages::broker_registration_request::{Feature, Listener};
use crate::protocol::messages::{
    BrokerHeartbeatRequest, BrokerHeartbeatResponse, BrokerRegistrationRequest,
    BrokerRegistrationResponse, PartitionChangeRecord, UnregisterBrokerRequest,
};
use crate::stdx::Instant;

pub(super) const SESSION: Duration = Duration::from_secs(9);

pub(super) fn after(seconds: u64) -> Instant {
    Instant::from_nanos(seconds * 1_000_000_000)
}

/// What a broker of Apache Kafka registers with; its incarnation is the number `life`.
pub(super) fn registration(id: BrokerId, life: u8) -> BrokerRegistrationRequest {
    let feature = |name: &str, min, max| Feature {
        name: name.to_owned(),
        min_supported_version: min,
        max_supported_version: max,
        ..Feature::default()
    };
    BrokerRegistrationRequest {
        broker_id: id,
        cluster_id: "cluster".to_owned(),
        incarnation_id: directory(life),
        listeners: vec![Listener {
            name: "PLAINTEXT".to_owned(),
            host: "host".to_owned(),
            port: 9092,
            ..Listener::default()
        }],
        features: vec![
            feature("metadata.version", 7, 30),
            feature("kraft.version", 0, 1),
            feature("eligible.leader.replicas.version", 0, 1),
        ],
        log_dirs: vec![directory(u8::try_from(id).unwrap() * 10)],
        rack: None,
        previous_broker_epoch: -1,
        ..BrokerRegistrationRequest::default()
    }
}

impl Cluster {
    /// The controller begins at the beginning of time, and knows the settings of eligible leader
    /// replicas.
    pub(super) fn begun() -> Self {
        let mut cluster = Self::new();
        cluster.image.cluster_id = "cluster".into();
        cluster.image.end_offset = 100;
        let (controller, view) = cluster.deciding();
        controller.begin(view, after(0), OwnBroker::Stays);
        cluster
    }

    /// Brokers 2 to `last` run beside the broker 1.
    pub(super) fn of_brokers(last: BrokerId) -> Self {
        let mut cluster = Self::begun();
        for id in 2..=last {
            cluster.join(id, u8::try_from(id).unwrap(), after(0));
        }
        cluster
    }

    pub(super) fn register(
        &mut self,
        request: &BrokerRegistrationRequest,
        now: Instant,
    ) -> BrokerRegistrationResponse {
        let next_offset = self.image.end_offset;
        let (controller, view) = self.deciding();
        let decision = controller.register_broker(view, now, (request, 4), next_offset);
        self.replay(&decision.records);
        self.image.end_offset += i64::try_from(decision.records.len()).unwrap();
        let response = decision.response;
        if response.error_code == 0 {
            let (epoch, offset) = (response.broker_epoch, self.image.end_offset - 1);
            self.controller
                .on_registered(request.broker_id, epoch, offset);
        }
        response
    }

    /// A heartbeat of a broker that has seen every record, with what else `edit` says.
    pub(super) fn beat(
        &mut self,
        id: BrokerId,
        now: Instant,
        edit: impl FnOnce(&mut BrokerHeartbeatRequest),
    ) -> BrokerHeartbeatResponse {
        let epoch = self.image.brokers.get(&id).map(|broker| broker.epoch);
        let mut request = BrokerHeartbeatRequest {
            broker_id: id,
            broker_epoch: epoch.unwrap_or(-1),
            current_metadata_offset: self.image.end_offset - 1,
            ..BrokerHeartbeatRequest::default()
        };
        edit(&mut request);
        let (controller, view) = self.deciding();
        let decision = controller.broker_heartbeat(view, now, &request);
        self.replay(&decision.records);
        self.image.end_offset += i64::try_from(decision.records.len()).unwrap();
        let offset = self.image.end_offset - 1;
        let controller = &mut self.controller;
        controller.on_heartbeat_noted(&request, &decision.response, offset);
        decision.response
    }

    /// A broker registers and its fence is lifted.
    pub(super) fn join(&mut self, id: BrokerId, life: u8, now: Instant) {
        assert_eq!(self.register(&registration(id, life), now).error_code, 0);
        assert!(!self.beat(id, now, |_| {}).is_fenced);
    }

    /// Fence whoever was not heard of until `now`.
    pub(super) fn fence_late(&mut self, now: Instant) {
        loop {
            let (controller, view) = self.deciding();
            let Some(records) = controller.fence_next(view, now) else {
                break;
            };
            self.replay(&records);
            self.image.end_offset += i64::try_from(records.len()).unwrap();
        }
    }

    /// A topic `t` of one partition on these brokers, with these settings.
    pub(super) fn topic_on(&mut self, brokers: &[BrokerId], configs: &[(&str, &str)]) {
        let mut topic = assigned(-1, -1, &[(0, brokers)]);
        topic.name = "t".to_owned();
        let configs = configs.iter();
        topic.configs = configs
            .map(|(name, value)| CreatableTopicConfig {
                name: (*name).to_owned(),
                value: Some((*value).to_owned()),
                ..CreatableTopicConfig::default()
            })
            .collect();
        assert_eq!(self.create(&[topic]), [(0, None)]);
    }

    pub(super) fn partition(&self) -> PartitionRegistration {
        let topic = self.image.topic("t").unwrap();
        topic.partitions.get(&0).unwrap().as_ref().clone()
    }

    /// Leader, leader epoch, in-sync set and partition epoch of the partition.
    pub(super) fn told(&self) -> (Option<BrokerId>, i32, Vec<BrokerId>, i32) {
        let partition = self.partition();
        (
            partition.leader,
            partition.leader_epoch,
            partition.isr,
            partition.partition_epoch,
        )
    }

    /// Write a change of the partition.
    pub(super) fn change(&mut self, edit: impl FnOnce(&mut PartitionChangeRecord)) {
        let mut record = PartitionChangeRecord {
            topic_id: self.image.topic("t").unwrap().id,
            ..PartitionChangeRecord::default()
        };
        record.partition_id = 0;
        edit(&mut record);
        self.replay(&[record.into()]);
    }

    fn unregister(&mut self, id: BrokerId) -> (i16, Option<String>) {
        let request = UnregisterBrokerRequest {
            broker_id: id,
            ..UnregisterBrokerRequest::default()
        };
        let (controller, view) = self.deciding();
        let decision = controller.unregister_broker(view, &request);
        self.replay(&decision.records);
        (
            decision.response.error_code,
            decision.response.error_message,
        )
    }
}

#[test]
fn a_broker_is_fenced_until_it_has_seen_its_registration() {
    let mut cluster = Cluster::begun();
    let registered = cluster.register(&registration(2, 2), after(0));
    assert_eq!((registered.error_code, registered.broker_epoch), (0, 100));
    assert!(cluster.image.brokers.get(&2).unwrap().fenced);
    let behind = cluster.beat(2, after(1), |beat| beat.current_metadata_offset = 99);
    assert_eq!((behind.is_caught_up, behind.is_fenced), (false, true));
    let waits = cluster.beat(2, after(1), |beat| beat.want_fence = true);
    assert_eq!((waits.is_caught_up, waits.is_fenced), (true, true));
    let ready = cluster.beat(2, after(1), |_| {});
    assert_eq!((ready.is_caught_up, ready.is_fenced), (true, false));
    let broker = cluster.image.brokers.get(&2).unwrap();
    assert_eq!((broker.fenced, broker.epoch), (false, 100));
    assert_eq!(broker.directories, [directory(20)]);
    assert!(
        cluster
            .beat(2, after(2), |beat| beat.want_fence = true)
            .is_fenced
    );
    assert!(cluster.image.brokers.get(&2).unwrap().fenced);
}

#[test]
fn a_registration_that_cannot_be_is_refused_with_kafkas_code() {
    type Edit = fn(&mut BrokerRegistrationRequest);
    let cases: [(ErrorCode, Edit); 9] = [
        (ErrorCode::InconsistentClusterId, |request| {
            request.cluster_id = "other".to_owned();
        }),
        (ErrorCode::DuplicateBrokerRegistration, |request| {
            request.broker_id = 1;
        }),
        (ErrorCode::BrokerIdNotRegistered, |request| {
            request.is_migrating_zk_broker = true;
        }),
        (ErrorCode::InvalidRegistration, |request| {
            request.log_dirs.clear();
        }),
        (ErrorCode::InvalidRegistration, |request| {
            request.log_dirs = vec![Uuid::ZERO];
        }),
        (ErrorCode::InvalidRegistration, |request| {
            request.log_dirs = vec![directory(9), directory(9)];
        }),
        (ErrorCode::InvalidRegistration, |request| {
            // It is one of broker 1.
            request.log_dirs = vec![directory(2)];
        }),
        (ErrorCode::InvalidRegistration, |request| {
            request.features.retain(|one| one.name == "kraft.version");
        }),
        (ErrorCode::UnsupportedVersion, |request| {
            request.features[0].max_supported_version = 29;
        }),
    ];
    let mut cluster = Cluster::begun();
    for (code, edit) in cases {
        let mut request = registration(2, 2);
        edit(&mut request);
        let refused = cluster.register(&request, after(0));
        assert_eq!(refused.error_code, code.code(), "{request:?}");
        assert_eq!(refused.broker_epoch, -1);
    }
    assert!(!cluster.image.brokers.contains_key(&2));
}

#[test]
fn a_broker_that_does_not_know_a_finalized_feature_is_refused() {
    let mut cluster = Cluster::begun();
    let level = ("transaction.version".to_owned(), 2);
    cluster.replay(&Controller::bootstrap_records(&[level]));
    let unsupported = ErrorCode::UnsupportedVersion.code();
    let mut request = registration(2, 2);
    assert_eq!(cluster.register(&request, after(0)).error_code, unsupported);
    request.features.push(Feature {
        name: "transaction.version".to_owned(),
        max_supported_version: 2,
        ..Feature::default()
    });
    assert_eq!(cluster.register(&request, after(0)).error_code, 0);
}

#[test]
fn an_id_is_another_brokers_only_when_the_first_is_not_heard_of_any_more() {
    let mut cluster = Cluster::of_brokers(2);
    let mut other = registration(2, 99);
    let duplicate = ErrorCode::DuplicateBrokerRegistration.code();
    assert_eq!(cluster.register(&other, after(8)).error_code, duplicate);
    let before = cluster.image.brokers.get(&2).unwrap().epoch;
    let again = cluster.register(&registration(2, 2), after(8));
    assert_eq!((again.error_code, again.broker_epoch), (0, before));
    let known = cluster.image.brokers.get(&2).unwrap();
    assert_eq!(
        (known.epoch, known.fenced),
        (before, false),
        "it stays as it was"
    );
    other.previous_broker_epoch = 0;
    let taken = cluster.register(&other, after(0) + SESSION);
    assert_eq!(taken.error_code, 0);
    assert!(taken.broker_epoch > before);
    assert!(cluster.image.brokers.get(&2).unwrap().fenced);
}

#[test]
fn a_heartbeat_of_another_life_is_stale() {
    let mut cluster = Cluster::of_brokers(2);
    let stale = ErrorCode::StaleBrokerEpoch.code();
    let beat = cluster.beat(2, after(1), |beat| beat.broker_epoch -= 1);
    assert_eq!((beat.error_code, beat.is_fenced), (stale, true));
    assert_eq!(cluster.beat(3, after(1), |_| {}).error_code, stale);
}

#[test]
fn a_broker_that_is_not_heard_of_leaves_what_it_leads_to_those_in_sync() {
    let mut cluster = Cluster::of_brokers(3);
    cluster.topic_on(&[2, 3, 1], &[]);
    assert_eq!(cluster.told(), (Some(2), 0, vec![2, 3, 1], 0));
    cluster.beat(3, after(5), |_| {});
    assert_eq!(cluster.controller.next_deadline(), after(9));
    cluster.fence_late(after(9));
    assert_eq!(cluster.told(), (Some(3), 1, vec![3, 1], 1));
    assert!(cluster.image.brokers.get(&2).unwrap().fenced);
    assert_eq!(cluster.controller.next_deadline(), after(14));
    cluster.beat(2, after(10), |_| {});
    assert_eq!(
        cluster.told(),
        (Some(3), 1, vec![3, 1], 1),
        "it is a follower"
    );
    cluster.fence_late(after(14));
    assert_eq!(cluster.told(), (Some(1), 2, vec![1], 2));
}

#[test]
fn a_follower_that_is_fenced_leaves_the_in_sync_set_and_no_leader_changes() {
    let mut cluster = Cluster::of_brokers(3);
    cluster.topic_on(&[1, 2, 3], &[]);
    cluster.beat(3, after(5), |_| {});
    cluster.fence_late(after(9));
    assert_eq!(cluster.told(), (Some(1), 0, vec![1, 3], 1));
}

#[test]
fn the_last_in_sync_replica_stays_so_and_leads_when_it_is_back() {
    let mut cluster = Cluster::of_brokers(3);
    cluster.topic_on(&[2, 3], &[]);
    cluster.beat(2, after(5), |_| {});
    cluster.fence_late(after(9));
    assert_eq!(cluster.told(), (Some(2), 0, vec![2], 1));
    cluster.fence_late(after(14));
    assert_eq!(cluster.told(), (None, 1, vec![2], 2));
    cluster.beat(3, after(15), |_| {});
    assert_eq!(cluster.told(), (None, 1, vec![2], 2), "it lacks records");
    cluster.beat(2, after(15), |_| {});
    assert_eq!(cluster.told(), (Some(2), 2, vec![2], 3));
}

#[test]
fn a_replica_that_lacks_records_leads_only_where_the_topic_wants_it() {
    let mut cluster = Cluster::of_brokers(3);
    cluster.topic_on(&[2, 3], &[("unclean.leader.election.enable", "true")]);
    cluster.beat(2, after(5), |_| {});
    cluster.fence_late(after(9));
    cluster.fence_late(after(14));
    assert_eq!(cluster.told(), (None, 1, vec![2], 2));
    cluster.beat(3, after(15), |_| {});
    assert_eq!(cluster.told(), (Some(3), 2, vec![3], 3));
    assert!(cluster.partition().leader_recovering);
}

#[test]
fn a_broker_stops_when_all_know_who_leads_in_its_place() {
    let mut cluster = Cluster::of_brokers(3);
    cluster.topic_on(&[2, 3], &[]);
    cluster.beat(3, after(1), |_| {});
    let wish = |beat: &mut BrokerHeartbeatRequest| beat.want_shut_down = true;
    let first = cluster.beat(2, after(2), wish);
    assert_eq!((first.is_fenced, first.should_shut_down), (false, false));
    assert_eq!(cluster.told(), (Some(3), 1, vec![3], 1));
    assert!(
        cluster
            .image
            .brokers
            .get(&2)
            .unwrap()
            .in_controlled_shutdown
    );
    let second = cluster.beat(2, after(3), wish);
    assert!(!second.should_shut_down, "broker 3 has not heard yet");
    cluster.beat(3, after(4), |_| {});
    let third = cluster.beat(2, after(5), wish);
    assert_eq!((third.is_fenced, third.should_shut_down), (true, true));
    let broker = cluster.image.brokers.get(&2).unwrap();
    assert!(broker.fenced);
    assert_eq!(cluster.told(), (Some(3), 1, vec![3], 1));
}

#[test]
fn a_broker_that_leads_nothing_stops_at_once() {
    let mut cluster = Cluster::of_brokers(2);
    let told = cluster.beat(2, after(2), |beat| beat.want_shut_down = true);
    assert_eq!((told.is_fenced, told.should_shut_down), (true, true));
    let again = cluster.beat(2, after(3), |beat| beat.want_shut_down = true);
    assert!(again.should_shut_down);
}

#[test]
fn a_broker_that_has_stopped_may_come_back_at_once() {
    let mut cluster = Cluster::of_brokers(2);
    let told = cluster.beat(2, after(2), |beat| beat.want_shut_down = true);
    assert!(told.should_shut_down);
    let anew = cluster.register(&registration(2, 99), after(3));
    assert_eq!(anew.error_code, 0);
}

#[test]
fn a_broker_that_is_forgotten_leads_nothing_and_its_id_is_free() {
    let mut cluster = Cluster::of_brokers(2);
    cluster.topic_on(&[2, 1], &[]);
    assert_eq!(cluster.unregister(2), (0, Some(String::new())));
    assert_eq!(cluster.told(), (Some(1), 1, vec![1], 1));
    assert!(!cluster.image.brokers.contains_key(&2));
    let unknown = ErrorCode::BrokerIdNotRegistered.code();
    let text = "Broker ID 2 is not currently registered".to_owned();
    assert_eq!(cluster.unregister(2), (unknown, Some(text)));
    let invalid = ErrorCode::InvalidRequest.code();
    assert_eq!(cluster.unregister(1).0, invalid, "it is this node");
    cluster.join(2, 99, after(1));
}

#[test]
fn replicas_of_a_directory_that_failed_lead_nothing() {
    let mut cluster = Cluster::begun();
    let mut request = registration(2, 2);
    request.log_dirs = vec![directory(20), directory(21)];
    cluster.register(&request, after(0));
    cluster.beat(2, after(0), |_| {});
    cluster.topic_on(&[2, 1], &[]);
    cluster.change(|change| change.directories = Some(vec![directory(21), directory(1)]));
    cluster.beat(2, after(1), |beat| {
        beat.offline_log_dirs = vec![directory(21)]
    });
    assert_eq!(cluster.told(), (Some(1), 1, vec![1], 2));
    let broker = cluster.image.brokers.get(&2).unwrap();
    assert_eq!(broker.directories, [directory(20)]);
    let records = cluster.image.end_offset;
    cluster.beat(2, after(1), |beat| {
        beat.offline_log_dirs = vec![directory(21)]
    });
    assert_eq!(cluster.image.end_offset, records, "it was told before");
}

#[test]
fn cordoned_directories_are_noted_when_they_change() {
    let mut cluster = Cluster::of_brokers(2);
    let cordon = |beat: &mut BrokerHeartbeatRequest| {
        beat.cordoned_log_dirs = Some(vec![directory(20)]);
    };
    cluster.beat(2, after(1), cordon);
    let broker = cluster.image.brokers.get(&2).unwrap();
    assert_eq!(broker.cordoned_directories, [directory(20)]);
    let records = cluster.image.end_offset;
    cluster.beat(2, after(1), cordon);
    cluster.beat(2, after(1), |_| {});
    assert_eq!(cluster.image.end_offset, records);
}

#[test]
fn the_controllers_own_broker_leads_after_a_crash_only_what_nobody_else_has() {
    let mut cluster = Cluster::of_brokers(2);
    cluster.topic_on(&[1, 2], &[]);
    let identity = identity();
    cluster.start(&identity, 500);
    assert_eq!(cluster.told(), (Some(2), 1, vec![2], 1));
    cluster.change(|change| (change.leader, change.isr) = (1, Some(vec![1, 2])));
    cluster.stop();
    assert_eq!(cluster.told(), (Some(2), 3, vec![2], 3));
}

#[test]
fn a_new_controller_gives_every_broker_the_time_of_a_session() {
    let mut cluster = Cluster::of_brokers(2);
    let (controller, view) = cluster.deciding();
    controller.begin(view, after(100), OwnBroker::Stays);
    cluster.fence_late(after(108));
    assert!(!cluster.image.brokers.get(&2).unwrap().fenced);
    cluster.fence_late(after(109));
    assert!(cluster.image.brokers.get(&2).unwrap().fenced);
}

#[test]
fn the_broker_of_a_controllers_own_node_has_a_session_and_its_earlier_life_has_none() {
    let mut cluster = Cluster::of_brokers(2);
    let refused = ErrorCode::DuplicateBrokerRegistration.code();
    let life = cluster.image.brokers.get(&1).unwrap().incarnation_id;
    let (controller, view) = cluster.deciding();
    controller.begin(view, after(100), OwnBroker::Joins(life));
    let another = |id| registration(id, 77);
    let told = cluster.register(&another(1), after(101));
    assert_eq!(
        told.error_code, refused,
        "it lives, and another has its number"
    );
    cluster.fence_late(after(109));
    assert!(cluster.image.brokers.get(&1).unwrap().fenced);

    let mut cluster = Cluster::of_brokers(2);
    let (controller, view) = cluster.deciding();
    controller.begin(view, after(100), OwnBroker::Joins(directory(77)));
    assert_eq!(
        cluster.register(&another(2), after(101)).error_code,
        refused
    );
    assert_eq!(cluster.register(&another(1), after(101)).error_code, 0);
    assert!(!cluster.beat(1, after(101), |_| {}).is_fenced);
}
