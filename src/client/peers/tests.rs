//! Links fed with the bytes of a node, at times of the test's choice.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;

use crate::client::tests::{answer, versions};
use crate::model::NodeAddress;
use crate::protocol::messages::{ListGroupsRequest, ListGroupsResponse};
use crate::protocol::{AnyRequest, AnyResponse, ApiKey, decode_request_header};
use crate::stdx::{Instant, Random};

use super::{
    AskFailure, AskToken, Dial, DialFailure, FORGET_AFTER, IN_FLIGHT_MAX, Lane, LinkId, PeerId,
    Peers, PeersSettings,
};

const SECOND: Duration = Duration::from_secs(1);
const IDLE_MAX: Duration = Duration::from_secs(600);
const SPOKEN: &[(ApiKey, i16, i16)] = &[(ApiKey::ListGroups, 0, 4), (ApiKey::ApiVersions, 0, 4)];

/// Links, and what nodes were sent.
struct Bench {
    peers: Peers,
    now: Instant,
    /// Requests by connection: API, version, correlation id.
    sent: BTreeMap<LinkId, Vec<(ApiKey, i16, i32)>>,
}

fn refused() -> DialFailure {
    let at = ([127, 0, 0, 1], 9093).into();
    DialFailure::Refused { at }
}

fn node(lane: Lane) -> PeerId {
    let host = "node-2".to_owned();
    let address = NodeAddress { host, port: 9093 };
    PeerId { address, lane }
}

fn list_groups() -> AnyResponse {
    AnyResponse::ListGroups(ListGroupsResponse::default())
}

impl Bench {
    fn new(idle_max: Option<Duration>) -> Self {
        let settings = PeersSettings {
            client_id: "test".to_owned(),
            setup_timeout: 10 * SECOND,
            setup_timeout_max: 30 * SECOND,
            idle_max,
        };
        Self {
            peers: Peers::new(settings, Random::from_seed(1)),
            now: Instant::from_nanos(1),
            sent: BTreeMap::new(),
        }
    }

    fn wait(&mut self, duration: Duration) {
        self.now = self.now + duration;
        if self.peers.next_deadline() <= self.now {
            self.peers.on_time(self.now);
        }
    }

    /// Let the time come at which there is something to do.
    fn wait_for_deadline(&mut self) -> Duration {
        let wait = self.peers.next_deadline() - self.now;
        self.wait(wait);
        wait
    }

    /// Ask for something, within a second.
    fn ask(&mut self, lane: Lane) -> AskToken {
        self.ask_within(lane, SECOND)
    }

    fn ask_within(&mut self, lane: Lane, timeout: Duration) -> AskToken {
        let request = AnyRequest::ListGroups(ListGroupsRequest::default());
        self.peers.ask(self.now, node(lane), request, timeout)
    }

    fn dial(&mut self) -> Dial {
        self.peers.next_dial().expect("a connection is wanted")
    }

    /// What was sent on the connection since this was asked last.
    fn sent(&mut self, link: LinkId) -> Vec<(ApiKey, i16, i32)> {
        while let Some((link, slices)) = self.peers.next_send() {
            let mut bytes = Bytes::from(slices.concat());
            while !bytes.is_empty() {
                let length = i32::from_be_bytes(*bytes.first_chunk().unwrap());
                let frame = bytes.split_to(4 + length as usize).slice(4..);
                let (key, header, _) = decode_request_header(frame).unwrap();
                let request = (key, header.request_api_version, header.correlation_id);
                self.sent.entry(link).or_default().push(request);
            }
        }
        self.sent.remove(&link).unwrap_or_default()
    }

    fn receive(&mut self, link: LinkId, bytes: &[u8]) {
        self.peers.on_received(self.now, link, bytes);
    }

    /// The node says what it speaks.
    fn shake_hands(&mut self, link: LinkId) {
        let sent = self.sent(link);
        let [(ApiKey::ApiVersions, version, id)] = sent[..] else {
            panic!("{sent:?} does not begin with the question for versions");
        };
        self.receive(link, &answer(id, version, &versions(SPOKEN)));
    }

    /// Connect to the node that is to be dialed.
    fn connect(&mut self) -> LinkId {
        let Dial { link, .. } = self.dial();
        self.peers.on_dialed(self.now, link, Ok(()));
        self.shake_hands(link);
        link
    }

    fn outcomes(&mut self) -> Vec<(AskToken, Result<AnyResponse, AskFailure>)> {
        std::iter::from_fn(|| self.peers.next_outcome()).collect()
    }
}

