//! The requests of one shard: which start, which wait, which have ended.
//!
//! All bookkeeping is done here, by the turn. A request that is under way is a task that owns its
//! inputs and ends by putting one [`Finished`] into a queue; the turn takes it from there.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Component, Path, PathBuf};
use std::rc::Rc;
use std::task::Waker;

use bytes::Bytes;
use glommio::io::DmaFile;

use crate::config::SyncMethod;
use crate::log::storage::{
    FileId, IO_BLOCK_BYTES, StorageFailure, StorageOutcome, StoragePath, StorageRequest,
    StorageResult, Ticket,
};
use crate::stdx::{HashMap, new_map};

use super::blocking::{ShortCalls, run_blocking};
use super::descriptor::{adopt, open_template};
use super::folders;
use super::open_file::{IoFailure, OpenFile, REQUEST_BYTES_MAX, ReadPools};

/// A log directory as a disk uses it.
#[derive(Clone, Debug)]
pub(in crate::runtime) struct DiskDirectory {
    /// Where it is.
    pub path: PathBuf,
    /// How what is written there is synced.
    pub sync_method: SyncMethod,
}

/// The disk as one shard sees it.
pub(in crate::runtime) struct Disk {
    directories: Box<[DiskDirectory]>,
    template: DmaFile,
    pools: Rc<ReadPools>,
    files: HashMap<FileId, FileEntry>,
    /// Replacements of small files that wait for an earlier one of the same file: both would
    /// write the same temporary name.
    replacing: HashMap<StoragePath, VecDeque<(Ticket, Bytes)>>,
    /// Files whose next request waits for memory, in the order in which they came to wait.
    starved: VecDeque<FileId>,
    staged_bytes: usize,
    staged_bytes_max: usize,
    under_way: usize,
    short_calls: Rc<ShortCalls>,
    /// Threads that take calls off the shard.
    blocking_threads: usize,
    finished: Rc<FinishedQueue>,
}

/// A file that the core has asked to open and not to close.
struct FileEntry {
    path: StoragePath,
    state: FileState,
    waiting: VecDeque<(Ticket, StorageRequest)>,
    /// Requests under way.
    running: usize,
}

enum FileState {
    Opening,
    Open(Rc<OpenFile>),
    Failed(i32),
}

/// A request that has ended.
struct Finished {
    ticket: Ticket,
    result: StorageResult,
    staged_bytes: usize,
    about: About,
}

/// What else changes when a request has ended.
enum About {
    Nothing,
    Opened(FileId, Option<OwnedFd>),
    File(FileId),
    Closed(FileId),
    Replaced(StoragePath),
}

/// Where tasks leave what has ended, and whom they wake.
#[derive(Default)]
struct FinishedQueue {
    queue: RefCell<VecDeque<Finished>>,
    turn: Cell<Option<Waker>>,
}

impl FinishedQueue {
    fn push(&self, finished: Finished) {
        self.queue.borrow_mut().push_back(finished);
        if let Some(turn) = self.turn.take() {
            turn.wake();
        }
    }
}

impl Disk {
    /// The disk with these log directories, of which the `known` one can be used. Requests hold at
    /// most `staged_bytes_max` of the ring's memory, and the executor has so many threads for
    /// blocking calls. Call on it.
    pub async fn new(
        directories: Box<[DiskDirectory]>,
        known: usize,
        staged_bytes_max: usize,
        blocking_threads: usize,
    ) -> io::Result<Self> {
        let template = open_template(&directories[known].path).await?;
        Ok(Self {
            directories,
            template,
            pools: Rc::new(ReadPools::new()),
            files: new_map(),
            replacing: new_map(),
            starved: VecDeque::new(),
            staged_bytes: 0,
            staged_bytes_max,
            under_way: 0,
            short_calls: Rc::default(),
            blocking_threads,
            finished: Rc::default(),
        })
    }

