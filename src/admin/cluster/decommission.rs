//! `forebay cluster decommission`.

use std::time::Duration;

use clap::Args;
use indicatif::HumanBytes;
use serde_json::json;

use crate::admin::Failure;
use crate::admin::arguments::{ConnectionArguments, rate};
use crate::admin::layout::cordon::cordon;
use crate::admin::layout::evacuating::plan_evacuation;
use crate::admin::layout::moving::{Work, carry_out, change_under_way, named};
use crate::admin::layout::reading::{Picture, describe_cluster, read_picture};
use crate::admin::layout::showing::show;
use crate::admin::layout::{Change, Layout};
use crate::admin::output::Output;
use crate::admin::session::Session;
use crate::admin::signals::{catch_signals, is_interrupted_within};
use crate::admin::table::{counted, list};
use crate::model::{BrokerId, TopicPartition};

use super::known_broker;
use super::quorum::describe_quorum;
use super::unregister::unregister;

/// How often the cluster is asked whether the broker is stopped.
const ASKED_EVERY: Duration = Duration::from_secs(1);

/// Move all replicas of a broker to others, so that it can be removed.
///
/// Each replica goes to a broker that is alive and not cordoned, in a rack that the partition would
/// lose otherwise, with the least load: its share of all bytes plus its share of all replicas. The
/// broker is cordoned first, where the cluster has that, so that nothing new comes.
///
/// Ctrl-C ends the command; what is on its way goes on, and the same command takes it up again.
/// --throttle sets Kafka's own throttle, which is removed at the end.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  forebay cluster decommission 3 --plan
  forebay cluster decommission 3 --throttle 50MiB
  forebay cluster decommission 3 --unregister       waits until it is stopped, too")]
pub struct Decommission {
    /// The broker's id
    #[arg(value_name = "BROKER")]
    broker: BrokerId,

    /// Only show what would be moved
    #[arg(long, conflicts_with_all = ["throttle", "unregister"])]
    plan: bool,

    /// Copy at most so many bytes a second out of and into each broker
    #[arg(long, value_name = "BYTES", value_parser = rate)]
    throttle: Option<u64>,

    /// When it holds nothing, wait until it is stopped and unregister it
    #[arg(long)]
    unregister: bool,

    #[command(flatten)]
    pub connection: ConnectionArguments,
}

pub fn run(command: &Decommission, output: &mut Output) -> Result<(), Failure> {
    let broker = command.broker;
    let mut session = Session::open(&command.connection)?;
    let picture = read_picture(&mut session)?;
    known_broker(&picture.layout, broker)?;
    let work = Work {
        changes: plan(&picture.layout, broker)?,
        under_way: leaving(&picture, broker),
        throttle: command.throttle,
        without_waiting: false,
    };
    if command.plan {
        return show(&picture.layout, &work.changes, output);
    }
    catch_signals(&session)?;
    cordon(&mut session, &picture.layout, broker)?.report(broker);
    announce(broker, &work, output)?;
    let (copied, moved) = (
        work.changes.iter().map(Change::copied_bytes).sum::<u64>(),
        work.changes.len() + work.under_way.len(),
    );
    let done = carry_out(&mut session, &picture.layout, work)?;
    done.report("the same command goes on from there")?;
    let left = read_picture(&mut session)?;
    let holds: Vec<_> = left
        .layout
        .on(broker)
        .map(|(partition, _)| partition)
        .collect();
    if !holds.is_empty() {
        let names = named(holds);
        let text = format!("broker {broker} was given {names} meanwhile: run the command again");
        return Err(Failure::Failed(text));
    }
    if !output.is_json() {
        output.line(&format!("broker {broker} holds no replica"))?;
    }
    if let Ok(quorum) = describe_quorum(&mut session)?
        && quorum
            .current_voters
            .iter()
            .any(|voter| voter.replica_id == broker)
    {
        eprintln!("forebay: node {broker} is a controller, too, and votes: that is another matter");
    }
    let is_unregistered = end(command, &mut session, &left, output)?;
    if output.is_json() {
        output.document(&json!({
            "broker": broker,
            "partitions": moved,
            "bytes": copied,
            "unregistered": is_unregistered,
        }))?;
    }
    Ok(())
}

