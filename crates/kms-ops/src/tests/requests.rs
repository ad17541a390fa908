//! Requests with defaults, so that a test names only what it is about.

use kms_types::{
    AccountId, DataKeyPairSpec, EncapsulationAlgorithm, EncryptionContext, GrantId, GrantOperation,
    KeyAgreementAlgorithm, KeyId, KeySpec, KeyUsage, MacAlgorithm, MessageType, SigningAlgorithm,
};
use std::{collections::BTreeMap, fmt::Display};
use zeroize::Zeroizing;

use super::fixture::region;
use crate::{
    create_alias, create_grant, create_key, decrypt, delete_alias, describe_key, disable_key, enable_key,
    enable_key_rotation, encrypt, generate_data_key, get_key_rotation_status, list_grants,
    list_key_rotations, list_retirable_grants, put_key_policy, re_encrypt, replicate_key, retire_grant,
    revoke_grant, rotate_key_on_demand, schedule_key_deletion, update_alias, update_primary_region,
};

pub(super) fn create_key() -> create_key::Request {
    create_key::Request {
        policy: None,
        description: None,
        key_usage: None,
        customer_master_key_spec: None,
        key_spec: None,
        origin: None,
        custom_key_store_id: None,
        bypass_policy_lockout_safety_check: None,
        tags: Vec::new(),
        multi_region: false,
        xks_key_id: None,
    }
}

pub(super) fn describe(key: &impl Display) -> describe_key::Request {
    describe_key::Request { key_id: key.to_string(), grant_tokens: Vec::new() }
}

pub(super) fn encrypt(key: &impl Display, plaintext: &[u8]) -> encrypt::Request {
    encrypt::Request {
        key_id: key.to_string(),
        plaintext: Zeroizing::new(plaintext.to_vec()),
        encryption_context: EncryptionContext::default(),
        grant_tokens: Vec::new(),
        encryption_algorithm: None,
        dry_run: false,
    }
}

pub(super) fn decrypt(blob: &[u8]) -> decrypt::Request {
    decrypt::Request {
        ciphertext_blob: Some(blob.to_vec()),
        encryption_context: EncryptionContext::default(),
        grant_tokens: Vec::new(),
        key_id: None,
        encryption_algorithm: None,
        recipient: None,
        dry_run: false,
        dry_run_modifiers: Vec::new(),
    }
}

pub(super) fn re_encrypt(blob: &[u8], to: &impl Display) -> re_encrypt::Request {
    re_encrypt::Request {
        ciphertext_blob: Some(blob.to_vec()),
        source_encryption_context: EncryptionContext::default(),
        source_key_id: None,
        destination_key_id: to.to_string(),
        destination_encryption_context: EncryptionContext::default(),
        source_encryption_algorithm: None,
        destination_encryption_algorithm: None,
        grant_tokens: Vec::new(),
        dry_run: false,
        dry_run_modifiers: Vec::new(),
    }
}

pub(super) fn generate_data_key(key: &impl Display) -> generate_data_key::Request {
    generate_data_key::Request {
        key_id: key.to_string(),
        encryption_context: EncryptionContext::default(),
        number_of_bytes: None,
        key_spec: Some(kms_types::DataKeySpec::Aes256),
        grant_tokens: Vec::new(),
        recipient: None,
        dry_run: false,
    }
}

pub(super) fn context(pairs: &[(&str, &str)]) -> EncryptionContext {
    let pairs: BTreeMap<_, _> = pairs.iter().map(|(k, v)| (k.to_string(), v.to_string())).collect();
    EncryptionContext::new(pairs)
}

pub(super) fn enable(key: &impl Display) -> enable_key::Request {
    enable_key::Request { key_id: key.to_string() }
}

pub(super) fn disable(key: &impl Display) -> disable_key::Request {
    disable_key::Request { key_id: key.to_string() }
}

pub(super) fn schedule(key: &impl Display, days: Option<u32>) -> schedule_key_deletion::Request {
    schedule_key_deletion::Request { key_id: key.to_string(), pending_window_in_days: days }
}

