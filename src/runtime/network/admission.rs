//! The places for connections, shared by the shards: who may connect, and where a connection goes.

use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use crate::connection::{ConnectionLimits, ConnectionQuotas, TooManyOfAddress};
use crate::shard::{ListenerIndex, RefusalReason};
use crate::stdx::Instant;

use super::names::resolve_names;

/// Wakes the shard of this number.
pub(in crate::runtime) type WakeShard = Box<dyn Fn(usize) + Send + Sync>;

/// The connections of the whole broker, counted.
pub(in crate::runtime) struct Admission {
    /// Taken once per connect and once per disconnect, never while bytes flow.
    quotas: Mutex<ConnectionQuotas>,
    /// How often the limits were changed: names take time, and the last change counts.
    changes: AtomicU64,
    /// How many there is a descriptor for, whatever the limits.
    places: usize,
    /// By shard.
    loads: Box<[AtomicUsize]>,
    /// There are more connections than there may be: kept beside the quotas since every shard looks
    /// at it in every turn.
    is_exceeded: AtomicBool,
    /// A shard is about to close one of them. One at a time, so that not too many are closed.
    is_evicting: AtomicBool,
    /// A client waits for a place.
    is_awaited: AtomicBool,
    wake: WakeShard,
}

/// A place for one connection, given back when dropped.
pub(super) struct Admitted {
    admission: Arc<Admission>,
    listener: usize,
    address: IpAddr,
    pub shard: usize,
}

/// What becomes of a client that has come.
pub(super) enum Answer {
    /// It has a place.
    Admitted(Admitted),
    /// It has to wait until a connection is gone; shard 0 is woken then.
    NoPlace,
    /// It is turned away.
    Refused(RefusalReason),
}

/// There are more connections than there may be.
#[derive(Debug, Eq, PartialEq)]
pub(super) struct Excess {
    /// The listener whose connections stay.
    pub spared: Option<ListenerIndex>,
}

/// The shard that takes the clients.
const ACCEPTING_SHARD: usize = 0;

impl Admission {
    /// Nobody is connected yet.
    pub fn new(limits: ConnectionLimits, places: usize, shards: usize, wake: WakeShard) -> Self {
        Self {
            quotas: Mutex::new(ConnectionQuotas::new(limits)),
            changes: AtomicU64::new(0),
            places,
            loads: (0..shards).map(|_| AtomicUsize::new(0)).collect(),
            is_exceeded: AtomicBool::new(false),
            is_evicting: AtomicBool::new(false),
            is_awaited: AtomicBool::new(false),
            wake,
        }
    }

    /// A client has come to `listener`: when to ask for its place.
    pub(super) fn note_arrival(&self, now: Instant, listener: ListenerIndex) -> Instant {
        self.quotas().note_arrival(now, usize::from(listener.0))
    }

    /// A place on the least loaded shard for a client of `listener` at `address`.
    pub(super) fn admit(self: &Arc<Self>, listener: ListenerIndex, address: IpAddr) -> Answer {
        // A client reached over IPv4 through an IPv6 socket counts as its IPv4 address.
        let (listener, address) = (usize::from(listener.0), address.to_canonical());
        let loads = self.loads.iter().map(|load| load.load(Ordering::Relaxed));
        let mut quotas = self.quotas();
        if !quotas.has_place(listener) {
            // Under the lock: whoever gives a place back after this sees that it is awaited.
            self.is_awaited.store(true, Ordering::SeqCst);
            return Answer::NoPlace;
        }
        if loads.clone().sum::<usize>() >= self.places {
            return Answer::Refused(RefusalReason::NoDescriptor);
        }
        if let Err(TooManyOfAddress { allowed }) = quotas.take_place(listener, address) {
            return Answer::Refused(RefusalReason::AddressLimit { allowed });
        }
        self.note_excess(&quotas);
        drop(quotas);
        let least = loads.enumerate().min_by_key(|(_, load)| *load);
        let (shard, _) = least.expect("a broker has at least one shard");
        self.loads[shard].fetch_add(1, Ordering::Relaxed);
        Answer::Admitted(Admitted {
            admission: Arc::clone(self),
            listener,
            address,
            shard,
        })
    }