#[test]
fn a_request_is_sent_once_the_node_has_said_what_it_speaks_and_its_answer_is_the_outcome() {
    let mut bench = Bench::new(None);
    let token = bench.ask(Lane::Quorum);
    let dial = bench.dial();
    assert_eq!(dial.address, node(Lane::Quorum).address);
    assert!(bench.sent(dial.link).is_empty());
    bench.peers.on_dialed(bench.now, dial.link, Ok(()));
    bench.shake_hands(dial.link);
    let sent = bench.sent(dial.link);
    let [(ApiKey::ListGroups, 4, id)] = sent[..] else {
        panic!("{sent:?} is not what was asked");
    };
    for byte in answer(id, 4, &list_groups()) {
        assert!(bench.outcomes().is_empty());
        bench.receive(dial.link, &[byte]);
    }
    assert_eq!(bench.outcomes(), [(token, Ok(list_groups()))]);
    assert!(bench.peers.next_dial().is_none());
    assert!(bench.peers.next_close().is_none());
}

#[test]
fn requests_of_a_lane_share_a_connection_and_those_of_another_have_their_own() {
    let mut bench = Bench::new(None);
    let tokens = [bench.ask(Lane::Fetch(1)), bench.ask(Lane::Fetch(1))];
    let link = bench.connect();
    assert!(bench.peers.next_dial().is_none());
    let third = bench.ask(Lane::Fetch(1));
    let sent = bench.sent(link);
    assert_eq!(sent.len(), 3);
    bench.ask(Lane::Fetch(2));
    let other = bench.dial();
    assert_ne!(other.link, link);
    for (_, version, id) in sent {
        bench.receive(link, &answer(id, version, &list_groups()));
    }
    let answered: Vec<_> = bench.outcomes().into_iter().map(|(one, _)| one).collect();
    assert_eq!(answered, [tokens[0], tokens[1], third]);
}

#[test]
fn a_node_that_is_not_reached_is_tried_again_after_pauses_that_grow_and_with_more_time() {
    let is_about = |duration: Duration, expected: Duration| {
        (expected * 4 / 5..=expected * 6 / 5).contains(&duration)
    };
    let mut bench = Bench::new(None);
    let pauses = [0, 50, 100, 200, 400, 800, 1000, 1000].map(Duration::from_millis);
    for (pause, limit) in pauses.into_iter().zip([10, 20, 30, 30, 30, 30, 30, 30]) {
        let tokens = [(); 2].map(|()| bench.ask_within(Lane::Controller, 10 * SECOND));
        if !pause.is_zero() {
            assert!(bench.peers.next_dial().is_none(), "it is too early");
            let waited = bench.wait_for_deadline();
            assert!(is_about(waited, pause), "{waited:?} instead of {pause:?}");
        }
        let dial = bench.dial();
        assert!(is_about(dial.timeout, limit * SECOND), "{dial:?}");
        bench.peers.on_dialed(bench.now, dial.link, Err(refused()));
        let why = || Err(AskFailure::Refused(refused()));
        let told = bench.outcomes();
        assert_eq!(told, [(tokens[0], why()), (tokens[1], why())]);
    }
    // A connection that can be used ends that.
    bench.ask_within(Lane::Controller, 10 * SECOND);
    bench.wait_for_deadline();
    let link = bench.connect();
    bench.peers.on_disconnected(bench.now, link);
    bench.ask(Lane::Controller);
    let waited = bench.wait_for_deadline();
    assert!(is_about(waited, Duration::from_millis(50)), "{waited:?}");
    assert!(is_about(bench.dial().timeout, 10 * SECOND));
}

#[test]
fn with_its_connection_a_request_is_lost_but_what_was_not_sent_goes_out_on_the_next() {
    let mut bench = Bench::new(None);
    let tokens: Vec<_> = (0..=IN_FLIGHT_MAX)
        .map(|_| bench.ask(Lane::Quorum))
        .collect();
    let link = bench.connect();
    assert_eq!(bench.sent(link).len(), IN_FLIGHT_MAX);
    bench.peers.on_disconnected(bench.now, link);
    let lost = tokens[..IN_FLIGHT_MAX].iter();
    let lost: Vec<_> = lost
        .map(|token| (*token, Err(AskFailure::Disconnected)))
        .collect();
    assert_eq!(bench.outcomes(), lost);
    assert!(bench.peers.next_close().is_none(), "it is gone already");
    bench.wait_for_deadline();
    let link = bench.connect();
    let sent = bench.sent(link);
    let [(_, version, id)] = sent[..] else {
        panic!("{sent:?} is not the one that was not sent");
    };
    bench.receive(link, &answer(id, version, &list_groups()));
    assert_eq!(
        bench.outcomes(),
        [(tokens[IN_FLIGHT_MAX], Ok(list_groups()))]
    );
}

