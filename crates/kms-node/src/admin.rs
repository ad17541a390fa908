//! Operators' commands on this node. What changes something is recorded in the audit log (see audited.rs).

mod audited;
mod clock;
mod explain;
mod regions;

use kms_audit::AuditLog;
use kms_region::{EvictScope, Force, KeyResult, PromoteScope};
use kms_state::State;
use kms_transport::{AdminError, AdminHandler, admin_messages as pb, async_trait};
use kms_types::{AccountId, KeyId, KeyState, Region};
use serde_json::json;
use std::collections::BTreeMap;
use tokio::time::Instant;

use crate::{
    config::{NodeConfig, Role},
    group::{ChangeError, Group},
    region_driver::{DriverError, RegionHandle},
};

/// The administration of one node.
pub(crate) struct Admin {
    pub(crate) config: NodeConfig,
    /// Where other Regions are reached that the directory says nothing of.
    pub(crate) addresses: BTreeMap<Region, Vec<String>>,
    pub(crate) group: Group,
    pub(crate) region: RegionHandle,
    pub(crate) audit: AuditLog,
    pub(crate) started: Instant,
}

type Reply<T> = Result<T, AdminError>;

fn done(summary: impl Into<String>) -> Reply<pb::ChangeReply> {
    Ok(pb::ChangeReply { summary: summary.into() })
}

fn changed(error: ChangeError) -> AdminError {
    match error {
        ChangeError::TimedOut(_) => AdminError::Unavailable(error.to_string()),
        _ => AdminError::Refused(error.to_string()),
    }
}

fn driver(error: DriverError) -> AdminError {
    AdminError::Unavailable(error.to_string())
}

fn parse<T: std::str::FromStr<Err: std::fmt::Display>>(text: &str) -> Reply<T> {
    text.parse().map_err(|error: T::Err| AdminError::Invalid(error.to_string()))
}

impl Admin {
    async fn evict(&self, request: &pb::RegionEvictRequest) -> Reply<pb::ChangeReply> {
        let region: Region = parse(&request.region)?;
        let scope = match request.key.as_str() {
            "" => EvictScope::All,
            key => EvictScope::Key(parse(key)?),
        };
        let results = self.region.evict(region, scope).await.map_err(driver)?;
        let refused = results.iter().find(|(_, result)| !matches!(result, KeyResult::Removed { .. }));
        match refused {
            Some((key, result)) => Err(AdminError::Refused(format!("key `{key}`: {result}"))),
            None => done(format!("`{}` is removed from {} keys", request.region, results.len())),
        }
    }

    fn key_counts(&self) -> (u64, u64) {
        let state = &self.group.applied().state;
        let of_accounts = state.keys().filter(|key| key.account != AccountId::SYSTEM);
        of_accounts.fold((0, 0), |(all, multi), key| (all + 1, multi + u64::from(key.multi_region.is_some())))
    }

    /// The typed confirmation of an unsafe promotion is the name of the Region that takes over (rule 9).
    fn force(&self, request: &pb::RegionPromoteRequest) -> Reply<Force> {
        match request.unsafe_without_majority {
            false => Ok(Force::Safe),
            true if request.confirmation == self.config.region.as_str() => Ok(Force::Unsafe),
            true => Err(AdminError::Invalid(format!(
                "an unsafe promotion is confirmed by typing the name of the Region that takes over, `{}`",
                self.config.region
            ))),
        }
    }
}

fn scope(request: &pb::RegionPromoteRequest) -> Reply<PromoteScope> {
    use pb::region_promote_request::What;
    match &request.what {
        Some(What::Key(key)) => Ok(PromoteScope::Key(parse(key)?)),
        Some(What::LostRegion(region)) => Ok(PromoteScope::AllOf(parse(region)?)),
        None => Err(AdminError::Invalid("name a key or the lost Region".into())),
    }
}

fn scope_name(request: &pb::RegionPromoteRequest) -> String {
    use pb::region_promote_request::What;
    match &request.what {
        Some(What::Key(key)) => format!("key {key}"),
        Some(What::LostRegion(region)) => format!("keys whose primary is {region}"),
        None => String::new(),
    }
}

fn promoted(results: BTreeMap<KeyId, KeyResult>, state: &State) -> pb::RegionPromoteReply {
    let one = |(key, result): (KeyId, KeyResult)| pb::PromotedKey {
        key: key.to_string(),
        promoted: matches!(
            result,
            KeyResult::Promoted { .. } | KeyResult::PromotedUnsafely { .. } | KeyResult::AlreadyPrimary
        ),
        detail: regions::promotion_detail(&result, state),
    };
    pb::RegionPromoteReply { keys: results.into_iter().map(one).collect() }
}

