//! Reading the metadata log from a snapshot's end to its own.

use std::collections::VecDeque;

use crate::log::{FetchedRecords, Log, ReadId, ReadPlan, ReadRequest};
use crate::model::{BrokerId, Offset};
use crate::protocol::record_batch::{Batches, RecordBatch};

use super::control::{ControlRecord, Voter};
use super::core::{QuorumEvent, RecordBlock};
use super::snapshot::batch_records;

/// How much is read at once.
const READ_BYTES: usize = 4 << 20;

/// What a part of the log said of the quorum.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// The latest voters.
    pub voters: Option<Vec<Voter>>,
}

/// A walk through the log.
#[derive(Debug)]
pub(super) struct Replay {
    next_offset: Offset,
    end_offset: Offset,
    waits_for: Option<ReadId>,
    read: Option<Result<FetchedRecords, &'static str>>,
    electors: Option<Vec<BrokerId>>,
}

impl Replay {
    pub(super) const fn new(from: Offset, end_offset: Offset) -> Self {
        Self {
            next_offset: from,
            end_offset,
            waits_for: None,
            read: None,
            electors: None,
        }
    }

    /// True if everything was given out.
    pub(super) const fn is_finished(&self) -> bool {
        self.next_offset >= self.end_offset
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

    /// Put what was read into `events` and read on, until the disk must be waited for.
    ///
    /// # Errors
    /// A line that says what is wrong with the log.
    pub(super) fn advance(
        &mut self,
        log: &mut Log,
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
            self.give_out(&records, events, &mut found)?;
        }
        Ok(found)
    }

    fn give_out(
        &mut self,
        records: &FetchedRecords,
        events: &mut VecDeque<QuorumEvent>,
        found: &mut Found,
    ) -> Result<(), String> {
        let before = self.next_offset;
        for batch in Batches::new(records.joined()) {
            let batch = batch.map_err(|error| {
                format!("is damaged behind offset {}: {error}", self.next_offset)
            })?;
            self.give_out_batch(&batch, events, found)
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
                ControlRecord::Voters(voters) => found.voters = Some(voters),
                ControlRecord::LeaderChange { voters } => self.electors = Some(voters),
                _ => {}
            }
        }
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
