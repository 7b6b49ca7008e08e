//! A content that is ready for rendering: parsed once, rendered for each contact.
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use cxc_core::channel::Channel;
use cxc_core::field_error::FieldError;
use cxc_core::sms;
use minijinja::{AutoEscape, Environment, ErrorKind, UndefinedBehavior, Value, filters, tests};

use super::document::{Content, ContentClass};
use super::fields::{Fields, column_of};
use super::plain_text::plain_text;
use super::{POSTAL_ADDRESS, UNSUBSCRIBE_URL};
use crate::channel::{Body, EmailBody, SmsBody};

/// Steps of one rendering.
const FUEL: u64 = 50_000;
/// A rendered part is never longer, bytes.
const OUTPUT_LIMIT: usize = 4 * 1024 * 1024;

const BODY: &str = "body";
const SUBJECT: &str = "subject";
const PREHEADER: &str = "preheader";
const HTML: &str = "html";
const HELP: &str = "helpText";
const OPT_OUT: &str = "optOutText";

/// The parts of a content, and where they stand in its document.
const PLACES: [(&str, &str); 6] = [
    (BODY, "/templates/0/body"),
    (SUBJECT, "/templates/0/subject"),
    (PREHEADER, "/templates/0/preheader"),
    (HTML, "/templates/0/html"),
    (HELP, "/helpText"),
    (OPT_OUT, "/optOutText"),
];

