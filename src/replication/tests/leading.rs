//! The leader's rules.

use crate::model::{ErrorCode, Offset};

use super::*;

impl Leader {
    fn fetched(&mut self, seconds: u64, replica: BrokerId, offset: Offset) -> bool {
        let fetch = ReplicaFetch {
            replica,
            broker_epoch: Some(100),
            offset,
            log_start_offset: 0,
        };
        self.on_fetch(at(seconds), &fetch, true).unwrap()
    }

    fn proposed(&mut self, seconds: u64) -> Option<Vec<BrokerId>> {
        let proposal = self.next_proposal(at(seconds))?;
        Some(proposal.isr.iter().map(|(id, _)| *id).collect())
    }

    fn refused(&mut self, seconds: u64, number: u64, error: ErrorCode) {
        let outcome = IsrOutcome::Refused(error);
        self.on_outcome(at(seconds), ProposalNumber(number), &outcome);
    }
}

fn accepted(partition_epoch: i32, isr: &[BrokerId]) -> IsrOutcome {
    IsrOutcome::Accepted {
        leader_epoch: 3,
        partition_epoch,
        isr: isr.to_vec(),
    }
}

#[test]
fn alone_the_high_watermark_follows_what_is_safe_and_never_goes_back() {
    let mut leader = leader(&[1], 1);
    assert_eq!(leader.high_watermark(), 10);
    assert!(!leader.on_log(at(0), 15, 10));
    assert!(leader.on_log(at(0), 15, 15));
    assert!(!leader.on_log(at(0), 15, 12));
    assert_eq!(leader.high_watermark(), 15);
}

#[test]
fn a_client_with_another_epoch_is_told_which_side_is_behind() {
    let leader = leader(&[1], 1);
    assert_eq!(leader.check_epoch(None), Ok(()));
    assert_eq!(leader.check_epoch(Some(3)), Ok(()));
    let fenced = Err(ErrorCode::FencedLeaderEpoch);
    assert_eq!(leader.check_epoch(Some(2)), fenced);
    let unknown = Err(ErrorCode::UnknownLeaderEpoch);
    assert_eq!(leader.check_epoch(Some(4)), unknown);
}

#[test]
fn the_high_watermark_is_where_every_replica_in_sync_is_safe() {
    let mut leader = leader(&[1, 2, 3], 1);
    assert_eq!(leader.high_watermark(), 4, "nobody has fetched yet");
    assert!(!leader.fetched(0, 2, 8));
    assert!(leader.fetched(0, 3, 9));
    assert_eq!(leader.high_watermark(), 8);
    leader.on_log(at(1), 20, 12);
    leader.fetched(1, 2, 20);
    leader.fetched(1, 3, 20);
    assert_eq!(leader.high_watermark(), 12, "the leader's own sync counts");
    assert!(leader.on_log(at(1), 20, 20));
}

#[test]
fn below_the_wanted_number_of_replicas_in_sync_the_high_watermark_stands_still() {
    let mut leader = leader(&[1], 2);
    leader.on_log(at(0), 20, 20);
    assert!(leader.is_under_in_sync_min());
    assert_eq!(leader.high_watermark(), 4);
    assert!(!leader.fetched(0, 2, 20));
    assert_eq!(leader.proposed(0), Some(vec![1, 2]));
    assert!(leader.on_outcome(at(0), ProposalNumber(1), &accepted(8, &[1, 2])));
    assert_eq!(leader.high_watermark(), 20);
    let single = LeaderRules {
        in_sync_min: 5,
        lag_max: LAG_MAX,
    };
    leader.on_registration(at(0), &[1], &[1], 9);
    leader.change_rules(at(0), single);
    assert!(
        !leader.is_under_in_sync_min(),
        "no topic has more than its replicas"
    );
}

