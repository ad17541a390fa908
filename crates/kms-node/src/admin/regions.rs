//! Operators' commands about Regions: who votes, who is reached where, who is not spoken to, and what keys wait for.

use kms_crypto::VerifyingKey;
use kms_region::{DirectoryResult, Force, KeyResult, Losses};
use kms_state::{
    Command, ControlRecord, Directory, DirectoryChange, Membership, Origin, Outcome, Phase, Proposal,
    RegionRole, Register, State, Voter,
};
use kms_transport::{AdminError, admin_messages as pb};
use kms_types::{Entropy, KeyId, ProposalId, Region};
use std::collections::BTreeMap;

use super::{Admin, Reply, done, driver, parse};
use crate::{entropy::OsEntropy, invitation::Invitation, region_driver::PeerStatus, regions::addresses};

/// Registers in one answer.
const MOST_REGISTERS: usize = 500;
/// Keys in one answer about what they wait for.
const MOST_WAITING: usize = 1_000;

impl Admin {
    pub(super) async fn invite(&self, request: &pb::RegionInviteRequest) -> Reply<pb::RegionInviteReply> {
        let region: Region = parse(&request.region)?;
        let voter = Voter {
            incarnation: parse(&request.incarnation)?,
            verifying_key: verifying_key(&request.verifying_key)?,
            role: role(&request.role)?,
        };
        let nodes = nodes(&request.nodes)?;
        let change = DirectoryChange::Add { region: region.clone(), voter: voter.clone(), nodes };
        let result =
            self.region.change_directory(change, Force::Safe, Losses::Refused).await.map_err(driver)?;
        let state = self.group.applied().state.clone();
        let proposed = state.next_directory().map(|next| next.directory.clone());
        let directory = match &result {
            DirectoryResult::Changed { .. } => state.directory().cloned(),
            // It waits for the Region that it lets in: that one needs the invitation to be able to answer.
            DirectoryResult::Unconfirmed { .. } => proposed,
            _ => None,
        };
        let invited = |directory: &Directory| directory.voters.get(&region) == Some(&voter);
        let Some(directory) = directory.filter(invited) else { return Err(refused(&result, &state)) };
        let in_force = matches!(result, DirectoryResult::Changed { .. });
        let summary = match in_force {
            true => format!("`{region}` is let in: start its nodes with the invitation"),
            false => {
                format!("{result}; `{region}` is let in once it answers: start its nodes with the invitation")
            }
        };
        Ok(pb::RegionInviteReply { summary, in_force, invitation: self.invitation(&state, directory)? })
    }

    fn invitation(&self, state: &State, directory: Directory) -> Reply<String> {
        let deployment =
            state.deployment().ok_or_else(|| AdminError::Unavailable("not bootstrapped".into()))?;
        let mut nodes = addresses(state, &self.addresses);
        nodes.retain(|region, _| directory.voters.contains_key(region));
        nodes.insert(self.config.region.clone(), self.own_addresses());
        let invitation = Invitation { deployment, directory, nodes };
        serde_json::to_string_pretty(&invitation).map_err(|error| AdminError::Internal(error.to_string()))
    }

    fn own_addresses(&self) -> Vec<String> {
        self.group.status().members.into_iter().map(|member| member.cluster).collect()
    }

    pub(super) async fn remove_region(&self, request: &pb::RegionRemoveRequest) -> Reply<pb::ChangeReply> {
        let region: Region = parse(&request.region)?;
        let breaks_glass = request.unsafe_without_majority || request.lose_keys;
        if breaks_glass && request.confirmation != request.region {
            return Err(AdminError::Invalid(format!(
                "a removal that is unsafe or loses keys is confirmed by typing the name of the Region, `{region}`"
            )));
        }
        let force = if request.unsafe_without_majority { Force::Unsafe } else { Force::Safe };
        let losses = if request.lose_keys { Losses::Accepted } else { Losses::Refused };
        let change = DirectoryChange::Remove { region: region.clone() };
        match self.region.change_directory(change, force, losses).await.map_err(driver)? {
            DirectoryResult::Changed { generation } => done(format!(
                "`{region}` is removed, directory {generation} is in force; primaries drop it from their keys"
            )),
            result => Err(refused(&result, &self.group.applied().state)),
        }
    }

