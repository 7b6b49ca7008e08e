//! Domain types and pure rules of cxc. No I/O, no async, no clock: an instant is always handed in.

pub mod agent_phones;
pub mod attempt;
pub mod call_media;
pub mod call_prompts;
pub mod call_script;
pub mod call_settings;
pub mod caller_id;
pub mod campaign;
pub mod channel;
pub mod compliance;
pub mod compliance_data;
pub mod consent;
pub mod contact;
pub mod csv_cell;
pub mod device;
pub mod email;
pub mod enumerations;
pub mod field;
pub mod field_error;
pub mod group_state;
pub mod hash;
pub mod kind;
pub mod location;
pub mod number_set;
pub mod opt_out;
pub mod phone;
pub mod phone_address;
pub mod record;
pub mod recording;
pub mod seen_filter;
pub mod selection;
pub mod sms;
pub mod storable;
pub mod told_state;
pub mod treatment;
pub mod written_reason;

/// A tenant's number: the key of every large table, never reused.
pub type TenantNo = i64;
/// An instant as it is stored: microseconds since 1970-01-01T00:00:00Z.
pub type Micros = i64;
