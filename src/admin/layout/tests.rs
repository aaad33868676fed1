use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use crate::model::{BrokerId, TopicPartition};

use super::balancing::plan_balance;
use super::evacuating::{TooFew, plan_evacuation};
use super::leading::{plan_drain, plan_leaders, preferred_counts};
use super::reading::Picture;
use super::reassignments::Reassignment;
use super::{BrokerState, Change, Layout, Loads, Placement};

fn partition(number: usize) -> TopicPartition {
    TopicPartition {
        topic: format!("t{}", number / 4).into(),
        partition: i32::try_from(number % 4).expect("it is small"),
    }
}

fn broker(rack: Option<&str>) -> BrokerState {
    BrokerState {
        rack: rack.map(str::to_owned),
        is_alive: true,
        is_cordoned: false,
    }
}

fn placement(replicas: &[BrokerId], bytes: u64) -> Placement {
    Placement {
        replicas: replicas.to_vec(),
        in_sync: replicas.to_vec(),
        leader: replicas.first().copied(),
        bytes,
        is_moving: false,
    }
}

fn layout(racks: &[Option<&str>], placements: &[(&[BrokerId], u64)]) -> Layout {
    let brokers = (1..).zip(racks).map(|(id, rack)| (id, broker(*rack)));
    let partitions = placements.iter().enumerate();
    let partitions = partitions
        .map(|(number, (replicas, bytes))| (partition(number), placement(replicas, *bytes)));
    Layout {
        brokers: brokers.collect(),
        partitions: partitions.collect(),
    }
}

/// Clusters of a few brokers in up to three racks, some of them cordoned or dead, with partitions
/// anywhere on them.
fn any_layout() -> impl Strategy<Value = Layout> {
    let broker = (
        0..4_u8,
        prop::bool::weighted(0.9),
        prop::bool::weighted(0.1),
    );
    let brokers = prop::collection::vec(broker, 1..8);
    brokers.prop_flat_map(|brokers| {
        let ids: Vec<BrokerId> = (1..).take(brokers.len()).collect();
        let replicas = prop::sample::subsequence(ids.clone(), 1..=ids.len().min(4)).prop_shuffle();
        let size = prop_oneof![Just(0), 1..100_u64, Just(1 << 40)];
        let one = (replicas, size, prop::bool::weighted(0.1));
        let placements = prop::collection::vec(one, 0..40);
        placements.prop_map(move |placements| {
            let brokers = ids
                .iter()
                .zip(&brokers)
                .map(|(id, (rack, is_alive, is_cordoned))| {
                    let rack = (*rack > 0).then(|| format!("rack-{rack}"));
                    let state = BrokerState {
                        rack,
                        is_alive: *is_alive,
                        is_cordoned: *is_cordoned,
                    };
                    (*id, state)
                });
            let placements = placements.into_iter().enumerate();
            let partitions = placements.map(|(number, (replicas, bytes, is_moving))| {
                let placement = Placement {
                    is_moving,
                    ..placement(&replicas, bytes)
                };
                (partition(number), placement)
            });
            Layout {
                brokers: brokers.collect(),
                partitions: partitions.collect(),
            }
        })
    })
}

fn distinct(replicas: &[BrokerId]) -> usize {
    replicas.iter().collect::<BTreeSet<_>>().len()
}

/// The least and the greatest load.
fn extremes(layout: &Layout, brokers: &BTreeSet<BrokerId>) -> (u128, u128) {
    let loads = Loads::of(layout, brokers);
    let all = brokers.iter().map(|id| loads.load(*id));
    (all.clone().min().unwrap_or(0), all.max().unwrap_or(0))
}

fn spread(counts: &BTreeMap<BrokerId, i64>, brokers: &BTreeSet<BrokerId>) -> i64 {
    let all = brokers
        .iter()
        .map(|id| counts.get(id).copied().unwrap_or(0));
    all.clone().max().unwrap_or(0) - all.min().unwrap_or(0)
}

