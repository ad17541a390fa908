//! IAM and STS, and what they open and close.

use kms_policy::PolicySource;
use kms_state::{AccessKeyUsage, Command, CredentialRef, State, UsedAccessKey, UsedService};
use kms_types::Principal;

use super::{fixture::*, requests};
use crate::{
    Denial, Error, Request, Response,
    iam::{self, Action, IamError, Tree},
    identity_replication,
};

fn root() -> CredentialRef {
    CredentialRef::Configured(Principal::Root { account: account_id(OWN) })
}

fn foreign_root() -> CredentialRef {
    CredentialRef::Configured(Principal::Root { account: account_id(FOREIGN) })
}

/// The text at a path of member names; `member` takes the first element.
fn text(answer: &iam::Answer, path: &[&str]) -> String {
    let mut at = answer.as_ref().unwrap();
    for name in path {
        at = match at {
            Tree::Struct(members) => &members.iter().find(|(member, _)| member == name).unwrap().1,
            Tree::List(elements) => elements.first().unwrap(),
            other => panic!("{name}: {other:?}"),
        };
    }
    match at {
        Tree::Text(text) => text.clone(),
        other => panic!("{other:?}"),
    }
}

fn allow(action: &str) -> String {
    format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Action":"{action}","Resource":"*"}}]}}"#
    )
}

fn trust(principal: &str) -> String {
    format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":{{"AWS":"{principal}"}},"Action":"sts:AssumeRole"}}]}}"#
    )
}

fn list_keys() -> Request {
    Request::ListKeys(crate::list_keys::Request { limit: None, marker: None, resource_owners: Vec::new() })
}

impl Fixture {
    /// A user of `root`'s account with an access key.
    fn user(&mut self, root: &CredentialRef, name: &str) -> CredentialRef {
        self.iam(root, Action::CreateUser, &[("UserName", name)]).unwrap();
        self.key_for(root, name)
    }

    fn key_for(&mut self, root: &CredentialRef, name: &str) -> CredentialRef {
        let made = self.iam(root, Action::CreateAccessKey, &[("UserName", name)]).unwrap();
        CredentialRef::AccessKey(text(&made, &["AccessKey", "AccessKeyId"]))
    }

    fn session(&mut self, answer: &iam::Answer) -> CredentialRef {
        let token = text(answer, &["Credentials", "SessionToken"]);
        let (env, state) = self.env();
        let opened = iam::open_session_token(state, &env, &token).unwrap();
        assert_eq!(opened.access_key_id, text(answer, &["Credentials", "AccessKeyId"]));
        assert_eq!(*opened.secret, text(answer, &["Credentials", "SecretAccessKey"]));
        CredentialRef::Session(opened.session)
    }

    fn put_policy(&mut self, root: &CredentialRef, user: &str, action: &str) {
        let params = [("UserName", user), ("PolicyName", "p"), ("PolicyDocument", &allow(action))];
        self.iam(root, Action::PutUserPolicy, &params).unwrap();
    }

    fn may_encrypt(&mut self, credential: &CredentialRef, key: &str) -> bool {
        match self.call_with(credential, Request::Encrypt(requests::encrypt(&key, b"a"))) {
            Ok(_) => true,
            Err(Error::AccessDenied { .. }) => false,
            Err(error) => panic!("{error}"),
        }
    }
}

#[test]
fn the_identity_key_is_out_of_reach_of_the_api() {
    let mut fixture = Fixture::new();
    let hidden = fixture.state.identity_key().unwrap().id;
    let Ok(Response::ListKeys(listed)) = fixture.call(list_keys()) else { panic!() };
    assert!(listed.keys.is_empty());
    for credential in
        [root(), CredentialRef::Configured(Principal::Root { account: kms_types::AccountId::SYSTEM })]
    {
        let arn = format!("arn:aws:kms:us-east-1:{}:key/{hidden}", kms_types::AccountId::SYSTEM);
        for name in [hidden.to_string(), arn] {
            let refused = fixture.call_with(&credential, Request::Encrypt(requests::encrypt(&name, b"a")));
            assert!(matches!(refused, Err(Error::KeyNotFound { .. } | Error::AccessDenied { .. })), "{name}");
        }
    }
}