/// Why a content can't be rendered for a contact. Ends the record with reason `content_error`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ContentError {
    /// A field, by its placeholder, is empty and has no default.
    #[error("{0}: the contact has no `{1}`, or it is empty, and it has no default")]
    MissingField(&'static str, String),
    /// The result is empty, too long, or took too many steps.
    #[error("{0}: {1}")]
    Unusable(&'static str, String),
    /// Marketing email without the link or the address.
    #[error("marketing email holds {0}")]
    Incomplete(&'static str),
}

impl ContentError {
    /// The member of the content that can't be rendered.
    pub fn pointer(&self) -> &'static str {
        let (Self::MissingField(name, _) | Self::Unusable(name, _)) = self else { return "/templates/0" };
        PLACES.iter().find(|(part, _)| part == name).map_or("/templates/0", |(_, pointer)| pointer)
    }
}

/// What belongs to the message rather than to the contact.
#[derive(Debug, Clone, Default)]
pub struct Placement {
    /// The one-click link of this message: see [`super::UnsubscribeLink`].
    pub unsubscribe_url: Option<String>,
    /// The sender's postal address, of the account.
    pub postal_address: Option<Arc<str>>,
    /// The account's display name, if the content has none.
    pub from_name: Option<Arc<str>>,
    /// The account's reply address, if the content has none.
    pub reply_to: Option<Arc<str>>,
}

/// A content, parsed.
pub struct CompiledContent {
    environment: Environment<'static>,
    channel: Channel,
    marketing: bool,
    smart_filter: bool,
    max_parts: u16,
    from_name: Option<String>,
    reply_to: Option<String>,
    defaults: Arc<BTreeMap<String, String>>,
    used: BTreeSet<String>,
    places_address: bool,
}

impl CompiledContent {
    pub(super) fn new(content: &Content) -> Result<Self, Vec<FieldError>> {
        let mut environment = environment();
        let mut used = BTreeSet::new();
        let mut problems = Vec::new();
        for (name, pointer, source) in sources(content) {
            if let Err(error) = environment.add_template_owned(name, source.to_owned()) {
                let line = error.line().unwrap_or(1);
                problems.push(FieldError::new(pointer, "template_syntax", format!("line {line}: {}", reason(&error))));
                continue;
            }
            if let Ok(template) = environment.get_template(name) {
                used.extend(template.undeclared_variables(false));
            }
        }
        if !problems.is_empty() {
            return Err(problems);
        }
        let columns: Vec<String> = used.iter().filter_map(|name| column_of(name)).collect();
        used.extend(columns);
        Ok(Self {
            environment,
            channel: content.channel,
            marketing: content.class == ContentClass::Marketing,
            smart_filter: content.smart_filter,
            max_parts: content.max_parts,
            from_name: content.from_name.clone(),
            reply_to: content.reply_to.clone(),
            defaults: Arc::new(content.defaults.clone()),
            places_address: used.contains(POSTAL_ADDRESS),
            used,
        })
    }

    /// The channel it is for.
    pub fn channel(&self) -> Channel {
        self.channel
    }

    /// Its class as it is written, which tells the purpose of a campaign where nobody said it.
    pub fn class(&self) -> &'static str {
        if self.marketing { ContentClass::Marketing } else { ContentClass::Transactional }.as_str()
    }

    /// The placeholders of fields that any of its texts uses: only these need to be fetched.
    pub fn fields(&self) -> impl Iterator<Item = &str> {
        self.used.iter().map(String::as_str).filter(|name| ![UNSUBSCRIBE_URL, POSTAL_ADDRESS].contains(name))
    }

    /// Whether its messages need an unsubscribe link.
    pub fn needs_link(&self) -> bool {
        self.used.contains(UNSUBSCRIBE_URL) || (self.marketing && self.channel == Channel::Email)
    }

    /// Whether its messages need the sender's postal address.
    pub fn needs_postal_address(&self) -> bool {
        self.places_address || (self.marketing && self.channel == Channel::Email)
    }

    pub(super) fn uses(&self, name: &'static str, variable: &str) -> bool {
        self.environment.get_template(name).is_ok_and(|t| t.undeclared_variables(false).contains(variable))
    }

    /// The message for one contact.
    pub fn render(&self, fields: Fields, placement: &Placement) -> Result<Body, ContentError> {
        let context = self.context(fields, placement);
        match self.channel {
            Channel::Email => self.email(&context, placement).map(|body| Body::Email(Box::new(body))),
            _ => self.sms(BODY, &context).map(Body::Sms),
        }
    }

    /// The answer to HELP; `None` if the content has none.
    pub fn render_help(&self, fields: Fields) -> Option<Result<SmsBody, ContentError>> {
        self.answer(HELP, fields)
    }

    /// The confirmation of an opt-out; `None` if the content has none.
    pub fn render_opt_out(&self, fields: Fields) -> Option<Result<SmsBody, ContentError>> {
        self.answer(OPT_OUT, fields)
    }

    fn answer(&self, name: &'static str, fields: Fields) -> Option<Result<SmsBody, ContentError>> {
        self.environment.get_template(name).ok()?;
        Some(self.sms(name, &self.context(fields, &Placement::default())))
    }

    fn context(&self, mut fields: Fields, placement: &Placement) -> Value {
        fields.defaults = self.defaults.clone();
        if let Some(url) = &placement.unsubscribe_url {
            fields.links.push((UNSUBSCRIBE_URL, url.clone()));
        }
        if let (true, Some(address)) = (self.places_address, &placement.postal_address) {
            fields.push(POSTAL_ADDRESS.into(), address.to_string());
        }
        Value::from_object(fields)
    }

    fn part(&self, name: &'static str, context: &Value) -> Result<String, ContentError> {
        let Ok(template) = self.environment.get_template(name) else { return Ok(String::new()) };
        let text = template.render(context.clone()).map_err(|error| match error.kind() {
            ErrorKind::UndefinedError => {
                let missed = context.downcast_object_ref::<Fields>().map(Fields::missed);
                ContentError::MissingField(name, missed.unwrap_or_default())
            }
            _ => ContentError::Unusable(name, reason(&error)),
        })?;
        if text.len() > OUTPUT_LIMIT {
            return Err(ContentError::Unusable(name, "longer than 4 MB".into()));
        }
        Ok(text)
    }

    fn sms(&self, name: &'static str, context: &Value) -> Result<SmsBody, ContentError> {
        let mut text = self.part(name, context)?;
        if self.smart_filter {
            text = sms::smart_filter(&text);
        }
        match sms::count(&text).parts {
            0 => Err(ContentError::Unusable(name, "empty".into())),
            parts => match u16::try_from(parts).ok().filter(|parts| *parts <= self.max_parts) {
                Some(parts) => Ok(SmsBody { parts, text }),
                None => Err(ContentError::Unusable(name, too_many(parts, self.max_parts))),
            },
        }
    }

    fn email(&self, context: &Value, placement: &Placement) -> Result<EmailBody, ContentError> {
        let mut html = self.part(HTML, context)?;
        let mut text = self.part(BODY, context)?;
        if text.trim().is_empty() && !html.is_empty() {
            text = plain_text(&html);
        }
        if text.trim().is_empty() && html.trim().is_empty() {
            return Err(ContentError::Unusable(BODY, "empty".into()));
        }
        let subject = on_one_line(self.part(SUBJECT, context)?);
        if subject.is_empty() {
            return Err(ContentError::Unusable(SUBJECT, "empty".into()));
        }
        let mut headers = Vec::new();
        if self.marketing {
            let url = placement.unsubscribe_url.as_deref().unwrap_or_default();
            // whatever the template's choices are, every reader finds the link
            let shown = |part: &str| part.is_empty() || part.contains(url);
            if url.is_empty() || !shown(&html) || !shown(&text) {
                return Err(ContentError::Incomplete("an unsubscribe link"));
            }
            headers.push(("List-Unsubscribe".to_owned(), format!("<{url}>")));
            headers.push(("List-Unsubscribe-Post".to_owned(), "List-Unsubscribe=One-Click".to_owned()));
            let address = placement.postal_address.as_deref().filter(|a| !a.trim().is_empty());
            let address = address.ok_or(ContentError::Incomplete("the sender's postal address"))?;
            if !self.places_address {
                add_footer(&mut html, &mut text, address);
            }
        }
        Ok(EmailBody {
            from_name: on_one_line(
                choose(self.from_name.as_deref(), placement.from_name.as_deref()).unwrap_or_default(),
            ),
            reply_to: choose(self.reply_to.as_deref(), placement.reply_to.as_deref()),
            subject,
            preheader: on_one_line(self.part(PREHEADER, context)?),
            html,
            text,
            headers,
        })
    }
}

