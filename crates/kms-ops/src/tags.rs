//! Checks of a set of tags (section 8.2).

use std::collections::BTreeMap;

use crate::{Error, Tag, TagFault, case::Case};

/// The tags as a map, refused when a key repeats, is reserved, or there are too many.
pub(crate) fn checked(case: &Case<'_>, tags: &[Tag]) -> Result<BTreeMap<String, String>, Error> {
    let mut map = BTreeMap::new();
    for Tag { tag_key, tag_value } in tags {
        if tag_key.get(..4).is_some_and(|prefix| prefix.eq_ignore_ascii_case("aws:")) {
            return Err(Error::Tag(TagFault::Reserved(tag_key.clone())));
        }
        if map.insert(tag_key.clone(), tag_value.clone()).is_some() {
            return Err(Error::Tag(TagFault::Duplicate(tag_key.clone())));
        }
    }
    check_count(case, map.len())?;
    Ok(map)
}

pub(crate) fn check_count(case: &Case<'_>, count: usize) -> Result<(), Error> {
    let most = case.settings.quotas.tags_per_key;
    match count <= most {
        true => Ok(()),
        false => Err(Error::Tag(TagFault::TooMany { count, most })),
    }
}
