//! No behaviour within bounds breaks what the quorum promises, and whatever would is found.

use stateright::{Checker, HasDiscoveries, Model, UniformChooser};

use super::model::{Bounds, Bug, MATCHING, SOUND, Start};

/// From nothing: one election.
const FRESH: Bounds = Bounds {
    bug: Bug::None,
    crashes: 0,
    appends: 1,
    changes: 0,
    timeouts: 1,
    refusals: 0,
    duplicates: 0,
    logs: &[&[], &[], &[]],
    voters: 0b111,
    epoch: 0,
    epoch_max: 2,
    standing: &[],
    start: Start::Silent,
};

/// Two leaders had begun an epoch that nobody else has heard of.
const FORKED: Bounds = Bounds {
    logs: &[&[(1, None)], &[(2, None)], &[]],
    epoch: 2,
    epoch_max: 4,
    ..FRESH
};

/// Followers are refused by a leader that has begun its epoch, and goes on if it can.
const REFUSED: Bounds = Bounds {
    appends: 0,
    standing: &[0],
    timeouts: 0,
    start: Start::Committed(1),
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

/// One leads another, and a third gets a vote, or loses the one that it got.
const CHANGING: Bounds = Bounds {
    appends: 0,
    changes: 1,
    voters: 0b011,
    standing: &[0],
    start: Start::Committed(1),
    ..FRESH
};

/// Voters come and go among four nodes, while leaders do, too.
const LONG_CHANGING: Bounds = Bounds {
    changes: 6,
    crashes: 2,
    duplicates: 1,
    logs: &[&[], &[], &[], &[]],
    ..LONG
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
fn no_order_of_messages_breaks_an_election_or_a_change_of_voters() {
    for bounds in [FRESH, FORKED, CHANGING] {
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
fn crashes_duplicates_elections_and_changes_of_voters_break_nothing_on_long_walks() {
    for bounds in [LONG, LONG_CHANGING] {
        for seed in [1, 2] {
            let checker = walk(bounds.clone(), seed);
            checker.assert_properties();
        }
    }
}

#[test]
fn planted_bugs_are_found() {
    // Two ask for votes in one epoch.
    let contest = Bounds {
        appends: 0,
        timeouts: 0,
        standing: &[0, 1],
        crashes: 1,
        ..FRESH
    };
    // One is about to lead, and may be followed by another.
    let succession = Bounds {
        appends: 0,
        standing: &[0],
        ..FORKED
    };
    let after_crash = Bounds {
        appends: 0,
        standing: &[0],
        start: Start::Committed(1),
        crashes: 1,
        ..FRESH
    };
    let two_timeouts = Bounds {
        crashes: 0,
        timeouts: 2,
        ..after_crash.clone()
    };
    // The leader of three may be left alone by two changes.
    let shrinking = Bounds {
        changes: 2,
        appends: 0,
        standing: &[0],
        start: Start::Committed(1),
        ..FRESH
    };
    // One voted alone at first, and now leads three.
    let grown = Bounds {
        changes: 0,
        appends: 1,
        logs: &[
            &[(1, Some(0b111))],
            &[(1, Some(0b111))],
            &[(1, Some(0b111))],
        ],
        voters: 0b001,
        epoch: 1,
        epoch_max: 3,
        start: Start::Committed(2),
        ..shrinking.clone()
    };
    // A leader has begun to remove a voter of four, which nobody else has heard of, and now another
    // leads.
    let inherited = Bounds {
        changes: 1,
        appends: 0,
        logs: &[
            &[(1, None), (1, Some(0b0111))],
            &[(1, None)],
            &[(1, None)],
            &[(1, None)],
        ],
        voters: 0b1111,
        epoch: 1,
        epoch_max: 3,
        standing: &[1],
        start: Start::Elected(0b1010),
        ..FRESH
    };
    for (bug, bounds) in [
        (Bug::VotesTwice, &contest),
        (Bug::VotesUnsynced, &contest),
        (Bug::KeepsDivergence, &succession),
        (Bug::CommitsEarlierEpochs, &succession),
        (Bug::AcknowledgesUnsynced, &after_crash),
        (Bug::VotesForShorterLogs, &two_timeouts),
        (Bug::ChangesOverlap, &shrinking),
        (Bug::ChangesBeforeCommitting, &inherited),
        (Bug::CountsOldVoters, &grown),
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
