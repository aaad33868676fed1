//! What a node does, one thing at a time.

use super::*;
use crate::model::{BrokerId, LeaderEpoch, Offset, Uuid};
use crate::quorum::request::ReplicaKey;
use crate::quorum::snapshot::SnapshotId;
use crate::quorum::state::ElectionState;

/// A log of so many records, of one epoch.
#[derive(Clone, Copy, Debug, Default)]
struct Log {
    end: LogEnd,
    synced: Offset,
    start: Offset,
}

impl LogView for Log {
    fn end(&self) -> LogEnd {
        self.end
    }

    fn synced_end_offset(&self) -> Offset {
        self.synced
    }

    fn end_of_epoch(&self, epoch: LeaderEpoch) -> LogEnd {
        if epoch < self.end.epoch {
            return LogEnd::default();
        }
        self.end
    }

    fn snapshot_for(&self, end: LogEnd) -> Option<SnapshotId> {
        (end.offset < self.start).then_some(SnapshotId {
            end_offset: self.start,
            epoch: self.end.epoch,
        })
    }
}

fn log(epoch: LeaderEpoch, offset: Offset) -> Log {
    Log {
        end: LogEnd { epoch, offset },
        synced: offset,
        start: 0,
    }
}

fn key(id: BrokerId) -> ReplicaKey {
    ReplicaKey {
        id,
        directory_id: Uuid::from_bytes([u8::try_from(id).unwrap(); 16]),
    }
}

fn keys(ids: impl IntoIterator<Item = BrokerId>) -> Vec<ReplicaKey> {
    ids.into_iter().map(key).collect()
}

fn voting(voters: Vec<ReplicaKey>, named_at: Offset) -> Voting {
    Voting {
        voters,
        named_at,
        before: Vec::new(),
    }
}

fn outputs(raft: &mut Raft) -> Vec<Output> {
    std::iter::from_fn(|| raft.next_output()).collect()
}

/// Node 1 of so many voters, started.
fn node(voters: BrokerId, log: &Log) -> Raft {
    let voters = voting(keys(1..=voters), 0);
    let mut raft = Raft::new(key(1), voters, ElectionState::default());
    raft.start(log);
    outputs(&mut raft);
    raft
}

fn granted(raft: &Raft) -> VoteAnswer {
    VoteAnswer {
        known: EpochAnswer {
            refusal: None,
            epoch: raft.epoch(),
            leader: None,
        },
        is_granted: true,
    }
}

/// Node 1 of so many voters, which leads.
fn leader(voters: BrokerId, log: &Log) -> Raft {
    let mut raft = node(voters, log);
    raft.on_timer(Timer::Election, log);
    for _ in 0..2 {
        let asked = asked(&outputs(&mut raft));
        for from in 2..=voters {
            let answer = granted(&raft);
            raft.on_vote_answer(from, &asked, &answer, log);
        }
    }
    assert!(raft.is_leader());
    outputs(&mut raft);
    raft
}

fn asked(outputs: &[Output]) -> VoteAsk {
    let mut asked = outputs.iter().filter_map(|output| match output {
        Output::Send {
            request: Request::Vote(ask),
            ..
        } => Some(*ask),
        _ => None,
    });
    asked.next().expect("it asks for votes")
}

fn fetch(replica: ReplicaKey, epoch: LeaderEpoch, end: LogEnd) -> FetchAsk {
    FetchAsk {
        replica: Some(replica),
        epoch,
        end,
        high_watermark: None,
    }
}

/// What node 2, the leader of epoch 1, answers to who has all that it has.
fn nothing_new(high_watermark: Option<Offset>) -> FetchAnswer {
    FetchAnswer {
        known: EpochAnswer {
            refusal: None,
            epoch: 1,
            leader: Some(2),
        },
        found: FetchFound::Nothing,
        high_watermark,
    }
}

fn vote(candidate: BrokerId, epoch: LeaderEpoch, end: LogEnd, is_pre_vote: bool) -> VoteAsk {
    VoteAsk {
        candidate: key(candidate),
        epoch,
        end,
        is_pre_vote,
        voter: Some(key(1)),
    }
}

