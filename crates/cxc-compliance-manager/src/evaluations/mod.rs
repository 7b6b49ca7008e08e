//! Asking compliance anything: a person who need not be stored, a moment, and the answer with every step. Writes
//! nothing.
mod answer;
mod campaign;
mod document;
mod hold;
mod kit;
mod limits;
mod names;
mod question;
mod resolve;
mod routes;
mod run;
mod stored;
mod tried;
mod usual_group;

pub use answer::EvaluationAnswer;
pub use document::EvaluationDocument;
pub use kit::Kit as EvaluationKit;
pub(crate) use names::put as put_names;
pub(crate) use routes::routes;
pub use run::Evaluator;
pub(crate) use run::{Group, group, rule_errors, tried_errors};