fn assert_sound(layout: &Layout, changes: &[Change]) {
    for change in changes {
        let before = &layout.partitions[&change.partition].replicas;
        assert_eq!(&change.from, before);
        assert_ne!(change.from, change.to, "a change changes something");
        assert_eq!(change.from.len(), change.to.len(), "{change:?}");
        assert_eq!(distinct(&change.to), change.to.len(), "{change:?}");
    }
    let partitions: BTreeSet<_> = changes.iter().map(|change| &change.partition).collect();
    assert_eq!(partitions.len(), changes.len(), "one change for each");
}

proptest! {
    #[test]
    fn a_balance_keeps_racks_and_replicas_and_is_bounded_and_at_least_as_even(
        layout in any_layout(),
        moves_max in 0..50_usize,
    ) {
        let takers = layout.takers();
        let changes = plan_balance(&layout, &takers, moves_max);
        assert_sound(&layout, &changes);
        prop_assert_eq!(&changes, &plan_balance(&layout, &takers, moves_max), "deterministic");
        let moves: usize = changes.iter().map(|change| change.added().count()).sum();
        prop_assert!(moves <= moves_max);
        for change in &changes {
            prop_assert!(!layout.partitions[&change.partition].is_moving);
            prop_assert!(layout.racks_of(&change.to) >= layout.racks_of(&change.from));
            prop_assert!(change.added().all(|id| takers.contains(&id)));
            let mut gone = change.from.iter().filter(|id| !change.to.contains(id));
            prop_assert!(gone.all(|id| takers.contains(id)));
        }
        let (least, most) = extremes(&layout, &takers);
        let (least_then, most_then) = extremes(&layout.after(&changes), &takers);
        prop_assert!(least_then >= least && most_then <= most);
        let squares = |layout: &Layout| -> u128 {
            let loads = Loads::of(layout, &takers);
            takers.iter().map(|id| loads.load(*id).pow(2)).sum()
        };
        prop_assert!(changes.is_empty() || squares(&layout.after(&changes)) < squares(&layout));
    }

    #[test]
    fn an_evacuation_leaves_nothing_and_takes_no_rack_that_could_be_kept(
        layout in any_layout(),
        leaving in 1..8_i32,
    ) {
        let mut onto = layout.takers();
        onto.remove(&leaving);
        let leaves = |id: &BrokerId| *id == leaving;
        match plan_evacuation(&layout, &onto, leaves) {
            Ok(changes) => {
                assert_sound(&layout, &changes);
                let after = layout.after(&changes);
                for (partition, placement) in &after.partitions {
                    let before = &layout.partitions[partition].replicas;
                    prop_assert!(!placement.replicas.contains(&leaving));
                    let stay: Vec<_> = before.iter().copied().filter(|id| *id != leaving).collect();
                    prop_assert!(stay.iter().all(|id| placement.replicas.contains(id)));
                    let best = onto.iter().filter(|id| !stay.contains(id));
                    let best = best.map(|id| layout.racks_of(&[&stay[..], &[*id]].concat())).max();
                    if stay.len() < before.len() {
                        prop_assert_eq!(Some(layout.racks_of(&placement.replicas)), best);
                    }
                }
                let again = plan_evacuation(&layout, &onto, leaves);
                prop_assert_eq!(changes, again.expect("as before"), "deterministic");
            }
            Err(TooFew { replicas, brokers, .. }) => {
                prop_assert!(replicas > brokers);
            }
        }
    }

    #[test]
    fn a_drained_broker_is_the_last_choice_everywhere(layout in any_layout(), drained in 1..8_i32) {
        let drain = plan_drain(&layout, drained);
        assert_sound(&layout, &drain.changes);
        let after = layout.after(&drain.changes);
        for (partition, placement) in after.on(drained) {
            prop_assert_eq!(placement.replicas.last(), Some(&drained));
            prop_assert_eq!(drain.alone.contains(partition), placement.replicas.len() == 1);
            let others = placement.replicas.iter().filter(|id| **id != drained);
            let can = others.clone().any(|id| layout.brokers[id].is_alive);
            let next = others.clone().next().is_some_and(|id| layout.brokers[id].is_alive);
            prop_assert!(next || !can, "one that is alive and in sync is the next to lead");
        }
        for change in &drain.changes {
            prop_assert_eq!(change.added().count(), 0, "nothing is copied");
        }
    }

    #[test]
    fn leaders_are_spread_at_least_as_evenly_without_a_copy(layout in any_layout()) {
        let takers = layout.takers();
        let changes = plan_leaders(&layout, &takers, None);
        assert_sound(&layout, &changes);
        for change in &changes {
            prop_assert_eq!(change.added().count(), 0);
        }
        let counts = |layout: &Layout| preferred_counts(layout.partitions.values());
        let before = counts(&layout);
        let after = counts(&layout.after(&changes));
        type Counts = BTreeMap<BrokerId, i64>;
        let squares = |counts: &Counts| counts.values().map(|n| n * n).sum::<i64>();
        prop_assert!(squares(&after) <= squares(&before));
        prop_assert_eq!(changes, plan_leaders(&layout, &takers, None));
    }
}

