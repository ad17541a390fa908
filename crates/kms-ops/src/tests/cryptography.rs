use kms_types::{DryRunModifier, EncryptionAlgorithm, KeyMaterialState};

use super::{
    fixture::{FOREIGN, Fixture},
    requests::{
        context, create_alias, decrypt, disable, encrypt, generate_data_key, list_rotations, re_encrypt,
        rotate,
    },
};
use crate::{Denial, Error, Recipient, Response, generate_random};

fn sealed(fixture: &mut Fixture, request: crate::encrypt::Request) -> Vec<u8> {
    match fixture.call(request) {
        Ok(Response::Encrypt(response)) => response.ciphertext_blob,
        other => panic!("{other:?}"),
    }
}

fn opened(response: Result<Response, Error>) -> crate::decrypt::Response {
    match response {
        Ok(Response::Decrypt(response)) => response,
        other => panic!("{other:?}"),
    }
}

#[test]
fn encrypt_and_decrypt_by_every_form_of_the_key_id() {
    let mut f = Fixture::new();
    for key in [f.single(), f.multi()] {
        let alias = format!("alias/{}", key.key_id);
        f.call(create_alias(&alias, &key.key_id)).unwrap();
        let alias_arn = key.arn.to_string().replace(&format!("key/{}", key.key_id), &alias);
        for form in [key.key_id.to_string(), key.arn.to_string(), alias, alias_arn] {
            let blob = sealed(&mut f, encrypt(&form, b"secret"));
            for key_id in [None, Some(form.clone())] {
                let response = opened(f.call(crate::decrypt::Request { key_id, ..decrypt(&blob) }));
                assert_eq!(response.plaintext.bytes(), b"secret");
                assert_eq!(response.key_id, key.arn);
                assert_eq!(response.key_material_id, key.current_key_material_id);
                assert_eq!(f.facts.resources, std::slice::from_ref(&key.arn));
                assert_eq!(f.facts.key_material_id, key.current_key_material_id);
            }
        }
    }
}

#[test]
fn the_context_is_part_of_the_ciphertext() {
    let mut f = Fixture::new();
    let key = f.single().key_id;
    let right = context(&[("tenant", "blue"), ("app", "ledger")]);
    let request = crate::encrypt::Request { encryption_context: right.clone(), ..encrypt(&key, b"x") };
    let blob = sealed(&mut f, request);
    opened(f.call(crate::decrypt::Request { encryption_context: right, ..decrypt(&blob) }));
    for wrong in
        [context(&[]), context(&[("tenant", "blue")]), context(&[("tenant", "Blue"), ("app", "ledger")])]
    {
        let request = crate::decrypt::Request { encryption_context: wrong, ..decrypt(&blob) };
        assert_eq!(f.call(request).unwrap_err(), Error::InvalidCiphertext);
    }
}

#[test]
fn tampering_is_invalid_ciphertext_and_never_a_panic() {
    let mut f = Fixture::new();
    let key = f.single();
    let blob = sealed(&mut f, encrypt(&key.key_id, b"secret"));
    for position in 0..blob.len() {
        let mut changed = blob.clone();
        changed[position] ^= 1;
        let by_name = crate::decrypt::Request { key_id: Some(key.arn.to_string()), ..decrypt(&changed) };
        let error = f.call(by_name).unwrap_err();
        assert!(matches!(error, Error::InvalidCiphertext | Error::IncorrectKey), "{position}: {error}");
        let error = f.call(decrypt(&changed)).unwrap_err();
        assert!(
            matches!(error, Error::InvalidCiphertext | Error::AccessDenied { .. }),
            "{position}: {error}"
        );
    }
    for garbage in [&b""[..], b"x", &blob[..blob.len() - 1], &[0; 200]] {
        assert!(f.call(decrypt(garbage)).is_err());
    }
}

/// Section 10.3: the key named must be the one that made the blob, and a key that is not here looks forbidden.
#[test]
fn decrypt_with_another_key_and_with_an_unknown_one() {
    let mut f = Fixture::new();
    let (key, other) = (f.single(), f.single());
    let blob = sealed(&mut f, encrypt(&key.key_id, b"x"));
    let wrong = crate::decrypt::Request { key_id: Some(other.arn.to_string()), ..decrypt(&blob) };
    assert_eq!(f.call(wrong).unwrap_err(), Error::IncorrectKey);
    let error = Fixture::in_region("eu-west-1").call(decrypt(&blob)).unwrap_err();
    let Error::AccessDenied { action, resource, reason, .. } = error else { panic!("{error}") };
    assert_eq!((action, resource, reason), ("kms:Decrypt", None, Denial::NotVisible));
    let error = f.call_as(FOREIGN, decrypt(&blob)).unwrap_err();
    assert!(matches!(error, Error::AccessDenied { reason: Denial::NotVisible, resource: None, .. }));
}

