//! One line of a Condition block: operator, key, values.

use crate::{
    Context, Effect,
    context::Value,
    operator::{Match, Operand, Operator, Qualifier, Sense, Test},
};

/// AND over conditions of a statement; OR over the values of one.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Condition {
    pub(crate) operator: Operator,
    /// As written.
    pub(crate) name: Box<str>,
    /// In lower case.
    pub(crate) key: Box<str>,
    pub(crate) sight: Sight,
    pub(crate) operands: Box<[Operand]>,
}

/// What a condition can see of its key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sight {
    /// Whatever the request carries.
    Request,
    /// Nothing: the key has no meaning in a policy of this kind.
    Absent,
    /// No request ever carries the key.
    Unknown,
}

impl Condition {
    /// True when the condition holds. Doubt counts against the caller: where a request value cannot be compared, or a
    /// single-valued operator meets several values, an Allow does not hold and a Deny does; an Allow on a key that does
    /// not exist does not hold either (B3).
    pub(crate) fn holds(&self, context: &Context, effect: Effect) -> bool {
        let in_doubt = effect == Effect::Deny;
        if self.sight == Sight::Unknown && effect == Effect::Allow {
            return false;
        }
        if self.operator.test == Test::Null {
            return self.operands.contains(&Operand::Bool(self.is_null(context)));
        }
        let values = self.values(context);
        if values.is_empty() {
            return self.holds_when_absent();
        }
        let satisfied = |value: &Value| self.satisfied_by(value, context).unwrap_or(in_doubt);
        match (self.operator.qualifier, values) {
            (Some(Qualifier::ForAllValues), _) => values.iter().all(satisfied),
            (Some(Qualifier::ForAnyValue), _) => values.iter().any(satisfied),
            (None, [value]) => satisfied(value),
            (None, _) => in_doubt,
        }
    }

    /// The values that the condition sees.
    pub(crate) fn values<'a>(&self, context: &'a Context) -> &'a [Value] {
        match self.sight {
            Sight::Request => context.values(&self.key),
            Sight::Absent | Sight::Unknown => &[],
        }
    }

    fn is_null(&self, context: &Context) -> bool {
        match self.sight {
            Sight::Request => context.is_null(&self.key),
            Sight::Absent | Sight::Unknown => true,
        }
    }

    fn holds_when_absent(&self) -> bool {
        match self.operator.qualifier {
            Some(Qualifier::ForAllValues) => true,
            Some(Qualifier::ForAnyValue) => self.operator.if_exists,
            None => self.operator.if_exists || self.operator.sense == Sense::Negated,
        }
    }

    /// None when the value's type does not fit the operator.
    fn satisfied_by(&self, value: &Value, context: &Context) -> Option<bool> {
        let mut any = false;
        for operand in &self.operands {
            match self.operator.test.compare(value, operand, context) {
                Match::Yes => any = true,
                Match::No => {}
                Match::Incomparable => return None,
            }
        }
        Some(any == (self.operator.sense == Sense::Positive))
    }
}
