//! One Region in memory, with keys, users and grants.

use kms_crypto::DomainKey;
use kms_ops::{
    AuditFacts, Call, Circumstances, Env, Error, KeyRing, Request, Settings, Step, create_key, describe_key,
    encrypt,
    iam::{self, Action, IamCall, IamStep, Params, Tree},
    prepare,
};
use kms_state::{
    Command, ContextConstraint, CreateGrant, CredentialRef, Directory, GrantConstraints, GrantTerms, Origin,
    Outcome, Proposal, RegionClock, State,
};
use kms_types::{
    AccountId, DeploymentId, EncryptionContext, Entropy, GrantId, GrantOperation, IdentityArn, Incarnation,
    KeyArn, Principal, ProposalId, RequestId, Timestamp, limits,
};
use std::{collections::BTreeMap, sync::Arc};
use zeroize::Zeroizing;

use super::Failure;

pub(crate) const OWN: &str = "111122223333";
pub(crate) const FOREIGN: &str = "999988887777";
pub(crate) const THIRD: &str = "444455556666";

/// The root of an account.
pub(crate) fn root(account: &str) -> Result<CredentialRef, Failure> {
    Ok(CredentialRef::Configured(Principal::Root { account: account.parse()? }))
}

/// SplitMix64: repeatable, and good enough to measure with.
struct Seeded(u64);

impl Entropy for Seeded {
    fn fill(&mut self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut z = self.0;
            z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            let word = (z ^ (z >> 31)).to_le_bytes();
            chunk.iter_mut().zip(word).for_each(|(to, from)| *to = from);
        }
    }
}

struct Ring(Arc<DomainKey>);

impl KeyRing for Ring {
    fn domain_key(&self, version: u32) -> Option<Arc<DomainKey>> {
        Some(self.0.clone()).filter(|key| key.version() == version)
    }

    fn current_domain_key(&self) -> Option<Arc<DomainKey>> {
        Some(self.0.clone())
    }
}

pub(crate) struct Site {
    state: State,
    ring: Ring,
    entropy: Seeded,
    index: u64,
    settings: Settings,
}

impl Site {
    pub(crate) fn new() -> Result<Self, Failure> {
        let mut entropy = Seeded(7);
        let domain = Arc::new(DomainKey::generate(1, &mut entropy));
        let deployment = DeploymentId::from_random([1; 16]);
        let identity_key = kms_ops::create_identity_key(deployment, domain.clone(), &mut entropy)?;
        let (state, ring, settings) = (State::new(), Ring(domain), Settings::default());
        let mut site = Self { state, ring, entropy, index: 0, settings };
        site.run(Command::Bootstrap {
            identity_key: Some(Box::new(identity_key)),
            deployment,
            region: "us-east-1".parse()?,
            incarnation: Incarnation::from_random([2; 16]),
            directory: Directory::default(),
            domain_keys: Vec::new(),
            clock: RegionClock::Real,
        });
        site.run(Command::Tick { now: Timestamp::from_millis(1_770_000_000_000) });
        Ok(site)
    }

    fn run(&mut self, command: Command) -> Outcome {
        let id = ProposalId::from_random((&mut self.entropy as &mut dyn Entropy).array());
        self.apply(&Proposal { id, origin: Origin::Service { node: 1 }, expect: None, command })
    }

    fn apply(&mut self, proposal: &Proposal) -> Outcome {
        self.index += 1;
        let outcome = self.state.apply(self.index, proposal);
        self.state.take_changes();
        outcome
    }

    fn prepare(&mut self, credential: &CredentialRef, request: Request) -> Result<Step, Error> {
        let call = Call {
            request,
            caller: self.state.caller(credential).map_err(|_| Error::CredentialGone)?,
            credential: credential.clone(),
            request_id: RequestId::from_random([3; 16]),
            node: 1,
            circumstances: Circumstances {
                source_ip: Some([203, 0, 113, 9].into()),
                ..Circumstances::default()
            },
        };
        let mut env = Env { entropy: &mut self.entropy, keyring: &self.ring, settings: &self.settings };
        prepare(&call, &self.state, &mut env, &mut AuditFacts::default())
    }

    /// Whether DescribeKey is allowed.
    pub(crate) fn describe(&mut self, caller: &CredentialRef, key: &str) -> bool {
        let request = describe_key::Request { key_id: key.into(), grant_tokens: Vec::new() };
        self.prepare(caller, request.into()).is_ok()
    }

    /// Whether an account's root may encrypt under the context of the grant with this number.
    pub(crate) fn encrypt(&mut self, account: &str, key: &str, grant: usize) -> bool {
        let Ok(caller) = root(account) else { return false };
        let request = encrypt::Request {
            key_id: key.into(),
            plaintext: Zeroizing::new(vec![7; 16]),
            encryption_context: context(grant),
            grant_tokens: Vec::new(),
            encryption_algorithm: None,
            dry_run: false,
        };
        self.prepare(&caller, request.into()).is_ok()
    }