#[test]
fn who_waits_is_told_of_a_connection_that_was_lost_before_anything_could_be_asked() {
    let mut bench = Bench::new(None);
    let token = bench.ask(Lane::Quorum);
    let Dial { link, .. } = bench.dial();
    bench.peers.on_dialed(bench.now, link, Ok(()));
    bench.peers.on_disconnected(bench.now, link);
    assert_eq!(bench.outcomes(), [(token, Err(AskFailure::Disconnected))]);
}

#[test]
fn a_connection_on_which_an_answer_is_late_is_given_up() {
    let mut bench = Bench::new(None);
    let late = bench.ask(Lane::Heartbeat);
    let link = bench.connect();
    bench.wait(SECOND / 2);
    let behind = bench.ask(Lane::Heartbeat);
    let sent = bench.sent(link);
    assert_eq!(bench.wait_for_deadline(), SECOND / 2);
    let told = bench.outcomes();
    let expected = [
        (late, Err(AskFailure::TimedOut)),
        (behind, Err(AskFailure::Disconnected)),
    ];
    assert_eq!(told, expected);
    assert_eq!(bench.peers.next_close(), Some(link));
    // What it sends at last is nobody's answer.
    let (_, version, id) = sent[0];
    bench.receive(link, &answer(id, version, &list_groups()));
    bench.peers.on_disconnected(bench.now, link);
    assert_eq!(bench.outcomes(), []);
}

#[test]
fn a_node_that_does_not_say_what_it_speaks_is_given_up_when_the_first_request_is_late() {
    let mut bench = Bench::new(None);
    let token = bench.ask(Lane::Heartbeat);
    let Dial { link, .. } = bench.dial();
    bench.peers.on_dialed(bench.now, link, Ok(()));
    assert_eq!(bench.wait_for_deadline(), SECOND);
    assert_eq!(bench.outcomes(), [(token, Err(AskFailure::TimedOut))]);
    assert_eq!(bench.peers.next_close(), Some(link));
}

#[test]
fn a_connection_that_was_made_too_late_serves_the_next_request() {
    let mut bench = Bench::new(None);
    let late = bench.ask(Lane::Quorum);
    let Dial { link, .. } = bench.dial();
    bench.wait(SECOND);
    assert_eq!(bench.outcomes(), [(late, Err(AskFailure::TimedOut))]);
    bench.peers.on_dialed(bench.now, link, Ok(()));
    bench.shake_hands(link);
    assert!(bench.sent(link).is_empty(), "the late one is not sent");
    bench.ask(Lane::Quorum);
    assert_eq!(bench.sent(link).len(), 1);
    assert!(bench.peers.next_dial().is_none());
}

#[test]
fn bytes_that_are_no_answer_end_the_connection_and_are_the_outcome() {
    let mut bench = Bench::new(None);
    let tokens = [bench.ask(Lane::Quorum), bench.ask(Lane::Quorum)];
    let link = bench.connect();
    bench.receive(link, b"HTTP/1.1 400 Bad Request");
    let told = bench.outcomes();
    let [(first, Err(AskFailure::Malformed(error))), second] = &told[..] else {
        panic!("{told:?}");
    };
    assert_eq!(*first, tokens[0]);
    assert!(error.to_string().contains("no Kafka broker"), "{error}");
    assert_eq!(*second, (tokens[1], Err(AskFailure::Disconnected)));
    assert_eq!(bench.peers.next_close(), Some(link));
}

#[test]
fn a_request_that_the_node_does_not_speak_fails_by_itself() {
    let mut bench = Bench::new(None);
    bench.ask(Lane::Quorum);
    let Dial { link, .. } = bench.dial();
    bench.peers.on_dialed(bench.now, link, Ok(()));
    let (_, version, id) = bench.sent(link)[0];
    let none = versions(&[(ApiKey::ApiVersions, 0, 4)]);
    bench.receive(link, &answer(id, version, &none));
    let told = bench.outcomes();
    assert!(
        matches!(told[..], [(_, Err(AskFailure::Unsupported(_)))]),
        "{told:?}"
    );
    assert!(bench.peers.is_open(link));
}

