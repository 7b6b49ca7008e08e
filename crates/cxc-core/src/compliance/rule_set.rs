//! The rules that hold for one campaign, ready to be used a million times.
use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use jiff::tz::TimeZone;

use super::area::Area;
use super::attempts::CompiledCap;
use super::calendar::{always_open, day, every_day};
use super::contact_times::ContactTimes;
use super::day_plan::DayPlan;
use super::documents::{DataFault, MAX_GUARD_SECONDS, RuleDocuments, RuleRef, Stored};
use super::edition::Edition;
use super::holidays::Calendars;
use super::law::{Holding, Law, Profile, compile};
use super::legal::RuleBody;
use super::subject::Subject;
use super::tools::Tools;
use super::unmapped::UnmappedPolicy;
use super::zones::Zones;
use crate::Micros;
use crate::channel::Channel;

/// A set of channels, as bits.
pub(super) fn channel_bits(channels: &[Channel]) -> i16 {
    if channels.is_empty() { i16::MAX } else { channels.iter().fold(0, |bits, c| bits | c.bit()) }
}

/// Contact times or a contact date, compiled.
#[derive(Debug)]
pub(super) struct CompiledHours {
    pub rule: RuleRef,
    pub area: Area,
    pub channels: i16,
    /// Whether it holds for every campaign; otherwise it only narrows.
    pub required: bool,
    pub plan: Arc<DayPlan>,
}

/// The rules that hold for one campaign: those that are required and those that it names. Immutable; a change
/// of a rule makes a new set.
#[derive(Debug)]
pub struct RuleSet {
    version: i64,
    pub(super) stop_switch: Option<String>,
    /// Rules that can't be read, each with the reason.
    pub(super) unreadable: Vec<(RuleRef, String)>,
    pub(super) guard: Micros,
    pub(super) unmapped: UnmappedPolicy,
    pub(super) unmapped_zone: TimeZone,
    pub(super) shipped: Arc<CompiledHours>,
    pub(super) times: Vec<Arc<CompiledHours>>,
    pub(super) dates: Vec<Arc<CompiledHours>>,
    pub(super) attempts: Vec<CompiledCap>,
    pub(super) tools: Tools,
    /// Legal rules.
    pub(super) law: Law,
    /// The holidays that its hours were compiled with, by which reasons name them.
    pub(super) calendars: Arc<Calendars>,
    /// What is wrong with the data that every decision needs.
    pub(super) data_faults: Vec<DataFault>,
    /// Equal for sets whose windows are equal: they share cached intervals.
    key: String,
}

impl RuleSet {
    /// Compiles the rules for a campaign that names the rules `selected` by their ids. A rule that can't be
    /// read is kept as a reason to contact nobody, since it might have held.
    pub fn compile(documents: &RuleDocuments, selected: &[&str], zones: &Zones) -> Self {
        let edition = documents.edition;
        let mut unreadable = Vec::new();
        let times = holding(&documents.contact_times, |r| r.required, selected, &mut unreadable);
        let dates = holding(&documents.contact_dates, |_| true, selected, &mut unreadable);
        let attempts = holding(&documents.attempt_rules, |r| r.required, selected, &mut unreadable);
        let mut attempts: Vec<_> =
            attempts.into_iter().map(|(rule, body)| CompiledCap::of_tool(rule, body, edition)).collect();
        attempts.sort_by(|a, b| (a.priority, &a.rule.id).cmp(&(b.priority, &b.rule.id)));
        let times: Vec<_> =
            times.into_iter().map(|(rule, body)| Arc::new(compile_times(rule, body, edition))).collect();
        let dates: Vec<_> = dates.into_iter().map(|(rule, body)| Arc::new(compile_date(rule, body, edition))).collect();
        let tools = Tools::compile(documents, selected, zones, &mut unreadable);
        let law = compile(documents, zones, &mut unreadable);
        let mut set = Self {
            version: documents.version,
            stop_switch: documents.stop_switch.clone(),
            guard: i64::from(documents.guard_seconds.min(MAX_GUARD_SECONDS)) * 1_000_000,
            unmapped_zone: zones.get(&documents.unmapped.zone).unwrap_or(TimeZone::UTC),
            unmapped: documents.unmapped.clone(),
            shipped: Arc::new(compile_times(
                &RuleRef::new("shipped_contact_times", 0),
                &ContactTimes::shipped(),
                edition,
            )),
            times,
            dates,
            attempts,
            tools,
            law,
            calendars: Arc::clone(&documents.calendars),
            data_faults: documents.data_faults.clone(),
            unreadable,
            key: String::new(),
        };
        if zones.get(&set.unmapped.zone).is_none() {
            let detail = format!("the zone of the unmapped window, {}, is not known", set.unmapped.zone);
            set.unreadable.push((RuleRef::new("unmapped_window", 0), detail));
        }
        set.key = format!("{:016x} ", set.hash_windows());
        set
    }

