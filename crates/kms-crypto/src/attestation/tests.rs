mod maker;

use super::*;
use maker::{Maker, NOW};

fn verified(maker: &Maker, document: &[u8]) -> Result<AttestationDocument, AttestationFault> {
    verify(document, &maker.root, NOW)
}

#[test]
fn a_right_document_says_what_was_put_into_it() {
    let maker = Maker::new();
    let document = verified(&maker, &maker.document()).unwrap();
    assert_eq!(document.module_id, "i-0123456789abcdef0-enc0123456789abcdef");
    assert_eq!(document.timestamp, NOW);
    assert_eq!(document.pcrs.len(), 2);
    assert_eq!(document.pcrs[&0], [0xaa; 48]);
    assert_eq!(document.pcrs[&8], [0xbb; 48]);
    assert!(document.nitro_tpm_pcrs.is_empty());
    assert_eq!(document.public_key.as_deref(), Some(b"public key".as_slice()));
    assert_eq!((document.user_data, document.nonce), (None, Some(b"nonce".to_vec())));
}

#[test]
fn the_tag_of_cose_sign1_is_optional_and_no_other_is_taken() {
    let maker = Maker::new();
    let document = maker.document();
    let tagged = [&[0xd2], document.as_slice()].concat();
    assert_eq!(verified(&maker, &tagged), verified(&maker, &document));
    let other = [&[0xd1], document.as_slice()].concat();
    assert_eq!(verified(&maker, &other), Err(AttestationFault::Malformed));
}

#[test]
fn nitro_tpm_registers_are_read_from_their_own_field() {
    let maker = Maker {
        fields: Maker::fields_with(&[("pcrs", None), ("nitrotpm_pcrs", Some(maker::pcrs(4)))]),
        ..Maker::new()
    };
    let document = verified(&maker, &maker.document()).unwrap();
    assert!(document.pcrs.is_empty());
    assert_eq!(document.nitro_tpm_pcrs[&4], [0xaa; 48]);
}

#[test]
fn every_flipped_bit_is_refused() {
    let maker = Maker::new();
    let right = maker.document();
    for bit in (0..right.len() * 8).step_by(11) {
        let mut changed = right.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        assert!(verified(&maker, &changed).is_err(), "bit {bit}");
    }
    let mut other_signature = right.clone();
    *other_signature.last_mut().unwrap() ^= 1;
    assert_eq!(verified(&maker, &other_signature), Err(AttestationFault::Signature));
}

#[test]
fn cut_lengthened_and_oversized_documents_are_malformed() {
    let maker = Maker::new();
    let right = maker.document();
    for cut in (0..right.len()).step_by(17) {
        assert_eq!(verified(&maker, &right[..cut]), Err(AttestationFault::Malformed), "{cut} bytes");
    }
    let longer = [right.as_slice(), &[0]].concat();
    assert_eq!(verified(&maker, &longer), Err(AttestationFault::Malformed));
    assert_eq!(verified(&maker, &vec![0x84; MAX_DOCUMENT_BYTES + 1]), Err(AttestationFault::Malformed));
}

#[test]
fn the_chain_must_lead_to_the_root_at_the_time() {
    let (maker, stranger) = (Maker::new(), Maker::new());
    let document = maker.document();
    assert_eq!(verify(&document, &stranger.root, NOW), Err(AttestationFault::Certificates));
    assert_eq!(verify(&document, b"no certificate", NOW), Err(AttestationFault::Certificates));
    for (days, holds) in [(-400i64, false), (-1, true), (1, true), (400, false)] {
        let at = Timestamp::from_millis(NOW.as_millis().checked_add_signed(days * 86_400_000).unwrap());
        assert_eq!(verify(&document, &maker.root, at).is_ok(), holds, "{days} days later");
    }
}

