//! Contents as people write them.
use cxc_core::channel::Channel;
use cxc_store::contact::{Contact, Device, FullContact};
use serde_json::json;

use super::*;
use crate::channel::Body;

fn content(value: serde_json::Value) -> ContentBody {
    serde_json::from_value(value).unwrap()
}

fn ana() -> FullContact {
    FullContact {
        contact: Contact {
            id: 1,
            first_name: Some("Ana <b>".into()),
            custom: Some(r#"{"c_other1":"7 May","Due date (EUR)":"12,50","empty":""}"#.into()),
            ..Contact::default()
        },
        devices: vec![Device { contact: 1, position: 1, kind: 2, address: "ana@example.com".into(), ..Device::default() }],
    }
}

fn render(body: &ContentBody) -> Result<Body, ContentError> {
    let contact = ana();
    let compiled = CompiledContent::compile(body, body.channel.channel())?;
    let mut fields = Fields::new(&contact, &contact.devices[0], wants_custom(compiled.fields().iter()));
    fields.unsubscribe_url = "https://cxc.example.com/unsubscribe/x";
    fields.postal_address = "1 Main St\nSpringfield";
    compiled.render(&fields)
}

fn sms(text: &str) -> ContentBody {
    content(json!({ "channel": "sms", "templates": [{ "body": text }] }))
}

fn text(body: &Body) -> &str {
    match body {
        Body::Sms(sms) => &sms.text,
        Body::Email(email) => &email.text,
    }
}

#[test]
fn a_text_message_names_fields_and_defaults() {
    let body = render(&sms("Hi {{ first_name }}, {{ due_date_eur }} by {{ c_other1 }}{{ nobody | default('!') }} {{ empty | default('-') }}")).unwrap();
    assert_eq!(text(&body), "Hi Ana <b>, 12,50 by 7 May! -");
}

#[test]
fn an_empty_field_without_a_default_is_an_error_without_its_values() {
    let error = render(&sms("{{ empty }}")).unwrap_err();
    assert!(error.to_string().contains("a field is empty and has no default"), "{error}");
    assert!(matches!(render(&sms("{{ first_name")), Err(ContentError::Template(_))));
}

#[test]
fn a_template_can_not_run_for_ever() {
    let endless = "{% for a in range(9999) %}{% for b in range(9999) %}x{% endfor %}{% endfor %}";
    assert!(matches!(render(&sms(endless)), Err(ContentError::Render(_))));
}

#[test]
fn marketing_email_offers_to_unsubscribe_and_names_the_sender() {
    let template = json!({ "subject": "Hi {{ first_name }}", "html": "<body><p>{{ first_name }} <a href='{{ unsubscribe_url }}'>stop</a></p></body>" });
    let body = content(json!({ "channel": "email", "templates": [template] }));
    assert!(body.validate().is_empty(), "{:?}", body.validate());
    let Body::Email(email) = render(&body).unwrap() else { panic!("an email") };
    assert!(email.html.contains("Ana &lt;b&gt;"), "fields are escaped in HTML: {}", email.html);
    assert!(email.html.contains("1 Main St<br>Springfield</p></body>"), "{}", email.html);
    assert!(email.text.contains("stop (https://cxc.example.com/unsubscribe/x)"), "{}", email.text);
    assert_eq!(email.headers[0], ("List-Unsubscribe".into(), "<https://cxc.example.com/unsubscribe/x>".into()));
    assert_eq!(email.headers[1].1, "List-Unsubscribe=One-Click");
}

#[test]
fn marketing_email_without_a_link_is_refused() {
    let body = content(json!({ "channel": "email", "templates": [{ "subject": "x", "html": "<p>buy</p>" }] }));
    assert_eq!(body.validate()[0].code, "unsubscribe_missing");
    let body = content(json!({ "channel": "email", "class": "transactional", "templates": [{ "subject": "x", "html": "<p>paid</p>" }] }));
    assert!(body.validate().is_empty());
}

#[test]
fn a_content_is_for_its_own_channel() {
    assert_eq!(CompiledContent::compile(&sms("x"), Channel::Email).unwrap_err(), ContentError::OtherChannel);
    let body = content(json!({ "channel": "sms", "templates": [{ "body": "x", "subject": "y" }] }));
    assert_eq!(body.validate()[0].code, "not_for_sms");
}

#[test]
fn the_smart_filter_saves_parts() {
    let dear = "Dear customer… “hello” – ".repeat(6);
    let Body::Sms(filtered) = render(&sms(&dear)).unwrap() else { panic!("a text") };
    let raw = content(json!({ "channel": "sms", "smartFilter": false, "templates": [{ "body": dear }] }));
    let Body::Sms(raw) = render(&raw).unwrap() else { panic!("a text") };
    assert!(filtered.parts < raw.parts);
}
