//! Keys of every spec and usage, through the real operations.

use kms_types::{
    DataKeyPairSpec, EncryptionAlgorithm, KeyId, KeySpec, KeyUsage, MacAlgorithm, MessageType,
    SigningAlgorithm,
};
use zeroize::Zeroizing;

use super::{
    fixture::{FOREIGN, Fixture},
    requests::*,
};
use crate::{Error, Request, Response, Weight};

fn answer<T>(response: Result<Response, Error>, take: impl FnOnce(Response) -> Option<T>) -> T {
    response.map(take).unwrap().expect("the answer of another operation")
}

macro_rules! take {
    ($operation:ident) => {
        |response| match response {
            Response::$operation(response) => Some(response),
            _ => None,
        }
    };
}

fn public_key(f: &mut Fixture, key: &KeyId) -> Vec<u8> {
    answer(f.call(get_public_key(key)), take!(GetPublicKey)).public_key
}

/// Every spec but SM2 and the slow RSA sizes, with every usage it has.
fn specs() -> impl Iterator<Item = (KeySpec, KeyUsage)> {
    let fast = |spec: &&KeySpec| !matches!(spec, KeySpec::Sm2 | KeySpec::Rsa3072 | KeySpec::Rsa4096);
    KeySpec::ALL.iter().filter(fast).flat_map(|spec| spec.usages().iter().map(|usage| (*spec, *usage)))
}

#[test]
fn keys_of_every_spec_and_usage_are_made_and_described() {
    let mut f = Fixture::new();
    for (spec, usage) in specs() {
        for multi_region in [false, true] {
            let request = crate::create_key::Request { multi_region, ..create_key_of(spec, usage) };
            let key = f.create(request);
            assert_eq!((key.key_spec, key.key_usage), (spec, usage));
            assert_eq!(key.current_key_material_id.is_some(), spec == KeySpec::SymmetricDefault);
            let stored = f.key(&key.key_id);
            assert_eq!(stored.materials[0].public_key.is_some(), spec.is_asymmetric(), "{spec}");
            let shown = f.call(get_public_key(&key.key_id));
            match spec.is_asymmetric() {
                true => assert_eq!(
                    Some(answer(shown, take!(GetPublicKey)).public_key),
                    stored.materials[0].public_key
                ),
                false => assert!(matches!(shown, Err(Error::NoPublicKey { .. }))),
            }
        }
    }
}

#[test]
fn a_usage_that_does_not_fit_and_sm2_are_refused() {
    let mut f = Fixture::new();
    for &spec in KeySpec::ALL {
        for &usage in KeyUsage::ALL.iter().filter(|usage| !spec.usages().contains(usage)) {
            let error = f.call(create_key_of(spec, usage)).unwrap_err();
            let text = format!("KeyUsage {usage} is not compatible with KeySpec {spec}");
            assert_eq!(error, Error::Validation(text));
        }
    }
    let error = f.call(create_key_of(KeySpec::Sm2, KeyUsage::SignVerify)).unwrap_err();
    assert!(matches!(error, Error::Unsupported(_)));
    let without = crate::create_key::Request {
        key_usage: None,
        ..create_key_of(KeySpec::Hmac256, KeyUsage::SignVerify)
    };
    assert!(matches!(f.call(without), Err(Error::Validation(_))));
}

#[test]
fn signatures_verify_and_changed_ones_do_not() {
    let mut f = Fixture::new();
    for (spec, _) in specs().filter(|(_, usage)| *usage == KeyUsage::SignVerify) {
        let key = f.create(create_key_of(spec, KeyUsage::SignVerify)).key_id;
        for &algorithm in spec.signing_algorithms(KeyUsage::SignVerify) {
            for &message_type in algorithm.message_types() {
                let message = vec![7; algorithm.digest_bytes()];
                let signing = sign(&key, algorithm, message_type, &message);
                let signature = answer(f.call(signing), take!(Sign)).signature;
                let request = verify(&key, algorithm, message_type, &message, &signature);
                f.call(request.clone()).unwrap();
                let other = Zeroizing::new(vec![8; algorithm.digest_bytes()]);
                for wrong in [
                    crate::verify::Request { message: other, ..request.clone() },
                    crate::verify::Request { signature: signature[1..].to_vec(), ..request.clone() },
                    crate::verify::Request { signature: vec![0], ..request.clone() },
                ] {
                    assert_eq!(f.call(wrong).unwrap_err(), Error::InvalidSignature, "{algorithm}");
                }
            }
        }
    }
}

