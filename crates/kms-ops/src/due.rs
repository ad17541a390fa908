//! What the Region's leader proposes by itself when Region time has come.

use kms_state::{Proposal, State};
use kms_types::NodeId;

use crate::Env;

/// Proposals for what is due in Region time; `apply` refuses whatever is not.
pub fn due_proposals(view: &State, env: &mut Env<'_>, node: NodeId) -> Vec<Proposal> {
    let _ = (view, env, node);
    Vec::new()
}
