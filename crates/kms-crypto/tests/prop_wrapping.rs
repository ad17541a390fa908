//! Properties of the key hierarchy: root key, domain key, material.

mod support;

use kms_crypto::{DomainKey, KeyMaterial, RootKey, commitment, material_id};
use kms_types::KeyId;
use proptest::prelude::*;
use support::{Seeded, key_id, shared_secret_spec};

/// Equal commitments mean equal material, which nothing outside the crate can read.
fn same(key: &KeyId, a: &KeyMaterial, b: &KeyMaterial) -> bool {
    commitment(key, a) == commitment(key, b)
}

proptest! {
    #[test]
    fn material_survives_the_whole_hierarchy(seed: u64, version in 1..u32::MAX, key in key_id(), spec in shared_secret_spec()) {
        let entropy = &mut Seeded::new(seed);
        let (root, domain) = (RootKey::generate(entropy), DomainKey::generate(version, entropy));
        let material = KeyMaterial::generate(spec, entropy).unwrap();
        let id = material_id(&key, &material);
        let wrapped = domain.wrap(&key, &id, &material, entropy);
        let restored = root.unwrap_domain_key(&root.wrap_domain_key(&domain, entropy)).unwrap();
        prop_assert_eq!(restored.version(), version);
        let unwrapped = restored.unwrap_key(&key, spec, &id, &wrapped).unwrap();
        prop_assert!(same(&key, &material, &unwrapped));
    }

    #[test]
    fn wrapped_material_opens_under_its_own_key_only(seed: u64, keys in (key_id(), key_id()), spec in shared_secret_spec()) {
        prop_assume!(keys.0 != keys.1);
        let entropy = &mut Seeded::new(seed);
        let domain = DomainKey::generate(1, entropy);
        let material = KeyMaterial::generate(spec, entropy).unwrap();
        let id = material_id(&keys.0, &material);
        let wrapped = domain.wrap(&keys.0, &id, &material, entropy);
        prop_assert!(domain.unwrap_key(&keys.1, spec, &id, &wrapped).is_err());
    }

    #[test]
    fn any_changed_part_of_a_wrapped_material_is_refused(
        seed: u64,
        key in key_id(),
        spec in shared_secret_spec(),
        at: prop::sample::Index,
        flip in 1..=255u8,
    ) {
        let entropy = &mut Seeded::new(seed);
        let domain = DomainKey::generate(1, entropy);
        let material = KeyMaterial::generate(spec, entropy).unwrap();
        let id = material_id(&key, &material);
        let mut wrapped = domain.wrap(&key, &id, &material, entropy);
        let nonce_bytes = wrapped.nonce.len();
        match at.index(nonce_bytes + wrapped.sealed.len()) {
            i if i < nonce_bytes => wrapped.nonce[i] ^= flip,
            i => wrapped.sealed[i - nonce_bytes] ^= flip,
        }
        prop_assert!(domain.unwrap_key(&key, spec, &id, &wrapped).is_err());
    }
}
