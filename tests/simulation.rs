//! Worlds with faults in which nothing may go wrong, and worlds with a planted bug that must show.

use std::panic::catch_unwind;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use forebay::simulation::{
    CLUSTER_ELECTIONS_MIN, CLUSTER_EVENTS_MIN, Fault, Outcome, PlantedBug, Reached, Rule, Totals,
    Violation, World, WorldSettings,
};

/// Worlds of the swarm: in fewer the disk may fail in all ways but one, since some requests are
/// rare. `FOREBAY_WORLDS` asks for more, `FOREBAY_FIRST_SEED` for others.
const WORLDS: u64 = 240;

/// Worlds with a cluster each, as many as a few minutes bring; `FOREBAY_CLUSTERS` asks for more,
/// `FOREBAY_FIRST_SEED` for others.
const CLUSTERS: u64 = if cfg!(debug_assertions) { 30 } else { 600 };

/// So many of them go through everything that there is to go through.
const CLUSTERS_OF_ALL: u64 = 30;

/// Every cluster has so many kinds of faults at least, of its own mixture.
const FAULT_KINDS_MIN: u64 = 5;

/// Worlds with the same planted bug: it must show in one of them. The rarest, a forgotten producer,
/// shows in one of sixty.
const WORLDS_PER_BUG: u64 = 200;

/// Clusters with the same planted bug. The rarest, a replica that comes back and does not say so,
/// shows in one of forty.
const CLUSTERS_PER_BUG: u64 = 160;

fn number_from_environment(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| text.parse().expect("a number"))
}

fn threads_count() -> usize {
    thread::available_parallelism().map_or(1, usize::from)
}

/// What became of the worlds of `count` seeds from `first` on; a world that panicked is an error.
fn outcomes_of(
    (first, count): (u64, u64),
    settings_of: fn(u64) -> WorldSettings,
) -> Vec<Result<Outcome, u64>> {
    let next = AtomicU64::new(first);
    let outcomes = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..threads_count() {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= first + count {
                        return;
                    }
                    let run = move || World::new(settings_of(seed)).run();
                    let outcome = catch_unwind(run).map_err(|_| seed);
                    outcomes.lock().expect("no thread panics").push(outcome);
                }
            });
        }
    });
    outcomes.into_inner().expect("no thread panics")
}

/// What the worlds of `count` seeds from `first` on came to, which is told.
fn totals_of((first, count): (u64, u64), settings_of: fn(u64) -> WorldSettings) -> Totals {
    let mut totals = Totals::default();
    for outcome in outcomes_of((first, count), settings_of) {
        match outcome {
            Ok(outcome) => totals.add(&outcome),
            Err(seed) => totals.add_panic(seed),
        }
    }
    println!("from seed {first}: {totals}");
    totals
}

#[track_caller]
fn assert_nothing_went_wrong(totals: &Totals) {
    let told = totals.told_failures();
    assert!(told.is_empty(), "{told}");
}

#[test]
fn nothing_goes_wrong_in_many_worlds_and_every_fault_happens() {
    let first = number_from_environment("FOREBAY_FIRST_SEED", 1);
    let count = number_from_environment("FOREBAY_WORLDS", WORLDS);
    let totals = totals_of((first, count), WorldSettings::of_seed);
    for (operation, counts) in totals.faults.requests() {
        println!("{operation:>14}: {counts:?}");
    }
    assert_nothing_went_wrong(&totals);
    let faults = &totals.faults;
    let requests = faults.requests();
    let unseen: Vec<_> = Fault::ALL
        .iter()
        .filter(|fault| faults.count(**fault) == 0 && !fault.is_of_clusters())
        .collect();
    assert!(
        unseen.is_empty() || count < WORLDS,
        "these never happened: {unseen:?}"
    );
    let unhurt: Vec<_> = requests
        .iter()
        .filter(|(_, counts)| counts.failed == 0 || counts.full == Some(0))
        .collect();
    assert!(
        unhurt.is_empty() || count < WORLDS,
        "the disk always did these: {unhurt:?}"
    );
}

