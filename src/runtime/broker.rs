//! The start of a broker: check the host, take the directories and ports, run the shards.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use glommio::{LocalExecutor, LocalExecutorBuilder, Placement, PoolPlacement};

use crate::config::SyncMethod;
use crate::connection::ConnectionLimits;
use crate::model::ShardId;

use super::clock::Clock;
use super::core::Core;
use super::descriptors::{Shares, share_out};
use super::directories::{DataDirectory, OpenFailure, open_directory};
use super::disk::{Disk, DiskDirectory};
use super::failure::StartFailure;
use super::mailbox::{Inbox, Outbox};
use super::network::{
    Acceptor, Admission, Connections, DeliverResolved, Listener, ListenerPlan, WakeShard,
    open_listener, resolve_names,
};
use super::step::Step;
use super::sync_probe::{self, SyncChoice};
use super::turn::{Alarm, Letter, Life, OnReady, Stop, Turn};
use super::{host, recent, signals};

/// Entries of a shard's rings: thousands of requests may be under way. A larger ring makes the
/// library look less often at what is urgent, since it does so after this many completions.
const RING_DEPTH: u32 = 1024;

/// How long the executor runs tasks before it preempts them: never. When the time is up before the
/// first task has run, as happens to a short time on a busy host, the library's executor takes it
/// for "no task can run" and goes to sleep. A turn gives way by itself instead.
pub(super) const PREEMPT_AFTER: Duration = Duration::from_secs(3600);

/// Threads per shard for what the ring cannot do; a long removal must not hold up an open.
const BLOCKING_THREADS: usize = 2;

/// How long a resolver waits before it tries again to put what it found into a full inbox.
const FULL_INBOX_PAUSE: Duration = Duration::from_millis(1);

/// Bounds of a shard's memory for disk requests, which is locked where the limits allow it.
const IO_MEMORY_BYTES: (u64, u64) = (2 << 20, 8 << 20);

/// What a broker is to run with. All of it is plain data, checked by whoever made it.
#[derive(Debug)]
pub struct ServePlan {
    /// What to listen on; the position is the `ListenerIndex` of its connections.
    pub listeners: Vec<ListenerPlan>,
    /// The directories; the position is the `DirectoryIndex` of paths in them.
    pub directories: Vec<PathBuf>,
    /// The position of the directory without which the broker does not start. Another one whose
    /// disk fails is left out: every request there fails.
    pub needed_directory: usize,
    /// How many shards to run.
    pub shards_count: u16,
    /// The CPUs to run them on; empty for all that the process may use. With fewer CPUs than
    /// shards the threads are not bound to any.
    pub cpus: Vec<usize>,
    /// How synced writes are made; `None` for what is faster in each directory.
    pub sync_method: Option<SyncMethod>,
    /// The memory of the whole broker, of which the disk gets a part.
    pub memory_bytes: u64,
    /// How many clients may be connected.
    pub limits: ConnectionLimits,
    /// Says how much is written to the log: called with a filter in the way of `RUST_LOG`.
    pub filter_log: fn(&str),
}

/// What a broker that started has.
#[derive(Clone, Debug)]
pub struct Serving {
    /// The bound addresses, by listener.
    pub addresses: Vec<SocketAddr>,
    /// The absolute directories.
    pub directories: Vec<PathBuf>,
    /// How many shards run.
    pub shards_count: u16,
    /// How many segment files each shard may have open.
    pub files_per_shard: usize,
    /// Lines that the operator should read.
    pub warnings: Vec<String>,
    /// For each directory that can be used.
    sync_choices: Vec<Option<SyncChoice>>,
    stop: Arc<Stop>,
}

impl Serving {
    /// Ask the broker to stop cleanly, as SIGTERM does.
    pub fn stop(&self) {
        self.stop.request();
    }

    /// How writes to each directory are synced; `None` for one that cannot be used.
    #[must_use]
    pub fn sync_methods(&self) -> Vec<Option<SyncMethod>> {
        let methods = self.sync_choices.iter();
        methods
            .map(|choice| Some(choice.as_ref()?.method))
            .collect()
    }

    /// Say in the log how writes are synced, and why.
    fn tell_sync_choices(&self) {
        for (path, choice) in self.directories.iter().zip(&self.sync_choices) {
            let (shown, Some(choice)) = (path.display(), choice) else {
                continue;
            };
            let (method, reason) = (choice.method.name(), &choice.reason);
            if choice.is_settled {
                tracing::info!("writes in {shown} are synced by {method}: {reason}");
            } else {
                tracing::warn!("writes in {shown} are synced by {method}: {reason}");
            }
        }
    }
}

