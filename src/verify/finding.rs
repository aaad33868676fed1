//! What is told of a data directory: faults, what is only worth knowing, and what was mended.

use std::path::PathBuf;

use serde_json::{Value, json};

use crate::admin::{Failure, Output, Progress};
use crate::model::Offset;

/// What can be done about a fault.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Mending {
    /// Something that only the operator can do.
    ByHand(&'static str),
    /// The indexes of the segment with this base offset are made anew from it.
    Indexes(Offset),
    /// The producers' snapshot at this offset is made anew from the segments.
    Snapshot(Offset),
    /// `leader-epoch-checkpoint` is made anew from the segments.
    LeaderEpochs,
    /// `partition.metadata` is written anew from what the cluster's metadata say.
    PartitionMetadata,
    /// The checkpoint files of the log directory are written anew.
    Checkpoints,
    /// The mark of a clean stop is written anew.
    CleanMark,
    /// `quorum-state` is written anew from the metadata log.
    ElectionState,
    /// `bootstrap.checkpoint` is written anew from the metadata log.
    Bootstrap,
    /// One bit of `meta.properties` is changed back.
    Properties,
    /// The journal goes once the segments have what it holds.
    Journal,
    /// The checkpoint of where a start reads on is removed.
    ResumePoints,
    /// A snapshot of the metadata is removed, since the log has all that it holds.
    MetadataSnapshot,
}

impl Mending {
    /// One clause for a person.
    const fn advice(&self) -> &'static str {
        match self {
            Self::ByHand(advice) => advice,
            Self::Indexes(_) => "--repair makes the indexes anew from the segment",
            Self::Snapshot(_) | Self::LeaderEpochs => "--repair makes it anew from the segments",
            Self::PartitionMetadata | Self::ElectionState | Self::Bootstrap => {
                "--repair writes it anew from the cluster's metadata"
            }
            Self::Properties => "--repair changes back the one bit that was changed in it",
            Self::Journal => {
                "its records can be read all the same: it goes when the broker starts, or with \
                 --repair"
            }
            Self::ResumePoints => {
                "a start does without it, and reads more; it goes when the broker has written \
                 another, or with --repair"
            }
            Self::Checkpoints | Self::CleanMark => "--repair writes it anew",
            Self::MetadataSnapshot => "--repair removes it: the metadata log has what it holds",
        }
    }

    const fn is_by_repair(&self) -> bool {
        !matches!(self, Self::ByHand(_))
    }
}

/// Something that was found.
#[derive(Clone, Debug)]
pub struct Finding {
    /// The log directory, by its place among those that are verified.
    pub directory: usize,
    /// The folder of the partition that it is about.
    pub folder: Option<String>,
    pub offset: Option<Offset>,
    pub file: PathBuf,
    pub byte: Option<u64>,
    pub what: String,
    /// `None` for what is no fault.
    pub mending: Option<Mending>,
}

impl Finding {
    /// `what` was found in `file` of the log directory.
    pub fn new(directory: usize, file: PathBuf, what: impl Into<String>) -> Self {
        Self {
            directory,
            folder: None,
            offset: None,
            file,
            byte: None,
            what: what.into(),
            mending: None,
        }
    }

    /// It is about the partition in this folder.
    pub fn of(mut self, folder: &str) -> Self {
        self.folder = Some(folder.to_owned());
        self
    }

    /// At this byte of the file.
    pub const fn at(mut self, byte: u64) -> Self {
        self.byte = Some(byte);
        self
    }

    /// At this offset of the partition.
    pub const fn offset(mut self, offset: Offset) -> Self {
        self.offset = Some(offset);
        self
    }

    /// It is a fault that this is to be done about.
    pub fn fault(mut self, mending: Mending) -> Self {
        self.mending = Some(mending);
        self
    }

    /// True if a repair mends it.
    pub fn is_repairable(&self) -> bool {
        self.mending.as_ref().is_some_and(Mending::is_by_repair)
    }

    fn line(&self) -> String {
        let kind = if self.mending.is_some() {
            "fault"
        } else {
            "note"
        };
        let mut line = format!("{kind}: ");
        match (&self.folder, self.offset) {
            (Some(folder), Some(offset)) => {
                line.push_str(&format!("{folder} at offset {offset}: "))
            }
            (Some(folder), None) => line.push_str(&format!("{folder}: ")),
            (None, _) => {}
        }
        line.push_str(&self.file.display().to_string());
        if let Some(byte) = self.byte {
            line.push_str(&format!(" at byte {byte}"));
        }
        line.push_str(&format!(": {}", self.what));
        if let Some(mending) = &self.mending {
            line.push_str(&format!("; {}", mending.advice()));
        }
        // What is told comes from damaged files in part.
        line.replace(|character: char| character.is_control(), " ")
    }

    fn document(&self) -> Value {
        json!({
            "partition": self.folder,
            "offset": self.offset,
            "file": self.file.display().to_string(),
            "byte": self.byte,
            "what": self.what,
            "advice": self.mending.as_ref().map(Mending::advice),
            "repairable": self.mending.as_ref().map(Mending::is_by_repair),
        })
    }
}

/// Everything that is told, at once to a person and in the end to a program.
pub struct Told {
    output: Output,
    failure: Option<Failure>,
    pub progress: Progress,
    pub faults: Vec<Finding>,
    pub notes: Vec<Finding>,
    pub repairs: Vec<String>,
}

impl Told {
    /// Nothing is told yet.
    pub fn new(is_json: bool) -> Self {
        Self {
            output: Output::new(is_json),
            failure: None,
            progress: Progress::none(),
            faults: Vec::new(),
            notes: Vec::new(),
            repairs: Vec::new(),
        }
    }

    /// Tell of a finding.
    pub fn find(&mut self, finding: Finding) {
        self.line(&finding.line());
        if finding.mending.is_some() {
            self.faults.push(finding);
        } else {
            self.notes.push(finding);
        }
    }

    /// Tell of something that was mended.
    pub fn repaired(&mut self, what: String) {
        self.line(&format!("repaired: {what}"));
        self.repairs.push(what);
    }

    /// So many bytes are to be looked at from now on.
    pub fn begin_progress(&mut self, bytes: u64) {
        self.progress = Progress::of_work(bytes);
    }

    /// They were.
    pub fn end_progress(&mut self) {
        self.progress = Progress::none();
    }

    /// A line for a person.
    pub fn line(&mut self, line: &str) {
        if self.output.is_json() || self.failure.is_some() {
            return;
        }
        let output = &mut self.output;
        let printed = self
            .progress
            .aside(|| output.line(line).and_then(|()| output.flush()));
        self.failure = printed.err();
    }

    /// What was found so far is told, and is to be looked for once more.
    pub fn begin_again(&mut self) -> Vec<Finding> {
        self.notes.clear();
        std::mem::take(&mut self.faults)
    }

    /// The document for a program, with these facts beside what was found.
    pub fn end(mut self, facts: &Value) -> Result<(), Failure> {
        if let Some(failure) = self.failure {
            return Err(failure);
        }
        if self.output.is_json() {
            let list = |findings: &[Finding]| -> Vec<Value> {
                findings.iter().map(Finding::document).collect()
            };
            let mut document = facts.clone();
            document["sound"] = json!(self.faults.is_empty());
            document["faults"] = json!(list(&self.faults));
            document["notes"] = json!(list(&self.notes));
            document["repairs"] = json!(self.repairs);
            self.output.document(&document)?;
        }
        self.output.flush()?;
        if self.faults.is_empty() {
            Ok(())
        } else {
            Err(Failure::Told)
        }
    }
}
