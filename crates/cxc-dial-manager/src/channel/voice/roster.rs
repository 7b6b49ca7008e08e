//! The numbers of a group's agents: a phone keeps its own while it is called again, and those of agents who are gone are used
//! anew, so that there are no more of them than agents.
use std::collections::HashSet;
use std::time::Duration;

use cxc_dialer::agent::AgentId;
use tokio::time::Instant;

/// A phone that is not there is called again after this time: so much longer than it rings. What is said late of an agent who is
/// gone is said by then, too.
pub const LOOK_AGAIN: Duration = Duration::from_secs(60);

/// Who has which number.
#[derive(Default)]
pub struct Roster(Vec<Slot>);

struct Slot {
    /// The phone; of a person it is asked for.
    uri: String,
    standing: Standing,
}

/// Whether an agent is one of the group's.
enum Standing {
    /// Called at this instant, so often in vain.
    Here(Instant, u32),
    /// A person, who comes and goes as they like.
    Person,
    /// Of this number no more; since then nobody.
    Gone(Option<Instant>),
}

/// What is to be done.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Due {
    /// Who is none of the group's any more.
    pub leave: Vec<AgentId>,
    /// Phones to call, new ones and those that are not there.
    pub call: Vec<String>,
    /// Of these, the places of those among the phones of the group that are not there, and how often they were called in vain.
    pub lost: Vec<(usize, u32)>,
}

impl Roster {
    /// Compares the phones that are wanted with those that are there.
    pub fn look(&mut self, wanted: &[String], absent: &HashSet<AgentId>, now: Instant) -> Due {
        let mut due = Due::default();
        for (id, slot) in (0..).map(AgentId).zip(&mut self.0) {
            let is_absent = absent.contains(&id);
            match &mut slot.standing {
                Standing::Here(..) if !wanted.contains(&slot.uri) => {
                    slot.standing = Standing::Gone(None);
                    due.leave.push(id);
                }
                // one that is there for a moment only was called in vain
                Standing::Here(at, tries) if !is_absent && now.saturating_duration_since(*at) >= LOOK_AGAIN => {
                    *tries = 0;
                }
                Standing::Gone(since) if is_absent => {
                    since.get_or_insert(now);
                }
                Standing::Here(..) | Standing::Person | Standing::Gone(_) => (),
            }
        }
        for (position, uri) in (1..).zip(wanted) {
            let Some((id, at, tries)) = self.find(uri) else {
                due.call.push(uri.clone());
                continue;
            };
            if absent.contains(&id) && now.saturating_duration_since(at) >= LOOK_AGAIN {
                due.call.push(uri.clone());
                due.lost.push((position, tries + 1));
            }
        }
        due
    }

    /// A phone is called: its number is the one that it had.
    pub fn phone(&mut self, uri: &str, now: Instant) -> AgentId {
        if let Some((id, _, tries)) = self.find(uri) {
            self.set(id, uri, Standing::Here(now, tries + 1));
            return id;
        }
        let id = self.next(now);
        self.set(id, uri, Standing::Here(now, 0));
        id
    }

    /// A person is taken in by the next number.
    pub fn person(&mut self, agent: AgentId) {
        self.set(agent, "", Standing::Person);
    }

    /// A person has left.
    pub fn left(&mut self, agent: AgentId) {
        self.set(agent, "", Standing::Gone(None));
    }

    fn find(&self, uri: &str) -> Option<(AgentId, Instant, u32)> {
        (0..).map(AgentId).zip(&self.0).find_map(|(id, slot)| match slot.standing {
            Standing::Here(at, tries) if slot.uri == uri => Some((id, at, tries)),
            _ => None,
        })
    }

    /// The number of the next agent: one that nobody has had for a while, so that what is still said of them is not taken for
    /// the new one's.
    pub fn next(&self, now: Instant) -> AgentId {
        let is_free = |slot: &Slot| matches!(slot.standing, Standing::Gone(Some(at)) if now.saturating_duration_since(at) >= LOOK_AGAIN);
        let at = self.0.iter().position(is_free).unwrap_or(self.0.len());
        AgentId(u32::try_from(at).unwrap_or(u32::MAX))
    }

    fn set(&mut self, id: AgentId, uri: &str, standing: Standing) {
        let slot = Slot { uri: uri.to_owned(), standing };
        match self.0.get_mut(id.0 as usize) {
            Some(place) => *place = slot,
            None => self.0.push(slot),
        }
    }
}

/// Whether it is worth a warning that something was in vain so often: each time longer after the last one.
pub fn is_worth_saying(times: u32) -> bool {
    times.is_power_of_two()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn phones(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| format!("sip:{name}@h")).collect()
    }

    fn none() -> HashSet<AgentId> {
        HashSet::new()
    }

    #[test]
    fn a_phone_that_is_not_there_is_called_again_by_the_same_number() {
        let (mut roster, mut now, wanted) = (Roster::default(), Instant::now(), phones(&["ann", "bob"]));
        let due = roster.look(&wanted, &none(), now);
        assert_eq!((due.call.len(), due.lost.len()), (2, 0));
        let ids: Vec<AgentId> = due.call.iter().map(|uri| roster.phone(uri, now)).collect();
        assert_eq!(ids, [AgentId(0), AgentId(1)]);
        let absent = HashSet::from([AgentId(1)]);
        for tries in 1..20 {
            assert_eq!(roster.look(&wanted, &absent, now), Due::default(), "it still rings");
            now += LOOK_AGAIN;
            let due = roster.look(&wanted, &absent, now);
            assert_eq!((due.call.as_slice(), due.lost.as_slice()), (&wanted[1..], &[(2, tries)][..]));
            assert_eq!(roster.phone(&due.call[0], now), AgentId(1));
        }
        now += LOOK_AGAIN;
        roster.look(&wanted, &none(), now);
        assert_eq!(roster.look(&wanted, &absent, now).lost, [(2, 1)], "it was there meanwhile");
        assert_eq!((1..100).filter(|times| is_worth_saying(*times)).count(), 7);
    }

    #[test]
    fn the_numbers_of_agents_who_are_gone_are_used_anew_but_not_at_once() {
        let (mut roster, mut now) = (Roster::default(), Instant::now());
        for uri in phones(&["ann", "bob"]) {
            roster.phone(&uri, now);
        }
        assert_eq!(roster.look(&phones(&["bob"]), &none(), now).leave, [AgentId(0)]);
        now += 10 * LOOK_AGAIN;
        roster.look(&phones(&["bob"]), &none(), now);
        assert_eq!(roster.next(now), AgentId(2), "the first one still talks");
        roster.person(AgentId(2));
        let gone = HashSet::from([AgentId(0), AgentId(2)]);
        roster.left(AgentId(2));
        for _ in 0..1_000 {
            roster.look(&phones(&["bob"]), &gone, now);
            now += LOOK_AGAIN;
            let person = roster.next(now);
            roster.person(person);
            assert!(person == AgentId(0) || person == AgentId(2), "{person:?}");
            roster.left(person);
        }
        assert_eq!(roster.0.len(), 3);
    }
}
