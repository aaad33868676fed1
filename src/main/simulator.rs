//! The `forebay-simulator` program: many worlds of the simulator, for as long as one likes.

use std::collections::{BTreeMap, BTreeSet};
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use clap::{Parser, ValueEnum};
use forebay::simulation::{Outcome, Totals, World, WorldSettings};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Worlds if neither their number nor the time is said.
const SEEDS_DEFAULT: u64 = 2_000;

/// How often it is told how far one is.
const TOLD_EVERY: Duration = Duration::from_secs(10);

/// Brokers as in production in worlds of their own: simulated disks, networks and clocks, with
/// faults. Everything in a world follows from its seed.
///
/// Exits with 1 if a promise was broken. A failing seed is told, and fails again with --replay.
#[derive(Debug, Parser)]
#[command(name = "forebay-simulator", version)]
struct Arguments {
    /// How many worlds [default: 2000, or as many as --minutes bring]
    #[arg(long, value_name = "N")]
    seeds: Option<u64>,
    /// Begin no world after this many minutes
    #[arg(long, value_name = "M")]
    minutes: Option<u64>,
    /// The seed of the first world
    #[arg(long, value_name = "SEED", default_value_t = 1)]
    first_seed: u64,
    /// Who lives in a world
    #[arg(long, value_enum, default_value_t = Inhabitants::Cluster)]
    world: Inhabitants,
    /// Only the world of this seed, and tell all that happens in it
    #[arg(long, value_name = "SEED", conflicts_with_all = ["seeds", "minutes", "first_seed"])]
    replay: Option<u64>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Inhabitants {
    /// The nodes of one cluster
    Cluster,
    /// One broker, which is a cluster of its own
    Broker,
}

impl Inhabitants {
    const fn settings_of(self, seed: u64) -> WorldSettings {
        match self {
            Self::Cluster => WorldSettings::cluster_of_seed(seed),
            Self::Broker => WorldSettings::of_seed(seed),
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Cluster => "cluster",
            Self::Broker => "broker",
        }
    }
}

/// The seeds of the worlds under way, by the thread: whoever reads of a panic wants to know.
static UNDER_WAY: Mutex<BTreeMap<String, u64>> = Mutex::new(BTreeMap::new());

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    tell_seeds_of_panics(arguments.world);
    match arguments.replay {
        Some(seed) => replay(arguments.world, seed),
        None => run_many(&arguments),
    }
}

fn name_of_thread() -> String {
    thread::current().name().unwrap_or_default().to_owned()
}

fn run_one(settings: WorldSettings) -> Outcome {
    if let Ok(mut seeds) = UNDER_WAY.lock() {
        seeds.insert(name_of_thread(), settings.seed);
    }
    World::new(settings).run()
}

fn tell_seeds_of_panics(world: Inhabitants) {
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        let seeds = UNDER_WAY.lock();
        let seed = seeds
            .ok()
            .and_then(|seeds| seeds.get(&name_of_thread()).copied());
        if let Some(seed) = seed {
            eprintln!("seed {seed}: a panic; {}", advice(world, seed));
        }
        before(panic);
    }));
}

fn advice(world: Inhabitants, seed: u64) -> String {
    format!("forebay-simulator --world {} --replay {seed}", world.name())
}

fn replay(world: Inhabitants, seed: u64) -> ExitCode {
    let outcome = run_one(WorldSettings {
        keeps_trace: true,
        ..world.settings_of(seed)
    });
    for line in &outcome.trace {
        println!("{line}");
    }
    println!(
        "the number of all that happened: {:#018x}",
        outcome.trace_hash
    );
    for violation in &outcome.violations {
        println!("broken: {violation:?}");
    }
    ExitCode::from(u8::from(!outcome.violations.is_empty()))
}

fn run_many(arguments: &Arguments) -> ExitCode {
    let Arguments {
        seeds,
        minutes,
        first_seed,
        world,
        ..
    } = *arguments;
    let count = match (seeds, minutes) {
        (Some(seeds), _) => seeds,
        (None, Some(_)) => u64::MAX - first_seed,
        (None, None) => SEEDS_DEFAULT,
    };
    let begin = Instant::now();
    let until = minutes.map(|minutes| begin + Duration::from_secs(60 * minutes));
    let next = AtomicU64::new(first_seed);
    let totals = Mutex::new((Totals::default(), begin));
    let work = || {
        while until.is_none_or(|until| Instant::now() < until) {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed - first_seed >= count {
                return;
            }
            let outcome = run_one(world.settings_of(seed));
            for violation in &outcome.violations {
                let advice = advice(world, seed);
                println!("seed {seed}: {violation:?}\nseed {seed}: {advice}");
            }
            let Ok(mut totals) = totals.lock() else {
                return;
            };
            totals.0.add(&outcome);
            if totals.1.elapsed() >= TOLD_EVERY {
                totals.1 = Instant::now();
                let seconds = begin.elapsed().as_secs();
                println!("{} worlds after {seconds} s", totals.0.worlds());
            }
        }
    };
    let threads = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        for number in 0..threads {
            let thread = thread::Builder::new().name(format!("worlds {number}"));
            let begun = thread.spawn_scoped(scope, work);
            begun.expect("a machine has room for a few threads");
        }
    });
    let totals = totals.into_inner().expect("a panic ends the program");
    println!("{}", totals.0);
    println!("all of it: {:.1} s", begin.elapsed().as_secs_f64());
    let failed = totals.0.failures.iter().map(|(seed, _)| *seed);
    let failed: BTreeSet<u64> = failed.collect();
    println!("seeds in which a promise was broken: {failed:?}");
    ExitCode::from(u8::from(!failed.is_empty()))
}
