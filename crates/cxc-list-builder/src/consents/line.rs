//! What a line of a file says of consents and opt-outs.
use cxc_core::channel::Channel;
use cxc_core::consent::{ConsentKind, ConsentScope, SOURCE_KEYWORD};
use cxc_store::consent::{ConsentLine, KeyKind, NewConsent};
use cxc_store::opt_out::source;
use jiff::civil::{Date, DateTime};
use jiff::{Timestamp, tz::TimeZone};

use crate::file::{Reject, RejectReason};
use crate::mapping::{ConsentCell, ConsentField, MappedRow};

/// The longest source, text and reference, in characters.
const SOURCE: usize = 100;
const WORDS: usize = 4_000;
const EVIDENCE: usize = 1_000;
/// A day begins so much earlier far in the east, in microseconds.
const EAST: i64 = 14 * 3600 * 1_000_000;
const DAY: i64 = 24 * 3600 * 1_000_000;

/// A device that a line names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LineDevice {
    /// Its place among the contact's devices, from 1.
    pub position: i16,
    /// Its normalised address.
    pub address: String,
    /// The keyed hash of that.
    pub hash: i64,
}

/// Whom a line names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Named {
    /// The client id and its keyed hash.
    pub client: Option<(String, i64)>,
    /// The devices.
    pub devices: Vec<LineDevice>,
}

/// A line's consents and opt-outs; nothing if it has none. A consent is for the devices of the line that its channels
/// reach, or for the one that it names; without any, or where it says `contact`, for the client id. An opt-out is for
/// all of them.
pub fn read(row: &MappedRow<'_>, named: &Named, now: i64) -> Result<Option<ConsentLine>, Reject> {
    let reader = Reader { row, named, now };
    let line = ConsentLine { line: row.record().line_number(), entries: reader.entries()?, keys: keys(named) };
    Ok((!line.entries.is_empty()).then_some(line))
}

/// Only what a line revokes: for lines that are not taken otherwise. What a person forbade is never dropped.
pub fn only_opt_outs(line: Option<Box<ConsentLine>>) -> Option<Box<ConsentLine>> {
    let mut line = line?;
    line.entries.retain(|entry| entry.revoked);
    (!line.entries.is_empty()).then_some(line)
}

fn keys(named: &Named) -> Vec<(KeyKind, i64, String)> {
    let devices = named.devices.iter().map(|d| (KeyKind::Device, d.hash, d.address.clone()));
    devices.chain(named.client.iter().map(|(id, hash)| (KeyKind::Client, *hash, id.clone()))).collect()
}

struct Reader<'a> {
    row: &'a MappedRow<'a>,
    named: &'a Named,
    now: i64,
}

