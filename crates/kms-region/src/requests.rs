//! Operators' commands span many keys; each is reported once, when its last key is settled.

use kms_types::KeyId;
use std::collections::{BTreeMap, BTreeSet};

use crate::{KeyResult, Machine, Output};

#[derive(Debug, Clone, Default)]
pub(crate) struct Requests(BTreeMap<u64, Request>);

#[derive(Debug, Clone, Default)]
struct Request {
    pending: BTreeSet<KeyId>,
    results: BTreeMap<KeyId, KeyResult>,
}

impl Machine {
    /// Begins a request over `keys`; one without keys is reported at once.
    pub(crate) fn open_request(&mut self, request: u64, keys: &[KeyId]) {
        let pending = keys.iter().copied().collect();
        self.requests.0.insert(request, Request { pending, results: BTreeMap::new() });
        self.report_if_done(request);
    }

    pub(crate) fn finish_key(&mut self, request: Option<u64>, key: KeyId, result: KeyResult) {
        let Some(request) = request else { return };
        if let Some(open) = self.requests.0.get_mut(&request)
            && open.pending.remove(&key)
        {
            open.results.insert(key, result);
            self.report_if_done(request);
        }
    }

    fn report_if_done(&mut self, request: u64) {
        if self.requests.0.get(&request).is_some_and(|r| r.pending.is_empty())
            && let Some(Request { results, .. }) = self.requests.0.remove(&request)
        {
            self.outputs.push_back(Output::Report { request, results });
        }
    }
}
