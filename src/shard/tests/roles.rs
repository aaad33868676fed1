//! Leaders and followers: who is told what, and when.

use super::*;
use crate::shard::task::OffsetTarget;

const OLD_CONSUMER: Reader = Reader::Consumer {
    may_ask_followers: false,
};

impl Bench {
    /// A follower has everything below `offset`; what it is answered at once.
    fn follow_to(&mut self, offset: Offset) -> Option<FetchedPart> {
        let last_epoch = (offset > 0).then_some(3);
        let request = self.fetch(REPLICA, offset, [Some(3), last_epoch]);
        self.fetched(request)
    }

    fn list(&mut self, target: OffsetTarget) -> Result<Option<Offset>, ErrorCode> {
        let request = self.ask(Task::ListOffset {
            partition: self.id,
            leader_epoch: None,
            target,
        });
        match self.reply(request) {
            Some(Reply::Offset(found)) => found.map(|found| found.map(|found| found.offset)),
            reply => panic!("{reply:?} is no offset"),
        }
    }
}

#[test]
fn all_in_sync_must_have_a_record_before_who_waits_for_all_is_told() {
    let mut bench = Bench::new(LED, &[]);
    let (all, one) = (bench.produce(Acks::InSync), bench.produce(Acks::Leader));
    assert_eq!(bench.produced(all), None);
    assert_eq!(bench.produced(one), Some(Ok(1)), "the leader has it");
    let found = bench.follow_to(0).unwrap();
    assert!(found.records_bytes() > 0, "the leader serves to its end");
    assert_eq!(found.high_watermark, Some(0));
    assert_eq!(bench.produced(all), None, "it is on its way");
    bench.follow_to(1);
    assert_eq!(bench.produced(all), Some(Ok(0)));
    let waiting = bench.follow_to(2);
    assert!(waiting.is_none(), "there is nothing more");
    let consumer = bench.fetch(CONSUMER, 0, [None; 2]);
    assert_eq!(bench.fetched(consumer).unwrap().high_watermark, Some(2));
}

#[test]
fn a_consumer_is_sent_to_a_follower_in_its_rack_that_has_what_it_asks_for() {
    let mut bench = Bench::new(LED, &[]);
    bench.produce(Acks::Leader);
    bench.follow_to(1);
    let read = |bench: &mut Bench, rack: &'static str, offset: Offset| {
        bench.reader_rack = Some(rack);
        let request = bench.fetch(CONSUMER, offset, [None; 2]);
        bench
            .fetched(request)
            .map(|part| (part.preferred_replica, part.records_bytes() > 0))
    };
    assert_eq!(read(&mut bench, "rack-2", 0), Some((Some(2), false)));
    assert_eq!(read(&mut bench, "rack-9", 0), Some((None, true)));
    assert_eq!(
        read(&mut bench, "rack-3", 0),
        Some((None, true)),
        "3 has nothing"
    );
    bench.produce(Acks::Leader);
    assert_eq!(
        read(&mut bench, "rack-2", 2),
        None,
        "2 does not reach so far"
    );
    bench.register_broker(2, 100, true);
    assert_eq!(
        read(&mut bench, "rack-2", 0),
        Some((None, true)),
        "2 is gone"
    );
}

#[test]
fn a_follower_that_waits_is_answered_before_the_leader_has_synced() {
    let mut bench = Bench::new(LED, &[]);
    let follower = bench.fetch(REPLICA, 0, [Some(3), None]);
    let consumer = bench.fetch(CONSUMER, 0, [None; 2]);
    bench.is_disk_slow = true;
    let one = bench.produce(Acks::Leader);
    assert!(bench.fetched(follower).unwrap().records_bytes() > 0);
    assert!(bench.fetched(consumer).is_none());
    assert_eq!(bench.produced(one), None);
    let ahead = bench.fetch(REPLICA, 1, [Some(3), Some(3)]);
    let all = bench.produce(Acks::InSync);
    assert!(bench.fetched(ahead).is_some());
    bench.follow_to(2);
    assert_eq!(
        bench.produced(all),
        None,
        "the leader counts only what it has synced"
    );
    bench.sync();
    assert_eq!(bench.produced(one), Some(Ok(0)));
    assert_eq!(bench.produced(all), Some(Ok(1)));
    assert!(bench.fetched(consumer).unwrap().records_bytes() > 0);
}