    /// Whoever connects from now on meets these limits; if they name hosts, once their addresses
    /// are known. If one has none, hosts keep the limits that they had, as in Kafka.
    pub fn limit(self: &Arc<Self>, limits: ConnectionLimits) {
        let change = self.changes.fetch_add(1, Ordering::SeqCst) + 1;
        if limits.per_name_overrides.is_empty() {
            return self.obey(change, limits);
        }
        let admission = Arc::clone(self);
        let resolve = move || {
            let resolved = resolve_names(limits.clone()).unwrap_or_else(|why| {
                tracing::warn!("{why}; the limits of hosts stay as they were");
                let per_address_overrides =
                    admission.quotas().limits().per_address_overrides.clone();
                ConnectionLimits {
                    per_address_overrides,
                    ..limits
                }
            });
            admission.obey(change, resolved);
        };
        let thread = thread::Builder::new().name("resolver".to_owned());
        if let Err(error) = thread.spawn(resolve) {
            tracing::warn!("the limits of connections stay as they were: no thread ({error})");
        }
    }

    fn obey(&self, change: u64, limits: ConnectionLimits) {
        let mut quotas = self.quotas();
        if change < self.changes.load(Ordering::SeqCst) {
            return;
        }
        quotas.set_limits(limits);
        self.note_excess(&quotas);
        drop(quotas);
        (self.wake)(ACCEPTING_SHARD);
    }

    /// If there are too many connections: the caller is to close one, and calls
    /// [`Admission::end_eviction`] once it has.
    pub(super) fn begin_eviction(&self) -> Option<Excess> {
        if !self.is_exceeded.load(Ordering::Relaxed)
            || self.is_evicting.swap(true, Ordering::SeqCst)
        {
            return None;
        }
        let quotas = self.quotas();
        if !quotas.is_exceeded() {
            self.end_eviction();
            return None;
        }
        let spared = quotas
            .protected()
            .map(|listener| ListenerIndex(u16::try_from(listener).expect("listeners are few")));
        Some(Excess { spared })
    }

    /// What [`Admission::begin_eviction`] asked for is done.
    pub(super) fn end_eviction(&self) {
        self.is_evicting.store(false, Ordering::SeqCst);
    }

    fn quotas(&self) -> MutexGuard<'_, ConnectionQuotas> {
        self.quotas.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note_excess(&self, quotas: &ConnectionQuotas) {
        let is_exceeded = quotas.is_exceeded();
        self.is_exceeded.store(is_exceeded, Ordering::SeqCst);
        if is_exceeded {
            (0..self.loads.len()).for_each(|shard| (self.wake)(shard));
        }
    }
}

impl std::fmt::Debug for Admission {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let quotas = self.quotas();
        formatter.debug_tuple("Admission").field(&*quotas).finish()
    }
}

impl std::fmt::Debug for Admitted {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_tuple("Admitted")
            .field(&self.shard)
            .finish()
    }
}