/// Every replica of the broker on another one.
fn plan(layout: &Layout, broker: BrokerId) -> Result<Vec<Change>, Failure> {
    let onto = layout.takers();
    let stranded: Vec<&TopicPartition> = layout
        .on(broker)
        .filter(|(_, placement)| placement.leader.is_none())
        .map(|(partition, _)| partition)
        .collect();
    let refused =
        |reason: String| Failure::Failed(format!("cannot decommission broker {broker}: {reason}"));
    if !stranded.is_empty() {
        let names = named(stranded);
        return Err(refused(format!(
            "nobody leads {names}, so nothing can be copied"
        )));
    }
    // Replicas on other brokers that are down or cordoned stay: only this broker's have to go.
    plan_evacuation(layout, &onto, |id| *id == broker).map_err(|few| {
        refused(format!(
            "{} has {}, and without broker {broker} only {} could hold one",
            few.partition,
            counted(few.replicas, "replica"),
            counted(few.brokers, "broker"),
        ))
    })
}

/// What an earlier run has asked for and is not done yet.
fn leaving(picture: &Picture, broker: BrokerId) -> Vec<Change> {
    let moving = picture.reassignments.iter();
    let leaving = moving.filter(|(_, moving)| moving.removing.contains(&broker));
    leaving
        .map(|(partition, moving)| change_under_way(&picture.layout, partition, moving))
        .collect()
}

fn announce(broker: BrokerId, work: &Work, output: &mut Output) -> Result<(), Failure> {
    if output.is_json() || work.changes.is_empty() && work.under_way.is_empty() {
        return Ok(());
    }
    let all = work.changes.iter().chain(&work.under_way);
    let bytes = all.clone().map(Change::copied_bytes).sum();
    let mut onto: Vec<BrokerId> = all.flat_map(Change::added).collect();
    onto.sort_unstable();
    onto.dedup();
    let mut line = format!(
        "moving {} ({}) from broker {broker} to {}",
        counted(work.changes.len() + work.under_way.len(), "replica"),
        HumanBytes(bytes),
        list(&onto),
    );
    if !work.under_way.is_empty() {
        let count = work.under_way.len();
        line.push_str(&format!("; {count} of them are on their way already"));
    }
    output.line(&line)?;
    output.flush()
}

/// The last step, or its name; true if it was taken.
fn end(
    command: &Decommission,
    session: &mut Session,
    left: &Picture,
    output: &mut Output,
) -> Result<bool, Failure> {
    let broker = command.broker;
    let mut is_alive = left
        .layout
        .brokers
        .get(&broker)
        .is_some_and(|one| one.is_alive);
    if !command.unregister {
        if !output.is_json() {
            let stop = if is_alive { "stop it, then: " } else { "" };
            output.line(&format!(
                "last step: {stop}forebay cluster unregister {broker}"
            ))?;
        }
        return Ok(false);
    }
    if is_alive {
        eprintln!("forebay: stop broker {broker} now: it is unregistered when it is gone");
    }
    while is_alive {
        if is_interrupted_within(session, ASKED_EVERY)? {
            let text = format!("interrupted: broker {broker} is not unregistered");
            return Err(Failure::Failed(text));
        }
        session.refresh(Some(&[]), false)?;
        let cluster = describe_cluster(session)?;
        let mut brokers = cluster.brokers.iter();
        is_alive = brokers.any(|one| one.broker_id == broker && !one.is_fenced);
    }
    unregister(session, broker)?;
    if !output.is_json() {
        output.line(&format!("broker {broker} is unregistered"))?;
    }
    Ok(true)
}
