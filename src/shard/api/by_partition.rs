//! Requests that name partitions and are answered partition by partition: each owner is asked once
//! for each, and its reply goes into the place that waits for it in the response.

use crate::model::TopicIdPartition;
use crate::protocol::AnyResponse;
use crate::shard::task::{Task, TaskIndex};

use super::{Gather, Parts, Places, Plan, Tasks};

/// A response whose places are being filled by the owners of its partitions.
#[derive(Debug)]
pub struct PartitionGather<R> {
    /// The response so far.
    pub response: R,
    places: Places,
}

/// What the owner of a partition is asked.
#[derive(Debug)]
pub struct Asked {
    /// Where in the response the reply belongs: which topic, which partition of it.
    pub place: (usize, usize),
    /// The partition.
    pub partition: TopicIdPartition,
    /// The question.
    pub task: Task,
}

impl<R: Into<AnyResponse>> PartitionGather<R> {
    /// Answer with `response` once all that is `asked` is in it.
    pub fn plan(
        response: R,
        asked: Vec<Asked>,
        parts: &Parts<'_>,
        wrap: fn(Self) -> Gather,
    ) -> Plan {
        if asked.is_empty() {
            return Plan::answer(response);
        }
        let (mut places, mut tasks) = (Places::default(), Tasks::default());
        for one in asked {
            let index = places.add(one.place);
            tasks.push(parts.owner_of(one.partition), index, one.task);
        }
        Plan::Tasks {
            tasks,
            gather: Box::new(wrap(Self { response, places })),
        }
    }

    /// Where in the response the reply of the task `index` belongs.
    pub fn place(&self, index: TaskIndex) -> (usize, usize) {
        self.places.at(index)
    }

    /// Every owner answered.
    pub fn finish(self) -> Plan {
        Plan::answer(self.response)
    }
}