#[test]
fn a_secret_is_in_no_entry_and_opens_again() {
    let mut fixture = Fixture::new();
    fixture.iam(&root(), Action::CreateUser, &[("UserName", "ann")]).unwrap();
    let made = fixture.iam(&root(), Action::CreateAccessKey, &[("UserName", "ann")]).unwrap();
    let (id, secret) =
        (text(&made, &["AccessKey", "AccessKeyId"]), text(&made, &["AccessKey", "SecretAccessKey"]));
    for (key, value) in fixture.state.records() {
        for bytes in [key, value] {
            assert!(!bytes.windows(secret.len()).any(|window| window == secret.as_bytes()), "F1");
        }
    }
    let (env, state) = fixture.env();
    assert_eq!(*iam::access_key_secret(state, &env, &id).unwrap(), secret);
    assert!(iam::access_key_secret(state, &env, "AKIANOBODYNOBODYNOBO").is_none());
    assert!(iam::open_session_token(state, &env, &id).is_none());
}

/// Reports of several nodes come in any order; what is known of a key goes with it.
#[test]
fn the_last_use_of_an_access_key_is_shown_until_the_key_goes() {
    let mut f = Fixture::new();
    let CredentialRef::AccessKey(id) = f.user(&root(), "ann") else { panic!() };
    let shown = |f: &mut Fixture, member: &str| {
        let answer = f.iam(&root(), Action::GetAccessKeyLastUsed, &[("AccessKeyId", &id)]).unwrap();
        text(&answer, &["AccessKeyLastUsed", member])
    };
    assert_eq!((shown(&mut f, "ServiceName"), shown(&mut f, "Region")), ("N/A".into(), "N/A".into()));
    let used = |ms, service| {
        let last = AccessKeyUsage { at: START.plus_millis(ms), service };
        Command::RecordUsage { keys: Vec::new(), access_keys: vec![UsedAccessKey { id: id.clone(), last }] }
    };
    f.run(used(2_000, UsedService::Sts));
    f.run(used(1_000, UsedService::Kms));
    assert_eq!((shown(&mut f, "ServiceName"), shown(&mut f, "Region")), ("sts".into(), "us-east-1".into()));
    assert_eq!(shown(&mut f, "LastUsedDate"), START.plus_millis(2_000).to_rfc3339());
    f.iam(&root(), Action::DeleteAccessKey, &[("UserName", "ann"), ("AccessKeyId", &id)]).unwrap();
    assert!(f.state.access_key_usage(&id).is_none());
    f.run(used(3_000, UsedService::Kms));
    assert!(f.state.access_key_usage(&id).is_none(), "of a key that is gone nothing is noted");
}

/// An evicted Region stays out, until it has a new history.
#[test]
fn the_identity_key_does_not_go_back_to_a_region_that_was_evicted() {
    let mut f = Fixture::new();
    let key = f.state.identity_key().unwrap().id;
    let joins = |f: &mut Fixture| {
        let (mut env, state) = f.env();
        let proposal = identity_replication(state, &mut env, 1)?;
        match proposal.command {
            Command::ProposeRecord { record, .. } => Some(*record),
            other => panic!("{other:?}"),
        }
    };
    let joining = joins(&mut f).unwrap();
    let other = region("eu-west-1");
    assert!(joining.members.contains_key(&other), "the only other data Region");
    f.change(&joining);
    let active = f.committed(&key).admit(&other).unwrap();
    f.change(&active);
    assert!(joins(&mut f).is_none());
    let history = f.state.directory().unwrap().voters[&other].incarnation;
    let evicted = f.committed(&key).remove(&other).unwrap().remembering(other.clone(), history);
    f.change(&evicted);
    assert!(joins(&mut f).is_none(), "not by itself");
    let earlier = kms_types::Incarnation::from_random([9; 16]);
    let renewed = f.committed(&key);
    let renewed = kms_state::ControlRecord { removed: [(other.clone(), earlier)].into(), ..renewed };
    let renewed = kms_state::ControlRecord { version: renewed.version.next(), ..renewed };
    f.change(&renewed);
    assert!(joins(&mut f).unwrap().members.contains_key(&other), "with a new history it is another Region");
}

