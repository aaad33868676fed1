use super::*;
use crate::protocol::record_batch::RecordBatchBuilder;

fn batch(epoch: ProducerEpoch, sequence: i32, records: i32, at: Offset) -> RecordBatch {
    let mut builder = RecordBatchBuilder::new()
        .producer(7, epoch, Some(sequence))
        .place(at, 0);
    for _ in 0..records {
        builder.append(1000 + at, None, Some(b"value"), &[]);
    }
    builder.finish()
}

fn marker(epoch: ProducerEpoch, coordinator_epoch: i32, at: Offset) -> RecordBatch {
    let mut builder = RecordBatchBuilder::new()
        .producer(7, epoch, None)
        .transactional()
        .control()
        .place(at, 0);
    let value = EndTransactionMarker { coordinator_epoch }.encode();
    builder.append_control(1000 + at, ControlType::Commit, &value);
    builder.finish()
}

fn states(batches: &[RecordBatch]) -> ProducerStates {
    let mut states = ProducerStates::default();
    for batch in batches {
        states.replay(batch);
        states.check_invariants(batch.next_offset());
    }
    states
}

fn check(states: &ProducerStates, batch: &RecordBatch) -> Result<ProducerCheck, ErrorCode> {
    states.check(batch, AppendOrigin::Client)
}

const APPEND: Result<ProducerCheck, ErrorCode> = Ok(ProducerCheck::Append);
const GAP: Result<ProducerCheck, ErrorCode> = Err(ErrorCode::OutOfOrderSequenceNumber);

#[test]
fn an_unknown_producer_may_begin_anywhere() {
    let states = ProducerStates::default();
    assert_eq!(check(&states, &batch(3, 17, 1, 0)), APPEND);
}

#[test]
fn a_producer_is_known_by_its_last_records_or_by_a_marker_if_its_epoch_has_none() {
    let (first, last) = (batch(0, 0, 5, 0), batch(0, 5, 1, 5));
    let known = states(&[first.clone(), last.clone(), marker(0, 1, 6)]);
    assert!(known.end_with(&last));
    assert!(!known.end_with(&first) && !known.end_with(&marker(0, 1, 6)));
    let fenced = states(&[first.clone(), marker(1, 1, 5)]);
    assert!(fenced.end_with(&marker(1, 1, 5)));
    assert!(!fenced.end_with(&marker(0, 1, 5)) && !fenced.end_with(&first));
}

#[test]
fn sequences_must_follow_each_other() {
    let states = states(&[batch(0, 0, 5, 0)]);
    assert_eq!(check(&states, &batch(0, 5, 1, 5)), APPEND);
    assert_eq!(check(&states, &batch(0, 6, 1, 5)), GAP);
    assert_eq!(check(&states, &batch(0, 4, 1, 5)), GAP);
}

#[test]
fn sequences_start_again_after_the_largest() {
    let states = states(&[batch(0, i32::MAX - 1, 4, 10)]);
    assert_eq!(check(&states, &batch(0, 2, 1, 14)), APPEND);
    assert_eq!(
        check(&states, &batch(0, i32::MAX - 1, 4, 14)),
        Ok(ProducerCheck::Duplicate {
            first_offset: 10,
            last_offset: 13,
            timestamp: 1010
        })
    );
}

#[test]
fn the_last_five_batches_are_known_again() {
    let batches: Vec<_> = (0..6)
        .map(|n| batch(0, n * 2, 2, i64::from(n) * 2))
        .collect();
    let states = states(&batches);
    assert_eq!(
        check(&states, &batches[0]),
        GAP,
        "the sixth last is forgotten"
    );
    for known in &batches[1..] {
        assert_eq!(
            check(&states, known),
            Ok(ProducerCheck::Duplicate {
                first_offset: known.base_offset(),
                last_offset: known.last_offset(),
                timestamp: 1000 + known.base_offset()
            })
        );
    }
    assert_eq!(
        check(&states, &batch(0, 2, 1, 12)),
        GAP,
        "half of a known batch"
    );
}

