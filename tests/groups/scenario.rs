//! Scenario files: commands, and below each all that it makes happen.
//!
//! `UPDATE=1` writes what happens into the files; read the difference before you commit it.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use forebay::config::BrokerConfig;
use forebay::coordinator::group::RequestToken;
use forebay::model::ErrorCode;

use super::text::{Names, Words, answer, record, request};
use super::world::{Happened, World, WriteMode, observe};

struct Run {
    world: World,
    names: Names,
    labels: BTreeMap<RequestToken, String>,
}

fn duration(text: &str) -> Duration {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let number: u64 = digits.parse().unwrap();
    match &text[digits.len()..] {
        "ms" => Duration::from_millis(number),
        "s" => Duration::from_secs(number),
        "m" => Duration::from_mins(number),
        "h" => Duration::from_hours(number),
        "d" => Duration::from_hours(24 * number),
        other => panic!("{other} is no unit"),
    }
}

fn configured(line: &str) -> World {
    let mut words = Words::parse(line);
    World::new(|config: &mut BrokerConfig| {
        config.group_initial_rebalance_delay_ms = words.number("initial-delay", 0);
        config.group_max_size = words.number("max-size", 100);
        config.offset_metadata_max_bytes = words.number("metadata-max", 4096);
        config.offsets_commit_timeout_ms = words.number("commit-timeout", 5_000);
        config.offsets_retention_ms = words.number("retention", 7 * 24 * 3_600_000);
    })
}

impl Run {
    /// Do what `line` says; gives what happened.
    fn command(&mut self, line: &str) -> Vec<String> {
        let (label, command) = match line.split_once(": ") {
            Some((label, command)) => (label, command),
            None => ("", line),
        };
        let mut words = Words::parse(command);
        let mut extra = Vec::new();
        match words.plain[0].as_str() {
            "advance" => self.world.advance(duration(&words.plain[1])),
            "hold-writes" => self.world.mode = WriteMode::Hold,
            "commit-writes" => {
                self.world.mode = WriteMode::Commit;
                while !self.world.held.is_empty() {
                    self.world.commit_one();
                }
            }
            "commit-write" => self.world.commit_one(),
            "fail-write" => {
                let mut errors = ErrorCode::ALL.iter();
                let error = errors.find(|error| error.name() == words.plain[1]).unwrap();
                self.world.fail_one(*error).unwrap();
            }
            "restart" => self.world.restart(),
            "compare-replay" => extra.push(self.compare_replay()),
            "delete-topic" => self.world.delete_topic(&words.plain[1]),
            "create-topic" => self.world.add_topic(&words.plain[1], 3, 9),
            _ => {
                let client = words.take("client").unwrap_or("client".to_owned());
                let (version, request) = request(&mut words, &self.names);
                let token = self.world.ask(&client, version, request);
                self.labels.insert(token, label.to_owned());
            }
        }
        let happened: Vec<_> = self.world.happened.drain(..).collect();
        let mut lines = Vec::new();
        for happened in happened {
            match happened {
                Happened::Written(records) => {
                    for one in &records {
                        lines.push(format!("write {}", record(one, &mut self.names)));
                    }
                }
                Happened::Answered(token, response) => {
                    let label = self.labels.get(&token).cloned().unwrap_or_default();
                    let label = if label.is_empty() {
                        label
                    } else {
                        format!("{label}: ")
                    };
                    lines.push(format!("{label}{}", answer(&response, &mut self.names)));
                }
            }
        }
        lines.extend(extra);
        lines
    }

    fn compare_replay(&mut self) -> String {
        let now = self.world.now();
        let mut replayed = self.world.replayed();
        let mut output = forebay::coordinator::group::Output::default();
        replayed.on_loaded(now, &mut output);
        replayed.check();
        let live = observe(&mut self.world.coordinator, now);
        let replayed = observe(&mut replayed, now);
        assert_eq!(live, replayed, "replay gives another state");
        format!("the same {} groups", live.len())
    }
}

fn play(path: &Path) -> String {
    let text = fs::read_to_string(path).unwrap();
    let mut run = Run {
        world: configured(""),
        names: Names::default(),
        labels: BTreeMap::new(),
    };
    let mut played = String::new();
    for line in text.lines() {
        if line.starts_with("  ") {
            continue;
        }
        played.push_str(line);
        played.push('\n');
        if let Some(settings) = line.strip_prefix("config") {
            run.world = configured(settings);
        } else if !line.is_empty() && !line.starts_with('#') {
            for happened in run.command(line) {
                played.push_str("  ");
                played.push_str(&happened);
                played.push('\n');
            }
        }
    }
    played
}

#[test]
fn every_scenario_goes_as_written() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/groups/scenarios");
    let is_update = std::env::var_os("UPDATE").is_some();
    let mut count = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let played = play(&path);
        if is_update {
            fs::write(&path, &played).unwrap();
        } else {
            let expected = fs::read_to_string(&path).unwrap();
            let mut lines = played.lines().zip(expected.lines()).enumerate();
            if let Some((number, (is, was))) = lines.find(|(_, (is, was))| is != was) {
                let (number, path) = (number + 1, path.display());
                panic!("{path}:{number}:\n  expected: {was}\n  happened: {is}");
            }
            assert_eq!(played, expected, "{}", path.display());
        }
        count += 1;
    }
    assert!(count > 0, "there are scenarios");
}