/// Run a broker until it is told to stop.
///
/// `make_core` is called once on each shard's thread. `on_ready` is called on shard 0's when its
/// core says that the broker serves. Returns when every shard has stopped; a failure later than
/// the start ends the process.
pub fn serve<C: Core>(
    plan: ServePlan,
    make_core: impl Fn(ShardId, &Serving) -> C + Clone + Send + 'static,
    on_ready: impl FnOnce(&Serving) + Send + 'static,
) -> Result<(), StartFailure> {
    assert!(plan.shards_count > 0, "a broker has at least one shard");
    assert!(!plan.directories.is_empty(), "a broker has a log directory");
    let descriptors = host::raise_descriptor_limit()?;
    let shares = share_out(descriptors, plan.shards_count, plan.directories.len())?;
    host::check_io_uring(RING_DEPTH)?;
    let limits = resolve_names(plan.limits.clone()).map_err(StartFailure::new)?;
    let directories = open_directories(&plan.directories, plan.needed_directory)?;
    let sync_choices = sync_choices(&directories, plan.sync_method);
    let listeners = open_listeners(&plan.listeners)?;
    let shards = usize::from(plan.shards_count);
    let new_inbox = |_| Inbox::new(shards).map(Arc::new);
    let inboxes: io::Result<Box<[Arc<Inbox<Letter>>]>> = (0..shards).map(new_inbox).collect();
    let inboxes = inboxes
        .map_err(|error| StartFailure::new(format!("cannot make the shards' inboxes: {error}")))?;
    let stop = Arc::new(Stop::new(inboxes.clone()));
    let of_directories = (&*directories, sync_choices);
    let serving = Arc::new(serving(&plan, &listeners, of_directories, shares, &stop));
    let disk_directories = disk_directories(&serving);
    signals::watch(Arc::clone(&stop))
        .map_err(|error| StartFailure::new(format!("cannot listen for signals: {error}")))?;

    let wake: WakeShard = {
        let inboxes = inboxes.clone();
        Box::new(move |shard| inboxes[shard].wake())
    };
    let admission = Admission::new(limits, shares.connections, shards, wake);
    let admission = Arc::new(admission);
    let mut acceptor = Some(Acceptor::new(listeners, Arc::clone(&admission)));
    let mut on_ready = Some(on_ready);
    let clock = Clock::start();
    let cpus = cpus_of_shards(&plan);
    let (started, starts) = mpsc::channel();
    let (mut threads, mut goes) = (Vec::new(), Vec::new());
    for id in (0..plan.shards_count).map(ShardId) {
        let seat = Seat {
            id,
            cpu: cpus.get(usize::from(id.0)).copied(),
            clock,
            inboxes: inboxes.clone(),
            admission: Arc::clone(&admission),
            stop: Arc::clone(&stop),
            shards_count: plan.shards_count,
            io_memory_bytes: io_memory_bytes(&plan),
            serving: Arc::clone(&serving),
            filter_log: plan.filter_log,
            needed_directory: plan.needed_directory,
            disk_directories: disk_directories.clone(),
        };
        let (go, may_go) = mpsc::channel();
        let (make_core, acceptor, on_ready) = (make_core.clone(), acceptor.take(), on_ready.take());
        let started = started.clone();
        let run = move || {
            let start = Start { started, may_go };
            run_shard(seat, acceptor, make_core, on_ready, &start);
        };
        let thread = thread::Builder::new()
            .name(format!("shard-{id}"))
            .spawn(run);
        threads.push(thread.map_err(|error| {
            StartFailure::new(format!("cannot start the thread of shard {id}: {error}"))
        })?);
        goes.push(go);
    }
    // A failure returns here and drops what the others wait for: they end without a core.
    for _ in &threads {
        let start = starts.recv();
        start.unwrap_or_else(|_| unreachable!("every shard says how its start went"))?;
    }
    for go in goes {
        go.send(())
            .unwrap_or_else(|_| unreachable!("a shard that started waits"));
    }
    for thread in threads {
        let end = thread.join();
        end.unwrap_or_else(|_| unreachable!("a panic of a shard ends the process"));
    }
    drop(directories);
    Ok(())
}

