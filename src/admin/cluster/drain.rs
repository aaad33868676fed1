//! `forebay cluster drain` and `forebay cluster rejoin`: maintenance of a broker.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use clap::Args;
use serde_json::json;

use crate::admin::arguments::ConnectionArguments;
use crate::admin::layout::cordon::{Cordon, cordon, uncordon};
use crate::admin::layout::electing::{Election, elect_leaders};
use crate::admin::layout::leading::{plan_drain, plan_leaders};
use crate::admin::layout::moving::{Work, carry_out, for_each_piece, named};
use crate::admin::layout::reading::{Picture, read_picture};
use crate::admin::layout::{Change, Layout};
use crate::admin::output::Output;
use crate::admin::session::Session;
use crate::admin::signals::{catch_signals, is_interrupted_within};
use crate::admin::table::counted;
use crate::admin::{Failure, Progress};
use crate::model::{BrokerId, TopicPartition};

use super::known_broker;

/// How often the cluster is asked who leads.
const ASKED_EVERY: Duration = Duration::from_millis(500);

/// Prepare a broker for maintenance: it leads no partition, and is given no new one.
///
/// The broker becomes the last of the replicas of each of its partitions, the others elect their
/// preferred leaders, and its log directories are cordoned (cordoned.log.dirs=*, where the cluster
/// has that). It goes on following until it is stopped. No record is copied, and nothing is kept
/// but Kafka's own metadata; `forebay cluster rejoin` is the reverse.
///
/// A partition with no other replica, or none in sync, cannot be led by another broker: the
/// command names it, and its exit status is 1.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  forebay cluster drain 3
  forebay cluster drain 3 && ssh broker-3 systemctl restart forebay && forebay cluster rejoin 3")]
pub struct Drain {
    /// The broker's id
    #[arg(value_name = "BROKER")]
    broker: BrokerId,

    #[command(flatten)]
    pub connection: ConnectionArguments,
}

/// Take a broker back after maintenance: it is given new partitions, and leads its share again.
///
/// The reverse of `forebay cluster drain`: the cordon goes, and the broker becomes the preferred
/// leader of partitions that it holds, from those brokers that lead the most, until it has its
/// share. No record is copied.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  forebay cluster rejoin 3")]
pub struct Rejoin {
    /// The broker's id
    #[arg(value_name = "BROKER")]
    broker: BrokerId,

    #[command(flatten)]
    pub connection: ConnectionArguments,
}

pub fn drain(command: &Drain, output: &mut Output) -> Result<(), Failure> {
    let broker = command.broker;
    let mut session = Session::open(&command.connection)?;
    let picture = read_picture(&mut session)?;
    known_broker(&picture.layout, broker)?;
    let others = picture.layout.brokers.iter();
    if others
        .filter(|(id, one)| **id != broker && one.is_alive)
        .count()
        == 0
    {
        let text = format!("cannot drain broker {broker}: no other broker is alive to lead");
        return Err(Failure::Failed(text));
    }
    catch_signals(&session)?;
    let cordon = cordon(&mut session, &picture.layout, broker)?;
    cordon.report(broker);
    let plan = plan_drain(&picture.layout, broker);
    let changed = plan.changes.len();
    reorder(&mut session, &picture.layout, plan.changes)?;
    let (left, is_interrupted) = lead_elsewhere(&mut session, broker)?;
    let (alone, stuck): (Vec<_>, Vec<_>) = left
        .into_iter()
        .partition(|partition| plan.alone.contains(partition));
    let is_cordoned = cordon == Cordon::Set;
    if output.is_json() {
        output.document(&json!({
            "broker": broker,
            "cordoned": is_cordoned,
            "reordered": changed,
            "leads": alone.len() + stuck.len(),
            "without_other_replica": alone.iter().map(ToString::to_string).collect::<Vec<_>>(),
            "not_moved": stuck.iter().map(ToString::to_string).collect::<Vec<_>>(),
        }))?;
    } else {
        let cordoned = if is_cordoned { ", cordoned" } else { "" };
        let leads = match alone.len() + stuck.len() {
            0 => "leads nothing".to_owned(),
            count => format!("still leads {}", counted(count, "partition")),
        };
        let reordered = counted(changed, "partition");
        output.line(&format!(
            "broker {broker} {leads}{cordoned}; {reordered} reordered"
        ))?;
    }
    output.flush()?;
    if !alone.is_empty() {
        eprintln!(
            "forebay: only broker {broker} has {}: `forebay cluster decommission` copies them",
            named(&alone)
        );
    }
    if !stuck.is_empty() {
        let reason = if is_interrupted {
            "interrupted"
        } else {
            "no other replica is in sync"
        };
        eprintln!(
            "forebay: broker {broker} still leads {}: {reason}",
            named(&stuck)
        );
    }
    if alone.is_empty() && stuck.is_empty() {
        Ok(())
    } else {
        Err(Failure::Told)
    }
}

