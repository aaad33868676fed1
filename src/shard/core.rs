//! The shard itself: the parts it owns, the one entry to them, and the order within a turn.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use crate::client::LinkId;
use crate::log::storage::{StorageResult, Ticket};
use crate::metadata::MetadataImage;
use crate::model::ShardId;
use crate::security::Authorizer;
use crate::stdx::{Instant, Now};

use super::api::{FetchSessions, Parts, ProducerIds};
use super::cleaning::Cleaning;
use super::configs::Configs;
use super::connections::Connections;
use super::console::Console;
use super::controller::{ControllerHost, tell_of_heartbeats};
use super::deferring::DeferredSyncs;
use super::fetches::Fetches;
use super::file_limit::FileLimit;
use super::files::{BrokerFiles, is_file_owner};
use super::following::Following;
use super::groups::Groups;
use super::housekeeping::Housekeeping;
use super::journaling::{Journals, journal_of};
use super::leading::Leading;
use super::metering::Meter;
use super::moving::Moves;
use super::neighbours::Neighbours;
use super::opening::Opening;
use super::partition::{Asker, Partitions};
use super::peers::PeerLinks;
use super::request::Requests;
use super::resuming::ResumeCheckpoints;
use super::room::Room;
use super::task::{Reply, RequestId, Task, TaskIndex};
use super::throttling::Throttling;
use super::truncating::Truncations;
use super::{ConnectionId, Effect, Effects, Event, Message, ShardSettings};

/// Where a shard is in its life.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Phase {
    /// Waiting for the image and opening partitions; connections that speak Kafka's protocol are
    /// not read from.
    Starting,
    /// Serving.
    Serving,
    /// Closing partitions; nothing new is begun.
    Stopping,
}

/// One core's state.
#[derive(Debug)]
pub struct Shard {
    pub(super) settings: ShardSettings,
    pub(super) phase: Phase,
    pub(super) image: Arc<MetadataImage>,
    pub(super) configs: Configs,
    pub(super) sessions: FetchSessions,
    pub(super) producer_ids: ProducerIds,
    /// Absent if everybody may do everything.
    pub(super) authorizer: Option<Authorizer>,
    pub(super) connections: Connections,
    pub(super) peers: PeerLinks,
    pub(super) requests: Requests,
    pub(super) partitions: Partitions,
    pub(super) fetches: Fetches,
    pub(super) groups: Groups,
    pub(super) opening: Opening,
    pub(super) files: BrokerFiles,
    pub(super) file_limit: FileLimit,
    pub(super) cleaning: Cleaning,
    pub(super) housekeeping: Housekeeping,
    pub(super) journals: Journals,
    pub(super) deferring: DeferredSyncs,
    pub(super) leading: Leading,
    pub(super) following: Following,
    pub(super) throttling: Throttling,
    pub(super) resuming: ResumeCheckpoints,
    pub(super) moves: Moves,
    pub(super) truncations: Truncations,
    pub(super) room: Room,
    pub(super) console: Console,
    pub(super) meter: Meter,
    pub(super) neighbours: Neighbours,
    /// On shard 0 only.
    pub(super) controller: Option<ControllerHost>,
    /// Tasks that know of a partition which the image here does not reach yet.
    pub(super) ahead_of_image: VecDeque<(Asker, i64, Task)>,
    /// Replies for requests of this shard, not yet taken in.
    pub(super) own_replies: VecDeque<(RequestId, TaskIndex, Reply)>,
    /// Replies for other shards, posted at the end of the turn.
    pub(super) replies_out: BTreeMap<ShardId, Vec<(RequestId, TaskIndex, Reply)>>,
}

