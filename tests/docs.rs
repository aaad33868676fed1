//! The references in `docs/` say what the tables in the code say. `UPDATE=1` writes them anew.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use forebay::config::tables::{broker, group, topic};
use forebay::config::{Allowed, DefaultValue, Disposition, Importance, Kind, Setting, UpdateMode};
use forebay::metrics::table::{AliasForm, METRICS, Metric};

const SETTINGS_PREAMBLE: &str = "\
# Settings

Forebay reads a Kafka `server.properties` with `--config FILE`, single settings with
`--set KEY=VALUE`, and has options for the commonest (`forebay serve --help`). An option
counts more than `--set`, and that more than the file. Names, meanings and defaults are
those of Kafka 4.3.

Without a file, the values of the `server.properties` that Kafka ships apply, except that
Forebay listens on 127.0.0.1:9092 and keeps its data in `./forebay-data`.

A setting that has no effect, or that is unknown, is named in a warning at the start; a
malformed one stops the start. With `--strict-config`, the warnings stop it as well.

\"Changed\" says when a setting of the broker can be changed while it runs, with
`kafka-configs`: never, for one broker, or for one or all. Forebay cannot change those
for one broker only (listeners and security) yet.
";

const METRICS_PREAMBLE: &str = "\
# Metrics

With `--http-listen HOST:PORT`, Forebay serves `/metrics` in Prometheus' text format.
Each metric is told under its own name, and where dashboards for Kafka know it, once more
under the name that `jmx_exporter` with its own rules gives to Kafka's bean, or for groups
under the name of `kafka_exporter`.

The times of a request add up: queue, local, remote and send are its total. Quantiles are
those of the last minutes, in milliseconds; histograms and counts go back to the start of
the broker. A label has a bounded number of values: topics beyond 10,000 on a shard, and
deleted ones, are counted as `(other)`, and `forebay_series_left_out` says how many series
of a metric are not told.
";

fn check(name: &str, expected: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("docs")
        .join(name);
    if std::env::var_os("UPDATE").is_some() {
        std::fs::create_dir_all(path.parent().expect("docs is a folder")).expect("docs is there");
        std::fs::write(&path, expected).expect("the reference can be written");
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        written == expected,
        "docs/{name} is out of date: UPDATE=1 cargo test --test docs writes it anew"
    );
}

#[test]
fn the_reference_of_settings_is_what_the_tables_say() {
    check("settings.md", &settings_reference());
}

#[test]
fn the_reference_of_metrics_is_what_the_table_says() {
    check("metrics.md", &metrics_reference());
}

fn settings_reference() -> String {
    let mut text = String::from(SETTINGS_PREAMBLE);
    let broker_columns = [
        "Setting", "Type", "Default", "Allowed", "Changed", "Meaning",
    ];
    heading(&mut text, "Forebay's own");
    table(
        &mut text,
        &broker_columns,
        broker::FOREBAY,
        obeyed_broker_row,
    );
    heading(&mut text, "Of the broker");
    table(&mut text, &broker_columns, broker::KAFKA, obeyed_broker_row);
    heading(&mut text, "Of the broker, at run time only");
    table(
        &mut text,
        &broker_columns,
        broker::KAFKA_DYNAMIC,
        obeyed_broker_row,
    );
    heading(&mut text, "Of the authorizer");
    text.push_str(
        "They count where `authorizer.class.name` is set, from the start of the broker.\n\n",
    );
    header(&mut text, &["Setting", "Meaning"]);
    for (name, other) in broker::OTHER {
        if let broker::OtherSetting::Obeyed(meaning) = other {
            row(&mut text, &[code(name), (*meaning).to_owned()]);
        }
    }
    heading(&mut text, "Of a topic");
    text.push_str(
        "Where a topic does not set one, the broker's setting applies, the first of those listed\n\
         that is set.\n\n",
    );
    let topic_columns = [
        "Setting",
        "Type",
        "Default",
        "Allowed",
        "Of the broker",
        "Meaning",
    ];
    let of_topic = [topic::FOREBAY, topic::TOPIC].concat();
    table(&mut text, &topic_columns, &of_topic, obeyed_topic_row);
    heading(&mut text, "That stop the start");
    table(
        &mut text,
        &["Setting", "Reason"],
        broker::KAFKA,
        |setting| match setting.disposition {
            Disposition::Refused(reason) => Some(vec![code(setting.name), reason.to_owned()]),
            _ => None,
        },
    );
    text.push_str(&settings_without_effect());
    text
}

fn settings_without_effect() -> String {
    let mut text = String::new();
    heading(&mut text, "That Forebay does not need");
    let mut not_needed: BTreeMap<&str, String> = BTreeMap::new();
    let mut not_yet: BTreeMap<&str, String> = BTreeMap::new();
    for setting in all() {
        match setting.disposition {
            Disposition::NotNeeded(reason) => {
                *not_needed.entry(setting.name).or_default() = reason.to_owned()
            }
            Disposition::NotYet(feature) => list(not_yet.entry(feature).or_default(), setting.name),
            Disposition::Obeyed(_) | Disposition::Refused(_) => {}
        }
    }
    for (name, other) in broker::OTHER {
        match other {
            broker::OtherSetting::NotNeeded(reason) => {
                *not_needed.entry(name).or_default() = (*reason).to_owned();
            }
            broker::OtherSetting::NotYet(feature) => {
                list(not_yet.entry(feature).or_default(), name);
            }
            broker::OtherSetting::Obeyed(_) => {}
        }
    }
    header(&mut text, &["Setting", "Reason"]);
    for (name, reason) in not_needed {
        row(&mut text, &[code(name), reason]);
    }
    heading(&mut text, "That belong to what Forebay does not have yet");
    text.push_str("They are read, kept and shown, and have no effect.\n\n");
    header(&mut text, &["Feature", "Settings"]);
    for (feature, names) in not_yet {
        row(&mut text, &[feature.to_owned(), names]);
    }
    text
}

