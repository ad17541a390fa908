//! The condition keys that every request on a key carries (sections 9.7 and 9.8). One that does not apply is absent.

use kms_policy::Context;
use kms_state::Key;
use kms_types::{
    AccountId, EncryptionAlgorithm, EncryptionContext, KeyOrigin, KeySpec, KeyUsage, MultiRegionKeyType,
    Region, ServicePrincipal,
};

use crate::case::Case;

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

fn of_caller(case: &Case<'_>) -> Context {
    let mut context = Context::default();
    let account = case.account().to_string();
    for name in ["kms:CallerAccount", "aws:PrincipalAccount"] {
        context.add(name, account.as_str());
    }
    let caller = case.caller();
    context.add("aws:userid", caller.user_id());
    context.add("aws:PrincipalArn", caller.principal_arn());
    context.add("aws:PrincipalType", caller.principal_type());
    if let Some(name) = caller.user_name() {
        context.add("aws:username", name);
    }
    context.add("aws:PrincipalIsAWSService", caller.service().is_some());
    context.add("aws:ViaAWSService", false);
    if let Some(service) = caller.service() {
        add_service(&mut context, service);
    }
    context.add("aws:RequestedRegion", case.region.as_str());
    context.add("aws:CurrentTime", case.now());
    context.add("aws:EpochTime", case.now());
    if let Some(address) = case.call.source_ip {
        context.add("aws:SourceIp", address);
    }
    context
}

/// What a service says about itself and about whom it acts for. `kms:ViaService` is present only when it acts for somebody.
fn add_service(context: &mut Context, service: &ServicePrincipal) {
    context.add("aws:PrincipalServiceName", service.name.as_str());
    context.add("aws:PrincipalServiceNamesList", service.name.as_str());
    let Some(acting) = &service.on_behalf_of else { return };
    if let Some(account) = acting.account {
        context.add("aws:SourceAccount", account.to_string());
    }
    if let Some(arn) = &acting.source_arn {
        context.add("aws:SourceArn", arn.as_str());
    }
    if let Some(host) = &acting.via_service {
        context.add("kms:ViaService", host.as_str());
    }
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

/// The condition keys of a request that carries tags.
pub(crate) fn add_tags(context: &mut Context, tags: &[crate::Tag]) {
    for tag in tags {
        context.add(&format!("aws:RequestTag/{}", tag.tag_key), tag.tag_value.as_str());
        context.add("aws:TagKeys", tag.tag_key.as_str());
    }
}

/// Absent when the request leaves the flag out: `Null` tells the two apart.
pub(crate) fn add_bypass(context: &mut Context, flag: Option<bool>) {
    if let Some(flag) = flag {
        context.add("kms:BypassPolicyLockoutSafetyCheck", flag);
    }
}
