//! Where the module's memory comes from: the system, with large pages for what is large.
//!
//! A run writes tens of megabytes of rows that nobody has touched before, and to fetch them from the system four
//! kilobytes at a time costs as much as the run itself. Linux gives two megabytes at a time where a program says that
//! they will be used, which rows that are written one after the other are. It holds for every large block, tables that are
//! read from files too, and for what the system's allocator later puts where a large block was; so memory grows by
//! two megabytes at a time there, and a large page may take the system longer where it has to move others for it.

use std::alloc::{GlobalAlloc, Layout, System};

/// Less than this is not worth the call; it is twice the size of a large page, so that there is at least a whole one in it.
const LARGE: usize = 4 << 20;

/// The system's memory, with large pages for large blocks where there are any.
struct LargePages;

#[global_allocator]
static MEMORY: LargePages = LargePages;

// SAFETY: every block comes from the system's allocator and goes back there with the same layout; what is said about its
// pages changes neither its place nor its contents.
unsafe impl GlobalAlloc for LargePages {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promises are those of the system's allocator.
        let block = unsafe { System.alloc(layout) };
        ask(block, layout.size());
        block
    }

    #[inline]
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: as above.
        let block = unsafe { System.alloc_zeroed(layout) };
        ask(block, layout.size());
        block
    }

    #[inline]
    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: as above; the block came from there.
        unsafe { System.dealloc(block, layout) }
    }

    #[inline]
    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: as above.
        let block = unsafe { System.realloc(block, layout, size) };
        ask(block, size);
        block
    }
}

/// Asks for large pages where a block is large.
#[inline]
fn ask(block: *mut u8, size: usize) {
    if size >= LARGE && !block.is_null() {
        ask_for(block, size);
    }
}

#[cfg(target_os = "linux")]
#[cold]
fn ask_for(block: *mut u8, size: usize) {
    const PAGE: usize = 4096;
    let skipped = block.align_offset(PAGE);
    let whole = size.saturating_sub(skipped) & !(PAGE - 1);
    // A system that has none, or whose small pages are larger than these, says no, and all is as it was.
    // SAFETY: these are whole pages inside a block that was just given out; the advice changes nothing that is in them.
    let _ = unsafe {
        libc::madvise(
            block.wrapping_add(skipped).cast(),
            whole,
            libc::MADV_HUGEPAGE,
        )
    };
}

#[cfg(not(target_os = "linux"))]
fn ask_for(_block: *mut u8, _size: usize) {}