/// D4: whatever was ever sealed opens, whichever rotations came after.
#[test]
fn old_materials_decrypt_and_the_newest_encrypts() {
    let mut f = Fixture::new();
    let key = f.single().key_id;
    let mut blobs = vec![sealed(&mut f, encrypt(&key, b"0"))];
    for n in 1..4u8 {
        f.call(rotate(&key)).unwrap();
        blobs.push(sealed(&mut f, encrypt(&key, &[n + b'0'])));
    }
    let mut materials = Vec::new();
    for (n, blob) in blobs.iter().enumerate() {
        let response = opened(f.call(decrypt(blob)));
        assert_eq!(response.plaintext.bytes(), n.to_string().as_bytes());
        materials.push(response.key_material_id.unwrap());
    }
    let Ok(Response::ListKeyRotations(listed)) = f.call(list_rotations(&key)) else { panic!() };
    let ids: Vec<_> = listed.rotations.iter().map(|r| r.key_material_id).collect();
    assert_eq!(ids, materials[1..]);
    assert_eq!(listed.rotations.last().unwrap().key_material_state, KeyMaterialState::Current);
    assert!(listed.rotations.iter().all(|r| r.rotation_date.is_some()));
}

#[test]
fn re_encrypt_moves_between_keys_and_contexts() {
    let mut f = Fixture::new();
    let (from, to) = (f.single(), f.multi());
    let blob = sealed(&mut f, encrypt(&from.key_id, b"secret"));
    let destination_encryption_context = context(&[("a", "b")]);
    let request = crate::re_encrypt::Request {
        destination_encryption_context: destination_encryption_context.clone(),
        ..re_encrypt(&blob, &to.key_id)
    };
    let Ok(Response::ReEncrypt(response)) = f.call(request) else { panic!() };
    assert_eq!((response.source_key_id, response.key_id), (from.arn.clone(), to.arn.clone()));
    assert_eq!(response.source_key_material_id, from.current_key_material_id);
    assert_eq!(f.facts.resources, [from.arn, to.arn]);
    let request = crate::decrypt::Request {
        encryption_context: destination_encryption_context,
        ..decrypt(&response.ciphertext_blob)
    };
    assert_eq!(opened(f.call(request)).plaintext.bytes(), b"secret");
    assert_eq!(f.call(decrypt(&response.ciphertext_blob)).unwrap_err(), Error::InvalidCiphertext);
}

#[test]
fn data_keys_open_to_their_plaintext() {
    let mut f = Fixture::new();
    let key = f.single().key_id;
    let cases = [
        (Some(kms_types::DataKeySpec::Aes256), None, Some(32)),
        (Some(kms_types::DataKeySpec::Aes128), None, Some(16)),
        (None, Some(1024), Some(1024)),
        (None, None, None),
        (Some(kms_types::DataKeySpec::Aes256), Some(32), None),
        (None, Some(1025), None),
        (None, Some(0), None),
    ];
    for (key_spec, number_of_bytes, length) in cases {
        let request =
            crate::generate_data_key::Request { key_spec, number_of_bytes, ..generate_data_key(&key) };
        match (f.call(request), length) {
            (Ok(Response::GenerateDataKey(made)), Some(length)) => {
                assert_eq!(made.plaintext.bytes().len(), length);
                assert_eq!(
                    opened(f.call(decrypt(&made.ciphertext_blob))).plaintext.bytes(),
                    made.plaintext.bytes()
                );
            }
            (Err(Error::Validation(_)), None) => {}
            (other, _) => panic!("{other:?}"),
        }
    }
    let without = crate::generate_data_key_without_plaintext::Request {
        key_id: key.to_string(),
        encryption_context: context(&[]),
        number_of_bytes: None,
        key_spec: Some(kms_types::DataKeySpec::Aes256),
        grant_tokens: Vec::new(),
        dry_run: false,
    };
    let Ok(Response::GenerateDataKeyWithoutPlaintext(made)) = f.call(without) else { panic!() };
    assert_eq!(opened(f.call(decrypt(&made.ciphertext_blob))).plaintext.bytes().len(), 32);
}

#[test]
fn random_bytes_have_the_length_asked_for() {
    let mut f = Fixture::new();
    let request = |number_of_bytes| generate_random::Request {
        number_of_bytes,
        custom_key_store_id: None,
        recipient: None,
    };
    let Ok(Response::GenerateRandom(made)) = f.call(request(Some(1024))) else { panic!() };
    assert_eq!(made.plaintext.bytes().len(), 1024);
    assert!(made.plaintext.bytes().iter().any(|b| *b != 0));
    assert_eq!(f.call(request(None)).unwrap_err(), Error::Validation("NumberOfBytes is required.".into()));
    assert!(matches!(f.call(request(Some(1025))), Err(Error::Validation(_))));
}