#[test]
fn messages_are_what_the_algorithm_takes() {
    let mut f = Fixture::new();
    let mut refusal = |spec: KeySpec, algorithm, message_type, length: usize| {
        let key = f.create(create_key_of(spec, KeyUsage::SignVerify)).key_id;
        f.call(sign(&key, algorithm, message_type, &vec![0; length])).unwrap_err()
    };
    use {MessageType as M, SigningAlgorithm as A};
    let text = "Digest is invalid length for algorithm ECDSA_SHA_256.";
    assert_eq!(refusal(KeySpec::EccNistP256, A::EcdsaSha256, M::Digest, 31), Error::Validation(text.into()));
    let unfit = [
        (KeySpec::EccNistP256, A::EcdsaSha256, M::ExternalMu, 64),
        (KeySpec::EccNistEdwards25519, A::Ed25519Sha512, M::Digest, 64),
        (KeySpec::EccNistEdwards25519, A::Ed25519PhSha512, M::Raw, 64),
        (KeySpec::MlDsa44, A::MlDsaShake256, M::Digest, 64),
        (KeySpec::MlDsa44, A::MlDsaShake256, M::ExternalMu, 63),
        (KeySpec::MlDsa44, A::MlDsaShake256, M::Raw, 4097),
    ];
    for (spec, algorithm, message_type, length) in unfit {
        let error = refusal(spec, algorithm, message_type, length);
        assert!(matches!(error, Error::Validation(_)), "{algorithm} {message_type}: {error}");
    }
    let error = refusal(KeySpec::EccNistP256, A::EcdsaSha384, M::Raw, 1);
    assert_eq!(
        error,
        Error::IncompatibleAlgorithm { algorithm: "ECDSA_SHA_384", spec: KeySpec::EccNistP256 }
    );
}

#[test]
fn macs_verify_with_the_one_algorithm_of_the_key() {
    let mut f = Fixture::new();
    let specs = [KeySpec::Hmac224, KeySpec::Hmac256, KeySpec::Hmac384, KeySpec::Hmac512];
    for (spec, algorithm) in specs.into_iter().zip(MacAlgorithm::ALL.iter().copied()) {
        let key = f.create(create_key_of(spec, KeyUsage::GenerateVerifyMac)).key_id;
        let mac = answer(f.call(generate_mac(&key, algorithm)), take!(GenerateMac)).mac;
        assert_eq!(mac.len(), algorithm.mac_bytes());
        f.call(verify_mac(&key, algorithm, &mac)).unwrap();
        for wrong in [&mac[1..], &[0; 64]] {
            assert_eq!(f.call(verify_mac(&key, algorithm, wrong)).unwrap_err(), Error::InvalidMac);
        }
        let other = MacAlgorithm::ALL.iter().find(|other| **other != algorithm).unwrap();
        let error = f.call(generate_mac(&key, *other)).unwrap_err();
        assert!(matches!(error, Error::IncompatibleAlgorithm { .. }), "{error}");
    }
}

