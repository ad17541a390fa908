//! What can go wrong with a call to a peer, as far as the caller has to act differently.

use std::error::Error;
use std::time::Duration;
use tonic::{Code, Status};

/// A call to a peer that brought no answer.
#[derive(Debug, Clone, thiserror::Error)]
pub enum CallError {
    /// Not tried: the peer could not be reached a moment ago.
    #[error("backing off from a peer that could not be reached")]
    BackingOff,
    /// No connection, or it broke. The peer may have acted on the call.
    #[error("the peer could not be reached: {0}")]
    Unreachable(String),
    /// No answer in time. The peer may have acted on the call.
    #[error("no answer within {0:?}")]
    TimedOut(Duration),
    /// The peer refused the call.
    #[error("the peer refused the call: {0}")]
    Refused(String),
    /// The answer does not decode.
    #[error("the peer's answer does not decode: {0}")]
    Malformed(String),
}

impl CallError {
    /// True when the peer certainly did not act on the call.
    pub fn never_sent(&self) -> bool {
        matches!(self, Self::BackingOff)
    }
}

impl From<Status> for CallError {
    fn from(status: Status) -> Self {
        // A status that this side made out of a broken connection has the error as its source; the peer's has none.
        let local = status.source().is_some();
        match status.code() {
            Code::Unavailable => Self::Unreachable(describe(&status)),
            _ if local => Self::Unreachable(describe(&status)),
            _ => Self::Refused(describe(&status)),
        }
    }
}

fn describe(status: &Status) -> String {
    let mut text = status.message().to_owned();
    let mut source = status.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}
