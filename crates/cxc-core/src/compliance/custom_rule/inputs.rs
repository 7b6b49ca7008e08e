//! What an expression can ask for: columns, the channel, the moment, counts of attempts.
use std::borrow::Cow;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use cel::common::types::{CelInt, CelString};
use cel::common::value::CowVal;
use cel::context::VariableResolver;
use jiff::civil::DateTime;

use super::bounds::MAX_TEXT;
use crate::channel::Channel;
use crate::selection::{FieldLevel, FieldType, known_field};

/// The columns of a contact, its device and its record by name, as `c_first_name` or `custom:Branch`.
pub trait Columns: std::fmt::Debug + Send + Sync {
    /// The value; `None` where there is none.
    fn column(&self, name: &str) -> Option<Cow<'_, str>>;
}

/// What a name in an expression stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Known {
    Text,
    Number,
    /// A part of the local time.
    Local,
}

/// How often a part of the local time becomes another; the quickest is the greatest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Tick {
    /// With the day.
    Day,
    /// With the hour.
    Hour,
    /// With the minute.
    Minute,
}

/// How often the part of the local time of this name becomes another.
pub(super) fn tick(name: &str) -> Tick {
    match name {
        "local_minute" => Tick::Minute,
        "local_hour" => Tick::Hour,
        _ => Tick::Day,
    }
}

/// What a name stands for; `None` if nobody knows it.
pub(super) fn known(name: &str) -> Option<Known> {
    match name {
        "channel" | "purpose" => return Some(Known::Text),
        "local_date" | "local_hour" | "local_minute" | "local_weekday" | "local_day" | "local_month" => {
            return Some(Known::Local);
        }
        _ => {}
    }
    let field = known_field(name).filter(|field| field.level != FieldLevel::Suppression)?;
    Some(if field.field_type == FieldType::Numeric { Known::Number } else { Known::Text })
}

/// Whether a name is a column of the record, which changes with every attempt.
pub(super) fn is_of_record(name: &str) -> bool {
    known_field(name).is_some_and(|field| field.level == FieldLevel::Record)
}

/// The columns of a contact and its device, without those of its record.
#[derive(Debug)]
pub(super) struct Lasting<'a>(pub &'a dyn Columns);

impl Columns for Lasting<'_> {
    fn column(&self, name: &str) -> Option<Cow<'_, str>> {
        if is_of_record(name) { None } else { self.0.column(name) }
    }
}

/// No columns at all.
#[derive(Debug)]
pub(super) struct NoColumns;

impl Columns for NoColumns {
    fn column(&self, _: &str) -> Option<Cow<'_, str>> {
        None
    }
}

/// What an expression is applied to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CustomInputs<'a> {
    pub columns: &'a dyn Columns,
    pub channel: Channel,
    pub purpose: &'a str,
    /// The local times of the zones in which the person may be; empty where none is known.
    pub local: &'a [DateTime],
    /// The counts that the expression asks for, in its order.
    pub counts: &'a [i64],
}

/// Resolves names for one evaluation in one zone.
pub(super) struct Resolver<'a> {
    pub inputs: CustomInputs<'a>,
    pub local: Option<DateTime>,
    /// The names of the counts, in the order of their values.
    pub count_names: &'a [String],
    /// What the local date is as text.
    pub date: String,
    /// A name that has no value.
    pub missing: Mutex<Option<String>>,
}

/// Someone of whom nothing is known but how and what for they are reached.
pub(super) struct Nobody<'a> {
    pub channel: &'a str,
    pub purpose: &'a str,
    /// Whether more was asked for.
    pub asked: AtomicBool,
}

impl VariableResolver for Nobody<'_> {
    fn resolve<'b>(&'b self, name: &str) -> Option<CowVal<'b, 'b>> {
        let told = match name {
            "channel" => Some(self.channel),
            "purpose" => Some(self.purpose),
            _ => None,
        };
        if told.is_none() && (known(name).is_some() || name.contains(':')) {
            self.asked.store(true, Ordering::Relaxed);
        }
        told.map(|text| CowVal::owned(CelString::from(text)))
    }
}

impl VariableResolver for Resolver<'_> {
    fn resolve<'b>(&'b self, name: &str) -> Option<CowVal<'b, 'b>> {
        if name.starts_with('@') {
            return None;
        }
        let value = self.value(name);
        if value.is_none() && (known(name).is_some() || name.contains(':')) {
            *self.missing.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = Some(name.to_owned());
        }
        value
    }
}

impl Resolver<'_> {
    fn value<'b>(&'b self, name: &str) -> Option<CowVal<'b, 'b>> {
        let text = |text: &'b str| CowVal::owned(CelString::from(text));
        let number = |number: i64| CowVal::owned(CelInt::from(number));
        if let Some(at) = self.count_names.iter().position(|own| own == name) {
            return self.inputs.counts.get(at).map(|n| number(*n));
        }
        match name {
            "channel" => return Some(text(self.inputs.channel.as_str())),
            "purpose" => return Some(text(self.inputs.purpose)),
            "local_date" => return self.local.map(|_| text(&self.date)),
            "local_hour" => return self.local.map(|t| number(t.hour().into())),
            "local_minute" => return self.local.map(|t| number(t.minute().into())),
            "local_weekday" => return self.local.map(|t| number(t.weekday().to_monday_one_offset().into())),
            "local_day" => return self.local.map(|t| number(t.day().into())),
            "local_month" => return self.local.map(|t| number(t.month().into())),
            _ => {}
        }
        let value = self.inputs.columns.column(name);
        match known(name)? {
            // a column without a value is an empty text, one that is too long to look at is not known
            Known::Text => {
                let value = Some(value.unwrap_or_default()).filter(|v| v.len() <= MAX_TEXT);
                value.map(|value| CowVal::owned(CelString::from(value)))
            }
            Known::Number => value?.trim().parse().ok().map(number),
            Known::Local => None,
        }
    }
}