    pub(super) async fn link_region(&self, request: &pb::RegionLinkRequest) -> Reply<pb::ChangeReply> {
        let (region, nodes): (Region, _) = (parse(&request.region)?, nodes(&request.nodes)?);
        let change = DirectoryChange::Link { region: region.clone(), nodes };
        match self.region.change_directory(change, Force::Safe, Losses::Refused).await.map_err(driver)? {
            DirectoryResult::Changed { generation } => {
                done(format!("`{region}` is reached at {}, directory {generation}", request.nodes.join(", ")))
            }
            result => Err(refused(&result, &self.group.applied().state)),
        }
    }

    pub(super) async fn isolate_region(&self, request: &pb::RegionIsolateRequest) -> Reply<pb::ChangeReply> {
        let region: Region = parse(&request.region)?;
        let entropy: &mut dyn Entropy = &mut OsEntropy;
        let proposal = Proposal {
            id: ProposalId::from_random(entropy.array()),
            origin: Origin::Operator { node: self.group.node() },
            expect: None,
            command: Command::SetIsolation { region: region.clone(), isolated: request.isolated },
        };
        match self.group.propose(proposal).await {
            Ok(Outcome::Refused(refusal)) => return Err(AdminError::Refused(refusal.to_string())),
            Ok(_) => {}
            Err(error) => return Err(AdminError::Unavailable(error.to_string())),
        }
        let own = region == self.config.region;
        let with = if own { "any other Region".to_owned() } else { format!("`{region}`") };
        match request.isolated {
            true => done(format!(
                "no letters are exchanged with {with} until `meridian region return`; cryptography goes on"
            )),
            false => done(format!("letters are exchanged with {with} again; what was missed is pulled")),
        }
    }

    pub(super) fn waiting(&self, request: &pb::RotationStatusRequest) -> Reply<pb::RotationStatusReply> {
        let only: Option<KeyId> = if request.key.is_empty() { None } else { Some(parse(&request.key)?) };
        let state = self.group.applied().state.clone();
        let link = self.region.link().ok_or_else(|| {
            AdminError::Unavailable("only the leader of the Region hears what members have installed".into())
        })?;
        let own = |record: &&ControlRecord| {
            record.primary == self.config.region && record.awaits_installation() && !record.is_destroyed()
        };
        let asked = state.registers().filter(|(key, _)| only.is_none_or(|only| only == **key));
        let records = asked.filter_map(|(_, register)| register.committed.as_deref()).filter(own);
        let seen = |key: &KeyId| link.rotations.iter().find(|rotation| rotation.key == *key);
        let waiting = records.flat_map(|record| {
            let rotation = record.staged().map(|material| {
                let seen = seen(&record.key);
                let regions = seen.map(|seen| names(&seen.regions)).unwrap_or_default();
                let material = material.id.to_string();
                let waiting_ms = seen.map(|seen| seen.waiting_ms);
                pb::Waiting {
                    key: record.key.to_string(),
                    what: "rotation".into(),
                    material,
                    regions,
                    waiting_ms,
                }
            });
            let import = record.pending_import().map(|material| pb::Waiting {
                key: record.key.to_string(),
                what: "import".into(),
                material: material.id.to_string(),
                ..pb::Waiting::default()
            });
            let joining = joining(record);
            let replication = (!joining.is_empty()).then(|| pb::Waiting {
                key: record.key.to_string(),
                what: "replication".into(),
                regions: joining,
                ..pb::Waiting::default()
            });
            [rotation, import, replication].into_iter().flatten()
        });
        Ok(pb::RotationStatusReply { waiting: waiting.take(MOST_WAITING).collect() })
    }