#[test]
fn a_leaf_may_not_be_replaced_nor_its_issuer_left_out() {
    let (maker, stranger) = (Maker::new(), Maker::new());
    let foreign_leaf = Maker { leaf: stranger.leaf.clone(), ..Maker::new() };
    assert_eq!(
        verify(&foreign_leaf.document(), &foreign_leaf.root, NOW),
        Err(AttestationFault::Certificates)
    );
    let root_only = maker::certificates(&[&maker.root]);
    let without = Maker { fields: Maker::fields_with(&[("cabundle", Some(root_only))]), ..maker };
    assert_eq!(verified(&without, &without.document()), Err(AttestationFault::Certificates));
}

#[test]
fn a_signature_by_another_key_is_refused() {
    let (maker, stranger) = (Maker::new(), Maker::new());
    let forged = Maker { key: stranger.key, ..maker };
    assert_eq!(verified(&forged, &forged.document()), Err(AttestationFault::Signature));
}

/// Each entry changes one field of a document that is signed all the same.
#[test]
fn fields_beyond_their_bounds_are_malformed() {
    let bytes = |n: usize| maker::byte_string(&vec![1; n]);
    let rows: Vec<(&str, &str, Option<Vec<u8>>)> = vec![
        ("no module id", "module_id", None),
        ("empty module id", "module_id", Some(maker::text(""))),
        ("module id of another type", "module_id", Some(bytes(3))),
        ("no digest", "digest", None),
        ("another digest", "digest", Some(maker::text("SHA256"))),
        ("no timestamp", "timestamp", None),
        ("negative timestamp", "timestamp", Some(vec![0x20])),
        ("no registers at all", "pcrs", None),
        ("empty registers", "pcrs", Some(vec![0xa0])),
        ("register 32", "pcrs", Some(maker::pcrs(32))),
        ("register of 20 bytes", "pcrs", Some([&[0xa1, 0x00], bytes(20).as_slice()].concat())),
        ("register twice", "pcrs", Some([&[0xa2, 0], &bytes(48)[..], &[0], &bytes(48)].concat())),
        ("indefinite registers", "pcrs", Some([&[0xbf, 0], &bytes(48)[..], &[0xff]].concat())),
        ("NitroTPM register 24", "nitrotpm_pcrs", Some(maker::pcrs(24))),
        ("no certificate", "certificate", None),
        ("empty certificate", "certificate", Some(bytes(0))),
        ("huge certificate", "certificate", Some(bytes(4097))),
        ("no bundle", "cabundle", None),
        ("empty bundle", "cabundle", Some(vec![0x80])),
        ("bundle that claims 2^32 certificates", "cabundle", Some(vec![0x9a, 0xff, 0xff, 0xff, 0xff])),
        ("long public key", "public_key", Some(bytes(1025))),
        ("public key of another type", "public_key", Some(maker::text("key"))),
        ("long user data", "user_data", Some(bytes(1025))),
        ("long nonce", "nonce", Some(bytes(1025))),
        ("unknown field", "more", Some(bytes(1))),
    ];
    for (what, field, value) in rows {
        let maker = Maker { fields: Maker::fields_with(&[(field, value)]), ..Maker::new() };
        assert_eq!(verified(&maker, &maker.document()), Err(AttestationFault::Malformed), "{what}");
    }
    let maker = Maker { twice: true, ..Maker::new() };
    assert_eq!(verified(&maker, &maker.document()), Err(AttestationFault::Malformed), "a field twice");
}

#[test]
fn only_es384_is_taken() {
    for protected in [&[0xa1u8, 0x01, 0x26][..], &[0xa0], &[0xa1, 0x01, 0x38, 0x22, 0x00], &[]] {
        let maker = Maker { protected: protected.to_vec(), ..Maker::new() };
        assert_eq!(verified(&maker, &maker.document()), Err(AttestationFault::Malformed), "{protected:02x?}");
    }
}

#[test]
fn the_error_names_the_fault() {
    let refused = AttestationDocument::verify(b"", b"", NOW).unwrap_err();
    assert_eq!(refused, CryptoError::InvalidAttestation { fault: AttestationFault::Malformed });
}
