//! Plain text of an HTML message, for readers without HTML. Linear, and never longer than its source allows.

/// The readable text of HTML: line breaks for blocks, `text (link)` for links, no markup.
pub fn plain_text(html: &str) -> String {
    let mut out = Writer { text: String::with_capacity(html.len() / 2), link: None, link_start: 0 };
    let mut rest = html;
    while let Some(start) = rest.find('<') {
        out.words(&rest[..start]);
        rest = out.tag(&rest[start + 1..]);
    }
    out.words(rest);
    tidy(&out.text)
}

struct Writer {
    text: String,
    link: Option<String>,
    link_start: usize,
}

impl Writer {
    // what follows the tag
    fn tag<'a>(&mut self, inner: &'a str) -> &'a str {
        if let Some(comment) = inner.strip_prefix("!--") {
            return comment.split_once("-->").map_or("", |(_, after)| after);
        }
        let closing = inner.starts_with('/');
        let named = inner.strip_prefix('/').unwrap_or(inner);
        let length = named.bytes().take_while(u8::is_ascii_alphanumeric).count();
        if length == 0 && !inner.starts_with(['!', '?']) {
            // a lone < in a text
            self.text.push('<');
            return inner;
        }
        let name = named[..length].to_ascii_lowercase();
        let end = tag_end(named);
        let attributes = named.get(length..end).unwrap_or_default();
        let after = named.get(end + 1..).unwrap_or_default();
        match (name.as_str(), closing) {
            ("script" | "style" | "head" | "title", false) => return skip_to_end(after, &name),
            ("br", _) => self.text.push('\n'),
            ("p" | "h1" | "h2" | "h3" | "h4" | "h5" | "h6" | "table" | "ul" | "ol" | "blockquote", _) => {
                self.text.push_str("\n\n");
            }
            ("div" | "tr" | "section" | "header" | "footer", _) => self.text.push('\n'),
            ("li", false) => self.text.push_str("\n- "),
            ("td" | "th", true) => self.text.push(' '),
            ("hr", _) => self.text.push_str("\n\n---\n\n"),
            ("a", false) => {
                self.link = attribute(attributes, "href").filter(|l| l.starts_with("http") || l.starts_with("mailto:"));
                self.link_start = self.text.len();
            }
            ("a", true) => self.end_link(),
            _ => {}
        }
        after
    }

    fn end_link(&mut self) {
        let Some(link) = self.link.take() else { return };
        let words = self.text.get(self.link_start..).unwrap_or_default().trim();
        let bare = link.strip_prefix("mailto:").unwrap_or(&link);
        if words.is_empty() {
            self.text.push_str(bare);
        } else if words != bare {
            self.text.push_str(" (");
            self.text.push_str(bare);
            self.text.push(')');
        }
    }

    // spaces and line ends of the source mean one space
    fn words(&mut self, source: &str) {
        let decoded = entities(source);
        if decoded.starts_with(char::is_whitespace) && !self.text.ends_with([' ', '\n']) {
            self.text.push(' ');
        }
        for (n, word) in decoded.split_ascii_whitespace().enumerate() {
            if n > 0 {
                self.text.push(' ');
            }
            self.text.push_str(word);
        }
        if decoded.ends_with(char::is_whitespace) && !self.text.ends_with([' ', '\n']) {
            self.text.push(' ');
        }
    }
}

// quotes may hide a >
fn tag_end(tag: &str) -> usize {
    let mut quote = None;
    for (at, byte) in tag.bytes().enumerate() {
        match (quote, byte) {
            (None, b'>') => return at,
            (None, b'"' | b'\'') => quote = Some(byte),
            (Some(open), byte) if open == byte => quote = None,
            _ => {}
        }
    }
    tag.len()
}

fn skip_to_end<'a>(rest: &'a str, name: &str) -> &'a str {
    let mut from = 0;
    while let Some(at) = rest.get(from..).and_then(|r| r.find("</")) {
        let named = &rest[from + at + 2..];
        if named.get(..name.len()).is_some_and(|n| n.eq_ignore_ascii_case(name)) {
            return named.split_once('>').map_or("", |(_, after)| after);
        }
        from += at + 2;
    }
    ""
}

