//! RetireGrant and RevokeGrant: who may, how the grant is named, and what remains unknown.

use super::*;
use crate::{
    RespondError, Step,
    create_grant::Request,
    retire_grant, revoke_grant,
    tests::{
        fixture::{FOREIGN, OWN},
        requests::*,
    },
};
use kms_state::{Outcome, Refusal};

#[test]
fn a_grant_is_retired_by_whom_it_says() {
    let mut f = Fixture::new();
    let key = f.single().arn;
    let own_retirement = [GrantOperation::Decrypt, GrantOperation::RetireGrant];
    let plain = || create_grant(&key, FOREIGN, DECRYPT);
    let cases = [
        // The grant, who tries, whether it goes.
        (plain(), OWN, true),
        (plain(), FOREIGN, false),
        (plain(), OTHER, false),
        (Request { retiring_principal: Some(root_arn(OTHER)), ..plain() }, OTHER, true),
        (Request { retiring_principal: Some(root_arn(OTHER)), ..plain() }, FOREIGN, false),
        (Request { retiring_principal: Some(root_arn(OTHER)), ..plain() }, OWN, true),
        (Request { retiring_principal: Some(root_arn(FOREIGN)), ..plain() }, FOREIGN, true),
        (create_grant(&key, FOREIGN, &own_retirement), FOREIGN, true),
        (create_grant(&key, FOREIGN, &own_retirement), OTHER, false),
    ];
    for (request, account, goes) in cases {
        for by_token in [true, false] {
            let (grant, token) = granted(&mut f, request.clone());
            let retire = if by_token { retire_by_token(&token) } else { retire(&key, &grant) };
            let dry = retire_grant::Request { dry_run: true, ..retire.clone() };
            let result = f.call_as(account, dry);
            assert_eq!(result == Err(Error::DryRun), goes, "{result:?}");
            assert_eq!(f.facts.grant_id, Some(grant));
            let result = f.call_as(account, retire);
            assert_eq!(result.is_ok(), goes, "{request:?} {account}");
            assert_eq!(f.state.grant(&key.key, &grant).is_none(), goes);
        }
    }
}

/// A constraint about the context does not keep the grantee from retiring; RetireGrant has no context.
#[test]
fn constraints_do_not_apply_to_retirement() {
    let mut f = Fixture::new();
    let key = f.single().arn;
    let request = Request {
        constraints: Some(GrantConstraintMembers {
            source_arn: Some("arn:aws:ledger:us-east-1:111122223333:table/a".into()),
            ..equals(&[("a", "b")]).unwrap()
        }),
        ..create_grant(&key, FOREIGN, &[GrantOperation::RetireGrant])
    };
    let (grant, _) = granted(&mut f, request);
    f.call_as(FOREIGN, retire(&key, &grant)).unwrap();
}

/// Section 8.4: a key policy gives nobody RetireGrant, and takes it away by a Deny.
#[test]
fn a_key_policy_can_only_deny_retirement() {
    let mut f = Fixture::new();
    let key = f.single().arn;
    let allow = format!(
        r#"{{"Statement":[{{"Effect":"Allow","Principal":{{"AWS":"{OWN}"}},"Action":"kms:*","Resource":"*"}},
        {{"Effect":"Allow","Principal":{{"AWS":"{FOREIGN}"}},"Action":"kms:RetireGrant","Resource":"*"}}]}}"#
    );
    f.call(put_policy(&key.key, &allow)).unwrap();
    let (grant, _) = granted(&mut f, create_grant(&key, OTHER, DECRYPT));
    assert_eq!(denial(f.call_as(FOREIGN, retire(&key, &grant))), ("kms:RetireGrant", Denial::NotVisible));
    for condition in [
        EVERYBODY,
        r#""StringEquals":{"kms:GrantConstraintType":"EncryptionContextSubset"}"#,
        r#""StringEquals":{"kms:EncryptionContext:a":"b"}"#,
    ] {
        let request = Request {
            constraints: subset(&[("a", "b")]),
            retiring_principal: Some(root_arn(FOREIGN)),
            ..create_grant(&key, OTHER, DECRYPT)
        };
        let (grant, _) = granted(&mut f, request);
        f.call(put_policy(&key.key, &denying("kms:RetireGrant", condition))).unwrap();
        for account in [OWN, FOREIGN] {
            assert_eq!(denial(f.call_as(account, retire(&key, &grant))).0, "kms:RetireGrant", "{condition}");
        }
    }
}

