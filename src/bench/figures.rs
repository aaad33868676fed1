//! The figures of a run, as they are told.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use hdrhistogram::Histogram;
use serde_json::{Value, json};

use super::processes::Taken;
use super::tally::{Flow, Sample};

/// The quantiles that are told, and their names.
pub const QUANTILES: [(&str, f64); 5] = [
    ("p50", 0.5),
    ("p90", 0.9),
    ("p99", 0.99),
    ("p99.9", 0.999),
    ("p99.99", 0.9999),
];

/// One measurement.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// How long was measured.
    pub elapsed: Duration,
    /// All that was done meanwhile, and how long it took.
    pub total: Sample,
    /// The same of each second.
    pub seconds: BTreeMap<i64, Sample>,
    pub used: Used,
    /// A person wanted an end before its time.
    pub is_cut_short: bool,
    /// Of consumers that were behind.
    pub drained: Option<Drained>,
}

/// How consumers caught up.
#[derive(Clone, Copy, Debug)]
pub struct Drained {
    /// Records that they were behind at first, of all groups.
    pub backlog: u64,
    /// When each partition had been read to its end; `None` if that never was.
    pub after: Option<Duration>,
}

/// What processes and the device took for it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Used {
    /// Of the processes that were named; nothing if none was.
    pub broker: Option<BrokerUse>,
    pub device_written: Option<u64>,
    pub own_cpu_seconds: f64,
}

#[derive(Clone, Copy, Debug)]
pub struct BrokerUse {
    pub cpu_seconds: f64,
    pub resident_bytes: u64,
    pub resident_bytes_max: u64,
    pub written: Option<u64>,
}

impl Used {
    /// What was taken from `before` to `after`.
    pub fn between(before: &Taken, after: &Taken, has_processes: bool) -> Self {
        let difference = |before: Option<u64>, after: Option<u64>| {
            before
                .zip(after)
                .map(|(before, after)| after.saturating_sub(before))
        };
        Self {
            broker: has_processes.then(|| BrokerUse {
                cpu_seconds: after.cpu_seconds - before.cpu_seconds,
                resident_bytes: after.resident_bytes,
                resident_bytes_max: after.resident_bytes_max,
                written: difference(before.process_written, after.process_written),
            }),
            device_written: difference(before.device_written, after.device_written),
            own_cpu_seconds: after.own_cpu_seconds - before.own_cpu_seconds,
        }
    }
}

impl Outcome {
    /// Records that were refused.
    pub fn failed(&self) -> u64 {
        self.total.failures.values().sum()
    }

    /// The bytes that went through the broker, either way.
    fn bytes(&self) -> u64 {
        self.total.produced.bytes + self.total.consumed.bytes
    }

    fn seconds_elapsed(&self) -> f64 {
        self.elapsed.as_secs_f64().max(1e-9)
    }

    /// The lines for a person.
    pub fn lines(&self, with_metrics: bool) -> Vec<String> {
        let mut lines = Vec::new();
        let Sample {
            produced,
            consumed,
            end_to_end,
            ..
        } = &self.total;
        let seconds = self.seconds_elapsed();
        for (name, latency, flow) in [
            ("produced", "  until acknowledged", produced),
            ("consumed", "  a fetch", consumed),
        ] {
            if flow.is_empty() {
                continue;
            }
            lines.push(format!(
                "{name:<10}{:>12} records/s {:>10} MB/s   {} records in {:.1} s",
                grouped(rate(flow.records, seconds)),
                tenths(flow.bytes as f64 / 1e6 / seconds),
                grouped(flow.records),
                seconds,
            ));
            lines.push(latency_line(latency, &flow.latencies));
            if with_metrics {
                lines.push(metrics_line(flow, seconds));
            }
        }
        if !end_to_end.latencies.is_empty() {
            lines.push("end to end".to_owned());
            lines.push(latency_line("  until consumed", &end_to_end.latencies));
        }
        if let Some(drained) = &self.drained {
            let backlog = grouped(drained.backlog);
            lines.push(match drained.after {
                Some(after) => {
                    format!(
                        "drained   {backlog:>12} records behind in {:.1} s",
                        after.as_secs_f64()
                    )
                }
                None => format!("not drained: {backlog} records were behind at first"),
            });
        }
        lines.extend(self.use_lines());
        for (error, count) in &self.total.failures {
            lines.push(format!(
                "failed    {:>12} records: {error}",
                grouped(*count)
            ));
        }
        lines
    }

