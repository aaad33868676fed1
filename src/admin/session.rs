//! A command's view of the cluster: whom to ask, and the answer.

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::sync::mpsc::SyncSender;
use std::time::{Duration, Instant};

use crate::client::{Cluster, Connection, ConnectionError, RequestId, Response, error_of};
use crate::model::{BrokerId, ErrorCode};
use crate::protocol::messages::{FindCoordinatorRequest, MetadataRequest};
use crate::protocol::{AnyRequest, AnyResponse};

use super::Failure;
use super::arguments::{ConnectionArguments, Server};
use super::input::InputRecord;
use super::network::{Event, LinkId, Network};

/// How long a command waits before it asks again what may be answered better soon.
const RETRY_AFTER: Duration = Duration::from_millis(100);

/// The kind of coordinator that FindCoordinator finds for groups.
const KEY_TYPE_GROUP: i8 = 0;

/// The answer of the API `$api`; which API answers is decided by what was asked.
macro_rules! answer {
    ($api:ident, $answer:expr) => {
        match $answer {
            $crate::protocol::AnyResponse::$api(answer) => answer,
            other => unreachable!("{} was answered by {other:?}", stringify!($api)),
        }
    };
}
pub(crate) use answer;

/// What a command waits for.
#[derive(Debug)]
pub enum Happening {
    /// A broker answered.
    Response(LinkId, Response),
    /// A connection is gone, and why.
    Closed(LinkId, String),
    /// A piece of the command's own input.
    Input(Vec<InputRecord>),
    /// The end of that input, or why it cannot be read.
    InputEnd(Option<io::Error>),
    /// The person at the terminal wants an end.
    Interrupted,
}

/// Connections to the cluster's brokers, made when they are needed.
pub struct Session {
    network: Network,
    peers: BTreeMap<LinkId, Peer>,
    /// The links on which bytes came that have not been looked at.
    fresh: VecDeque<LinkId>,
    by_broker: BTreeMap<BrokerId, LinkId>,
    first: LinkId,
    servers: Vec<Server>,
    cluster: Cluster,
    client_id: String,
    timeout: Duration,
    /// What happened while the command waited for something else.
    set_aside: VecDeque<Happening>,
}

struct Peer {
    place: String,
    connection: Connection,
}

impl Session {
    /// Connects to the first of the bootstrap servers that is a broker, and learns who the others
    /// are.
    pub fn open(arguments: &ConnectionArguments) -> Result<Self, Failure> {
        let mut session = Self {
            network: Network::new(),
            peers: BTreeMap::new(),
            fresh: VecDeque::new(),
            by_broker: BTreeMap::new(),
            first: LinkId::default(),
            servers: arguments.bootstrap_server.clone(),
            cluster: Cluster::new(),
            client_id: arguments.client_id.clone(),
            timeout: Duration::from_millis(arguments.request_timeout_ms),
            set_aside: VecDeque::new(),
        };
        session.refresh(Some(&[]), false)?;
        Ok(session)
    }

    /// A link to any broker: the first bootstrap server that is one, connected again if need be.
    fn any_link(&mut self) -> Result<LinkId, Failure> {
        if self.peers.contains_key(&self.first) {
            return Ok(self.first);
        }
        let mut failures = Vec::new();
        for server in self.servers.clone() {
            match self.connect(&server.host, server.port) {
                Ok(link) => {
                    self.first = link;
                    return Ok(link);
                }
                Err(Failure::Failed(text)) => failures.push(text),
                Err(failure) => return Err(failure),
            }
        }
        Err(Failure::Failed(failures.join("; ")))
    }

    /// What is known of the cluster.
    pub const fn cluster(&self) -> &Cluster {
        &self.cluster
    }

    /// How long an answer may take.
    pub const fn timeout(&self) -> Duration {
        self.timeout
    }

    /// The same as requests have it.
    pub fn timeout_ms(&self) -> i32 {
        i32::try_from(self.timeout.as_millis()).unwrap_or(i32::MAX)
    }

    /// The connection to the bootstrap server.
    pub fn first_connection(&self) -> &Connection {
        &self.peers[&self.first].connection
    }

    /// Asks for Metadata of `topics` (all without a list) and takes it in. With all, the topics
    /// that are gone are forgotten.
    pub fn refresh(&mut self, topics: Option<&[&str]>, may_create: bool) -> Result<(), Failure> {
        let request: MetadataRequest = Cluster::metadata_request(topics, may_create);
        let metadata = answer!(Metadata, self.ask_any(request)?);
        error_of(metadata.error_code)
            .map_err(|error| Failure::refused("the broker gives no metadata", error, None))?;
        if topics.is_none() {
            self.cluster = Cluster::new();
        }
        self.cluster.on_metadata(&metadata);
        Ok(())
    }

