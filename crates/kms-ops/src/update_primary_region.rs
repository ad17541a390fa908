//! UpdatePrimaryRegion [KMS:UpdatePrimaryRegion].

use kms_types::Region;

use crate::{
    AuditFacts, Env, Error, Step,
    authorize::{self, Authorized, authorize, refuse_denied},
    case::Case,
    conditions::{self, KeyFacts},
    propose::{RecordChange, propose_record},
    resolve::{Forms, resolve},
    shared, state_table,
};
use kms_state::{ControlRecord, Membership, Phase};
use kms_types::{KeyArn, KeyState, MultiRegionKeyType::Replica, Operation};

/// The request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Key id or key ARN of the primary.
    pub key_id: String,
    /// The next primary: a Region that has a replica.
    pub primary_region: Region,
}

/// The answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response;

/// Decides the call. The replica's own policy is evaluated where the replica is, which this Region cannot see; what the
/// caller's policies deny on the replica is refused here.
pub(crate) fn decide(
    case: &Case<'_>,
    request: &Request,
    env: &mut Env<'_>,
    facts: &mut AuditFacts,
) -> Result<Step, Error> {
    let key = resolve(case, &request.key_id, Forms::KeyOnly, facts)?;
    let key = authorize(case, key, |context| {
        context.add("kms:PrimaryRegion", request.primary_region.as_str());
    })?;
    refuse_denied_on_replica(case, &key, &request.primary_region)?;
    run(case, key, &request.primary_region, env)
}

fn refuse_denied_on_replica(
    case: &Case<'_>,
    key: &Authorized<'_, authorize::UpdatePrimaryRegion>,
    successor: &Region,
) -> Result<(), Error> {
    let of_primary = KeyFacts::of(key.key(), case.region);
    let facts = KeyFacts { multi_region: of_primary.multi_region.map(|_| Replica), ..of_primary };
    let mut context = conditions::of_key(case, &facts);
    context.add("kms:PrimaryRegion", successor.as_str());
    context.set("aws:RequestedRegion", [successor.as_str().into()]);
    let arn = KeyArn { region: successor.clone(), ..key.arn().clone() };
    refuse_denied::<authorize::UpdatePrimaryRegion>(case, &arn, &context)
}

/// Rule 8: the record names the successor, which then takes over by a higher epoch.
fn run(
    case: &Case<'_>,
    key: Authorized<'_, authorize::UpdatePrimaryRegion>,
    successor: &Region,
    env: &mut Env<'_>,
) -> Result<Step, Error> {
    state_table::check(Operation::UpdatePrimaryRegion, key.key().state(case.region), key.arn())?;
    let base = shared::record(case, &key)?;
    check_successor(&key, base, successor)?;
    let record = base
        .update_primary(successor.clone(), case.now(), case.requested())
        .map_err(|e| shared::refused(e, key.arn()))?;
    let successor = successor.clone();
    let change = RecordChange {
        record,
        base: base.version.clone(),
        material: None,
        contained_in: Box::new(move |later| {
            later.primary == successor
                || matches!(&later.phase, Phase::Updating { successor: s, .. } if *s == successor)
        }),
    };
    Ok(propose_record(case, env, key.arn(), key.expectation(), change, |_| Ok(Response.into())))
}

fn check_successor<A>(
    key: &Authorized<'_, A>,
    record: &ControlRecord,
    successor: &Region,
) -> Result<(), Error> {
    let arn = KeyArn { region: successor.clone(), ..key.arn().clone() };
    match record.members.get(successor) {
        _ if record.primary == *successor => {
            Err(Error::Unsupported(format!("{successor} is the primary Region of {} already.", key.arn())))
        }
        Some(Membership::Active) => Ok(()),
        Some(Membership::Joining(_)) => Err(Error::invalid_state(&arn, KeyState::Creating)),
        None => Err(Error::KeyNotFound { arn }),
    }
}