#[test]
fn the_only_voter_leads_a_new_epoch_at_once_and_says_so_after_it_is_on_the_disk() {
    let log = log(3, 10);
    let remembered = ElectionState {
        leader_epoch: 3,
        ..ElectionState::default()
    };
    let mut raft = Raft::new(key(1), voting(keys([1]), 0), remembered);
    raft.start(&log);
    let outputs = outputs(&mut raft);
    let leads = outputs
        .iter()
        .position(|output| matches!(output, Output::Lead { epoch: 4, .. }));
    let persisted = outputs
        .iter()
        .rposition(|output| matches!(output, Output::Persist(state) if state.leader_id == Some(1)));
    assert!(persisted.unwrap() < leads.unwrap());
    assert!(!outputs.contains(&Output::Start(Timer::CheckQuorum)));
}

#[test]
fn nobody_is_disturbed_before_a_majority_would_vote() {
    let log = log(0, 0);
    let mut raft = node(3, &log);
    raft.on_timer(Timer::Election, &log);
    let asked = asked(&outputs(&mut raft));
    assert!(asked.is_pre_vote);
    assert_eq!(raft.epoch(), 0, "a pre-vote changes no epoch");
    let answer = granted(&raft);
    raft.on_vote_answer(2, &asked, &answer, &log);
    assert_eq!(raft.epoch(), 1);
    assert!(matches!(raft.role(), Role::Candidate(_)));
}

#[test]
fn one_vote_is_given_in_an_epoch_and_only_to_a_log_with_all_that_is_here() {
    let log = log(2, 10);
    let mut raft = node(3, &log);
    let shorter = LogEnd {
        epoch: 2,
        offset: 9,
    };
    let longer = LogEnd {
        epoch: 1,
        offset: 90,
    };
    assert!(!raft.on_vote(&vote(2, 5, shorter, false), &log).is_granted);
    assert!(!raft.on_vote(&vote(2, 5, longer, false), &log).is_granted);
    assert!(raft.on_vote(&vote(2, 5, log.end, false), &log).is_granted);
    assert!(raft.on_vote(&vote(2, 5, log.end, false), &log).is_granted);
    assert!(!raft.on_vote(&vote(3, 5, log.end, false), &log).is_granted);
    assert!(raft.on_vote(&vote(3, 6, log.end, false), &log).is_granted);
    let late = raft.on_vote(&vote(2, 5, log.end, false), &log);
    assert_eq!(late.known.refusal, Some(Refusal::FencedEpoch));
}

#[test]
fn a_vote_that_was_meant_for_another_disk_is_refused() {
    let log = log(0, 0);
    let mut raft = node(3, &log);
    let mut ask = vote(2, 1, log.end, false);
    ask.voter = Some(ReplicaKey {
        id: 1,
        directory_id: Uuid::METADATA_TOPIC,
    });
    let answer = raft.on_vote(&ask, &log);
    assert_eq!(answer.known.refusal, Some(Refusal::InvalidVoterKey));
    assert_eq!(raft.epoch(), 0);
}

#[test]
fn who_hears_of_its_leader_would_vote_for_nobody() {
    let log = log(1, 5);
    let mut raft = node(3, &log);
    raft.on_begin_epoch(2, 1, Some(key(1)), &log);
    assert!(raft.on_vote(&vote(3, 1, log.end, true), &log).is_granted);
    let asked = fetch(key(1), 1, log.end);
    let answer = nothing_new(Some(4));
    raft.on_fetch_answer(&asked, &answer, &log);
    assert_eq!(raft.high_watermark(), Some(4));
    assert!(!raft.on_vote(&vote(3, 1, log.end, true), &log).is_granted);
}

