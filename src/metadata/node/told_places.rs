//! The log directories that the controller was told for replicas which had none.

use std::collections::BTreeMap;

use crate::model::{PartitionIndex, Uuid};

/// A replica of this broker, by its topic and the partition's number.
pub(super) type Replica = (Uuid, PartitionIndex);

/// What was told in this life of the broker, for as long as the partitions are there.
///
/// A request that was given up may still arrive, also after the replica was made where another one
/// had said. The metadata would then name a directory in which it does not lie, and the next start
/// would take its folder for a stray one. So all requests say the same.
#[derive(Debug, Default)]
pub(super) struct ToldPlaces(BTreeMap<Replica, Uuid>);

impl ToldPlaces {
    /// Forget all but the replicas that `stays` keeps.
    pub(super) fn retain(&mut self, stays: impl Fn(Replica, Uuid) -> bool) {
        self.0
            .retain(|replica, directory| stays(*replica, *directory));
    }

    /// The directories of `replicas`: what was told before, and for so many others what `choose`
    /// gives, which may be nothing.
    pub(super) fn places_of(
        &mut self,
        replicas: &[Replica],
        choose: impl FnOnce(usize) -> Vec<Uuid>,
    ) -> Vec<(Replica, Uuid)> {
        let new = replicas
            .iter()
            .filter(|replica| !self.0.contains_key(*replica));
        let new: Vec<Replica> = new.copied().collect();
        let chosen = choose(new.len());
        self.0.extend(new.into_iter().zip(chosen));
        let told = |replica: &Replica| Some((*replica, *self.0.get(replica)?));
        replicas.iter().filter_map(told).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: u8) -> Uuid {
        Uuid::from_bytes([number; 16])
    }

    #[test]
    fn a_replica_is_told_to_lie_where_it_was_told_before() {
        let mut told = ToldPlaces::default();
        let (first, second) = ((id(1), 0), (id(1), 1));
        let places = told.places_of(&[first], |count| vec![id(7); count]);
        assert_eq!(places, [(first, id(7))]);
        let places = told.places_of(&[first, second], |count| vec![id(8); count]);
        assert_eq!(places, [(first, id(7)), (second, id(8))]);
        // Where it cannot lie any more it is not told to lie.
        told.retain(|_, directory| directory != id(7));
        assert_eq!(told.places_of(&[first], |_| Vec::new()), []);
        let places = told.places_of(&[first, second], |count| vec![id(9); count]);
        assert_eq!(places, [(first, id(9)), (second, id(8))]);
    }
}
