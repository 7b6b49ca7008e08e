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
    /// What is wrong with the customer's own lists: one that can't be read may hold anybody, and of those that say how old
    /// they may be, their age.
    own_faults: Vec<DataFault>,
}

impl BatchNumbers {
    /// The lists as they are at hand, for a channel at an instant.
    pub fn new(lists: &Arc<TenantLists>, channel: Channel, now: Timestamp) -> Self {
        let mut numbers = Self { lists: Arc::clone(lists), channel, named: Vec::new(), own_faults: Vec::new() };
        for list in lists.lists().iter().filter(|list| list.bears_on(channel)) {
            if list.is_own() {
                numbers.own_faults.extend(list.fault(now));
            } else {
                numbers.name(list, now);
            }
        }
        numbers
    }

    /// Two lists of one register, the tenant's and the installation's, are one to the rules: the younger counts for
    /// its age, and what either holds is held. While one of them can't be read nobody can say whom the register holds;
    /// that is no reason to doubt the others.
    fn name(&mut self, list: &ListAtHand, now: Timestamp) {
        let state = match list.state {
            // past its own age, or dated ahead, it is as good as none
            ListState::Loaded { version, as_of } if list.fault(now).is_none() => {
                NumberListState::Loaded { version: format!("{}@{version}", list.list.id).into(), as_of }
            }
            ListState::Loading => NumberListState::Unreadable,
            _ => NumberListState::NotLoaded,
        };
        match self.named.iter_mut().find(|named| *named.name == *list.list.register) {
            None => {
                let name = list.list.register.as_str().into();
                self.named.push(NumberListStatus { name, own: false, state });
            }
            Some(named) => {
                let rank = |state: &NumberListState| match state {
                    NumberListState::NotLoaded => (0, None),
                    NumberListState::Loaded { as_of, .. } => (1, Some(*as_of)),
                    NumberListState::Unreadable => (2, None),
                };
                if rank(&state) > rank(&named.state) {
                    named.state = state;
                }
            }
        }
    }

    /// What is wrong with the customer's own lists.
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

    /// The facts of a device.
    pub fn facts<'a>(&'a self, holding: &'a [NumberListHit]) -> NumberFacts<'a> {
        NumberFacts { lists: &self.named, holding }
    }

    fn bearing(&self) -> impl Iterator<Item = &ListAtHand> {
        self.lists.lists().iter().filter(|list| list.bears_on(self.channel))
    }
}
