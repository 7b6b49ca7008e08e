//! The third stage: writes units, each durable enough to be taken back by the import's number.
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use cxc_server::job_runner::{JobControl, JobError};
use cxc_store::bulk::BulkBuffer;
use cxc_store::import::ListImport;
use cxc_store::lease::Lease;
use cxc_store::list::LIST_LEASE;
use cxc_store::{Db, Engine, StoreError, Tx};
use tokio::sync::mpsc;

use super::index_run::IndexRun;
use super::recent::Findable;
use super::unit::Unit;
use crate::consents::LedgerWriter;

/// How long a transaction holds SQLite's only writer before it commits.
const HOLD: Duration = Duration::from_millis(50);
/// How often the list's lease is renewed.
const RENEW: Duration = Duration::from_secs(5);

/// Progress for whoever watches in this process.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Progress {
    /// Bytes of the file that are dealt with.
    pub bytes: u64,
    /// Bytes of the file.
    pub total_bytes: u64,
    /// Lines that are dealt with.
    pub lines: i64,
}

/// The lease of a list, renewed while its import runs.
pub struct HeldLease {
    lease: Lease,
    renewed: Instant,
}

impl HeldLease {
    /// A lease that was just taken.
    pub fn new(lease: Lease) -> Self {
        Self { lease, renewed: Instant::now() }
    }

    /// The lease.
    pub fn lease(&self) -> &Lease {
        &self.lease
    }

    /// Renews the lease when it is time. Fails once another has it.
    pub async fn renew(&mut self, db: &Db) -> Result<(), StoreError> {
        if self.renewed.elapsed() < RENEW {
            return Ok(());
        }
        let mut tx = db.begin_relaxed().await?;
        let renewed = tx.lease_acquire(&self.lease.name, &self.lease.holder, LIST_LEASE).await?;
        tx.commit().await?;
        match renewed {
            Some(lease) if lease.token == self.lease.token => {
                self.renewed = Instant::now();
                Ok(())
            }
            _ => Err(StoreError::LeaseLost(self.lease.name.clone())),
        }
    }
}

/// What the third stage works with.
pub struct Writer<'a> {
    /// The database.
    pub db: &'a Db,
    /// The import.
    pub import: &'a ListImport,
    /// The list's lease.
    pub lease: &'a mut HeldLease,
    /// The job.
    pub control: &'a JobControl,
    /// How far it has come.
    pub findable: Findable,
    /// Bytes of the file.
    pub total_bytes: u64,
    /// Told of progress.
    pub watch: &'a (dyn Fn(Progress) + Send + Sync),
    /// Writes consents and counts them.
    pub ledger: &'a LedgerWriter,
}