    /// Take a request; its completion comes from [`Disk::next_completion`].
    pub fn submit(&mut self, ticket: Ticket, request: StorageRequest) {
        self.under_way += 1;
        match request {
            StorageRequest::Open { file, path, create } => {
                self.open(ticket, file, path, create);
            }
            StorageRequest::Seal { file, .. }
            | StorageRequest::Allocate { file, .. }
            | StorageRequest::Write { file, .. }
            | StorageRequest::Sync { file }
            | StorageRequest::Read { file, .. }
            | StorageRequest::Truncate { file, .. }
            | StorageRequest::Close { file } => {
                let entry = self.files.get_mut(&file);
                let entry = entry.expect("a file is used between its open and its close");
                let is_closing = |(_, last): &(Ticket, StorageRequest)| {
                    matches!(last, StorageRequest::Close { .. })
                };
                assert!(
                    !entry.waiting.back().is_some_and(is_closing),
                    "a file is not used after its close"
                );
                entry.waiting.push_back((ticket, request));
                self.start_waiting(file);
            }
            StorageRequest::ReplaceFile { path, contents } => {
                if let Some(waiting) = self.replacing.get_mut(&path) {
                    waiting.push_back((ticket, contents));
                } else {
                    self.replacing.insert(path.clone(), VecDeque::new());
                    self.replace(ticket, path, contents);
                }
            }
            StorageRequest::ReadFile { path } => {
                self.short_job(ticket, "read", path, folders::read_file);
            }
            StorageRequest::CreateFolder { path } => {
                self.folder_job(ticket, "create", path, folders::create_folder);
            }
            StorageRequest::Rename { from, to } => {
                assert!(
                    from.directory == to.directory,
                    "a file stays in its log directory"
                );
                let target = self.resolve(&to);
                self.folder_job(ticket, "rename", from, move |from| {
                    folders::rename(from, &target)
                });
            }
            StorageRequest::Remove { path } => {
                self.folder_job(ticket, "remove", path, folders::remove);
            }
            StorageRequest::List { path } => {
                self.short_job(ticket, "list", path, folders::list);
            }
            StorageRequest::SyncAll { directory } => {
                let path = StoragePath::new(directory, "");
                self.folder_job(ticket, "sync", path, folders::sync_all);
            }
            StorageRequest::DescribeRoom { path } => {
                self.short_job(ticket, "describe", path, folders::describe_room);
            }
        }
    }

    /// Let begin what was asked for in this turn and takes a call off the shard. To be called at
    /// the end of every turn.
    pub fn hand_over_calls(&self) {
        self.short_calls.hand_over(self.blocking_threads);
    }

    /// The oldest completion; what it made possible is started.
    pub fn next_completion(&mut self) -> Option<(Ticket, StorageResult)> {
        let finished = self.finished.queue.borrow_mut().pop_front()?;
        self.under_way -= 1;
        self.staged_bytes -= finished.staged_bytes;
        let mut result = finished.result;
        match finished.about {
            About::Nothing => {}
            About::Opened(file, descriptor) => {
                self.note_opened(file, descriptor, &mut result);
                self.start_waiting(file);
            }
            About::File(file) => {
                let entry = self.files.get_mut(&file);
                entry.expect("a file in use is not closed").running -= 1;
                self.start_waiting(file);
            }
            About::Closed(file) => {
                self.files.remove(&file);
            }
            About::Replaced(path) => self.replace_next(path),
        }
        if finished.staged_bytes > 0 {
            for file in std::mem::take(&mut self.starved) {
                self.start_waiting(file);
            }
        }
        Some((finished.ticket, result))
    }

    /// True if a completion waits to be taken.
    pub fn has_completions(&self) -> bool {
        !self.finished.queue.borrow().is_empty()
    }

    /// True if requests have not ended or their completions not been taken.
    pub const fn is_busy(&self) -> bool {
        self.under_way > 0
    }

    /// Wake `turn` at the next completion.
    pub fn wake_at_completion(&self, turn: &Waker) {
        self.finished.turn.set(Some(turn.clone()));
    }

    /// Close what is still open; nothing is under way.
    pub async fn close(self) {
        for (_, entry) in self.files {
            if let FileState::Open(file) = entry.state
                && let Err(failure) = file.close().await
            {
                tracing::warn!(path = %entry.path, errno = failure.errno, "close failed");
            }
        }
    }

    /// Start what may start of the requests that wait on `file`.
    fn start_waiting(&mut self, file: FileId) {
        // A file that was closed meanwhile has nothing that waits.
        while let Some(entry) = self.files.get_mut(&file) {
            let Some((_, request)) = entry.waiting.front() else {
                return;
            };
            let staged_bytes = staged_bytes_of(request);
            let must_wait = match &entry.state {
                FileState::Opening => true,
                FileState::Open(_) | FileState::Failed(_) => {
                    matches!(request, StorageRequest::Close { .. }) && entry.running > 0
                }
            };
            if must_wait {
                return;
            }
            if self.staged_bytes > 0 && self.staged_bytes + staged_bytes > self.staged_bytes_max {
                self.starved.push_back(file);
                return;
            }
            let (ticket, request) = entry.waiting.pop_front().expect("it was seen above");
            self.start(ticket, file, request, staged_bytes);
        }
    }

