//! The memory that blocks are cut from: whole huge pages where the kernel has them.
//!
//! A fault per 4 KiB of fresh memory took 31 % of the broker's CPU time while its cache filled
//! (1.06 GB/s of 64 KiB batches); one per 2 MiB does not show. Memory is no input of the core:
//! which pages back it changes no result.

use std::alloc::Layout;
use std::cell::UnsafeCell;
use std::ptr::NonNull;
use std::sync::Arc;

/// A huge page of x86-64, and of arm64 with small pages of 4 KiB.
const HUGE_PAGE_BYTES: usize = 2 << 20;

/// Blocks that are smaller are not worth a huge page: they come one by one.
const BLOCKS_PER_SLAB_MAX: usize = 64;

/// Zeroed pages of the kernel, given back when dropped.
struct Slab {
    start: NonNull<UnsafeCell<u8>>,
    bytes: usize,
}

// SAFETY: a slab owns its pages; who may touch which cell is the business of `Cells`, of which
// each has its own part.
unsafe impl Send for Slab {}
// SAFETY: as above.
unsafe impl Sync for Slab {}

impl Slab {
    fn new(bytes: usize) -> Self {
        let start = if bytes.is_multiple_of(HUGE_PAGE_BYTES) {
            map_huge(bytes)
        } else {
            map(bytes)
        };
        Self {
            start: start.cast(),
            bytes,
        }
    }
}

impl Drop for Slab {
    fn drop(&mut self) {
        unmap(self.start.cast(), self.bytes);
    }
}

/// A part of a slab that nobody else has.
pub(super) struct Cells {
    slab: Arc<Slab>,
    start: usize,
    length: usize,
}

impl Cells {
    /// New memory for blocks of `length` bytes: as many of them as one slab holds.
    pub fn new(length: usize) -> impl Iterator<Item = Self> {
        let per_slab = HUGE_PAGE_BYTES / length.max(1);
        let is_shared = HUGE_PAGE_BYTES.is_multiple_of(length.max(1))
            && (2..=BLOCKS_PER_SLAB_MAX).contains(&per_slab);
        let (bytes, count) = if is_shared {
            (HUGE_PAGE_BYTES, per_slab)
        } else {
            (length.max(1), 1)
        };
        let slab = Arc::new(Slab::new(bytes));
        (0..count).map(move |at| Self {
            slab: Arc::clone(&slab),
            start: at * length,
            length,
        })
    }

    pub fn as_slice(&self) -> &[UnsafeCell<u8>] {
        // SAFETY: the range lies inside the slab's pages, which live as long as `self`; the kernel
        // has zeroed them, so every cell is initialised.
        unsafe { std::slice::from_raw_parts(self.slab.start.as_ptr().add(self.start), self.length) }
    }
}

/// Pages that begin at a huge page.
fn map_huge(bytes: usize) -> NonNull<u8> {
    let mapped = map(bytes + HUGE_PAGE_BYTES);
    let before = mapped.align_offset(HUGE_PAGE_BYTES);
    assert!(
        before < HUGE_PAGE_BYTES,
        "a pointer to bytes can be aligned"
    );
    // SAFETY: both lie inside what was mapped, `bytes` and a huge page more.
    let (start, end) = unsafe { (mapped.add(before), mapped.add(before + bytes)) };
    unmap(mapped, before);
    unmap(end, HUGE_PAGE_BYTES - before);
    // SAFETY: these pages were just mapped, and the advice changes nothing of what they hold.
    // Where the kernel has no huge pages it says so, and small ones do.
    unsafe { libc::madvise(start.as_ptr().cast(), bytes, libc::MADV_HUGEPAGE) };
    start
}

fn map(bytes: usize) -> NonNull<u8> {
    let access = libc::PROT_READ | libc::PROT_WRITE;
    let kind = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
    // SAFETY: new pages at a place of the kernel's choice touch no memory that is in use.
    let mapped = unsafe { libc::mmap(std::ptr::null_mut(), bytes, access, kind, -1, 0) };
    let mapped = (mapped != libc::MAP_FAILED).then_some(mapped.cast());
    mapped.and_then(NonNull::new).unwrap_or_else(|| {
        let layout = Layout::from_size_align(bytes, 1).expect("no block is that large");
        std::alloc::handle_alloc_error(layout)
    })
}

fn unmap(start: NonNull<u8>, bytes: usize) {
    if bytes > 0 {
        // SAFETY: the callers mapped these pages and let go of every reference to them.
        let result = unsafe { libc::munmap(start.as_ptr().cast(), bytes) };
        assert_eq!(result, 0, "pages that were mapped can be given back");
    }
}
