use super::{fixture::Fixture, requests::create_key};
use crate::{Error, Response, Tag, TagFault, create_key, list_resource_tags, tag_resource, untag_resource};

fn tag(key: &str, value: &str) -> Tag {
    Tag { tag_key: key.into(), tag_value: value.into() }
}

#[test]
fn tags_are_added_overwritten_listed_and_removed() {
    let mut f = Fixture::new();
    let key =
        f.create(create_key::Request { tags: vec![tag("b", "1"), tag("a", "")], ..create_key() }).key_id;
    let tags = vec![tag("b", "2"), tag("c", "3")];
    f.call(tag_resource::Request { key_id: key.to_string(), tags }).unwrap();
    let tag_keys = vec!["a".to_string(), "unknown".into()];
    f.call(untag_resource::Request { key_id: key.to_string(), tag_keys }).unwrap();
    let list = |f: &mut Fixture, marker| {
        let request = list_resource_tags::Request { key_id: key.to_string(), limit: Some(1), marker };
        match f.call(request) {
            Ok(Response::ListResourceTags(response)) => response,
            other => panic!("{other:?}"),
        }
    };
    let first = list(&mut f, None);
    assert_eq!((first.tags, first.truncated), (vec![tag("b", "2")], true));
    let rest = list(&mut f, first.next_marker);
    assert_eq!((rest.tags, rest.truncated), (vec![tag("c", "3")], false));
}

#[test]
fn sets_of_tags_that_are_refused() {
    let mut f = Fixture::new();
    let key = f.single().key_id;
    let many: Vec<Tag> = (0..51).map(|n| tag(&n.to_string(), "")).collect();
    let cases = [
        (vec![tag("a", "1"), tag("a", "2")], TagFault::Duplicate("a".into())),
        (vec![tag("AWS:x", "1")], TagFault::Reserved("AWS:x".into())),
        (many.clone(), TagFault::TooMany { count: 51, most: 50 }),
    ];
    for (tags, fault) in cases {
        let request = tag_resource::Request { key_id: key.to_string(), tags: tags.clone() };
        assert_eq!(f.call(request).unwrap_err(), Error::Tag(fault.clone()));
        assert_eq!(f.call(create_key::Request { tags, ..create_key() }).unwrap_err(), Error::Tag(fault));
    }
    let request = |tags: &[Tag]| tag_resource::Request { key_id: key.to_string(), tags: tags.to_vec() };
    f.call(request(&many[..50])).unwrap();
    f.call(request(&many[..50])).unwrap();
    let fault = TagFault::TooMany { count: 51, most: 50 };
    assert_eq!(f.call(request(&many[50..])).unwrap_err(), Error::Tag(fault));
}