impl Shard {
    /// A shard that owns nothing yet. Its first event must be [`Event::Started`].
    #[must_use]
    pub fn new(mut settings: ShardSettings) -> Self {
        let is_controller = settings.id == ShardId(0);
        let controller = is_controller.then(|| ControllerHost::new(&mut settings));
        Self {
            phase: Phase::Starting,
            image: Arc::new(MetadataImage::default()),
            configs: Configs::new(&settings),
            sessions: FetchSessions::new(&mut settings),
            producer_ids: ProducerIds::default(),
            authorizer: settings.config.authorizer.as_ref().map(Authorizer::new),
            connections: Connections::new(&settings),
            requests: Requests::new(),
            partitions: Partitions::new(),
            fetches: Fetches::default(),
            groups: Groups::new(&mut settings),
            opening: Opening::default(),
            files: BrokerFiles::new(&settings),
            file_limit: FileLimit::new(&settings),
            cleaning: Cleaning::new(),
            housekeeping: Housekeeping::new(&settings),
            journals: Journals::new(&settings),
            deferring: DeferredSyncs::new(&settings),
            leading: Leading::default(),
            following: Following::new(&settings),
            throttling: Throttling::new(&settings.config),
            resuming: ResumeCheckpoints::new(settings.checkpoint_every_bytes),
            moves: Moves::default(),
            truncations: Truncations::default(),
            room: Room::new(settings.config.log_dirs.clone()),
            console: Console::default(),
            meter: Meter::default(),
            neighbours: Neighbours::default(),
            controller,
            peers: PeerLinks::new(&settings),
            ahead_of_image: VecDeque::new(),
            own_replies: VecDeque::new(),
            replies_out: BTreeMap::new(),
            settings,
        }
    }

    /// This shard's number.
    #[must_use]
    pub const fn id(&self) -> ShardId {
        self.settings.id
    }

    /// React to `event`; what must be done outside is put into `effects`.
    pub fn on_event(&mut self, now: Now, event: Event, effects: &mut Effects) {
        self.meter.on_event();
        if let Some(number) = event.dialed_number() {
            return self.peers.on_event(now, LinkId(number), event);
        }
        match event {
            Event::Started => self.on_started(now, effects),
            Event::Accepted {
                connection,
                listener,
                peer,
            } => {
                let kind = self.settings.listeners.get(usize::from(listener.0));
                let kind = kind.expect("connections come from the listeners that there are");
                self.connections
                    .accept(now, connection, (listener, kind), peer);
                self.meter.metrics.listener_mut(listener.0).opened += 1;
            }
            Event::Refused {
                listener,
                peer,
                reason,
            } => {
                self.meter.metrics.listener_mut(listener.0).refused += 1;
                self.connections.complain_of_refused(now, peer, reason);
            }
            Event::ConnectionsExceeded { spared } => {
                self.connections.close_most_silent(spared, effects);
            }
            Event::Dialed { .. } => unreachable!("a dialed connection has a number as such"),
            Event::Received { connection, length } => {
                self.on_received(now, connection, length, effects);
            }
            Event::Sent { connection, length } => self.on_sent(now, connection, length, effects),
            Event::Disconnected { connection, reason } => {
                if let Some(peer) = self.connections.remove(connection, reason) {
                    self.meter.metrics.listener_mut(peer.listener.0).closed += 1;
                    tell_of_heartbeats(&peer, reason, effects);
                }
            }
            Event::StorageFinished { ticket, result } => {
                self.meter.on_storage(now, ticket, &result);
                self.on_storage(now, ticket, result, effects);
            }
            Event::MessageArrived { from, message } => self.on_message(now, from, message, effects),
            Event::DeadlineReached => self.on_deadline(now, effects),
            Event::TurnEnded => self.on_turn_ended(now, effects),
            Event::Stopping => self.on_stop_wanted(now, effects),
        }
    }

    /// Memory for the next bytes of `connection`; `None` while the shard does not want to read
    /// from it. The runtime fills a prefix and says so with `Event::Received`.
    pub fn receive_buffer(&mut self, connection: ConnectionId) -> Option<&mut [u8]> {
        if let Some(number) = connection.dialed_number() {
            return self.peers.receive_buffer(LinkId(number));
        }
        let serves_kafka = self.serves(connection);
        self.connections.receive_buffer(connection, serves_kafka)
    }

