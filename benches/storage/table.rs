//! The table: each figure's medians, what it is to be, and whether it is.

use std::fmt::Write;

use serde_json::{Value, json};

use crate::pair::Kind;

/// One value for each round.
#[derive(Clone, Debug, Default)]
pub struct Series(pub Vec<f64>);

/// What a figure is to be.
#[derive(Clone, Copy, Debug)]
pub enum Goal {
    /// It is told for what it says of the others.
    Nothing,
    /// At most this.
    AtMost(f64),
    /// At least this.
    AtLeast(f64),
    /// At most what the device takes and so much.
    DeviceAnd(f64),
    /// At least this part of what the device does.
    PartOfDevice(f64),
    /// At least so many times what Kafka does.
    TimesKafka(f64),
}

/// A figure of both brokers and of the device.
#[derive(Clone, Debug)]
pub struct Row {
    pub figure: String,
    pub unit: &'static str,
    pub forebay: Series,
    pub other: Series,
    pub kafka: Series,
    pub device: Series,
    pub goal: Goal,
}

impl Series {
    pub fn push(&mut self, value: f64) {
        self.0.push(value);
    }

    fn sorted(&self) -> Vec<f64> {
        let mut values = self.0.clone();
        values.sort_by(f64::total_cmp);
        values
    }

    pub fn median(&self) -> Option<f64> {
        let values = self.sorted();
        values.get(values.len() / 2).copied()
    }

    /// Each value of this by that of `other` in the same round.
    pub fn by(&self, other: &Self) -> Self {
        let pairs = self.0.iter().zip(&other.0);
        Self(pairs.map(|(one, other)| one / other).collect())
    }

    fn text(&self) -> String {
        let values = self.sorted();
        let (Some(least), Some(median), Some(greatest)) =
            (values.first(), self.median(), values.last())
        else {
            return String::new();
        };
        let short = |value: f64| match value.abs() {
            100.0.. => format!("{value:.0}"),
            10.0.. => format!("{value:.1}"),
            _ => format!("{value:.2}"),
        };
        let mut text = short(median);
        if values.len() > 1 {
            let _ = write!(text, " ({}-{})", short(*least), short(*greatest));
        }
        text
    }
}

impl Row {
    pub fn new(figure: &str, unit: &'static str, goal: Goal) -> Self {
        Self {
            figure: figure.to_owned(),
            unit,
            forebay: Series::default(),
            other: Series::default(),
            kafka: Series::default(),
            device: Series::default(),
            goal,
        }
    }

    pub fn of(&mut self, kind: Kind) -> &mut Series {
        match kind {
            Kind::Forebay => &mut self.forebay,
            Kind::Other => &mut self.other,
            Kind::Kafka => &mut self.kafka,
        }
    }

    /// What each broker does in `one` by what it does in `other`.
    pub fn ratio(figure: &str, goal: Goal, one: &Self, other: &Self) -> Self {
        Self {
            forebay: one.forebay.by(&other.forebay),
            other: one.other.by(&other.other),
            kafka: one.kafka.by(&other.kafka),
            ..Self::new(figure, "", goal)
        }
    }

    /// What the figure is to be at least or at most, and whether it is to be at least that.
    fn bound(&self) -> Option<(f64, bool)> {
        Some(match self.goal {
            Goal::Nothing => return None,
            Goal::AtMost(bound) => (bound, false),
            Goal::AtLeast(bound) => (bound, true),
            Goal::DeviceAnd(more) => (self.device.median()? + more, false),
            Goal::PartOfDevice(part) => (self.device.median()? * part, true),
            Goal::TimesKafka(times) => (self.kafka.median()? * times, true),
        })
    }

    fn is_met(&self) -> Option<bool> {
        let ((bound, is_least), figure) = (self.bound()?, self.forebay.median()?);
        Some(if is_least {
            figure >= bound
        } else {
            figure <= bound
        })
    }

    fn goal_text(&self) -> String {
        let what = match self.goal {
            Goal::Nothing => return String::new(),
            Goal::AtMost(bound) => format!("<= {bound}"),
            Goal::AtLeast(bound) => format!(">= {bound}"),
            Goal::DeviceAnd(more) => format!("<= device + {more}"),
            Goal::PartOfDevice(part) => format!(">= {part} x device"),
            Goal::TimesKafka(times) => format!(">= {times} x Kafka"),
        };
        match self.is_met() {
            Some(true) => format!("{what}: met"),
            Some(false) => format!("{what}: MISSED"),
            None => what,
        }
    }
}

pub fn print(rows: &[Row]) {
    let is_other = rows.iter().any(|row| row.other.median().is_some());
    let line = |[figure, unit, forebay, other, kafka, device, goal]: [&str; 7]| {
        let other = match is_other {
            true => format!("{other:<22} "),
            false => String::new(),
        };
        println!("{figure:<46} {unit:<5} {forebay:<22} {other}{kafka:<22} {device:<22} {goal}");
    };
    line([
        "figure",
        "unit",
        "Forebay",
        "other Forebay",
        "Apache Kafka",
        "device",
        "goal",
    ]);
    for row in rows {
        line([
            &row.figure,
            row.unit,
            &row.forebay.text(),
            &row.other.text(),
            &row.kafka.text(),
            &row.device.text(),
            &row.goal_text(),
        ]);
    }
}

pub fn json(rows: &[Row]) -> Value {
    let of = |series: &Series| json!({ "median": series.median(), "rounds": series.0 });
    let rows = rows.iter().map(|row| {
        json!({
            "figure": row.figure,
            "unit": row.unit,
            "forebay": of(&row.forebay),
            "other": of(&row.other),
            "kafka": of(&row.kafka),
            "device": of(&row.device),
            "goal": row.goal_text(),
            "is_met": row.is_met(),
        })
    });
    Value::Array(rows.collect())
}
