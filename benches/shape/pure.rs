//! The same work as a core behind the runtime's events and effects.

use std::collections::VecDeque;
use std::path::PathBuf;

use bytes::Bytes;
use forebay::connection::ConnectionLimits;
use forebay::log::storage::{
    DirectoryIndex, Durability, FileId, StorageOwner, StoragePath, StorageRequest, Ticket,
};
use forebay::model::ShardId;
use forebay::runtime::{Core, ListenerPlan, ServePlan, Serving, SocketOptions, serve as run};
use forebay::shard::{ConnectionId, Effect, Effects, Event};
use forebay::stdx::buffer::BlockPool;
use forebay::stdx::{HashMap, Instant, Now, new_map};

use crate::work::{Asked, FILE_BYTES, Incoming, Options, Work, receive_pool};

const FILE: FileId = FileId(1);

struct Pure {
    shard: ShardId,
    durability: Durability,
    work: Work,
    pool: BlockPool,
    connections: HashMap<ConnectionId, Connection>,
    /// Whose write it is, by its number.
    writes: HashMap<u64, ConnectionId>,
    writes_count: u64,
}

struct Connection {
    incoming: Incoming,
    /// Answers in the order of the requests, those to be written first with their write's number.
    answers: VecDeque<(Option<u64>, Vec<Bytes>)>,
}

pub fn serve(options: &Options) {
    let plan = ServePlan {
        listeners: vec![ListenerPlan {
            name: "SHAPE".to_owned(),
            host: "127.0.0.1".to_owned(),
            port: 0,
            sockets: SocketOptions::default(),
        }],
        needed_directory: 0,
        directories: vec![PathBuf::from(&options.folder)],
        shards_count: options.shards,
        cpus: Vec::new(),
        sync_method: None,
        memory_bytes: 1 << 30,
        limits: ConnectionLimits::default(),
        filter_log: |_| {},
    };
    let durability = if options.synced {
        Durability::Synced
    } else {
        Durability::Later
    };
    let make = move |shard, _: &Serving| Pure {
        shard,
        durability,
        work: Work::default(),
        pool: receive_pool(),
        connections: new_map(),
        writes: new_map(),
        writes_count: 0,
    };
    run(plan, make, |serving| {
        println!("ready {:?}", serving.addresses)
    })
    .expect("it starts");
}

impl Pure {
    fn on_frames(&mut self, id: ConnectionId, effects: &mut Effects) {
        let connection = self.connections.get_mut(&id).expect("it was accepted");
        while let Some(frame) = connection.incoming.next_frame() {
            match self.work.on_request(frame) {
                Asked::Answer(answer) => connection.answers.push_back((None, answer)),
                Asked::Write {
                    position,
                    slices,
                    answer,
                } => {
                    self.writes_count += 1;
                    self.writes.insert(self.writes_count, id);
                    connection
                        .answers
                        .push_back((Some(self.writes_count), answer));
                    let request = StorageRequest::Write {
                        file: FILE,
                        position,
                        slices,
                        durability: self.durability,
                    };
                    effects.storage.submit(ticket(self.writes_count), request);
                }
            }
        }
        connection.send(id, effects);
    }

    fn on_written(&mut self, number: u64, effects: &mut Effects) {
        let id = self.writes.remove(&number).expect("a write ends once");
        if let Some(connection) = self.connections.get_mut(&id) {
            let is_it = |(write, _): &&mut (Option<u64>, _)| *write == Some(number);
            let answer = connection.answers.iter_mut().find(is_it);
            answer.expect("an answer waits for its write").0 = None;
            connection.send(id, effects);
        }
    }
}

impl Connection {
    /// Send the answers whose turn has come.
    fn send(&mut self, id: ConnectionId, effects: &mut Effects) {
        while let Some((None, _)) = self.answers.front() {
            let (_, slices) = self.answers.pop_front().expect("it was seen");
            effects.send(id, slices);
        }
    }
}

impl Core for Pure {
    fn on_event(&mut self, _: Now, event: Event, effects: &mut Effects) {
        match event {
            Event::Started => {
                let name = format!("pure-{}", self.shard);
                let open = StorageRequest::Open {
                    file: FILE,
                    path: StoragePath::new(DirectoryIndex(0), &name),
                    create: true,
                };
                let allocate = StorageRequest::Allocate {
                    file: FILE,
                    length: FILE_BYTES,
                };
                // Number zero is none of the writes'.
                effects.storage.submit(ticket(0), open);
                effects.storage.submit(ticket(0), allocate);
            }
            Event::Accepted { connection, .. } => {
                let new = Connection {
                    incoming: Incoming::new(&self.pool),
                    answers: VecDeque::new(),
                };
                self.connections.insert(connection, new);
            }
            Event::Received { connection, length } => {
                let known = self.connections.get_mut(&connection);
                known.expect("it was accepted").incoming.advance(length);
                self.on_frames(connection, effects);
            }
            Event::Disconnected { connection, .. } => {
                self.connections.remove(&connection);
            }
            Event::StorageFinished { ticket, result } => {
                result.expect("the disk works");
                match ticket.sequence {
                    0 => effects.push(Effect::Ready),
                    number => self.on_written(number, effects),
                }
            }
            Event::Stopping => effects.push(Effect::Stopped),
            _ => {}
        }
    }

    fn receive_buffer(&mut self, connection: ConnectionId) -> Option<&mut [u8]> {
        Some(self.connections.get_mut(&connection)?.incoming.room())
    }

    fn next_deadline(&self) -> Instant {
        Instant::MAX
    }
}

fn ticket(sequence: u64) -> Ticket {
    Ticket {
        owner: StorageOwner::default(),
        sequence,
    }
}
