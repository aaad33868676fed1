//! `forebay cluster status`.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use clap::Args;
use indicatif::HumanBytes;
use serde_json::{Value, json};

use crate::admin::Failure;
use crate::admin::arguments::ConnectionArguments;
use crate::admin::layout::configs::topic_values;
use crate::admin::layout::reading::{Picture, are_cordoned, read_picture};
use crate::admin::output::Output;
use crate::admin::session::Session;
use crate::admin::signals::{catch_signals, is_interrupted_within};
use crate::admin::table::{Table, counted};
use crate::client::error_of;
use crate::model::{BrokerId, TopicPartition};
use crate::protocol::messages::describe_log_dirs_response::DescribeLogDirsResult;
use crate::protocol::messages::describe_quorum_response::ReplicaState;

use super::quorum::{NoQuorum, Quorum, describe_quorum};

const MIN_IN_SYNC: &str = "min.insync.replicas";

/// Before each picture of `--watch`: the cursor goes home, and what is below it is cleared.
const CLEAR_SCREEN: &str = "\x1b[H\x1b[J";

/// Show how the cluster goes: its controllers, its brokers, and partitions that lack something.
///
/// The state is one of three. healthy: every broker is there and every replica in sync. degraded: a
/// broker is fenced, a log directory offline or a replica not in sync, and yet clients get what
/// they ask for. failing: a partition has no leader or too few replicas in sync for acks=all, or no
/// controller leads; the exit status is then 1.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  forebay cluster status
  forebay cluster status --watch
  forebay cluster status --watch=10 --names 50
  forebay cluster status --json | jq '.partitions.offline[]'")]
pub struct Status {
    /// Show it again and again, every so many seconds, until Ctrl-C
    #[arg(
        long,
        value_name = "SECONDS",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "2",
        value_parser = clap::value_parser!(u64).range(1..=86_400)
    )]
    watch: Option<u64>,

    /// How many partitions of each kind are named; --json names all
    #[arg(long, value_name = "N", default_value_t = 10)]
    names: usize,

    #[command(flatten)]
    pub connection: ConnectionArguments,
}

pub fn run(command: &Status, output: &mut Output) -> Result<(), Failure> {
    let mut session = Session::open(&command.connection)?;
    let Some(seconds) = command.watch else {
        let seen = look(&mut session)?;
        show(command, &seen, output)?;
        return match seen.state() {
            State::Failing => Err(Failure::Told),
            State::Healthy | State::Degraded => Ok(()),
        };
    };
    catch_signals(&session)?;
    loop {
        let seen = look(&mut session);
        if !output.is_json() {
            output.bytes(CLEAR_SCREEN.as_bytes())?;
        }
        match seen {
            Ok(seen) => show(command, &seen, output)?,
            // What cannot be asked now may answer the next time.
            Err(Failure::Failed(text)) => eprintln!("forebay: {text}"),
            Err(other) => return Err(other),
        }
        output.flush()?;
        if is_interrupted_within(&mut session, Duration::from_secs(seconds))? {
            return Ok(());
        }
    }
}

/// How it goes, in one word.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum State {
    Healthy,
    Degraded,
    Failing,
}

impl State {
    const fn name(self) -> &'static str {
        match self {
            Self::Healthy => "healthy",
            Self::Degraded => "degraded",
            Self::Failing => "failing",
        }
    }
}

/// Everything that is shown.
struct Seen {
    picture: Picture,
    /// Who leads it; or why nobody is known to.
    quorum: Result<Quorum, NoQuorum>,
    offline: Vec<TopicPartition>,
    under_min_in_sync: Vec<TopicPartition>,
    under_replicated: Vec<TopicPartition>,
}

impl Seen {
    fn state(&self) -> State {
        let layout = &self.picture.layout;
        let directories = self.picture.directories.values().flatten();
        let mut directories = directories.map(|directory| error_of(directory.error_code));
        let is_lost = matches!(self.quorum, Err(NoQuorum::Lost(_)));
        if !self.offline.is_empty() || !self.under_min_in_sync.is_empty() || is_lost {
            State::Failing
        } else if !self.under_replicated.is_empty()
            || layout.brokers.values().any(|broker| !broker.is_alive)
            || directories.any(|told| told.is_err())
        {
            State::Degraded
        } else {
            State::Healthy
        }
    }

