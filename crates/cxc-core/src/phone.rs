//! Phone numbers: from what people write to E.164.
//!
//! A number is taken if its country is known and its length is possible there. Full validity is not
//! asked for: it would refuse the ranges that are reserved for fiction and tests, and numbering plans
//! grow faster than metadata. What the metadata does not recognise has [`LineType::Unknown`].
//! North America is stricter, because its format is fixed: area code and exchange begin with 2 to 9
//! and the area code is one in use.
mod area_code;
mod automaton;
mod clean;
mod error;
mod nanp;
mod number;
mod parser;
mod plan;
mod reserved;

pub use area_code::{area_code_problem, tells_no_place};
pub use error::PhoneError;
pub use number::{NotE164, PhoneNumber};
pub use parser::{Phone, PhoneParser, PhoneTablesError};
pub(crate) use reserved::is_emergency;
