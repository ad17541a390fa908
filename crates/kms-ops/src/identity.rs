//! What the replicated state knows about principals: the policies of a caller, and who exists.

use kms_policy::{Caller, PrincipalDirectory};
use kms_state::State;
use kms_types::{AccountId, Principal};

/// The caller with its policies, boundary, session policies and tags, as the view has them (B2).
///
/// The state holds no users and roles yet: a caller other than a root has nothing attached, and may do only what a key
/// policy gives to it directly.
pub(crate) fn attached(principal: &Principal, _view: &State) -> Caller {
    Caller::bare(principal.clone())
}

/// The users and roles of a view.
pub(crate) fn directory(_view: &State) -> impl PrincipalDirectory {
    Nobody
}

/// No users and roles exist yet, so a policy that names one is refused, as AWS refuses it.
struct Nobody;

impl PrincipalDirectory for Nobody {
    fn user_id(&self, _: AccountId, _: &str, _: &str) -> Option<String> {
        None
    }

    fn role_id(&self, _: AccountId, _: Option<&str>, _: &str) -> Option<String> {
        None
    }
}