#[test]
fn an_older_incarnation_is_fenced_and_a_newer_one_begins_at_zero() {
    let states = states(&[batch(1, 0, 5, 0)]);
    assert_eq!(
        check(&states, &batch(0, 5, 1, 5)),
        Err(ErrorCode::InvalidProducerEpoch)
    );
    assert_eq!(check(&states, &batch(2, 5, 1, 5)), GAP);
    assert_eq!(check(&states, &batch(2, 0, 1, 5)), APPEND);
}

#[test]
fn a_follower_takes_what_its_leader_took() {
    let states = states(&[batch(1, 0, 5, 0)]);
    for late in [batch(1, 0, 5, 5), batch(0, 9, 1, 5)] {
        let checked = states.check(&late, AppendOrigin::Replication);
        assert_eq!(checked, APPEND);
    }
}

#[test]
fn a_transaction_is_open_until_its_marker() {
    let mut builder = RecordBatchBuilder::new()
        .producer(7, 0, Some(0))
        .transactional()
        .place(20, 0);
    builder.append(1, None, None, &[]);
    let mut states = states(&[builder.finish()]);
    assert_eq!(states.first_open_transaction(), Some(20));
    assert_eq!(
        check(&states, &batch(0, 1, 1, 21)),
        Err(ErrorCode::InvalidTxnState)
    );
    states.replay(&marker(0, 4, 21));
    assert_eq!(states.first_open_transaction(), None);
    assert_eq!(
        states.check(&marker(0, 3, 22), AppendOrigin::Coordinator),
        Err(ErrorCode::TransactionCoordinatorFenced)
    );
    let active = states.active();
    assert_eq!(active[0].coordinator_epoch, Some(4));
    assert_eq!(active[0].last_timestamp, Some(1021));
    assert_eq!(active[0].last_sequence, Some(0));
}

#[test]
fn who_is_silent_too_long_is_forgotten_unless_a_transaction_is_open() {
    let mut silent = states(&[batch(0, 0, 1, 0)]);
    silent.expire(1999, 1000);
    assert_eq!(silent.len(), 1);
    silent.expire(2000, 1000);
    assert_eq!(silent.len(), 0);
    let mut open = RecordBatchBuilder::new()
        .producer(7, 0, Some(0))
        .transactional();
    open.append(1000, None, None, &[]);
    let mut open = states(&[open.finish()]);
    open.expire(5000, 1000);
    assert_eq!(open.len(), 1);
}

#[test]
fn the_number_of_producers_is_bounded() {
    let mut states = ProducerStates::default();
    let template = batch(0, 0, 1, 0);
    for id in 0..=PRODUCERS_MAX {
        let mut header = *template.header();
        header.producer_id = i64::try_from(id).unwrap();
        header.max_timestamp = header.producer_id;
        states.replay(&RecordBatch::new(header, template.body().clone()));
    }
    assert!(states.len() <= PRODUCERS_MAX);
    assert!(!states.entries.contains_key(&0), "the oldest went");
    assert!(
        states
            .entries
            .contains_key(&i64::try_from(PRODUCERS_MAX).unwrap())
    );
}

#[test]
fn a_marker_with_an_epoch_of_its_own_is_late_with_the_epoch_of_the_records() {
    let mut builder = RecordBatchBuilder::new()
        .producer(7, 4, Some(0))
        .transactional()
        .place(20, 0);
    builder.append(1, None, None, &[]);
    let mut states = states(&[builder.finish()]);
    let bumped = AppendOrigin::Marker { bumps_epoch: true };
    let plain = AppendOrigin::Marker { bumps_epoch: false };
    let late = Err(ErrorCode::InvalidProducerEpoch);
    for (epoch, origin, expected) in [
        (3, plain, late),
        (4, plain, APPEND),
        (5, plain, APPEND),
        (3, bumped, late),
        (4, bumped, late),
        (5, bumped, APPEND),
    ] {
        assert_eq!(
            states.check(&marker(epoch, 0, 21), origin),
            expected,
            "{epoch}, {origin:?}"
        );
    }
    states.replay(&marker(5, 0, 21));
    let again = states.check(&marker(5, 0, 22), bumped);
    assert_eq!(again, APPEND, "nothing is open that it could end twice");
    assert_eq!(states.check(&marker(4, 0, 22), bumped), late);
}