    /// When the shard wants `Event::DeadlineReached`; [`Instant::MAX`] for never.
    #[must_use]
    pub fn next_deadline(&self) -> Instant {
        let controller = self
            .controller
            .as_ref()
            .map_or(Instant::MAX, ControllerHost::next_deadline);
        [
            self.fetches.next_deadline(),
            self.groups.next_deadline(),
            self.connections.next_deadline(),
            self.peers.next_deadline(),
            self.housekeeping.next_deadline(),
            self.journals.next_deadline(),
            self.deferring.next_deadline(),
            self.leading.next_deadline(),
            self.following.next_deadline(),
            self.throttling.next_deadline(),
            self.resuming.next_deadline(),
            self.room.next_deadline(),
            self.moves.next_deadline(),
            self.cleaning.next_deadline(),
            controller,
        ]
        .into_iter()
        .min()
        .expect("the list is not empty")
    }

    fn on_started(&mut self, now: Now, effects: &mut Effects) {
        self.housekeeping.start(now);
        self.start_cleaning(now);
        if let Some(controller) = &mut self.controller {
            controller.start(now, &mut effects.storage);
        }
    }

    fn on_storage(
        &mut self,
        now: Now,
        ticket: Ticket,
        result: StorageResult,
        effects: &mut Effects,
    ) {
        if ControllerHost::owns(ticket.owner) {
            let controller = self
                .controller
                .as_mut()
                .expect("only shard 0 asks for the controller");
            controller.on_storage(now, ticket, result, &mut effects.storage);
        } else if is_file_owner(ticket.owner) {
            self.on_broker_file(now, ticket, result, effects);
        } else if let Some(directory) = journal_of(ticket.owner) {
            self.on_journal_storage(now, directory, ticket.sequence, result, effects);
        } else if let Some(slot) = self.partitions.slot_of_owner(ticket.owner) {
            let partition = self
                .partitions
                .touch(slot)
                .expect("the slot was just found");
            if let Some(log) = partition.log_that_asked(ticket.sequence) {
                log.on_storage(now, ticket.sequence, result);
            }
            self.journals.stir();
            self.on_log_progress(now, slot, effects);
        }
    }

    fn on_message(&mut self, now: Now, from: ShardId, message: Message, effects: &mut Effects) {
        match message {
            Message::Tasks {
                request,
                image_end_offset,
                tasks,
            } => {
                for (index, task) in tasks {
                    let asker = Asker {
                        shard: from,
                        request,
                        index,
                    };
                    self.take_task(now, asker, image_end_offset, task);
                }
            }
            Message::Replies { replies } => self.own_replies.extend(replies),
            Message::HurryFetch { request } => {
                self.fetches
                    .hurry(|asker| asker.shard == from && asker.request == request);
            }
            Message::MetadataPublished(update) => self.on_metadata(now, &update, effects),
            Message::LogLevels(levels) => self.configs.set_log_levels(levels),
            Message::DirectoriesRead(contents) => self.on_directories_read(contents, effects),
            Message::ClaimFolders(claims) => self.on_claims(from, claims, effects),
            Message::ClaimsAnswered(answers) => self.on_claims_answered(&answers, effects),
            Message::FoldersLeft(left) => self.on_folders_left(left, effects),
            Message::ClaimMove(claim) => self.on_move_claimed(from, claim, effects),
            Message::MoveGranted {
                partition,
                directory,
            } => self.on_move_granted(partition, directory),
            Message::MoveEnded {
                partition,
                to,
                gone,
            } => self.on_move_ended(partition, to, gone, effects),
            Message::AssignDirectory {
                partition,
                directory,
            } => self.assign_directory(now, from, partition, directory, effects),
            Message::AssignmentRefused {
                partition,
                directory,
                error,
            } => self.on_assignment_refused(now, partition, directory, error),
            Message::ProposeIsr(proposed) => self.on_isr_proposed(now, from, proposed),
            Message::IsrDecided(decided) => self.on_isr_decided(now, decided),
            Message::HeartbeatsEnded { broker, epoch } => {
                self.on_heartbeats_ended(now, broker, epoch);
            }
            Message::Serve => self.on_serve(now),
            Message::Stop => self.on_stopping(effects),
            Message::DirectoryFailed { directory, reason } => {
                self.give_up(now, directory, &reason, effects);
            }
            Message::DirectoryOffline(directory) => {
                self.on_directory_offline(now, directory, effects);
            }
            Message::DirectoriesFull(full) => self.room.set_full(full),
            Message::JournalsWrittenBack => self.on_journals_written_back(from, effects),
            Message::JournalsRemoved => self.journals.forget_inherited(),
            Message::CheckpointsReplaced => self.on_checkpoints_replaced(from, effects),
            Message::PartitionsOpened => self.on_partitions_opened(now, from, effects),
            Message::Checkpoints {
                directories,
                is_last,
            } => {
                self.on_checkpoints(from, directories, is_last, effects);
            }
        }
    }

