//! The store: one SQL text on SQLite and PostgreSQL. Each table is written through one module.
//!
//! Every method takes the tenant (or the number of a list or group, which belongs to one tenant)
//! and runs inside the caller's transaction.

pub mod api_client;
pub mod attempt;
pub mod attempt_retain;
pub mod attempt_subject;
pub mod audit;
pub mod bulk;
pub mod caller_id;
pub mod compliance_data;
pub mod consent;
pub mod consent_policy;
pub mod contact;
pub mod contact_left;
pub mod contact_lookup;
pub mod contact_place;
pub mod contact_slice;
mod content_class;
pub mod counter;
pub mod db;
pub mod declared_time;
mod error;
pub mod event;
pub mod evidence;
pub mod facts;
pub mod garbage;
pub mod group;
pub mod group_live;
pub mod id_block;
pub mod idempotency;
pub mod import;
pub mod import_undo;
pub mod in_flight;
pub mod installation;
mod int_set;
pub mod job;
pub mod judge;
pub mod lease;
pub mod legal_decision;
pub mod list;
pub mod list_places;
pub mod location;
mod migrate;
pub mod number_activation;
pub mod number_answer;
pub mod number_bytes;
pub mod number_list;
pub mod number_lists;
pub mod number_register;
pub mod object;
pub mod object_query;
pub mod opt_out;
mod opt_out_lift;
pub mod opt_out_review;
pub mod outgoing;
pub mod person_flag;
pub mod privacy;
pub mod prompt;
pub mod record;
pub mod reservation;
mod rows;
pub mod rule_set;
pub mod selection;
pub mod session;
pub mod suppression;
pub mod suppression_change;
pub mod suppression_import;
pub mod tenant;
pub mod test_send;
pub mod trunk_spend;
pub mod user;
pub mod voice;

pub use db::{Db, DbOptions, Engine, Tx};
pub use error::StoreError;
pub use rows::Rows;

/// Runs one sqlx expression on whichever engine `$tx` holds.
#[macro_export]
macro_rules! on {
    ($tx:expr, $conn:ident => $query:expr) => {
        match $tx {
            $crate::Tx::Postgres(tx) => {
                let $conn = &mut **tx;
                $query
            }
            $crate::Tx::Sqlite(tx) => {
                let $conn = &mut **tx;
                $query
            }
        }
    };
}
