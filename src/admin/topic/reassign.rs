//! `forebay topic reassign`.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;

use clap::{ArgGroup, Args};
use indicatif::HumanBytes;
use serde_json::{Value, json};

use crate::admin::Failure;
use crate::admin::arguments::{ConnectionArguments, rate};
use crate::admin::layout::balancing::plan_balance;
use crate::admin::layout::evacuating::plan_evacuation;
use crate::admin::layout::moving::{
    Work, carry_out, change_under_way, end_throttle, for_each_piece, named,
};
use crate::admin::layout::reading::{Picture, read_picture};
use crate::admin::layout::reassignments::alter_reassignments;
use crate::admin::layout::showing::show;
use crate::admin::layout::{Change, Layout};
use crate::admin::output::Output;
use crate::admin::session::Session;
use crate::admin::signals::catch_signals;
use crate::admin::table::{Table, counted, list};
use crate::model::{BrokerId, TopicPartition};

use super::plan_file::read_plan;

/// Move partitions to other brokers, as `kafka-reassign-partitions` does.
///
/// With --brokers the topics' replicas are spread over these brokers by as few copies as it takes;
/// with --file each partition gets the replicas that the file names, in the format of
/// `kafka-reassign-partitions`. Without more the command shows the plan.
///
/// --execute carries it out and waits for its end; Ctrl-C ends the waiting only. --verify tells how
/// far it is, and ends the throttle when nothing is on its way; --cancel takes back what is.
#[derive(Args, Debug)]
#[command(
    group = ArgGroup::new("mode").args(["execute", "verify", "cancel"]),
    after_help = "\
Examples:
  forebay topic reassign orders --brokers 1,2,3
  forebay topic reassign orders --brokers 1,2,3 --json | jq .proposed > plan.json
  forebay topic reassign --file plan.json --execute --throttle 50MiB
  forebay topic reassign --file plan.json --verify
  forebay topic reassign orders --cancel"
)]
pub struct Reassign {
    /// The topics; with --verify and --cancel all, if none is named
    names: Vec<String>,

    /// The brokers that are to hold the topics
    #[arg(
        long,
        value_name = "BROKER,...",
        value_delimiter = ',',
        conflicts_with_all = ["file", "verify", "cancel"],
        requires = "names"
    )]
    brokers: Vec<BrokerId>,

    /// A plan in the format of kafka-reassign-partitions
    #[arg(long, value_name = "PATH", conflicts_with = "names")]
    file: Option<PathBuf>,

    /// Carry the plan out
    #[arg(long)]
    execute: bool,

    /// Tell how far it is, and end the throttle if nothing is on its way
    #[arg(long)]
    verify: bool,

    /// Take back what is on its way
    #[arg(long)]
    cancel: bool,

    /// Copy at most so many bytes a second out of and into each broker
    #[arg(long, value_name = "BYTES", requires = "execute", value_parser = rate)]
    throttle: Option<u64>,

    /// Only ask for it, and leave the rest to a later --verify
    #[arg(long, requires = "execute")]
    no_wait: bool,

    #[command(flatten)]
    pub connection: ConnectionArguments,
}

type Plan = BTreeMap<TopicPartition, Vec<BrokerId>>;

pub fn run(command: &Reassign, output: &mut Output) -> Result<(), Failure> {
    let file = command.file.as_ref().map(|path| {
        let named = |reason: &dyn std::fmt::Display| {
            Failure::Usage(format!("{}: {reason}", path.display()))
        };
        let text = fs::read_to_string(path).map_err(|error| named(&error))?;
        read_plan(&text).map_err(|reason| named(&reason))
    });
    let file = file.transpose()?;
    if !command.verify && !command.cancel && file.is_none() && command.brokers.is_empty() {
        let text = "no plan: give --file, or topics and --brokers";
        return Err(Failure::Usage(text.to_owned()));
    }
    let mut session = Session::open(&command.connection)?;
    let picture = read_picture(&mut session)?;
    check_topics(&picture.layout, &command.names)?;
    if command.verify {
        return verify(command, &mut session, &picture, file.as_ref(), output);
    }
    if command.cancel {
        return cancel(command, &mut session, &picture, file.as_ref(), output);
    }
    let changes = match &file {
        Some(plan) => {
            check_plan(&picture.layout, plan)?;
            picture.layout.changes_to(plan.clone())
        }
        None => spread(&picture.layout, &command.names, &command.brokers)?,
    };
    if !command.execute {
        return show(&picture.layout, &changes, output);
    }
    // As Kafka's tool, but for this very plan, which may go on.
    let is_changed = |partition: &&TopicPartition| picture.reassignments.contains_key(*partition);
    if let Some(partition) = changes.iter().map(|one| &one.partition).find(is_changed) {
        let text = format!(
            "{partition} is being reassigned to {} already: wait for it, or --cancel it first",
            list(&picture.reassignments[partition].target())
        );
        return Err(Failure::Failed(text));
    }
    let work = Work {
        under_way: on_their_way(command, &picture, file.as_ref()),
        changes,
        throttle: command.throttle,
        without_waiting: command.no_wait,
    };
    execute(&mut session, &picture.layout, work, output)
}