#[test]
fn rsa_keys_encrypt_within_their_limits_and_without_a_context() {
    let mut f = Fixture::new();
    let key = f.create(create_key_of(KeySpec::Rsa2048, KeyUsage::EncryptDecrypt)).key_id;
    for (algorithm, most) in
        [(EncryptionAlgorithm::RsaesOaepSha1, 214), (EncryptionAlgorithm::RsaesOaepSha256, 190)]
    {
        let encrypting = |length: usize| crate::encrypt::Request {
            encryption_algorithm: Some(algorithm),
            ..encrypt(&key, &vec![1; length])
        };
        let sealed = answer(f.call(encrypting(most)), take!(Encrypt));
        assert_eq!((sealed.ciphertext_blob.len(), sealed.encryption_algorithm), (256, algorithm));
        assert_eq!(f.facts.key_material_id, None);
        let decrypting = crate::decrypt::Request {
            key_id: Some(key.to_string()),
            encryption_algorithm: Some(algorithm),
            ..decrypt(&sealed.ciphertext_blob)
        };
        let opened = answer(f.call(decrypting.clone()), take!(Decrypt));
        assert_eq!((opened.plaintext.bytes().len(), opened.key_material_id), (most, None));
        let text = format!(
            "Algorithm {algorithm} and key spec RSA_2048 cannot encrypt data larger than {most} bytes."
        );
        assert_eq!(f.call(encrypting(most + 1)).unwrap_err(), Error::Validation(text));
        let nameless = crate::decrypt::Request { key_id: None, ..decrypting.clone() };
        assert_eq!(f.call(nameless).unwrap_err(), Error::InvalidCiphertext);
        let defaulted = crate::decrypt::Request { encryption_algorithm: None, ..decrypting.clone() };
        assert_eq!(f.call(defaulted).unwrap_err(), Error::InvalidCiphertext);
        let with_context =
            crate::decrypt::Request { encryption_context: context(&[("a", "b")]), ..decrypting.clone() };
        assert!(matches!(f.call(with_context), Err(Error::Validation(_))));
        let with_context =
            crate::encrypt::Request { encryption_context: context(&[("a", "b")]), ..encrypting(1) };
        assert!(matches!(f.call(with_context), Err(Error::Validation(_))));
        let spoilt = crate::decrypt::Request { ciphertext_blob: Some(vec![1; 256]), ..decrypting };
        assert_eq!(f.call(spoilt).unwrap_err(), Error::InvalidCiphertext);
    }
    let error = f.call(encrypt(&key, b"x")).unwrap_err();
    assert!(matches!(error, Error::IncompatibleAlgorithm { algorithm: "SYMMETRIC_DEFAULT", .. }));
    assert!(matches!(f.call(generate_data_key(&key)), Err(Error::IncompatibleAlgorithm { .. })));
}

/// Section 1.8: which key a symmetric blob belongs to is asked before what the named key is for.
#[test]
fn a_symmetric_blob_with_a_signing_key_is_the_wrong_key() {
    let mut f = Fixture::new();
    let symmetric = f.single().key_id;
    let signing = f.create(create_key_of(KeySpec::EccNistP256, KeyUsage::SignVerify)).key_id;
    let blob = answer(f.call(encrypt(&symmetric, b"x")), take!(Encrypt)).ciphertext_blob;
    let named = crate::decrypt::Request { key_id: Some(signing.to_string()), ..decrypt(&blob) };
    assert_eq!(f.call(named).unwrap_err(), Error::IncorrectKey);
    let asymmetric = crate::decrypt::Request {
        key_id: Some(symmetric.to_string()),
        encryption_algorithm: Some(EncryptionAlgorithm::RsaesOaepSha256),
        ..decrypt(&blob)
    };
    assert!(matches!(f.call(asymmetric), Err(Error::IncompatibleAlgorithm { .. })));
}

