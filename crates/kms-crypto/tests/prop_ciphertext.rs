//! Properties of the ciphertext blob (E2, E3, H1).

mod support;

use kms_crypto::{CryptoError, Header, SealRequest, ciphertext, material_id};
use kms_types::limits::{MAX_CIPHERTEXT_BYTES, MAX_PLAINTEXT_BYTES};
use proptest::prelude::*;
use support::{Seeded, context, key_id, symmetric};

proptest! {
    #[test]
    fn what_is_sealed_opens(
        seed: u64,
        key_id in key_id(),
        binding in ".{0,80}",
        context in context(),
        plaintext in prop::collection::vec(any::<u8>(), 0..=MAX_PLAINTEXT_BYTES),
    ) {
        let entropy = &mut Seeded::new(seed);
        let material = symmetric(entropy);
        let material_id = material_id(&key_id, &material);
        let request = SealRequest { key_id, material_id, binding: &binding, context: &context };
        let blob = ciphertext::seal(&request, &material, &plaintext, entropy).unwrap();
        prop_assert!(blob.len() <= MAX_CIPHERTEXT_BYTES);
        prop_assert_eq!(Header::parse(&blob), Ok(Header { key_id, material_id }));
        let opened = ciphertext::open(&request, &material, &blob).unwrap();
        prop_assert_eq!(opened.as_slice(), plaintext.as_slice());
    }

    #[test]
    fn any_changed_byte_fails_with_the_one_error(
        seed: u64,
        key_id in key_id(),
        context in context(),
        plaintext in prop::collection::vec(any::<u8>(), 0..200),
        at: prop::sample::Index,
        flip in 1..=255u8,
    ) {
        let entropy = &mut Seeded::new(seed);
        let material = symmetric(entropy);
        let material_id = material_id(&key_id, &material);
        let request = SealRequest { key_id, material_id, binding: "owner", context: &context };
        let mut blob = ciphertext::seal(&request, &material, &plaintext, entropy).unwrap();
        let at = at.index(blob.len());
        blob[at] ^= flip;
        let refused = ciphertext::open(&request, &material, &blob).unwrap_err();
        prop_assert_eq!(refused, CryptoError::InvalidCiphertext);
    }

    #[test]
    fn two_contexts_open_each_other_only_when_equal(
        seed: u64,
        key_id in key_id(),
        (sealed_under, opened_under) in (context(), context()),
    ) {
        let entropy = &mut Seeded::new(seed);
        let material = symmetric(entropy);
        let material_id = material_id(&key_id, &material);
        let request = SealRequest { key_id, material_id, binding: "owner", context: &sealed_under };
        let blob = ciphertext::seal(&request, &material, b"x", entropy).unwrap();
        let opened = ciphertext::open(&SealRequest { context: &opened_under, ..request }, &material, &blob);
        prop_assert_eq!(opened.is_ok(), sealed_under == opened_under);
    }

    #[test]
    fn arbitrary_bytes_never_panic(
        mut blob in prop::collection::vec(any::<u8>(), 0..300),
        start in prop::collection::vec(0..4u8, 0..4),
        key_id in key_id(),
        context in context(),
    ) {
        // Small first bytes reach past the version, suite and kind checks.
        blob.iter_mut().zip(&start).for_each(|(to, from)| *to = *from);
        if let Ok(header) = Header::parse(&blob) {
            let material = symmetric(&mut Seeded::new(1));
            let (key_id, material_id) = (header.key_id, header.material_id);
            let request = SealRequest { key_id, material_id, binding: "owner", context: &context };
            prop_assert!(ciphertext::open(&request, &material, &blob).is_err());
        }
        let material = symmetric(&mut Seeded::new(1));
        let material_id = material_id(&key_id, &material);
        let request = SealRequest { key_id, material_id, binding: "owner", context: &context };
        prop_assert!(ciphertext::open(&request, &material, &blob).is_err());
    }
}
