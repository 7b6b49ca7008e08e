//! A content ready to be rendered for one contact after the other.
use std::collections::{BTreeMap, BTreeSet};

use cxc_core::channel::Channel;
use cxc_core::sms::{count, smart_filter};
use minijinja::{AutoEscape, Environment, UndefinedBehavior, Value};

use super::document::{ContentBody, ContentClass};
use super::fields::Fields;
use super::plain::text_of_html;
use crate::channel::{Body, EmailBody, SmsBody};

/// What a template may cost: some ten thousand instructions.
const FUEL: u64 = 100_000;
/// A text message of more parts is refused.
const MAX_PARTS: usize = 20;

/// Why a content can't be compiled or rendered. It names fields of the template, never values.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ContentError {
    /// The template itself is wrong.
    #[error("the template can't be used: {0}")]
    Template(String),
    /// It could not be rendered for this contact.
    #[error("the message can't be made for this contact: {0}")]
    Render(String),
    /// The message is too long for a text message.
    #[error("the message takes {0} parts, more than 20")]
    TooLong(usize),
    /// The content is for another channel.
    #[error("the content is for another channel than the campaign group")]
    OtherChannel,
}

/// A compiled content.
pub struct CompiledContent {
    environment: Environment<'static>,
    fields: BTreeSet<String>,
    channel: Channel,
    class: ContentClass,
    smart_filter: bool,
    has_html: bool,
    has_text: bool,
    names_postal_address: bool,
    help: String,
    opt_out: String,
}

impl std::fmt::Debug for CompiledContent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CompiledContent").field("fields", &self.fields).finish_non_exhaustive()
    }
}

impl CompiledContent {
    /// Compiles a content for a channel; its templates are parsed, not tried.
    pub fn compile(content: &ContentBody, channel: Channel) -> Result<Self, ContentError> {
        if content.channel.channel() != channel {
            return Err(ContentError::OtherChannel);
        }
        let template = content.templates.first().ok_or_else(|| ContentError::Template("it has no template".into()))?;
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        environment.set_fuel(Some(FUEL));
        environment.set_auto_escape_callback(|name| if name == "html" { AutoEscape::Html } else { AutoEscape::None });
        let parts = [("body", &template.body), ("subject", &template.subject), ("preheader", &template.preheader), ("html", &template.html)];
        let mut fields = BTreeSet::new();
        for (name, text) in parts {
            environment.add_template_owned(name, text.clone()).map_err(template_error)?;
            fields.extend(environment.get_template(name).map_err(template_error)?.undeclared_variables(false));
        }
        Ok(Self {
            environment,
            names_postal_address: fields.contains("postal_address"),
            fields,
            channel,
            class: content.class,
            smart_filter: content.smart_filter,
            has_html: !template.html.trim().is_empty(),
            has_text: !template.body.trim().is_empty(),
            help: content.help_text.clone(),
            opt_out: content.opt_out_text.clone(),
        })
    }

    /// The fields that it names.
    pub fn fields(&self) -> &BTreeSet<String> {
        &self.fields
    }

    /// What somebody who asks for help is answered, if the content says.
    pub fn help_text(&self) -> Option<&str> {
        Some(self.help.as_str()).filter(|t| !t.is_empty())
    }

    /// What somebody who opts out is answered, if the content says.
    pub fn opt_out_text(&self) -> Option<&str> {
        Some(self.opt_out.as_str()).filter(|t| !t.is_empty())
    }

    /// The message for one contact.
    pub fn render(&self, fields: &Fields<'_>) -> Result<Body, ContentError> {
        let values: BTreeMap<&str, Value> =
            self.fields.iter().filter_map(|name| fields.get(name).map(|value| (name.as_str(), value))).collect();
        match self.channel {
            Channel::Email => self.email(&values, fields),
            Channel::Sms | Channel::Voice => self.sms(&values),
        }
    }

    fn sms(&self, values: &BTreeMap<&str, Value>) -> Result<Body, ContentError> {
        let text = self.part("body", values)?;
        let text = if self.smart_filter { smart_filter(&text) } else { text };
        let parts = count(&text).parts;
        match u16::try_from(parts) {
            Ok(0) => Err(ContentError::Render("it is empty".into())),
            Ok(number) if parts <= MAX_PARTS => Ok(Body::Sms(SmsBody { text, parts: number })),
            _ => Err(ContentError::TooLong(parts)),
        }
    }

    fn email(&self, values: &BTreeMap<&str, Value>, fields: &Fields<'_>) -> Result<Body, ContentError> {
        let mut html = if self.has_html { self.part("html", values)? } else { String::new() };
        let mut text = if self.has_text { self.part("body", values)? } else { text_of_html(&html) };
        let marketing = self.class == ContentClass::Marketing;
        if marketing && !self.names_postal_address && !fields.postal_address.is_empty() {
            add_postal_address(&mut html, &mut text, fields.postal_address);
        }
        let headers = if marketing {
            vec![
                ("List-Unsubscribe".to_owned(), format!("<{}>", fields.unsubscribe_url)),
                ("List-Unsubscribe-Post".to_owned(), "List-Unsubscribe=One-Click".to_owned()),
            ]
        } else {
            Vec::new()
        };
        Ok(Body::Email(Box::new(EmailBody {
            from_name: fields.from_name.to_owned(),
            reply_to: fields.reply_to.map(ToOwned::to_owned),
            subject: one_line(&self.part("subject", values)?),
            preheader: one_line(&self.part("preheader", values)?),
            html,
            text,
            headers,
        })))
    }

    fn part(&self, name: &str, values: &BTreeMap<&str, Value>) -> Result<String, ContentError> {
        let template = self.environment.get_template(name).map_err(template_error)?;
        template.render(values).map_err(|error| ContentError::Render(brief(&error)))
    }
}

fn template_error(error: minijinja::Error) -> ContentError {
    ContentError::Template(brief(&error))
}

/// The error without the values that were rendered.
fn brief(error: &minijinja::Error) -> String {
    let detail = error.detail().map(|d| format!(": {d}")).unwrap_or_default();
    let line = error.line().map(|l| format!(" in line {l}")).unwrap_or_default();
    let what = if error.kind() == minijinja::ErrorKind::UndefinedError { "a field is empty and has no default".into() } else { error.kind().to_string() };
    format!("{what}{detail}{line}")
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn add_postal_address(html: &mut String, text: &mut String, address: &str) {
    text.push_str("\n\n");
    text.push_str(address);
    if html.is_empty() {
        return;
    }
    let escaped = address.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('\n', "<br>");
    let footer = format!("<p style=\"font-size:small\">{escaped}</p>");
    let at = html.rfind("</body>").unwrap_or(html.len());
    html.insert_str(at, &footer);
}