#[test]
fn re_encrypt_mixes_symmetric_and_rsa_keys() {
    let mut f = Fixture::new();
    let symmetric = f.single();
    let rsa = f.create(create_key_of(KeySpec::Rsa2048, KeyUsage::EncryptDecrypt)).key_id;
    let algorithm = Some(EncryptionAlgorithm::RsaesOaepSha256);
    let blob = answer(f.call(encrypt(&symmetric.key_id, b"x")), take!(Encrypt)).ciphertext_blob;
    let to_rsa =
        crate::re_encrypt::Request { destination_encryption_algorithm: algorithm, ..re_encrypt(&blob, &rsa) };
    let there = answer(f.call(to_rsa.clone()), take!(ReEncrypt));
    assert_eq!(there.source_key_material_id, symmetric.current_key_material_id);
    assert_eq!(there.destination_key_material_id, None);
    let back = crate::re_encrypt::Request {
        source_key_id: Some(rsa.to_string()),
        source_encryption_algorithm: algorithm,
        ..re_encrypt(&there.ciphertext_blob, &symmetric.key_id)
    };
    let back = answer(f.call(back), take!(ReEncrypt));
    assert_eq!(
        (back.source_key_material_id, back.destination_key_material_id),
        (None, symmetric.current_key_material_id)
    );
    let opened = answer(f.call(decrypt(&back.ciphertext_blob)), take!(Decrypt));
    assert_eq!(opened.plaintext.bytes(), b"x");
    let with_context =
        crate::re_encrypt::Request { destination_encryption_context: context(&[("a", "b")]), ..to_rsa };
    assert!(matches!(f.call(with_context), Err(Error::Validation(_))));
}

#[test]
fn two_parties_derive_one_secret_and_a_foreign_curve_is_refused_in_silence() {
    let mut f = Fixture::new();
    for (spec, bytes) in [(KeySpec::EccNistP256, 32), (KeySpec::EccNistP384, 48), (KeySpec::EccNistP521, 66)]
    {
        let mut key = || f.create(create_key_of(spec, KeyUsage::KeyAgreement)).key_id;
        let (one, two) = (key(), key());
        let (public_one, public_two) = (public_key(&mut f, &one), public_key(&mut f, &two));
        let mut derive = |key: &KeyId, peer: &[u8]| {
            answer(f.call(derive_shared_secret(key, peer)), take!(DeriveSharedSecret)).shared_secret
        };
        let secret = derive(&one, &public_two);
        assert!(secret.bytes().len() == bytes && secret == derive(&two, &public_one));
        let other = if spec == KeySpec::EccNistP256 { KeySpec::EccNistP384 } else { KeySpec::EccNistP256 };
        let other = f.create(create_key_of(other, KeyUsage::KeyAgreement)).key_id;
        for peer in [public_key(&mut f, &other), b"no key".to_vec(), public_two[1..].to_vec()] {
            assert_eq!(f.call(derive_shared_secret(&one, &peer)).unwrap_err(), Error::UnusablePeerKey);
        }
    }
}

#[test]
fn what_is_encapsulated_decapsulates_and_only_a_wrong_length_is_an_error() {
    let mut f = Fixture::new();
    for spec in [KeySpec::MlKem512, KeySpec::MlKem768, KeySpec::MlKem1024] {
        let key = f.create(create_key_of(spec, KeyUsage::EncapsulateDecapsulate)).key_id;
        let made = answer(f.call(encapsulate(&key)), take!(Encapsulate));
        let mut blob = made.shared_secret_ciphertext_blob;
        let opened = answer(f.call(decapsulate(&key, &blob)), take!(Decapsulate));
        assert!(opened.shared_secret == made.shared_secret && opened.shared_secret.len() == 32);
        assert_eq!(f.call(decapsulate(&key, &blob[1..])).unwrap_err(), Error::InvalidCiphertext);
        blob[0] ^= 1;
        let other = answer(f.call(decapsulate(&key, &blob)), take!(Decapsulate));
        assert!(other.shared_secret != made.shared_secret);
    }
}

