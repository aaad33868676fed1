//! The commands of `forebay bench`: what each has its clients do.

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use clap::Parser;
use serde_json::json;
use signal_hook::consts::{SIGINT, SIGTERM};

use crate::admin::{ConnectionArguments, Failure, Output, Session};
use crate::model::TimestampMs;
use crate::stdx::Random;

use super::amounts::{Keys, Sizes, Throughput};
use super::arguments::{
    AcksName, BenchArguments, BenchCommand, BothBench, CompressionName, ConsumeBench,
    ConsumerArguments, DrainBench, ProduceBench, ProducerArguments, RunArguments, TopicArguments,
    WorkloadBench, WorkloadWords,
};
use super::consumer::ConsumePlan;
use super::figures::{Outcome, grouped, summary_lines};
use super::hgrm::percentile_text;
use super::keys::KeyChoice;
use super::live::Live;
use super::processes::Observed;
use super::producer::ProducePlan;
use super::report::page;
use super::run::Load;
use super::schedule::Nanoseconds;
use super::sink::Sink;
use super::tally::{Flow, Window};
use super::template::{STAMP_BYTES, Template};
use super::topics::{EARLIEST, LATEST, Topics};
use super::workloads;

/// Idempotent producers may have so many requests on their way: brokers remember no more batches.
const IDEMPOTENT_IN_FLIGHT_MAX: u32 = 5;

/// Requests on their way while a topic is filled, and the size of their batches.
const FILL_IN_FLIGHT: u32 = 5;
const FILL_BATCH_BYTES: usize = 64 << 10;

/// Records a second where latencies are measured and no rate is named.
const RATE_DEFAULT: u64 = 10_000;

/// How long is measured where nothing else is named.
const DURATION_DEFAULT: Duration = Duration::from_secs(10);

/// Runs one command to its end.
#[must_use]
pub fn run(arguments: &BenchArguments) -> ExitCode {
    if arguments.list_workloads {
        return finish(list_workloads());
    }
    match &arguments.command {
        Some(BenchCommand::Workload(workload)) => run_workload(workload),
        Some(command) => finish(run_command(command)),
        None => finish(Err(Failure::Usage("bench needs a command".to_owned()))),
    }
}

fn finish(result: Result<(), Failure>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}

fn list_workloads() -> Result<(), Failure> {
    let mut output = Output::new(false);
    for line in workloads::listed() {
        output.line(&line)?;
    }
    output.flush()
}

fn run_workload(workload: &WorkloadBench) -> ExitCode {
    let Some(found) = workloads::find(&workload.name) else {
        let text = format!(
            "there is no workload {:?}: forebay bench --list-workloads tells which there are",
            workload.name
        );
        return finish(Err(Failure::Usage(text)));
    };
    let words = found.words.split_whitespace();
    let words = words.chain(workload.options.iter().map(String::as_str));
    match WorkloadWords::try_parse_from(words) {
        Ok(parsed) => finish(run_command(&parsed.command)),
        // It says what is wrong, and which status that is; or it is the help that was asked for.
        Err(error) => error.exit(),
    }
}

fn run_command(command: &BenchCommand) -> Result<(), Failure> {
    let connection = match command {
        BenchCommand::Produce(bench) => &bench.connection,
        BenchCommand::Consume(bench) => &bench.connection,
        BenchCommand::EndToEnd(bench) | BenchCommand::Mixed(bench) => &bench.connection,
        BenchCommand::Drain(bench) => &bench.both.connection,
        BenchCommand::Workload(_) => unreachable!("a workload is no workload's command"),
    };
    let mut output = Output::new(connection.json);
    match command {
        BenchCommand::Produce(bench) => produce(bench, &mut output)?,
        BenchCommand::Consume(bench) => consume(bench, &mut output)?,
        BenchCommand::EndToEnd(bench) => {
            let rate = Throughput::PerSecond(RATE_DEFAULT);
            both("end-to-end", bench, rate, &mut output)?;
        }
        BenchCommand::Mixed(bench) => both("mixed", bench, Throughput::Unlimited, &mut output)?,
        BenchCommand::Drain(bench) => drain(bench, &mut output)?,
        BenchCommand::Workload(_) => {}
    }
    output.flush()
}

/// What every command has.
struct Bench<'a> {
    name: &'static str,
    connection: &'a ConnectionArguments,
    arguments: &'a RunArguments,
    topics: Arc<Topics>,
    /// Differs from bench to bench.
    run: u64,
    /// It ends when nothing is behind.
    drains: bool,
    live: Live,
    is_interrupted: Arc<AtomicBool>,
}

