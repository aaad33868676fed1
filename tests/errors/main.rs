//! Provoked errors and odd requests, sent to both brokers and compared field by field.
//!
//! The rows are data: `rows/*.jsonl`, one request a line, each in every version it names; and
//! `access/*.jsonl` for brokers with access control. What Forebay answers otherwise stands in
//! `differences.txt` and `access-differences.txt` with the reason: what is meant, and what is not
//! yet as it should be. A line there that no row needs any more is named.

#[path = "../support/mod.rs"]
mod support;

mod compare;
mod row;
mod side;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::Path;

use compare::Differences;
use row::Row;
use side::Side;
use support::wire::Schema;
use support::{Broker, Kind, Lab, needs};

/// How the brokers are set up: small limits, so that a small request can break them.
const SETTINGS: &[(&str, &str)] = &[
    ("auto.create.topics.enable", "false"),
    // The records are of 2024, so that both brokers store the same bytes.
    ("log.retention.ms", "-1"),
    ("socket.request.max.bytes", "1048576"),
    ("message.max.bytes", "65536"),
    ("offset.metadata.max.bytes", "64"),
    ("group.max.size", "3"),
    ("group.min.session.timeout.ms", "1000"),
];

/// Access control, switched on before there is any entry: the first rows make them.
const AUTHORIZER: &[(&str, &str)] = &[
    (
        "authorizer.class.name",
        "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
    ),
    ("allow.everyone.if.no.acl.found", "true"),
    ("log.retention.ms", "-1"),
];

/// A folder of rows, what both brokers are started with, and what differs on purpose.
struct Table {
    folder: &'static str,
    settings: &'static [(&'static str, &'static str)],
    differences: &'static str,
    /// A table that has shrunk proves less.
    requests_min: usize,
}

const ODD: Table = Table {
    folder: "rows",
    settings: SETTINGS,
    differences: include_str!("differences.txt"),
    requests_min: 200,
};

const ACCESS: Table = Table {
    folder: "access",
    settings: AUTHORIZER,
    differences: include_str!("access-differences.txt"),
    requests_min: 400,
};

#[test]
fn every_odd_request_gets_the_answer_that_kafka_gives() {
    let lab = needs!(Java);
    compare_table(&lab, &ODD);
}

#[test]
fn who_may_not_do_something_is_told_so_as_by_kafka() {
    let lab = needs!(Java);
    compare_table(&lab, &ACCESS);
}

#[track_caller]
fn compare_table(lab: &Lab, table: &Table) {
    let schema = Schema::of(lab);
    let brokers = Kind::BOTH.map(|kind| Broker::start(lab, kind, table.settings));
    let [mut kafka, mut forebay] = brokers.each_ref().map(|broker| Side::new(broker, schema));
    let mut differences = Differences::read(table.differences);
    let (mut requests, mut report) = (0, String::new());
    let mut wrong: Vec<(String, Vec<i16>)> = Vec::new();
    let rows = Row::all(schema, table.folder);
    for row in &rows {
        let mut last = None;
        for &version in &row.versions {
            requests += 1;
            let judged = kafka.outcome(row, version);
            let ours = forebay.outcome(row, version);
            for found in compare::differences(&judged, &ours) {
                if !differences.allow(&row.name, &found) {
                    let line = format!("{} | {found}", row.name);
                    match wrong.iter_mut().find(|(known, _)| *known == line) {
                        Some((_, versions)) => versions.push(version),
                        None => wrong.push((line, vec![version])),
                    }
                }
            }
            if last.as_ref() != Some(&judged) {
                writeln!(report, "{} | v{version} | {judged}", row.name).expect("memory");
                last = Some(judged);
            }
        }
    }
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let name = format!("errors-judged-{}.txt", table.folder);
    fs::write(directory.join(name), &report).expect("target/ can be written");
    println!("{} rows, {requests} requests to each broker", rows.len());
    let shown = wrong
        .iter()
        .map(|(line, versions)| format!("{line} | in {versions:?}\n"));
    let shown: String = shown.collect();
    // Not a failure, so that what is mended in one place does not break the build in another.
    for line in differences.unused().lines() {
        let line = format!("no row needs this line of differences.txt any more: {line}\n");
        std::io::stderr()
            .write_all(line.as_bytes())
            .expect("stderr takes a line");
    }
    assert!(wrong.is_empty(), "answers that are not Kafka's:\n{shown}");
    assert!(
        requests >= table.requests_min,
        "the table has shrunk to {requests} requests"
    );
}

/// A row that names no field of its API would prove nothing: this reads every row on its own.
#[test]
fn every_row_is_well_formed_and_has_a_name_of_its_own() {
    let lab = needs!(Java);
    let schema = Schema::of(&lab);
    let folders = [&ODD, &ACCESS].map(|table| Row::all(schema, table.folder));
    let rows = folders.concat();
    let names: BTreeSet<&str> = rows.iter().map(|row| row.name.as_str()).collect();
    assert_eq!(names.len(), rows.len(), "two rows have the same name");
    assert!(
        rows.iter().all(|row| !row.versions.is_empty()),
        "a row has no version"
    );
}
