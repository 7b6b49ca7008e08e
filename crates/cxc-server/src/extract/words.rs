//! What serde says of a wrong document, in the words of who sent it.

/// The text in words: what was expected, what was found.
pub(super) fn in_words(text: &str) -> String {
    let text = text.rsplit_once(" at line ").map_or(text, |(head, _)| head);
    missing(text)
        .or_else(|| of_names(text, "unknown field ", "there is no member", "the members are"))
        .or_else(|| of_names(text, "unknown variant ", "there is no value", "it is one of"))
        .or_else(|| of_kinds(text))
        .or_else(|| repeated(text))
        .unwrap_or_else(|| {
            let is_shapeless = text.starts_with("data did not match any variant");
            if is_shapeless { "this has none of the shapes that are taken here".to_owned() } else { text.to_owned() }
        })
}

fn missing(text: &str) -> Option<String> {
    let name = text.strip_prefix("missing field `")?.strip_suffix('`')?;
    Some(format!("{name} is missing: it must be given"))
}

fn repeated(text: &str) -> Option<String> {
    let name = text.strip_prefix("duplicate field `")?.strip_suffix('`')?;
    Some(format!("{name} is there twice: give it once"))
}

/// `unknown field `x`, expected one of `a`, `b``, and the same of values.
fn of_names(text: &str, prefix: &str, none: &str, are: &str) -> Option<String> {
    let (name, expected) = text.strip_prefix(prefix)?.strip_prefix('`')?.split_once('`')?;
    let Some(names) = expected.strip_prefix(", expected ") else { return Some(format!("{none} {name} here")) };
    let names = names.strip_prefix("one of ").unwrap_or(names).replace('`', "").replace(" or ", ", ");
    Some(format!("{none} {name} here: {are} {names}"))
}

/// `invalid type: string "x", expected u32`; also of values and lengths.
fn of_kinds(text: &str) -> Option<String> {
    let rest =
        ["invalid type: ", "invalid value: ", "invalid length "].iter().find_map(|prefix| text.strip_prefix(prefix))?;
    let (found, wanted) = rest.rsplit_once(", expected ")?;
    let found = if text.starts_with("invalid length") { format!("{found} of them") } else { what(found) };
    Some(format!("{} was expected, and {found} found", kind(wanted)))
}

/// What was found.
fn what(found: &str) -> String {
    let (kind, value) = found.split_once(' ').unwrap_or((found, ""));
    let value = value.trim_matches('`');
    match kind {
        "string" => format!("the text {value}"),
        "integer" | "floating" => format!("the number {}", value.strip_prefix("point `").unwrap_or(value)),
        "boolean" => value.to_owned(),
        "null" | "unit" => "null".to_owned(),
        "map" => "an object".to_owned(),
        "sequence" => "a list".to_owned(),
        _ => found.to_owned(),
    }
}

/// What was expected.
fn kind(wanted: &str) -> String {
    let is_named = |prefix: &str| wanted.starts_with(prefix);
    match wanted {
        "u8" | "u16" | "u32" | "u64" | "usize" => "a whole number that is not negative and not too large".to_owned(),
        "i8" | "i16" | "i32" | "i64" => "a whole number that is not too large".to_owned(),
        "f32" | "f64" => "a number".to_owned(),
        "a boolean" => "true or false".to_owned(),
        "a string" | "a borrowed string" | "string or map" => "a text".to_owned(),
        "a sequence" => "a list".to_owned(),
        _ if is_named("struct ") || is_named("a map") || is_named("internally tagged enum ") => "an object".to_owned(),
        _ if is_named("a tuple") || is_named("tuple struct ") || is_named("an array") => wanted
            .rsplit(' ')
            .next()
            .filter(|n| n.parse::<u32>().is_ok())
            .map_or("a list".to_owned(), |n| format!("a list of {n}")),
        _ if is_named("enum ") || is_named("variant ") => "a text".to_owned(),
        other => other.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "snake_case")]
    enum Kind {
        Express,
        Implied,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only its shape matters")]
    struct Form {
        kind: Kind,
        #[serde(default)]
        channels: Vec<String>,
        #[serde(default)]
        days: u8,
        #[serde(default)]
        is_on: bool,
        #[serde(default)]
        pair: Option<(u8, u8)>,
    }

    #[test]
    fn nothing_of_the_programs_language_is_told() {
        for (text, says) in [
            (r"{}", "kind is missing: it must be given"),
            (r#"{"kind":"sure"}"#, "there is no value sure here: it is one of express, implied"),
            (r#"{"kind":"express","kind":"express"}"#, "kind is there twice: give it once"),
            (
                r#"{"kind":"express","on":1}"#,
                "there is no member on here: the members are kind, channels, days, is_on, pair",
            ),
            (r#"{"kind":"express","channels":"sms"}"#, r#"a list was expected, and the text "sms" found"#),
            (r#"{"kind":"express","channels":[null]}"#, "a text was expected, and null found"),
            (
                r#"{"kind":"express","days":-1}"#,
                "a whole number that is not negative and not too large was expected, and the number -1 found",
            ),
            (
                r#"{"kind":"express","days":1.5}"#,
                "a whole number that is not negative and not too large was expected, and the number 1.5 found",
            ),
            (r#"{"kind":"express","is_on":"yes"}"#, r#"true or false was expected, and the text "yes" found"#),
            (r#"{"kind":"express","pair":[1]}"#, "a list of 2 was expected, and 1 of them found"),
            (r#""x""#, r#"an object was expected, and the text "x" found"#),
        ] {
            let error = serde_json::from_str::<Form>(text).unwrap_err();
            let found = in_words(&error.to_string());
            assert_eq!(found, says, "{text}: {error}");
        }
    }
}
