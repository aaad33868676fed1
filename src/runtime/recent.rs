//! The last events of each shard's thread, for the report of a panic.

use std::cell::Cell;
use std::panic;
use std::sync::Once;

use crate::model::ShardId;
use crate::shard::Event;

/// How many events are remembered: a few turns.
const EVENTS: usize = 64;

/// What is remembered of an event: its kind and the number of what it is about.
type Trace = (&'static str, u64);

thread_local! {
    static SHARD: Cell<Option<ShardId>> = const { Cell::new(None) };
    static COUNT: Cell<usize> = const { Cell::new(0) };
    static LAST: [Cell<Trace>; EVENTS] = const { [const { Cell::new(("", 0)) }; EVENTS] };
}

/// From now on this thread runs `shard`, and a panic on it ends the process: a broken shard must
/// not leave the others serving.
pub(super) fn watch_thread(shard: ShardId) {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            before(info);
            if let Some(shard) = SHARD.get() {
                eprintln!("{}", report(shard));
                std::process::abort();
            }
        }));
    });
    SHARD.set(Some(shard));
    COUNT.set(0);
}

/// Remember `event`.
pub(super) fn remember(event: &Event) {
    let count = COUNT.get();
    LAST.with(|last| last[count % EVENTS].set(trace(event)));
    COUNT.set(count + 1);
}

fn report(shard: ShardId) -> String {
    let count = COUNT.get();
    let mut report = format!("shard {shard} broke at its event {count}; the last ones were:");
    for at in count.saturating_sub(EVENTS)..count {
        let (kind, number) = LAST.with(|last| last[at % EVENTS].get());
        report.push_str(&format!("\n  {kind} {number}"));
    }
    report
}

fn trace(event: &Event) -> Trace {
    match event {
        Event::Started => ("Started", 0),
        Event::Accepted { connection, .. } => ("Accepted", connection.0),
        Event::Dialed { connection, .. } => ("Dialed", connection.0),
        Event::Received { connection, .. } => ("Received", connection.0),
        Event::Sent { connection, .. } => ("Sent", connection.0),
        Event::Disconnected { connection, .. } => ("Disconnected", connection.0),
        Event::Refused { .. } => ("Refused", 0),
        Event::ConnectionsExceeded { .. } => ("ConnectionsExceeded", 0),
        Event::StorageFinished { ticket, .. } => ("StorageFinished", ticket.sequence),
        Event::MessageArrived { from, .. } => ("MessageArrived", u64::from(from.0)),
        Event::DeadlineReached => ("DeadlineReached", 0),
        Event::TurnEnded => ("TurnEnded", 0),
        Event::Stopping => ("Stopping", 0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shard::ConnectionId;

    #[test]
    fn the_report_names_the_last_events_oldest_first() {
        COUNT.set(0);
        remember(&Event::Started);
        for number in 1..=EVENTS as u64 {
            remember(&Event::Received {
                connection: ConnectionId(number),
                length: 1,
            });
        }
        let report = report(ShardId(3));
        assert!(
            report.starts_with("shard 3 broke at its event 65"),
            "{report}"
        );
        assert!(!report.contains("Started"), "{report}");
        assert!(report.contains("\n  Received 1\n"), "{report}");
        assert!(report.ends_with("\n  Received 64"), "{report}");
    }
}
