//! Prometheus' text format, version 0.0.4.

use std::fmt::Write as _;
use std::time::Duration;

use super::histogram::Histogram;
use super::sample::{SERIES_MAX, Sample, SampleValue, samples_of};
use super::shard_metrics::ShardMetrics;
use super::table::{Alias, AliasForm, METRICS, Metric, MetricId, MetricKind};

/// The bounds of the buckets that are told, as powers of two of a microsecond: from 16 µs to 67 s
/// in steps of four.
const BOUNDS: [u32; 12] = [4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26];

/// The quantiles that `jmx_exporter` tells of Kafka's histograms.
const QUANTILES: [(&str, f64); 6] = [
    ("0.50", 0.5),
    ("0.75", 0.75),
    ("0.95", 0.95),
    ("0.98", 0.98),
    ("0.99", 0.99),
    ("0.999", 0.999),
];

/// What is told at a time.
#[derive(Clone, Copy, Debug)]
pub struct Scrape<'a> {
    /// The metrics of every shard, by its number.
    pub shards: &'a [ShardMetrics],
    /// The same as they were a while ago, or nothing: quantiles are of what came since.
    pub earlier: &'a [ShardMetrics],
    /// The names of the broker's listeners, by their number.
    pub listener_names: &'a [String],
}

/// Every metric, once under its own name and once under the one that dashboards know.
#[must_use]
pub fn encode_exposition(scrape: &Scrape<'_>) -> String {
    let mut text = String::new();
    let mut left_out = Vec::new();
    for metric in METRICS {
        let mut samples = if metric.id == MetricId::SeriesLeftOut {
            std::mem::take(&mut left_out)
        } else {
            samples_of(metric, scrape)
        };
        let alias_total = total_of(&samples);
        if samples.len() > SERIES_MAX {
            let count = i128::try_from(samples.len() - SERIES_MAX).unwrap_or(i128::MAX);
            left_out.push(Sample {
                labels: vec![metric.name.to_owned()],
                value: SampleValue::Number(count),
            });
            samples.truncate(SERIES_MAX);
        }
        if samples.is_empty() {
            continue;
        }
        encode_metric(&mut text, metric, &samples);
        if let Some(alias) = &metric.alias {
            encode_alias(&mut text, metric, alias, &samples, alias_total);
        }
    }
    text
}

/// The sum of all numbers among `samples`.
fn total_of(samples: &[Sample]) -> i128 {
    samples
        .iter()
        .map(|sample| match sample.value {
            SampleValue::Number(number) => number,
            SampleValue::Durations { .. } => 0,
        })
        .sum()
}

fn encode_metric(text: &mut String, metric: &Metric, samples: &[Sample]) {
    encode_header(text, metric.name, metric.help, metric.kind.name());
    for sample in samples {
        let labels = encode_labels(metric.labels, &sample.labels);
        match &sample.value {
            SampleValue::Number(number) => encode_line(text, metric.name, &labels, number),
            SampleValue::Durations { all, .. } => {
                encode_histogram(text, metric.name, &labels, all);
            }
        }
    }
}

fn encode_histogram(text: &mut String, name: &str, labels: &str, histogram: &Histogram) {
    let bucket = format!("{name}_bucket");
    for exponent in BOUNDS {
        let bound = Duration::from_micros(1 << exponent).as_secs_f64();
        let labels = with_label(labels, "le", &bound.to_string());
        encode_line(text, &bucket, &labels, &histogram.count_below(exponent));
    }
    let labels_all = with_label(labels, "le", "+Inf");
    encode_line(text, &bucket, &labels_all, &histogram.count());
    let sum = histogram.sum().as_secs_f64();
    encode_line(text, &format!("{name}_sum"), labels, &sum);
    encode_line(text, &format!("{name}_count"), labels, &histogram.count());
}