#[test]
fn too_few_in_sync_are_refused_and_too_slow_ones_time_out() {
    let set = [("min.insync.replicas", "2")];
    let alone = Registered { isr: &[1], ..LED };
    let mut bench = Bench::new(alone, &set);
    let all = bench.produce(Acks::InSync);
    assert_eq!(bench.produced(all), Some(Err(ErrorCode::NotEnoughReplicas)));
    let one = bench.produce(Acks::Leader);
    assert_eq!(bench.produced(one), Some(Ok(0)));
    let consumer = bench.fetch(CONSUMER, 0, [None; 2]);
    assert!(bench.fetched(consumer).is_none(), "it is not committed");
    let mut bench = Bench::new(LED, &set);
    let all = bench.produce(Acks::InSync);
    bench.wait(Duration::from_secs(9));
    assert_eq!(bench.produced(all), None);
    bench.wait(Duration::from_secs(1));
    assert_eq!(bench.produced(all), Some(Err(ErrorCode::RequestTimedOut)));
}

#[test]
fn a_slow_disk_of_the_leader_is_waited_for_however_long() {
    let mut bench = Bench::new(LED, &[]);
    bench.is_disk_slow = true;
    let all = bench.produce(Acks::InSync);
    bench.wait(Duration::from_secs(20));
    assert_eq!(bench.produced(all), None);
    bench.sync();
    assert_eq!(bench.produced(all), Some(Err(ErrorCode::RequestTimedOut)));
}

#[test]
fn who_led_and_follows_now_refuses_what_only_a_leader_does() {
    let mut bench = Bench::new(LED, &[]);
    let waiting = bench.produce(Acks::InSync);
    let consumer = bench.fetch(OLD_CONSUMER, 1, [None; 2]);
    let replica = bench.fetch(REPLICA, 1, [Some(3), Some(3)]);
    bench.register(FOLLOWED);
    let refused = ErrorCode::NotLeaderOrFollower;
    assert_eq!(bench.fetched(consumer).unwrap().error, refused);
    let fenced = ErrorCode::FencedLeaderEpoch;
    assert_eq!(bench.fetched(replica).unwrap().error, fenced);
    let next = bench.produce(Acks::Leader);
    assert_eq!(bench.produced(next), Some(Err(refused)));
    let latest = OffsetTarget::Latest {
        is_committed_only: false,
    };
    assert_eq!(bench.list(latest), Err(refused));
    // The follower had it before.
    assert_eq!(bench.produced(waiting), Some(Ok(0)));
    let consumer = bench.fetch(CONSUMER, 0, [Some(4), None]);
    let found = bench.fetched(consumer).unwrap();
    assert_eq!(
        found.high_watermark,
        Some(1),
        "followers serve what is committed"
    );
}

#[test]
fn what_nobody_else_has_is_refused_when_another_leads() {
    let mut bench = Bench::new(LED, &[]);
    let waiting = bench.produce(Acks::InSync);
    bench.register(FOLLOWED);
    let refused = Err(ErrorCode::NotLeaderOrFollower);
    assert_eq!(bench.produced(waiting), Some(refused));
}

#[test]
fn a_new_leader_hides_where_its_log_ends_until_all_in_sync_have_followed() {
    let mut bench = Bench::new(LED, &[]);
    bench.produce(Acks::Leader);
    bench.register(FOLLOWED);
    bench.register(Registered {
        leader_epoch: 5,
        partition_epoch: 7,
        ..LED
    });
    let latest = OffsetTarget::Latest {
        is_committed_only: false,
    };
    assert_eq!(bench.list(latest), Err(ErrorCode::OffsetNotAvailable));
    assert_eq!(bench.list(OffsetTarget::LogEnd), Ok(Some(1)));
    bench.fetch(REPLICA, 1, [Some(5), Some(3)]);
    assert_eq!(bench.list(latest), Ok(Some(1)));
}

#[test]
fn a_follower_with_another_log_is_told_where_they_part_and_counts_for_nothing() {
    let mut bench = Bench::new(LED, &[]);
    let all = bench.produce(Acks::InSync);
    let request = bench.fetch(REPLICA, 1, [Some(3), Some(2)]);
    let part = bench.fetched(request).unwrap();
    assert_eq!(part.error, ErrorCode::None);
    assert_eq!(part.diverging, Some((2, 0)));
    assert_eq!(bench.produced(all), None);
    for (epoch, error) in [
        (2, ErrorCode::FencedLeaderEpoch),
        (4, ErrorCode::UnknownLeaderEpoch),
    ] {
        let request = bench.fetch(REPLICA, 1, [Some(epoch), Some(3)]);
        assert_eq!(bench.fetched(request).unwrap().error, error);
    }
    let stranger = Reader::Replica {
        id: 9,
        broker_epoch: None,
    };
    let request = bench.fetch(stranger, 1, [Some(3), Some(3)]);
    let error = ErrorCode::UnknownLeaderEpoch;
    assert_eq!(bench.fetched(request).unwrap().error, error);
    assert_eq!(bench.produced(all), None);
}

