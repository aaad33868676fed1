use super::{lab, overrides, table};
use crate::config::*;
use crate::model::ErrorCode;

fn resource_called(name: &str) -> ConfigResource {
    [
        ConfigResource::Broker,
        ConfigResource::ClusterDefault,
        ConfigResource::Topic,
        ConfigResource::Group,
        ConfigResource::ClientMetrics,
    ]
    .into_iter()
    .find(|resource| format!("{resource:?}") == name)
    .unwrap_or_else(|| panic!("{name} is a resource"))
}

fn operation_called(name: &str) -> AlterOperation {
    [
        AlterOperation::Set,
        AlterOperation::Delete,
        AlterOperation::Append,
        AlterOperation::Subtract,
    ]
    .into_iter()
    .find(|operation| format!("{operation:?}") == name)
    .unwrap_or_else(|| panic!("{name} is an operation"))
}

fn alter(
    resource: ConfigResource,
    current: &[(&str, &str)],
    operations: &[(AlterOperation, &str, Option<&str>)],
) -> Result<PlannedUpdate, Refusal> {
    let alterations: Vec<Alteration> = operations
        .iter()
        .map(|(operation, name, value)| Alteration {
            name: (*name).to_owned(),
            operation: *operation,
            value: value.map(str::to_owned),
        })
        .collect();
    let mut settings = lab().settings;
    settings.set_dynamic(Overrides::new(), Overrides::new());
    plan_dynamic_update(&settings, resource, &overrides(current), &alterations)
}

#[test]
fn a_change_comes_to_what_it_comes_to_in_kafka() {
    let cases = table::<6>(include_str!("../fixtures/alterations.tsv"));
    for [resource, before, operation, name, value, expected] in cases {
        let before: Vec<(&str, &str)> = before.split_once('=').into_iter().collect();
        let value = (value != "\\N").then_some(value);
        let planned = alter(
            resource_called(resource),
            &before,
            &[(operation_called(operation), name, value)],
        );
        let planned: Vec<String> = planned
            .expect("the change is allowed")
            .into_iter()
            .map(|(name, value)| match value {
                Some(value) => format!("{name}={value}"),
                None => name,
            })
            .collect();
        let expected: Vec<&str> = Some(expected)
            .filter(|text| !text.is_empty())
            .into_iter()
            .collect();
        assert_eq!(planned, expected, "{operation} {name}");
    }
}

#[test]
fn a_change_is_refused_with_kafkas_code_and_sentence() {
    let cases = table::<6>(include_str!("../fixtures/alter-refusals.tsv"));
    for [resource, operation, name, value, code, message] in cases {
        let value = (value != "\\N").then_some(value);
        let refused = alter(
            resource_called(resource),
            &[],
            &[(operation_called(operation), name, value)],
        );
        let told = refused.map_err(|refusal| format!("{} {}", refusal.error, refusal.message));
        assert_eq!(told, Err(format!("{code} {message}")), "{name}");
    }
    let set = |value| (AlterOperation::Set, "retention.ms", Some(value));
    assert_eq!(
        alter(ConfigResource::Topic, &[], &[set("5"), set("6")]),
        Err(Refusal {
            error: ErrorCode::InvalidRequest,
            message: "Error due to duplicate config keys".to_owned(),
        })
    );
    for duration in [
        "by_duration:P1D",
        "by_duration:PT1H30M",
        "by_duration:P3DT20.5S",
    ] {
        let operation = (
            AlterOperation::Set,
            "share.auto.offset.reset",
            Some(duration),
        );
        let kept = alter(ConfigResource::Group, &[], &[operation]);
        assert!(kept.is_ok(), "{duration}");
    }
}

#[test]
fn the_older_request_takes_away_what_it_does_not_name() {
    let planned = plan_dynamic_replacement(
        &lab().settings,
        ConfigResource::Topic,
        &overrides(&[("retention.ms", "5"), ("segment.ms", "6")]),
        &[
            ("segment.ms".to_owned(), Some("6".to_owned())),
            ("flush.ms".to_owned(), Some("7".to_owned())),
        ],
    );
    let expected = [("flush.ms", Some("7")), ("retention.ms", None)];
    assert_eq!(
        planned.map(|planned| planned.into_iter().collect::<Vec<_>>()),
        Ok(expected
            .map(|(name, value)| (name.to_owned(), value.map(str::to_owned)))
            .to_vec())
    );
}

#[test]
fn a_dynamic_setting_without_effect_is_named() {
    let mut settings = lab().settings;
    settings.set_dynamic(
        overrides(&[("log.cleaner.threads", "2")]),
        overrides(&[("log.retention.ms", "5")]),
    );
    let warnings: Vec<_> = settings
        .dynamic_warnings()
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(
        warnings,
        [
            "set at run time: log.cleaner.threads has no effect: each shard compacts its own \
             partitions"
        ]
    );
}