#[test]
fn b1_what_is_taken_away_is_gone_in_the_next_view() {
    let mut fixture = Fixture::new();
    let key = fixture.single().key_id.to_string();
    let ann = fixture.user(&root(), "ann");
    assert!(!fixture.may_encrypt(&ann, &key));
    fixture.put_policy(&root(), "ann", "kms:Encrypt");
    assert!(fixture.may_encrypt(&ann, &key));
    let CredentialRef::AccessKey(id) = ann.clone() else { panic!() };
    let status = |status| [("UserName", "ann"), ("AccessKeyId", id.as_str()), ("Status", status)];
    fixture.iam(&root(), Action::UpdateAccessKey, &status("Inactive")).unwrap();
    let refused = fixture.call_with(&ann, Request::Encrypt(requests::encrypt(&key, b"a")));
    assert!(matches!(refused, Err(Error::CredentialGone)));
    fixture.iam(&root(), Action::UpdateAccessKey, &status("Active")).unwrap();
    assert!(fixture.may_encrypt(&ann, &key));
    fixture.iam(&root(), Action::DeleteUserPolicy, &[("UserName", "ann"), ("PolicyName", "p")]).unwrap();
    assert!(!fixture.may_encrypt(&ann, &key));
}

#[test]
fn a_call_whose_credential_went_away_meanwhile_is_refused() {
    let mut fixture = Fixture::new();
    let ann = fixture.user(&root(), "ann");
    let Ok(caller) = fixture.state.caller(&ann) else { panic!() };
    let CredentialRef::AccessKey(id) = &ann else { panic!() };
    fixture.iam(&root(), Action::DeleteAccessKey, &[("UserName", "ann"), ("AccessKeyId", id)]).unwrap();
    let call = crate::Call {
        request: list_keys(),
        caller,
        credential: ann,
        request_id: kms_types::RequestId::from_random([3; 16]),
        node: 1,
        circumstances: crate::Circumstances::default(),
    };
    let mut facts = crate::AuditFacts::default();
    let (mut env, state) = fixture.env();
    assert!(matches!(crate::prepare(&call, state, &mut env, &mut facts), Err(Error::CredentialGone)));
}

