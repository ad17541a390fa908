//! The compiled form of a policy beside its text.

use kms_policy::Policy;
use std::{
    fmt,
    sync::{Arc, OnceLock},
};

/// Made when it is first asked for, once for each stored policy, and shared by all copies of it: a decision parses
/// nothing. It is derived from what it stands beside, so it is neither stored nor compared, and it lives and goes with it.
#[derive(Clone, Default)]
pub(crate) struct Compiled(OnceLock<Option<Arc<Policy>>>);

impl Compiled {
    /// None when the text does not parse, which only a defect can bring about: documents are checked when they are put.
    pub(crate) fn get(&self, make: impl FnOnce() -> Option<Policy>) -> Option<&Arc<Policy>> {
        self.0.get_or_init(|| make().map(Arc::new)).as_ref()
    }

    /// Takes over what was made of an equal text, unless this one was compiled already.
    pub(crate) fn adopt(&self, of_equal: &Self) {
        if let Some(policy) = of_equal.0.get() {
            self.0.get_or_init(|| policy.clone());
        }
    }
}

impl PartialEq for Compiled {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Compiled {}

impl fmt::Debug for Compiled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Compiled(..)")
    }
}