pub(super) fn cancel(key: &impl Display) -> crate::cancel_key_deletion::Request {
    crate::cancel_key_deletion::Request { key_id: key.to_string() }
}

pub(super) fn create_alias(name: &str, key: &impl Display) -> create_alias::Request {
    create_alias::Request { alias_name: name.into(), target_key_id: key.to_string() }
}

pub(super) fn update_alias(name: &str, key: &impl Display) -> update_alias::Request {
    update_alias::Request { alias_name: name.into(), target_key_id: key.to_string() }
}

pub(super) fn delete_alias(name: &str) -> delete_alias::Request {
    delete_alias::Request { alias_name: name.into() }
}

pub(super) fn put_policy(key: &impl Display, policy: &str) -> put_key_policy::Request {
    put_key_policy::Request {
        key_id: key.to_string(),
        policy_name: None,
        policy: policy.into(),
        bypass_policy_lockout_safety_check: None,
    }
}

pub(super) fn enable_rotation(key: &impl Display, days: Option<u32>) -> enable_key_rotation::Request {
    enable_key_rotation::Request { key_id: key.to_string(), rotation_period_in_days: days }
}

pub(super) fn disable_rotation(key: &impl Display) -> crate::disable_key_rotation::Request {
    crate::disable_key_rotation::Request { key_id: key.to_string() }
}

pub(super) fn rotation_status(key: &impl Display) -> get_key_rotation_status::Request {
    get_key_rotation_status::Request { key_id: key.to_string() }
}

pub(super) fn rotate(key: &impl Display) -> rotate_key_on_demand::Request {
    rotate_key_on_demand::Request { key_id: key.to_string() }
}

pub(super) fn list_rotations(key: &impl Display) -> list_key_rotations::Request {
    list_key_rotations::Request {
        key_id: key.to_string(),
        include_key_material: None,
        limit: None,
        marker: None,
    }
}

pub(super) fn replicate(key: &KeyId, to: &str) -> replicate_key::Request {
    replicate_key::Request {
        key_id: key.to_string(),
        replica_region: region(to),
        policy: None,
        bypass_policy_lockout_safety_check: None,
        description: None,
        tags: Vec::new(),
    }
}

pub(super) fn update_primary(key: &impl Display, to: &str) -> update_primary_region::Request {
    update_primary_region::Request { key_id: key.to_string(), primary_region: region(to) }
}

pub(super) fn derive_shared_secret(key: &impl Display, peer: &[u8]) -> crate::derive_shared_secret::Request {
    crate::derive_shared_secret::Request {
        key_id: key.to_string(),
        key_agreement_algorithm: KeyAgreementAlgorithm::Ecdh,
        public_key: peer.to_vec(),
        grant_tokens: Vec::new(),
        dry_run: false,
        recipient: None,
    }
}

pub(super) fn encapsulate(key: &impl Display) -> crate::encapsulate::Request {
    crate::encapsulate::Request {
        key_id: key.to_string(),
        encapsulation_algorithm: EncapsulationAlgorithm::MlKem,
        grant_tokens: Vec::new(),
        dry_run: false,
    }
}

pub(super) fn decapsulate(key: &impl Display, blob: &[u8]) -> crate::decapsulate::Request {
    crate::decapsulate::Request {
        key_id: key.to_string(),
        shared_secret_ciphertext_blob: blob.to_vec(),
        encapsulation_algorithm: EncapsulationAlgorithm::MlKem,
        grant_tokens: Vec::new(),
        dry_run: false,
    }
}

pub(super) fn create_key_of(spec: KeySpec, usage: KeyUsage) -> create_key::Request {
    create_key::Request { key_spec: Some(spec), key_usage: Some(usage), ..create_key() }
}

pub(super) fn get_public_key(key: &impl Display) -> crate::get_public_key::Request {
    crate::get_public_key::Request { key_id: key.to_string(), grant_tokens: Vec::new() }
}