fn produce(bench: &ProduceBench, output: &mut Output) -> Result<(), Failure> {
    check(&bench.producers)?;
    let connection = sink_or(&bench.connection, bench.null_sink)?;
    let work = |context: &mut Bench<'_>| {
        let load = |context: &Bench<'_>| {
            let plan = context.produce_plan(&bench.producers, Throughput::Unlimited, false);
            Ok(Load {
                produce: Some(Arc::new(plan)),
                ..context.load()
            })
        };
        context.measure(load, output)
    };
    with_topics("produce", &connection, &bench.topics, &bench.run, work)
}

fn consume(bench: &ConsumeBench, output: &mut Output) -> Result<(), Failure> {
    let connection = sink_or(&bench.connection, bench.null_sink)?;
    let work = |context: &mut Bench<'_>| {
        if bench.topics.topic.is_none() {
            context.fill(&Filling {
                bytes: bench.fill,
                record_size: bench.record_size,
                compression: bench.compression,
                batch_bytes: bench.batch_bytes,
            })?;
        }
        let load = |context: &Bench<'_>| {
            let left = context.arguments.num_records;
            let left = left.map(|left| AtomicI64::new(i64::try_from(left).unwrap_or(i64::MAX)));
            let plan = ConsumePlan {
                rewinds: true,
                left,
                ..context.consume_plan(&bench.consumers, EARLIEST)?
            };
            Ok(context.load().with_consumers(plan, &bench.consumers))
        };
        context.measure(load, output)
    };
    with_topics("consume", &connection, &bench.topics, &bench.run, work)
}

/// Producers, and consumers that wait for what they make.
fn both(
    name: &'static str,
    bench: &BothBench,
    rate: Throughput,
    output: &mut Output,
) -> Result<(), Failure> {
    check(&bench.producers)?;
    if bench.producers.record_size.min < STAMP_BYTES {
        let text = format!(
            "records of {name} say when they were due: --record-size is at least {STAMP_BYTES}"
        );
        return Err(Failure::Usage(text));
    }
    let work = |context: &mut Bench<'_>| {
        let load = |context: &Bench<'_>| {
            let plan = ConsumePlan {
                stamp: Some(context.run),
                ..context.consume_plan(&bench.consumers, LATEST)?
            };
            let produce = context.produce_plan(&bench.producers, rate, true);
            Ok(Load {
                produce: Some(Arc::new(produce)),
                ..context.load().with_consumers(plan, &bench.consumers)
            })
        };
        context.measure(load, output)
    };
    with_topics(name, &bench.connection, &bench.topics, &bench.run, work)
}

/// Consumers that are behind, beside producers.
fn drain(bench: &DrainBench, output: &mut Output) -> Result<(), Failure> {
    let both = &bench.both;
    check(&both.producers)?;
    if both.run.num_records.is_some() {
        let text = "drain ends when nothing is behind, and not by --num-records";
        return Err(Failure::Usage(text.to_owned()));
    }
    let work = |context: &mut Bench<'_>| {
        context.drains = true;
        if both.topics.topic.is_none() {
            context.fill(&Filling {
                bytes: bench.fill,
                record_size: both.producers.record_size,
                compression: both.producers.compression,
                batch_bytes: FILL_BATCH_BYTES,
            })?;
        }
        let load = |context: &Bench<'_>| {
            let plan = context.consume_plan(&both.consumers, EARLIEST)?;
            let ends = context.topics.list_offsets(context.connection, LATEST)?;
            let behind = ends
                .iter()
                .zip(&plan.starts)
                .map(|(end, start)| end - start);
            let groups = both.consumers.groups as usize;
            let backlog = behind.sum::<i64>().unsigned_abs() * groups as u64;
            let plan = ConsumePlan {
                behind: Some(AtomicUsize::new(ends.len() * groups)),
                ..plan
            };
            let rate = Throughput::PerSecond(RATE_DEFAULT);
            let produce = context.produce_plan(&both.producers, rate, false);
            Ok(Load {
                produce: Some(Arc::new(produce)),
                backlog: Some(backlog),
                ..context.load().with_consumers(plan, &both.consumers)
            })
        };
        context.measure(load, output)
    };
    with_topics("drain", &both.connection, &both.topics, &both.run, work)
}

