//! The active controller looks for brokers that may be dead: the node passes on what it wants to
//! know, and commits what follows.

use crate::model::BrokerId;
use crate::stdx::Now;

use super::super::controller::{Probe, ProbeId, ProbeOutcome};
use super::{MetadataNode, Phase};

impl MetadataNode {
    /// The connection has ended, and not by this node, on which a broker told in this epoch that
    /// it lives.
    pub fn on_heartbeats_ended(&mut self, now: Now, broker: BrokerId, epoch: i64) {
        if matches!(self.phase, Phase::Active) {
            let (controller, view) = self.deciding();
            controller.on_heartbeats_ended(view, now.instant, (broker, epoch));
        }
    }

    /// The next address where somebody is to be looked for; [`MetadataNode::on_probed`] follows
    /// each.
    pub fn next_probe(&mut self, now: Now) -> Option<Probe> {
        if !matches!(self.phase, Phase::Active) {
            return None;
        }
        let (controller, view) = self.deciding();
        controller.next_probe(view, now.instant)
    }

    /// Whether somebody listens there.
    pub fn on_probed(&mut self, now: Now, id: ProbeId, outcome: ProbeOutcome) {
        if matches!(self.phase, Phase::Active) {
            let (controller, view) = self.deciding();
            let records = controller.on_probed(view, now.instant, id, outcome);
            self.append_parts(now, &records);
        }
    }
}
