//! From what the state seals to what the verifier needs: secrets of access keys, and what is in a session token.

use base64::{Engine, engine::general_purpose::STANDARD};
use kms_state::{Session, State, decode, encode, identity::AccessKeyStatus};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use zeroize::Zeroizing;

use super::IamError;
use crate::{
    Env,
    identity_key::{self, Purpose},
};

/// The secret of a long-term access key.
pub type LongTermSecret = Zeroizing<String>;

/// What a session token holds.
pub struct OpenedToken {
    /// The access key id that belongs to the token.
    pub access_key_id: String,
    /// The secret that belongs to it.
    pub secret: Zeroizing<String>,
    /// Whose session it is.
    pub session: Arc<Session>,
}

/// The sealed content of a token.
#[derive(Serialize, Deserialize)]
struct Content {
    access_key_id: String,
    secret: Zeroizing<String>,
    session: Session,
}

/// The secret of an active access key; none when there is no such key, or when it does not open here yet.
pub fn access_key_secret(view: &State, env: &Env<'_>, id: &str) -> Option<LongTermSecret> {
    let key = view.identity().access_key(id).filter(|key| key.status == AccessKeyStatus::Active)?;
    let opened = identity_key::open(view, env, Purpose::AccessKeySecret { id }, &key.sealed_secret)?;
    std::str::from_utf8(&opened).ok().map(|text| Zeroizing::new(text.to_owned()))
}

/// What is in a session token that any Region of the deployment made. Says nothing about whether it is over.
pub fn open_session_token(view: &State, env: &Env<'_>, token: &str) -> Option<OpenedToken> {
    let blob = STANDARD.decode(token).ok()?;
    let opened = identity_key::open(view, env, Purpose::SessionToken, &blob)?;
    let Content { access_key_id, secret, session } = decode(&opened).ok()?;
    Some(OpenedToken { access_key_id, secret, session: Arc::new(session) })
}

/// The token of a new session.
pub(super) fn seal_session_token(
    view: &State,
    env: &mut Env<'_>,
    access_key_id: &str,
    secret: &Zeroizing<String>,
    session: &Session,
) -> Result<String, IamError> {
    let content =
        Content { access_key_id: access_key_id.into(), secret: secret.clone(), session: session.clone() };
    let plaintext = Zeroizing::new(encode(&content));
    if plaintext.len() > kms_types::limits::MAX_PLAINTEXT_BYTES {
        let percent = plaintext.len() * 100 / kms_types::limits::MAX_PLAINTEXT_BYTES;
        return Err(IamError::PackedPolicyTooLarge(format!(
            "Packed size of session tags consumes {percent}% of allotted space."
        )));
    }
    let blob = identity_key::seal(view, env, Purpose::SessionToken, &plaintext)?;
    Ok(STANDARD.encode(blob))
}