#[test]
fn what_a_majority_has_synced_is_committed_once_it_is_of_the_leaders_own_epoch() {
    let before = log(0, 10);
    let mut raft = leader(3, &before);
    let epoch = raft.epoch();
    raft.on_fetch(&fetch(key(2), epoch, before.end), &before);
    assert_eq!(
        raft.high_watermark(),
        None,
        "all of it is of an earlier one"
    );
    let mut now = log(epoch, 11);
    now.synced = 10;
    raft.on_fetch(&fetch(key(2), epoch, now.end), &now);
    assert_eq!(raft.high_watermark(), None, "the leader has not synced it");
    now.synced = 11;
    raft.on_log_synced(&now);
    assert_eq!(raft.high_watermark(), Some(11));
    assert!(outputs(&mut raft).contains(&Output::Committed(11)));
}

#[test]
fn the_fetches_of_observers_commit_nothing() {
    let before = log(0, 0);
    let mut raft = leader(3, &before);
    let epoch = raft.epoch();
    let mut now = log(epoch, 5);
    now.synced = 5;
    let swapped = ReplicaKey {
        id: 2,
        directory_id: Uuid::METADATA_TOPIC,
    };
    for replica in [key(9), swapped] {
        let verdict = raft.on_fetch(&fetch(replica, epoch, now.end), &now);
        assert_eq!(verdict, FetchVerdict::Records);
    }
    assert_eq!(raft.high_watermark(), None);
}

#[test]
fn a_leader_that_no_majority_fetches_from_resigns_and_names_the_best_successor_first() {
    let start = log(0, 0);
    let mut raft = leader(3, &start);
    let epoch = raft.epoch();
    let now = log(epoch, 5);
    let behind = LogEnd { epoch, offset: 2 };
    raft.on_fetch(&fetch(key(3), epoch, behind), &now);
    assert!(outputs(&mut raft).contains(&Output::Start(Timer::CheckQuorum)));
    raft.on_timer(Timer::CheckQuorum, &now);
    assert_eq!(raft.leader(), None);
    let told = outputs(&mut raft)
        .into_iter()
        .find_map(|output| match output {
            Output::Send {
                request: Request::EndEpoch { successors, .. },
                ..
            } => Some(successors),
            _ => None,
        });
    assert_eq!(told, Some(vec![key(3), key(2)]));
    let verdict = raft.on_fetch(&fetch(key(3), epoch, now.end), &now);
    assert_eq!(verdict, FetchVerdict::Refused(Refusal::NotLeader));
}

#[test]
fn the_first_successor_stands_at_once_and_the_others_wait() {
    for (successors, stands) in [([1, 3], true), ([3, 1], false)] {
        let log = log(1, 5);
        let mut raft = node(3, &log);
        raft.on_begin_epoch(2, 1, Some(key(1)), &log);
        outputs(&mut raft);
        raft.on_end_epoch(2, 1, &successors.map(key), &log);
        assert_eq!(matches!(raft.role(), Role::Prospective(_)), stands);
        assert!(outputs(&mut raft).contains(&Output::Start(Timer::Election)));
    }
}

#[test]
fn a_follower_fetches_on_when_what_it_has_is_synced() {
    let mut mine = log(1, 5);
    let mut raft = node(3, &mine);
    raft.on_begin_epoch(2, 1, Some(key(1)), &mine);
    outputs(&mut raft);
    let known = EpochAnswer {
        refusal: None,
        epoch: 1,
        leader: Some(2),
    };
    let answer = FetchAnswer {
        known,
        found: FetchFound::Records,
        high_watermark: Some(9),
    };
    let asked = fetch(key(1), 1, mine.end);
    let found = raft.on_fetch_answer(&asked, &answer, &mine);
    assert_eq!(found, FetchFound::Records);
    assert_eq!(raft.high_watermark(), Some(5), "as far as the log reaches");
    let again = raft.on_fetch_answer(&asked, &answer, &mine);
    assert_eq!(again, FetchFound::Nothing, "an answer is taken once");
    mine.end.offset = 8;
    raft.on_log_synced(&mine);
    let fetches = |outputs: &[Output]| {
        let is_fetch = |output: &&Output| {
            matches!(
                output,
                Output::Send {
                    request: Request::Fetch(_),
                    ..
                }
            )
        };
        outputs.iter().filter(is_fetch).count()
    };
    assert_eq!(fetches(&outputs(&mut raft)), 0);
    mine.synced = 8;
    raft.on_log_synced(&mine);
    assert_eq!(fetches(&outputs(&mut raft)), 1);
}

