//! The commands of `forebay bench`: what each has its clients do.

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64};
use std::time::Duration;

use serde_json::json;
use signal_hook::consts::{SIGINT, SIGTERM};

use crate::admin::{ConnectionArguments, Failure, Output, Session};
use crate::stdx::Random;

use super::amounts::{Keys, Throughput};
use super::arguments::{
    AcksName, BenchArguments, BenchCommand, ConsumeBench, ConsumerArguments, ProduceBench,
    ProducerArguments, RunArguments, TopicArguments,
};
use super::consumer::ConsumePlan;
use super::figures::{Outcome, summary_lines};
use super::hgrm::percentile_text;
use super::keys::KeyChoice;
use super::live::Live;
use super::processes::Observed;
use super::producer::ProducePlan;
use super::run::Load;
use super::schedule::Nanoseconds;
use super::tally::Window;
use super::template::Template;
use super::topics::{EARLIEST, Topics};

/// Idempotent producers may have so many requests on their way: brokers remember no more batches.
const IDEMPOTENT_IN_FLIGHT_MAX: u32 = 5;

/// Requests on their way while a topic is filled.
const FILL_IN_FLIGHT: usize = 5;

/// Runs one command to its end.
#[must_use]
pub fn run(arguments: &BenchArguments) -> ExitCode {
    let connection = match &arguments.command {
        BenchCommand::Produce(bench) => &bench.connection,
        BenchCommand::Consume(bench) => &bench.connection,
    };
    let mut output = Output::new(connection.json);
    let result = match &arguments.command {
        BenchCommand::Produce(bench) => produce(bench, &mut output),
        BenchCommand::Consume(bench) => consume(bench, &mut output),
    };
    match result.and_then(|()| output.flush()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}

/// What every command has.
struct Bench<'a> {
    name: &'static str,
    connection: &'a ConnectionArguments,
    arguments: &'a RunArguments,
    topics: Arc<Topics>,
    /// Differs from bench to bench.
    run: u64,
    live: Live,
    is_interrupted: Arc<AtomicBool>,
}

fn produce(bench: &ProduceBench, output: &mut Output) -> Result<(), Failure> {
    check(&bench.producers)?;
    with_topics(
        "produce",
        &bench.connection,
        &bench.topics,
        &bench.run,
        |context| {
            let load = |context: &Bench<'_>| {
                Ok(Load {
                    produce: Some(Arc::new(context.produce_plan(&bench.producers, false))),
                    ..context.load()
                })
            };
            context.measure(load, output)
        },
    )
}

fn consume(bench: &ConsumeBench, output: &mut Output) -> Result<(), Failure> {
    with_topics(
        "consume",
        &bench.connection,
        &bench.topics,
        &bench.run,
        |context| {
            if bench.topics.topic.is_none() {
                context.fill(bench)?;
            }
            let load = |context: &Bench<'_>| {
                let plan = context.consume_plan(&bench.consumers)?;
                let consumers = bench.consumers.consumers as usize;
                Ok(Load {
                    consume: Some(Arc::new(plan)),
                    consumers: consumers * bench.consumers.groups as usize,
                    groups: u64::from(bench.consumers.groups),
                    ..context.load()
                })
            };
            context.measure(load, output)
        },
    )
}

/// What clap cannot know to make no sense.
fn check(producers: &ProducerArguments) -> Result<(), Failure> {
    let is_possible =
        producers.acks == AcksName::All && producers.in_flight <= IDEMPOTENT_IN_FLIGHT_MAX;
    if producers.idempotent == Some(true) && !is_possible {
        let text = format!(
            "--idempotent true needs --acks all and --in-flight of at most \
             {IDEMPOTENT_IN_FLIGHT_MAX}"
        );
        return Err(Failure::Usage(text));
    }
    Ok(())
}

