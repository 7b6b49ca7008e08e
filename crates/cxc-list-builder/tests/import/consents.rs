//! Consents and opt-outs from files: as columns of a contact import, and as a file of their own.
use cxc_core::channel::Channel;
use cxc_core::consent::{
    ConsentEvent, ConsentKind, ConsentPolicy, ConsentQuestion, ConsentScope, LegalReach, RevocationReach, Standing,
    opted_out_of_all,
};
use cxc_list_builder::consents::{CONSENT_EXPORT, CONSENT_IMPORT, CONSENT_UNDO, ConsentCounts, UndoPayload};
use cxc_list_builder::export::export_name;
use cxc_list_builder::import::{ImportMode, ImportOutcome, ImportSettings, WarningKind};
use cxc_list_builder::jobs::{ImportPayload, Source};
use cxc_list_builder::mapping::DataMapping;
use cxc_server::job_runner::run_by_id;
use cxc_store::consent::StoredConsent;
use cxc_store::job::Job;
use cxc_store::opt_out::{Revocation, source};
use cxc_store::privacy::PersonKey;
use cxc_store::suppression::SuppressionEntry;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::support::{World, settings};

const ANN: &str = "+12125550101";
const BEN: &str = "+12125550102";

fn mapped(columns: &[(&str, &str)], mode: ImportMode) -> ImportSettings {
    let columns: Vec<Value> = columns.iter().map(|(name, field)| json!({ "column": name, "field": field })).collect();
    let mapping = DataMapping::parse(&json!({ "columns": columns }).to_string()).unwrap();
    ImportSettings { mapping: Some(mapping), ..settings(mode) }
}

fn columns() -> ImportSettings {
    let columns = [
        ("id", "clientId"),
        ("phone", "device1"),
        ("mail", "device2"),
        ("kind", "consentKind"),
        ("given", "consentDate"),
        ("from", "consentSource"),
        ("text", "consentText"),
        ("channels", "consentChannels"),
        ("for", "consentDevice"),
        ("out", "optOutDate"),
    ];
    mapped(&columns, ImportMode::Append)
}

const HEADER: &str = "id,phone,mail,kind,given,from,text,channels,for,out\n";

/// A world whose tenant may have documents.
async fn start() -> World {
    let world = World::start().await;
    cxc_server::provision::installation(&world.app).await.unwrap();
    world
}

impl World {
    /// The entries that count of an address or, by a leading `C-`, a client id.
    async fn ledger(&self, key: &str) -> Vec<ConsentEvent> {
        let hash = [self.app.hash_key.hash(1, key)];
        let (devices, clients): (&[i64], &[i64]) = if key.starts_with("C-") { (&[], &hash) } else { (&hash, &[]) };
        let found = self.app.db.read().await.unwrap().consents_of(1, devices, clients).await.unwrap();
        found.iter().filter(|c| c.key == key).filter_map(StoredConsent::event).collect()
    }

    async fn is_out(&self, key: &str, channel: Channel) -> bool {
        let at = Timestamp::from_microsecond(self.app.now()).unwrap();
        opted_out_of_all(&self.ledger(key).await, channel, at).is_some()
    }

    async fn has(&self, key: &str, channel: Channel, kind: ConsentKind) -> bool {
        let at = Timestamp::from_microsecond(self.app.now()).unwrap();
        let asked = ConsentQuestion { channel, topic: None, brand: None, reach: LegalReach::default() };
        Standing::of(&self.ledger(key).await, &asked, at).has(kind)
    }

    /// Whether the opt-out list of a channel holds an address.
    async fn is_suppressed(&self, key: &str, channel: Channel) -> bool {
        let mut tx = self.app.db.read().await.unwrap();
        let Some(list) = tx.suppression_opt_out_list_if_any(1, channel).await.unwrap() else { return false };
        let wanted = SuppressionEntry {
            key_hash: self.app.hash_key.hash(1, key),
            key: key.into(),
            from_at: None,
            until_at: None,
            reason: None,
            source: String::new(),
            added_at: 0,
        };
        !tx.suppression_present(list.generation, &[wanted]).await.unwrap().is_empty()
    }

