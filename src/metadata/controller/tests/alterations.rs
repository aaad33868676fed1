//! Requests that change what exists.

use super::*;

#[test]
fn a_deletion_that_cannot_be_is_refused_in_kafkas_words() {
    let mut cluster = Cluster::with_topics();
    let id = cluster.image.topic("p1").unwrap().id;
    let text = |text: &str| Some(text.to_owned());
    let zero = Uuid::ZERO;
    let unknown = "This server does not host this topic-partition.";
    let both = "You may not specify both topic name and topic id.";
    let mapped = "The provided topic name maps to an ID that was already supplied.";
    assert_eq!(
        cluster.delete(&[(Some("nope"), zero)]),
        [(3, text(unknown))]
    );
    assert_eq!(cluster.delete(&[(Some(""), zero)]), [(3, text(unknown))]);
    assert_eq!(
        cluster.delete(&[(None, zero)]),
        [(42, text("Neither topic name nor id were specified."))]
    );
    assert_eq!(cluster.delete(&[(Some("p1"), id)]), [(42, text(both))]);
    assert_eq!(
        cluster.delete(&[(Some("p1"), zero), (Some("p1"), zero)]),
        [(42, text("Duplicate topic name."))]
    );
    assert!(cluster.image.topic("p1").is_some());
    assert_eq!(
        cluster.delete(&[(None, id), (Some("p1"), zero)]),
        [(0, None), (42, text(mapped))]
    );
    cluster.startup.config.delete_topic_enable = false;
    assert_eq!(cluster.delete(&[(Some("c.d"), zero)]), [(73, None)]);
}