/// Changes the order of replicas, which takes no copy.
fn reorder(session: &mut Session, layout: &Layout, changes: Vec<Change>) -> Result<(), Failure> {
    let work = Work {
        changes,
        ..Work::default()
    };
    let done = carry_out(session, layout, work)?;
    done.report("the same command goes on from there")
}

/// Elects preferred leaders until `broker` leads nothing, or only what it will go on to; tells what
/// it leads, and whether the person at the terminal wanted an end.
fn lead_elsewhere(
    session: &mut Session,
    broker: BrokerId,
) -> Result<(Vec<TopicPartition>, bool), Failure> {
    let progress = Progress::of_work(0);
    let mut deadline = Instant::now() + session.timeout();
    let mut fewest = usize::MAX;
    loop {
        session.refresh(None, false)?;
        let (mut led, mut may_go) = (BTreeSet::new(), BTreeSet::new());
        for (name, topic) in session.cluster().topics() {
            let partitions = topic.iter().flat_map(|topic| &topic.partitions);
            for (index, told) in partitions.filter(|(_, told)| told.leader == Some(broker)) {
                let partition = TopicPartition {
                    topic: name.into(),
                    partition: *index,
                };
                if told.replicas.len() > 1 {
                    may_go.insert(partition.clone());
                }
                led.insert(partition);
            }
        }
        if may_go.len() < fewest {
            // As long as it gets fewer, there is reason to wait.
            fewest = may_go.len();
            deadline = Instant::now() + session.timeout();
        }
        let is_over = may_go.is_empty() || Instant::now() >= deadline;
        if is_over {
            return Ok((led.into_iter().collect(), false));
        }
        let left = counted(may_go.len(), "leader");
        progress.advance(0, &format!("{left} left on broker {broker}"));
        for_each_piece(&may_go, |piece| {
            elect_leaders(session, Election::Preferred, piece).map(|_| ())
        })?;
        if is_interrupted_within(session, ASKED_EVERY)? {
            return Ok((led.into_iter().collect(), true));
        }
    }
}

pub fn rejoin(command: &Rejoin, output: &mut Output) -> Result<(), Failure> {
    let broker = command.broker;
    let mut session = Session::open(&command.connection)?;
    let picture = read_picture(&mut session)?;
    known_broker(&picture.layout, broker)?;
    if !picture.layout.brokers[&broker].is_alive {
        let text = format!("cannot take back broker {broker}: it is not alive, start it first");
        return Err(Failure::Failed(text));
    }
    catch_signals(&session)?;
    let was_cordoned = uncordon(&mut session, broker)?;
    let mut leaders = picture.layout.takers();
    leaders.insert(broker);
    let changes = plan_leaders(&picture.layout, &leaders, Some(broker));
    let changed = changes.len();
    reorder(&mut session, &picture.layout, changes)?;
    let Picture { layout, .. } = read_picture(&mut session)?;
    let (leads, holds) = (layout.led_by(broker).count(), layout.on(broker).count());
    let preferred = layout.on(broker);
    let preferred = preferred
        .filter(|(_, one)| one.replicas.first() == Some(&broker))
        .count();
    if output.is_json() {
        return output.document(&json!({
            "broker": broker,
            "was_cordoned": was_cordoned,
            "reordered": changed,
            "leads": leads,
            "preferred_for": preferred,
            "replicas": holds,
        }));
    }
    if holds == 0 {
        let text = "holds no replica: `forebay cluster balance` gives it some";
        return output.line(&format!("broker {broker} {text}"));
    }
    let holds = counted(holds, "partition");
    output.line(&format!(
        "broker {broker} leads {leads} of its {holds}, and is the preferred leader of {preferred}"
    ))?;
    if leads < preferred {
        output.line("the others follow when it is in sync (auto.leader.rebalance.enable)")?;
    }
    Ok(())
}
