//! Decisions that compute for milliseconds to seconds, such as drawing an RSA key: on the blocking threads of the
//! runtime, and never more of them at a time than leaves the node processors for everything else.

use std::{num::NonZero, sync::Arc, thread};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Places for long computations.
pub(crate) struct HeavyPool {
    places: Arc<Semaphore>,
}

/// The right to compute, taken before anything that ages, such as a view: the wait may be long.
pub(crate) struct Place(OwnedSemaphorePermit);

/// A computation that did not end: it panicked, or the runtime is shutting down.
#[derive(Debug, thiserror::Error)]
#[error("a computation was given up")]
pub(crate) struct GivenUp;

impl HeavyPool {
    /// Half of the processors, and one at least.
    pub(crate) fn new() -> Self {
        let processors = thread::available_parallelism().map_or(1, NonZero::get);
        Self::with_places((processors / 2).max(1))
    }

    fn with_places(places: usize) -> Self {
        Self { places: Arc::new(Semaphore::new(places)) }
    }

    /// Waits for a place; first come, first served.
    pub(crate) async fn place(&self) -> Result<Place, GivenUp> {
        self.places.clone().acquire_owned().await.map(Place).map_err(|_| GivenUp)
    }
}

impl Place {
    /// Computes. The place is free again when `work` has ended, also when nobody waits for it any more.
    pub(crate) async fn run<T: Send + 'static>(
        self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, GivenUp> {
        let task = tokio::task::spawn_blocking(move || {
            let done = work();
            drop(self.0);
            done
        });
        task.await.map_err(|error| {
            tracing::error!(%error, "a computation was given up");
            GivenUp
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{
        sync::{
            atomic::{AtomicUsize, Ordering},
            mpsc,
        },
        time::Duration,
    };

    /// On a runtime with a single thread, which a computation on it would stop.
    #[tokio::test]
    async fn other_tasks_go_on_while_a_computation_runs() {
        let pool = HeavyPool::with_places(1);
        let (finish, finished) = mpsc::channel::<()>();
        let running = tokio::spawn(pool.place().await.unwrap().run(move || finished.recv().is_ok()));
        for _ in 0..10 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        assert!(!running.is_finished());
        finish.send(()).unwrap();
        assert!(running.await.unwrap().unwrap());
    }

    #[tokio::test]
    async fn no_more_computations_run_at_a_time_than_there_are_places() {
        let pool = Arc::new(HeavyPool::with_places(2));
        let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let tasks: Vec<_> = (0..12)
            .map(|_| {
                let (pool, now, most) = (pool.clone(), now.clone(), most.clone());
                tokio::spawn(async move {
                    let work = move || {
                        most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                        std::thread::sleep(Duration::from_millis(5));
                        now.fetch_sub(1, Ordering::SeqCst);
                    };
                    pool.place().await.unwrap().run(work).await.unwrap();
                })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
        assert_eq!(most.load(Ordering::SeqCst), 2);
    }

    /// A client that goes away does not let another computation in beside its own.
    #[tokio::test]
    async fn a_computation_that_nobody_waits_for_keeps_its_place() {
        let pool = HeavyPool::with_places(1);
        let (finish, finished) = mpsc::channel::<()>();
        let abandoned = tokio::spawn(pool.place().await.unwrap().run(move || finished.recv().is_ok()));
        tokio::time::sleep(Duration::from_millis(5)).await;
        abandoned.abort();
        let next = tokio::time::timeout(Duration::from_millis(20), pool.place()).await;
        assert!(next.is_err());
        finish.send(()).unwrap();
        pool.place().await.unwrap();
    }

    #[tokio::test]
    async fn a_computation_that_panics_frees_its_place() {
        let pool = HeavyPool::with_places(1);
        assert!(pool.place().await.unwrap().run(|| panic!("as a test")).await.is_err());
        pool.place().await.unwrap();
    }
}
