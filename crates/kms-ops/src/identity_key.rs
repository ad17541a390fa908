//! The identity key: the multi-Region key of the deployment itself, under which access key secrets and session tokens are
//! sealed, so that every data Region can open them (ADR 0013). It is a key like any other between the Regions, belongs to
//! no account, and no call reaches it.

use kms_crypto::{DomainKey, Header};
use kms_state::{
    Command, ControlRecord, CreateKey, Directory, Key, Origin, Proposal, ReplicaSeed, Requested, State,
    Voter, identity::identity_key_id,
};
use kms_types::{
    AccountId, DeploymentId, EncryptionContext, Entropy, KeyArn, KeyOrigin, KeySpec, KeyUsage, NodeId,
    Principal, ProposalId, Region, RequestId,
};
use std::{collections::BTreeMap, sync::Arc};
use zeroize::Zeroizing;

use crate::{Env, Error, KeyRing, Settings, material, policy_document};

/// What a sealed text is for; one that is sealed for another purpose does not open.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Purpose<'a> {
    /// The secret of this access key.
    AccessKeySecret {
        /// The access key's id.
        id: &'a str,
    },
    /// The contents of a session token.
    SessionToken,
}

impl Purpose<'_> {
    fn context(self) -> EncryptionContext {
        let pairs = match self {
            Self::AccessKeySecret { id } => {
                vec![("meridian:purpose", "access-key-secret"), ("meridian:access-key-id", id)]
            }
            Self::SessionToken => vec![("meridian:purpose", "session-token")],
        };
        EncryptionContext::new(pairs.into_iter().map(|(k, v)| (k.to_owned(), v.to_owned())).collect())
    }
}

/// The identity key of a new deployment, wrapped under its first Region's domain key.
pub fn create_identity_key(
    deployment: DeploymentId,
    domain: Arc<DomainKey>,
    entropy: &mut dyn Entropy,
) -> Result<CreateKey, Error> {
    let key = identity_key_id(deployment);
    let material = material::draw(
        &mut Env { entropy, keyring: &OneKey(domain), settings: &Settings::default() },
        &key,
        KeySpec::SymmetricDefault,
    )?;
    Ok(CreateKey {
        account: AccountId::SYSTEM,
        key,
        spec: KeySpec::SymmetricDefault,
        usage: KeyUsage::EncryptDecrypt,
        origin: KeyOrigin::AwsKms,
        policy: policy_document::default_policy(AccountId::SYSTEM).into(),
        description: "identity records and sessions of the deployment".into(),
        tags: BTreeMap::new(),
        material: Some(material),
        managed_as: None,
        most_keys: 1,
    })
}

/// A ring of the one domain key that a new Region has.
struct OneKey(Arc<DomainKey>);

impl KeyRing for OneKey {
    fn domain_key(&self, version: u32) -> Option<Arc<DomainKey>> {
        (self.0.version() == version).then(|| self.0.clone())
    }

    fn current_domain_key(&self) -> Option<Arc<DomainKey>> {
        Some(self.0.clone())
    }
}

/// The next data Region that the identity key is to be replicated to, as a proposal; none when every one is a member,
/// when this Region is not the home, or while an earlier step is under way.
pub fn identity_replication(view: &State, env: &mut Env<'_>, node: NodeId) -> Option<Proposal> {
    let (region, directory) = (view.region()?, view.directory()?);
    let (home, _) = view.identity_home()?;
    let register = view.register(&identity_key_id(view.deployment()?))?;
    let base = register.committed.as_deref().filter(|_| home == region && !register.has_outstanding())?;
    let joining = |member: &kms_state::Membership| matches!(member, kms_state::Membership::Joining(_));
    if base.members.values().any(joining) {
        return None;
    }
    let missing = missing_region(directory, base)?;
    let seed = ReplicaSeed {
        policy: policy_document::default_policy(AccountId::SYSTEM).into(),
        description: String::new(),
        tags: BTreeMap::new(),
        requested: Requested {
            principal: Principal::Root { account: AccountId::SYSTEM },
            request: RequestId::from_random(env.entropy.array()),
        },
    };
    let record = base.replicate(missing.clone(), seed).ok()?;
    let command =
        Command::ProposeRecord { record: Box::new(record), base: base.version.clone(), material: None };
    let id = ProposalId::from_random(env.entropy.array());
    Some(Proposal { id, origin: Origin::Service { node }, expect: None, command })
}

/// A data Region that is no member. One that an operator evicted stays out for as long as it has the history that it had
/// then: ADR 0014.
fn missing_region<'a>(directory: &'a Directory, record: &ControlRecord) -> Option<&'a Region> {
    let evicted = |region: &Region, voter: &Voter| record.removed.get(region) == Some(&voter.incarnation);
    let mut voters = directory.voters.iter().filter(|(region, _)| directory.is_data(region));
    voters
        .find(|(region, voter)| !record.members.contains_key(*region) && !evicted(region, voter))
        .map(|(region, _)| region)
}

/// Seals `plaintext` under the identity key's current material.
pub(crate) fn seal(
    view: &State,
    env: &mut Env<'_>,
    purpose: Purpose<'_>,
    plaintext: &[u8],
) -> Result<Vec<u8>, Error> {
    let (key, arn) = key(view).ok_or(NOT_HERE)?;
    material::seal(env, key, &arn, &purpose.context(), plaintext).map(|(_, blob)| blob)
}

const NOT_HERE: Error = Error::Internal("the identity key is not replicated to this Region yet; retry");

/// Opens what [`seal`] made in any Region; none when it does not open here.
pub(crate) fn open(
    view: &State,
    env: &Env<'_>,
    purpose: Purpose<'_>,
    blob: &[u8],
) -> Option<Zeroizing<Vec<u8>>> {
    let (key, arn) = key(view)?;
    let header = Header::parse(blob).ok().filter(|header| header.key_id == key.id)?;
    material::open(env, key, &arn, &header.material_id, &purpose.context(), blob).ok()
}

fn key(view: &State) -> Option<(&Key, KeyArn)> {
    let key = view.identity_key()?;
    let arn = KeyArn { region: view.region()?.clone(), account: key.account, key: key.id };
    Some((key, arn))
}