#[test]
fn groups_attachments_and_boundaries_add_up() {
    let mut fixture = Fixture::new();
    let key = fixture.single().key_id.to_string();
    let ann = fixture.user(&root(), "ann");
    let policy = |name| {
        [
            ("PolicyName", name),
            (
                "PolicyDocument",
                r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"kms:Encrypt","Resource":"*"}]}"#,
            ),
        ]
    };
    let arn = text(&fixture.iam(&root(), Action::CreatePolicy, &policy("use")).unwrap(), &["Policy", "Arn"]);
    fixture.iam(&root(), Action::CreateGroup, &[("GroupName", "g")]).unwrap();
    fixture.iam(&root(), Action::AttachGroupPolicy, &[("GroupName", "g"), ("PolicyArn", &arn)]).unwrap();
    assert!(!fixture.may_encrypt(&ann, &key));
    fixture.iam(&root(), Action::AddUserToGroup, &[("GroupName", "g"), ("UserName", "ann")]).unwrap();
    assert!(fixture.may_encrypt(&ann, &key));
    let limit = [("PolicyName", "limit"), ("PolicyDocument", &*allow("kms:Decrypt"))];
    let limit = text(&fixture.iam(&root(), Action::CreatePolicy, &limit).unwrap(), &["Policy", "Arn"]);
    let boundary = [("UserName", "ann"), ("PermissionsBoundary", limit.as_str())];
    fixture.iam(&root(), Action::PutUserPermissionsBoundary, &boundary).unwrap();
    assert!(!fixture.may_encrypt(&ann, &key));
    let in_use = fixture.iam(&root(), Action::DeletePolicy, &[("PolicyArn", &limit)]);
    assert!(matches!(in_use, Err(IamError::DeleteConflict(_))));
    fixture.iam(&root(), Action::DeleteUserPermissionsBoundary, &[("UserName", "ann")]).unwrap();
    fixture.iam(&root(), Action::DeletePolicy, &[("PolicyArn", &limit)]).unwrap();
    for (action, params) in [
        (Action::DeleteGroup, vec![("GroupName", "g")]),
        (Action::DeletePolicy, vec![("PolicyArn", arn.as_str())]),
        (Action::DeleteUser, vec![("UserName", "ann")]),
    ] {
        let refused = fixture.iam(&root(), action, &params);
        assert!(matches!(refused, Err(IamError::DeleteConflict(_))), "{action:?}");
    }
    // A rename keeps the memberships.
    let rename = [("UserName", "ann"), ("NewUserName", "anna")];
    fixture.iam(&root(), Action::UpdateUser, &rename).unwrap();
    assert!(fixture.may_encrypt(&ann, &key));
    fixture.iam(&root(), Action::UpdateGroup, &[("GroupName", "g"), ("NewGroupName", "h")]).unwrap();
    assert!(fixture.may_encrypt(&ann, &key));
    fixture.iam(&root(), Action::RemoveUserFromGroup, &[("GroupName", "h"), ("UserName", "anna")]).unwrap();
    assert!(!fixture.may_encrypt(&ann, &key));
}

#[test]
fn a_change_decided_on_an_old_view_is_decided_again() {
    let mut fixture = Fixture::new();
    fixture.iam(&root(), Action::CreateUser, &[("UserName", "ann")]).unwrap();
    let old: State = fixture.state.clone();
    fixture.put_policy(&root(), "ann", "kms:*");
    let now = std::mem::replace(&mut fixture.state, old);
    let caller = Principal::Root { account: account_id(OWN) };
    let call = iam::IamCall {
        action: Action::DeleteUser,
        params: iam::Params::new([("UserName".to_owned(), "ann".to_owned())].into()),
        caller,
        credential: root(),
        request_id: kms_types::RequestId::from_random([3; 16]),
        node: 1,
        circumstances: crate::Circumstances::default(),
    };
    let (mut env, view) = fixture.env();
    let Ok(iam::IamStep::Propose(pending)) = iam::prepare(&call, view, &mut env) else { panic!() };
    fixture.state = now;
    let outcome = fixture.apply(&pending.proposal);
    assert_eq!(pending.respond(&outcome), Ok(None), "ann has a policy by now");
}

