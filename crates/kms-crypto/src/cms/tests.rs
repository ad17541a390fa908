use super::*;
use crate::{
    asymmetric::rsa::{oaep_decrypt, test_keys},
    entropy_rng::test_entropy::Seeded,
};
use aws_lc_rs::cipher::{DecryptionContext, PaddedBlockDecryptingKey};
use kms_types::KeySpec;

/// Reads as the SDK for Nitro Enclaves does: heads of indefinite length only are stepped into.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn enter(&mut self, tag: u8) {
        assert_eq!(self.0[..2], [tag, 0x80]);
        self.0 = &self.0[2..];
    }

    fn element(&mut self, tag: u8) -> &'a [u8] {
        assert_eq!(self.0[0], tag);
        let (head, length) = match self.0[1] {
            0x81 => (3, usize::from(self.0[2])),
            0x82 => (4, usize::from(self.0[2]) << 8 | usize::from(self.0[3])),
            n => (2, usize::from(n)),
        };
        let (content, rest) = self.0[head..].split_at(length);
        self.0 = rest;
        content
    }

    fn expect(&mut self, bytes: &[u8]) {
        assert_eq!(&self.0[..bytes.len()], bytes);
        self.0 = &self.0[bytes.len()..];
    }
}

/// Opens an envelope as its recipient; gives the key identifier and the plaintext.
fn open(envelope: &[u8], private_key: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let mut reader = Reader(envelope);
    reader.enter(SEQUENCE);
    reader.expect(ENVELOPED_DATA);
    reader.enter(CONTEXT_0);
    reader.enter(SEQUENCE);
    reader.expect(VERSION_2);
    let mut recipients = Reader(reader.element(SET));
    let mut recipient = Reader(recipients.element(SEQUENCE));
    assert!(recipients.0.is_empty(), "one recipient");
    recipient.expect(VERSION_2);
    let key_identifier = recipient.element(CONTEXT_0_PRIMITIVE).to_vec();
    recipient.expect(RSAES_OAEP_SHA_256);
    let key = oaep_decrypt(private_key, OaepHash::Sha256, recipient.element(OCTET_STRING)).unwrap();
    reader.enter(SEQUENCE);
    reader.expect(DATA);
    let mut cipher = Reader(reader.element(SEQUENCE));
    cipher.expect(AES_256_CBC);
    let iv: [u8; 16] = cipher.element(OCTET_STRING).try_into().unwrap();
    reader.enter(CONTEXT_0);
    let mut content = reader.element(OCTET_STRING).to_vec();
    reader.expect(&[0; 10]);
    assert!(reader.0.is_empty());
    let key = PaddedBlockDecryptingKey::cbc_pkcs7(UnboundCipherKey::new(&AES_256, &key).unwrap()).unwrap();
    let plaintext = key.decrypt(&mut content, DecryptionContext::Iv128(iv.into())).unwrap();
    (key_identifier, plaintext.to_vec())
}

#[test]
fn recipient_reads_plaintexts_of_every_length() {
    for spec in [KeySpec::Rsa2048, KeySpec::Rsa3072, KeySpec::Rsa4096] {
        let material = test_keys::material(spec);
        let public_key = material.public_key().unwrap().unwrap();
        for length_bytes in [0, 1, 15, 16, 17, 32, 127, 128, 255, 256, 4096, 70_000] {
            let plaintext = vec![0x3c; length_bytes];
            let envelope = envelop(&public_key, &plaintext, &mut Seeded::new(1)).unwrap();
            if length_bytes < 65_000 {
                let (id, opened) = open(&envelope, material.expose());
                assert_eq!((id, opened), (key_identifier(&public_key).unwrap().to_vec(), plaintext));
            }
        }
    }
}

#[test]
fn envelopes_of_one_plaintext_differ_throughout() {
    let material = test_keys::material(KeySpec::Rsa2048);
    let public_key = material.public_key().unwrap().unwrap();
    let entropy = &mut Seeded::new(1);
    let [a, b] = [0, 1].map(|_| envelop(&public_key, &[7; 64], entropy).unwrap());
    assert_ne!(a[a.len() - 90..], b[b.len() - 90..], "key and initialisation vector are fresh");
    assert!(!a.windows(16).any(|window| window == [7; 16]));
}

#[test]
fn keys_that_are_not_rsa_are_refused() {
    let ecc = crate::KeyMaterial::generate(KeySpec::EccNistP256, &mut Seeded::new(1)).unwrap();
    let small_keys = [ecc.public_key().unwrap().unwrap(), b"garbage".to_vec(), Vec::new()];
    for public_key in small_keys {
        let refused = envelop(&public_key, b"x", &mut Seeded::new(1)).unwrap_err();
        assert_eq!(refused, CryptoError::InvalidPublicKey);
    }
}

/// The algorithm identifier is spelled out in this file; its parts are checked here.
#[test]
fn algorithm_identifier_of_oaep_is_well_formed() {
    use pkcs8::{der::Decode, spki::AlgorithmIdentifierRef};
    let identifier = AlgorithmIdentifierRef::from_der(RSAES_OAEP_SHA_256).unwrap();
    assert_eq!(identifier.oid.to_string(), "1.2.840.113549.1.1.7");
    let parameters = identifier.parameters.unwrap().value();
    let sha_256 = hex::decode("300d06096086480165030402010500").unwrap();
    let mgf1 = [hex::decode("301a06092a864886f70d010108").unwrap(), sha_256.clone()].concat();
    assert_eq!(parameters, [element(0xa0, &sha_256), element(0xa1, &mgf1)].concat());
}
