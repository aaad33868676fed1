//! Work that the ring cannot do, on the executor's few threads for it.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

/// Run `work` off the shard. A panic in it goes on here: the pool's thread would die of it and its
/// caller wait for ever.
pub(super) async fn run_blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> T {
    let guarded = move || catch_unwind(AssertUnwindSafe(work));
    match glommio::executor().spawn_blocking(guarded).await {
        Ok(result) => result,
        Err(panic) => resume_unwind(panic),
    }
}
