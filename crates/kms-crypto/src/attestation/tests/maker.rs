//! Makes attestation documents, with a root and a chain of its own.

use aws_lc_rs::{
    rand::SystemRandom,
    signature::{ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair},
};
use kms_types::Timestamp;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, PKCS_ECDSA_P384_SHA384};

use crate::attestation::cose::{append_bytes, to_be_signed};

/// The first of June 2026; the certificates hold from January to December.
pub(super) const NOW: Timestamp = Timestamp::from_millis(1_780_272_000_000);

type Fields = Vec<(String, Option<Vec<u8>>)>;

pub(super) struct Maker {
    pub(super) root: Vec<u8>,
    pub(super) leaf: Vec<u8>,
    pub(super) key: Vec<u8>,
    pub(super) protected: Vec<u8>,
    /// Fields to replace; `None` leaves a field out.
    pub(super) fields: Fields,
    /// Writes the nonce a second time.
    pub(super) twice: bool,
    pub(super) intermediate: Vec<u8>,
}

impl Maker {
    pub(super) fn new() -> Self {
        let (root_key, intermediate_key, leaf_key) = (p384(), p384(), p384());
        let (root_params, intermediate_params) = (authority("root", 1), authority("intermediate", 0));
        let root = root_params.self_signed(&root_key).unwrap();
        let root_issuer = Issuer::new(root_params, root_key);
        let intermediate = intermediate_params.signed_by(&intermediate_key, &root_issuer).unwrap();
        let intermediate_issuer = Issuer::new(intermediate_params, intermediate_key);
        let leaf = params("leaf").signed_by(&leaf_key, &intermediate_issuer).unwrap();
        Self {
            root: root.der().to_vec(),
            leaf: leaf.der().to_vec(),
            key: leaf_key.serialize_der(),
            protected: vec![0xa1, 0x01, 0x38, 0x22],
            fields: Vec::new(),
            twice: false,
            intermediate: intermediate.der().to_vec(),
        }
    }

    pub(super) fn fields_with(changes: &[(&str, Option<Vec<u8>>)]) -> Fields {
        changes.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect()
    }

    pub(super) fn document(&self) -> Vec<u8> {
        let payload = self.payload();
        let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P384_SHA384_FIXED_SIGNING, &self.key).unwrap();
        let signature = key.sign(&SystemRandom::new(), &to_be_signed(&self.protected, &payload)).unwrap();
        let mut document = vec![0x84];
        append_bytes(&mut document, &self.protected);
        document.push(0xa0);
        append_bytes(&mut document, &payload);
        append_bytes(&mut document, signature.as_ref());
        document
    }

    fn payload(&self) -> Vec<u8> {
        let registers = [&[0xa2, 0x00], &byte_string(&[0xaa; 48])[..], &[0x08], &byte_string(&[0xbb; 48])];
        let mut timestamp = vec![0x1b];
        timestamp.extend_from_slice(&NOW.as_millis().to_be_bytes());
        let mut fields: Fields = vec![
            ("module_id".to_owned(), Some(text("i-0123456789abcdef0-enc0123456789abcdef"))),
            ("digest".to_owned(), Some(text("SHA384"))),
            ("timestamp".to_owned(), Some(timestamp)),
            ("pcrs".to_owned(), Some(registers.concat())),
            ("certificate".to_owned(), Some(byte_string(&self.leaf))),
            ("cabundle".to_owned(), Some(certificates(&[&self.root, &self.intermediate]))),
            ("public_key".to_owned(), Some(byte_string(b"public key"))),
            ("user_data".to_owned(), Some(vec![0xf6])),
            ("nonce".to_owned(), Some(byte_string(b"nonce"))),
        ];
        for (name, value) in &self.fields {
            fields.retain(|(n, _)| n != name);
            fields.push((name.clone(), value.clone()));
        }
        if self.twice {
            fields.push(("nonce".to_owned(), Some(byte_string(b"nonce"))));
        }
        fields.retain(|(_, value)| value.is_some());
        let mut payload = vec![0xa0 | u8::try_from(fields.len()).unwrap()];
        for (name, value) in fields {
            payload.extend(text(&name));
            payload.extend(value.unwrap());
        }
        payload
    }
}

fn p384() -> KeyPair {
    KeyPair::generate_for(&PKCS_ECDSA_P384_SHA384).unwrap()
}

fn params(name: &str) -> CertificateParams {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.distinguished_name.push(rcgen::DnType::CommonName, name);
    params.not_before = rcgen::date_time_ymd(2026, 1, 1);
    params.not_after = rcgen::date_time_ymd(2026, 12, 31);
    params
}

fn authority(name: &str, path_len: u8) -> CertificateParams {
    let mut params = params(name);
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(path_len));
    params
}

pub(super) fn byte_string(content: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    append_bytes(&mut bytes, content);
    bytes
}

/// A text string: the byte string with another major type.
pub(super) fn text(content: &str) -> Vec<u8> {
    let mut bytes = byte_string(content.as_bytes());
    bytes[0] |= 0x20;
    bytes
}

pub(super) fn certificates(ders: &[&[u8]]) -> Vec<u8> {
    let mut bytes = vec![0x80 | u8::try_from(ders.len()).unwrap()];
    ders.iter().for_each(|der| bytes.extend(byte_string(der)));
    bytes
}

/// One register.
pub(super) fn pcrs(index: u8) -> Vec<u8> {
    let key = if index < 24 { vec![index] } else { vec![0x18, index] };
    [&[0xa1], key.as_slice(), &byte_string(&[0xaa; 48])].concat()
}
