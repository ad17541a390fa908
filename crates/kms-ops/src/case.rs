//! A call beside the view it is decided on.

use kms_state::{Key, State};
use kms_types::{AccountId, KeyArn, KeyId, Operation, Principal, Region, Timestamp};
use std::sync::Arc;

use crate::{Call, Error};

/// One call and one view: everything of a decision that is only read (invariant B2).
#[derive(Clone, Copy)]
pub(crate) struct Case<'a> {
    pub(crate) call: &'a Call,
    pub(crate) view: &'a State,
    pub(crate) region: &'a Region,
}

impl<'a> Case<'a> {
    pub(crate) fn new(call: &'a Call, view: &'a State) -> Result<Self, Error> {
        let region = view.region().ok_or(Error::Internal("the Region is not bootstrapped yet"))?;
        Ok(Self { call, view, region })
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

    /// Region time.
    pub(crate) fn now(&self) -> Timestamp {
        self.view.region_time()
    }

    /// The ARN, in this Region, of a key of `account`.
    pub(crate) fn arn(&self, account: AccountId, key: KeyId) -> KeyArn {
        KeyArn { region: self.region.clone(), account, key }
    }

    pub(crate) fn key(&self, id: &KeyId) -> Option<&'a Arc<Key>> {
        self.view.key(id)
    }
}