#[test]
fn leaders_propose_who_has_caught_up_and_who_fell_behind() {
    let mut bench = Bench::new(LED, &[]);
    bench.produce(Acks::Leader);
    bench.register_broker(3, 101, false);
    let other = Reader::Replica {
        id: 3,
        broker_epoch: Some(101),
    };
    bench.fetch(other, 1, [Some(3), Some(3)]);
    assert_eq!(bench.proposals(), [vec![1, 2, 3]]);
    bench.register(Registered {
        isr: &[1, 2, 3],
        partition_epoch: 6,
        ..LED
    });
    for _ in 0..3 {
        bench.wait(Duration::from_secs(16));
    }
    assert_eq!(bench.proposals(), [vec![1, 3]]);
    let all = bench.produce(Acks::InSync);
    bench.fetch(other, 2, [Some(3), Some(3)]);
    assert_eq!(bench.produced(all), None, "2 may still be in sync");
    bench.register(Registered {
        isr: &[1, 3],
        partition_epoch: 7,
        ..LED
    });
    assert_eq!(bench.produced(all), Some(Ok(1)));
}

#[test]
fn a_replica_that_only_follows_is_opened_and_takes_nothing() {
    let mut bench = Bench::new(FOLLOWED, &[]);
    let request = bench.produce(Acks::Leader);
    let refused = Err(ErrorCode::NotLeaderOrFollower);
    assert_eq!(bench.produced(request), Some(refused));
    bench.register(Registered {
        leader_epoch: 5,
        partition_epoch: 7,
        isr: &[1],
        ..LED
    });
    let request = bench.produce(Acks::InSync);
    assert_eq!(bench.produced(request), Some(Ok(0)));
}

#[test]
fn a_replica_that_was_taken_away_goes_and_one_that_comes_back_begins_anew() {
    let mut bench = Bench::new(LED, &[]);
    let waiting = bench.produce(Acks::InSync);
    bench.posted.clear();
    bench.register(Registered {
        replicas: &[2, 3],
        ..FOLLOWED
    });
    let refused = Err(ErrorCode::NotLeaderOrFollower);
    assert_eq!(bench.produced(waiting), Some(refused));
    let gone = bench.produce(Acks::Leader);
    assert_eq!(bench.produced(gone), Some(refused));
    let left = bench.posted.drain(..);
    let left: Vec<Message> = left
        .filter(|message| matches!(message, Message::FoldersLeft(_)))
        .collect();
    assert_eq!(left.len(), 1);
    bench.register(Registered {
        leader_epoch: 5,
        partition_epoch: 7,
        ..LED
    });
    bench.tell(Message::ClaimsAnswered(vec![(bench.id, true)]));
    let again = bench.produce(Acks::Leader);
    assert_eq!(bench.produced(again), Some(Ok(0)));
}

#[test]
fn who_deletes_records_waits_for_every_replica_that_runs() {
    let mut bench = Bench::new(LED, &[]);
    bench.produce(Acks::Leader);
    bench.follow_to(1);
    let delete = |bench: &mut Bench| {
        let deadline = bench.now.instant + Duration::from_secs(10);
        bench.ask(Task::DeleteRecords {
            partition: bench.id,
            before: None,
            deadline,
        })
    };
    let deleted = |bench: &mut Bench, request| match bench.reply(request)? {
        Reply::DeletedRecords(result) => Some(result),
        reply => panic!("{reply:?} is no answer to a deletion"),
    };
    let request = delete(&mut bench);
    assert_eq!(deleted(&mut bench, request), None);
    bench.replica_start = 1;
    bench.follow_to(1);
    assert_eq!(deleted(&mut bench, request), None, "3 has not told");
    bench.register_broker(3, 100, true);
    assert_eq!(deleted(&mut bench, request), Some(Ok(1)));
    bench.produce(Acks::Leader);
    bench.follow_to(2);
    let request = delete(&mut bench);
    bench.wait(Duration::from_secs(10));
    let late = Err(ErrorCode::RequestTimedOut);
    assert_eq!(deleted(&mut bench, request), Some(late));
    let request = delete(&mut bench);
    bench.register(FOLLOWED);
    let refused = Err(ErrorCode::NotLeaderOrFollower);
    assert_eq!(deleted(&mut bench, request), Some(refused));
}
