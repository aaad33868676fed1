//! Memory blocks that are touched once and recycled, never given back to the allocator.
//!
//! Page faults, not copies, made the pure shard slow in the first measurements: a receive buffer
//! fresh from the allocator costs a fault per 4 KiB. So a shard receives into blocks of a
//! [`BlockPool`]; slices of a block are [`Bytes`], and when the last of them is gone the block
//! returns to its pool, from whichever thread dropped it.

use std::sync::Arc;

use bytes::Bytes;
use crossbeam::queue::ArrayQueue;

/// A pool of equal blocks of memory.
#[derive(Clone, Debug)]
pub struct BlockPool {
    free: Arc<ArrayQueue<Box<[u8]>>>,
    block_bytes: usize,
}

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
        let memory = self
            .free
            .pop()
            .unwrap_or_else(|| vec![0; self.block_bytes].into_boxed_slice());
        Block {
            memory: Some(memory),
            pool: Self::clone(self),
        }
    }
}

/// One block, owned: write into it, then [`Block::freeze`] it.
#[derive(Debug)]
pub struct Block {
    /// Always present until the block is dropped.
    memory: Option<Box<[u8]>>,
    pool: BlockPool,
}

impl Block {
    /// All of the block's bytes; what nobody wrote holds bytes of an earlier use.
    pub fn bytes_mut(&mut self) -> &mut [u8] {
        self.memory
            .as_deref_mut()
            .expect("a block has its memory until it is dropped")
    }

    /// The first `length` bytes as shared, immutable slices.
    ///
    /// # Panics
    /// If `length` exceeds the block.
    #[must_use]
    pub fn freeze(self, length: usize) -> Bytes {
        assert!(
            length <= self.as_ref().len(),
            "a block is frozen within its size"
        );
        Bytes::from_owner(self).slice(..length)
    }
}

impl AsRef<[u8]> for Block {
    fn as_ref(&self) -> &[u8] {
        self.memory
            .as_deref()
            .expect("a block has its memory until it is dropped")
    }
}

impl Drop for Block {
    fn drop(&mut self) {
        if let Some(memory) = self.memory.take() {
            // A full pool frees the block: the pool's size is the bound on idle memory.
            drop(self.pool.free.push(memory));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_returns_to_its_pool_when_its_last_slice_is_gone() {
        let pool = BlockPool::new(16, 1);
        let mut block = pool.take();
        block.bytes_mut()[..3].copy_from_slice(b"abc");
        let slice = block.freeze(3).slice(1..);
        assert_eq!(slice.as_ref(), b"bc");
        assert_eq!(pool.free.len(), 0);
        drop(slice);
        assert_eq!(pool.free.len(), 1);
        assert_eq!(
            &pool.take().bytes_mut()[..3],
            b"abc",
            "the memory is the same"
        );
    }
}
