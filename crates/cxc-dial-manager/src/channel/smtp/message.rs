//! Writes an email message for the wire: headers, plain text and HTML, dots doubled.
use std::time::{Duration, UNIX_EPOCH};

use cxc_core::Micros;
use lettre::Address;
use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox, Message, MultiPart, SinglePart};

use crate::channel::{EmailBody, GENERAL_ERROR, OutMessage, Outcome, WRONG_NUMBER};

/// The final dot, after a line break.
const END: &[u8] = b".\r\n";
/// An email message of cxc is never larger, bytes.
const SIZE_LIMIT: usize = 20 * 1024 * 1024;

/// The message as it goes after DATA, with the final dot; or the outcome of one that can't be written.
pub(super) fn write(message: &OutMessage, body: &EmailBody, now: Micros) -> Result<Vec<u8>, Outcome> {
    one_line("from", &message.from)?;
    one_line("to", &message.to)?;
    let from = address(&message.from, GENERAL_ERROR)?;
    let to = address(&message.to, WRONG_NUMBER)?;
    let mail = build(message, body, from, to, now)?;
    let text = mail.formatted();
    if text.len() > SIZE_LIMIT {
        return Err(Outcome::refused(GENERAL_ERROR, "an email has 20 MB at most"));
    }
    Ok(double_dots(&text))
}

fn build(message: &OutMessage, body: &EmailBody, from: Address, to: Address, now: Micros) -> Result<Message, Outcome> {
    let reference = &message.reference;
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_');
    if reference.is_empty() || reference.len() > 40 || !reference.bytes().all(plain) {
        return Err(Outcome::refused(GENERAL_ERROR, "a reference has 1 to 40 letters, digits, dots or dashes"));
    }
    one_line("fromName", &body.from_name)?;
    one_line("subject", &body.subject)?;
    let id = format!("<{reference}@{}>", from.domain());
    let name = Some(body.from_name.clone()).filter(|n| !n.is_empty());
    let micros = u64::try_from(now).unwrap_or(0);
    let mut builder = Message::builder()
        .from(Mailbox::new(name, from))
        .to(Mailbox::new(None, to))
        .date(UNIX_EPOCH + Duration::from_micros(micros))
        .message_id(Some(id))
        .subject(body.subject.as_str());
    if let Some(reply_to) = &body.reply_to {
        one_line("replyTo", reply_to)?;
        builder = builder.reply_to(Mailbox::new(None, address(reply_to, GENERAL_ERROR)?));
    }
    for (name, value) in &body.headers {
        builder = builder.raw_header(header(name, value)?);
    }
    let mail = match (body.html.is_empty(), body.text.is_empty()) {
        (true, _) => builder.singlepart(SinglePart::plain(with_crlf(&body.text))),
        (false, true) => builder.singlepart(SinglePart::html(with_crlf(&with_preheader(body)))),
        (false, false) => {
            let html = with_crlf(&with_preheader(body));
            builder.multipart(MultiPart::alternative_plain_html(with_crlf(&body.text), html))
        }
    };
    mail.map_err(|error| Outcome::refused(GENERAL_ERROR, format!("the email can't be written: {error}")))
}

// lettre would fold a line break in, but a value with one is an attack or a mistake
fn one_line(field: &str, value: &str) -> Result<(), Outcome> {
    if value.contains(['\r', '\n', '\0']) {
        return Err(Outcome::refused(GENERAL_ERROR, format!("{field} has no line break")));
    }
    Ok(())
}

fn address(text: &str, result: i16) -> Result<Address, Outcome> {
    text.parse().map_err(|_| Outcome::refused(result, "an email address looks like name@example.com"))
}

fn header(name: &str, value: &str) -> Result<HeaderValue, Outcome> {
    one_line("header", value)?;
    let good = !name.is_empty() && name.len() <= 76 && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    let name = HeaderName::new_from_ascii(name.to_owned()).ok().filter(|_| good);
    let name = name.ok_or_else(|| Outcome::refused(GENERAL_ERROR, "a header's name has letters, digits and dashes"))?;
    if value.is_ascii() && value.len() <= 900 {
        // a link must not be folded in the middle
        return Ok(HeaderValue::dangerous_new_pre_encoded(name, value.to_owned(), value.to_owned()));
    }
    Ok(HeaderValue::new(name, value.to_owned()))
}

// hidden text that mail programs show beside the subject
fn with_preheader(body: &EmailBody) -> String {
    if body.preheader.is_empty() {
        return body.html.clone();
    }
    let hidden = format!(
        "<div style=\"display:none;max-height:0;overflow:hidden\">{}</div>",
        body.preheader.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
    );
    let at = after_body_tag(&body.html);
    format!("{}{hidden}{}", &body.html[..at], &body.html[at..])
}

