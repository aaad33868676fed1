//! `forebay verify`: whether the directories of a broker that does not run hold what was written,
//! and the mending of what can be made anew from the rest.
//!
//! Owns: the checks over segments, indexes, snapshots, checkpoints, identities and journals, in
//! one pass with bounded memory; the order of a repair.
//! Promises: what it checks it does not change; a repair changes only what follows from records
//! that are sound, and leaves a damaged one as it is; a directory is marked as closed cleanly only
//! after a check of it found no fault.
//! Knows nothing of: a running broker. What the files mean it asks of `log`, `journal`, `metadata`
//! and `quorum`, and for a repair it opens and closes logs as the broker does.
//! Lives in: one process per command, one thread. Start at [`run`], then `survey.rs`.

mod checkpoints;
mod finding;
mod identity;
mod indexes;
mod journals;
mod metadata;
mod partition;
mod repair;
mod segment;
mod survey;
mod transactions;
mod window;

#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use serde_json::{Value, json};

use crate::admin::{Failure, counted};
use crate::config::Startup;
use crate::runtime::{DirectoryLock, lock_existing};

pub(crate) use finding::Told;
pub(crate) use metadata::read_batch;
pub(crate) use survey::{Scope, Survey, Visitor};

use repair::{Repair, finish};

/// Check the data directories of a broker that does not run
///
/// Reads every batch, index, snapshot, checkpoint and journal and tells of each fault in one line:
/// where it is and what can be done. Ends with status 0 if there is none, and else with 1.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Examples:
  forebay verify                                    the directory of `forebay serve`
  forebay verify --data-dir /var/lib/forebay
  forebay verify --config server.properties --repair
  forebay verify --json | jq '.faults[]'")]
pub struct VerifyArguments {
    /// Where the data is (log.dirs); several directories are separated by commas
    #[arg(long, value_name = "DIR")]
    pub data_dir: Option<String>,

    /// The server.properties that the broker runs with
    #[arg(long, value_name = "FILE")]
    pub config: Option<String>,

    /// Make anew what follows from the records, drain the journals into the segments, and leave the
    /// directory as a clean stop does. Damaged records are left as they are
    #[arg(long)]
    pub repair: bool,

    /// Print JSON for programs: its fields keep their names and meaning
    #[arg(long)]
    pub json: bool,
}

/// Where the data of a broker is.
#[derive(Clone, Debug)]
pub struct Directories {
    /// The directories in use, those of `log.dirs` first.
    pub paths: Vec<PathBuf>,
    /// Which one holds the metadata log.
    pub metadata: usize,
}

impl Directories {
    /// Lock all of them against a broker, as long as the locks live.
    pub(crate) fn lock(&self) -> Result<Vec<DirectoryLock>, Failure> {
        let locks = self.paths.iter().map(|path| lock_existing(path));
        let locks: Result<_, _> = locks.collect();
        locks.map_err(|failure| Failure::Failed(failure.to_string()))
    }
}

/// Check the `directories` of the broker with these settings.
#[must_use]
pub fn run(arguments: &VerifyArguments, startup: &Startup, directories: Directories) -> ExitCode {
    match verify(arguments, startup, directories) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}

fn verify(
    arguments: &VerifyArguments,
    startup: &Startup,
    directories: Directories,
) -> Result<(), Failure> {
    let _locks = directories.lock()?;
    let mut scope = Scope::new(startup, directories);
    let mut told = Told::new(arguments.json);
    let mut survey = Survey::run(&scope, &mut told);
    if arguments.repair {
        let found = told.begin_again();
        let marked = survey.marked();
        let whole = Repair::new(&scope, &survey, found, &mut told).run();
        if !told.repairs.is_empty() {
            told.line("checking what was repaired");
        }
        let left = told.begin_again();
        scope.strict = whole.clone();
        survey = Survey::run(&scope, &mut told);
        told.faults.extend(left);
        finish(&scope, &survey, (&whole, &marked), &mut told);
    }
    told.line(&summary(&survey, &told, arguments.repair));
    told.end(&facts(&scope, &survey))
}

fn summary(survey: &Survey, told: &Told, is_repaired: bool) -> String {
    let partitions = partitions(survey).count();
    let what = format!(
        "{} of {}",
        indicatif::HumanBytes(survey.bytes),
        counted(partitions, "partition")
    );
    let repairable = told
        .faults
        .iter()
        .filter(|fault| fault.is_repairable())
        .count();
    match told.faults.len() {
        0 => format!("sound: {what}"),
        count if is_repaired => format!("{} left in {what}", counted(count, "fault")),
        count if repairable == 0 => format!("{} in {what}", counted(count, "fault")),
        count => format!(
            "{} in {what}, of which --repair mends {repairable}",
            counted(count, "fault")
        ),
    }
}

fn facts(scope: &Scope, survey: &Survey) -> Value {
    let paths = scope.paths.iter().map(|path| path.display().to_string());
    let batches: u64 = partitions(survey).map(|facts| facts.batches).sum();
    json!({
        "directories": paths.collect::<Vec<_>>(),
        "bytes": survey.bytes,
        "partitions": partitions(survey).count(),
        "batches": batches + survey.metadata.facts.batches,
    })
}

fn partitions(survey: &Survey) -> impl Iterator<Item = &partition::PartitionFacts> {
    let directories = survey.directories.iter();
    directories.flat_map(|directory| directory.partitions.values())
}
