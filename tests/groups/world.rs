//! A coordinator with a log, a clock and topics around it.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use forebay::config::BrokerConfig;
use forebay::coordinator::group::{
    CoordinatorRecord, GroupCoordinator, GroupRequest, GroupResponse, GroupSettings, Output,
    ReplayedRecord, RequestContext, RequestToken, Write,
};
use forebay::metadata::{MetadataImage, PartitionRegistration, TopicImage};
use forebay::model::{ErrorCode, Uuid};
use forebay::protocol::messages::offset_fetch_request::OffsetFetchRequestGroup;
use forebay::protocol::messages::{DescribeGroupsRequest, ListGroupsRequest};
use forebay::stdx::{Instant, Now, Random};

/// When the clock of every world starts.
pub const START_MS: i64 = 1_000_000;

/// What becomes of writes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum WriteMode {
    /// Each is committed at once.
    Commit,
    /// They wait to be told.
    Hold,
}

pub struct World {
    pub coordinator: GroupCoordinator,
    pub image: MetadataImage,
    pub mode: WriteMode,
    pub held: VecDeque<Write>,
    pub log: Vec<CoordinatorRecord>,
    /// What was written and answered since it was last taken.
    pub happened: Vec<Happened>,
    pub settings: GroupSettings,
    elapsed: Duration,
    next_token: u64,
    seed: u64,
}

#[derive(Debug)]
pub enum Happened {
    Written(Vec<CoordinatorRecord>),
    Answered(RequestToken, Box<GroupResponse>),
}

impl World {
    pub fn new(change: impl FnOnce(&mut BrokerConfig)) -> Self {
        let mut config = BrokerConfig::default();
        change(&mut config);
        let settings = GroupSettings::new(&config);
        let mut world = Self {
            coordinator: GroupCoordinator::new(settings.clone(), Random::from_seed(1)),
            image: MetadataImage::default(),
            mode: WriteMode::Commit,
            held: VecDeque::new(),
            log: Vec::new(),
            happened: Vec::new(),
            settings,
            elapsed: Duration::ZERO,
            next_token: 0,
            seed: 1,
        };
        world.add_topic("t1", 3, 1);
        world.add_topic("t2", 3, 2);
        world.run(GroupCoordinator::on_loaded);
        world
    }

    pub fn now(&self) -> Now {
        let elapsed_ms = i64::try_from(self.elapsed.as_millis()).unwrap();
        Now {
            instant: Instant::from_nanos(0) + self.elapsed,
            wall_ms: START_MS + elapsed_ms,
        }
    }

    pub fn add_topic(&mut self, name: &str, partition_count: i32, id: u8) {
        let id = Uuid::from_bytes([id; 16]);
        let name: Arc<str> = Arc::from(name);
        let mut topic = TopicImage {
            name: Arc::clone(&name),
            id,
            partitions: Default::default(),
        };
        for partition in 0..partition_count {
            let registration = Arc::new(PartitionRegistration::default());
            topic.partitions.insert(partition, registration);
        }
        self.image.topics.insert(id, Arc::new(topic));
        self.image.topic_ids.insert(name, id);
    }

    pub fn delete_topic(&mut self, name: &str) {
        let id = self.image.topic_ids.remove(name).unwrap();
        self.image.topics.remove(&id);
        self.run(|coordinator, now, output| {
            coordinator.on_topics_deleted(now, &[(id, name)], output);
        });
    }

    /// Ask, as `client_id`. The answer is among what happens.
    pub fn ask(
        &mut self,
        client_id: &str,
        api_version: i16,
        request: GroupRequest,
    ) -> RequestToken {
        let token = RequestToken(self.next_token);
        self.next_token += 1;
        let context = RequestContext {
            client_id: Arc::from(client_id),
            client_address: "10.0.0.1".parse().unwrap(),
            api_version,
        };
        let image = self.image.clone();
        self.run(|coordinator, now, output| {
            coordinator.on_request(now, token, &context, request, &image, output);
        });
        token
    }