fn encode_alias(
    text: &mut String,
    metric: &Metric,
    alias: &Alias,
    samples: &[Sample],
    total: i128,
) {
    let kind = match alias.form {
        AliasForm::Same | AliasForm::WithTotal => metric.kind.name(),
        AliasForm::Quantiles => MetricKind::Gauge.name(),
        AliasForm::AverageAndLargest => return encode_latencies(text, metric, alias, samples),
    };
    encode_header(text, alias.name, metric.help, kind);
    if alias.form == AliasForm::WithTotal {
        encode_line(text, alias.name, "", &total);
    }
    let mut counts = String::new();
    for sample in samples {
        for values in alias_values(alias, &sample.labels) {
            let labels = encode_labels(alias.labels, &values);
            match &sample.value {
                SampleValue::Number(number) => encode_line(text, alias.name, &labels, number),
                SampleValue::Durations { all, recent } => {
                    for (name, quantile) in QUANTILES {
                        let labels = with_label(&labels, "quantile", name);
                        let micros = recent.quantile(quantile).unwrap_or_default().as_micros();
                        let ms = format!("{}.{:03}", micros / 1000, micros % 1000);
                        encode_line(text, alias.name, &labels, &ms);
                    }
                    encode_line(
                        &mut counts,
                        &format!("{}_count", alias.name),
                        &labels,
                        &all.count(),
                    );
                }
            }
        }
    }
    if !counts.is_empty() {
        let name = format!("{}_count", alias.name);
        encode_header(text, &name, metric.help, MetricKind::Counter.name());
        text.push_str(&counts);
    }
}

/// Durations of late, as a client library of Kafka's tells of them: no number where there are none.
fn encode_latencies(text: &mut String, metric: &Metric, alias: &Alias, samples: &[Sample]) {
    let recent = |sample: &Sample, of: fn(&Histogram) -> Option<Duration>| match &sample.value {
        SampleValue::Durations { recent, .. } => {
            of(recent).map_or(f64::NAN, |found| found.as_secs_f64() * 1000.0)
        }
        SampleValue::Number(_) => unreachable!("only durations have an average"),
    };
    let longest: fn(&Histogram) -> Option<Duration> = |recent| recent.quantile(1.0);
    for (suffix, of) in [
        ("avg", Histogram::average as fn(&Histogram) -> _),
        ("max", longest),
    ] {
        let name = format!("{}_{suffix}", alias.name);
        encode_header(text, &name, metric.help, MetricKind::Gauge.name());
        for sample in samples {
            let labels = encode_labels(alias.labels, &sample.labels);
            encode_line(text, &name, &labels, &recent(sample, of));
        }
    }
}

/// The values of an alias' labels. Kafka tells of consumers' Fetch requests apart as well, and
/// there are no others yet.
fn alias_values(alias: &Alias, values: &[String]) -> Vec<Vec<String>> {
    let mut all = vec![values.to_vec()];
    if alias.labels.first() == Some(&"request") && values.first().is_some_and(|api| api == "Fetch")
    {
        let mut consumers = values.to_vec();
        "FetchConsumer".clone_into(&mut consumers[0]);
        all.push(consumers);
    }
    all
}

fn encode_header(text: &mut String, name: &str, help: &str, kind: &str) {
    let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}");
}

fn encode_line(text: &mut String, name: &str, labels: &str, value: &dyn std::fmt::Display) {
    let _ = if labels.is_empty() {
        writeln!(text, "{name} {value}")
    } else {
        writeln!(text, "{name}{{{labels}}} {value}")
    };
}

fn encode_labels(names: &[&str], values: &[String]) -> String {
    assert!(
        names.len() == values.len(),
        "a series has a value for each label of its metric"
    );
    names
        .iter()
        .zip(values)
        .fold(String::new(), |labels, (name, value)| {
            with_label(&labels, name, value)
        })
}

fn with_label(labels: &str, name: &str, value: &str) -> String {
    let value = value
        .replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n");
    let comma = if labels.is_empty() { "" } else { "," };
    format!("{labels}{comma}{name}=\"{value}\"")
}
