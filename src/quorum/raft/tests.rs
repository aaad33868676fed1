//! No behaviour within bounds breaks what the quorum promises, and whatever would is found.

use stateright::{Checker, HasDiscoveries, Model, UniformChooser};

use super::model::{Bounds, Bug, MATCHING, SOUND};

/// From nothing: one election.
const FRESH: Bounds = Bounds {
    bug: Bug::None,
    crashes: 0,
    appends: 1,
    timeouts: 1,
    refusals: 0,
    duplicates: 0,
    logs: [&[], &[], &[]],
    epoch: 0,
    epoch_max: 2,
    standing: 0,
    has_leader: false,
};

/// Two leaders had begun an epoch that nobody else has heard of.
const FORKED: Bounds = Bounds {
    logs: [&[1], &[2], &[]],
    epoch: 2,
    epoch_max: 4,
    ..FRESH
};

/// Followers are refused by a leader that has begun its epoch, and goes on if it can.
const REFUSED: Bounds = Bounds {
    appends: 0,
    standing: 1,
    timeouts: 0,
    has_leader: true,
    refusals: 2,
    ..FRESH
};

/// More of everything than can be explored whole.
const LONG: Bounds = Bounds {
    crashes: 3,
    appends: 3,
    timeouts: 8,
    refusals: 3,
    duplicates: 2,
    epoch_max: 6,
    ..FRESH
};

/// The most states that are explored: the small worlds have fewer, and no planted bug takes more to
/// be found.
const EXPLORED_STATES: usize = 400_000;

/// So many states of a walk are looked at where not all can be.
const WALKED_STATES: usize = 30_000;

fn explore(bounds: Bounds) -> impl Checker<Bounds> {
    // One thread takes the states in the same order each time.
    let checker = bounds.checker().threads(1);
    checker
        .finish_when(HasDiscoveries::AnyFailures)
        .target_state_count(EXPLORED_STATES)
        .spawn_bfs()
        .join()
}

/// What walks by chance find that goes wrong.
fn walk(bounds: Bounds, seed: u64) -> impl Checker<Bounds> {
    let checker = bounds.checker().target_state_count(WALKED_STATES);
    checker
        .finish_when(HasDiscoveries::AnyFailures)
        .spawn_simulation(seed, UniformChooser)
        .join()
}

#[test]
fn no_order_of_messages_breaks_an_election_from_nothing_or_of_logs_that_differ() {
    for bounds in [FRESH, FORKED] {
        let checker = explore(bounds.clone());
        checker.assert_properties();
        assert!(checker.unique_state_count() > 5_000);
        // Else some states were left out.
        assert!(checker.state_count() < EXPLORED_STATES, "{bounds:?}");
    }
}

#[test]
fn no_order_of_messages_breaks_anything_when_followers_are_refused_by_their_leader() {
    let checker = explore(REFUSED);
    checker.assert_properties();
    let count = checker.state_count();
    assert!(checker.unique_state_count() > 5_000, "{count}");
    assert!(count < EXPLORED_STATES);
}

#[test]
fn crashes_duplicates_and_many_elections_break_nothing_on_long_walks() {
    for seed in [1, 2] {
        let checker = walk(LONG, seed);
        checker.assert_properties();
    }
}

#[test]
fn planted_bugs_are_found() {
    // Two ask for votes in one epoch.
    let contest = Bounds {
        appends: 0,
        timeouts: 0,
        standing: 2,
        crashes: 1,
        ..FRESH
    };
    // One is about to lead, and may be followed by another.
    let succession = Bounds {
        appends: 0,
        standing: 1,
        ..FORKED
    };
    let after_crash = Bounds {
        appends: 0,
        standing: 1,
        has_leader: true,
        crashes: 1,
        ..FRESH
    };
    let two_timeouts = Bounds {
        crashes: 0,
        timeouts: 2,
        ..after_crash.clone()
    };
    for (bug, bounds) in [
        (Bug::VotesTwice, &contest),
        (Bug::VotesUnsynced, &contest),
        (Bug::KeepsDivergence, &succession),
        (Bug::CommitsEarlierEpochs, &succession),
        (Bug::AcknowledgesUnsynced, &after_crash),
        (Bug::VotesForShorterLogs, &two_timeouts),
    ] {
        let planted = Bounds {
            bug,
            ..bounds.clone()
        };
        let found = explore(planted).discoveries();
        let is_found = found.contains_key(SOUND) || found.contains_key(MATCHING);
        assert!(is_found, "{bug:?} is not found");
    }
}