    /// Let time pass, and what is due in it happen when it is due.
    pub fn advance(&mut self, duration: Duration) {
        let end = self.elapsed + duration;
        loop {
            let deadline = self.coordinator.next_deadline() - Instant::from_nanos(0);
            if deadline > end {
                break;
            }
            self.elapsed = deadline.max(self.elapsed);
            self.run(GroupCoordinator::on_deadline);
        }
        self.elapsed = end;
    }

    /// Commit the oldest write that is held.
    pub fn commit_one(&mut self) {
        if let Some(write) = self.held.pop_front() {
            self.log.extend(write.records);
            self.run(|coordinator, now, output| coordinator.on_written(now, write.token, output));
        }
    }

    /// Let the oldest write that is held fail.
    pub fn fail_one(&mut self, error: ErrorCode) -> Option<Write> {
        let write = self.held.pop_front()?;
        self.run(|coordinator, now, output| {
            coordinator.on_write_failed(now, write.token, error, output);
        });
        Some(write)
    }

    /// A coordinator that has replayed the log.
    pub fn replayed(&mut self) -> GroupCoordinator {
        self.seed += 1;
        let random = Random::from_seed(self.seed);
        let mut coordinator = GroupCoordinator::new(self.settings.clone(), random);
        for (offset, record) in (0..).zip(&self.log) {
            let record = ReplayedRecord {
                key: record.key.clone(),
                value: record.value.clone(),
                offset,
                transaction: None,
            };
            coordinator.replay(record).unwrap();
        }
        coordinator
    }

    /// Stop leading the partition, and lead it again.
    pub fn restart(&mut self) {
        self.held.clear();
        let successor = self.replayed();
        let predecessor = std::mem::replace(&mut self.coordinator, successor);
        let mut output = Output::default();
        predecessor.on_unloaded(&mut output);
        let answers = output.answers.into_iter();
        self.happened
            .extend(answers.map(|(token, response)| Happened::Answered(token, Box::new(response))));
        self.run(GroupCoordinator::on_loaded);
    }

    fn run(&mut self, step: impl FnOnce(&mut GroupCoordinator, Now, &mut Output)) {
        let now = self.now();
        let mut output = Output::default();
        step(&mut self.coordinator, now, &mut output);
        self.coordinator.check();
        for write in output.writes {
            self.happened.push(Happened::Written(write.records.clone()));
            self.held.push_back(write);
        }
        for (token, response) in output.answers {
            self.happened
                .push(Happened::Answered(token, Box::new(response)));
        }
        if self.mode == WriteMode::Commit {
            while !self.held.is_empty() {
                self.commit_one();
            }
        }
    }
}

/// What clients can see of one group.
#[derive(Debug, PartialEq)]
pub struct Seen {
    pub state: String,
    pub described: GroupResponse,
    pub offsets: GroupResponse,
}

/// What clients can see of all groups.
pub fn observe(coordinator: &mut GroupCoordinator, now: Now) -> BTreeMap<String, Seen> {
    let image = MetadataImage::default();
    let mut ask = |api_version, request| {
        let context = RequestContext {
            client_id: Arc::from("observer"),
            client_address: "10.0.0.2".parse().unwrap(),
            api_version,
        };
        let mut output = Output::default();
        let token = RequestToken(u64::MAX);
        coordinator.on_request(now, token, &context, request, &image, &mut output);
        output.answers.pop().expect("reads are answered at once").1
    };
    let listed = match ask(5, GroupRequest::ListGroups(ListGroupsRequest::default())) {
        GroupResponse::ListGroups(response) => response.groups,
        other => panic!("not a list: {other:?}"),
    };
    let mut seen = BTreeMap::new();
    for group in listed {
        let groups = vec![group.group_id.clone()];
        let described = ask(
            6,
            GroupRequest::DescribeGroups(DescribeGroupsRequest {
                groups,
                ..Default::default()
            }),
        );
        let offsets = ask(
            9,
            GroupRequest::OffsetFetch {
                group: OffsetFetchRequestGroup {
                    group_id: group.group_id.clone(),
                    topics: None,
                    ..Default::default()
                },
                require_stable: false,
            },
        );
        let group_seen = Seen {
            state: group.group_state,
            described,
            offsets,
        };
        seen.insert(group.group_id, group_seen);
    }
    seen
}
