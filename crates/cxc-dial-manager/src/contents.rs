//! Contents as documents, with a rendering for a look and a test send.
use std::time::Duration;

use axum::extract::State;
use cxc_core::campaign::CampaignGroupBody;
use cxc_core::channel::Channel;
use cxc_core::device::DeviceKind;
use cxc_core::email::EmailAddress;
use cxc_core::field_error::FieldError;
use cxc_core::kind;
use cxc_core::phone::PhoneNumber;
use cxc_server::audit::Entry;
use cxc_server::document::{self, NoExtra, Write};
use cxc_server::{ApiError, ApiJson, ApiPath, App, Document, Principal, Scope};
use cxc_store::contact::{Device, FullContact};
use cxc_store::object_query::ObjectField;
use futures_util::future::join_all;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::sync::Arc;
use tokio::time::{Instant, timeout, timeout_at};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::accounts::ChannelAccount;
use crate::channel::{self, Body, CarrierStatus, OutMessage, Outcome};
use crate::content::{CompiledContent, Content, ContentClass, Placement, confirmation};
use crate::sender::fields::fields_for;

mod barred;
mod daily_limit;

use barred::{Barred, Test};

/// The most addresses of a test send.
const MOST: usize = 10;
/// How long a test send takes at most, connection and answers together.
const PATIENCE: Duration = Duration::from_secs(10);
const GOODBYE: Duration = Duration::from_secs(1);

impl Document for Content {
    const KIND: &'static str = kind::CONTENT;
    const NOUN: &'static str = "content";
    const PATH: &'static str = "/contents";
    const TAG: &'static str = "Content";
    const READ: Scope = Scope::ContentRead;
    const WRITE: Scope = Scope::ContentWrite;
    const FILTERS: &'static [ObjectField] = &[ObjectField::Text("channel"), ObjectField::Text("class")];
    type Extra = NoExtra;

    fn validate(&self) -> Vec<FieldError> {
        Content::validate(self)
    }

    async fn before_write(write: &mut Write<'_, Self>) -> Result<(), ApiError> {
        if let Some(text) = &write.after.body.opt_out_text
            && let Some(problem) = confirmation::problem(text, &write.app.config.public_base_url)
        {
            return Err(ApiError::invalid("/optOutText", "bad_text", problem));
        }
        if write.before.is_some_and(|before| before.body.class != write.after.body.class) {
            fits_its_groups(write).await?;
        }
        match write.before {
            Some(before) if before.body.channel != write.after.body.channel => {
                Err(ApiError::invalid("/channel", "not_editable", "the channel of a content is fixed when it is made"))
            }
            _ => Ok(()),
        }
    }
}

/// Refuses a class that does not go with the purpose of a group that sends the content.
async fn fits_its_groups(write: &mut Write<'_, Content>) -> Result<(), ApiError> {
    let class = write.after.body.class.as_str();
    for group in write.tx.content_groups(write.principal.tenant, write.after.id).await? {
        let body: CampaignGroupBody = serde_json::from_value(group.body.0).map_err(ApiError::internal)?;
        if let Some(clash) = body.settings.and_then(|settings| settings.clash(Some(class))) {
            return Err(ApiError::invalid(
                "/class",
                "sells",
                format!("the campaign group \"{}\": {clash}", group.name),
            ));
        }
    }
    Ok(())
}

/// Whose fields to show.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Render {
    /// A contact list; without it made-up fields are used.
    #[serde(default)]
    #[schema(nullable = false)]
    list: Option<Uuid>,
    /// A contact of that list, by its number.
    #[serde(default)]
    #[schema(nullable = false)]
    contact_id: Option<String>,
}

/// A rendered message.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RenderedView {
    /// The subject of an email.
    #[schema(required)]
    subject: Option<String>,
    /// The text.
    text: String,
    /// The HTML of an email.
    #[schema(required)]
    html: Option<String>,
    /// The parts that a text message takes.
    #[schema(required)]
    parts: Option<u16>,
}

/// To whom to send a test, and by which account.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct TestSend {
    /// The channel account to send by.
    account: Uuid,
    /// Up to ten phone numbers in E.164 form or email addresses.
    #[schema(min_items = 1, max_items = 10)]
    addresses: Vec<String>,
    /// Whose fields to use.
    #[serde(default)]
    #[schema(nullable = false)]
    list: Option<Uuid>,
    /// A contact of that list, by its number.
    #[serde(default)]
    #[schema(nullable = false)]
    contact_id: Option<String>,
}

