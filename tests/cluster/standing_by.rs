//! Controllers that do not lead, asked for what only the one that leads decides: both kinds give
//! the same answer, in the form of each API.

use serde_json::{Value, json};

use crate::await_states;
use crate::controllers::leader;
use crate::support::wire::Connection;
use crate::support::{Broker, Kind, needs};

const NOT_CONTROLLER: &str = "41";

/// Requests to a controller, each in the oldest version and the newest that both kinds serve.
fn requests() -> Vec<(&'static str, [i16; 2], Value)> {
    let of_topic = json!({"ResourceType": 2, "ResourceName": "t", "Configs": []});
    let registration = json!({
        "ControllerId": 9, "IncarnationId": "AAAAAAAAAAAAAAAAAAAABw", "ZkMigrationReady": false,
        "Listeners": [], "Features": [],
    });
    vec![
        (
            "CreateTopics",
            [2, 7],
            json!({"Topics": [{"Name": "t", "NumPartitions": 1, "ReplicationFactor": 1}],
                   "timeoutMs": 9}),
        ),
        (
            "DeleteTopics",
            [6, 6],
            json!({"Topics": [{"Name": "t"}], "TimeoutMs": 9}),
        ),
        (
            "CreatePartitions",
            [0, 3],
            json!({"Topics": [{"Name": "t", "Count": 2, "Assignments": null}], "TimeoutMs": 9}),
        ),
        ("AlterConfigs", [0, 2], json!({"Resources": [of_topic]})),
        (
            "IncrementalAlterConfigs",
            [0, 1],
            json!({"Resources": [of_topic]}),
        ),
        (
            "AlterPartitionReassignments",
            [0, 1],
            json!({"TimeoutMs": 9, "Topics": [{"Name": "t", "Partitions": [
                   {"PartitionIndex": 0, "Replicas": [1]}]}]}),
        ),
        (
            "ElectLeaders",
            [1, 2],
            json!({"ElectionType": 0, "TopicPartitions": [{"Topic": "t", "Partitions": [0, 1]}],
                   "TimeoutMs": 9}),
        ),
        (
            "UpdateFeatures",
            [1, 2],
            json!({"timeoutMs": 9, "FeatureUpdates": [
                   {"Feature": "metadata.version", "MaxVersionLevel": 30, "UpgradeType": 1}]}),
        ),
        ("UnregisterBroker", [0, 0], json!({"BrokerId": 9})),
        (
            "AllocateProducerIds",
            [0, 0],
            json!({"BrokerId": 9, "BrokerEpoch": 1}),
        ),
        (
            "AssignReplicasToDirs",
            [0, 0],
            json!({"BrokerId": 9, "BrokerEpoch": 1, "Directories": []}),
        ),
        (
            "AlterPartition",
            [2, 3],
            json!({"BrokerId": 9, "BrokerEpoch": 1, "Topics": [
                   {"TopicId": "AAAAAAAAAAAAAAAAAAAABw", "Partitions": []}]}),
        ),
        (
            "BrokerHeartbeat",
            [0, 1],
            json!({"BrokerId": 9, "BrokerEpoch": 1, "CurrentMetadataOffset": 1, "WantFence": false,
                   "WantShutDown": false}),
        ),
        ("ControllerRegistration", [0, 0], registration),
    ]
}

/// Adds to `differences` what two answers do not have alike.
fn compare(place: &str, kafka: &Value, forebay: &Value, differences: &mut Vec<String>) {
    match (kafka, forebay) {
        (Value::Object(kafka), Value::Object(forebay)) => {
            for (name, value) in kafka {
                let place = format!("{place}/{name}");
                compare(&place, value, &forebay[name], differences);
            }
        }
        (Value::Array(kafka), Value::Array(forebay)) if kafka.len() == forebay.len() => {
            for (kafka, forebay) in kafka.iter().zip(forebay) {
                compare(place, kafka, forebay, differences);
            }
        }
        _ if kafka == forebay => {}
        // A controller is told who leads, too.
        _ if place.starts_with("ControllerRegistration") && place.ends_with("ErrorMessage") => {}
        _ => differences.push(format!("{place}: {kafka} and {forebay}")),
    }
}

#[test]
fn controllers_that_do_not_lead_say_so_in_the_form_of_each_api() {
    let lab = needs!(Java);
    let kinds = [Kind::Forebay, Kind::Forebay, Kind::Kafka];
    let mut nodes = Broker::three_combined(&lab, kinds, &[]);
    let all = ["1", "2", "3"].map(|id| (id, "unfenced"));
    await_states(&nodes[0], &all);
    while leader(&nodes) == 3 {
        nodes[2].stop();
        nodes[2].resume();
        await_states(&nodes[0], &all);
    }
    // A node of Apache Kafka that knows no topic of this name says so before it thinks of leading.
    let topics = "org.apache.kafka.tools.TopicCommand";
    let create = nodes[2].tool(topics, &["--create", "--topic", "t"]);
    create.run().succeeded();
    let leads = leader(&nodes);
    let forebay = &nodes[2 - leads];
    let mut differences = Vec::new();
    for (api, versions, body) in requests() {
        for version in versions {
            let [kafka, forebay] = [&nodes[2], forebay].map(|node| {
                let mut connection = Connection::open(&lab, node.controller).expect("it listens");
                let answer = connection.ask(api, version, &body);
                answer.unwrap_or_else(|error| panic!("{:?}, {api} {version}: {error}", node.kind))
            });
            let told = forebay.to_string();
            assert!(told.contains(NOT_CONTROLLER), "{api} {version}: {told}");
            let place = format!("{api} {version}");
            compare(&place, &kafka, &forebay, &mut differences);
        }
    }
    assert_eq!(leader(&nodes), leads, "another one leads meanwhile");
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}
