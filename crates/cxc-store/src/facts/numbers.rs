//! What the lists of numbers say of the devices of a batch: national lists as facts for the legal rules that name them,
//! the customer's own as suppression.
use std::sync::Arc;

use cxc_core::channel::Channel;
use cxc_core::compliance::{
    DataFault, NumberFacts, NumberListHit, NumberListState, NumberListStatus, RuleRef, SuppressedBy, SuppressionHit,
};
use cxc_core::phone::PhoneNumber;
use jiff::Timestamp;

use crate::number_lists::{ListAtHand, ListState, TenantLists};

/// The lists that bear on the channel of a batch.
pub struct BatchNumbers {
    lists: Arc<TenantLists>,
    channel: Channel,
    /// The registers that rules may name, each once.
    named: Vec<NumberListStatus>,
    /// A national list has a version that is not at hand: nobody can say yet whom it holds.
    national_unknown: bool,
    /// The same of one of the customer's own.
    own_unknown: bool,
    /// What is wrong with the age of the customer's own lists, of those that say how old they may be.
    own_faults: Vec<DataFault>,
}

impl BatchNumbers {
    /// The lists as they are at hand, for a channel at an instant.
    pub fn new(lists: &Arc<TenantLists>, channel: Channel, now: Timestamp) -> Self {
        let mut numbers = Self {
            lists: Arc::clone(lists),
            channel,
            named: Vec::new(),
            national_unknown: false,
            own_unknown: false,
            own_faults: Vec::new(),
        };
        for list in lists.lists().iter().filter(|list| list.bears_on(channel)) {
            let loading = list.state == ListState::Loading;
            if list.is_own() {
                numbers.own_unknown |= loading;
                numbers.own_faults.extend(list.fault(now));
            } else {
                numbers.national_unknown |= loading;
                numbers.name(list, now);
            }
        }
        numbers
    }

    /// Two lists of one register, the tenant's and the installation's, are one to the rules: the younger counts for
    /// its age, and what either holds is held.
    fn name(&mut self, list: &ListAtHand, now: Timestamp) {
        let state = match list.state {
            // past its own age, or dated ahead, it is as good as none
            ListState::Loaded { version, as_of } if list.fault(now).is_none() => {
                NumberListState::Loaded { version: format!("{}@{version}", list.list.id).into(), as_of }
            }
            _ => NumberListState::NotLoaded,
        };
        match self.named.iter_mut().find(|named| *named.name == *list.list.register) {
            None => {
                let name = list.list.register.as_str().into();
                self.named.push(NumberListStatus { name, own: false, state });
            }
            Some(named) => {
                let age = |state: &NumberListState| match state {
                    NumberListState::Loaded { as_of, .. } => Some(*as_of),
                    NumberListState::NotLoaded => None,
                };
                if age(&state) > age(&named.state) {
                    named.state = state;
                }
            }
        }
    }

    /// Whether one of the customer's own lists can't be asked yet.
    pub fn own_unknown(&self) -> bool {
        self.own_unknown
    }

    /// What is wrong with the age of the customer's own lists.
    pub fn own_faults(&self) -> &[DataFault] {
        &self.own_faults
    }

    /// The registers that hold a number. Also where a list is old: age makes it incomplete, not wrong.
    pub fn holding(&self, address: &str) -> Vec<NumberListHit> {
        let Ok(number) = PhoneNumber::parse(address) else { return Vec::new() };
        let holds =
            |name: &str| self.bearing().any(|list| !list.is_own() && list.list.register == name && list.holds(number));
        let held = self.named.iter().enumerate().filter(|(_, named)| holds(&named.name));
        held.map(|(list, _)| NumberListHit { list, added_on: None }).collect()
    }

    /// The customer's own lists that hold a number, as suppression.
    pub fn suppression(&self, address: &str) -> impl Iterator<Item = SuppressionHit> {
        let number = PhoneNumber::parse(address).ok();
        let own = self.bearing().filter(move |list| list.is_own() && number.is_some_and(|n| list.holds(n)));
        own.map(|list| {
            let version = match list.state {
                ListState::Loaded { version, .. } => version,
                ListState::NotLoaded | ListState::Loading => 0,
            };
            let list = RuleRef::new(list.list.id.to_string(), version);
            SuppressionHit { list, by: SuppressedBy::Device, from: None, until: None }
        })
    }

    /// The facts of a device; nothing while a version is not at hand.
    pub fn facts<'a>(&'a self, holding: &'a [NumberListHit]) -> Option<NumberFacts<'a>> {
        (!self.national_unknown).then_some(NumberFacts { lists: &self.named, holding })
    }

    fn bearing(&self) -> impl Iterator<Item = &ListAtHand> {
        self.lists.lists().iter().filter(|list| list.bears_on(self.channel))
    }
}
