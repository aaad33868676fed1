//! One open segment file.

use std::cell::{Cell, OnceCell, RefCell};
use std::future::poll_fn;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::rc::Rc;
use std::task::{Poll, Waker};

use bytes::Bytes;
use glommio::GlommioError;
use glommio::io::{DmaBuffer, DmaFile};

use crate::config::SyncMethod;
use crate::log::storage::{Durability, IO_BLOCK_BYTES};
use crate::stdx::buffer::{Block, BlockPool};

use super::descriptor::{adopt, reopen_plain};

/// Pieces of a write or read: large enough that the cost of a request does not show (1 MiB takes a
/// device of 2 GB/s half a millisecond), small enough for the memory registered with the ring.
const PIECE_BYTES_MAX: usize = 1 << 20;

/// Pieces of one write that are under way at once.
const PIECES_MAX: usize = 4;

/// The memory that one request takes from the ring's at most.
pub(super) const REQUEST_BYTES_MAX: usize = PIECES_MAX * PIECE_BYTES_MAX;

/// What failed and at which byte.
#[derive(Clone, Copy, Debug)]
pub(super) struct IoFailure {
    pub operation: &'static str,
    pub position: u64,
    pub errno: i32,
}

/// An open file, shared by the requests that are under way on it.
///
/// Which way of syncing is faster is measured by `runtime::sync_probe`. Under load, on ext4 over a
/// virtual disk with a volatile cache:
///
/// | blocks         | writes          | O_DSYNC                     | write, shared fdatasync     |
/// | -------------- | --------------- | --------------------------- | --------------------------- |
/// | written before | 4 KiB, 1 deep   | 15.7 k/s at 6.8 CPU-s/GB    | 9.4 k/s at 16.9 CPU-s/GB    |
/// | written before | 64 KiB, 16 deep | 1444 MB/s at 0.27 CPU-s/GB  | 1133 MB/s at 0.33 CPU-s/GB  |
/// | only reserved  | 64 KiB, 16 deep | 755 MB/s at 0.34 CPU-s/GB   | 630 MB/s at 0.46 CPU-s/GB   |
/// | only reserved  | 1 MiB, 4 deep   | 1016 MB/s at 0.13 CPU-s/GB  | 821 MB/s at 0.21 CPU-s/GB   |
pub(super) struct OpenFile {
    /// With O_DSYNC if that is the method.
    file: DmaFile,
    method: SyncMethod,
    /// The same file without O_DSYNC; opened by the first write that asks for no durability.
    plain: OnceCell<DmaFile>,
    sync: SyncGroup,
}

impl OpenFile {
    /// A file that was opened for this way of syncing.
    pub fn new(file: DmaFile, method: SyncMethod) -> Self {
        Self {
            file,
            method,
            plain: OnceCell::new(),
            sync: SyncGroup::default(),
        }
    }