    /// Asks the bootstrap server, which passes on what is for the controller.
    pub fn ask_any(&mut self, request: impl Into<AnyRequest>) -> Result<AnyResponse, Failure> {
        let link = self.any_link()?;
        self.ask(link, &request.into())
    }

    /// Asks one broker.
    pub fn ask_broker(
        &mut self,
        broker: BrokerId,
        request: impl Into<AnyRequest>,
    ) -> Result<AnyResponse, Failure> {
        let link = self.link_to(broker)?;
        self.ask(link, &request.into())
    }

    /// The broker that coordinates `group`, waiting for it where it is only being set up.
    pub fn coordinator(&mut self, group: &str) -> Result<BrokerId, Failure> {
        let deadline = Instant::now() + self.timeout;
        loop {
            let request = FindCoordinatorRequest {
                key_type: KEY_TYPE_GROUP,
                coordinator_keys: vec![group.to_owned()],
                ..FindCoordinatorRequest::default()
            };
            let answer = answer!(FindCoordinator, self.ask_any(request)?);
            let Some(found) = answer.coordinators.first() else {
                let text = format!("the broker names no coordinator for group {group:?}");
                return Err(Failure::Failed(text));
            };
            match error_of(found.error_code) {
                Ok(()) => {
                    if !self.cluster.brokers.contains_key(&found.node_id) {
                        self.refresh(Some(&[]), false)?;
                    }
                    return Ok(found.node_id);
                }
                Err(error) if error.is_retriable() && Instant::now() < deadline => {
                    std::thread::sleep(RETRY_AFTER);
                }
                Err(error) => {
                    let action = format!("cannot find the coordinator of group {group:?}");
                    let message = found.error_message.as_deref();
                    return Err(Failure::refused(&action, error, message));
                }
            }
        }
    }

    /// Asks again while `error_in` finds an error in the answer that may go away, until the
    /// timeout; then the last answer is the answer.
    pub fn ask_until_settled(
        &mut self,
        broker: Option<BrokerId>,
        request: impl Into<AnyRequest>,
        error_in: impl Fn(&AnyResponse) -> Option<ErrorCode>,
    ) -> Result<AnyResponse, Failure> {
        let request = request.into();
        let deadline = Instant::now() + self.timeout;
        loop {
            let link = match broker {
                Some(broker) => self.link_to(broker)?,
                None => self.any_link()?,
            };
            let answer = self.ask(link, &request)?;
            let is_passing = error_in(&answer).is_some_and(is_passing);
            if !is_passing || Instant::now() >= deadline {
                return Ok(answer);
            }
            std::thread::sleep(RETRY_AFTER);
        }
    }

    /// Where other threads of the command say what happened.
    pub fn sender(&self) -> SyncSender<Event> {
        self.network.sender()
    }

    /// Sends a request to a broker, or to any, without waiting for its answer.
    pub fn send_to(
        &mut self,
        broker: Option<BrokerId>,
        request: &AnyRequest,
    ) -> Result<(LinkId, RequestId), Failure> {
        let link = match broker {
            Some(broker) => self.link_to(broker)?,
            None => self.any_link()?,
        };
        Ok((link, self.send(link, request)?))
    }

    /// Closes a link that is of no further use.
    pub fn close(&mut self, link: LinkId) {
        self.peers.remove(&link);
        self.by_broker.retain(|_, known| *known != link);
        self.network.close(link);
    }

    /// The link to a broker, connected if need be.
    pub fn link_to(&mut self, broker: BrokerId) -> Result<LinkId, Failure> {
        if let Some(link) = self.by_broker.get(&broker) {
            return Ok(*link);
        }
        let Some(place) = self.cluster.brokers.get(&broker) else {
            return Err(Failure::Failed(format!("broker {broker} is not alive")));
        };
        let (host, port) = (place.host.clone(), place.port);
        let link = self.connect(&host, port).map_err(|failure| match failure {
            Failure::Failed(text) => Failure::Failed(format!("broker {broker}: {text}")),
            other => other,
        })?;
        self.by_broker.insert(broker, link);
        Ok(link)
    }

    /// Sends a request without waiting for its answer.
    pub fn send(&mut self, link: LinkId, request: &AnyRequest) -> Result<RequestId, Failure> {
        let Some(peer) = self.peers.get_mut(&link) else {
            return Err(Failure::Failed("the connection is closed".to_owned()));
        };
        let id = peer
            .connection
            .send(request)
            .map_err(|error| failed(&peer.place, &error))?;
        let place = peer.place.clone();
        let output = peer.connection.drain_output();
        self.network.send(link, &output).map_err(|error| {
            Failure::Failed(format!(
                "{place}: cannot send {}: {error}",
                request.key().name()
            ))
        })?;
        Ok(id)
    }

    /// What happens next, or `None` if nothing does before `deadline`.
    pub fn next_happening(&mut self, deadline: Instant) -> Result<Option<Happening>, Failure> {
        match self.set_aside.pop_front() {
            Some(happening) => Ok(Some(happening)),
            None => self.wait(deadline),
        }
    }

