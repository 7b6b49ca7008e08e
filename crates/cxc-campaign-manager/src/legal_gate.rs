//! What the law asks before a campaign group starts: legal rules that nobody decided about, and those that are off.
use std::collections::BTreeMap;

use axum::extract::State;
use cxc_core::campaign::{CampaignSettings, clash_at};
use cxc_core::channel::Channel;
use cxc_core::compliance::campaign::Seen;
use cxc_core::compliance::{OpenQuestion, Purpose, RuleSet, Technique};
use cxc_core::device::{DeviceKind, LineType};
use cxc_core::field_error::FieldError;
use cxc_core::location::Location;
use cxc_server::document;
use cxc_server::error::Code;
use cxc_server::{ApiError, ApiPath, App, Principal};
use cxc_store::Tx;
use cxc_store::attempt_subject::collector_hash;
use cxc_store::group::GroupRow;
use cxc_store::list::ContactList;
use cxc_store::list_places::keep_list_places;
use cxc_store::location::Locations;
use cxc_store::number_lists::ListState;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::content_gate::GroupContent;
use crate::groups::{CampaignGroup, resolve};

/// A legal rule and how many of a group's people it concerns.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ConcernedRule {
    /// The rule.
    pub rule: String,
    /// What kind of rule it is.
    pub kind: &'static str,
    /// Where it is law: `US` or `US-TX`.
    pub area: String,
    /// The law.
    pub citation: String,
    /// What a reader should know besides.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub note: String,
    /// How many people of the group's lists it concerns at least.
    #[schema(minimum = 0)]
    pub contacts: i64,
}

/// How a group stands to the law.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct LegalStanding {
    /// What its attempts are for.
    pub purpose: Purpose,
    /// How people are contacted.
    pub tech: Technique,
    /// Rules that must be turned on or waived before it can start.
    pub unanswered: Vec<ConcernedRule>,
    /// Rules that are off or waived and would narrow it.
    pub disabled: Vec<ConcernedRule>,
    /// Rules that need a list of numbers that was never loaded. Load the list or waive the rule.
    pub unscrubbed: Vec<UnscrubbedRule>,
    /// What the law wants the messages to say or carry and the content does not.
    pub lacking: Vec<LackingContent>,
    /// What the law wants of them besides, which only a person can tell.
    pub to_confirm: Vec<ConfirmedContent>,
    /// How many people were looked at: all of the group's lists.
    #[schema(minimum = 0)]
    pub looked_at: i64,
    /// Why what it sends can't go out for its purpose.
    #[serde(skip)]
    clash: Option<String>,
}

/// Something that a legal rule wants of a message and that is not there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct LackingContent {
    /// What is lacking, such as `opt_out` or `postal_address`.
    pub requirement: String,
    /// What would be right.
    pub detail: &'static str,
    /// The rule and whom it concerns.
    #[serde(flatten)]
    pub concerned: ConcernedRule,
}

/// Something that a legal rule wants of a message and that no program sees.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ConfirmedContent {
    /// What is wanted, such as `truthful_subject`.
    pub requirement: String,
    /// The rule and whom it concerns.
    #[serde(flatten)]
    pub concerned: ConcernedRule,
}

/// A legal rule that needs a list of numbers that is not there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct UnscrubbedRule {
    /// The register that the list is of, such as `US-DNC`.
    pub register: String,
    /// The rule and whom it concerns.
    #[serde(flatten)]
    pub concerned: ConcernedRule,
}

impl LegalStanding {
    /// Of a group with these settings.
    pub async fn of(
        app: &App,
        tx: &mut Tx,
        row: &GroupRow,
        channel: Channel,
        settings: &CampaignSettings,
    ) -> Result<Self, ApiError> {
        let class = tx.content_class(row.tenant, settings.content).await?;
        let subject = settings.subject(class.as_deref(), |name| collector_hash(&app.hash_key, row.tenant, name));
        let rules = rules_of(app, tx, row.tenant, settings).await?;
        let audience = Places::read(tx, row, channel).await?;
        let lists = app.numbers.at_hand(tx, row.tenant).await?;
        let is_there = |register: &str| {
            let mut bearing = lists.lists().iter().filter(|list| list.bears_on(channel) && !list.is_own());
            bearing.any(|list| list.list.register == register && list.state != ListState::NotLoaded)
        };
        let needed = rules.lists_needed(channel, &subject).into_iter().filter(|(_, register)| !is_there(register));
        let unscrubbed = needed.filter_map(|(question, register)| {
            let contacts = audience.concerned_by(&question);
            (contacts > 0).then(|| UnscrubbedRule { register, concerned: ConcernedRule::of(question, contacts) })
        });
        let concerned = |questions: Vec<OpenQuestion>| {
            let mut found: Vec<ConcernedRule> = Vec::new();
            for question in questions {
                let contacts = audience.concerned_by(&question);
                // one rule in several versions is one decision
                if contacts > 0 && !found.iter().any(|f| *f.rule == *question.rule.id) {
                    found.push(ConcernedRule::of(question, contacts));
                }
            }
            found
        };
        let content = GroupContent::read(tx, row, settings).await?;
        let (mut lacking, mut to_confirm) = (Vec::new(), Vec::new());
        for need in rules.content_needed(channel, &subject, app.clock.now()) {
            let contacts = audience.concerned_by(&need.question);
            let Some(content) = content.as_ref().filter(|_| contacts > 0) else { continue };
            let (requirement, concerned) = (need.requirement, ConcernedRule::of(need.question, contacts));
            match content.look(&requirement, channel) {
                Seen::There => {}
                Seen::Lacking(detail) => lacking.push(LackingContent { requirement, detail, concerned }),
                Seen::Untold => to_confirm.push(ConfirmedContent { requirement, concerned }),
            }
        }
        Ok(Self {
            lacking,
            to_confirm,
            clash: settings.clash(class.as_deref()),
            purpose: subject.purpose,
            tech: subject.tech,
            unanswered: concerned(rules.open_questions(channel, &subject)),
            disabled: concerned(rules.dormant_rules(channel, &subject)),
            unscrubbed: unscrubbed.collect(),
            looked_at: audience.people,
        })
    }

