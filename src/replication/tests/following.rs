//! The follower's rules.

use bytes::Bytes;

use crate::log::EpochEnd;
use crate::model::{ErrorCode, LeaderEpoch, Offset};

use super::*;

/// A log from 2 to 10 that is safe, of which epoch 1 wrote what is below 6 and epoch 2 the rest.
const LOG: ReplicaLog = ReplicaLog {
    start_offset: 2,
    end_offset: 10,
    safe_end_offset: 10,
    latest_epoch: Some(2),
};

fn end_of_epoch(epoch: LeaderEpoch) -> Option<EpochEnd> {
    let end = |epoch, end_offset| Some(EpochEnd { epoch, end_offset });
    match epoch {
        1 => end(1, 6),
        2 => end(2, 10),
        _ => None,
    }
}

fn follower() -> Follower {
    Follower::new(Some(1), 3, 5)
}

fn answered(follower: &mut Follower, answer: FetchAnswer) -> FollowerStep {
    let asked = follower.plan_fetch(&LOG).unwrap();
    follower.on_answer(&asked, answer, &LOG, end_of_epoch)
}

fn refused(error: ErrorCode) -> FetchAnswer {
    FetchAnswer {
        error,
        ..FetchAnswer::default()
    }
}

fn diverging(epoch: LeaderEpoch, end: Offset) -> FetchAnswer {
    FetchAnswer {
        diverging: Some((epoch, end)),
        ..FetchAnswer::default()
    }
}

#[test]
fn a_follower_fetches_from_its_end_once_all_of_its_log_is_safe() {
    let follower = follower();
    let asked = FetchPosition {
        offset: 10,
        last_fetched_epoch: Some(2),
        leader_epoch: 3,
        log_start_offset: 2,
    };
    assert_eq!(follower.plan_fetch(&LOG), Some(asked));
    let unsafe_end = ReplicaLog {
        safe_end_offset: 9,
        ..LOG
    };
    assert_eq!(follower.plan_fetch(&unsafe_end), None);
    assert_eq!(Follower::new(None, 3, 5).plan_fetch(&LOG), None);
}

#[test]
fn the_leaders_watermark_and_start_are_taken_over_as_far_as_the_log_is_safe() {
    let mut follower = follower();
    let answer = FetchAnswer {
        high_watermark: Some(12),
        log_start_offset: Some(4),
        records: Bytes::from_static(b"records"),
        ..FetchAnswer::default()
    };
    let step = answered(&mut follower, answer);
    assert_eq!(step, FollowerStep::Append(Bytes::from_static(b"records")));
    let unsafe_end = ReplicaLog {
        end_offset: 12,
        ..LOG
    };
    assert_eq!(follower.on_appended(&unsafe_end), Some(4));
    assert_eq!(follower.high_watermark(), 10);
    let safe = ReplicaLog {
        start_offset: 4,
        end_offset: 12,
        safe_end_offset: 12,
        ..LOG
    };
    assert_eq!(follower.on_appended(&safe), None);
    assert_eq!(follower.high_watermark(), 12);
}

#[test]
fn a_log_that_is_not_the_leaders_is_cut_where_both_may_agree() {
    for (told, kept) in [
        (diverging(2, 8), 8),
        (diverging(1, 7), 6),
        (diverging(1, 5), 5),
    ] {
        let step = answered(&mut follower(), told);
        assert_eq!(step, FollowerStep::Truncate(kept));
    }
    // It led an epoch in which nothing came: the note of that epoch goes, not a record.
    let step = answered(&mut follower(), diverging(2, 10));
    assert_eq!(step, FollowerStep::Truncate(10));
    // Everything was written by epochs that the leader does not know.
    let step = answered(&mut follower(), diverging(0, 1));
    assert_eq!(step, FollowerStep::StartAnew(1));
    let step = answered(&mut follower(), diverging(0, -1));
    assert_eq!(step, FollowerStep::RetryLater);
}

#[test]
fn the_high_watermark_goes_back_only_with_records_that_are_cut_off() {
    let mut follower = follower();
    let answer = FetchAnswer {
        high_watermark: Some(3),
        log_start_offset: Some(0),
        ..FetchAnswer::default()
    };
    answered(&mut follower, answer);
    follower.on_appended(&LOG);
    assert_eq!(follower.high_watermark(), 5, "it was told another before");
    answered(&mut follower, diverging(2, 7));
    assert_eq!(follower.high_watermark(), 5);
    answered(&mut follower, diverging(1, 3));
    assert_eq!(follower.high_watermark(), 3);
}

#[test]
fn a_follower_outside_of_the_leaders_log_begins_anew_or_is_cut() {
    let mut follower = follower();
    let step = answered(&mut follower, refused(ErrorCode::OffsetOutOfRange));
    assert_eq!(step, FollowerStep::AskBounds);
    let asked = follower.plan_fetch(&LOG).unwrap();
    let step = follower.on_leader_bounds(&asked, (0, 7), &LOG);
    assert_eq!(step, FollowerStep::Truncate(7));
    let step = follower.on_leader_bounds(&asked, (0, 10), &LOG);
    assert_eq!(step, FollowerStep::RetryLater);
    let step = follower.on_leader_bounds(&asked, (15, 20), &LOG);
    assert_eq!(step, FollowerStep::StartAnew(15));
    assert_eq!(follower.high_watermark(), 15);
}

#[test]
fn after_a_refusal_a_follower_asks_again_or_waits_for_another_epoch() {
    let mut follower = follower();
    for error in [
        ErrorCode::UnknownLeaderEpoch,
        ErrorCode::NotLeaderOrFollower,
        ErrorCode::UnknownTopicId,
    ] {
        let step = answered(&mut follower, refused(error));
        assert_eq!(step, FollowerStep::RetrySoon, "it may not know yet");
    }
    let step = answered(&mut follower, refused(ErrorCode::KafkaStorageError));
    assert_eq!(step, FollowerStep::RetryLater);
    let step = answered(&mut follower, refused(ErrorCode::FencedLeaderEpoch));
    assert_eq!(step, FollowerStep::AwaitImage);
    assert_eq!(follower.plan_fetch(&LOG), None);
}

#[test]
fn what_answers_another_question_is_passed_over() {
    let mut follower = follower();
    let asked = follower.plan_fetch(&LOG).unwrap();
    let answer = FetchAnswer {
        high_watermark: Some(10),
        log_start_offset: Some(0),
        ..FetchAnswer::default()
    };
    for stale in [
        FetchPosition { offset: 9, ..asked },
        FetchPosition {
            leader_epoch: 2,
            ..asked
        },
    ] {
        let step = follower.on_answer(&stale, answer.clone(), &LOG, end_of_epoch);
        assert_eq!(step, FollowerStep::Ignore);
        let step = follower.on_leader_bounds(&stale, (15, 20), &LOG);
        assert_eq!(step, FollowerStep::Ignore);
    }
    assert_eq!(follower.on_appended(&LOG), None);
    assert_eq!(follower.high_watermark(), 5);
}
