use std::borrow::Cow;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use jiff::civil::{DateTime, date};
use proptest::prelude::*;

use super::*;

#[derive(Debug, Default)]
struct Row(BTreeMap<&'static str, String>);

impl Columns for Row {
    fn column(&self, name: &str) -> Option<Cow<'_, str>> {
        self.0.get(name).map(|value| value.as_str().into())
    }
}

fn row(columns: &[(&'static str, &str)]) -> Row {
    Row(columns.iter().map(|(name, value)| (*name, (*value).to_owned())).collect())
}

fn morning() -> DateTime {
    date(2026, 11, 30).at(9, 30, 0, 0)
}

fn evaluate(text: &str, row: &Row, local: &[DateTime], attempts: i64) -> Result<bool, String> {
    let trial = Trial { columns: row, channel: Channel::Sms, purpose: "informational", local, attempts };
    CustomExpression::compile(text)?.try_on(&trial)
}

fn holds(text: &str) -> Result<bool, String> {
    let columns =
        [("c_other1", "VIP"), ("c_country_code_iso", "US"), ("cd_device_index", "2"), ("custom:Branch", "North")];
    evaluate(text, &row(&columns), &[morning()], 2)
}

fn refusal(text: &str) -> String {
    CustomExpression::compile(text).err().unwrap_or_else(|| panic!("{text} was taken"))
}

#[test]
fn a_condition_reads_columns_the_channel_the_purpose_and_the_local_time() {
    for text in [
        r#"c_other1 == "VIP" && channel == "sms" && purpose == "informational""#,
        r#"c_country_code_iso in ["US", "CA"] && cd_device_index == 2"#,
        "local_hour >= 9 && local_minute == 30 && local_weekday == 1 && local_month == 11 && local_day == 30",
        r#"local_date == "2026-11-30""#,
        r#"custom("Branch").startsWith("No") && c_last_name == "" && size(c_other1) == 3"#,
        r#"[["VIP", "A"], ["B"]].exists(row, row.exists(name, name == c_other1)) || true"#,
        r#"["V", "VI"].all(start, c_other1.startsWith(start))"#,
        "(c_other1 == 'VIP' ? 10 : 20) / 5 == 2",
    ] {
        let refused = text.contains("row.exists");
        assert_eq!(holds(text).is_err(), refused, "{text}: {:?}", holds(text));
        assert!(holds(text).unwrap_or(refused), "{text}");
    }
    assert_eq!(holds("c_other1 == 'VIPs'"), Ok(false));
}

#[test]
fn attempts_are_counted_for_windows_that_are_written_out() {
    let text = "attempts_on_device(86400) < 3 && attempts_on_contact(604800) < 5 && attempts_on_device(86400) >= 2";
    let expression = CustomExpression::compile(text).unwrap();
    assert_eq!(expression.counts().iter().map(|c| c.seconds()).collect::<Vec<_>>(), [86_400, 604_800]);
    assert_eq!(holds(text), Ok(true));
    for text in ["attempts_on_device(local_hour) < 3", "attempts_on_device() < 3", "attempts_on_device(0) < 3"] {
        assert!(refusal(text).contains("written out"), "{text}");
    }
    let rule = CustomRule { name: String::new(), required: true, expression: text.into(), channels: vec![] };
    let compiled = CompiledCustomRule::new(&RuleRef::new("r", 1), &rule).unwrap();
    assert_eq!(compiled.reach(), Some(604_800_000_000));
}

#[test]
fn it_must_hold_in_every_zone_and_is_unknown_without_one() {
    let (early, late) = (date(2026, 11, 30).at(8, 0, 0, 0), date(2026, 11, 30).at(11, 0, 0, 0));
    let text = "local_hour >= 9";
    assert_eq!(evaluate(text, &row(&[]), &[late], 0), Ok(true));
    assert_eq!(evaluate(text, &row(&[]), &[late, early], 0), Ok(false));
    assert!(evaluate(text, &row(&[]), &[], 0).unwrap_err().contains("no time zone"));
    assert_eq!(evaluate("c_other1 == ''", &row(&[]), &[], 0), Ok(true));
}

#[test]
fn an_error_says_why_and_never_whom() {
    let columns = row(&[("c_last_name", "Doe-Secret"), ("Attempts", "many")]);
    for (text, why) in [
        ("cd_device_index == 1", "cd_device_index has no value"),
        ("Attempts < 3", "Attempts has no value"),
        ("1 / size(c_other2) == 1", "divides by zero"),
        ("9223372036854775807 + size(c_last_name) > 0", "too large"),
        ("int(c_last_name) == 1", "int() can't take its value"),
        ("c_last_name < 5", ""),
        ("c_last_name + 1 == 'x'", ""),
        ("c_last_name && true", ""),
    ] {
        let error = evaluate(text, &columns, &[], 0).unwrap_err();
        assert!(error.contains(why) && !error.contains("Doe-Secret"), "{text}: {error}");
    }
    let long = row(&[("c_other1", &"x".repeat(5000))]);
    assert!(evaluate("c_other1 == 'x'", &long, &[], 0).unwrap_err().contains("no value"));
}

#[test]
fn what_is_not_known_or_not_a_condition_is_refused() {
    for (text, why) in [
        ("", "condition"),
        ("   ", "condition"),
        ("c_other1", "not true or false"),
        ("1 + 2", "not true or false"),
        ("[1, 2].map(x, x)", "not true or false"),
        ("size(c_other1)", "not true or false"),
        ("c_nothing == 1", "no column c_nothing"),
        ("c_other101 == ''", "no column"),
        ("c_other1.matches('a*')", "no function matches"),
        ("c_other1.foo == 1", "no members"),
        ("{'a': 1} == {'a': 1}", "braces"),
        ("google.Foo{a: 1} == 1", "braces"),
        ("[1][0] == 1", "no function _[_]"),
        ("b'abc' == b'abc'", "bytes"),
        ("timestamp('2026-01-01T00:00:00Z') > 1", "no function timestamp"),
        ("[1].all(channel, channel == 1)", "can't call its element"),
        ("c_other1 ==", "can't be read"),
        ("c_other1 = 1", "can't be read"),
        ("'unclosed", "can't be read"),
        ("custom(c_other1) == ''", "name of a column"),
        ("'abc'.all(c, c == 'a')", "written out"),
        ("c_other1.all(c, c == 'a')", "written out"),
    ] {
        let refused = refusal(text);
        assert!(refused.contains(why), "{text}: {refused}");
    }
}

#[test]
fn hostile_texts_are_refused_quickly() {
    let deep = |open: &str, close: &str, n: usize| format!("{}true{}", open.repeat(n), close.repeat(n));
    let mut nested = "true".to_owned();
    for i in 0..12 {
        nested = format!("[1,2,3,4,5,6,7,8].all(x{i}, {nested})");
    }
    let many = vec!["'x'"; 300].join(",");
    for text in [
        deep("(", ")", 900),
        deep("[", "]", 900),
        "[".repeat(2000),
        "{1:".repeat(600),
        deep("!(", ")", 300),
        "a?".repeat(900),
        "'\\u".repeat(600),
        "'".repeat(2000),
        "\u{0}\u{ffff}é".repeat(200),
        vec!["1"; 900].join("+") + " == 1",
        vec!["1"; 900].join("<"),
        vec!["c_other1"; 60].join("+") + " == ''",
        "x".repeat(2001),
        nested,
        format!("[{many}].all(x, [{many}].all(y, x != y))"),
        "[1,2,3,4,5,6,7,8,9].map(a, c_other1 + c_other2).map(b, [b + b, b + b].map(c, [c + c].map(d, d + d + d)).map(e, \
         [e + e].map(f, f + f))).map(g, [g + g + g + g].map(h, [h + h].map(i, i + i))).exists(z, z == [])"
            .to_owned(),
    ] {
        let since = Instant::now();
        let refused = CustomExpression::compile(&text);
        assert!(refused.is_err(), "{}", &text[..text.len().min(60)]);
        assert!(since.elapsed() < Duration::from_millis(500), "{:?} {}", since.elapsed(), &text[..60]);
    }
}

#[test]
fn the_dearest_expression_that_is_taken_ends_quickly() {
    let texts = row(&[("c_other1", &"a".repeat(2048)), ("c_other2", &"b".repeat(2048))]);
    let list = (0..30).map(|n| n.to_string()).collect::<Vec<_>>().join(",");
    let loops = format!("[{list}].all(x, [{}].all(y, x * y >= 0))", &list[..list.len() / 2 + 1].trim_end_matches(','));
    let searches = vec!["c_other1.contains(c_other2)"; 60].join(" || ");
    let sums = "[1,2].map(x, c_other1 + c_other2).filter(y, size(y) > 3).exists(z, z.contains('c'))".to_owned();
    for text in [loops, searches + " || true", sums + " || true"] {
        let expression = CustomExpression::compile(&text).unwrap_or_else(|e| panic!("{e}: {text}"));
        let trial = Trial { columns: &texts, channel: Channel::Sms, purpose: "", local: &[], attempts: 0 };
        let since = Instant::now();
        assert_eq!(expression.try_on(&trial), Ok(true));
        // a development build is some twenty times slower than what runs
        assert!(since.elapsed() < Duration::from_millis(400), "{:?}: {text}", since.elapsed());
    }
}

#[test]
fn a_condition_that_never_changes_its_answer_is_idle() {
    let idle = |text: &str, channels: &str| {
        let json = serde_json::json!({ "expression": text, "channels": serde_json::from_str::<serde_json::Value>(channels).unwrap() });
        let rule: CustomRule = serde_json::from_value(json).unwrap();
        assert_eq!(rule.validate(), [], "{text}");
        rule.idle().map(|error| error.detail).unwrap_or_default()
    };
    for (text, says) in [
        ("true", "true, so that it holds nobody back"),
        ("1 + 1 == 2", "true, so that it holds nobody back"),
        (r#"true || c_other1 == "x""#, "true, so that it holds nobody back"),
        (r#"purpose != "sales""#, "true, so that it holds nobody back"),
        ("false", "false, so that nobody would be contacted"),
        (r#"c_other1 == "x" && false"#, "false, so that nobody would be contacted"),
        (r#"channel == "fax""#, "false, so that nobody would be contacted"),
        ("local_hour > 24", "false, so that nobody would be contacted"),
        ("local_weekday == 8 || local_minute > 59", "false, so that nobody would be contacted"),
        ("local_hour >= 0", "true, so that it holds nobody back"),
        ("1 / 0 == 1", "an error (it divides by zero), so that nobody would be contacted"),
    ] {
        assert!(idle(text, "[]").contains(says), "{text}: {}", idle(text, "[]"));
    }
    for text in [
        r#"c_other1 == "x""#,
        r#"channel == "sms""#,
        r#"purpose == "survey" || local_hour > 9"#,
        "local_hour == 3 && local_weekday == 7",
        "local_minute == 17",
        r#"local_date == "2031-12-01""#,
        "local_day == 13 && local_weekday == 5 && local_month == 2",
        r#"local_hour > 24 || c_other1 == "x""#,
        "attempts_on_device(60) < 1",
        r#"custom("Branch") != "x""#,
        "[1, 2].exists(n, n == local_day)",
        "c_other1 == 5 || true == (local_hour > 9)",
    ] {
        assert_eq!(idle(text, "[]"), "", "{text}");
    }
    assert_ne!(idle(r#"channel == "sms""#, r#"["sms"]"#), "", "of the channels of the rule");
}

proptest! {
    #[test]
    fn no_text_makes_the_compiler_fall_over(text in "\\PC{0,200}") {
        let _ = CustomExpression::compile(&text);
    }

    #[test]
    fn no_mixture_of_the_language_makes_it_fall_over(parts in prop::collection::vec(prop::sample::select(vec![
        "c_other1", "local_hour", "(", ")", "[", "]", "{", "}", ",", "==", "!=", "&&", "||", "!", "-", "+", "*", "/", "%", "<", "in",
        "?", ":", ".", "'x'", "\"", "1", "9223372036854775807", "-1", "1.5e300", "1u", "true", "null", ".all(x,", ".map(x,",
        ".exists_one(y,", "x", "size(", "int(", "string(", "has(", "attempts_on_device(60)", "custom('a')", "b'", "r'", "`", "@result",
    ]), 0..40)) {
        let text = parts.join(" ");
        if let Ok(expression) = CustomExpression::compile(&text) {
            let row = row(&[("c_other1", "5")]);
            let local = [morning()];
            let trial = Trial { columns: &row, channel: Channel::Sms, purpose: "survey", local: &local, attempts: 1 };
            let _ = expression.try_on(&trial);
        }
    }
}
