//! One subscription: its contacts, which of them have changed since the last fetch, and the gate that keeps a second call back.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::ask::Contact;
use crate::core::{Mono, PartyId};

/// A contact's place in its subscription: contacts come in the order in which they were asked for.
pub(super) type Order = u64;

/// A contact that is watched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Watch {
    pub(super) contact: Contact,
    /// Who it is; `None` is somebody of another domain, of whom the hub knows nothing.
    pub(super) party: Option<PartyId>,
}

/// A subscription. Everything here happens at once: what changes after a fetch is announced anew.
#[derive(Debug)]
pub(super) struct Subscription {
    /// The end user whose it is.
    pub(super) owner: PartyId,
    /// Where calls go; `None` since the endpoint has gone.
    pub(super) endpoint: Option<u32>,
    pub(super) until: Mono,
    contacts: BTreeMap<Order, Watch>,
    orders: HashMap<Contact, Order>,
    next: Order,
    dirty: BTreeSet<Order>,
    /// A call is outstanding: nothing more is said until somebody fetches.
    is_gated: bool,
}

impl Subscription {
    pub(super) fn new(owner: PartyId, endpoint: u32, until: Mono) -> Self {
        Self {
            owner,
            endpoint: Some(endpoint),
            until,
            contacts: BTreeMap::new(),
            orders: HashMap::new(),
            next: 0,
            dirty: BTreeSet::new(),
            is_gated: false,
        }
    }

    /// Watches one more contact, which is to be told; `None` if it was watched already.
    pub(super) fn add(&mut self, watch: Watch) -> Option<Order> {
        if self.orders.contains_key(&watch.contact) {
            return None;
        }
        let order = self.next;
        self.next += 1;
        self.orders.insert(watch.contact.clone(), order);
        self.contacts.insert(order, watch);
        self.dirty.insert(order);
        Some(order)
    }

    pub(super) fn has(&self, contact: &Contact) -> bool {
        self.orders.contains_key(contact)
    }

    /// Watches a contact no longer.
    pub(super) fn remove(&mut self, contact: &Contact) -> Option<(Order, Watch)> {
        let order = self.orders.remove(contact)?;
        self.dirty.remove(&order);
        Some((order, self.contacts.remove(&order)?))
    }

    pub(super) fn len(&self) -> usize {
        self.contacts.len()
    }

    pub(super) fn contacts(&self) -> impl Iterator<Item = (Order, &Watch)> {
        self.contacts.iter().map(|(order, watch)| (*order, watch))
    }

    /// The contacts that a fetch would tell.
    pub(super) fn dirty(&self) -> impl Iterator<Item = &Watch> {
        self.dirty.iter().filter_map(|order| self.contacts.get(order))
    }

    /// A contact has changed.
    pub(super) fn changed(&mut self, order: Order) {
        if self.contacts.contains_key(&order) {
            self.dirty.insert(order);
        }
    }

    /// Whether a call is to be made now; then the gate is shut.
    pub(super) fn shut(&mut self) -> bool {
        let is_due = !self.is_gated && self.endpoint.is_some() && !self.dirty.is_empty();
        self.is_gated |= is_due;
        is_due
    }

    /// The call is not to be waited for any more: there is another endpoint, or none.
    pub(super) fn open(&mut self) {
        self.is_gated = false;
    }

    /// What has changed since the last fetch; the gate is open after it.
    pub(super) fn fetch(&mut self) -> Vec<Watch> {
        self.is_gated = false;
        let dirty = std::mem::take(&mut self.dirty);
        dirty.iter().filter_map(|order| self.contacts.get(order)).cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// What is done to a subscription.
    #[derive(Debug, Clone)]
    enum Step {
        Change(u64),
        Fetch,
        Add(u64),
        Remove(u64),
    }

    fn watch(number: u64) -> Watch {
        let uri = format!("u{number}@example.com");
        Watch { contact: Contact::new(&uri).unwrap(), party: None }
    }

    fn step() -> impl Strategy<Value = Step> {
        let contact = 0..6_u64;
        prop_oneof![
            8 => contact.clone().prop_map(Step::Change),
            4 => Just(Step::Fetch),
            1 => contact.clone().prop_map(Step::Add),
            1 => contact.prop_map(Step::Remove),
        ]
    }

    /// The naive model: each contact's version, the version that was told last, and whether a call is out.
    #[derive(Default)]
    struct Model {
        order: Vec<u64>,
        versions: HashMap<u64, u64>,
        told: HashMap<u64, u64>,
        is_called: bool,
    }

    impl Model {
        fn untold(&self) -> Vec<u64> {
            let is_untold = |contact: &&u64| self.versions.get(*contact) != self.told.get(*contact);
            self.order.iter().filter(is_untold).copied().collect()
        }

        fn call(&mut self) -> bool {
            let is_due = !self.is_called && !self.untold().is_empty();
            self.is_called |= is_due;
            is_due
        }
    }

    fn play(model: &mut Model, subject: &mut Subscription, step: &Step) -> Result<(), TestCaseError> {
        match step {
            Step::Add(contact) if !model.order.contains(contact) => {
                model.order.push(*contact);
                model.told.remove(contact);
                *model.versions.entry(*contact).or_default() += 1;
                prop_assert!(subject.add(watch(*contact)).is_some());
            }
            Step::Add(contact) => prop_assert!(subject.add(watch(*contact)).is_none()),
            Step::Remove(contact) => {
                let was_there = model.order.contains(contact);
                model.order.retain(|other| other != contact);
                prop_assert_eq!(subject.remove(&watch(*contact).contact).is_some(), was_there);
            }
            Step::Change(contact) => {
                let order = subject.orders.get(&watch(*contact).contact).copied();
                prop_assert_eq!(order.is_some(), model.order.contains(contact));
                if let Some(order) = order {
                    *model.versions.entry(*contact).or_default() += 1;
                    subject.changed(order);
                }
            }
            Step::Fetch => {
                let told: Vec<_> = subject.fetch();
                let expected: Vec<_> = model.untold().into_iter().map(watch).collect();
                prop_assert_eq!(told, expected);
                model.told = model.versions.clone();
                model.is_called = false;
            }
        }
        prop_assert_eq!(subject.shut(), model.call());
        Ok(())
    }

    proptest! {
        #[test]
        fn each_change_is_told_or_announced(steps in prop::collection::vec(step(), 0..200)) {
            let owner = PartyId::new("owner").unwrap();
            let mut subject = Subscription::new(owner, 1, Mono::default());
            let mut model = Model::default();
            for step in &steps {
                play(&mut model, &mut subject, step)?;
                let untold = model.untold().len();
                prop_assert_eq!(subject.dirty().count(), untold);
                prop_assert!(untold == 0 || subject.is_gated, "what is untold is announced");
            }
        }
    }

    #[test]
    fn without_an_endpoint_nobody_is_called_and_nothing_is_lost() {
        let mut subject = Subscription::new(PartyId::new("owner").unwrap(), 1, Mono::default());
        subject.endpoint = None;
        subject.add(watch(1));
        assert!(!subject.shut());
        subject.endpoint = Some(2);
        assert!(subject.shut() && !subject.shut());
        assert_eq!(subject.fetch(), [watch(1)]);
        assert_eq!(subject.fetch(), []);
    }
}
