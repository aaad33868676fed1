//! A plan as it is shown: what is moved, and what each broker has before and after.

use std::collections::BTreeSet;

use indicatif::HumanBytes;
use serde_json::{Value, json};

use crate::admin::Failure;
use crate::admin::layout::leading::preferred_counts;
use crate::admin::layout::{Change, Layout};
use crate::admin::output::Output;
use crate::admin::table::{Table, counted, list};
use crate::model::BrokerId;

/// What a broker has.
struct Share {
    replicas: usize,
    bytes: u64,
    leaders: i64,
}

/// Shows a plan and what comes of it.
pub fn show(layout: &Layout, changes: &[Change], output: &mut Output) -> Result<(), Failure> {
    if output.is_json() {
        return output.document(&document(layout, changes));
    }
    tell(layout, changes, output)
}

/// The same for a person.
pub fn tell(layout: &Layout, changes: &[Change], output: &mut Output) -> Result<(), Failure> {
    if changes.is_empty() {
        return output.line("nothing to move");
    }
    let mut table = Table::new(&["PARTITION", "REPLICAS", "AFTER", "COPIED"]);
    for change in changes {
        table.row(vec![
            change.partition.to_string(),
            list(&change.from),
            list(&change.to),
            HumanBytes(change.copied_bytes()).to_string(),
        ]);
    }
    let lines = table.lines("");
    lines.iter().try_for_each(|line| output.line(line))?;
    output.line("")?;
    let mut table = Table::new(&[
        "BROKER", "REPLICAS", "AFTER", "BYTES", "AFTER", "LEADERS", "AFTER",
    ]);
    let after = layout.after(changes);
    for id in layout.brokers.keys() {
        let (now, then) = (share(layout, *id), share(&after, *id));
        table.row(vec![
            id.to_string(),
            now.replicas.to_string(),
            then.replicas.to_string(),
            HumanBytes(now.bytes).to_string(),
            HumanBytes(then.bytes).to_string(),
            now.leaders.to_string(),
            then.leaders.to_string(),
        ]);
    }
    let lines = table.lines("");
    lines.iter().try_for_each(|line| output.line(line))?;
    output.line("")?;
    let copies: usize = changes.iter().map(|change| change.added().count()).sum();
    let bytes = changes.iter().map(Change::copied_bytes).sum();
    let only_order = changes
        .iter()
        .filter(|change| change.added().next().is_none());
    output.line(&format!(
        "{} to copy, {}; {} in another order only",
        counted(copies, "replica"),
        HumanBytes(bytes),
        counted(only_order.count(), "partition"),
    ))
}

/// The same for a program; `current` and `proposed` are files for `topic reassign --file`.
pub fn document(layout: &Layout, changes: &[Change]) -> Value {
    let after = layout.after(changes);
    let ids: BTreeSet<BrokerId> = layout.brokers.keys().copied().collect();
    let brokers = ids.into_iter().map(|id| {
        let of = |layout: &Layout| {
            let share = share(layout, id);
            json!({
                "replicas": share.replicas,
                "bytes": share.bytes,
                "preferred_leaders": share.leaders,
            })
        };
        json!({ "broker": id, "before": of(layout), "after": of(&after) })
    });
    let file = |of: fn(&Change) -> &[BrokerId]| {
        let partitions = changes.iter().map(|change| {
            json!({
                "topic": change.partition.topic.as_ref(),
                "partition": change.partition.partition,
                "replicas": of(change),
            })
        });
        json!({ "version": 1, "partitions": partitions.collect::<Value>() })
    };
    json!({
        "copies": changes.iter().map(|change| change.added().count()).sum::<usize>(),
        "bytes": changes.iter().map(Change::copied_bytes).sum::<u64>(),
        "current": file(|change| &change.from),
        "proposed": file(|change| &change.to),
        "brokers": brokers.collect::<Value>(),
    })
}

fn share(layout: &Layout, broker: BrokerId) -> Share {
    let counts = preferred_counts(layout.partitions.values());
    Share {
        replicas: layout.on(broker).count(),
        bytes: layout
            .on(broker)
            .map(|(_, placement)| placement.bytes)
            .sum(),
        leaders: counts.get(&broker).copied().unwrap_or(0),
    }
}
