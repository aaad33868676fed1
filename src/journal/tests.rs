//! A journal on a disk in memory, with crashes at any time.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;

use super::format::{EntryBuilder, EntryKey, FORMAT_VERSION, Header, RING_START};
use super::{
    Journal, JournalAppend, JournalFault, JournalIdentity, JournalLimits, JournalPart,
    JournalProgress, Replayed, WriteBack, inspect, parse_file_name, replay,
};
use crate::log::storage::{
    DirectoryIndex, IO_BLOCK_BYTES, StorageFailure, StorageOutbox, StorageOwner, StoragePath,
};
use crate::log::tests::disk::Disk;
use crate::model::{Offset, TopicIdPartition, Uuid};
use crate::stdx::{Instant, Now, Random};

const DIRECTORY: Uuid = Uuid::from_bytes([7; 16]);
const BLOCK: usize = IO_BLOCK_BYTES as usize;
const APPEND_BYTES_MAX: u64 = 6000;
const NO_SPACE: i32 = 28;

const IDENTITY: JournalIdentity = JournalIdentity {
    directory: DIRECTORY,
    shard: 3,
    epoch: 5,
};

/// A partition as the journal's user sees it.
#[derive(Clone, Debug, Default)]
struct Partition {
    /// What was appended, by the offset behind it.
    appended: BTreeMap<Offset, Bytes>,
    durable: Offset,
    written: Offset,
}

impl Partition {
    fn is_durable(&self) -> bool {
        let last = self.appended.last_key_value();
        last.is_none_or(|(end, _)| *end <= self.durable)
    }
}

struct World {
    disk: Disk,
    journal: Journal,
    partitions: Vec<Partition>,
    outbox: StorageOutbox,
    random: Random,
    now: Now,
    /// The partitions whose logs write back.
    writing_back: Vec<u32>,
    is_retired: bool,
    /// The disk told once that it had no room.
    was_full: bool,
}

fn owner(slot: u32) -> StorageOwner {
    StorageOwner {
        slot,
        incarnation: 0,
    }
}

fn id(slot: u32) -> TopicIdPartition {
    TopicIdPartition {
        topic_id: Uuid::from_bytes([9; 16]),
        partition: i32::try_from(slot).unwrap(),
    }
}

impl World {
    fn new(seed: u64, partitions: usize, ring_bytes_max: u64) -> Self {
        let limits = JournalLimits {
            ring_bytes_max,
            append_bytes_max: APPEND_BYTES_MAX,
        };
        Self {
            disk: Disk::default(),
            journal: Journal::new(IDENTITY, DirectoryIndex(0), owner(u32::MAX), limits),
            partitions: vec![Partition::default(); partitions],
            outbox: StorageOutbox::default(),
            random: Random::from_seed(seed),
            now: Now {
                instant: Instant::from_nanos(0),
                wall_ms: 0,
            },
            writing_back: Vec::new(),
            is_retired: false,
            was_full: false,
        }
    }

    fn below(&mut self, bound: u64) -> usize {
        usize::try_from(self.random.below(bound)).unwrap()
    }

    fn append(&mut self, slot: u32, length: usize) {
        let partition = &mut self.partitions[slot as usize];
        let last = partition
            .appended
            .last_key_value()
            .map_or(0, |(end, _)| *end);
        let end_offset = last + 1;
        let bytes: Bytes = (0..length)
            .map(|at| u8::try_from((at + last.unsigned_abs() as usize) % 251).unwrap())
            .collect();
        partition.appended.insert(end_offset, bytes.clone());
        if !self.is_retired {
            let middle = length / 2;
            self.journal.append(JournalAppend {
                owner: owner(slot),
                partition: id(slot),
                end_offset,
                slices: vec![bytes.slice(..middle), bytes.slice(middle..)],
            });
        }
    }

    fn turn(&mut self) {
        let partitions = &self.partitions;
        let owners = self
            .journal
            .write_backs(self.now, |part| look(partitions, part));
        self.writing_back
            .extend(owners.iter().map(|owner| owner.slot));
        self.journal.advance(self.now, &mut self.outbox);
        self.disk.take(&mut self.outbox);
        while let Some(progress) = self.journal.next_progress() {
            match progress {
                JournalProgress::Durable(parts) => {
                    for part in parts {
                        let partition = &mut self.partitions[part.owner.slot as usize];
                        assert!(part.end_offset > partition.durable, "ends rise");
                        partition.durable = part.end_offset;
                    }
                }
                JournalProgress::Retired(_) => self.is_retired = true,
                JournalProgress::Usable => {
                    assert!(self.was_full, "no disk was full");
                    self.is_retired = false;
                }
            }
        }
    }

