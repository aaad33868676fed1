//! On which brokers the replicas of a new partition are: spread over racks, and in each rack over
//! brokers, those that run before those that are fenced, as Apache Kafka places them (KIP-631).

use std::collections::BTreeMap;

use crate::model::{BrokerId, ErrorCode};
use crate::stdx::Random;

use super::Refusal;

/// A broker that can be given replicas.
#[derive(Clone, Copy, Debug)]
pub(super) struct UsableBroker<'a> {
    pub id: BrokerId,
    pub rack: Option<&'a str>,
    pub fenced: bool,
}

/// Brokers that take turns: in each round every one of them once, and each round begins with
/// another.
#[derive(Clone, Debug, Default)]
struct Circle {
    brokers: Vec<BrokerId>,
    /// How many were given in this round.
    given: usize,
    first: usize,
    round: usize,
}

impl Circle {
    fn begin(&mut self, random: &mut Random) {
        if !self.brokers.is_empty() {
            self.brokers.sort_unstable();
            self.first = below(random, self.brokers.len());
        }
    }

    fn next(&mut self, round: usize) -> Option<BrokerId> {
        let count = self.brokers.len();
        if count == 0 {
            return None;
        }
        if self.round != round {
            self.round = round;
            self.given = 0;
            self.first = (self.first + 1) % count;
        }
        if self.given >= count {
            return None;
        }
        self.given += 1;
        Some(self.brokers[(self.given - 1 + self.first) % count])
    }
}

#[derive(Clone, Debug, Default)]
struct Rack {
    running: Circle,
    fenced: Circle,
}

/// The racks, taking turns.
#[derive(Clone, Debug)]
pub(super) struct Stripes {
    racks: Vec<Rack>,
    running_count: usize,
    count: usize,
    first: usize,
    round: usize,
}

impl Stripes {
    /// A beginning somewhere among these brokers, so that small topics do not all lie on the first.
    pub(super) fn new<'a>(
        brokers: impl Iterator<Item = UsableBroker<'a>>,
        random: &mut Random,
    ) -> Self {
        let mut racks: BTreeMap<Option<&str>, Rack> = BTreeMap::new();
        let (mut count, mut running_count) = (0, 0);
        for broker in brokers {
            let rack = racks.entry(broker.rack).or_default();
            count += 1;
            if broker.fenced {
                rack.fenced.brokers.push(broker.id);
            } else {
                running_count += 1;
                rack.running.brokers.push(broker.id);
            }
        }
        let mut racks: Vec<Rack> = racks.into_values().collect();
        for rack in &mut racks {
            rack.fenced.begin(random);
            rack.running.begin(random);
        }
        let first = match racks.len() {
            0 => 0,
            count => below(random, count),
        };
        Self {
            racks,
            running_count,
            count,
            first,
            round: 0,
        }
    }

    /// Whether a partition can have this many replicas.
    ///
    /// # Errors
    /// `INVALID_REPLICATION_FACTOR`, in Kafka's words.
    pub(super) fn check(&self, replication: usize) -> Result<(), Refusal> {
        let refuse = |text: String| Err(Refusal::new(ErrorCode::InvalidReplicationFactor, text));
        if self.running_count == 0 {
            let text = "All brokers are currently fenced, or have all their log directories \
                        cordoned.";
            return refuse(text.to_owned());
        }
        if replication > self.count {
            return refuse(format!(
                "The target replication factor of {replication} cannot be reached because only {} \
                 broker(s) are registered or some brokers have all their log directories \
                 cordoned.",
                self.count
            ));
        }
        Ok(())
    }

    /// The brokers of the next partition, the first of which runs.
    ///
    /// # Panics
    /// If [`Stripes::check`] has refused so many.
    pub(super) fn place(&mut self, replication: usize, random: &mut Random) -> Vec<BrokerId> {
        // One broker alone would be shuffled for ever.
        if self.round == self.running_count && self.running_count > 1 {
            self.shuffle(random);
            self.round = 0;
        }
        let (round, racks) = (self.round, self.racks.len());
        self.first %= racks;
        let mut leading = (self.first..racks).chain(0..self.first);
        let leader = leading.find_map(|rack| Some((rack, self.racks[rack].running.next(round)?)));
        let (mut skipped, leader) = match leader {
            Some((rack, leader)) => (Some(rack), leader),
            None => panic!("a broker runs: {self:?}"),
        };
        let mut replicas = vec![leader];
        let mut rack = self.first;
        while replicas.len() < replication {
            // The leader's rack has given its first broker already.
            if skipped == Some(rack) {
                skipped = None;
            } else {
                let Rack { running, fenced } = &mut self.racks[rack];
                let next = running.next(round).or_else(|| fenced.next(round));
                replicas.extend(next);
            }
            rack = (rack + 1) % racks;
        }
        self.round += 1;
        self.first += 1;
        replicas
    }

    fn shuffle(&mut self, random: &mut Random) {
        shuffle(&mut self.racks, random);
        for rack in &mut self.racks {
            shuffle(&mut rack.running.brokers, random);
            shuffle(&mut rack.fenced.brokers, random);
        }
    }
}

