//! `snapshot`, `restore`, `evict`: all disks of a Region come back at an earlier state, and it is done without. A node's own disk
//! is never restored, it is replaced.

use kms_transport::admin_messages as messages;
use kms_types::Region;
use std::{
    fs,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use crate::{
    drill::{
        definition::{Evict, Place, Time},
        in_force::Ill,
        scene::DrillKey,
        stage::Stage,
        steps::{missed, replacement::snapshots},
    },
    failure::{Failure, io_error},
    local::{control::Action, layout::NodeKey, regions::ended},
};

const START_TIMEOUT: Time = Time::from_ms(90_000);
const POLL: Duration = Duration::from_millis(100);

impl Stage<'_> {
    pub(super) async fn snapshot(&mut self, place: &Place) -> Result<(), Failure> {
        let region = self.region(place)?;
        let nodes = self.nodes_of(&region);
        self.disturbance_begins();
        let at_ms = self.observer.event(format!("stopping {} for a copy of its disks", self.named(&nodes)));
        self.act(Action::Stop, &nodes).await?;
        self.faults.nodes(format!("{}: stopped for a copy", self.named(&nodes)), &nodes, Ill::Down, at_ms);
        ended(&self.scene.dir, &nodes).await?;
        for node in &nodes {
            let (from, to) = (self.data(node), self.copy_of(node));
            copy_tree(&from, &to)?;
        }
        self.bring_up(Action::Start, nodes).await?;
        self.serving(&region, START_TIMEOUT).await
    }

    /// The Region runs on an earlier state of its disks. What it changed on its own since then is gone with it.
    pub(super) async fn restore(&mut self, place: &Place) -> Result<(), Failure> {
        let region = self.region(place)?;
        let nodes = self.nodes_of(&region);
        if let Some(node) = nodes.iter().find(|node| !self.copy_of(node).exists()) {
            return Err(missed(format!("there is no copy of {node}: a `snapshot` step comes first")));
        }
        self.disturbance_begins();
        let at_ms = self.observer.event(format!("{} goes back to the copy", self.named(&nodes)));
        self.act(Action::Kill, &nodes).await?;
        self.faults.nodes(format!("{}: restored", self.named(&nodes)), &nodes, Ill::Down, at_ms);
        ended(&self.scene.dir, &nodes).await?;
        for node in &nodes {
            let data = self.data(node);
            fs::remove_dir_all(&data).map_err(io_error("remove", &data))?;
            copy_tree(&self.copy_of(node), &data)?;
        }
        self.observer.went_back(&region);
        self.tell_changes();
        self.bring_up(Action::Start, nodes).await
    }

    /// Removes a Region from every key, in the keys' primary Regions.
    pub(super) async fn evict(&mut self, wanted: &Evict) -> Result<(), Failure> {
        let region = self.region(&wanted.region)?;
        let until = Instant::now() + wanted.within.duration();
        let keys: Vec<DrillKey> = self.keys.all().into_iter().filter(|key| key.multi_region).collect();
        for key in &keys {
            if key.primary == region {
                return Err(missed(format!(
                    "{region} is the primary of `{}`: promote another Region first",
                    key.id
                )));
            }
            while let Err(failure) = self.evict_from(key, &region).await {
                if Instant::now() > until {
                    return Err(failure);
                }
                tokio::time::sleep(POLL).await;
            }
        }
        self.observer.event(format!("{region} is no member of {} keys any more", keys.len()));
        Ok(())
    }

    async fn evict_from(&self, key: &DrillKey, region: &Region) -> Result<(), Failure> {
        let request = messages::RegionEvictRequest { key: key.id.clone(), region: region.to_string() };
        let mut client = self.region_leader(&key.primary).await?;
        let said = client.region_evict(request).await;
        said.map(drop).map_err(|error| missed(format!("`{}`: {error}", key.id)))
    }

    fn data(&self, node: &NodeKey) -> PathBuf {
        self.scene.dir.node(node).join("data")
    }

    fn copy_of(&self, node: &NodeKey) -> PathBuf {
        snapshots(self.scene.dir.root()).join(node.region.as_str()).join(node.id.to_string())
    }
}

fn copy_tree(from: &Path, to: &Path) -> Result<(), Failure> {
    fs::create_dir_all(to).map_err(io_error("create", to))?;
    for entry in fs::read_dir(from).map_err(io_error("read", from))? {
        let entry = entry.map_err(io_error("read", from))?;
        let (path, target) = (entry.path(), to.join(entry.file_name()));
        if path.is_dir() {
            copy_tree(&path, &target)?;
        } else {
            fs::copy(&path, &target).map_err(io_error("copy", &path))?;
        }
    }
    Ok(())
}
