//! `/compliance/number-lists`: national registers and the customer's own lists of up to a hundred million numbers. Their
//! numbers are versions of a compressed set; files are loaded by the list builder.
use cxc_core::channel::Channel;
use cxc_core::field_error::FieldError;
use cxc_core::kind;
use cxc_core::location::Country;
use cxc_core::number_set::NumberListKind;
use cxc_core::phone::PhoneNumber;
use cxc_server::app::time_text;
use cxc_server::document::{Extras, Removal, Write};
use cxc_server::{ApiError, Code, Document, Scope};
use cxc_store::number_list::{MOST_LISTS, NumberList as Row};
use cxc_store::object_query::ObjectField;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

const DAY: i64 = 24 * 3600 * 1_000_000;
const MOST_CANARIES: usize = 100;

/// Numbers of which it is known whether the list holds them: a file that gets them wrong is another list.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct CanaryNumbers {
    /// It must hold these.
    #[schema(max_items = 100)]
    pub listed: Vec<PhoneNumber>,
    /// It must not hold these.
    #[schema(max_items = 100)]
    pub not_listed: Vec<PhoneNumber>,
}

/// A list of numbers.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NumberList {
    /// What it is for. Stays as it is.
    pub kind: NumberListKind,
    /// The country that it speaks of: numbers in files without a country are of it. A customer's list may do without.
    #[serde(default)]
    pub jurisdiction: Option<Country>,
    /// The name by which legal rules know it; by default that of its country: US-DNC, CA-DNCL, GB-TPS, AU-DNCR.
    #[serde(default)]
    #[schema(pattern = "^[A-Z]{2}-[A-Z0-9-]{1,28}$")]
    pub register: Option<String>,
    /// The channels that it bears on.
    #[schema(min_items = 1, max_items = 2)]
    pub channels: Vec<Channel>,
    /// From this age of its numbers on it counts as not loaded; the legal age is that of the rules.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 3650)]
    pub max_age_days: Option<i64>,
    /// What every version must hold and must not hold.
    #[serde(default)]
    pub canaries: Option<CanaryNumbers>,
}

impl NumberList {
    fn register_name(&self) -> Option<String> {
        self.register.clone().or_else(|| self.kind.register(self.jurisdiction))
    }

    fn row(&self, tenant: i64, id: uuid::Uuid) -> Row {
        Row {
            number: 0,
            tenant,
            id,
            kind: self.kind.as_str().into(),
            register: self.register_name().unwrap_or_else(|| id.to_string()),
            jurisdiction: self.jurisdiction.map(|country| country.to_string()),
            channels: self.channels.iter().fold(0, |bits, channel| bits | channel.bit()),
            max_age_days: self.max_age_days,
            active: 0,
        }
    }
}

/// Where a list of numbers stands.
#[derive(Debug, Clone, Default, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct NumberListStanding {
    /// `not_loaded`, `loaded`, or `stale` past its own age or, where its age counts, if its day is over a day ahead.
    pub state: String,
    /// The version that is asked.
    #[schema(required)]
    pub active_version: Option<i64>,
    /// When its numbers are of.
    #[schema(format = DateTime, required)]
    pub as_of: Option<String>,
    /// Their age in whole days.
    #[schema(required)]
    pub age_days: Option<i64>,
    /// How many they are.
    pub numbers: i64,
}

impl Document for NumberList {
    const KIND: &'static str = kind::NUMBER_LIST;
    const NOUN: &'static str = "number list";
    const PATH: &'static str = "/compliance/number-lists";
    const TAG: &'static str = "Compliance";
    const READ: Scope = Scope::ComplianceRead;
    const WRITE: Scope = Scope::ComplianceRequired;
    const FILTERS: &'static [ObjectField] = &[ObjectField::Text("kind"), ObjectField::Text("jurisdiction")];
    type Extra = NumberListStanding;