/// What became of a test.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct TestResult {
    /// One result an address, in order; one that is given twice is sent to once.
    results: Vec<TestOutcome>,
}

/// What became of one test message.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct TestOutcome {
    /// The address.
    address: String,
    /// Whether the carrier took it.
    accepted: bool,
    /// Why it was not sent (`suppressed`, `opted out`, the register that lists it, the hours), or the carrier's words.
    detail: String,
}

async fn content_of(app: &App, tenant: i64, id: Uuid) -> Result<(CompiledContent, Content), ApiError> {
    let mut tx = app.db.read().await?;
    let content =
        document::get::<Content>(&mut tx, tenant, id).await?.ok_or_else(|| ApiError::not_found("content"))?.body;
    let compiled = content.compile().map_err(ApiError::validation)?;
    Ok((compiled, content))
}

/// The contact to render for: a real one, or one with made-up fields.
async fn contact_for(
    app: &App,
    tenant: i64,
    list: Option<Uuid>,
    contact: Option<&str>,
    content: &CompiledContent,
) -> Result<FullContact, ApiError> {
    let (Some(list), Some(contact)) = (list, contact) else { return Ok(made_up(content)) };
    let id =
        contact.parse::<i64>().map_err(|_| ApiError::invalid("/contactId", "invalid", "a contact's id is a number"))?;
    let mut tx = app.db.read().await?;
    let list = tx.contact_list_get(tenant, list).await?.ok_or_else(|| ApiError::not_found("contact list"))?;
    let mut contact = tx.contact_get(&list, id).await?.ok_or_else(|| ApiError::not_found("contact"))?;
    if contact.devices.is_empty() {
        contact.devices = made_up(content).devices;
    }
    Ok(contact)
}

/// A contact that has something for every placeholder: a field of a list's own, `policy_number`, is `Policy number`.
fn made_up(content: &CompiledContent) -> FullContact {
    let mut contact = FullContact::default();
    contact.contact.first_name = Some("First".into());
    contact.contact.last_name = Some("Last".into());
    contact.contact.company = Some("Company".into());
    contact.contact.client_id = Some("C-1".into());
    let others = (1..=100).flat_map(|n| {
        let text = json!(format!("Other {n}"));
        [(format!("c_other{n}"), text.clone()), (format!("other{n}"), text)]
    });
    let own = content.fields().map(|name| (name.to_owned(), json!(in_words(name))));
    contact.contact.custom = Some(serde_json::Value::Object(own.chain(others).collect()).to_string());
    contact.devices = vec![Device {
        position: 1,
        kind: DeviceKind::Email.code(),
        address: "first.last@example.com".into(),
        ..Device::default()
    }];
    contact
}

/// A placeholder as people would say it.
fn in_words(name: &str) -> String {
    let words = name.replace('_', " ");
    let mut letters = words.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

fn render(
    app: &App,
    compiled: &CompiledContent,
    contact: &FullContact,
    account: Option<&channel::ChannelAccount>,
) -> Result<Body, ApiError> {
    let Some(device) = contact.devices.first() else { return Err(ApiError::not_found("device")) };
    // a test must not unsubscribe the person whose fields it borrows
    let url = format!("{}/unsubscribe/test", app.config.public_base_url.trim_end_matches('/'));
    let placement = Placement {
        unsubscribe_url: Some(url),
        postal_address: account
            .and_then(|a| a.postal_address.as_deref())
            .or(Some("1 Sample Street, Sampletown"))
            .map(Into::into),
        from_name: account.and_then(|a| a.sender_name.as_deref()).map(Into::into),
        reply_to: account.and_then(|a| a.reply_to.as_deref()).map(Into::into),
    };
    let body = compiled.render(fields_for(compiled, contact, device), &placement);
    body.map_err(|e| ApiError::invalid(e.pointer(), "content_error", e.to_string()))
}

/// Render a content for a contact, without sending it
#[utoipa::path(post, path = "/contents/{id}/actions/render", tag = "Content", operation_id = "renderContent",
    params(("id" = Uuid, Path, description = "The content.")), request_body = Render, responses((status = OK, body = RenderedView), ApiError))]
