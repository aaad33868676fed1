//! Fetches of consumers and of followers, where the partitions are.
//!
//! A follower is served to the end of the log, also what is not safe yet, so that its sync and that
//! of the leader overlap; a consumer to the high watermark. From where a follower fetches, its
//! leader knows up to where it is safe there.

use crate::log::{FetchedRecords, ReadId, ReadPlan, ReadRequest};
use crate::model::{ErrorCode, TopicIdPartition};
use crate::replication::ReplicaFetch;
use crate::stdx::Now;

use super::Effects;
use super::core::Shard;
use super::fetches::{Fetch, FetchKey, Fetches, trim_parts};
use super::owning::end_of_epoch;
use super::partition::{Partition, ReadPurpose};
use super::task::{FetchPart, FetchedPart, Reader, Reply};

/// What a fetch may see.
#[derive(Clone, Copy, Debug)]
struct View {
    is_committed_only: bool,
    reader: Reader,
    /// True if nobody looked for it yet.
    is_first_look: bool,
}

impl Shard {
    /// Read for a fetch; answer it if that gave enough, else leave it waiting.
    pub(super) fn advance_fetch(&mut self, now: Now, key: FetchKey) {
        let Some(fetch) = self.fetches.find(key) else {
            return;
        };
        if fetch.pending_reads > 0 {
            return;
        }
        let parts = fetch.task.parts.clone();
        let mut bytes_left = fetch.task.bytes_max;
        let view = View {
            is_committed_only: fetch.task.is_committed_only,
            reader: fetch.task.reader,
            is_first_look: !std::mem::replace(&mut fetch.is_noted, true),
        };
        let rack = fetch.task.rack.clone();
        let (mut found, mut pending_reads) = (Vec::with_capacity(parts.len()), 0);
        for (place, part) in parts.iter().enumerate() {
            let is_first = bytes_left == fetch_bytes_max(&mut self.fetches, key);
            let preferred = rack
                .as_deref()
                .and_then(|rack| self.nearer_replica(part, rack));
            if let Some(preferred) = preferred {
                found.push(Some(preferred));
                continue;
            }
            match self.read_part(now, (key, place), part, (bytes_left, is_first), view) {
                Some(result) => {
                    bytes_left = bytes_left.saturating_sub(result.records_bytes());
                    found.push(Some(result));
                }
                None => {
                    pending_reads += 1;
                    found.push(None);
                }
            }
        }
        let fetch = self
            .fetches
            .find(key)
            .expect("the fetch was not closed meanwhile");
        fetch.found = found;
        fetch.pending_reads = pending_reads;
        if pending_reads == 0 {
            self.conclude_fetch(now, key);
        }
    }

    /// The answer to a consumer that is to read from a follower in its `rack`; `None` if there is
    /// none, or this replica does not lead.
    fn nearer_replica(&mut self, part: &FetchPart, rack: &str) -> Option<FetchedPart> {
        let slot = self.partitions.slot_of(part.partition)?;
        let partition = self.partitions.at(slot)?;
        let reader = Reader::Consumer {
            may_ask_followers: true,
        };
        let view = view_of(partition, part, reader).ok()?;
        let brokers = &self.image.brokers;
        let is_near = |id| {
            let broker = brokers.get(&id).filter(|broker| !broker.fenced);
            broker.is_some_and(|broker| broker.rack.as_deref() == Some(rack))
        };
        let leader = partition
            .role
            .leader()
            .filter(|_| view.diverging.is_none())?;
        let preferred_replica = Some(leader.nearest_follower(part.offset, is_near)?);
        Some(FetchedPart {
            preferred_replica,
            ..view
        })
    }

