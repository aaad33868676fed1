//! A clean stop of a broker that has others lead first.

use super::*;

/// The operator wants this broker to stop, which may be one of several.
fn stop(set: &[(&str, &str)]) -> Bench {
    let mut bench = Bench::new(LED, set);
    bench
        .shard
        .on_event(bench.now, Event::Stopping, &mut bench.effects);
    bench.settle();
    bench
}

#[test]
fn a_broker_of_a_cluster_takes_connections_until_others_lead() {
    let mut bench = stop(&[("controller.quorum.bootstrap.servers", "elsewhere:9093")]);
    assert!(bench.is_accepting, "others may have to fetch from it");
    bench.tell(Message::Stop);
    assert!(!bench.is_accepting);
}

#[test]
fn a_broker_by_itself_takes_no_connections_once_it_is_to_stop() {
    assert!(!stop(&[]).is_accepting);
}