/// Does `work` with the topics that it is to have, which are gone afterwards.
fn with_topics(
    name: &'static str,
    connection: &ConnectionArguments,
    arguments: &TopicArguments,
    run_arguments: &RunArguments,
    work: impl FnOnce(&mut Bench<'_>) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let is_interrupted = catch_signals()?;
    // The first words with the broker; it may be silent for long while the work goes on, so that
    // another connection asks for the end of the topics.
    let mut session = Session::open(connection)?;
    let run = run_number();
    let topics = Topics::prepare(&mut session, connection, arguments, run)?;
    drop(session);
    let mut bench = Bench {
        name,
        connection,
        arguments: run_arguments,
        topics: Arc::new(topics),
        run,
        live: Live::new(!run_arguments.quiet),
        is_interrupted,
    };
    let result = work(&mut bench);
    bench.live.clear();
    if arguments.keep_topics {
        return result;
    }
    let removed =
        Session::open(connection).and_then(|mut session| bench.topics.remove(&mut session));
    // What went wrong first is the reason for what followed.
    result.and(removed)
}

/// From now on the first signal sets the flag, and the second one ends the process at once.
fn catch_signals() -> Result<Arc<AtomicBool>, Failure> {
    let is_interrupted = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        // In this order: a second signal finds the flag set by the first.
        let flag = Arc::clone(&is_interrupted);
        signal_hook::flag::register_conditional_shutdown(signal, 128 + signal, flag)?;
        signal_hook::flag::register(signal, Arc::clone(&is_interrupted))?;
    }
    Ok(is_interrupted)
}

/// No two benches at the same time have the same one.
fn run_number() -> u64 {
    let milliseconds = crate::runtime::wall_ms().cast_unsigned();
    milliseconds << 22 | u64::from(std::process::id() & 0x3f_ffff)
}

