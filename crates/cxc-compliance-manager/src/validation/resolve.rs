//! From what a caller says to what the check asks: read the address, find the places, hash the keys.
use std::sync::Arc;

use cxc_core::channel::Channel;
use cxc_core::compliance::{KeptColumns, KeptPart, PartKind, PartOrigin, Purpose, RuleSet, Subject, ToolAnswers};
use cxc_core::contact::{ContactPlaces, Told};
use cxc_core::device::LineType;
use cxc_core::email::EmailAddress;
use cxc_core::field_error::FieldError;
use cxc_core::location::{Country, Location, LocationTables};
use cxc_core::phone::Phone;
use cxc_server::principal::SYSTEM_TENANT;
use cxc_server::{ApiError, Code, Principal, Scope};
use cxc_store::attempt_subject::{ACCOUNT, DEBT, PERSON, collector_hash, subject_hash};

use super::Validator;
use super::ask::{Ask, word};
use super::rules::{GroupRules, TenantRules};
use super::wire::{DeviceAsked, KindAsked, ValidationRequest};

/// The longest text of an id.
const LONGEST: usize = 200;
/// The most debts of one attempt.
const DEBTS: usize = 50;
/// The most accounts of one attempt.
const ACCOUNTS: usize = 20;
/// The most consents that a caller may tell.
const CONSENTS: usize = 100;
/// The most flags of a person.
const FLAGS: usize = 20;
/// The longest reservation, milliseconds.
const LONGEST_HOLD: u32 = 3_600_000;

/// A device as it is compared and placed.
pub struct ReadDevice {
    address: String,
    line_type: LineType,
    place: Option<Location>,
    country: Option<Country>,
    area_code: String,
}

impl Validator {
    /// The tenant that a caller asks for, if it may contact anybody; see [`Validator::tenant_named`].
    pub async fn tenant_of(&self, principal: &Principal, ccid: Option<&str>) -> Result<Arc<TenantRules>, ApiError> {
        let rules = self.tenant_named(principal, ccid).await?;
        if rules.enabled { Ok(rules) } else { Err(ApiError::new(Code::Forbidden, "the tenant is disabled")) }
    }

    /// The tenant that a caller speaks for: its own, or the one that a program of the operators' tenant names by its
    /// ccid. What was attempted is told also for a tenant that is disabled meanwhile.
    pub async fn tenant_named(&self, principal: &Principal, ccid: Option<&str>) -> Result<Arc<TenantRules>, ApiError> {
        let named = ccid.filter(|c| !c.is_empty() && *c != "undefined" && *c != principal.ccid);
        let number = match named {
            None => principal.tenant,
            Some(ccid) if principal.tenant == SYSTEM_TENANT => {
                let found = self.app.db.read().await?.tenant_find(ccid).await?.filter(|t| t.ccid == ccid);
                found.ok_or_else(|| ApiError::not_found("tenant"))?.no
            }
            Some(_) => return Err(ApiError::new(Code::Forbidden, "the token belongs to another tenant")),
        };
        self.rules.tenant(number).await.map_err(|e| {
            ApiError::unavailable("the rules of the tenant can't be read: nobody is contacted", anyhow::Error::new(e))
        })
    }

