//! A register of numbers that several lists hold: which of them says what it is good for.
use cxc_core::compliance::NumberListState;
use jiff::Timestamp;

use crate::number_list::INSTALLATION;
use crate::number_lists::{ListAtHand, ListState};

/// What can be said of a register by the lists that name it, as rules are told.
///
/// The lists of one owner are parts of the register: any of them may be the one that would hold a number, so that the worst
/// decides: one that can't be read, then one past its own age or dated ahead, which is as good as not loaded, then the
/// oldest. One that was never loaded is no part yet. The tenant's lists and the installation's are two copies of the
/// register: the younger counts for its age. While a list of either can't be read nobody can say whom the register holds.
pub fn register_state<'a>(lists: impl IntoIterator<Item = &'a ListAtHand>, now: Timestamp) -> NumberListState {
    let mut copies: [Option<NumberListState>; 2] = [None, None];
    for list in lists {
        let Some(state) = part(list, now) else { continue };
        let copy = &mut copies[usize::from(list.list.tenant == INSTALLATION)];
        if copy.as_ref().is_none_or(|worst| of_parts(&state) > of_parts(worst)) {
            *copy = Some(state);
        }
    }
    copies.into_iter().flatten().max_by_key(of_copies).unwrap_or(NumberListState::NotLoaded)
}

/// One list as a part of its register; nothing if it was never loaded.
fn part(list: &ListAtHand, now: Timestamp) -> Option<NumberListState> {
    match list.state {
        ListState::NotLoaded => None,
        ListState::Loading => Some(NumberListState::Unreadable),
        ListState::Loaded { .. } if list.fault(now).is_some() => Some(NumberListState::NotLoaded),
        ListState::Loaded { version, as_of } => {
            Some(NumberListState::Loaded { version: format!("{}@{version}", list.list.id).into(), as_of })
        }
    }
}

/// How bad it is, among the parts of one copy: the greatest decides.
fn of_parts(state: &NumberListState) -> (u8, Option<std::cmp::Reverse<Timestamp>>) {
    match state {
        NumberListState::Loaded { as_of, .. } => (0, Some(std::cmp::Reverse(*as_of))),
        NumberListState::NotLoaded => (1, None),
        NumberListState::Unreadable => (2, None),
    }
}

/// What counts among copies: the greatest decides.
fn of_copies(state: &NumberListState) -> (u8, Option<Timestamp>) {
    match state {
        NumberListState::NotLoaded => (0, None),
        NumberListState::Loaded { as_of, .. } => (1, Some(*as_of)),
        NumberListState::Unreadable => (2, None),
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::number_list::{ActiveList, NumberList};

    const DAY: i64 = 86_400_000_000;
    const NOW: i64 = 100 * DAY;

    /// A loaded list of an owner, so many days old, with the age that it may have.
    fn list(tenant: i64, days: Option<i64>, max_age_days: Option<i64>) -> ListAtHand {
        let list = NumberList {
            number: 1,
            tenant,
            id: Uuid::from_u128(1),
            kind: "national_dnc".into(),
            register: "US-DNC".into(),
            jurisdiction: None,
            channels: 3,
            max_age_days,
            active: 1,
        };
        let as_of = days.map(|days| NOW - days * DAY);
        ListAtHand::unread(&ActiveList { list, as_of, blob: None, sha256: None, numbers: None })
    }

    /// The days of age that count; nothing where the register counts as not loaded.
    fn age(lists: &[ListAtHand]) -> Option<i64> {
        match register_state(lists, Timestamp::from_microsecond(NOW).unwrap()) {
            NumberListState::Loaded { as_of, .. } => Some((NOW - as_of.as_microsecond()) / DAY),
            NumberListState::NotLoaded => None,
            NumberListState::Unreadable => panic!("every list can be read"),
        }
    }

    #[test]
    fn of_the_lists_of_one_owner_the_oldest_decides() {
        let (old, young) = (list(7, Some(61), None), list(7, Some(1), None));
        assert_eq!(age(&[old.clone(), young.clone()]), Some(61));
        assert_eq!(age(&[young.clone(), old]), Some(61));
        assert_eq!(age(&[young.clone(), list(7, None, None)]), Some(1), "one that was never loaded is no part yet");
        assert_eq!(age(&[young.clone(), list(7, Some(9), Some(8))]), None, "past its own age");
        assert_eq!(age(&[list(7, Some(-3), None), young]), None, "dated ahead");
        assert_eq!(age(&[]), None);
    }

    #[test]
    fn of_the_tenants_copy_and_the_installations_the_younger_counts() {
        let installation = |days| list(INSTALLATION, Some(days), None);
        assert_eq!(age(&[installation(40), list(7, Some(2), None)]), Some(2));
        assert_eq!(age(&[list(7, Some(40), None), installation(2)]), Some(2));
        assert_eq!(age(&[list(7, Some(9), Some(8)), installation(2)]), Some(2));
        assert_eq!(age(&[list(7, Some(1), None), list(7, Some(50), None), installation(20)]), Some(20));
    }
}
