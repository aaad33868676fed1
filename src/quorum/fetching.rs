//! Taking in what the leader answers to fetches of this node.

use bytes::Bytes;

use crate::model::{LeaderEpoch, Offset};
use crate::protocol::record_batch::Batches;
use crate::stdx::Now;

use super::control::{ControlRecord, Voter};
use super::core::Quorum;
use super::raft::{FetchAsk, FetchFound, LogEnd, LogView};
use super::snapshot::batch_records;
use super::wire::Fetched;

/// Whole batches that go behind the end of a log.
#[derive(Debug, Default)]
struct Taken {
    bytes: Bytes,
    /// The voters that they name, each with the offset behind the batch.
    voters: Vec<(Offset, Vec<Voter>)>,
}

impl Quorum {
    /// A fetch was answered.
    pub(super) fn on_fetched(&mut self, now: Now, ask: &FetchAsk, fetched: Fetched) {
        let found = self.tell(|raft, log| raft.on_fetch_answer(ask, &fetched.answer, log));
        match found.unwrap_or(FetchFound::Nothing) {
            FetchFound::Nothing => {}
            FetchFound::Records => self.append_fetched(now, fetched.records),
            FetchFound::Diverging(agreed) => self.give_up_behind(agreed),
            FetchFound::Snapshot(id) => self.begin_download(id),
        }
    }

    /// Append what was fetched. The machine is told when it is on the disk.
    fn append_fetched(&mut self, now: Now, records: Bytes) {
        let epoch = self.epoch();
        let end = self.tell(|_, log| log.end()).unwrap_or_default();
        let Some(log) = &mut self.log else {
            return;
        };
        let taken = take_batches(records, end, epoch);
        let appended = taken.and_then(|taken| {
            let appended = log.append_replicated(now, taken.bytes);
            appended.map_err(|error| error.to_string())?;
            Ok(taken.voters)
        });
        match appended {
            Ok(voters) => {
                for (offset, voters) in voters {
                    self.voters.note(offset, voters);
                }
                self.adopt_voters();
            }
            Err(reason) => {
                tracing::warn!("what the leader sent of the metadata log is refused: {reason}");
                if self.next_offset() == end.offset {
                    self.put_off_fetching();
                }
            }
        }
    }
}

/// The whole batches in `records`, which must go on where the log ends. The last one may be cut
/// off: it comes whole with the next fetch.
fn take_batches(records: Bytes, end: LogEnd, epoch: LeaderEpoch) -> Result<Taken, String> {
    let mut batches = Batches::new(records.clone());
    let mut taken = Taken::default();
    let LogEnd {
        epoch: mut latest,
        offset: mut next_offset,
    } = end;
    while let Some(batch) = batches.next_whole().map_err(|error| error.to_string())? {
        let of_epoch = batch.leader_epoch().unwrap_or(-1);
        if batch.base_offset() != next_offset || batch.next_offset() <= next_offset {
            return Err(format!(
                "offsets {} to {} come where {next_offset} is the next",
                batch.base_offset(),
                batch.next_offset()
            ));
        }
        if !(latest..=epoch).contains(&of_epoch) {
            return Err(format!(
                "offset {next_offset} is of epoch {of_epoch}, between {latest} and {epoch}"
            ));
        }
        if batch.is_control() {
            for (key, value) in batch_records(&batch)? {
                let record = ControlRecord::decode(key.as_deref(), value.as_deref())?;
                if let ControlRecord::Voters(voters) = record {
                    taken.voters.push((batch.next_offset(), voters));
                }
            }
        }
        (latest, next_offset) = (of_epoch, batch.next_offset());
    }
    taken.bytes = records.slice(..batches.position());
    if taken.bytes.is_empty() {
        return Err("it has no whole batch".to_owned());
    }
    Ok(taken)
}
