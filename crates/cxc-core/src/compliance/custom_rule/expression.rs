//! Compiling and evaluating a condition.
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use cel::common::ast::{CallExpr, Expr, LiteralValue, operators};
use cel::parser::{Expression, PrattParser};
use cel::{Context, Env, ExecutionError, Value};
use jiff::civil::DateTime;

use super::bounds::{MAX_BRACKETS, MAX_DEPTH, MAX_EXPRESSION, MAX_PARTS, bound, bracket_depth};
use super::inputs::{
    Columns, CustomInputs, Known, Lasting, NoColumns, Nobody, Resolver, Tick, is_of_record, known, tick,
};
use crate::channel::Channel;
use crate::compliance::attempt_rule::MAX_WINDOW_SECONDS;
use crate::compliance::subject::Purpose;

/// Attempts that an expression counts: those of the last so many seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Count {
    /// On the device.
    OnDevice(u32),
    /// On the contact, whatever the device.
    OnContact(u32),
}

impl Count {
    /// How far back.
    pub fn seconds(self) -> u32 {
        match self {
            Self::OnDevice(seconds) | Self::OnContact(seconds) => seconds,
        }
    }
}

/// A condition, compiled once. It is known to end within a bounded number of steps.
pub struct CustomExpression {
    root: Expression,
    env: Arc<Env>,
    counts: Vec<Count>,
    count_names: Vec<String>,
    columns: Vec<String>,
    /// The parts of the local time that it asks for, by their names.
    locals: Vec<String>,
    uses_record: bool,
}

impl std::fmt::Debug for CustomExpression {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CustomExpression").field("counts", &self.counts).finish_non_exhaustive()
    }
}

/// What somebody wants to try an expression on.
#[derive(Debug, Clone, Copy)]
pub struct Trial<'a> {
    /// The columns.
    pub columns: &'a dyn Columns,
    /// The channel.
    pub channel: Channel,
    /// The purpose, as it is written.
    pub purpose: &'a str,
    /// The local times of the zones in which the person may be.
    pub local: &'a [DateTime],
    /// What each function that counts attempts answers.
    pub attempts: i64,
}

impl CustomExpression {
    /// Compiles a condition; what is wrong with it otherwise.
    pub fn compile(text: &str) -> Result<Self, String> {
        if text.trim().is_empty() {
            return Err("an expression is a condition, as in c_other1 != \"VIP\"".into());
        }
        if text.len() > MAX_EXPRESSION {
            return Err(format!("an expression has at most {MAX_EXPRESSION} bytes"));
        }
        if bracket_depth(text) > MAX_BRACKETS {
            return Err(format!("brackets are nested more than {MAX_BRACKETS} deep"));
        }
        let parser = PrattParser::new().max_recursion_depth(32).max_expression_node_count(MAX_PARTS);
        let mut root =
            parser.error_recovery_limit(2).error_reporting_limit(2).parse(text).map_err(|e| first_line(&e))?;
        let mut reader = Reader::default();
        reader.admit(&mut root, 0)?;
        bound(&root)?;
        if !may_be_boolean(&root) {
            return Err("its value is not true or false: compare it with something".into());
        }
        let Reader { counts, count_names, columns, locals, uses_record, .. } = reader;
        Ok(Self { root, env: Arc::new(Env::stdlib()), counts, count_names, columns, locals, uses_record })
    }

    /// The names of the columns that it reads, each once.
    pub(crate) fn columns(&self) -> &[String] {
        &self.columns
    }

    /// The attempts that it wants counted, in the order in which it wants the answers.
    pub(crate) fn counts(&self) -> &[Count] {
        &self.counts
    }

