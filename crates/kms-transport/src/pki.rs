//! The deployment's own certificate authority: one per deployment, for nodes and operators only.
//!
//! Has no clock (the time is an argument), keeps no register of what it issued, and revokes nothing: a lost key of a
//! node is answered by removing the node and issuing under a new authority.

use crate::identity::{PeerIdentity, zone};
use kms_types::{NodeId, Region, Timestamp};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, GeneralSubtree, IsCa, Issuer,
    KeyPair, KeyUsagePurpose, NameConstraints,
};
use std::{
    fmt, fs, io,
    io::Write,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

const COMMON_NAME: &str = "Meridian deployment authority";
const AUTHORITY_DAYS: u64 = 3650;
const LEAF_DAYS: u64 = 825;
/// Certificates are valid from a day before they are issued, for clocks that are behind.
const BACKDATE_MS: u64 = 86_400_000;

/// Why a certificate could not be made, written or read.
#[derive(Debug, thiserror::Error)]
pub enum PkiError {
    /// The certificate could not be made, or a key does not parse.
    #[error("certificate or key is not usable: {0}")]
    Certificate(#[from] rcgen::Error),
    /// A file could not be read or written.
    #[error("`{path}`: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// The time is outside what a certificate can say.
    #[error("`{0}` is not a date that a certificate can carry")]
    Date(String),
}

/// A certificate and its private key, both PEM.
pub struct Issued {
    /// The certificate.
    pub certificate_pem: String,
    /// The private key, PKCS#8.
    pub key_pem: String,
}

impl fmt::Debug for Issued {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Issued(..)")
    }
}

impl Issued {
    /// Writes `<name>.pem` and `<name>.key` into `dir`; never over an existing file, readable by the owner only.
    pub fn write(&self, dir: &Path, name: &str) -> Result<(), PkiError> {
        write_new(&dir.join(format!("{name}.pem")), &self.certificate_pem)?;
        write_new(&dir.join(format!("{name}.key")), &self.key_pem)
    }
}

/// The authority that every node and operator of one deployment trusts, and nobody else.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    certificate_pem: String,
}

impl fmt::Debug for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Authority(..)")
    }
}

impl Authority {
    /// A new authority with a fresh ECDSA P-256 key.
    pub fn generate(now: Timestamp) -> Result<Self, PkiError> {
        let key = KeyPair::generate()?;
        let mut params = authority_params();
        set_validity(&mut params, now, AUTHORITY_DAYS)?;
        let certificate_pem = params.self_signed(&key)?.pem();
        Ok(Self { issuer: Issuer::new(params, key), certificate_pem })
    }

    /// An authority from the files that [`Authority::write`] made.
    pub fn load(dir: &Path) -> Result<Self, PkiError> {
        let certificate_pem = read(&dir.join("ca.pem"))?;
        let key = KeyPair::from_pem(&read(&dir.join("ca.key"))?)?;
        // Signing needs the authority's name, key and key identifier, which are fixed by `authority_params` and the
        // key, so the stored certificate does not have to be parsed.
        Ok(Self { issuer: Issuer::new(authority_params(), key), certificate_pem })
    }

    /// Writes `ca.pem` and `ca.key`. The key belongs on the operator's machine, never on a node.
    pub fn write(&self, dir: &Path) -> Result<(), PkiError> {
        let key_pem = self.issuer.key().serialize_pem();
        Issued { certificate_pem: self.certificate_pem.clone(), key_pem }.write(dir, "ca")
    }

    /// The certificate that every party trusts.
    pub fn certificate_pem(&self) -> &str {
        &self.certificate_pem
    }

    /// A certificate for one node.
    pub fn issue_node(&self, region: &Region, node: NodeId, now: Timestamp) -> Result<Issued, PkiError> {
        self.issue(&PeerIdentity::Node { region: region.clone(), node }, now)
    }

    /// A certificate for an operator.
    pub fn issue_operator(&self, now: Timestamp) -> Result<Issued, PkiError> {
        self.issue(&PeerIdentity::Operator, now)
    }

    fn issue(&self, peer: &PeerIdentity, now: Timestamp) -> Result<Issued, PkiError> {
        let key = KeyPair::generate()?;
        let mut params = CertificateParams::new(peer.names())?;
        params.distinguished_name.push(DnType::CommonName, peer.to_string());
        params.use_authority_key_identifier_extension = true;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = usages(peer);
        set_validity(&mut params, now, LEAF_DAYS)?;
        let certificate_pem = params.signed_by(&key, &self.issuer)?.pem();
        Ok(Issued { certificate_pem, key_pem: key.serialize_pem() })
    }
}