/// To the broker that is meant, or to one that does nothing.
fn sink_or(
    connection: &ConnectionArguments,
    is_sink: bool,
) -> Result<ConnectionArguments, Failure> {
    let mut connection = connection.clone();
    if is_sink {
        let place = Sink::start()?.address.to_string();
        let server = place.parse().map_err(Failure::Failed)?;
        connection.bootstrap_server = vec![server];
    }
    Ok(connection)
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

/// What topics that were made are filled with.
struct Filling {
    bytes: u64,
    record_size: Sizes,
    compression: CompressionName,
    batch_bytes: usize,
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
        drains: false,
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
            if self.is_interrupted.load(Ordering::Relaxed) && number > 0 {
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
            write_file(path, &percentiles_of(outcomes))?;
        }
        if let Some(path) = &self.arguments.html {
            let words: Vec<String> = std::env::args().collect();
            write_file(path, &page(&words.join(" "), outcomes))?;
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
        let start = match self.drains {
            true => 0,
            false => nanoseconds(self.arguments.warm_up),
        };
        let end = match (self.arguments.num_records, self.arguments.duration) {
            (Some(_), _) => Nanoseconds::MAX,
            (None, Some(duration)) => start + nanoseconds(duration),
            (None, None) if self.drains => Nanoseconds::MAX,
            (None, None) => start + nanoseconds(DURATION_DEFAULT),
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
            backlog: None,
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

    /// What producers do; `rate` is theirs where they name none.
    fn produce_plan(
        &self,
        producers: &ProducerArguments,
        rate: Throughput,
        is_stamped: bool,
    ) -> ProducePlan {
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
            rate: match producers.throughput.unwrap_or(rate) {
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

    /// What consumers do that begin at this end of the logs.
    fn consume_plan(
        &self,
        consumers: &ConsumerArguments,
        start: TimestampMs,
    ) -> Result<ConsumePlan, Failure> {
        let bytes = |bytes: usize| i32::try_from(bytes).expect("sizes are at most 64 MiB");
        Ok(ConsumePlan {
            topics: Arc::clone(&self.topics),
            window: self.window(),
            consumers_per_group: consumers.consumers as usize,
            starts: self.topics.list_offsets(self.connection, start)?,
            rewinds: false,
            bytes_max: bytes(consumers.fetch_bytes),
            partition_bytes_max: bytes(consumers.partition_fetch_bytes),
            bytes_min: bytes(consumers.fetch_min_bytes),
            wait_ms_max: i32::try_from(consumers.fetch_wait_ms).expect("it is a minute at most"),
            checks_crcs: !consumers.no_check_crcs,
            stamp: None,
            client_id: self.connection.client_id.clone(),
            timeout: self.timeout(),
            left: None,
            behind: None,
            consumed: AtomicU64::new(0),
        })
    }

    /// Put records into topics that were made to be read.
    fn fill(&mut self, filling: &Filling) -> Result<(), Failure> {
        let (topics, bytes) = (self.topics.described(), grouped(filling.bytes));
        let text = format!("filling {topics} with {bytes} bytes");
        self.live.note(&text);
        let producers = ProducerArguments {
            producers: 1,
            record_size: filling.record_size,
            throughput: None,
            keys: Keys::None,
            key_count: 1,
            acks: AcksName::All,
            idempotent: None,
            compression: filling.compression,
            linger_ms: 0,
            batch_bytes: filling.batch_bytes,
            in_flight: FILL_IN_FLIGHT,
        };
        let mean = (filling.record_size.min + filling.record_size.max) as u64 / 2;
        let window = Window {
            start: 0,
            end: Nanoseconds::MAX,
        };
        let plan = ProducePlan {
            window,
            records_max: Some((filling.bytes / mean.max(1)).max(1)),
            ..self.produce_plan(&producers, Throughput::Unlimited, false)
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

impl Load {
    /// The same with consumers.
    fn with_consumers(self, plan: ConsumePlan, consumers: &ConsumerArguments) -> Self {
        Self {
            consumers: consumers.consumers as usize * consumers.groups as usize,
            groups: u64::from(consumers.groups),
            consume: Some(Arc::new(plan)),
            ..self
        }
    }
}

/// The latencies of all runs together, of the kind that tells most.
fn percentiles_of(outcomes: &[Outcome]) -> String {
    let mut all = Flow::default();
    for outcome in outcomes {
        let total = &outcome.total;
        let flows = [&total.end_to_end, &total.produced, &total.consumed];
        let told = flows.into_iter().find(|flow| !flow.latencies.is_empty());
        if let Some(flow) = told {
            all.add(flow);
        }
    }
    percentile_text(&all.latencies)
}

fn write_file(path: &Path, text: &str) -> Result<(), Failure> {
    let written = std::fs::write(path, text);
    written.map_err(|error| Failure::Failed(format!("cannot write {}: {error}", path.display())))
}
