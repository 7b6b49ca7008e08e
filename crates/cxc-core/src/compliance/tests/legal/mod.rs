//! The legal rules that are shipped, judged on the published cases of the compliance design, section 8.
mod asked_time;
mod campaign;
mod clock;
mod consent;
mod counted;
mod decisions;
mod explained;
mod fallback;
mod hours;
mod known;
mod lists;
mod packs;
mod properties;
mod reg_f;
mod sources;

use std::sync::{Arc, LazyLock};

use super::*;
use crate::compliance::legal::{LegalRule, LegalRuleSetting, LegalRules};
use crate::consent::{AskedFor, ConsentEvent, ConsentKind, ConsentScope};
use crate::device::LineType;

static CALENDARS: LazyLock<Arc<Calendars>> = LazyLock::new(|| Arc::new(Calendars::shipped().unwrap()));
static PACKS: LazyLock<Arc<LegalRules>> =
    LazyLock::new(|| Arc::new(LegalRules::shipped(&Zones::bundled(), &CALENDARS).unwrap()));

/// The shipped rules without a guard, and no rule of the tenant's that closes an hour.
fn shipped() -> RuleDocuments {
    let mut documents = with_times(vec![times("open", "", "00:00", "24:00")]);
    documents.legal_packs = Arc::clone(&PACKS);
    documents.calendars = Arc::clone(&CALENDARS);
    documents
}

/// The same with decisions of the tenant: `("US-RND", "waived")`.
fn deciding(settings: &[(&str, &str)]) -> RuleDocuments {
    let mut documents = shipped();
    documents.legal_settings = settings
        .iter()
        .map(|(rule, state)| {
            let json = format!(r#"{{"rule":"{rule}","state":"{state}","reason":"our counsel says so"}}"#);
            stored::<LegalRuleSetting>(rule, &json)
        })
        .collect();
    documents
}

/// A law of the tenant's own that closes a day in a country, by the code of that.
pub(super) fn own_law(country: &str) -> Stored<LegalRule> {
    let json = format!(
        r#"{{"id":"{country}-OWN","jurisdiction":{{"country":"{country}"}},"citation":"a law","verifiedOn":"2026-11-22",
            "confidence":"low","default":"on",
            "kind":{{"blackout_date":{{"dates":[{{"first":"2026-11-30","last":"2026-12-02"}}]}}}}}}"#
    );
    stored("own", &json)
}

/// One person under the shipped rules.
struct Case {
    world: World,
    subject: Subject,
    debts: Vec<i64>,
    client: Option<i64>,
    device: i64,
    consents: Option<Vec<ConsentEvent>>,
    lists: Option<Vec<NumberListStatus>>,
    holding: Vec<NumberListHit>,
    flags: Option<Vec<PersonFlag>>,
    intelligence: Option<NumberIntelligence>,
    declared: Option<DeclaredTimes>,
    /// Every list is of the instant that is asked about.
    fresh: bool,
}

impl Case {
    /// A live sales call on a fixed line, with every list loaded, under decisions of the tenant.
    fn new(documents: &RuleDocuments, channel: Channel) -> Self {
        let mut world = World::new(documents);
        world.channel = channel;
        let loaded = |name: &str| NumberListStatus {
            name: name.into(),
            own: false,
            state: NumberListState::Loaded { version: "1".into(), as_of: at("2026-11-20T00:00:00Z") },
        };
        Self {
            world,
            subject: Subject { tech: Technique::Live, line_type: LineType::Fixed, ..Subject::UNSPECIFIED },
            debts: Vec::new(),
            client: Some(7),
            device: 8,
            consents: Some(Vec::new()),
            lists: Some(["US-DNC", "CA-DNCL", "GB-TPS", "GB-CTPS", "AU-DNCR"].map(loaded).to_vec()),
            holding: Vec::new(),
            flags: Some(Vec::new()),
            intelligence: None,
            declared: None,
            fresh: false,
        }
    }

    fn voice(settings: &[(&str, &str)]) -> Self {
        Self::new(&deciding(settings), Channel::Voice)
    }

    /// A collector's call about debt 100 to someone in a region of the United States.
    fn collector(settings: &[(&str, &str)], region: &str, zone: &str) -> Self {
        let mut case = Self::voice(settings).at_home("US", region, zone);
        case.subject.purpose = Purpose::Collections;
        case.subject.collector = Some(1);
        case.debts = vec![100];
        case
    }

