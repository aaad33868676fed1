//! Deleting things by name: ask first, then tell of each what became of it.

use serde_json::{Value, json};

use crate::client::error_of;

use super::Failure;
use super::confirm::confirm;
use super::failure::explain;
use super::output::Output;
use super::table::counted;

/// What became of the things that were to be deleted, so far.
pub struct Deletions<'o> {
    kind: &'static str,
    output: &'o mut Output,
    documents: Vec<Value>,
    has_failed: bool,
}

impl<'o> Deletions<'o> {
    /// Asks whether the things of this `kind` (a noun) are to be deleted, unless `yes`.
    pub fn begin(
        kind: &'static str,
        names: &[String],
        yes: bool,
        output: &'o mut Output,
    ) -> Result<Self, Failure> {
        let what = counted(names.len(), kind);
        confirm(yes, &format!("delete {what} ({})", names.join(", ")))?;
        Ok(Self {
            kind,
            output,
            documents: Vec::new(),
            has_failed: false,
        })
    }

    /// Tells of one what the broker answered.
    pub fn tell(
        &mut self,
        name: &str,
        error_code: i16,
        message: Option<&str>,
    ) -> Result<(), Failure> {
        let kind = self.kind;
        match error_of(error_code) {
            Ok(()) if self.output.is_json() => {
                self.documents.push(json!({ kind: name, "deleted": true }));
            }
            Ok(()) => self.output.line(&format!("{kind} {name} deleted"))?,
            Err(error) => {
                self.has_failed = true;
                let document = json!({ kind: name, "deleted": false, "error": error.name() });
                self.documents.push(document);
                let reason = explain(error, message);
                eprintln!("forebay: cannot delete {kind} {name:?}: {reason}");
            }
        }
        Ok(())
    }

    /// Every one was told of.
    pub fn finish(self) -> Result<(), Failure> {
        if self.output.is_json() {
            self.output.document(&Value::Array(self.documents))?;
        }
        if self.has_failed {
            Err(Failure::Told)
        } else {
            Ok(())
        }
    }
}
