//! What the lists of numbers say of the devices of a batch: national lists as facts for the legal rules that name them,
//! the customer's own as suppression.
use std::sync::Arc;

use cxc_core::channel::Channel;
use cxc_core::compliance::{
    DataFault, NumberFacts, NumberListHit, NumberListStatus, RuleRef, SuppressedBy, SuppressionHit,
};
use cxc_core::phone::PhoneNumber;
use jiff::{SignedDuration, Timestamp};

use crate::number_lists::{ListAtHand, ListState, TenantLists};
use crate::number_register::register_state;

/// The lists that bear on the channel of a batch.
pub struct BatchNumbers {
    lists: Arc<TenantLists>,
    channel: Channel,
    /// The registers that rules may name, each once.
    named: Vec<NumberListStatus>,
    /// What is wrong with the customer's own lists: one that can't be read may hold anybody, and of those that say how old
    /// they may be, their age.
    own_faults: Vec<DataFault>,
    /// When the first list will be past its own age that is not yet.
    until: Option<Timestamp>,
}

impl BatchNumbers {
    /// The lists as they are at hand, for a channel at an instant.
    pub fn new(lists: &Arc<TenantLists>, channel: Channel, now: Timestamp) -> Self {
        let mut numbers =
            Self { lists: Arc::clone(lists), channel, named: Vec::new(), own_faults: Vec::new(), until: None };
        for list in lists.lists().iter().filter(|list| list.bears_on(channel)) {
            if list.is_own() {
                numbers.own_faults.extend(list.fault(now));
            } else if !numbers.named.iter().any(|named| *named.name == *list.list.register) {
                let parts = lists.lists().iter().filter(|part| {
                    part.bears_on(channel) && !part.is_own() && part.list.register == list.list.register
                });
                let (name, state) = (list.list.register.as_str().into(), register_state(parts, now));
                numbers.named.push(NumberListStatus { name, own: false, state });
            }
        }
        // at that very age it is still good
        let later = now.saturating_add(SignedDuration::from_micros(1)).unwrap_or(now);
        let ends = numbers.bearing().filter_map(ListAtHand::too_old_from).filter(|at| now <= *at);
        numbers.until = ends.map(|at| at.max(later)).min();
        numbers
    }

    /// When the first of the lists will be past its own age that is not yet.
    pub fn until(&self) -> Option<Timestamp> {
        self.until
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
