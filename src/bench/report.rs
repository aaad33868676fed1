//! The result as a page: one file that needs nothing else to be opened.

use std::fmt::Write as _;

use hdrhistogram::Histogram;

use super::figures::Outcome;
use super::plot::{Curve, Plot, Scale, escaped};
use super::tally::{Flow, Sample};

const STYLE: &str = "\
body{font:15px/1.5 system-ui,sans-serif;max-width:46rem;margin:2rem auto;padding:0 1rem;\
color:#1b1b1f;background:#fff}\
h1{font-size:1.4rem}h2{font-size:1.1rem;margin-top:2rem}\
pre{background:#f3f4f6;padding:.8rem 1rem;overflow-x:auto;font-size:.85rem;border-radius:4px}\
svg{width:100%;height:auto;margin-top:1rem}\
svg text{font:12px system-ui,sans-serif;fill:currentColor}svg .title{font-weight:600}\
svg .middle{text-anchor:middle}svg .end{text-anchor:end}\
svg .grid{stroke:currentColor;stroke-opacity:.15;fill:none}\
svg .curve{fill:none;stroke-width:1.8;stroke-linejoin:round}\
.legend span::before{content:'';display:inline-block;width:1em;height:.25em;margin:0 .4em;\
vertical-align:middle;background:var(--c)}\
@media(prefers-color-scheme:dark){body{color:#e4e4e7;background:#18181b}pre{background:#27272a}}";

/// Points of a curve of percentiles for each halving of the distance to 100 %.
const TICKS_PER_HALF: u32 = 10;

/// Which way records went, and how it is called.
type Way = (&'static str, fn(&Sample) -> &Flow);

const WAYS: [Way; 3] = [
    ("produced", |sample| &sample.produced),
    ("consumed", |sample| &sample.consumed),
    ("end to end", |sample| &sample.end_to_end),
];

/// The page of `outcomes`, which `command` has made.
pub fn page(command: &str, outcomes: &[Outcome]) -> String {
    let mut page = format!(
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n\
         <title>forebay bench</title>\n<style>{STYLE}</style>\n\
         <h1>forebay bench</h1>\n<pre>{}</pre>\n",
        escaped(command)
    );
    for (number, outcome) in outcomes.iter().enumerate() {
        if outcomes.len() > 1 {
            let _ = writeln!(page, "<h2>Run {}</h2>", number + 1);
        }
        let _ = writeln!(
            page,
            "<pre>{}</pre>",
            escaped(&outcome.lines(true).join("\n"))
        );
    }
    let plots = [
        percentiles(outcomes),
        over_time(outcomes, "Throughput", "MB/s", Scale::Linear, |flow| {
            (flow.bytes > 0).then_some(flow.bytes as f64 / 1e6)
        }),
        over_time(
            outcomes,
            "p50 of each second",
            "ms",
            Scale::Logarithmic,
            |flow| quantile(&flow.latencies, 0.5),
        ),
        over_time(
            outcomes,
            "p99 of each second",
            "ms",
            Scale::Logarithmic,
            |flow| quantile(&flow.latencies, 0.99),
        ),
        over_time(
            outcomes,
            "Worst of each second",
            "ms",
            Scale::Logarithmic,
            |flow| quantile(&flow.latencies, 1.0),
        ),
    ];
    for plot in plots {
        page.push_str(&plot.svg());
    }
    page.push_str(
        "<p>A MB is 1,000,000 bytes. docs/bench.md of Forebay explains what is measured.</p>\n\
         </html>\n",
    );
    page
}

fn quantile(latencies: &Histogram<u64>, part: f64) -> Option<f64> {
    (!latencies.is_empty()).then(|| latencies.value_at_quantile(part) as f64 / 1000.0)
}

fn percentiles(outcomes: &[Outcome]) -> Plot {
    let mut curves = Vec::new();
    for (way, of) in WAYS {
        for (number, outcome) in outcomes.iter().enumerate() {
            let latencies = &of(&outcome.total).latencies;
            if latencies.is_empty() {
                continue;
            }
            let steps = latencies.iter_quantiles(TICKS_PER_HALF);
            let points = steps.map(|step| {
                let ms = step.value_iterated_to() as f64 / 1000.0;
                // The largest of all is drawn where the last that can be told apart is.
                let part = step.quantile_iterated_to();
                (part.min(1.0 - 0.5 / latencies.len() as f64), ms)
            });
            curves.push(Curve {
                name: named(way, number, outcomes.len()),
                points: points.collect(),
            });
        }
    }
    Plot {
        title: "Latency by percentile".to_owned(),
        x_name: "share of records that were as fast",
        y_name: "ms",
        x_scale: Scale::Nines,
        y_scale: Scale::Logarithmic,
        curves,
    }
}

fn over_time(
    outcomes: &[Outcome],
    title: &str,
    y_name: &'static str,
    y_scale: Scale,
    figure: fn(&Flow) -> Option<f64>,
) -> Plot {
    let mut curves = Vec::new();
    for (way, of) in WAYS {
        for (number, outcome) in outcomes.iter().enumerate() {
            // The last second may be cut off, which would look like a fall.
            let whole = outcome.elapsed.as_secs() as i64;
            let seconds = outcome.seconds.range(..whole.max(1));
            let points: Vec<(f64, f64)> = seconds
                .filter_map(|(second, sample)| Some((*second as f64 + 1.0, figure(of(sample))?)))
                .collect();
            if !points.is_empty() {
                curves.push(Curve {
                    name: named(way, number, outcomes.len()),
                    points,
                });
            }
        }
    }
    Plot {
        title: title.to_owned(),
        x_name: "seconds",
        y_name,
        x_scale: Scale::Linear,
        y_scale,
        curves,
    }
}

fn named(way: &str, number: usize, count: usize) -> String {
    match count {
        1 => way.to_owned(),
        _ => format!("{way}, run {}", number + 1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::figures::Used;
    use std::collections::BTreeMap;
    use std::time::Duration;

    fn outcome() -> Outcome {
        let mut seconds = BTreeMap::new();
        let mut total = Sample::default();
        for second in 0..5 {
            let mut sample = Sample::default();
            sample.produced.bytes = 1_000_000 * (second + 1);
            sample.produced.records = 1000;
            sample.produced.requests = 10;
            sample
                .produced
                .latencies
                .record_n(1000 + second * 100, 1000)
                .unwrap();
            total.add(&sample);
            seconds.insert(second as i64, sample);
        }
        Outcome {
            elapsed: Duration::from_secs(5),
            total,
            seconds,
            used: Used::default(),
            is_cut_short: false,
            drained: None,
        }
    }

    #[test]
    fn a_page_needs_nothing_but_itself() {
        let page = page(
            "forebay bench produce --topic '<t>'",
            &[outcome(), outcome()],
        );
        for part in [
            "&lt;t&gt;",
            "Run 2",
            "Latency by percentile",
            "Throughput",
            "produced, run 2",
        ] {
            assert!(page.contains(part), "{part} in {page}");
        }
        for foreign in [
            "http:", "https:", "src=", "href=", "url(", "@import", "<script",
        ] {
            assert!(!page.contains(foreign), "{foreign} in {page}");
        }
        // Tags that are opened are closed, but for those of HTML that need not be.
        for tag in ["svg", "pre", "p", "text", "style", "h2"] {
            let opened = page.matches(&format!("<{tag}>")).count()
                + page.matches(&format!("<{tag} ")).count();
            assert_eq!(opened, page.matches(&format!("</{tag}>")).count(), "{tag}");
        }
    }
}
