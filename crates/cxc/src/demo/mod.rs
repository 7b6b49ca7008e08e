//! `cxc up --demo`: a tenant with made-up people and simulated carriers, at work.
mod documents;
mod make;
mod people;
mod phones;
mod watch;

pub use make::make;
pub use watch::run;

/// The tenant's short name and domain.
const TENANT: &str = "demo";
/// Its administrator.
const USER: &str = "admin";
/// The list of people.
const LIST: &str = "Demo customers";
/// The campaign groups, in the order in which they are shown.
const GROUPS: [&str; 3] = [documents::SMS_GROUP, documents::EMAIL_GROUP, documents::VOICE_GROUP];
