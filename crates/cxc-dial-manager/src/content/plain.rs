//! Plain text from HTML, for mail programs that show no HTML. Small and bounded: one walk, no nesting.

/// The text of an HTML document: tags are dropped, blocks become lines, links keep their address.
pub fn text_of_html(html: &str) -> String {
    let mut text = String::with_capacity(html.len() / 2);
    let mut rest = html;
    let mut link: Option<String> = None;
    while let Some(start) = rest.find('<') {
        push_words(&mut text, &rest[..start]);
        let Some(end) = rest[start..].find('>') else { return tidy(&text) };
        let tag = &rest[start + 1..start + end];
        rest = &rest[start + end + 1..];
        let name: String = tag
            .trim_start_matches('/')
            .chars()
            .take_while(char::is_ascii_alphanumeric)
            .collect::<String>()
            .to_ascii_lowercase();
        match name.as_str() {
            "style" | "script" | "head" | "title" if !tag.starts_with('/') => rest = skip_to_end(rest, &name),
            "br" | "p" | "div" | "tr" | "h1" | "h2" | "h3" | "h4" | "li" | "table" | "ul" | "ol" => text.push('\n'),
            "a" if tag.starts_with('/') => {
                if let Some(address) = link.take().filter(|address| !text.ends_with(address.as_str())) {
                    text.push_str(&format!(" ({address})"));
                }
            }
            "a" => link = attribute(tag, "href"),
            _ => {}
        }
    }
    push_words(&mut text, rest);
    tidy(&text)
}

fn skip_to_end<'a>(rest: &'a str, name: &str) -> &'a str {
    let end = format!("</{name}");
    let lower = rest.to_ascii_lowercase();
    lower.find(&end).map_or("", |at| &rest[at..])
}

fn attribute(tag: &str, name: &str) -> Option<String> {
    let lower = tag.to_ascii_lowercase();
    let at = lower.find(&format!("{name}="))? + name.len() + 1;
    let value = tag.get(at..)?;
    let quote = value.chars().next().filter(|c| matches!(c, '"' | '\''));
    let value = match quote {
        Some(quote) => value[1..].split(quote).next()?,
        None => value.split_whitespace().next()?,
    };
    Some(entities(value)).filter(|v| v.starts_with("http") || v.starts_with("mailto:"))
}

fn push_words(text: &mut String, html: &str) {
    let starts = html.starts_with(char::is_whitespace);
    if starts && !text.ends_with(char::is_whitespace) {
        text.push(' ');
    }
    let words: Vec<&str> = html.split_whitespace().collect();
    text.push_str(&entities(&words.join(" ")));
    if !words.is_empty() && html.ends_with(char::is_whitespace) {
        text.push(' ');
    }
}

fn entities(text: &str) -> String {
    if !text.contains('&') {
        return text.to_owned();
    }
    let plain = text.replace("&nbsp;", " ").replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"");
    plain
        .replace("&#39;", "'")
        .replace("&#x27;", "'")
        .replace("&#x2f;", "/")
        .replace("&#x2F;", "/")
        .replace("&amp;", "&")
}

fn tidy(text: &str) -> String {
    let mut lines: Vec<&str> = Vec::new();
    for line in text.lines().map(str::trim) {
        if !(line.is_empty() && lines.last().is_none_or(|last| last.is_empty())) {
            lines.push(line);
        }
    }
    lines.join("\n").trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_become_lines_and_links_keep_their_address() {
        let html = "<html><head><title>x</title><style>p { color: red }</style></head><body><h1>Hi  Ana</h1>\
            <p>Your bill &amp; more: <a href=\"https://example.com/a?b=1&amp;c=2\">pay</a>.</p><br></body></html>";
        assert_eq!(text_of_html(html), "Hi Ana\n\nYour bill & more: pay (https://example.com/a?b=1&c=2).");
    }

    #[test]
    fn broken_html_is_no_matter() {
        assert_eq!(text_of_html("a < b <"), "a");
        assert_eq!(text_of_html("<style>never ends"), "");
        assert_eq!(text_of_html(""), "");
    }
}
