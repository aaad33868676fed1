//! Memory blocks that are touched once and recycled, never given back to the allocator.
//!
//! Page faults, not copies, made the pure shard slow in the first measurements: a receive buffer
//! fresh from the allocator costs a fault per 4 KiB. So a shard receives into blocks of a
//! [`BlockPool`]. What was received is handed on as [`Bytes`] while the rest of the block is still
//! being filled; when the last slice and the writer are gone, the block returns to its pool, from
//! whichever thread dropped it.

#![allow(unsafe_code)]

use std::cell::UnsafeCell;
use std::sync::Arc;

use bytes::Bytes;
use crossbeam::queue::ArrayQueue;

use slab::Cells;

mod slab;

/// A pool of equal blocks of memory.
#[derive(Clone)]
pub struct BlockPool {
    free: Arc<ArrayQueue<Cells>>,
    block_bytes: usize,
}

// SAFETY: a block in the pool has no other reference, so its cells move between threads like any
// owned memory; the queue itself is made for several threads.
unsafe impl Send for BlockPool {}
// SAFETY: as above: the pool hands out and takes back whole blocks only.
unsafe impl Sync for BlockPool {}

impl BlockPool {
    /// A pool of blocks of `block_bytes` each, which keeps at most `kept_blocks_max` free ones.
    #[must_use]
    pub fn new(block_bytes: usize, kept_blocks_max: usize) -> Self {
        Self {
            free: Arc::new(ArrayQueue::new(kept_blocks_max.max(1))),
            block_bytes,
        }
    }

    /// The size of a block.
    #[must_use]
    pub const fn block_bytes(&self) -> usize {
        self.block_bytes
    }

    /// A block to write into: a recycled one if there is one.
    #[must_use]
    pub fn take(&self) -> Block {
        let cells = self.free.pop().unwrap_or_else(|| self.grow());
        Block::over(cells, Some(self.clone()))
    }

    /// A block of at least `length` bytes: of the pool if it is large enough, else one that is
    /// freed after its use.
    #[must_use]
    pub fn take_at_least(&self, length: usize) -> Block {
        if length <= self.block_bytes {
            self.take()
        } else {
            Block::over(one(Cells::new(length)), None)
        }
    }

    /// A new block; those that come with it are free.
    fn grow(&self) -> Cells {
        let mut new = Cells::new(self.block_bytes);
        let first = one(&mut new);
        for cells in new {
            // A full pool frees the block: the pool's size is the bound on idle memory.
            drop(self.free.push(cells));
        }
        first
    }
}

fn one(mut cells: impl Iterator<Item = Cells>) -> Cells {
    cells.next().expect("new memory holds a block")
}

impl std::fmt::Debug for BlockPool {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (free, bytes) = (self.free.len(), self.block_bytes);
        write!(formatter, "BlockPool({free} free blocks of {bytes} bytes)")
    }
}

/// The memory of one block, shared by its writer and the slices of what was written.
struct BlockMemory {
    /// Present until the last reference is gone.
    cells: Option<Cells>,
    pool: Option<BlockPool>,
}

// SAFETY: the bytes of a slice were written before the slice was made and are never written
// again; all other bytes are reachable by the one `Block` only. So no byte is written while
// another thread can read it.
unsafe impl Send for BlockMemory {}
// SAFETY: as above.
unsafe impl Sync for BlockMemory {}

impl BlockMemory {
    fn cells(&self) -> &[UnsafeCell<u8>] {
        let cells = self.cells.as_ref();
        cells
            .expect("a block has its memory until it is dropped")
            .as_slice()
    }
}

impl Drop for BlockMemory {
    fn drop(&mut self) {
        if let (Some(cells), Some(pool)) = (self.cells.take(), self.pool.take()) {
            // As in `grow`.
            drop(pool.free.push(cells));
        }
    }
}

/// One block with its writer's position: filled from the front, sliced behind it.
pub struct Block {
    memory: Arc<BlockMemory>,
    filled: usize,
}

impl Block {
    fn over(cells: Cells, pool: Option<BlockPool>) -> Self {
        Self {
            memory: Arc::new(BlockMemory {
                cells: Some(cells),
                pool,
            }),
            filled: 0,
        }
    }