#[test]
fn a_grant_is_named_in_one_way() {
    let mut f = Fixture::new();
    let key = f.single().arn;
    let (grant, token) = granted(&mut f, create_grant(&key, FOREIGN, DECRYPT));
    let nothing = retire_grant::Request { grant_token: None, key_id: None, grant_id: None, dry_run: false };
    for request in [
        nothing.clone(),
        retire_grant::Request { key_id: Some(key.to_string()), ..nothing.clone() },
        retire_grant::Request { grant_id: Some(grant.to_string()), ..nothing.clone() },
        retire_grant::Request { key_id: Some(key.to_string()), ..retire_by_token(&token) },
        retire_grant::Request { grant_token: Some(token.clone()), ..retire(&key, &grant) },
    ] {
        assert!(matches!(f.call(request), Err(Error::Validation(_))));
    }
    let bad = || "not-a-grant".to_owned();
    let error = Err(Error::InvalidGrantId { input: bad() });
    assert_eq!(f.call(retire_grant::Request { grant_id: Some(bad()), ..retire(&key, &grant) }), error);
    assert_eq!(f.call(revoke_grant::Request { grant_id: bad(), ..revoke(&key, &grant) }), error);
}

#[test]
fn a_grant_that_is_not_there_is_not_found_by_the_owner_only() {
    let mut f = Fixture::new();
    let key = f.single().arn;
    let (grant, token) = granted(&mut f, create_grant(&key, FOREIGN, DECRYPT));
    f.call(revoke(&key, &grant)).unwrap();
    let absent = Err(Error::GrantNotFound { grant });
    assert_eq!(f.call(revoke(&key, &grant)), absent);
    assert_eq!(f.call(retire(&key, &grant)), absent);
    assert_eq!(f.call(retire_by_token(&token)), absent);
    assert_eq!(denial(f.call_as(FOREIGN, revoke(&key, &grant))).1, Denial::NotVisible);
    assert_eq!(denial(f.call_as(FOREIGN, retire(&key, &grant))).1, Denial::NotVisible);
}

#[test]
fn revoking_is_a_permission_on_the_key_and_may_be_tried() {
    let mut f = Fixture::new();
    let key = f.single().arn;
    let (grant, _) = granted(&mut f, create_grant(&key, FOREIGN, DECRYPT));
    assert_eq!(denial(f.call_as(FOREIGN, revoke(&key, &grant))).0, "kms:RevokeGrant", "the grantee may not");
    let dry = revoke_grant::Request { dry_run: true, ..revoke(&key, &grant) };
    assert_eq!(f.call(dry), Err(Error::DryRun));
    let allow = management_only().replace(OWN, FOREIGN).replace(r#"{"Statement":{"#, r#"{"Statement":[{"#);
    let own = r#",{"Effect":"Allow","Principal":{"AWS":"111122223333"},"Action":"kms:*","Resource":"*"}]}"#;
    let shared = format!("{}{own}", &allow[..allow.len() - 1]);
    f.call(put_policy(&key.key, &shared)).unwrap();
    f.call_as(FOREIGN, revoke(&key, &grant)).unwrap();
    assert_eq!(f.state.grant_count(&key.key), 0);
}

/// Two removals decided on one view: one has the effect, the other is decided again and finds nothing (B4).
#[test]
fn a_grant_goes_once() {
    let mut f = Fixture::new();
    let key = f.single().arn;
    let (grant, token) = granted(&mut f, create_grant(&key, FOREIGN, DECRYPT));
    let Ok(Step::Propose(late)) = f.prepare_as(OWN, retire_by_token(&token).into()) else { panic!() };
    let Ok(Step::Propose(later)) = f.prepare_as(OWN, revoke(&key, &grant).into()) else { panic!() };
    f.call(revoke(&key, &grant)).unwrap();
    for (pending, refusal) in
        [(late, Refusal::Stale(key.key)), (later, Refusal::GrantNotFound { key: key.key, grant })]
    {
        let outcome = f.apply(&pending.proposal);
        assert_eq!(outcome, Outcome::Refused(refusal));
        let view = f.state.clone();
        assert!(matches!(pending.respond(&view, outcome), Err(RespondError::Retry(_))));
    }
}
