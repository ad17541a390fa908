//! The certificates of an attestation document: P-384 throughout, from a leaf through the bundle to a root that is trusted
//! beforehand. There is no revocation; a leaf is valid for hours [NITRO].

use kms_types::Timestamp;
use rustls_pki_types::{CertificateDer, UnixTime};
use std::time::Duration;
use webpki::{EndEntityCert, KeyUsage, anchor_from_trusted_cert, aws_lc_rs::ECDSA_P384_SHA384};

/// The leaf's public key, when the chain holds at this time.
pub(super) fn leaf_key(
    certificate: &[u8],
    cabundle: &[&[u8]],
    root: &[u8],
    at: Timestamp,
) -> Option<Vec<u8>> {
    let (root, certificate) = (CertificateDer::from(root), CertificateDer::from(certificate));
    let anchor = anchor_from_trusted_cert(&root).ok()?;
    let leaf = EndEntityCert::try_from(&certificate).ok()?;
    let intermediates: Vec<_> = cabundle.iter().map(|der| CertificateDer::from(*der)).collect();
    let time = UnixTime::since_unix_epoch(Duration::from_millis(at.as_millis()));
    // Documents have no extended key usage; a certificate that has one must be for authenticating its holder.
    let usage = KeyUsage::client_auth();
    leaf.verify_for_usage(&[ECDSA_P384_SHA384], &[anchor], &intermediates, time, usage, None, None).ok()?;
    Some(leaf.subject_public_key_info().to_vec())
}
