//! The rules that can be seen in one state of the deployment; the others are noted as they are broken (`history.rs`).

use kms_state::{ControlRecord, Key, MaterialStatus, Register};
use kms_types::MaterialId;
use std::sync::Arc;

use crate::{Rule, Rules, Site, history::History, names, site::seals_with};

/// The rules that this state breaks.
pub(crate) fn judge(sites: &[Arc<Site>], history: &History) -> Rules {
    let mut broken = Rules::default();
    let mut check = |rule, holds: bool| {
        if !holds {
            broken.add(rule);
        }
    };
    check(Rule::C4, all_hold_equal_bytes(sites));
    for site in sites {
        check(Rule::C8, holds_only_as_member(site));
        check(Rule::D3, holds_nothing_when_destroyed(site));
        check(Rule::Rule1, follows_committed(site));
        if !history.forced {
            check(Rule::C1, is_openable(site, sites, history));
            check(Rule::C5, holds_all_as_primary(site, history));
        }
    }
    broken
}

fn parts(site: &Site) -> Option<(&Key, &Register, &ControlRecord)> {
    let register = site.state.register(&names::key_id())?;
    Some((site.state.key(&names::key_id())?, register, register.committed.as_deref()?))
}

/// C1: every active member of the newest committed record holds what this Region seals with, and it is active there.
fn is_openable(site: &Site, sites: &[Arc<Site>], history: &History) -> bool {
    let (Some(sealing), Some(latest)) = (seals_with(site), history.latest()) else { return true };
    let mut members = sites.iter().filter(|s| latest.is_active_member(&s.region));
    members.all(|member| member.state.key(&names::key_id()).is_some_and(|k| k.held.contains_key(&sealing)))
}

/// C5: the primary of the newest committed record holds every material that was ever active.
fn holds_all_as_primary(site: &Site, history: &History) -> bool {
    let latest = history.latest().filter(|r| r.primary == site.region && !r.is_destroyed());
    let Some(record) = latest else { return true };
    let mut active = record.materials.iter().filter(|m| m.status == MaterialStatus::Active);
    active.all(|m| holds(site, &m.id))
}

fn holds(site: &Site, material: &MaterialId) -> bool {
    site.state.key(&names::key_id()).is_some_and(|k| k.held.contains_key(material))
}

/// C4: stand-ins are their own bytes.
fn all_hold_equal_bytes(sites: &[Arc<Site>]) -> bool {
    let keys = sites.iter().filter_map(|site| site.state.key(&names::key_id()));
    let mut held = keys.flat_map(|key| key.held.iter());
    held.all(|(id, wrapped)| wrapped.sealed.first() == Some(&names::number(id)))
}

/// C8: no material without membership in the record that the Region goes by; a witness never has any. A Region that was
/// removed learns of no record any more and serves nothing (docs/adr/0018).
fn holds_only_as_member(site: &Site) -> bool {
    let Some(key) = site.state.key(&names::key_id()) else { return true };
    let member = parts(site).is_some_and(|(_, _, committed)| committed.is_member(&site.region));
    key.held.is_empty() || !site.state.is_in_directory() || (member && site.is_data())
}

/// D3: a destroyed key has no material and cannot be used.
fn holds_nothing_when_destroyed(site: &Site) -> bool {
    let destroyed = parts(site).filter(|(_, register, _)| register.is_destroyed());
    destroyed.is_none_or(|(key, _, _)| {
        key.held.is_empty() && matches!(key.lifecycle, kms_state::Lifecycle::PendingDeletion { .. })
    })
}

/// Rule 1: the shared properties of the local copy are those of the committed record.
fn follows_committed(site: &Site) -> bool {
    parts(site).is_none_or(|(key, _, committed)| {
        let shared = key.multi_region.as_ref().map(|m| (&m.primary, &m.members, &m.phase));
        // A buried copy keeps the materials' names that it had.
        let same = key.materials == committed.materials && key.current == committed.current;
        shared == Some((&committed.primary, &committed.members, &committed.phase))
            && (same || committed.is_destroyed())
    })
}
