//! CreateKey [KMS:CreateKey].

use kms_types::{KeyOrigin, KeySpec, KeyUsage};

use crate::{KeyMetadata, Tag};

use crate::{
    AuditFacts, Env, Error, Quota, Step,
    case::Case,
    conditions::KeyFacts,
    creation::{self, Creation},
    custom_key_store,
    error::china_only,
    material, metadata,
    policy_document::{self, LockoutCheck},
    propose::{key_after, propose},
    tags,
};
use kms_state::{Command, CreateKey};
use kms_types::{KeyId, KeyIdKind, MultiRegionKeyType};

/// The request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// The key policy; the default one when absent.
    pub policy: Option<String>,
    /// Description.
    pub description: Option<String>,
    /// Key usage.
    pub key_usage: Option<KeyUsage>,
    /// Deprecated synonym of `key_spec`.
    pub customer_master_key_spec: Option<KeySpec>,
    /// Key spec.
    pub key_spec: Option<KeySpec>,
    /// Origin.
    pub origin: Option<KeyOrigin>,
    /// A custom key store.
    pub custom_key_store_id: Option<String>,
    /// Skip the lockout check; absent and false differ for the `Null` condition.
    pub bypass_policy_lockout_safety_check: Option<bool>,
    /// Tags.
    pub tags: Vec<Tag>,
    /// Whether the key may have replicas.
    pub multi_region: bool,
    /// An external key.
    pub xks_key_id: Option<String>,
}

/// The answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// The new key.
    pub key_metadata: KeyMetadata,
}

/// Decides the call.
pub(crate) fn decide(
    case: &Case<'_>,
    request: &Request,
    env: &mut Env<'_>,
    facts: &mut AuditFacts,
) -> Result<Step, Error> {
    let (spec, usage, origin) = check_supported(request)?;
    let kind = if request.multi_region { KeyIdKind::MultiRegion } else { KeyIdKind::SingleRegion };
    let key = KeyId::from_random(kind, env.entropy.array());
    let account = case.account();
    let multi_region = request.multi_region.then_some(MultiRegionKeyType::Primary);
    let key_facts = KeyFacts { account, spec, usage, origin, multi_region };
    creation::authorize(
        case,
        &Creation {
            facts: &key_facts,
            region: case.region,
            tags: &request.tags,
            bypass_lockout_check: request.bypass_policy_lockout_safety_check,
        },
    )?;
    let tags = tags::checked(case, &request.tags)?;
    let document = request.policy.clone().unwrap_or_else(|| policy_document::default_policy(account));
    let lockout = LockoutCheck::from(request.bypass_policy_lockout_safety_check);
    let policy = policy_document::check(case, &document, &key_facts, &case.arn(account, key), lockout)?;
    check_quota(case)?;
    let material = match origin {
        KeyOrigin::External => None,
        _ => Some(material::draw(env, &key, spec)?),
    };
    facts.resources.push(case.arn(account, key));
    let description = request.description.clone().unwrap_or_default();
    let create = CreateKey {
        account,
        key,
        spec,
        usage,
        origin,
        policy,
        description,
        tags,
        material,
        managed_as: None,
        most_keys: case.settings.quotas.keys_per_account,
    };
    let region = case.region.clone();
    Ok(propose(case, env, None, Command::CreateKey(Box::new(create)), move |view| {
        let key = key_after(view, account, &key)?;
        Ok(Response { key_metadata: metadata::of(&key, &region) }.into())
    }))
}

/// The entry is checked again when it is applied: this spares the log an entry that would be refused.
fn check_quota(case: &Case<'_>) -> Result<(), Error> {
    let (used, limit) = (case.view.key_count(case.account()), case.settings.quotas.keys_per_account);
    match used < limit {
        true => Ok(()),
        false => Err(Error::LimitExceeded(Quota::Keys { used: used as u64, limit: limit as u64 })),
    }
}

/// Spec, usage and origin, refused where AWS refuses them and where this milestone cannot make such a key yet.
fn check_supported(request: &Request) -> Result<(KeySpec, KeyUsage, KeyOrigin), Error> {
    let spec = match (request.key_spec, request.customer_master_key_spec) {
        (Some(_), Some(_)) => {
            let text = "You cannot specify KeySpec and CustomerMasterKeySpec in the same request.";
            return Err(Error::Validation(text.into()));
        }
        (spec, synonym) => spec.or(synonym).unwrap_or(KeySpec::SymmetricDefault),
    };
    let usage = check_usage(spec, request.key_usage)?;
    check_custom_key_store(request)?;
    if spec.is_china_only() {
        return Err(china_only("KeySpec", spec.as_str()));
    }
    let origin = request.origin.unwrap_or(KeyOrigin::AwsKms);
    if !matches!(origin, KeyOrigin::AwsKms | KeyOrigin::External) {
        return Err(Error::Unsupported(format!("Origin {origin} is not supported yet.")));
    }
    Ok((spec, usage, origin))
}

/// Keys of custom key stores name their store, and there is none.
fn check_custom_key_store(request: &Request) -> Result<(), Error> {
    custom_key_store::refuse(request.custom_key_store_id.as_deref())?;
    let elsewhere = matches!(request.origin, Some(KeyOrigin::AwsCloudHsm | KeyOrigin::ExternalKeyStore));
    match elsewhere || request.xks_key_id.is_some() {
        true => Err(Error::Validation("A key outside of KMS requires a CustomKeyStoreId.".into())),
        false => Ok(()),
    }
}

/// The matrix of section 4.1.
fn check_usage(spec: KeySpec, requested: Option<KeyUsage>) -> Result<KeyUsage, Error> {
    let usage = match (requested, spec) {
        (Some(usage), _) => usage,
        (None, KeySpec::SymmetricDefault) => KeyUsage::EncryptDecrypt,
        (None, _) => {
            let text =
                "You must specify a KeyUsage value for all KMS keys except for symmetric encryption keys.";
            return Err(Error::Validation(text.into()));
        }
    };
    match spec.usages().contains(&usage) {
        true => Ok(usage),
        false => Err(Error::Validation(format!("KeyUsage {usage} is not compatible with KeySpec {spec}"))),
    }
}
