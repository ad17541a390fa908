use super::*;
use crate::{
    entropy_rng::test_entropy::{Seeded, symmetric},
    material_id,
};
use kms_types::KeyIdKind;

const BINDING: &str = "arn:aws:kms:eu-west-1:000000000000:key/0b0b0b0b-0b0b-4b0b-8b0b-0b0b0b0b0b0b";

struct Fixture {
    material: KeyMaterial,
    key_id: KeyId,
    material_id: MaterialId,
    context: EncryptionContext,
}

impl Fixture {
    fn new(seed: u64) -> Self {
        let material = symmetric(&mut Seeded::new(seed));
        let key_id = KeyId::from_random(KeyIdKind::SingleRegion, [0x0b; 16]);
        let pairs = [("tenant", "blue"), ("äöü", "")].map(|(k, v)| (k.to_owned(), v.to_owned()));
        let context = EncryptionContext::new(pairs.into());
        Self { material_id: material_id(&key_id, &material), material, key_id, context }
    }

    fn request(&self) -> SealRequest<'_> {
        let (key_id, material_id) = (self.key_id, self.material_id);
        SealRequest { key_id, material_id, binding: BINDING, context: &self.context }
    }

    fn seal(&self, plaintext: &[u8], seed: u64) -> Vec<u8> {
        seal(&self.request(), &self.material, plaintext, &mut Seeded::new(seed)).unwrap()
    }

    fn open(&self, blob: &[u8]) -> Result<Vec<u8>, CryptoError> {
        open(&self.request(), &self.material, blob).map(|plaintext| plaintext.to_vec())
    }
}

#[test]
fn blob_opens_and_its_header_names_key_and_material() {
    let fixture = Fixture::new(1);
    let blob = fixture.seal(b"attack at dawn", 2);
    assert_eq!(blob.len(), 115 + 14 + 16);
    let header = Header { key_id: fixture.key_id, material_id: fixture.material_id };
    assert_eq!(Header::parse(&blob), Ok(header));
    assert_eq!(fixture.open(&blob).unwrap(), b"attack at dawn");
}

#[test]
fn largest_plaintext_fits_the_api_limit_and_one_more_byte_is_refused() {
    let fixture = Fixture::new(1);
    let blob = fixture.seal(&[7; limits::MAX_PLAINTEXT_BYTES], 2);
    assert!(blob.len() <= limits::MAX_CIPHERTEXT_BYTES);
    assert_eq!(fixture.open(&blob).unwrap().len(), limits::MAX_PLAINTEXT_BYTES);
    let refused = seal(
        &fixture.request(),
        &fixture.material,
        &[7; limits::MAX_PLAINTEXT_BYTES + 1],
        &mut Seeded::new(2),
    );
    assert!(matches!(refused, Err(CryptoError::PlaintextTooLong { length_bytes: 4097, most_bytes: 4096 })));
}

#[test]
fn same_plaintext_twice_gives_unrelated_blobs() {
    let fixture = Fixture::new(1);
    let (a, b) = (fixture.seal(b"same", 2), fixture.seal(b"same", 3));
    assert_eq!(a[..51], b[..51], "version, suite and names are equal");
    assert_ne!(a[51..83], b[51..83], "salt");
    assert_ne!(a[83..115], b[83..115], "commitment");
    assert_ne!(a[115..119], b[115..119], "body");
}

#[test]
fn e3_every_flipped_bit_fails_with_the_one_error() {
    let fixture = Fixture::new(1);
    let blob = fixture.seal(b"attack at dawn", 2);
    for bit in 0..blob.len() * 8 {
        let mut changed = blob.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        assert_eq!(fixture.open(&changed), Err(CryptoError::InvalidCiphertext), "bit {bit}");
    }
}

#[test]
fn every_cut_and_every_extension_fails() {
    let fixture = Fixture::new(1);
    let blob = fixture.seal(b"attack at dawn", 2);
    for length in 0..blob.len() {
        assert_eq!(fixture.open(&blob[..length]), Err(CryptoError::InvalidCiphertext), "{length} bytes");
    }
    for more in [1, 16, 10_000] {
        assert_eq!(
            fixture.open(&[blob.clone(), vec![0; more]].concat()),
            Err(CryptoError::InvalidCiphertext)
        );
    }
}

