//! The keys that a benchmark uses: one per spec and usage, in the Region and in this process.

use base64::{Engine, prelude::BASE64_STANDARD};
use kms_crypto::KeyMaterial;
use kms_http::client::KmsClient;
use kms_types::{KeySpec, KeyUsage, Region};
use serde_json::{Value, json};
use std::{collections::BTreeMap, net::SocketAddr, sync::Arc, time::Duration};

use crate::{bench::text, entropy::OsEntropy, failure::Failure};

/// Generous: RSA keys are drawn on the way.
const CALL_TIMEOUT: Duration = Duration::from_secs(60);

/// One node, and the keys made so far.
pub(super) struct Server {
    client: KmsClient,
    remote: BTreeMap<(KeySpec, KeyUsage), String>,
    local: BTreeMap<KeySpec, Local>,
}

/// Material that this process made, for the library calls.
#[derive(Clone)]
pub(super) struct Local {
    /// The material.
    pub(super) material: Arc<KeyMaterial>,
    /// Its public half; empty for shared secrets.
    pub(super) public_key: Arc<[u8]>,
}

impl Server {
    /// Nothing made yet.
    pub(super) fn new(node: SocketAddr, region: &Region) -> Self {
        let client = crate::api::client(&format!("http://{node}"), region, CALL_TIMEOUT);
        Self { client, remote: BTreeMap::new(), local: BTreeMap::new() }
    }

    /// The id of the KMS key of this spec and usage.
    pub(super) async fn key(&mut self, spec: KeySpec, usage: KeyUsage) -> Result<String, Failure> {
        if let Some(id) = self.remote.get(&(spec, usage)) {
            return Ok(id.clone());
        }
        let body = json!({ "KeySpec": spec.as_str(), "KeyUsage": usage.as_str() });
        let id = text(&self.call("CreateKey", body).await?, "/KeyMetadata/KeyId")?;
        self.remote.insert((spec, usage), id.clone());
        Ok(id)
    }

    /// Material of this spec.
    pub(super) fn material(&mut self, spec: KeySpec) -> Result<Local, Failure> {
        if let Some(local) = self.local.get(&spec) {
            return Ok(local.clone());
        }
        let failed = |error: kms_crypto::CryptoError| Failure::Bench(error.to_string());
        let material = KeyMaterial::generate(spec, &mut OsEntropy).map_err(failed)?;
        let public_key = material.public_key().map_err(failed)?.unwrap_or_default();
        let local = Local { material: Arc::new(material), public_key: public_key.into() };
        self.local.insert(spec, local.clone());
        Ok(local)
    }

    /// One call.
    pub(super) async fn call(&self, operation: &str, body: Value) -> Result<Value, Failure> {
        let failed = |error| Failure::Bench(format!("{operation}: {error}"));
        self.client.call(operation, body).await.map_err(failed)
    }

    /// A text of the answer to one call, such as its ciphertext.
    pub(super) async fn made(&self, operation: &str, body: Value, pointer: &str) -> Result<String, Failure> {
        let answer = self.call(operation, body).await?;
        text(&answer, pointer).map_err(|error| Failure::Bench(format!("{operation}: {}", error.explain())))
    }
}

/// Bytes as the API carries them.
pub(super) fn blob(bytes: &[u8]) -> String {
    BASE64_STANDARD.encode(bytes)
}