#[test]
fn nothing_goes_wrong_in_many_clusters_and_all_comes_to_pass() {
    let first = number_from_environment("FOREBAY_FIRST_SEED", 1);
    let count = number_from_environment("FOREBAY_CLUSTERS", CLUSTERS);
    let totals = totals_of((first, count), WorldSettings::cluster_of_seed);
    assert_nothing_went_wrong(&totals);
    let (events, elections) = (totals.events_min(), totals.elections_min());
    assert!(
        events >= CLUSTER_EVENTS_MIN && elections >= CLUSTER_ELECTIONS_MIN,
        "a cluster has {events} events, one has {elections} elections"
    );
    assert!(
        totals.fault_kinds_min() >= FAULT_KINDS_MIN,
        "a cluster has only {} kinds of faults",
        totals.fault_kinds_min()
    );
    let faults = Fault::ALL.iter().filter(|one| one.is_of_clusters());
    let unseen: Vec<_> = faults
        .filter(|one| totals.faults.count(**one) == 0)
        .collect();
    let reached = Reached::ALL.iter();
    let unreached: Vec<_> = reached
        .filter(|one| totals.reached.count(**one) == 0)
        .collect();
    assert!(
        (unseen.is_empty() && unreached.is_empty()) || count < CLUSTERS_OF_ALL,
        "these never happened: {unseen:?}, {unreached:?}"
    );
}

/// How a planted bug showed: the promise that was broken first, or a panic.
type Finding = Result<Violation, &'static str>;

/// How a planted bug shows in the world of `seed`, if it does.
fn finding_in(bug: PlantedBug, seed: u64, hunt: &Hunt) -> Option<Finding> {
    let settings = WorldSettings {
        planted: Some(bug),
        ..(hunt.settings_of)(seed)
    };
    match catch_unwind(|| World::new(settings).run()) {
        Ok(outcome) => outcome.violations.into_iter().next().map(Ok),
        Err(_) => Some(Err("an assertion of the broker itself")),
    }
}

/// Where bugs are looked for.
struct Hunt {
    bugs: Vec<PlantedBug>,
    settings_of: fn(u64) -> WorldSettings,
    /// Worlds with the same bug.
    worlds: u64,
    /// The promises that a bug can break first.
    broken_by: fn(PlantedBug) -> &'static [Rule],
}

/// The search for the first world in which a planted bug shows.
struct Search {
    bug: PlantedBug,
    next_seed: u64,
    /// Threads with a world of this search.
    workers: usize,
    worlds_duration: Duration,
    found: Option<(u64, Finding)>,
}

impl Search {
    /// Worlds are begun in the order of their seeds: so once one has shown the bug, all that could
    /// do so with a smaller seed are done or under way.
    fn wants_a_world(&self, worlds: u64) -> bool {
        self.found.is_none() && self.next_seed <= worlds
    }
}

/// Every planted bug with the first world in which it shows, whatever the number of threads.
fn find_all(hunt: &Hunt) -> Vec<Search> {
    let new = |bug: &PlantedBug| Search {
        bug: *bug,
        next_seed: 1,
        workers: 0,
        worlds_duration: Duration::ZERO,
        found: None,
    };
    let searches: Mutex<Vec<Search>> = Mutex::new(hunt.bugs.iter().map(new).collect());
    let lock = || searches.lock().expect("no thread panics");
    // A bug of its own for each thread while there are enough: a second world of the same bug may
    // turn out to have been one too many.
    let begin_a_world = || {
        let mut searches = lock();
        let wanting = searches.iter_mut().enumerate();
        let wanting = wanting.filter(|(_, search)| search.wants_a_world(hunt.worlds));
        let (place, search) = wanting.min_by_key(|(_, search)| search.workers)?;
        search.workers += 1;
        search.next_seed += 1;
        Some((place, search.bug, search.next_seed - 1))
    };
    let work = || {
        while let Some((place, bug, seed)) = begin_a_world() {
            let begin = Instant::now();
            let finding = finding_in(bug, seed, hunt);
            let mut searches = lock();
            let search = &mut searches[place];
            search.workers -= 1;
            search.worlds_duration += begin.elapsed();
            if let Some(finding) = finding
                && search.found.as_ref().is_none_or(|found| seed < found.0)
            {
                search.found = Some((seed, finding));
            }
        }
    };
    thread::scope(|scope| {
        for _ in 0..threads_count() {
            scope.spawn(work);
        }
    });
    searches.into_inner().expect("no thread panics")
}