    /// Bytes that the block can hold.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.memory.cells().len()
    }

    /// Bytes written so far.
    #[must_use]
    pub const fn filled(&self) -> usize {
        self.filled
    }

    /// The bytes not yet written; what they hold is of an earlier use.
    pub fn unfilled_mut(&mut self) -> &mut [u8] {
        let unfilled = &self.memory.cells()[self.filled..];
        // SAFETY: these cells lie behind `filled`: no slice covers them, and the exclusive borrow
        // of the block's only writer keeps every other access away for as long as it lives.
        unsafe {
            std::slice::from_raw_parts_mut(
                unfilled.as_ptr().cast::<u8>().cast_mut(),
                unfilled.len(),
            )
        }
    }

    /// The first `length` unfilled bytes are written now.
    ///
    /// # Panics
    /// If that is more than the block holds.
    pub fn advance(&mut self, length: usize) {
        assert!(
            length <= self.capacity() - self.filled,
            "a block is filled within its size"
        );
        self.filled += length;
    }

    /// Append `bytes`.
    ///
    /// # Panics
    /// If they do not fit.
    pub fn append(&mut self, bytes: &[u8]) {
        self.unfilled_mut()[..bytes.len()].copy_from_slice(bytes);
        self.advance(bytes.len());
    }

    /// The written bytes from `start` to `end`, for reading in place.
    ///
    /// # Panics
    /// If the range was not written.
    #[must_use]
    pub fn written(&self, start: usize, end: usize) -> &[u8] {
        assert!(
            start <= end && end <= self.filled,
            "only what was written can be read"
        );
        let cells = &self.memory.cells()[start..end];
        // SAFETY: these cells lie before `filled` and are never written again.
        unsafe { std::slice::from_raw_parts(cells.as_ptr().cast::<u8>(), cells.len()) }
    }

    /// The written bytes from `start` to `end`, shared and immutable.
    ///
    /// # Panics
    /// If the range was not written.
    #[must_use]
    pub fn slice(&self, start: usize, end: usize) -> Bytes {
        assert!(
            start <= end && end <= self.filled,
            "only what was written can be shared"
        );
        Bytes::from_owner(BlockSlice {
            memory: Arc::clone(&self.memory),
            start,
            end,
        })
    }
}

impl std::fmt::Debug for Block {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            formatter,
            "Block({} of {} bytes filled)",
            self.filled,
            self.capacity()
        )
    }
}

/// A written range of a block, which keeps the block alive.
struct BlockSlice {
    memory: Arc<BlockMemory>,
    start: usize,
    end: usize,
}

impl AsRef<[u8]> for BlockSlice {
    fn as_ref(&self) -> &[u8] {
        let cells = &self.memory.cells()[self.start..self.end];
        // SAFETY: a slice covers only bytes that were written before it was made; the block's
        // writer never goes back.
        unsafe { std::slice::from_raw_parts(cells.as_ptr().cast::<u8>(), cells.len()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_returns_to_its_pool_when_writer_and_slices_are_gone() {
        let pool = BlockPool::new(16, 1);
        let mut block = pool.take();
        block.append(b"abc");
        let slice = block.slice(1, 3);
        drop(block);
        assert_eq!(slice.as_ref(), b"bc");
        assert_eq!(pool.free.len(), 0);
        drop(slice);
        assert_eq!(pool.free.len(), 1);
        let mut again = pool.take();
        assert_eq!(&again.unfilled_mut()[..3], b"abc", "the memory is the same");
    }

    #[test]
    fn a_slice_keeps_its_bytes_while_the_block_is_filled_further() {
        let pool = BlockPool::new(8, 1);
        let mut block = pool.take();
        block.append(b"first");
        let slice = block.slice(0, 5);
        block.append(b"end");
        assert_eq!(slice.as_ref(), b"first");
        assert_eq!(block.written(5, 8), b"end");
        assert!(block.unfilled_mut().is_empty());
    }

    #[test]
    fn a_block_larger_than_the_pools_is_not_kept() {
        let pool = BlockPool::new(8, 4);
        assert_eq!(pool.take_at_least(100).capacity(), 100);
        assert_eq!(pool.free.len(), 0);
        assert_eq!(pool.take_at_least(7).capacity(), 8);
        assert_eq!(pool.free.len(), 1);
    }

    #[test]
    fn blocks_cut_from_one_huge_page_do_not_overlap() {
        let pool = BlockPool::new(256 << 10, 100);
        let mut blocks: Vec<_> = (0..20).map(|_| pool.take()).collect();
        for (at, block) in (0..).zip(&mut blocks) {
            block.unfilled_mut().fill(at);
            block.advance(256 << 10);
        }
        for (at, block) in (0..).zip(&blocks) {
            assert!(block.written(0, 256 << 10).iter().all(|&byte| byte == at));
        }
        drop(blocks);
        assert_eq!(
            pool.free.len(),
            24,
            "three huge pages hold eight blocks each"
        );
    }

    #[test]
    fn slices_dropped_on_another_thread_return_the_block() {
        let pool = BlockPool::new(8, 1);
        let mut block = pool.take();
        block.append(b"x");
        let slice = block.slice(0, 1);
        drop(block);
        std::thread::scope(|scope| {
            scope.spawn(move || assert_eq!(slice.as_ref(), b"x"));
        });
        assert_eq!(pool.free.len(), 1);
    }
}
