//! Waiting on a condition: the only way this crate waits.

use std::time::Duration;
use tokio::time::Instant;

use crate::error::Error;

/// Between two looks. Short against anything a cluster does, long against what a look costs.
const POLL: Duration = Duration::from_millis(50);

/// The value of `condition` as soon as it has one; an error that says `what` was waited for after `limit`.
///
/// ```
/// use std::{cell::Cell, time::Duration};
/// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
/// let looks = Cell::new(0);
/// let third = meridian_testkit::wait_until("the third look", Duration::from_secs(5), || async {
///     looks.set(looks.get() + 1);
///     (looks.get() == 3).then_some(looks.get())
/// });
/// assert_eq!(third.await.unwrap(), 3);
/// # });
/// ```
pub async fn wait_until<T, F: Future<Output = Option<T>>>(
    what: impl Into<String>,
    limit: Duration,
    mut condition: impl FnMut() -> F,
) -> Result<T, Error> {
    let deadline = Instant::now() + limit;
    loop {
        if let Some(value) = condition().await {
            return Ok(value);
        }
        if Instant::now() >= deadline {
            return Err(Error::TimedOut { what: what.into(), limit });
        }
        tokio::time::sleep(POLL).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_condition_that_stays_false_is_named() {
        let never = wait_until("pigs fly", Duration::from_millis(1), || async { None::<()> }).await;
        assert_eq!(never.unwrap_err().to_string(), "not within 1ms: pigs fly");
    }
}