    /// How far a node is behind in the metadata, in records.
    fn metadata_lag(&self, node: BrokerId) -> Option<i64> {
        let quorum = self.quorum.as_ref().ok()?;
        let end = leader_end(quorum)?;
        let mut replicas = quorum.current_voters.iter().chain(&quorum.observers);
        let replica = replicas.find(|replica| replica.replica_id == node)?;
        known(replica.log_end_offset).map(|own| (end - own).max(0))
    }
}

/// What brokers tell by -1 if they do not know it.
fn known(number: i64) -> Option<i64> {
    (number >= 0).then_some(number)
}

fn leader_end(quorum: &Quorum) -> Option<i64> {
    let mut voters = quorum.current_voters.iter();
    let leader = voters.find(|voter| voter.replica_id == quorum.leader_id)?;
    known(leader.log_end_offset)
}

fn look(session: &mut Session) -> Result<Seen, Failure> {
    let picture = read_picture(session)?;
    let mut seen = Seen {
        quorum: describe_quorum(session)?,
        offline: Vec::new(),
        under_min_in_sync: Vec::new(),
        under_replicated: Vec::new(),
        picture,
    };
    let mut in_sync_counts = BTreeMap::new();
    for (name, topic) in session.cluster().topics() {
        let Ok(topic) = topic else {
            continue;
        };
        for (index, told) in &topic.partitions {
            let partition = TopicPartition {
                topic: name.into(),
                partition: *index,
            };
            if told.leader.is_none() {
                seen.offline.push(partition.clone());
            }
            // Those that a reassignment brings are not missed before they are there.
            let moving = seen.picture.reassignments.get(&partition);
            let coming = moving.map_or(0, |moving| moving.adding.len());
            if told.in_sync.len() + coming < told.replicas.len() {
                seen.under_replicated.push(partition.clone());
            }
            if told.in_sync.len() < told.replicas.len() {
                in_sync_counts.insert(partition, (told.in_sync.len(), told.replicas.len()));
            }
        }
    }
    seen.under_min_in_sync = under_min_in_sync(session, in_sync_counts)?;
    Ok(seen)
}

/// Those of the partitions that refuse acks=all. A partition with fewer replicas than
/// min.insync.replicas is content with all of them, as its leader is.
fn under_min_in_sync(
    session: &mut Session,
    in_sync_counts: BTreeMap<TopicPartition, (usize, usize)>,
) -> Result<Vec<TopicPartition>, Failure> {
    let topics: BTreeSet<String> = in_sync_counts
        .keys()
        .map(|partition| partition.topic.to_string())
        .collect();
    let topics: Vec<String> = topics.into_iter().collect();
    let values = topic_values(session, &topics, &[MIN_IN_SYNC])?;
    let under = in_sync_counts
        .into_iter()
        .filter(|(partition, (in_sync, replicas))| {
            let values = values.get(&*partition.topic);
            let value = values.and_then(|values| values.get(MIN_IN_SYNC));
            let wanted = value.and_then(|value| value.text.parse::<usize>().ok());
            wanted.is_some_and(|wanted| *in_sync < wanted.min(*replicas))
        });
    Ok(under.map(|(partition, _)| partition).collect())
}

fn show(command: &Status, seen: &Seen, output: &mut Output) -> Result<(), Failure> {
    if output.is_json() {
        return output.document(&document(seen));
    }
    tell_controllers(seen, output)?;
    output.line("")?;
    tell_brokers(seen, output)?;
    output.line("")?;
    tell_partitions(command, seen, output)
}