fn all() -> impl Iterator<Item = &'static Setting> {
    [
        broker::KAFKA,
        broker::KAFKA_DYNAMIC,
        topic::TOPIC,
        group::GROUP,
        group::CLIENT_METRICS,
    ]
    .into_iter()
    .flatten()
    .filter(|setting| setting.importance != Importance::Internal)
}

fn list(names: &mut String, name: &str) {
    if !names.is_empty() {
        names.push_str(", ");
    }
    names.push_str(&code(name));
}

fn obeyed_broker_row(setting: &Setting) -> Option<Vec<String>> {
    let changed = match setting.update {
        UpdateMode::ReadOnly => "never",
        UpdateMode::PerBroker => "for one",
        UpdateMode::ClusterWide => "for one or all",
    };
    obeyed_row(setting, changed.to_owned())
}

fn obeyed_topic_row(setting: &Setting) -> Option<Vec<String>> {
    let synonyms: Vec<String> = setting
        .broker_synonyms
        .iter()
        .map(|name| code(name))
        .collect();
    obeyed_row(setting, synonyms.join(", "))
}

fn obeyed_row(setting: &Setting, fifth: String) -> Option<Vec<String>> {
    let Disposition::Obeyed(meaning) = setting.disposition else {
        return None;
    };
    Some(vec![
        code(setting.name),
        setting.kind.name().to_lowercase(),
        default_cell(setting),
        allowed_cell(setting),
        fifth,
        meaning.to_owned(),
    ])
}

fn default_cell(setting: &Setting) -> String {
    match setting.default {
        DefaultValue::Required | DefaultValue::Null => "none".to_owned(),
        DefaultValue::Text("") => "empty".to_owned(),
        DefaultValue::Text(text) => code(text),
    }
}

fn allowed_cell(setting: &Setting) -> String {
    match setting.allowed {
        Allowed::Any if setting.kind == Kind::Boolean => "`true`, `false`".to_owned(),
        Allowed::Any => String::new(),
        Allowed::AtLeast(least) => format!("{least} or more"),
        Allowed::Between(least, most) => format!("{least} to {most}"),
        Allowed::Ratio(most) => format!("0 to {most}"),
        Allowed::OneOf(names) | Allowed::OneOfIgnoringCase(names) => {
            let names: Vec<String> = names.iter().map(|name| code(name)).collect();
            names.join(", ")
        }
        Allowed::NonEmpty => "not empty".to_owned(),
        Allowed::GzipLevel => "1 to 9, or -1".to_owned(),
        Allowed::ThrottledReplicas => "`*`, or PARTITION:BROKER".to_owned(),
        Allowed::OffsetReset => "`latest`, `earliest`, `by_duration:P…`".to_owned(),
    }
}

fn metrics_reference() -> String {
    let mut text = String::from(METRICS_PREAMBLE);
    heading(&mut text, "Reference");
    header(
        &mut text,
        &["Metric", "Type", "Labels", "Meaning", "Also as"],
    );
    for metric in METRICS {
        row(
            &mut text,
            &[
                code(metric.name),
                metric.kind.name().to_owned(),
                labels_cell(metric.labels),
                metric.help.to_owned(),
                alias_cell(metric),
            ],
        );
    }
    text
}

fn labels_cell(labels: &[&str]) -> String {
    let labels: Vec<String> = labels.iter().map(|label| code(label)).collect();
    labels.join(", ")
}

fn alias_cell(metric: &Metric) -> String {
    let Some(alias) = metric.alias else {
        return String::new();
    };
    let mut labels = alias.labels.to_vec();
    if alias.form == AliasForm::Quantiles {
        labels.push("quantile");
    }
    let mut cell = match alias.form {
        AliasForm::AverageAndLargest => {
            let [average, largest] = ["avg", "max"].map(|end| format!("{}_{end}", alias.name));
            format!("{} and {}", code(&average), code(&largest))
        }
        _ => code(alias.name),
    };
    if !labels.is_empty() {
        let _ = write!(cell, " by {}", labels_cell(&labels));
    }
    match alias.form {
        AliasForm::Same | AliasForm::AverageAndLargest => {}
        AliasForm::WithTotal => cell.push_str(", and without a label for all topics"),
        AliasForm::Quantiles => cell.push_str(", and its `_count`"),
    }
    cell
}

fn heading(text: &mut String, title: &str) {
    let _ = write!(text, "\n## {title}\n\n");
}

fn table(
    text: &mut String,
    columns: &[&str],
    settings: &[Setting],
    cells: impl Fn(&Setting) -> Option<Vec<String>>,
) {
    header(text, columns);
    for cells in settings.iter().filter_map(cells) {
        row(text, &cells);
    }
}

fn header(text: &mut String, columns: &[&str]) {
    let _ = writeln!(text, "| {} |", columns.join(" | "));
    let _ = writeln!(text, "|{}", " --- |".repeat(columns.len()));
}

fn row(text: &mut String, cells: &[String]) {
    let _ = writeln!(text, "| {} |", cells.join(" | "));
}

fn code(text: &str) -> String {
    format!("`{text}`")
}