    /// The version of the documents that it was compiled from.
    pub fn version(&self) -> i64 {
        self.version
    }

    /// Whether every rule can be read: what one says that can't be is not known.
    pub fn is_readable(&self) -> bool {
        self.unreadable.is_empty()
    }

    /// The rules that can't be read, each with the reason. Nobody is contacted while there are any.
    pub fn unreadable(&self) -> &[(RuleRef, String)] {
        &self.unreadable
    }

    /// How far back attempts must be known, in microseconds; `None` if no rule on this channel counts any. It is
    /// the longest over all subjects; [`RuleSet::history_reach_for`] is often shorter.
    pub fn history_reach(&self, channel: Channel) -> Option<Micros> {
        self.reach(channel, |_| true)
    }

    /// The same for attempts of one subject.
    pub fn history_reach_for(&self, channel: Channel, subject: &Subject) -> Option<Micros> {
        let profile = Profile::of(channel, subject);
        self.reach(channel, |applies| profile.is_met_by_campaign(applies))
    }

    fn reach(&self, channel: Channel, is_met: impl Fn(&super::legal::AppliesTo) -> bool) -> Option<Micros> {
        let tools = self.attempts.iter().filter(|r| r.holds_for(channel)).map(CompiledCap::reach);
        let law = self.law.rules.iter().filter(|r| r.holding == Holding::Holds);
        let law = law.filter(|r| channel_bits(&r.legal.applies_to.channels) & channel.bit() != 0);
        let law = law.filter(|r| is_met(&r.legal.applies_to)).filter_map(super::law::LawRule::history_reach);
        tools.chain(law).chain(self.tools.reach(channel)).max()
    }

    /// Whether decisions for this subject look at what is known of a person besides.
    pub fn needs_flags(&self, channel: Channel, subject: &Subject) -> bool {
        let profile = Profile::of(channel, subject);
        let about_flags = |r: &&super::law::LawRule| matches!(r.legal.kind, RuleBody::PersonFlags(_));
        let mut rules = self.law.rules.iter().filter(about_flags);
        rules.any(|r| r.holding == Holding::Holds && profile.is_met_by_campaign(&r.legal.applies_to))
    }

    /// Whether decisions on this channel look at the consents and opt-outs of a person.
    pub fn needs_consents(&self, channel: Channel) -> bool {
        self.law.rules.iter().any(|r| {
            r.holding == Holding::Holds
                && channel_bits(&r.legal.applies_to.channels) & channel.bit() != 0
                && matches!(r.legal.kind, RuleBody::ConsentGate(_) | RuleBody::RevocationSla(_))
        })
    }

    pub(super) fn key(&self) -> &str {
        &self.key
    }

    fn hash_windows(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        for hours in self.times.iter().chain(&self.dates) {
            (&hours.rule, &hours.area, hours.channels, hours.required, &hours.plan).hash(&mut hasher);
        }
        for law in &self.law.rules {
            (&law.rule, &law.legal, law.holding as u8, &law.narrow).hash(&mut hasher);
            // what calendars say may change under the same rule
            if let super::law::Act::Hours(plan, _) = &law.act {
                plan.hash(&mut hasher);
            }
        }
        (self.guard, &self.unmapped).hash(&mut hasher);
        hasher.finish()
    }

