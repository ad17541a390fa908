//! What most tests need before they begin: a key that is usable in several Regions.

use aws_sdk_kms::{Client, error::DisplayErrorContext, types::KeyState};
use std::{error::Error as StdError, time::Duration};

use crate::{cluster::Cluster, error::Error, wait::wait_until};

const REPLICATION_LIMIT: Duration = Duration::from_secs(60);

impl Cluster {
    /// The id of a new multi-Region key of `primary`, usable there and in every Region of `replicas`.
    pub async fn multi_region_key(&self, primary: &str, replicas: &[&str]) -> Result<String, Error> {
        let home = self.client(primary);
        let created = home.create_key().multi_region(true).send().await.map_err(call("CreateKey"))?;
        let key = created.key_metadata.map(|metadata| metadata.key_id).unwrap_or_default();
        for region in replicas {
            let call = call("ReplicateKey");
            home.replicate_key().key_id(&key).replica_region(*region).send().await.map_err(call)?;
        }
        for region in replicas {
            self.wait_key_state(region, &key, KeyState::Enabled).await?;
        }
        Ok(key)
    }

    /// Waits until `region` says that `key` is in `state`.
    pub async fn wait_key_state(&self, region: &str, key: &str, state: KeyState) -> Result<(), Error> {
        let client = self.client(region);
        let what = format!("`{key}` is {state} in {region}");
        wait_until(what, REPLICATION_LIMIT, || async {
            (key_state(&client, key).await.as_ref() == Some(&state)).then_some(())
        })
        .await
    }
}

async fn key_state(client: &Client, key: &str) -> Option<KeyState> {
    client.describe_key().key_id(key).send().await.ok()?.key_metadata?.key_state
}

/// For `map_err`: the operation, and the whole chain of what the client says.
fn call<E: StdError>(operation: &'static str) -> impl Fn(E) -> Error {
    move |error| Error::Call { operation, why: DisplayErrorContext(&error).to_string() }
}