#[test]
fn an_observer_never_stands_and_asks_anybody_when_its_leader_is_silent() {
    let log = log(1, 5);
    let remembered = ElectionState {
        leader_id: Some(2),
        leader_epoch: 1,
        voted: None,
    };
    let mut raft = Raft::new(key(9), voting(keys(1..=3), 0), remembered);
    raft.start(&log);
    let asks = |raft: &mut Raft| {
        outputs(raft).into_iter().find_map(|output| match output {
            Output::Send { to, .. } => Some(to),
            _ => None,
        })
    };
    assert_eq!(asks(&mut raft), Some(Target::Node(2)));
    raft.on_timer(Timer::Fetch, &log);
    assert_eq!(asks(&mut raft), Some(Target::Anybody));
    raft.on_timer(Timer::Election, &log);
    assert_eq!(*raft.role(), Role::Unattached);
    assert_eq!(raft.epoch(), 1);
}

#[test]
fn a_follower_whose_records_are_gone_is_sent_to_a_snapshot() {
    let start = log(0, 0);
    let mut raft = leader(3, &start);
    let epoch = raft.epoch();
    let mut now = log(epoch, 50);
    now.start = 20;
    let behind = LogEnd {
        epoch: 0,
        offset: 5,
    };
    let verdict = raft.on_fetch(&fetch(key(2), epoch, behind), &now);
    assert!(matches!(verdict, FetchVerdict::Snapshot(id) if id.end_offset == 20));
}

/// Node 1 of so many voters, which follows `leader` in epoch 1 and was served.
fn follower(voters: BrokerId, leader: BrokerId, log: &Log) -> Raft {
    let mut raft = node(voters, log);
    raft.on_begin_epoch(leader, 1, Some(key(1)), log);
    let asked = outputs(&mut raft)
        .into_iter()
        .find_map(|output| match output {
            Output::Send {
                request: Request::Fetch(ask),
                ..
            } => Some(ask),
            _ => None,
        });
    let known = raft.told(None);
    let answer = FetchAnswer {
        known,
        found: FetchFound::Nothing,
        high_watermark: None,
    };
    raft.on_fetch_answer(&asked.expect("it fetches"), &answer, log);
    outputs(&mut raft);
    raft
}

#[test]
fn the_first_voter_asks_for_votes_when_nobody_listens_where_its_leader_did() {
    let log = log(0, 0);
    let mut raft = follower(3, 3, &log);
    raft.on_leader_gone(3, 1, &log);
    assert!(asked(&outputs(&mut raft)).is_pre_vote);
    assert_eq!(raft.epoch(), 1, "it only asks");
}

#[test]
fn the_other_voters_of_a_leader_that_is_gone_vote_and_stand_a_little_later() {
    let log = log(0, 0);
    let voters = voting(keys([1, 2, 0]), 0);
    let mut raft = Raft::new(key(1), voters, ElectionState::default());
    raft.on_begin_epoch(2, 1, Some(key(1)), &log);
    outputs(&mut raft);
    raft.on_leader_gone(2, 1, &log);
    assert!(outputs(&mut raft).contains(&Output::Start(Timer::Succession)));
    assert!(raft.on_vote(&vote(0, 1, log.end, true), &log).is_granted);
    raft.on_timer(Timer::Succession, &log);
    assert!(asked(&outputs(&mut raft)).is_pre_vote);
}

#[test]
fn a_voter_whose_leader_was_not_gone_follows_it_again() {
    let log = log(0, 0);
    let mut raft = follower(3, 3, &log);
    raft.on_leader_gone(3, 1, &log);
    let asked = asked(&outputs(&mut raft));
    let known = EpochAnswer {
        refusal: None,
        epoch: 1,
        leader: Some(3),
    };
    let answer = VoteAnswer {
        known,
        is_granted: false,
    };
    raft.on_vote_answer(2, &asked, &answer, &log);
    assert!(matches!(raft.role(), Role::Follower { .. }));
    assert_eq!((raft.epoch(), raft.leader()), (1, Some(3)));
}

