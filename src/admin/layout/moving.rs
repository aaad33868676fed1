//! The execution of a plan: reassignments are asked for, watched, and seen to their end.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::{Duration, Instant};

use crate::admin::session::Session;
use crate::admin::signals::is_interrupted_within;
use crate::admin::table::counted;
use crate::admin::{Failure, Progress};
use crate::model::{BrokerId, TopicPartition};

use super::electing::{Election, elect_leaders};
use super::reading::{describe_directories, read_picture, replica_sizes};
use super::reassignments::{Reassignment, Refused, alter_reassignments, list_reassignments};
use super::{Change, Layout, throttle};

/// Partitions that are copied at once: enough to keep the fetchers of all brokers busy, few enough
/// that an interrupted plan leaves little behind that goes on.
const COPIES_AT_ONCE: usize = 64;

/// Partitions in one request, which the controller decides on in one batch of records.
const PARTITIONS_PER_REQUEST: usize = 500;

/// How often the cluster is asked how far it is.
const ASKED_EVERY: Duration = Duration::from_millis(500);

/// After so long without a byte or a partition more, the person is told which ones wait.
const SILENT_MAX: Duration = Duration::from_secs(60);

/// Partitions named in one line.
const NAMED_MAX: usize = 5;

/// What is to be done.
#[derive(Debug, Default)]
pub struct Work {
    /// What is to be asked for.
    pub changes: Vec<Change>,
    /// What was asked for before, and is on its way.
    pub under_way: Vec<Change>,
    /// Bytes a second that each broker may copy in and out.
    pub throttle: Option<u64>,
    /// Ask for everything at once, and do not wait for its end.
    pub without_waiting: bool,
}

/// What became of it.
#[derive(Debug, Default)]
pub struct Done {
    /// Changes that are made.
    pub changed: usize,
    /// What was refused, or is not so in the end.
    pub refused: Vec<Refused>,
    /// Changes that are on their way, and those that were not asked for.
    pub under_way: usize,
    pub not_begun: usize,
    /// What could not be undone of the throttle.
    pub throttle_left: Vec<String>,
}

impl Done {
    /// Tells what did not become of it.
    ///
    /// # Errors
    /// If anything did not.
    pub fn report(&self, again: &str) -> Result<(), Failure> {
        let told = self.report_refused();
        if self.under_way + self.not_begun > 0 {
            let text = format!(
                "interrupted: {} still on the way, which goes on, and {} not begun; {again}",
                counted(self.under_way, "partition"),
                counted(self.not_begun, "partition"),
            );
            return Err(Failure::Failed(text));
        }
        told
    }

    /// The same where what is on its way is meant to be.
    ///
    /// # Errors
    /// If anything was refused.
    pub fn report_refused(&self) -> Result<(), Failure> {
        for refused in &self.refused {
            eprintln!("forebay: {}: {}", refused.partition, refused.reason);
        }
        for left in &self.throttle_left {
            eprintln!("forebay: the throttle of {left} is left");
        }
        if self.refused.is_empty() && self.throttle_left.is_empty() {
            Ok(())
        } else {
            Err(Failure::Told)
        }
    }
}

/// Carries out a plan, to its end or until the person at the terminal wants one. What is on its
/// way then goes on, within its throttle.
pub fn carry_out(session: &mut Session, layout: &Layout, work: Work) -> Result<Done, Failure> {
    if let Some(rate) = work.throttle {
        let all = [&work.changes[..], &work.under_way[..]].concat();
        throttle::set(session, layout, &all, rate)?;
    }
    let mut moves = Moves::of(work);
    moves.run(session)?;
    if moves.waiting.is_empty() && moves.under_way.is_empty() {
        moves.finish(session)?;
    }
    Ok(Done {
        under_way: moves.under_way.len(),
        not_begun: moves.waiting.len(),
        ..moves.done
    })
}

/// Ends the throttles of reassignments if none is on its way any more; tells what was refused.
/// Where no topic has one, the brokers' rates are an operator's own.
pub fn end_throttle(session: &mut Session) -> Result<Vec<String>, Failure> {
    let picture = read_picture(session)?;
    if !picture.reassignments.is_empty() {
        return Ok(Vec::new());
    }
    let topics = throttle::throttled_topics(session, &picture.layout)?;
    if topics.is_empty() {
        return Ok(Vec::new());
    }
    throttle::remove(session, &picture.layout, &topics)
}