    /// Refuses a start while a rule that concerns the group's people is not decided.
    pub fn admit(self) -> Result<Vec<ConcernedRule>, ApiError> {
        if let Some(detail) = self.clash {
            return Err(ApiError::validation(vec![clash_at("/settings", detail)]));
        }
        if self.unanswered.is_empty() {
            return self.admit_content()?.admit_scrubbed();
        }
        let names: Vec<&str> = self.unanswered.iter().map(|r| r.rule.as_str()).collect();
        let detail = format!(
            "legal rules for {} concern the group's people and are neither turned on nor waived: {}",
            self.purpose.as_str(),
            names.join(", ")
        );
        let error = |rule: &ConcernedRule| {
            let detail = format!(
                "{0} ({1}), {2} contacts: turn it on or waive it, with a reason: PUT /compliance/legal-rules/{0}/setting",
                rule.rule, rule.citation, rule.contacts
            );
            FieldError::new(format!("/legalRules/{}", rule.rule), "rules_unanswered", detail)
        };
        Err(ApiError::new(Code::RulesUnanswered, detail).with_errors(self.unanswered.iter().map(error).collect()))
    }
}

impl LegalStanding {
    /// Refuses a start while the content lacks what the law asks for.
    fn admit_content(self) -> Result<Self, ApiError> {
        let Some(first) = self.lacking.first() else { return Ok(self) };
        let rule = &first.concerned.rule;
        let detail = format!("the content lacks {}, for which {rule} asks: {}", first.requirement, first.detail);
        let error = |lacking: &LackingContent| {
            let LackingContent { requirement, detail, concerned: ConcernedRule { rule, citation, contacts, .. } } =
                lacking;
            let detail = format!("{requirement} by {rule} ({citation}), {contacts} contacts: {detail}");
            FieldError::new(format!("/legalRules/{rule}"), "content_incomplete", detail)
        };
        Err(ApiError::new(Code::ContentIncomplete, detail).with_errors(self.lacking.iter().map(error).collect()))
    }

    /// Refuses a start while a register that the law wants asked was never loaded.
    fn admit_scrubbed(self) -> Result<Vec<ConcernedRule>, ApiError> {
        let Some(first) = self.unscrubbed.first() else { return Ok(self.disabled) };
        let detail = format!(
            "{} for {} asks for the list of numbers {}, which is not loaded: load it, or waive the rule if the list is \
             asked elsewhere",
            first.concerned.rule,
            self.purpose.as_str(),
            first.register
        );
        let error = |rule: &UnscrubbedRule| {
            let UnscrubbedRule { register, concerned: ConcernedRule { rule, citation, contacts, .. } } = rule;
            let detail = format!("{rule} ({citation}), {contacts} contacts: load {register} or waive the rule");
            FieldError::new(format!("/legalRules/{rule}"), "dnc_not_loaded", detail)
        };
        Err(ApiError::new(Code::DncNotLoaded, detail).with_errors(self.unscrubbed.iter().map(error).collect()))
    }
}

impl ConcernedRule {
    fn of(question: OpenQuestion, contacts: i64) -> Self {
        let area = match &question.region {
            Some(region) => format!("{}-{region}", question.country),
            None => question.country,
        };
        let OpenQuestion { rule, kind, citation, note, .. } = question;
        Self { rule: rule.id.to_string(), kind, area, citation, note, contacts }
    }
}