fn check_topics(layout: &Layout, names: &[String]) -> Result<(), Failure> {
    let known: BTreeSet<&str> = layout.partitions.keys().map(|one| &*one.topic).collect();
    match names.iter().find(|name| !known.contains(name.as_str())) {
        None => Ok(()),
        Some(name) => Err(Failure::Failed(format!("there is no topic {name:?}"))),
    }
}

fn check_brokers<'a>(
    layout: &Layout,
    mut brokers: impl Iterator<Item = &'a BrokerId>,
) -> Result<(), Failure> {
    match brokers.find(|id| !layout.brokers.contains_key(id)) {
        None => Ok(()),
        Some(unknown) => {
            let known: Vec<BrokerId> = layout.brokers.keys().copied().collect();
            let text = format!("there is no broker {unknown}: there are {}", list(&known));
            Err(Failure::Failed(text))
        }
    }
}

fn check_plan(layout: &Layout, plan: &Plan) -> Result<(), Failure> {
    if let Some(unknown) = plan.keys().find(|one| !layout.partitions.contains_key(one)) {
        return Err(Failure::Failed(format!("there is no partition {unknown}")));
    }
    check_brokers(layout, plan.values().flatten())
}

/// The topics on `brokers` and nowhere else, by as few copies as it takes.
fn spread(layout: &Layout, names: &[String], brokers: &[BrokerId]) -> Result<Vec<Change>, Failure> {
    check_brokers(layout, brokers.iter())?;
    let onto: BTreeSet<BrokerId> = brokers.iter().copied().collect();
    let mut own = layout.clone();
    own.partitions
        .retain(|partition, _| names.iter().any(|name| **name == *partition.topic));
    let leaves = |id: &BrokerId| !onto.contains(id);
    let confined = plan_evacuation(&own, &onto, leaves).map_err(|few| {
        Failure::Failed(format!(
            "{} has {}, more than {}",
            few.partition,
            counted(few.replicas, "replica"),
            counted(few.brokers, "broker"),
        ))
    })?;
    let confined = own.after(&confined);
    let even = confined.after(&plan_balance(&confined, &onto, usize::MAX));
    let replicas = even.partitions.into_iter();
    Ok(layout.changes_to(
        replicas
            .map(|(one, placement)| (one, placement.replicas))
            .collect(),
    ))
}

fn execute(
    session: &mut Session,
    layout: &Layout,
    work: Work,
    output: &mut Output,
) -> Result<(), Failure> {
    catch_signals(session)?;
    let partitions = work.changes.len() + work.under_way.len();
    let bytes = work.changes.iter().chain(&work.under_way);
    let bytes = bytes.map(Change::copied_bytes).sum::<u64>();
    let waits = !work.without_waiting;
    let done = carry_out(session, layout, work)?;
    if waits {
        done.report("--execute takes it up again, --verify tells how far it is")?;
        if output.is_json() {
            return output.document(&json!({ "partitions": partitions, "bytes": bytes }));
        }
        let partitions = counted(partitions, "partition");
        return output.line(&format!(
            "{partitions} changed, {} copied",
            HumanBytes(bytes)
        ));
    }
    if output.is_json() {
        output.document(&json!({ "partitions": partitions, "under_way": done.under_way }))?;
    } else {
        let count = counted(done.under_way, "partition");
        output.line(&format!(
            "{count} on the way: --verify tells when they are there"
        ))?;
    }
    output.flush()?;
    done.report_refused()
}

