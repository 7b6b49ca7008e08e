//! The second stage: tells new contacts from known ones, accounts for every line, fills the units that are
//! written. Runs on a thread of its own and asks the store through the runtime.
use std::collections::HashSet;
use std::fs::File;
use std::io::BufWriter;
use std::sync::Arc;

use cxc_core::location::Location;
use cxc_core::phone::PhoneError;
use cxc_store::contact::FullContact;
use cxc_store::id_block::{IdBlocks, Numbered};
use cxc_store::import::{ContactsChange, ImportCounts, ListImport};
use cxc_store::location::Locations;
use cxc_store::{Db, Engine, StoreError};
use tokio::runtime::Handle;
use tokio::sync::mpsc;

use super::lookup::{Asked, Found};
use super::merge::merge;
use super::reading::{Outcome, Parsed};
use super::recent::{Findable, Recent};
use super::settings::{Dedupe, ImportMode};
use super::settle::count_reject;
use super::unit::Unit;
use super::verdict::Verdict;
use super::warnings::{LineWarning, WarningKind, Warnings, WarningsWriter};
use crate::consents::only_opt_outs;
use crate::file::{FileError, RecordRef, Reject, RejectsWriter};

/// Contacts of a unit: one COPY each for contacts and devices; on SQLite a few make a transaction.
const UNIT_POSTGRES: usize = 10_000;
const UNIT_SQLITE: usize = 1_000;
/// Ids that are taken at a time.
const ID_BLOCK: i64 = 5_000;
const NO_COUNTRY: &str = "a number was rejected because its country is not known: give a default country with the import, \
    the list or the tenant's settings, whose country counts once somebody has saved them";

/// What the second stage works with.
pub struct Intake {
    /// The database.
    pub db: Db,
    /// To ask it from a thread.
    pub runtime: Handle,
    /// The import.
    pub import: ListImport,
    /// What happens to contacts that are there.
    pub mode: ImportMode,
    /// Lines with new keys are rejected.
    pub update_only: bool,
    /// By what lines are duplicates.
    pub dedupe: Dedupe,
    /// Numbers of locations.
    pub locations: Arc<Locations>,
    /// The filter of keys.
    pub asked: Asked,
    /// How far the writer has come.
    pub findable: Findable,
    /// Lines that were not taken.
    pub rejects: RejectsWriter<BufWriter<File>>,
    /// What was changed in lines that were taken, or left out of them.
    pub warnings: WarningsWriter,
}

/// What the second stage leaves behind.
#[derive(Debug)]
pub struct Taken {
    /// What became of the lines.
    pub counts: ImportCounts,
    /// What changes in the list.
    pub change: ContactsChange,
    /// Lines of the rejects file, which is written out.
    pub rejected: u64,
    /// Lines of the file of warnings.
    pub warned: u64,
    /// What was changed or left out, counted.
    pub warnings: Warnings,
}