#[test]
fn partitions_are_added_or_refused_in_kafkas_words() {
    let mut cluster = Cluster::with_topics();
    let wish = |count, assignments: Option<&[&[i32]]>| CreatePartitionsTopic {
        name: "p1".to_owned(),
        count,
        assignments: assignments.map(|all| {
            all.iter()
                .map(|brokers| CreatePartitionsAssignment {
                    broker_ids: brokers.to_vec(),
                    ..CreatePartitionsAssignment::default()
                })
                .collect()
        }),
        ..CreatePartitionsTopic::default()
    };
    let text = |text: &str| Some(text.to_owned());
    let less = "The topic p1 currently has 2 partition(s); 1 would not be an increase.";
    assert_eq!(cluster.add(wish(1, None)), (37, text(less), 0));
    let same = "Topic already has 2 partition(s).";
    assert_eq!(cluster.add(wish(2, None)), (37, text(same), 0));
    let few = "Attempted to add 2 additional partition(s), but only 1 assignment(s) were \
               specified.";
    assert_eq!(cluster.add(wish(4, Some(&[&[1]]))), (39, text(few), 0));
    let unknown = "The manual partition assignment includes broker 9, but no such broker is \
                   registered.";
    assert_eq!(cluster.add(wish(3, Some(&[&[9]]))), (39, text(unknown), 0));
    let empty = "The manual partition assignment includes an empty replica list.";
    assert_eq!(cluster.add(wish(3, Some(&[&[]]))), (39, text(empty), 0));
    assert_eq!(cluster.add(wish(10_003, None)), (-1, None, 0));
    let mut nope = wish(3, None);
    nope.name = "nope".to_owned();
    assert_eq!(cluster.add(nope), (3, None, 0));
    assert_eq!(cluster.add(wish(4, Some(&[&[1], &[1]]))), (0, None, 2));
    assert_eq!(cluster.add(wish(6, None)), (0, None, 2));
    assert_eq!(cluster.image.topic("p1").unwrap().partitions.len(), 6);
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn settings_are_changed_or_refused_in_kafkas_words() {
    let mut cluster = Cluster::with_topics();
    let text = |text: &str| Some(text.to_owned());
    let (topic, broker, group) = (2, 4, 32);
    let set = |name: &'static str, value: &'static str| (name, 0, Some(value));
    let cases = [
        (
            topic,
            "nope",
            set("retention.ms", "1"),
            3,
            "The topic 'nope' does not exist.",
        ),
        (
            topic,
            "",
            set("retention.ms", "1"),
            42,
            "Default topic resources are not allowed.",
        ),
        (
            topic,
            "p1",
            set("no.such", "x"),
            40,
            "Unknown topic config name: no.such",
        ),
        (
            topic,
            "p1",
            ("retention.ms", 0, None),
            42,
            "Null value not supported for : retention.ms",
        ),
        (
            topic,
            "p1",
            ("retention.ms", 2, Some("1")),
            40,
            "Can't APPEND to key retention.ms because its type is not LIST.",
        ),
        (
            broker,
            "1",
            set("log.dirs", "/x"),
            42,
            "Cannot update these configs dynamically: [log.dirs]",
        ),
        (
            broker,
            "7",
            set("node.id", "2"),
            42,
            "Cannot update these configs dynamically: [node.id]",
        ),
        (
            broker,
            "x",
            set("log.cleaner.threads", "2"),
            42,
            "Unable to parse broker name as a base 10 number.",
        ),
        (
            topic,
            "nope",
            ("retention.ms", 0, None),
            42,
            "Null value not supported for : retention.ms",
        ),
        (
            8,
            "7",
            set("root", "WARN"),
            42,
            "Unexpected node id. Expected 1, but received 7",
        ),
        (
            16,
            "",
            set("interval.ms", "1"),
            42,
            "Subscription name can't be empty",
        ),
        (99, "x", set("a", "1"), 42, "Unknown resource type 99"),
        (
            group,
            "",
            set("a", "1"),
            42,
            "Default group resources are not allowed.",
        ),
        (
            group,
            "g",
            set("nope", "1"),
            40,
            "Unknown group config name: nope",
        ),
    ];
    for (kind, name, change, code, message) in cases {
        let answer = cluster.alter(kind, name, change);
        assert_eq!(
            answer,
            (code, text(message), Vec::new()),
            "{name} {change:?}"
        );
    }
    let unknown_operation = cluster.alter(topic, "p1", ("cleanup.policy", 9, Some("x")));
    assert_eq!(unknown_operation, (-1, None, Vec::new()));
    let changed = |value: Option<&str>| (0, None, vec![value.map(str::to_owned)]);
    let add = ("cleanup.policy", 2, Some("compact"));
    assert_eq!(
        cluster.alter(topic, "p1", add),
        changed(Some("delete,compact"))
    );
    assert_eq!(
        cluster.alter(topic, "p1", add),
        (0, None, Vec::new()),
        "nothing changed"
    );
    let take = ("cleanup.policy", 3, Some("delete"));
    assert_eq!(cluster.alter(topic, "p1", take), changed(Some("compact")));
    assert_eq!(
        cluster.alter(topic, "p1", ("cleanup.policy", 1, None)),
        changed(None)
    );
    let resource = ConfigResource::new(ConfigKind::Topic, "p1");
    assert_eq!(cluster.image.config(&resource), None);
    let other = set("log.cleaner.backoff.ms", "8");
    assert_eq!(cluster.alter(broker, "7", other), changed(Some("8")));
    let default = set("log.retention.ms", "7777777");
    assert_eq!(cluster.alter(broker, "", default), changed(Some("7777777")));
}

#[test]
fn the_older_request_replaces_all_settings() {
    let mut cluster = Cluster::with_topics();
    cluster.alter(2, "p1", ("segment.bytes", 0, Some("2000000")));
    let view = View {
        image: &cluster.image,
        settings: &cluster.startup.settings,
        config: &cluster.startup.config,
    };
    let wish = alter_configs_request::AlterConfigsResource {
        resource_type: 2,
        resource_name: "p1".to_owned(),
        configs: vec![alter_configs_request::AlterableConfig {
            name: "retention.ms".to_owned(),
            value: Some("77".to_owned()),
            ..Default::default()
        }],
        ..Default::default()
    };
    let twice = AlterConfigsRequest {
        resources: vec![wish.clone(), wish.clone()],
        ..AlterConfigsRequest::default()
    };
    let refused = cluster.controller.alter_configs(view, &twice);
    for answer in refused.response.responses {
        let once = "Each resource must appear at most once.".to_owned();
        assert_eq!((answer.error_code, answer.error_message), (42, Some(once)));
    }
    let request = AlterConfigsRequest {
        resources: vec![wish],
        ..AlterConfigsRequest::default()
    };
    let decision = cluster.controller.alter_configs(view, &request);
    cluster.replay(&decision.records);
    let resource = ConfigResource::new(ConfigKind::Topic, "p1");
    let config = cluster.image.config(&resource).unwrap();
    let pairs: Vec<_> = config.iter().collect();
    assert_eq!(pairs, [(&"retention.ms".to_owned(), &"77".to_owned())]);
}
