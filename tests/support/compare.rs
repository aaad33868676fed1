//! One scenario on both brokers, what they left behind compared.

use std::sync::OnceLock;

use super::{Broker, Kind, Lab};

/// The broker of `kind` that the tests of this binary share, with the shipped settings.
///
/// It has no handle that could be dropped: it ends with the process.
pub fn shared(lab: &Lab, kind: Kind) -> &'static Broker {
    static KAFKA: OnceLock<Broker> = OnceLock::new();
    static FOREBAY: OnceLock<Broker> = OnceLock::new();
    let place = if kind == Kind::Kafka {
        &KAFKA
    } else {
        &FOREBAY
    };
    place.get_or_init(|| Broker::start(lab, kind, &[]))
}

/// Runs `scenario` on the shared broker of each kind; its transcripts must be equal.
#[track_caller]
pub fn on_both(lab: &Lab, scenario: impl Fn(&Broker) -> String) {
    let [kafka, forebay] = Kind::BOTH.map(|kind| scenario(shared(lab, kind)));
    println!("{kafka}");
    assert_equal(&kafka, &forebay);
}

/// Asserts that two transcripts are equal, and shows the lines that are not.
#[track_caller]
pub fn assert_equal(kafka: &str, forebay: &str) {
    let differences = difference(kafka, forebay);
    let shown = differences.join("\n");
    assert!(
        differences.is_empty(),
        "Kafka (-) and Forebay (+) differ:\n{shown}\n"
    );
}

/// The lines of two texts that are not in both, in order (`-` only in the first, `+` only in the
/// second), with the last `$` line before them, which names a command.
pub fn difference(first: &str, second: &str) -> Vec<String> {
    let (a, b): (Vec<_>, Vec<_>) = (first.lines().collect(), second.lines().collect());
    // The length of the longest common subsequence of every pair of tails.
    let mut common = vec![vec![0u32; b.len() + 1]; a.len() + 1];
    for i in (0..a.len()).rev() {
        for j in (0..b.len()).rev() {
            common[i][j] = match a[i] == b[j] {
                true => common[i + 1][j + 1] + 1,
                false => common[i + 1][j].max(common[i][j + 1]),
            };
        }
    }
    let (mut i, mut j, mut command, mut lines) = (0, 0, None, Vec::new());
    while i < a.len() || j < b.len() {
        if i < a.len() && j < b.len() && a[i] == b[j] {
            if a[i].starts_with('$') {
                command = Some(a[i]);
            }
            (i, j) = (i + 1, j + 1);
            continue;
        }
        lines.extend(command.take().map(str::to_owned));
        if j == b.len() || i < a.len() && common[i + 1][j] >= common[i][j + 1] {
            lines.push(format!("- {}", a[i]));
            i += 1;
        } else {
            lines.push(format!("+ {}", b[j]));
            j += 1;
        }
    }
    lines
}