/// Says that a message has too many parts.
pub(super) fn too_many(parts: usize, most: u16) -> String {
    format!("it takes {parts} parts, and this content allows {most}: shorten it, or raise maxParts")
}

impl std::fmt::Debug for CompiledContent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CompiledContent").field("channel", &self.channel).finish_non_exhaustive()
    }
}

/// The texts of a content with their names and places.
pub(super) fn sources(content: &Content) -> Vec<(&'static str, &'static str, &str)> {
    let mut found = Vec::new();
    if let Some(template) = content.templates.first() {
        found.push((BODY, "/templates/0/body", template.body.as_str()));
        found.push((SUBJECT, "/templates/0/subject", template.subject.as_str()));
        found.push((PREHEADER, "/templates/0/preheader", template.preheader.as_str()));
        found.push((HTML, "/templates/0/html", template.html.as_str()));
    }
    found.push((HELP, "/helpText", content.help_text.as_deref().unwrap_or_default()));
    found.push((OPT_OUT, "/optOutText", content.opt_out_text.as_deref().unwrap_or_default()));
    found.retain(|(_, _, source)| !source.is_empty());
    found
}

// exactly the filters and tests of `syntax`
fn environment() -> Environment<'static> {
    let mut environment = Environment::empty();
    environment.set_undefined_behavior(UndefinedBehavior::SemiStrict);
    environment.set_fuel(Some(FUEL));
    environment.set_recursion_limit(100);
    environment.set_debug(false);
    environment.set_auto_escape_callback(|name| if name == HTML { AutoEscape::Html } else { AutoEscape::None });
    environment.add_filter("upper", filters::upper);
    environment.add_filter("lower", filters::lower);
    environment.add_filter("title", filters::title);
    environment.add_filter("capitalize", filters::capitalize);
    environment.add_filter("trim", filters::trim);
    environment.add_filter("default", filters::default);
    environment.add_filter("d", filters::default);
    environment.add_filter("length", filters::length);
    environment.add_filter("int", filters::int);
    environment.add_filter("float", filters::float);
    environment.add_filter("round", filters::round);
    environment.add_test("defined", tests::is_defined);
    environment.add_test("undefined", tests::is_undefined);
    environment.add_test("startingwith", tests::is_startingwith);
    environment.add_test("endingwith", tests::is_endingwith);
    environment
}

fn reason(error: &minijinja::Error) -> String {
    // the kind and our own template's words, not a contact's
    match error.detail() {
        Some(detail) if error.kind() == ErrorKind::SyntaxError => detail.chars().take(200).collect(),
        _ => error.kind().to_string(),
    }
}

fn choose(own: Option<&str>, account: Option<&str>) -> Option<String> {
    own.or(account).filter(|text| !text.is_empty()).map(str::to_owned)
}

// a field's line break would otherwise begin a new header
fn on_one_line(text: String) -> String {
    if !text.contains(char::is_control) && text.trim().len() == text.len() {
        return text;
    }
    text.split(char::is_control).map(str::trim).filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ")
}

fn add_footer(html: &mut String, text: &mut String, address: &str) {
    if !html.is_empty() {
        let mut escaped = String::with_capacity(address.len() + 80);
        for c in address.trim().chars() {
            match c {
                '&' => escaped.push_str("&amp;"),
                '<' => escaped.push_str("&lt;"),
                '>' => escaped.push_str("&gt;"),
                '\n' => escaped.push_str("<br>"),
                c => escaped.push(c),
            }
        }
        let footer = format!("<p style=\"font-size:12px;color:#666\">{escaped}</p>");
        let end = html.as_bytes().windows(7).rposition(|w| w.eq_ignore_ascii_case(b"</body>"));
        html.insert_str(end.unwrap_or(html.len()), &footer);
    }
    if !text.is_empty() {
        text.push_str("\n\n-- \n");
        text.push_str(address.trim());
        text.push('\n');
    }
}