fn tell_controllers(seen: &Seen, output: &mut Output) -> Result<(), Failure> {
    let state = seen.state().name();
    output.line(&format!(
        "cluster     {}  {state}",
        seen.picture.cluster.cluster_id
    ))?;
    let quorum = match &seen.quorum {
        Ok(quorum) => quorum,
        Err(NoQuorum::Lost(why)) => return output.line(&format!("controller  none: {why}")),
        Err(NoQuorum::Untold) => return Ok(()),
    };
    output.line(&format!(
        "controller  {}, epoch {}, metadata to offset {}",
        quorum.leader_id, quorum.leader_epoch, quorum.high_watermark,
    ))?;
    let mut table = Table::new(&["NODE", "ROLE", "LOG END", "LAG"]);
    let leader = quorum.leader_id;
    let mut row = |replica: &ReplicaState, role: &str| {
        table.row(vec![
            replica.replica_id.to_string(),
            role.to_owned(),
            or_dash(known(replica.log_end_offset)),
            or_dash(seen.metadata_lag(replica.replica_id)),
        ]);
    };
    for voter in &quorum.current_voters {
        let is_leader = voter.replica_id == leader;
        row(voter, if is_leader { "leader" } else { "voter" });
    }
    quorum.observers.iter().for_each(|one| row(one, "observer"));
    let lines = table.lines("");
    output.line("")?;
    lines.iter().try_for_each(|line| output.line(line))
}

fn tell_brokers(seen: &Seen, output: &mut Output) -> Result<(), Failure> {
    let mut table = Table::new(&[
        "BROKER", "ADDRESS", "RACK", "STATE", "LEADERS", "REPLICAS", "USED", "FREE", "LAG",
    ]);
    for broker in brokers(seen) {
        let bytes =
            |bytes: Option<u64>| bytes.map_or("-".to_owned(), |all| HumanBytes(all).to_string());
        table.row(vec![
            broker.id.to_string(),
            broker.address.unwrap_or_else(|| "-".to_owned()),
            broker.rack.unwrap_or_else(|| "-".to_owned()),
            broker.state.to_owned(),
            broker.leaders.to_string(),
            broker.replicas.to_string(),
            bytes(broker.used_bytes),
            bytes(broker.usable_bytes),
            or_dash(broker.metadata_lag),
        ]);
    }
    let lines = table.lines("");
    lines.iter().try_for_each(|line| output.line(line))
}

fn tell_partitions(command: &Status, seen: &Seen, output: &mut Output) -> Result<(), Failure> {
    let total = counted(seen.picture.layout.partitions.len(), "partition");
    let moving: Vec<_> = seen.picture.reassignments.keys().cloned().collect();
    let kinds = [
        (&seen.offline, "without a leader"),
        (
            &seen.under_min_in_sync,
            "with fewer in sync than min.insync.replicas",
        ),
        (&seen.under_replicated, "with a replica that is not in sync"),
        (&moving, "being reassigned"),
    ];
    if kinds.iter().all(|(partitions, _)| partitions.is_empty()) {
        return output.line(&format!("{total}, every replica in sync"));
    }
    output.line(&total)?;
    for (partitions, kind) in kinds {
        if partitions.is_empty() {
            continue;
        }
        output.line(&format!("  {} {kind}", partitions.len()))?;
        for partition in partitions.iter().take(command.names) {
            output.line(&format!("    {partition}"))?;
        }
        match partitions.len().saturating_sub(command.names) {
            0 => {}
            more => output.line(&format!("    and {more} more"))?,
        }
    }
    Ok(())
}

/// A broker as it is shown.
struct BrokerLine {
    id: BrokerId,
    address: Option<String>,
    rack: Option<String>,
    state: &'static str,
    leaders: usize,
    replicas: usize,
    used_bytes: Option<u64>,
    usable_bytes: Option<u64>,
    total_bytes: Option<u64>,
    offline_directories: usize,
    metadata_lag: Option<i64>,
}