impl Reader<'_> {
    fn cell(&self, field: ConsentField) -> ConsentCell<'_> {
        self.row.consent(field)
    }

    fn entries(&self) -> Result<Vec<NewConsent>, Reject> {
        let (date, opt_out) = (self.cell(ConsentField::Date), self.cell(ConsentField::OptOutDate));
        let kind = self.cell(ConsentField::Kind);
        if self.revokes()? {
            let when = if opt_out.text.is_empty() { date } else { opt_out };
            return self.revocations(self.moment_of_no(when));
        }
        let mut entries = Vec::new();
        if !opt_out.text.is_empty() {
            if is_no(opt_out.text) {
                return Err(wrong(opt_out, "the day of an opt-out is a date; who has not opted out has none"));
            }
            entries = self.revocations(self.moment_of_no(opt_out))?;
        }
        if !date.text.is_empty() {
            entries.extend(self.grants(self.instant(date, false)?)?);
        } else if kind.is_own && opt_out.text.is_empty() {
            return Err(wrong(kind, "a consent has a kind and the day on which it was given: the day is missing"));
        }
        Ok(entries)
    }

    /// When somebody took back: what a person forbade is never dropped for a moment that is missing, can't be read or
    /// is to come. It holds from now on then.
    fn moment_of_no(&self, when: ConsentCell<'_>) -> i64 {
        self.instant(when, true).unwrap_or(self.now)
    }

    /// Whether the line says that it takes back.
    fn revokes(&self) -> Result<bool, Reject> {
        let action = self.cell(ConsentField::Action);
        match action.text.to_ascii_lowercase().replace([' ', '-'], "_").as_str() {
            "" | "give" | "given" | "grant" | "granted" | "consent" | "opt_in" | "optin" | "opted_in" | "yes" | "y"
            | "true" | "1" => Ok(false),
            "revoke" | "revoked" | "opt_out" | "optout" | "opted_out" | "stop" | "unsubscribe" | "unsubscribed"
            | "withdraw" | "withdrawn" | "remove" | "removed" | "delete" | "deleted" | "block" | "blocked"
            | "suppress" | "suppressed" | "dnc" | "do_not_call" | "do_not_contact" => Ok(true),
            no if is_no(no) => Ok(true),
            found => Err(wrong(action, format!("an action is give or revoke, found {found:?}"))),
        }
    }

    fn grants(&self, said_at: i64) -> Result<Vec<NewConsent>, Reject> {
        let kind =
            self.kind()?.ok_or_else(|| wrong(self.cell(ConsentField::Kind), "a consent has a kind: it is missing"))?;
        let channels = self.channels()?;
        let given = self.cell(ConsentField::Source);
        let source = if given.text.is_empty() { source::IMPORT } else { given.text };
        if source == SOURCE_KEYWORD || source.chars().count() > SOURCE {
            return Err(wrong(given, "a source has 1 to 100 characters and is not the word keyword"));
        }
        let device = self.cell(ConsentField::Device);
        let keys = self.granted(device)?;
        let reached = keys.into_iter().filter(|(kind, _, key)| *kind == KeyKind::Client || reaches(&channels, key));
        let entries: Vec<NewConsent> =
            reached.map(|key| self.entry(key, kind, &channels, said_at, source, false)).collect();
        if entries.is_empty() {
            let text = "the channels of the consent reach none of the devices that it is for";
            return Err(wrong(self.cell(ConsentField::Channels), text));
        }
        Ok(entries)
    }

    fn revocations(&self, said_at: i64) -> Result<Vec<NewConsent>, Reject> {
        let kind = self.cell(ConsentField::Kind);
        // only the end of a consent to be called back or recorded is one of its kind. What can't be read of an opt-out does
        // not narrow it
        let kind = if kind.is_own { self.kind().ok().flatten() } else { None }.unwrap_or(ConsentKind::Express);
        let channels = self.channels().unwrap_or_default();
        let reached = keys(self.named).into_iter().filter(|k| k.0 == KeyKind::Client || reaches(&channels, &k.2));
        let entries: Vec<NewConsent> =
            reached.map(|key| self.entry(key, kind, &channels, said_at, source::IMPORT, true)).collect();
        if entries.is_empty() {
            let text = "the channels of the opt-out reach none of the devices of the line";
            return Err(wrong(self.cell(ConsentField::Channels), text));
        }
        Ok(entries)
    }

    fn entry(
        &self,
        (key_kind, key_hash, key): (KeyKind, i64, String),
        kind: ConsentKind,
        channels: &[Channel],
        said_at: i64,
        source: &str,
        revoked: bool,
    ) -> NewConsent {
        let text = |field, most| {
            let text: String = self.cell(field).text.chars().filter(|c| *c != '\0').take(most).collect();
            (!text.is_empty()).then_some(text)
        };
        NewConsent {
            key_kind,
            key_hash,
            key,
            kind,
            revoked,
            channels: channels.to_vec(),
            scope: ConsentScope::All,
            said_at,
            received_at: self.now,
            effective_at: said_at,
            deadline: None,
            expires_at: None,
            source: source.chars().filter(|c| *c != '\0').collect(),
            words: text(ConsentField::Text, WORDS),
            evidence: text(ConsentField::Evidence, EVIDENCE),
            import: 0,
            asked_for: None,
            lifts: false,
        }
    }

    fn kind(&self) -> Result<Option<ConsentKind>, Reject> {
        let cell = self.cell(ConsentField::Kind);
        if cell.text.is_empty() {
            return Ok(None);
        }
        let names = || ConsentKind::ALL.map(ConsentKind::as_str).join(", ");
        let unknown = || wrong(cell, format!("a kind of consent is one of {}, found {:?}", names(), short(cell.text)));
        ConsentKind::from_name(cell.text).map(Some).ok_or_else(unknown)
    }

    fn channels(&self) -> Result<Vec<Channel>, Reject> {
        let cell = self.cell(ConsentField::Channels);
        let named = cell.text.split([',', ';', ' ', '|', '/', '+']).filter(|name| !name.is_empty());
        let channel = |name: &str| match name.to_ascii_lowercase().as_str() {
            "all" | "any" | "every" => Ok(None),
            "voice" | "call" | "calls" | "phone" | "telephone" => Ok(Some(Channel::Voice)),
            "sms" | "text" | "texts" => Ok(Some(Channel::Sms)),
            "email" | "e-mail" | "mail" => Ok(Some(Channel::Email)),
            _ => Err(wrong(cell, format!("a channel is voice, sms or email, found {:?}", short(name)))),
        };
        let named = named.map(channel).collect::<Result<Vec<_>, _>>()?;
        if named.contains(&None) {
            return Ok(Vec::new());
        }
        Ok(Channel::ALL.into_iter().filter(|c| named.contains(&Some(*c))).collect())
    }

    /// What a consent is for.
    fn granted(&self, cell: ConsentCell<'_>) -> Result<Vec<(KeyKind, i64, String)>, Reject> {
        let client =
            || self.named.client.iter().map(|(id, hash)| (KeyKind::Client, *hash, id.clone())).collect::<Vec<_>>();
        let key = |d: &LineDevice| (KeyKind::Device, d.hash, d.address.clone());
        let name = cell.text.to_lowercase();
        if name.is_empty() {
            let devices: Vec<_> = self.named.devices.iter().map(key).collect();
            return Ok(if devices.is_empty() { client() } else { devices });
        }
        if matches!(name.as_str(), "contact" | "client" | "person") {
            let missing = || wrong(cell, "the consent is for the contact, but the line has no client id");
            return Some(client()).filter(|c| !c.is_empty()).ok_or_else(missing);
        }
        let position = name.strip_prefix("device").unwrap_or(&name).trim().parse::<i16>().ok();
        let is_meant = |d: &&LineDevice| Some(d.position) == position || d.address == name;
        let found = self.named.devices.iter().find(is_meant).map(|d| vec![key(d)]);
        let unknown = || {
            let text = "a consent is for a device of its line: its number from 1, or its address with the country";
            wrong(cell, format!("{text}, found {:?}", short(cell.text)))
        };
        found.ok_or_else(unknown)
    }

    /// A moment; of a day without a time its beginning for a consent and its end for an opt-out, UTC, so that of the two
    /// on one day the opt-out stands. A time without an offset is UTC.
    fn instant(&self, cell: ConsentCell<'_>, end: bool) -> Result<i64, Reject> {
        let utc = |at: DateTime| at.to_zoned(TimeZone::UTC).ok().map(|at| at.timestamp());
        let of_day = |day: Date| {
            let day = if end { day.tomorrow().ok()? } else { day };
            Some(utc(day.into())?.as_microsecond() - i64::from(end))
        };
        let text = cell.text;
        let (at, slack) = if let Ok(at) = text.parse::<Timestamp>() {
            (Some(at.as_microsecond()), 0)
        } else if text.len() <= 10 {
            // the last day that may have begun somewhere
            (text.parse::<Date>().ok().and_then(of_day), EAST + if end { DAY } else { 0 })
        } else {
            (text.parse::<DateTime>().ok().and_then(utc).map(Timestamp::as_microsecond), EAST)
        };
        let unreadable = || {
            wrong(cell, format!("a date is a day such as 2026-03-02 or a moment in RFC 3339, found {:?}", short(text)))
        };
        let at = at.ok_or_else(unreadable)?;
        if at > self.now + slack {
            return Err(wrong(cell, format!("the date is in the future: {:?}", short(text))));
        }
        Ok(at.min(self.now))
    }
}

/// Whether a cell says no.
fn is_no(text: &str) -> bool {
    matches!(text.to_ascii_lowercase().as_str(), "no" | "n" | "false" | "0")
}

/// Whether any of the channels (none for all) can use an address.
fn reaches(channels: &[Channel], address: &str) -> bool {
    let is_email = address.contains('@');
    channels.is_empty() || channels.iter().any(|c| (*c == Channel::Email) == is_email)
}

fn short(text: &str) -> String {
    text.chars().take(40).collect()
}

fn wrong(cell: ConsentCell<'_>, text: impl Into<String>) -> Reject {
    Reject { reason: RejectReason::BadConsent, column: cell.column, text: text.into() }
}