impl Bench<'_> {
    /// Measure what `load` makes, as often as asked for, and tell it.
    fn measure(
        &mut self,
        load: impl Fn(&Self) -> Result<Load, Failure>,
        output: &mut Output,
    ) -> Result<(), Failure> {
        let mut outcomes = Vec::new();
        for number in 0..self.arguments.repeat {
            if self
                .is_interrupted
                .load(std::sync::atomic::Ordering::Relaxed)
                && number > 0
            {
                break;
            }
            let load = load(self)?;
            let outcome = load.run(&mut self.live, &self.is_interrupted)?;
            if !output.is_json() {
                if self.arguments.repeat > 1 {
                    output.line(&format!("run {}", number + 1))?;
                }
                for line in outcome.lines(self.arguments.print_metrics) {
                    output.line(&line)?;
                }
                output.flush()?;
            }
            outcomes.push(outcome);
        }
        self.tell(&outcomes, output)?;
        let failed: u64 = outcomes.iter().map(Outcome::failed).sum();
        if failed > 0 {
            return Err(Failure::Failed(format!("{failed} records were refused")));
        }
        Ok(())
    }

    fn tell(&self, outcomes: &[Outcome], output: &mut Output) -> Result<(), Failure> {
        if let Some(path) = &self.arguments.hdr {
            write_percentiles(path, outcomes)?;
        }
        if output.is_json() {
            return output.document(&json!({
                "bench": self.name,
                "version": env!("CARGO_PKG_VERSION"),
                "topics": self.topics.names.len(),
                "partitions": self.topics.places.len(),
                "runs": outcomes.iter().map(Outcome::document).collect::<Vec<_>>(),
            }));
        }
        if outcomes.len() > 1 {
            for line in summary_lines(outcomes) {
                output.line(&line)?;
            }
        }
        Ok(())
    }

    fn window(&self) -> Window {
        let nanoseconds = |duration: Duration| duration.as_nanos() as Nanoseconds;
        let start = nanoseconds(self.arguments.warm_up);
        let end = match self.arguments.num_records {
            Some(_) => Nanoseconds::MAX,
            None => start + nanoseconds(self.arguments.duration),
        };
        Window { start, end }
    }

    /// A load of nobody.
    fn load(&self) -> Load {
        Load {
            window: self.window(),
            produce: None,
            consume: None,
            consumers: 0,
            groups: 0,
            threads: self.arguments.threads,
            patience: self.timeout(),
            observed: Observed {
                processes: self.arguments.pid.clone(),
                device: self.arguments.device.clone(),
            },
        }
    }

    fn timeout(&self) -> Duration {
        Duration::from_millis(self.connection.request_timeout_ms)
    }

    fn produce_plan(&self, producers: &ProducerArguments, is_stamped: bool) -> ProducePlan {
        let is_idempotent = producers.idempotent.unwrap_or(
            producers.acks == AcksName::All && producers.in_flight <= IDEMPOTENT_IN_FLIGHT_MAX,
        );
        let mut random = Random::from_seed(self.run);
        ProducePlan {
            topics: Arc::clone(&self.topics),
            window: self.window(),
            template: Template::new(
                producers.batch_bytes,
                producers.record_size,
                producers.keys != Keys::None,
                producers.compression.into(),
                &mut random,
            ),
            keys: KeyChoice::new(producers.keys, producers.key_count),
            rate: match producers.throughput {
                Throughput::Unlimited => None,
                Throughput::PerSecond(rate) => Some(rate),
            },
            producers: u64::from(producers.producers),
            records_max: self.arguments.num_records,
            acks: producers.acks.on_the_wire(),
            is_idempotent,
            linger: producers.linger_ms * 1_000_000,
            batch_bytes: producers.batch_bytes,
            in_flight_max: producers.in_flight as usize,
            stamp: is_stamped.then_some(self.run),
            client_id: self.connection.client_id.clone(),
            timeout: self.timeout(),
            acknowledged: AtomicU64::new(0),
        }
    }

    fn consume_plan(&self, consumers: &ConsumerArguments) -> Result<ConsumePlan, Failure> {
        let bytes = |bytes: usize| i32::try_from(bytes).expect("sizes are at most 64 MiB");
        let left = self.arguments.num_records;
        Ok(ConsumePlan {
            topics: Arc::clone(&self.topics),
            window: self.window(),
            consumers_per_group: consumers.consumers as usize,
            starts: self.topics.list_offsets(self.connection, EARLIEST)?,
            rewinds: true,
            bytes_max: bytes(consumers.fetch_bytes),
            partition_bytes_max: bytes(consumers.partition_fetch_bytes),
            bytes_min: bytes(consumers.fetch_min_bytes),
            wait_ms_max: i32::try_from(consumers.fetch_wait_ms).expect("it is a minute at most"),
            checks_crcs: !consumers.no_check_crcs,
            stamp: None,
            client_id: self.connection.client_id.clone(),
            timeout: self.timeout(),
            left: left.map(|left| AtomicI64::new(i64::try_from(left).unwrap_or(i64::MAX))),
            consumed: AtomicU64::new(0),
        })
    }

    /// Put records into topics that were made to be read.
    fn fill(&mut self, bench: &ConsumeBench) -> Result<(), Failure> {
        let text = format!(
            "filling {} with {} bytes",
            self.topics.described(),
            bench.fill
        );
        self.live.note(&text);
        let producers = ProducerArguments {
            producers: 1,
            record_size: bench.record_size,
            throughput: Throughput::Unlimited,
            keys: Keys::None,
            key_count: 1,
            acks: AcksName::All,
            idempotent: None,
            compression: bench.compression,
            linger_ms: 0,
            batch_bytes: bench.batch_bytes,
            in_flight: FILL_IN_FLIGHT as u32,
        };
        let mean = (bench.record_size.min + bench.record_size.max) as u64 / 2;
        let window = Window {
            start: 0,
            end: Nanoseconds::MAX,
        };
        let plan = ProducePlan {
            window,
            records_max: Some((bench.fill / mean.max(1)).max(1)),
            ..self.produce_plan(&producers, false)
        };
        let load = Load {
            window,
            produce: Some(Arc::new(plan)),
            ..self.load()
        };
        let outcome = load.run(&mut self.live, &self.is_interrupted)?;
        match outcome.failed() {
            0 => Ok(()),
            failed => {
                let reasons: Vec<&str> = outcome.total.failures.keys().copied().collect();
                let reasons = reasons.join(", ");
                let text = format!("{failed} records to be read were refused: {reasons}");
                Err(Failure::Failed(text))
            }
        }
    }
}

/// The latencies of all runs together, of the kind that tells most.
fn write_percentiles(path: &Path, outcomes: &[Outcome]) -> Result<(), Failure> {
    let mut all = super::tally::Flow::default();
    for outcome in outcomes {
        let total = &outcome.total;
        let flows = [&total.end_to_end, &total.produced, &total.consumed];
        let told = flows.into_iter().find(|flow| !flow.latencies.is_empty());
        if let Some(flow) = told {
            all.add(flow);
        }
    }
    let text = percentile_text(&all.latencies);
    std::fs::write(path, text)
        .map_err(|error| Failure::Failed(format!("cannot write {}: {error}", path.display())))
}
