//! Work that the ring cannot do, on the executor's few threads for it.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::rc::Rc;
use std::task::{Poll, Waker};

/// Short calls that one thread is handed at once. To hand over a call and to be woken for its
/// result takes longer than to read a small file; but a group ends as a whole, and this many end
/// within a few milliseconds.
const GROUP_CALLS_MAX: usize = 32;

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

type Work = Box<dyn FnOnce() -> Box<dyn Any + Send> + Send>;

/// Calls that sync nothing and so are short: gathered during a turn, and handed over in groups.
#[derive(Default)]
pub(super) struct ShortCalls {
    gathered: RefCell<Vec<(Work, Rc<Return>)>>,
}

/// Where the result of a call is left, and who waits for it.
#[derive(Default)]
struct Return {
    result: Cell<Option<Box<dyn Any + Send>>>,
    waiter: Cell<Option<Waker>>,
}

impl ShortCalls {
    /// Run `work` off the shard, beginning with the next [`ShortCalls::hand_over`].
    pub async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> T {
        let place = Rc::new(Return::default());
        let work: Work = Box::new(move || Box::new(work()));
        self.gathered.borrow_mut().push((work, Rc::clone(&place)));
        let result = poll_fn(|context| match place.result.take() {
            Some(result) => Poll::Ready(result),
            None => {
                place.waiter.set(Some(context.waker().clone()));
                Poll::Pending
            }
        });
        let result = result.await.downcast();
        *result.unwrap_or_else(|_| unreachable!("a call returns what its work does"))
    }

    /// Hand over what was gathered to `threads` threads.
    pub fn hand_over(&self, threads: usize) {
        let gathered = self.gathered.take();
        let size = gathered.len().div_ceil(threads).min(GROUP_CALLS_MAX);
        let mut rest = gathered.into_iter().peekable();
        while rest.peek().is_some() {
            let (group, places): (Vec<Work>, Vec<_>) = rest.by_ref().take(size).unzip();
            let run = async move {
                let work = move || group.into_iter().map(|work| work()).collect::<Vec<_>>();
                for (place, result) in places.into_iter().zip(run_blocking(work).await) {
                    place.result.set(Some(result));
                    if let Some(waiter) = place.waiter.take() {
                        waiter.wake();
                    }
                }
            };
            glommio::spawn_local(run).detach();
        }
    }
}