    async fn opts_out(&self, key: &str, at: &str) {
        let at = at.parse::<Timestamp>().unwrap().as_microsecond();
        let revocation = Revocation {
            tenant: 1,
            key: &PersonKey::Address(key.into()),
            hash: None,
            channels: &[Channel::Sms],
            scope: ConsentScope::All,
            reach: RevocationReach::AsSaid,
            said_at: at,
            received_at: at,
            source: source::LINK,
            words: None,
            evidence: None,
        };
        let mut tx = self.app.db.begin().await.unwrap();
        let ids = self.app.ids.clone();
        tx.opt_out(&self.app.hash_key, &revocation, &move || ids.next(), at).await.unwrap();
        tx.commit().await.unwrap();
    }

    async fn files_may_lift(&self) {
        let policy = ConsentPolicy { files_lift_opt_outs: true, ..ConsentPolicy::default() };
        let mut tx = self.app.db.begin().await.unwrap();
        tx.consent_policy_set(1, self.app.ids.next(), &policy, "test", self.app.now()).await.unwrap();
        tx.commit().await.unwrap();
    }

    async fn consent_job(&self, content: &str) -> Job {
        let path = self.write("consents.csv", content);
        let payload = ImportPayload { source: Source::Path(path), settings: settings(ImportMode::Append) };
        let id = self.queue(CONSENT_IMPORT, serde_json::to_value(payload).unwrap()).await;
        run_by_id(&self.app, &self.jobs, id, self.stop.clone()).await.unwrap().unwrap()
    }

    async fn consents(&self, content: &str) -> ImportOutcome {
        let job = self.consent_job(content).await;
        assert_eq!(job.state, "succeeded", "{:?}", job.error);
        serde_json::from_value(job.result.unwrap().0).unwrap()
    }

    async fn run(&self, kind: &'static str, payload: Value) -> Job {
        let id = self.queue(kind, payload).await;
        run_by_id(&self.app, &self.jobs, id, self.stop.clone()).await.unwrap().unwrap()
    }
}

fn counts(consents: u64, opt_outs: u64, held_back: u64) -> ConsentCounts {
    ConsentCounts { consents, opt_outs, held_back, first_held_back: None }
}