impl Drop for Admitted {
    fn drop(&mut self) {
        let admission = &self.admission;
        admission.loads[self.shard].fetch_sub(1, Ordering::Relaxed);
        let mut quotas = admission.quotas();
        quotas.give_back(self.listener, self.address);
        admission
            .is_exceeded
            .store(quotas.is_exceeded(), Ordering::SeqCst);
        drop(quotas);
        if admission.is_awaited.swap(false, Ordering::SeqCst) {
            (admission.wake)(ACCEPTING_SHARD);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connection::ListenerLimits;

    const LISTENER: ListenerIndex = ListenerIndex(0);

    fn address(last: u8) -> IpAddr {
        IpAddr::from([10, 0, 0, last])
    }

    fn limits(total_max: usize, per_address_max: usize) -> ConnectionLimits {
        ConnectionLimits {
            total: ListenerLimits {
                count_max: total_max,
                ..ListenerLimits::NONE
            },
            listeners: vec![ListenerLimits::NONE],
            per_address_max,
            ..ConnectionLimits::default()
        }
    }

    /// The places of a broker with `shards`, and how often a shard was woken.
    fn places(
        limits: ConnectionLimits,
        places: usize,
        shards: usize,
    ) -> (Arc<Admission>, Arc<AtomicUsize>) {
        let woken = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&woken);
        let wake = Box::new(move |_| {
            count.fetch_add(1, Ordering::Relaxed);
        });
        let admission = Admission::new(limits, places, shards, wake);
        (Arc::new(admission), woken)
    }

    fn admit(admission: &Arc<Admission>, last: u8) -> Option<Admitted> {
        match admission.admit(LISTENER, address(last)) {
            Answer::Admitted(admitted) => Some(admitted),
            Answer::NoPlace | Answer::Refused(_) => None,
        }
    }

    #[test]
    fn connections_go_to_the_least_loaded_shard_and_give_their_place_back() {
        let (admission, _) = places(limits(9, 9), 9, 2);
        let first = admit(&admission, 1).unwrap();
        let second = admit(&admission, 1).unwrap();
        assert_eq!((first.shard, second.shard), (0, 1));
        drop(second);
        assert_eq!(admit(&admission, 1).unwrap().shard, 1);
    }

    #[test]
    fn who_has_no_place_is_woken_for_when_there_is_one() {
        let (admission, woken) = places(limits(1, 9), 9, 1);
        let first = admit(&admission, 1).unwrap();
        let answer = admission.admit(LISTENER, address(1));
        assert!(matches!(answer, Answer::NoPlace));
        assert_eq!(woken.load(Ordering::Relaxed), 0);
        drop(first);
        assert_eq!(woken.load(Ordering::Relaxed), 1);
        let second = admit(&admission, 1).unwrap();
        drop(second);
        assert_eq!(woken.load(Ordering::Relaxed), 1, "nobody waits");
    }

    #[test]
    fn the_same_client_over_ipv6_counts_as_one_and_is_turned_away() {
        let (admission, _) = places(limits(9, 1), 9, 1);
        let _one = admit(&admission, 1).unwrap();
        let mapped = IpAddr::V6(std::net::Ipv4Addr::new(10, 0, 0, 1).to_ipv6_mapped());
        let answer = admission.admit(LISTENER, mapped);
        let allowed = RefusalReason::AddressLimit { allowed: 1 };
        assert!(matches!(answer, Answer::Refused(reason) if reason == allowed));
    }

    #[test]
    fn without_a_descriptor_a_client_is_turned_away() {
        let (admission, _) = places(limits(9, 9), 1, 1);
        let _one = admit(&admission, 1).unwrap();
        let answer = admission.admit(LISTENER, address(1));
        let reason = RefusalReason::NoDescriptor;
        assert!(matches!(answer, Answer::Refused(found) if found == reason));
    }

    #[test]
    fn when_the_limit_falls_one_shard_at_a_time_is_to_close_a_connection() {
        let (admission, woken) = places(limits(9, 9), 9, 2);
        let connections = [1, 2, 3].map(|last| admit(&admission, last).unwrap());
        assert_eq!(admission.begin_eviction(), None);
        admission.limit(limits(2, 9));
        assert!(woken.load(Ordering::Relaxed) >= 2, "every shard is woken");
        assert_eq!(admission.begin_eviction(), Some(Excess { spared: None }));
        assert_eq!(admission.begin_eviction(), None, "one does already");
        let [first, ..] = connections;
        drop(first);
        admission.end_eviction();
        assert_eq!(admission.begin_eviction(), None, "it was enough");
    }
}
