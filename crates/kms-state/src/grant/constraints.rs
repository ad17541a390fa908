//! The constraints of a grant, and the one order between them: what a stricter one allows, the wider one allows too.

use kms_types::EncryptionContext;
use serde::{Deserialize, Serialize};

/// What a request must look like for a grant to allow it [KMS:grants]. None: any request.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct GrantConstraints {
    /// About the encryption context.
    pub encryption_context: Option<ContextConstraint>,
    /// The resource that a service must act for; compared as a whole, without wildcards.
    pub source_arn: Option<String>,
}

/// A constraint of the encryption context. An empty one is one, too: `Equals` nothing, or `Subset` that always holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum ContextConstraint {
    /// Exactly these pairs.
    Equals(EncryptionContext),
    /// At least these pairs.
    Subset(EncryptionContext),
}

impl ContextConstraint {
    /// The pairs, as they were given.
    pub fn pairs(&self) -> &EncryptionContext {
        match self {
            Self::Equals(pairs) | Self::Subset(pairs) => pairs,
        }
    }

    fn allows(&self, context: &ComparedContext) -> bool {
        match self {
            Self::Equals(pairs) => ComparedContext::of(pairs) == *context,
            Self::Subset(pairs) => context.includes(&ComparedContext::of(pairs)),
        }
    }

    fn covers(&self, child: &Self) -> bool {
        let pairs = ComparedContext::of(child.pairs());
        match (self, child) {
            (Self::Equals(_), Self::Subset(_)) => false,
            (Self::Equals(_), Self::Equals(_)) | (Self::Subset(_), _) => self.allows(&pairs),
        }
    }
}

impl GrantConstraints {
    pub(crate) fn context_allows(&self, context: &ComparedContext) -> bool {
        self.encryption_context.as_ref().is_none_or(|constraint| constraint.allows(context))
    }

    pub(crate) fn source_allows(&self, source_arn: Option<&str>) -> bool {
        self.source_arn.as_deref().is_none_or(|wanted| source_arn == Some(wanted))
    }

    /// True when `child` lets through nothing that these do not.
    pub(crate) fn cover(&self, child: &Self) -> bool {
        let context = match (&self.encryption_context, &child.encryption_context) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some(own), Some(child)) => own.covers(child),
        };
        context && self.source_allows(child.source_arn.as_deref())
    }
}

/// The pairs of an encryption context as constraints compare them: names without case, values with it. Sorted, and a
/// pair that two names give counts twice, so that neither side can hide one behind the other.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ComparedContext(Vec<(String, String)>);

impl ComparedContext {
    /// From names and values.
    pub fn new<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let mut pairs: Vec<_> = pairs.into_iter().map(|(n, v)| (n.to_lowercase(), v.to_owned())).collect();
        pairs.sort_unstable();
        Self(pairs)
    }

    /// From a context as a request or a constraint gives it.
    pub fn of(context: &EncryptionContext) -> Self {
        Self::new(context.pairs().iter().map(|(name, value)| (name.as_str(), value.as_str())))
    }

    /// The pairs, in order.
    pub(crate) fn pairs(&self) -> &[(String, String)] {
        &self.0
    }

    /// True when every pair of `other` is here, as often as there.
    fn includes(&self, other: &Self) -> bool {
        let mut rest = self.0.iter();
        other.0.iter().all(|wanted| rest.any(|pair| pair == wanted))
    }
}