#[test]
fn a_new_broker_gets_its_share_by_as_few_moves_as_it_takes() {
    let all: Vec<(&[BrokerId], u64)> = (0..12)
        .map(|number: usize| match number % 3 {
            0 => (&[1, 2][..], 100),
            1 => (&[2, 3][..], 100),
            _ => (&[3, 1][..], 100),
        })
        .collect();
    let layout = layout(&[None; 4], &all);
    let changes = plan_balance(&layout, &layout.takers(), usize::MAX);
    let moves: usize = changes.iter().map(|change| change.added().count()).sum();
    assert_eq!(moves, 6, "{changes:?}");
    let after = layout.after(&changes);
    for id in 1..=4 {
        assert_eq!(after.on(id).count(), 6);
    }
}

#[test]
fn a_large_partition_weighs_more_than_many_empty_ones() {
    const GIB: u64 = 1 << 30;
    let placements: Vec<(&[BrokerId], u64)> = vec![
        (&[1], GIB),
        (&[1], GIB),
        (&[1], GIB),
        (&[2], 1),
        (&[2], 1),
        (&[2], 1),
    ];
    let layout = layout(&[None; 2], &placements);
    let changes = plan_balance(&layout, &layout.takers(), usize::MAX);
    assert_eq!(changes[0].bytes, GIB, "{changes:?}");
    let after = layout.after(&changes);
    let bytes = |id| after.on(id).map(|(_, one)| one.bytes).sum::<u64>();
    assert!(bytes(2) >= GIB && bytes(1) >= GIB, "{changes:?}");
}

#[test]
fn a_few_bytes_do_not_stand_for_many_replicas() {
    let mut placements: Vec<(&[BrokerId], u64)> = vec![(&[1], 0); 8];
    placements[0].1 = 5_000;
    let layout = layout(&[None; 2], &placements);
    let after = layout.after(&plan_balance(&layout, &layout.takers(), usize::MAX));
    assert_eq!([1, 2].map(|id| after.on(id).count()), [4, 4]);
}

#[test]
fn what_is_nearly_even_is_left_alone() {
    let placements: Vec<(&[BrokerId], u64)> = (0..41)
        .map(|number: usize| {
            if number < 21 {
                (&[1][..], 10)
            } else {
                (&[2][..], 10)
            }
        })
        .collect();
    let layout = layout(&[None; 2], &placements);
    assert_eq!(plan_balance(&layout, &layout.takers(), usize::MAX), []);
}

