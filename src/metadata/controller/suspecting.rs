//! Brokers that are looked for, since they may be dead, and fenced when nobody listens any more.

use crate::model::{BrokerId, NodeAddress};
use crate::protocol::messages::MetadataRecord;
use crate::stdx::{Instant, duration_of_ms};

use super::suspicions::{Probe, ProbeId, ProbeOutcome};
use super::{Controller, View};

impl Controller {
    /// The connection has ended on which the broker told in this epoch that it lives. One that is
    /// fenced is let be: while it starts it may not listen yet.
    pub(crate) fn on_heartbeats_ended(
        &mut self,
        view: View<'_>,
        now: Instant,
        (broker, epoch): (BrokerId, i64),
    ) {
        let registration = view.image.brokers.get(&broker);
        let registration = registration.filter(|one| one.epoch == epoch && !one.fenced);
        if registration.is_some_and(|one| self.sessions.is_valid(now, one)) {
            self.suspicions.suspect(now, broker);
        }
    }

    /// A controller that begins has no connection whose end would tell it of a broker that died
    /// with the controller before it, or while there was none. Of its own node it needs none.
    pub(super) fn suspect_all(&mut self, view: View<'_>, now: Instant) {
        self.suspicions.forget_all();
        let brokers = view.image.brokers.values();
        for broker in brokers.filter(|broker| !broker.fenced && broker.id != self.node_id) {
            self.suspicions.suspect(now, broker.id);
        }
    }

    /// The next dial by which a broker is looked for.
    pub(crate) fn next_probe(&mut self, view: View<'_>, now: Instant) -> Option<Probe> {
        // What takes longer tells nothing that the session does not.
        let timeout = duration_of_ms(view.config.broker_session_timeout_ms);
        while let Some(broker) = self.suspicions.next_due(now) {
            let registration = view.image.brokers.get(&broker);
            let Some(registration) = registration.filter(|one| !one.fenced) else {
                self.suspicions.forget(broker);
                continue;
            };
            let addresses = registration.endpoints.iter().map(|endpoint| NodeAddress {
                host: endpoint.host.clone(),
                port: endpoint.port,
            });
            self.suspicions.look(broker, addresses, timeout);
        }
        self.suspicions.next_probe()
    }

    /// What came of a dial: the records by which a broker is fenced that is dead.
    pub(crate) fn on_probed(
        &mut self,
        view: View<'_>,
        now: Instant,
        id: ProbeId,
        outcome: ProbeOutcome,
    ) -> Vec<MetadataRecord> {
        if !self.suspicions.on_probed(now, id, outcome) {
            return Vec::new();
        }
        let broker = id.broker();
        self.sessions.end(broker);
        self.sessions.fence(broker);
        let records = self.fence_records(view, broker);
        if !records.is_empty() {
            tracing::warn!("broker {broker} is fenced: nobody listens at any of its addresses");
        }
        records
    }
}
