//! Compaction where no more files may be open than it needs.

use super::*;

#[test]
fn compaction_goes_from_segment_to_segment_with_two_files() {
    let set = [
        ("log.cleanup.policy", "compact"),
        ("log.cleaner.backoff.ms", "10"),
        ("log.cleaner.min.cleanable.ratio", "0.01"),
        ("log.roll.ms", "1000"),
    ];
    let mut bench = Bench::new(LED, &set);
    bench.record_key = Some(b"key");
    for offset in 1..=5 {
        bench.record_time += 5_000;
        bench.produce(Acks::Leader);
        bench.fetch(REPLICA, offset, [Some(3); 2]);
    }
    for _ in 0..20 {
        bench.wait(Duration::from_millis(20));
    }
    assert_eq!(bench.log().first_dirty_offset(), 4);
}
