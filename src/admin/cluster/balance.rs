//! `forebay cluster balance`.

use std::io::{IsTerminal, stdin};

use clap::Args;
use indicatif::HumanBytes;
use serde_json::json;

use crate::admin::Failure;
use crate::admin::arguments::{ConnectionArguments, rate};
use crate::admin::confirm::confirm;
use crate::admin::layout::balancing::plan_balance;
use crate::admin::layout::leading::plan_leaders;
use crate::admin::layout::moving::{Work, carry_out, change_under_way};
use crate::admin::layout::reading::read_picture;
use crate::admin::layout::showing::{document, tell};
use crate::admin::layout::{Change, Layout};
use crate::admin::output::Output;
use crate::admin::session::Session;
use crate::admin::signals::catch_signals;
use crate::admin::table::counted;

/// Have all brokers carry the same, and lead the same.
///
/// Shows a plan first: replicas that go from the broker with the most load to the one with the
/// least, until they differ by less than a tenth of the mean; a broker's load is its share of all
/// bytes plus its share of all replicas. No partition loses a rack, no replica is copied twice,
/// and cordoned brokers are left alone. Then preferred leaders are spread.
///
/// The plan is carried out after a yes, or at once with --execute. Ctrl-C ends the command; what is
/// on its way goes on, and what was not begun is planned anew by the next run.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  forebay cluster balance
  forebay cluster balance --execute --throttle 50MiB
  forebay cluster balance --max-moves 20 --json | jq .proposed > plan.json")]
pub struct Balance {
    /// Carry out the plan without a question; needed where there is no terminal to ask on
    #[arg(long)]
    execute: bool,

    /// Copy at most so many bytes a second out of and into each broker
    #[arg(long, value_name = "BYTES", value_parser = rate)]
    throttle: Option<u64>,

    /// Copy at most so many replicas
    #[arg(long, value_name = "N")]
    max_moves: Option<usize>,

    #[command(flatten)]
    pub connection: ConnectionArguments,
}

pub fn run(command: &Balance, output: &mut Output) -> Result<(), Failure> {
    let mut session = Session::open(&command.connection)?;
    let picture = read_picture(&mut session)?;
    let layout = &picture.layout;
    let changes = plan(layout, command.max_moves.unwrap_or(usize::MAX));
    if output.is_json() && !command.execute {
        return output.document(&document(layout, &changes));
    }
    if !output.is_json() {
        if !picture.reassignments.is_empty() {
            let count = counted(picture.reassignments.len(), "partition");
            output.line(&format!(
                "being reassigned already, and no part of the plan: {count}"
            ))?;
        }
        tell(layout, &changes, output)?;
        output.flush()?;
    }
    if !command.execute {
        if changes.is_empty() || !stdin().is_terminal() {
            return Ok(());
        }
        confirm(false, "carry out this plan")?;
    }
    catch_signals(&session)?;
    let (partitions, bytes) = (
        changes.len(),
        changes.iter().map(Change::copied_bytes).sum(),
    );
    let under_way = picture.reassignments.iter();
    let under_way = under_way.map(|(one, moving)| change_under_way(layout, one, moving));
    let work = Work {
        under_way: under_way.collect(),
        changes,
        throttle: command.throttle,
        without_waiting: false,
    };
    let done = carry_out(&mut session, layout, work)?;
    done.report("the next `forebay cluster balance` plans anew")?;
    if output.is_json() {
        return output.document(&json!({ "partitions": partitions, "bytes": bytes }));
    }
    if partitions > 0 {
        let partitions = counted(partitions, "partition");
        output.line(&format!(
            "{partitions} changed, {} copied",
            HumanBytes(bytes)
        ))?;
    }
    Ok(())
}

/// Replicas first, then who is preferred of those that each partition will have.
fn plan(layout: &Layout, moves_max: usize) -> Vec<Change> {
    let takers = layout.takers();
    let moved = layout.after(&plan_balance(layout, &takers, moves_max));
    let led = moved.after(&plan_leaders(&moved, &takers, None));
    let replicas = led.partitions.into_iter();
    layout.changes_to(
        replicas
            .map(|(one, placement)| (one, placement.replicas))
            .collect(),
    )
}