    fn step(&mut self) -> bool {
        let Some((ticket, result)) = self.disk.complete(&mut self.random) else {
            return false;
        };
        self.journal
            .on_storage(self.now, ticket.sequence, result, &mut self.outbox);
        self.turn();
        true
    }

    fn settle(&mut self) {
        self.turn();
        while self.step() {}
    }

    /// A log has written back everything that is durable of it.
    fn write_back(&mut self, slot: u32) {
        let partition = &mut self.partitions[slot as usize];
        partition.written = partition.written.max(partition.durable);
        self.turn();
    }

    fn file(&self) -> Option<Bytes> {
        let file = self.disk.files.get(&IDENTITY.file_name());
        file.map(|file| Bytes::copy_from_slice(file))
    }

    fn replay(&self) -> Result<Replayed, JournalFault> {
        replay(&self.file().unwrap_or_default(), DIRECTORY)
    }

    /// Everything that is durable and not written back is found again, in order.
    fn check_replay(&self) {
        let replayed = self.replay().unwrap();
        let mut found = BTreeMap::<TopicIdPartition, Vec<Bytes>>::new();
        for (partition, part) in replayed.parts {
            found.entry(partition).or_default().push(part.batches);
        }
        for (slot, partition) in (0..).zip(&self.partitions) {
            let found = found.remove(&id(slot)).unwrap_or_default();
            let needed: Vec<&Bytes> = partition
                .appended
                .range(partition.written + 1..(partition.durable + 1).max(partition.written + 1))
                .map(|(_, bytes)| bytes)
                .collect();
            let is_there = found
                .windows(needed.len().max(1))
                .any(|window| window.iter().eq(needed.iter().copied()));
            assert!(
                is_there || needed.is_empty(),
                "partition {slot} lost records"
            );
            let all: Vec<&Bytes> = partition.appended.values().collect();
            let is_a_run = found.is_empty()
                || all
                    .windows(found.len())
                    .any(|window| window.iter().copied().eq(found.iter()));
            assert!(
                is_a_run,
                "partition {slot} gets what was not appended in this order"
            );
        }
    }
}

fn look(partitions: &[Partition], part: JournalPart) -> WriteBack {
    if partitions[part.owner.slot as usize].written >= part.end_offset {
        WriteBack::Done
    } else {
        WriteBack::Missing
    }
}

#[test]
fn appends_of_many_partitions_are_one_write() {
    let mut world = World::new(1, 50, 1 << 20);
    world.append(0, 100);
    world.settle();
    let before = world.disk.count("write");
    for slot in 0..50 {
        world.append(slot, 100);
    }
    world.settle();
    assert_eq!(world.disk.count("write") - before, 1);
    assert!(
        world
            .partitions
            .iter()
            .all(|partition| partition.durable > 0)
    );
    world.check_replay();
}

#[test]
fn there_is_a_file_from_the_first_append_on_and_none_when_all_was_written_back() {
    let mut world = World::new(1, 2, 1 << 20);
    world.settle();
    assert!(world.file().is_none());
    world.append(0, 100);
    world.append(1, 100);
    world.settle();
    assert!(world.file().is_some());
    world.write_back(0);
    world.write_back(1);
    world.journal.close();
    world.settle();
    assert!(world.journal.is_closed());
    assert!(world.file().is_none());
}

#[test]
fn what_is_not_written_back_at_a_stop_stays_to_be_replayed() {
    let mut world = World::new(1, 2, 1 << 20);
    world.append(0, 100);
    world.append(1, 100);
    world.settle();
    world.write_back(0);
    world.journal.close();
    world.settle();
    assert!(world.journal.is_closed());
    world.check_replay();
    assert!(
        world
            .replay()
            .unwrap()
            .parts
            .iter()
            .any(|(partition, _)| *partition == id(1))
    );
}

