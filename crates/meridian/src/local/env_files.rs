//! AWS configuration with one profile per Region, written below the data directory. Never touches `~/.aws`.

use std::{fmt::Write, fs};

use crate::{
    failure::{Failure, io_error},
    local::{
        generate::private_dir,
        layout::{Cluster, DataDir, loopback},
        node_config::{ACCESS_KEY_ID, SECRET_ACCESS_KEY},
    },
};

/// Writes `aws/config` and `aws/credentials`.
pub(super) fn write(dir: &DataDir, cluster: &Cluster) -> Result<(), Failure> {
    private_dir(&dir.aws())?;
    for (name, text) in [("config", config(cluster)), ("credentials", credentials(cluster))] {
        let path = dir.aws().join(name);
        fs::write(&path, text).map_err(io_error("write", &path))?;
    }
    Ok(())
}

/// The profile of a Region.
pub(super) fn profile(region: &kms_types::Region) -> String {
    format!("meridian-{region}")
}

fn config(cluster: &Cluster) -> String {
    let mut text = String::new();
    if let Some(first) = cluster.data_regions().next() {
        section(
            &mut text,
            "default",
            "meridian",
            first.name.as_str(),
            &cluster.endpoint(),
            &cluster.endpoint(),
        );
    }
    for region in cluster.data_regions() {
        let endpoint =
            region.gateway.map_or_else(|| cluster.endpoint(), |port| format!("http://{}", loopback(port)));
        let name = profile(&region.name);
        let head = format!("profile {name}");
        section(&mut text, &head, &name, region.name.as_str(), &endpoint, &cluster.endpoint());
    }
    text
}

/// Keys and sessions belong to a Region; identities are changed in their home, which the gateway finds.
fn section(text: &mut String, head: &str, services: &str, region: &str, endpoint: &str, gateway: &str) {
    let _ = write!(
        text,
        "[{head}]\nregion = {region}\nservices = {services}\n\n[services {services}]\nkms =\n  endpoint_url = {endpoint}\n\
         sts =\n  endpoint_url = {endpoint}\niam =\n  endpoint_url = {gateway}\n\n"
    );
}

fn credentials(cluster: &Cluster) -> String {
    let names = std::iter::once("default".to_owned()).chain(cluster.data_regions().map(|r| profile(&r.name)));
    let section = |name| {
        format!(
            "[{name}]\naws_access_key_id = {ACCESS_KEY_ID}\naws_secret_access_key = {SECRET_ACCESS_KEY}\n\n"
        )
    };
    names.map(section).collect()
}
