//! A contact as the API shows it.
use std::collections::BTreeMap;

use cxc_core::device::{DeviceKind, LineType};
use cxc_core::enumerations::ContactType;
use cxc_store::contact::{Contact, Device, FullContact};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A contact.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ContactView {
    /// Its id: a whole number as text.
    pub id: String,
    /// The customer's own key.
    #[schema(required)]
    pub client_id: Option<String>,
    /// Its fields by column: `c_first_name`, `c_other1`, or the name of a custom field.
    pub fields: BTreeMap<String, String>,
    /// Its devices by index.
    pub devices: Vec<DeviceView>,
}

/// A device of a contact.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DeviceView {
    /// Its place, 1 to 10.
    pub index: i16,
    /// The number in E.164 form, or the email address.
    pub number: String,
    /// Phone or email.
    #[schema(required)]
    pub kind: Option<DeviceKind>,
    /// What it is to the contact.
    #[serde(rename = "type")]
    pub contact_type: ContactType,
    /// What is known of the line.
    pub line_type: LineType,
    /// The extension of a phone.
    #[schema(required)]
    pub extension: Option<String>,
    /// The country of a phone.
    #[schema(required)]
    pub country: Option<String>,
}

/// A contact as it is written.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct ContactInput {
    /// The customer's own key.
    #[schema(max_length = 64)]
    pub client_id: Option<String>,
    /// Its fields by column: `c_first_name`, `c_last_name`, `c_company`, `c_country_code_iso`, `c_state_code`,
    /// `c_postal_code`, `c_tz_name`, `c_other1` to `c_other100`, or another name for a custom field.
    pub fields: BTreeMap<String, String>,
    /// Its devices, 1 to 10.
    #[schema(min_items = 1, max_items = 10)]
    pub devices: Vec<DeviceInput>,
}

/// A device as it is written.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DeviceInput {
    /// Its place; the next free one when absent.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 10)]
    pub index: Option<i16>,
    /// A phone number or an email address.
    #[schema(max_length = 128)]
    pub number: String,
    /// What it is to the contact.
    #[serde(rename = "type", default)]
    pub contact_type: Option<ContactType>,
}

impl From<Device> for DeviceView {
    fn from(d: Device) -> Self {
        Self {
            index: d.position,
            kind: DeviceKind::from_code(d.kind),
            number: d.address,
            contact_type: ContactType::from_code(d.r#type).unwrap_or(ContactType::None),
            line_type: LineType::from_code(d.line_type),
            extension: d.extension,
            country: d.country,
        }
    }
}

impl From<FullContact> for ContactView {
    fn from(full: FullContact) -> Self {
        Self {
            id: full.contact.id.to_string(),
            client_id: full.contact.client_id.clone(),
            fields: fields(&full.contact),
            devices: full.devices.into_iter().map(DeviceView::from).collect(),
        }
    }
}

/// Contacts as the API shows them.
pub fn views(contacts: Vec<FullContact>) -> Vec<ContactView> {
    contacts.into_iter().map(ContactView::from).collect()
}

fn fields(contact: &Contact) -> BTreeMap<String, String> {
    let own = [
        ("c_first_name", &contact.first_name),
        ("c_last_name", &contact.last_name),
        ("c_company", &contact.company),
        ("c_country_code_iso", &contact.country),
        ("c_state_code", &contact.region),
        ("c_postal_code", &contact.postal),
        ("c_tz_name", &contact.zone),
    ];
    let custom = contact.custom.as_deref().and_then(|json| serde_json::from_str::<BTreeMap<String, String>>(json).ok());
    let own = own.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value.clone()?)));
    own.chain(custom.unwrap_or_default()).collect()
}