    fn use_lines(&self) -> Vec<String> {
        let (seconds, bytes) = (self.seconds_elapsed(), self.bytes());
        let gigabytes = bytes as f64 / 1e9;
        let mut lines = Vec::new();
        let cpu = |of: f64| match bytes {
            0 => format!("{:.2} CPUs", of / seconds),
            _ => format!("{:.3} CPU-s/GB ({:.2} CPUs)", of / gigabytes, of / seconds),
        };
        if let Some(broker) = &self.used.broker {
            let mut line = format!(
                "broker      {}, {} MB resident ({} at most)",
                cpu(broker.cpu_seconds),
                broker.resident_bytes / 1_000_000,
                broker.resident_bytes_max / 1_000_000,
            );
            match broker.written {
                Some(written) => {
                    let _ = write!(line, ", wrote {}", written_text(written, bytes));
                }
                None => line.push_str(", writes unknown: /proc/PID/io is not shown to this user"),
            }
            lines.push(line);
        }
        if let Some(written) = self.used.device_written {
            lines.push(format!(
                "device      wrote {}",
                written_text(written, bytes)
            ));
        }
        lines.push(format!("this client {}", cpu(self.used.own_cpu_seconds)));
        lines
    }

    /// The same for a program.
    pub fn document(&self) -> Value {
        let seconds = self.seconds_elapsed();
        let flow = |flow: &Flow| match flow.is_empty() {
            true => Value::Null,
            false => flow_document(flow, seconds),
        };
        let total = &self.total;
        let end_to_end = match total.end_to_end.latencies.is_empty() {
            true => Value::Null,
            false => latency_document(&total.end_to_end.latencies),
        };
        let gigabytes = self.bytes() as f64 / 1e9;
        let per_gigabyte = |cpu: f64| (gigabytes > 0.0).then(|| cpu / gigabytes);
        let broker = self.used.broker.map(|broker| {
            json!({
                "cpu_seconds": broker.cpu_seconds,
                "cpu_seconds_per_gb": per_gigabyte(broker.cpu_seconds),
                "resident_bytes": broker.resident_bytes,
                "resident_bytes_max": broker.resident_bytes_max,
                "written_bytes": broker.written,
            })
        });
        json!({
            "elapsed_ms": self.elapsed.as_millis() as u64,
            "cut_short": self.is_cut_short,
            "produced": flow(&total.produced),
            "consumed": flow(&total.consumed),
            "end_to_end_latency_ms": end_to_end,
            "drained": self.drained.map(|drained| json!({
                "backlog_records": drained.backlog,
                "after_ms": drained.after.map(|after| after.as_millis() as u64),
            })),
            "failed": total.failures,
            "broker": broker,
            "device_written_bytes": self.used.device_written,
            "client": {
                "cpu_seconds": self.used.own_cpu_seconds,
                "cpu_seconds_per_gb": per_gigabyte(self.used.own_cpu_seconds),
            },
            "seconds": self.seconds.iter().map(second_document).collect::<Vec<_>>(),
        })
    }
}

