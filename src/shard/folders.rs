//! Who may make a folder in a log directory, and when.
//!
//! A topic may be made under the name of a deleted one, and its partition may lie on another shard
//! than that of the deleted one. Both want the same folder. So a shard asks shard 0 for the name
//! of a folder before it makes one, and gets it when the one before has another name on the disk
//! and no checkpoint file tells of it. Folders of topics that are not there, which a crash or a
//! restored copy may have left, are set aside under another name at the start, as Kafka does.
//!
//! A disk that fails to rename a folder is asked again until it can. Who waits for the name is told
//! meanwhile, so that clients are, and gets it in the end.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::log::storage::{DirectoryIndex, StorageFailure, StoragePath, StorageRequest};
use crate::log::{
    FOLDER_DELETED, deleted_folder, parse_future_folder, parse_partition_folder, partition_folder,
    stray_folder,
};
use crate::metadata::PartitionRegistration;
use crate::model::{ShardId, TopicIdPartition, TopicPartition};
use crate::quorum::METADATA_FOLDER;
use crate::stdx::{Instant, Now};

use super::checkpoints::FolderName;
use super::core::Shard;
use super::files::Purpose;
use super::message::{FolderClaim, MoveClaim};
use super::{Effects, Message};

/// How soon a disk that could not set a folder aside is asked again: a request a second costs
/// nothing, and who waits for a disk that works again does not notice more.
const SET_ASIDE_RETRY_INTERVAL: Duration = Duration::from_secs(1);

/// Who waits for the name of a folder.
#[derive(Debug)]
struct Claim {
    shard: ShardId,
    name: FolderName,
    /// It knows that it may take long.
    is_told: bool,
}

/// The names of folders that are not free, and who waits for them. On shard 0.
#[derive(Debug, Default)]
pub struct FolderNames {
    /// The partitions of deleted topics whose shards have yet to tell that their folders have other
    /// names.
    leaving: BTreeMap<TopicIdPartition, FolderName>,
    /// How many reasons there are why a name is not free.
    taken: BTreeMap<FolderName, usize>,
    /// Those of them that the disk fails to free.
    stuck: BTreeSet<FolderName>,
    claims: BTreeMap<TopicIdPartition, Claim>,
    /// Moves that wait for the name of a folder in another directory, with who asked.
    moves_waiting: Vec<(ShardId, MoveClaim)>,
    /// Those that have it. They hold it in both directories, so that nobody else gets one that
    /// they are about to leave.
    moves: Vec<MoveClaim>,
    /// The folders that could not be set aside and the names they are to get, by when the disk is
    /// asked again.
    again: BTreeMap<Instant, Vec<(FolderName, StoragePath)>>,
}

impl FolderNames {
    fn take(&mut self, name: FolderName) {
        *self.taken.entry(name).or_default() += 1;
    }

    fn release(&mut self, name: &FolderName) {
        if let Some(count) = self.taken.get_mut(name) {
            *count -= 1;
            if *count == 0 {
                self.taken.remove(name);
                self.stuck.remove(name);
            }
        }
    }

    fn claim(&mut self, partition: TopicIdPartition, shard: ShardId, name: FolderName) {
        let claim = Claim {
            shard,
            name,
            is_told: false,
        };
        self.claims.insert(partition, claim);
    }

    /// The topic of a partition is deleted.
    fn on_deleted(&mut self, id: TopicIdPartition, name: FolderName) {
        self.claims.remove(&id);
        self.moves_waiting
            .retain(|(_, claim)| claim.partition != id);
        self.take(name.clone());
        self.leaving.insert(id, name);
    }

    /// The folder of a deleted partition has another name, or there was none: the name it had.
    fn on_left(&mut self, id: TopicIdPartition) -> Option<FolderName> {
        self.claims.remove(&id);
        let name = self.leaving.remove(&id)?;
        self.release(&name);
        Some(name)
    }

