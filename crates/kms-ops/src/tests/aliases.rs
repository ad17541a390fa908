use super::{
    fixture::{FOREIGN, Fixture},
    requests::{create_alias, delete_alias, encrypt, schedule, update_alias},
};
use crate::{AliasRule, Error, Quota, Response, list_aliases};

#[test]
fn an_alias_moves_between_keys_and_goes() {
    let mut f = Fixture::new();
    let (one, two) = (f.single(), f.single());
    f.call(create_alias("alias/ledger", &one.key_id)).unwrap();
    assert!(matches!(f.call(create_alias("alias/ledger", &two.key_id)), Err(Error::AliasExists { .. })));
    for key in [&one, &two] {
        f.call(update_alias("alias/ledger", &key.key_id)).unwrap();
        let Ok(Response::Encrypt(response)) = f.call(encrypt(&"alias/ledger", b"x")) else { panic!() };
        assert_eq!(response.key_id, key.arn);
    }
    f.call(delete_alias("alias/ledger")).unwrap();
    assert!(matches!(f.call(delete_alias("alias/ledger")), Err(Error::AliasNotFound { .. })));
    assert!(matches!(f.call(update_alias("alias/ledger", &one.key_id)), Err(Error::AliasNotFound { .. })));
    assert!(matches!(f.call(encrypt(&"alias/ledger", b"x")), Err(Error::AliasNotFound { .. })));
}

#[test]
fn names_follow_the_rules() {
    let mut f = Fixture::new();
    let key = f.single().key_id;
    let cases = [
        ("ledger", AliasRule::Prefix),
        ("alias/led ger", AliasRule::Characters),
        ("alias/", AliasRule::Characters),
        ("alias/aws/s3", AliasRule::Reserved),
    ];
    for (name, rule) in cases {
        let expected = Error::InvalidAliasName { name: name.into(), rule };
        assert_eq!(f.call(create_alias(name, &key)).unwrap_err(), expected);
        assert_eq!(f.call(update_alias(name, &key)).unwrap_err(), expected);
        assert_eq!(f.call(delete_alias(name)).unwrap_err(), expected);
    }
}

#[test]
fn targets_are_own_keys_that_stay() {
    let mut f = Fixture::new();
    let (key, doomed) = (f.single(), f.single());
    f.call(schedule(&doomed.key_id, None)).unwrap();
    f.call(create_alias("alias/a", &key.key_id)).unwrap();
    assert!(matches!(f.call(create_alias("alias/b", &"alias/a")), Err(Error::Validation(_))));
    assert!(matches!(f.call(create_alias("alias/b", &doomed.key_id)), Err(Error::InvalidState { .. })));
    assert!(matches!(f.call(update_alias("alias/a", &doomed.key_id)), Err(Error::InvalidState { .. })));
    assert!(matches!(f.call_as(FOREIGN, create_alias("alias/b", &key.arn)), Err(Error::AccessDenied { .. })));
    assert!(matches!(
        f.call_as(FOREIGN, create_alias("alias/b", &key.key_id)),
        Err(Error::KeyNotFound { .. })
    ));
}

/// Message 10: what the alias pointed at before may be on its way out.
#[test]
fn an_alias_leaves_a_key_that_is_pending_deletion() {
    let mut f = Fixture::new();
    let (doomed, key) = (f.single(), f.single());
    f.call(create_alias("alias/a", &doomed.key_id)).unwrap();
    f.call(schedule(&doomed.key_id, None)).unwrap();
    f.call(update_alias("alias/a", &key.key_id)).unwrap();
    f.call(delete_alias("alias/a")).unwrap();
}

#[test]
fn the_quota_counts_per_key() {
    let mut f = Fixture::new();
    let (full, free) = (f.single().key_id, f.single().key_id);
    for n in 0..50 {
        f.call(create_alias(&format!("alias/{n}"), &full)).unwrap();
    }
    f.call(create_alias("alias/free", &free)).unwrap();
    let expected = Error::LimitExceeded(Quota::Aliases { used: 50, limit: 50 });
    assert_eq!(f.call(create_alias("alias/50", &full)).unwrap_err(), expected);
    assert_eq!(f.call(update_alias("alias/free", &full)).unwrap_err(), expected);
}

#[test]
fn list_aliases_filters_by_key_and_pages() {
    let mut f = Fixture::new();
    let (one, two) = (f.single(), f.single());
    for name in ["alias/b", "alias/a", "alias/c"] {
        f.call(create_alias(name, &one.key_id)).unwrap();
    }
    f.call(create_alias("alias/other", &two.key_id)).unwrap();
    let request = |key_id: Option<String>, limit, marker| list_aliases::Request { key_id, limit, marker };
    let list = |f: &mut Fixture, request| match f.call(request) {
        Ok(Response::ListAliases(response)) => response,
        other => panic!("{other:?}"),
    };
    let names = |page: &list_aliases::Response| -> Vec<String> {
        page.aliases.iter().map(|a| a.alias_name.to_string()).collect()
    };
    let all = list(&mut f, request(None, None, None));
    assert_eq!(names(&all), ["alias/a", "alias/b", "alias/c", "alias/other"]);
    let id = Some(one.key_id.to_string());
    let first = list(&mut f, request(id.clone(), Some(2), None));
    assert_eq!((names(&first), first.truncated), (vec!["alias/a".into(), "alias/b".into()], true));
    let rest = list(&mut f, request(id, Some(2), first.next_marker.clone()));
    assert_eq!((names(&rest), rest.truncated), (vec!["alias/c".into()], false));
    assert_eq!(f.call(request(None, None, first.next_marker)).unwrap_err(), Error::InvalidMarker);
    assert!(matches!(
        f.call(request(Some("alias/a".into()), None, None)),
        Err(Error::AliasNotSupported { .. })
    ));
    let hidden = f.call_as(FOREIGN, request(Some(one.arn.to_string()), None, None)).unwrap_err();
    let absent = one.arn.to_string().replace(&one.key_id.to_string(), "00000000-0000-4000-8000-000000000000");
    assert_eq!(f.call_as(FOREIGN, request(Some(absent), None, None)).unwrap_err(), hidden);
}