#[test]
fn sessions_of_roles_have_the_roles_policies_within_their_own() {
    let mut fixture = Fixture::new();
    let key = fixture.single().key_id.to_string();
    let ann = fixture.user(&root(), "ann");
    let role =
        [("RoleName", "r"), ("AssumeRolePolicyDocument", &*trust(&format!("arn:aws:iam::{OWN}:user/ann")))];
    let arn = text(&fixture.iam(&root(), Action::CreateRole, &role).unwrap(), &["Role", "Arn"]);
    let params = [("RoleName", "r"), ("PolicyName", "p"), ("PolicyDocument", &*allow("kms:*"))];
    fixture.iam(&root(), Action::PutRolePolicy, &params).unwrap();
    let assume = [("RoleArn", arn.as_str()), ("RoleSessionName", "job-7")];
    let answer = fixture.iam(&ann, Action::AssumeRole, &assume).unwrap();
    let session = fixture.session(&answer);
    assert!(fixture.may_encrypt(&session, &key));
    let decrypt = allow("kms:Decrypt");
    let narrow = [assume.as_slice(), &[("Policy", decrypt.as_str())]].concat();
    let answer = fixture.iam(&ann, Action::AssumeRole, &narrow).unwrap();
    let narrow = fixture.session(&answer);
    let refused = fixture.call_with(&narrow, Request::Encrypt(requests::encrypt(&key, b"a")));
    let Err(Error::AccessDenied { reason, .. }) = refused else { panic!() };
    assert_eq!(reason, Denial::Implicit(PolicySource::Session));
    // Nobody else, not even the root.
    let bob = fixture.user(&root(), "bob");
    assert!(matches!(fixture.iam(&bob, Action::AssumeRole, &assume), Err(IamError::AccessDenied { .. })));
    assert!(matches!(fixture.iam(&root(), Action::AssumeRole, &assume), Err(IamError::Forbidden(_))));
    // The session ends with its time, and with its role.
    let view = fixture.state.clone();
    fixture.pass_days(1);
    assert_eq!(fixture.state.caller(&session), Err(kms_state::CallerError::Expired));
    fixture.state = view;
    fixture.iam(&root(), Action::DeleteRolePolicy, &[("RoleName", "r"), ("PolicyName", "p")]).unwrap();
    assert!(!fixture.may_encrypt(&session, &key));
    fixture.iam(&root(), Action::DeleteRole, &[("RoleName", "r")]).unwrap();
    assert_eq!(fixture.state.caller(&session), Err(kms_state::CallerError::Unknown));
}

#[test]
fn a_user_made_anew_is_another_user_to_policies() {
    let mut fixture = Fixture::new();
    let ann = fixture.user(&root(), "ann");
    let arn = format!("arn:aws:iam::{OWN}:user/ann");
    let role = [("RoleName", "r"), ("AssumeRolePolicyDocument", &*trust(&arn))];
    fixture.iam(&root(), Action::CreateRole, &role).unwrap();
    let stranger = [("RoleName", "s"), ("AssumeRolePolicyDocument", &*trust(&format!("{arn}-stranger")))];
    let refused = fixture.iam(&root(), Action::CreateRole, &stranger);
    assert!(matches!(refused, Err(IamError::MalformedPolicyDocument(_))));
    let CredentialRef::AccessKey(id) = ann else { panic!() };
    fixture.iam(&root(), Action::DeleteAccessKey, &[("UserName", "ann"), ("AccessKeyId", &id)]).unwrap();
    fixture.iam(&root(), Action::DeleteUser, &[("UserName", "ann")]).unwrap();
    let shown = fixture.iam(&root(), Action::GetRole, &[("RoleName", "r")]).unwrap();
    assert!(text(&shown, &["Role", "AssumeRolePolicyDocument"]).contains("%22AWS%22%3A%22AIDA"));
    let anew = fixture.user(&root(), "ann");
    let role_arn = format!("arn:aws:iam::{OWN}:role/r");
    let assume = [("RoleArn", role_arn.as_str()), ("RoleSessionName", "aa")];
    assert!(matches!(fixture.iam(&anew, Action::AssumeRole, &assume), Err(IamError::AccessDenied { .. })));
}