    /// The disk fails to rename the folder of a deleted partition, and is asked again.
    fn on_stuck(&mut self, id: TopicIdPartition) {
        if let Some(name) = self.leaving.get(&id) {
            self.stuck.insert(name.clone());
        }
    }

    /// The claims that can be answered now, with whether they are granted.
    fn settle(
        &mut self,
        is_clear: impl Fn(&FolderName) -> bool,
    ) -> Vec<(ShardId, TopicIdPartition, bool)> {
        let mut answers = Vec::new();
        let (taken, stuck) = (&self.taken, &self.stuck);
        self.claims.retain(|id, claim| {
            let is_granted = !taken.contains_key(&claim.name) && is_clear(&claim.name);
            let is_news = !claim.is_told && stuck.contains(&claim.name);
            if is_granted || is_news {
                answers.push((claim.shard, *id, is_granted));
                claim.is_told = true;
            }
            !is_granted
        });
        answers
    }

    /// The moves that get their names now.
    fn settle_moves(
        &mut self,
        is_clear: impl Fn(&FolderName) -> bool,
    ) -> Vec<(ShardId, MoveClaim)> {
        let taken = &self.taken;
        let waiting = std::mem::take(&mut self.moves_waiting);
        let (granted, waiting): (Vec<_>, Vec<_>) = waiting.into_iter().partition(|(_, claim)| {
            let name = claim.folder_in(claim.to);
            !taken.contains_key(&name) && is_clear(&name)
        });
        self.moves_waiting = waiting;
        for (_, claim) in &granted {
            self.take(claim.folder_in(claim.from));
            self.take(claim.folder_in(claim.to));
            self.moves.push(claim.clone());
        }
        granted
    }

    /// A move into the directory `to` is over, or was before it got a name.
    fn end_move(&mut self, id: TopicIdPartition, to: DirectoryIndex) {
        let is_meant = |claim: &MoveClaim| claim.partition == id && claim.to == to;
        self.moves_waiting.retain(|(_, claim)| !is_meant(claim));
        if let Some(place) = self.moves.iter().position(is_meant) {
            let claim = self.moves.swap_remove(place);
            self.release(&claim.folder_in(claim.from));
            self.release(&claim.folder_in(claim.to));
        }
    }

    /// A folder could not be set aside: the disk is asked again. True if that is news.
    fn put_off(&mut self, now: Now, name: FolderName, to: StoragePath) -> bool {
        let is_news = self.stuck.insert(name.clone());
        let due = now.instant + SET_ASIDE_RETRY_INTERVAL;
        self.again.entry(due).or_default().push((name, to));
        is_news
    }

    /// When the disk is asked again to set a folder aside.
    pub fn next_deadline(&self) -> Instant {
        let first = self.again.first_key_value();
        first.map_or(Instant::MAX, |(due, _)| *due)
    }

    /// The names that are free but for what the checkpoint files may say of them.
    fn wanted(&self) -> impl Iterator<Item = FolderName> {
        let moves = self.moves_waiting.iter();
        let moves = moves.map(|(_, claim)| claim.folder_in(claim.to));
        let names = self.claims.values().map(|claim| claim.name.clone());
        names
            .chain(moves)
            .filter(|name| !self.taken.contains_key(name))
    }
}

impl Shard {
    /// On shard 0: a deleted partition is about to leave its folder.
    pub(super) fn note_deleted(&mut self, id: TopicIdPartition, name: FolderName) {
        self.files.names.on_deleted(id, name);
    }

    /// Tell shard 0 which folders are wanted here, and which are not used any more.
    pub(super) fn post_folder_news(&mut self, effects: &mut Effects) {
        let left = std::mem::take(&mut self.opening.left);
        if !left.is_empty() {
            effects.post(ShardId(0), Message::FoldersLeft(left));
        }
        let claims = std::mem::take(&mut self.opening.claims);
        if !claims.is_empty() {
            effects.post(ShardId(0), Message::ClaimFolders(claims));
        }
    }

