//! What a template may do: place fields and choose between wordings. No loops, no assignments, no multiplication,
//! so a template's output stays in proportion to its source and its fields.
use cxc_core::field_error::FieldError;

const TAGS: [&str; 4] = ["if", "elif", "else", "endif"];
/// None lets markup through, none multiplies text. The environment has exactly these.
pub(super) const FILTERS: [&str; 11] =
    ["upper", "lower", "title", "capitalize", "trim", "default", "d", "length", "int", "float", "round"];
pub(super) const TESTS: [&str; 4] = ["defined", "undefined", "startingwith", "endingwith"];

/// What stands in the way of a template; `pointer` names its member.
pub(super) fn check(source: &str, pointer: &str) -> Result<(), FieldError> {
    let mut rest = source;
    while let Some(start) = rest.find('{') {
        let inner = &rest[start + 1..];
        rest = match inner.as_bytes().first() {
            Some(b'{') => expression(&inner[1..], "}}", pointer)?,
            Some(b'%') => tag(&inner[1..], pointer)?,
            Some(b'#') => inner[1..].split_once("#}").map_or("", |(_, after)| after),
            _ => inner,
        };
    }
    Ok(())
}

fn tag<'a>(inner: &'a str, pointer: &str) -> Result<&'a str, FieldError> {
    let words = inner.trim_start_matches(['-', '+']).trim_start();
    let name: String = words.chars().take_while(char::is_ascii_alphanumeric).collect();
    if !TAGS.contains(&name.as_str()) {
        let detail = format!("a template has the tags if, elif, else and endif, not {}", quoted(&name));
        return Err(FieldError::new(pointer, "template_tag", detail));
    }
    expression(inner, "%}", pointer)
}

// up to the end of the expression; texts within quotes do not count
fn expression<'a>(inner: &'a str, end: &str, pointer: &str) -> Result<&'a str, FieldError> {
    let mut bare = String::new();
    let mut quote = None;
    let mut escaped = false;
    for (at, c) in inner.char_indices() {
        match (quote, c) {
            _ if escaped => escaped = false,
            (Some(_), '\\') => escaped = true,
            (Some(open), c) if open == c => quote = None,
            (Some(_), _) => {}
            (None, '"' | '\'') => quote = Some(c),
            (None, _) if inner[at..].starts_with(end) => {
                names(&bare).map_err(|detail| FieldError::new(pointer, "template_expression", detail))?;
                return Ok(&inner[at + end.len()..]);
            }
            (None, _) => bare.push(c),
        }
    }
    // the parser has better words for a missing end
    Ok("")
}

// an unknown filter would otherwise fail only when a contact's fields lead to it
fn names(bare: &str) -> Result<(), String> {
    if bare.contains('*') {
        return Err("a template does not multiply".into());
    }
    for piece in bare.split('|').skip(1) {
        known(piece, &FILTERS, "filters")?;
    }
    let mut rest = bare;
    while let Some(at) = rest.find(" is ") {
        rest = &rest[at + 3..];
        let name = rest.trim_start();
        known(name.strip_prefix("not ").unwrap_or(name), &TESTS, "tests")?;
    }
    for (at, _) in bare.match_indices('(') {
        if is_call(&bare[..at]) {
            return Err("a template calls filters and tests only".into());
        }
    }
    Ok(())
}

fn known(text: &str, names: &[&str], kind: &str) -> Result<(), String> {
    let name: String = text.trim_start().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
    if names.contains(&name.as_str()) {
        return Ok(());
    }
    Err(format!("a template has the {kind} {}, not {}", names.join(", "), quoted(&name)))
}

// name( is a call unless the name follows a | (filter) or "is" (test)
fn is_call(before: &str) -> bool {
    let word_start = before.trim_end().rfind(|c: char| !c.is_alphanumeric() && c != '_').map_or(0, |at| at + 1);
    let (head, word) = before.trim_end().split_at(word_start);
    let head = head.trim_end();
    let keyword = matches!(word, "" | "and" | "or" | "not" | "in" | "if" | "elif" | "else" | "is");
    !keyword && !head.ends_with('|') && !head.ends_with(" is") && !head.ends_with(" not")
}

fn quoted(name: &str) -> String {
    if name.is_empty() { "none".to_owned() } else { format!("`{}`", name.chars().take(20).collect::<String>()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(source: &str) -> &'static str {
        check(source, "/x").err().map_or("", |e| e.code)
    }

    #[test]
    fn fields_filters_and_choices_are_fine() {
        for good in [
            "Hello {{ first_name | default(\"you * {% for %}\") | upper }}",
            "{% if (a and not (b == 'x')) or c is defined %}1{% elif d in ('x', 'y') %}2{% else %}3{%- endif -%}",
            "{# anything * {% for %} #} a { b } 5 * 3",
            "{{ a ~ ' ' ~ b }} {{ a if a else 'none' }}",
            "{% if a is defined and b is not startingwith('x') %}{{ a|d('|safe')|round(2) }}{% endif %}",
        ] {
            assert_eq!(check(good, "/x"), Ok(()), "{good}");
        }
    }

    #[test]
    fn what_could_grow_without_bound_is_refused() {
        for bad in ["{% for x in a %}", "{%- set a = b %}", "{% macro x() %}", "{% include 'x' %}", "{% %}"] {
            assert_eq!(code(bad), "template_tag", "{bad}");
        }
        for bad in [
            "{{ 'x' * 100000000 }}",
            "{{ 'it\\'s' * 9 }}",
            "{% if a * 2 %}",
            "{{ range(10) }}",
            "{{ a.b(1) }}",
            "{{ a|safe }}",
            "{{ a | default('x') | replace('a', 'b') }}",
            "{% if a is divisibleby(3) %}",
            "{% if a is not nothing %}",
        ] {
            assert_eq!(code(bad), "template_expression", "{bad}");
        }
    }
}
