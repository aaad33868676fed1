//! Which partition a record goes to.

use crate::model::PartitionIndex;
use crate::stdx::Random;

/// The seed that Kafka's clients hash keys with: all of them must agree.
const MURMUR2_SEED: u32 = 0x9747_b28c;

/// The 32-bit murmur2 hash of a key, as every Kafka client has it.
#[must_use]
pub fn murmur2(key: &[u8]) -> i32 {
    const MULTIPLIER: u32 = 0x5bd1_e995;
    // The hash takes the low 32 bits of the length, as Java's ints do.
    let length = u32::try_from(key.len() & 0xffff_ffff).expect("32 bits were kept");
    let mut hash = MURMUR2_SEED ^ length;
    let mut words = key.chunks_exact(4);
    for word in &mut words {
        let word = u32::from_le_bytes([word[0], word[1], word[2], word[3]]);
        let mixed = word.wrapping_mul(MULTIPLIER);
        let mixed = (mixed ^ (mixed >> 24)).wrapping_mul(MULTIPLIER);
        hash = hash.wrapping_mul(MULTIPLIER) ^ mixed;
    }
    let rest = words.remainder();
    if !rest.is_empty() {
        let bytes = rest.iter().rev();
        hash ^= bytes.fold(0, |word, byte| (word << 8) | u32::from(*byte));
        hash = hash.wrapping_mul(MULTIPLIER);
    }
    hash = (hash ^ (hash >> 13)).wrapping_mul(MULTIPLIER);
    (hash ^ (hash >> 15)).cast_signed()
}

/// Chooses partitions of one topic: by key, or without one the same until it has had about a
/// batch, so that few full batches are made and not many small ones (KIP-794).
#[derive(Clone, Debug)]
pub struct Partitioner {
    sticky_bytes: usize,
    current: Option<(PartitionIndex, usize)>,
}

impl Partitioner {
    /// A partitioner that stays with a partition for `sticky_bytes` of records without a key.
    #[must_use]
    pub const fn new(sticky_bytes: usize) -> Self {
        Self {
            sticky_bytes,
            current: None,
        }
    }

    /// The partition for a record of `size_bytes` with this key, of `count` partitions.
    ///
    /// # Panics
    /// If there is no partition.
    pub fn partition(
        &mut self,
        key: Option<&[u8]>,
        size_bytes: usize,
        count: PartitionIndex,
        random: &mut Random,
    ) -> PartitionIndex {
        assert!(count > 0, "a topic has partitions");
        if let Some(key) = key {
            return (murmur2(key) & i32::MAX) % count;
        }
        let may_stay = |(current, bytes): &(PartitionIndex, usize)| {
            *current < count && *bytes < self.sticky_bytes
        };
        let (chosen, bytes) = self.current.filter(may_stay).unwrap_or_else(|| {
            let choice = random.below(u64::from(count.unsigned_abs()));
            (
                PartitionIndex::try_from(choice).expect("the choice is below the count"),
                0,
            )
        });
        self.current = Some((chosen, bytes.saturating_add(size_bytes)));
        chosen
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_hash_as_in_kafkas_clients() {
        // Expectations that Kafka's clients and librdkafka share.
        assert_eq!(murmur2(b"21"), -973_932_308);
        assert_eq!(murmur2(b"foobar"), -790_332_482);
        assert_eq!(murmur2(b"a-little-bit-long-string"), -985_981_536);
        assert_eq!(murmur2(b"a-little-bit-longer-string"), -1_486_304_829);
        assert_eq!(murmur2(b"abc"), 479_470_107);
    }

    #[test]
    fn a_key_always_goes_to_one_partition() {
        let (mut partitioner, mut random) = (Partitioner::new(1), Random::from_seed(1));
        let first = partitioner.partition(Some(b"k"), 9, 7, &mut random);
        for _ in 0..20 {
            partitioner.partition(None, 9, 7, &mut random);
            assert_eq!(partitioner.partition(Some(b"k"), 9, 7, &mut random), first);
        }
    }

    #[test]
    fn records_without_a_key_stay_for_a_batch_and_reach_every_partition() {
        let (mut partitioner, mut random) = (Partitioner::new(100), Random::from_seed(3));
        let mut seen = [false; 4];
        for _ in 0..50 {
            let first = partitioner.partition(None, 40, 4, &mut random);
            assert_eq!(partitioner.partition(None, 40, 4, &mut random), first);
            assert_eq!(partitioner.partition(None, 40, 4, &mut random), first);
            seen[usize::try_from(first).unwrap()] = true;
        }
        assert_eq!(seen, [true; 4]);
    }

    #[test]
    fn a_choice_among_more_partitions_does_not_hold_for_fewer() {
        let (mut partitioner, mut random) = (Partitioner::new(100), Random::from_seed(3));
        partitioner.current = Some((3, 0));
        assert_eq!(partitioner.partition(None, 1, 1, &mut random), 0);
    }
}