/// One second, as a line while the work goes on.
pub fn live_line(interval: i64, sample: &Sample) -> String {
    let mut line = if interval < 0 {
        "warm-up".to_owned()
    } else {
        format!("{:>5} s", interval + 1)
    };
    for (name, flow) in [
        ("produced", &sample.produced),
        ("consumed", &sample.consumed),
    ] {
        if flow.requests == 0 {
            continue;
        }
        let _ = write!(
            line,
            "  {name} {:>10}/s {:>8} MB/s",
            grouped(flow.records),
            tenths(flow.bytes as f64 / 1e6),
        );
        short_latencies(&mut line, &flow.latencies);
    }
    if !sample.end_to_end.latencies.is_empty() {
        line.push_str("  end to end");
        short_latencies(&mut line, &sample.end_to_end.latencies);
    }
    let failed: u64 = sample.failures.values().sum();
    if failed > 0 {
        let _ = write!(line, "  failed {}", grouped(failed));
    }
    line
}

fn short_latencies(line: &mut String, latencies: &Histogram<u64>) {
    if !latencies.is_empty() {
        let _ = write!(
            line,
            "  p50 {}  p99 {}  max {}",
            time(latencies.value_at_quantile(0.5)),
            time(latencies.value_at_quantile(0.99)),
            time(latencies.max()),
        );
    }
}

/// The summary of several runs.
pub fn summary_lines(outcomes: &[Outcome]) -> Vec<String> {
    let rates = |of: fn(&Sample) -> &Flow| {
        let rate =
            |outcome: &Outcome| of(&outcome.total).bytes as f64 / 1e6 / outcome.seconds_elapsed();
        let mut rates: Vec<f64> = outcomes.iter().map(rate).collect();
        rates.sort_by(f64::total_cmp);
        rates
    };
    let mut lines = Vec::new();
    for (name, rates) in [
        ("produced", rates(|total| &total.produced)),
        ("consumed", rates(|total| &total.consumed)),
    ] {
        let (Some(least), Some(most)) = (rates.first(), rates.last()) else {
            continue;
        };
        if *most > 0.0 {
            lines.push(format!(
                "{name:<10}{} runs: median {} MB/s, from {} to {}",
                rates.len(),
                tenths(median(&rates)),
                tenths(*least),
                tenths(*most),
            ));
        }
    }
    lines
}

/// The middle of what is sorted; of two in the middle the mean.
fn median(sorted: &[f64]) -> f64 {
    let middle = sorted.len() / 2;
    if sorted.len() % 2 == 1 {
        sorted[middle]
    } else {
        (sorted[middle - 1] + sorted[middle]) / 2.0
    }
}

fn latency_line(name: &str, latencies: &Histogram<u64>) -> String {
    if latencies.is_empty() {
        return format!("{name}: nothing was due in time");
    }
    let mut line = format!("{name}:");
    for (quantile, part) in QUANTILES {
        let _ = write!(
            line,
            "  {quantile} {}",
            time(latencies.value_at_quantile(part))
        );
    }
    let _ = write!(line, "  max {}", time(latencies.max()));
    line
}

fn metrics_line(flow: &Flow, seconds: f64) -> String {
    let requests = flow.requests.max(1);
    format!(
        "  {} requests/s, {} records and {} bytes each",
        grouped(rate(flow.requests, seconds)),
        tenths(flow.records as f64 / requests as f64),
        grouped(flow.bytes / requests),
    )
}

fn written_text(written: u64, bytes: u64) -> String {
    let mut text = format!("{} MB", tenths(written as f64 / 1e6));
    if bytes > 0 {
        let _ = write!(
            text,
            " ({:.2} bytes for each)",
            written as f64 / bytes as f64
        );
    }
    text
}

fn flow_document(flow: &Flow, seconds: f64) -> Value {
    json!({
        "records": flow.records,
        "bytes": flow.bytes,
        "requests": flow.requests,
        "records_per_second": flow.records as f64 / seconds,
        "mb_per_second": flow.bytes as f64 / 1e6 / seconds,
        "latency_ms": latency_document(&flow.latencies),
    })
}