/// A reassignment that is on its way as a change.
pub fn change_under_way(
    layout: &Layout,
    partition: &TopicPartition,
    reassignment: &Reassignment,
) -> Change {
    let from = reassignment.replicas.iter().copied();
    let from = from.filter(|id| !reassignment.adding.contains(id));
    let placement = layout.partitions.get(partition);
    Change {
        partition: partition.clone(),
        from: from.collect(),
        to: reassignment.target(),
        bytes: placement.map_or(0, |placement| placement.bytes),
    }
}

/// The first of some partitions, and how many there are beside them.
pub fn named<'a>(partitions: impl IntoIterator<Item = &'a TopicPartition>) -> String {
    let all: Vec<String> = partitions.into_iter().map(ToString::to_string).collect();
    let shown = all[..all.len().min(NAMED_MAX)].join(", ");
    match all.len().saturating_sub(NAMED_MAX) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

fn is_copied(change: &Change) -> bool {
    change.added().next().is_some()
}

struct Moves {
    waiting: VecDeque<Change>,
    under_way: BTreeMap<TopicPartition, Change>,
    ended: Vec<Change>,
    without_waiting: bool,
    progress: Progress,
    total: usize,
    /// Bytes of the copies so far, the greatest that was seen.
    copied: BTreeMap<(TopicPartition, BrokerId), u64>,
    shown_bytes: u64,
    moved_at: Instant,
    done: Done,
}

impl Moves {
    fn of(work: Work) -> Self {
        let all = work.changes.iter().chain(&work.under_way);
        let bytes = all.map(Change::copied_bytes).sum();
        let total = work.changes.len() + work.under_way.len();
        let under_way = work.under_way.into_iter();
        // What needs no copy is done at once, so it goes first.
        let (copies, orders): (Vec<_>, Vec<_>) = work.changes.into_iter().partition(is_copied);
        Self {
            waiting: orders.into_iter().chain(copies).collect(),
            under_way: under_way
                .map(|change| (change.partition.clone(), change))
                .collect(),
            ended: Vec::new(),
            without_waiting: work.without_waiting,
            progress: if work.without_waiting || total == 0 {
                Progress::none()
            } else {
                Progress::of_work(bytes)
            },
            total,
            copied: BTreeMap::new(),
            shown_bytes: 0,
            moved_at: Instant::now(),
            done: Done::default(),
        }
    }

    fn run(&mut self, session: &mut Session) -> Result<(), Failure> {
        loop {
            self.ask_for_more(session)?;
            if self.without_waiting {
                return Ok(());
            }
            self.take_ended(session)?;
            if self.waiting.is_empty() && self.under_way.is_empty() {
                return Ok(());
            }
            self.show(session);
            // Where something ended there is room for more at once.
            let has_room = self.under_way.len() < COPIES_AT_ONCE && !self.waiting.is_empty();
            let wait = if has_room {
                Duration::ZERO
            } else {
                ASKED_EVERY
            };
            if is_interrupted_within(session, wait)? {
                return Ok(());
            }
        }
    }

    fn ask_for_more(&mut self, session: &mut Session) -> Result<(), Failure> {
        while let Some(first) = self.waiting.front() {
            let is_copy = is_copied(first);
            let room = if is_copy && !self.without_waiting {
                COPIES_AT_ONCE.saturating_sub(self.under_way.len())
            } else {
                PARTITIONS_PER_REQUEST
            };
            let alike = self
                .waiting
                .iter()
                .take_while(|one| is_copied(one) == is_copy);
            let count = alike.take(room.min(PARTITIONS_PER_REQUEST)).count();
            if count == 0 {
                return Ok(());
            }
            let asked: Vec<Change> = self.waiting.drain(..count).collect();
            let wanted = asked
                .iter()
                .map(|change| (change.partition.clone(), Some(change.to.clone())))
                .collect();
            let refused = alter_reassignments(session, &wanted)?;
            let is_refused: BTreeSet<_> = refused
                .iter()
                .map(|refused| refused.partition.clone())
                .collect();
            let taken = asked.into_iter();
            let taken = taken.filter(|change| !is_refused.contains(&change.partition));
            self.under_way
                .extend(taken.map(|change| (change.partition.clone(), change)));
            self.done.refused.extend(refused);
        }
        Ok(())
    }

    fn take_ended(&mut self, session: &mut Session) -> Result<(), Failure> {
        let on_their_way = list_reassignments(session)?;
        let ended = self
            .under_way
            .extract_if(.., |partition, _| !on_their_way.contains_key(partition));
        let ended: Vec<Change> = ended.map(|(_, change)| change).collect();
        if !ended.is_empty() {
            self.moved_at = Instant::now();
        }
        for change in ended {
            for id in change.added() {
                self.copied
                    .insert((change.partition.clone(), id), change.bytes);
            }
            self.ended.push(change);
        }
        Ok(())
    }

    /// Shows how far the copies are, as the brokers' disks tell it. One that does not answer is
    /// asked again the next time.
    fn show(&mut self, session: &mut Session) {
        let mut asked = BTreeMap::<BrokerId, BTreeSet<TopicPartition>>::new();
        for change in self.under_way.values() {
            for id in change.added() {
                asked
                    .entry(id)
                    .or_default()
                    .insert(change.partition.clone());
            }
        }
        for (id, partitions) in asked {
            let Ok(told) = describe_directories(session, id, Some(&partitions)) else {
                continue;
            };
            for (partition, size) in replica_sizes(&told) {
                let Some(change) = self.under_way.get(&partition) else {
                    continue;
                };
                let size = size.min(change.bytes);
                let known = self.copied.entry((partition, id)).or_default();
                *known = size.max(*known);
            }
        }
        let bytes: u64 = self.copied.values().sum();
        if bytes > self.shown_bytes {
            self.moved_at = Instant::now();
        }
        let ended = self.ended.len() + self.done.refused.len();
        let left = counted(self.total.saturating_sub(ended), "partition");
        self.progress.advance(
            bytes.saturating_sub(self.shown_bytes),
            &format!("{left} left"),
        );
        self.shown_bytes = bytes.max(self.shown_bytes);
        if self.moved_at.elapsed() >= SILENT_MAX {
            self.moved_at = Instant::now();
            let names = named(self.under_way.keys());
            let seconds = SILENT_MAX.as_secs();
            let line = format!("forebay: nothing was copied for {seconds} s, of {names}");
            self.progress.aside(|| eprintln!("{line}"));
        }
    }

    /// Everything was asked for and nothing is on its way.
    fn finish(&mut self, session: &mut Session) -> Result<(), Failure> {
        self.await_metadata(session)?;
        let wanting: BTreeSet<TopicPartition> = self
            .ended
            .iter()
            .filter(|change| change.from.first() != change.to.first())
            .map(|change| change.partition.clone())
            .collect();
        // A preferred leader that is not in sync yet leads when it is: the controller sees to it.
        for_each_piece(&wanting, |piece| {
            elect_leaders(session, Election::Preferred, piece).map(|_| ())
        })?;
        self.done.throttle_left = end_throttle(session)?;
        Ok(())
    }

    /// Waits until the brokers tell of what the controller has decided; what is otherwise then was
    /// changed by somebody else.
    fn await_metadata(&mut self, session: &mut Session) -> Result<(), Failure> {
        let deadline = Instant::now() + session.timeout();
        loop {
            session.refresh(None, false)?;
            let (changed, other): (Vec<&Change>, Vec<&Change>) =
                self.ended.iter().partition(|change| {
                    let topic = session.cluster().topic(&change.partition.topic);
                    let told =
                        topic.and_then(|one| one.partitions.get(&change.partition.partition));
                    told.is_some_and(|told| told.replicas == change.to)
                });
            if other.is_empty() || Instant::now() >= deadline {
                self.done.changed = changed.len();
                let other = other.into_iter().map(|change| Refused {
                    partition: change.partition.clone(),
                    reason: "its replicas were changed by somebody else".to_owned(),
                });
                self.done.refused.extend(other);
                return Ok(());
            }
            if is_interrupted_within(session, ASKED_EVERY)? {
                return Ok(());
            }
        }
    }
}

/// Hands over pieces that fit into a request.
pub fn for_each_piece(
    partitions: &BTreeSet<TopicPartition>,
    mut ask: impl FnMut(&BTreeSet<TopicPartition>) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let all: Vec<&TopicPartition> = partitions.iter().collect();
    for piece in all.chunks(PARTITIONS_PER_REQUEST) {
        ask(&piece.iter().map(|one| (*one).clone()).collect())?;
    }
    Ok(())
}
