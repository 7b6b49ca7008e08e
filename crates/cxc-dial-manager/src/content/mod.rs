//! Content: what is said, and how it is rendered for one contact.
mod compiled;
pub mod confirmation;
mod document;
mod fields;
mod plain_text;
mod syntax;
#[cfg(test)]
mod tests;
mod unsubscribe;
mod validate;

pub use compiled::{CompiledContent, ContentError, Placement};
pub use document::{Content, ContentClass, ContentKind, Template};
pub use fields::{Fields, placeholder_name};
pub use plain_text::plain_text;
pub use unsubscribe::{UnsubscribeClaim, UnsubscribeKey, UnsubscribeLink};

/// The placeholder of the one-click unsubscribe link.
pub const UNSUBSCRIBE_URL: &str = "unsubscribe_url";
/// The placeholder of the sender's postal address.
pub const POSTAL_ADDRESS: &str = "postal_address";
