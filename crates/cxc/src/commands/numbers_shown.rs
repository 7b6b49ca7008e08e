//! What `cxc numbers` says of lists of numbers and their versions.
use cxc_core::compliance::NumberListState;
use cxc_core::compliance::legal::{LegalRules, RuleBody};
use cxc_list_builder::numbers::NumberVersion;
use cxc_server::app::time_text;
use cxc_store::number_list::{ActiveList, INSTALLATION};
use cxc_store::number_lists::ListAtHand;
use cxc_store::number_register::register_state;
use jiff::Timestamp;
use serde_json::{Value, json};

const DAY: i64 = 24 * 3600 * 1_000_000;

/// A count as people read it: 1,000,000.
pub fn grouped(count: i64) -> String {
    let digits = count.unsigned_abs().to_string();
    let groups: Vec<&str> = digits.as_bytes().rchunks(3).rev().filter_map(|g| std::str::from_utf8(g).ok()).collect();
    format!("{}{}", if count < 0 { "-" } else { "" }, groups.join(","))
}

/// A moment, or the day alone where it is the beginning of one.
fn day(at: &str) -> &str {
    at.strip_suffix("T00:00:00Z").unwrap_or(at)
}

/// What came of a load or an activation; `active` is the version that is asked now.
pub fn told(list: &str, v: &NumberVersion, active: i64) -> String {
    let state = match v.state.as_str() {
        "rejected" if active > 0 => format!("rejected, version {active} stays active"),
        "rejected" => "rejected, and no version is active".to_owned(),
        other => other.to_owned(),
    };
    let size = match v.numbers {
        0 => String::new(),
        numbers => format!("; {:.2} bytes a number", v.bytes as f64 / numbers as f64),
    };
    format!(
        "{list} version {}: {} numbers of {}, {state}; {} lines = {} taken + {} duplicate + {} rejected + {} blank{size}",
        v.version,
        grouped(v.numbers),
        day(&v.as_of),
        grouped(v.lines),
        grouped(v.taken),
        grouped(v.duplicate),
        grouped(v.rejected),
        grouped(v.blank),
    )
}

/// How old a list may be by law, in days: what the strictest of the shipped rules says of its register.
fn legal_age(laws: &LegalRules, row: &ActiveList) -> Option<i64> {
    let ages = laws.all().iter().filter_map(|rule| match &rule.kind {
        RuleBody::ScrubAge(body) if body.list == row.list.register => Some(i64::from(body.max_days)),
        _ => None,
    });
    ages.min()
}

/// What is said of a list beside its row: what the law asks of its register, and how old that is by all of its lists.
#[derive(Debug, Clone, Copy)]
pub struct Standing {
    /// How old the register may be by law, in days.
    legal: Option<i64>,
    /// Whether the register as a whole is too old, dated ahead or not loaded for the law.
    is_stale: bool,
    now: i64,
}

impl Standing {
    /// Of one of these lists.
    pub fn of<'a>(
        laws: &LegalRules,
        row: &ActiveList,
        rows: impl IntoIterator<Item = &'a ActiveList>,
        now: i64,
    ) -> Self {
        let legal = legal_age(laws, row);
        let of_register = |one: &&ActiveList| one.list.register == row.list.register;
        let parts: Vec<ListAtHand> = rows.into_iter().filter(of_register).map(ListAtHand::unread).collect();
        let at = Timestamp::from_microsecond(now).unwrap_or_default();
        let is_stale = match register_state(&parts, at) {
            NumberListState::Loaded { as_of, .. } => {
                legal.is_some_and(|most| now - as_of.as_microsecond() > most * DAY)
            }
            _ => true,
        };
        Self { legal, is_stale, now }
    }

    /// Whether a list is too old by itself, or dated ahead.
    fn is_old(&self, as_of: i64) -> bool {
        self.legal.is_some_and(|most| self.now - as_of > most * DAY || as_of - self.now > DAY)
    }
}

/// How old a list is, and what comes of that.
pub fn age(row: &ActiveList, standing: Standing) -> Option<String> {
    let Standing { legal, is_stale, now } = standing;
    let old = now - row.as_of?;
    // where the installation and a tenant have the register, the younger copy counts
    let comes =
        if is_stale { "nobody whom it concerns is contacted" } else { "the younger copy of the register counts" };
    if old < -DAY && (legal.is_some() || row.list.max_age_days.is_some()) {
        return Some(format!("dated ahead: its age is not known, and {comes}"));
    }
    let days = format!("{} days old", old / DAY);
    let own = row.list.max_age_days.filter(|most| old > most * DAY);
    Some(match (own, legal) {
        (Some(most), _) => format!("{days}: past its own {most} days, so that it counts as not loaded"),
        (None, Some(most)) if old > most * DAY => {
            format!("{days}: too old for the law, which allows {most}: {comes}")
        }
        (None, Some(most)) if is_stale => format!(
            "{days}; the law allows {most}, but another list of {} is too old: nobody whom it concerns is contacted",
            row.list.register
        ),
        (None, Some(most)) => format!("{days}; the law allows {most}"),
        (None, None) => days,
    })
}

