//! `forebay import`: whether the directories of a stopped Apache Kafka can be served as they are,
//! and the note by which `forebay serve` knows that somebody has looked.
//!
//! Owns: the reasons for which a directory is refused; what is told of one before it is taken over.
//! Promises: nothing but the note and `.lock` is written, and the note only if there is no reason
//! against it; every reason names what stands in the way and what to do about it.
//! Knows nothing of: a running broker. That the bytes are sound is for `verify` to say.
//! Lives in: one process per command, one thread. Start at [`run`].

mod contents;
mod facts;
mod refusals;

use std::fmt::Write as _;
use std::path::Path;
use std::process::ExitCode;

use clap::Args;
use serde_json::{Value, json};

use crate::admin::{Failure, counted};
use crate::config::Startup;
use crate::log::storage::{DirectoryIndex, StoragePath, StorageRequest};
use crate::metadata::{TAKEOVER, Takeover};
use crate::runtime::PlainDisk;
use crate::verify::{Directories, Scope, Survey, Told};

use contents::Contents;
use facts::Facts;
use refusals::{metadata_refusals, old_formats, unclean};

/// Take over the directory of a stopped Apache Kafka 4 broker, where it is
///
/// Reads everything in it first, as `forebay verify` does, tells what it found and what does not
/// work here yet, and refuses with one line for each reason. It changes nothing but to note that it
/// has looked: the first `forebay serve` takes the directory over. From then on Apache Kafka must
/// not open it before Forebay has stopped cleanly; after that it can, with the new records.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Examples:
  forebay import --dry-run --config /etc/kafka/server.properties
  forebay import --config /etc/kafka/server.properties
  forebay serve --config /etc/kafka/server.properties
  forebay import --data-dir /var/lib/kafka --json | jq '.refusals[]'

Stop Apache Kafka first, cleanly (kafka-server-stop.sh), with no transaction open. Ends with status
0 if the directory can be served, and else with 1. docs/import.md tells of all that is checked, and
of the way back.")]
pub struct ImportArguments {
    /// Where the data is (log.dirs); several directories are separated by commas
    #[arg(long, value_name = "DIR")]
    pub data_dir: Option<String>,

    /// The server.properties that Apache Kafka ran with
    #[arg(long, value_name = "FILE")]
    pub config: Option<String>,

    /// Check and tell, but do not note that it was checked
    #[arg(long)]
    pub dry_run: bool,

    /// Print JSON for programs: its fields keep their names and meaning
    #[arg(long)]
    pub json: bool,
}

/// Import the `directories` for the broker with these settings.
#[must_use]
pub fn run(arguments: &ImportArguments, startup: &Startup, directories: Directories) -> ExitCode {
    match import(arguments, startup, directories) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}

fn import(
    arguments: &ImportArguments,
    startup: &Startup,
    directories: Directories,
) -> Result<(), Failure> {
    let _locks = directories.lock()?;
    let scope = Scope::new(startup, directories);
    let mut told = Told::new(arguments.json);
    let mut survey = Survey::begin(&scope, &mut told);
    if survey.is_forebays() {
        told.end_progress();
        told.line("Forebay has served it last: `forebay serve` goes on with it");
        return told.end(&json!({"imported": false, "written_by": "Forebay", "refusals": []}));
    }
    let mut refusals = unclean(&scope, &survey);
    if refusals.is_empty() {
        refusals.extend(metadata_refusals(&scope, &survey));
    }
    if refusals.is_empty() {
        refusals.extend(old_formats(&scope));
    }
    let mut contents = Contents::default();
    let is_looked_into = refusals.is_empty() && told.faults.is_empty();
    if is_looked_into {
        survey.check_logs(&scope, &mut contents, &mut told);
        refusals.extend(contents.refusals());
    }
    told.end_progress();
    if !told.faults.is_empty() {
        refusals.push(format!(
            "there is damage ({}): start Apache Kafka and stop it, which makes indexes and \
             checkpoint files anew, or restore what is damaged from a copy",
            counted(told.faults.len(), "fault")
        ));
    }
    let facts = Facts::new(&scope, &survey, &mut contents);
    if is_looked_into {
        facts.lines().iter().for_each(|line| told.line(line));
    }
    for refusal in &refusals {
        told.line(&format!("refused: {refusal}"));
    }
    let is_noted = refusals.is_empty() && !arguments.dry_run;
    let note = scope.paths[scope.metadata_directory].join(TAKEOVER);
    if refusals.is_empty() {
        told.line(&change(&note, arguments.dry_run));
    }
    if is_noted {
        write_note(&scope, &survey)?;
        told.line(&what_follows(arguments));
    }
    let mut document = facts.document();
    document["imported"] = json!(is_noted);
    document["refusals"] = json!(refusals);
    document["changes"] = match refusals.is_empty() {
        true => json!([note.display().to_string()]),
        false => Value::Array(Vec::new()),
    };
    told.end(&document)?;
    match refusals.is_empty() {
        true => Ok(()),
        false => Err(Failure::Told),
    }
}

fn change(note: &Path, is_dry_run: bool) -> String {
    let would = if is_dry_run { "would write" } else { "writes" };
    format!(
        "changes: {would} {}, which says that the directory was checked as it is now; nothing else",
        note.display()
    )
}

/// What to do next, and what must not be done.
fn what_follows(arguments: &ImportArguments) -> String {
    let mut command = "forebay serve".to_owned();
    for (option, value) in [
        (" --config ", &arguments.config),
        (" --data-dir ", &arguments.data_dir),
    ] {
        if let Some(value) = value {
            write!(command, "{option}{value}").expect("a string takes every text");
        }
    }
    format!(
        "imported: `{command}` serves it. Until then Apache Kafka can still use it; import it \
         again if it does. From the first start of Forebay on it must not, before Forebay has \
         stopped cleanly: acknowledged records may lie in Forebay's journal, which Apache Kafka \
         does not know"
    )
}

/// Note that the directory was looked at as it is now.
fn write_note(scope: &Scope, survey: &Survey) -> Result<(), Failure> {
    let properties = survey.properties[scope.metadata_directory].as_ref();
    let takeover = Takeover {
        cluster_id: properties.map_or_else(String::new, |one| one.cluster_id.clone()),
        broker_epoch: survey.broker_epoch().unwrap_or(-1),
    };
    let index = DirectoryIndex::at(scope.metadata_directory);
    let request = StorageRequest::ReplaceFile {
        path: StoragePath::new(index, TAKEOVER),
        contents: takeover.encode(),
    };
    let written = PlainDisk::new(scope.paths.clone()).perform(request);
    written.map(drop).map_err(|failure| {
        Failure::Failed(format!("it can be served, but not be noted so: {failure}"))
    })
}
