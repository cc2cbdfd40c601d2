//! From CEL text to a typed tree. The door to the cel crate.
//!
//! cel parses; the tree it gives is walked once and typed, and only what is listed here comes through: numbers, truth
//! values, fields by their full written path, a dozen total functions. So a measure cannot compute a path, test for
//! presence, loop, call anything else, or mix types, and what it reads is known before it runs.
use super::evaluate::{Compare, Number, Reduce, Sum, Truth};
use crate::{
    document::did_you_mean,
    domain::{FieldPath, FieldSet},
    limits::{MEASURE_BYTES_MAX, MEASURE_DEPTH_MAX},
    source::{Catalogue, Shape},
};
use cel::common::ast::{CallExpr, Expr, IdedExpr, LiteralValue, operators as op};

/// What a measure may call, besides operators.
const FUNCTIONS: [&str; 8] = [
    "max_of",
    "min_of",
    "sum_of",
    "count_at_most",
    "count_at_least",
    "ratio_bp",
    "larger",
    "smaller",
];

/// A measure that type-checks, and the fields it reads.
pub(super) struct Measure {
    pub(super) root: Number,
    pub(super) reads: FieldSet,
}

impl Measure {
    /// Parses, walks and types an expression that gives a whole number.
    ///
    /// # Errors
    /// A text that names what is not allowed and what to write instead.
    pub(super) fn load(text: &str, catalogue: &Catalogue) -> Result<Self, String> {
        if text.len() > MEASURE_BYTES_MAX {
            return Err(format!(
                "the measure is longer than {MEASURE_BYTES_MAX} bytes: shorten it"
            ));
        }
        shallow(text)?;
        let parser = cel::parser::Parser::default().max_recursion_depth(MEASURE_DEPTH_MAX as u16);
        let tree = parser
            .parse(text)
            .map_err(|error| format!("the measure is not CEL: {error}"))?;
        let mut walk = Walk {
            catalogue,
            reads: FieldSet::default(),
        };
        let root = walk.number(&tree, 0)?;
        Ok(Self {
            root,
            reads: walk.reads,
        })
    }
}

struct Walk<'a> {
    catalogue: &'a Catalogue,
    reads: FieldSet,
}