pub(crate) async fn render_content(
    State(app): State<App>,
    principal: Principal,
    ApiPath(id): ApiPath<Uuid>,
    ApiJson(asked): ApiJson<Render>,
) -> Result<axum::Json<RenderedView>, ApiError> {
    let (compiled, _) = content_of(&app, principal.tenant, id).await?;
    let contact = contact_for(&app, principal.tenant, asked.list, asked.contact_id.as_deref(), &compiled).await?;
    Ok(axum::Json(match render(&app, &compiled, &contact, None)? {
        Body::Call(_) => RenderedView { subject: None, text: String::new(), html: None, parts: None },
        Body::Sms(sms) => RenderedView { subject: None, text: sms.text, html: None, parts: Some(sms.parts) },
        Body::Email(email) => {
            RenderedView { subject: Some(email.subject), text: email.text, html: Some(email.html), parts: None }
        }
    }))
}

/// Send a content to up to ten addresses as a test: no pace, but never past a suppression list, an opt-out or the stop switch
///
/// It names no topic or brand, so an opt-out of any bars it. What advertises goes to no number of a national register, and
/// to phones from 8:00 to 21:00 of every time zone where the number may be.
///
/// A tenant sends at most `testMessagesPerDay` of its settings a day; what goes past it is refused as a whole (429).
#[utoipa::path(post, path = "/contents/{id}/actions/send-test", tag = "Content", operation_id = "sendTestContent",
    params(("id" = Uuid, Path, description = "The content.")), request_body = TestSend, responses((status = OK, body = TestResult), ApiError))]
pub(crate) async fn send_test(
    State(app): State<App>,
    principal: Principal,
    ApiPath(id): ApiPath<Uuid>,
    ApiJson(asked): ApiJson<TestSend>,
) -> Result<axum::Json<TestResult>, ApiError> {
    let (compiled, content) = content_of(&app, principal.tenant, id).await?;
    let channel = content.channel;
    app.numbers.prepare(principal.tenant).await;
    let mut tx = app.db.begin().await?;
    let account = document::get::<ChannelAccount>(&mut tx, principal.tenant, asked.account).await?;
    let account =
        account.ok_or_else(|| ApiError::invalid("/account", "not_found", "there is no such channel account"))?.body.0;
    if account.channel() != Some(channel) {
        return Err(ApiError::invalid(
            "/account",
            "other_channel",
            "the channel account is for another channel than the content",
        ));
    }
    let addresses = normalised(&asked.addresses, channel)?;
    let hashes: Vec<i64> = addresses.iter().map(|a| app.hash_key.hash(principal.tenant, &a.to_lowercase())).collect();
    let to: Vec<(i64, &str)> = hashes.iter().copied().zip(addresses.iter().map(String::as_str)).collect();
    let test = Test { tenant: principal.tenant, channel, sells: content.class == ContentClass::Marketing };
    let barred = Barred::read(&app, &mut tx, &test, &to).await?;
    let leaving = hashes.iter().filter(|hash| barred.why(**hash).is_none()).count();
    daily_limit::take(&app, &mut tx, principal.tenant, leaving).await?;
    let entry =
        Entry::new("send_test", kind::CONTENT).of(id, "").changed(None, Some(json!({ "addresses": addresses.len() })));
    entry.write(&app, &mut tx, &principal).await?;
    tx.commit().await?;
    let contact = contact_for(&app, principal.tenant, asked.list, asked.contact_id.as_deref(), &compiled).await?;
    let body = render(&app, &compiled, &contact, Some(&account))?;
    let until = Instant::now() + PATIENCE;
    let (carrier, away) = connect(&app, &account, until).await?;
    let sends = addresses.into_iter().zip(hashes).map(async |(address, hash)| {
        let (accepted, detail) = match (barred.why(hash), &away) {
            (Some(why), _) | (None, Some(why)) => (false, why.clone()),
            (None, None) => {
                let reference = format!("test.{}", app.ids.next().simple());
                let from = account.sender.clone().unwrap_or_default();
                let message = OutMessage { attempt: 0, reference, from, to: address.clone(), body: body.clone() };
                timeout_at(until, carrier.send(message)).await.map_or_else(|_| unanswered(), |outcome| told(&outcome))
            }
        };
        count(&app, &principal, channel.as_str(), accepted);
        TestOutcome { address, accepted, detail }
    });
    let results = join_all(sends).await;
    // what is still under way is told already
    let _ = timeout(GOODBYE, carrier.close()).await;
    Ok(axum::Json(TestResult { results }))
}

fn unanswered() -> (bool, String) {
    (false, format!("no answer within {} seconds: it may have been sent all the same", PATIENCE.as_secs()))
}

