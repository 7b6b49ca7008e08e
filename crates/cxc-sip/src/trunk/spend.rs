//! What calls by a trunk cost in a day, held against what they may cost. A call that is placed counts with its first minute
//! at once, so that calls which ring at the same time do not pass the cap together. Amounts are millionths of a unit.
use cxc_core::Micros;

const DAY: Micros = 86_400_000_000;
const MINUTE: Micros = 60_000_000;

/// What calls cost.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tariff {
    /// What they may cost a day.
    pub per_day: i64,
    /// Each minute of a talk that has begun.
    pub per_minute: i64,
    /// Each answered call, besides.
    pub per_call: i64,
}

/// A day's account.
#[derive(Debug, Clone)]
pub(super) struct Spend {
    tariff: Tariff,
    day: i64,
    spent: i64,
    /// Calls that are not over.
    open: u32,
}

/// The day of an instant, in UTC.
pub fn day_of(now: Micros) -> i64 {
    now.div_euclid(DAY)
}

/// When the day of an instant is over, and caps begin anew.
pub fn next_day(now: Micros) -> Micros {
    (day_of(now) + 1) * DAY
}

impl Spend {
    /// An account in which nothing was spent.
    pub fn new(tariff: Tariff) -> Self {
        Self { tariff, day: 0, spent: 0, open: 0 }
    }

    /// The first minute of a call.
    fn least(&self) -> i64 {
        self.tariff.per_minute.saturating_add(self.tariff.per_call)
    }

    fn turn(&mut self, now: Micros) {
        let day = day_of(now);
        if day > self.day {
            (self.day, self.spent) = (day, 0);
        }
    }

    /// Takes up what was spent before on a day.
    pub fn resume(&mut self, day: i64, spent: i64) {
        if day >= self.day {
            (self.day, self.spent) = (day, spent);
        }
    }

    /// The day, and what is spent on it if each call that is not over takes a minute.
    pub fn counted(&mut self, now: Micros) -> (i64, i64) {
        self.turn(now);
        (self.day, self.spent.saturating_add(self.least().saturating_mul(i64::from(self.open))))
    }

    /// How many more calls may be placed now.
    pub fn room(&mut self, now: Micros) -> u32 {
        let left = self.tariff.per_day - self.counted(now).1;
        match self.least() {
            0 if left > 0 => u32::MAX,
            0 => 0,
            least => u32::try_from((left / least).max(0)).unwrap_or(u32::MAX),
        }
    }

    pub fn placed(&mut self) {
        self.open += 1;
    }

    /// A call is over; with the time of its talk if it was answered.
    pub fn ended(&mut self, talk: Option<Micros>, now: Micros) {
        self.turn(now);
        self.open = self.open.saturating_sub(1);
        if let Some(talk) = talk {
            let minutes = talk.max(1).div_euclid(MINUTE) + i64::from(talk.max(1) % MINUTE > 0);
            let cost = self.tariff.per_minute.saturating_mul(minutes).saturating_add(self.tariff.per_call);
            self.spent = self.spent.saturating_add(cost);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Micros = 1_000_000;

    #[test]
    fn calls_that_ring_together_pass_the_cap_by_no_more_than_their_own_talks() {
        let mut spend = Spend::new(Tariff { per_day: 100, per_minute: 10, per_call: 5 });
        let mut placed = 0;
        while spend.room(0) > 0 {
            spend.placed();
            placed += 1;
        }
        assert_eq!((placed, spend.counted(0)), (6, (0, 90)), "the first minute of each fits");
        // nobody answers two of them: what was set aside for them is there again
        spend.ended(None, 0);
        spend.ended(None, 0);
        assert_eq!(spend.room(0), 2);
        spend.ended(Some(61 * SECOND), 0);
        assert_eq!((spend.counted(0).1, spend.room(0)), (25 + 3 * 15, 2));
        spend.ended(Some(600 * SECOND), 0);
        assert_eq!((spend.counted(0).1, spend.room(0)), (25 + 105 + 30, 0));
    }

    #[test]
    fn a_new_day_begins_at_midnight_and_what_was_spent_today_is_taken_up() {
        let mut spend = Spend::new(Tariff { per_day: 10, per_minute: 10, per_call: 0 });
        assert_eq!(spend.room(5 * DAY - 1), 1);
        spend.placed();
        assert_eq!(spend.room(5 * DAY - 1), 0);
        // the talk goes on past midnight: it counts on the day of its end
        assert_eq!(spend.room(5 * DAY), 0);
        spend.ended(Some(1), 5 * DAY);
        assert_eq!((spend.room(5 * DAY), spend.counted(5 * DAY)), (0, (5, 10)));
        assert_eq!(spend.room(6 * DAY), 1);

        let mut after_restart = Spend::new(Tariff { per_day: 10, per_minute: 10, per_call: 0 });
        after_restart.resume(6, 10);
        assert_eq!((after_restart.room(6 * DAY), after_restart.room(7 * DAY)), (0, 1));
    }

    #[test]
    fn calls_that_cost_nothing_are_not_held_back() {
        let mut spend = Spend::new(Tariff { per_day: 1, ..Tariff::default() });
        spend.placed();
        spend.ended(Some(MINUTE), 0);
        assert_eq!(spend.room(0), u32::MAX);
        assert_eq!(Spend::new(Tariff::default()).room(0), 0, "nothing may be spent");
    }
}
