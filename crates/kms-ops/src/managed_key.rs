//! AWS managed keys: `alias/aws/<service>` of a service that this deployment is configured to have (section 13).
//!
//! Made on first use. The key belongs to the account and is managed by the service: its policy lets the account look at
//! it and lets the account's principals use it through the service; nothing lets anybody change it. It rotates yearly.

use kms_state::{Command, CreateKey, Refusal};
use kms_types::{AccountId, AliasName, KeyId, KeyIdKind, KeyOrigin, KeyRef, KeySpec, KeyUsage, Region};
use std::collections::BTreeMap;

use crate::{Env, Error, Request, RespondError, Step, case::Case, material, propose::propose_then};

const PREFIX: &str = "alias/aws/";

/// The aliases of the configured services.
pub(crate) fn predefined<'a>(case: &Case<'a>) -> impl Iterator<Item = AliasName> + 'a {
    case.settings.managed_services.iter().filter_map(|service| format!("{PREFIX}{service}").parse().ok())
}

/// The step that makes the key of a service which this call names and which has none yet. The call is decided again
/// once it exists. Looking at the key makes it, and so does the service when it seals for the account.
pub(crate) fn first_use(case: &Case<'_>, env: &mut Env<'_>) -> Result<Option<Step>, Error> {
    let Some((alias, service)) = named(case) else { return Ok(None) };
    let key = KeyId::from_random(KeyIdKind::SingleRegion, env.entropy.array());
    let account = case.account();
    let create = CreateKey {
        account,
        key,
        spec: KeySpec::SymmetricDefault,
        usage: KeyUsage::EncryptDecrypt,
        origin: KeyOrigin::AwsKms,
        policy: policy(account, case.region, &service).into(),
        description: format!("Default key that protects data of {service} when no other key is defined"),
        tags: BTreeMap::new(),
        material: Some(material::draw(env, &key, KeySpec::SymmetricDefault)?),
        managed_as: Some(alias),
        most_keys: case.settings.quotas.keys_per_account,
    };
    let again = Err(RespondError::Retry(Refusal::Stale(key)));
    let step = propose_then(case, env, Command::CreateKey(Box::new(create)), again);
    Ok(Some(step))
}

/// The alias, and the service's name, of an absent key that the call is about.
fn named(case: &Case<'_>) -> Option<(AliasName, String)> {
    let text = match &case.call.request {
        Request::DescribeKey(request) => &request.key_id,
        request => sealing_key_of_service(case, request)?,
    };
    let alias = match text.parse().ok()? {
        KeyRef::Alias(alias) => alias,
        KeyRef::AliasArn(arn) if arn.account == case.account() && arn.region == *case.region => arn.alias,
        _ => return None,
    };
    let service = alias.as_str().strip_prefix(PREFIX)?.to_owned();
    let wanted = case.settings.managed_services.contains(&service);
    (wanted && case.view.alias(case.account(), &alias).is_none()).then_some((alias, service))
}

/// The key that a service seals with for the account. Nothing can be opened with a key that does not exist.
fn sealing_key_of_service<'a>(case: &Case<'_>, request: &'a Request) -> Option<&'a String> {
    case.caller().service()?.on_behalf_of.as_ref()?.via_service.as_ref()?;
    match request {
        Request::Encrypt(request) => Some(&request.key_id),
        Request::GenerateDataKey(request) => Some(&request.key_id),
        Request::GenerateDataKeyWithoutPlaintext(request) => Some(&request.key_id),
        _ => None,
    }
}

/// The policy of the service's key, in AWS's own words [KMS:aws-managed-keys].
fn policy(account: AccountId, region: &Region, service: &str) -> String {
    let through = serde_json::json!({
        "Version": "2012-10-17",
        "Id": format!("auto-{service}-1"),
        "Statement": [
            {
                "Sid": format!("Allow access through {service} for all principals in the account that are authorized to use {service}"),
                "Effect": "Allow",
                "Principal": { "AWS": "*" },
                "Action": [
                    "kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:CreateGrant", "kms:DescribeKey"
                ],
                "Resource": "*",
                "Condition": {
                    "StringEquals": {
                        "kms:CallerAccount": account.to_string(),
                        "kms:ViaService": format!("{service}.{region}.amazonaws.com"),
                    }
                }
            },
            {
                "Sid": "Allow direct access to key metadata to the account",
                "Effect": "Allow",
                "Principal": { "AWS": account.root_arn() },
                "Action": ["kms:Describe*", "kms:Get*", "kms:List*"],
                "Resource": "*"
            }
        ]
    });
    through.to_string()
}