    pub(super) fn on_folders_left(
        &mut self,
        left: Vec<(TopicIdPartition, bool)>,
        effects: &mut Effects,
    ) {
        for (id, is_free) in left {
            if !is_free {
                self.files.names.on_stuck(id);
            } else if let Some(name) = self.files.names.on_left(id) {
                self.files.checkpoints.forget(&name);
            }
        }
        self.advance_claims(effects);
    }

    pub(super) fn on_claims(
        &mut self,
        from: ShardId,
        claims: Vec<FolderClaim>,
        effects: &mut Effects,
    ) {
        for claim in claims {
            if claim.is_foreign {
                self.set_aside(claim.name.clone(), false, effects);
            }
            let names = &mut self.files.names;
            names.claim(claim.partition, from, claim.name);
        }
        self.advance_claims(effects);
    }

    /// A move wants the name of a folder in another directory.
    pub(super) fn on_move_claimed(
        &mut self,
        from: ShardId,
        claim: MoveClaim,
        effects: &mut Effects,
    ) {
        // Its topic may be deleted already, and its shard not know yet.
        let id = claim.partition;
        if self.image.partition(id.topic_id, id.partition).is_some() {
            self.files.names.moves_waiting.push((from, claim));
        }
        self.advance_claims(effects);
    }

    /// A move does not need the names of two folders any more.
    pub(super) fn on_move_ended(
        &mut self,
        id: TopicIdPartition,
        to: DirectoryIndex,
        gone: FolderName,
        effects: &mut Effects,
    ) {
        self.files.names.end_move(id, to);
        self.files.checkpoints.forget(&gone);
        for directory in [to, gone.directory] {
            self.files.checkpoints.hurry(directory);
        }
        self.advance_claims(effects);
    }

    /// Grant the claims that can be granted; have the checkpoint files written that keep others
    /// from it.
    pub(super) fn advance_claims(&mut self, effects: &mut Effects) {
        let files = &mut self.files;
        let checkpoints = &mut files.checkpoints;
        let answers = files.names.settle(|name| !checkpoints.may_name(name));
        let mut by_shard: BTreeMap<ShardId, Vec<(TopicIdPartition, bool)>> = BTreeMap::new();
        for (shard, id, is_granted) in answers {
            by_shard.entry(shard).or_default().push((id, is_granted));
        }
        for (shard, answers) in by_shard {
            effects.post(shard, Message::ClaimsAnswered(answers));
        }
        for (shard, claim) in files.names.settle_moves(|name| !checkpoints.may_name(name)) {
            let message = Message::MoveGranted {
                partition: claim.partition,
                directory: claim.to,
            };
            effects.post(shard, message);
        }
        for name in files.names.wanted() {
            checkpoints.forget(&name);
            checkpoints.hurry(name.directory);
        }
        files.write_due_checkpoints(effects);
    }

    /// Give a folder that belongs to no partition the name that Kafka gives such folders, or that
    /// of a deleted one if a move has left it.
    fn set_aside(&mut self, name: FolderName, is_left: bool, effects: &mut Effects) {
        let (directory, TopicPartition { topic, partition }) = (name.directory, &name.partition);
        let unique = self.settings.random.next_bytes16();
        let from = partition_folder(topic, *partition);
        let to = if is_left {
            tracing::info!("the folder {from} is removed: its partition has moved away from it");
            deleted_folder(topic, *partition, unique)
        } else {
            let to = stray_folder(topic, *partition, unique);
            tracing::warn!("the folder {from} is of no topic that there is: it is called {to} now");
            to
        };
        self.files.names.take(name.clone());
        self.rename_aside(name, StoragePath::new(directory, &to), effects);
    }

    fn rename_aside(&mut self, name: FolderName, to: StoragePath, effects: &mut Effects) {
        let TopicPartition { topic, partition } = &name.partition;
        let from = StoragePath::new(name.directory, &partition_folder(topic, *partition));
        let request = StorageRequest::Rename {
            from,
            to: to.clone(),
        };
        let (directory, purpose) = (name.directory, Purpose::SetAside(name, to));
        self.files.submit(directory, purpose, request, effects);
    }

