//! ReplicateKey [KMS:ReplicateKey].

use kms_types::Region;

use crate::{Algorithms, KeyMetadata, Tag};

use crate::{
    AuditFacts, Env, Error, Step,
    authorize::{self, Authorized, authorize},
    case::Case,
    propose::{RecordChange, propose_record},
    resolve::{Forms, resolve},
    shared, state_table,
};
use crate::{
    conditions::{self, KeyFacts},
    creation::{self, Creation},
    metadata,
    policy_document::{self, LockoutCheck},
    tags,
};
use kms_state::{ControlRecord, ReplicaSeed, State};
use kms_types::{KeyArn, KeyState, MultiRegionKeyType, Operation, Timestamp};

/// The request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Key id or key ARN of the primary.
    pub key_id: String,
    /// Where the replica goes.
    pub replica_region: Region,
    /// The replica's policy; the default one when absent.
    pub policy: Option<String>,
    /// Skip the lockout check; absent and false differ for the `Null` condition.
    pub bypass_policy_lockout_safety_check: Option<bool>,
    /// The replica's description.
    pub description: Option<String>,
    /// The replica's tags.
    pub tags: Vec<Tag>,
}

/// The answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// The replica, in state Creating.
    pub replica_key_metadata: KeyMetadata,
    /// The replica's policy.
    pub replica_policy: String,
    /// The replica's tags.
    pub replica_tags: Vec<Tag>,
}

/// Decides the call: kms:ReplicateKey on the primary, and the permissions of making a key in the replica's Region.
pub(crate) fn decide(
    case: &Case<'_>,
    request: &Request,
    env: &mut Env<'_>,
    facts: &mut AuditFacts,
) -> Result<Step, Error> {
    let key = resolve(case, &request.key_id, Forms::KeyOnly, facts)?;
    let key = authorize(case, key, |context| {
        context.add("kms:ReplicaRegion", request.replica_region.as_str());
        conditions::add_tags(context, &request.tags);
        conditions::add_bypass(context, request.bypass_policy_lockout_safety_check);
    })?;
    authorize_replica(case, &key, request)?;
    run(case, key, request, env)
}

fn authorize_replica<A>(case: &Case<'_>, key: &Authorized<'_, A>, request: &Request) -> Result<(), Error> {
    let creation = Creation {
        facts: &replica_facts(case, key),
        region: &request.replica_region,
        tags: &request.tags,
        bypass_lockout_check: request.bypass_policy_lockout_safety_check,
    };
    creation::authorize(case, &creation)
}

/// What conditions will see of the replica.
fn replica_facts<A>(case: &Case<'_>, key: &Authorized<'_, A>) -> KeyFacts {
    let of_primary = KeyFacts::of(key.key(), case.region);
    KeyFacts { multi_region: Some(MultiRegionKeyType::Replica), ..of_primary }
}

fn run(
    case: &Case<'_>,
    key: Authorized<'_, authorize::ReplicateKey>,
    request: &Request,
    env: &mut Env<'_>,
) -> Result<Step, Error> {
    state_table::check(Operation::ReplicateKey, key.key().state(case.region), key.arn())?;
    let base = shared::record(case, &key)?;
    let region = &request.replica_region;
    check_region(case, region)?;
    let seed = seed(case, &key, request)?;
    let record = base.replicate(region.clone(), seed.clone()).map_err(|e| shared::refused(e, key.arn()))?;
    let replica = replica_metadata(&record, region, &seed, case.now());
    let joined = region.clone();
    let change = RecordChange {
        record,
        base: base.version.clone(),
        material: None,
        contained_in: Box::new(move |later| later.is_member(&joined)),
    };
    let tags = request.tags.clone();
    Ok(propose_record(case, env, key.arn(), key.expectation(), change, move |view| {
        let replica_key_metadata = with_members_of(replica, view);
        Ok(Response {
            replica_key_metadata,
            replica_policy: seed.policy.document().into(),
            replica_tags: tags,
        }
        .into())
    }))
}

/// A Region of this deployment that holds material, and not this one.
fn check_region(case: &Case<'_>, region: &Region) -> Result<(), Error> {
    let directory = case.view.directory().ok_or(Error::Internal("the Region is not bootstrapped yet"))?;
    if region != case.region && directory.is_data(region) {
        return Ok(());
    }
    let others = directory.voters.keys().filter(|r| *r != case.region && directory.is_data(r));
    let names: Vec<&str> = others.map(Region::as_str).collect();
    Err(Error::Validation(format!(
        "ReplicaRegion {region} cannot hold a replica of this key. Regions that can: [{}]",
        names.join(", ")
    )))
}

/// What the replica begins with: its own policy, description and tags, never a copy of the primary's (section 6.2).
fn seed<A>(case: &Case<'_>, key: &Authorized<'_, A>, request: &Request) -> Result<ReplicaSeed, Error> {
    let tags = tags::checked(case, &request.tags)?;
    let account = key.key().account;
    let document = request.policy.clone().unwrap_or_else(|| policy_document::default_policy(account));
    let key_facts = replica_facts(case, key);
    let arn = KeyArn { region: request.replica_region.clone(), ..key.arn().clone() };
    let lockout = LockoutCheck::from(request.bypass_policy_lockout_safety_check);
    let policy = policy_document::check(case, &document, &key_facts, &arn, lockout)?;
    let description = request.description.clone().unwrap_or_default();
    Ok(ReplicaSeed { policy, description, tags, requested: case.requested() })
}

/// The replica as its Region will show it first; that Region may not know of it yet.
fn replica_metadata(
    record: &ControlRecord,
    region: &Region,
    seed: &ReplicaSeed,
    now: Timestamp,
) -> KeyMetadata {
    let (account, id) = (record.account, record.key);
    KeyMetadata {
        aws_account_id: account,
        key_id: id,
        arn: KeyArn { region: region.clone(), account, key: id },
        creation_date: now,
        enabled: false,
        description: seed.description.clone(),
        key_usage: record.usage,
        key_state: KeyState::Creating,
        deletion_date: None,
        origin: record.origin,
        key_manager: kms_types::CustomerKeyManager::Customer,
        key_spec: record.spec,
        algorithms: Algorithms { spec: record.spec, usage: record.usage },
        multi_region: true,
        multi_region_configuration: Some(metadata::configuration(
            account,
            id,
            &record.primary,
            &record.members,
            region,
        )),
        pending_deletion_window_in_days: None,
        current_key_material_id: None,
        expiration_model: None,
        valid_to: None,
    }
}

/// The set of keys may have changed again while the Regions agreed.
fn with_members_of(replica: KeyMetadata, view: &State) -> KeyMetadata {
    let committed = view.register(&replica.key_id).and_then(|r| r.committed.as_deref());
    let configuration = committed.map(|record| {
        let region = &replica.arn.region;
        metadata::configuration(record.account, record.key, &record.primary, &record.members, region)
    });
    KeyMetadata { multi_region_configuration: configuration, ..replica }
}
