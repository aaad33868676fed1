//! The files of `kafka-reassign-partitions`: which replicas partitions are to have, as JSON.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::model::{BrokerId, TopicPartition};

/// The version of the format, the only one there is.
const VERSION: i64 = 1;

/// The log directory of a replica that may lie in any.
const ANY_DIRECTORY: &str = "any";

/// Reads a plan; why not, in one line.
pub fn read_plan(text: &str) -> Result<BTreeMap<TopicPartition, Vec<BrokerId>>, String> {
    let file: Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
    let version = file.get("version").map_or(Some(VERSION), Value::as_i64);
    if version != Some(VERSION) {
        return Err(format!(
            "its version is not {VERSION}, the only one there is"
        ));
    }
    let entries = file.get("partitions").and_then(Value::as_array);
    let entries = entries.ok_or("it has no list \"partitions\"")?;
    let mut plan = BTreeMap::new();
    for entry in entries {
        let (partition, replicas) =
            read_entry(entry).ok_or_else(|| format!("{entry} is no topic, partition, replicas"))?;
        let distinct: BTreeSet<_> = replicas.iter().collect();
        if replicas.is_empty() || distinct.len() < replicas.len() {
            return Err(format!(
                "{partition} needs replicas, each on another broker"
            ));
        }
        let directories = entry.get("log_dirs").and_then(Value::as_array);
        let mut directories = directories.into_iter().flatten();
        if directories.any(|directory| directory.as_str() != Some(ANY_DIRECTORY)) {
            return Err(format!(
                "{partition} names log directories, and only kafka-reassign-partitions moves there"
            ));
        }
        if plan.insert(partition.clone(), replicas).is_some() {
            return Err(format!("{partition} is there twice"));
        }
    }
    if plan.is_empty() {
        return Err("it has no partitions".to_owned());
    }
    Ok(plan)
}

fn read_entry(entry: &Value) -> Option<(TopicPartition, Vec<BrokerId>)> {
    let number = |value: &Value| i32::try_from(value.as_i64()?).ok();
    let partition = TopicPartition {
        topic: entry.get("topic")?.as_str()?.into(),
        partition: number(entry.get("partition")?)?,
    };
    let replicas = entry.get("replicas")?.as_array()?.iter().map(number);
    Some((partition, replicas.collect::<Option<_>>()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_kafkas_tool_generates_is_read() {
        let text = r#"{"version":1,"partitions":[{"topic":"t","partition":1,"replicas":[2,3],
            "log_dirs":["any","any"]},{"topic":"t","partition":0,"replicas":[1]}]}"#;
        let plan = read_plan(text).expect("it is a plan");
        let told: Vec<_> = plan
            .iter()
            .map(|(one, to)| format!("{one} {to:?}"))
            .collect();
        assert_eq!(told, ["t-0 [1]", "t-1 [2, 3]"]);
    }

    #[test]
    fn what_makes_no_sense_is_refused_with_its_reason() {
        let with = |partitions: &str| read_plan(&format!("{{\"partitions\":[{partitions}]}}"));
        let entry = |replicas: &str, rest: &str| {
            format!("{{\"topic\":\"t\",\"partition\":0,\"replicas\":{replicas}{rest}}}")
        };
        let refused = |partitions: &str| with(partitions).expect_err("it makes no sense");
        assert_eq!(refused(""), "it has no partitions");
        let twice = format!("{},{}", entry("[1]", ""), entry("[2]", ""));
        assert_eq!(refused(&twice), "t-0 is there twice");
        for replicas in ["[]", "[1,1]"] {
            assert!(refused(&entry(replicas, "")).contains("each on another broker"));
        }
        let placed = entry("[1]", ",\"log_dirs\":[\"/disk\"]");
        assert!(refused(&placed).contains("names log directories"));
        assert!(read_plan("{\"version\":2,\"partitions\":[]}").is_err());
        assert!(read_plan("no json").is_err());
        assert!(refused("{}").contains("is no topic"));
    }
}
