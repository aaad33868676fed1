//! Cores that are small enough to test the runtime with, and a broker that runs them.

use std::net::TcpStream;
use std::path::PathBuf;
use std::sync::mpsc;
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use bytes::Bytes;
use forebay::config::SyncMethod;
use forebay::connection::ConnectionLimits;
use forebay::model::ShardId;
use forebay::runtime::{Core, ListenerPlan, ServePlan, Serving, SocketOptions, serve};
use forebay::shard::{ConnectionId, DisconnectReason, Effect, Effects, Event};
use forebay::stdx::{HashMap, Now, new_map};

/// What a core tells the test.
#[derive(Clone, Debug)]
pub enum Seen {
    Accepted {
        shard: u16,
    },
    Disconnected {
        connection: ConnectionId,
        reason: DisconnectReason,
    },
}

pub type Log = Arc<Mutex<Vec<Seen>>>;

/// A broker in this process.
pub struct Broker {
    serving: Serving,
    thread: JoinHandle<()>,
    log: Log,
    _folder: tempfile::TempDir,
}

impl Broker {
    pub fn plan(shards_count: u16) -> ServePlan {
        ServePlan {
            listeners: vec![ListenerPlan {
                name: "TEST".to_owned(),
                host: "127.0.0.1".to_owned(),
                port: 0,
                sockets: SocketOptions::default(),
            }],
            needed_directory: 0,
            directories: Vec::new(),
            shards_count,
            cpus: Vec::new(),
            sync_method: Some(SyncMethod::Dsync),
            memory_bytes: 64 << 20,
            limits: ConnectionLimits::default(),
            filter_log: |_| {},
        }
    }

    pub fn start<C: Core>(
        shards_count: u16,
        make_core: impl Fn(ShardId, Log) -> C + Clone + Send + 'static,
    ) -> Self {
        Self::start_with(Self::plan(shards_count), make_core)
    }

    pub fn start_with<C: Core>(
        mut plan: ServePlan,
        make_core: impl Fn(ShardId, Log) -> C + Clone + Send + 'static,
    ) -> Self {
        let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        plan.directories.push(PathBuf::from(folder.path()));
        let log = Log::default();
        let (ready, is_ready) = mpsc::channel();
        let cores_log = Arc::clone(&log);
        let thread = thread::spawn(move || {
            let make = move |id, _: &Serving| make_core(id, Arc::clone(&cores_log));
            serve(plan, make, move |serving| {
                ready.send(serving.clone()).unwrap()
            })
            .unwrap();
        });
        Self {
            serving: is_ready.recv().unwrap(),
            thread,
            log,
            _folder: folder,
        }
    }

    pub fn connect(&self) -> TcpStream {
        TcpStream::connect(self.serving.addresses[0]).unwrap()
    }

    pub fn folder(&self) -> PathBuf {
        self.serving.directories[0].clone()
    }

    /// Wait until `count` of what was seen is wanted.
    pub fn wait_for(&self, count: usize, is_wanted: impl Fn(&Seen) -> bool) {
        // Only a broken runtime waits this long.
        let give_up = Instant::now() + Duration::from_secs(30);
        while self
            .log
            .lock()
            .unwrap()
            .iter()
            .filter(|seen| is_wanted(seen))
            .count()
            < count
        {
            assert!(
                Instant::now() < give_up,
                "saw {:?}",
                self.log.lock().unwrap()
            );
            thread::sleep(Duration::from_millis(1));
        }
    }

    /// Stop cleanly; returns what was seen.
    pub fn stop(self) -> Vec<Seen> {
        self.serving.stop();
        self.thread.join().unwrap();
        self.log.lock().unwrap().clone()
    }
}

/// Sends back what it gets, except for a few bytes that are commands.
pub struct Echo {
    shard: ShardId,
    log: Log,
    memory: Vec<u8>,
    /// Bytes sent and not yet reported as gone, by connection.
    unsent: HashMap<ConnectionId, usize>,
    answers_at_stop: Vec<ConnectionId>,
}

impl Echo {
    pub const CLOSE: u8 = 0xff;
    pub const FLUSH_AND_CLOSE: u8 = 0xfe;
    pub const ANSWER_AT_STOP: u8 = 0xfd;
    const UNSENT_MAX: usize = 1 << 20;

    pub fn new(shard: ShardId, log: Log) -> Self {
        Self {
            shard,
            log,
            memory: vec![0; 65_536],
            unsent: new_map(),
            answers_at_stop: Vec::new(),
        }
    }

    fn on_bytes(&mut self, connection: ConnectionId, bytes: Bytes, effects: &mut Effects) {
        let disconnect = |flush| Effect::Disconnect { connection, flush };
        *self.unsent.entry(connection).or_default() += bytes.len();
        match bytes.split_last() {
            Some((&Self::CLOSE, _)) => effects.push(disconnect(false)),
            Some((&Self::FLUSH_AND_CLOSE, rest)) => {
                effects.send(connection, vec![bytes.slice(..rest.len())]);
                effects.push(disconnect(true));
            }
            Some((&Self::ANSWER_AT_STOP, _)) => {
                self.answers_at_stop.push(connection);
                effects.send(connection, vec![bytes]);
            }
            // In two slices, so that gathering them shows.
            _ => {
                let half = bytes.len() / 2;
                effects.send(connection, vec![bytes.slice(..half), bytes.slice(half..)]);
            }
        }
    }
}

impl Core for Echo {
    fn on_event(&mut self, _: Now, event: Event, effects: &mut Effects) {
        match event {
            Event::Started if self.shard == ShardId(0) => effects.push(Effect::Ready),
            Event::Accepted { connection, .. } => {
                self.unsent.insert(connection, 0);
                let shard = self.shard.0;
                self.log.lock().unwrap().push(Seen::Accepted { shard });
            }
            Event::Received { connection, length } => {
                let bytes = Bytes::copy_from_slice(&self.memory[..length]);
                self.on_bytes(connection, bytes, effects);
            }
            Event::Sent { connection, length } => {
                *self.unsent.get_mut(&connection).unwrap() -= length;
            }
            Event::Disconnected { connection, reason } => {
                self.unsent
                    .remove(&connection)
                    .expect("a connection ends once");
                let seen = Seen::Disconnected { connection, reason };
                self.log.lock().unwrap().push(seen);
            }
            Event::Stopping => {
                for connection in self.answers_at_stop.drain(..) {
                    effects.send(connection, vec![Bytes::from_static(b"stopped")]);
                }
                effects.push(Effect::Stopped);
            }
            _ => {}
        }
    }

    fn receive_buffer(&mut self, connection: ConnectionId) -> Option<&mut [u8]> {
        (self.unsent[&connection] < Self::UNSENT_MAX).then_some(&mut self.memory[..])
    }

    fn next_deadline(&self) -> forebay::stdx::Instant {
        forebay::stdx::Instant::MAX
    }
}