fn brokers(seen: &Seen) -> Vec<BrokerLine> {
    let Picture {
        cluster,
        directories,
        layout,
        ..
    } = &seen.picture;
    let brokers = layout.brokers.iter().map(|(id, broker)| {
        let mut registered = cluster.brokers.iter();
        let registered = registered.find(|one| one.broker_id == *id);
        let directories = directories.get(id).map(Vec::as_slice);
        let all = directories.unwrap_or_default();
        let offline = all.iter().filter(|one| error_of(one.error_code).is_err());
        let partitions = all.iter().flat_map(|one| &one.topics);
        let sizes = partitions.flat_map(|topic| &topic.partitions);
        let used = sizes
            .map(|one| u64::try_from(one.partition_size).unwrap_or(0))
            .sum();
        // Directories on one disk tell the same room: nobody can know here that it is one disk.
        let room = |of: fn(&DescribeLogDirsResult) -> i64| {
            let rooms: Option<Vec<u64>> =
                all.iter().map(|one| u64::try_from(of(one)).ok()).collect();
            rooms
                .filter(|rooms| !rooms.is_empty())
                .map(|rooms| rooms.into_iter().sum())
        };
        BrokerLine {
            id: *id,
            address: registered.map(|one| format!("{}:{}", one.host, one.port)),
            rack: broker.rack.clone(),
            state: match registered {
                None => "unknown",
                Some(one) if one.is_fenced => "fenced",
                Some(_) if are_cordoned(all) => "cordoned",
                Some(_) => "ok",
            },
            leaders: layout.led_by(*id).count(),
            replicas: seen.picture.replicas_on(*id),
            used_bytes: directories.map(|_| used),
            usable_bytes: room(|one| one.usable_bytes),
            total_bytes: room(|one| one.total_bytes),
            offline_directories: offline.count(),
            metadata_lag: seen.metadata_lag(*id),
        }
    });
    brokers.collect()
}

fn or_dash(number: Option<i64>) -> String {
    number.map_or("-".to_owned(), |number| number.to_string())
}

fn document(seen: &Seen) -> Value {
    let replica = |replica: &ReplicaState| {
        json!({
            "node": replica.replica_id,
            "log_end": known(replica.log_end_offset),
            "lag": seen.metadata_lag(replica.replica_id),
            "last_fetch_ms": known(replica.last_fetch_timestamp),
            "last_caught_up_ms": known(replica.last_caught_up_timestamp),
        })
    };
    let replicas = |all: &[ReplicaState]| all.iter().map(replica).collect::<Value>();
    let quorum = seen.quorum.as_ref().ok().map(|quorum| {
        json!({
            "leader": quorum.leader_id,
            "epoch": quorum.leader_epoch,
            "high_watermark": quorum.high_watermark,
            "voters": replicas(&quorum.current_voters),
            "observers": replicas(&quorum.observers),
        })
    });
    let brokers = brokers(seen).into_iter().map(|broker| {
        json!({
            "broker": broker.id,
            "address": broker.address,
            "rack": broker.rack,
            "state": broker.state,
            "leaders": broker.leaders,
            "replicas": broker.replicas,
            "used_bytes": broker.used_bytes,
            "usable_bytes": broker.usable_bytes,
            "total_bytes": broker.total_bytes,
            "offline_directories": broker.offline_directories,
            "metadata_lag": broker.metadata_lag,
        })
    });
    let all_named = |all: &[TopicPartition]| all.iter().map(named).collect::<Value>();
    let reassigning = seen
        .picture
        .reassignments
        .iter()
        .map(|(partition, moving)| {
            json!({
                "topic": partition.topic.as_ref(),
                "partition": partition.partition,
                "adding": moving.adding,
                "removing": moving.removing,
            })
        });
    json!({
        "cluster_id": seen.picture.cluster.cluster_id,
        "state": seen.state().name(),
        "quorum": quorum,
        "brokers": brokers.collect::<Value>(),
        "partitions": {
            "total": seen.picture.layout.partitions.len(),
            "offline": all_named(&seen.offline),
            "under_min_in_sync": all_named(&seen.under_min_in_sync),
            "under_replicated": all_named(&seen.under_replicated),
            "reassigning": reassigning.collect::<Value>(),
        },
    })
}

fn named(partition: &TopicPartition) -> Value {
    json!({ "topic": partition.topic.as_ref(), "partition": partition.partition })
}
