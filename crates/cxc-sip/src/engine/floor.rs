//! Who hears whom in a talk, as a pure function of what the agent and a supervisor asked for.

/// Who is on the line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Party {
    Person,
    Agent,
    /// Whom the agent called beside.
    Third,
    Supervisor,
}

impl Party {
    pub const ALL: [Self; 4] = [Self::Person, Self::Agent, Self::Third, Self::Supervisor];
}

/// How much of a supervisor is heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// Hears all and is heard by nobody.
    Listen,
    /// Is heard by the agent only.
    Whisper,
    /// Is heard by all.
    Barge,
}

/// Where a third person is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Third {
    /// The phone rings, and the person waits.
    Calling,
    /// Talks with the agent, and the person waits.
    Talking,
    /// All three talk.
    Conference,
    /// Talks with the person; the agent is gone.
    Alone,
}

/// What was asked for in a talk.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Floor {
    /// The person waits.
    pub held: bool,
    /// The agent is heard by nobody.
    pub muted: bool,
    pub third: Option<Third>,
    pub supervisor: Option<Level>,
}

impl Floor {
    /// Whether one hears another. Nobody hears themselves.
    pub fn hears(self, who: Party, whom: Party) -> bool {
        let is_muted = self.muted && whom == Party::Agent;
        who != whom && !is_muted && self.reaches(whom, who)
    }

    /// Whether what one says is for another.
    fn reaches(self, voice: Party, ear: Party) -> bool {
        use Party::{Agent, Person, Supervisor};
        match (voice, ear) {
            (Supervisor, Agent) => matches!(self.supervisor, Some(Level::Whisper | Level::Barge)),
            (Supervisor, ear) => self.supervisor == Some(Level::Barge) && self.talk(Agent, ear),
            // a supervisor hears the agent and whom the agent hears
            (Agent, Supervisor) => self.supervisor.is_some() && self.third != Some(Third::Alone),
            (voice @ (Person | Party::Third), Supervisor) => self.supervisor.is_some() && self.talk(Agent, voice),
            (voice, ear) => self.talk(voice, ear),
        }
    }

    /// Whether two of the three talk with each other.
    fn talk(self, one: Party, other: Party) -> bool {
        use Party::{Agent, Person};
        match (one, other) {
            (Person, Agent) | (Agent, Person) => !self.held && self.third != Some(Third::Alone),
            (Agent, Party::Third) | (Party::Third, Agent) => {
                matches!(self.third, Some(Third::Talking | Third::Conference))
            }
            (Person, Party::Third) | (Party::Third, Person) => {
                self.third == Some(Third::Alone) || self.third == Some(Third::Conference) && !self.held
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Who hears whom, by first letters.
    fn heard(floor: Floor) -> String {
        let letter = |party: Party| match party {
            Party::Person => 'p',
            Party::Agent => 'a',
            Party::Third => 't',
            Party::Supervisor => 's',
        };
        let line = |who: Party| {
            let voices: String = Party::ALL.into_iter().filter(|whom| floor.hears(who, *whom)).map(letter).collect();
            format!("{}<{voices}", letter(who))
        };
        Party::ALL.map(line).join(" ")
    }

    #[test]
    fn each_hears_those_they_talk_with() {
        let floor = Floor::default();
        let third = |third, held| Floor { third: Some(third), held, ..floor };
        for (floor, expected) in [
            (floor, "p<a a<p t< s<"),
            (Floor { muted: true, ..floor }, "p< a<p t< s<"),
            (Floor { held: true, ..floor }, "p< a< t< s<"),
            (third(Third::Calling, true), "p< a< t< s<"),
            (third(Third::Talking, true), "p< a<t t<a s<"),
            (third(Third::Conference, false), "p<at a<pt t<pa s<"),
            (Floor { muted: true, ..third(Third::Conference, false) }, "p<t a<pt t<p s<"),
            (third(Third::Alone, false), "p<t a< t<p s<"),
        ] {
            assert_eq!(heard(floor), expected, "{floor:?}");
        }
    }

    #[test]
    fn a_supervisor_is_heard_by_nobody_by_the_agent_or_by_all_and_never_by_a_person_who_waits() {
        let floor = |level| Floor { supervisor: Some(level), ..Floor::default() };
        for (floor, expected) in [
            (floor(Level::Listen), "p<a a<p t< s<pa"),
            (floor(Level::Whisper), "p<a a<ps t< s<pa"),
            (floor(Level::Barge), "p<as a<ps t< s<pa"),
            (Floor { held: true, ..floor(Level::Barge) }, "p< a<s t< s<a"),
            (Floor { held: true, third: Some(Third::Talking), ..floor(Level::Barge) }, "p< a<ts t<as s<at"),
            (Floor { third: Some(Third::Conference), ..floor(Level::Listen) }, "p<at a<pt t<pa s<pat"),
            (Floor { muted: true, ..floor(Level::Listen) }, "p< a<p t< s<p"),
        ] {
            assert_eq!(heard(floor), expected, "{floor:?}");
        }
    }
}