    fn at_home(mut self, country: &str, region: &str, zone: &str) -> Self {
        self.world = self.world.phone(country, region, zone);
        self
    }

    fn past(mut self, attempts: impl IntoIterator<Item = PastAttempt>) -> Self {
        self.world.attempts.extend(attempts);
        self
    }

    fn with<T>(
        &mut self,
        now: Timestamp,
        ask: impl FnOnce(&RuleSet, &mut IntervalCache, &AttemptRequest<'_>, &Facts<'_>, Timestamp) -> T,
    ) -> T {
        for list in self.lists.iter_mut().flatten().filter(|_| self.fresh) {
            list.state = NumberListState::Loaded { version: "1".into(), as_of: now };
        }
        let parts: Vec<_> = self
            .world
            .parts
            .iter()
            .map(|(kind, country, regions, zones)| Part::new(*kind, country, regions, zones))
            .collect();
        let request = AttemptRequest {
            client: self.client,
            parts: &parts,
            subject: &self.subject,
            debts: &self.debts,
            declared: self.declared.as_ref(),
            ..AttemptRequest::new(self.world.channel, 1, self.device)
        };
        // a check is asked with what was known at its instant
        let known: Vec<_> = self.world.attempts.iter().filter(|p| p.at <= now).cloned().collect();
        let facts = Facts {
            suppression: Some(&self.world.suppression),
            attempts: Some(&known),
            attempts_since: Timestamp::MIN,
            consents: self.consents.as_deref(),
            numbers: self.lists.as_deref().map(|lists| NumberFacts { lists, holding: &self.holding }),
            intelligence: self.intelligence.as_ref(),
            flags: self.flags.as_deref(),
            ..Facts::none_known()
        };
        ask(&self.world.rules, &mut self.world.cache, &request, &facts, now)
    }

    fn check(&mut self, now: &str) -> Verdict {
        self.check_at(at(now))
    }

    fn check_at(&mut self, now: Timestamp) -> Verdict {
        self.with(now, check)
    }

    fn allowed(&mut self, now: &str) -> bool {
        let verdict = self.check(now);
        assert_eq!(verdict.is_allowed(), verdict.reasons.is_empty(), "{now}");
        verdict.is_allowed()
    }

    /// The rules that stand in the way.
    fn barred_by(&mut self, now: &str) -> Vec<String> {
        self.check(now).reasons.iter().map(|f| f.rule.id.to_string()).collect()
    }
}

/// A collector's call about debt 100 that rang and was not answered.
fn call(when: &str) -> PastAttempt {
    PastAttempt {
        group: 1,
        client: Some(7),
        state: AttemptState::Final,
        result: Some(CallResult::NoAnswer),
        purpose: Some(Purpose::Collections),
        collector: Some(1),
        debts: vec![100],
        ..PastAttempt::new(at(when), Channel::Voice, 8)
    }
}

/// A sales call that rang and was not answered.
fn sale(when: &str) -> PastAttempt {
    PastAttempt { purpose: Some(Purpose::Telemarketing), collector: None, debts: Vec::new(), ..call(when) }
}

fn conversation(when: &str) -> PastAttempt {
    PastAttempt { result: Some(CallResult::Answer), connected: true, conversation: true, ..call(when) }
}

/// As many of the same attempt, a minute apart.
fn times_of(count: i64, attempt: &PastAttempt) -> Vec<PastAttempt> {
    let later = |n: i64| attempt.at.saturating_add(jiff::SignedDuration::from_mins(n)).unwrap();
    (0..count).map(|n| PastAttempt { at: later(n), ..attempt.clone() }).collect()
}

fn consent(kind: ConsentKind, when: &str) -> ConsentEvent {
    ConsentEvent {
        kind,
        channels: Vec::new(),
        scope: ConsentScope::All,
        at: at(when),
        effective_at: None,
        expires: None,
        revoked: false,
        source: "form".into(),
        lifts_nothing: false,
        asked_for: None,
        key: Default::default(),
    }
}

fn asked_for(from: &str, till: &str) -> Option<AskedFor> {
    Some(AskedFor { from: at(from), till: at(till) })
}

fn revocation(when: &str) -> ConsentEvent {
    ConsentEvent { revoked: true, source: "reply".into(), ..consent(ConsentKind::Express, when) }
}

const NEW_YORK: &str = "America/New_York";
