//! What a quota of replication lets through.

use std::time::Duration;

use crate::replication::{QuotaRules, ReplicationQuota};
use crate::stdx::Instant;

const RULES: QuotaRules = QuotaRules {
    bytes_per_second: 1000,
    window: Duration::from_secs(1),
    windows: 11,
};

fn at(ms: u64) -> Instant {
    Instant::default() + Duration::from_millis(ms)
}

#[test]
fn what_was_never_used_is_not_exceeded() {
    let mut quota = ReplicationQuota::new(QuotaRules {
        bytes_per_second: 0,
        ..RULES
    });
    assert!(!quota.is_exceeded(at(5)));
    quota.record(at(5), 0);
    assert!(!quota.is_exceeded(at(5)));
    quota.record(at(5), 1);
    assert!(quota.is_exceeded(at(6)));
}

#[test]
fn a_window_counts_as_a_whole_one_from_its_beginning_on() {
    let mut quota = ReplicationQuota::new(RULES);
    quota.record(at(0), 1000);
    assert!(!quota.is_exceeded(at(0)));
    quota.record(at(10), 1);
    assert!(quota.is_exceeded(at(10)));
    assert!(!quota.is_exceeded(at(1001)));
}

#[test]
fn who_took_too_much_waits_until_the_average_is_right_again() {
    let mut quota = ReplicationQuota::new(RULES);
    quota.record(at(0), 5000);
    assert!(quota.is_exceeded(at(4999)));
    let relaxes_at = quota.relaxes_at();
    assert!(relaxes_at > at(5000) && relaxes_at < at(5001));
    assert!(!quota.is_exceeded(relaxes_at));
}

#[test]
fn what_lies_back_longer_than_all_windows_is_forgotten() {
    let mut quota = ReplicationQuota::new(RULES);
    quota.record(at(0), 1_000_000);
    assert!(quota.is_exceeded(at(10_999)));
    assert_eq!(quota.relaxes_at(), at(11_000));
    assert!(!quota.is_exceeded(at(11_000)));
    assert_eq!(quota.relaxes_at(), Instant::MAX);
}

#[test]
fn another_rate_counts_at_once_for_what_was_moved_before() {
    let mut quota = ReplicationQuota::new(RULES);
    quota.record(at(0), 2000);
    assert!(quota.is_exceeded(at(0)));
    quota.change_rules(QuotaRules {
        bytes_per_second: u64::MAX,
        ..RULES
    });
    assert!(!quota.is_exceeded(at(0)));
}

#[test]
fn over_a_long_time_no_more_is_moved_than_the_rate_and_one_answer() {
    const ANSWER: u64 = 3000;
    let mut quota = ReplicationQuota::new(RULES);
    let (mut moved, mut now) = (0, at(0));
    while now < at(60_000) {
        if quota.is_exceeded(now) {
            let relaxes_at = quota.relaxes_at();
            assert!(relaxes_at > now, "it would be asked for ever");
            now = relaxes_at;
        } else {
            quota.record(now, ANSWER);
            moved += ANSWER;
            now = now + Duration::from_millis(1);
        }
    }
    let allowed = 60 * RULES.bytes_per_second + ANSWER;
    assert!(moved <= allowed && moved + 2 * ANSWER >= allowed, "{moved}");
}