#[test]
fn a_connection_that_nobody_uses_is_closed_and_a_node_that_nobody_asks_is_forgotten() {
    let mut bench = Bench::new(Some(IDLE_MAX));
    bench.ask(Lane::Quorum);
    let link = bench.connect();
    let (_, version, id) = bench.sent(link)[0];
    bench.wait(SECOND / 2);
    bench.receive(link, &answer(id, version, &list_groups()));
    bench.wait(IDLE_MAX - SECOND);
    assert!(bench.peers.is_open(link));
    bench.wait(SECOND);
    assert!(!bench.peers.is_open(link));
    assert_eq!(bench.peers.next_close(), Some(link));
    assert_eq!(bench.peers.peers.len(), 0);
    assert_eq!(bench.peers.next_deadline(), Instant::MAX);
    // One that is not reached is forgotten sooner.
    bench.ask(Lane::Quorum);
    let Dial { link, .. } = bench.dial();
    bench.peers.on_dialed(bench.now, link, Err(refused()));
    bench.wait(FORGET_AFTER);
    assert_eq!(bench.peers.peers.len(), 0);
}

#[test]
fn without_a_limit_a_connection_that_nobody_uses_is_kept() {
    let mut bench = Bench::new(None);
    bench.ask(Lane::Quorum);
    let link = bench.connect();
    let (_, version, id) = bench.sent(link)[0];
    bench.receive(link, &answer(id, version, &list_groups()));
    bench.wait(1000 * IDLE_MAX);
    assert!(bench.peers.is_open(link));
}

/// Nodes that do anything at any time.
#[test]
fn whatever_happens_each_request_has_one_outcome_in_its_time() {
    for seed in 0..200 {
        let mut random = Random::from_seed(seed);
        let mut bench = Bench::new(Some(3 * SECOND));
        let mut asked = BTreeMap::new();
        let (mut dialing, mut open) = (Vec::new(), Vec::new());
        for step in 0..300 {
            match random.below(8) {
                0 | 1 => {
                    let lane = [Lane::Quorum, Lane::Fetch(1)][random.below(2) as usize];
                    asked.insert(bench.ask(lane), bench.now + SECOND);
                }
                2 if !dialing.is_empty() => {
                    let link = dialing.remove(0);
                    let is_made = random.chance(2, 3);
                    let result = if is_made { Ok(()) } else { Err(refused()) };
                    bench.peers.on_dialed(bench.now, link, result);
                    open.extend(is_made.then_some(link));
                }
                3..=5 if !open.is_empty() => {
                    let link = open[random.below(open.len() as u64) as usize];
                    for (key, version, id) in bench.sent(link) {
                        let body = match key {
                            ApiKey::ApiVersions => versions(SPOKEN),
                            _ => list_groups(),
                        };
                        bench.receive(link, &answer(id, version, &body));
                    }
                }
                6 if !open.is_empty() && random.chance(1, 4) => {
                    let link = open.remove(random.below(open.len() as u64) as usize);
                    if random.chance(1, 2) {
                        bench.receive(link, &[0xff; 8]);
                    }
                    bench.peers.on_disconnected(bench.now, link);
                }
                _ => bench.wait(Duration::from_millis(random.below(400))),
            }
            dialing.extend(std::iter::from_fn(|| bench.peers.next_dial()).map(|dial| dial.link));
            while let Some(closed) = bench.peers.next_close() {
                open.retain(|link| *link != closed);
            }
            for (token, _) in bench.outcomes() {
                let deadline = asked.remove(&token);
                let deadline = deadline.unwrap_or_else(|| panic!("seed {seed}, step {step}"));
                assert!(
                    deadline + SECOND / 2 >= bench.now,
                    "seed {seed}, step {step}"
                );
            }
        }
        bench.wait(SECOND);
        for (token, _) in bench.outcomes() {
            assert!(asked.remove(&token).is_some(), "seed {seed}");
        }
        assert!(asked.is_empty(), "seed {seed}: {asked:?}");
    }
}

#[test]
fn a_probe_tells_whether_somebody_listens_and_is_closed_at_once() {
    let mut bench = Bench::new(None);
    let address = node(Lane::Controller).address;
    let there = bench.peers.probe(address.clone(), SECOND);
    let gone = bench.peers.probe(address.clone(), SECOND);
    for link in [there, gone] {
        let dial = bench.dial();
        assert_eq!((dial.link, dial.timeout), (link, SECOND));
        assert_eq!(dial.address, address);
    }
    bench.peers.on_dialed(bench.now, there, Ok(()));
    assert_eq!(bench.peers.next_close(), Some(there));
    assert!(!bench.peers.is_open(there), "nothing is read from it");
    bench.peers.on_dialed(bench.now, gone, Err(refused()));
    assert_eq!(bench.peers.next_probed(), Some((there, Ok(()))));
    assert_eq!(bench.peers.next_probed(), Some((gone, Err(refused()))));
    assert_eq!(bench.peers.next_probed(), None);
    assert_eq!(bench.peers.next_close(), None);
}