fn after_body_tag(html: &str) -> usize {
    let start = html.as_bytes().windows(5).position(|w| w.eq_ignore_ascii_case(b"<body"));
    start.and_then(|s| html[s..].find('>').map(|e| s + e + 1)).unwrap_or(0)
}

// lettre would insert each CR by moving the rest of the text: quadratic
fn with_crlf(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + text.len() / 32);
    for line in text.split_inclusive('\n') {
        match line.strip_suffix('\n') {
            Some(bare) => {
                out.push_str(bare.strip_suffix('\r').unwrap_or(bare));
                out.push_str("\r\n");
            }
            None => out.push_str(line),
        }
    }
    out
}

fn double_dots(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len() + text.len() / 64 + 8);
    for line in text.split_inclusive(|b| *b == b'\n') {
        if line.first() == Some(&b'.') {
            out.push(b'.');
        }
        out.extend_from_slice(line);
    }
    if !out.ends_with(b"\r\n") {
        out.extend_from_slice(b"\r\n");
    }
    out.extend_from_slice(END);
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::channel::Body;

    fn message() -> OutMessage {
        OutMessage {
            attempt: 1,
            reference: "a1b2.3".into(),
            from: "campaign@example.com".into(),
            to: "jo@example.org".into(),
            body: Body::Email(Box::default()),
        }
    }

    fn email() -> EmailBody {
        EmailBody {
            subject: "Hi".into(),
            text: "Hello\n.hidden dot".into(),
            html: "<p>Hello</p>".into(),
            ..EmailBody::default()
        }
    }

    fn text(message: &OutMessage, body: &EmailBody) -> String {
        String::from_utf8(write(message, body, 1_700_000_000_000_000).unwrap()).unwrap()
    }

    #[test]
    fn the_message_carries_our_reference_and_the_date_that_was_handed_in() {
        let text = text(&message(), &email());
        assert!(text.contains("Message-ID: <a1b2.3@example.com>\r\n"), "{text}");
        assert!(text.contains("Date: Tue, 14 Nov 2023 22:13:20 +0000\r\n"), "{text}");
        assert!(text.contains("multipart/alternative"), "{text}");
    }

    #[test]
    fn a_leading_dot_is_doubled_and_one_dot_ends_the_message() {
        let text = text(&message(), &email());
        assert!(text.contains("\r\n..hidden dot"), "{text}");
        assert!(text.ends_with("\r\n.\r\n") && text.matches("\r\n.\r\n").count() == 1, "{text}");
    }

    #[test]
    fn a_line_break_in_any_field_is_refused() {
        let evil = "x\r\nBcc: victim@example.com";
        let mut messages = vec![];
        for field in 0..6 {
            let (mut m, mut b) = (message(), email());
            match field {
                0 => b.subject = evil.into(),
                1 => b.from_name = evil.into(),
                2 => b.reply_to = Some(evil.into()),
                3 => b.headers.push(("List-Unsubscribe".into(), evil.into())),
                4 => m.to = evil.into(),
                _ => m.from = evil.into(),
            }
            messages.push(write(&m, &b, 0));
        }
        assert!(messages.iter().all(|m| matches!(m, Err(Outcome::Rejected { .. }))), "{messages:?}");
        let (m, mut b) = (message(), email());
        b.headers.push((evil.into(), "x".into()));
        assert!(write(&m, &b, 0).is_err());
    }

    #[test]
    fn a_subject_beyond_ascii_is_encoded_and_the_headers_stay_ascii() {
        let mut body = email();
        body.subject = "Grüße aus Köln 🎉".into();
        body.from_name = "Müller & Söhne".into();
        let text = text(&message(), &body);
        assert!(text.is_ascii() && text.contains("Subject: =?utf-8?"), "{text}");
    }

    #[test]
    fn an_unsubscribe_link_stays_whole_on_one_line() {
        let mut body = email();
        let link = format!("<https://example.com/u/{}>", "a".repeat(200));
        body.headers.push(("List-Unsubscribe".into(), link.clone()));
        assert!(text(&message(), &body).contains(&format!("List-Unsubscribe: {link}\r\n")));
    }

    #[test]
    fn a_preheader_comes_first_in_the_body_and_can_not_bring_markup() {
        let mut body = email();
        body.html = "<html><body class=x><p>Hello</p></body></html>".into();
        body.preheader = "5 < 6".into();
        let html = with_preheader(&body);
        assert!(html.starts_with("<html><body class=x><div style=") && html.contains("5 &lt; 6</div><p>"), "{html}");
    }

    #[test]
    fn line_ends_become_crlf_once() {
        assert_eq!(with_crlf("a\nb\r\nc\n\nd"), "a\r\nb\r\nc\r\n\r\nd");
    }

    #[test]
    fn a_broken_address_is_a_wrong_number() {
        let mut message = message();
        message.to = "nobody".into();
        assert!(matches!(write(&message, &email(), 0), Err(Outcome::Rejected { result: WRONG_NUMBER, .. })));
    }
}
