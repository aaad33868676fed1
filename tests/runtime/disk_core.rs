//! A core that asks of the disk what the test tells it to.

use std::io::Write;
use std::net::TcpStream;
use std::path::PathBuf;
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use forebay::config::SyncMethod;
use forebay::log::storage::{StorageOwner, StorageRequest, StorageResult, Ticket};
use forebay::runtime::Core;
use forebay::shard::{ConnectionId, Effect, Effects, Event};
use forebay::stdx::{Instant, Now};

use crate::cores::Broker;

/// Requests to make, each with its number.
type Wishes = Arc<Mutex<Vec<(u64, StorageRequest)>>>;

/// A broker whose core passes on requests to the disk.
pub struct DiskBroker {
    broker: Broker,
    /// A byte sent here makes the core look at its wishes.
    bell: TcpStream,
    wishes: Wishes,
    ended: Receiver<(u64, StorageResult)>,
}

impl DiskBroker {
    pub fn start() -> Self {
        Self::start_with(SyncMethod::Dsync)
    }

    /// With a disk whose writes are synced in this way.
    pub fn start_with(method: SyncMethod) -> Self {
        let mut plan = Broker::plan(1);
        plan.sync_method = Some(method);
        let wishes = Wishes::default();
        let (sender, ended) = mpsc::channel();
        let cores_wishes = Arc::clone(&wishes);
        let broker = Broker::start_with(plan, move |_, _| DiskCore {
            wishes: Arc::clone(&cores_wishes),
            ended: sender.clone(),
            memory: [0; 64],
        });
        let bell = broker.connect();
        Self {
            broker,
            bell,
            wishes,
            ended,
        }
    }

    pub fn folder(&self) -> PathBuf {
        self.broker.folder()
    }

    /// Make all requests in one turn; returns how each ended.
    pub fn run(&mut self, requests: Vec<StorageRequest>) -> Vec<StorageResult> {
        self.run_ordered(requests).0
    }

    /// As `run`, with the order in which they ended.
    pub fn run_ordered(
        &mut self,
        requests: Vec<StorageRequest>,
    ) -> (Vec<StorageResult>, Vec<usize>) {
        let count = requests.len();
        *self.wishes.lock().unwrap() = (0..).zip(requests).collect();
        self.bell.write_all(&[1]).unwrap();
        let (mut results, mut order) = (vec![None; count], Vec::new());
        for _ in 0..count {
            // Only a broken runtime takes this long.
            let ended = self.ended.recv_timeout(Duration::from_secs(60));
            let (number, result) = ended.expect("every request ends");
            let number = usize::try_from(number).unwrap();
            assert!(
                results[number].replace(result).is_none(),
                "a request ends once"
            );
            order.push(number);
        }
        (results.into_iter().flatten().collect(), order)
    }

    pub fn stop(self) {
        self.broker.stop();
        assert!(self.ended.try_recv().is_err(), "a request ends once");
    }
}

struct DiskCore {
    wishes: Wishes,
    ended: Sender<(u64, StorageResult)>,
    memory: [u8; 64],
}

impl Core for DiskCore {
    fn on_event(&mut self, _: Now, event: Event, effects: &mut Effects) {
        match event {
            Event::Started => effects.push(Effect::Ready),
            Event::Received { .. } => {
                for (sequence, request) in self.wishes.lock().unwrap().drain(..) {
                    let owner = StorageOwner::default();
                    effects.storage.submit(Ticket { owner, sequence }, request);
                }
            }
            Event::StorageFinished { ticket, result } => {
                self.ended.send((ticket.sequence, result)).unwrap();
            }
            Event::Stopping => effects.push(Effect::Stopped),
            _ => {}
        }
    }

    fn receive_buffer(&mut self, _: ConnectionId) -> Option<&mut [u8]> {
        Some(&mut self.memory)
    }

    fn next_deadline(&self) -> Instant {
        Instant::MAX
    }
}