    /// A question in the terms of the check. Everything that is wrong with it is named, below `pointer`.
    pub async fn resolve(
        &self,
        (principal, tenant): (&Principal, &Arc<TenantRules>),
        asked: &ValidationRequest,
        is_dial_time: bool,
        pointer: &str,
    ) -> Result<Ask, ApiError> {
        let mut errors = Vec::new();
        check_texts(asked, pointer, &mut errors);
        // one set of tables for all of it: they may be swapped at any moment
        let tables = self.kit.tables.current();
        let device = self.read_device(&tables, tenant, asked, pointer, &mut errors);
        let country = country(asked.contact.country.as_deref(), &format!("{pointer}/contact/country"), &mut errors);
        let home = tenant.country.parse().ok();
        let mut places = places(&tables, asked, (device.as_ref(), country, home), pointer, &mut errors);
        let channel = asked.kind.channel();
        let group = self.rules.group(tenant, asked.group_id, channel).await.map_err(|e| {
            ApiError::unavailable("the rules of the group can't be read: nobody is contacted", anyhow::Error::new(e))
        })?;
        if group.is_none() {
            errors.push(FieldError::new(format!("{pointer}/group_id"), "not_found", "there is no such campaign group"));
        }
        if let Some(clash) = group.as_ref().and_then(|group| group.clash.as_deref()) {
            errors.push(FieldError::new(format!("{pointer}/group_id"), "sells", clash));
        }
        if asked.rule_set_version.is_some_and(|v| v != tenant.documents.version) {
            let detail = format!("the tenant's rules have version {}", tenant.documents.version);
            errors.push(FieldError::new(format!("{pointer}/rule_set_version"), "stale", detail));
        }
        let of_group = group.as_ref().and_then(|group| group.subject.as_ref());
        let purpose = purpose(principal, asked, of_group, pointer, &mut errors)?;
        let (Some(device), Some(group), true) = (device, group, errors.is_empty()) else {
            return Err(ApiError::validation(errors));
        };
        let subject = self.subject(tenant, (asked, &group), purpose, device.line_type);
        places.extend(device_place(&device, &group.rules));
        let (key, number) = (&self.app.hash_key, tenant.tenant);
        let subject_of = |kind, text: &str| subject_hash(key, number, kind, text);
        let contact = &asked.contact;
        let client_text = contact.client_id.clone().filter(|c| !c.is_empty());
        Ok(Ask {
            tenant: Arc::clone(tenant),
            group,
            group_id: asked.group_id,
            request_id: asked.request_id.clone(),
            campaign_id: asked.campaign_id.clone(),
            trace: asked.trace.clone(),
            channel,
            device: key.hash(number, &device.address),
            address: device.address.clone(),
            client: client_text.as_deref().map(|c| key.hash(number, c)),
            client_text,
            person: contact.person_key.as_deref().map(|p| subject_of(PERSON, p)),
            accounts: contact.accounts.iter().map(|a| subject_of(ACCOUNT, a)).collect(),
            flags: contact.flags.clone(),
            debts: contact.debts.iter().map(|d| subject_of(DEBT, d)).collect(),
            places,
            subject,
            consents: contact.consents.clone(),
            guid: asked.guid.as_deref().map(|guid| guid.trim().to_owned()),
            hold: i64::from(asked.hold_ms) * 1_000,
            at: asked.intended_at.map(jiff::Timestamp::as_microsecond),
            is_dial_time: is_dial_time || asked.hold_ms > 0,
            columns: columns(asked, &device.address, &device.area_code),
            area_code: device.area_code,
            postal: contact.postal.clone().unwrap_or_default(),
            data: self.data.of(&tables),
            tools: ToolAnswers::NONE,
            fields: serde_json::Map::new(),
        })
    }

    /// What the attempt is for and whom it meets: what the request says, else what its group does.
    fn subject(
        &self,
        tenant: &TenantRules,
        (asked, group): (&ValidationRequest, &GroupRules),
        purpose: Purpose,
        line_type: LineType,
    ) -> Subject {
        let of_group = group.subject.clone().unwrap_or_default();
        let collector = |name: &str| collector_hash(&self.app.hash_key, tenant.tenant, name);
        Subject {
            purpose,
            tech: asked.tech.unwrap_or(of_group.tech),
            contact_kind: asked.contact_kind.unwrap_or(of_group.contact_kind),
            line_type: asked.line_type.or(asked.device.kind.and_then(KindAsked::line_type)).unwrap_or(line_type),
            relationship: asked.relationship.unwrap_or(of_group.relationship),
            collector: asked.collector.as_deref().map(collector).or(of_group.collector),
            topic: asked.topic.as_deref().map(Into::into).or(of_group.topic),
            brand: asked.brand.as_deref().map(Into::into).or(of_group.brand),
            ..Subject::default()
        }
    }