#[test]
fn a_follower_joins_once_it_has_what_is_committed_and_what_the_epoch_began_with() {
    let mut leader = leader(&[1, 3], 1);
    assert!(!leader.fetched(0, 2, 9));
    assert_eq!(leader.proposed(0), None, "the epoch began at 10");
    leader.fetched(0, 2, 10);
    let proposal = leader.next_proposal(at(0)).unwrap();
    assert_eq!(proposal.isr, [(1, None), (3, None), (2, Some(100))]);
    assert_eq!((proposal.leader_epoch, proposal.partition_epoch), (3, 7));
    assert_eq!(leader.proposed(0), None, "it is sent once");
    leader.on_outcome(at(0), proposal.number, &accepted(8, &[1, 2, 3]));
    assert_eq!(leader.in_sync_replicas(), 3);
}

#[test]
fn who_may_be_in_sync_holds_the_high_watermark_until_it_is_known_that_it_is_not() {
    let mut leader = leader(&[1], 1);
    leader.fetched(0, 2, 10);
    assert_eq!(leader.proposed(0), Some(vec![1, 2]));
    leader.on_log(at(100), 20, 20);
    assert_eq!(leader.high_watermark(), 10, "it may have been accepted");
    leader.on_outcome(at(100), ProposalNumber(1), &IsrOutcome::Unanswered);
    assert_eq!(leader.high_watermark(), 10);
    assert_eq!(leader.proposed(100), None, "not at once");
    assert_eq!(leader.proposed(101), Some(vec![1, 2]), "the same again");
    leader.refused(101, 1, ErrorCode::InvalidUpdateVersion);
    assert_eq!(leader.high_watermark(), 10, "the image will tell");
    assert_eq!(leader.proposed(300), None);
    assert!(leader.on_registration(at(300), &[1, 2, 3], &[1], 8));
    assert_eq!(leader.high_watermark(), 20);
}

#[test]
fn who_was_removed_holds_the_high_watermark_until_the_controller_has_agreed() {
    let mut leader = leader(&[1, 2], 1);
    leader.fetched(0, 2, 10);
    leader.on_log(at(1), 20, 20);
    leader.on_time(at(32));
    assert_eq!(leader.proposed(32), Some(vec![1]));
    assert_eq!(leader.high_watermark(), 10);
    assert!(leader.on_outcome(at(32), ProposalNumber(1), &accepted(8, &[1])));
    assert_eq!(leader.high_watermark(), 20);
}

#[test]
fn an_ineligible_replica_is_not_waited_for_and_proposed_again_after_a_pause() {
    let mut leader = leader(&[1], 1);
    leader.fetched(0, 2, 10);
    assert_eq!(leader.proposed(0), Some(vec![1, 2]));
    leader.refused(0, 1, ErrorCode::IneligibleReplica);
    leader.fetched(0, 2, 10);
    assert_eq!(leader.proposed(0), None);
    leader.fetched(1, 2, 10);
    assert_eq!(leader.proposed(1), Some(vec![1, 2]));
    leader.refused(1, 1, ErrorCode::IneligibleReplica);
    leader.fetched(2, 2, 10);
    assert_eq!(leader.proposed(2), None, "that was the answer to the first");
}

#[test]
fn only_the_registered_life_of_a_broker_that_runs_may_join() {
    let mut leader = leader(&[1], 1);
    leader.on_broker(at(0), 2, Some(101));
    leader.fetched(0, 2, 10);
    assert_eq!(leader.proposed(0), None, "the life before");
    leader.on_broker(at(0), 2, None);
    leader.fetched(0, 2, 10);
    assert_eq!(leader.proposed(0), None, "fenced");
    leader.on_broker(at(0), 2, Some(100));
    leader.fetched(0, 2, 10);
    assert_eq!(leader.proposed(0), Some(vec![1, 2]));
    let stale = ReplicaFetch {
        replica: 2,
        broker_epoch: Some(99),
        offset: 10,
        log_start_offset: 0,
    };
    let refused = Err(ErrorCode::NotLeaderOrFollower);
    assert_eq!(leader.on_fetch(at(0), &stale, true), refused);
}

