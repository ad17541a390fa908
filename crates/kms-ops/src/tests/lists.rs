//! Section 2.4: markers belong to one list of one operation, and no page is larger than its operation allows.

use super::{
    fixture::Fixture,
    requests::{create_alias, list_rotations, rotate},
};
use crate::{
    Error, Request, Response, Tag, describe_custom_key_stores, list_aliases, list_key_policies,
    list_key_rotations, list_keys, list_resource_tags, tag_resource,
};

/// Every list operation with a page of one entry.
fn lists(key: &str, limit: Option<u32>, marker: Option<String>) -> Vec<Request> {
    let (key_id, marker) = (key.to_owned(), || marker.clone());
    vec![
        list_keys::Request { limit, marker: marker(), resource_owners: Vec::new() }.into(),
        list_aliases::Request { key_id: None, limit, marker: marker() }.into(),
        list_aliases::Request { key_id: Some(key_id.clone()), limit, marker: marker() }.into(),
        list_resource_tags::Request { key_id: key_id.clone(), limit, marker: marker() }.into(),
        list_key_policies::Request { key_id: key_id.clone(), limit, marker: marker() }.into(),
        list_key_rotations::Request { limit, marker: marker(), ..list_rotations(&key_id) }.into(),
        describe_custom_key_stores::Request {
            custom_key_store_id: None,
            custom_key_store_name: None,
            limit,
            marker: marker(),
        }
        .into(),
    ]
}

/// Entries of the page, and where to go on.
fn page(response: &Response) -> (usize, Option<&str>) {
    let (count, marker) = match response {
        Response::ListKeys(r) => (r.keys.len(), &r.next_marker),
        Response::ListAliases(r) => (r.aliases.len(), &r.next_marker),
        Response::ListResourceTags(r) => (r.tags.len(), &r.next_marker),
        Response::ListKeyPolicies(r) => (r.policy_names.len(), &r.next_marker),
        Response::ListKeyRotations(r) => (r.rotations.len(), &r.next_marker),
        Response::DescribeCustomKeyStores(r) => (0, &r.next_marker),
        other => panic!("{other:?}"),
    };
    (count, marker.as_deref())
}

fn filled() -> (Fixture, String) {
    let mut f = Fixture::new();
    let key = f.single().key_id;
    f.single();
    let tags: Vec<Tag> =
        (0..50).map(|n| Tag { tag_key: format!("{n:02}"), tag_value: String::new() }).collect();
    f.call(tag_resource::Request { key_id: key.to_string(), tags }).unwrap();
    for n in 0..3 {
        f.call(create_alias(&format!("alias/{n}"), &key)).unwrap();
        f.call(rotate(&key)).unwrap();
    }
    (f, key.to_string())
}

#[test]
fn a_marker_serves_the_list_that_gave_it_and_no_other() {
    let (mut f, key) = filled();
    let firsts: Vec<Response> = lists(&key, Some(1), None).into_iter().map(|r| f.call(r).unwrap()).collect();
    let mut used = 0;
    for (giver, first) in firsts.iter().enumerate() {
        let Some(marker) = page(first).1 else { continue };
        used += 1;
        for (taker, request) in lists(&key, Some(1), Some(marker.to_owned())).into_iter().enumerate() {
            let operation = request.operation();
            match f.call(request) {
                Ok(next) => {
                    assert_eq!(giver, taker, "{operation} took a marker of another list");
                    assert_eq!(page(&next).0, 1);
                    assert!(page(&next) != page(first), "{operation} made no progress");
                }
                Err(error) => {
                    assert_eq!(error, Error::InvalidMarker, "{operation}");
                    assert_ne!(giver, taker, "{operation} refused its own marker");
                }
            }
        }
    }
    assert_eq!(used, 5, "keys, aliases twice, tags and rotations have more than one entry");
}

#[test]
fn pages_are_never_larger_than_the_operation_allows() {
    let mut f = Fixture::new();
    f.settings.quotas.aliases_per_key = 200;
    let key = f.single().key_id;
    for n in 0..120 {
        f.call(create_alias(&format!("alias/{n:03}"), &key)).unwrap();
    }
    let sizes = |f: &mut Fixture, limit| -> Vec<usize> {
        let requests =
            [None, Some(key.to_string())].map(|key_id| list_aliases::Request { key_id, limit, marker: None });
        requests.into_iter().map(|r| page(&f.call(r).unwrap()).0).collect()
    };
    assert_eq!(sizes(&mut f, None), [50, 50]);
    assert_eq!(sizes(&mut f, Some(100)), [100, 100]);
    assert_eq!(sizes(&mut f, Some(1000)), [100, 100], "above the range: clamped");
}
