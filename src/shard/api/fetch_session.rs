//! Fetch sessions: a client names its partitions once and then only what changes (KIP-227).
//!
//! A session lives on the shard of the connection that began it. A client that comes back on
//! another connection may be told that its session is unknown, and begins a new one.

use std::collections::BTreeMap;

use crate::model::{ErrorCode, Offset, Uuid};
use crate::protocol::messages::FetchRequest;
use crate::protocol::messages::fetch_request::FetchPartition;
use crate::shard::settings::ShardSettings;
use crate::shard::task::FetchedPart;
use crate::stdx::{HashMap, Instant, Random, new_map};

/// Closes the session, and fetches without one.
const FINAL_EPOCH: i32 = -1;
/// Begins a session.
const INITIAL_EPOCH: i32 = 0;

/// A session unused for this long makes room for another one; Kafka's number.
const EVICTION_AGE: std::time::Duration = std::time::Duration::from_mins(2);

/// Partitions that one session may hold. A broker has no more.
const PARTITIONS_MAX: usize = 1_000_000;

/// A partition as the client names it.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct FetchKey {
    /// The topic's id; zero before version 13.
    pub topic_id: Uuid,
    /// The topic's name; empty since version 13.
    pub topic: String,
    /// The partition's number.
    pub partition: i32,
}

/// What the client wants of a partition.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// Which partition.
    pub key: FetchKey,
    /// From where on.
    pub fetch_offset: Offset,
    /// The most bytes.
    pub partition_max_bytes: i32,
    /// The leader epoch that the client believes in; -1 for none.
    pub current_leader_epoch: i32,
    /// The epoch of the last record that the client has; -1 for none.
    pub last_fetched_epoch: i32,
    /// Where the log of a follower starts; -1 for consumers.
    pub log_start_offset: Offset,
}

impl Wanted {
    fn new(key: FetchKey, partition: &FetchPartition) -> Self {
        Self {
            key,
            fetch_offset: partition.fetch_offset,
            partition_max_bytes: partition.partition_max_bytes,
            current_leader_epoch: partition.current_leader_epoch,
            last_fetched_epoch: partition.last_fetched_epoch,
            log_start_offset: partition.log_start_offset,
        }
    }
}

#[derive(Debug)]
struct CachedPartition {
    wanted: Wanted,
    /// Its place in the order of the session.
    place: u64,
    /// What the client was told last; `None` if it must be told anew.
    told: Option<(Offset, Offset)>,
}

#[derive(Debug)]
struct Session {
    epoch: i32,
    uses_ids: bool,
    last_used: Instant,
    next_place: u64,
    order: BTreeMap<u64, FetchKey>,
    partitions: HashMap<FetchKey, CachedPartition>,
}

/// How a fetch relates to sessions.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum SessionUse {
    /// Not at all: everything is answered.
    None,
    /// It begins the session of this id: everything is answered.
    Begins(i32),
    /// It continues the session of this id: what is new is answered.
    Continues(i32),
}

impl SessionUse {
    /// The id for the answer; zero for none.
    #[must_use]
    pub const fn id(self) -> i32 {
        match self {
            Self::None => 0,
            Self::Begins(id) | Self::Continues(id) => id,
        }
    }
}

/// The fetch sessions of one shard.
#[derive(Debug)]
pub struct FetchSessions {
    sessions: HashMap<i32, Session>,
    sessions_max: usize,
    random: Random,
}

impl FetchSessions {
    /// None yet.
    #[must_use]
    pub fn new(settings: &mut ShardSettings) -> Self {
        let slots = settings.config.max_incremental_fetch_session_cache_slots as usize;
        Self {
            sessions: new_map(),
            sessions_max: slots.div_ceil(usize::from(settings.shards_count.max(1))),
            random: settings.random.fork(),
        }
    }

    /// Which partitions the request is about, in their order.
    ///
    /// # Errors
    /// The error of the whole answer: the client then begins a new session.
    pub fn start(
        &mut self,
        now: Instant,
        version: i16,
        request: &FetchRequest,
    ) -> Result<(SessionUse, Vec<Wanted>), ErrorCode> {
        let uses_ids = version >= 13;
        let named = wanted_of(request, uses_ids);
        match request.session_epoch {
            FINAL_EPOCH => {
                self.sessions.remove(&request.session_id);
                Ok((SessionUse::None, named))
            }
            INITIAL_EPOCH => {
                self.sessions.remove(&request.session_id);
                let id = self.begin(now, uses_ids, &named);
                Ok((id.map_or(SessionUse::None, SessionUse::Begins), named))
            }
            epoch => {
                let id = request.session_id;
                let session = self
                    .sessions
                    .get_mut(&id)
                    .ok_or(ErrorCode::FetchSessionIdNotFound)?;
                if session.uses_ids != uses_ids {
                    return Err(ErrorCode::FetchSessionTopicIdError);
                }
                if session.epoch != epoch {
                    return Err(ErrorCode::InvalidFetchSessionEpoch);
                }
                session.epoch = next_epoch(epoch);
                session.last_used = now;
                session.update(named, request, uses_ids);
                let wanted = session
                    .order
                    .values()
                    .map(|key| session.partitions[key].wanted.clone());
                let wanted = wanted.collect();
                if session.partitions.is_empty() {
                    self.sessions.remove(&id);
                    return Ok((SessionUse::None, wanted));
                }
                Ok((SessionUse::Continues(id), wanted))
            }
        }
    }