    /// What the partition of `part` has for a fetch, or `None` if it is being read from the disk.
    fn read_part(
        &mut self,
        now: Now,
        (key, place): (FetchKey, usize),
        part: &FetchPart,
        (bytes_left, is_first): (usize, bool),
        view: View,
    ) -> Option<FetchedPart> {
        let Some(slot) = self.partitions.slot_of(part.partition) else {
            return Some(FetchedPart::refused(
                part.place,
                ErrorCode::NotLeaderOrFollower,
            ));
        };
        let partition = self
            .partitions
            .touch(slot)
            .expect("the slot was just found");
        let noted = match view.is_first_look {
            true => note_follower(now, partition, part, view.reader),
            false => Ok(()),
        };
        let mut result = match noted.and_then(|()| view_of(partition, part, view.reader)) {
            Ok(view) => view,
            Err(error) => return Some(FetchedPart::refused(part.place, error)),
        };
        if result.diverging.is_some() || (bytes_left == 0 && !is_first) {
            return Some(result);
        }
        if let Reader::Replica { id, .. } = view.reader {
            let leader = partition.role.leader();
            let is_in_sync = leader.is_some_and(|leader| leader.is_in_sync(id));
            let throttling = &mut self.throttling;
            if !is_in_sync && throttling.is_leader_held(now.instant, part.partition) {
                return Some(result);
            }
        }
        let upper = match view.reader {
            Reader::Replica { .. } => Some(partition.log.log_end_offset()),
            Reader::Consumer { .. } if view.is_committed_only => result.last_stable_offset,
            Reader::Consumer { .. } => result.high_watermark,
        };
        let request = ReadRequest {
            offset: part.offset,
            bytes_max: part.bytes_max.min(bytes_left),
            upper: upper.expect("the view of an open partition has its bounds"),
            at_least_one: is_first,
        };
        match partition.log.plan_read(request) {
            Ok(ReadPlan::Ready(records)) => {
                let (from, to) = (part.offset, records.next_offset);
                result.aborted = partition.log.aborted_between(from, to);
                result.records = records.slices;
                Some(result)
            }
            Ok(ReadPlan::Disk(read)) => {
                let read = partition.log.start_read(read);
                partition.reads.insert(read, ReadPurpose::Fetch(key, place));
                None
            }
            Err(error) => Some(FetchedPart::refused(part.place, error)),
        }
    }

    pub(super) fn on_read_finished(
        &mut self,
        now: Now,
        slot: u32,
        read: ReadId,
        result: Result<FetchedRecords, ErrorCode>,
        effects: &mut Effects,
    ) {
        let partition = self
            .partitions
            .touch(slot)
            .expect("the log belongs to a partition");
        match partition.reads.remove(&read) {
            Some(ReadPurpose::Fetch(key, place)) => {
                let Some(fetch) = self.fetches.find(key) else {
                    return;
                };
                let part = &fetch.task.parts[place];
                let found = match (result, view_of(partition, part, fetch.task.reader)) {
                    (Ok(records), Ok(view)) => FetchedPart {
                        aborted: (partition.log).aborted_between(part.offset, records.next_offset),
                        records: records.slices,
                        ..view
                    },
                    (Err(error), _) | (_, Err(error)) => FetchedPart::refused(part.place, error),
                };
                fetch.found[place] = Some(found);
                fetch.pending_reads -= 1;
                if fetch.pending_reads == 0 {
                    self.conclude_fetch(now, key);
                }
            }
            Some(ReadPurpose::GroupLoad) => self.on_group_log_read(now, slot, result),
            Some(ReadPurpose::Move) => self.on_move_read(now, slot, read, result, effects),
            Some(ReadPurpose::Lookup(_)) | None => {
                unreachable!("a read ends once, as what it was begun")
            }
        }
    }

