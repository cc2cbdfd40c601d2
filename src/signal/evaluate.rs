//! Evaluation of a typed measure: total, exact, and blind to everything outside the signal's lineage.
//!
//! A missing value, an overflow or a division by nothing gives `None`, never a number that looks clean.
use super::definition::MONTH_DAYS;
use crate::{domain::FieldSet, source::Row};

pub(super) const DAY_MS: i64 = 86_400_000;

/// A whole number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Number {
    Literal(i64),
    Field(usize),
    /// A month of a series; 0 is the newest.
    Nth(usize, usize),
    /// Over the newest months of a series.
    Of(Reduce, usize, usize),
    Arithmetic(Sum, Box<Number>, Box<Number>),
    If(Box<Truth>, Box<Number>, Box<Number>),
}

/// True or false.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Truth {
    Literal(bool),
    Is(Compare, Box<Number>, Box<Number>),
    And(Box<Truth>, Box<Truth>),
    Or(Box<Truth>, Box<Truth>),
    Not(Box<Truth>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reduce {
    Max,
    Min,
    Sum,
    AtMost(i64),
    AtLeast(i64),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sum {
    Plus,
    Minus,
    Times,
    /// Towards zero, as CEL divides.
    Over,
    Rest,
    Larger,
    Smaller,
    /// Left as hundredths of a percent of right, rounded down; needs a positive right.
    RatioBp,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Compare {
    Same,
    Other,
    Less,
    AtMost,
    More,
    AtLeast,
}

/// What a measure can see: the fields of its lineage, of one row, while they may still be used.
pub(super) struct Inputs<'a> {
    row: &'a Row,
    lineage: FieldSet,
    /// Time since the day of the record.
    age_ms: i64,
    /// By field of the catalogue.
    retention_days: &'a [u32],
    #[cfg(test)]
    pub(super) touched: std::cell::Cell<FieldSet>,
}

impl<'a> Inputs<'a> {
    pub(super) fn new(row: &'a Row, lineage: FieldSet, age_ms: i64, retention_days: &'a [u32]) -> Self {
        Self {
            row,
            lineage,
            age_ms,
            retention_days,
            #[cfg(test)]
            touched: std::cell::Cell::default(),
        }
    }

    fn months(&self, index: usize, months: usize) -> Option<&[i64]> {
        if !self.lineage.contains(index) {
            return None;
        }
        #[cfg(test)]
        {
            let mut touched = self.touched.get();
            touched.insert(index);
            self.touched.set(touched);
        }
        self.kept(index, months)
            .then(|| self.row.value(index)?.get(..months))
            .flatten()
    }
}

impl Inputs<'_> {
    /// Whether the oldest of these months is not past its retention: what is past it is not there. An adverse item that
    /// expired is told no more than one that never was (征信业管理条例, article 16).
    fn kept(&self, index: usize, months: usize) -> bool {
        let before = i64::try_from(months.saturating_sub(1)).unwrap_or(i64::MAX);
        let age_ms = before
            .saturating_mul(i64::from(MONTH_DAYS) * DAY_MS)
            .saturating_add(self.age_ms);
        let kept_days = self.retention_days.get(index).copied().unwrap_or(0);
        age_ms <= i64::from(kept_days) * DAY_MS
    }
}

impl Number {
    /// The number, or `None` where it cannot be told.
    pub(super) fn value(&self, inputs: &Inputs<'_>) -> Option<i64> {
        match self {
            Number::Literal(value) => Some(*value),
            Number::Field(index) => inputs.months(*index, 1)?.first().copied(),
            Number::Nth(index, place) => inputs.months(*index, place + 1)?.last().copied(),
            Number::Of(reduce, index, months) => reduce.over(inputs.months(*index, *months)?),
            Number::Arithmetic(sum, left, right) => sum.of(left.value(inputs)?, right.value(inputs)?),
            Number::If(test, yes, no) => match test.value(inputs)? {
                true => yes.value(inputs),
                false => no.value(inputs),
            },
        }
    }
}

impl Truth {
    /// Strict from left to right: a side that cannot be told leaves the whole untold, unless the left one decides.
    fn value(&self, inputs: &Inputs<'_>) -> Option<bool> {
        Some(match self {
            Truth::Literal(value) => *value,
            Truth::Not(of) => !of.value(inputs)?,
            Truth::And(left, right) => left.value(inputs)? && right.value(inputs)?,
            Truth::Or(left, right) => left.value(inputs)? || right.value(inputs)?,
            Truth::Is(compare, left, right) => compare.of(left.value(inputs)?, right.value(inputs)?),
        })
    }
}

impl Reduce {
    fn over(self, values: &[i64]) -> Option<i64> {
        let count = |test: &dyn Fn(&i64) -> bool| i64::try_from(values.iter().filter(|v| test(v)).count()).ok();
        match self {
            Reduce::Max => values.iter().copied().max(),
            Reduce::Min => values.iter().copied().min(),
            Reduce::Sum => values.iter().try_fold(0i64, |sum, v| sum.checked_add(*v)),
            Reduce::AtMost(limit) => count(&|v| *v <= limit),
            Reduce::AtLeast(limit) => count(&|v| *v >= limit),
        }
    }
}

impl Sum {
    fn of(self, left: i64, right: i64) -> Option<i64> {
        match self {
            Sum::Plus => left.checked_add(right),
            Sum::Minus => left.checked_sub(right),
            Sum::Times => left.checked_mul(right),
            Sum::Over => left.checked_div(right),
            Sum::Rest => left.checked_rem(right),
            Sum::Larger => Some(left.max(right)),
            Sum::Smaller => Some(left.min(right)),
            Sum::RatioBp if right > 0 => {
                // 2^63 times 10^4 is below 2^77: i128 holds it.
                i64::try_from((i128::from(left) * 10_000).div_euclid(i128::from(right))).ok()
            }
            Sum::RatioBp => None,
        }
    }
}

impl Compare {
    fn of(self, left: i64, right: i64) -> bool {
        match self {
            Compare::Same => left == right,
            Compare::Other => left != right,
            Compare::Less => left < right,
            Compare::AtMost => left <= right,
            Compare::More => left > right,
            Compare::AtLeast => left >= right,
        }
    }
}