    /// The ARN of a fresh key.
    pub(crate) fn key(&mut self, policy: Option<String>) -> Result<String, Failure> {
        let request = create_key::Request {
            policy,
            description: None,
            key_usage: None,
            customer_master_key_spec: None,
            key_spec: None,
            origin: None,
            custom_key_store_id: None,
            bypass_policy_lockout_safety_check: None,
            tags: Vec::new(),
            multi_region: false,
            xks_key_id: None,
        };
        let Step::Propose(pending) = self.prepare(&root(OWN)?, request.into())? else {
            return Err("CreateKey proposes nothing".into());
        };
        self.apply(&pending.proposal);
        let Command::CreateKey(create) = pending.proposal.command else {
            return Err("CreateKey proposes something else".into());
        };
        let (region, account) = ("us-east-1".parse()?, OWN.parse()?);
        Ok(KeyArn { region, account, key: create.key }.to_string())
    }

    /// The key's grants become `count`: to another account, for one pair of a context each.
    pub(crate) fn fill(
        &mut self,
        key: &str,
        count: usize,
        operations: &[GrantOperation],
    ) -> Result<(), Failure> {
        let key = key.parse::<KeyArn>()?.key;
        let grantee: AccountId = FOREIGN.parse()?;
        for number in self.state.grant_count(&key)..count {
            let mut id = [0xa5; 32];
            id.iter_mut().zip(number.to_le_bytes()).for_each(|(to, from)| *to = from);
            let terms = GrantTerms {
                name: None,
                issuing_account: OWN.parse()?,
                grantee: IdentityArn::root(grantee).into(),
                retiring: None,
                operations: operations.iter().copied().collect(),
                constraints: GrantConstraints {
                    encryption_context: Some(ContextConstraint::Subset(context(number))),
                    source_arn: None,
                },
            };
            let (grant, most_grants) = (GrantId::from_bytes(id), limits::MAX_GRANTS_PER_KEY);
            let create = CreateGrant { key, grant, terms, most_grants };
            match self.run(Command::CreateGrant(Box::new(create))) {
                Outcome::GrantCreated { .. } => {}
                other => return Err(format!("grant {number}: {other:?}").into()),
            }
        }
        Ok(())
    }

    fn iam(&mut self, action: Action, params: &[(&str, &str)]) -> Result<Option<Tree>, Failure> {
        let pairs = params.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let credential = root(OWN)?;
        let call = IamCall {
            action,
            params: Params::new(pairs.collect()),
            caller: Principal::Root { account: OWN.parse()? },
            credential,
            request_id: RequestId::from_random([3; 16]),
            node: 1,
            circumstances: Circumstances::default(),
        };
        let mut env = Env { entropy: &mut self.entropy, keyring: &self.ring, settings: &self.settings };
        match iam::prepare(&call, &self.state, &mut env).map_err(|error| format!("{error:?}"))? {
            IamStep::Answer(answer) => Ok(answer),
            IamStep::Propose(pending) => {
                let outcome = self.apply(&pending.proposal);
                let answer = pending.respond(&outcome).map_err(|error| format!("{error:?}"))?;
                Ok(answer.flatten())
            }
        }
    }

    /// A user with an access key.
    pub(crate) fn user(&mut self, name: &str) -> Result<CredentialRef, Failure> {
        self.iam(Action::CreateUser, &[("UserName", name)])?;
        self.iam(Action::CreateAccessKey, &[("UserName", name)])?;
        let account: AccountId = OWN.parse()?;
        let user = self.state.identity().user(account, name).ok_or("no user")?;
        let id = user.access_keys.first().ok_or("no access key")?;
        Ok(CredentialRef::AccessKey(id.clone()))
    }

    /// An inline policy.
    pub(crate) fn user_policy(&mut self, user: &str, name: &str, document: &str) -> Result<(), Failure> {
        let params = [("UserName", user), ("PolicyName", name), ("PolicyDocument", document)];
        self.iam(Action::PutUserPolicy, &params).map(|_| ())
    }

    /// A managed policy, attached.
    pub(crate) fn attached_policy(&mut self, user: &str, name: &str, document: &str) -> Result<(), Failure> {
        self.iam(Action::CreatePolicy, &[("PolicyName", name), ("PolicyDocument", document)])?;
        let arn = format!("arn:aws:iam::{OWN}:policy/{name}");
        self.iam(Action::AttachUserPolicy, &[("UserName", user), ("PolicyArn", &arn)]).map(|_| ())
    }
}

/// One pair of its own and one that all share.
fn context(number: usize) -> EncryptionContext {
    let pairs = [("table", format!("{number}")), ("tenant", "blue".to_owned())];
    EncryptionContext::new(
        pairs.into_iter().map(|(name, value)| (name.to_owned(), value)).collect::<BTreeMap<_, _>>(),
    )
}
