//! Lists: `MaxItems`, `Marker`, `IsTruncated`. A marker is the name of the last item that was given out.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

use super::{IamError, Params, Tree};

/// The page of `items` that a call asks for. `items` are ordered by their names, which markers hold.
pub(super) fn page(
    params: &Params,
    member: &'static str,
    items: impl Iterator<Item = (String, Tree)>,
) -> Result<Tree, IamError> {
    let most = params.number("MaxItems", 1, 1000)?.unwrap_or(100) as usize;
    let after = params.get("Marker").map(decode).transpose()?;
    let mut rest = items.skip_while(|(name, _)| after.as_ref().is_some_and(|after| name <= after));
    let shown: Vec<(String, Tree)> = rest.by_ref().take(most).collect();
    let truncated = rest.next().is_some();
    let marker = shown.last().filter(|_| truncated).map(|(name, _)| URL_SAFE_NO_PAD.encode(name));
    let mut members = vec![
        ("IsTruncated", Tree::text(truncated)),
        (member, Tree::List(shown.into_iter().map(|(_, tree)| tree).collect())),
    ];
    members.extend(marker.map(|marker| ("Marker", Tree::Text(marker))));
    Ok(Tree::Struct(members))
}

fn decode(marker: &str) -> Result<String, IamError> {
    let text = URL_SAFE_NO_PAD.decode(marker).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    text.ok_or_else(|| IamError::Validation("Invalid Marker.".into()))
}
