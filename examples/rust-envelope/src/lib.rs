//! Records, each sealed under a data key of its own, which is sealed under a multi-Region KMS key.
//!
//! An envelope is `length of the sealed data key (2 bytes) | sealed data key | record`, where the record is AES-256-GCM under
//! the data key. Any Region that holds the KMS key can open it, so the application asks the Regions in turn.

use aes_gcm::{
    Aes256Gcm, KeyInit, Nonce,
    aead::{Aead, Payload},
};
use aws_sdk_kms::{
    Client,
    error::{DisplayErrorContext, SdkError},
    primitives::Blob,
    types::DataKeySpec,
};
use std::{error::Error as StdError, fmt};

/// The key of the encryption context that names the record.
const NAME: &str = "record";

/// Seals and opens under one multi-Region key.
pub struct Envelopes {
    key_id: String,
    clients: Vec<Client>,
}

/// Why a record could not be sealed or opened.
#[derive(Debug)]
pub enum Error {
    /// No Region answered; what the last one did instead.
    NoRegion(String),
    /// The service refused; another Region would say the same.
    Refused(String),
    /// The envelope was changed, or belongs to another record.
    Damaged,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoRegion(last) => write!(f, "no Region answered: {last}"),
            Self::Refused(why) => write!(f, "refused: {why}"),
            Self::Damaged => f.write_str("the envelope was changed, or belongs to another record"),
        }
    }
}

impl StdError for Error {}

impl Envelopes {
    /// Uses the first of `clients` whose Region answers.
    pub fn new(key_id: impl Into<String>, clients: Vec<Client>) -> Self {
        Self { key_id: key_id.into(), clients }
    }

    /// Seals `plaintext` as the record `name`.
    pub async fn seal(&self, name: &str, plaintext: &[u8]) -> Result<Vec<u8>, Error> {
        let mut last = Error::NoRegion("there is none".into());
        for client in &self.clients {
            let call = client.generate_data_key().key_id(&self.key_id).key_spec(DataKeySpec::Aes256);
            match call.encryption_context(NAME, name).send().await {
                Ok(made) => {
                    let (key, sealed) = (made.plaintext.unwrap_or(Blob::new([])), made.ciphertext_blob);
                    return seal_with(key.as_ref(), sealed.unwrap_or(Blob::new([])).as_ref(), name, plaintext);
                }
                Err(error) => last = next_region(error)?,
            }
        }
        Err(last)
    }

    /// Opens the record `name`.
    pub async fn open(&self, name: &str, envelope: &[u8]) -> Result<Vec<u8>, Error> {
        let (sealed_key, record) = split(envelope).ok_or(Error::Damaged)?;
        let mut last = Error::NoRegion("there is none".into());
        for client in &self.clients {
            let call = client.decrypt().key_id(&self.key_id).ciphertext_blob(Blob::new(sealed_key));
            match call.encryption_context(NAME, name).send().await {
                Ok(opened) => {
                    let key = opened.plaintext.unwrap_or(Blob::new([]));
                    return cipher(key.as_ref())?.decrypt(&nonce(), payload(name, record)).map_err(|_| Error::Damaged);
                }
                Err(error) if error.as_service_error().is_some_and(|e| e.is_invalid_ciphertext_exception()) => {
                    return Err(Error::Damaged);
                }
                Err(error) => last = next_region(error)?,
            }
        }
        Err(last)
    }
}

/// A refusal ends the call; anything else is a reason to ask the next Region.
fn next_region<E: StdError + 'static>(error: SdkError<E>) -> Result<Error, Error> {
    let refused = error.raw_response().is_some_and(|response| response.status().is_client_error());
    let text = DisplayErrorContext(&error).to_string();
    if refused { Err(Error::Refused(text)) } else { Ok(Error::NoRegion(text)) }
}

fn seal_with(key: &[u8], sealed_key: &[u8], name: &str, plaintext: &[u8]) -> Result<Vec<u8>, Error> {
    let length = u16::try_from(sealed_key.len()).map_err(|_| Error::Damaged)?;
    let record = cipher(key)?.encrypt(&nonce(), payload(name, plaintext)).map_err(|_| Error::Damaged)?;
    Ok([&length.to_be_bytes(), sealed_key, &record].concat())
}

fn cipher(key: &[u8]) -> Result<Aes256Gcm, Error> {
    Aes256Gcm::new_from_slice(key).map_err(|_| Error::Damaged)
}

/// A data key seals one record and no other, so every record may have the same nonce.
fn nonce() -> Nonce<aes_gcm::aead::consts::U12> {
    Nonce::default()
}

fn payload<'a>(name: &'a str, message: &'a [u8]) -> Payload<'a, 'a> {
    Payload { msg: message, aad: name.as_bytes() }
}

fn split(envelope: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = envelope.split_first_chunk::<2>()?;
    rest.split_at_checked(usize::from(u16::from_be_bytes(*length)))
}