#[test]
fn that_another_leader_is_gone_or_that_of_another_epoch_means_nothing() {
    let log = log(0, 0);
    let mut raft = follower(3, 3, &log);
    raft.on_leader_gone(2, 1, &log);
    raft.on_leader_gone(3, 0, &log);
    assert_eq!(outputs(&mut raft), []);
    assert!(matches!(raft.role(), Role::Follower { .. }));
}

#[test]
fn an_observer_whose_leader_is_gone_asks_others_for_the_next_one() {
    let log = log(0, 0);
    let voters = voting(keys([2, 3]), 0);
    let mut raft = Raft::new(key(1), voters, ElectionState::default());
    raft.on_begin_epoch(3, 1, None, &log);
    outputs(&mut raft);
    raft.on_leader_gone(3, 1, &log);
    let asks_others = outputs(&mut raft).into_iter().any(|output| {
        let to = Target::Anybody;
        matches!(output, Output::Send { to: found, request: Request::Fetch(_) } if found == to)
    });
    assert!(asks_others);
}

/// Node 1, which leads, and its log, whose first record of the epoch is committed.
fn settled_leader(voters: BrokerId) -> (Raft, Log) {
    let mut raft = leader(voters, &log(0, 0));
    let settled = log(raft.epoch(), 1);
    raft.on_log_synced(&settled);
    for id in 2..=voters {
        raft.on_fetch(&fetch(key(id), raft.epoch(), settled.end), &settled);
    }
    assert_eq!(raft.high_watermark(), Some(1));
    outputs(&mut raft);
    (raft, settled)
}

/// Node 1, which led without being asked, since it is the only voter.
fn lone_leader() -> (Raft, Log) {
    let mut raft = node(1, &log(0, 0));
    assert!(raft.is_leader());
    let settled = log(raft.epoch(), 1);
    raft.on_log_synced(&settled);
    outputs(&mut raft);
    (raft, settled)
}

#[test]
fn voters_are_changed_by_a_leader_that_has_committed_something_and_every_earlier_change() {
    let follower = node(3, &log(0, 0));
    assert_eq!(follower.check_change(), Err(ChangeRefusal::NotLeader));
    let young = leader(3, &log(0, 0));
    assert_eq!(young.check_change(), Err(ChangeRefusal::EpochUncommitted));
    let (mut raft, settled) = settled_leader(3);
    assert_eq!(raft.check_change(), Ok(()));
    let with_change = log(raft.epoch(), 2);
    raft.set_voters(voting(keys(1..=4), 2), &with_change);
    let refused = Err(ChangeRefusal::ChangeUncommitted);
    assert_eq!(raft.check_change(), refused);
    for id in [2, 3] {
        assert_eq!(raft.high_watermark(), Some(1), "three of four have it");
        raft.on_fetch(&fetch(key(id), raft.epoch(), with_change.end), &with_change);
    }
    assert_eq!(raft.high_watermark(), Some(2));
    assert_eq!(raft.check_change(), Ok(()));
    assert_eq!(settled.end.offset, 1);
}

#[test]
fn a_leader_that_was_alone_needs_the_voter_that_it_gets_and_tells_it_of_the_epoch() {
    let (mut raft, _) = lone_leader();
    let with_change = log(raft.epoch(), 2);
    raft.set_voters(voting(keys([1, 2]), 2), &with_change);
    raft.on_log_synced(&with_change);
    assert_eq!(raft.high_watermark(), Some(1), "the new voter lacks it");
    let done = outputs(&mut raft);
    assert!(done.contains(&Output::Start(Timer::CheckQuorum)));
    let is_told = |output: &Output| match output {
        Output::Send { to, request } => {
            *to == Target::Node(2) && matches!(request, Request::BeginEpoch { .. })
        }
        _ => false,
    };
    assert!(done.iter().any(is_told), "{done:?}");
    raft.on_fetch(&fetch(key(2), raft.epoch(), with_change.end), &with_change);
    assert_eq!(raft.high_watermark(), Some(2));
    raft.set_voters(voting(keys([1]), 3), &log(raft.epoch(), 3));
    let done = outputs(&mut raft);
    assert!(done.contains(&Output::Stop(Timer::CheckQuorum)), "{done:?}");
}

