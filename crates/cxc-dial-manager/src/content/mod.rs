//! Content: what is said, and how it is rendered for one contact.
