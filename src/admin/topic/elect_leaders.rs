//! `forebay topic elect-leaders`.

use std::collections::BTreeSet;

use clap::Args;
use serde_json::json;

use crate::admin::Failure;
use crate::admin::arguments::ConnectionArguments;
use crate::admin::confirm::confirm;
use crate::admin::layout::electing::{Elected, Election, elect_leaders};
use crate::admin::layout::moving::for_each_piece;
use crate::admin::output::Output;
use crate::admin::session::Session;
use crate::admin::table::counted;
use crate::model::{PartitionIndex, TopicPartition};

/// Elect the preferred leaders of partitions, as `kafka-leader-election` does.
///
/// The preferred leader is the first of a partition's replicas; it leads if it is in sync. With
/// --unclean a partition without a leader gets any replica that is alive as its leader, in sync or
/// not: records that only others have are lost.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  forebay topic elect-leaders
  forebay topic elect-leaders orders payments
  forebay topic elect-leaders orders --partition 3 --unclean")]
pub struct ElectLeaders {
    /// The topics; all if none is named
    names: Vec<String>,

    /// This partition of the one topic that is named; may be given several times
    #[arg(long, short, value_name = "P", value_parser = clap::value_parser!(i32).range(0..))]
    partition: Vec<PartitionIndex>,

    /// Elect any replica where nobody leads, whatever is lost
    #[arg(long)]
    unclean: bool,

    /// Do not ask before --unclean; needed where there is no terminal to ask on
    #[arg(long, short)]
    yes: bool,

    #[command(flatten)]
    pub connection: ConnectionArguments,
}

pub fn run(command: &ElectLeaders, output: &mut Output) -> Result<(), Failure> {
    if !command.partition.is_empty() && command.names.len() != 1 {
        let text = "--partition is of one topic: name one";
        return Err(Failure::Usage(text.to_owned()));
    }
    let mut session = Session::open(&command.connection)?;
    let names: Vec<&str> = command.names.iter().map(String::as_str).collect();
    session.refresh((!names.is_empty()).then_some(&names), false)?;
    let partitions = chosen(command, &session)?;
    let election = if command.unclean {
        let count = counted(partitions.len(), "partition");
        confirm(
            command.yes,
            &format!("lose records of {count} to have a leader"),
        )?;
        Election::Unclean
    } else {
        Election::Preferred
    };
    let mut all = Elected::default();
    for_each_piece(&partitions, |piece| {
        let elected = elect_leaders(&mut session, election, piece)?;
        all.elected.extend(elected.elected);
        all.not_needed.extend(elected.not_needed);
        all.refused.extend(elected.refused);
        Ok(())
    })?;
    tell(&all, output)
}

/// The partitions to elect leaders of; with `--unclean` only those without one.
fn chosen(command: &ElectLeaders, session: &Session) -> Result<BTreeSet<TopicPartition>, Failure> {
    let mut chosen = BTreeSet::new();
    for (name, topic) in session.cluster().topics() {
        if !command.names.is_empty() && !command.names.iter().any(|named| named == name) {
            continue;
        }
        let action = format!("cannot elect leaders of topic {name:?}");
        let topic = topic.map_err(|error| Failure::refused(&action, error, None))?;
        if let Some(unknown) = command
            .partition
            .iter()
            .find(|one| !topic.partitions.contains_key(one))
        {
            let count = counted(topic.partitions.len(), "partition");
            let text = format!("topic {name:?} has {count}, not a partition {unknown}");
            return Err(Failure::Failed(text));
        }
        for (index, partition) in &topic.partitions {
            let is_named = command.partition.is_empty() || command.partition.contains(index);
            if is_named && (!command.unclean || partition.leader.is_none()) {
                chosen.insert(TopicPartition {
                    topic: name.into(),
                    partition: *index,
                });
            }
        }
    }
    Ok(chosen)
}

fn tell(all: &Elected, output: &mut Output) -> Result<(), Failure> {
    if output.is_json() {
        let names = |partitions: &[TopicPartition]| {
            let names = partitions.iter().map(ToString::to_string);
            names.collect::<Vec<_>>()
        };
        let failed = all.refused.iter();
        let failed = failed
            .map(|one| json!({ "partition": one.partition.to_string(), "error": one.reason }));
        output.document(&json!({
            "elected": names(&all.elected),
            "not_needed": all.not_needed.len(),
            "failed": failed.collect::<Vec<_>>(),
        }))?;
    } else {
        for partition in &all.elected {
            output.line(&format!("{partition} has a new leader"))?;
        }
        let needless = counted(all.not_needed.len(), "partition");
        let elected = counted(all.elected.len(), "leader");
        output.line(&format!("{elected} elected, {needless} did not need it"))?;
    }
    output.flush()?;
    for refused in &all.refused {
        eprintln!("forebay: {}: {}", refused.partition, refused.reason);
    }
    if all.refused.is_empty() {
        Ok(())
    } else {
        Err(Failure::Told)
    }
}