fn shuffle<T>(items: &mut [T], random: &mut Random) {
    for last in (1..items.len()).rev() {
        items.swap(last, below(random, last + 1));
    }
}

fn below(random: &mut Random, bound: usize) -> usize {
    let bound = u64::try_from(bound).unwrap_or(u64::MAX);
    usize::try_from(random.below(bound)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Brokers 1 to `count` in these racks, of which the last `fenced` are fenced.
    fn stripes(racks: &[Option<&'static str>], fenced: usize, random: &mut Random) -> Stripes {
        let running = racks.len() - fenced;
        let brokers = (1..).zip(racks).enumerate();
        let brokers = brokers.map(|(index, (id, rack))| UsableBroker {
            id,
            rack: *rack,
            fenced: index >= running,
        });
        Stripes::new(brokers, random)
    }

    #[test]
    fn every_broker_leads_and_follows_as_often_as_the_others() {
        for seed in 0..50 {
            let mut random = Random::from_seed(seed);
            let mut stripes = stripes(&[None; 5], 0, &mut random);
            let mut counts = [[0; 6]; 3];
            for _ in 0..20 {
                let replicas = stripes.place(3, &mut random);
                for (position, broker) in replicas.iter().enumerate() {
                    counts[position][usize::try_from(*broker).unwrap()] += 1;
                }
                let mut distinct = replicas.clone();
                distinct.sort_unstable();
                distinct.dedup();
                assert_eq!(distinct.len(), 3, "{replicas:?}");
            }
            assert_eq!(counts, [[0, 4, 4, 4, 4, 4]; 3]);
        }
    }

    #[test]
    fn the_replicas_of_a_partition_are_in_different_racks() {
        let racks = [
            Some("a"),
            Some("a"),
            Some("b"),
            Some("b"),
            Some("c"),
            Some("c"),
        ];
        for seed in 0..50 {
            let mut random = Random::from_seed(seed);
            let mut stripes = stripes(&racks, 0, &mut random);
            let mut leaders = [0; 3];
            for _ in 0..30 {
                let replicas = stripes.place(3, &mut random);
                let mut racks: Vec<i32> = replicas.iter().map(|broker| (broker - 1) / 2).collect();
                leaders[usize::try_from(racks[0]).unwrap()] += 1;
                racks.sort_unstable();
                assert_eq!(racks, [0, 1, 2]);
            }
            assert_eq!(leaders, [10; 3]);
        }
    }

    #[test]
    fn a_fenced_broker_leads_nothing_and_is_used_only_when_others_do_not_suffice() {
        for seed in 0..50 {
            let mut random = Random::from_seed(seed);
            let mut stripes = stripes(&[None; 4], 1, &mut random);
            for _ in 0..12 {
                assert!(!stripes.place(3, &mut random).contains(&4));
                let all = stripes.place(4, &mut random);
                assert_eq!(all[3], 4);
            }
        }
    }

    #[test]
    fn one_broker_takes_all() {
        let mut random = Random::from_seed(1);
        let mut stripes = stripes(&[None], 0, &mut random);
        for _ in 0..5 {
            assert_eq!(stripes.place(1, &mut random), [1]);
        }
    }

    #[test]
    fn what_cannot_be_placed_is_refused() {
        let mut random = Random::from_seed(1);
        let all_fenced = stripes(&[None; 2], 2, &mut random);
        let code =
            |stripes: &Stripes, count| stripes.check(count).err().map(|refused| refused.code);
        let refused = Some(ErrorCode::InvalidReplicationFactor);
        assert_eq!(code(&all_fenced, 1), refused);
        let two = stripes(&[None; 2], 1, &mut random);
        assert_eq!((code(&two, 2), code(&two, 3)), (None, refused));
    }
}