/// What a shard's thread is given.
struct Seat {
    id: ShardId,
    cpu: Option<usize>,
    clock: Clock,
    inboxes: Box<[Arc<Inbox<Letter>>]>,
    admission: Arc<Admission>,
    stop: Arc<Stop>,
    shards_count: u16,
    io_memory_bytes: usize,
    serving: Arc<Serving>,
    filter_log: fn(&str),
    needed_directory: usize,
    disk_directories: Box<[DiskDirectory]>,
}

/// The start of one shard among all.
struct Start {
    started: mpsc::Sender<Result<(), StartFailure>>,
    /// Says when all have started; gone if one could not.
    may_go: mpsc::Receiver<()>,
}

/// The life of a shard's thread.
fn run_shard<C: Core>(
    seat: Seat,
    acceptor: Option<Acceptor>,
    make_core: impl Fn(ShardId, &Serving) -> C,
    on_ready: Option<impl FnOnce(&Serving) + Send + 'static>,
    start: &Start,
) {
    recent::watch_thread(seat.id);
    let (id, serving) = (seat.id, Arc::clone(&seat.serving));
    let on_ready = on_ready.map(|on_ready| -> OnReady {
        Box::new(move || {
            serving.tell_sync_choices();
            on_ready(&serving);
        })
    });
    let executor = match make_executor(&seat) {
        Ok(executor) => executor,
        Err(failure) => return drop(start.started.send(Err(failure))),
    };
    executor.run(async {
        // The first sleep of a process takes 10 to 50 ms: it registers for memory barriers.
        glommio::timer::sleep(Duration::from_millis(1)).await;
        let disk = Disk::new(
            seat.disk_directories.clone(),
            seat.needed_directory,
            // The ring's allocator rounds up to powers of two: this much always fits.
            seat.io_memory_bytes / 2,
            BLOCKING_THREADS,
        );
        let inbox = &seat.inboxes[usize::from(id.0)];
        let deliver = deliver_into(Arc::clone(inbox));
        let connections = Connections::new(acceptor, seat.admission, inbox.bell(), deliver);
        let made = match (disk.await, connections) {
            (Ok(disk), Ok(connections)) => Ok((disk, connections)),
            (Err(error), _) | (_, Err(error)) => Err(StartFailure::new(format!(
                "shard {id} cannot start: {error}"
            ))),
        };
        let (disk, connections) = match made {
            Ok(made) => made,
            Err(failure) => return drop(start.started.send(Err(failure))),
        };
        drop(start.started.send(Ok(())));
        if start.may_go.recv().is_err() {
            return;
        }
        let core = make_core(id, &seat.serving);
        let outbox = |inbox: &Arc<Inbox<_>>| Outbox::new(Arc::clone(inbox), usize::from(id.0));
        let turn = Turn {
            id,
            step: Step::new(core, seat.clock),
            clock: seat.clock,
            connections,
            disk,
            outboxes: seat.inboxes.iter().map(outbox).collect(),
            inboxes: seat.inboxes,
            stop: seat.stop,
            on_ready,
            filter_log: seat.filter_log,
            life: Life::New,
            alarm: Alarm::default(),
            has_asked_disk: false,
        };
        turn.run().await;
    });
}

/// What brings the addresses that a resolver found to the shard.
fn deliver_into(inbox: Arc<Inbox<Letter>>) -> DeliverResolved {
    Arc::new(move |resolved| {
        let mut letter = Letter::Resolved(resolved);
        // The resolver has nothing else to do.
        while let Err(refused) = inbox.push(letter) {
            letter = refused;
            thread::sleep(FULL_INBOX_PAUSE);
        }
    })
}

fn make_executor(seat: &Seat) -> Result<LocalExecutor, StartFailure> {
    // Bound to its CPU by ourselves: the library's placement fails on CPU numbers over 1023 and on
    // hosts with CPUs offline. After it is made, so that its threads for blocking calls are free.
    let executor = LocalExecutorBuilder::new(Placement::Unbound)
        .ring_depth(RING_DEPTH as usize)
        .io_memory(seat.io_memory_bytes)
        .preempt_timer(PREEMPT_AFTER)
        .blocking_thread_pool_placement(PoolPlacement::Unbound(BLOCKING_THREADS))
        .make()
        .map_err(|error| {
            let errno = error.raw_os_error().unwrap_or(libc::EIO);
            host::executor_failure(errno, seat.shards_count, RING_DEPTH)
        })?;
    host::ask_for_short_slices();
    if let Some(cpu) = seat.cpu {
        host::pin_thread(cpu).map_err(|error| {
            StartFailure::new(format!(
                "shard {} cannot run on CPU {cpu} ({error}): this process may use the CPUs {:?}",
                seat.id,
                host::allowed_cpus()
            ))
        })?;
    }
    Ok(executor)
}

