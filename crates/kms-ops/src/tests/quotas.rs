use super::{
    fixture::{FOREIGN, Fixture},
    requests::{create_alias, create_key, put_policy, rotate, schedule},
};
use crate::{Error, Quota, Tag, TagFault, tag_resource};

fn limited(result: Result<crate::Response, Error>) -> Quota {
    match result {
        Err(Error::LimitExceeded(quota)) => quota,
        other => panic!("{other:?}"),
    }
}

#[test]
fn keys_are_counted_per_account_until_they_are_gone() {
    let mut f = Fixture::new();
    f.settings.quotas.keys_per_account = 2;
    let (first, _) = (f.single(), f.single());
    assert_eq!(limited(f.call(create_key())), Quota::Keys { used: 2, limit: 2 });
    f.call_as(FOREIGN, create_key()).unwrap();
    f.call(schedule(&first.key_id, Some(7))).unwrap();
    assert_eq!(limited(f.call(create_key())), Quota::Keys { used: 2, limit: 2 }, "still counts");
    f.pass_days(7);
    f.run(kms_state::Command::DestroyKey { key: first.key_id });
    f.call(create_key()).unwrap();
}

#[test]
fn quotas_of_one_key_follow_the_configuration() {
    let mut f = Fixture::new();
    let key = f.single();
    f.settings.quotas.aliases_per_key = 1;
    f.settings.quotas.tags_per_key = 1;
    f.settings.quotas.on_demand_rotations = 1;
    f.settings.quotas.policy_bytes = 100;
    f.call(create_alias("alias/a", &key.key_id)).unwrap();
    assert_eq!(limited(f.call(create_alias("alias/b", &key.key_id))), Quota::Aliases { used: 1, limit: 1 });
    f.call(rotate(&key.key_id)).unwrap();
    assert_eq!(limited(f.call(rotate(&key.key_id))), Quota::OnDemandRotations { arn: key.arn.clone() });
    let tag = |name: &str| Tag { tag_key: name.into(), tag_value: String::new() };
    let tags = vec![tag("a"), tag("b")];
    let request = tag_resource::Request { key_id: key.key_id.to_string(), tags };
    assert_eq!(f.call(request).unwrap_err(), Error::Tag(TagFault::TooMany { count: 2, most: 1 }));
    let document = " ".repeat(101);
    let expected = Quota::Policy { length_bytes: 101, most_bytes: 100 };
    assert_eq!(limited(f.call(put_policy(&key.key_id, &document))), expected);
}

/// A3: what another node's configuration says does not matter when the entry is applied.
#[test]
fn a_higher_quota_of_rotations_reaches_imported_multi_region_keys() {
    let (primary, _, key) = Fixture::replicated();
    let record = primary.committed(&key);
    let at_most = |most| {
        let pending = record.materials[0].id;
        let counted = kms_state::ControlRecord {
            origin: kms_types::KeyOrigin::External,
            rotation: kms_state::Rotation { on_demand_count: 25, ..record.rotation.clone() },
            ..record.clone()
        };
        counted.rotate_imported(&pending, primary.state.region_time(), most)
    };
    assert!(matches!(at_most(25), Err(kms_state::RecordError::OnDemandLimit(_))));
    assert!(matches!(at_most(26), Err(kms_state::RecordError::NotPending { .. })), "past the quota");
}

#[test]
fn the_proposers_quota_is_the_one_that_counts() {
    let mut f = Fixture::new();
    let key = f.single();
    let step = f.prepare_as(super::fixture::OWN, create_alias("alias/a", &key.key_id).into()).unwrap();
    let crate::Step::Propose(pending) = step else { panic!("CreateAlias proposes") };
    f.settings.quotas.aliases_per_key = 0;
    assert_eq!(f.apply(&pending.proposal), kms_state::Outcome::Applied);
}