    fn validate(&self) -> Vec<FieldError> {
        let mut errors = Vec::new();
        let mut error = |pointer: &str, code, detail: &str| errors.push(FieldError::new(pointer, code, detail));
        let phones = |channels: &[Channel]| !channels.is_empty() && !channels.contains(&Channel::Email);
        if !phones(&self.channels) {
            error("/channels", "invalid", "a list of numbers bears on voice, sms or both");
        }
        if self.kind != NumberListKind::Customer && self.jurisdiction.is_none() {
            error("/jurisdiction", "missing", "a list that a rule asks has the country of the rule, such as US");
        }
        if self.kind == NumberListKind::Customer && self.register.is_some() {
            error("/register", "invalid", "a customer's list is not asked by a legal rule and has no register");
        }
        if self.register.as_deref().is_some_and(|name| !is_register(name)) {
            error("/register", "invalid", "a register is a country, a hyphen and a name, such as US-DNC");
        }
        if self.max_age_days.is_some_and(|days| !(1..=3650).contains(&days)) {
            error("/maxAgeDays", "range", "an age is 1 to 3650 days");
        }
        let canaries = self.canaries.clone().unwrap_or_default();
        for (pointer, list) in [("/canaries/listed", &canaries.listed), ("/canaries/notListed", &canaries.not_listed)] {
            if list.len() > MOST_CANARIES {
                error(pointer, "too_many", "a list has at most 100 canary numbers of each kind");
            }
        }
        if canaries.listed.iter().any(|number| canaries.not_listed.contains(number)) {
            error("/canaries", "invalid", "a canary number is either listed or not listed");
        }
        errors
    }

    async fn before_write(write: &mut Write<'_, Self>) -> Result<(), ApiError> {
        let named = std::mem::take(&mut write.after.body.channels);
        write.after.body.channels = Channel::ALL.into_iter().filter(|channel| named.contains(channel)).collect();
        match write.before {
            Some(before) if before.body.kind != write.after.body.kind => {
                Err(ApiError::invalid("/kind", "not_editable", "the kind of a number list stays as it is"))
            }
            Some(_) => Ok(()),
            None if write.tx.number_list_count(write.principal.tenant).await? >= MOST_LISTS => {
                Err(ApiError::new(Code::TooManyItems, "a tenant has at most 32 lists of numbers"))
            }
            None => Ok(()),
        }
    }

    async fn after_write(write: &mut Write<'_, Self>) -> Result<(), ApiError> {
        let row = write.after.body.row(write.principal.tenant, write.after.id);
        match write.before {
            Some(_) => write.tx.number_list_update(&row).await?,
            None => write.tx.number_list_insert(&row).await?,
        }
        Ok(())
    }

    async fn before_delete(removal: &mut Removal<'_, Self>) -> Result<(), ApiError> {
        removal.tx.number_list_delete(removal.principal.tenant, removal.document.id).await?;
        Ok(())
    }

    async fn extra(extras: &mut Extras<'_, Self>) -> Result<Vec<NumberListStanding>, ApiError> {
        let rows = extras.tx.number_lists_active(&[extras.tenant]).await?;
        let now = extras.app.now();
        let of = |id| rows.iter().find(|row| row.list.id == id);
        Ok(extras
            .documents
            .iter()
            .map(|document| of(document.id).map(|row| status(row, now)).unwrap_or_default())
            .collect())
    }
}

fn status(row: &cxc_store::number_list::ActiveList, now: i64) -> NumberListStanding {
    let age = row.as_of.map(|as_of| (now - as_of).max(0));
    let is_old = row.list.max_age_days.is_some_and(|days| age.is_some_and(|age| age > days * DAY));
    let has_age = row.list.kind() != NumberListKind::Customer || row.list.max_age_days.is_some();
    let is_ahead = has_age && row.as_of.is_some_and(|as_of| as_of - now > DAY);
    NumberListStanding {
        state: match age {
            None => "not_loaded",
            Some(_) if is_old || is_ahead => "stale",
            Some(_) => "loaded",
        }
        .into(),
        active_version: row.as_of.map(|_| row.list.active),
        as_of: row.as_of.map(time_text),
        age_days: age.map(|age| age / DAY),
        numbers: row.numbers.unwrap_or(0),
    }
}

fn is_register(name: &str) -> bool {
    let Some((country, rest)) = name.split_once('-') else { return false };
    let fits = |b: u8| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'-';
    Country::from_code(country).is_some_and(|found| found.as_str() == country)
        && (1..=28).contains(&rest.len())
        && rest.bytes().all(fits)
}