/// How writes to each directory are synced: `None` for one that cannot be used.
fn sync_choices(directories: &[DataDirectory], set: Option<SyncMethod>) -> Vec<Option<SyncChoice>> {
    let usable = directories.iter().filter(|directory| directory.is_usable);
    let usable: Vec<PathBuf> = usable.map(|directory| directory.path.clone()).collect();
    let choices = match set {
        Some(method) => vec![SyncChoice::set(method); usable.len()],
        None => sync_probe::choose(&usable),
    };
    let mut choices = choices.into_iter();
    let choose = |directory: &DataDirectory| {
        let choice = directory.is_usable.then(|| choices.next());
        choice.map(|choice| choice.expect("one was made for each"))
    };
    directories.iter().map(choose).collect()
}

/// The directories as the shards' disks use them: instead of one that cannot be used a place where
/// each request fails.
fn disk_directories(serving: &Serving) -> Box<[DiskDirectory]> {
    let disk_directory = |(path, choice): (&PathBuf, &Option<SyncChoice>)| DiskDirectory {
        path: choice
            .as_ref()
            .map_or_else(|| PathBuf::from("/dev/null"), |_| path.clone()),
        sync_method: choice
            .as_ref()
            .map_or(SyncMethod::Dsync, |choice| choice.method),
    };
    let choices = serving.sync_choices.iter();
    serving
        .directories
        .iter()
        .zip(choices)
        .map(disk_directory)
        .collect()
}

fn open_directories(paths: &[PathBuf], needed: usize) -> Result<Vec<DataDirectory>, StartFailure> {
    let mut opened: Vec<DataDirectory> = Vec::new();
    for (index, path) in paths.iter().enumerate() {
        let absolute = path.canonicalize();
        if absolute.is_ok_and(|absolute| opened.iter().any(|other| other.path == absolute)) {
            return Err(StartFailure::new(format!(
                "data directory {} is named twice, maybe through a link: name it once",
                path.display()
            )));
        }
        opened.push(match open_directory(path) {
            Err(OpenFailure::Disk(failure)) if index != needed => {
                DataDirectory::unusable(path, &failure)
            }
            other => other?,
        });
    }
    Ok(opened)
}

fn open_listeners(plans: &[ListenerPlan]) -> Result<Vec<Listener>, StartFailure> {
    plans.iter().map(open_listener).collect()
}

fn serving(
    plan: &ServePlan,
    listeners: &[Listener],
    (directories, sync_choices): (&[DataDirectory], Vec<Option<SyncChoice>>),
    shares: Shares,
    stop: &Arc<Stop>,
) -> Serving {
    let mut warnings: Vec<_> = directories
        .iter()
        .filter_map(|directory| directory.warning.clone())
        .collect();
    // The library registers the memory with each of an executor's three rings.
    let locked_bytes = 3 * io_memory_bytes(plan) as u64 * u64::from(plan.shards_count);
    warnings.extend(host::memlock_warning(locked_bytes));
    Serving {
        addresses: listeners.iter().map(|listener| listener.address).collect(),
        directories: directories
            .iter()
            .map(|directory| directory.path.clone())
            .collect(),
        sync_choices,
        shards_count: plan.shards_count,
        files_per_shard: shares.files_per_shard,
        warnings,
        stop: Arc::clone(stop),
    }
}

/// The CPU of each shard; none if there are fewer CPUs than shards.
fn cpus_of_shards(plan: &ServePlan) -> Vec<usize> {
    let cpus = if plan.cpus.is_empty() {
        host::allowed_cpus()
    } else {
        plan.cpus.clone()
    };
    if cpus.len() < usize::from(plan.shards_count) {
        return Vec::new();
    }
    cpus
}

fn io_memory_bytes(plan: &ServePlan) -> usize {
    let (least, most) = IO_MEMORY_BYTES;
    // A sixteenth of a shard's memory: the rest is for records and connections.
    let share = plan.memory_bytes / u64::from(plan.shards_count) / 16;
    usize::try_from(share.clamp(least, most)).expect("a few MiB fit")
}
