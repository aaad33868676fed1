//! Which brokers are heard of: what the controller knows of them beyond the records.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::model::{BrokerId, Offset};
use crate::stdx::Instant;

use super::super::image::{BrokerRegistration, MetadataImage};

/// What is known of one registered broker.
#[derive(Clone, Debug)]
pub(super) struct Session {
    /// The epoch of the registration that this is about.
    epoch: i64,
    /// When it was heard of last; `None` before its first heartbeat.
    heard_at: Option<Instant>,
    /// The last offset of the metadata log that it has taken in.
    metadata_offset: Offset,
    /// The offset of its registration, which it must have seen before its fence is lifted.
    pub registered_at: Offset,
    /// The offset by which all that it led is led by others; `None` if it does not want to stop.
    stopping_at: Option<Offset>,
}

/// The brokers but the one of this node, which needs no session: it lives as long as the node.
#[derive(Clone, Debug, Default)]
pub(super) struct Sessions {
    brokers: BTreeMap<BrokerId, Session>,
    timeout: Duration,
}

impl Sessions {
    /// A controller begins: whoever runs has as long as after a heartbeat to be heard of.
    pub(super) fn begin(
        &mut self,
        now: Instant,
        image: &MetadataImage,
        own: Option<BrokerId>,
        timeout: Duration,
    ) {
        self.timeout = timeout;
        self.brokers.clear();
        for broker in image
            .brokers
            .values()
            .filter(|broker| Some(broker.id) != own)
        {
            // Where it registered is not in the image; whoever has seen all that there is now has
            // seen that.
            self.register(broker.id, broker.epoch, image.end_offset.saturating_sub(1));
            let heard_at = (!broker.fenced).then_some(now);
            self.change(broker.id, |session| session.heard_at = heard_at);
        }
    }

    fn change(&mut self, broker: BrokerId, change: impl FnOnce(&mut Session)) {
        if let Some(session) = self.brokers.get_mut(&broker) {
            change(session);
        }
    }

    /// A broker has registered; the last record of it has this offset.
    pub(super) fn register(&mut self, broker: BrokerId, epoch: i64, registered_at: Offset) {
        let known = self.brokers.remove(&broker);
        let heard_at = known.filter(|known| known.epoch == epoch);
        let session = Session {
            epoch,
            heard_at: heard_at.and_then(|known| known.heard_at),
            metadata_offset: -1,
            registered_at,
            stopping_at: None,
        };
        self.brokers.insert(broker, session);
    }

    /// A broker is not part of the cluster any more.
    pub(super) fn remove(&mut self, broker: BrokerId) {
        self.brokers.remove(&broker);
    }

    /// A broker is heard of.
    pub(super) fn touch(&mut self, now: Instant, broker: BrokerId, metadata_offset: Offset) {
        self.change(broker, |session| {
            session.heard_at = Some(now);
            session.metadata_offset = metadata_offset;
        });
    }

    /// What is known of a broker.
    pub(super) fn get(&self, broker: BrokerId) -> Option<&Session> {
        self.brokers.get(&broker)
    }

    /// True if the broker was heard of lately.
    pub(super) fn is_valid(&self, now: Instant, broker: &BrokerRegistration) -> bool {
        let session = self.brokers.get(&broker.id);
        let session = session.filter(|session| session.epoch == broker.epoch);
        let heard_at = session.and_then(|session| session.heard_at);
        heard_at.is_some_and(|heard_at| heard_at + self.timeout > now)
    }

    /// True if the broker hands over what it leads.
    pub(super) fn is_stopping(&self, broker: BrokerId) -> bool {
        let session = self.brokers.get(&broker);
        session.is_some_and(|session| session.stopping_at.is_some())
    }

    /// All that the broker led is led by others as of this offset; the first one counts.
    pub(super) fn stop(&mut self, broker: BrokerId, offset: Offset) {
        self.change(broker, |session| {
            session.stopping_at.get_or_insert(offset);
        });
    }

    /// The broker is fenced: whatever it wanted, it begins anew.
    pub(super) fn fence(&mut self, broker: BrokerId) {
        self.change(broker, |session| session.stopping_at = None);
    }

    /// The broker stops now, as it wanted: nobody has to wait until it is not heard of.
    pub(super) fn end(&mut self, broker: BrokerId) {
        self.change(broker, |session| session.heard_at = None);
    }

    /// True if every broker that runs knows that others lead what `broker` led.
    pub(super) fn is_replaced(&self, image: &MetadataImage, broker: BrokerId) -> bool {
        let Some(stopping_at) = self.brokers.get(&broker).and_then(|one| one.stopping_at) else {
            return false;
        };
        let is_fenced = |id| image.brokers.get(id).is_none_or(|broker| broker.fenced);
        let active = self.brokers.iter();
        let mut active =
            active.filter(|(id, session)| session.stopping_at.is_none() && !is_fenced(id));
        active.all(|(_, session)| session.metadata_offset >= stopping_at)
    }

    /// When the next session ends.
    pub(super) fn next_deadline(&self) -> Instant {
        let heard = self.brokers.values().filter_map(|session| session.heard_at);
        let first = heard.min();
        first.map_or(Instant::MAX, |heard_at| heard_at + self.timeout)
    }

    /// A broker that was not heard of in time; it is told once.
    pub(super) fn expire(&mut self, now: Instant) -> Option<BrokerId> {
        let timeout = self.timeout;
        let is_late = |session: &Session| {
            let heard_at = session.heard_at;
            heard_at.is_some_and(|heard_at| heard_at + timeout <= now)
        };
        let (id, session) = self
            .brokers
            .iter_mut()
            .find(|(_, session)| is_late(session))?;
        session.heard_at = None;
        Some(*id)
    }
}