#[test]
fn data_key_pairs_open_to_their_private_key() {
    let mut f = Fixture::new();
    let key = f.single();
    let slow = [DataKeyPairSpec::Rsa3072, DataKeyPairSpec::Rsa4096, DataKeyPairSpec::Sm2];
    for &spec in DataKeyPairSpec::ALL.iter().filter(|spec| !slow.contains(spec)) {
        let request = generate_data_key_pair(&key.key_id, spec);
        let pair = answer(f.call(request.clone()), take!(GenerateDataKeyPair));
        assert_eq!(Some(pair.key_material_id), key.current_key_material_id);
        let opening = crate::decrypt::Request {
            encryption_context: request.encryption_context,
            ..decrypt(&pair.private_key_ciphertext_blob)
        };
        assert!(answer(f.call(opening), take!(Decrypt)).plaintext == pair.private_key_plaintext, "{spec}");
    }
    let sm2 = f.call(generate_data_key_pair(&key.key_id, DataKeyPairSpec::Sm2));
    assert!(matches!(sm2, Err(Error::Unsupported(_))));
}

/// Every operation with every key that it is not for: usage is named, and nothing else is looked at first.
#[test]
fn a_key_for_something_else_is_refused_by_its_usage() {
    let mut f = Fixture::new();
    for (spec, usage) in specs().filter(|(spec, _)| *spec != KeySpec::MlDsa87) {
        let key = f.create(create_key_of(spec, usage)).key_id;
        for (needed, request) in uses(&key) {
            if needed == usage {
                continue;
            }
            let operation = request.operation();
            let error = f.call(request).unwrap_err();
            let Error::InvalidKeyUsage { usage: named, operation: refused, .. } = error else {
                panic!("{operation} on {spec}: {error}")
            };
            assert_eq!((named, refused), (usage, operation));
        }
    }
}

fn uses(key: &KeyId) -> Vec<(KeyUsage, Request)> {
    let signing = SigningAlgorithm::EcdsaSha256;
    vec![
        (KeyUsage::EncryptDecrypt, encrypt(key, b"x").into()),
        (KeyUsage::EncryptDecrypt, generate_data_key(key).into()),
        (KeyUsage::EncryptDecrypt, generate_data_key_pair(key, DataKeyPairSpec::EccNistP256).into()),
        (KeyUsage::SignVerify, sign(key, signing, MessageType::Raw, b"x").into()),
        (KeyUsage::SignVerify, verify(key, signing, MessageType::Raw, b"x", b"x").into()),
        (KeyUsage::GenerateVerifyMac, generate_mac(key, MacAlgorithm::HmacSha256).into()),
        (KeyUsage::GenerateVerifyMac, verify_mac(key, MacAlgorithm::HmacSha256, b"x").into()),
        (KeyUsage::KeyAgreement, derive_shared_secret(key, b"x").into()),
        (KeyUsage::EncapsulateDecapsulate, encapsulate(key).into()),
        (KeyUsage::EncapsulateDecapsulate, decapsulate(key, b"x").into()),
    ]
}

