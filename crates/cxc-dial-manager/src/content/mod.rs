//! Content: what is said, and how it is rendered for one contact.
mod compiled;
mod document;
mod fields;
mod plain;
#[cfg(test)]
mod tests;
mod unsubscribe;

pub use compiled::{CompiledContent, ContentError};
pub use document::{ContentBody, ContentChannel, ContentClass, ContentKind, MessageTemplate};
pub use fields::{Fields, identifier, wants_custom};
pub use plain::text_of_html;
pub use unsubscribe::Unsubscribe;