    fn read_device(
        &self,
        tables: &LocationTables,
        tenant: &TenantRules,
        asked: &ValidationRequest,
        pointer: &str,
        errors: &mut Vec<FieldError>,
    ) -> Option<ReadDevice> {
        let wants_email = asked.kind.channel() == Channel::Email;
        match &asked.device {
            DeviceAsked { email: Some(email), e164: None, .. } if wants_email => {
                // read as every door reads it: an opt-out of the address must find it
                let address = match EmailAddress::parse(email) {
                    Ok(email) => cxc_core::contact::address_text(email.as_str()).into_owned(),
                    Err(error) => {
                        let pointer = format!("{pointer}/device/email");
                        errors.push(FieldError::new(pointer, "invalid", error.to_string()));
                        return None;
                    }
                };
                Some(ReadDevice {
                    address,
                    line_type: LineType::Unknown,
                    place: None,
                    country: None,
                    area_code: String::new(),
                })
            }
            DeviceAsked { e164: Some(text), email: None, .. } if !wants_email => {
                let home = asked.contact.country.as_deref().unwrap_or(&tenant.country);
                let home = home.parse::<Country>().ok();
                let parsed = self.kit.phones.parse(text, home);
                for (name, other) in parsed.iter().flat_map(|_| &asked.same_device) {
                    let is_same =
                        |first: &Phone| self.kit.phones.parse(other, home).is_ok_and(|p| p.number == first.number);
                    if !parsed.as_ref().is_ok_and(is_same) {
                        let detail = "the record names another device in contact_info: name one, or the same in both";
                        errors.push(FieldError::new(format!("{pointer}/{name}"), "inconsistent", detail));
                    }
                }
                match parsed {
                    Ok(phone) => Some(ReadDevice {
                        place: Some(tables.of_phone(&phone.number, phone.line_type)),
                        address: phone.number.to_string(),
                        line_type: phone.line_type,
                        country: Some(phone.country),
                        area_code: phone.area_code().unwrap_or_default().to_owned(),
                    }),
                    Err(error) => {
                        errors.push(FieldError::new(format!("{pointer}/device/e164"), "invalid", error.to_string()));
                        None
                    }
                }
            }
            _ => {
                let wanted = if wants_email { "an email" } else { "an e164" };
                let text = format!("a validation of this type has {wanted} and nothing else");
                errors.push(FieldError::new(format!("{pointer}/device"), "invalid", text));
                None
            }
        }
    }
}

/// What an attempt is for. A group says it once for all of its attempts, and a request names no other. That it is an emergency,
/// which passes the hours, is believed of a group, since only who may change required rules makes one of that purpose, and
/// of a program that was given the scope for it.
fn purpose(
    principal: &Principal,
    asked: &ValidationRequest,
    of_group: Option<&Subject>,
    pointer: &str,
    errors: &mut Vec<FieldError>,
) -> Result<Purpose, ApiError> {
    let own = of_group.map(|group| group.purpose);
    let purpose = asked.purpose.or(own).unwrap_or_default();
    if let Some(own) = own.filter(|own| *own != purpose) {
        let own = word(&own).unwrap_or_default();
        let text = format!("the campaign group is for {own} contacts: leave the purpose out, or name that one");
        errors.push(FieldError::new(format!("{pointer}/purpose"), "not_of_group", text));
    } else if own.is_none() && purpose == Purpose::Emergency && asked.group_id.is_none() {
        principal.need(Scope::ComplianceEmergency)?;
    }
    Ok(purpose)
}

/// Where the contact's words and the device's own zone say that the person may be.
fn places(
    tables: &LocationTables,
    asked: &ValidationRequest,
    (device, country, home): (Option<&ReadDevice>, Option<Country>, Option<Country>),
    pointer: &str,
    errors: &mut Vec<FieldError>,
) -> Vec<KeptPart> {
    let mut zone = |text: Option<&str>, member: &str| {
        let found = tables.of_zone(text.filter(|t| !t.is_empty())?);
        if found.is_err() {
            let text = "a time zone is an IANA name, such as Europe/Berlin";
            errors.push(FieldError::new(format!("{pointer}/{member}"), "invalid", text));
        }
        found.ok()
    };
    let told = Told {
        zone: zone(asked.contact.tz.as_deref(), "contact/tz"),
        country,
        home: country.or_else(|| device.and_then(|d| d.country)).or(home),
        postal: asked.contact.postal.as_deref().unwrap_or_default().trim(),
        state: asked.contact.state.as_deref().unwrap_or_default().trim(),
    };
    let mistaken = told.country_of_state(tables).err();
    let contact = ContactPlaces::default().find(tables, told);
    let explicit = zone(asked.device.tz.as_deref(), "device/tz");
    if let Some(problem) = mistaken {
        errors.push(FieldError::new(format!("{pointer}/contact/state"), "invalid", problem.to_string()));
    }
    let mut places: Vec<KeptPart> = contact.iter().flat_map(KeptPart::of_contact).collect();
    places.extend(explicit.iter().map(|l| KeptPart::of(l, PartKind::Explicit, PartOrigin::Device)));
    places
}

/// Where the device is.
fn device_place(device: &ReadDevice, rules: &RuleSet) -> Option<KeptPart> {
    let number = (device.country.as_ref().map(Country::as_str), device.area_code.as_str());
    KeptPart::of_phone(device.place.as_ref(), rules.custom_zones(), number, PartOrigin::Device)
}

