//! Waiting for the applied state to say something.

use super::Group;
use kms_raft::Applied;
use kms_state::State;
use std::{sync::Arc, time::Duration};
use tokio::time::timeout;

/// The state did not say it in time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the state did not change as expected within {0:?}")]
pub struct WaitTimedOut(pub Duration);

impl Group {
    /// The first applied state here for which `holds` is true.
    pub async fn wait_until(
        &self,
        mut holds: impl FnMut(&State) -> bool,
        limit: Duration,
    ) -> Result<Arc<Applied>, WaitTimedOut> {
        let mut applied = self.core.applied.clone();
        let reached = timeout(limit, applied.wait_for(|applied| holds(&applied.state))).await;
        match reached {
            Ok(Ok(applied)) => Ok(applied.clone()),
            _ => Err(WaitTimedOut(limit)),
        }
    }
}