#[test]
fn federated_users_may_what_both_sides_allow() {
    let mut fixture = Fixture::new();
    let key = fixture.single().key_id.to_string();
    let ann = fixture.user(&root(), "ann");
    fixture.put_policy(&root(), "ann", "*");
    let bare = fixture.iam(&ann, Action::GetFederationToken, &[("Name", "bob")]).unwrap();
    let bare = fixture.session(&bare);
    assert!(!fixture.may_encrypt(&bare, &key));
    let with = [("Name", "bob"), ("Policy", &*allow("kms:Encrypt"))];
    let with = fixture.iam(&ann, Action::GetFederationToken, &with).unwrap();
    let with = fixture.session(&with);
    assert!(fixture.may_encrypt(&with, &key));
    fixture.put_policy(&root(), "ann", "kms:Decrypt");
    assert!(!fixture.may_encrypt(&with, &key));
    let again = fixture.iam(&with, Action::GetFederationToken, &[("Name", "eve")]);
    assert!(matches!(again, Err(IamError::Forbidden(_))));
}

#[test]
fn accounts_do_not_see_each_other() {
    let mut fixture = Fixture::new();
    fixture.user(&root(), "ann");
    let seen = fixture.iam(&foreign_root(), Action::GetUser, &[("UserName", "ann")]);
    assert!(matches!(seen, Err(IamError::NoSuchEntity(_))));
    fixture.user(&foreign_root(), "ann");
    let listed = fixture.iam(&foreign_root(), Action::ListUsers, &[]).unwrap();
    assert!(text(&listed, &["Users", "member", "Arn"]).contains(FOREIGN));
}

#[test]
fn iam_is_for_those_whose_policies_say_so() {
    let mut fixture = Fixture::new();
    let ann = fixture.user(&root(), "ann");
    let denied = fixture.iam(&ann, Action::ListUsers, &[]);
    assert!(matches!(denied, Err(IamError::AccessDenied { ref action, .. }) if action == "iam:ListUsers"));
    fixture.put_policy(&root(), "ann", "iam:List*");
    assert!(fixture.iam(&ann, Action::ListUsers, &[]).is_ok());
    assert!(matches!(
        fixture.iam(&ann, Action::CreateUser, &[("UserName", "x")]),
        Err(IamError::AccessDenied { .. })
    ));
}

#[test]
fn lists_come_in_pages_that_continue() {
    let mut fixture = Fixture::new();
    for n in 0..7 {
        fixture.iam(&root(), Action::CreateUser, &[("UserName", &format!("user-{n}"))]).unwrap();
    }
    let (mut names, mut marker) = (Vec::new(), None::<String>);
    loop {
        let mut params = vec![("MaxItems", "3")];
        params.extend(marker.as_deref().map(|marker| ("Marker", marker)));
        let page = fixture.iam(&root(), Action::ListUsers, &params).unwrap();
        let Some(Tree::Struct(members)) = &page else { panic!() };
        let Some((_, Tree::List(users))) = members.iter().find(|(name, _)| *name == "Users") else {
            panic!()
        };
        names.extend(users.iter().map(|user| text(&Some(user.clone()), &["UserName"])));
        match text(&page, &["IsTruncated"]).as_str() {
            "true" => marker = Some(text(&page, &["Marker"])),
            _ => break,
        }
    }
    assert_eq!(names, (0..7).map(|n| format!("user-{n}")).collect::<Vec<_>>());
    let forged = fixture.iam(&root(), Action::ListUsers, &[("Marker", "*")]);
    assert!(matches!(forged, Err(IamError::Validation(_))));
}

#[test]
fn policies_outside_the_grammar_are_never_stored() {
    let mut fixture = Fixture::new();
    fixture.user(&root(), "ann");
    for document in [
        "{",
        "[]",
        r#"{"Statement":[]}"#,
        r#"{"Statement":{"Effect":"Maybe","Action":"*","Resource":"*"}}"#,
        r#"{"Statement":{"Effect":"Allow","Action":"*"}}"#,
        r#"{"Statement":{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"}}"#,
    ] {
        let params = [("UserName", "ann"), ("PolicyName", "p"), ("PolicyDocument", document)];
        let refused = fixture.iam(&root(), Action::PutUserPolicy, &params);
        assert!(matches!(refused, Err(IamError::MalformedPolicyDocument(_))), "{document}");
    }
}
