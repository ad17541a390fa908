//! Patterns of ARNs: six fields, each matched by itself, so that a wildcard does not cross a colon before the sixth.

use crate::{
    Context,
    glob::{self, Piece},
    template::{Template, Variables, Wildcards},
};

/// A pattern of ARNs, cut into its fields when the policy is parsed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ArnPattern {
    /// `*` alone.
    Any,
    /// Six fields.
    Fields(Box<[Template; 6]>),
    /// A variable that stands for a whole ARN, so that its fields are known only with its value.
    Expanding(Template),
    /// Not the pattern of an ARN; matches nothing.
    Never,
}

impl ArnPattern {
    /// A value of an `Arn...` operator.
    pub(crate) fn operand(text: &str, variables: Variables) -> Self {
        if text == "*" {
            return Self::Any;
        }
        let whole = Template::parse(text, Wildcards::Match, variables);
        let parse = |field: &str| Template::parse(field, Wildcards::Match, variables);
        match <[&str; 6]>::try_from(fields(text, variables)) {
            Ok(fields) => Self::Fields(Box::new(fields.map(parse))),
            Err(fields) if fields.len() == 1 && whole.has_variables() => Self::Expanding(whole),
            Err(_) => Self::Never,
        }
    }

    /// A Resource: `*`, or an ARN. Fields that are left out at the end stand for any [IAM:policy-grammar]. None when a
    /// variable stands before the sixth field, where it is not allowed (section 9.9).
    pub(crate) fn resource(text: &str, variables: Variables) -> Option<Self> {
        if text == "*" {
            return Some(Self::Any);
        }
        let parse = |field: &str| Template::parse(field, Wildcards::Match, variables);
        let mut fields = fields(text, variables);
        fields.resize(6, "*");
        let fields = <[&str; 6]>::try_from(fields).ok()?.map(parse);
        match fields.iter().take(5).any(Template::has_variables) {
            true => None,
            false => Some(Self::Fields(Box::new(fields))),
        }
    }

    pub(crate) fn matches(&self, arn: &str, context: &Context) -> bool {
        match self {
            Self::Any => true,
            Self::Never => false,
            Self::Fields(patterns) => {
                let mut fields = arn.splitn(6, ':');
                patterns.iter().all(|p| fields.next().is_some_and(|field| p.matches(field, context)))
            }
            Self::Expanding(template) => {
                template.expand(context).is_some_and(|pieces| matches_expanded(&pieces, arn))
            }
        }
    }
}

/// The fields of a pattern's text, at most six. A colon inside `${...}` is part of the variable's name.
fn fields(text: &str, variables: Variables) -> Vec<&str> {
    let last_brace = text.rfind('}').filter(|_| variables != Variables::Literal).unwrap_or(0);
    let (mut ends, mut inside) = (Vec::with_capacity(6), false);
    for (at, c) in text.char_indices() {
        match c {
            '{' if at < last_brace && text.get(..at).is_some_and(|before| before.ends_with('$')) => {
                inside = true
            }
            '}' => inside = false,
            ':' if !inside && ends.len() < 5 => ends.push(at),
            _ => {}
        }
    }
    ends.push(text.len());
    let starts = std::iter::once(0).chain(ends.iter().map(|end| end + 1));
    starts.zip(&ends).map(|(start, end)| text.get(start..*end).unwrap_or_default()).collect()
}

fn matches_expanded(pieces: &[Piece<'_>], arn: &str) -> bool {
    let mut patterns: Vec<Vec<Piece<'_>>> = vec![Vec::new()];
    for piece in pieces {
        let Piece::Literal(text) = piece else {
            if let Some(last) = patterns.last_mut() {
                last.push(piece.clone());
            }
            continue;
        };
        let room = 7usize.saturating_sub(patterns.len()).max(1);
        for (n, part) in text.splitn(room, ':').enumerate() {
            if n > 0 {
                patterns.push(Vec::new());
            }
            if let Some(last) = patterns.last_mut().filter(|_| !part.is_empty()) {
                last.push(Piece::Literal(part.into()));
            }
        }
    }
    let fields: Vec<&str> = arn.splitn(6, ':').collect();
    patterns.len() == 6 && fields.len() == 6 && patterns.iter().zip(fields).all(|(p, f)| glob::matches(p, f))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOT: &str = "arn:aws:iam::111122223333:root";

    fn operand(pattern: &str, arn: &str, context: &Context) -> bool {
        ArnPattern::operand(pattern, Variables::Expand).matches(arn, context)
    }

    #[test]
    fn a_wildcard_stays_in_its_field() {
        let none = Context::default();
        assert!(operand("arn:aws:iam::*:root", ROOT, &none));
        assert!(operand("arn:*:iam::11?122223333:*", ROOT, &none));
        assert!(!operand("arn:*:root", ROOT, &none));
        assert!(!operand("arn:aws:iam:*:root", ROOT, &none));
        assert!(operand("arn:aws:iam::1:role/*", "arn:aws:iam::1:role/a:b", &none));
        assert!(operand("*", "not an arn", &none));
        assert!(!operand("arn:*:*:*:*:*", "not an arn", &none));
    }

    #[test]
    fn variables_stand_for_fields_or_for_a_whole_arn() {
        let mut context = Context::default();
        context.add("aws:PrincipalAccount", "111122223333");
        context.add("aws:PrincipalArn", ROOT);
        context.add("aws:username", "a:b");
        assert!(operand("arn:aws:iam::${aws:PrincipalAccount}:root", ROOT, &context));
        assert!(operand("${aws:PrincipalArn}", ROOT, &context));
        assert!(!operand("${aws:PrincipalArn}x", ROOT, &context));
        assert!(!operand("${aws:Missing}", ROOT, &context));
        // What a variable holds does not shift fields.
        assert!(!operand("arn:aws:${aws:username}:1:x", "arn:aws:a:b:1:x", &context));
    }

    #[test]
    fn a_resource_that_ends_early_leaves_the_rest_open() {
        let resource = |p: &str, arn: &str| {
            ArnPattern::resource(p, Variables::Expand).unwrap().matches(arn, &Context::default())
        };
        let key = "arn:aws:kms:eu-west-1:111122223333:key/a";
        assert!(resource("arn:aws:kms", key));
        assert!(resource("arn:aws:kms:eu-*", key));
        assert!(!resource("arn:aws:kms:us-*", key));
        assert!(resource("arn:aws:kms:*:111122223333:key/*", key));
        assert!(!resource("arn:aws:kms:*:key/*", key));
        assert!(!resource("arn:aws:kms:*:*:key/*", "*"), "only `*` covers an action without a resource");
        assert!(ArnPattern::resource("arn:aws:kms:${aws:x}:1:key/a", Variables::Expand).is_none());
    }
}
