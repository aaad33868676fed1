//! A broker and its controller's answers, on a clock that the test moves.

use super::*;

const HEARTBEAT: Duration = Duration::from_secs(2);

/// A broker and its clock.
struct World {
    now: Instant,
    broker: Lifecycle,
}

impl World {
    fn new() -> Self {
        let identity = BrokerIdentity {
            id: 4,
            cluster_id: Arc::from("cluster"),
            incarnation_id: Uuid::from_bytes([1; 16]),
            endpoints: Vec::new(),
            features: Vec::new(),
            rack: None,
            directories: vec![Uuid::from_bytes([3; 16])],
            previous_epoch: None,
        };
        let times = LifecycleTimes {
            heartbeat: HEARTBEAT,
            session: Duration::from_secs(9),
            registration: Duration::from_secs(60),
        };
        let now = Instant::default() + Duration::from_secs(1);
        Self {
            now,
            broker: Lifecycle::new(now, identity, times),
        }
    }

    fn pass(&mut self, time: Duration) {
        self.now = self.now + time;
    }

    fn heartbeat(&mut self) -> BrokerHeartbeatRequest {
        match self.broker.next_request(self.now) {
            Some(AnyRequest::BrokerHeartbeat(request)) => request,
            other => panic!("{other:?} is no heartbeat"),
        }
    }

    fn answer(&mut self, response: impl Into<AnyResponse>) {
        self.broker.on_answer(self.now, Some(&response.into()));
    }

    fn register(&mut self, error: ErrorCode) {
        let request = self.broker.next_request(self.now);
        let is_registration = matches!(request, Some(AnyRequest::BrokerRegistration(_)));
        assert!(is_registration, "{request:?} is no registration");
        self.answer(BrokerRegistrationResponse {
            error_code: error.code(),
            broker_epoch: 70,
            ..Default::default()
        });
    }

    /// The answer to a heartbeat: caught up, fenced, free to stop.
    fn hear(&mut self, (is_caught_up, is_fenced, should_shut_down): (bool, bool, bool)) {
        self.answer(BrokerHeartbeatResponse {
            is_caught_up,
            is_fenced,
            should_shut_down,
            ..Default::default()
        });
    }

    fn events(&mut self) -> Vec<LifecycleEvent> {
        std::iter::from_fn(|| self.broker.next_event()).collect()
    }

    /// A broker that clients are told of.
    fn unfenced() -> Self {
        let mut world = Self::new();
        world.register(ErrorCode::None);
        world.broker.on_metadata(world.now, 70);
        world.heartbeat();
        world.hear((true, true, false));
        world.broker.on_ready(world.now);
        world.heartbeat();
        world.hear((true, false, false));
        world.events();
        world
    }
}

#[test]
fn a_broker_is_unfenced_when_it_has_caught_up_and_is_ready() {
    let mut world = World::new();
    world.register(ErrorCode::None);
    let first = world.heartbeat();
    assert!(first.want_fence && first.broker_epoch == 70);
    world.hear((false, true, false));
    world.broker.on_metadata(world.now, 71);
    let second = world.heartbeat();
    assert_eq!(second.current_metadata_offset, 71);
    world.hear((true, true, false));
    let so_far = [
        LifecycleEvent::Registered { epoch: 70 },
        LifecycleEvent::CaughtUp,
    ];
    assert_eq!(world.events(), so_far);
    assert_eq!(world.broker.next_request(world.now), None);
    world.broker.on_ready(world.now);
    assert!(!world.heartbeat().want_fence);
    world.hear((true, false, false));
    assert_eq!(world.events(), [LifecycleEvent::Unfenced]);
    assert_eq!(world.broker.next_deadline(true), world.now + HEARTBEAT);
}

#[test]
fn a_registration_that_may_succeed_later_is_tried_until_its_time_is_up() {
    let mut world = World::new();
    world.register(ErrorCode::DuplicateBrokerRegistration);
    assert_eq!(world.broker.next_request(world.now), None);
    world.pass(RETRY_AFTER);
    world.register(ErrorCode::NotController);
    world.pass(RETRY_AFTER);
    assert_eq!(world.broker.next_request(world.now), None);
    world.pass(Duration::from_mins(1));
    world.broker.give_up(world.now);
    assert_eq!(world.broker.next_request(world.now), None);
    let events = world.events();
    assert!(matches!(&events[..], [LifecycleEvent::Refused(why)] if why.contains("60 s")));
    assert_eq!(world.broker.next_deadline(true), Instant::MAX);
}

#[test]
fn a_broker_whose_number_another_has_says_so_when_it_gives_up() {
    let mut world = World::new();
    world.register(ErrorCode::DuplicateBrokerRegistration);
    world.pass(Duration::from_mins(1));
    world.broker.give_up(world.now);
    let events = world.events();
    let [LifecycleEvent::Refused(why)] = &events[..] else {
        panic!("{events:?}");
    };
    assert!(why.contains("another broker with node.id=4"), "{why}");
}