fn normalised(addresses: &[String], channel: Channel) -> Result<Vec<String>, ApiError> {
    if addresses.is_empty() || addresses.len() > MOST {
        return Err(ApiError::invalid("/addresses", "count", "a test goes to 1 to 10 addresses"));
    }
    let phone = DeviceKind::for_channel(channel) == DeviceKind::Phone;
    let one = |(i, text): (usize, &String)| {
        let parsed = if phone {
            PhoneNumber::parse(text).map(|n| n.to_string()).map_err(|e| e.to_string())
        } else {
            EmailAddress::parse(text).map(|a| a.to_string()).map_err(|e| e.to_string())
        };
        parsed.map_err(|detail| ApiError::invalid(&format!("/addresses/{i}"), "bad_device", detail))
    };
    let mut found: Vec<String> = Vec::with_capacity(addresses.len());
    for address in addresses.iter().enumerate().map(one) {
        let address = address?;
        // one that is given twice gets one message
        if !found.iter().any(|known| known.eq_ignore_ascii_case(&address)) {
            found.push(address);
        }
    }
    Ok(found)
}

/// The account's carrier, and why it is not connected, if it is not.
async fn connect(
    app: &App,
    account: &channel::ChannelAccount,
    until: Instant,
) -> Result<(Arc<dyn channel::Carrier>, Option<String>), ApiError> {
    let clock = app.clock.clone();
    let (inbound, _unheard) = channel::inbound_channel(1);
    let now = Arc::new(move || clock.now().as_microsecond());
    let carrier = channel::open(account, inbound, now, &app.channel_reach);
    let carrier = carrier.map_err(|e| ApiError::invalid("/account", "unusable", e.to_string()))?;
    while carrier.status() == CarrierStatus::Connecting && Instant::now() < until {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let away = match carrier.status() {
        CarrierStatus::Connecting => Some(format!(
            "not sent: {}:{} did not answer within {} seconds",
            account.host.as_deref().unwrap_or_default(),
            account.effective_port(),
            PATIENCE.as_secs()
        )),
        CarrierStatus::Down { reason } => Some(format!("not sent: {reason}")),
        CarrierStatus::Connected | CarrierStatus::Throttled { .. } | CarrierStatus::Closed => None,
    };
    Ok((carrier, away))
}

fn told(outcome: &Outcome) -> (bool, String) {
    match outcome {
        Outcome::Delivered { provider_id } | Outcome::Accepted { provider_id } => (true, provider_id.clone()),
        Outcome::Rejected { detail, .. }
        | Outcome::Called { detail, .. }
        | Outcome::Retry { detail, .. }
        | Outcome::InDoubt { detail } => (false, detail.clone()),
    }
}

fn count(app: &App, principal: &Principal, media: &str, accepted: bool) {
    let labels = &["media", "ccid", "tenant_name"];
    let sent = app.metrics.counter("cxc_dm_test_messages_total", "Total test messages.", labels);
    let failed = app.metrics.counter("cxc_dm_failed_test_messages_total", "Total failed test messages.", labels);
    let values = [media, &principal.ccid, &principal.tenant_name];
    if let Ok(sent) = sent {
        sent.with_label_values(&values).inc();
    }
    if let (false, Ok(failed)) = (accepted, failed) {
        failed.with_label_values(&values).inc();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_that_is_given_twice_is_sent_to_once() {
        let given = ["a@example.com", "A@Example.com", "b@example.com"].map(ToOwned::to_owned);
        assert_eq!(normalised(&given, Channel::Email).unwrap(), ["a@example.com", "b@example.com"]);
        let given = ["+491701234567", "+491701234567"].map(ToOwned::to_owned);
        assert_eq!(normalised(&given, Channel::Sms).unwrap(), ["+491701234567"]);
    }

    #[test]
    fn a_rendering_for_nobody_makes_up_the_other_fields_too() {
        let value = json!({ "channel": "sms", "templates": [{ "body": "{{ first_name }}, {{ other1 }}, {{ c_other100 }}, {{ policy_number }}" }] });
        let compiled = serde_json::from_value::<Content>(value).unwrap().compile().unwrap();
        let contact = made_up(&compiled);
        let fields = fields_for(&compiled, &contact, &contact.devices[0]);
        let Ok(Body::Sms(sms)) = compiled.render(fields, &Placement::default()) else { panic!("an SMS") };
        assert_eq!(sms.text, "First, Other 1, Other 100, Policy number");
    }
}
