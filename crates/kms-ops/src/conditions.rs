//! The condition keys that every request on a key carries (sections 9.7 and 9.8). One that does not apply is absent.

use kms_policy::Context;
use kms_state::Key;
use kms_types::{
    AccountId, EncryptionAlgorithm, EncryptionContext, KeyOrigin, KeySpec, KeyUsage, MessageType,
    MultiRegionKeyType, Region, SigningAlgorithm,
};

use crate::{Transport, case::Case};

/// What conditions see of a key, also of one that is only about to exist.
#[derive(Debug, Clone, Copy)]
pub(crate) struct KeyFacts {
    pub(crate) account: AccountId,
    pub(crate) spec: KeySpec,
    pub(crate) usage: KeyUsage,
    pub(crate) origin: KeyOrigin,
    /// Absent for single-Region keys.
    pub(crate) multi_region: Option<MultiRegionKeyType>,
}

impl KeyFacts {
    pub(crate) fn of(key: &Key, region: &Region) -> Self {
        let multi_region = key.multi_region.as_ref().map(|m| match m.primary == *region {
            true => MultiRegionKeyType::Primary,
            false => MultiRegionKeyType::Replica,
        });
        Self { account: key.account, spec: key.spec, usage: key.usage, origin: key.origin, multi_region }
    }
}

/// The condition keys of the caller, the Region and the key.
pub(crate) fn of_key(case: &Case<'_>, key: &KeyFacts) -> Context {
    let mut context = of_caller(case);
    for name in ["kms:KeySpec", "kms:CustomerMasterKeySpec"] {
        context.add(name, key.spec.as_str());
    }
    for name in ["kms:KeyUsage", "kms:CustomerMasterKeyUsage"] {
        context.add(name, key.usage.as_str());
    }
    context.add("kms:KeyOrigin", key.origin.as_str());
    context.add("kms:MultiRegion", key.multi_region.is_some());
    if let Some(part) = key.multi_region {
        context.add("kms:MultiRegionKeyType", part.as_str());
    }
    context.add("aws:ResourceAccount", key.account.to_string());
    context
}

/// The condition keys of the caller, the Region and a key that exists. The last two kinds mean something only in
/// identity policies, which `kms-policy` knows.
pub(crate) fn of_existing(case: &Case<'_>, key: &Key) -> Context {
    let mut context = of_key(case, &KeyFacts::of(key, case.region));
    for (name, value) in &key.tags {
        context.add(&format!("aws:ResourceTag/{name}"), value.as_str());
    }
    for alias in case.view.aliases_of_key(key.id) {
        context.add("kms:ResourceAliases", alias.as_str());
    }
    context
}

/// The condition keys of the caller, of the call and of this Region.
pub(crate) fn of_caller(case: &Case<'_>) -> Context {
    let mut context = Context::default();
    case.identity.describe(&mut context);
    context.add("aws:RequestedRegion", case.region.as_str());
    context.add("aws:CurrentTime", case.now());
    context.add("aws:EpochTime", case.now());
    let circumstances = &case.call.circumstances;
    if let Some(address) = circumstances.source_ip {
        context.add("aws:SourceIp", address);
    }
    if let Some(agent) = &circumstances.user_agent {
        context.add("aws:UserAgent", agent.as_str());
    }
    if let Some(referer) = &circumstances.referer {
        context.add("aws:Referer", referer.as_str());
    }
    context.add("aws:SecureTransport", circumstances.transport == Transport::Tls);
    context
}

/// The condition keys of a symmetric cryptographic request.
pub(crate) fn add_cryptography(
    context: &mut Context,
    algorithm: EncryptionAlgorithm,
    encryption_context: &EncryptionContext,
) {
    context.add("kms:EncryptionAlgorithm", algorithm.as_str());
    for (key, value) in encryption_context.pairs() {
        context.add(&format!("kms:EncryptionContext:{key}"), value.as_str());
        context.add("kms:EncryptionContextKeys", key.as_str());
    }
}

/// The condition keys of Sign and Verify; the default type of a message counts.
pub(crate) fn add_signing(context: &mut Context, algorithm: SigningAlgorithm, message_type: MessageType) {
    context.add("kms:SigningAlgorithm", algorithm.as_str());
    context.add("kms:MessageType", message_type.as_str());
}

/// The condition keys of a request that carries tags.
pub(crate) fn add_tags(context: &mut Context, tags: &[crate::Tag]) {
    for tag in tags {
        context.add(&format!("aws:RequestTag/{}", tag.tag_key), tag.tag_value.as_str());
        context.add("aws:TagKeys", tag.tag_key.as_str());
    }
}

/// A flag that the request leaves out counts as false, and `Null` sees it absent.
pub(crate) fn add_bypass(context: &mut Context, flag: Option<bool>) {
    match flag {
        Some(flag) => context.add("kms:BypassPolicyLockoutSafetyCheck", flag),
        None => context.add_assumed("kms:BypassPolicyLockoutSafetyCheck", false),
    }
}
