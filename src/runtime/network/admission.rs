//! Who may connect, and to which shard a connection goes.

use std::net::IpAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::connection::ConnectionLimits;
use crate::stdx::{HashMap, hash_map, new_map};

/// The connections of the whole broker, counted.
#[derive(Debug)]
pub(in crate::runtime) struct Admission {
    /// Changed by an operator, hardly ever.
    limits: Mutex<ConnectionLimits>,
    /// How many there is a descriptor for, whatever the limits.
    places: usize,
    /// By shard.
    loads: Box<[AtomicUsize]>,
    /// Taken once per connect and once per disconnect, never while bytes flow.
    addresses: Mutex<HashMap<IpAddr, usize>>,
    refused: AtomicUsize,
}

/// A place for one connection, given back when dropped.
#[derive(Debug)]
pub(super) struct Admitted {
    admission: Arc<Admission>,
    address: IpAddr,
    pub shard: usize,
}

impl Admission {
    /// Nobody is connected yet.
    pub fn new(limits: ConnectionLimits, places: usize, shards: usize) -> Self {
        Self {
            limits: Mutex::new(limits),
            places,
            loads: (0..shards).map(|_| AtomicUsize::new(0)).collect(),
            addresses: Mutex::new(new_map()),
            refused: AtomicUsize::new(0),
        }
    }

    /// A place on the least loaded shard for a client at `address`, if the limits allow one more.
    pub(super) fn admit(self: &Arc<Self>, address: IpAddr) -> Option<Admitted> {
        // A client reached over IPv4 through an IPv6 socket counts as its IPv4 address.
        let address = address.to_canonical();
        let total: usize = self
            .loads
            .iter()
            .map(|load| load.load(Ordering::Relaxed))
            .sum();
        let limits = self.limits.lock().unwrap_or_else(PoisonError::into_inner);
        if total >= limits.total_max.min(self.places) || !self.count_address(&limits, address) {
            self.refuse(address);
            return None;
        }
        let load = |shard: &usize| self.loads[*shard].load(Ordering::Relaxed);
        let shard = (0..self.loads.len()).min_by_key(load)?;
        self.loads[shard].fetch_add(1, Ordering::Relaxed);
        Some(Admitted {
            admission: Arc::clone(self),
            address,
            shard,
        })
    }

    /// How many clients were turned away.
    #[cfg(test)]
    fn refused(&self) -> usize {
        self.refused.load(Ordering::Relaxed)
    }

    /// Whoever connects from now on meets these limits; who is connected stays.
    pub fn limit(&self, limits: ConnectionLimits) {
        *self.limits.lock().unwrap_or_else(PoisonError::into_inner) = limits;
    }

    fn count_address(&self, limits: &ConnectionLimits, address: IpAddr) -> bool {
        let overrides = &limits.per_address_overrides;
        let own_max = overrides.iter().find(|(one, _)| *one == address);
        let max = own_max.map_or(limits.per_address_max, |(_, max)| *max);
        let mut addresses = self
            .addresses
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        match addresses.entry(address) {
            hash_map::Entry::Occupied(mut count) if *count.get() < max => {
                *count.get_mut() += 1;
                true
            }
            hash_map::Entry::Vacant(place) if max > 0 => {
                place.insert(1);
                true
            }
            _ => false,
        }
    }

    fn refuse(&self, address: IpAddr) {
        let refused = self.refused.fetch_add(1, Ordering::Relaxed) + 1;
        // A client that tries again and again must not fill the log.
        if refused.is_power_of_two() {
            tracing::warn!(%address, refused, "connection refused: a connection limit is reached");
        }
    }
}

impl Drop for Admitted {
    fn drop(&mut self) {
        self.admission.loads[self.shard].fetch_sub(1, Ordering::Relaxed);
        let mut addresses = self
            .admission
            .addresses
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let hash_map::Entry::Occupied(mut count) = addresses.entry(self.address) {
            *count.get_mut() -= 1;
            if *count.get() == 0 {
                count.remove();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(last: u8) -> IpAddr {
        IpAddr::from([10, 0, 0, last])
    }

    #[test]
    fn connections_go_to_the_least_loaded_shard_and_give_their_place_back() {
        let admission = Arc::new(Admission::new(ConnectionLimits::default(), usize::MAX, 2));
        let first = admission.admit(address(1)).unwrap();
        let second = admission.admit(address(1)).unwrap();
        assert_eq!((first.shard, second.shard), (0, 1));
        drop(second);
        assert_eq!(admission.admit(address(1)).unwrap().shard, 1);
    }

    #[test]
    fn limits_hold_in_all_and_per_address_and_overrides_replace_them() {
        let limits = ConnectionLimits {
            total_max: 4,
            per_address_max: 1,
            per_address_overrides: vec![(address(2), 2), (address(3), 0)],
        };
        let admission = Arc::new(Admission::new(limits, usize::MAX, 1));
        let one = admission.admit(address(1)).unwrap();
        let mapped = IpAddr::V6(std::net::Ipv4Addr::new(10, 0, 0, 1).to_ipv6_mapped());
        assert!(
            admission.admit(mapped).is_none(),
            "the same client over IPv6"
        );
        let _two = [admission.admit(address(2)), admission.admit(address(2))].map(Option::unwrap);
        assert!(admission.admit(address(2)).is_none());
        assert!(admission.admit(address(3)).is_none());
        let _four = admission.admit(address(4)).unwrap();
        assert!(
            admission.admit(address(5)).is_none(),
            "the total is reached"
        );
        assert_eq!(admission.refused(), 4);
        drop(one);
        let _again = admission.admit(address(1)).unwrap();
        admission.limit(ConnectionLimits::default());
        assert!(admission.admit(address(1)).is_some(), "limits can change");
    }
}
