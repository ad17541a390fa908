//! How every scenario begins: a settled deployment with one replicated key, built by the same code as everything after.

use kms_state::{Command, CreateKey, Directory, RegionClock};
use kms_types::{DeploymentId, Incarnation, KeyOrigin, KeySpec, KeyUsage, Region};
use std::collections::{BTreeMap, VecDeque};

use crate::{
    Call, Letter, Log, Scenario, Site, Step, call,
    names::{self, region},
    site::{Pause, START},
};

/// The Regions of a scenario. The first member creates the key and replicates it to the others; the unaware ones are
/// evicted without hearing of it.
pub(crate) fn settled(scenario: &Scenario) -> Vec<Site> {
    let (voters, members) = (scenario.voters, scenario.members);
    let mut sites: Vec<Site> = voters.iter().map(|name| founded(name, voters)).collect();
    let imported = !scenario.importing.is_empty();
    place(&mut sites, members[0]).found(create_key(imported));
    if imported {
        import_first(&mut sites, members[0]);
    }
    for name in &members[1..] {
        let call = Call::Replicate { to: region(name) };
        let letters = run(place(&mut sites, members[0]), &Step::Call(call), None);
        settle(&mut sites, letters, &[]);
        if imported {
            import_first(&mut sites, name);
        }
    }
    for name in scenario.unaware {
        let letters = run(place(&mut sites, members[0]), &Step::Evict(region(name)), None);
        settle(&mut sites, letters, scenario.unaware);
    }
    // New leaders that have read each other's records, at the start of time and with nothing on its way.
    let mut sites: Vec<Site> = sites.iter().map(Site::restarted).collect();
    let mut letters = VecDeque::new();
    for site in &mut sites {
        letters.extend(run(site, &Step::Crash, None));
    }
    deliver(&mut sites, &mut letters, scenario.unaware);
    sites.into_iter().map(|site| site.with_log(scenario.log)).collect()
}

/// Lets everything arrive and time pass, except for Regions that hear nothing.
fn settle(sites: &mut [Site], mut letters: VecDeque<Letter>, unheard: &[&str]) {
    for _ in 0..8 {
        deliver(sites, &mut letters, unheard);
        for site in &mut *sites {
            letters.extend(run(site, &Step::Pass(Pause::Short), None));
        }
    }
}

/// The Region's client brings the first material of an imported key.
fn import_first(sites: &mut [Site], name: &str) {
    let letters = run(place(sites, name), &Step::Call(Call::Import { n: 1 }), None);
    settle(sites, letters, &[]);
}

fn place<'a>(sites: &'a mut [Site], name: &str) -> &'a mut Site {
    sites.iter_mut().find(|site| site.region == region(name)).expect("the Region is a voter")
}

fn run(site: &mut Site, step: &Step, letter: Option<&Letter>) -> VecDeque<Letter> {
    let stepped = site.step(step, letter);
    *site = stepped.site;
    stepped.letters.into()
}

fn deliver(sites: &mut [Site], letters: &mut VecDeque<Letter>, unheard: &[&str]) {
    while let Some(letter) = letters.pop_front() {
        if unheard.iter().any(|name| region(name) == letter.to) {
            continue;
        }
        let Some(site) = sites.iter_mut().find(|site| site.region == letter.to) else { continue };
        letters.extend(run(site, &Step::Receive(letter.fingerprint), Some(&letter)));
    }
}

fn founded(name: &str, voters: &[&str]) -> Site {
    let voter = |name: &&str| {
        let region = region(name);
        let voter = call::voter(&region, names::first_incarnation(&region));
        (region, voter)
    };
    let incarnation = names::first_incarnation(&region(name));
    begun(&region(name), incarnation, Directory::first(voters.iter().map(voter).collect()))
}

/// A Region that has lost everything and comes back with an invitation.
pub(crate) fn rebuilt(region: &Region, directory: Directory) -> Site {
    begun(region, names::rebuilt_incarnation(region), directory)
}

fn begun(region: &Region, incarnation: Incarnation, directory: Directory) -> Site {
    let mut site = Site::new(region.clone(), Log::Immediate);
    site.found(Command::Bootstrap {
        identity_key: None,
        deployment: DeploymentId::from_random([1; 16]),
        region: region.clone(),
        incarnation,
        directory,
        domain_keys: Vec::new(),
        clock: RegionClock::Real,
    });
    site.found(Command::Tick { now: START });
    site
}

fn create_key(imported: bool) -> Command {
    Command::CreateKey(Box::new(CreateKey {
        account: "000000000000".parse().expect("twelve digits"),
        key: names::key_id(),
        spec: KeySpec::SymmetricDefault,
        usage: KeyUsage::EncryptDecrypt,
        origin: if imported { KeyOrigin::External } else { KeyOrigin::AwsKms },
        policy: "{}".into(),
        description: String::new(),
        tags: BTreeMap::new(),
        material: (!imported).then(|| names::material(1)),
        managed_as: None,
        most_keys: 1_000,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use kms_state::ControlRecord;

    fn committed(site: &Site) -> ControlRecord {
        (**site.state.register(&names::key_id()).unwrap().committed.as_ref().unwrap()).clone()
    }

    #[test]
    fn a_settled_deployment_agrees_and_has_nothing_to_do() {
        let sites = settled(&crate::scenario("loss", 1).unwrap());
        for site in &sites {
            assert_eq!(committed(site), committed(&sites[0]));
            let pulls = site.step(&Step::Pass(Pause::Short), None).letters;
            assert!(pulls.iter().all(|letter| letter.message.name() == "pull"), "{pulls:#?}");
            assert_eq!(pulls.len(), 2, "one pull from every peer is all that time brings");
        }
        let members: Vec<String> = committed(&sites[0]).active_members().map(names::short).collect();
        assert_eq!(members, ["a", "b"]);
    }

    #[test]
    fn an_unaware_member_is_evicted_and_does_not_know() {
        let sites = settled(&crate::scenario("grave", 1).unwrap());
        let b = region("b");
        let knows = |site: &Site| !committed(site).is_member(&b);
        assert_eq!(sites.iter().map(knows).collect::<Vec<_>>(), [true, false, true]);
    }
}