    /// Start a request on a file that is open or failed to open.
    fn start(
        &mut self,
        ticket: Ticket,
        file: FileId,
        request: StorageRequest,
        staged_bytes: usize,
    ) {
        let entry = self.files.get_mut(&file).expect("the caller found it");
        let is_close = matches!(request, StorageRequest::Close { .. });
        let about = if is_close {
            About::Closed(file)
        } else {
            entry.running += 1;
            About::File(file)
        };
        self.staged_bytes += staged_bytes;
        let path = entry.path.clone();
        let task = match &entry.state {
            FileState::Open(open) if is_close => {
                let open = Rc::clone(open);
                // The entry's own hold on the file must go, or it could not be closed.
                entry.state = FileState::Failed(libc::EBADF);
                Ok(open)
            }
            FileState::Open(open) => Ok(Rc::clone(open)),
            FileState::Failed(errno) => Err(*errno),
            FileState::Opening => unreachable!("nothing starts before the file is open"),
        };
        let beside = self.beside(&request);
        let (pools, short_calls) = (Rc::clone(&self.pools), Rc::clone(&self.short_calls));
        let finished = Rc::clone(&self.finished);
        let run = async move {
            let result = match task {
                Ok(open) => perform(open, request, beside, &pools, &short_calls).await,
                Err(_) if is_close => Ok(StorageOutcome::Done),
                Err(errno) => Err(IoFailure {
                    operation: "open",
                    position: 0,
                    errno,
                }),
            };
            finished.push(Finished {
                ticket,
                result: result.map_err(|failure| storage_failure(failure, path)),
                staged_bytes,
                about,
            });
        };
        // Runs at once up to its first wait: so requests reach the ring in the order of starting.
        glommio::spawn_local(run).detach();
    }

    /// The small files of a request to seal a segment, by their full paths.
    fn beside(&self, request: &StorageRequest) -> Vec<(PathBuf, Bytes)> {
        let StorageRequest::Seal { beside, .. } = request else {
            return Vec::new();
        };
        let files = beside.iter();
        files
            .map(|(path, contents)| (self.resolve(path), contents.clone()))
            .collect()
    }

    fn open(&mut self, ticket: Ticket, file: FileId, path: StoragePath, create: bool) {
        let entry = FileEntry {
            path: path.clone(),
            state: FileState::Opening,
            waiting: VecDeque::new(),
            running: 0,
        };
        let before = self.files.insert(file, entry);
        assert!(before.is_none(), "a file's number is used once");
        let absolute = self.resolve(&path);
        let method = self.directories[usize::from(path.directory.0)].sync_method;
        let finished = Rc::clone(&self.finished);
        let short_calls = Rc::clone(&self.short_calls);
        let run = async move {
            let work = move || folders::open_segment(&absolute, create, method);
            // A new name is synced.
            let opened = if create {
                run_blocking(work).await
            } else {
                short_calls.run(work).await
            };
            let (result, descriptor) = match opened {
                Ok((descriptor, length)) => {
                    (Ok(StorageOutcome::Opened { length }), Some(descriptor))
                }
                Err(error) => (Err(failure_of("open", path, &error)), None),
            };
            finished.push(Finished {
                ticket,
                result,
                staged_bytes: 0,
                about: About::Opened(file, descriptor),
            });
        };
        glommio::spawn_local(run).detach();
    }

    fn note_opened(
        &mut self,
        file: FileId,
        descriptor: Option<OwnedFd>,
        result: &mut StorageResult,
    ) {
        let entry = self.files.get_mut(&file);
        let entry = entry.expect("a file is not closed before it is open");
        let method = self.directories[usize::from(entry.path.directory.0)].sync_method;
        if let Some(descriptor) = descriptor {
            match adopt(&self.template, &descriptor) {
                Ok(file) => entry.state = FileState::Open(Rc::new(OpenFile::new(file, method))),
                Err(error) => *result = Err(failure_of("open", entry.path.clone(), &error)),
            }
        }
        if let Err(failure) = result {
            entry.state = FileState::Failed(failure.errno);
        }
    }

    fn replace(&self, ticket: Ticket, path: StoragePath, contents: Bytes) {
        let absolute = self.resolve(&path);
        let finished = Rc::clone(&self.finished);
        let run = async move {
            let replaced = run_blocking(move || folders::replace_file(&absolute, &contents)).await;
            finished.push(Finished {
                ticket,
                result: replaced.map_err(|error| failure_of("replace", path.clone(), &error)),
                staged_bytes: 0,
                about: About::Replaced(path),
            });
        };
        glommio::spawn_local(run).detach();
    }

    fn replace_next(&mut self, path: StoragePath) {
        let waiting = self.replacing.get_mut(&path);
        let waiting = waiting.expect("a replacement under way has its queue");
        match waiting.pop_front() {
            Some((ticket, contents)) => self.replace(ticket, path, contents),
            None => drop(self.replacing.remove(&path)),
        }
    }

    fn folder_job(
        &self,
        ticket: Ticket,
        operation: &'static str,
        path: StoragePath,
        work: impl FnOnce(&Path) -> io::Result<StorageOutcome> + Send + 'static,
    ) {
        let absolute = self.resolve(&path);
        self.finish_later(
            ticket,
            operation,
            path,
            run_blocking(move || work(&absolute)),
        );
    }