#[test]
fn an_idle_partition_is_asked_to_write_back_after_five_seconds() {
    let mut world = World::new(1, 1, 1 << 20);
    world.append(0, 100);
    world.settle();
    assert!(world.writing_back.is_empty());
    let deadline = world.journal.next_deadline();
    assert_eq!(deadline, Instant::from_nanos(0) + Duration::from_secs(5));
    world.now.instant = deadline;
    world.turn();
    assert_eq!(world.writing_back, [0]);
    world.write_back(0);
    assert_eq!(world.journal.next_deadline(), Instant::MAX);
}

#[test]
fn a_ring_without_room_waits_for_write_backs_and_then_goes_on() {
    let ring_bytes = 32 * IO_BLOCK_BYTES;
    let mut world = World::new(1, 1, ring_bytes);
    for _ in 0..100 {
        world.append(0, 5000);
    }
    world.settle();
    assert!(world.partitions[0].durable < 100);
    assert!(world.journal.kept_bytes() <= ring_bytes);
    while world.partitions[0].durable < 100 {
        let before = world.partitions[0].durable;
        assert!(world.writing_back.contains(&0));
        world.write_back(0);
        world.settle();
        assert!(world.partitions[0].durable > before);
        world.check_replay();
    }
    assert_eq!(world.file().unwrap().len() as u64, RING_START + ring_bytes);
}

#[test]
fn entries_that_are_to_be_passed_are_not_replayed_once_they_are_written_back() {
    let mut world = World::new(1, 3, 1 << 20);
    world.append(0, 100);
    world.append(1, 100);
    world.settle();
    world.append(0, 100);
    world.turn();
    // One entry is on its way; of what waits for the next one, a part goes elsewhere.
    world.append(1, 100);
    world.append(2, 100);
    world.journal.withdraw(owner(1));
    let last = world.journal.pass_all();
    world.settle();
    assert!(!world.journal.has_passed(last));
    assert!(world.writing_back.contains(&0) && world.writing_back.contains(&1));
    assert_eq!(world.partitions[1].durable, 1);
    world.write_back(1);
    world.settle();
    assert!(!world.journal.has_passed(last));
    world.write_back(0);
    world.settle();
    assert!(world.journal.has_passed(last));
    let replayed = world.replay().unwrap().parts;
    let replayed: Vec<TopicIdPartition> = replayed.into_iter().map(|(id, _)| id).collect();
    assert_eq!(replayed, [id(2)]);
}

#[test]
fn a_journal_without_entries_has_passed_them_all_and_so_has_one_that_is_gone() {
    let mut world = World::new(1, 1, 1 << 20);
    let last = world.journal.pass_all();
    assert!(world.journal.has_passed(last));
    world.append(0, 100);
    world.settle();
    world.disk.fails = Some("write");
    world.append(0, 100);
    world.settle();
    assert!(world.is_retired);
    let last = world.journal.pass_all();
    assert!(!world.journal.has_passed(last));
    world.write_back(0);
    world.settle();
    assert!(world.file().is_none());
    assert!(world.journal.has_passed(last));
}

#[test]
fn a_failed_write_is_not_tried_again_and_what_was_durable_stays() {
    let mut world = World::new(1, 2, 1 << 20);
    world.append(0, 100);
    world.settle();
    world.disk.fails = Some("write");
    world.append(1, 100);
    world.settle();
    assert!(world.is_retired && !world.journal.is_usable());
    assert_eq!(world.partitions[1].durable, 0);
    world.check_replay();
    world.write_back(0);
    world.settle();
    assert!(world.file().is_none(), "nothing in it is needed any more");
}

#[test]
fn what_is_appended_before_it_is_told_that_the_journal_is_retired_is_not_durable_in_it() {
    let mut world = World::new(1, 2, 1 << 20);
    world.append(0, 100);
    world.settle();
    world.disk.fails = Some("write");
    world.append(1, 100);
    world.turn();
    let (ticket, result) = world.disk.complete(&mut world.random).unwrap();
    world
        .journal
        .on_storage(world.now, ticket.sequence, result, &mut world.outbox);
    world.append(1, 100);
    world.settle();
    assert!(world.is_retired);
    assert_eq!(world.partitions[1].durable, 0);
    world.check_replay();
}

#[test]
fn a_disk_without_room_for_a_journal_is_asked_again() {
    let mut world = World::new(1, 1, 1 << 20);
    world.disk.is_full = true;
    world.append(0, 100);
    world.settle();
    assert!(world.is_retired);
    world.disk.is_full = false;
    world.now.instant = world.journal.next_deadline();
    world.was_full = true;
    world.turn();
    assert!(!world.is_retired && world.journal.is_usable());
    world.append(0, 100);
    world.settle();
    assert_eq!(world.partitions[0].durable, 2);
}