fn attribute(attributes: &str, name: &str) -> Option<String> {
    let lower = attributes.to_ascii_lowercase();
    let at = lower.find(&format!("{name}="))? + name.len() + 1;
    let value = attributes.get(at..)?;
    let value = match value.chars().next()? {
        quote @ ('"' | '\'') => value[1..].split(quote).next()?,
        _ => value.split(char::is_whitespace).next()?,
    };
    Some(entities(value).trim().to_owned())
}

fn entities(text: &str) -> String {
    if !text.contains('&') {
        return text.to_owned();
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find('&') {
        out.push_str(&rest[..start]);
        rest = &rest[start..];
        let end = rest.bytes().take(12).position(|b| b == b';');
        match end.and_then(|end| character(&rest[1..end]).map(|c| (c, end))) {
            Some((c, end)) => {
                out.push(c);
                rest = &rest[end + 1..];
            }
            None => {
                out.push('&');
                rest = &rest[1..];
            }
        }
    }
    out.push_str(rest);
    out
}

fn character(name: &str) -> Option<char> {
    if let Some(number) = name.strip_prefix('#') {
        let code = match number.strip_prefix(['x', 'X']) {
            Some(hex) => u32::from_str_radix(hex, 16).ok()?,
            None => number.parse().ok()?,
        };
        return char::from_u32(code).filter(|c| !c.is_control());
    }
    Some(match name {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        "nbsp" => ' ',
        "ndash" => '–',
        "mdash" => '—',
        "hellip" => '…',
        "euro" => '€',
        "copy" => '©',
        "reg" => '®',
        "bull" => '•',
        "laquo" => '«',
        "raquo" => '»',
        "rsquo" => '’',
        "lsquo" => '‘',
        "ldquo" => '“',
        "rdquo" => '”',
        "auml" => 'ä',
        "ouml" => 'ö',
        "uuml" => 'ü',
        "Auml" => 'Ä',
        "Ouml" => 'Ö',
        "Uuml" => 'Ü',
        "szlig" => 'ß',
        "eacute" => 'é',
        "egrave" => 'è',
        "agrave" => 'à',
        "ccedil" => 'ç',
        "ntilde" => 'ñ',
        _ => return None,
    })
}

// at most one empty line, no spaces at line ends
fn tidy(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut empty = 0;
    for line in text.lines().map(str::trim) {
        if line.is_empty() {
            empty += 1;
            continue;
        }
        if !out.is_empty() {
            out.push_str(if empty > 0 { "\n\n" } else { "\n" });
        }
        empty = 0;
        out.push_str(line);
    }
    out.push('\n');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn html_becomes_what_a_person_reads() {
        let html = "<html><head><title>T</title><style>p{color:red}</style></head><body><h1>Hello&nbsp;J&ouml;</h1>\n\
            <p>Please <b>read</b>\n this:<br>now</p><ul><li>one</li><li>two</li></ul><script>if (a < b) {}</script>\
            <p><a href=\"https://example.com/?a=1&amp;b=2\">Shop</a> or <a href='https://example.com'>https://example.com</a>\
            </p></body></html>";
        let text = "Hello Jö\n\nPlease read this:\nnow\n\n- one\n- two\n\nShop (https://example.com/?a=1&b=2) or \
            https://example.com\n";
        assert_eq!(plain_text(html), text);
    }

    #[test]
    fn broken_markup_ends_and_keeps_the_words() {
        assert_eq!(plain_text("5 < 6 & 7 > 3 &unknown; &#0; &#x110000;"), "5 < 6 & 7 > 3 &unknown; &#0; &#x110000;\n");
        assert_eq!(plain_text("<a href=\"x"), "\n");
        assert_eq!(plain_text("<!-- never closed"), "\n");
        assert_eq!(plain_text("<style>never closed"), "\n");
        assert_eq!(plain_text("<p title=\"a>b\">x</p>é<"), "x\n\né<\n");
        assert_eq!(plain_text("<é>&é;"), "<é>&é;\n");
    }
}