/// The promises that a bug can break first: which of them it is depends on what it hits.
fn broken_by(bug: PlantedBug) -> &'static [Rule] {
    match bug {
        PlantedBug::CompletesUnsynced
        | PlantedBug::CompletesBeforeWriting
        | PlantedBug::LosesWrite
        | PlantedBug::LosesCopy
        | PlantedBug::MisdirectsWrite
        | PlantedBug::CorruptsRead
        | PlantedBug::ReadsStale
        | PlantedBug::CutsSegment
        | PlantedBug::LosesFolder
        | PlantedBug::LosesJournal
        | PlantedBug::SkipsSyncAll => &[
            Rule::NothingIsLost,
            Rule::OffsetsAreNotReused,
            Rule::RecordsAreWhole,
            Rule::CommitsAreKept,
            Rule::TopicsAreKept,
            Rule::ProducerIdsAreUnique,
            Rule::HighWatermarkStays,
            Rule::BrokerRuns,
        ],
        // As below, or records of the topic of before are found in the one that is made again. An
        // index of a compacted segment that was not written cannot be renamed: the partition is
        // offline, and whose group it holds waits.
        PlantedBug::LosesRename | PlantedBug::KeepsSegment | PlantedBug::SkipsReplacement => &[
            Rule::NothingIsLost,
            Rule::OffsetsAreNotReused,
            Rule::RecordsAreWhole,
            Rule::CommitsAreKept,
            Rule::TopicsAreKept,
            Rule::ProducerIdsAreUnique,
            Rule::HighWatermarkStays,
            Rule::BrokerRuns,
            Rule::EverythingEnds,
        ],
        // The topic that is made again has a partition that stays offline.
        PlantedBug::RelaxesAll => &[
            Rule::NothingIsLost,
            Rule::OffsetsAreNotReused,
            Rule::HighWatermarkStays,
            Rule::NoWrongRefusal,
        ],
        PlantedBug::IgnoresFlush => &[Rule::NothingIsLost],
        PlantedBug::KeepsCheckpoints => &[Rule::NothingIsLost, Rule::EverythingEnds],
        PlantedBug::ForgetsProducers => &[Rule::NoDuplicates],
        PlantedBug::RepeatsRequest => &[Rule::AnswersInOrder],
        // The answer that is held back until the next one may be the last.
        PlantedBug::SwapsAnswers | PlantedBug::LosesAnswerBytes => {
            &[Rule::AnswersInOrder, Rule::EverythingEnds]
        }
        // It may have been the image with which a topic went.
        PlantedBug::LosesMail => &[
            Rule::EverythingEnds,
            Rule::NoWrongRefusal,
            Rule::TopicsAreKept,
        ],
        PlantedBug::SwapsMail => &[Rule::NoWrongRefusal, Rule::RecordsKeepTheirOrder],
        PlantedBug::AcknowledgesAlone
        | PlantedBug::ClaimsMore
        | PlantedBug::HidesDivergence
        | PlantedBug::GrantsEveryVote
        | PlantedBug::ForgetsPredecessor
        | PlantedBug::ForgetsVotes
        | PlantedBug::RaisesWatermark => unreachable!("{bug:?} needs a cluster"),
        // The broker notices by itself that an answer came twice.
        PlantedBug::CompletesTwice => &[],
    }
}

#[test]
fn every_planted_bug_is_found() {
    let bugs = PlantedBug::ALL.iter().copied();
    check_all_found(&Hunt {
        bugs: bugs.filter(|bug| !bug.is_of_clusters()).collect(),
        settings_of: WorldSettings::of_seed,
        worlds: WORLDS_PER_BUG,
        broken_by,
    });
}