    /// A folder was set aside, or could not be.
    pub(super) fn on_set_aside(
        &mut self,
        now: Now,
        (name, to): (FolderName, StoragePath),
        failure: Option<&StorageFailure>,
        effects: &mut Effects,
    ) {
        let names = &mut self.files.names;
        if let Some(failure) = failure {
            if names.put_off(now, name, to.clone()) {
                tracing::error!("a folder cannot be set aside, which is tried again: {failure}");
            }
        } else {
            names.release(&name);
            self.files.checkpoints.forget(&name);
            if to.relative.ends_with(FOLDER_DELETED) {
                self.opening.remove_later(now, 0, to);
            }
        }
        self.advance_claims(effects);
    }

    /// Ask the disk again to set aside what it could not.
    pub(super) fn set_aside_again(&mut self, now: Now, effects: &mut Effects) {
        while let Some(entry) = self.files.names.again.first_entry()
            && *entry.key() <= now.instant
        {
            for (name, to) in entry.remove() {
                self.rename_aside(name, to, effects);
            }
        }
    }

    /// What a crash may have left of moves: folders of partitions that lie in another directory and
    /// have a folder there, and folders without the name of their partition where that lies and
    /// has no other.
    pub(super) fn interrupted_moves(&self) -> (Vec<FolderName>, Vec<(FolderName, StoragePath)>) {
        let contents: Vec<_> = self.files.read_contents().collect();
        let has = |directory: DirectoryIndex, folder: &str| {
            let found = contents.get(usize::from(directory.0));
            found.is_some_and(|(_, contents)| contents.entries.contains_key(folder))
        };
        let (mut copies, mut unnamed) = (Vec::new(), Vec::new());
        for (directory, contents) in &contents {
            let folders = contents.entries.values().filter(|entry| entry.is_folder);
            for entry in folders.filter(|entry| entry.name != METADATA_FOLDER) {
                let current = parse_partition_folder(&entry.name);
                let future = parse_future_folder(&entry.name);
                let Some((topic, partition)) = current.or(future) else {
                    continue;
                };
                let registered = self.image.topic(topic).and_then(|found| {
                    self.directory_of(found.partitions.get(&partition)?.as_ref())
                });
                let name = FolderName {
                    directory: *directory,
                    partition: TopicPartition {
                        topic: topic.into(),
                        partition,
                    },
                };
                match registered {
                    Some(lies) if lies != *directory && current.is_some() => {
                        copies.extend(has(lies, &entry.name).then_some(name));
                    }
                    Some(lies) if lies == *directory && current.is_none() => {
                        let from = StoragePath::new(lies, &entry.name);
                        let is_only = !has(lies, &name.folder());
                        unnamed.extend(is_only.then_some((name, from)));
                    }
                    _ => {}
                }
            }
        }
        copies.sort_unstable();
        unnamed.sort_unstable();
        unnamed.dedup_by(|one, other| one.0 == other.0);
        (copies, unnamed)
    }

    /// True if a replica of the partition with this registration lies in `directory` here.
    pub(super) fn is_here(
        &self,
        registration: &PartitionRegistration,
        directory: DirectoryIndex,
    ) -> bool {
        let node = self.settings.config.node_id;
        registration.replicas.contains(&node) && self.directory_of(registration) == Some(directory)
    }

