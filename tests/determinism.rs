//! A world depends on its seed alone.

use forebay::simulation::{Outcome, World, WorldSettings};

fn outcome_of(seed: u64) -> Outcome {
    World::new(WorldSettings::of_seed(seed)).run()
}

#[test]
fn one_seed_gives_one_trace() {
    for seed in [1, 7, 24] {
        let (first, second) = (outcome_of(seed), outcome_of(seed));
        assert!(first.steps > 1000, "much happens in a world");
        assert_eq!(first.trace_hash, second.trace_hash, "seed {seed}");
        assert_eq!(first.steps, second.steps, "seed {seed}");
        assert_eq!(first.faults, second.faults, "seed {seed}");
    }
}

#[test]
fn one_seed_gives_one_trace_of_a_cluster() {
    for seed in [1, 2] {
        let run = || World::new(WorldSettings::cluster_of_seed(seed)).run();
        let (first, second) = (run(), run());
        assert_eq!(first.trace_hash, second.trace_hash, "seed {seed}");
        assert_eq!(first.steps, second.steps, "seed {seed}");
        assert_eq!(first.faults, second.faults, "seed {seed}");
        assert_eq!(first.reached, second.reached, "seed {seed}");
    }
}

#[test]
fn worlds_on_other_threads_do_not_disturb_each_other() {
    let alone = outcome_of(3).trace_hash;
    let together: Vec<u64> = std::thread::scope(|scope| {
        let threads: Vec<_> = [3, 4, 3]
            .into_iter()
            .map(|seed| scope.spawn(move || outcome_of(seed).trace_hash))
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .collect()
    });
    assert_eq!([together[0], together[2]], [alone; 2]);
    assert_ne!(together[1], alone, "another seed is another world");
}

#[test]
fn telling_the_trace_as_text_changes_nothing() {
    let told = WorldSettings {
        keeps_trace: true,
        ..WorldSettings::of_seed(5)
    };
    let told = World::new(told).run();
    assert_eq!(told.trace_hash, outcome_of(5).trace_hash);
    assert_eq!(told.trace.len() as u64, told.steps);
}
