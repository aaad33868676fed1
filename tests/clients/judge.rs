//! The judge itself: what the other tests take for granted about the lab.

use serde_json::json;

use crate::support::{Broker, Kind, needs};

#[test]
fn the_judge_advertises_the_versions_of_its_own_definitions() {
    let lab = needs!(Java);
    let broker = Broker::start(&lab, Kind::Kafka, &[]);
    let client = json!({ "ClientSoftwareName": "tests", "ClientSoftwareVersion": "1" });
    let answer = broker
        .connect()
        .ask("ApiVersions", 3, &client)
        .expect("an answer");
    let keys = answer["ApiKeys"].as_array().expect("a list of keys");
    let fetch = keys
        .iter()
        .find(|key| key["ApiKey"] == 1)
        .unwrap_or_else(|| panic!("Fetch is not served: {answer}"));
    assert_eq!(
        (&fetch["MinVersion"], &fetch["MaxVersion"]),
        (&json!(4), &json!(18))
    );
}