#[test]
fn a_registration_that_can_never_succeed_is_not_tried_again() {
    for error in [
        ErrorCode::InconsistentClusterId,
        ErrorCode::UnsupportedVersion,
        ErrorCode::InvalidRegistration,
    ] {
        let mut world = World::new();
        world.register(error);
        assert!(matches!(&world.events()[..], [LifecycleEvent::Refused(_)]));
        world.pass(Duration::from_mins(1));
        world.broker.give_up(world.now);
        assert_eq!(world.broker.next_request(world.now), None);
        assert_eq!(world.events(), []);
    }
}

#[test]
fn a_controller_that_is_found_is_asked_at_once_however_long_the_last_one_was_silent() {
    let mut world = World::unfenced();
    world.pass(HEARTBEAT);
    for _ in 0..8 {
        world.heartbeat();
        world.broker.on_answer(world.now, None);
        let unknown = world.broker.next_deadline(false);
        assert_eq!(unknown, Instant::MAX, "nobody can be asked");
        world.now = world.broker.next_deadline(true);
    }
    world.heartbeat();
    world.broker.on_answer(world.now, None);
    world.pass(Duration::from_millis(1));
    assert_eq!(world.broker.next_request(world.now), None);
    world.broker.on_controller_known(world.now);
    world.heartbeat();
    world.broker.on_answer(world.now, None);
    assert_eq!(world.broker.next_deadline(true), world.now + RETRY_AFTER);
}

#[test]
fn a_controller_that_cannot_be_asked_is_asked_again_later_and_later() {
    let mut world = World::unfenced();
    world.pass(HEARTBEAT);
    let mut pause = RETRY_AFTER;
    for _ in 0..8 {
        world.heartbeat();
        world.broker.on_answer(world.now, None);
        assert_eq!(world.broker.next_deadline(true), world.now + pause);
        world.pass(pause);
        pause = (pause * 2).min(HEARTBEAT);
    }
    world.heartbeat();
    world.hear((true, false, false));
    assert_eq!(world.broker.next_deadline(true), world.now + HEARTBEAT);
}

#[test]
fn a_broker_that_is_fenced_for_its_silence_asks_to_be_unfenced() {
    let mut world = World::unfenced();
    world.pass(HEARTBEAT);
    world.heartbeat();
    world.hear((true, true, false));
    assert_eq!(world.events(), [LifecycleEvent::Fenced]);
    assert!(!world.heartbeat().want_fence);
    world.hear((true, false, false));
    assert_eq!(world.events(), [LifecycleEvent::Unfenced]);
}

#[test]
fn a_broker_that_was_forgotten_registers_anew() {
    let mut world = World::unfenced();
    world.pass(HEARTBEAT);
    world.heartbeat();
    world.answer(BrokerHeartbeatResponse {
        error_code: ErrorCode::StaleBrokerEpoch.code(),
        ..Default::default()
    });
    assert_eq!(world.events(), [LifecycleEvent::Fenced]);
    assert_eq!(world.broker.epoch(), None);
    world.pass(RETRY_AFTER);
    world.register(ErrorCode::None);
    assert_eq!(world.events(), [LifecycleEvent::Registered { epoch: 70 }]);
}

#[test]
fn a_broker_stops_when_the_controller_lets_it_go() {
    let mut world = World::unfenced();
    world.broker.stop(world.now);
    assert!(world.heartbeat().want_shut_down);
    world.hear((true, false, false));
    assert_eq!(world.events(), []);
    world.pass(RETRY_AFTER);
    assert!(world.heartbeat().want_shut_down);
    world.hear((true, true, true));
    assert_eq!(world.events(), [LifecycleEvent::MayStop]);
}

#[test]
fn a_broker_stops_without_a_controller_when_its_session_must_be_over() {
    let mut world = World::unfenced();
    world.broker.stop(world.now);
    world.heartbeat();
    world.pass(Duration::from_secs(8));
    world.broker.on_answer(world.now, None);
    world.broker.give_up(world.now);
    assert_eq!(world.events(), []);
    world.pass(Duration::from_secs(1));
    assert_eq!(world.broker.next_deadline(false), world.now);
    world.broker.give_up(world.now);
    assert_eq!(world.events(), [LifecycleEvent::MayStop]);
    assert_eq!(world.broker.next_request(world.now), None);
}

#[test]
fn a_broker_that_never_registered_stops_at_once() {
    let mut world = World::new();
    world.broker.stop(world.now);
    assert_eq!(world.events(), [LifecycleEvent::MayStop]);
}

#[test]
fn a_failed_directory_is_told_at_once() {
    let mut world = World::unfenced();
    let directory = Uuid::from_bytes([3; 16]);
    world.broker.on_directory_failed(world.now, directory);
    assert_eq!(world.heartbeat().offline_log_dirs, [directory]);
}