    /// Set aside the folders of topics that are not there, or that are elsewhere. Whether a folder
    /// is of a topic's id and not only of its name, the partition's log finds out.
    pub(super) fn set_strays_aside(&mut self, effects: &mut Effects) {
        let mut strays = Vec::new();
        for (directory, contents) in self.files.read_contents() {
            let folders = contents.entries.values().filter(|entry| entry.is_folder);
            let folders = folders.filter(|entry| entry.name != METADATA_FOLDER);
            for (topic, partition) in
                folders.filter_map(|entry| parse_partition_folder(&entry.name))
            {
                let found = self.image.topic(topic);
                let registration = found.and_then(|topic| topic.partitions.get(&partition));
                let is_here = registration.map(|found| self.is_here(found, directory));
                if is_here != Some(true) {
                    let name = FolderName {
                        directory,
                        partition: TopicPartition {
                            topic: topic.into(),
                            partition,
                        },
                    };
                    // Where the partition lies it has all that this folder has.
                    let topic_id = self.topic_id_of(&name);
                    let is_left = topic_id.is_some() && topic_id == found.map(|topic| topic.id);
                    strays.push((name, is_left));
                }
            }
        }
        strays.sort_unstable();
        for (name, is_left) in strays {
            self.set_aside(name, is_left, effects);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Uuid;

    fn name() -> FolderName {
        FolderName {
            directory: DirectoryIndex(0),
            partition: TopicPartition {
                topic: "t".into(),
                partition: 0,
            },
        }
    }

    const fn id(number: u8) -> TopicIdPartition {
        TopicIdPartition {
            topic_id: Uuid::from_bytes([number; 16]),
            partition: 0,
        }
    }

    fn claiming(names: &mut FolderNames, number: u8) {
        names.claim(id(number), ShardId(u16::from(number)), name());
    }

    const fn at(seconds: u64) -> Now {
        Now {
            instant: Instant::from_nanos(seconds * 1_000_000_000),
            wall_ms: 0,
        }
    }

    #[test]
    fn a_name_is_given_when_all_before_have_left_and_the_checkpoints_are_clear() {
        let mut names = FolderNames::default();
        names.on_deleted(id(1), name());
        claiming(&mut names, 2);
        assert_eq!(names.settle(|_| true), []);
        assert_eq!(names.wanted().count(), 0);
        assert_eq!(names.on_left(id(1)), Some(name()));
        assert_eq!(names.settle(|_| false), []);
        assert_eq!(names.wanted().count(), 1);
        assert_eq!(names.settle(|_| true), [(ShardId(2), id(2), true)]);
        assert_eq!(names.settle(|_| true), []);
    }

    #[test]
    fn who_is_deleted_while_it_waits_gets_nothing() {
        let mut names = FolderNames::default();
        names.on_deleted(id(1), name());
        claiming(&mut names, 2);
        names.on_deleted(id(2), name());
        claiming(&mut names, 3);
        names.on_left(id(1));
        assert_eq!(names.settle(|_| true), []);
        names.on_left(id(2));
        assert_eq!(names.settle(|_| true), [(ShardId(3), id(3), true)]);
    }

    #[test]
    fn who_waits_for_a_folder_that_cannot_be_renamed_is_told_once_and_gets_it_when_it_could() {
        let mut names = FolderNames::default();
        names.on_deleted(id(1), name());
        names.on_stuck(id(1));
        claiming(&mut names, 2);
        assert_eq!(names.settle(|_| true), [(ShardId(2), id(2), false)]);
        assert_eq!(names.settle(|_| true), []);
        assert_eq!(names.on_left(id(1)), Some(name()));
        assert_eq!(names.settle(|_| true), [(ShardId(2), id(2), true)]);
        claiming(&mut names, 3);
        assert_eq!(names.settle(|_| true), [(ShardId(3), id(3), true)]);
    }

    #[test]
    fn a_folder_that_cannot_be_set_aside_is_tried_again_under_the_same_new_name() {
        let mut names = FolderNames::default();
        let to = StoragePath::new(DirectoryIndex(0), "t-0.0-stray");
        names.take(name());
        claiming(&mut names, 2);
        assert_eq!(names.next_deadline(), Instant::MAX);
        assert!(names.put_off(at(1), name(), to.clone()));
        assert_eq!(names.settle(|_| true), [(ShardId(2), id(2), false)]);
        assert_eq!(names.next_deadline(), at(2).instant);
        assert_eq!(names.again.pop_first().unwrap().1, [(name(), to.clone())]);
        assert!(!names.put_off(at(2), name(), to), "that is no news");
        names.release(&name());
        assert_eq!(names.settle(|_| true), [(ShardId(2), id(2), true)]);
    }
}
