//! The jobs of number intelligence: load a file of answers, ask a source about the numbers of a contact list.
use std::path::Path;
use std::sync::Arc;

use cxc_core::device::DeviceKind;
use cxc_core::kind;
use cxc_core::location::Country;
use cxc_core::number_set::ASK_AGAIN_DAYS;
use cxc_core::phone::PhoneNumber;
use cxc_server::document::{self, Stored};
use cxc_server::job_runner::{JobControl, JobError};
use cxc_server::{ApiError, App};
use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{BatchFile, HttpSource, NumberAnswer, NumberIntelligence, NumberSource, Question, midnight};
use crate::import::ImportContext;
use crate::jobs::Source;

/// Loads a file of answers.
pub const ANSWERS_LOAD: &str = "number_answers_load";
/// Asks a source about the numbers of a contact list; its subject is the source.
pub const ANSWERS_QUERY: &str = "number_answers_query";

/// Answers that are stored by one statement, and contacts that are looked at together.
const TOGETHER: usize = 1_000;
const CONTACTS: i64 = 2_000;
const DAY: i64 = 24 * 3600 * 1_000_000;

/// The payload of [`ANSWERS_LOAD`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AnswersPayload {
    /// The file.
    pub source: Source,
    /// Its name, for people.
    pub file_name: String,
    /// The country of numbers without one.
    pub country: Option<String>,
}

/// The payload of [`ANSWERS_QUERY`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct QueryPayload {
    /// The contact list.
    pub list: Uuid,
    /// The day of consent that is asked about.
    pub consent_on: Date,
}

/// Loads a file of answers; older answers than those at hand change nothing.
pub async fn load_answers(
    context: &ImportContext,
    payload: &AnswersPayload,
    path: &Path,
    control: &JobControl,
) -> Result<Value, JobError> {
    let (app, tenant) = (&context.app, control.job().tenant);
    let (phones, path, name) = (Arc::clone(&context.checkers.phones), path.to_owned(), payload.file_name.clone());
    let country = payload.country.as_deref().and_then(Country::from_code);
    let now = app.clock.now();
    let read = tokio::task::spawn_blocking(move || BatchFile::read(&path, &name, &phones, country, now)).await;
    let file = read.map_err(|e| JobError::Internal(e.into()))?;
    let file = file.map_err(|error| ApiError::invalid("/file", error.code(), error.to_string()))?;
    let answers: Vec<NumberAnswer> = file.answers().copied().collect();
    let total = i64::try_from(answers.len()).unwrap_or(i64::MAX);
    let mut stored = 0;
    for (i, some) in answers.chunks(TOGETHER).enumerate() {
        control.check()?;
        stored += put(context, tenant, some, file.name()).await?;
        control.progress(i64::try_from((i + 1) * TOGETHER).unwrap_or(total).min(total), total);
    }
    Ok(
        json!({ "lines": file.lines, "rejected": file.rejected, "numbers": total, "stored": stored, "problems": file.problems }),
    )
}

pub(super) async fn put(
    context: &ImportContext,
    tenant: i64,
    some: &[NumberAnswer],
    source: &str,
) -> Result<u64, JobError> {
    let rows: Vec<_> = some.iter().map(|answer| answer.stored(&context.app, tenant, source)).collect();
    let mut tx = context.app.db.begin_relaxed().await?;
    let stored = tx.number_answers_put(tenant, &rows).await?;
    tx.commit().await?;
    Ok(stored)
}

/// Asks a source about those numbers of a contact list of which no answer is young enough.
pub async fn query_answers(
    context: &ImportContext,
    source: Uuid,
    payload: &QueryPayload,
    control: &JobControl,
) -> Result<Value, JobError> {
    let (app, tenant) = (&context.app, control.job().tenant);
    let mut tx = app.db.read().await?;
    let stored = document::get::<NumberSource>(&mut tx, tenant, source).await?;
    let stored = stored.ok_or_else(|| ApiError::not_found("number source"))?;
    let list = tx.contact_list_get(tenant, payload.list).await?;
    let list = list.ok_or_else(|| ApiError::not_found(kind::CONTACT_LIST))?;
    drop(tx);
    let refused = |error: super::IntelligenceError| ApiError::invalid("/source", "source_failed", error.to_string());
    let source = http_source(app, &stored);
    let (mut after, mut looked_at, mut asked, mut answered) = (i64::MIN, 0_i64, 0_usize, 0_usize);
    loop {
        control.check()?;
        let slice = app.db.read().await?.contact_slice_full(&list, after, CONTACTS, None).await?;
        let Some((contacts, last)) = slice else { break };
        after = last;
        looked_at += i64::try_from(contacts.len()).unwrap_or(0);
        let devices = contacts.iter().flat_map(|contact| &contact.devices);
        let phones = devices.filter(|device| device.kind == DeviceKind::Phone.code());
        let mut numbers: Vec<(i64, PhoneNumber)> = phones
            .filter_map(|device| Some((device.address_hash, PhoneNumber::parse(&device.address).ok()?)))
            .collect();
        numbers.sort_unstable();
        numbers.dedup();
        let questions = unanswered(context, tenant, &numbers, payload.consent_on).await?;
        let answers = source.ask(&questions).await.map_err(refused)?;
        asked += questions.len();
        answered += answers.len();
        put(context, tenant, &answers, source.name()).await?;
        control.progress(looked_at.min(list.contacts), list.contacts);
    }
    Ok(json!({ "contacts": looked_at, "asked": asked, "answered": answered }))
}

/// The source of a document, asked through the installation's guard.
pub(super) fn http_source(app: &App, stored: &Stored<NumberSource>) -> HttpSource {
    HttpSource::new(&stored.name, stored.body.options(), app.outbound.clone(), Arc::clone(&app.clock))
}

/// The questions to which no answer at hand is young enough and about that day or an earlier one.
async fn unanswered(
    context: &ImportContext,
    tenant: i64,
    numbers: &[(i64, PhoneNumber)],
    consent_on: Date,
) -> Result<Vec<Question>, JobError> {
    let hashes: Vec<i64> = numbers.iter().map(|(hash, _)| *hash).collect();
    let known = context.app.db.read().await?.number_answers(tenant, &hashes).await?;
    let (oldest, day) = (context.app.clock.now().as_microsecond() - ASK_AGAIN_DAYS * DAY, midnight(consent_on));
    let answers = |number: &PhoneNumber| {
        known.iter().any(|answer| {
            answer.number == number.as_str()
                && answer.queried_at > oldest
                && answer.consent_at.is_some_and(|about| about <= day)
        })
    };
    let open = numbers.iter().filter(|(_, number)| !answers(number));
    Ok(open.map(|(_, number)| Question { number: *number, consent_on }).collect())
}

/// A day of consent: one that was.
pub fn consent_day(text: &str, now: Timestamp) -> Option<Date> {
    let day: Date = text.parse().ok()?;
    (midnight(day) <= now.as_microsecond()).then_some(day)
}
