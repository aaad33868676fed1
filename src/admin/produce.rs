//! `forebay produce`: lines or files into a topic.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::SyncSender;
use std::time::{Duration, Instant};

use clap::builder::NonEmptyStringValueParser;
use clap::{Args, ValueEnum};
use indicatif::{HumanBytes, HumanDuration};
use serde_json::{Value, json};

use crate::client::Partitioner;
use crate::client::producer::{
    Delivery, DeliveryFailure, OutgoingRecord, Producer, ProducerSettings,
};
use crate::model::{ErrorCode, Offset, PartitionIndex, TopicPartition};
use crate::protocol::compression::Compression;
use crate::stdx::Random;

use super::Failure;
use super::arguments::{ConnectionArguments, Setting};
use super::asked::{Asked, Asker};
use super::clock::Clock;
use super::failure::explain;
use super::input::{InputRecord, Source, start_reading};
use super::output::Output;
use super::progress::{Progress, rate_of};
use super::session::{Happening, Session};
use super::table::counted;

/// How long a topic may take to be created by the broker when it is first named.
const CREATION_PATIENCE: Duration = Duration::from_secs(5);

/// When nothing is due, look again after this: a deadline missed costs no more.
const IDLE: Duration = Duration::from_secs(1);

/// Write records into a topic: each line of standard input is one, or each file.
///
/// Records are written exactly once and in the order of the input within each partition. A record
/// with a key goes to the partition that every Kafka client would choose; one without stays with a
/// partition until a batch is full. A summary goes to standard error.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  echo hello | forebay produce greetings
  forebay produce users --key-separator : < users.txt       lines such as 17:Ada
  forebay produce logs --compression zstd < /var/log/syslog
  forebay produce files --file /etc/hosts --file /etc/fstab keyed by their paths
  forebay produce users --key-separator : --null '' < keys-to-delete.txt")]
pub struct Produce {
    /// The topic; the broker may create it (auto.create.topics.enable)
    topic: String,

    /// What stands between key and value in a line; without it records have no key
    #[arg(long, value_name = "TEXT", value_parser = NonEmptyStringValueParser::new())]
    key_separator: Option<String>,

    /// A value that is this text becomes null: a tombstone on a compacted topic
    #[arg(long, value_name = "TEXT")]
    null: Option<String>,

    /// A file to be one record, with its path as the key; may be given several times
    #[arg(long, short, value_name = "PATH", conflicts_with_all = ["key_separator", "null"])]
    file: Vec<PathBuf>,

    /// A header of every record; may be given several times
    #[arg(long, short = 'H', value_name = "NAME=VALUE")]
    header: Vec<Setting>,

    /// The partition of all records, instead of one for each key
    #[arg(long, short, value_name = "N", value_parser = clap::value_parser!(i32).range(0..))]
    partition: Option<PartitionIndex>,

    /// How batches are compressed
    #[arg(long, short, value_enum, default_value_t = CompressionName::None)]
    compression: CompressionName,

    /// Who must have stored a record: all in-sync replicas, the leader, or nobody
    #[arg(long, value_enum, default_value_t = Acks::All)]
    acks: Acks,

    /// A batch is sent when it has this size
    #[arg(
        long,
        value_name = "BYTES",
        default_value_t = 131_072,
        value_parser = clap::value_parser!(u32).range(1024..=67_108_864)
    )]
    batch_bytes: u32,

    /// How long a batch waits for more records
    #[arg(long, value_name = "MS", default_value_t = 5)]
    linger_ms: u64,

    #[command(flatten)]
    pub connection: ConnectionArguments,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