    pub(super) async fn registers(
        &self,
        request: pb::RegionRegistersRequest,
    ) -> Reply<pb::RegionRegistersReply> {
        let view =
            self.group.read_view().await.map_err(|error| AdminError::Unavailable(error.to_string()))?;
        let optional = |text: &str| if text.is_empty() { Ok(None) } else { parse::<KeyId>(text).map(Some) };
        let (after, only) = (optional(&request.after)?, optional(&request.key)?);
        let most = usize::try_from(request.most).unwrap_or(MOST_REGISTERS).clamp(1, MOST_REGISTERS);
        let mut found = match only {
            Some(key) => {
                view.state.register(&key).map(|register| register_view(&key, register)).into_iter().collect()
            }
            None => {
                let following = view.state.registers_after(after);
                following
                    .take(most + 1)
                    .map(|(key, register)| register_view(key, register))
                    .collect::<Vec<_>>()
            }
        };
        let more = found.len() > most;
        found.truncate(most);
        Ok(pb::RegionRegistersReply { index: view.index, registers: found, more })
    }
}

/// What this Region goes by, and why it may have no say.
pub(super) fn directory_status(state: &State) -> Option<pb::DirectoryStatus> {
    let directory = state.directory()?;
    let next = state.next_directory().map(|next| &next.directory);
    Some(pb::DirectoryStatus {
        generation: directory.generation,
        voters: directory.voters.keys().map(Region::to_string).collect(),
        next_generation: next.map(|next| next.generation),
        next_voters: next.map(|next| next.voters.keys().map(Region::to_string).collect()).unwrap_or_default(),
        reading: state.is_survey_open(),
        votes: state.has_vote(),
        removed: !state.is_in_directory(),
        rolled_back_by: state.rolled_back().map(Region::to_string).unwrap_or_default(),
        isolated: state.isolated().map(Region::to_string).collect(),
        forced: directory.forced,
    })
}

pub(super) fn peers(state: &State, known: &BTreeMap<Region, PeerStatus>) -> Vec<pb::PeerRegion> {
    let voters = state.directory().map(|directory| directory.voters.clone()).unwrap_or_default();
    let others = voters.iter().filter(|(region, _)| state.region() != Some(*region));
    others.map(|(region, voter)| peer(state, region, voter, known.get(region))).collect()
}

fn peer(state: &State, region: &Region, voter: &Voter, known: Option<&PeerStatus>) -> pb::PeerRegion {
    let mut shown = pb::PeerRegion {
        region: region.to_string(),
        role: role_name(voter.role).into(),
        incarnation: voter.incarnation.to_string(),
        isolated: state.is_isolated_from(region),
        ..pb::PeerRegion::default()
    };
    if let Some(status) = known {
        shown.last_heard_ms = status.last_heard_ms;
        shown.lag = status.lag;
        shown.canary_age_ms = Some(status.canary_age_ms);
        shown.alarms = status.alarms.clone();
        shown.rotations_held_up = status.rotations_held_up.iter().map(KeyId::to_string).collect();
        let refused = status.refused.iter().map(|(reason, count)| ((*reason).to_owned(), *count));
        shown.refused = refused.collect();
        shown.last_refusal = status.last_refusal.clone().unwrap_or_default();
    }
    shown
}

/// What would make a promotion possible, for who may not know the rules (failure case 16).
pub(super) fn promotion_detail(result: &KeyResult, state: &State) -> String {
    let KeyResult::NoMajority { missing } = result else { return result.to_string() };
    format!("{result}. {}", majority_advice(state, missing, "region promote"))
}

fn majority_advice(state: &State, missing: &[Region], command: &str) -> String {
    let Some(directory) = state.directory() else { return String::new() };
    let (voters, needed) = (directory.voters.len(), directory.voters.len() / 2 + 1);
    let has_witness = directory.voters.values().any(|voter| voter.role == RegionRole::Witness);
    let silent = names(missing).join(", ");
    let mut advice = format!(
        "{needed} of the {voters} voting Regions must answer; it becomes possible when one of those that are silent is \
         reachable again"
    );
    if voters == 2 && !has_witness {
        advice.push_str(
            ". Two Regions without a witness cannot tell a lost Region from a cut link: a witness, let in while both \
             live (`meridian region prepare NAME --witness`, then `region invite`), makes the next loss safe",
        );
    }
    format!("{advice}. Only if you know that {silent} is gone for ever: `meridian {command} --unsafe`")
}

