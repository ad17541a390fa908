//! The permissions of making a key, which no key policy can give: CreateKey here, and ReplicateKey in another Region.

use kms_policy::Context;
use kms_types::{MultiRegionKeyType, Region};

use crate::{
    Error, Tag,
    authorize::authorize_plain,
    case::Case,
    conditions::{self, KeyFacts},
};

/// What a new key will be.
pub(crate) struct Creation<'a> {
    pub(crate) facts: &'a KeyFacts,
    /// Where; the caller's policies are the same in every Region.
    pub(crate) region: &'a Region,
    pub(crate) tags: &'a [Tag],
    pub(crate) bypass_lockout_check: Option<bool>,
}

/// Who makes multi-Region primaries must be able to make the role that keeps them in step (section 6.1).
const LINKED_ROLE: &str =
    "role/aws-service-role/mrk.kms.amazonaws.com/AWSServiceRoleForKeyManagementServiceMultiRegionKeys";

/// kms:CreateKey, with tags kms:TagResource, and for a multi-Region primary iam:CreateServiceLinkedRole (section 6.6).
pub(crate) fn authorize(case: &Case<'_>, creation: &Creation<'_>) -> Result<(), Error> {
    let context = context(case, creation);
    authorize_plain(case, "kms:CreateKey", "*", &context)?;
    if !creation.tags.is_empty() {
        authorize_plain(case, "kms:TagResource", "*", &context)?;
    }
    if creation.facts.multi_region == Some(MultiRegionKeyType::Primary) {
        let role = format!("arn:aws:iam::{}:{LINKED_ROLE}", creation.facts.account);
        let mut context = conditions::of_caller(case);
        context.add("iam:AWSServiceName", "mrk.kms.amazonaws.com");
        authorize_plain(case, "iam:CreateServiceLinkedRole", &role, &context)?;
    }
    Ok(())
}

fn context(case: &Case<'_>, creation: &Creation<'_>) -> Context {
    let mut context = conditions::of_key(case, creation.facts);
    context.set("aws:RequestedRegion", [creation.region.as_str().into()]);
    conditions::add_tags(&mut context, creation.tags);
    for tag in creation.tags {
        context.add(&format!("aws:ResourceTag/{}", tag.tag_key), tag.tag_value.as_str());
    }
    conditions::add_bypass(&mut context, creation.bypass_lockout_check);
    context
}
