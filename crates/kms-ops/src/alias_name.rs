//! The names that CreateAlias, UpdateAlias and DeleteAlias accept (section 8.1).

use kms_types::AliasName;

use crate::{AliasRule, Error};

pub(crate) fn parse(text: &str) -> Result<AliasName, Error> {
    let invalid = |rule| Error::InvalidAliasName { name: text.into(), rule };
    if !text.starts_with("alias/") {
        return Err(invalid(AliasRule::Prefix));
    }
    let name: AliasName = text.parse().map_err(|_| invalid(AliasRule::Characters))?;
    if name.is_reserved() { Err(invalid(AliasRule::Reserved)) } else { Ok(name) }
}