    fn begin(&mut self, now: Instant, uses_ids: bool, named: &[Wanted]) -> Option<i32> {
        if named.len() > PARTITIONS_MAX || !self.make_room(now) {
            return None;
        }
        let id = loop {
            let bits = self.random.next_u64().to_be_bytes();
            let id = i32::from_be_bytes([bits[0] & 0x7f, bits[1], bits[2], bits[3]]);
            if id > 0 && !self.sessions.contains_key(&id) {
                break id;
            }
        };
        let mut session = Session {
            epoch: next_epoch(INITIAL_EPOCH),
            uses_ids,
            last_used: now,
            next_place: 0,
            order: BTreeMap::new(),
            partitions: new_map(),
        };
        for wanted in named {
            session.want(wanted.clone());
        }
        self.sessions.insert(id, session);
        Some(id)
    }

    fn make_room(&mut self, now: Instant) -> bool {
        if self.sessions.len() < self.sessions_max {
            return true;
        }
        let oldest = self
            .sessions
            .iter()
            .min_by_key(|(id, session)| (session.last_used, **id));
        let Some((id, session)) = oldest else {
            return false;
        };
        let (id, age) = (*id, now - session.last_used);
        age > EVICTION_AGE && self.sessions.remove(&id).is_some()
    }

    /// True if the answer must tell of this partition. Those with records then go to the end of
    /// the order, so that the next answer with little room begins with others.
    pub fn must_tell(&mut self, session: SessionUse, key: &FetchKey, part: &FetchedPart) -> bool {
        let (is_full, id) = match session {
            SessionUse::None => return true,
            SessionUse::Begins(id) => (true, id),
            SessionUse::Continues(id) => (false, id),
        };
        let is_news = part.error.is_error()
            || part.diverging.is_some()
            || part.preferred_replica.is_some()
            || !part.records.is_empty();
        // The client may have ended the session while this fetch waited.
        let Some(session) = self.sessions.get_mut(&id) else {
            return is_full || is_news;
        };
        let Some(cached) = session.partitions.get_mut(key) else {
            return is_full || is_news;
        };
        let bounds = part.high_watermark.zip(part.log_start_offset);
        let has_news = is_news || cached.told != bounds;
        cached.told = bounds.filter(|_| !part.error.is_error());
        if !part.records.is_empty() {
            session.order.remove(&cached.place);
            cached.place = session.next_place;
            session.next_place += 1;
            session.order.insert(cached.place, key.clone());
        }
        is_full || has_news
    }
}

impl Session {
    fn want(&mut self, wanted: Wanted) {
        match self.partitions.get_mut(&wanted.key) {
            Some(cached) => cached.wanted = wanted,
            None => {
                let place = self.next_place;
                self.next_place += 1;
                self.order.insert(place, wanted.key.clone());
                let key = wanted.key.clone();
                self.partitions.insert(
                    key,
                    CachedPartition {
                        wanted,
                        place,
                        told: None,
                    },
                );
            }
        }
    }

    fn update(&mut self, named: Vec<Wanted>, request: &FetchRequest, uses_ids: bool) {
        for wanted in named {
            if self.partitions.len() < PARTITIONS_MAX {
                self.want(wanted);
            }
        }
        for topic in &request.forgotten_topics_data {
            for partition in &topic.partitions {
                let key = key_of(uses_ids, topic.topic_id, &topic.topic, *partition);
                if let Some(cached) = self.partitions.remove(&key) {
                    self.order.remove(&cached.place);
                }
            }
        }
    }
}

fn wanted_of(request: &FetchRequest, uses_ids: bool) -> Vec<Wanted> {
    let topics = request.topics.iter();
    topics
        .flat_map(|topic| {
            topic.partitions.iter().map(move |partition| {
                let key = key_of(uses_ids, topic.topic_id, &topic.topic, partition.partition);
                Wanted::new(key, partition)
            })
        })
        .collect()
}

fn key_of(uses_ids: bool, topic_id: Uuid, topic: &str, partition: i32) -> FetchKey {
    let topic = if uses_ids {
        String::new()
    } else {
        topic.to_owned()
    };
    FetchKey {
        topic_id,
        topic,
        partition,
    }
}

/// Epochs count up and, at the end of their range, begin again behind the initial one.
const fn next_epoch(epoch: i32) -> i32 {
    match epoch.checked_add(1) {
        Some(next) if next > 0 => next,
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fetch_whose_session_ended_while_it_waited_tells_of_nothing_but_news() {
        let mut sessions = FetchSessions {
            sessions: new_map(),
            sessions_max: 1,
            random: Random::from_seed(1),
        };
        let key = key_of(false, Uuid::default(), "topic", 0);
        let nothing = FetchedPart {
            high_watermark: Some(7),
            log_start_offset: Some(0),
            ..FetchedPart::refused(0, ErrorCode::None)
        };
        let refused = FetchedPart::refused(0, ErrorCode::KafkaStorageError);
        assert!(!sessions.must_tell(SessionUse::Continues(3), &key, &nothing));
        assert!(sessions.must_tell(SessionUse::Continues(3), &key, &refused));
        assert!(sessions.must_tell(SessionUse::Begins(3), &key, &nothing));
    }
}