    /// Whether it holds: in every zone, if it asks for the local time. Otherwise why that can't be told.
    pub(crate) fn holds(&self, inputs: &CustomInputs<'_>) -> Result<bool, String> {
        if self.locals.is_empty() {
            return self.evaluate(inputs, None);
        }
        if inputs.local.is_empty() {
            return Err("it asks for the local time, and no time zone is known".into());
        }
        for local in inputs.local {
            if !self.evaluate(inputs, Some(*local))? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Whether it asks for what changes by itself: the time, attempts, how far the record is.
    pub(crate) fn changes(&self) -> bool {
        !self.locals.is_empty() || self.uses_record || !self.counts.is_empty()
    }

    /// How often the local time that it asks for becomes another; `None` if it asks for none.
    pub(crate) fn tick(&self) -> Option<Tick> {
        self.locals.iter().map(|name| tick(name)).max()
    }

    /// Whether it may hold at some moment: what changes by itself is left open, and it is false only where it is so
    /// whatever that is. Errors let it pass, since the attempt asks again.
    pub(crate) fn may_hold(&self, inputs: &CustomInputs<'_>) -> bool {
        let columns = Lasting(inputs.columns);
        let open = CustomInputs { columns: &columns, local: &[], counts: &[], ..*inputs };
        self.evaluate(&open, None) != Ok(false)
    }

    /// What it says whomever it is asked about on these channels, if that is always the same: yes, no, or an error.
    pub(crate) fn constant(&self, channels: &[Channel]) -> Option<Result<bool, String>> {
        let mut said = None;
        for (channel, purpose) in channels.iter().flat_map(|c| Purpose::ALL.map(|purpose| (*c, purpose))) {
            let nobody = Nobody { channel: channel.as_str(), purpose: purpose.as_str(), asked: AtomicBool::new(false) };
            let mut context = Context::with_env(Arc::clone(&self.env));
            context.set_variable_resolver(&nobody);
            let result = match Value::resolve(&self.root, &context) {
                Ok(Value::Bool(holds)) => Ok(holds),
                // what it wanted to know may make it true
                _ if nobody.asked.load(Ordering::Relaxed) => return self.constant_at_all_times(channels).map(Ok),
                Ok(_) => Err("its value is not true or false".into()),
                Err(error) => Err(why(&error)),
            };
            if said.get_or_insert_with(|| result.clone()) != &result {
                return None;
            }
        }
        said
    }

    /// What it says at every local time of a year, whatever the channel and purpose, if it asks for nothing else and that is
    /// always the same.
    fn constant_at_all_times(&self, channels: &[Channel]) -> Option<bool> {
        /// More moments than these are not looked at.
        const MOST: i16 = 20_000;
        let asks = |name: &str| self.locals.iter().any(|local| local == name);
        let varies = |name: &str, most: i16| if asks(name) { most } else { 1 };
        // a date is of any year, and a 13th is a Friday in some years only
        let asks_more = !self.columns.is_empty() || !self.counts.is_empty();
        if self.locals.is_empty() || asks_more || asks("local_date") || asks("local_day") && asks("local_weekday") {
            return None;
        }
        let days = varies("local_weekday", 7).max(varies("local_day", 366)).max(varies("local_month", 366));
        let (hours, minutes) = (varies("local_hour", 24), varies("local_minute", 60));
        if i32::from(days) * i32::from(hours) * i32::from(minutes) > i32::from(MOST) {
            return None;
        }
        let first = DateTime::constant(2028, 1, 1, 0, 0, 0, 0);
        let mut said = None;
        for (channel, purpose) in channels.iter().flat_map(|c| Purpose::ALL.map(|purpose| (*c, purpose))) {
            let inputs =
                CustomInputs { columns: &NoColumns, channel, purpose: purpose.as_str(), local: &[], counts: &[] };
            for moment in 0..days * hours * minutes {
                let (day, hour, minute) = (moment / minutes / hours, moment / minutes % hours, moment % minutes);
                let span = jiff::Span::new().days(day).hours(hour).minutes(minute);
                let holds = self.evaluate(&inputs, Some(first.checked_add(span).ok()?)).ok()?;
                if *said.get_or_insert(holds) != holds {
                    return None;
                }
            }
        }
        said
    }

    /// Tries it on columns that somebody gives.
    pub fn try_on(&self, trial: &Trial<'_>) -> Result<bool, String> {
        let counts = vec![trial.attempts; self.counts.len()];
        let Trial { columns, channel, purpose, local, .. } = *trial;
        self.holds(&CustomInputs { columns, channel, purpose, local, counts: &counts })
    }

    fn evaluate(&self, inputs: &CustomInputs<'_>, local: Option<DateTime>) -> Result<bool, String> {
        let date = local.map(|t| t.date().to_string()).unwrap_or_default();
        let count_names = &self.count_names;
        let resolver = Resolver { inputs: *inputs, local, count_names, date, missing: Mutex::new(None) };
        let mut context = Context::with_env(Arc::clone(&self.env));
        context.set_variable_resolver(&resolver);
        let result = Value::resolve(&self.root, &context);
        let missing = resolver.missing.lock().unwrap_or_else(PoisonError::into_inner).take();
        match result {
            Ok(Value::Bool(holds)) => Ok(holds),
            Ok(_) => Err("its value is not true or false".into()),
            Err(error) => Err(missing.map_or_else(|| why(&error), |name| format!("{name} has no value"))),
        }
    }
}

/// The first thing that the parser says, without the lines that draw its place.
fn first_line(errors: &cel::ParseErrors) -> String {
    let text = errors.to_string();
    let line = text.lines().next().unwrap_or_default();
    let line = line.strip_prefix("ERROR: <input>:").unwrap_or(line);
    format!("it can't be read at line and column {line}")
}

/// What went wrong, without the values: they may be somebody's name.
fn why(error: &ExecutionError) -> String {
    match error {
        ExecutionError::NoSuchOverload(overload) => overload.to_string(),
        ExecutionError::DivisionByZero(_) | ExecutionError::RemainderByZero(_) => "it divides by zero".into(),
        ExecutionError::Overflow(..) => "a number becomes too large".into(),
        ExecutionError::FunctionError { function, .. } => format!("{function}() can't take its value"),
        ExecutionError::ValuesNotComparable(..) => "it compares values of different types".into(),
        _ => "it can't be evaluated".into(),
    }
}

/// The functions and operators that an expression may use.
const FUNCTIONS: [&str; 25] = [
    operators::CONDITIONAL,
    operators::LOGICAL_AND,
    operators::LOGICAL_OR,
    operators::LOGICAL_NOT,
    operators::SUBSTRACT,
    operators::ADD,
    operators::MULTIPLY,
    operators::DIVIDE,
    operators::MODULO,
    operators::EQUALS,
    operators::NOT_EQUALS,
    operators::GREATER_EQUALS,
    operators::LESS_EQUALS,
    operators::GREATER,
    operators::LESS,
    operators::NEGATE,
    operators::IN,
    operators::NOT_STRICTLY_FALSE,
    "size",
    "contains",
    "startsWith",
    "endsWith",
    "int",
    "double",
    "string",
];

/// Reads through a parsed expression: refuses what is not known, and turns calls with fixed arguments into names.
#[derive(Default)]
struct Reader {
    counts: Vec<Count>,
    count_names: Vec<String>,
    columns: Vec<String>,
    locals: Vec<String>,
    uses_record: bool,
    names: Vec<String>,
}

impl Reader {
    fn admit(&mut self, part: &mut Expression, depth: usize) -> Result<(), String> {
        if depth > MAX_DEPTH {
            return Err(format!("its parts are nested more than {MAX_DEPTH} deep"));
        }
        match &mut part.expr {
            Expr::Literal(LiteralValue::Bytes(_)) => Err("bytes are not used in conditions".into()),
            Expr::Literal(_) => Ok(()),
            Expr::Ident(name) => self.admit_name(name),
            Expr::List(list) => list.elements.iter_mut().try_for_each(|e| self.admit(e, depth + 1)),
            Expr::Call(call) => match self.named_call(call)? {
                Some(name) => {
                    part.expr = Expr::Ident(name);
                    Ok(())
                }
                None => self.admit_call(call, depth),
            },
            Expr::Comprehension(comprehension) => {
                let own = [comprehension.iter_var.clone(), comprehension.accu_var.clone()];
                if comprehension.iter_var2.is_some() || known(&own[0]).is_some() {
                    return Err(format!("a loop can't call its element {}", own[0]));
                }
                self.admit(&mut comprehension.iter_range, depth + 1)?;
                self.admit(&mut comprehension.accu_init, depth + 1)?;
                self.names.extend(own);
                self.admit(&mut comprehension.loop_cond, depth + 1)?;
                self.admit(&mut comprehension.loop_step, depth + 1)?;
                self.admit(&mut comprehension.result, depth + 1)?;
                self.names.truncate(self.names.len().saturating_sub(2));
                Ok(())
            }
            Expr::Select(_) => Err("fields have no members: a column is named by itself, as in c_other1".into()),
            Expr::Map(_) | Expr::Struct(_) | Expr::Unspecified => {
                Err("a condition has texts, numbers and lists, and nothing in braces".into())
            }
        }
    }

    fn admit_name(&mut self, name: &str) -> Result<(), String> {
        if self.names.iter().any(|own| own == name) {
            return Ok(());
        }
        match known(name) {
            Some(Known::Local) => {
                if !self.locals.iter().any(|known| known == name) {
                    self.locals.push(name.to_owned());
                }
                Ok(())
            }
            Some(_) => {
                self.uses_record |= is_of_record(name);
                self.reads(name);
                Ok(())
            }
            None => Err(format!("there is no column {name}; one of an import is custom(\"{name}\")")),
        }
    }

    fn reads(&mut self, column: &str) {
        let is_told = ["channel", "purpose"].contains(&column);
        if !is_told && !self.columns.iter().any(|known| known == column) {
            self.columns.push(column.to_owned());
        }
    }

    fn admit_call(&mut self, call: &mut CallExpr, depth: usize) -> Result<(), String> {
        if !FUNCTIONS.contains(&call.func_name.as_str()) {
            return Err(format!("there is no function {}", call.func_name));
        }
        for part in call.target.as_deref_mut().into_iter().chain(&mut call.args) {
            self.admit(part, depth + 1)?;
        }
        Ok(())
    }

    /// The name that stands for a call whose argument must be written out: a count, or a custom column.
    fn named_call(&mut self, call: &CallExpr) -> Result<Option<String>, String> {
        let function = call.func_name.as_str();
        match function {
            "attempts_on_device" | "attempts_on_contact" => {
                let seconds = match argument(call) {
                    Some(LiteralValue::Int(seconds)) => u32::try_from(*seconds.inner()).ok(),
                    _ => None,
                };
                let seconds = seconds.filter(|s| (1..=MAX_WINDOW_SECONDS).contains(s)).ok_or_else(|| {
                    format!("{function} takes a number of seconds that is written out, 1 to {MAX_WINDOW_SECONDS}")
                })?;
                let name = format!("{function}:{seconds}");
                if !self.count_names.contains(&name) {
                    let on_device = function == "attempts_on_device";
                    self.counts.push(if on_device { Count::OnDevice(seconds) } else { Count::OnContact(seconds) });
                    self.count_names.push(name.clone());
                }
                Ok(Some(name))
            }
            "custom" => {
                let column = match argument(call) {
                    Some(LiteralValue::String(column)) => Some(format!("custom:{}", column.inner())),
                    _ => None,
                };
                let column = column.filter(|name| known(name).is_some());
                column.iter().for_each(|name| self.reads(name));
                column.map(Some).ok_or_else(|| "custom() takes the name of a column, as in custom(\"Branch\")".into())
            }
            _ => Ok(None),
        }
    }
}

fn argument(call: &CallExpr) -> Option<&LiteralValue> {
    match (&call.target, call.args.as_slice()) {
        (None, [Expression { expr: Expr::Literal(literal), .. }]) => Some(literal),
        _ => None,
    }
}

/// Whether the value of an expression can be true or false at all.
fn may_be_boolean(part: &Expression) -> bool {
    match &part.expr {
        Expr::Literal(literal) => matches!(literal, LiteralValue::Boolean(_)),
        Expr::Ident(name) => known(name).is_none() && !name.contains(':'),
        Expr::List(_) => false,
        Expr::Call(call) => match call.func_name.as_str() {
            operators::CONDITIONAL => call.args.iter().skip(1).all(may_be_boolean),
            "size" | "int" | "double" | "string" | operators::NEGATE => false,
            operators::ADD | operators::SUBSTRACT | operators::MULTIPLY | operators::DIVIDE | operators::MODULO => {
                false
            }
            _ => true,
        },
        Expr::Comprehension(part) => !matches!(part.accu_init.expr, Expr::List(_)),
        _ => false,
    }
}