    /// The descriptor, for calls that the ring does not have.
    pub fn descriptor(&self) -> BorrowedFd<'_> {
        // SAFETY: the file keeps its descriptor open while it is borrowed.
        unsafe { BorrowedFd::borrow_raw(self.file.as_raw_fd()) }
    }

    /// Write `slices` from `position` on; the last block is filled up with zeros.
    pub async fn write(
        self: &Rc<Self>,
        position: u64,
        slices: &[Bytes],
        durability: Durability,
    ) -> Result<(), IoFailure> {
        match (durability, self.method) {
            (Durability::Synced, SyncMethod::Dsync) => {}
            (Durability::Synced, SyncMethod::Fdatasync) => {
                self.write_pieces(position, slices, durability).await?;
                // Only now: a sync covers the writes that were complete before it began.
                return self.sync().await;
            }
            (Durability::Later, _) => self.open_plain().map_err(|error| IoFailure {
                operation: "write",
                position,
                errno: error.raw_os_error().unwrap_or(libc::EIO),
            })?,
        }
        self.write_pieces(position, slices, durability).await
    }

    async fn write_pieces(
        self: &Rc<Self>,
        position: u64,
        slices: &[Bytes],
        durability: Durability,
    ) -> Result<(), IoFailure> {
        let mut source = Gather::new(slices);
        let mut at = position;
        while source.remaining > 0 {
            let (first, length) = self.stage(&mut source);
            let first = self.write_piece(first, at, durability);
            at += length;
            if source.remaining == 0 {
                return first.await;
            }
            let mut others = Vec::with_capacity(PIECES_MAX - 1);
            while source.remaining > 0 && others.len() < PIECES_MAX - 1 {
                let (piece, length) = self.stage(&mut source);
                let file = Rc::clone(self);
                others.push(glommio::spawn_local(async move {
                    file.write_piece(piece, at, durability).await
                }));
                at += length;
            }
            // Every piece is waited for, also after a failure: the kernel has its memory till then.
            let mut result = first.await;
            for other in others {
                result = other.await.and(result);
            }
            result?;
        }
        Ok(())
    }

    /// Have a descriptor without O_DSYNC: where the file's own has it, open the file again, by the
    /// descriptor, since its name may have changed.
    fn open_plain(&self) -> io::Result<()> {
        if self.method == SyncMethod::Dsync && self.plain.get().is_none() {
            let descriptor = reopen_plain(self.descriptor())?;
            let plain = adopt(&self.file, &descriptor)?;
            self.plain.get_or_init(|| plain);
        }
        Ok(())
    }

    /// Copy the next piece into memory that the device can read.
    fn stage(&self, source: &mut Gather<'_>) -> (DmaBuffer, u64) {
        let length = source.remaining.min(PIECE_BYTES_MAX);
        let padded = length.next_multiple_of(block_bytes());
        let mut piece = self.file.alloc_dma_buffer(padded);
        let bytes = piece.as_bytes_mut();
        source.take(&mut bytes[..length]);
        // The memory is not initialised: without this the disk would get what was in the heap.
        bytes[length..].fill(0);
        (piece, padded as u64)
    }

    async fn write_piece(
        &self,
        mut piece: DmaBuffer,
        mut position: u64,
        durability: Durability,
    ) -> Result<(), IoFailure> {
        let file = match durability {
            Durability::Synced => &self.file,
            Durability::Later => self.plain.get().unwrap_or(&self.file),
        };
        loop {
            let length = piece.len();
            let rest = Rc::new(piece);
            let written = file.write_rc_at(Rc::clone(&rest), position).await;
            let written = written.map_err(|error| IoFailure {
                operation: "write",
                position,
                errno: errno_of(&error),
            })?;
            if written >= length {
                return Ok(());
            }
            // A write is cut short by a full disk or a failing one: the next try tells which.
            let whole = written - written % block_bytes();
            if whole == 0 {
                return Err(IoFailure {
                    operation: "write",
                    position,
                    errno: libc::ENOSPC,
                });
            }
            piece = self.file.alloc_dma_buffer(length - whole);
            piece
                .as_bytes_mut()
                .copy_from_slice(&rest.as_bytes()[whole..]);
            position += whole as u64;
        }
    }

    /// Read up to `length` bytes from `position`; less only where the file ends.
    pub async fn read(
        &self,
        position: u64,
        length: u64,
        pools: &ReadPools,
    ) -> Result<Bytes, IoFailure> {
        let length = usize::try_from(length).expect("a read fits into memory");
        let mut memory = pools.take(length);
        while memory.filled() < length {
            let at = position + memory.filled() as u64;
            let wanted = (length - memory.filled()).min(PIECE_BYTES_MAX);
            let piece = self.file.read_at_aligned(at, wanted).await;
            let piece = piece.map_err(|error| IoFailure {
                operation: "read",
                position: at,
                errno: errno_of(&error),
            })?;
            memory.append(&piece);
            if piece.len() % block_bytes() != 0 || piece.is_empty() {
                break;
            }
        }
        Ok(memory.slice(0, memory.filled()))
    }

    /// Make the file at least `length` bytes long, with its blocks reserved.
    pub async fn allocate(&self, length: u64) -> Result<(), IoFailure> {
        let allocated = self.file.pre_allocate(length, false).await;
        allocated.map_err(|error| IoFailure {
            operation: "allocate",
            position: length,
            errno: errno_of(&error),
        })
    }

    /// Make what has been written by now survive a power cut.
    ///
    /// Callers that come while a sync runs share the next one. After a failure every later sync
    /// fails too: the device may have lost what the failed one was to secure.
    pub async fn sync(self: &Rc<Self>) -> Result<(), IoFailure> {
        let waiter = Rc::new(SyncWaiter::default());
        self.sync.waiting.borrow_mut().push(Rc::clone(&waiter));
        if !self.sync.is_running.replace(true) {
            let file = Rc::clone(self);
            glommio::spawn_local(async move { file.sync_all_waiting().await }).detach();
        }
        let result = poll_fn(|context| match waiter.result.get() {
            Some(result) => Poll::Ready(result),
            None => {
                *waiter.waker.borrow_mut() = Some(context.waker().clone());
                Poll::Pending
            }
        });
        result.await.map_err(|errno| IoFailure {
            operation: "sync",
            position: 0,
            errno,
        })
    }

    async fn sync_all_waiting(&self) {
        loop {
            let waiting = std::mem::take(&mut *self.sync.waiting.borrow_mut());
            if waiting.is_empty() {
                self.sync.is_running.set(false);
                return;
            }
            let result = match self.sync.failed.get() {
                Some(errno) => Err(errno),
                None => self
                    .file
                    .fdatasync()
                    .await
                    .map_err(|error| errno_of(&error)),
            };
            self.sync.failed.set(result.err());
            for waiter in waiting {
                waiter.result.set(Some(result));
                if let Some(waker) = waiter.waker.borrow_mut().take() {
                    waker.wake();
                }
            }
        }
    }

    /// Close the file; nothing is under way on it.
    pub async fn close(self: Rc<Self>) -> Result<(), IoFailure> {
        let closed = Rc::try_unwrap(self);
        let closed =
            closed.unwrap_or_else(|_| unreachable!("a file is closed when nothing uses it"));
        if let Some(plain) = closed.plain.into_inner() {
            plain.close().await.map_err(close_failure)?;
        }
        closed.file.close().await.map_err(close_failure)
    }
}