    /// All parts of a fetch were read: answer it, or let it wait for more.
    fn conclude_fetch(&mut self, now: Now, key: FetchKey) {
        let fetch = self.fetches.find(key).expect("the fetch is open");
        if is_enough(fetch, now) {
            let fetch = self.fetches.close(key).expect("the fetch is open");
            let mut found: Vec<FetchedPart> = fetch.found.into_iter().flatten().collect();
            trim_parts(found.iter_mut(), fetch.task.bytes_max);
            if matches!(fetch.task.reader, Reader::Replica { .. }) {
                for (part, found) in fetch.task.parts.iter().zip(&found) {
                    let bytes = found.records_bytes();
                    self.throttling
                        .note_given(now.instant, part.partition, bytes);
                }
            }
            self.reply(fetch.asker, Reply::Fetched(found));
            return;
        }
        for place in &mut fetch.found {
            *place = None;
        }
        let is_replica = matches!(fetch.task.reader, Reader::Replica { .. });
        let ids: Vec<TopicIdPartition> =
            fetch.task.parts.iter().map(|part| part.partition).collect();
        for id in ids {
            if let Some(slot) = self.partitions.slot_of(id) {
                let partition = self
                    .partitions
                    .touch(slot)
                    .expect("the slot was just found");
                match is_replica {
                    true => partition.waiting_replicas.insert(key),
                    false => partition.waiting_fetches.insert(key),
                };
            }
        }
    }
}

fn fetch_bytes_max(fetches: &mut Fetches, key: FetchKey) -> usize {
    fetches.find(key).map_or(0, |fetch| fetch.task.bytes_max)
}

fn is_enough(fetch: &Fetch, now: Now) -> bool {
    let found = || fetch.found.iter().flatten();
    fetch.is_hurried
        || fetch.task.deadline <= now.instant
        || found().any(|part| part.error.is_error() || part.diverging.is_some())
        || found().any(|part| part.preferred_replica.is_some())
        || found().map(FetchedPart::records_bytes).sum::<usize>() >= fetch.task.bytes_min
}

/// The leader learns how far a follower has come, if what the follower has is a part of its log.
fn note_follower(
    now: Now,
    partition: &mut Partition,
    part: &FetchPart,
    reader: Reader,
) -> Result<(), ErrorCode> {
    let Reader::Replica { id, broker_epoch } = reader else {
        return Ok(());
    };
    let view = view_of(partition, part, reader)?;
    let fetch = ReplicaFetch {
        replica: id,
        broker_epoch,
        offset: part.offset,
        log_start_offset: part.log_start_offset,
    };
    let end = partition.log.log_end_offset();
    let safe_end = partition.safe_end_offset(false);
    let leader = partition.role.leader_mut();
    match leader.filter(|_| view.diverging.is_none()) {
        None => Ok(()),
        Some(leader) => {
            leader.on_log(now.instant, end, safe_end);
            let names_epoch = part.leader_epoch.is_some();
            let noted = leader.on_fetch(now.instant, &fetch, names_epoch);
            noted.map(|_| ())
        }
    }
}

/// The bounds of a partition as a fetch sees them, without records.
fn view_of(
    partition: &Partition,
    part: &FetchPart,
    reader: Reader,
) -> Result<FetchedPart, ErrorCode> {
    let (log, role) = (&partition.log, &partition.role);
    partition.check_open()?;
    role.check_epoch(part.leader_epoch)?;
    let may_follow = matches!(
        reader,
        Reader::Consumer {
            may_ask_followers: true
        }
    );
    if role.leader().is_none() && !may_follow {
        return Err(ErrorCode::NotLeaderOrFollower);
    }
    let high_watermark = role.high_watermark();
    let last_stable_offset = log.last_stable_offset(high_watermark);
    let diverging = match part.last_fetched_epoch {
        None => None,
        Some(epoch) => {
            // An epoch that nobody here knows cannot be compared with.
            let (found, end) = end_of_epoch(partition, epoch).ok_or(ErrorCode::OffsetOutOfRange)?;
            (found < epoch || end < part.offset).then_some((found, end))
        }
    };
    let is_within = (log.log_start_offset()..=log.log_end_offset()).contains(&part.offset);
    if diverging.is_none() && !is_within {
        return Err(ErrorCode::OffsetOutOfRange);
    }
    Ok(FetchedPart {
        place: part.place,
        error: ErrorCode::None,
        high_watermark: Some(high_watermark),
        last_stable_offset: Some(last_stable_offset),
        log_start_offset: Some(log.log_start_offset()),
        diverging,
        records: Vec::new(),
        aborted: Vec::new(),
        preferred_replica: None,
    })
}
