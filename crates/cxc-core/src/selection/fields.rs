//! The fields that rules can name.
use super::{FieldType, SelectionKind};
use crate::field::MAX_OTHERS;

/// What a field belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FieldLevel {
    /// The contact.
    Contact,
    /// One of its devices.
    Device,
    /// Its record in a campaign group.
    Record,
    /// A suppression entry.
    Suppression,
}

/// A field that rules can name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct KnownField {
    /// Its column.
    pub name: &'static str,
    /// What it belongs to.
    pub level: FieldLevel,
    /// As what an editor compares it at first. As text and as a number it can always be compared.
    pub field_type: FieldType,
}

const fn field(name: &'static str, level: FieldLevel, field_type: FieldType) -> KnownField {
    KnownField { name, level, field_type }
}

/// Every field but `c_other1` to `c_other100` and `custom:NAME`, which [`known_field`] knows too.
pub const KNOWN_FIELDS: &[KnownField] = &[
    field("c_client_id", FieldLevel::Contact, FieldType::String),
    field("c_first_name", FieldLevel::Contact, FieldType::String),
    field("c_last_name", FieldLevel::Contact, FieldType::String),
    field("c_company", FieldLevel::Contact, FieldType::String),
    field("c_country_code_iso", FieldLevel::Contact, FieldType::CountryCode),
    field("c_state_code", FieldLevel::Contact, FieldType::StateCode),
    field("c_postal_code", FieldLevel::Contact, FieldType::String),
    field("c_tz_name", FieldLevel::Contact, FieldType::Timezone),
    field("contact_info", FieldLevel::Device, FieldType::String),
    field("contact_info_type", FieldLevel::Device, FieldType::Numeric),
    field("cd_device_index", FieldLevel::Device, FieldType::Numeric),
    field("cd_device_type", FieldLevel::Device, FieldType::Numeric),
    field("cd_country_code", FieldLevel::Device, FieldType::CountryCode),
    field("cd_country_code_iso", FieldLevel::Device, FieldType::CountryCode),
    field("cd_area_code", FieldLevel::Device, FieldType::AreaCode),
    field("cd_exchange", FieldLevel::Device, FieldType::Exchange),
    field("cd_extension", FieldLevel::Device, FieldType::String),
    field("cd_state_code", FieldLevel::Device, FieldType::StateCode),
    field("cd_tz_name", FieldLevel::Device, FieldType::Timezone),
    field("Attempts", FieldLevel::Record, FieldType::Numeric),
    field("call_result", FieldLevel::Record, FieldType::Numeric),
    field("call_time", FieldLevel::Record, FieldType::Numeric),
    field("dial_sched_time", FieldLevel::Record, FieldType::Numeric),
    field("record_id", FieldLevel::Record, FieldType::Numeric),
    field("record_status", FieldLevel::Record, FieldType::Numeric),
    field("record_type", FieldLevel::Record, FieldType::Numeric),
    field("value", FieldLevel::Suppression, FieldType::String),
    field("from", FieldLevel::Suppression, FieldType::Numeric),
    field("till", FieldLevel::Suppression, FieldType::Numeric),
];

/// What stands before the name of a custom field.
const CUSTOM: &str = "custom:";

/// The longest name of a custom field, in characters.
pub const MAX_CUSTOM_NAME: usize = 100;

/// The field of a column name, as it is written: one of [`KNOWN_FIELDS`], `c_other1` to `c_other100`, or `custom:NAME`.
pub fn known_field(name: &str) -> Option<KnownField> {
    if custom_name(name).is_some() {
        return Some(field("custom", FieldLevel::Contact, FieldType::String));
    }
    if other_number(name).is_some() {
        return Some(field("c_other", FieldLevel::Contact, FieldType::String));
    }
    KNOWN_FIELDS.iter().find(|f| f.name == name).copied()
}

/// The NAME of `custom:NAME`, a custom field that an import made from a header; `None` for another name.
pub fn custom_name(name: &str) -> Option<&str> {
    let name = name.strip_prefix(CUSTOM)?;
    let fits = !name.trim().is_empty() && name.chars().count() <= MAX_CUSTOM_NAME && !name.contains('\0');
    fits.then_some(name)
}

/// The number of `c_other1` to `c_other100`; `None` for another name.
pub fn other_number(name: &str) -> Option<u8> {
    let digits = name.strip_prefix("c_other")?;
    let plain = !digits.is_empty() && !digits.starts_with('0') && digits.bytes().all(|b| b.is_ascii_digit());
    digits.parse().ok().filter(|n: &u8| plain && usize::from(*n) <= MAX_OTHERS)
}

impl SelectionKind {
    /// Whether a rule of this kind may use fields of this level.
    pub fn allows(self, level: FieldLevel) -> bool {
        match self {
            SelectionKind::Contacts => matches!(level, FieldLevel::Contact | FieldLevel::Device),
            SelectionKind::Advanced => !matches!(level, FieldLevel::Suppression),
            SelectionKind::Suppression => matches!(level, FieldLevel::Suppression),
        }
    }
}

impl KnownField {
    /// Whether it can be compared as this type: as text or number always, otherwise as what it is.
    pub fn compares_as(self, field_type: FieldType) -> bool {
        matches!(field_type, FieldType::String | FieldType::Numeric) || self.field_type == field_type
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hundred_custom_fields_are_known_and_no_more() {
        assert_eq!(other_number("c_other1"), Some(1));
        assert_eq!(other_number("c_other100"), Some(100));
        for name in ["c_other", "c_other0", "c_other01", "c_other101", "c_other+1", "c_other1x", "c_other99999999999"] {
            assert!(known_field(name).is_none(), "{name}");
        }
    }

    #[test]
    fn a_custom_field_is_named_behind_its_prefix() {
        assert_eq!(custom_name("custom:Shoe size"), Some("Shoe size"));
        let longest = format!("custom:{}", "ä".repeat(MAX_CUSTOM_NAME));
        assert!(known_field(&longest).is_some_and(|f| f.level == FieldLevel::Contact));
        for name in ["Age", "custom", "custom:", "custom: ", "Custom:Age", "custom:a\0b", &format!("{longest}x")] {
            assert!(known_field(name).is_none(), "{name}");
        }
    }

    #[test]
    fn a_field_has_one_name_and_it_is_exact() {
        assert!(known_field("Attempts").is_some());
        assert!(known_field("attempts").is_none());
        assert!(known_field("1=1; drop table contact").is_none());
        for (i, known) in KNOWN_FIELDS.iter().enumerate() {
            assert!(KNOWN_FIELDS[..i].iter().all(|f| f.name != known.name), "{}", known.name);
        }
    }
}