#[test]
fn a_replica_goes_to_the_rack_that_loses_one() {
    let racks = [Some("a"), Some("b"), Some("c"), Some("c")];
    let layout = layout(&racks, &[(&[1, 2, 3], 5), (&[1, 2, 4], 5)]);
    let onto = BTreeSet::from([1, 2, 4]);
    let leaves = |id: &BrokerId| !onto.contains(id);
    let changes = plan_evacuation(&layout, &onto, leaves).expect("three are enough for three");
    assert_eq!(changes.len(), 1);
    assert_eq!(changes[0].to, [1, 2, 4]);
    let too_few = plan_evacuation(&layout, &BTreeSet::from([1, 2]), |id| *id > 2);
    let too_few = too_few.expect_err("two are too few for three");
    assert_eq!((too_few.replicas, too_few.brokers), (3, 2));
}

#[test]
fn a_cordoned_or_dead_broker_is_given_nothing() {
    let mut layout = layout(&[None; 4], &[(&[1], 5), (&[1], 5), (&[1], 5), (&[1], 5)]);
    layout.brokers.insert(
        3,
        BrokerState {
            is_cordoned: true,
            ..broker(None)
        },
    );
    layout.brokers.insert(
        4,
        BrokerState {
            is_alive: false,
            ..broker(None)
        },
    );
    let after = layout.after(&plan_balance(&layout, &layout.takers(), usize::MAX));
    let counts = [1, 2, 3, 4].map(|id| after.on(id).count());
    assert_eq!(counts, [2, 2, 0, 0]);
}

#[test]
fn what_a_drained_broker_led_is_shared_by_those_in_sync() {
    let mut layout = layout(
        &[None; 3],
        &[(&[1, 2, 3], 0), (&[1, 2, 3], 0), (&[2, 1], 0), (&[1], 0)],
    );
    let stuck = TopicPartition {
        topic: "stuck".into(),
        partition: 0,
    };
    let lone = Placement {
        in_sync: vec![1],
        ..placement(&[1, 3], 0)
    };
    layout.partitions.insert(stuck.clone(), lone);
    let drain = plan_drain(&layout, 1);
    let to: Vec<&[BrokerId]> = drain.changes.iter().map(|change| &change.to[..]).collect();
    let expected: [&[BrokerId]; 3] = [&[3, 1], &[2, 3, 1], &[3, 2, 1]];
    assert_eq!(to, expected);
    assert_eq!(drain.alone, [partition(3)]);
    assert!(
        drain
            .changes
            .iter()
            .all(|change| change.partition != stuck || change.to == [3, 1])
    );
}

#[test]
fn a_broker_that_is_back_gets_leaders_from_those_with_the_most() {
    let placements: Vec<(&[BrokerId], u64)> = vec![
        (&[2, 3, 1], 0),
        (&[3, 2, 1], 0),
        (&[2, 3, 1], 0),
        (&[3, 2, 1], 0),
        (&[2, 3, 1], 0),
        (&[3, 2, 1], 0),
    ];
    let layout = layout(&[None; 3], &placements);
    let changes = plan_leaders(&layout, &layout.takers(), Some(1));
    assert!(changes.iter().all(|change| change.to[0] == 1));
    let counts = preferred_counts(layout.after(&changes).partitions.values());
    assert_eq!(spread(&counts, &layout.takers()), 0, "{counts:?}");
}

#[test]
fn a_replica_counts_where_it_is_until_it_has_gone() {
    let moving = Reassignment {
        replicas: vec![1, 2, 3],
        adding: vec![3],
        removing: vec![1],
    };
    let picture = Picture {
        layout: layout(&[None; 3], &[(&moving.target(), 0), (&[1, 2], 0)]),
        reassignments: BTreeMap::from([(partition(0), moving)]),
        ..Picture::default()
    };
    assert_eq!([1, 2, 3].map(|id| picture.replicas_on(id)), [2, 2, 1]);
}
