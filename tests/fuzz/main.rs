//! What must hold for any bytes, tried on those that are known: the seeds from which libFuzzer
//! searches (`tests/fuzz/run`), and the corpus, which is what once broke a target, and what is
//! known to have broken others.
//!
//! With `FUZZ_SEEDS` set to a folder the seeds are written there, a folder for each target.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

#[path = "../protocol/reference.rs"]
#[expect(dead_code, reason = "only its bytes are of use here")]
mod reference;
#[path = "../protocol/sample.rs"]
mod sample;
#[path = "../protocol/schema.rs"]
#[expect(dead_code, reason = "some of it is for the generator alone")]
mod schema;

mod seeds;
mod targets;

use std::fs;
use std::path::Path;

use targets::{TARGETS, Target};

const CORPUS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fuzz/corpus");

/// Runs a target on an input; a failure names the input.
fn try_one(name: &str, check: Target, input: &str, bytes: &[u8]) {
    let outcome = std::panic::catch_unwind(|| check(bytes));
    assert!(outcome.is_ok(), "{name} is broken by {input}");
}

#[test]
fn the_corpus_breaks_no_promise() {
    for (name, check) in TARGETS {
        let Ok(folder) = fs::read_dir(Path::new(CORPUS).join(name)) else {
            continue;
        };
        for entry in folder {
            let path = entry.expect("the corpus can be read").path();
            let bytes = fs::read(&path).expect("the corpus can be read");
            try_one(name, check, &path.display().to_string(), &bytes);
        }
    }
}

#[test]
fn the_corpus_is_of_targets_that_there_are() {
    for entry in fs::read_dir(CORPUS).expect("the corpus is part of the package") {
        let name = entry.expect("the corpus can be read").file_name();
        let is_target = TARGETS.iter().any(|(known, _)| name == *known);
        assert!(is_target, "there is no target {}", name.display());
    }
}

#[test]
fn every_message_of_every_version_breaks_no_promise() {
    for (name, check) in TARGETS {
        let seeds = seeds::of(name);
        assert!(!seeds.is_empty(), "{name} has no seeds");
        for (input, bytes) in &seeds {
            try_one(name, check, input, bytes);
        }
        if let Some(folder) = std::env::var_os("FUZZ_SEEDS") {
            let folder = Path::new(&folder).join(name);
            fs::create_dir_all(&folder).expect("the folder for the seeds can be made");
            for (input, bytes) in &seeds {
                fs::write(folder.join(input), bytes).expect("a seed can be written");
            }
        }
    }
}
