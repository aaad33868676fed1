//! What happens to machines and to the network between them, while there are faults.

use std::time::Duration;

use super::super::clock::between;
use super::super::faults::Fault;
use super::super::network::NodeIndex;
use super::{Occurrence, Stage, World};

/// How long nodes do not reach each other, at most.
const CUT_DURATION_MAX: Duration = Duration::from_secs(4);

/// How long a node stands still, at most: longer than the session of a broker.
const PAUSE_DURATION_MAX: Duration = Duration::from_secs(3);

/// How far a wall clock is from the right time, at most: two may be more than an hour apart.
/// Brokers refuse records whose time is an hour behind theirs, and clients have the right one.
const CLOCK_ERROR_MS_MAX: u64 = 31 * 60 * 1000;

impl World {
    /// Something happens in a while.
    pub(super) fn plan_outage(&mut self) {
        let mean = self.chaos.between_nodes.outages_ms;
        let most = Duration::from_millis(2 * mean);
        let within = between(&mut self.dials, Duration::ZERO, most);
        self.plan_for(self.now.plus_nanos(within), Occurrence::Outage);
    }

    /// Something happens.
    pub(super) fn happen_outage(&mut self) {
        if self.stage != Stage::Working {
            return;
        }
        self.plan_outage();
        let node = self.some_node();
        match self.dials.below(16) {
            0..3 => self.cut(Fault::CutOneWay, node),
            3..5 => self.cut(Fault::CutBothWays, node),
            5..9 => self.cut(Fault::Isolation, node),
            9..12 => self.pause(node),
            12..15 => self.set_clock_wrong(node),
            _ => {
                self.counts.add(Fault::PowerCutOfAll);
                for node in self.node_indexes() {
                    self.crash(node);
                }
            }
        }
    }

    fn some_node(&mut self) -> NodeIndex {
        let place = self.dials.below(self.nodes.len() as u64);
        NodeIndex(usize::try_from(place).expect("few"))
    }

    fn cut(&mut self, fault: Fault, node: NodeIndex) {
        let lasts = between(&mut self.dials, Duration::ZERO, CUT_DURATION_MAX);
        let until = self.now.plus_nanos(lasts);
        let others = self.node_indexes().filter(|other| *other != node);
        let mut others: Vec<NodeIndex> = others.collect();
        if fault != Fault::Isolation {
            let kept = usize::try_from(self.dials.below(others.len() as u64)).expect("few");
            others = vec![others[kept]];
        }
        self.counts.add(fault);
        self.trace.note(self.now, "cut", &[node.0 as u64], || {
            format!("{fault:?}: {node} from {others:?} until {until}")
        });
        for other in others {
            self.links.cut(node, other, until);
            if fault != Fault::CutOneWay {
                self.links.cut(other, node, until);
            }
        }
    }

    fn pause(&mut self, index: NodeIndex) {
        let lasts = between(&mut self.dials, Duration::ZERO, PAUSE_DURATION_MAX);
        let until = self.now.plus_nanos(lasts);
        if self.node(index).broker.is_some() {
            self.counts.add(Fault::PausedNode);
            self.trace.note(self.now, "pause", &[index.0 as u64], || {
                format!("{index} until {until}")
            });
            self.node_mut(index).paused_until = until;
        }
    }

    fn set_clock_wrong(&mut self, index: NodeIndex) {
        let error = i64::try_from(self.dials.below(2 * CLOCK_ERROR_MS_MAX)).expect("small");
        let error = error - i64::try_from(CLOCK_ERROR_MS_MAX).expect("small");
        self.counts.add(Fault::ClockJump);
        self.trace.note(self.now, "clock", &[index.0 as u64], || {
            format!("{index} is off by {error} ms")
        });
        self.node_mut(index).clock_error_ms = error;
    }

    /// Everybody reaches everybody again.
    pub(super) fn end_outages(&mut self) {
        self.links.mend();
        let now = self.now;
        for node in &mut self.nodes {
            node.paused_until = node.paused_until.min(now);
        }
    }
}