    /// The same for work that syncs nothing.
    fn short_job(
        &self,
        ticket: Ticket,
        operation: &'static str,
        path: StoragePath,
        work: impl FnOnce(&Path) -> io::Result<StorageOutcome> + Send + 'static,
    ) {
        let absolute = self.resolve(&path);
        let short_calls = Rc::clone(&self.short_calls);
        let done = async move { short_calls.run(move || work(&absolute)).await };
        self.finish_later(ticket, operation, path, done);
    }

    fn finish_later(
        &self,
        ticket: Ticket,
        operation: &'static str,
        path: StoragePath,
        done: impl Future<Output = io::Result<StorageOutcome>> + 'static,
    ) {
        let finished = Rc::clone(&self.finished);
        let run = async move {
            let result = done.await;
            finished.push(Finished {
                ticket,
                result: result.map_err(|error| failure_of(operation, path, &error)),
                staged_bytes: 0,
                about: About::Nothing,
            });
        };
        glommio::spawn_local(run).detach();
    }

    fn resolve(&self, path: &StoragePath) -> PathBuf {
        let relative = Path::new(&*path.relative);
        let is_plain = |part: Component<'_>| matches!(part, Component::Normal(_));
        assert!(
            relative.components().all(is_plain),
            "a path stays inside its log directory: {path}"
        );
        let directory = &self.directories[usize::from(path.directory.0)];
        directory.path.join(relative)
    }
}

async fn perform(
    file: Rc<OpenFile>,
    request: StorageRequest,
    beside: Vec<(PathBuf, Bytes)>,
    pools: &ReadPools,
    short_calls: &ShortCalls,
) -> Result<StorageOutcome, IoFailure> {
    match request {
        StorageRequest::Allocate { length, .. } => file.allocate(length).await?,
        StorageRequest::Write {
            position,
            slices,
            durability,
            ..
        } => {
            assert!(
                position % IO_BLOCK_BYTES == 0,
                "a write starts at a block: {position}"
            );
            file.write(position, &slices, durability).await?;
        }
        StorageRequest::Sync { .. } => file.sync().await?,
        StorageRequest::Read {
            position, length, ..
        } => {
            assert!(
                position % IO_BLOCK_BYTES == 0 && length % IO_BLOCK_BYTES == 0,
                "a read covers whole blocks: {length} bytes at {position}"
            );
            let bytes = file.read(position, length, pools).await?;
            return Ok(StorageOutcome::Data(bytes));
        }
        StorageRequest::Truncate { length, .. } => {
            let (descriptor, failed) = (duplicate(&file, "truncate")?, failure_at("truncate"));
            let done = run_blocking(move || folders::truncate(&descriptor, length));
            done.await.map_err(failed)?;
        }
        StorageRequest::Seal { length, .. } => {
            let (descriptor, failed) = (duplicate(&file, "seal")?, failure_at("seal"));
            let done = short_calls.run(move || folders::seal(&descriptor, length, &beside));
            done.await.map_err(failed)?;
        }
        StorageRequest::Close { .. } => file.close().await?,
        _ => unreachable!("only requests on an open file come here"),
    }
    Ok(StorageOutcome::Done)
}

/// Another descriptor of the file, for a call off the shard.
fn duplicate(file: &OpenFile, operation: &'static str) -> Result<File, IoFailure> {
    let descriptor = file.descriptor().try_clone_to_owned();
    descriptor.map(File::from).map_err(failure_at(operation))
}

fn failure_at(operation: &'static str) -> impl Fn(io::Error) -> IoFailure {
    move |error| IoFailure {
        operation,
        position: 0,
        errno: error.raw_os_error().unwrap_or(libc::EIO),
    }
}

/// The ring's memory that a request takes.
fn staged_bytes_of(request: &StorageRequest) -> usize {
    match request {
        StorageRequest::Write { slices, .. } => {
            let bytes: usize = slices.iter().map(Bytes::len).sum();
            bytes.min(REQUEST_BYTES_MAX)
        }
        StorageRequest::Read { length, .. } => {
            let bytes = usize::try_from(*length).unwrap_or(usize::MAX);
            bytes.min(REQUEST_BYTES_MAX)
        }
        _ => 0,
    }
}

fn storage_failure(failure: IoFailure, path: StoragePath) -> StorageFailure {
    StorageFailure {
        operation: failure.operation,
        path,
        position: failure.position,
        errno: failure.errno,
    }
}

fn failure_of(operation: &'static str, path: StoragePath, error: &io::Error) -> StorageFailure {
    StorageFailure {
        operation,
        path,
        position: 0,
        errno: error.raw_os_error().unwrap_or(libc::EIO),
    }
}
