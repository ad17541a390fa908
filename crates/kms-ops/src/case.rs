//! A call beside the view it is decided on.

use kms_policy::Caller;
use kms_state::{Key, Requested, State};
use kms_types::{AccountId, KeyArn, KeyId, Operation, Principal, Region, Timestamp};
use std::sync::Arc;

use crate::{Call, Error, Settings};

/// One call and one view: everything of a decision that is only read (invariant B2).
#[derive(Clone, Copy)]
pub(crate) struct Case<'a> {
    pub(crate) call: &'a Call,
    pub(crate) view: &'a State,
    pub(crate) region: &'a Region,
    /// The caller with its policies.
    pub(crate) identity: &'a Caller,
    pub(crate) settings: &'a Settings,
}

impl<'a> Case<'a> {
    /// `identity` is the call's principal as [`crate::identity::attached`] finds it in the same view.
    pub(crate) fn new(
        call: &'a Call,
        view: &'a State,
        identity: &'a Caller,
        settings: &'a Settings,
    ) -> Result<Self, Error> {
        let region = view.region().ok_or(Error::Internal("the Region is not bootstrapped yet"))?;
        Ok(Self { call, view, region, identity, settings })
    }

    pub(crate) fn caller(&self) -> &'a Principal {
        &self.call.caller
    }

    pub(crate) fn account(&self) -> AccountId {
        self.call.caller.account()
    }

    pub(crate) fn operation(&self) -> Operation {
        self.call.request.operation()
    }

    /// The call, for the records of other Regions that its effects go back to.
    pub(crate) fn requested(&self) -> Requested {
        Requested { principal: self.caller().clone(), request: self.call.request_id }
    }

    /// Region time.
    pub(crate) fn now(&self) -> Timestamp {
        self.view.region_time()
    }

    /// The ARN, in this Region, of a key of `account`.
    pub(crate) fn arn(&self, account: AccountId, key: KeyId) -> KeyArn {
        KeyArn { region: self.region.clone(), account, key }
    }

    /// A key of an account; the deployment's own is out of reach.
    pub(crate) fn key(&self, id: &KeyId) -> Option<&'a Arc<Key>> {
        self.view.key(id).filter(|key| key.account != AccountId::SYSTEM)
    }
}
