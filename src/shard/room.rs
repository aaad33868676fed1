//! How much room the log directories have, and which of them take no records of producers.
//!
//! Shard 0 looks at the room from time to time. Where less is left than is kept in reserve, every
//! shard refuses what producers send for partitions there; everything else goes on, and so does
//! what makes room. The reserve is for what the broker itself writes: the metadata, the offsets of
//! groups, checkpoints, compacted segments, what journals hold. A disk that becomes full all the
//! same is met by each log for itself.

use std::sync::Arc;
use std::time::Duration;

use crate::config::BrokerConfig;
use crate::log::storage::{
    DirectoryIndex, StorageOutcome, StoragePath, StorageRequest, StorageResult,
};
use crate::metrics::DirectoryState;
use crate::model::{ErrorCode, ShardId};
use crate::stdx::{Instant, Now};

use super::core::{Phase, Shard};
use super::files::Purpose;
use super::partition::Asker;
use super::task::{DirectoryCondition, DirectoryRoom, Reply};
use super::{Effects, Message};

/// What producers are told while a directory takes no records. Every client tries again after it,
/// and none asks for the metadata first, as all do after `KAFKA_STORAGE_ERROR`: there is no other
/// broker to go to, and a thousand producers that wait for room would ask for it all the time.
pub const REFUSAL: ErrorCode = ErrorCode::NotEnoughReplicas;

/// How often shard 0 looks: a disk that takes 2 GB/s loses no more in between than a reserve of
/// the usual size.
const LOOK_INTERVAL: Duration = Duration::from_millis(500);

/// Unless it is said, a hundredth of a file system is kept in reserve: little enough for a small
/// one to be of use,
const RESERVE_DIVISOR: u64 = 100;

/// and no more than this, the default of `segment.bytes`: so much compaction writes at a time
/// before it can remove anything.
const RESERVE_BYTES_MAX: u64 = 1 << 30;

/// Records are taken again when there is more than the reserve by this part of it: else a disk
/// whose records are deleted while others come would be full and not full in turns.
const RESUME_DIVISOR: u64 = 4;

/// How much room the log directories have.
#[derive(Debug)]
pub struct Room {
    paths: Vec<String>,
    /// Those who want to know, once an answer is made that is begun after they asked.
    asking: Vec<Asker>,
    waiting: Vec<Asker>,
    is_look_due: bool,
    /// When shard 0 looks again.
    look_at: Instant,
    found: Vec<Option<DirectoryRoom>>,
    missing: usize,
    /// On shard 0: what was found last.
    known: Vec<Option<DirectoryRoom>>,
    /// The directories that take no records of producers.
    full: Arc<[bool]>,
}

impl Room {
    /// The room of the log directories with these `paths`: nothing is known yet.
    pub fn new(paths: Vec<String>) -> Self {
        Self {
            asking: Vec::new(),
            waiting: Vec::new(),
            is_look_due: false,
            look_at: Instant::MAX,
            found: Vec::new(),
            missing: 0,
            known: vec![None; paths.len()],
            full: vec![false; paths.len()].into(),
            paths,
        }
    }

    /// Look at the room from now on.
    pub const fn start(&mut self, now: Now) {
        self.look_at = now.instant;
    }

    /// When the next look is due.
    pub const fn next_deadline(&self) -> Instant {
        self.look_at
    }

    /// `asker` wants to know how much room the directories have; the answer is made from now on.
    pub fn ask(&mut self, asker: Asker) {
        self.asking.push(asker);
    }

    /// True while a directory takes no records of producers.
    pub fn is_full(&self, directory: DirectoryIndex) -> bool {
        self.full[usize::from(directory.0)]
    }

    /// Which directories take no records of producers, as shard 0 says.
    pub fn set_full(&mut self, full: Arc<[bool]>) {
        self.full = full;
    }

    /// Whether a directory takes no records, now that this room was found there.
    fn judge(&self, place: usize, found: DirectoryRoom, config: &BrokerConfig) -> bool {
        let reserve = reserve_bytes(config, found.total_bytes);
        if self.full[place] {
            found.usable_bytes < reserve.saturating_add(reserve / RESUME_DIVISOR)
        } else {
            found.usable_bytes < reserve
        }
    }

    fn tell(&self, place: usize, found: DirectoryRoom, is_full: bool, config: &BrokerConfig) {
        let (path, usable) = (&self.paths[place], found.usable_bytes);
        let reserve = reserve_bytes(config, found.total_bytes);
        if is_full {
            tracing::warn!(
                "log directory {path} takes no records of producers: {usable} bytes are left, and \
                 {reserve} are kept for the broker itself (forebay.disk.reserve.bytes): delete \
                 records or topics, shorten their retention, or make the disk larger"
            );
        } else {
            tracing::warn!(
                "log directory {path} takes records of producers again: {usable} bytes are left, \
                 {reserve} of them for the broker itself"
            );
        }
    }
}

/// What is kept for the broker itself on a file system of `total_bytes`.
fn reserve_bytes(config: &BrokerConfig, total_bytes: u64) -> u64 {
    let share = (total_bytes / RESERVE_DIVISOR).min(RESERVE_BYTES_MAX);
    config.forebay_disk_reserve_bytes.unwrap_or(share)
}

impl Shard {
    /// Have a look with the end of this turn, if one is due.
    pub(super) fn look_at_room(&mut self, now: Now) {
        if self.room.look_at <= now.instant {
            self.room.look_at = now.instant + LOOK_INTERVAL;
            self.room.is_look_due = self.phase != Phase::Stopping;
        }
    }

