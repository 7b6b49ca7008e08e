//! The query string of a collection: page, order, filters.
use cxc_core::Micros;
use cxc_store::object_query::{Comparison, ObjectField, Param};
use jiff::Timestamp;

use cxc_core::field_error::FieldError;

use crate::error::{ApiError, Code};
use crate::extract;

/// What a collection is asked for. Filters stay as text until the fields are known.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct PageQuery {
    /// 1 to 500, 50 by default.
    pub limit: i64,
    /// From `next` of the page before.
    pub cursor: Option<String>,
    /// Whether the total is wanted.
    pub count: bool,
    /// Field and whether it falls.
    pub sort: Vec<(String, bool)>,
    /// Members to answer; empty for all.
    pub fields: Vec<String>,
    /// Field, operator (`eq` when none is written), value.
    pub filters: Vec<(String, String, String)>,
}

const OPERATORS: &[&str] = &["eq", "ne", "lt", "lte", "gt", "gte", "in", "contains", "empty"];
const MOST_FILTERS: usize = 20;

pub(crate) fn bad(parameter: &str, detail: impl Into<String>) -> ApiError {
    let detail = detail.into();
    ApiError::new(Code::BadFilter, format!("{parameter}: {detail}"))
        .with_errors(vec![FieldError::new(parameter, "invalid", detail)])
}

impl PageQuery {
    /// Reads a query string. Every parameter that is not about paging is a filter.
    pub fn parse(query: &str) -> Result<Self, ApiError> {
        let pairs: Vec<(String, String)> = extract::parse_query(query)?;
        let mut page = Self { limit: 50, ..Self::default() };
        for (name, value) in pairs {
            match name.as_str() {
                "limit" => page.limit = limit(&value)?,
                "cursor" => page.cursor = Some(value),
                "count" => page.count = truth("count", &value)?,
                "sort" => page.sort = sort(&value),
                "fields" => page.fields = value.split(',').filter(|f| !f.is_empty()).map(str::to_owned).collect(),
                _ => page.filters.push(filter(&name, value)?),
            }
        }
        if page.filters.len() > MOST_FILTERS {
            return Err(bad("filter", format!("at most {MOST_FILTERS} filters")));
        }
        Ok(page)
    }

    /// All that a page depends on besides its cursor, as one text.
    pub fn fingerprint(&self) -> String {
        format!("{:?} {:?}", self.sort, self.filters)
    }
}

fn limit(value: &str) -> Result<i64, ApiError> {
    value.parse().ok().filter(|n| (1..=500).contains(n)).ok_or_else(|| bad("limit", "a limit is 1 to 500"))
}

fn truth(name: &str, value: &str) -> Result<bool, ApiError> {
    value.parse().map_err(|_| bad(name, "either true or false"))
}

fn sort(value: &str) -> Vec<(String, bool)> {
    let keys = value.split(',').filter(|k| !k.is_empty());
    keys.map(|key| key.strip_prefix('-').map_or((key.to_owned(), false), |key| (key.to_owned(), true))).collect()
}

fn filter(name: &str, value: String) -> Result<(String, String, String), ApiError> {
    let (field, operator) = match name.split_once('[') {
        None => (name, "eq"),
        Some((field, rest)) => (field, rest.strip_suffix(']').unwrap_or("")),
    };
    if OPERATORS.contains(&operator) {
        return Ok((field.to_owned(), operator.to_owned(), value));
    }
    Err(bad(name, "a filter is field=value or field[op]=value with ne, lt, lte, gt, gte, in, contains or empty"))
}

/// The fields that every document can be filtered and sorted by, and those of its kind.
pub(crate) fn field(name: &str, more: &[ObjectField]) -> Option<ObjectField> {
    match name {
        "name" => Some(ObjectField::Name),
        "createdAt" => Some(ObjectField::CreatedAt),
        "updatedAt" => Some(ObjectField::UpdatedAt),
        _ => more.iter().copied().find(|f| field_name(*f) == name),
    }
}

/// The name of a field at the API.
pub(crate) fn field_name(field: ObjectField) -> &'static str {
    match field {
        ObjectField::Name => "name",
        ObjectField::CreatedAt => "createdAt",
        ObjectField::UpdatedAt => "updatedAt",
        ObjectField::Text(name) | ObjectField::Integer(name) | ObjectField::Bool(name) => name,
    }
}

/// One filter as a comparison of its field's type.
pub(crate) fn comparison(field: ObjectField, operator: &str, value: &str) -> Result<Comparison, ApiError> {
    let name = field_name(field);
    let sign = match operator {
        "in" => {
            let values: Result<Vec<_>, _> = value.split(',').take(100).map(|v| param(field, v)).collect();
            return Ok(Comparison::In(values?));
        }
        "contains" | "empty" if !matches!(field, ObjectField::Name | ObjectField::Text(_)) => {
            return Err(bad(name, "only texts can be filtered by contains or empty"));
        }
        "contains" => return Ok(Comparison::Contains(value.to_owned())),
        "empty" => return Ok(Comparison::Empty(truth(name, value)?)),
        "ne" => "<>",
        "lt" => "<",
        "lte" => "<=",
        "gt" => ">",
        "gte" => ">=",
        _ => "=",
    };
    Ok(Comparison::Is(sign, param(field, value)?))
}

fn param(field: ObjectField, value: &str) -> Result<Param, ApiError> {
    let name = field_name(field);
    Ok(match field {
        ObjectField::Name => Param::Text(value.to_lowercase()),
        ObjectField::Text(_) => Param::Text(value.to_owned()),
        ObjectField::CreatedAt | ObjectField::UpdatedAt => Param::Number(instant(name, value)?),
        ObjectField::Integer(_) => Param::Number(value.parse().map_err(|_| bad(name, "a whole number"))?),
        ObjectField::Bool(_) => Param::Number(i64::from(truth(name, value)?)),
    })
}

/// An RFC 3339 instant of a query parameter, in microseconds.
pub(crate) fn instant(name: &str, value: &str) -> Result<Micros, ApiError> {
    let at: Timestamp = value.parse().map_err(|_| bad(name, "an instant is RFC 3339, such as 2026-03-02T09:00:00Z"))?;
    Ok(at.as_microsecond())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_string_is_page_order_and_filters() {
        let page =
            PageQuery::parse("limit=7&sort=-createdAt,name&fields=id,name&state%5Bne%5D=running&name=a%20b&count=true")
                .unwrap();
        assert_eq!((page.limit, page.count), (7, true));
        assert_eq!(page.sort, [("createdAt".to_owned(), true), ("name".to_owned(), false)]);
        assert_eq!(page.filters[0], ("state".into(), "ne".into(), "running".into()));
        assert_eq!(page.filters[1], ("name".into(), "eq".into(), "a b".into()));
    }

    #[test]
    fn a_wrong_parameter_is_a_bad_filter() {
        for query in ["limit=0", "limit=501", "limit=x", "count=1", "name[like]=x", "name[ne=x"] {
            assert_eq!(PageQuery::parse(query).unwrap_err().code(), Code::BadFilter, "{query}");
        }
        assert!(comparison(ObjectField::CreatedAt, "gt", "yesterday").is_err());
        assert!(comparison(ObjectField::Bool("required"), "contains", "t").is_err());
    }
}