/// A list for programs.
pub fn shown(name: &str, row: &ActiveList, standing: Standing) -> Value {
    json!({
        "name": name,
        "kind": row.list.kind,
        "register": row.list.register,
        "installation": row.list.tenant == INSTALLATION,
        "state": if row.as_of.is_some() { "loaded" } else { "not_loaded" },
        "version": row.as_of.map(|_| row.list.active),
        "asOf": row.as_of.map(time_text),
        "ageDays": row.as_of.map(|as_of| (standing.now - as_of) / DAY),
        "legalAgeDays": standing.legal,
        "stale": row.as_of.filter(|_| standing.legal.is_some()).map(|as_of| standing.is_old(as_of)),
        "registerStale": standing.legal.map(|_| standing.is_stale),
        "numbers": row.numbers.unwrap_or(0),
    })
}

/// A list for people.
pub fn line(name: &str, row: &ActiveList, standing: Standing) -> String {
    let whose = if row.list.tenant == INSTALLATION { ", of the installation" } else { "" };
    let what = format!("{name} ({}{whose})", row.list.kind);
    match (row.as_of, age(row, standing)) {
        (Some(as_of), Some(age)) => format!(
            "{what}: version {}, {} numbers of {}, {age}",
            row.list.active,
            grouped(row.numbers.unwrap_or(0)),
            day(&time_text(as_of)),
        ),
        _ => format!("{what}: not loaded"),
    }
}

/// One version of a list, below it.
pub fn version_line(v: &NumberVersion) -> String {
    let why = v.detail.as_ref().map(|why| format!(": {why}")).unwrap_or_default();
    format!(
        "  version {}: {}, {} numbers of {}, from {}{why}",
        v.version,
        v.state,
        grouped(v.numbers),
        day(&v.as_of),
        v.file_name
    )
}

#[cfg(test)]
mod tests {
    use cxc_core::compliance::{Calendars, Zones};
    use cxc_store::number_list::NumberList;
    use uuid::Uuid;

    use super::*;

    fn list(as_of: Option<i64>, max_age_days: Option<i64>) -> ActiveList {
        let list = NumberList {
            number: 1,
            tenant: 2,
            id: Uuid::nil(),
            kind: "national_dnc".into(),
            register: "GB-TPS".into(),
            jurisdiction: None,
            channels: 3,
            max_age_days,
            active: 4,
        };
        ActiveList { list, as_of, blob: None, sha256: None, numbers: Some(100_000_000) }
    }

    #[test]
    fn counts_are_grouped_by_thousands() {
        let texts = [0, 999, 1_000, 100_000_000, -12_345].map(grouped);
        assert_eq!(texts, ["0", "999", "1,000", "100,000,000", "-12,345"]);
    }

    #[test]
    fn a_list_past_its_legal_age_says_what_comes_of_that() {
        let calendars = Calendars::shipped().unwrap();
        let laws = LegalRules::shipped(&Zones::bundled(), &calendars).unwrap();
        let young = list(Some(0), None);
        let standing = |row: &ActiveList, now| Standing::of(&laws, row, [row], now);
        let told = |row: &ActiveList, now| line("TPS", row, standing(row, now));
        let stale = |row: &ActiveList, now| shown("TPS", row, standing(row, now))["stale"].clone();
        assert_eq!(
            told(&young, 9 * DAY),
            "TPS (national_dnc): version 4, 100,000,000 numbers of 1970-01-01, 9 days old; the law allows 28"
        );
        let old = told(&young, 28 * DAY + 1);
        assert!(old.contains("too old for the law, which allows 28: nobody whom it concerns is contacted"), "{old}");
        assert_eq!(stale(&young, 28 * DAY + 1), true);
        assert_eq!(stale(&young, 28 * DAY), false);
        let own = list(Some(0), Some(7));
        assert!(told(&own, 9 * DAY).contains("past its own 7 days"));
        let ahead = list(Some(3 * DAY), None);
        assert!(told(&ahead, DAY).contains("dated ahead: its age is not known, and nobody"));
        assert_eq!(stale(&ahead, DAY), true);
        assert_eq!(told(&list(None, None), 0), "TPS (national_dnc): not loaded");
    }

    #[test]
    fn what_comes_of_an_old_list_depends_on_the_others_of_its_register() {
        let calendars = Calendars::shipped().unwrap();
        let laws = LegalRules::shipped(&Zones::bundled(), &calendars).unwrap();
        let (old, young, now) = (list(Some(0), None), list(Some(60 * DAY), None), 61 * DAY);
        let told = |row: &ActiveList, rows: [&ActiveList; 2]| age(row, Standing::of(&laws, row, rows, now)).unwrap();
        assert!(told(&old, [&old, &young]).ends_with("allows 28: nobody whom it concerns is contacted"));
        let hindered = told(&young, [&old, &young]);
        assert!(hindered.ends_with("another list of GB-TPS is too old: nobody whom it concerns is contacted"));
        let mut copy = young.clone();
        copy.list.tenant = INSTALLATION;
        assert!(told(&old, [&old, &copy]).ends_with("the younger copy of the register counts"));
        assert!(told(&copy, [&old, &copy]).ends_with("1 days old; the law allows 28"));
        let json = shown("TPS", &young, Standing::of(&laws, &young, [&old, &young], now));
        assert_eq!((&json["stale"], &json["registerStale"]), (&json!(false), &json!(true)));
    }
}
