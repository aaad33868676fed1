//! Appends that wait until they are safe enough to be acknowledged, in the order of offsets.

use std::collections::VecDeque;

use crate::coordinator::group::WriteToken;
use crate::model::Offset;
use crate::stdx::Instant;

use super::partition::Asker;
use super::task::AppendedReply;

/// What a producer waits for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Acks {
    /// The leader's own log is safe: `acks=1`. Also `acks=0`, which is not answered: the request
    /// counts for the memory that it holds until its records are written.
    Leader,
    /// Every replica in sync is: `acks=all`.
    InSync,
}

/// Something that is done once an append is safe enough.
#[derive(Debug)]
pub struct WaitingAppend {
    /// The last offset that was appended.
    pub last_offset: Offset,
    /// When a producer is told that the replicas took too long; the leader's own disk may.
    pub deadline: Instant,
    /// What is done.
    pub then: Acknowledge,
}

/// Whom an append is acknowledged to.
#[derive(Debug)]
pub enum Acknowledge {
    /// A producer.
    Producer(Asker, AppendedReply),
    /// The coordinator of this partition.
    Coordinator(WriteToken),
}

/// The appends of one partition that wait.
#[derive(Debug)]
pub struct WaitingAppends {
    /// Those that wait for the leader's own log.
    of_leader: VecDeque<WaitingAppend>,
    /// Those that wait for the high watermark.
    of_in_sync: VecDeque<WaitingAppend>,
    /// When the first of those has waited too long for replicas.
    next_deadline: Instant,
    /// True if one has, but the leader's own log is not safe up to it.
    has_overdue: bool,
}

impl WaitingAppends {
    /// None.
    pub const fn new() -> Self {
        Self {
            of_leader: VecDeque::new(),
            of_in_sync: VecDeque::new(),
            next_deadline: Instant::MAX,
            has_overdue: false,
        }
    }

    /// One more. A batch that was sent twice waits for the offset it got the first time, which may
    /// lie below those of later batches.
    pub fn push(&mut self, acks: Acks, append: WaitingAppend) {
        let queue = match acks {
            Acks::Leader => &mut self.of_leader,
            Acks::InSync => {
                self.next_deadline = self.next_deadline.min(append.deadline);
                &mut self.of_in_sync
            }
        };
        let place = queue.partition_point(|other| other.last_offset <= append.last_offset);
        queue.insert(place, append);
    }

    /// The leader's own log is safe up to `safe_end`: those that waited for no more.
    pub fn take_safe(&mut self, safe_end: Offset) -> Vec<Acknowledge> {
        take_below(&mut self.of_leader, safe_end)
    }

    /// The high watermark is there: those that waited for it.
    pub fn take_committed(&mut self, high_watermark: Offset) -> Vec<Acknowledge> {
        take_below(&mut self.of_in_sync, high_watermark)
    }

    /// Those for which the replicas have taken too long.
    pub fn take_late(&mut self, now: Instant, safe_end: Offset) -> Vec<Acknowledge> {
        if now < self.next_deadline && !self.has_overdue {
            return Vec::new();
        }
        let (mut late, mut kept) = (Vec::new(), VecDeque::new());
        self.next_deadline = Instant::MAX;
        self.has_overdue = false;
        for append in self.of_in_sync.drain(..) {
            if append.deadline > now {
                self.next_deadline = self.next_deadline.min(append.deadline);
                kept.push_back(append);
            } else if append.last_offset < safe_end {
                late.push(append.then);
            } else {
                self.has_overdue = true;
                kept.push_back(append);
            }
        }
        self.of_in_sync = kept;
        late
    }

    /// All of them: what they wait for will not be.
    pub fn take_all(&mut self) -> Vec<Acknowledge> {
        self.next_deadline = Instant::MAX;
        self.has_overdue = false;
        let of_leader = self.of_leader.drain(..);
        of_leader
            .chain(self.of_in_sync.drain(..))
            .map(|append| append.then)
            .collect()
    }

    /// The producers among them.
    pub fn take_producers(&mut self) -> Vec<Asker> {
        let (mut producers, mut kept) = (Vec::new(), VecDeque::new());
        for append in self.of_leader.drain(..).chain(self.of_in_sync.drain(..)) {
            match append.then {
                Acknowledge::Producer(asker, _) => producers.push(asker),
                Acknowledge::Coordinator(_) => kept.push_back(append),
            }
        }
        self.of_in_sync = kept;
        producers
    }

    /// Those at or behind `end`, where the log ends.
    pub fn take_behind(&mut self, end: Offset) -> Vec<Acknowledge> {
        let mut lost = Vec::new();
        for queue in [&mut self.of_leader, &mut self.of_in_sync] {
            let kept = queue.partition_point(|append| append.last_offset < end);
            lost.extend(queue.split_off(kept).into_iter().map(|append| append.then));
        }
        lost
    }

    /// When one has waited too long.
    pub const fn next_deadline(&self) -> Instant {
        self.next_deadline
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.of_leader.len() + self.of_in_sync.len()
    }
}

fn take_below(queue: &mut VecDeque<WaitingAppend>, end: Offset) -> Vec<Acknowledge> {
    let count = queue.partition_point(|append| append.last_offset < end);
    queue.drain(..count).map(|append| append.then).collect()
}