impl Walk<'_> {
    fn number(&mut self, node: &IdedExpr, depth: usize) -> Result<Number, String> {
        let depth = deeper(depth)?;
        match &node.expr {
            Expr::Literal(LiteralValue::Int(value)) => Ok(Number::Literal(*value.inner())),
            Expr::Literal(_) => Err("only whole numbers can be written in a measure".to_owned()),
            Expr::Ident(_) | Expr::Select(_) => self.scalar(node),
            Expr::Call(call) => self.number_call(call, depth),
            other => Err(refused(other)),
        }
    }

    fn number_call(&mut self, call: &CallExpr, depth: usize) -> Result<Number, String> {
        if call.target.is_some() {
            return Err(unlisted(&call.func_name));
        }
        let name = call.func_name.as_str();
        match (name, call.args.as_slice()) {
            (op::CONDITIONAL, [test, yes, no]) => Ok(Number::If(
                Box::new(self.truth(test, depth)?),
                self.boxed(yes, depth)?,
                self.boxed(no, depth)?,
            )),
            (op::NEGATE, [of]) => Ok(Number::Arithmetic(
                Sum::Minus,
                Box::new(Number::Literal(0)),
                self.boxed(of, depth)?,
            )),
            (op::INDEX, [series, place]) => {
                let place = literal(place, "an index is a number written out: 0 is the newest month")?;
                let (field, months) = self.series(series)?;
                match usize::try_from(place) {
                    Ok(place) if place < months => Ok(Number::Nth(field, place)),
                    _ => Err("the series has no such month".to_owned()),
                }
            }
            ("max_of" | "min_of" | "sum_of", [series, months]) => {
                let (field, months) = self.newest(series, months)?;
                let reduce = match name {
                    "max_of" => Reduce::Max,
                    "min_of" => Reduce::Min,
                    _ => Reduce::Sum,
                };
                Ok(Number::Of(reduce, field, months))
            }
            ("count_at_most" | "count_at_least", [series, months, limit]) => {
                let (field, months) = self.newest(series, months)?;
                let limit = literal(limit, "the limit of a count is a number written out")?;
                let reduce = match name {
                    "count_at_most" => Reduce::AtMost(limit),
                    _ => Reduce::AtLeast(limit),
                };
                Ok(Number::Of(reduce, field, months))
            }
            _ => match (arithmetic(name), call.args.as_slice()) {
                (Some(sum), [left, right]) => Ok(Number::Arithmetic(
                    sum,
                    self.boxed(left, depth)?,
                    self.boxed(right, depth)?,
                )),
                (Some(_), _) => Err(format!("`{name}` takes two numbers")),
                _ if FUNCTIONS.contains(&name) => Err(format!("`{name}` has the wrong number of arguments")),
                _ if comparison(name).is_some()
                    || [op::LOGICAL_AND, op::LOGICAL_OR, op::LOGICAL_NOT].contains(&name) =>
                {
                    Err("type: a number is needed here, and this is true or false".to_owned())
                }
                _ => Err(unlisted(name)),
            },
        }
    }

    fn truth(&mut self, node: &IdedExpr, depth: usize) -> Result<Truth, String> {
        const NEEDED: &str = "type: true or false is needed here, and this is a number";
        let depth = deeper(depth)?;
        let call = match &node.expr {
            Expr::Literal(LiteralValue::Boolean(value)) => return Ok(Truth::Literal(*value.inner())),
            Expr::Call(call) if call.target.is_none() => call,
            Expr::Call(call) => return Err(unlisted(&call.func_name)),
            Expr::Select(select) if !select.test => return Err(NEEDED.to_owned()),
            Expr::Ident(_) | Expr::Literal(_) => return Err(NEEDED.to_owned()),
            other => return Err(refused(other)),
        };
        let name = call.func_name.as_str();
        match (name, call.args.as_slice()) {
            (op::LOGICAL_NOT, [of]) => Ok(Truth::Not(Box::new(self.truth(of, depth)?))),
            (op::LOGICAL_AND | op::LOGICAL_OR, [left, right]) => {
                let (left, right) = (Box::new(self.truth(left, depth)?), Box::new(self.truth(right, depth)?));
                Ok(match name {
                    op::LOGICAL_AND => Truth::And(left, right),
                    _ => Truth::Or(left, right),
                })
            }
            (_, [left, right]) if let Some(compare) = comparison(name) => {
                Ok(Truth::Is(compare, self.boxed(left, depth)?, self.boxed(right, depth)?))
            }
            // Typed as a number first, so that an unlisted function is told as one.
            _ => self.number_call(call, depth).and(Err(NEEDED.to_owned())),
        }
    }

    fn boxed(&mut self, node: &IdedExpr, depth: usize) -> Result<Box<Number>, String> {
        self.number(node, depth).map(Box::new)
    }

    fn scalar(&mut self, node: &IdedExpr) -> Result<Number, String> {
        let (index, shape, _) = self.field(node)?;
        match shape {
            Shape::Scalar => Ok(Number::Field(index)),
            Shape::Monthly => {
                Err("type: a number is needed here, and this is a series: take `[0]` or `max_of`".to_owned())
            }
        }
    }

    fn series(&mut self, node: &IdedExpr) -> Result<(usize, usize), String> {
        let (index, shape, months) = self.field(node)?;
        match shape {
            Shape::Monthly => Ok((index, months)),
            Shape::Scalar => Err("type: a series is needed here, and this is a number".to_owned()),
        }
    }

    fn newest(&mut self, series: &IdedExpr, months: &IdedExpr) -> Result<(usize, usize), String> {
        let (index, held) = self.series(series)?;
        let months = literal(months, "the number of months is written out")?;
        match usize::try_from(months) {
            Ok(months) if (1..=held).contains(&months) => Ok((index, months)),
            _ => Err(format!("the series holds {held} months: ask for 1 to {held}")),
        }
    }

    /// A field by its full written path, and nothing that stands for one.
    fn field(&mut self, node: &IdedExpr) -> Result<(usize, Shape, usize), String> {
        let path = match &node.expr {
            Expr::Select(select) if select.test => return Err(refused(&node.expr)),
            Expr::Select(select) => match &select.operand.expr {
                Expr::Ident(root) => format!("{root}.{}", select.field),
                _ => return Err("a field is written out in full: paths are not computed".to_owned()),
            },
            Expr::Ident(name) => name.clone(),
            Expr::Call(call) if call.func_name == op::INDEX => {
                return Err("a field is written out in full: paths are not computed".to_owned());
            }
            other => return Err(refused(other)),
        };
        let fields = self.catalogue.fields();
        let known = path.parse::<FieldPath>().ok().and_then(|p| self.catalogue.index(&p));
        let Some((index, field)) = known.and_then(|index| Some((index, fields.get(index)?))) else {
            let near = did_you_mean(&path, fields.iter().map(|f| f.path.as_str()));
            return Err(format!("`fields.toml` has no field `{path}`{near}"));
        };
        self.reads.insert(index);
        Ok((index, field.shape, field.months))
    }
}

