//! Reading the metadata log from a snapshot's end to its own.

use std::collections::VecDeque;

use crate::log::{FetchedRecords, Log, ReadId, ReadPlan, ReadRequest};
use crate::model::{BrokerId, Offset};
use crate::protocol::record_batch::{Batches, RecordBatch};

use super::control::{ControlRecord, Voter};
use super::event::{QuorumEvent, RecordBlock};
use super::snapshot::batch_records;

/// How much is read at once.
const READ_BYTES: usize = 4 << 20;

/// What a part of the log said of the quorum.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// The voters, each with the offset behind the batch that names them.
    pub voters: Vec<(Offset, Vec<Voter>)>,
}

/// A walk through the log. It tells what it comes by as far as that is known to be committed.
#[derive(Debug)]
pub(super) struct Replay {
    next_offset: Offset,
    end_offset: Offset,
    /// All below was told.
    told: Offset,
    /// False from the first voter on that is not this node: what others have of it is not known.
    tells: bool,
    waits_for: Option<ReadId>,
    read: Option<Result<FetchedRecords, &'static str>>,
    electors: Option<Vec<BrokerId>>,
}

impl Replay {
    pub(super) const fn new(from: Offset, end_offset: Offset, tells: bool) -> Self {
        Self {
            next_offset: from,
            end_offset,
            told: from,
            tells,
            waits_for: None,
            read: None,
            electors: None,
        }
    }

    /// True if everything was walked through.
    pub(super) const fn is_finished(&self) -> bool {
        self.next_offset >= self.end_offset
    }

    /// Everything below was told.
    pub(super) const fn told(&self) -> Offset {
        self.told
    }

    /// True while the disk reads.
    pub(super) const fn is_waiting(&self) -> bool {
        self.waits_for.is_some()
    }

    /// Go on to `end_offset`, if that is further.
    pub(super) fn extend(&mut self, end_offset: Offset) {
        self.end_offset = self.end_offset.max(end_offset);
    }

    /// The voters that elected the last leader in the part of the log that was read.
    pub(super) fn last_electors(&self) -> Option<&[BrokerId]> {
        self.electors.as_deref()
    }

    /// A read has ended.
    pub(super) fn on_read(&mut self, read: ReadId, result: Result<FetchedRecords, &'static str>) {
        if self.waits_for == Some(read) {
            self.waits_for = None;
            self.read = Some(result);
        }
    }

    /// Put what was read into `events` and read on, until the disk must be waited for. `is_alone`
    /// says of voters whether this node is the only one.
    ///
    /// # Errors
    /// A line that says what is wrong with the log.
    pub(super) fn advance(
        &mut self,
        log: &mut Log,
        is_alone: &impl Fn(&[Voter]) -> bool,
        events: &mut VecDeque<QuorumEvent>,
    ) -> Result<Found, String> {
        let mut found = Found::default();
        while !self.is_finished() && self.waits_for.is_none() {
            let records = match self.read.take() {
                Some(read) => read.map_err(|code| format!("cannot be read: {code}"))?,
                None => {
                    let request = ReadRequest {
                        offset: self.next_offset,
                        bytes_max: READ_BYTES,
                        upper: self.end_offset,
                        at_least_one: true,
                    };
                    match log.plan_read(request) {
                        Ok(ReadPlan::Ready(records)) => records,
                        Ok(ReadPlan::Disk(read)) => {
                            self.waits_for = Some(log.start_read(read));
                            break;
                        }
                        Err(code) => return Err(format!("cannot be read: {}", code.name())),
                    }
                }
            };
            self.give_out(&records, is_alone, events, &mut found)?;
        }
        Ok(found)
    }

    fn give_out(
        &mut self,
        records: &FetchedRecords,
        is_alone: &impl Fn(&[Voter]) -> bool,
        events: &mut VecDeque<QuorumEvent>,
        found: &mut Found,
    ) -> Result<(), String> {
        let before = self.next_offset;
        for batch in Batches::new(records.joined()) {
            let batch = batch.map_err(|error| {
                format!("is damaged behind offset {}: {error}", self.next_offset)
            })?;
            self.give_out_batch(&batch, is_alone, events, found)
                .map_err(|reason| format!("at offset {}: {reason}", batch.base_offset()))?;
        }
        if self.next_offset == before {
            return Err(format!("has nothing at offset {before}"));
        }
        Ok(())
    }

    fn give_out_batch(
        &mut self,
        batch: &RecordBatch,
        is_alone: &impl Fn(&[Voter]) -> bool,
        events: &mut VecDeque<QuorumEvent>,
        found: &mut Found,
    ) -> Result<(), String> {
        let records = batch_records(batch)?;
        // A read gives whole batches, a snapshot ends at one: nothing is to be skipped inside.
        if batch.next_offset() <= self.next_offset {
            return Ok(());
        }
        self.next_offset = batch.next_offset();
        let mut values = Vec::new();
        for (key, value) in records {
            if !batch.is_control() {
                values.push(value.unwrap_or_default());
                continue;
            }
            match ControlRecord::decode(key.as_deref(), value.as_deref())? {
                ControlRecord::Voters(voters) => {
                    self.tells &= is_alone(&voters);
                    found.voters.push((batch.next_offset(), voters));
                }
                ControlRecord::LeaderChange { voters } => self.electors = Some(voters),
                _ => {}
            }
        }
        if !self.tells {
            return Ok(());
        }
        self.told = batch.next_offset();
        events.push_back(QuorumEvent::Records(RecordBlock {
            end_offset: batch.next_offset(),
            epoch: batch.leader_epoch().unwrap_or(0),
            timestamp_ms: batch.max_timestamp().unwrap_or(0),
            values,
            size_bytes: batch.size_bytes() as u64,
        }));
        Ok(())
    }
}