#[test]
fn a_leader_without_a_vote_leads_until_others_have_committed_that_and_then_follows() {
    let (mut raft, _) = settled_leader(3);
    let epoch = raft.epoch();
    let with_change = log(epoch, 2);
    raft.set_voters(voting(keys([2, 3]), 2), &with_change);
    raft.on_log_synced(&with_change);
    raft.on_fetch(&fetch(key(2), epoch, with_change.end), &with_change);
    assert!(
        raft.is_leader(),
        "one of two has it, and its own log does not count"
    );
    raft.on_fetch(&fetch(key(3), epoch, with_change.end), &with_change);
    assert!(!raft.is_leader());
    let done = outputs(&mut raft);
    let place = |wanted: &Output| done.iter().position(|output| output == wanted);
    assert!(place(&Output::Committed(2)) < place(&Output::Unseated));
    raft.on_timer(Timer::Election, &with_change);
    assert_eq!((raft.epoch(), raft.leader()), (epoch + 1, None));
    let asks = |output: &Output| match output {
        Output::Send { to, request } => {
            *to == Target::Anybody && matches!(request, Request::Fetch(_))
        }
        _ => false,
    };
    assert!(outputs(&mut raft).iter().any(asks), "it asks who leads");
    raft.on_timer(Timer::Election, &with_change);
    assert_eq!(*raft.role(), Role::Unattached, "it never stands");
}

#[test]
fn a_follower_stands_for_election_once_the_log_gives_it_a_vote_and_not_without() {
    let log = log(1, 5);
    let mut raft = Raft::new(key(4), voting(keys(1..=3), 0), ElectionState::default());
    raft.start(&log);
    raft.on_begin_epoch(2, 1, None, &log);
    raft.set_voters(voting(keys(1..=4), 5), &log);
    raft.on_timer(Timer::Fetch, &log);
    assert!(matches!(raft.role(), Role::Prospective(_)));
    let mut raft = Raft::new(key(4), voting(keys(1..=4), 0), ElectionState::default());
    raft.start(&log);
    raft.on_begin_epoch(2, 1, None, &log);
    raft.set_voters(voting(keys(1..=3), 5), &log);
    raft.on_timer(Timer::Fetch, &log);
    assert_eq!(*raft.role(), Role::Unattached);
}

#[test]
fn who_loses_its_vote_may_lead_as_long_as_that_may_not_be_committed() {
    for (committed, stands) in [(5, true), (6, false)] {
        let log = log(1, 6);
        let leaving = Voting {
            voters: keys([2]),
            named_at: 6,
            before: keys([1, 2]),
        };
        let mut raft = Raft::new(key(1), leaving, ElectionState::default());
        raft.start(&log);
        raft.on_begin_epoch(2, 1, None, &log);
        let ask = FetchAsk {
            high_watermark: None,
            ..fetch(key(1), 1, log.end)
        };
        let answer = nothing_new(Some(committed));
        raft.on_fetch_answer(&ask, &answer, &log);
        outputs(&mut raft);
        raft.on_timer(Timer::Fetch, &log);
        assert_eq!(matches!(raft.role(), Role::Prospective(_)), stands);
        if !stands {
            continue;
        }
        for is_pre_vote in [true, false] {
            assert!(!raft.is_leader(), "its own vote does not count");
            let asked = asked(&outputs(&mut raft));
            assert_eq!(asked.is_pre_vote, is_pre_vote);
            let answer = granted(&raft);
            raft.on_vote_answer(2, &asked, &answer, &log);
        }
        assert!(raft.is_leader());
        raft.resign();
        raft.on_timer(Timer::Election, &log);
        raft.on_timer(Timer::Election, &log);
        assert_eq!(*raft.role(), Role::Unattached, "it asks who leads, too");
    }
}