enum CompressionName {
    None,
    Gzip,
    Snappy,
    Lz4,
    Zstd,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
enum Acks {
    /// Every replica that is in sync
    All,
    /// The leader alone
    #[value(name = "1")]
    Leader,
    /// Nobody: losses go unnoticed
    #[value(name = "0")]
    Nobody,
}

pub fn run(command: &Produce, output: &mut Output) -> Result<(), Failure> {
    let mut session = Session::open(&command.connection)?;
    await_topic(&mut session, &command.topic)?;
    let count = partitions_count(&session, &command.topic);
    if let Some(partition) = command.partition
        && partition >= count
    {
        let count = counted(usize::try_from(count).unwrap_or(0), "partition");
        let text = format!("topic {:?} has {count}, numbered from 0", command.topic);
        return Err(Failure::Usage(text));
    }
    let source = if command.file.is_empty() {
        Source::Lines {
            key_separator: command.key_separator.clone(),
            null: command.null.clone(),
        }
    } else {
        Source::Files(command.file.clone())
    };
    let ask_input = start_reading(source, session.sender())?;
    let mut run = Run {
        command,
        session,
        producer: Producer::new(settings(command)),
        partitioner: Partitioner::new(usize::try_from(command.batch_bytes).unwrap_or(usize::MAX)),
        random: Random::from_seed(Clock::seed()),
        topic: command.topic.as_str().into(),
        clock: Clock::new(),
        asked: Asked::default(),
        ask_input: Some(ask_input),
        waiting: Vec::new(),
        tally: Tally::default(),
        progress: Progress::of_input(),
    };
    let input = run.until_delivered();
    let Run {
        tally,
        progress,
        clock,
        ..
    } = run;
    drop(progress);
    tell(command, &tally, clock.elapsed(), output)?;
    input?;
    if tally.failed > 0 {
        Err(Failure::Told)
    } else {
        Ok(())
    }
}

fn settings(command: &Produce) -> ProducerSettings {
    let batch_bytes_max = usize::try_from(command.batch_bytes).unwrap_or(usize::MAX);
    ProducerSettings {
        acks: match command.acks {
            Acks::All => -1,
            Acks::Leader => 1,
            Acks::Nobody => 0,
        },
        is_idempotent: command.acks == Acks::All,
        linger: Duration::from_millis(command.linger_ms),
        batch_bytes_max,
        request_bytes_max: batch_bytes_max.max(1 << 20),
        buffer_bytes_max: (batch_bytes_max * 8).max(32 << 20),
        compression: match command.compression {
            CompressionName::None => Compression::None,
            CompressionName::Gzip => Compression::Gzip,
            CompressionName::Snappy => Compression::Snappy,
            CompressionName::Lz4 => Compression::Lz4,
            CompressionName::Zstd => Compression::Zstd,
        },
        request_timeout_ms: i32::try_from(command.connection.request_timeout_ms)
            .unwrap_or(i32::MAX),
        delivery_timeout: Duration::from_millis(command.connection.request_timeout_ms) * 4,
        ..ProducerSettings::default()
    }
}

/// Waits until the topic has leaders; naming it may have the broker create it.
fn await_topic(session: &mut Session, topic: &str) -> Result<(), Failure> {
    let deadline = Instant::now() + CREATION_PATIENCE;
    loop {
        session.refresh(Some(&[topic]), true)?;
        let cluster = session.cluster();
        if let Some(known) = cluster.topic(topic)
            && known
                .partitions
                .keys()
                .all(|index| cluster.leader(topic, *index).is_some())
        {
            return Ok(());
        }
        let error = cluster
            .topic_error(topic)
            .unwrap_or(ErrorCode::LeaderNotAvailable);
        if !error.is_retriable() || Instant::now() >= deadline {
            let action = format!("cannot write to topic {topic:?}");
            return Err(Failure::refused(&action, error, None));
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn partitions_count(session: &Session, topic: &str) -> PartitionIndex {
    let count = session
        .cluster()
        .topic(topic)
        .map_or(0, |topic| topic.partitions.len());
    PartitionIndex::try_from(count).unwrap_or(PartitionIndex::MAX)
}

struct Run<'a> {
    command: &'a Produce,
    session: Session,
    producer: Producer,
    partitioner: Partitioner,
    random: Random,
    topic: Arc<str>,
    clock: Clock,
    asked: Asked,
    /// Gone when the input has ended.
    ask_input: Option<SyncSender<()>>,
    /// Records for which the producer had no room, the last first.
    waiting: Vec<InputRecord>,
    tally: Tally,
    progress: Progress,
}

/// What was delivered.
#[derive(Debug, Default)]
struct Tally {
    bytes: u64,
    records: u64,
    failed: u64,
    partitions: BTreeMap<PartitionIndex, Delivered>,
    failures: BTreeMap<String, u64>,
}

#[derive(Debug, Default)]
struct Delivered {
    records: u64,
    first: Option<Offset>,
    last: Option<Offset>,
}

impl Run<'_> {
    /// Returns when everything that was read is settled; the failure is that of the input.
    fn until_delivered(&mut self) -> Result<(), Failure> {
        let mut input = Ok(());
        loop {
            self.append_waiting();
            self.send();
            for delivery in self.producer.drain_deliveries() {
                self.tally.add(&delivery);
            }
            self.progress
                .update(self.clock.elapsed(), self.tally.records, self.tally.bytes);
            let is_read = self.ask_input.is_none() && self.waiting.is_empty();
            if is_read && self.producer.is_idle() {
                return input;
            }
            let deadline = self.deadline();
            match self.session.next_happening(deadline)? {
                Some(Happening::Input(records)) => {
                    self.waiting = records;
                    self.waiting.reverse();
                }
                Some(Happening::InputEnd(error)) => {
                    self.ask_input = None;
                    if let Some(error) = error {
                        let text = format!("cannot read the input: {error}");
                        input = Err(Failure::Failed(text));
                    }
                }
                Some(Happening::Response(link, response)) => {
                    if let Some((_, tag)) = self.asked.on_response(link, response.id) {
                        let (now, body) = (self.clock.now(), Some(&response.body));
                        self.producer
                            .on_answer(now, tag, body, self.session.cluster());
                    }
                }
                Some(Happening::Closed(link, _)) => {
                    let lost = self.asked.on_closed(link);
                    self.lose(&lost);
                }
                Some(Happening::Interrupted) | None => {
                    let lost = self.asked.expire(&mut self.session);
                    self.lose(&lost);
                }
            }
        }
    }

    fn lose(&mut self, lost: &[(Asker, crate::client::Tag)]) {
        for (_, tag) in lost {
            let now = self.clock.now();
            self.producer
                .on_answer(now, *tag, None, self.session.cluster());
        }
    }

    /// Hands records to the producer until it is full, and asks for more when all are.
    fn append_waiting(&mut self) {
        if self.ask_input.is_none() {
            // Nothing more will come to share a batch with what is there.
            self.producer.flush();
        }
        if self.waiting.is_empty() {
            return;
        }
        let headers: Vec<(&[u8], Option<&[u8]>)> = self
            .command
            .header
            .iter()
            .map(|header| (header.name.as_bytes(), Some(header.value.as_bytes())))
            .collect();
        let count = partitions_count(&self.session, &self.topic).max(1);
        let (now, timestamp) = (self.clock.now(), Clock::wall_ms());
        while let Some(record) = self.waiting.pop() {
            let key = record.key.as_deref();
            let value = record.value.as_deref();
            let size = key.map_or(0, <[u8]>::len) + value.map_or(0, <[u8]>::len);
            let partition = self.command.partition.unwrap_or_else(|| {
                self.partitioner
                    .partition(key, size, count, &mut self.random)
            });
            let partition = TopicPartition {
                topic: self.topic.clone(),
                partition,
            };
            let outgoing = OutgoingRecord {
                timestamp,
                key,
                value,
                headers: &headers,
            };
            if self.producer.append(now, &partition, &outgoing).is_err() {
                self.waiting.push(record);
                return;
            }
            self.tally.bytes += u64::try_from(size).unwrap_or(u64::MAX);
        }
        if let Some(ask_input) = &self.ask_input {
            // The thread may have ended: its last event says so.
            let _ = ask_input.send(());
        }
    }

    fn send(&mut self) {
        loop {
            let now = self.clock.now();
            while let Some(outgoing) = self.producer.next_request(now, self.session.cluster()) {
                let is_sent = self
                    .asked
                    .send(&mut self.session, Asker::Producer, &outgoing);
                if let Some(tag) = outgoing.tag
                    && !is_sent
                {
                    self.producer
                        .on_answer(now, tag, None, self.session.cluster());
                }
            }
            if !self.producer.take_stale() {
                return;
            }
            // If this fails, the records wait for their retry, which makes it stale again.
            drop(self.session.refresh(Some(&[&self.topic]), false));
            if self
                .producer
                .next_deadline()
                .is_none_or(|deadline| deadline > now)
            {
                return;
            }
        }
    }

    fn deadline(&self) -> Instant {
        let due = self.producer.next_deadline();
        let due = due.and_then(|due| self.clock.instant_of(due));
        let idle = Instant::now() + IDLE;
        [due, self.asked.next_deadline()]
            .into_iter()
            .flatten()
            .fold(idle, Instant::min)
    }
}

impl Tally {
    fn add(&mut self, delivery: &Delivery) {
        let count = u64::from(delivery.records_count);
        match &delivery.result {
            Ok(offset) => {
                self.records += count;
                let delivered = self
                    .partitions
                    .entry(delivery.partition.partition)
                    .or_default();
                delivered.records += count;
                if let Some(offset) = offset {
                    let last = offset + i64::from(delivery.records_count) - 1;
                    delivered.first.get_or_insert(*offset);
                    delivered.last = Some(last);
                }
            }
            Err(failure) => {
                self.failed += count;
                *self.failures.entry(reason_of(failure)).or_default() += count;
            }
        }
    }
}

fn reason_of(failure: &DeliveryFailure) -> String {
    match failure {
        DeliveryFailure::Refused(error, message) => explain(*error, message.as_deref()),
        DeliveryFailure::TimedOut => {
            "not acknowledged in time; they may be stored all the same".to_owned()
        }
        DeliveryFailure::Unknown => {
            "the broker lost track of this producer; they may be stored all the same".to_owned()
        }
    }
}

fn tell(
    command: &Produce,
    tally: &Tally,
    elapsed: Duration,
    output: &mut Output,
) -> Result<(), Failure> {
    let records = |count: u64| counted(usize::try_from(count).unwrap_or(usize::MAX), "record");
    if output.is_json() {
        let partitions: Vec<Value> = tally
            .partitions
            .iter()
            .map(|(partition, delivered)| {
                json!({
                    "partition": partition,
                    "records": delivered.records,
                    "first_offset": delivered.first,
                    "last_offset": delivered.last,
                })
            })
            .collect();
        output.document(&json!({
            "topic": command.topic,
            "records": tally.records,
            "failed": tally.failed,
            "bytes": tally.bytes,
            "elapsed_ms": u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX),
            "partitions": partitions,
        }))?;
        output.flush()?;
    } else {
        let partitions = counted(tally.partitions.len(), "partition");
        eprintln!(
            "{} to {partitions} of {}, {} in {} ({}/s)",
            records(tally.records),
            command.topic,
            HumanBytes(tally.bytes),
            lasted(elapsed),
            HumanBytes(rate_of(tally.bytes, elapsed)),
        );
    }
    for (reason, count) in &tally.failures {
        eprintln!("forebay: {} not delivered: {reason}", records(*count));
    }
    Ok(())
}

fn lasted(elapsed: Duration) -> String {
    if elapsed < Duration::from_secs(10) {
        format!("{} ms", elapsed.as_millis())
    } else {
        HumanDuration(elapsed).to_string()
    }
}
