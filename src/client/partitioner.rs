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

/// Chooses partitions of one topic: by key, or without one the same until a batch is full.
#[derive(Clone, Debug, Default)]
pub struct Partitioner {
    current: Option<PartitionIndex>,
}

impl Partitioner {
    /// A partitioner that has chosen nothing yet.
    #[must_use]
    pub const fn new() -> Self {
        Self { current: None }
    }

    /// The partition for a record with this key, of `count` partitions.
    ///
    /// # Panics
    /// If there is no partition.
    pub fn partition(
        &mut self,
        key: Option<&[u8]>,
        count: PartitionIndex,
        random: &mut Random,
    ) -> PartitionIndex {
        assert!(count > 0, "a topic has partitions");
        if let Some(key) = key {
            return (murmur2(key) & i32::MAX) % count;
        }
        let chosen = self.current.filter(|current| *current < count);
        let chosen = chosen.unwrap_or_else(|| {
            let choice = random.below(u64::from(count.unsigned_abs()));
            PartitionIndex::try_from(choice).expect("the choice is below the count")
        });
        self.current = Some(chosen);
        chosen
    }

    /// A batch was closed: records without a key go elsewhere from now on, so that a partition
    /// gets few full batches and not many small ones (KIP-480).
    pub const fn on_new_batch(&mut self) {
        self.current = None;
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
        let (mut partitioner, mut random) = (Partitioner::new(), Random::from_seed(1));
        let first = partitioner.partition(Some(b"k"), 7, &mut random);
        for _ in 0..20 {
            partitioner.on_new_batch();
            assert_eq!(partitioner.partition(Some(b"k"), 7, &mut random), first);
        }
    }

    #[test]
    fn records_without_a_key_stay_until_a_batch_is_closed() {
        let (mut partitioner, mut random) = (Partitioner::new(), Random::from_seed(3));
        let mut seen = [false; 4];
        for _ in 0..50 {
            let first = partitioner.partition(None, 4, &mut random);
            assert_eq!(partitioner.partition(None, 4, &mut random), first);
            seen[usize::try_from(first).unwrap()] = true;
            partitioner.on_new_batch();
        }
        assert_eq!(seen, [true; 4]);
        partitioner.current = Some(3);
        assert!(
            partitioner.partition(None, 1, &mut random) == 0,
            "a choice of a larger topic does not hold for a smaller one"
        );
    }
}