#[test]
fn a_disk_without_room_is_not_asked_again_while_what_is_durable_has_to_be_written_back() {
    let mut world = World::new(1, 1, 1 << 20);
    world.append(0, 100);
    world.settle();
    world.append(0, 100);
    world.journal.advance(world.now, &mut world.outbox);
    let (ticket, request) = world.outbox.next_request().unwrap();
    let failure = StorageFailure {
        operation: request.operation(),
        path: StoragePath::new(DirectoryIndex(0), &IDENTITY.file_name()),
        position: 0,
        errno: NO_SPACE,
    };
    let (sequence, outbox) = (ticket.sequence, &mut world.outbox);
    world
        .journal
        .on_storage(world.now, sequence, Err(failure), outbox);
    world.was_full = true;
    world.turn();
    assert!(world.is_retired);
    world.now.instant = world.now.instant + Duration::from_secs(60);
    world.turn();
    // It would only be told the same at once, over and over.
    assert_eq!(world.journal.next_deadline(), Instant::MAX);
    world.write_back(0);
    world.settle();
    assert!(world.journal.is_usable());
}

/// A world whose disk has become full, with more appends in work than its ring takes.
fn without_room_for_a_longer_ring() -> World {
    let mut world = World::new(1, 1, 4 << 20);
    world.append(0, 100);
    world.settle();
    world.disk.is_full = true;
    for _ in 0..400 {
        world.append(0, 5000);
    }
    world.settle();
    world
}

#[test]
fn a_disk_without_room_for_a_longer_ring_keeps_the_one_there_is() {
    let mut world = without_room_for_a_longer_ring();
    while world.partitions[0].durable < 401 {
        world.write_back(0);
        world.settle();
    }
    assert!(!world.is_retired);
    assert_eq!(world.file().unwrap().len() as u64, RING_START + (1 << 20));
}

#[test]
fn a_disk_that_had_no_room_for_a_longer_ring_is_asked_again() {
    let mut world = without_room_for_a_longer_ring();
    world.disk.is_full = false;
    for seconds in [9, 10] {
        while !world.partitions[0].is_durable() {
            world.write_back(0);
            world.settle();
        }
        let length = world.file().unwrap().len() as u64;
        assert_eq!(length, RING_START + (1 << 20), "before {seconds} s");
        world.now.instant = Instant::from_nanos(seconds * 1_000_000_000);
        for _ in 0..400 {
            world.append(0, 5000);
        }
        world.settle();
    }
    assert!(world.file().unwrap().len() as u64 > RING_START + (1 << 20));
}

#[test]
fn a_journal_of_another_directory_or_a_newer_format_is_refused() {
    let mut world = World::new(1, 1, 1 << 20);
    world.append(0, 100);
    world.settle();
    let file = world.file().unwrap();
    let other = Uuid::from_bytes([8; 16]);
    assert_eq!(
        replay(&file, other).unwrap_err(),
        JournalFault::Foreign(DIRECTORY)
    );
    let newer = Header {
        version: FORMAT_VERSION + 1,
        identity: IDENTITY,
        number: 2,
        first_entry: 1,
        position: RING_START,
    };
    let mut file = file.to_vec();
    let block = newer.encode();
    file[..block.len()].copy_from_slice(&block);
    assert_eq!(
        replay(&Bytes::from(file), DIRECTORY).unwrap_err(),
        JournalFault::NewerFormat(FORMAT_VERSION + 1)
    );
}

#[test]
fn a_changed_byte_before_the_last_entry_is_damage_and_in_the_last_one_the_end() {
    let mut world = World::new(1, 1, 1 << 20);
    for _ in 0..3 {
        world.append(0, 100);
        world.settle();
    }
    let file = world.file().unwrap().to_vec();
    let ring = usize::try_from(RING_START).unwrap();
    let flipped = |at: usize| {
        let mut file = file.clone();
        file[at] ^= 1;
        replay(&Bytes::from(file), DIRECTORY)
    };
    for at in [
        ring,
        ring + 5,
        ring + 9,
        ring + 17,
        ring + 30,
        ring + 90,
        ring + BLOCK + 90,
    ] {
        let fault = flipped(at).unwrap_err();
        assert!(matches!(fault, JournalFault::Damaged(..)), "{at}: {fault}");
    }
    assert_eq!(flipped(ring + 2 * BLOCK + 90).unwrap().parts.len(), 2);
    // One header is enough; without any, entries say that there must have been one.
    assert_eq!(flipped(3).unwrap().parts.len(), 3);
    let mut file = file;
    file[BLOCK + 3] ^= 1;
    let fault = replay(&Bytes::from(file), DIRECTORY).unwrap_err();
    assert!(matches!(fault, JournalFault::Damaged(0, _)));
}

