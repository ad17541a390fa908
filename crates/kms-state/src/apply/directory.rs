//! Rule 12: one voter's part in the agreement on the next directory, and what a new one asks of this Region.
//!
//! The next generation is a register of its own, voted on by the present one. A value is chosen when a majority of the
//! present voters and one of the next have accepted it. Nobody votes on it before this Region has read what the voters
//! of the generation before may have agreed on, so that no agreement falls between two changes (docs/adr/0018).

use kms_types::{Epoch, KeyId};

use super::registers;
use crate::{
    Directory, DirectoryAnswer, DirectoryChange, DirectoryError, DirectoryHold, Outcome, ProposedDirectory,
    Refusal, Register, State, state::Meta,
};

/// Asked by a Region that wants to change the directory.
pub(super) fn promise(state: &mut State, generation: u64, ballot: &Epoch) -> Result<Outcome, Refusal> {
    let mut meta = state.meta().ok_or(Refusal::NotBootstrapped)?.clone();
    let hold = hold(&meta, generation);
    if hold.is_none() && meta.next.promised.as_ref() < Some(ballot) {
        meta.next.promised = Some(ballot.clone());
        state.put_meta(meta.clone());
    }
    Ok(answer(&meta, generation, ballot, hold))
}

/// The value of a ballot, from the Region that the ballot names, itself included.
pub(super) fn accept(state: &mut State, proposed: &ProposedDirectory) -> Result<Outcome, Refusal> {
    let mut meta = state.meta().ok_or(Refusal::NotBootstrapped)?.clone();
    let generation = proposed.directory.generation;
    if meta.directory == proposed.directory {
        // It is in force here: a Region that joins with it, or one that has learned it meanwhile.
        let held = DirectoryAnswer { granted: true, ..blank(&meta, generation, &proposed.ballot) };
        return Ok(Outcome::DirectoryAnswered(Box::new(held)));
    }
    let hold = hold(&meta, generation).or_else(|| check_step(state, &meta, &proposed.directory).err());
    let overtaken = meta.next.promised.as_ref() > Some(&proposed.ballot);
    if hold.is_none() && !overtaken {
        meta.next.promised = Some(proposed.ballot.clone());
        meta.next.accepted = Some(Box::new(proposed.clone()));
        state.put_meta(meta.clone());
    }
    Ok(answer(&meta, generation, &proposed.ballot, hold))
}

fn hold(meta: &Meta, generation: u64) -> Option<DirectoryHold> {
    if generation != meta.directory.generation + 1 {
        return Some(DirectoryHold::Generation(meta.directory.generation));
    }
    meta.survey_open.then_some(DirectoryHold::Reading)
}

fn check_step(state: &State, meta: &Meta, next: &Directory) -> Result<(), DirectoryHold> {
    match next.step_from(&meta.directory).map_err(DirectoryHold::Step)? {
        DirectoryChange::Add { region, .. } => {
            let member = state.registers().find(|(_, register)| is_member(register, &region));
            match member {
                Some((key, _)) if !seeded!(MemberComesBack) => {
                    Err(DirectoryHold::Step(DirectoryError::StillMember { region, key: *key }))
                }
                _ => Ok(()),
            }
        }
        DirectoryChange::Remove { .. } | DirectoryChange::Link { .. } => Ok(()),
    }
}

/// A Region that comes in holds nothing: as a member it would count as holding everything.
fn is_member(register: &Register, region: &kms_types::Region) -> bool {
    let records = register.committed.iter().chain(&register.accepted);
    records.into_iter().any(|record| record.is_member(region))
}

fn blank(meta: &Meta, generation: u64, ballot: &Epoch) -> DirectoryAnswer {
    DirectoryAnswer {
        generation,
        ballot: ballot.clone(),
        granted: false,
        promised: meta.next.promised.clone(),
        accepted: None,
        hold: None,
    }
}

fn answer(meta: &Meta, generation: u64, ballot: &Epoch, hold: Option<DirectoryHold>) -> Outcome {
    let granted = hold.is_none() && meta.next.promised.as_ref() == Some(ballot);
    let accepted = meta.next.accepted.clone();
    let answer = DirectoryAnswer { granted, accepted, hold, ..blank(meta, generation, ballot) };
    Outcome::DirectoryAnswered(Box::new(answer))
}

/// A directory that was agreed on, or that an operator forced here; an older one changes nothing.
pub(super) fn commit(state: &mut State, directory: &Directory) -> Result<Outcome, Refusal> {
    let meta = state.meta().ok_or(Refusal::NotBootstrapped)?;
    if directory.generation <= meta.directory.generation {
        return Ok(Outcome::Applied);
    }
    let forced = directory.forced > meta.directory.forced;
    let moved = Meta {
        survey_open: directory.needs_survey() && !forced && !seeded!(SkipSurvey),
        next: Default::default(),
        directory: directory.clone(),
        ..meta.clone()
    };
    state.put_meta(moved);
    state.forget_peer_marks();
    Ok(Outcome::Applied)
}

/// What a voter of the generation before has promised, accepted and learned.
pub(super) fn merge(state: &mut State, index: u64, copies: &[(KeyId, Register)]) -> Result<Outcome, Refusal> {
    copies.iter().filter(|(key, _)| key.is_multi_region()).try_for_each(|(key, copy)| {
        registers::merge(state, key, copy);
        let committed = copy.committed.as_deref().cloned();
        registers::commit(state, index, committed.as_slice()).map(|_| ())
    })?;
    Ok(Outcome::Applied)
}

/// An operator's decision about letters; votes and keys are untouched.
pub(super) fn isolate(
    state: &mut State,
    region: &kms_types::Region,
    isolated: bool,
) -> Result<Outcome, Refusal> {
    let mut meta = state.meta().ok_or(Refusal::NotBootstrapped)?.clone();
    if !meta.directory.voters.contains_key(region) && isolated {
        return Err(Refusal::UnknownRegion(region.clone()));
    }
    let changed = if isolated { meta.isolated.insert(region.clone()) } else { meta.isolated.remove(region) };
    if changed {
        state.put_meta(meta);
    }
    Ok(Outcome::Applied)
}

/// Enough voters of the generation before were read.
pub(super) fn finish_survey(state: &mut State, generation: u64) -> Result<Outcome, Refusal> {
    let meta = state.meta().ok_or(Refusal::NotBootstrapped)?;
    if meta.directory.generation == generation && meta.survey_open {
        let read = Meta { survey_open: false, votes: true, ..meta.clone() };
        state.put_meta(read);
    }
    Ok(Outcome::Applied)
}

#[cfg(test)]
mod tests;
