//! What a node says when it starts and stops.

use super::*;

#[test]
fn each_start_leads_in_a_new_epoch_and_each_stop_lets_go() {
    let mut cluster = Cluster::with_topics();
    let epochs = |cluster: &Cluster| {
        let topic = cluster.image.topic("p1").unwrap();
        let partition = topic.partitions.get(&0).unwrap();
        (partition.leader, partition.leader_epoch)
    };
    assert_eq!(epochs(&cluster), (Some(1), 0));
    let identity = identity();
    cluster.start(&identity, 50);
    assert_eq!(epochs(&cluster), (Some(1), 1), "after a crash");
    cluster.stop();
    assert_eq!(epochs(&cluster), (None, 2));
    assert!(cluster.image.brokers.get(&1).unwrap().fenced);
    cluster.start(&identity, 90);
    assert_eq!(epochs(&cluster), (Some(1), 3));
    let broker = cluster.image.brokers.get(&1).unwrap();
    assert_eq!((broker.epoch, broker.fenced), (91, false));
}

#[test]
fn a_start_takes_over_what_other_brokers_of_kafka_left() {
    let mut cluster = Cluster::with_topics();
    let topic_id = cluster.image.topic("p1").unwrap().id;
    let mut change = |index: i32, edit: fn(&mut crate::metadata::PartitionRegistration)| {
        let mut topic = cluster
            .image
            .topics
            .get(&topic_id)
            .unwrap()
            .as_ref()
            .clone();
        let mut partition = topic.partitions.get(&index).unwrap().as_ref().clone();
        edit(&mut partition);
        topic
            .partitions
            .insert(index, std::sync::Arc::new(partition));
        cluster
            .image
            .topics
            .insert(topic_id, std::sync::Arc::new(topic));
    };
    change(0, |partition| {
        partition.leader = None;
        partition.isr.clear();
        partition.eligible_leader_replicas = vec![1];
        partition.directories = vec![Uuid::from_bytes([
            0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1,
        ])];
    });
    change(1, |partition| partition.directories = vec![directory(9)]);
    let identity = NodeIdentity {
        folders: [("p1-0".to_owned(), directory(2))].into(),
        ..identity()
    };
    cluster.start(&identity, 50);
    let topic = cluster.image.topic("p1").unwrap();
    let eligible = topic.partitions.get(&0).unwrap();
    assert_eq!(
        (eligible.leader, eligible.isr.as_slice()),
        (Some(1), &[1][..])
    );
    assert!(eligible.eligible_leader_replicas.is_empty());
    assert_eq!(eligible.directories, [directory(2)], "where its folder is");
    let lost = topic.partitions.get(&1).unwrap();
    assert_eq!(lost.leader, None, "its directory is gone");
}

#[test]
fn a_controller_without_a_broker_registers_no_broker_and_leads_nothing() {
    let mut cluster = Cluster::with_topics();
    cluster.stop();
    let before = cluster.image.brokers.get(&1).unwrap().clone();
    let identity = NodeIdentity {
        is_broker: false,
        ..identity()
    };
    cluster.start(&identity, 50);
    assert!(cluster.image.controllers.contains_key(&1));
    assert_eq!(cluster.image.brokers.get(&1), Some(&before));
    let topic = cluster.image.topic("p1").unwrap();
    assert_eq!(topic.partitions.get(&0).unwrap().leader, None);
}