#[test]
fn names_of_journals_tell_shard_and_epoch() {
    assert_eq!(IDENTITY.file_name(), "forebay-journal-3-5");
    assert_eq!(parse_file_name("forebay-journal-3-5"), Some((3, 5)));
    for other in [
        "forebay-journal-3",
        "forebay-journal-x-5",
        "a-forebay-journal-3-5",
    ] {
        assert_eq!(parse_file_name(other), None);
    }
}

#[test]
fn whatever_happens_a_crash_leaves_what_was_durable_and_not_written_back() {
    let mut rounds = 0;
    for seed in 0..400 {
        let partitions = 1 + seed % 7;
        let ring_blocks = 8 + seed % 40;
        let partitions = usize::try_from(partitions).unwrap();
        let mut world = World::new(seed, partitions, ring_blocks * IO_BLOCK_BYTES);
        for _ in 0..300 {
            let slot = u32::try_from(world.below(partitions as u64)).unwrap();
            match world.below(10) {
                0..4 => {
                    let length = world.below(APPEND_BYTES_MAX + 1);
                    world.append(slot, length);
                }
                4..8 => drop(world.step()),
                8 => {
                    if !world.writing_back.is_empty() {
                        let place = world.below(world.writing_back.len() as u64);
                        let slot = world.writing_back.swap_remove(place);
                        world.write_back(slot);
                    }
                }
                _ => {
                    world.now.instant = world.now.instant + Duration::from_secs(1);
                    world.turn();
                }
            }
        }
        rounds += world.partitions.iter().map(|one| one.durable).sum::<i64>();
        world.disk.crash(&mut world.random);
        world.check_replay();
    }
    assert!(rounds > 10_000, "{rounds} appends were durable");
}

/// The file of a journal with one header and two entries, each of one block.
fn small_journal() -> Vec<u8> {
    let header = Header {
        version: FORMAT_VERSION,
        identity: IDENTITY,
        number: 1,
        first_entry: 1,
        position: RING_START,
    };
    let mut file = header.encode().to_vec();
    file.resize(usize::try_from(RING_START).unwrap(), 0);
    let mut previous_crc = 0;
    for number in 1..=2 {
        let mut entry = EntryBuilder::default();
        let partition = TopicIdPartition {
            topic_id: DIRECTORY,
            partition: 0,
        };
        entry.push(partition, vec![Bytes::from_static(b"batches")]);
        let (slices, crc) = entry.finish(EntryKey {
            epoch: IDENTITY.epoch,
            number,
            previous_crc,
        });
        file.extend(slices.concat());
        file.resize(file.len().next_multiple_of(BLOCK), 0);
        previous_crc = crc;
    }
    file
}

#[test]
fn a_closer_look_at_a_journal_finds_one_bit_anywhere_in_its_blocks() {
    let sound = small_journal();
    let inspected = inspect(&Bytes::from(sound.clone()), DIRECTORY);
    assert_eq!(inspected.replayed.unwrap().parts.len(), 2);
    assert_eq!((inspected.stains, inspected.unfinished), (vec![], None));
    for byte in 0..sound.len() {
        let mut damaged = sound.clone();
        damaged[byte] ^= 1 << (byte % 8);
        let inspected = inspect(&Bytes::from(damaged), DIRECTORY);
        let block = (byte / BLOCK * BLOCK) as u64;
        let places = inspected.stains.iter().map(|(at, _)| *at);
        let places = places.chain(inspected.unfinished);
        let mut places = places.chain(match inspected.replayed {
            Err(JournalFault::Damaged(at, _)) => Some(at),
            _ => None,
        });
        let is_there = |at: u64| (block..block + IO_BLOCK_BYTES).contains(&at);
        assert!(places.any(is_there), "byte {byte}");
    }
}