async fn rules_of(app: &App, tx: &mut Tx, tenant: i64, settings: &CampaignSettings) -> Result<RuleSet, ApiError> {
    let documents = app.rules.documents(tx, tenant).await?;
    let selected: Vec<String> = settings.rules.iter().map(Uuid::to_string).collect();
    let selected: Vec<&str> = selected.iter().map(String::as_str).collect();
    Ok(RuleSet::compile(&documents, &selected, &app.rules.zones))
}

/// Where a group's people are: all of them, however many.
struct Places {
    channel: Channel,
    /// Those of which no place is known are there, too.
    devices: Vec<(Option<Location>, LineType, i64)>,
    contacts: Vec<(Location, i64)>,
    people: i64,
}

impl Places {
    async fn read(tx: &mut Tx, row: &GroupRow, channel: Channel) -> Result<Self, ApiError> {
        let kind = DeviceKind::for_channel(channel).code();
        let mut counts: BTreeMap<(i16, i16, i64), i64> = BTreeMap::new();
        for list in lists_of(tx, row).await? {
            let places = tx.list_places(&list).await?.into_iter().filter(|p| p.kind == kind || p.kind == 0);
            for place in places {
                *counts.entry((place.kind, place.line_type, place.location)).or_insert(0) += place.count;
            }
        }
        let wanted: Vec<i64> = counts.keys().map(|(_, _, location)| *location).collect();
        let known = Locations::new().resolve(tx, &wanted).await?;
        let mut found = Self { channel, devices: Vec::new(), contacts: Vec::new(), people: 0 };
        for ((kind, line, number), count) in counts {
            found.people += if kind == 0 { count } else { 0 };
            let location = known.get(&number).cloned();
            match (kind, location) {
                (0, location) => found.contacts.extend(location.map(|at| (at, count))),
                (_, location) => found.devices.push((location, LineType::from_code(line), count)),
            }
        }
        Ok(found)
    }

    /// How many people a rule concerns at least: by their own places or those of their devices.
    fn concerned_by(&self, question: &OpenQuestion) -> i64 {
        let is_about = |line: LineType| question.is_about_line(self.channel, line);
        let lines = self.devices.iter().filter(|(_, line, _)| is_about(*line));
        let there = |at: &Option<Location>| at.as_ref().is_some_and(|at| is_law_at(question, at));
        let by_device: i64 = lines.clone().filter(|(at, ..)| there(at)).map(|(.., count)| count).sum();
        let contacts = self.contacts.iter().filter(|(at, _)| is_law_at(question, at));
        // a person is concerned by the own place only with a line that the rule is about
        let reached: i64 = lines.map(|(.., count)| count).sum();
        let by_contact = contacts.map(|(_, count)| count).sum::<i64>().min(reached);
        // several devices may be one person's
        by_device.max(by_contact).min(self.people)
    }
}

/// The lists of a group.
async fn lists_of(tx: &mut Tx, row: &GroupRow) -> Result<Vec<ContactList>, ApiError> {
    let mut lists = Vec::new();
    for entry in tx.group_lists(row.number).await? {
        lists.extend(tx.contact_list_of_number(row.tenant, entry.list).await?);
    }
    Ok(lists)
}

/// Counts the people of a group's large lists where nobody did since they changed. Goes before the transaction that
/// asks: a pass over a million contacts must not hold the writer of SQLite.
pub(crate) async fn count_people(app: &App, row: &GroupRow) -> Result<(), ApiError> {
    let lists = lists_of(&mut app.db.read().await?, row).await?;
    for list in lists {
        keep_list_places(&app.db, &list).await?;
    }
    Ok(())
}

/// Whether a rule is law where somebody may be.
fn is_law_at(question: &OpenQuestion, place: &Location) -> bool {
    let regions = place.regions().iter().map(|name| &**name);
    place.country().is_some_and(|country| question.is_law_at(country.as_str(), regions))
}

/// How a campaign group stands to the law: what must be decided before it starts, and which rules are off
#[utoipa::path(get, path = "/campaign-groups/{id}/legal-standing", tag = "Campaigns", operation_id = "getLegalStanding",
    params(("id" = Uuid, Path, description = "The campaign group.")),
    responses((status = OK, body = LegalStanding), ApiError))]
pub(crate) async fn get(
    State(app): State<App>,
    principal: Principal,
    ApiPath(id): ApiPath<Uuid>,
) -> Result<axum::Json<LegalStanding>, ApiError> {
    let missing = || ApiError::not_found("campaign group");
    let row = app.db.read().await?.group_get(principal.tenant, id, false).await?.ok_or_else(missing)?;
    count_people(&app, &row).await?;
    let mut tx = app.db.read().await?;
    let body = document::get::<CampaignGroup>(&mut tx, principal.tenant, id).await?.ok_or_else(missing)?.body.0;
    let channel = resolve(&mut tx, principal.tenant, &body).await?.0.channel();
    let settings = body.settings.unwrap_or_default();
    Ok(axum::Json(LegalStanding::of(&app, &mut tx, &row, channel, &settings).await?))
}