    /// The contact times that hold for someone who may be in `areas`: of each area the required ones of the best rank, and
    /// those of the best rank that the campaign names besides; where only a country is known, those of each of its regions
    /// too. Besides, the areas for which no required one holds: what a
    /// campaign names takes nobody's place.
    pub(super) fn times_for<'a>(
        &'a self,
        channel: Channel,
        areas: &'a [Area],
    ) -> (Vec<Arc<CompiledHours>>, Vec<&'a Area>) {
        let mut found: BTreeMap<usize, &Arc<CompiledHours>> = BTreeMap::new();
        let mut without = Vec::new();
        let of_channel = |(_, t): &(usize, &Arc<CompiledHours>)| t.channels & channel.bit() != 0;
        let times: Vec<_> = self.times.iter().enumerate().filter(of_channel).collect();
        let maybe = times.iter().map(|(_, t)| &t.area);
        let maybe = maybe.filter(|own| matches!(own, Area::Region(_)) && !areas.contains(own) && own.may_hold(areas));
        for (area, is_told) in areas.iter().map(|area| (area, true)).chain(maybe.map(|area| (area, false))) {
            let holding = times.iter().copied().filter(|(_, t)| t.area.holds(area));
            let (required, named): (Vec<_>, Vec<_>) = holding.partition(|(_, t)| t.required);
            if is_told && required.is_empty() {
                without.push(area);
            }
            for of_kind in [required, named] {
                let best = of_kind.iter().map(|(_, t)| rank(&t.area)).max();
                found.extend(of_kind.into_iter().filter(|(_, t)| Some(rank(&t.area)) == best));
            }
        }
        (found.into_values().cloned().collect(), without)
    }

    /// The special dates of someone who may be in `areas`. A holiday of any of them counts.
    pub(super) fn dates_for(&self, areas: &[Area]) -> Vec<Arc<CompiledHours>> {
        self.dates.iter().filter(|d| d.area.may_hold(areas)).cloned().collect()
    }

    /// Whether the rules are open round the clock wherever a person may be, so that no zone needs to be known.
    pub(super) fn open_everywhere(&self, channel: Channel) -> bool {
        let mut times = self.times.iter().filter(|t| t.channels & channel.bit() != 0).peekable();
        times.peek().is_some()
            && times.clone().any(|t| t.required && t.area == Area::Any)
            && times.all(|t| always_open(&t.plan.week))
    }

    /// The unmapped window as a plan.
    pub(super) fn unmapped_plan(&self) -> DayPlan {
        DayPlan::of_week(every_day(self.unmapped.window))
    }
}

/// The rules that hold for a campaign.
pub(super) fn holding<'a, T>(
    rules: &'a [Stored<T>],
    required: impl Fn(&T) -> bool,
    selected: &[&str],
    unreadable: &mut Vec<(RuleRef, String)>,
) -> Vec<(&'a RuleRef, &'a T)> {
    let broken = rules.iter().filter_map(|r| r.body.as_ref().err().map(|e| (r.rule.clone(), e.clone())));
    unreadable.extend(broken);
    rules
        .iter()
        .filter_map(|r| r.body.as_ref().ok().map(|body| (&r.rule, body)))
        .filter(|(rule, body)| required(body) || selected.contains(&&*rule.id))
        .collect()
}

fn rank(area: &Area) -> u8 {
    match area {
        Area::Any => 0,
        Area::Country(_) => 1,
        Area::Region(_) => 2,
    }
}

fn compile_times(rule: &RuleRef, body: &ContactTimes, edition: Edition) -> CompiledHours {
    let week = std::array::from_fn(|i| body.weekdays.get(i).map(|windows| day(windows)).unwrap_or_default());
    CompiledHours {
        rule: rule.clone(),
        area: body.area().meant(edition),
        channels: channel_bits(&body.channels),
        required: body.required,
        plan: Arc::new(DayPlan::of_week(week)),
    }
}

fn compile_date(rule: &RuleRef, body: &super::contact_dates::ContactDates, edition: Edition) -> CompiledHours {
    let plan = DayPlan::of_dates(vec![(body.date, day(body.window.as_slice()))]);
    let area = body.area().meant(edition);
    CompiledHours { rule: rule.clone(), area, channels: i16::MAX, required: true, plan: Arc::new(plan) }
}
