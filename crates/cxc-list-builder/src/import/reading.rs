//! The first stage: reads records, maps and checks them on a thread of its own.
use tokio::sync::mpsc;

use cxc_core::location::Location;
use cxc_store::consent::ConsentLine;
use cxc_store::contact::FullContact;

use super::validate::{Checked, Validator};
use super::warnings::LineWarning;
use crate::file::{Batch, FileError, FileReader, RecordRef, RecordStatus, Reject};
use crate::mapping::Plan;

/// Records of a batch: enough for one look-up of duplicates, few enough to be small.
const RECORDS: usize = 1_000;

/// What became of a record so far.
pub enum Outcome {
    /// Nothing in it.
    Blank,
    /// Not taken, but for its opt-outs.
    Rejected(Reject, Option<Box<ConsentLine>>),
    /// Not taken by the rule, but for its opt-outs.
    Filtered(Option<Box<ConsentLine>>),
    /// A contact, with what its line says of consents and what was changed in it.
    Contact(Box<FullContact>, Option<Box<ConsentLine>>, Vec<LineWarning>),
}

/// A batch with what became of its records, one outcome each.
pub struct Parsed {
    /// The records.
    pub batch: Batch,
    /// Their outcomes.
    pub outcomes: Vec<Outcome>,
    /// Locations that come up for the first time, in the order of their numbers.
    pub places: Vec<Location>,
}

/// Reads a file to its end, or until nobody listens.
pub fn read(
    mut file: FileReader,
    plan: &Plan,
    mut validator: Validator,
    sender: &mpsc::Sender<Parsed>,
) -> Result<(), FileError> {
    while let Some(batch) = file.next_batch(RECORDS)? {
        let outcomes = batch.records().map(|record| outcome(record, plan, &mut validator)).collect();
        let places = validator.places.take_fresh();
        if sender.blocking_send(Parsed { batch, outcomes, places }).is_err() {
            break;
        }
    }
    Ok(())
}

fn outcome(record: RecordRef<'_>, plan: &Plan, validator: &mut Validator) -> Outcome {
    match record.status() {
        RecordStatus::Blank => Outcome::Blank,
        RecordStatus::Rejected(problem) => Outcome::Rejected(problem.into(), None),
        RecordStatus::Data => match plan.map(record) {
            Ok(row) => match validator.check(&row) {
                Ok(Checked::Contact(contact, consents, warnings)) => Outcome::Contact(contact, consents, warnings),
                Ok(Checked::Filtered(opt_outs)) => Outcome::Filtered(opt_outs),
                Err(reject) => Outcome::Rejected(reject, validator.opt_outs(&row)),
            },
            Err(reject) => Outcome::Rejected(reject, None),
        },
    }
}
