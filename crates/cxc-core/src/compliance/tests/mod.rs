//! The check as a whole.
mod attempts;
mod legal;
mod properties;
mod speed;
mod territories;
mod windows;

use jiff::Timestamp;

use super::*;
use crate::attempt::AttemptState;
use crate::channel::Channel;
use crate::enumerations::CallResult;
use crate::record::Reason;

/// A set of rules, a worker's cache, and one person.
struct World {
    rules: RuleSet,
    cache: IntervalCache,
    parts: Vec<(PartKind, String, String, String)>,
    channel: Channel,
    attempts: Vec<PastAttempt>,
    suppression: Vec<SuppressionHit>,
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

impl World {
    fn new(documents: &RuleDocuments) -> Self {
        let zones = Zones::bundled();
        Self {
            rules: RuleSet::compile(documents, &[], &zones),
            cache: IntervalCache::new(zones, 100),
            parts: Vec::new(),
            channel: Channel::Sms,
            attempts: Vec::new(),
            suppression: Vec::new(),
        }
    }

    fn shipped(guard_seconds: u32) -> Self {
        Self::new(&RuleDocuments { guard_seconds, ..RuleDocuments::default() })
    }

    fn phone(mut self, country: &str, regions: &str, zones: &str) -> Self {
        self.parts.push((PartKind::Phone, country.to_owned(), regions.to_owned(), zones.to_owned()));
        self
    }

    fn part(mut self, kind: PartKind, country: &str, regions: &str, zones: &str) -> Self {
        self.parts.push((kind, country.to_owned(), regions.to_owned(), zones.to_owned()));
        self
    }

    fn check(&mut self, now: Timestamp) -> Verdict {
        let parts: Vec<_> = self
            .parts
            .iter()
            .map(|(kind, country, regions, zones)| Part::new(*kind, country, regions, zones))
            .collect();
        let request = AttemptRequest { client: Some(7), parts: &parts, ..AttemptRequest::new(self.channel, 1, 8) };
        let facts = Facts {
            suppression: Some(&self.suppression),
            attempts: Some(&self.attempts),
            attempts_since: Timestamp::MIN,
            ..Facts::none_known()
        };
        check(&self.rules, &mut self.cache, &request, &facts, now)
    }

    fn allowed(&mut self, now: &str) -> bool {
        self.check(at(now)).is_allowed()
    }

    fn tried(mut self, when: &str, state: AttemptState, result: Option<CallResult>) -> Self {
        self.attempts.push(past(when, state, result));
        self
    }
}

/// An SMS to the person of [`World`], on her device, from her group.
fn past(when: &str, state: AttemptState, result: Option<CallResult>) -> PastAttempt {
    PastAttempt { group: 1, client: Some(7), state, result, ..PastAttempt::new(at(when), Channel::Sms, 8) }
}

fn stored<T: RuleDocument>(id: &str, json: &str) -> Stored<T> {
    Stored::parse(RuleRef::new(id, 3), json)
}

fn times(id: &str, members: &str, from: &str, till: &str) -> Stored<ContactTimes> {
    let day = format!(r#"[{{"from":"{from}","till":"{till}"}}]"#);
    stored(id, &format!(r#"{{{members}"weekdays":[{day},{day},{day},{day},{day},{day},{day}]}}"#))
}

fn with_times(contact_times: Vec<Stored<ContactTimes>>) -> RuleDocuments {
    RuleDocuments { contact_times, guard_seconds: 0, ..RuleDocuments::default() }
}

fn with_attempts(rules: &[(&str, &str)]) -> RuleDocuments {
    let mut documents = with_times(vec![times("open", "", "00:00", "24:00")]);
    documents.attempt_rules = rules.iter().map(|(id, json)| stored(id, json)).collect();
    documents
}

fn ids(verdict: &Verdict) -> Vec<&str> {
    verdict.reasons.iter().map(|f| &*f.rule.id).collect()
}