/// The columns of the contact and the device, as far as the caller tells them.
fn columns(asked: &ValidationRequest, address: &str, area_code: &str) -> KeptColumns {
    let contact = &asked.contact;
    let mut columns = asked.columns.clone();
    let known = [
        ("c_client_id", contact.client_id.as_deref()),
        ("c_postal_code", contact.postal.as_deref()),
        ("c_country_code", contact.country.as_deref()),
        ("c_state_code", contact.state.as_deref()),
        ("contact_info", Some(address)),
        ("cd_area_code", Some(area_code)),
    ];
    for (name, text) in known {
        if let Some(text) = text.filter(|t| !t.is_empty()) {
            columns.insert(name.to_owned(), text.to_owned());
        }
    }
    KeptColumns(columns)
}

fn country(text: Option<&str>, pointer: &str, errors: &mut Vec<FieldError>) -> Option<Country> {
    let text = text.filter(|t| !t.is_empty())?;
    let found = text.parse::<Country>().ok();
    if found.is_none() {
        errors.push(FieldError::new(
            pointer.to_owned(),
            "invalid",
            "a country is two letters of ISO 3166-1, such as DE",
        ));
    }
    found
}

/// What is too long, too much or does not go together.
fn check_texts(asked: &ValidationRequest, pointer: &str, errors: &mut Vec<FieldError>) {
    let mut refuse = |member: &str, code, text: String| {
        errors.push(FieldError::new(format!("{pointer}/{member}"), code, text));
    };
    let contact = &asked.contact;
    let texts = [
        ("request_id", &asked.request_id),
        ("campaign_id", &asked.campaign_id),
        ("trace", &asked.trace),
        ("guid", &asked.guid),
        ("collector", &asked.collector),
        ("topic", &asked.topic),
        ("brand", &asked.brand),
        ("contact/client_id", &contact.client_id),
        ("contact/person_key", &contact.person_key),
        ("contact/postal", &contact.postal),
        ("contact/state", &contact.state),
    ];
    for (member, text) in texts {
        if text.as_ref().is_some_and(|t| t.len() > LONGEST) {
            refuse(member, "too_long", format!("at most {LONGEST} bytes"));
        }
    }
    if asked.guid.as_deref().is_some_and(|g| g.trim().is_empty()) {
        refuse("guid", "invalid", "an id of the attempt, or none".into());
    }
    if contact.accounts.len() > ACCOUNTS {
        refuse("contact/accounts", "too_many_items", format!("at most {ACCOUNTS} accounts an attempt"));
    }
    if contact.debts.len() > DEBTS {
        refuse("contact/debts", "too_many_items", format!("at most {DEBTS} debts an attempt"));
    }
    if contact.accounts.iter().chain(&contact.debts).any(|t| t.is_empty() || t.len() > LONGEST) {
        refuse("contact", "invalid", format!("accounts and debts have 1 to {LONGEST} bytes"));
    }
    if contact.flags.as_ref().is_some_and(|f| f.len() > FLAGS) {
        refuse("contact/flags", "too_many_items", format!("at most {FLAGS} flags"));
    }
    if contact.consents.len() > CONSENTS {
        refuse("contact/consents", "too_many_items", format!("at most {CONSENTS} consents"));
    }
    for (at, consent) in contact.consents.iter().enumerate().take(CONSENTS) {
        if let Some(problem) = consent.asked_for_problem() {
            refuse(&format!("contact/consents/{at}/askedFor"), "invalid", problem.into());
        }
    }
    let wants_email = asked.kind.channel() == Channel::Email;
    if asked.device.kind.is_some_and(|kind| (kind == KindAsked::Email) != wants_email) {
        let wanted = if wants_email { "email" } else { "phone, mobile, fixed or voip" };
        refuse("device/kind", "invalid", format!("the device of a validation of this type is {wanted}"));
    }
    let of_kind = asked.device.kind.and_then(KindAsked::line_type);
    if of_kind.is_some() && asked.line_type.is_some() && of_kind != asked.line_type {
        refuse("device/kind", "contradiction", "it tells another line than line_type".into());
    }
    if asked.hold_ms > LONGEST_HOLD {
        refuse("hold_ms", "too_large", format!("at most {LONGEST_HOLD} milliseconds"));
    }
    if asked.hold_ms > 0 && asked.intended_at.is_some() {
        refuse("intended_at", "invalid", "a reservation is for now".into());
    }
}