#[test]
fn e2_blob_opens_under_its_own_request_only() {
    let fixture = Fixture::new(1);
    let blob = fixture.seal(b"attack at dawn", 2);
    let request = fixture.request();
    let empty = EncryptionContext::default();
    let changed_value = [("tenant", "blua"), ("äöü", "")].map(|(k, v)| (k.to_owned(), v.to_owned()));
    let changed_value = EncryptionContext::new(changed_value.into());
    let other_binding = BINDING.replace("eu-west-1", "us-east-1");
    let other_key = KeyId::from_parts(KeyIdKind::MultiRegion, *fixture.key_id.bytes());
    let wrong = [
        SealRequest { context: &empty, ..request },
        SealRequest { context: &changed_value, ..request },
        SealRequest { binding: &other_binding, ..request },
        SealRequest { binding: "", ..request },
        SealRequest { key_id: other_key, ..request },
        SealRequest { material_id: MaterialId::from_bytes([0; 32]), ..request },
    ];
    for request in wrong {
        let refused = open(&request, &fixture.material, &blob).unwrap_err();
        assert_eq!(refused, CryptoError::InvalidCiphertext, "{request:?}");
    }
}

#[test]
fn e2_every_flipped_bit_of_a_context_value_fails() {
    let fixture = Fixture::new(1);
    let blob = fixture.seal(b"attack at dawn", 2);
    for bit in 0..4 * 7 {
        let mut value = *b"blue";
        value[bit / 7] ^= 1 << (bit % 7);
        let value = String::from_utf8(value.to_vec()).unwrap();
        let pairs = [("tenant".to_owned(), value), ("äöü".to_owned(), String::new())];
        let context = EncryptionContext::new(pairs.into());
        let refused = open(&SealRequest { context: &context, ..fixture.request() }, &fixture.material, &blob);
        assert_eq!(refused.unwrap_err(), CryptoError::InvalidCiphertext, "bit {bit}");
    }
}

#[test]
fn other_material_under_the_same_names_fails() {
    let fixture = Fixture::new(1);
    let blob = fixture.seal(b"attack at dawn", 2);
    let other = symmetric(&mut Seeded::new(9));
    assert_eq!(open(&fixture.request(), &other, &blob).unwrap_err(), CryptoError::InvalidCiphertext);
}

/// A blob whose tag is right and whose commitment is not: what a committing format exists to refuse.
#[test]
fn e2_right_tag_with_a_foreign_commitment_fails() {
    let fixture = Fixture::new(1);
    let (request, salt) = (fixture.request(), [5; 32]);
    let header = Header { key_id: fixture.key_id, material_id: fixture.material_id };
    let keys = MessageKeys::derive(&fixture.material, &salt, &header);
    let forge = |commitment: &[u8; 32]| {
        let header_bytes = header.encode(&salt, commitment);
        let mut body = b"salamander".to_vec();
        let aad = aad(&header_bytes, &request);
        let tag = aead::seal_in_place(&keys.key, &keys.nonce, &aad, &mut body).unwrap();
        [header_bytes.as_slice(), &body, &tag].concat()
    };
    assert_eq!(fixture.open(&forge(&keys.commitment)).unwrap(), b"salamander");
    assert_eq!(fixture.open(&forge(&[0; 32])), Err(CryptoError::InvalidCiphertext));
}

#[test]
fn unknown_versions_suites_and_key_kinds_are_refused() {
    let blob = Fixture::new(1).seal(b"x", 2);
    for (offset, value) in [(0, 0), (0, 2), (1, 0), (1, 2), (2, 0), (2, 3)] {
        let mut changed = blob.clone();
        changed[offset] = value;
        assert_eq!(Header::parse(&changed), Err(CryptoError::InvalidCiphertext), "{offset}: {value}");
    }
}

#[test]
fn material_of_another_spec_seals_and_opens_nothing() {
    let fixture = Fixture::new(1);
    let material = KeyMaterial::generate(KeySpec::Hmac256, &mut Seeded::new(1)).unwrap();
    let refused = CryptoError::WrongAlgorithm { spec: KeySpec::Hmac256, algorithm: "SYMMETRIC_DEFAULT" };
    let sealed = seal(&fixture.request(), &material, b"x", &mut Seeded::new(2));
    assert_eq!(sealed.unwrap_err(), refused);
    assert_eq!(open(&fixture.request(), &material, &fixture.seal(b"x", 2)).unwrap_err(), refused);
}
