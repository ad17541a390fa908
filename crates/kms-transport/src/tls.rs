//! One party's certificate, key and trusted authority, and the TLS settings made of them.
//!
//! Both sides always authenticate; there is no setting that turns that off.

use crate::{
    identity::{IdentityError, PeerIdentity},
    limits::HANDSHAKE_TIMEOUT,
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};
use std::{fmt, fs, io, path::Path, path::PathBuf};
use tonic::transport::{Certificate, ClientTlsConfig, Identity, ServerTlsConfig};

/// Why a party's TLS files are not usable.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file could not be read.
    #[error("`{path}`: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// A text is not PEM of the expected kind.
    #[error("the {0} is not valid PEM")]
    Pem(&'static str),
    /// The certificate names no party of a deployment.
    #[error("own certificate: {0}")]
    Identity(#[from] IdentityError),
}

/// A certificate with its key, and the authority that every peer must be certified by.
#[derive(Clone)]
pub struct TlsIdentity {
    authority: Certificate,
    own: Identity,
    peer: PeerIdentity,
}

impl fmt::Debug for TlsIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TlsIdentity({}, ..)", self.peer)
    }
}

/// The first certificate of a PEM text, in DER.
pub fn certificate_from_pem(text: &[u8]) -> Option<Vec<u8>> {
    CertificateDer::from_pem_slice(text).ok().map(|certificate| certificate.to_vec())
}

impl TlsIdentity {
    /// From PEM texts, checked here so that a bad file is named at the start and not at the first connection.
    pub fn from_pem(authority: &str, certificate: &str, key: &str) -> Result<Self, TlsError> {
        CertificateDer::from_pem_slice(authority.as_bytes())
            .map_err(|_| TlsError::Pem("authority certificate"))?;
        let own = CertificateDer::from_pem_slice(certificate.as_bytes())
            .map_err(|_| TlsError::Pem("certificate"))?;
        PrivateKeyDer::from_pem_slice(key.as_bytes()).map_err(|_| TlsError::Pem("private key"))?;
        install_provider();
        Ok(Self {
            peer: PeerIdentity::from_certificate(&own)?,
            authority: Certificate::from_pem(authority),
            own: Identity::from_pem(certificate, key),
        })
    }

    /// From files.
    pub fn load(authority: &Path, certificate: &Path, key: &Path) -> Result<Self, TlsError> {
        Self::from_pem(&read(authority)?, &read(certificate)?, &read(key)?)
    }

    /// Who the own certificate says this party is.
    pub fn peer_identity(&self) -> &PeerIdentity {
        &self.peer
    }

    pub(crate) fn server(&self) -> ServerTlsConfig {
        ServerTlsConfig::new()
            .identity(self.own.clone())
            .client_ca_root(self.authority.clone())
            .timeout(HANDSHAKE_TIMEOUT)
    }

    /// Connections made with these settings are refused unless the peer's certificate carries `name`.
    pub(crate) fn client(&self, name: &str) -> ClientTlsConfig {
        ClientTlsConfig::new()
            .identity(self.own.clone())
            .ca_certificate(self.authority.clone())
            .domain_name(name)
    }
}

/// rustls wants one process-wide provider when several are compiled in; the first installed stays.
fn install_provider() {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
}

fn read(path: &Path) -> Result<String, TlsError> {
    fs::read_to_string(path).map_err(|source| TlsError::File { path: path.to_owned(), source })
}