/// Why the second stage stopped.
#[derive(Debug, thiserror::Error)]
pub enum IntakeError {
    /// The rejects file, or that of warnings, can't be written.
    #[error("the rejects file can't be written: {0}")]
    Rejects(#[from] FileError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The writer stopped; it says why.
    #[error("the writer stopped")]
    Stopped,
}

pub(super) struct Work {
    pub(super) intake: Intake,
    ids: IdBlocks,
    next_id: i64,
    end_id: i64,
    numbers: Vec<i64>,
    pub(super) keys: Recent,
    /// First devices of contacts with a client id: a line without one is told by them.
    pub(super) firsts: Recent,
    pub(super) addresses: Recent,
    /// Contacts without a client id that a line of this file gave one.
    pub(super) named: HashSet<i64>,
    /// Contacts with a client id that a line without one changed, found by their first device.
    pub(super) changed: HashSet<i64>,
    warnings: Warnings,
    without_country: Arc<str>,
    counts: ImportCounts,
    change: ContactsChange,
    pub(super) unit: Unit,
    unit_size: usize,
    sender: mpsc::Sender<Unit>,
}

impl Intake {
    /// Takes batches in until there are no more.
    pub fn run(self, mut parsed: mpsc::Receiver<Parsed>, sender: mpsc::Sender<Unit>) -> Result<Taken, IntakeError> {
        let unit_size = match self.db.engine() {
            Engine::Postgres => UNIT_POSTGRES,
            Engine::Sqlite => UNIT_SQLITE,
        };
        let change = ContactsChange { visible_to: self.import.visible_before, ..ContactsChange::default() };
        let mut work = Work {
            ids: IdBlocks::new(Numbered::Contact, ID_BLOCK),
            next_id: 0,
            end_id: 0,
            numbers: Vec::new(),
            keys: Recent::new(self.findable.clone()),
            firsts: Recent::new(self.findable.clone()),
            addresses: Recent::new(self.findable.clone()),
            named: HashSet::new(),
            changed: HashSet::new(),
            warnings: Warnings::default(),
            without_country: PhoneError::NoCountry.to_string().into(),
            counts: ImportCounts::default(),
            change,
            unit: Unit::new(&self.db, self.import.generation, 1),
            unit_size,
            sender,
            intake: self,
        };
        while let Some(batch) = parsed.blocking_recv() {
            work.batch(batch)?;
        }
        work.send()?;
        let rejected = work.intake.rejects.written();
        let file = work.intake.rejects.finish()?;
        file.into_inner().map_err(|e| FileError::Io(e.into_error()))?;
        let warned = work.intake.warnings.finish()?;
        Ok(Taken { counts: work.counts, change: work.change, rejected, warned, warnings: work.warnings })
    }
}

impl Work {
    fn batch(&mut self, parsed: Parsed) -> Result<(), IntakeError> {
        self.number_places(&parsed.places)?;
        self.keys.forget();
        self.firsts.forget();
        self.addresses.forget();
        let contacts = parsed.outcomes.iter().filter_map(|outcome| match outcome {
            Outcome::Contact(full, ..) => Some(full.as_ref()),
            _ => None,
        });
        let look_up = self.intake.asked.look_up(&self.intake.db, &self.intake.import, contacts);
        let found = self.intake.runtime.block_on(look_up)?;
        let mut updates = Vec::new();
        for (record, outcome) in parsed.batch.records().zip(parsed.outcomes) {
            self.counts.lines += 1;
            match outcome {
                Outcome::Blank => self.counts.blank += 1,
                Outcome::Filtered(opt_outs) => {
                    self.counts.filtered += 1;
                    self.unit.consents.extend(opt_outs.map(|line| *line));
                }
                Outcome::Rejected(reject, opt_outs) => {
                    self.reject(record, &reject)?;
                    self.unit.consents.extend(opt_outs.map(|line| *line));
                }
                Outcome::Contact(full, consents, warnings) => {
                    let is_taken = self.contact(record, full, &found, &mut updates)?;
                    if is_taken {
                        self.warn(record.line_number(), &warnings)?;
                    }
                    let line = if is_taken { consents } else { only_opt_outs(consents) };
                    self.unit.consents.extend(line.map(|line| *line));
                }
            }
        }
        self.update(updates)?;
        self.unit.bytes = parsed.batch.bytes_read;
        self.unit.lines = self.counts.lines;
        if self.unit.len() >= self.unit_size { self.send() } else { Ok(()) }
    }

    fn number_places(&mut self, places: &[Location]) -> Result<(), IntakeError> {
        if !places.is_empty() {
            let numbers = self.intake.locations.numbers(&self.intake.db, places);
            self.numbers.extend(self.intake.runtime.block_on(numbers)?);
        }
        Ok(())
    }