pub(super) fn sign(
    key: &impl Display,
    signing_algorithm: SigningAlgorithm,
    message_type: MessageType,
    message: &[u8],
) -> crate::sign::Request {
    crate::sign::Request {
        key_id: key.to_string(),
        message: Zeroizing::new(message.to_vec()),
        message_type: Some(message_type),
        grant_tokens: Vec::new(),
        signing_algorithm,
        dry_run: false,
    }
}

pub(super) fn verify(
    key: &impl Display,
    signing_algorithm: SigningAlgorithm,
    message_type: MessageType,
    message: &[u8],
    signature: &[u8],
) -> crate::verify::Request {
    crate::verify::Request {
        key_id: key.to_string(),
        message: Zeroizing::new(message.to_vec()),
        message_type: Some(message_type),
        signature: signature.to_vec(),
        signing_algorithm,
        grant_tokens: Vec::new(),
        dry_run: false,
    }
}

pub(super) fn generate_mac(key: &impl Display, mac_algorithm: MacAlgorithm) -> crate::generate_mac::Request {
    crate::generate_mac::Request {
        message: Zeroizing::new(b"x".to_vec()),
        key_id: key.to_string(),
        mac_algorithm,
        grant_tokens: Vec::new(),
        dry_run: false,
    }
}

pub(super) fn verify_mac(
    key: &impl Display,
    mac_algorithm: MacAlgorithm,
    mac: &[u8],
) -> crate::verify_mac::Request {
    crate::verify_mac::Request {
        message: Zeroizing::new(b"x".to_vec()),
        key_id: key.to_string(),
        mac_algorithm,
        mac: mac.to_vec(),
        grant_tokens: Vec::new(),
        dry_run: false,
    }
}

pub(super) fn generate_data_key_pair(
    key: &impl Display,
    key_pair_spec: DataKeyPairSpec,
) -> crate::generate_data_key_pair::Request {
    crate::generate_data_key_pair::Request {
        encryption_context: context(&[("purpose", "pair")]),
        key_id: key.to_string(),
        key_pair_spec,
        grant_tokens: Vec::new(),
        recipient: None,
        dry_run: false,
    }
}

/// To the root of `grantee`, retired by nobody.
pub(super) fn create_grant(
    key: &impl Display,
    grantee: &str,
    operations: &[GrantOperation],
) -> create_grant::Request {
    create_grant::Request {
        key_id: key.to_string(),
        grantee_principal: Some(root_arn(grantee)),
        grantee_service_principal: None,
        retiring_principal: None,
        retiring_service_principal: None,
        operations: operations.to_vec(),
        constraints: None,
        grant_tokens: Vec::new(),
        name: None,
        dry_run: false,
    }
}

pub(super) fn root_arn(account: &str) -> String {
    account.parse::<AccountId>().unwrap().root_arn()
}

pub(super) fn list_grants(key: &impl Display) -> list_grants::Request {
    list_grants::Request {
        key_id: key.to_string(),
        grant_id: None,
        grantee_principal: None,
        grantee_service_principal: None,
        limit: None,
        marker: None,
    }
}

pub(super) fn list_retirable(account: &str) -> list_retirable_grants::Request {
    list_retirable_grants::Request {
        retiring_principal: Some(root_arn(account)),
        retiring_service_principal: None,
        limit: None,
        marker: None,
    }
}

pub(super) fn retire(key: &impl Display, grant: &GrantId) -> retire_grant::Request {
    retire_grant::Request {
        grant_token: None,
        key_id: Some(key.to_string()),
        grant_id: Some(grant.to_string()),
        dry_run: false,
    }
}

pub(super) fn retire_by_token(token: &str) -> retire_grant::Request {
    retire_grant::Request { grant_token: Some(token.into()), key_id: None, grant_id: None, dry_run: false }
}

pub(super) fn revoke(key: &impl Display, grant: &GrantId) -> revoke_grant::Request {
    revoke_grant::Request { key_id: key.to_string(), grant_id: grant.to_string(), dry_run: false }
}