#[async_trait]
impl AdminHandler for Admin {
    async fn status(&self, request: pb::StatusRequest) -> Reply<pb::NodeStatus> {
        let (key_count, multi_region_key_count) = self.key_counts();
        let state = self.group.applied().state.clone();
        let state_hash = request.with_state_hash.then(|| self.group.applied().state.hash().to_vec());
        Ok(pb::NodeStatus {
            region: self.config.region.to_string(),
            region_role: match self.config.role {
                Role::Data => "data".into(),
                Role::Witness => "witness".into(),
            },
            key_count,
            multi_region_key_count,
            state_hash,
            peer_regions: regions::peers(&state, &self.region.peers()),
            directory: regions::directory_status(&state),
            unsettled_keys: self.region.link().map(|link| link.unsettled_keys),
            alarms: self.region.link().map(|link| link.alarms).unwrap_or_default(),
            identity_home: state.identity_home().map(|(home, _)| home.to_string()).unwrap_or_default(),
            identity_sequence: state.identity().position().sequence,
            identity_lag: self.region.identity().map(|identity| identity.lag),
            identity_ready: state
                .identity_key()
                .is_some_and(|key| key.state(&self.config.region) == KeyState::Enabled),
            version: env!("CARGO_PKG_VERSION").into(),
            uptime_ms: u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX),
            ..self.group.status()
        })
    }

    async fn add_node(&self, request: pb::AddNodeRequest) -> Reply<pb::ChangeReply> {
        let pb::AddNodeRequest { node, cluster, api } = request;
        self.audited("AddNode", json!({ "node": node, "cluster": cluster, "api": api }), async {
            self.group.add_learner(node, cluster, api).await.map_err(changed)?;
            done(format!("node {node} is a learner and has caught up"))
        })
        .await
    }

    async fn promote_node(&self, request: pb::NodeRequest) -> Reply<pb::ChangeReply> {
        self.audited("PromoteNode", json!({ "node": request.node }), async {
            self.group.promote(request.node).await.map_err(changed)?;
            done(format!("node {} votes", request.node))
        })
        .await
    }

    async fn remove_node(&self, request: pb::NodeRequest) -> Reply<pb::ChangeReply> {
        self.audited("RemoveNode", json!({ "node": request.node }), async {
            self.group.remove(request.node).await.map_err(changed)?;
            done(format!("node {} is removed", request.node))
        })
        .await
    }

    async fn transfer_leader(&self, request: pb::TransferLeaderRequest) -> Reply<pb::ChangeReply> {
        self.audited("TransferLeader", json!({ "node": request.node }), async {
            let leader = self.group.transfer_leader(request.node).await.map_err(changed)?;
            done(format!("node {leader} leads"))
        })
        .await
    }

    async fn region_promote(&self, request: pb::RegionPromoteRequest) -> Reply<pb::RegionPromoteReply> {
        let parameters = json!({
            "scope": scope_name(&request),
            "unsafe": request.unsafe_without_majority,
            "confirmation": request.confirmation,
        });
        self.audited("RegionPromote", parameters, async {
            let results =
                self.region.promote(scope(&request)?, self.force(&request)?).await.map_err(driver)?;
            Ok(promoted(results, &self.group.applied().state))
        })
        .await
    }

    async fn region_evict(&self, request: pb::RegionEvictRequest) -> Reply<pb::ChangeReply> {
        let parameters = json!({ "region": request.region, "key": request.key });
        self.audited("RegionEvict", parameters, self.evict(&request)).await
    }

    async fn region_invite(&self, request: pb::RegionInviteRequest) -> Reply<pb::RegionInviteReply> {
        let parameters = json!({ "region": request.region, "role": request.role, "incarnation": request.incarnation,
            "verifyingKey": request.verifying_key, "nodes": request.nodes });
        self.audited("RegionInvite", parameters, self.invite(&request)).await
    }

    async fn region_remove(&self, request: pb::RegionRemoveRequest) -> Reply<pb::ChangeReply> {
        let parameters = json!({
            "region": request.region,
            "unsafe": request.unsafe_without_majority,
            "loseKeys": request.lose_keys,
            "confirmation": request.confirmation,
        });
        self.audited("RegionRemove", parameters, self.remove_region(&request)).await
    }

    async fn region_link(&self, request: pb::RegionLinkRequest) -> Reply<pb::ChangeReply> {
        let parameters = json!({ "region": request.region, "nodes": request.nodes });
        self.audited("RegionLink", parameters, self.link_region(&request)).await
    }

    async fn region_isolate(&self, request: pb::RegionIsolateRequest) -> Reply<pb::ChangeReply> {
        let name = if request.isolated { "RegionIsolate" } else { "RegionReturn" };
        self.audited(name, json!({ "region": request.region }), self.isolate_region(&request)).await
    }

    async fn rotation_status(&self, request: pb::RotationStatusRequest) -> Reply<pb::RotationStatusReply> {
        self.waiting(&request)
    }

    async fn region_registers(&self, request: pb::RegionRegistersRequest) -> Reply<pb::RegionRegistersReply> {
        self.registers(request).await
    }

    async fn state_hash(&self, _: pb::StateHashRequest) -> Reply<pb::StateHashReply> {
        let applied = self.group.applied();
        Ok(pb::StateHashReply { index: applied.index, hash: applied.state.hash().to_vec() })
    }

    async fn clock(&self, _: pb::ClockRequest) -> Reply<pb::ClockReply> {
        let view =
            self.group.read_view().await.map_err(|error| AdminError::Unavailable(error.to_string()))?;
        Ok(clock::reply(&self.config, &view.state))
    }

    async fn advance_clock(&self, request: pb::AdvanceClockRequest) -> Reply<pb::ClockReply> {
        self.audited("AdvanceClock", json!({ "offsetMs": request.offset_ms }), async {
            clock::check_movable(&self.config, request.offset_ms)?;
            clock::advance(&self.group, request.offset_ms).await?;
            self.clock(pb::ClockRequest {}).await
        })
        .await
    }

    async fn trigger_snapshot(&self, _: pb::TriggerSnapshotRequest) -> Reply<pb::ChangeReply> {
        self.group.trigger_snapshot().await.map_err(changed)?;
        done("a snapshot is being taken")
    }

    async fn explain(&self, request: pb::ExplainRequest) -> Reply<pb::ExplainReply> {
        let question = explain::question(request)?;
        let view =
            self.group.read_view().await.map_err(|error| AdminError::Unavailable(error.to_string()))?;
        explain::answer(&view.state, &question)
    }
}
