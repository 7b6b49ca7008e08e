//! What a selection rule says of one row: the meaning that the SQL of the store must have.
use std::borrow::Cow;

use super::{Condition, FieldType, Operator, SelectionRule};

/// A row: a contact with one of its devices, or with none.
pub trait FieldSource {
    /// The text of a field; `None` and the empty text are the same.
    fn field(&self, name: &str) -> Option<Cow<'_, str>>;
}

/// Whether the rule takes the row.
pub fn matches(rule: &SelectionRule, row: &dyn FieldSource) -> bool {
    rule.condition_sets.iter().any(|set| set.iter().all(|condition| holds(condition, row)))
}

/// Whether the rule takes a contact: whether it takes the contact with one of its devices.
pub fn matches_any<'a>(rule: &SelectionRule, rows: impl IntoIterator<Item = &'a dyn FieldSource>) -> bool {
    rows.into_iter().any(|row| matches(rule, row))
}

fn holds(condition: &Condition, row: &dyn FieldSource) -> bool {
    let text = row.field(&condition.field).map(|text| normalise(&text)).unwrap_or_default();
    if text.is_empty() {
        return condition.operator == Operator::IsEmpty || condition.operator.is_negated();
    }
    match condition.operator {
        Operator::IsEmpty | Operator::CustomExpression => false,
        operator if condition.field_type == FieldType::Numeric => numeric(operator, condition, &text),
        operator => textual(operator, condition, &text),
    }
}

fn textual(operator: Operator, condition: &Condition, text: &str) -> bool {
    let found = condition.values().iter().map(|value| normalise(&value.text())).any(|value| match operator {
        Operator::Like | Operator::NotLike => like(text, &value),
        Operator::Contains | Operator::DoesNotContain => text.contains(&value),
        _ => text == value,
    });
    found != operator.is_negated()
}

fn numeric(operator: Operator, condition: &Condition, text: &str) -> bool {
    let Some(own) = number(text) else {
        return operator.is_negated();
    };
    let found = condition.values().iter().filter_map(|value| number(&value.text())).any(|value| match operator {
        Operator::LessThan => own < value,
        Operator::LessOrEqual => own <= value,
        Operator::GreaterThan => own > value,
        Operator::GreaterOrEqual => own >= value,
        _ => own == value,
    });
    found != operator.is_negated()
}

/// A text as it is compared: without outer spaces, in small letters.
pub fn normalise(text: &str) -> String {
    text.trim_matches(' ').to_lowercase()
}

/// The number of a text: an optional sign, digits, an optional point with digits; at most 30 characters. Compared
/// in double precision.
pub fn number(text: &str) -> Option<f64> {
    let text = text.trim_matches(' ');
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, "0"));
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    if text.len() > 30 || !digits(whole) || !digits(fraction) {
        return None;
    }
    text.parse().ok()
}