#[tokio::test(flavor = "multi_thread")]
async fn columns_of_a_contact_import_bring_consents_and_opt_outs_and_an_undo_takes_them_back() {
    let world = start().await;
    let file = format!(
        "{HEADER}C-1,{ANN},ann@example.com,prior_express_written,2026-01-05,web form,I agree,sms,,\n\
         C-2,{BEN},ben@example.com,express,2026-01-05,call,,,2,\n\
         C-3,+12125550103,,express,2026-01-05,,,,contact,2026-02-01\n\
         C-4,+12125550104,,,,,,,,\n"
    );
    let outcome = world.import(&file, columns()).await;
    assert_eq!((outcome.imported, outcome.rejected), (4, 0));
    // of the third line the consent by its client id, and the opt-out by client id and address
    assert_eq!(outcome.consents, counts(3, 2, 1));
    assert_eq!(outcome.warnings.last().map(|w| (w.kind, w.first_line)), Some((WarningKind::HeldBack, 4)));
    assert!(world.has(ANN, Channel::Sms, ConsentKind::ExpressWritten).await);
    assert!(!world.has(ANN, Channel::Voice, ConsentKind::Express).await, "only texts were named");
    assert!(world.ledger("ann@example.com").await.is_empty(), "texts don't reach an email address");
    assert!(
        world.ledger(BEN).await.is_empty() && world.has("ben@example.com", Channel::Email, ConsentKind::Express).await
    );
    for channel in [Channel::Voice, Channel::Sms] {
        assert!(world.is_out("+12125550103", channel).await && world.is_suppressed("+12125550103", channel).await);
    }
    assert!(world.is_out("C-3", Channel::Email).await);
    assert!(world.ledger("+12125550104").await.is_empty());
    let undone = world.undo().await;
    assert_eq!(undone.state, "succeeded", "{:?}", undone.error);
    for key in [ANN, "ben@example.com", "+12125550103", "C-3"] {
        assert!(world.ledger(key).await.is_empty(), "{key}");
    }
    assert!(!world.is_suppressed("+12125550103", Channel::Sms).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_kinds_dates_and_channels_reject_their_lines_with_the_reason() {
    let world = start().await;
    let file = format!(
        "{HEADER}C-1,{ANN},,agreed,2026-01-05,,,,,\n\
         C-2,{BEN},,express,5/1/2026,,,,,\n\
         C-3,+12125550103,,express,2099-01-05,,,,,\n\
         C-4,+12125550104,,express,,,,,,\n\
         C-5,+12125550105,,express,2026-01-05,,,email,,\n\
         C-6,+12125550106,,express,2026-01-05,keyword,,,,\n\
         C-7,+12125550107,,express,2026-01-05,,,,3,\n\
         C-8,+12125550108,,express,2026-01-05,,,fax,,\n\
         C-9,+12125550109,,express,2026-01-05,,,,,\n"
    );
    let outcome = world.import(&file, columns()).await;
    assert_eq!((outcome.imported, outcome.rejected, outcome.consents), (1, 8, counts(1, 0, 0)));
    let rejects = world.rejects(&outcome);
    let says: Vec<String> = rejects.iter().skip(1).map(|line| line.join("|")).collect();
    for (text, wanted) in says.iter().zip([
        "a kind of consent is one of",
        "a date is a day such as",
        "the date is in the future",
        "the day is missing",
        "reach none of the devices",
        "is not the word keyword",
        "a consent is for a device of its line",
        "a channel is voice, sms or email",
    ]) {
        assert!(text.contains(wanted), "{text}: {wanted}");
    }
    assert!(rejects[1].iter().any(|cell| cell == "bad_consent"), "{:?}", rejects[1]);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_file_lifts_an_opt_out_unless_it_is_later_and_the_policy_says_so() {
    let world = start().await;
    world.opts_out(ANN, "2026-02-10T12:00:00Z").await;
    let line = |id: &str, given: &str| format!("{HEADER}{id},{ANN},,express,{given},form,,,,\n");
    let older = world.import(line("C-1", "2026-01-15"), columns()).await;
    assert_eq!(older.consents, counts(1, 0, 1));
    let later = world.import(line("C-2", "2026-02-20"), columns()).await;
    assert_eq!(later.consents, counts(1, 0, 1));
    assert!(world.is_out(ANN, Channel::Sms).await && world.is_suppressed(ANN, Channel::Sms).await);
    assert!(!world.is_out(ANN, Channel::Voice).await && world.has(ANN, Channel::Voice, ConsentKind::Express).await);
    world.files_may_lift().await;
    let older = world.import(line("C-3", "2026-01-16"), columns()).await;
    assert_eq!(older.consents, counts(1, 0, 1));
    assert!(world.is_out(ANN, Channel::Sms).await);
    let lifted = world.import(line("C-4", "2026-02-21"), columns()).await;
    assert_eq!(lifted.consents, counts(1, 0, 0));
    assert!(!world.is_out(ANN, Channel::Sms).await);
    assert!(!world.is_suppressed(ANN, Channel::Sms).await, "the entry of the opt-out goes with it");
}

#[tokio::test(flavor = "multi_thread")]
async fn opt_outs_of_duplicate_lines_are_taken_and_their_consents_are_not() {
    let world = start().await;
    let first = format!("{HEADER}C-1,{ANN},,,,,,,,\n");
    world.import(&first, columns()).await;
    let again = format!(
        "{HEADER}C-1,{ANN},,express,2026-01-05,,,,,2026-02-01\nC-2,{BEN},,express,2026-01-05,,,,,\n\
         C-2,{BEN},,express,2026-01-06,,,,,\n"
    );
    let outcome = world.import(&again, columns()).await;
    assert_eq!((outcome.imported, outcome.duplicate, outcome.consents), (1, 2, counts(1, 2, 0)));
    assert!(world.is_out(ANN, Channel::Sms).await);
    assert_eq!(world.ledger(ANN).await.len(), 1);
    // nothing but an opt-out: the file stands for it
    let only = format!("{HEADER}C-2,{BEN},,,,,,,,2026-03-01\n");
    let outcome = world.import(&only, columns()).await;
    assert_eq!((outcome.imported, outcome.duplicate, outcome.consents), (0, 1, counts(0, 2, 0)));
    assert!(world.is_out(BEN, Channel::Voice).await && world.is_suppressed(BEN, Channel::Voice).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_again_writes_nothing_twice() {
    let world = start().await;
    let file = format!("{HEADER}C-1,{ANN},,express,2026-01-05,form,,,,2025-01-01\n");
    assert_eq!(world.import(&file, columns()).await.consents, counts(1, 2, 1));
    let again = ImportSettings { mode: ImportMode::Update, ..columns() };
    assert_eq!(world.import(&file, again).await.consents, counts(0, 0, 1));
    assert_eq!(world.ledger(ANN).await.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_of_consents_is_imported_accounted_for_exported_and_undone() {
    let world = start().await;
    let file = format!(
        "device,client_id,consent_kind,consent_date,consent_source,consent_text,channels,action\n\
         {ANN},,express,2026-01-05T10:00:00Z,form,\"I agree, gladly\",sms,\n\
         ,C-9,ebr_purchase,2026-01-06,order 17,,,give\n\
         {BEN},,,2026-01-07,,no more,,revoke\n\
         {ANN},,express,2026-01-05T10:00:00Z,form,,sms,\n\
         ,,express,2026-01-05,form,,,\n\
         nobody,,express,2026-01-05,form,,,\n\
         {BEN},,express,2026-01-05,form,,,maybe\n\
         {BEN},,,,,,,\n"
    );
    let outcome = world.consents(&file).await;
    assert_eq!((outcome.lines, outcome.imported, outcome.duplicate, outcome.rejected), (8, 3, 1, 4));
    assert_eq!(outcome.consents, counts(2, 1, 0));
    assert!(world.has(ANN, Channel::Sms, ConsentKind::Express).await && world.is_out(BEN, Channel::Sms).await);
    assert!(world.is_suppressed(BEN, Channel::Voice).await);
    assert_eq!(world.ledger("C-9").await[0].kind, ConsentKind::EbrPurchase);
    let job = world.run(CONSENT_EXPORT, Value::Null).await;
    assert_eq!(job.result.as_ref().unwrap().0["rows"], 3);
    let exported = std::fs::read_to_string(world.jobs.exports.join(export_name(job.id))).unwrap();
    assert!(
        exported.contains(&format!("{ANN},,express,give,2026-01-05T10:00:00Z,sms,form,\"I agree, gladly\"")),
        "{exported}"
    );
    // what was exported is known
    let job = world.consent_job(&exported).await;
    assert_eq!(job.state, "failed");
    let number: i64 = outcome.id.parse().unwrap();
    let undone = world.run(CONSENT_UNDO, json!(UndoPayload { import: number })).await;
    assert_eq!(undone.result.unwrap().0["outcome"], "undone");
    assert!(world.ledger(ANN).await.is_empty() && world.ledger(BEN).await.is_empty());
    assert!(!world.is_suppressed(BEN, Channel::Sms).await);
    let again = world.run(CONSENT_UNDO, json!(UndoPayload { import: number })).await;
    assert_eq!(again.state, "succeeded", "an undo that was done is done");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_import_gives_counts_once_it_is_published_and_what_it_revokes_at_once() {
    let world = start().await;
    let many: String = (0..4_000).map(|i| format!("+1213555{i:04},,express,2026-01-05,form,,,\n")).collect();
    let head = "device,client_id,consent_kind,consent_date,consent_source,consent_text,channels,opt_out_date\n";
    let file = format!("{head}{ANN},,express,2026-01-05,form,,,\n{BEN},,,,,,,2026-01-05\n{many}");
    let path = world.write("consents.csv", &file);
    let payload = ImportPayload { source: Source::Path(path), settings: settings(ImportMode::Append) };
    let id = world.queue(CONSENT_IMPORT, serde_json::to_value(payload).unwrap()).await;
    let mut world = world;
    let (stop, seen) = (world.stop.clone(), std::sync::Arc::new(std::sync::atomic::AtomicI64::new(0)));
    let seen_by_watch = std::sync::Arc::clone(&seen);
    world.watch(move |progress| {
        seen_by_watch.store(progress.lines, std::sync::atomic::Ordering::SeqCst);
        stop.cancel();
    });
    let job = run_by_id(&world.app, &world.jobs, id, world.stop.clone()).await.unwrap().unwrap();
    assert!(seen.load(std::sync::atomic::Ordering::SeqCst) >= 1_000, "a batch was written before the stop");
    assert_ne!(job.state, "succeeded");
    // whatever became of the job, nothing that it gave counts before it has ended well
    assert!(world.ledger(ANN).await.is_empty());
}
