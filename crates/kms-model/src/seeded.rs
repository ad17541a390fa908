//! Known bugs, built into the machines and registers with the feature `seeded-bugs` alone.

#[cfg(feature = "seeded-bugs")]
pub use kms_state::seeded::Bug;
#[cfg(feature = "seeded-bugs")]
pub(crate) use kms_state::seeded::with;

/// Without the feature there are none.
#[cfg(not(feature = "seeded-bugs"))]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bug {}

#[cfg(not(feature = "seeded-bugs"))]
pub(crate) fn with<T>(_: Option<Bug>, work: impl FnOnce() -> T) -> T {
    work()
}

/// True while the bug is built in that lets strangers be heard.
#[cfg(feature = "seeded-bugs")]
pub(crate) fn hears_strangers() -> bool {
    kms_state::seeded::is(Bug::HearOldIncarnation)
}
#[cfg(not(feature = "seeded-bugs"))]
pub(crate) fn hears_strangers() -> bool {
    false
}