/// Who waits for a sync of one file.
#[derive(Default)]
struct SyncGroup {
    is_running: Cell<bool>,
    waiting: RefCell<Vec<Rc<SyncWaiter>>>,
    failed: Cell<Option<i32>>,
}

#[derive(Default)]
struct SyncWaiter {
    result: Cell<Option<Result<(), i32>>>,
    waker: RefCell<Option<Waker>>,
}

/// Slices read one after the other, as if they were one.
struct Gather<'a> {
    slices: std::slice::Iter<'a, Bytes>,
    current: &'a [u8],
    remaining: usize,
}

impl<'a> Gather<'a> {
    fn new(slices: &'a [Bytes]) -> Self {
        Self {
            slices: slices.iter(),
            current: &[],
            remaining: slices.iter().map(Bytes::len).sum(),
        }
    }

    fn take(&mut self, mut into: &mut [u8]) {
        self.remaining -= into.len();
        while !into.is_empty() {
            if self.current.is_empty() {
                self.current = self.slices.next().expect("the sum of the slices remains");
            }
            let length = self.current.len().min(into.len());
            let (now, later) = self.current.split_at(length);
            let (filled, rest) = into.split_at_mut(length);
            filled.copy_from_slice(now);
            (self.current, into) = (later, rest);
        }
    }
}

/// Memory for what is read, recycled.
pub(super) struct ReadPools {
    small: BlockPool,
    large: BlockPool,
}

const SMALL_READ_BYTES: usize = 64 * 1024;

impl ReadPools {
    pub fn new() -> Self {
        Self {
            small: BlockPool::new(SMALL_READ_BYTES, 64),
            large: BlockPool::new(PIECE_BYTES_MAX, 8),
        }
    }

    fn take(&self, length: usize) -> Block {
        if length <= SMALL_READ_BYTES {
            self.small.take()
        } else {
            self.large.take_at_least(length)
        }
    }
}

fn block_bytes() -> usize {
    usize::try_from(IO_BLOCK_BYTES).expect("a small constant")
}

fn close_failure(error: GlommioError<()>) -> IoFailure {
    IoFailure {
        operation: "close",
        position: 0,
        errno: errno_of(&error),
    }
}

fn errno_of(error: &GlommioError<()>) -> i32 {
    error.raw_os_error().unwrap_or(libc::EIO)
}