/// The promises that a bug can break first in a cluster: it depends on whether it hits the metadata
/// or a partition, and who notices it. Without bugs none is broken in these worlds.
fn broken_in_cluster_by(_: PlantedBug) -> &'static [Rule] {
    &[
        Rule::NothingIsLost,
        Rule::OffsetsAreNotReused,
        Rule::RecordsAreWhole,
        Rule::HighWatermarkStays,
        Rule::OneLeaderPerEpoch,
        Rule::InSyncReplicasHaveAll,
        Rule::LogsAreEqual,
        Rule::CommitsAreKept,
        Rule::ImagesAreEqual,
        Rule::TopicsAreKept,
        // The batch behind a lost one does not follow what the new leader has of its producer.
        Rule::NoWrongRefusal,
        Rule::BrokerRuns,
        Rule::EverythingEnds,
    ]
}

#[test]
fn every_planted_bug_of_clusters_is_found() {
    let bugs = PlantedBug::ALL.iter().copied();
    let of_clusters = bugs.filter(|bug| bug.is_of_clusters());
    let forgetful = [
        PlantedBug::CompletesUnsynced,
        PlantedBug::CutsSegment,
        PlantedBug::LosesJournal,
        PlantedBug::LosesWrite,
    ];
    let of_clusters = of_clusters.filter(|bug| *bug != PlantedBug::ForgetsPredecessor);
    check_all_found(&Hunt {
        bugs: vec![PlantedBug::ForgetsPredecessor],
        settings_of: WorldSettings::plain_cluster_of_seed,
        worlds: CLUSTERS_PER_BUG,
        broken_by: broken_in_cluster_by,
    });
    check_all_found(&Hunt {
        bugs: of_clusters.chain(forgetful).collect(),
        settings_of: WorldSettings::cluster_of_seed,
        worlds: CLUSTERS_PER_BUG,
        broken_by: broken_in_cluster_by,
    });
}

#[track_caller]
fn check_all_found(hunt: &Hunt) {
    let begin = Instant::now();
    let mut missed = Vec::new();
    for search in find_all(hunt) {
        let Search { bug, found, .. } = search;
        let seconds = search.worlds_duration.as_secs_f64();
        let told = found.as_ref().map_or_else(
            || format!("not in {} worlds", hunt.worlds),
            |(seed, finding)| format!("in world {seed}: {finding:?}"),
        );
        println!("{bug:?} ({}), {seconds:.1} s, {told}", bug.description());
        let is_named = match &found {
            Some((_, Ok(broken))) => (hunt.broken_by)(bug).contains(&broken.rule),
            Some((_, Err(_))) => (hunt.broken_by)(bug).is_empty(),
            None => false,
        };
        if !is_named {
            missed.push((bug, found));
        }
    }
    println!("all of it: {:.1} s", begin.elapsed().as_secs_f64());
    assert!(missed.is_empty(), "{missed:#?}");
}

/// A single world with all that happens in it, behind what the broker logs, for whoever looks into
/// a failure:
/// `FOREBAY_SEED=17 cargo test --test simulation -- --ignored --nocapture tell_a_world`.
#[test]
#[ignore = "a tool: it tells all that happens in the world of FOREBAY_SEED"]
fn tell_a_world() {
    tell(WorldSettings::of_seed);
}

/// The same for a cluster.
#[test]
#[ignore = "a tool: it tells all that happens in the cluster of FOREBAY_SEED"]
fn tell_a_cluster() {
    tell(WorldSettings::cluster_of_seed);
}

fn tell(settings_of: fn(u64) -> WorldSettings) {
    tracing_subscriber::fmt().without_time().init();
    let settings = WorldSettings {
        keeps_trace: true,
        ..settings_of(number_from_environment("FOREBAY_SEED", 1))
    };
    let outcome = World::new(settings).run();
    for line in &outcome.trace {
        println!("{line}");
    }
    println!("{:?} {:?}", outcome.violations, outcome.faults);
}