#[test]
fn a_dry_run_ends_as_the_call_would() {
    let mut f = Fixture::new();
    let mut key = |spec, usage| f.create(create_key_of(spec, usage)).key_id;
    let signing = key(KeySpec::EccNistP256, KeyUsage::SignVerify);
    let mac = key(KeySpec::Hmac256, KeyUsage::GenerateVerifyMac);
    let agreement = key(KeySpec::EccNistP256, KeyUsage::KeyAgreement);
    let kem = key(KeySpec::MlKem512, KeyUsage::EncapsulateDecapsulate);
    let symmetric = f.single().key_id;
    let peer = public_key(&mut f, &agreement);
    let blob = answer(f.call(encapsulate(&kem)), take!(Encapsulate)).shared_secret_ciphertext_blob;
    let algorithm = SigningAlgorithm::EcdsaSha256;
    let signed = sign(&signing, algorithm, MessageType::Raw, b"x");
    let signature = answer(f.call(signed.clone()), take!(Sign)).signature;
    let dry_verify = |signature: &[u8]| crate::verify::Request {
        dry_run: true,
        ..verify(&signing, algorithm, MessageType::Raw, b"x", signature)
    };
    let tag = answer(f.call(generate_mac(&mac, MacAlgorithm::HmacSha256)), take!(GenerateMac)).mac;
    let dry_mac = |tag: &[u8]| crate::verify_mac::Request {
        dry_run: true,
        ..verify_mac(&mac, MacAlgorithm::HmacSha256, tag)
    };
    let dry_derive = |peer: &[u8]| crate::derive_shared_secret::Request {
        dry_run: true,
        ..derive_shared_secret(&agreement, peer)
    };
    let dry_open = |blob: &[u8]| crate::decapsulate::Request { dry_run: true, ..decapsulate(&kem, blob) };
    let pair = generate_data_key_pair(&symmetric, DataKeyPairSpec::Rsa4096);
    let good: Vec<Request> = vec![
        crate::sign::Request { dry_run: true, ..signed }.into(),
        dry_verify(&signature).into(),
        crate::generate_mac::Request { dry_run: true, ..generate_mac(&mac, MacAlgorithm::HmacSha256) }.into(),
        dry_mac(&tag).into(),
        dry_derive(&peer).into(),
        crate::encapsulate::Request { dry_run: true, ..encapsulate(&kem) }.into(),
        dry_open(&blob).into(),
        crate::generate_data_key_pair::Request { dry_run: true, ..pair }.into(),
    ];
    for request in good {
        let operation = request.operation();
        assert_eq!(f.call(request).unwrap_err(), Error::DryRun, "{operation}");
    }
    let bad: Vec<(Request, Error)> = vec![
        (dry_verify(b"x").into(), Error::InvalidSignature),
        (dry_mac(b"x").into(), Error::InvalidMac),
        (dry_derive(b"x").into(), Error::UnusablePeerKey),
        (dry_open(b"x").into(), Error::InvalidCiphertext),
    ];
    for (request, error) in bad {
        assert_eq!(f.call(request).unwrap_err(), error);
    }
}

#[test]
fn keys_that_cannot_rotate_say_so() {
    let mut f = Fixture::new();
    for (spec, usage) in
        [(KeySpec::EccNistP256, KeyUsage::SignVerify), (KeySpec::Hmac256, KeyUsage::GenerateVerifyMac)]
    {
        for multi_region in [false, true] {
            let request = crate::create_key::Request { multi_region, ..create_key_of(spec, usage) };
            let key = f.create(request).key_id;
            let refused: Vec<Request> = vec![
                enable_rotation(&key, None).into(),
                disable_rotation(&key).into(),
                rotate(&key).into(),
                list_rotations(&key).into(),
            ];
            for request in refused {
                assert!(matches!(f.call(request), Err(Error::CannotRotate { .. })));
            }
            let status = answer(f.call(rotation_status(&key)), take!(GetKeyRotationStatus));
            assert!(!status.key_rotation_enabled);
            f.call(disable(&key)).unwrap();
            assert!(matches!(f.call(rotate(&key)), Err(Error::Disabled { .. })), "state before type");
        }
    }
}

#[test]
fn an_alias_stays_with_its_kind_of_key() {
    let mut f = Fixture::new();
    let mut key = |spec, usage| f.create(create_key_of(spec, usage)).key_id;
    let symmetric = key(KeySpec::SymmetricDefault, KeyUsage::EncryptDecrypt);
    let rsa = key(KeySpec::Rsa2048, KeyUsage::EncryptDecrypt);
    let (p256, p384) =
        (key(KeySpec::EccNistP256, KeyUsage::SignVerify), key(KeySpec::EccNistP384, KeyUsage::SignVerify));
    f.call(create_alias("alias/a", &symmetric)).unwrap();
    f.call(create_alias("alias/b", &p256)).unwrap();
    assert!(matches!(f.call(update_alias("alias/a", &rsa)), Err(Error::Validation(_))));
    assert!(matches!(f.call(update_alias("alias/a", &p256)), Err(Error::Validation(_))));
    assert!(matches!(f.call(update_alias("alias/b", &rsa)), Err(Error::Validation(_))));
    f.call(update_alias("alias/b", &p384)).unwrap();
}

