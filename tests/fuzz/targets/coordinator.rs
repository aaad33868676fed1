//! The records of a partition of `__consumer_offsets`, whoever wrote them.

use std::sync::Arc;

use bytes::Bytes;
use forebay::config::BrokerConfig;
use forebay::coordinator::group::{
    GroupCoordinator, GroupRequest, GroupResponse, GroupSettings, Output, ReplayedRecord,
    RequestContext, RequestToken, Write,
};
use forebay::metadata::MetadataImage;
use forebay::protocol::messages::{
    DeleteGroupsRequest, DescribeGroupsRequest, ListGroupsRequest, offset_fetch_request,
};
use forebay::stdx::{Instant, Now, Random};

/// The producer of the records that are part of a transaction.
const PRODUCER_ID: i64 = 7;

/// How often time goes on to what is due next: sessions and rebalances end, offsets expire.
const DEADLINES_MAX: usize = 16;

/// What a record's first byte says of it.
const IS_TRANSACTIONAL: u8 = 1;
const IS_TOMBSTONE: u8 = 2;
const ENDS_TRANSACTION: u8 = 4;
const COMMITS: u8 = 8;

/// `bytes` are records: what it is, the length of the key and that of the value, two bytes each,
/// the key, the value.
pub fn check(bytes: &[u8]) {
    let mut world = World::new();
    let mut written = Vec::new();
    let mut rest = bytes;
    while let Some((flags, key, value)) = cut_record(&mut rest) {
        if flags & ENDS_TRANSACTION != 0 {
            let is_committed = flags & COMMITS != 0;
            world
                .coordinator
                .replay_transaction_end(PRODUCER_ID, is_committed);
            continue;
        }
        let record = ReplayedRecord {
            key,
            value: (flags & IS_TOMBSTONE == 0).then_some(value),
            offset: i64::try_from(written.len()).expect("an input is short"),
            transaction: (flags & IS_TRANSACTIONAL != 0).then_some(PRODUCER_ID),
        };
        if world.coordinator.replay(record.clone()).is_ok() {
            written.push(record);
        }
    }
    world.coordinator.on_loaded(world.now, &mut world.output);
    world.settle();
    for _ in 0..DEADLINES_MAX {
        world.use_groups();
        world.reach_deadline();
    }
    world.delete_groups();
    // What it wrote itself can be read again.
    let mut successor = World::new();
    for (offset, record) in (0..).zip(world.written) {
        let replayed = successor.coordinator.replay(ReplayedRecord {
            key: record.key,
            value: record.value,
            offset,
            transaction: None,
        });
        replayed.expect("a coordinator reads what one wrote");
    }
    let output = &mut successor.output;
    successor.coordinator.on_loaded(successor.now, output);
    successor.settle();
}

/// The next record.
fn cut_record(rest: &mut &[u8]) -> Option<(u8, Bytes, Bytes)> {
    let (&[flags, a, b, c, d], after) = rest.split_first_chunk()?;
    let (key, after) = cut(after, u16::from_be_bytes([a, b]));
    let (value, after) = cut(after, u16::from_be_bytes([c, d]));
    *rest = after;
    Some((flags, key, value))
}

fn cut(bytes: &[u8], length: u16) -> (Bytes, &[u8]) {
    let (part, after) = bytes.split_at(usize::from(length).min(bytes.len()));
    (Bytes::copy_from_slice(part), after)
}

struct World {
    coordinator: GroupCoordinator,
    output: Output,
    image: MetadataImage,
    now: Now,
    requests_count: u64,
    answers: Vec<GroupResponse>,
    written: Vec<forebay::coordinator::group::CoordinatorRecord>,
}

impl World {
    fn new() -> Self {
        let settings = GroupSettings::new(&BrokerConfig::default());
        Self {
            coordinator: GroupCoordinator::new(settings, Random::from_seed(1)),
            output: Output::default(),
            image: MetadataImage::default(),
            now: Now {
                instant: Instant::from_nanos(0),
                wall_ms: 1_700_000_000_000,
            },
            requests_count: 0,
            answers: Vec::new(),
            written: Vec::new(),
        }
    }

    /// Write what is to be written, until nothing is.
    fn settle(&mut self) {
        loop {
            self.coordinator.check();
            let answers = self.output.answers.drain(..);
            self.answers.extend(answers.map(|(_, response)| response));
            let writes = std::mem::take(&mut self.output.writes);
            if writes.is_empty() {
                return;
            }
            for Write { token, records, .. } in writes {
                self.written.extend(records);
                let output = &mut self.output;
                self.coordinator.on_written(self.now, token, output);
            }
        }
    }

    /// The answer to a request that is answered at once.
    fn ask(&mut self, api_version: i16, request: GroupRequest) -> GroupResponse {
        let context = RequestContext {
            client_id: Arc::from("fuzz"),
            client_address: [127, 0, 0, 1].into(),
            api_version,
        };
        self.requests_count += 1;
        let token = RequestToken(self.requests_count);
        let output = &mut self.output;
        self.coordinator
            .on_request(self.now, token, &context, request, &self.image, output);
        self.answers.clear();
        self.settle();
        self.answers.pop().expect("it is answered")
    }

    fn group_ids(&mut self) -> Vec<String> {
        let request = GroupRequest::ListGroups(ListGroupsRequest::default());
        match self.ask(5, request) {
            GroupResponse::ListGroups(list) => {
                let groups = list.groups.into_iter();
                groups.map(|group| group.group_id).collect()
            }
            other => panic!("a list is answered with {other:?}"),
        }
    }

    /// Look at every group and its offsets.
    fn use_groups(&mut self) {
        for group_id in self.group_ids() {
            let request = DescribeGroupsRequest {
                groups: vec![group_id.clone()],
                ..Default::default()
            };
            let described = self.ask(5, GroupRequest::DescribeGroups(request));
            assert!(matches!(described, GroupResponse::DescribeGroups(_)));
            let fetched = self.ask(
                9,
                GroupRequest::OffsetFetch {
                    group: offset_fetch_request::OffsetFetchRequestGroup {
                        group_id,
                        topics: None,
                        ..Default::default()
                    },
                    require_stable: false,
                },
            );
            assert!(matches!(fetched, GroupResponse::OffsetFetch(_)));
        }
    }

    fn delete_groups(&mut self) {
        let groups_names = self.group_ids();
        let request = DeleteGroupsRequest {
            groups_names,
            ..Default::default()
        };
        self.ask(2, GroupRequest::DeleteGroups(request));
    }

    fn reach_deadline(&mut self) {
        let deadline = self.coordinator.next_deadline();
        if deadline == Instant::MAX {
            return;
        }
        if deadline > self.now.instant {
            let passed = deadline - self.now.instant;
            self.now.instant = deadline;
            self.now.wall_ms += i64::try_from(passed.as_millis()).expect("a life is short");
        }
        self.coordinator.on_deadline(self.now, &mut self.output);
        self.settle();
    }
}