/// What of the plan, or of the named topics, is on its way.
fn on_their_way(command: &Reassign, picture: &Picture, plan: Option<&Plan>) -> Vec<Change> {
    let is_meant = |partition: &TopicPartition| match plan {
        Some(plan) => plan.contains_key(partition),
        None => {
            let mut names = command.names.iter();
            command.names.is_empty() || names.any(|name| **name == *partition.topic)
        }
    };
    let moving = picture.reassignments.iter();
    let moving = moving.filter(|(partition, _)| is_meant(partition));
    moving
        .map(|(partition, moving)| change_under_way(&picture.layout, partition, moving))
        .collect()
}

fn verify(
    command: &Reassign,
    session: &mut Session,
    picture: &Picture,
    plan: Option<&Plan>,
    output: &mut Output,
) -> Result<(), Failure> {
    if let Some(plan) = plan {
        check_plan(&picture.layout, plan)?;
    }
    let moving = on_their_way(command, picture, plan);
    let mut lines: BTreeMap<&TopicPartition, (&'static str, Vec<BrokerId>)> = BTreeMap::new();
    for (partition, wanted) in plan.into_iter().flatten() {
        let has = &picture.layout.partitions[partition].replicas;
        let state = if has == wanted { "done" } else { "other" };
        lines.insert(partition, (state, has.clone()));
    }
    for change in &moving {
        let wanted = plan.and_then(|plan| plan.get(&change.partition));
        let is_other = wanted.is_some_and(|wanted| *wanted != change.to);
        let state = if is_other { "other" } else { "moving" };
        lines.insert(&change.partition, (state, change.to.clone()));
    }
    if output.is_json() {
        let lines = lines.iter().map(|(partition, (state, replicas))| {
            json!({
                "topic": partition.topic.as_ref(),
                "partition": partition.partition,
                "state": state,
                "replicas": replicas,
            })
        });
        output.document(&lines.collect::<Value>())?;
    } else if lines.is_empty() {
        output.line("nothing is being reassigned")?;
    } else {
        let mut table = Table::new(&["PARTITION", "STATE", "REPLICAS"]);
        for (partition, (state, replicas)) in &lines {
            table.row(vec![
                partition.to_string(),
                (*state).to_owned(),
                list(replicas),
            ]);
        }
        table
            .lines("")
            .iter()
            .try_for_each(|line| output.line(line))?;
    }
    output.flush()?;
    for left in end_throttle(session)? {
        eprintln!("forebay: the throttle of {left} is left");
    }
    if lines.values().all(|(state, _)| *state == "done") {
        Ok(())
    } else {
        Err(Failure::Told)
    }
}

fn cancel(
    command: &Reassign,
    session: &mut Session,
    picture: &Picture,
    plan: Option<&Plan>,
    output: &mut Output,
) -> Result<(), Failure> {
    let moving = on_their_way(command, picture, plan);
    let partitions: BTreeSet<_> = moving.into_iter().map(|change| change.partition).collect();
    let mut refused = Vec::new();
    for_each_piece(&partitions, |piece| {
        let wanted = piece.iter().map(|partition| (partition.clone(), None));
        refused.extend(alter_reassignments(session, &wanted.collect())?);
        Ok(())
    })?;
    for refused in &refused {
        eprintln!("forebay: {}: {}", refused.partition, refused.reason);
    }
    for left in end_throttle(session)? {
        eprintln!("forebay: the throttle of {left} is left");
    }
    let is_refused = |one: &&TopicPartition| refused.iter().any(|two| two.partition == **one);
    let cancelled: Vec<_> = partitions.iter().filter(|one| !is_refused(one)).collect();
    if output.is_json() {
        let cancelled = cancelled.iter().map(ToString::to_string);
        output.document(&json!({ "cancelled": cancelled.collect::<Vec<_>>() }))?;
    } else if cancelled.is_empty() {
        output.line("nothing is being reassigned")?;
    } else {
        let count = counted(cancelled.len(), "partition");
        output.line(&format!(
            "{count} stay where they are: {}",
            named(cancelled)
        ))?;
    }
    if refused.is_empty() {
        Ok(())
    } else {
        Err(Failure::Told)
    }
}
