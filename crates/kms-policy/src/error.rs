/// Why a document is not a policy. Quotes at most 128 characters of the input.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MalformedPolicy {
    /// Longer than [`kms_types::limits::MAX_POLICY_BYTES`].
    #[error("the document has {length_bytes} bytes, at most {most_bytes} fit")]
    TooLong {
        /// Its length.
        length_bytes: usize,
        /// The limit.
        most_bytes: usize,
    },
    /// Not JSON.
    #[error("not JSON at line {line} column {column}")]
    NotJson {
        /// Where, from 1.
        line: usize,
        /// Where, from 1.
        column: usize,
    },
    /// A member that the grammar does not know.
    #[error("unknown element `{element}` in {place}")]
    UnknownElement {
        /// The member.
        element: String,
        /// The object it stands in.
        place: &'static str,
    },
    /// A member that the grammar requires.
    #[error("{place} has no `{element}`")]
    Missing {
        /// The member.
        element: &'static str,
        /// The object.
        place: &'static str,
    },
    /// A member that policies of this kind do not have.
    #[error("`{element}` has no place in {place} of this kind of policy")]
    Prohibited {
        /// The member.
        element: &'static str,
        /// The object.
        place: &'static str,
    },
    /// A member given twice, in one object or as its negation beside it.
    #[error("`{element}` is given twice in {place}")]
    Twice {
        /// The member.
        element: String,
        /// The object.
        place: &'static str,
    },
    /// A member of the wrong JSON type or with a value outside its set.
    #[error("`{element}` is not {expected}")]
    Unexpected {
        /// The member.
        element: String,
        /// What it must be.
        expected: &'static str,
    },
    /// A Sid that occurs twice, where each names one statement.
    #[error("the Sid `{sid}` names two statements")]
    RepeatedSid {
        /// The Sid.
        sid: String,
    },
    /// A policy variable where none may stand.
    #[error("a policy variable stands before the sixth field of the resource `{resource}`")]
    MisplacedVariable {
        /// The resource.
        resource: String,
    },
    /// A principal that is none of the forms, or that does not exist.
    #[error("policy contains a statement with one or more invalid principals: `{principal}`")]
    InvalidPrincipal {
        /// The principal.
        principal: String,
    },
    /// A principal's ARN that is malformed or of a kind that is not a principal; InvalidArnException.
    #[error("an ARN in the policy is invalid: `{arn}`")]
    InvalidArn {
        /// The ARN.
        arn: String,
    },
    /// A condition operator that does not exist.
    #[error("unknown condition operator `{operator}`")]
    UnknownOperator {
        /// The operator.
        operator: String,
    },
    /// A condition value that the operator cannot compare.
    #[error("`{value}` is not a value for `{operator}`")]
    InvalidValue {
        /// The operator.
        operator: String,
        /// The value.
        value: String,
    },
    /// `ForAllValues` on a key that has one value or none [IAM:multivalued-keys].
    #[error("`{operator}` on the single-valued key `{key}` matches requests without it")]
    OverlyPermissive {
        /// The operator.
        operator: String,
        /// The condition key.
        key: String,
    },
}

/// At most 128 characters of `text`, for an error.
pub(crate) fn clip(text: &str) -> String {
    text.chars().take(128).collect()
}
