//! `probe`: one call, to a Region or to one node, and whether it is served.

use base64::{Engine, prelude::BASE64_STANDARD};
use kms_types::Region;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use crate::{
    drill::{
        callers::{Callers, text},
        definition::{Call, Probe, Service},
        observer::Sealed,
        stage::Stage,
        steps::missed,
    },
    failure::Failure,
    local::target::Selector,
};

const POLL: Duration = Duration::from_millis(100);
const PLAINTEXT: &[u8] = b"probe of a drill";

/// Who is called.
struct Called {
    region: Region,
    name: String,
    callers: Callers,
}

impl Stage<'_> {
    pub(super) async fn probe(&mut self, probe: &Probe) -> Result<(), Failure> {
        let called = self.called(probe).await?;
        let (operation, body) = self.call(probe.call, &called.region)?;
        let until = Instant::now() + probe.within.duration();
        loop {
            let answer = called.callers.once(&called.region, operation, body.clone()).await;
            let seen = if answer.is_ok() { Service::Served } else { Service::NotServed };
            if let (Call::Encrypt, Ok(answer)) = (probe.call, &answer) {
                self.seen_sealed(&called.region, &body, answer);
            }
            let said = answer.map_or_else(|error| error.to_string(), |_| "it is served".to_owned());
            if seen == probe.expect {
                self.observer.event(format!("probe: {operation} at {}: {said}", called.name));
                let name = format!("probe: {} {} {operation}", called.name, words(probe.expect));
                self.checks.add(name, true, said);
                return Ok(());
            }
            if Instant::now() > until {
                let (name, within) = (called.name, probe.within);
                return Err(missed(match probe.expect {
                    Service::Served => format!("{name} does not serve {operation} after {within}: {said}"),
                    Service::NotServed => format!("{name} still serves {operation} after {within}"),
                }));
            }
            tokio::time::sleep(POLL).await;
        }
    }

    async fn called(&self, probe: &Probe) -> Result<Called, Failure> {
        let region = self.region(&probe.at.place)?;
        let (name, endpoint) = match probe.at.nodes {
            Selector::All => (region.to_string(), self.scene.cluster().endpoint()),
            Selector::Id(_) | Selector::Leader => {
                let nodes = self.resolve(&probe.at).await?;
                let cluster = self.scene.cluster();
                let found = cluster.nodes().find(|(key, _)| nodes.first() == Some(key));
                let (key, plan) = found.ok_or_else(|| missed(format!("there is no `{}`", probe.at)))?;
                (key.to_string(), format!("http://{}", plan.api()))
            }
        };
        let callers = Callers::new(&endpoint, std::slice::from_ref(&region), Arc::clone(&self.observer));
        Ok(Called { region, name, callers })
    }

    fn call(&self, call: Call, region: &Region) -> Result<(&'static str, Value), Failure> {
        let key = || {
            let found =
                self.keys.all().into_iter().find(|key| key.multi_region && key.regions.contains(region));
            found.ok_or_else(|| missed(format!("{region} holds no multi-Region key of the drill")))
        };
        Ok(match call {
            Call::Encrypt => {
                let plaintext = BASE64_STANDARD.encode(PLAINTEXT);
                ("Encrypt", json!({ "KeyId": key()?.id, "Plaintext": plaintext }))
            }
            Call::DescribeKey => ("DescribeKey", json!({ "KeyId": key()?.id })),
            Call::CreateKey => ("CreateKey", json!({ "Description": "probe of a drill" })),
            Call::Decrypt => {
                let able = |sealed: &Arc<Sealed>| sealed.multi_region || sealed.region == *region;
                let newest = self.observer.every_sealed().into_iter().rfind(able);
                let newest =
                    newest.ok_or_else(|| missed("there is no ciphertext yet: `hold` for a while"))?;
                let body =
                    json!({ "CiphertextBlob": newest.ciphertext, "EncryptionContext": newest.context });
                ("Decrypt", body)
            }
        })
    }

    /// A ciphertext of a probe is looked after like any other.
    fn seen_sealed(&self, region: &Region, body: &Value, answer: &Value) {
        self.observer.sealed(Sealed {
            key: text(body, "/KeyId").unwrap_or_default().to_owned(),
            multi_region: true,
            region: region.clone(),
            ciphertext: text(answer, "/CiphertextBlob").unwrap_or_default().to_owned(),
            plaintext_sha256: Sha256::digest(PLAINTEXT).into(),
            context: json!({}),
            at_ms: self.observer.now_ms(),
        });
    }
}

fn words(expected: Service) -> &'static str {
    match expected {
        Service::Served => "serves",
        Service::NotServed => "does not serve",
    }
}
