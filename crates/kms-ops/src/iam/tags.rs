//! Tags of users, roles and managed policies [IAM:API].

use kms_state::{
    IdentityRecord,
    identity::{ManagedPolicy, Role, User},
};
use std::collections::BTreeMap;

use super::{
    IamError, Tree,
    authorize::add_tags,
    call::{Case, Decided},
    owner::OwnerKind,
    page::page,
    params::{ARN, LONG_NAME, NAME},
    write::{self, Change},
};

/// Most tags of one thing [IAM:limits].
const MOST_TAGS: usize = 50;

/// What is tagged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tagged {
    User,
    Role,
    Policy,
}

impl Tagged {
    fn word(self) -> &'static str {
        match self {
            Self::User => "User",
            Self::Role => "Role",
            Self::Policy => "Policy",
        }
    }

    fn arn(self, case: &Case<'_>) -> Result<String, IamError> {
        match self {
            Self::User => Ok(OwnerKind::User.arn(case, case.params().required("UserName", &LONG_NAME)?)),
            Self::Role => Ok(OwnerKind::Role.arn(case, case.params().required("RoleName", &NAME)?)),
            Self::Policy => case.params().required("PolicyArn", &ARN).map(str::to_owned),
        }
    }

    /// The tags of what the call names.
    fn tags(self, case: &Case<'_>) -> Result<BTreeMap<String, String>, IamError> {
        let (view, account, params) = (case.view, case.account(), case.params());
        match self {
            Self::User => {
                Ok(write::user(view, account, params.required("UserName", &LONG_NAME)?)?.tags.clone())
            }
            Self::Role => Ok(write::role(view, account, params.required("RoleName", &NAME)?)?.tags.clone()),
            Self::Policy => {
                Ok(write::policy(view, account, params.required("PolicyArn", &ARN)?)?.tags.clone())
            }
        }
    }

    fn with(self, case: &Case<'_>, tags: BTreeMap<String, String>) -> Result<Decided, IamError> {
        let (view, account, params) = (case.view, case.account(), case.params());
        let record = match self {
            Self::User => {
                let user = write::user(view, account, params.required("UserName", &LONG_NAME)?)?.clone();
                IdentityRecord::User(User { tags, ..user })
            }
            Self::Role => {
                let role = write::role(view, account, params.required("RoleName", &NAME)?)?.clone();
                IdentityRecord::Role(Role { tags, ..role })
            }
            Self::Policy => {
                let policy = write::policy(view, account, params.required("PolicyArn", &ARN)?)?.clone();
                IdentityRecord::Policy(ManagedPolicy { tags, ..policy })
            }
        };
        let mut change = Change::new();
        change.put(view, record);
        Ok(Decided::Change(change, None))
    }
}

/// `Tags` of an answer.
pub(super) fn shown(tags: &BTreeMap<String, String>) -> Tree {
    let tag = |(key, value): (&String, &String)| {
        Tree::Struct(vec![("Key", key.as_str().into()), ("Value", value.as_str().into())])
    };
    Tree::List(tags.iter().map(tag).collect())
}

pub(super) fn tag(case: &Case<'_>, kind: Tagged) -> Result<Decided, IamError> {
    let new = case.params().tags("Tags")?;
    case.authorize(&format!("iam:Tag{}", kind.word()), &kind.arn(case)?, |context| add_tags(context, &new))?;
    let mut tags = kind.tags(case)?;
    tags.extend(new);
    match tags.len() > MOST_TAGS {
        true => Err(IamError::LimitExceeded("The number of tags has reached the maximum limit.".into())),
        false => kind.with(case, tags),
    }
}

pub(super) fn untag(case: &Case<'_>, kind: Tagged) -> Result<Decided, IamError> {
    let keys = case.params().list("TagKeys", "");
    case.authorize(&format!("iam:Untag{}", kind.word()), &kind.arn(case)?, |context| {
        keys.iter().for_each(|key| context.add("aws:TagKeys", *key));
    })?;
    let mut tags = kind.tags(case)?;
    tags.retain(|key, _| !keys.contains(&key.as_str()));
    kind.with(case, tags)
}

pub(super) fn list(case: &Case<'_>, kind: Tagged) -> Result<Decided, IamError> {
    case.authorize(&format!("iam:List{}Tags", kind.word()), &kind.arn(case)?, |_| {})?;
    let tags = kind.tags(case)?;
    let shown = tags.iter().map(|(key, value)| {
        (key.clone(), Tree::Struct(vec![("Key", key.as_str().into()), ("Value", value.as_str().into())]))
    });
    Ok(Decided::Answer(Some(page(case.params(), "Tags", shown)?)))
}
