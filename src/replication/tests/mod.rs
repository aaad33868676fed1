//! What leaders and followers do, sentence by sentence; and worlds of three replicas.

mod fetching;
mod following;
mod leading;
mod quota;
mod toy;
mod world;

use std::time::Duration;

use crate::model::BrokerId;
use crate::stdx::Instant;

use super::*;

const LAG_MAX: Duration = Duration::from_secs(30);

fn at(seconds: u64) -> Instant {
    Instant::from_nanos(1_000_000_000 * (1000 + seconds))
}

/// A leader of epoch 3 on broker 1, whose log ends at 10 and is safe; brokers 1, 2 and 3 hold it.
fn leader(isr: &[BrokerId], in_sync_min: usize) -> Leader {
    let term = LeaderTerm {
        node: 1,
        epoch: 3,
        partition_epoch: 7,
        start_offset: 10,
        high_watermark: 4,
        safe_end_offset: 10,
        replicas: vec![1, 2, 3],
        isr: isr.to_vec(),
    };
    let rules = LeaderRules {
        in_sync_min,
        lag_max: LAG_MAX,
    };
    let mut leader = Leader::new(at(0), term, rules);
    for broker in [2, 3] {
        leader.on_broker(at(0), broker, Some(100));
    }
    leader
}
