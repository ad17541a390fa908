//! `apply`: one committed proposal changes the state, in one place per command.

mod aliases;
mod clock;
mod directory;
mod events;
mod grants;
mod history;
mod identity;
mod import;
mod keys;
mod registers;
mod rotation;

use kms_types::Timestamp;
use std::collections::BTreeSet;

use crate::{
    Command, Expectation, Outcome, Proposal, Refusal, State,
    state::{DirectoryRegister, Meta, Remembered},
};

impl State {
    /// Applies one committed proposal; `index` is its log index. Pure and total: equal states and equal proposals give
    /// equal states and outcomes on every node (invariant A3).
    pub fn apply(&mut self, index: u64, proposal: &Proposal) -> Outcome {
        if let Some(outcome) = self.remembered(&proposal.id) {
            return outcome.clone();
        }
        self.begin(index);
        let outcome = match self.check(proposal) {
            Ok(()) => self.change(index, &proposal.command).unwrap_or_else(Outcome::Refused),
            Err(refusal) => Outcome::Refused(refusal),
        };
        if !matches!(proposal.command, Command::Tick { .. }) {
            let at = self.region_time();
            self.put_proposal(proposal.id, Remembered { index, at, outcome: outcome.clone() });
        }
        self.forget_proposals();
        self.sweep();
        outcome
    }

    fn check(&self, proposal: &Proposal) -> Result<(), Refusal> {
        let bootstrap = matches!(proposal.command, Command::Bootstrap { .. });
        match (self.is_bootstrapped(), bootstrap) {
            (true, true) => return Err(Refusal::AlreadyBootstrapped),
            (false, false) => return Err(Refusal::NotBootstrapped),
            _ => {}
        }
        match &proposal.expect {
            Some(expected) if !self.meets(expected) => Err(Refusal::Stale(expected.key)),
            _ => Ok(()),
        }
    }

    /// True while what the proposer's authorization relied on still holds (invariant B2).
    fn meets(&self, expected: &Expectation) -> bool {
        let Expectation { key, revision, grant } = expected;
        self.key(key).is_some_and(|k| k.revision == *revision)
            && grant.is_none_or(|grant| self.grant(key, &grant).is_some())
    }

    fn change(&mut self, index: u64, command: &Command) -> Result<Outcome, Refusal> {
        match command {
            Command::Bootstrap {
                deployment,
                region,
                incarnation,
                directory,
                domain_keys,
                clock,
                identity_key,
            } => {
                for wrapped in domain_keys {
                    self.put_domain_key(wrapped.clone());
                }
                let survey_open = directory.needs_survey();
                self.put_meta(Meta {
                    deployment: *deployment,
                    region: region.clone(),
                    incarnation: *incarnation,
                    directory: directory.clone(),
                    region_time: Timestamp::default(),
                    clock: *clock,
                    next: DirectoryRegister::default(),
                    survey_open,
                    votes: !survey_open,
                    isolated: BTreeSet::new(),
                    rolled_back: None,
                });
                match identity_key {
                    Some(create) => identity::create_key(self, index, create),
                    None => Ok(Outcome::Applied),
                }
            }
            Command::Tick { now } => clock::tick(self, *now),
            Command::AdvanceClock { offset_ms } => clock::advance(self, *offset_ms),
            Command::CreateKey(create) => keys::create(self, index, create),
            Command::SetEnablement { key, enablement } => keys::set_enablement(self, key, *enablement),
            Command::SetDescription { key, description } => keys::set_description(self, key, description),
            Command::ScheduleDeletion { key, window_days } => {
                keys::schedule_deletion(self, key, *window_days)
            }
            Command::CancelDeletion { key } => keys::cancel_deletion(self, key),
            Command::DestroyKey { key } => keys::destroy(self, key),
            Command::PutPolicy { key, policy } => keys::put_policy(self, key, policy),
            Command::Tag { key, tags, most } => keys::tag(self, key, tags, *most),
            Command::Untag { key, tag_keys } => keys::untag(self, key, tag_keys),
            Command::CreateAlias { account, alias, target, most } => {
                aliases::create(self, *account, alias, target, *most)
            }
            Command::UpdateAlias { account, alias, target, most } => {
                aliases::update(self, *account, alias, target, *most)
            }
            Command::DeleteAlias { account, alias } => aliases::delete(self, *account, alias),
            Command::CreateGrant(create) => grants::create(self, create),
            Command::RetireGrant { key, grant } | Command::RevokeGrant { key, grant } => {
                grants::remove(self, key, grant)
            }
            Command::SetAutomaticRotation { key, automatic } => {
                rotation::set_automatic(self, key, *automatic)
            }
            Command::Rotate { key, material, trigger, most_on_demand } => {
                rotation::rotate(self, key, material, *trigger, *most_on_demand)
            }
            Command::ImportMaterial(imported) => import::import(self, imported),
            Command::DeleteImportedMaterial { key, material } => import::delete(self, key, material),
            Command::ExpireMaterials { key } => import::expire(self, key),
            Command::RotateImported { key, material, most_on_demand } => {
                import::rotate(self, key, material, *most_on_demand)
            }
            Command::ProposeRecord { record, base, material } => {
                registers::propose(self, record, base, material.as_ref())
            }
            Command::ProposeImport { record, base, import } => {
                registers::propose_import(self, record, base, import)
            }
            Command::ProposePromotion { record } => registers::propose_promotion(self, record),
            Command::AcceptRecords { records } => Ok(registers::accept(self, records)),
            Command::PromiseEpochs { epochs } => Ok(registers::promise(self, epochs)),
            Command::CommitRecords { records } => registers::commit(self, index, records),
            Command::InstallMaterials { materials } => registers::install(self, materials),
            Command::RecordUsage { keys, access_keys } => {
                events::record_access_key_usage(self, access_keys);
                Ok(events::record_usage(self, keys))
            }
            Command::ForgetServiceEvents { events } => Ok(events::forget(self, events)),
            Command::ChangeIdentity(change) => identity::change(self, change),
            Command::FollowIdentity { entries } => identity::follow(self, entries),
            Command::ReplaceIdentity(copy) => identity::replace(self, copy),
            Command::PromiseDirectory { generation, ballot } => directory::promise(self, *generation, ballot),
            Command::AcceptDirectory(proposed) => directory::accept(self, proposed),
            Command::CommitDirectory(directory) => directory::commit(self, directory),
            Command::MergeRegisters { registers } => directory::merge(self, index, registers),
            Command::FinishSurvey { generation } => directory::finish_survey(self, *generation),
            Command::SetIsolation { region, isolated } => directory::isolate(self, region, *isolated),
            Command::NoteRollback { peer, memory } => history::note_rollback(self, index, peer, memory),
            Command::TakeOffice { office } => Ok(history::take_office(self, index, *office)),
            Command::Heard { marks, command } => {
                history::hear(self, marks);
                self.change(index, command)
            }
        }
    }
}
