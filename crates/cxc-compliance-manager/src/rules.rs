//! Compliance rules as documents: contact times and dates, attempt, location, custom and external rules, time zones. Every edit moves the version
//! of the tenant's rule set, so that senders read it anew.
use cxc_core::compliance::{
    AttemptRule as AttemptRuleBody, ContactDates as ContactDatesBody, ContactTimes as ContactTimesBody,
    CustomRule as CustomRuleBody, CustomTimeZone as TimeZoneBody, ExternalRule as ExternalRuleBody,
    LocationRule as LocationRuleBody, Zones,
};
use cxc_core::field_error::FieldError;
use cxc_core::kind;
use cxc_server::document::{NoExtra, Removal, Write};
use cxc_server::{ApiError, App, Document, Principal, Scope};
use cxc_store::object_query::ObjectField;
use jiff::civil::Date;
use serde::ser::Error;
use serde::{Deserialize, Serialize, Serializer};
use utoipa::ToSchema;

use crate::legal_rules::yesterday;

/// Only those who may change required items change a rule that is, or was, required.
fn may_require(principal: &Principal, before: bool, after: bool) -> Result<(), ApiError> {
    if before || after { principal.need(Scope::ComplianceRequired) } else { Ok(()) }
}

macro_rules! rule_document {
    ($(#[$doc:meta])* $type:ident($body:ident), $kind:expr, $noun:literal, $path:literal, $filters:expr, $required:expr $(, secret $secret:literal)? $(, zones $zones:expr)? $(, written $written:expr)? $(, dates $dates:expr)?) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Deserialize, ToSchema)]
        #[serde(transparent)]
        pub struct $type(pub $body);

        /// Without the rule's own name, which would stand in the way of the document's.
        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                let mut body = serde_json::to_value(&self.0).map_err(S::Error::custom)?;
                if let Some(members) = body.as_object_mut() {
                    members.shift_remove("name");
                }
                body.serialize(serializer)
            }
        }

        impl Document for $type {
            const KIND: &'static str = $kind;
            const NOUN: &'static str = $noun;
            const PATH: &'static str = $path;
            const TAG: &'static str = "Compliance";
            const READ: Scope = Scope::ComplianceRead;
            const WRITE: Scope = Scope::ComplianceWrite;
            const FILTERS: &'static [ObjectField] = $filters;
            const SECRETS: &'static [&'static str] = &[$($secret)?];
            type Extra = NoExtra;

            /// Also what a rule that was stored before may lack.
            fn validate(&self) -> Vec<FieldError> {
                let errors = self.0.validate();
                $(
                    let written: fn(&$body) -> Vec<FieldError> = $written;
                    let errors: Vec<FieldError> = errors.into_iter().chain(written(&self.0)).collect();
                )?
                errors
            }

            $(async fn prepare(&mut self, app: &App, _: &Principal) -> Result<(), ApiError> {
                let zone_errors: fn(&$body, &Zones) -> Vec<FieldError> = $zones;
                let errors = zone_errors(&self.0, &app.rules.zones);
                if errors.is_empty() { Ok(()) } else { Err(ApiError::validation(errors)) }
            })?

            async fn before_write(write: &mut Write<'_, Self>) -> Result<(), ApiError> {
                let required: fn(&$body) -> bool = $required;
                let before = write.before.is_some_and(|b| required(&b.body.0));
                $(
                    let dates: fn(&$body, Date) -> Vec<FieldError> = $dates;
                    let from = yesterday(write.app);
                    let errors = dates(&write.after.body.0, from);
                    // what is over already may get another name
                    let was_idle = write.before.is_some_and(|b| !dates(&b.body.0, from).is_empty());
                    if !errors.is_empty() && !was_idle {
                        return Err(ApiError::validation(errors));
                    }
                )?
                may_require(write.principal, before, required(&write.after.body.0))
            }

            async fn after_write(write: &mut Write<'_, Self>) -> Result<(), ApiError> {
                Ok(write.tx.rule_set_moved(write.principal.tenant).await?)
            }

            async fn before_delete(removal: &mut Removal<'_, Self>) -> Result<(), ApiError> {
                let required: fn(&$body) -> bool = $required;
                may_require(removal.principal, required(&removal.document.body.0), false)?;
                Ok(removal.tx.rule_set_moved(removal.principal.tenant).await?)
            }
        }
    };
}

rule_document! {
    /// Hours of the week in which people may be contacted.
    ContactTimesRule(ContactTimesBody), kind::CONTACT_TIMES, "contact times rule", "/compliance/contact-times",
    &[ObjectField::Text("country"), ObjectField::Text("region")], |body| body.required,
    written |body| body.unexplained().into_iter().chain(body.idle()).collect()
}

rule_document! {
    /// A day on which people may not be contacted, or only in hours of its own.
    ContactDatesRule(ContactDatesBody), kind::CONTACT_DATES, "contact dates rule", "/compliance/contact-dates",
    &[ObjectField::Text("country"), ObjectField::Text("region"), ObjectField::Text("date")], |_| true,
    dates ContactDatesBody::idle
}

rule_document! {
    /// At most so many attempts in a window.
    AttemptRule(AttemptRuleBody), kind::ATTEMPT_RULE, "attempt rule", "/compliance/attempt-rules",
    &[ObjectField::Bool("required"), ObjectField::Integer("priority")], |body| body.required
}

rule_document! {
    /// Where an attempt may not be made, or where alone it may.
    LocationRule(LocationRuleBody), kind::LOCATION_RULE, "location rule", "/compliance/location-rules",
    &[ObjectField::Bool("required"), ObjectField::Text("effect"), ObjectField::Text("matchOn")], |body| body.required,
    zones LocationRuleBody::zone_errors, written |body| body.idle_area_codes().into_iter().chain(body.idle()).collect()
}

rule_document! {
    /// A condition of the tenant's own that must hold.
    CustomRule(CustomRuleBody), kind::CUSTOM_RULE, "custom rule", "/compliance/custom-rules",
    &[ObjectField::Bool("required")], |body| body.required, written |body| body.idle().into_iter().collect()
}

rule_document! {
    /// A service of the tenant's own that is asked before an attempt.
    ExternalRule(ExternalRuleBody), kind::EXTERNAL_RULE, "external rule", "/compliance/external-rules",
    &[ObjectField::Bool("required"), ObjectField::Text("url")], |body| body.required, secret "/headers"
}

rule_document! {
    /// The zone of the phones of a country and some area codes.
    TimeZone(TimeZoneBody), kind::TIME_ZONE, "time zone", "/compliance/time-zones",
    &[ObjectField::Text("country"), ObjectField::Text("timezone")], |_| true, zones TimeZoneBody::zone_errors,
    written |body| body.unexplained().into_iter().chain(body.idle_area_codes()).collect()
}