#[test]
fn a_replica_that_is_not_assigned_is_told_to_wait_for_news() {
    let mut leader = leader(&[1], 1);
    let stranger = ReplicaFetch {
        replica: 9,
        broker_epoch: Some(1),
        offset: 10,
        log_start_offset: 0,
    };
    let unknown = Err(ErrorCode::UnknownLeaderEpoch);
    assert_eq!(leader.on_fetch(at(0), &stranger, true), unknown);
    let refused = Err(ErrorCode::NotLeaderOrFollower);
    assert_eq!(leader.on_fetch(at(0), &stranger, false), refused);
    let beyond = ReplicaFetch {
        replica: 2,
        offset: 11,
        ..stranger
    };
    let out_of_range = Err(ErrorCode::OffsetOutOfRange);
    assert_eq!(leader.on_fetch(at(0), &beyond, true), out_of_range);
}

#[test]
fn a_follower_falls_out_when_it_did_not_have_everything_for_too_long() {
    let mut leader = leader(&[1, 2, 3], 1);
    leader.fetched(0, 2, 10);
    leader.fetched(0, 3, 10);
    leader.on_log(at(1), 20, 20);
    leader.fetched(20, 2, 15);
    leader.fetched(20, 3, 20);
    leader.on_time(at(29));
    assert_eq!(leader.proposed(29), None);
    leader.on_time(at(50));
    assert_eq!(leader.proposed(50), Some(vec![1, 3]));
}

#[test]
fn under_load_a_follower_stays_that_always_has_what_there_was_at_its_last_fetch() {
    let mut leader = leader(&[1, 2], 1);
    for second in 0..100 {
        let end = 10 + i64::try_from(second).unwrap();
        leader.on_log(at(second), end + 1, end + 1);
        leader.fetched(second, 2, end);
        leader.on_time(at(second));
        assert_eq!(leader.proposed(second), None);
    }
    assert_eq!(leader.high_watermark(), 109);
}

#[test]
fn a_follower_that_is_about_to_join_is_waited_for_as_long_as_it_may_lag() {
    let mut leader = leader(&[1], 1);
    leader.fetched(0, 2, 5);
    leader.on_log(at(1), 11, 11);
    assert_eq!(leader.high_watermark(), 11, "it lacks too much");
    leader.fetched(2, 2, 11);
    assert_eq!(leader.proposed(2), Some(vec![1, 2]));
    leader.refused(2, 1, ErrorCode::IneligibleReplica);
    leader.on_log(at(3), 20, 20);
    assert_eq!(leader.high_watermark(), 11);
    assert!(leader.next_deadline().is_some_and(|due| due <= at(40)));
    leader.on_time(at(40));
    assert_eq!(leader.high_watermark(), 20);
}

#[test]
fn what_the_image_decides_holds_whatever_was_proposed_and_older_news_is_none() {
    let mut leader = leader(&[1], 1);
    leader.fetched(0, 2, 10);
    assert_eq!(leader.proposed(0), Some(vec![1, 2]));
    leader.on_registration(at(0), &[1, 2, 3], &[1, 2], 8);
    assert!(leader.is_in_sync(2));
    leader.on_outcome(at(0), ProposalNumber(1), &accepted(8, &[1, 2]));
    leader.on_registration(at(0), &[1, 2, 3], &[1], 7);
    assert!(leader.is_in_sync(2));
}

#[test]
fn records_are_deleted_everywhere_when_every_broker_that_runs_has_said_so() {
    let mut leader = leader(&[1, 2, 3], 1);
    assert_eq!(leader.low_watermark(8), None);
    leader.fetched(0, 2, 10);
    leader.on_broker(at(0), 3, None);
    assert_eq!(leader.low_watermark(8), Some(0));
    let fetch = ReplicaFetch {
        replica: 2,
        broker_epoch: Some(100),
        offset: 10,
        log_start_offset: 8,
    };
    leader.on_fetch(at(0), &fetch, true).unwrap();
    assert_eq!(leader.low_watermark(8), Some(8));
}
