//! Another broker at a node's controller: what it tells is committed, and its silence noticed.

use super::*;
use crate::protocol::messages::broker_registration_request::Feature;
use crate::protocol::messages::{BrokerHeartbeatRequest, BrokerRegistrationRequest};

impl World {
    fn register(&mut self) -> i64 {
        let feature = Feature {
            name: "metadata.version".to_owned(),
            min_supported_version: 7,
            max_supported_version: 30,
            ..Feature::default()
        };
        let kraft = Feature {
            name: "kraft.version".to_owned(),
            max_supported_version: 1,
            ..Feature::default()
        };
        let request = BrokerRegistrationRequest {
            broker_id: 2,
            cluster_id: self.image.cluster_id.to_string(),
            incarnation_id: Uuid::from_bytes([22; 16]),
            features: vec![feature, kraft],
            log_dirs: vec![Uuid::from_bytes([20; 16])],
            ..BrokerRegistrationRequest::default()
        };
        let request = ControllerRequest::RegisterBroker {
            request,
            version: 4,
        };
        match self.ask(&request) {
            Some(ControllerResponse::RegisterBroker(response)) => {
                assert_eq!(response.error_code, 0);
                response.broker_epoch
            }
            other => panic!("{other:?}"),
        }
    }

    /// True if the broker is fenced after this heartbeat.
    fn beat(&mut self, broker_epoch: i64, metadata_offset: i64) -> bool {
        let request = BrokerHeartbeatRequest {
            broker_id: 2,
            broker_epoch,
            current_metadata_offset: metadata_offset,
            ..BrokerHeartbeatRequest::default()
        };
        match self.ask(&ControllerRequest::BrokerHeartbeat(request)) {
            Some(ControllerResponse::BrokerHeartbeat(response)) => {
                assert_eq!(response.error_code, 0);
                response.is_fenced
            }
            other => panic!("{other:?}"),
        }
    }

    fn is_fenced(&self) -> bool {
        self.image.brokers.get(&2).unwrap().fenced
    }
}

#[test]
fn a_broker_is_part_of_the_cluster_until_it_is_silent_for_the_time_of_a_session() {
    let mut world = World::start(Disk::default(), 1);
    let next_offset = world.image.end_offset;
    let epoch = world.register();
    assert_eq!(epoch, next_offset);
    assert!(
        world.beat(epoch, epoch - 1),
        "it has yet to see that it registered"
    );
    assert!(!world.beat(epoch, epoch) && !world.is_fenced());
    world.time_ms += 8_900;
    assert!(!world.beat(epoch, epoch));
    let deadline = world.node.next_deadline().as_nanos() / 1_000_000;
    assert!(deadline.abs_diff(u64::try_from(world.time_ms).unwrap()) <= 9_000);
    world.time_ms += 8_900;
    world.run();
    assert!(!world.is_fenced());
    world.time_ms += 101;
    world.run();
    assert!(world.is_fenced());
}

#[test]
fn a_controller_that_starts_anew_knows_the_brokers_and_waits_for_them() {
    let mut world = World::start(Disk::default(), 1);
    let epoch = world.register();
    assert!(!world.beat(epoch, epoch));
    let disk = world.close().disk;
    let mut world = World::start(disk, 2);
    world.time_ms += 8_000;
    world.run();
    assert!(!world.is_fenced());
    let end_offset = world.image.end_offset;
    assert!(!world.beat(epoch, end_offset - 1));
    world.time_ms += 8_000;
    world.run();
    assert!(!world.is_fenced());
    world.time_ms += 1_001;
    world.run();
    assert!(world.is_fenced());
}
