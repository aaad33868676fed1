//! What a person writes for a time, a size, a rate and a choice of keys.

use std::str::FromStr;
use std::time::Duration;

use crate::config::parse_size;

/// A batch, and so a record, stays below the largest request that brokers take by default.
const RECORD_BYTES_MAX: usize = 64 << 20;

/// A day: what runs longer than that is no benchmark.
const SECONDS_MAX: f64 = 86_400.0;

/// More records a second than any machine takes, and few enough for sums in 64 bits.
const RATE_MAX: u64 = 1_000_000_000;

/// How many bytes records have: all the same, or any between two bounds.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Sizes {
    pub min: usize,
    pub max: usize,
}

/// How fast records come.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Throughput {
    /// As soon as a request may go out.
    Unlimited,
    /// So many records a second, whatever the broker does.
    PerSecond(u64),
}

/// Which keys records have.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Keys {
    None,
    /// Each key as often as any other.
    Uniform,
    /// The n-th key as often as 1/n to the power of this.
    Zipf(f64),
}

/// A time with a unit, or in seconds: `250ms`, `30`, `30s`, `5m`, `2h`.
///
/// # Errors
/// What it looks like, if `text` is something else.
pub fn duration(text: &str) -> Result<Duration, String> {
    const UNITS: [(&str, f64); 4] = [("ms", 0.001), ("s", 1.0), ("m", 60.0), ("h", 3600.0)];
    let found = UNITS.iter().find_map(|(unit, seconds)| {
        let digits = text.strip_suffix(unit)?;
        Some((digits, *seconds))
    });
    let (digits, unit) = found.unwrap_or((text, 1.0));
    let seconds = digits.trim_end().parse::<f64>().ok().map(|n| n * unit);
    seconds
        .filter(|seconds| (0.0..=SECONDS_MAX).contains(seconds))
        .map(Duration::from_secs_f64)
        .ok_or_else(|| "Not a time of at most a day, such as 500ms, 30s or 5m".to_owned())
}

/// The same, and longer than nothing.
///
/// # Errors
/// What it looks like, if `text` is something else.
pub fn positive_duration(text: &str) -> Result<Duration, String> {
    let duration = duration(text)?;
    if duration.is_zero() {
        return Err("It takes more than no time".to_owned());
    }
    Ok(duration)
}

/// A size in bytes with a unit or none, from 1 to 64 MiB.
///
/// # Errors
/// What it looks like, if `text` is something else.
pub fn size(text: &str) -> Result<usize, String> {
    let bytes = parse_size(text)
        .ok()
        .and_then(|bytes| usize::try_from(bytes).ok());
    bytes
        .filter(|bytes| (1..=RECORD_BYTES_MAX).contains(bytes))
        .ok_or_else(|| "Not a size from 1 to 64MiB, such as 100, 1KiB or 1MiB".to_owned())
}

/// A size without an upper bound.
///
/// # Errors
/// What it looks like, if `text` is something else.
pub fn large_size(text: &str) -> Result<u64, String> {
    let bytes = parse_size(text)
        .ok()
        .and_then(|bytes| u64::try_from(bytes).ok());
    bytes
        .filter(|bytes| *bytes > 0)
        .ok_or_else(|| "Not a size, such as 500MB or 10GiB".to_owned())
}

impl FromStr for Sizes {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (min, max) = match text.split_once("..") {
            Some((min, max)) => (size(min)?, size(max)?),
            None => (size(text)?, size(text)?),
        };
        if min > max {
            return Err(format!(
                "{min} is more than {max}: the smaller one comes first"
            ));
        }
        Ok(Self { min, max })
    }
}

impl FromStr for Throughput {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        // Kafka's tool has -1 for it.
        if text == "-1" || text == "max" {
            return Ok(Self::Unlimited);
        }
        let rate = text.parse().ok();
        rate.filter(|rate| (1..=RATE_MAX).contains(rate))
            .map(Self::PerSecond)
            .ok_or_else(|| {
                "Not a number of records a second of at least 1, or -1 for as many as go".to_owned()
            })
    }
}

impl FromStr for Keys {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once(':').unwrap_or((text, "")) {
            ("none", "") => Ok(Self::None),
            ("uniform", "") => Ok(Self::Uniform),
            ("zipf", "") => Ok(Self::Zipf(1.0)),
            ("zipf", exponent) => exponent
                .parse()
                .ok()
                .filter(|exponent| (0.01..=10.0).contains(exponent))
                .map(Self::Zipf)
                .ok_or_else(|| "The exponent of zipf is a number from 0.01 to 10".to_owned()),
            _ => Err("Not one of none, uniform, zipf, zipf:EXPONENT".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_a_unit_or_are_seconds() {
        assert_eq!(duration("250ms"), Ok(Duration::from_millis(250)));
        assert_eq!(duration("30"), Ok(Duration::from_secs(30)));
        assert_eq!(duration("1.5s"), Ok(Duration::from_millis(1500)));
        assert_eq!(duration("5m"), Ok(Duration::from_secs(300)));
        assert_eq!(duration("0"), Ok(Duration::ZERO));
        for bad in ["", "s", "-1s", "1d", "25h", "NaN", "inf"] {
            assert!(duration(bad).is_err(), "{bad}");
        }
        assert!(positive_duration("0s").is_err());
    }

    #[test]
    fn sizes_are_one_or_a_range() {
        let sizes = |text: &str| text.parse::<Sizes>().map(|sizes| (sizes.min, sizes.max));
        assert_eq!(sizes("1KiB"), Ok((1024, 1024)));
        assert_eq!(sizes("100..2kB"), Ok((100, 2000)));
        for bad in ["0", "2..1", "1..", "..", "100GiB", "big"] {
            assert!(sizes(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_rate_of_nothing_is_no_rate() {
        assert_eq!("-1".parse(), Ok(Throughput::Unlimited));
        assert_eq!("max".parse(), Ok(Throughput::Unlimited));
        assert_eq!("50000".parse(), Ok(Throughput::PerSecond(50_000)));
        for bad in ["0", "-2", "1.5", "fast"] {
            assert!(bad.parse::<Throughput>().is_err(), "{bad}");
        }
    }

    #[test]
    fn keys_are_named_with_an_exponent_or_none() {
        assert_eq!("none".parse(), Ok(Keys::None));
        assert_eq!("zipf".parse(), Ok(Keys::Zipf(1.0)));
        assert_eq!("zipf:0.8".parse(), Ok(Keys::Zipf(0.8)));
        for bad in ["zipf:x", "zipf:0", "uniform:2", "some"] {
            assert!(bad.parse::<Keys>().is_err(), "{bad}");
        }
    }
}
