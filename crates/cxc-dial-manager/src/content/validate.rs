//! What a content must be.
use cxc_core::channel::Channel;
use cxc_core::field_error::FieldError;
use cxc_core::sms::{MAX_PARTS, count};

use super::compiled::{CompiledContent, sources, too_many};
use super::document::{Content, ContentClass, ContentKind, Template};
use super::{UNSUBSCRIBE_URL, syntax};

const SMS_LIMIT: usize = 10_000;
const SUBJECT_LIMIT: usize = 500;
const EMAIL_LIMIT: usize = 1024 * 1024;
const DEFAULTS_LIMIT: usize = 200;
const DEFAULT_LENGTH: usize = 1_000;

pub(super) fn problems(content: &Content) -> Vec<FieldError> {
    let mut found = Vec::new();
    frame(content, &mut found);
    if let Some(template) = content.templates.first() {
        match content.channel {
            Channel::Sms => sms(content, template, &mut found),
            Channel::Email => email(content, template, &mut found),
            Channel::Voice => {}
        }
    }
    found.extend(sources(content).iter().filter_map(|(_, pointer, source)| syntax::check(source, pointer).err()));
    if found.is_empty() {
        // only a content of the right form is parsed
        match CompiledContent::new(content) {
            Err(problems) => found.extend(problems),
            Ok(compiled) => duties(content, &compiled, &mut found),
        }
    }
    found
}

fn frame(content: &Content, found: &mut Vec<FieldError>) {
    if content.channel == Channel::Voice {
        found.push(FieldError::new("/channel", "not_applicable", "content is for sms or email"));
    }
    if content.kind == ContentKind::Variable {
        let detail = "templates chosen by expressions are not available yet: use kind alert";
        found.push(FieldError::new("/kind", "not_available", detail));
    } else if content.templates.len() != 1 {
        found.push(FieldError::new("/templates", "one_template", "a content of kind alert has one template"));
    }
    if content.templates.iter().any(|t| t.expression.is_some()) {
        let detail = "templates chosen by expressions are not available yet";
        found.push(FieldError::new("/templates/0/expression", "not_available", detail));
    }
    let names = content.defaults.keys().all(|name| super::placeholder_name(name) == *name && !name.is_empty());
    let lengths = content.defaults.values().all(|text| text.chars().count() <= DEFAULT_LENGTH);
    if content.defaults.len() > DEFAULTS_LIMIT || !names || !lengths {
        let detail = "defaults are up to 200 texts of up to 1000 characters by placeholder, such as first_name";
        found.push(FieldError::new("/defaults", "bad_default", detail));
    }
    let answers = [(&content.help_text, "/helpText"), (&content.opt_out_text, "/optOutText")];
    for (text, pointer) in answers {
        let good = text.as_deref().is_none_or(|t| !t.trim().is_empty() && t.len() <= SMS_LIMIT);
        let fits = text.is_none() || content.channel == Channel::Sms;
        if !good || !fits {
            found.push(FieldError::new(pointer, "bad_text", "an SMS content may have an answer of 1 to 10000 bytes"));
        }
    }
}

fn sms(content: &Content, template: &Template, found: &mut Vec<FieldError>) {
    if template.body.trim().is_empty() || template.body.len() > SMS_LIMIT {
        let detail = "the text of an SMS has 1 to 10000 bytes";
        found.push(FieldError::new("/templates/0/body", "bad_text", detail));
    }
    if !(1..=MAX_PARTS).contains(&usize::from(content.max_parts)) {
        found.push(FieldError::new("/maxParts", "out_of_range", "a message may have 1 to 255 parts"));
    }
    // what has placeholders is known when it is rendered
    let parts = count(&template.body).parts;
    if !template.body.contains('{') && parts > usize::from(content.max_parts) {
        let detail = too_many(parts, content.max_parts);
        found.push(FieldError::new("/templates/0/body", "too_many_parts", detail));
    }
    let others = [(&template.subject, "subject"), (&template.preheader, "preheader"), (&template.html, "html")];
    for (text, name) in others {
        if !text.is_empty() {
            let detail = format!("an SMS has no {name}");
            found.push(FieldError::new(format!("/templates/0/{name}"), "not_applicable", detail));
        }
    }
}

fn email(content: &Content, template: &Template, found: &mut Vec<FieldError>) {
    if template.html.trim().is_empty() && template.body.trim().is_empty() {
        found.push(FieldError::new("/templates/0/html", "required", "an email has HTML, plain text or both"));
    }
    for (text, name) in [(&template.html, "html"), (&template.body, "body")] {
        if text.len() > EMAIL_LIMIT {
            found.push(FieldError::new(format!("/templates/0/{name}"), "too_long", "a part has up to 1 MiB"));
        }
    }
    let one_line = |text: &str, limit: usize| text.len() <= limit && !text.contains(char::is_control);
    if template.subject.trim().is_empty() || !one_line(&template.subject, SUBJECT_LIMIT) {
        let detail = "a subject has 1 to 500 bytes on one line";
        found.push(FieldError::new("/templates/0/subject", "bad_text", detail));
    }
    if !one_line(&template.preheader, SUBJECT_LIMIT) {
        let detail = "a preheader has up to 500 bytes on one line";
        found.push(FieldError::new("/templates/0/preheader", "bad_text", detail));
    }
    if !content.from_name.as_deref().is_none_or(|name| one_line(name, 100)) {
        found.push(FieldError::new("/fromName", "bad_text", "a sender's name has up to 100 bytes on one line"));
    }
    if content.reply_to.as_deref().is_some_and(|a| a.parse::<lettre::Address>().is_err()) {
        found.push(FieldError::new("/replyTo", "bad_email", "an email address looks like name@example.com"));
    }
}

// every part of a marketing email that a person may read holds the link
fn duties(content: &Content, compiled: &CompiledContent, found: &mut Vec<FieldError>) {
    let Some(template) = content.templates.first() else { return };
    if content.channel != Channel::Email || content.class != ContentClass::Marketing {
        return;
    }
    for (name, source) in [("html", &template.html), ("body", &template.body)] {
        if !source.trim().is_empty() && !compiled.uses(name, UNSUBSCRIBE_URL) {
            let detail = "marketing email holds {{ unsubscribe_url }}";
            found.push(FieldError::new(format!("/templates/0/{name}"), "unsubscribe_link_missing", detail));
        }
    }
}
