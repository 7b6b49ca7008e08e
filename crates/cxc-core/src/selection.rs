//! Selection rules: which contacts of a list are taken. A rule is data, an OR of condition sets, each an AND of
//! conditions; the store compiles it to SQL, and [`matches`] says for one row what that SQL must say.
mod evaluate;
mod fields;
mod validate;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa::openapi::{ObjectBuilder, OneOfBuilder, RefOr, Schema, Type};

pub use evaluate::{FieldSource, matches, matches_any, normalise, number};
pub use fields::{FieldLevel, KNOWN_FIELDS, KnownField, MAX_CUSTOM_NAME, custom_name, known_field, other_number};

/// The most condition sets of a rule.
pub const MAX_SETS: usize = 50;

/// The most conditions of a rule, in all its sets.
pub const MAX_CONDITIONS: usize = 200;

/// The most values of an `in`.
pub const MAX_VALUES: usize = 1000;

/// The longest value, in characters.
pub const MAX_VALUE: usize = 256;

/// Which contacts are taken: those that one of the sets takes; a set takes those that meet all its conditions.
///
/// A contact's devices are separate rows: a set with conditions on devices takes a contact if one device meets all
/// of them. A contact without a device is a row whose device fields are empty.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SelectionRule {
    /// Which fields it may use.
    #[serde(default)]
    pub kind: SelectionKind,
    /// The sets.
    #[schema(min_items = 1, max_items = 50)]
    pub condition_sets: Vec<Vec<Condition>>,
}

/// Which fields a rule may use.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SelectionKind {
    /// Those of contacts and devices.
    #[default]
    Contacts,
    /// Also those of a campaign's records.
    Advanced,
    /// Those of suppression entries.
    Suppression,
}

/// One comparison of a field with a value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Condition {
    /// The column: one of the known fields, or `custom:NAME` for a column that an import kept under its own name.
    #[schema(example = "c_state_code")]
    pub field: String,
    /// As what it is compared.
    #[serde(rename = "type")]
    pub field_type: FieldType,
    /// How.
    pub operator: Operator,
    /// With what: a text or number; a list for `in` and `not_in`; nothing for `is_empty`.
    #[serde(default)]
    pub value: Option<Value>,
}

/// As what a field is compared. All but `numeric` are compared as text without regard to case and outer spaces.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum FieldType {
    /// Text.
    String,
    /// A number. A field that is none satisfies only the negated operators.
    Numeric,
    /// An area code.
    AreaCode,
    /// An exchange.
    Exchange,
    /// A country code.
    CountryCode,
    /// A state code.
    StateCode,
    /// An IANA time zone.
    Timezone,
}

/// How a field is compared. An empty field satisfies only `is_empty` and the negated operators.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Operator {
    /// It is the value.
    Equal,
    /// It is not the value.
    NotEqual,
    /// It fits a pattern: `%` stands for any text, `_` for one character.
    Like,
    /// It does not fit the pattern.
    NotLike,
    /// It is one of the values.
    In,
    /// It is none of the values.
    NotIn,
    /// It is empty.
    IsEmpty,
    /// The value stands in it.
    Contains,
    /// The value does not stand in it.
    DoesNotContain,
    /// It is a smaller number.
    LessThan,
    /// It is no greater number.
    LessOrEqual,
    /// It is a greater number.
    GreaterThan,
    /// It is no smaller number.
    GreaterOrEqual,
    /// An expression. Refused by this version.
    CustomExpression,
}

impl Operator {
    /// The operators that an empty field satisfies, besides `is_empty`.
    pub fn is_negated(self) -> bool {
        matches!(self, Operator::NotEqual | Operator::NotLike | Operator::NotIn | Operator::DoesNotContain)
    }

    /// Whether it takes a list of values.
    pub fn takes_list(self) -> bool {
        matches!(self, Operator::In | Operator::NotIn)
    }

    /// Whether a type has this operator.
    pub fn fits(self, field_type: FieldType) -> bool {
        use Operator::*;
        let ordered = matches!(self, LessThan | LessOrEqual | GreaterThan | GreaterOrEqual);
        let like = matches!(self, Like | NotLike);
        let contains = matches!(self, Contains | DoesNotContain);
        match field_type {
            FieldType::String => !ordered,
            FieldType::Numeric => !like && !contains,
            FieldType::AreaCode | FieldType::Exchange => !ordered && !contains && self != CustomExpression,
            FieldType::CountryCode | FieldType::StateCode | FieldType::Timezone => {
                !ordered && !contains && !like && self != CustomExpression
            }
        }
    }
}

/// What a field is compared with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(untagged)]
pub enum Value {
    /// One value.
    One(Scalar),
    /// Several.
    Many(Vec<Scalar>),
}

/// A text or a number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Scalar {
    /// Text.
    Text(String),
    /// A number.
    Number(serde_json::Number),
}

impl utoipa::PartialSchema for Scalar {
    fn schema() -> RefOr<Schema> {
        let of = |kind| ObjectBuilder::new().schema_type(kind);
        let text = of(Type::String).min_length(Some(1)).max_length(Some(MAX_VALUE));
        OneOfBuilder::new().item(text).item(of(Type::Number)).into()
    }
}

impl ToSchema for Scalar {}

impl Scalar {
    /// The value as text.
    pub fn text(&self) -> std::borrow::Cow<'_, str> {
        match self {
            Scalar::Text(text) => text.into(),
            Scalar::Number(number) => number.to_string().into(),
        }
    }
}

impl Condition {
    /// The values: one, several, or none for `is_empty`.
    pub fn values(&self) -> &[Scalar] {
        match &self.value {
            None => &[],
            Some(Value::One(one)) => std::slice::from_ref(one),
            Some(Value::Many(many)) => many,
        }
    }
}
