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
    pub(crate) key: String,
    pub(crate) operands: Vec<Operand>,
}

impl Condition {
    /// True when the condition holds. Doubt counts against the caller: where a request value cannot be compared, or a
    /// single-valued operator meets several values, an Allow does not hold and a Deny does (B3).
    pub(crate) fn holds(&self, context: &Context, effect: Effect) -> bool {
        let values = context.values(&self.key);
        if self.operator.test == Test::Null {
            return self.operands.contains(&Operand::Bool(values.is_empty()));
        }
        if values.is_empty() {
            return self.holds_when_absent();
        }
        let satisfied = |value: &Value| self.satisfied_by(value, context).unwrap_or(effect == Effect::Deny);
        match (self.operator.qualifier, values) {
            (Some(Qualifier::ForAllValues), _) => values.iter().all(satisfied),
            (Some(Qualifier::ForAnyValue), _) => values.iter().any(satisfied),
            (None, [value]) => satisfied(value),
            (None, _) => effect == Effect::Deny,
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
