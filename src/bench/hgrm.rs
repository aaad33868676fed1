//! The percentile text of `HdrHistogram`, which its plotters read.

use std::fmt::Write as _;

use hdrhistogram::Histogram;

/// Lines for each halving of the distance to 100 %: what `HdrHistogram`'s own tools use.
const TICKS_PER_HALF: u32 = 5;

/// `latencies`, in microseconds, as a text in milliseconds.
pub fn percentile_text(latencies: &Histogram<u64>) -> String {
    let mut text = String::from("       Value     Percentile TotalCount 1/(1-Percentile)\n\n");
    let ms = |microseconds: f64| microseconds / 1000.0;
    let mut steps = latencies.iter_quantiles(TICKS_PER_HALF).peekable();
    while let Some(step) = steps.next() {
        let quantile = step.quantile_iterated_to();
        let count = latencies.count_between(0, step.value_iterated_to());
        let value = ms(step.value_iterated_to() as f64);
        let _ = write!(text, "{value:12.3} {quantile:.12} {count:10}");
        if quantile < 1.0 && steps.peek().is_some() {
            let _ = write!(text, " {:14.2}", 1.0 / (1.0 - quantile));
        }
        text.push('\n');
    }
    let _ = writeln!(
        text,
        "#[Mean    = {:12.3}, StdDeviation   = {:12.3}]",
        ms(latencies.mean()),
        ms(latencies.stdev())
    );
    let _ = writeln!(
        text,
        "#[Max     = {:12.3}, Total count    = {:12}]",
        ms(latencies.max() as f64),
        latencies.len()
    );
    let _ = writeln!(
        text,
        "#[Buckets = {:12}, SubBuckets     = {:12}]",
        latencies.buckets(),
        2048
    );
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_has_the_columns_that_plotters_read() {
        let mut latencies = Histogram::new(3).unwrap();
        for latency in 1..=10_000 {
            latencies.record(latency).unwrap();
        }
        let text = percentile_text(&latencies);
        let rows: Vec<Vec<f64>> = text
            .lines()
            .skip(2)
            .filter(|line| !line.starts_with('#'))
            .map(|line| {
                let cells = line.split_whitespace();
                cells.map(|cell| cell.parse().unwrap()).collect()
            })
            .collect();
        assert!(rows.len() > 20, "{text}");
        for pair in rows.windows(2) {
            assert!(
                pair[0][0] <= pair[1][0] && pair[0][1] <= pair[1][1],
                "{text}"
            );
        }
        let half = rows.iter().find(|row| row[1] >= 0.5).unwrap();
        assert!((half[0] - 5.0).abs() < 0.01, "{half:?}");
        let last = rows.last().unwrap();
        assert_eq!(
            last[1..],
            [1.0, 10_000.0],
            "the last line has no fourth column"
        );
        assert!(text.contains("Total count    =        10000]"), "{text}");
    }
}
