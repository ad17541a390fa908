//! Access keys. A secret is shown once, in the answer of CreateAccessKey, and kept only sealed (invariant F1).

use kms_state::{
    IdentityKey, IdentityRecord,
    identity::{AccessKey, AccessKeyOwner, AccessKeyStatus, User},
};

use super::{
    IamError, Tree,
    call::{Case, Decided},
    ids::{self, Kind},
    owner::OwnerKind,
    page::page,
    params::ACCESS_KEY_ID,
    users, write,
    write::Change,
};
use crate::{
    Env,
    identity_key::{self, Purpose},
};

/// Most access keys of a user, and of a root.
const MOST_KEYS: usize = 2;

/// Whose access keys a call is about.
enum Holder<'a> {
    Root,
    User(&'a User),
}

impl<'a> Holder<'a> {
    fn authorized(case: &Case<'a>, action: &str) -> Result<Self, IamError> {
        match users::named_or_caller(case)? {
            None => Ok(Self::Root),
            Some(name) => {
                case.authorize(action, &OwnerKind::User.arn(case, &name), |_| {})?;
                write::user(case.view, case.account(), &name).map(Self::User)
            }
        }
    }

    fn owner(&self) -> AccessKeyOwner {
        match self {
            Self::Root => AccessKeyOwner::Root,
            Self::User(user) => AccessKeyOwner::User(user.id.clone()),
        }
    }

    /// The keys in order of their ids.
    fn keys(&self, case: &Case<'a>) -> Vec<&'a AccessKey> {
        let identity = case.view.identity();
        match self {
            Self::User(user) => user.access_keys.iter().filter_map(|id| identity.access_key(id)).collect(),
            Self::Root => identity
                .from(&IdentityKey::AccessKey(String::new()))
                .filter_map(|record| match record {
                    IdentityRecord::AccessKey(key)
                        if key.owner == AccessKeyOwner::Root && key.account == case.account() =>
                    {
                        Some(key)
                    }
                    _ => None,
                })
                .collect(),
        }
    }

    fn key(&self, case: &Case<'a>) -> Result<&'a AccessKey, IamError> {
        let id = case.params().required("AccessKeyId", &ACCESS_KEY_ID)?;
        let found = self.keys(case).into_iter().find(|key| key.id == id);
        found.ok_or_else(|| IamError::NoSuchEntity(format!("The Access Key with id {id} cannot be found.")))
    }
}

pub(super) fn create(case: &Case<'_>, env: &mut Env<'_>) -> Result<Decided, IamError> {
    let holder = Holder::authorized(case, "iam:CreateAccessKey")?;
    if holder.keys(case).len() >= MOST_KEYS {
        return Err(IamError::LimitExceeded(format!(
            "Cannot exceed quota for AccessKeysPerUser: {MOST_KEYS}"
        )));
    }
    let (id, secret) = (ids::draw(Kind::AccessKey, env.entropy), ids::secret(env.entropy));
    let purpose = Purpose::AccessKeySecret { id: &id };
    let key = AccessKey {
        sealed_secret: identity_key::seal(case.view, env, purpose, secret.as_bytes())?,
        id: id.clone(),
        account: case.account(),
        owner: holder.owner(),
        status: AccessKeyStatus::Active,
        created_at: case.now(),
    };
    let answer = Tree::Struct(vec![
        ("UserName", users::owner_name(case, &key.owner).unwrap_or_default().into()),
        ("AccessKeyId", id.as_str().into()),
        ("Status", key.status.as_str().into()),
        ("SecretAccessKey", secret.as_str().into()),
        ("CreateDate", key.created_at.into()),
    ]);
    let mut change = Change::new();
    if let Holder::User(user) = holder {
        let mut user = user.clone();
        user.access_keys.insert(id);
        change.put(case.view, IdentityRecord::User(user));
    }
    change.put(case.view, IdentityRecord::AccessKey(key));
    Ok(Decided::Change(change, Some(Tree::Struct(vec![("AccessKey", answer)]))))
}

pub(super) fn list(case: &Case<'_>) -> Result<Decided, IamError> {
    let holder = Holder::authorized(case, "iam:ListAccessKeys")?;
    let keys = holder.keys(case).into_iter().map(|key| {
        let members = vec![
            ("UserName", users::owner_name(case, &key.owner).unwrap_or_default().into()),
            ("AccessKeyId", key.id.as_str().into()),
            ("Status", key.status.as_str().into()),
            ("CreateDate", key.created_at.into()),
        ];
        (key.id.clone(), Tree::Struct(members))
    });
    Ok(Decided::Answer(Some(page(case.params(), "AccessKeyMetadata", keys)?)))
}

pub(super) fn update(case: &Case<'_>) -> Result<Decided, IamError> {
    let holder = Holder::authorized(case, "iam:UpdateAccessKey")?;
    let status = match case.params().get("Status") {
        Some("Active") => AccessKeyStatus::Active,
        Some("Inactive") => AccessKeyStatus::Inactive,
        _ => {
            return Err(IamError::Validation(
                "1 validation error detected: Value at 'status' failed to satisfy constraint: Member must satisfy enum \
                 value set: [Active, Inactive, Expired]"
                    .into(),
            ));
        }
    };
    let key = AccessKey { status, ..holder.key(case)?.clone() };
    let mut change = Change::new();
    change.put(case.view, IdentityRecord::AccessKey(key));
    Ok(Decided::Change(change, None))
}

pub(super) fn delete(case: &Case<'_>) -> Result<Decided, IamError> {
    let holder = Holder::authorized(case, "iam:DeleteAccessKey")?;
    let key = holder.key(case)?;
    let mut change = Change::new();
    if let Holder::User(user) = holder {
        let mut user = user.clone();
        user.access_keys.remove(&key.id);
        change.put(case.view, IdentityRecord::User(user));
    }
    change.delete(case.view, IdentityKey::AccessKey(key.id.clone()));
    Ok(Decided::Change(change, None))
}

/// What this Region knows: each notes the uses of its own nodes, in batches (ADR 0014).
pub(super) fn last_used(case: &Case<'_>) -> Result<Decided, IamError> {
    let id = case.params().required("AccessKeyId", &ACCESS_KEY_ID)?;
    let key = case.view.identity().access_key(id).filter(|key| key.account == case.account());
    let name = key.and_then(|key| users::owner_name(case, &key.owner));
    let resource = name.as_deref().map_or_else(|| "*".to_owned(), |name| OwnerKind::User.arn(case, name));
    case.authorize("iam:GetAccessKeyLastUsed", &resource, |_| {})?;
    if key.is_none() {
        return Err(IamError::NoSuchEntity(format!("The Access Key with id {id} cannot be found.")));
    }
    let used = case.view.access_key_usage(id);
    let mut shown: Vec<(&'static str, Tree)> = Vec::new();
    shown.extend(used.map(|last| ("LastUsedDate", last.at.into())));
    shown.push(("ServiceName", used.map_or("N/A", |last| last.service.as_str()).into()));
    shown.push(("Region", used.map_or("N/A", |_| case.region.as_str()).into()));
    let mut members: Vec<(&'static str, Tree)> = Vec::new();
    members.extend(name.map(|name| ("UserName", Tree::Text(name))));
    members.push(("AccessKeyLastUsed", Tree::Struct(shown)));
    Ok(Decided::Answer(Some(Tree::Struct(members))))
}
