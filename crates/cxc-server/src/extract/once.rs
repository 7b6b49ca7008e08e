//! JSON of which no member is there twice: nobody could tell which of the two is meant, and readers take the last.
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

/// How the error of a member begins that is there twice; see [`super::told`].
pub(super) const TWICE: &str = "there once: nobody could tell which of the two is meant";

/// A JSON value, refused where an object of it has two members of one name.
#[derive(Debug, Clone, PartialEq)]
pub struct Once(pub Value);

impl<'de> Deserialize<'de> for Once {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(Members).map(Self)
    }
}

struct Members;

impl<'de> Visitor<'de> for Members {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut read = Vec::new();
        while let Some(Once(item)) = items.next_element()? {
            read.push(item);
        }
        Ok(Value::Array(read))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut read = Map::new();
        while let Some(name) = members.next_key::<String>()? {
            if read.contains_key(&name) {
                // read as a value, so that the error has the place of the member
                members.next_value::<Twice>()?;
            }
            read.insert(name, members.next_value::<Once>()?.0);
        }
        Ok(Value::Object(read))
    }
}

/// A member that is there a second time.
struct Twice;

impl<'de> Deserialize<'de> for Twice {
    fn deserialize<D: Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
        Err(D::Error::custom(TWICE))
    }
}

#[cfg(test)]
mod tests {
    use super::super::parse;
    use super::*;
    use crate::error::Code;

    #[test]
    fn what_is_there_once_is_read_as_it_is() {
        let text = r#"{"a":[1,-2,0.5,"x",true,null,{"b":{}},18446744073709551615],"b":1}"#;
        let plain: Value = serde_json::from_str(text).unwrap();
        assert_eq!(parse::<Once>(text.as_bytes()).unwrap(), Once(plain));
    }

    #[test]
    fn a_member_that_is_there_twice_is_refused_at_its_place_also_where_both_say_the_same() {
        for (text, pointer) in [
            (r#"{"at":1,"at":2}"#, "/at"),
            (r#"{"at":1,"at":1}"#, "/at"),
            (r#"{"a":[0,{"b":1,"c":{"d":1,"d":[]}}]}"#, "/a/1/c/d"),
        ] {
            let problem = parse::<Once>(text.as_bytes()).unwrap_err();
            assert_eq!(problem.code(), Code::ValidationFailed);
            let errors = problem.problem("").errors;
            let told: Vec<_> = errors.iter().map(|e| (e.pointer.as_str(), e.code, e.detail.as_str())).collect();
            assert_eq!(told, [(pointer, "duplicate", TWICE)], "{text}");
        }
    }
}
