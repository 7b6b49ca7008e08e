//! What an expression may cost. The interpreter has no fuel of its own, so every expression is measured before
//! it is accepted: the most steps that it can take, whatever it is applied to.
use cel::common::ast::{ComprehensionExpr, Expr, LiteralValue, operators};
use cel::parser::Expression;

/// The longest expression, in bytes.
pub const MAX_EXPRESSION: usize = 2000;
/// How deep brackets may be nested.
pub(super) const MAX_BRACKETS: usize = 24;
/// How deep the parts of an expression may be nested, sums and chains of comparisons included.
pub(super) const MAX_DEPTH: usize = 48;
/// The most parts of an expression.
pub(super) const MAX_PARTS: usize = 600;
/// The most steps of an evaluation.
pub(super) const MAX_STEPS: u64 = 20_000;
/// The longest text of a column that is looked at, in bytes; a longer one counts as not known.
pub(super) const MAX_TEXT: usize = 2048;
/// So many bytes of text are one step.
const BYTES_A_STEP: u64 = 64;

/// The most that a part of an expression can take, and how large its value can be in bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Bound {
    pub steps: u64,
    size: u64,
}

impl Bound {
    fn then(self, other: Self) -> Self {
        Self { steps: self.steps.saturating_add(other.steps), size: self.size.saturating_add(other.size) }
    }
}

/// How deep the brackets of a text are nested. Those in quotes count too: no sensible text has so many.
pub(super) fn bracket_depth(text: &str) -> usize {
    let (mut depth, mut deepest) = (0_usize, 0);
    for byte in text.bytes() {
        match byte {
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        deepest = deepest.max(depth);
    }
    deepest
}

/// The most that an expression can take. It is known to hold only what [`super::expression`] admits.
pub(super) fn bound(expression: &Expression) -> Result<Bound, String> {
    Meter { names: Vec::new() }.of(expression)
}

struct Meter {
    /// What loops bind, with the size of their values.
    names: Vec<(String, u64)>,
}

impl Meter {
    fn of(&mut self, part: &Expression) -> Result<Bound, String> {
        let bound = match &part.expr {
            Expr::Literal(LiteralValue::String(text)) => Bound { steps: 1, size: text.inner().len() as u64 + 8 },
            Expr::Ident(name) => Bound { steps: 2, size: self.size_of(name) },
            Expr::List(list) => {
                let mut sum = Bound { steps: 1, size: 8 };
                for element in &list.elements {
                    sum = sum.then(self.of(element)?);
                }
                sum
            }
            Expr::Call(call) => {
                let mut sum = Bound { steps: 2, size: 0 };
                for part in call.target.as_deref().into_iter().chain(&call.args) {
                    sum = sum.then(self.of(part)?);
                }
                // whatever it does, it looks at its values a few times at most
                sum.steps = sum.steps.saturating_add(sum.size / BYTES_A_STEP);
                let keeps = matches!(call.func_name.as_str(), operators::ADD | operators::CONDITIONAL | "string");
                Bound { size: if keeps { sum.size } else { 8 }, ..sum }
            }
            Expr::Comprehension(comprehension) => self.of_loop(comprehension)?,
            _ => Bound { steps: 1, size: 8 },
        };
        if bound.steps > MAX_STEPS {
            return Err(format!("it may take more than {MAX_STEPS} steps: shorten its lists or nest fewer loops"));
        }
        Ok(bound)
    }

    fn of_loop(&mut self, part: &ComprehensionExpr) -> Result<Bound, String> {
        let range = self.of(&part.iter_range)?;
        let rounds = length(&part.iter_range).ok_or("a loop walks a list that is written out, as in [1, 2, 3]")?;
        let start = self.of(&part.accu_init)?;
        let before = self.names.len();
        self.names.push((part.iter_var.clone(), range.size));
        self.names.push((part.accu_var.clone(), 0));
        let body = self.of(&part.loop_cond)?.then(self.of(&part.loop_step)?);
        // what it gathers may be copied in each round
        let gathered = start.size.saturating_add(rounds.saturating_mul(body.size));
        let copies = rounds.saturating_mul(gathered / BYTES_A_STEP);
        let result = self.of(&part.result)?;
        self.names.truncate(before);
        let steps = range.steps.saturating_add(start.steps).saturating_add(result.steps).saturating_add(copies);
        Ok(Bound {
            steps: steps.saturating_add(rounds.saturating_mul(body.steps.saturating_add(4))),
            size: gathered + 8,
        })
    }

    fn size_of(&self, name: &str) -> u64 {
        let own = self.names.iter().rev().find(|(own, _)| own == name);
        own.map_or(MAX_TEXT as u64, |(_, size)| *size)
    }
}

/// How many elements a list has at most; `None` for what is not written out.
fn length(part: &Expression) -> Option<u64> {
    match &part.expr {
        Expr::List(list) => u64::try_from(list.elements.len()).ok(),
        Expr::Comprehension(part) => match part.accu_init.expr {
            // the list that `map` and `filter` make
            Expr::List(_) => length(&part.iter_range),
            _ => None,
        },
        Expr::Call(call) if call.func_name == operators::ADD => {
            call.args.iter().map(length).try_fold(0_u64, |sum, length| sum.checked_add(length?))
        }
        _ => None,
    }
}