fn refused(result: &DirectoryResult, state: &State) -> AdminError {
    match result {
        DirectoryResult::NoMajority { missing, .. } => AdminError::Refused(format!(
            "{result}. {}",
            majority_advice(state, missing, "region remove REGION")
        )),
        DirectoryResult::Unconfirmed { .. } => AdminError::Unavailable(result.to_string()),
        _ => AdminError::Refused(result.to_string()),
    }
}

fn role(text: &str) -> Reply<RegionRole> {
    match text {
        "data" => Ok(RegionRole::Data),
        "witness" => Ok(RegionRole::Witness),
        other => Err(AdminError::Invalid(format!("role `{other}` is neither `data` nor `witness`"))),
    }
}

fn role_name(role: RegionRole) -> &'static str {
    match role {
        RegionRole::Data => "data",
        RegionRole::Witness => "witness",
    }
}

fn verifying_key(text: &str) -> Reply<VerifyingKey> {
    let mut bytes = [0; 32];
    let decoded = hex::decode_to_slice(text, &mut bytes);
    decoded.map_err(|_| AdminError::Invalid("a verifying key is 64 hex digits".into()))?;
    Ok(VerifyingKey(bytes))
}

/// Checked here, because a wrong address would be agreed on by every Region.
fn nodes(addresses: &[String]) -> Reply<Vec<String>> {
    let is_address = |address: &&String| {
        let (host, port) = address.rsplit_once(':').unwrap_or_default();
        !host.is_empty() && !host.contains('/') && port.parse::<u16>().is_ok_and(|port| port > 0)
    };
    match addresses.iter().find(|address| !is_address(address)) {
        Some(wrong) => Err(AdminError::Invalid(format!("`{wrong}` is not HOST:PORT"))),
        None if addresses.is_empty() => {
            Err(AdminError::Invalid("name at least one node as HOST:PORT".into()))
        }
        None => Ok(addresses.to_vec()),
    }
}

fn names(regions: &[Region]) -> Vec<String> {
    regions.iter().map(Region::to_string).collect()
}

fn joining(record: &ControlRecord) -> Vec<String> {
    let joining = record.members.iter().filter(|(_, member)| matches!(member, Membership::Joining(_)));
    joining.map(|(region, _)| region.to_string()).collect()
}

fn register_view(key: &KeyId, register: &Register) -> pb::RegisterView {
    let version = |record: &Option<std::sync::Arc<ControlRecord>>| {
        record.as_ref().map(|record| record.version.to_string()).unwrap_or_default()
    };
    let mut view = pb::RegisterView {
        key: key.to_string(),
        promised: register.promised.as_ref().map(ToString::to_string).unwrap_or_default(),
        accepted: version(&register.accepted),
        committed: version(&register.committed),
        displaced: register.displaced.iter().map(|material| material.id.to_string()).collect(),
        sequence: register.sequence,
        ..pb::RegisterView::default()
    };
    if let Some(record) = register.committed.as_deref() {
        let joining = joining(record);
        let member = |region: &Region| match joining.contains(&region.to_string()) {
            true => format!("{region} (joining)"),
            false => region.to_string(),
        };
        view.primary = record.primary.to_string();
        view.members = record.members.keys().map(member).collect();
        view.phase = match &record.phase {
            Phase::Stable => "stable".into(),
            Phase::Updating { successor, .. } => format!("updating to {successor}"),
            Phase::Destroyed if record.is_given_up() => "given up".into(),
            Phase::Destroyed => "destroyed".into(),
        };
        view.current = record.current.map(|id| id.to_string()).unwrap_or_default();
        view.materials = record.materials.iter().map(|m| format!("{} {:?}", m.id, m.status)).collect();
        view.unsafe_promotions = record.unsafe_promotions;
    }
    view
}