fn second_document((second, sample): (&i64, &Sample)) -> Value {
    json!({
        "second": second,
        "produced": flow_document(&sample.produced, 1.0),
        "consumed": flow_document(&sample.consumed, 1.0),
        "end_to_end_latency_ms": latency_document(&sample.end_to_end.latencies),
    })
}

fn latency_document(latencies: &Histogram<u64>) -> Value {
    if latencies.is_empty() {
        return Value::Null;
    }
    let ms = |microseconds: u64| microseconds as f64 / 1000.0;
    let mut document = json!({
        "count": latencies.len(),
        "mean": latencies.mean() / 1000.0,
        "max": ms(latencies.max()),
    });
    for (name, part) in QUANTILES {
        document[name] = json!(ms(latencies.value_at_quantile(part)));
    }
    document
}

fn rate(count: u64, seconds: f64) -> u64 {
    (count as f64 / seconds).round() as u64
}

/// Microseconds, with three digits that count.
fn time(microseconds: u64) -> String {
    let ms = microseconds as f64 / 1000.0;
    match microseconds {
        0..1_000 => format!("{microseconds} µs"),
        1_000..10_000 => format!("{ms:.2} ms"),
        10_000..100_000 => format!("{ms:.1} ms"),
        100_000..10_000_000 => format!("{ms:.0} ms"),
        _ => format!("{:.1} s", ms / 1000.0),
    }
}

/// A number with its thousands apart.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A number with one digit behind the point, its thousands apart.
fn tenths(number: f64) -> String {
    let tenths = (number * 10.0).round() as u64;
    format!("{}.{}", grouped(tenths / 10), tenths % 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_told_with_what_counts() {
        assert_eq!(grouped(0), "0");
        assert_eq!(grouped(999), "999");
        assert_eq!(grouped(1_234_567), "1,234,567");
        assert_eq!(tenths(1234.56), "1,234.6");
        assert_eq!(time(999), "999 µs");
        assert_eq!(time(1_234), "1.23 ms");
        assert_eq!(time(123_456), "123 ms");
        assert_eq!(time(12_345_678), "12.3 s");
    }

    #[test]
    fn a_median_is_the_middle() {
        assert_eq!(median(&[1.0, 2.0, 9.0]), 2.0);
        assert_eq!(median(&[1.0, 2.0, 4.0, 9.0]), 3.0);
    }

    #[test]
    fn rates_are_those_of_the_time_that_was_measured() {
        let mut total = Sample::default();
        total.produced.records = 1000;
        total.produced.bytes = 5_000_000;
        total.produced.requests = 10;
        total.produced.latencies.record_n(2_000, 1000).unwrap();
        total.failures.insert("NOT_ENOUGH_REPLICAS", 3);
        let outcome = Outcome {
            elapsed: Duration::from_secs(2),
            total,
            seconds: BTreeMap::new(),
            used: Used {
                broker: Some(BrokerUse {
                    cpu_seconds: 1.0,
                    resident_bytes: 32_000_000,
                    resident_bytes_max: 40_000_000,
                    written: Some(10_000_000),
                }),
                device_written: None,
                own_cpu_seconds: 0.5,
            },
            is_cut_short: false,
            drained: None,
        };
        let document = outcome.document();
        assert_eq!(document["produced"]["records_per_second"], 500.0);
        assert_eq!(document["produced"]["mb_per_second"], 2.5);
        assert_eq!(document["broker"]["cpu_seconds_per_gb"], 200.0);
        assert_eq!(document["consumed"], Value::Null);
        assert_eq!(document["failed"]["NOT_ENOUGH_REPLICAS"], 3);
        let text = outcome.lines(true).join("\n");
        assert!(text.contains("500 records/s        2.5 MB/s"), "{text}");
        assert!(text.contains("p99.99 2.00 ms"), "{text}");
        assert!(
            text.contains("wrote 10.0 MB (2.00 bytes for each)"),
            "{text}"
        );
        assert_eq!(outcome.failed(), 3);
    }
}