/// A replica holds the same private key and the same public key, which never left the first Region in the clear.
#[test]
fn a_replica_signs_and_verifies_like_its_primary() {
    let (spec, usage) = (KeySpec::EccNistP256, KeyUsage::SignVerify);
    let request = crate::create_key::Request { multi_region: true, ..create_key_of(spec, usage) };
    let (mut primary, mut replica, key) = Fixture::replicated_of(request);
    assert_eq!(public_key(&mut primary, &key), public_key(&mut replica, &key));
    let algorithm = SigningAlgorithm::EcdsaSha256;
    let signed = sign(&key, algorithm, MessageType::Raw, b"x");
    let signature = answer(replica.call(signed), take!(Sign)).signature;
    primary.call(verify(&key, algorithm, MessageType::Raw, b"x", &signature)).unwrap();
}

/// Section 1.6: nothing of a foreign key shows, whatever is asked of it.
#[test]
fn keys_of_other_accounts_need_their_policy() {
    let mut f = Fixture::new();
    let key = f.create(create_key_of(KeySpec::EccNistP256, KeyUsage::SignVerify));
    let mut request = sign(&key.arn, SigningAlgorithm::EcdsaSha256, MessageType::Raw, b"x");
    assert!(matches!(f.call_as(FOREIGN, request.clone()), Err(Error::AccessDenied { .. })));
    let policy = format!(
        r#"{{"Statement":[{{"Effect":"Allow","Principal":"*","Action":"kms:*","Resource":"*","Condition":{{"StringEquals":{{"kms:CallerAccount":"{}"}}}}}},
           {{"Effect":"Allow","Principal":{{"AWS":"{FOREIGN}"}},"Action":"kms:Sign","Resource":"*","Condition":{{"StringEquals":{{"kms:MessageType":"RAW","kms:SigningAlgorithm":"ECDSA_SHA_256"}}}}}}]}}"#,
        super::fixture::OWN
    );
    f.call(put_policy(&key.key_id, &policy)).unwrap();
    f.call_as(FOREIGN, request.clone()).unwrap();
    request.message_type = Some(MessageType::Digest);
    request.message = Zeroizing::new(vec![0; 32]);
    assert!(matches!(f.call_as(FOREIGN, request), Err(Error::AccessDenied { .. })));
}

#[test]
fn only_work_with_private_rsa_keys_is_heavy() {
    let algorithm = EncryptionAlgorithm::RsaesOaepSha1;
    let rsa = |spec, usage| Request::from(create_key_of(spec, usage)).weight();
    assert_eq!(rsa(KeySpec::Rsa4096, KeyUsage::SignVerify), Weight::Heavy);
    assert_eq!(rsa(KeySpec::EccNistP521, KeyUsage::SignVerify), Weight::Light);
    let old = crate::create_key::Request { customer_master_key_spec: Some(KeySpec::Rsa2048), ..create_key() };
    assert_eq!(Request::from(old).weight(), Weight::Heavy);
    let pair = |spec| Request::from(generate_data_key_pair(&"k", spec)).weight();
    assert_eq!(pair(DataKeyPairSpec::Rsa2048), Weight::Heavy);
    assert_eq!(pair(DataKeyPairSpec::MlKem1024), Weight::Light);
    let signing = |algorithm| Request::from(sign(&"k", algorithm, MessageType::Raw, b"x")).weight();
    assert_eq!(signing(SigningAlgorithm::RsassaPssSha256), Weight::Heavy);
    assert_eq!(signing(SigningAlgorithm::MlDsaShake256), Weight::Light);
    let opening = crate::decrypt::Request { encryption_algorithm: Some(algorithm), ..decrypt(b"x") };
    assert_eq!(Request::from(opening).weight(), Weight::Heavy);
    assert_eq!(Request::from(decrypt(b"x")).weight(), Weight::Light);
    let sealing = crate::encrypt::Request { encryption_algorithm: Some(algorithm), ..encrypt(&"k", b"x") };
    assert_eq!(Request::from(sealing).weight(), Weight::Light);
}