    /// Takes a line's contact, or rejects the line; answers which.
    fn contact(
        &mut self,
        record: RecordRef<'_>,
        mut full: Box<FullContact>,
        found: &Found,
        updates: &mut Vec<(i64, FullContact)>,
    ) -> Result<bool, IntakeError> {
        match self.verdict(&full, found) {
            Verdict::Reject(reason, text) => {
                self.reject(record, &Reject { reason, column: None, text: text.to_owned() })?;
                Ok(false)
            }
            Verdict::Update { id, keeps_key } => {
                self.remember(&full, id, keeps_key);
                self.place(&mut full, id);
                updates.push((id, *full));
                Ok(true)
            }
            Verdict::New { id } => {
                let id = match id {
                    Some(id) => id,
                    None => self.new_id()?,
                };
                self.remember(&full, id, false);
                self.place(&mut full, id);
                self.counts.imported += 1;
                self.change.contacts += 1;
                self.change.visible_to = self.change.visible_to.max(id);
                let devices = i64::try_from(full.devices.len()).unwrap_or(0);
                self.counts.devices += devices;
                self.change.devices += devices;
                self.unit.push(&full);
                Ok(true)
            }
        }
    }

    fn new_id(&mut self) -> Result<i64, StoreError> {
        if self.next_id == self.end_id {
            self.next_id = self.intake.runtime.block_on(self.ids.take(&self.intake.db, ID_BLOCK))?;
            self.end_id = self.next_id + ID_BLOCK;
        }
        self.next_id += 1;
        Ok(self.next_id - 1)
    }

    /// Puts the contact's id and the store's numbers of locations in.
    fn place(&self, full: &mut FullContact, id: i64) {
        let number = |place: i64| match usize::try_from(place - 1) {
            Ok(place) => self.numbers.get(place).copied().unwrap_or(0),
            Err(_) => 0,
        };
        full.contact.id = id;
        full.contact.location = number(full.contact.location);
        for device in &mut full.devices {
            device.contact = id;
            device.location = number(device.location);
        }
    }

    fn update(&mut self, updates: Vec<(i64, FullContact)>) -> Result<(), IntakeError> {
        if updates.is_empty() {
            return Ok(());
        }
        let ids: Vec<i64> = updates.iter().map(|(id, _)| *id).collect();
        let db = &self.intake.db;
        let generation = self.intake.import.generation;
        let before = self.intake.runtime.block_on(async { db.read().await?.contacts_of(generation, &ids).await })?;
        for (id, line) in updates {
            let Ok(at) = before.binary_search_by_key(&id, |full| full.contact.id) else {
                return Err(StoreError::Corrupt(format!("contact {id} has a key but is gone")).into());
            };
            let after = merge(&before[at], line);
            let devices = |full: &FullContact| i64::try_from(full.devices.len()).unwrap_or(0);
            self.counts.updated += 1;
            self.counts.devices += devices(&after);
            self.change.devices += devices(&after) - devices(&before[at]);
            self.unit.updates.push((before[at].clone(), after));
        }
        Ok(())
    }

    fn reject(&mut self, record: RecordRef<'_>, reject: &Reject) -> Result<(), IntakeError> {
        count_reject(&mut self.counts, reject);
        if *reject.text == *self.without_country {
            self.warnings.note(WarningKind::NoCountry, record.line_number(), 1, NO_COUNTRY);
        }
        Ok(self.intake.rejects.write(record, reject)?)
    }

    fn warn(&mut self, line: u64, warnings: &[LineWarning]) -> Result<(), IntakeError> {
        for warning in warnings {
            self.warnings.note(warning.kind, line, warning.count, &warning.text);
            self.intake.warnings.write(line, warning)?;
        }
        Ok(())
    }

    fn send(&mut self) -> Result<(), IntakeError> {
        let mut next = Unit::new(&self.intake.db, self.intake.import.generation, self.unit.number + 1);
        // the last one may stay empty: it must not take the progress back to the beginning
        (next.bytes, next.lines) = (self.unit.bytes, self.unit.lines);
        let unit = std::mem::replace(&mut self.unit, next);
        self.sender.blocking_send(unit).map_err(|_| IntakeError::Stopped)
    }
}
