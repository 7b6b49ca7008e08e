use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::*;
use crate::channel::{Body, EmailBody, SmsBody};

const LINK: &str = "https://example.com/unsubscribe/AQ";

fn content(value: Value) -> Content {
    serde_json::from_value(value).unwrap()
}

fn sms(body: &str) -> Value {
    json!({"channel": "sms", "templates": [{"body": body}]})
}

fn email(html: &str, body: &str) -> Value {
    json!({"channel": "email", "templates": [{"subject": "Hi {{ first_name | default('you') }}", "html": html, "body": body}]})
}

fn codes(value: Value) -> Vec<&'static str> {
    content(value).validate().into_iter().map(|e| e.code).collect()
}

fn placement() -> Placement {
    Placement {
        unsubscribe_url: Some(LINK.into()),
        postal_address: Some("Acme Ltd\n1 Main St & Co".into()),
        from_name: Some("Acme".into()),
        reply_to: None,
    }
}

fn render(value: Value, fields: &[(&'static str, &str)]) -> Result<Body, ContentError> {
    let fields = fields.iter().map(|(name, text)| (*name, *text)).collect();
    content(value).compile().unwrap().render(fields, &placement())
}

fn text_of(value: Value, fields: &[(&'static str, &str)]) -> String {
    match render(value, fields).unwrap() {
        Body::Sms(SmsBody { text, .. }) => text,
        Body::Email(_) | Body::Call(_) => panic!("an SMS"),
    }
}

fn mail_of(value: Value, fields: &[(&'static str, &str)]) -> EmailBody {
    match render(value, fields).unwrap() {
        Body::Email(email) => *email,
        Body::Sms(_) | Body::Call(_) => panic!("an email"),
    }
}

#[test]
fn fields_are_placed_and_an_empty_one_takes_its_default() {
    let hello = "Hello {{ first_name }}, your {{ product | default('order') }} is ready";
    assert_eq!(text_of(sms(hello), &[("first_name", "Jo"), ("product", "")]), "Hello Jo, your order is ready");
    let mut value = sms(hello);
    value["defaults"] = json!({"first_name": "customer"});
    assert_eq!(text_of(value, &[("first_name", ""), ("product", "ring")]), "Hello customer, your ring is ready");
}

#[test]
fn an_empty_field_without_a_default_is_an_error_and_a_choice_is_not() {
    let first_name = ContentError::MissingField("body", "first_name".into());
    assert_eq!(first_name.to_string(), "body: the contact has no `first_name`, or it is empty, and it has no default");
    assert_eq!(first_name.pointer(), "/templates/0/body");
    let missing = render(sms("Hello {{ first_name }}"), &[("first_name", "")]);
    assert_eq!(missing, Err(first_name.clone()));
    // others that are empty do not stand in the way
    let some =
        sms("{% if company %}{{ company }}{% endif %} {{ city | default('') }} {{ first_name | upper }} {{ x }}");
    assert_eq!(render(some, &[]), Err(first_name));
    let choice = "Hello{% if first_name %} {{ first_name }}{% endif %}!";
    assert_eq!(text_of(sms(choice), &[]), "Hello!");
    assert_eq!(text_of(sms(choice), &[("first_name", "Jo")]), "Hello Jo!");
}

#[test]
fn an_other_field_needs_no_prefix_as_a_first_name_needs_none() {
    let value = sms("{{ other1 }} and {{ c_other2 }}");
    let compiled = content(value.clone()).compile().unwrap();
    let fields: BTreeSet<&str> = compiled.fields().collect();
    assert_eq!(fields, BTreeSet::from(["c_other1", "c_other2", "other1"]));
    assert_eq!(text_of(value.clone(), &[("c_other1", "gold"), ("c_other2", "silver")]), "gold and silver");
    assert_eq!(text_of(value.clone(), &[("other1", "own"), ("c_other1", "gold"), ("c_other2", "x")]), "own and x");
    assert_eq!(render(value, &[("c_other2", "x")]), Err(ContentError::MissingField("body", "other1".into())));
}

#[test]
fn the_used_fields_are_known_before_rendering() {
    let mut value = email("<p>{{ a }} <a href='{{ unsubscribe_url }}'>stop</a> {{ postal_address }}", "");
    value["templates"][0]["preheader"] = json!("{% if b == 'x' %}{{ c | title }}{% endif %}");
    let compiled = content(value).compile().unwrap();
    let fields: BTreeSet<&str> = compiled.fields().collect();
    assert_eq!(fields, BTreeSet::from(["a", "b", "c", "first_name"]));
    assert!(compiled.needs_link() && compiled.needs_postal_address());
}

#[test]
fn an_sms_counts_its_segments_and_the_smart_filter_saves_some() {
    let long = format!("It\u{2019}s  {}", "a".repeat(150));
    let Body::Sms(filtered) = render(sms(&long), &[]).unwrap() else { panic!("an SMS") };
    assert_eq!((filtered.parts, filtered.text.starts_with("It's a")), (1, true));
    let mut value = sms(&long);
    value["smartFilter"] = json!(false);
    let Body::Sms(plain) = render(value, &[]).unwrap() else { panic!("an SMS") };
    assert_eq!((plain.parts, plain.text), (3, long));
}

#[test]
fn a_message_has_no_more_parts_than_its_content_allows() {
    assert_eq!(codes(sms(&"a".repeat(10 * 153))), [""; 0]);
    assert_eq!(codes(sms(&"a".repeat(10 * 153 + 1))), ["too_many_parts"]);
    let mut value = sms("{{ a }}");
    let long = "a".repeat(2_000);
    let refused = render(value.clone(), &[("a", &long)]).unwrap_err().to_string();
    assert!(refused.contains("14 parts, and this content allows 10"), "{refused}");
    value["maxParts"] = json!(14);
    let Body::Sms(body) = render(value.clone(), &[("a", &long)]).unwrap() else { panic!("an SMS") };
    assert_eq!(body.parts, 14);
    for most in [0, 256] {
        value["maxParts"] = json!(most);
        assert_eq!(codes(value.clone()), ["out_of_range"]);
    }
}

#[test]
fn html_escapes_fields_and_plain_text_does_not() {
    let value =
        email("<p>{{ name }}</p><a href=\"{{ unsubscribe_url }}\">stop</a>", "{{ name }} {{ unsubscribe_url }}");
    let mail = mail_of(value, &[("name", "<script>&")]);
    assert!(mail.html.starts_with("<p>&lt;script&gt;&amp;</p>"), "{}", mail.html);
    assert!(mail.html.contains(&format!("href=\"{LINK}\"")), "{}", mail.html);
    assert!(mail.text.starts_with("<script>& https"), "{}", mail.text);
    assert_eq!((mail.subject.as_str(), mail.from_name.as_str()), ("Hi you", "Acme"));
}

#[test]
fn marketing_email_carries_link_headers_and_postal_address() {
    let mail = mail_of(email("<body><p>Buy</p><a href='{{ unsubscribe_url }}'>stop</a></body>", ""), &[]);
    let one_click = ("List-Unsubscribe-Post".to_owned(), "List-Unsubscribe=One-Click".to_owned());
    assert_eq!(mail.headers, [("List-Unsubscribe".to_owned(), format!("<{LINK}>")), one_click]);
    assert!(mail.html.contains("Acme Ltd<br>1 Main St &amp; Co</p></body>"), "{}", mail.html);
    assert!(mail.text.contains("stop (https://example.com/unsubscribe/AQ)"), "{}", mail.text);
    assert!(mail.text.ends_with("1 Main St & Co\n"), "{}", mail.text);
    // placed by the template: not a second time
    let own = mail_of(email("<p>{{ postal_address }}</p>{{ unsubscribe_url }}", ""), &[]);
    assert_eq!(own.html.matches("Acme Ltd").count(), 1);
}

#[test]
fn marketing_email_without_link_or_address_is_refused_early_and_late() {
    assert_eq!(codes(email("<p>Buy</p>", "")), ["unsubscribe_link_missing"]);
    assert_eq!(codes(email("{{ unsubscribe_url }}", "Buy")), ["unsubscribe_link_missing"]);
    let mut transactional = email("<p>Your bill</p>", "");
    transactional["class"] = json!("transactional");
    assert_eq!(codes(transactional.clone()), [""; 0]);
    assert!(mail_of(transactional, &[]).headers.is_empty());
    // the template hides the link from some
    let hidden = email("{% if vip %}{{ unsubscribe_url }}{% endif %}Buy", "");
    assert_eq!(render(hidden, &[]), Err(ContentError::Incomplete("an unsubscribe link")));
    let compiled = content(email("{{ unsubscribe_url }}", "")).compile().unwrap();
    let nowhere = Placement { postal_address: None, ..placement() };
    let refused = compiled.render(Fields::default(), &nowhere);
    assert_eq!(refused, Err(ContentError::Incomplete("the sender's postal address")));
}

#[test]
fn a_fields_line_break_can_not_reach_a_header() {
    let mut value = email("{{ unsubscribe_url }}", "");
    value["templates"][0]["subject"] = json!("Hi {{ name }}");
    let mail = mail_of(value, &[("name", "Jo\r\nBcc: all@example.com")]);
    assert_eq!(mail.subject, "Hi Jo Bcc: all@example.com");
}

#[test]
fn what_is_not_a_content_is_refused_with_its_place() {
    assert_eq!(codes(sms("")), ["bad_text"]);
    assert_eq!(codes(sms("{{ a")), ["template_syntax"]);
    assert_eq!(codes(sms("{{ a | safe }}")), ["template_expression"]);
    assert_eq!(codes(sms("{% if a %}x")), ["template_syntax"]);
    assert_eq!(codes(sms("{% for x in y %}{% endfor %}")), ["template_tag"]);
    assert_eq!(codes(json!({"channel": "voice", "templates": [{}]})), ["not_applicable"]);
    assert_eq!(codes(json!({"channel": "sms", "templates": []})), ["one_template"]);
    assert_eq!(codes(json!({"channel": "sms", "kind": "variable", "templates": [{"body": "x"}]})), ["not_available"]);
    assert_eq!(codes(json!({"channel": "sms", "templates": [{"body": "x", "subject": "y"}]})), ["not_applicable"]);
    assert!(serde_json::from_value::<Content>(json!({"channel": "sms", "templates": [], "x": 1})).is_err());
}

#[test]
fn every_filter_and_test_that_is_allowed_exists() {
    for filter in syntax::FILTERS {
        // fields are texts
        let first = if filter == "round" { "float | " } else { "" };
        assert!(!text_of(sms(&format!("{{{{ a | {first}{filter} }}}}")), &[("a", "12")]).is_empty(), "{filter}");
    }
    for test in syntax::TESTS {
        let argument = if test.ends_with("with") { "('1')" } else { "" };
        assert!(
            text_of(sms(&format!("{{% if a is {test}{argument} %}}x{{% endif %}}y")), &[("a", "12")]).ends_with('y')
        );
    }
}

#[test]
fn the_answers_to_words_are_templates_of_their_own() {
    let mut value = sms("Hello");
    value["helpText"] = json!("Acme: call +1 202 555 0199. STOP ends.");
    let compiled = content(value).compile().unwrap();
    assert_eq!(compiled.render_help(Fields::default()).unwrap().unwrap().parts, 1);
    assert!(compiled.render_opt_out(Fields::default()).is_none());
}

#[test]
fn a_hundred_thousand_tests_of_a_field_run_out_of_fuel() {
    // a template of the longest kind is bounded in time as well
    let source = "{% if a %}x{% endif %}".repeat(20_000);
    let mut value = email(&source, "");
    value["class"] = json!("transactional");
    let error = render(value, &[("a", "1")]).unwrap_err();
    assert!(matches!(error, ContentError::Unusable("html", _)), "{error:?}");
}

#[test]
fn rendering_is_fast() {
    let compiled = content(sms("Hello {{ first_name }}, your {{ product | default('order') }} is ready. STOP ends."))
        .compile()
        .unwrap();
    let names: [std::sync::Arc<str>; 2] = ["first_name".into(), "product".into()];
    let placement = Placement::default();
    let start = std::time::Instant::now();
    let count = 5_000;
    for n in 0..count {
        let mut fields = Fields::with_capacity(2);
        fields.push(names[0].clone(), format!("Jo {n}"));
        fields.push(names[1].clone(), "ring".into());
        compiled.render(fields, &placement).unwrap();
    }
    let rate = f64::from(count) / start.elapsed().as_secs_f64();
    println!("{rate:.0} SMS renderings/s");
    assert!(rate > 1_000.0, "{rate:.0}");
}