/// Looks at the text before it is parsed: cel's parser descends before its own limit of depth counts, and two thousand
/// opening brackets overflow the stack.
fn shallow(text: &str) -> Result<(), String> {
    let (mut open, mut signs, mut tests) = (0usize, 0usize, 0usize);
    for byte in text.bytes() {
        signs = match byte {
            b'!' | b'-' => signs + 1,
            b' ' | b'\n' | b'\t' | b'\r' => signs,
            _ => 0,
        };
        match byte {
            b'(' | b'[' | b'{' => open += 1,
            b')' | b']' | b'}' => open = open.saturating_sub(1),
            b'?' => tests += 1,
            _ => {}
        }
        if [open, signs, tests].iter().any(|count| *count > MEASURE_DEPTH_MAX) {
            return Err(format!(
                "the measure is nested deeper than {MEASURE_DEPTH_MAX}: simplify it"
            ));
        }
    }
    Ok(())
}

fn deeper(depth: usize) -> Result<usize, String> {
    match depth < MEASURE_DEPTH_MAX {
        true => Ok(depth + 1),
        false => Err(format!(
            "the measure is nested deeper than {MEASURE_DEPTH_MAX}: simplify it"
        )),
    }
}

fn literal(node: &IdedExpr, otherwise: &str) -> Result<i64, String> {
    match &node.expr {
        Expr::Literal(LiteralValue::Int(value)) => Ok(*value.inner()),
        Expr::Call(call) if call.func_name == op::NEGATE && call.args.len() == 1 => call
            .args
            .first()
            .map_or(Err(otherwise.to_owned()), |of| literal(of, otherwise))?
            .checked_neg()
            .ok_or_else(|| otherwise.to_owned()),
        _ => Err(otherwise.to_owned()),
    }
}

fn arithmetic(name: &str) -> Option<Sum> {
    Some(match name {
        op::ADD => Sum::Plus,
        op::SUBSTRACT => Sum::Minus,
        op::MULTIPLY => Sum::Times,
        op::DIVIDE => Sum::Over,
        op::MODULO => Sum::Rest,
        "larger" => Sum::Larger,
        "smaller" => Sum::Smaller,
        "ratio_bp" => Sum::RatioBp,
        _ => return None,
    })
}

fn comparison(name: &str) -> Option<Compare> {
    Some(match name {
        op::EQUALS => Compare::Same,
        op::NOT_EQUALS => Compare::Other,
        op::LESS => Compare::Less,
        op::LESS_EQUALS => Compare::AtMost,
        op::GREATER => Compare::More,
        op::GREATER_EQUALS => Compare::AtLeast,
        _ => return None,
    })
}

fn unlisted(name: &str) -> String {
    let near = did_you_mean(name, FUNCTIONS);
    format!("`{name}` is not a function that a measure may call{near}")
}

fn refused(expr: &Expr) -> String {
    match expr {
        Expr::Select(select) if select.test => {
            "`has` is refused: whether a value is there says something about the person too".to_owned()
        }
        Expr::Comprehension(_) => {
            "`all`, `exists`, `map` and `filter` are refused: use `max_of`, `sum_of` or `count_at_most`".to_owned()
        }
        Expr::List(_) | Expr::Map(_) | Expr::Struct(_) => {
            "lists, maps and messages are refused in a measure".to_owned()
        }
        Expr::Call(call) => unlisted(&call.func_name),
        _ => "type: this is not what is needed here".to_owned(),
    }
}