/// Whether a text fits a pattern in which `%` stands for any text and `_` for one character.
fn like(text: &str, pattern: &str) -> bool {
    let (text, pattern): (Vec<char>, Vec<char>) = (text.chars().collect(), pattern.chars().collect());
    let (mut t, mut p) = (0, 0);
    // where to go on after the last `%` took one character more
    let mut resume: Option<(usize, usize)> = None;
    while t < text.len() {
        match pattern.get(p) {
            Some('%') => {
                resume = Some((t, p + 1));
                p += 1;
            }
            Some(c) if *c == '_' || *c == text[t] => (t, p) = (t + 1, p + 1),
            _ => match resume {
                Some((from, after)) => {
                    (t, p) = (from + 1, after);
                    resume = Some((from + 1, after));
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|c| *c == '%')
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::super::*;
    use super::*;

    struct Row(HashMap<&'static str, String>);

    impl FieldSource for Row {
        fn field(&self, name: &str) -> Option<Cow<'_, str>> {
            self.0.get(name).map(|text| text.as_str().into())
        }
    }

    fn row(fields: &[(&'static str, &str)]) -> Row {
        Row(fields.iter().map(|(name, text)| (*name, (*text).to_owned())).collect())
    }

    fn rule(sets: &str) -> SelectionRule {
        let rule: SelectionRule =
            serde_json::from_str(&format!(r#"{{"kind":"advanced","conditionSets":{sets}}}"#)).unwrap();
        assert_eq!(rule.validate(), []);
        rule
    }

    fn one(field: &str, kind: &str, operator: &str, value: &str) -> SelectionRule {
        rule(&format!(r#"[[{{"field":"{field}","type":"{kind}","operator":"{operator}","value":{value}}}]]"#))
    }

    fn company(operator: &str, value: &str, text: &str) -> bool {
        matches(&one("c_company", "string", operator, value), &row(&[("c_company", text)]))
    }

    #[test]
    fn sets_are_joined_by_or_and_conditions_by_and() {
        let rule = rule(
            r#"[[{"field":"c_company","type":"string","operator":"equal","value":"a"},
                 {"field":"c_other1","type":"numeric","operator":"greater_than","value":5}],
                [{"field":"c_last_name","type":"string","operator":"like","value":"m%r"}]]"#,
        );
        assert!(matches(&rule, &row(&[("c_company", "A"), ("c_other1", "6")])));
        assert!(!matches(&rule, &row(&[("c_company", "A"), ("c_other1", "5")])));
        assert!(matches(&rule, &row(&[("c_last_name", "Miller")])));
    }

    #[test]
    fn a_custom_field_is_compared_as_text_and_as_number() {
        let older = one("custom:Age", "numeric", "greater_than", "\"40\"");
        assert!(matches(&older, &row(&[("custom:Age", "41")])) && !matches(&older, &row(&[("custom:Age", "9")])));
        let noted = one("custom:Note to us", "string", "contains", "\"vip\"");
        assert!(matches(&noted, &row(&[("custom:Note to us", "a VIP")])) && !matches(&noted, &row(&[])));
        let unknown = serde_json::from_str::<SelectionRule>(
            r#"{"conditionSets":[[{"field":"Age","type":"string","operator":"equal","value":"a"}]]}"#,
        );
        assert!(unknown.unwrap().validate()[0].detail.contains("custom:Age"));
    }

    #[test]
    fn case_and_outer_spaces_make_no_difference() {
        assert!(company("equal", r#"" acme""#, "  ACME "));
        assert!(company("in", r#"["x","Ärzte"]"#, "ÄRZTE"));
        assert!(company("contains", r#""ME""#, "Acme Ltd"));
        assert!(!company("not_equal", r#""acme""#, "Acme"));
        assert!(!company("does_not_contain", r#""cm""#, "Acme"));
    }

    #[test]
    fn an_empty_field_satisfies_only_is_empty_and_the_negated_operators() {
        for (operator, value, holds) in [
            ("equal", r#""a""#, false),
            ("not_equal", r#""a""#, true),
            ("like", r#""%""#, false),
            ("not_like", r#""%""#, true),
            ("in", r#"["a"]"#, false),
            ("not_in", r#"["a"]"#, true),
            ("contains", r#""a""#, false),
            ("does_not_contain", r#""a""#, true),
            ("is_empty", "null", true),
        ] {
            for text in ["", "   "] {
                assert_eq!(company(operator, value, text), holds, "{operator}");
            }
            assert_eq!(matches(&one("c_company", "string", operator, value), &row(&[])), holds, "{operator}");
        }
        for (operator, holds) in [("less_than", false), ("not_equal", true), ("greater_or_equal", false)] {
            assert_eq!(matches(&one("Attempts", "numeric", operator, "3"), &row(&[])), holds, "{operator}");
        }
    }

    #[test]
    fn numbers_are_compared_as_numbers() {
        let attempts = |operator: &str, text: &str| {
            matches(&one("Attempts", "numeric", operator, "10"), &row(&[("Attempts", text)]))
        };
        assert!(attempts("less_than", "9") && !attempts("less_than", "10") && attempts("less_or_equal", "10.0"));
        assert!(attempts("greater_than", "10.5") && attempts("greater_or_equal", "+10") && attempts("equal", "010"));
        assert!(attempts("greater_than", "100") && attempts("less_than", "-11"));
        // no number: only the negated hold
        assert!(!attempts("less_than", "abc") && !attempts("equal", "10a") && attempts("not_equal", "abc"));
    }

    #[test]
    fn a_contact_is_taken_if_one_device_meets_the_whole_set() {
        let rule = rule(
            r#"[[{"field":"cd_area_code","type":"area_code","operator":"equal","value":"212"},
                 {"field":"cd_device_index","type":"numeric","operator":"equal","value":2}]]"#,
        );
        let rows = [
            row(&[("cd_area_code", "212"), ("cd_device_index", "1")]),
            row(&[("cd_area_code", "415"), ("cd_device_index", "2")]),
        ];
        assert!(!matches_any(&rule, rows.iter().map(|r| r as &dyn FieldSource)));
        let second = [row(&[("cd_area_code", "212"), ("cd_device_index", "2")])];
        assert!(matches_any(&rule, rows.iter().chain(&second).map(|r| r as &dyn FieldSource)));
    }

    fn codes(json: &str) -> Vec<(String, &'static str)> {
        let rule: SelectionRule = serde_json::from_str(json).unwrap();
        rule.validate().into_iter().map(|e| (e.pointer, e.code)).collect()
    }

    #[test]
    fn what_cannot_be_used_is_refused_at_its_place() {
        for (condition, pointer, code) in [
            (r#""field":"c_nope","type":"string","operator":"equal","value":"a""#, "/field", "unknown_field"),
            (r#""field":"Age","type":"string","operator":"equal","value":"a""#, "/field", "unknown_field"),
            (r#""field":"custom:Age","type":"area_code","operator":"equal","value":"a""#, "/type", "type"),
            (r#""field":"Attempts","type":"numeric","operator":"equal","value":1"#, "/field", "not_of_this_kind"),
            (r#""field":"c_company","type":"area_code","operator":"equal","value":"a""#, "/type", "type"),
            (r#""field":"c_company","type":"string","operator":"less_than","value":"a""#, "/operator", "operator"),
            (
                r#""field":"c_company","type":"string","operator":"custom_expression","value":"a""#,
                "/operator",
                "custom_expression",
            ),
            (r#""field":"c_company","type":"string","operator":"in","value":"a""#, "/value", "list"),
            (r#""field":"c_company","type":"string","operator":"in","value":[]"#, "/value", "length"),
            (r#""field":"c_company","type":"string","operator":"in","value":["a"," "]"#, "/value/1", "empty"),
            (r#""field":"c_company","type":"string","operator":"equal","value":["a"]"#, "/value", "single"),
            (r#""field":"c_company","type":"string","operator":"equal""#, "/value", "single"),
            (r#""field":"c_company","type":"string","operator":"is_empty","value":"a""#, "/value", "not_expected"),
            (r#""field":"c_other7","type":"numeric","operator":"equal","value":"1e5""#, "/value", "number"),
        ] {
            let found = codes(&format!(r#"{{"conditionSets":[[{{{condition}}}]]}}"#));
            assert_eq!(found, [(format!("/conditionSets/0/0{pointer}"), code)], "{condition}");
        }
        assert_eq!(codes(r#"{"conditionSets":[]}"#)[0].1, "length");
        assert_eq!(codes(r#"{"conditionSets":[[]]}"#)[0].0, "/conditionSets/0");
        assert!(serde_json::from_str::<SelectionRule>(r#"{"conditionSets":[],"sql":"1=1"}"#).is_err());
    }

    #[test]
    fn a_rule_survives_the_wire() {
        let text = r#"{"kind":"contacts","conditionSets":[[{"field":"c_other1","type":"numeric","operator":"in","value":[1,"2"]}]]}"#;
        let rule: SelectionRule = serde_json::from_str(text).unwrap();
        assert_eq!(serde_json::to_string(&rule).unwrap(), text);
    }

    /// The plain definition of a pattern.
    fn like_slowly(text: &[char], pattern: &[char]) -> bool {
        match pattern.split_first() {
            None => text.is_empty(),
            Some(('%', rest)) => (0..=text.len()).any(|n| like_slowly(&text[n..], rest)),
            Some((c, rest)) => {
                text.split_first().is_some_and(|(t, after)| (*c == '_' || c == t) && like_slowly(after, rest))
            }
        }
    }

    proptest! {
        #[test]
        fn a_pattern_means_what_it_is_defined_to(text in "[ab]{0,10}", pattern in "[ab_%]{0,8}") {
            let chars = |s: &str| s.chars().collect::<Vec<_>>();
            prop_assert_eq!(like(&text, &pattern), like_slowly(&chars(&text), &chars(&pattern)));
        }

        #[test]
        fn a_negated_operator_holds_exactly_where_its_plain_one_does_not(text in "[ab ]{0,4}", value in "[ab]{1,3}") {
            for (plain, negated) in [("equal", "not_equal"), ("like", "not_like"), ("contains", "does_not_contain")] {
                let value = format!("\"{value}\"");
                prop_assert_ne!(company(plain, &value, &text), company(negated, &value, &text));
            }
        }
    }
}
