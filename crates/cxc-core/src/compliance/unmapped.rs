//! What a tenant decides for people whose zone is not known, or not in full.
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::wall_time::DayWindow;

/// Which parts of a location say by whose clocks hours are read. The law of the number that is called and of every place that is
/// told of the contact holds besides.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Sources {
    /// Those of the contact and of the device to be used.
    #[default]
    ContactAndDevice,
    /// Those of every other device too.
    AllDevices,
    /// That of the device to be used.
    Device,
    /// Those of the contact.
    Contact,
    /// Those of the contact if they tell a zone, else that of the device.
    ContactThenDevice,
}

/// What to do where a postal code tells no zone.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum OnUnmapped {
    /// Contact only in the unmapped window; outside the United States and Canada, when it is day in every zone
    /// of the country.
    #[default]
    Restrict,
    /// Decide by the other parts.
    Ignore,
    /// Take the tenant's default zone.
    TenantDefaultZone,
    /// Contact only when it is day in every zone of the country; in the United States those of the 48 states.
    CountryIntersection,
    /// Do not contact.
    Block,
}

/// What to do where a phone tells no zone.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum OnUnmappedPhone {
    /// Restrict unless another phone tells its zone.
    #[default]
    IgnoreBesideMapped,
    /// Contact only in the unmapped window; outside the United States and Canada, when it is day in every zone
    /// of the country.
    Restrict,
    /// Decide by the other parts.
    Ignore,
    /// Take the tenant's default zone.
    TenantDefaultZone,
    /// Contact only when it is day in every zone of the country; in the United States those of the 48 states.
    CountryIntersection,
    /// Do not contact.
    Block,
}

/// What holds for people whose zone is not known, or not in full.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct UnmappedPolicy {
    /// Which parts are looked at.
    #[serde(default)]
    pub sources: Sources,
    /// Postal codes without a zone.
    #[serde(default)]
    pub postal: OnUnmapped,
    /// Phones without a zone.
    #[serde(default)]
    pub phone: OnUnmappedPhone,
    /// The only hours of every day, by the clocks of `zone`.
    #[serde(default = "unmapped_window")]
    pub window: DayWindow,
    /// The zone of the window.
    #[serde(default = "unmapped_zone")]
    pub zone: String,
    /// The zone that `tenant_default_zone` takes; without it people are restricted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_zone: Option<String>,
}

fn unmapped_window() -> DayWindow {
    DayWindow::minutes(14 * 60, 20 * 60)
}

fn unmapped_zone() -> String {
    "America/New_York".to_owned()
}

impl Default for UnmappedPolicy {
    /// 14:00-20:00 in New York: inside the usual hours from Newfoundland to Hawaii.
    fn default() -> Self {
        Self {
            sources: Sources::default(),
            postal: OnUnmapped::default(),
            phone: OnUnmappedPhone::default(),
            window: unmapped_window(),
            zone: unmapped_zone(),
            default_zone: None,
        }
    }
}
