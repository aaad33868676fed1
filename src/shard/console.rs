//! HTTP on this shard: requests go to [`crate::console`], metrics are gathered from every shard.

use std::time::Duration;

use bytes::Bytes;

use crate::connection::SlotNumber;
use crate::console::{Answer, ConsoleRequest, Health, HttpStep};
use crate::metrics::{Scrape, ShardMetrics, encode_exposition};
use crate::model::ShardId;
use crate::stdx::{Instant, Now};

use super::core::{Phase, Shard};
use super::partition::Asker;
use super::settings::ListenerKind;
use super::task::{Reply, RequestId, Task, TaskIndex};
use super::{ConnectionId, Effects, Message};

/// Quantiles are of what came in the last one to two of these.
const RECENT_DURATION: Duration = Duration::from_secs(120);

/// The name of HTTP listeners, which have none in the settings.
const HTTP: &str = "HTTP";

/// The metrics that are being gathered for connections of this shard.
#[derive(Debug, Default)]
pub struct Console {
    /// One at a time: who asks meanwhile gets the same answer, so that many clients cost no more
    /// than one.
    gathering: Option<Gathering>,
    earlier: Earlier,
}

#[derive(Debug)]
struct Gathering {
    request: RequestId,
    /// By shard.
    shards: Vec<Option<ShardMetrics>>,
    waiting: Vec<(ConnectionId, SlotNumber)>,
}

/// Metrics as they were a while ago.
#[derive(Debug, Default)]
struct Earlier {
    older: Vec<ShardMetrics>,
    newer: Vec<ShardMetrics>,
    newer_at: Instant,
}

impl Earlier {
    /// Keep a copy of `shards` if the newest one is old.
    fn keep(&mut self, now: Instant, shards: &[ShardMetrics]) {
        if self.newer.is_empty() || now - self.newer_at >= RECENT_DURATION {
            let newer = shards.iter().map(|shard| {
                let mut shard = shard.clone();
                // Only durations are asked for; these can be long.
                shard.set_partitions(Vec::new());
                shard.set_group_offsets(Vec::new());
                shard
            });
            self.older = std::mem::replace(&mut self.newer, newer.collect());
            self.newer_at = now;
        }
    }
}

impl Shard {
    /// Start the next request of an HTTP connection, if one may start.
    pub(super) fn start_http_requests(&mut self, id: ConnectionId, effects: &mut Effects) {
        while let Some(peer) = self.connections.find(id) {
            if peer.connection.is_closing() || !peer.connection.has_room() {
                return;
            }
            let Some(step) = peer.http.as_mut().and_then(|http| http.next_step()) else {
                return;
            };
            let slot = peer.connection.open_slot();
            match step {
                HttpStep::Refused(slices) => self.send_http(id, slot, slices, effects),
                HttpStep::Request(request) => {
                    self.start_http_request(id, slot, request, effects);
                }
            }
        }
    }

    fn start_http_request(
        &mut self,
        id: ConnectionId,
        slot: SlotNumber,
        request: ConsoleRequest,
        effects: &mut Effects,
    ) {
        let health = match self.phase {
            Phase::Starting => Health::Starting,
            Phase::Serving => Health::Serving,
            Phase::Stopping => Health::Stopping,
        };
        let answer = match request {
            ConsoleRequest::Index => Answer::index(),
            // Shards that have stopped tell no metrics any more.
            ConsoleRequest::Metrics if health != Health::Stopping => {
                return self.gather_metrics(id, slot, effects);
            }
            ConsoleRequest::Health | ConsoleRequest::Metrics => Answer::health(health),
        };
        self.answer_http(id, slot, answer, effects);
    }

    /// Ask every shard for its metrics, for the connection `id`.
    fn gather_metrics(&mut self, id: ConnectionId, slot: SlotNumber, effects: &mut Effects) {
        if let Some(gathering) = &mut self.console.gathering {
            gathering.waiting.push((id, slot));
            return;
        }
        let request = self.requests.next_id();
        let shards_count = self.settings.shards_count;
        self.console.gathering = Some(Gathering {
            request,
            shards: (0..shards_count).map(|_| None).collect(),
            waiting: vec![(id, slot)],
        });
        for shard in (0..shards_count).map(ShardId) {
            let index = TaskIndex::from(shard.0);
            if shard == self.settings.id {
                let metrics = Box::new(self.collect_metrics());
                let asker = Asker {
                    shard,
                    request,
                    index,
                };
                self.reply(asker, Reply::Metrics(metrics));
            } else {
                let message = Message::Tasks {
                    request,
                    // What a shard has counted needs no image.
                    image_end_offset: 0,
                    tasks: vec![(index, Task::CollectMetrics)],
                };
                effects.post(shard, message);
            }
        }
    }

    /// A shard told its metrics; with the last one, everyone who waits is answered.
    pub(super) fn on_scrape_reply(
        &mut self,
        now: Now,
        id: RequestId,
        index: TaskIndex,
        reply: Reply,
        effects: &mut Effects,
    ) {
        let (Some(gathering), Reply::Metrics(metrics)) = (&mut self.console.gathering, reply)
        else {
            return;
        };
        assert!(
            gathering.request == id,
            "one scrape is gathered after the other"
        );
        gathering.shards[index as usize] = Some(*metrics);
        if gathering.shards.iter().any(Option::is_none) {
            return;
        }
        let gathering = self.console.gathering.take().expect("it was just found");
        let shards: Vec<ShardMetrics> = gathering.shards.into_iter().flatten().collect();
        self.console.earlier.keep(now.instant, &shards);
        let answer = Answer::metrics(encode_exposition(&Scrape {
            shards: &shards,
            earlier: &self.console.earlier.older,
            listener_names: &self.listener_names(),
        }));
        for (connection, slot) in gathering.waiting {
            self.answer_http(connection, slot, answer.clone(), effects);
            self.start_http_requests(connection, effects);
        }
    }

    fn listener_names(&self) -> Vec<String> {
        let name = |kind: &ListenerKind| match kind {
            ListenerKind::Kafka(name) => name.clone(),
            ListenerKind::Http => HTTP.to_owned(),
        };
        self.settings.listeners.iter().map(name).collect()
    }

    fn answer_http(
        &mut self,
        id: ConnectionId,
        slot: SlotNumber,
        answer: Answer,
        effects: &mut Effects,
    ) {
        // The client may have left meanwhile.
        let http = self
            .connections
            .find(id)
            .and_then(|peer| peer.http.as_mut());
        if let Some(http) = http {
            let slices = http.answer(answer);
            self.send_http(id, slot, slices, effects);
        }
    }

    fn send_http(
        &mut self,
        id: ConnectionId,
        slot: SlotNumber,
        slices: Vec<Bytes>,
        effects: &mut Effects,
    ) {
        let peer = self.connections.find(id).expect("the caller just found it");
        peer.connection.complete_slot(slot, slices);
        let is_over = peer.http.as_ref().is_some_and(|http| http.is_over());
        self.connections.send_answers(id, effects);
        if is_over {
            self.connections.close(id, true, effects);
        }
    }
}