#[test]
fn what_does_not_exist_yet_is_refused_and_never_ignored() {
    let mut f = Fixture::new();
    let key = f.single().key_id;
    let blob = sealed(&mut f, encrypt(&key, b"x"));
    let recipient = Some(Recipient { key_encryption_algorithm: None, attestation_document: None });
    let grant_tokens = vec!["token".to_string()];
    let refused = [
        f.call(crate::decrypt::Request { recipient: recipient.clone(), ..decrypt(&blob) }).unwrap_err(),
        f.call(crate::generate_data_key::Request { recipient, ..generate_data_key(&key) }).unwrap_err(),
    ];
    assert!(refused.iter().all(|e| matches!(e, Error::Unsupported(_))));
    // With a root, what is no attestation document is refused as such, and nothing is given out.
    f.settings.attestation_root = Some(b"a root certificate".to_vec());
    for document in [None, Some(b"no document".to_vec())] {
        let algorithm = Some("RSAES_OAEP_SHA_256".to_owned());
        let recipient =
            Some(Recipient { key_encryption_algorithm: algorithm, attestation_document: document });
        let request = crate::generate_data_key::Request { recipient, ..generate_data_key(&key) };
        assert!(matches!(f.call(request), Err(Error::Validation(_))));
        assert_eq!(f.facts.recipient, None);
    }
    f.settings.attestation_root = None;
    let request = crate::encrypt::Request { grant_tokens: grant_tokens.clone(), ..encrypt(&key, b"x") };
    assert_eq!(f.call(request).unwrap_err(), Error::InvalidGrantToken);
    let request = crate::decrypt::Request { grant_tokens, ..decrypt(&blob) };
    assert_eq!(f.call(request).unwrap_err(), Error::InvalidGrantToken);
    let algorithm = Some(EncryptionAlgorithm::RsaesOaepSha256);
    let request = crate::encrypt::Request { encryption_algorithm: algorithm, ..encrypt(&key, b"x") };
    assert!(matches!(f.call(request), Err(Error::IncompatibleAlgorithm { .. })));
}

#[test]
fn a_dry_run_says_what_the_call_would_have_said() {
    let mut f = Fixture::new();
    let key = f.single().key_id;
    let blob = sealed(&mut f, encrypt(&key, b"x"));
    let dry = |blob: &[u8]| crate::decrypt::Request { dry_run: true, ..decrypt(blob) };
    assert_eq!(f.call(dry(&blob)).unwrap_err(), Error::DryRun);
    assert_eq!(f.call(dry(&[0; 200])).unwrap_err(), Error::InvalidCiphertext);
    let request = crate::encrypt::Request { dry_run: true, ..encrypt(&key, b"x") };
    assert_eq!(f.call(request.clone()).unwrap_err(), Error::DryRun);
    let ignoring = crate::decrypt::Request {
        ciphertext_blob: None,
        key_id: Some(key.to_string()),
        dry_run_modifiers: vec![DryRunModifier::IgnoreCiphertext],
        ..dry(&[])
    };
    assert_eq!(f.call(ignoring.clone()).unwrap_err(), Error::DryRun);
    for wrong in [
        crate::decrypt::Request { key_id: None, ..ignoring.clone() },
        crate::decrypt::Request { dry_run: false, ..ignoring.clone() },
        crate::decrypt::Request { dry_run_modifiers: Vec::new(), ..ignoring.clone() },
    ] {
        assert!(matches!(f.call(wrong), Err(Error::Validation(_))));
    }
    f.call(disable(&key)).unwrap();
    for error in [f.call(request).unwrap_err(), f.call(ignoring).unwrap_err()] {
        assert!(matches!(error, Error::Disabled { .. }));
    }
}

/// A node whose root-key provider was away at start holds no domain key: the caller may try another node.
#[test]
fn without_a_domain_key_the_answer_is_retryable() {
    let mut f = Fixture::new();
    let key = f.single().key_id;
    let blob = sealed(&mut f, encrypt(&key, b"x"));
    f.lose_domain_key();
    assert!(matches!(f.call(encrypt(&key, b"x")), Err(Error::KeyUnavailable { .. })));
    assert!(matches!(f.call(decrypt(&blob)), Err(Error::KeyUnavailable { .. })));
    assert!(matches!(f.call(super::requests::create_key()), Err(Error::Internal(_))));
}

#[test]
fn plaintext_and_context_have_limits() {
    let mut f = Fixture::new();
    let key = f.single().key_id;
    let most = sealed(&mut f, encrypt(&key, &[7; 4096]));
    assert!(most.len() <= kms_types::limits::MAX_CIPHERTEXT_BYTES);
    assert_eq!(opened(f.call(decrypt(&most))).plaintext.bytes().len(), 4096);
    assert!(matches!(f.call(encrypt(&key, &[7; 4097])), Err(Error::Validation(_))));
    let large = context(&[("k", &"v".repeat(8192))]);
    let request = crate::encrypt::Request { encryption_context: large, ..encrypt(&key, b"x") };
    assert!(matches!(f.call(request), Err(Error::Validation(_))));
}

#[test]
fn nothing_secret_shows_in_debug() {
    let request = crate::Request::from(encrypt(&"key", b"canary"));
    assert_eq!(format!("{request:?}"), "Request(Encrypt, ..)");
}
