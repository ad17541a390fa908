//! Every action, with its service and what decides it.

use super::{
    IamError, access_keys, account, attachments, boundaries,
    call::{Case, Decided},
    groups, inline_policies, managed_policies,
    owner::OwnerKind::{Group, Role, User},
    policy_versions, roles, sessions, tags, users,
};
use crate::Env;

macro_rules! actions {
    ($($service:literal $name:ident $decide:expr;)+) => {
        /// An action of IAM or STS that is implemented.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Action { $(#[doc = concat!($service, ":", stringify!($name))] $name),+ }

        impl Action {
            /// Every action.
            pub const ALL: &'static [Self] = &[$(Self::$name),+];

            /// Its name.
            pub fn name(self) -> &'static str {
                match self { $(Self::$name => stringify!($name)),+ }
            }

            /// `iam` or `sts`: the service name that a request is signed for.
            pub fn service(self) -> &'static str {
                match self { $(Self::$name => $service),+ }
            }

            /// True for an action of STS; the others are of IAM.
            pub fn is_of_sts(self) -> bool {
                self.service() == "sts"
            }

            /// True when the action changes nothing and makes no session.
            pub fn is_read(self) -> bool {
                let name = self.name();
                name.starts_with("List") || name.starts_with("Get") && !name.ends_with("Token")
            }

            pub(super) fn decide(self, case: &Case<'_>, env: &mut Env<'_>) -> Result<Decided, IamError> {
                let decide: fn(&Case<'_>, &mut Env<'_>) -> Result<Decided, IamError> = match self {
                    $(Self::$name => $decide),+
                };
                decide(case, env)
            }
        }
    };
}

actions! {
    "iam" CreateUser users::create;
    "iam" GetUser |case, _| users::get(case);
    "iam" ListUsers |case, _| users::list(case);
    "iam" UpdateUser |case, _| users::update(case);
    "iam" DeleteUser |case, _| users::delete(case);
    "iam" CreateAccessKey access_keys::create;
    "iam" ListAccessKeys |case, _| access_keys::list(case);
    "iam" UpdateAccessKey |case, _| access_keys::update(case);
    "iam" GetAccessKeyLastUsed |case, _| access_keys::last_used(case);
    "iam" DeleteAccessKey |case, _| access_keys::delete(case);
    "iam" CreateGroup groups::create;
    "iam" GetGroup |case, _| groups::get(case);
    "iam" ListGroups |case, _| groups::list(case);
    "iam" UpdateGroup |case, _| groups::update(case);
    "iam" DeleteGroup |case, _| groups::delete(case);
    "iam" AddUserToGroup |case, _| groups::add(case);
    "iam" RemoveUserFromGroup |case, _| groups::remove(case);
    "iam" ListGroupsForUser |case, _| groups::of_user(case);
    "iam" CreateRole roles::create;
    "iam" GetRole |case, _| roles::get(case);
    "iam" ListRoles |case, _| roles::list(case);
    "iam" UpdateRole |case, _| roles::update(case);
    "iam" UpdateRoleDescription |case, _| roles::update_description(case);
    "iam" UpdateAssumeRolePolicy |case, _| roles::update_trust(case);
    "iam" DeleteRole |case, _| roles::delete(case);
    "iam" CreateServiceLinkedRole roles::create_service_linked;
    "iam" PutUserPolicy |case, _| inline_policies::put(case, User);
    "iam" GetUserPolicy |case, _| inline_policies::get(case, User);
    "iam" DeleteUserPolicy |case, _| inline_policies::delete(case, User);
    "iam" ListUserPolicies |case, _| inline_policies::list(case, User);
    "iam" PutGroupPolicy |case, _| inline_policies::put(case, Group);
    "iam" GetGroupPolicy |case, _| inline_policies::get(case, Group);
    "iam" DeleteGroupPolicy |case, _| inline_policies::delete(case, Group);
    "iam" ListGroupPolicies |case, _| inline_policies::list(case, Group);
    "iam" PutRolePolicy |case, _| inline_policies::put(case, Role);
    "iam" GetRolePolicy |case, _| inline_policies::get(case, Role);
    "iam" DeleteRolePolicy |case, _| inline_policies::delete(case, Role);
    "iam" ListRolePolicies |case, _| inline_policies::list(case, Role);
    "iam" CreatePolicy managed_policies::create;
    "iam" GetPolicy |case, _| managed_policies::get(case);
    "iam" ListPolicies |case, _| managed_policies::list(case);
    "iam" DeletePolicy |case, _| managed_policies::delete(case);
    "iam" CreatePolicyVersion |case, _| policy_versions::create(case);
    "iam" GetPolicyVersion |case, _| policy_versions::get(case);
    "iam" ListPolicyVersions |case, _| policy_versions::list(case);
    "iam" DeletePolicyVersion |case, _| policy_versions::delete(case);
    "iam" SetDefaultPolicyVersion |case, _| policy_versions::set_default(case);
    "iam" AttachUserPolicy |case, _| attachments::attach(case, User);
    "iam" DetachUserPolicy |case, _| attachments::detach(case, User);
    "iam" ListAttachedUserPolicies |case, _| attachments::list(case, User);
    "iam" AttachGroupPolicy |case, _| attachments::attach(case, Group);
    "iam" DetachGroupPolicy |case, _| attachments::detach(case, Group);
    "iam" ListAttachedGroupPolicies |case, _| attachments::list(case, Group);
    "iam" AttachRolePolicy |case, _| attachments::attach(case, Role);
    "iam" DetachRolePolicy |case, _| attachments::detach(case, Role);
    "iam" ListAttachedRolePolicies |case, _| attachments::list(case, Role);
    "iam" ListEntitiesForPolicy |case, _| attachments::entities(case);
    "iam" PutUserPermissionsBoundary |case, _| boundaries::put(case, User);
    "iam" DeleteUserPermissionsBoundary |case, _| boundaries::delete(case, User);
    "iam" PutRolePermissionsBoundary |case, _| boundaries::put(case, Role);
    "iam" DeleteRolePermissionsBoundary |case, _| boundaries::delete(case, Role);
    "iam" TagUser |case, _| tags::tag(case, tags::Tagged::User);
    "iam" UntagUser |case, _| tags::untag(case, tags::Tagged::User);
    "iam" ListUserTags |case, _| tags::list(case, tags::Tagged::User);
    "iam" TagRole |case, _| tags::tag(case, tags::Tagged::Role);
    "iam" UntagRole |case, _| tags::untag(case, tags::Tagged::Role);
    "iam" ListRoleTags |case, _| tags::list(case, tags::Tagged::Role);
    "iam" TagPolicy |case, _| tags::tag(case, tags::Tagged::Policy);
    "iam" UntagPolicy |case, _| tags::untag(case, tags::Tagged::Policy);
    "iam" ListPolicyTags |case, _| tags::list(case, tags::Tagged::Policy);
    "iam" GetAccountSummary |case, _| account::summary(case);
    "iam" ListAccountAliases |case, _| account::aliases(case);
    "iam" ListInstanceProfilesForRole |case, _| account::instance_profiles(case);
    "sts" GetCallerIdentity |case, _| sessions::caller_identity(case);
    "sts" AssumeRole sessions::assume_role;
    "sts" GetSessionToken sessions::session_token;
    "sts" GetFederationToken sessions::federation_token;
}

impl Action {
    /// The action of this service with this name; names are exact.
    pub fn find(service: &str, name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|action| action.service() == service && action.name() == name)
    }
}
