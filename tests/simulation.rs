//! Worlds with faults in which nothing may go wrong, and worlds with a planted bug that must show.

use std::panic::catch_unwind;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use forebay::simulation::{
    Fault, FaultCounts, Outcome, PlantedBug, Rule, Violation, World, WorldSettings,
};

/// Worlds of the swarm; `FOREBAY_WORLDS` asks for more, `FOREBAY_FIRST_SEED` for others.
const WORLDS: u64 = 120;

/// Worlds with the same planted bug: it must show in one of them. The rarest, a forgotten producer,
/// shows in one of sixty.
const WORLDS_PER_BUG: u64 = 200;

fn number_from_environment(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| text.parse().expect("a number"))
}

fn threads_count() -> usize {
    thread::available_parallelism().map_or(1, usize::from)
}

/// What became of the worlds `first..first + count`; a world that panicked is an error.
fn outcomes_of(first: u64, count: u64) -> Vec<Result<Outcome, u64>> {
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
                    let run = move || World::new(WorldSettings::of_seed(seed)).run();
                    let outcome = catch_unwind(run).map_err(|_| seed);
                    outcomes.lock().expect("no thread panics").push(outcome);
                }
            });
        }
    });
    outcomes.into_inner().expect("no thread panics")
}

#[test]
fn nothing_goes_wrong_in_many_worlds_and_every_fault_happens() {
    let first = number_from_environment("FOREBAY_FIRST_SEED", 1);
    let count = number_from_environment("FOREBAY_WORLDS", WORLDS);
    let mut failures = Vec::new();
    let mut faults = FaultCounts::default();
    let (mut facts, mut steps, mut starts) = (0, 0, 0);
    for outcome in outcomes_of(first, count) {
        match outcome {
            Ok(outcome) => {
                faults.merge(&outcome.faults);
                facts += outcome.facts;
                steps += outcome.steps;
                starts += outcome.starts;
                let broken = outcome.violations.iter();
                failures.extend(broken.map(|one| (outcome.seed, format!("{one:?}"))));
            }
            Err(seed) => failures.push((seed, "a panic, told above".to_owned())),
        }
    }
    println!("{count} worlds from seed {first}: {steps} steps, {starts} starts, {facts} facts");
    for fault in Fault::ALL {
        println!("{:>9} times {}", faults.count(*fault), fault.description());
    }
    let requests = faults.requests();
    for (operation, counts) in requests {
        println!("{operation:>14}: {counts:?}");
    }
    failures.sort();
    let told: Vec<String> = failures
        .iter()
        .map(|(seed, what)| {
            format!(
                "seed {seed}: {}",
                what.chars().take(900).collect::<String>()
            )
        })
        .collect();
    assert!(failures.is_empty(), "{}", told.join("\n"));
    let unseen: Vec<_> = Fault::ALL
        .iter()
        .filter(|fault| faults.count(**fault) == 0)
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

/// How a planted bug showed: the promise that was broken first, or a panic.
type Finding = Result<Violation, &'static str>;

/// How a planted bug shows in the world of `seed`, if it does.
fn finding_in(bug: PlantedBug, seed: u64) -> Option<Finding> {
    let settings = WorldSettings {
        planted: Some(bug),
        ..WorldSettings::of_seed(seed)
    };
    match catch_unwind(|| World::new(settings).run()) {
        Ok(outcome) => outcome.violations.into_iter().next().map(Ok),
        Err(_) => Some(Err("an assertion of the broker itself")),
    }
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
    fn wants_a_world(&self) -> bool {
        self.found.is_none() && self.next_seed <= WORLDS_PER_BUG
    }
}

/// Every planted bug with the first world in which it shows, whatever the number of threads.
fn find_all() -> Vec<Search> {
    let new = |bug: &PlantedBug| Search {
        bug: *bug,
        next_seed: 1,
        workers: 0,
        worlds_duration: Duration::ZERO,
        found: None,
    };
    let searches: Mutex<Vec<Search>> = Mutex::new(PlantedBug::ALL.iter().map(new).collect());
    let lock = || searches.lock().expect("no thread panics");
    // A bug of its own for each thread while there are enough: a second world of the same bug may
    // turn out to have been one too many.
    let begin_a_world = || {
        let mut searches = lock();
        let wanting = searches.iter_mut().enumerate();
        let wanting = wanting.filter(|(_, search)| search.wants_a_world());
        let (place, search) = wanting.min_by_key(|(_, search)| search.workers)?;
        search.workers += 1;
        search.next_seed += 1;
        Some((place, search.bug, search.next_seed - 1))
    };
    let work = || {
        while let Some((place, bug, seed)) = begin_a_world() {
            let begin = Instant::now();
            let finding = finding_in(bug, seed);
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
        // The broker notices by itself that an answer came twice.
        PlantedBug::CompletesTwice => &[],
    }
}

#[test]
fn every_planted_bug_is_found() {
    let begin = Instant::now();
    let mut missed = Vec::new();
    for search in find_all() {
        let Search { bug, found, .. } = search;
        let seconds = search.worlds_duration.as_secs_f64();
        let told = found.as_ref().map_or_else(
            || format!("not in {WORLDS_PER_BUG} worlds"),
            |(seed, finding)| format!("in world {seed}: {finding:?}"),
        );
        println!("{bug:?} ({}), {seconds:.1} s, {told}", bug.description());
        let is_named = match &found {
            Some((_, Ok(broken))) => broken_by(bug).contains(&broken.rule),
            Some((_, Err(_))) => broken_by(bug).is_empty(),
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
/// `FOREBAY_SEED=17 cargo test --test simulation -- --ignored --nocapture tell`.
#[test]
#[ignore = "a tool: it tells all that happens in the world of FOREBAY_SEED"]
fn tell_a_world() {
    tracing_subscriber::fmt().without_time().init();
    let settings = WorldSettings {
        keeps_trace: true,
        ..WorldSettings::of_seed(number_from_environment("FOREBAY_SEED", 1))
    };
    let outcome = World::new(settings).run();
    for line in &outcome.trace {
        println!("{line}");
    }
    println!("{:?} {:?}", outcome.violations, outcome.faults);
}
