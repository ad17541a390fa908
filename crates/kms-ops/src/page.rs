//! Pages of a list. A marker is opaque to callers: it names the operation and the list it belongs to, and the last
//! item given out, so that one of another list is noticed.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use kms_types::Operation;

use crate::Error;

/// Which list a marker belongs to.
pub(crate) struct List<'a> {
    pub(crate) operation: Operation,
    /// What else the list depends on: the account, the key, a filter.
    pub(crate) scope: &'a str,
}

/// Items of one answer.
pub(crate) struct Page<T> {
    pub(crate) items: Vec<T>,
    pub(crate) next_marker: Option<String>,
}

impl<T> Page<T> {
    pub(crate) fn truncated(&self) -> bool {
        self.next_marker.is_some()
    }
}

impl List<'_> {
    /// The name of the last item that the caller has, from its marker.
    pub(crate) fn after(&self, marker: Option<&str>) -> Result<Option<String>, Error> {
        let Some(marker) = marker else { return Ok(None) };
        let bytes = URL_SAFE_NO_PAD.decode(marker).map_err(|_| Error::InvalidMarker)?;
        let text = String::from_utf8(bytes).map_err(|_| Error::InvalidMarker)?;
        let last = text.strip_prefix(&self.tag()).ok_or(Error::InvalidMarker)?;
        Ok(Some(last.into()))
    }

    /// The first items of `rest`, which begins after the marker; `name` is what an item is found again by.
    pub(crate) fn page<T>(
        &self,
        mut rest: impl Iterator<Item = T>,
        limit: usize,
        name: impl Fn(&T) -> String,
    ) -> Page<T> {
        let items: Vec<T> = rest.by_ref().take(limit).collect();
        let last = rest.next().and(items.last()).map(name);
        let next_marker = last.map(|last| URL_SAFE_NO_PAD.encode(self.tag() + &last));
        Page { items, next_marker }
    }

    /// No part contains a line feed, so two lists never have one tag.
    fn tag(&self) -> String {
        format!("{}\n{}\n", self.operation, self.scope)
    }
}

/// The page size: the default when absent, and never above what the operation gives out (section 2.4).
pub(crate) fn limit(requested: Option<u32>, default: usize, most: usize) -> usize {
    let requested = requested.and_then(|n| usize::try_from(n).ok()).unwrap_or(default);
    requested.clamp(1, most)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(operation: Operation, scope: &str) -> List<'_> {
        List { operation, scope }
    }

    #[test]
    fn pages_join_to_the_whole_list() {
        let all: Vec<u32> = (0..10).collect();
        let list = list(Operation::ListKeys, "000000000000");
        let (mut marker, mut seen) = (None, Vec::new());
        loop {
            let after = list.after(marker.as_deref()).unwrap();
            let rest = all.iter().filter(|n| after.as_ref().is_none_or(|a| **n > a.parse().unwrap()));
            let page = list.page(rest, 4, |n| n.to_string());
            seen.extend(page.items.iter().map(|n| **n));
            assert_eq!(page.truncated(), seen.len() < 10);
            marker = page.next_marker;
            if marker.is_none() {
                break;
            }
        }
        assert_eq!(seen, all);
    }

    #[test]
    fn a_marker_of_another_list_is_refused() {
        let marker = list(Operation::ListKeys, "a").page(0..3, 2, |n| n.to_string()).next_marker;
        assert_eq!(list(Operation::ListKeys, "a").after(marker.as_deref()).unwrap().as_deref(), Some("1"));
        for other in [list(Operation::ListKeys, "b"), list(Operation::ListAliases, "a")] {
            assert_eq!(other.after(marker.as_deref()), Err(Error::InvalidMarker));
        }
        for text in ["", "?", "AAAA"] {
            assert_eq!(list(Operation::ListKeys, "a").after(Some(text)), Err(Error::InvalidMarker));
        }
    }
}