/// Operators never serve, so their certificates cannot be used to pose as a node.
fn usages(peer: &PeerIdentity) -> Vec<ExtendedKeyUsagePurpose> {
    match peer {
        PeerIdentity::Node { .. } => {
            vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth]
        }
        PeerIdentity::Operator => vec![ExtendedKeyUsagePurpose::ClientAuth],
    }
}

fn authority_params() -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, COMMON_NAME);
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    // A stolen authority key still vouches for no name outside the zone.
    params.name_constraints = Some(NameConstraints {
        permitted_subtrees: vec![GeneralSubtree::DnsName(zone().to_owned())],
        excluded_subtrees: Vec::new(),
    });
    params
}

/// Sets the validity, in whole days; rcgen's date constructor is the only way into its time type without a clock.
fn set_validity(params: &mut CertificateParams, now: Timestamp, days: u64) -> Result<(), PkiError> {
    let (from, to) =
        (Timestamp::from_millis(now.as_millis().saturating_sub(BACKDATE_MS)), now.plus_days(days));
    let (year, month, day) = calendar(from)?;
    params.not_before = rcgen::date_time_ymd(year, month, day);
    let (year, month, day) = calendar(to)?;
    params.not_after = rcgen::date_time_ymd(year, month, day);
    Ok(())
}

fn calendar(time: Timestamp) -> Result<(i32, u8, u8), PkiError> {
    let text = time.format("%Y-%m-%d");
    let mut parts = text.split('-');
    let date =
        (|| Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?, parts.next()?.parse().ok()?)))();
    date.ok_or_else(|| PkiError::Date(text.clone()))
}

/// Durable before it returns: a node whose key was handed out must find it again after a power cut.
fn write_new(path: &Path, text: &str) -> Result<(), PkiError> {
    let write = || {
        let mut file = fs::File::options().write(true).create_new(true).mode(0o600).open(path)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()
    };
    write().map_err(|source| PkiError::File { path: path.to_owned(), source })
}

fn read(path: &Path) -> Result<String, PkiError> {
    fs::read_to_string(path).map_err(|source| PkiError::File { path: path.to_owned(), source })
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustls::pki_types::{CertificateDer, pem::PemObject};
    use std::os::unix::fs::PermissionsExt;

    const NOW: Timestamp = Timestamp::from_millis(1_770_000_000_000);

    fn identity(issued: &Issued) -> PeerIdentity {
        let der = CertificateDer::from_pem_slice(issued.certificate_pem.as_bytes()).unwrap();
        PeerIdentity::from_certificate(&der).unwrap()
    }

    #[test]
    fn certificates_carry_the_identity_they_were_issued_for() {
        let authority = Authority::generate(NOW).unwrap();
        let region: Region = "us-east-1".parse().unwrap();
        let node = authority.issue_node(&region, 7, NOW).unwrap();
        assert_eq!(identity(&node), PeerIdentity::Node { region, node: 7 });
        assert_eq!(identity(&authority.issue_operator(NOW).unwrap()), PeerIdentity::Operator);
    }

    #[test]
    fn files_are_private_and_never_overwritten() {
        let dir = tempfile::tempdir().unwrap();
        let authority = Authority::generate(NOW).unwrap();
        authority.write(dir.path()).unwrap();
        let mode = fs::metadata(dir.path().join("ca.key")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert!(matches!(authority.write(dir.path()), Err(PkiError::File { .. })));
    }

    #[test]
    fn a_certificate_verifies_under_the_authority_that_was_loaded_again() {
        let dir = tempfile::tempdir().unwrap();
        Authority::generate(NOW).unwrap().write(dir.path()).unwrap();
        let authority = Authority::load(dir.path()).unwrap();
        let issued = authority.issue_node(&"us-east-1".parse().unwrap(), 1, NOW).unwrap();
        assert!(verifies(&authority, &issued));
        assert!(!verifies(&Authority::generate(NOW).unwrap(), &issued));
    }

    fn verifies(authority: &Authority, issued: &Issued) -> bool {
        let root = CertificateDer::from_pem_slice(authority.certificate_pem().as_bytes()).unwrap();
        let leaf = CertificateDer::from_pem_slice(issued.certificate_pem.as_bytes()).unwrap();
        let anchors = [webpki::anchor_from_trusted_cert(&root).unwrap()];
        let parsed = webpki::EndEntityCert::try_from(&leaf).unwrap();
        let algorithms = rustls::crypto::aws_lc_rs::default_provider().signature_verification_algorithms.all;
        let time =
            rustls::pki_types::UnixTime::since_unix_epoch(std::time::Duration::from_secs(NOW.as_secs()));
        let usage = webpki::KeyUsage::client_auth();
        parsed.verify_for_usage(algorithms, &anchors, &[], time, usage, None, None).is_ok()
    }
}
