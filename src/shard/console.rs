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
    pub(super) fn start_http_requests(
        &mut self,
        now: Now,
        id: ConnectionId,
        effects: &mut Effects,
    ) {
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
                    self.start_http_request(now, id, (slot, request), effects);
                }
            }
        }
    }

    fn start_http_request(
        &mut self,
        now: Now,
        id: ConnectionId,
        (slot, request): (SlotNumber, ConsoleRequest),
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
                return self.gather_metrics(now, id, slot, effects);
            }
            ConsoleRequest::Health | ConsoleRequest::Metrics => Answer::health(health),
        };
        self.answer_http(id, slot, answer, effects);
    }

    /// Ask every shard for its metrics, for the connection `id`.
    fn gather_metrics(
        &mut self,
        now: Now,
        id: ConnectionId,
        slot: SlotNumber,
        effects: &mut Effects,
    ) {
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
                let metrics = Box::new(self.collect_metrics(now));
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
            self.start_http_requests(now, connection, effects);
        }
    }

    fn listener_names(&self) -> Vec<String> {
        let name = |kind: &ListenerKind| match kind {
            ListenerKind::Kafka(name) | ListenerKind::Controller(name) => name.clone(),
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::config::ServeArguments;
    use crate::shard::{Effect, Event, ListenerIndex, ShardSettings};
    use crate::stdx::Random;

    const KAFKA: ConnectionId = ConnectionId(1);
    const HTTP: [ConnectionId; 2] = [ConnectionId(2), ConnectionId(3)];

    /// Shard 0 of two, on which nothing has happened but that clients have connected.
    fn starting() -> Shard {
        let startup = ServeArguments::default().resolve(None, "host");
        let startup = startup.expect("the defaults are sound");
        let mut shard = Shard::new(ShardSettings {
            id: ShardId(0),
            shards_count: 2,
            config: Arc::new(startup.config),
            settings: startup.settings,
            log_levels: Arc::default(),
            random: Random::from_seed(1),
            memory_bytes: 1 << 20,
            journal_bytes_max: 1 << 20,
            checkpoint_every_bytes: 1 << 20,
            open_files_max: 16,
            sync_methods: Vec::new(),
            listeners: vec![ListenerKind::Kafka("A".to_owned()), ListenerKind::Http],
        });
        for (connection, listener) in [(KAFKA, 0), (HTTP[0], 1), (HTTP[1], 1)] {
            let event = Event::Accepted {
                connection,
                listener: ListenerIndex(listener),
                peer: ([127, 0, 0, 1], 1).into(),
            };
            shard.on_event(Now::default(), event, &mut Effects::default());
        }
        shard
    }

    /// The connection asks for `path`.
    fn ask(shard: &mut Shard, connection: ConnectionId, path: &str, effects: &mut Effects) {
        let request = format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n");
        let memory = shard.receive_buffer(connection).expect("it is read from");
        memory[..request.len()].copy_from_slice(request.as_bytes());
        let length = request.len();
        let event = Event::Received { connection, length };
        shard.on_event(Now::default(), event, effects);
    }

    fn sent(effects: &mut Effects) -> Vec<(ConnectionId, String)> {
        let all = std::iter::from_fn(|| effects.next_effect());
        all.filter_map(|effect| match effect {
            Effect::Send { connection, slices } => {
                let text = String::from_utf8(slices.concat()).expect("answers are text");
                Some((connection, text))
            }
            _ => None,
        })
        .collect()
    }

    #[test]
    fn a_broker_that_starts_tells_so_and_reads_nothing_else() {
        let (mut shard, mut effects) = (starting(), Effects::default());
        assert!(shard.receive_buffer(KAFKA).is_none());
        ask(&mut shard, HTTP[0], "/health", &mut effects);
        let sent = sent(&mut effects);
        assert_eq!(sent.len(), 1);
        assert!(sent[0].1.starts_with("HTTP/1.1 503 "), "{}", sent[0].1);
    }

    #[test]
    fn who_asks_while_metrics_are_gathered_gets_them_too() {
        let (mut shard, mut effects) = (starting(), Effects::default());
        for connection in HTTP {
            ask(&mut shard, connection, "/metrics", &mut effects);
        }
        shard.on_event(Now::default(), Event::TurnEnded, &mut effects);
        let mut asked = Vec::new();
        while let Some(effect) = effects.next_effect() {
            if let Effect::Post {
                to,
                message: Message::Tasks { request, tasks, .. },
            } = effect
            {
                asked.push((to, request, tasks[0].0));
            }
        }
        let [(to, request, index)] = asked[..] else {
            panic!("{asked:?}")
        };
        assert_eq!(to, ShardId(1));
        let metrics = Reply::Metrics(Box::default());
        let message = Message::Replies {
            replies: vec![(request, index, metrics)],
        };
        let event = Event::MessageArrived { from: to, message };
        shard.on_event(Now::default(), event, &mut effects);
        shard.on_event(Now::default(), Event::TurnEnded, &mut effects);
        let sent = sent(&mut effects);
        assert_eq!(sent.iter().map(|(to, _)| *to).collect::<Vec<_>>(), HTTP);
        for (_, answer) in sent {
            assert!(answer.contains("\nforebay_connections{listener=\"HTTP\"} 2\n"));
        }
    }
}