    fn on_deadline(&mut self, now: Now, effects: &mut Effects) {
        self.start_postponed(now, effects);
        self.peers.on_time(now);
        self.fetches.wake_due(now.instant);
        self.connections.close_idle(now, effects);
        self.connections.close_slowest(now, effects);
        self.on_groups_deadline(now);
        self.begin_due_syncs(now);
        self.look_at_followers(now);
        self.resume_moves(now);
        self.run_housekeeping(now, effects);
        self.look_at_room(now);
    }

    /// Everything that the turn's events led to is finished before the turn's effects leave: a
    /// reply may start the next request of a connection, which may bring more replies.
    fn on_turn_ended(&mut self, now: Now, effects: &mut Effects) {
        self.settle_started(now);
        self.tell_outcomes(now, effects);
        loop {
            if let Some((request, index, reply)) = self.own_replies.pop_front() {
                self.on_reply(now, request, index, reply, effects);
            } else if let Some(key) = self.fetches.next_woken() {
                self.advance_fetch(now, key);
            } else if !self.advance_controller(now, effects)
                && !self.flush_partitions(now, effects)
                && !self.advance_journals(now, effects)
                && !self.advance_truncations()
            {
                break;
            }
        }
        self.spread_log_levels(effects);
        for (shard, replies) in std::mem::take(&mut self.replies_out) {
            effects.post(shard, Message::Replies { replies });
        }
        self.connections.note_shortage(now);
        self.connections.end_turn();
        self.open_waiting(effects);
        self.post_folder_news(effects);
        self.post_proposals(effects);
        self.ask_leaders(now);
        self.advance_checkpoints(now, effects);
        self.advance_stop(now, effects);
        self.describe_room(effects);
        self.drive_links(effects);
        self.settle_started(now);
        effects.take_storage_noting(|ticket, request| {
            self.meter.on_storage_asked(now, ticket, request);
        });
        self.meter.on_turn_ended();
    }

    /// What handlers may use.
    pub(super) fn parts(&mut self, now: Now) -> Parts<'_> {
        Parts {
            now,
            shard: self.settings.id,
            shards_count: self.settings.shards_count,
            image: &self.image,
            configs: &mut self.configs,
            directories: &self.opening.directories,
            listeners: &self.settings.listeners,
            sessions: &mut self.sessions,
            producer_ids: &mut self.producer_ids,
            decompressed_bytes_max: self.settings.decompressed_bytes_max(),
            authorizer: self.authorizer.as_ref(),
            metrics: &mut self.meter.metrics,
        }
    }

    /// Bring `reply` to the one who asked.
    pub(super) fn reply(&mut self, asker: Asker, reply: Reply) {
        if asker.shard == self.settings.id {
            self.own_replies
                .push_back((asker.request, asker.index, reply));
        } else {
            let replies = self.replies_out.entry(asker.shard).or_default();
            replies.push((asker.request, asker.index, reply));
        }
    }

    /// Post `message` to every shard, this one included.
    pub(super) fn broadcast(&self, effects: &mut Effects, message: impl Fn() -> Message) {
        for shard in (0..self.settings.shards_count).map(ShardId) {
            effects.post(shard, message());
        }
    }

    /// What ends the process cleanly once everything is on the disk.
    pub(super) fn stopped(effects: &mut Effects) {
        effects.push(Effect::Stopped);
    }
}