impl Writer<'_> {
    /// Writes units until there are no more.
    pub async fn run(&mut self, units: mpsc::Receiver<Unit>) -> Result<(), JobError> {
        match self.db.engine() {
            Engine::Postgres => self.run_side_by_side(units).await,
            Engine::Sqlite => self.run_in_turn(units).await,
        }
    }

    /// PostgreSQL: contacts and devices by a connection each, neither waiting for the other; changed
    /// contacts in one transaction.
    async fn run_side_by_side(&mut self, mut units: mpsc::Receiver<Unit>) -> Result<(), JobError> {
        let db = self.db;
        let done = Done { contacts: AtomicU64::new(0), devices: AtomicU64::new(0), findable: self.findable.clone() };
        let (devices_in, mut devices) = mpsc::channel::<(u64, BulkBuffer)>(1);
        let write_devices = async {
            while let Some((number, buffer)) = devices.recv().await {
                // the lease is looked after by the other half: its row can't be locked by both all the time
                let mut tx = db.begin_relaxed().await?;
                tx.bulk_write(buffer).await?;
                tx.commit().await?;
                done.devices(number);
            }
            Ok::<(), JobError>(())
        };
        let write_contacts = async {
            // gone when this half ends, for whatever reason: then the other ends, too
            let devices_in = devices_in;
            while let Some(unit) = units.recv().await {
                self.control.check()?;
                let last = self.last(&unit);
                if !unit.updates.is_empty() {
                    let mut tx = self.begin().await?;
                    self.write_updates(&mut tx, &unit).await?;
                    tx.commit().await?;
                }
                if devices_in.send((unit.number, unit.devices)).await.is_err() {
                    // the other half has stopped and says why
                    return Ok(());
                }
                let mut tx = self.begin().await?;
                tx.bulk_write(unit.contacts).await?;
                // last: others wait for the numbers of the ledger until this is committed
                self.ledger.write(&mut tx, self.import, &unit.consents).await?;
                tx.commit().await?;
                done.contacts(last.unit);
                self.lease.renew(self.db).await?;
                self.report(last.progress);
            }
            Ok(())
        };
        // neither half is dropped in the middle of a COPY: its connection could not be used again
        let (contacts, devices) = tokio::join!(write_contacts, write_devices);
        contacts.and(devices)
    }

    async fn run_in_turn(&mut self, mut units: mpsc::Receiver<Unit>) -> Result<(), JobError> {
        let mut run = IndexRun::new(self.import.generation);
        while let Some(unit) = units.recv().await {
            self.control.check()?;
            let last = self.write_in_turn(unit, &mut units, &mut run).await?;
            if run.is_due() {
                run.write(self.db).await?;
                self.findable.set(last.unit);
            }
            self.lease.renew(self.db).await?;
            self.report(last.progress);
        }
        run.write(self.db).await?;
        Ok(())
    }

    fn report(&self, progress: Progress) {
        let total = i64::try_from(progress.total_bytes).unwrap_or(i64::MAX);
        self.control.progress(i64::try_from(progress.bytes).unwrap_or(i64::MAX).min(total), total);
        (self.watch)(progress);
    }

    fn last(&self, unit: &Unit) -> Last {
        let progress = Progress { bytes: unit.bytes, total_bytes: self.total_bytes, lines: unit.lines };
        Last { unit: unit.number, progress }
    }

    /// SQLite: one transaction for as many units as are ready within a moment.
    async fn write_in_turn(
        &self,
        first: Unit,
        units: &mut mpsc::Receiver<Unit>,
        run: &mut IndexRun,
    ) -> Result<Last, StoreError> {
        let mut tx = self.begin().await?;
        let since = Instant::now();
        let mut next = Some(first);
        let mut last = None;
        while let Some(mut unit) = next.take() {
            last = Some(self.last(&unit));
            self.write_updates(&mut tx, &unit).await?;
            tx.bulk_write(unit.contacts).await?;
            tx.bulk_write(unit.devices).await?;
            self.ledger.write(&mut tx, self.import, &unit.consents).await?;
            run.add(&mut unit.keys, &mut unit.addresses);
            if since.elapsed() < HOLD && !run.is_due() {
                next = units.try_recv().ok();
            }
        }
        tx.commit().await?;
        last.ok_or_else(|| StoreError::Corrupt("a transaction without a unit".into()))
    }

    async fn begin(&self) -> Result<Tx, StoreError> {
        let mut tx = self.db.begin_relaxed().await?;
        tx.lease_check(self.lease.lease()).await?;
        Ok(tx)
    }

    async fn write_updates(&self, tx: &mut Tx, unit: &Unit) -> Result<(), StoreError> {
        if unit.updates.is_empty() {
            return Ok(());
        }
        let (before, after): (Vec<_>, Vec<_>) = unit.updates.iter().cloned().unzip();
        tx.contact_before_insert(self.import.number, &before).await?;
        let changed: Vec<_> = before.iter().zip(after).filter(|(b, a)| *b != a).map(|(_, a)| a).collect();
        let ids: Vec<i64> = changed.iter().map(|full| full.contact.id).collect();
        if !ids.is_empty() {
            tx.contacts_remove(self.import.generation, &ids).await?;
            tx.contacts_insert(self.import.generation, &changed).await?;
        }
        Ok(())
    }
}

struct Last {
    unit: u64,
    progress: Progress,
}

/// How far the two halves have come: a unit is found through the store once both have written it.
struct Done {
    contacts: AtomicU64,
    devices: AtomicU64,
    findable: Findable,
}

impl Done {
    fn contacts(&self, unit: u64) {
        self.contacts.store(unit, Ordering::Release);
        self.findable.set(unit.min(self.devices.load(Ordering::Acquire)));
    }

    fn devices(&self, unit: u64) {
        self.devices.store(unit, Ordering::Release);
        self.findable.set(unit.min(self.contacts.load(Ordering::Acquire)));
    }
}