    fn ask(&mut self, link: LinkId, request: &AnyRequest) -> Result<AnyResponse, Failure> {
        let id = self.send(link, request)?;
        let deadline = Instant::now() + self.timeout;
        let (place, asked) = (self.place(link), request.key().name());
        loop {
            match self.wait(deadline)? {
                Some(Happening::Response(from, response)) if from == link && response.id == id => {
                    return Ok(response.body);
                }
                Some(Happening::Closed(from, reason)) if from == link => {
                    let text = format!("{place}: no answer to {asked}: {reason}");
                    return Err(Failure::Failed(text));
                }
                Some(other) => self.set_aside.push_back(other),
                None => return Err(self.silent(&place, asked)),
            }
        }
    }

    fn connect(&mut self, host: &str, port: u16) -> Result<LinkId, Failure> {
        let place = format!("{host}:{port}");
        let link = self.network.connect(host, port, self.timeout)?;
        let connection = Connection::new(&self.client_id);
        let peer = Peer {
            place: place.clone(),
            connection,
        };
        self.peers.insert(link, peer);
        let deadline = Instant::now() + self.timeout;
        loop {
            let peer = self.peers.get_mut(&link).expect("it was just put in");
            if peer.connection.is_ready() {
                return Ok(link);
            }
            let output = peer.connection.drain_output();
            let sent = self.network.send(link, &output);
            sent.map_err(|error| Failure::Failed(format!("{place}: cannot send: {error}")))?;
            match self.wait_for_bytes(deadline)? {
                Some(Happening::Closed(from, reason)) if from == link => {
                    let text = format!("{place}: no answer to ApiVersions: {reason}");
                    return Err(Failure::Failed(text));
                }
                Some(other) => self.set_aside.push_back(other),
                None if Instant::now() >= deadline => {
                    return Err(self.silent(&place, "ApiVersions"));
                }
                None => {}
            }
        }
    }

    fn silent(&self, place: &str, asked: &str) -> Failure {
        let ms = self.timeout.as_millis();
        Failure::Failed(format!("{place}: no answer to {asked} within {ms} ms"))
    }

    /// What happens next of all that can, answers already received first.
    fn wait(&mut self, deadline: Instant) -> Result<Option<Happening>, Failure> {
        loop {
            if let Some(happening) = self.next_answer()? {
                return Ok(Some(happening));
            }
            let happening = self.wait_for_bytes(deadline)?;
            if happening.is_some() || (self.fresh.is_empty() && Instant::now() >= deadline) {
                return Ok(happening);
            }
        }
    }

    fn next_answer(&mut self) -> Result<Option<Happening>, Failure> {
        while let Some(link) = self.fresh.front().copied() {
            if let Some(peer) = self.peers.get_mut(&link) {
                let response = peer.connection.next_response();
                let response = response.map_err(|error| failed(&peer.place, &error))?;
                if let Some(response) = response {
                    return Ok(Some(Happening::Response(link, response)));
                }
            }
            self.fresh.pop_front();
        }
        Ok(None)
    }

    /// Waits for one event; bytes are handed to their connection and make no happening yet.
    fn wait_for_bytes(&mut self, deadline: Instant) -> Result<Option<Happening>, Failure> {
        Ok(match self.network.wait(deadline) {
            Some(Event::Received(link, bytes)) => {
                if let Some(peer) = self.peers.get_mut(&link) {
                    peer.connection.on_received(&bytes);
                    self.fresh.push_back(link);
                    if !peer.connection.is_ready() {
                        // The answer to the first question is taken in silently.
                        let response = peer.connection.next_response();
                        response.map_err(|error| failed(&peer.place, &error))?;
                    }
                }
                None
            }
            Some(Event::Closed(link, reason)) => {
                self.close(link);
                let reason = reason.map_or_else(
                    || "the other side closed the connection".to_owned(),
                    |error| error.to_string(),
                );
                Some(Happening::Closed(link, reason))
            }
            Some(Event::Input(pieces)) => Some(Happening::Input(pieces)),
            Some(Event::InputEnd(error)) => Some(Happening::InputEnd(error)),
            Some(Event::Interrupted) => Some(Happening::Interrupted),
            None => None,
        })
    }

    fn place(&self, link: LinkId) -> String {
        self.peers
            .get(&link)
            .map_or_else(String::new, |peer| peer.place.clone())
    }
}

fn failed(place: &str, error: &ConnectionError) -> Failure {
    Failure::Failed(format!("{place}: {error}"))
}

/// True for errors of a cluster that is only setting something up.
fn is_passing(error: ErrorCode) -> bool {
    matches!(
        error,
        ErrorCode::CoordinatorLoadInProgress
            | ErrorCode::CoordinatorNotAvailable
            | ErrorCode::NotController
            | ErrorCode::NotCoordinator
            | ErrorCode::LeaderNotAvailable
    )
}