    /// Ask the disk for those who asked since the last time, unless an answer is being made.
    pub(super) fn describe_room(&mut self, effects: &mut Effects) {
        let is_wanted = self.room.is_look_due || !self.room.asking.is_empty();
        if !is_wanted || self.room.missing > 0 {
            return;
        }
        let directories = self.files.directories();
        let online = directories.filter(|directory| !self.is_offline(*directory));
        let online: Vec<DirectoryIndex> = online.collect();
        let room = &mut self.room;
        room.is_look_due = false;
        room.waiting = std::mem::take(&mut room.asking);
        room.found = vec![None; room.paths.len()];
        room.missing = online.len();
        for directory in online {
            let path = StoragePath::new(directory, "");
            let request = StorageRequest::DescribeRoom { path };
            self.files
                .submit(directory, Purpose::DescribeRoom, request, effects);
        }
    }

    pub(super) fn on_room(
        &mut self,
        directory: DirectoryIndex,
        result: StorageResult,
        effects: &mut Effects,
    ) {
        let room = &mut self.room;
        let place = usize::from(directory.0);
        match result {
            Ok(StorageOutcome::Room {
                total_bytes,
                usable_bytes,
            }) => {
                room.found[place] = Some(DirectoryRoom {
                    total_bytes,
                    usable_bytes,
                });
            }
            Ok(other) => unreachable!("{other:?} does not tell of room"),
            Err(failure) if room.known[place].is_some() => {
                tracing::warn!("the room of a log directory is not known: {failure}");
            }
            Err(_) => {}
        }
        room.missing -= 1;
        if room.missing > 0 {
            return;
        }
        let waiting = std::mem::take(&mut room.waiting);
        let found = std::mem::take(&mut room.found);
        room.known.clone_from(&found);
        for asker in waiting {
            let conditions = self.files.directories().zip(&found);
            let conditions = conditions.map(|(directory, found)| match found {
                _ if self.is_offline(directory) => DirectoryCondition::Offline,
                Some(room) => DirectoryCondition::Room(*room),
                None => DirectoryCondition::Unknown,
            });
            let reply = Reply::Directories(conditions.collect());
            self.reply(asker, reply);
        }
        if self.settings.id == ShardId(0) {
            self.judge_room(&found, effects);
        }
    }

    /// On shard 0: the directories as they were found last.
    pub(super) fn directory_states(&self) -> Vec<DirectoryState> {
        let (room, methods) = (&self.room, &self.settings.sync_methods);
        let known = room.paths.iter().zip(&room.known).zip(&*room.full);
        let known = self.files.directories().zip(known);
        let states = known.map(|(directory, ((path, room), is_full))| DirectoryState {
            path: path.clone(),
            room: room.map(|room| (room.total_bytes, room.usable_bytes)),
            is_full: *is_full,
            is_offline: self.is_offline(directory),
            sync_method: methods.get(usize::from(directory.0)).copied().flatten(),
        });
        states.collect()
    }

    /// On shard 0: find out which directories take records, and tell it where that has changed. Of
    /// one whose room is not known nothing changes.
    fn judge_room(&mut self, found: &[Option<DirectoryRoom>], effects: &mut Effects) {
        let (room, config) = (&self.room, self.configs.broker());
        let mut full = room.full.to_vec();
        for (place, found) in found.iter().enumerate() {
            let Some(found) = *found else { continue };
            let is_full = room.judge(place, found, config);
            if std::mem::replace(&mut full[place], is_full) != is_full {
                room.tell(place, found, is_full, config);
            }
        }
        if let Some(controller) = &mut self.controller {
            let usable = |(found, is_full): (&Option<DirectoryRoom>, &bool)| {
                let found = (*found)?;
                Some(if *is_full { 0 } else { found.usable_bytes })
            };
            controller.on_room(found.iter().zip(&full).map(usable));
        }
        if full != *room.full {
            let full: Arc<[bool]> = full.into();
            self.broadcast(effects, || Message::DirectoriesFull(Arc::clone(&full)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::ServeArguments;

    fn config(set: &[(&str, &str)]) -> BrokerConfig {
        let set = set
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let arguments = ServeArguments {
            set: set.collect(),
            ..ServeArguments::default()
        };
        arguments.resolve(None, "host").unwrap().config
    }

    #[test]
    fn a_hundredth_of_a_disk_is_kept_in_reserve_and_a_gibibyte_at_most() {
        let config = config(&[]);
        assert_eq!(reserve_bytes(&config, 64 << 20), (64 << 20) / 100);
        assert_eq!(reserve_bytes(&config, 4 << 40), 1 << 30);
    }

    #[test]
    fn what_an_operator_says_is_kept_in_reserve_whatever_the_disk() {
        for (text, bytes) in [("0", 0), ("5GiB", 5 << 30)] {
            let config = config(&[("forebay.disk.reserve.bytes", text)]);
            assert_eq!(reserve_bytes(&config, 1 << 20), bytes);
        }
    }

    #[test]
    fn a_directory_takes_records_again_only_when_there_is_more_than_the_reserve() {
        let config = config(&[("forebay.disk.reserve.bytes", "1000")]);
        let with = |usable_bytes| DirectoryRoom {
            total_bytes: 1 << 20,
            usable_bytes,
        };
        let mut room = Room::new(vec!["/a".to_owned(), "/b".to_owned()]);
        assert!(!room.judge(1, with(1000), &config));
        assert!(room.judge(1, with(999), &config));
        room.set_full(vec![false, true].into());
        assert!(room.judge(1, with(1249), &config));
        assert!(!room.judge(1, with(1250), &config));
        assert!(!room.judge(0, with(1000), &config), "the other is not full");
    }
}
