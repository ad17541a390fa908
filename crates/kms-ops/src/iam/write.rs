//! A change as it grows while a call is decided: every record that it reads is guarded.

use kms_state::{
    Command, IdentityChange, IdentityKey, IdentityRecord, State,
    identity::{Group, Guard, ManagedPolicy, Role, User},
};
use kms_types::AccountId;

use super::IamError;

/// Guards, puts and deletes on one view.
pub(super) struct Change {
    change: IdentityChange,
}

impl Change {
    pub(super) fn new() -> Self {
        Self { change: IdentityChange::default() }
    }

    pub(super) fn into_command(self) -> Command {
        Command::ChangeIdentity(Box::new(self.change))
    }

    /// The change stands only if the record stays as the view has it.
    pub(super) fn guard(&mut self, view: &State, key: IdentityKey) {
        let changed = view.identity().stored(&key).map(|stored| stored.changed);
        if !self.change.guards.iter().any(|guard| guard.key == key) {
            self.change.guards.push(Guard { key, changed });
        }
    }

    pub(super) fn put(&mut self, view: &State, record: IdentityRecord) {
        self.guard(view, record.key());
        self.change.puts.push(record);
    }

    pub(super) fn delete(&mut self, view: &State, key: IdentityKey) {
        self.guard(view, key.clone());
        self.change.deletes.push(key);
    }
}

/// A user that must exist, with its name as written.
pub(super) fn user<'a>(view: &'a State, account: AccountId, name: &str) -> Result<&'a User, IamError> {
    view.identity().user(account, name).ok_or_else(|| IamError::missing("user", name))
}

/// A group that must exist.
pub(super) fn group<'a>(view: &'a State, account: AccountId, name: &str) -> Result<&'a Group, IamError> {
    view.identity().group(account, name).ok_or_else(|| IamError::missing("group", name))
}

/// A role that must exist.
pub(super) fn role<'a>(view: &'a State, account: AccountId, name: &str) -> Result<&'a Role, IamError> {
    view.identity().role(account, name).ok_or_else(|| IamError::missing("role", name))
}

/// A managed policy of this account that must exist.
pub(super) fn policy<'a>(
    view: &'a State,
    account: AccountId,
    arn: &str,
) -> Result<&'a ManagedPolicy, IamError> {
    let found = view.identity().policy(arn).filter(|policy| policy.account == account);
    found.ok_or_else(|| IamError::NoSuchEntity(format!("Policy {arn} does not exist or is not attachable.")))
}
