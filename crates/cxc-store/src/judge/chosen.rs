//! Choosing the device of a contact that is to be tried.
use std::borrow::Cow;

use cxc_core::contact::address_text;
use cxc_core::device::{DeviceKind, LineType};
use cxc_core::hash::HashKey;
use cxc_core::record::Reason;
use cxc_core::treatment::device_order;

use super::finding::{Finding, exclude};
use super::{Case, Scope};
use crate::contact::{Device, FullContact};
use crate::facts::Person;
use crate::record::Record;
use crate::suppression::SuppressionList;

/// A contact with its device.
pub(super) struct Chosen<'a> {
    pub contact: &'a FullContact,
    pub record: Option<&'a Record>,
    /// The index of the device among the contact's devices.
    pub index: usize,
    /// The keyed hash of the client id.
    pub client: Option<i64>,
    /// The positions of the devices that the channel can use.
    pub usable: Vec<i16>,
}

impl<'a> Chosen<'a> {
    /// The device of a case; what is found where it has none.
    pub fn of(key: &HashKey, scope: &Scope<'_>, case: &Case<'a>) -> Result<Self, Finding> {
        let kind = DeviceKind::for_channel(scope.channel).code();
        let own = || case.contact.devices.iter().filter(|d| d.kind == kind);
        let is_forbidden = |d: &&Device| LineType::from_code(d.line_type) == LineType::Premium;
        let numbers: Vec<u8> =
            own().filter(|d| !is_forbidden(d)).filter_map(|d| u8::try_from(d.position).ok()).collect();
        let order: Vec<i16> = device_order(scope.treatment, &numbers).into_iter().map(i16::from).collect();
        if order.is_empty() && own().any(|d| is_forbidden(&d)) {
            return Err(exclude(Reason::ForbiddenNumber, Some("premium rate".into())));
        }
        let wanted = match case.device {
            0 => order.first().copied(),
            // a device that is gone must not send the record back to one that was tried
            device => order.contains(&device).then_some(device),
        };
        let index = wanted.and_then(|p| case.contact.devices.iter().position(|d| d.position == p));
        let Some(index) = index else { return Err(exclude(Reason::NoDevice, None)) };
        let client = case.contact.contact.client_id.as_deref().map(|id| key.hash(scope.tenant, id));
        Ok(Self { contact: case.contact, record: case.record, index, client, usable: order })
    }

    pub fn device(&self) -> &'a Device {
        &self.contact.devices[self.index]
    }

    /// The position of the device that comes after this one.
    pub fn next(&self) -> Option<i16> {
        let position = self.device().position;
        self.usable.iter().skip_while(|p| **p != position).nth(1).copied()
    }

    /// Whom it is about, as facts are gathered.
    pub fn person<'s>(&self, scope: &Scope<'_>, lists: &'s [SuppressionList]) -> Person<'s>
    where
        'a: 's,
    {
        let device = self.device();
        let is_email = device.kind == DeviceKind::Email.code();
        Person {
            channel: scope.channel,
            device: device.address_hash,
            address: if is_email { address_text(&device.address) } else { Cow::Borrowed(&device.address) },
            client: self.client,
            client_id: self.contact.contact.client_id.as_deref().unwrap_or_default(),
            is_told: false,
            subjects: Vec::new(),
            lists,
            at: None,
        }
    }
}
