//! What the circle has agreed: the agreement, and whom to turn to outside.

use velar_protocol::circle::limits::{MAX_CONTACT_LEN, MAX_CONTACTS};
use velar_protocol::circle::roster::is_name;
use velar_protocol::circle::{Agreement, Body, Contact, Role};
use velar_protocol::seal::MemberId;

use super::sealing::Post;
use super::{Device, DeviceError, Done, Turn};
use crate::contacts::Contacts;
use crate::outbox::Class;
use crate::records::{ContactsKind, What};

impl Device {
    /// Sets the circle's agreement, as its lead. Says whether it is another than before; then everybody is told.
    ///
    /// # Errors
    /// [`DeviceError::NotLead`]; [`DeviceError::Roster`] if it breaks a bound.
    pub fn agree(&mut self, agreement: Agreement, now_s: u64) -> Done<bool> {
        self.write(now_s, |turn| {
            let before = turn.the_roster()?;
            if before.lead() != turn.me() {
                return Err(DeviceError::NotLead);
            }
            if *before.agreement() == agreement {
                return Ok(false);
            }
            let roster = before.with_agreement(turn.identity, agreement)?;
            turn.set_roster(&roster)?;
            for member in turn.others()? {
                turn.tell_roster(member, before.number())?;
            }
            let now_s = turn.now_s;
            turn.show(None, now_s, What::Agreed)?;
            Ok(true)
        })
    }

    /// Whom to turn to outside the circle.
    ///
    /// # Errors
    /// [`DeviceError::NoCircle`].
    pub fn contacts(&mut self) -> Done<Vec<Contact>> {
        self.read(0, |turn| {
            turn.the_roster()?;
            Ok(turn.kept_contacts()?.contacts)
        })
    }

    /// Sets that list for the whole circle, as a coordinator.
    ///
    /// # Errors
    /// [`DeviceError::NotAllowed`] for who is none; [`DeviceError::Text`] if an entry or the list is too long.
    pub fn set_contacts(&mut self, contacts: Vec<Contact>, now_s: u64) -> Done {
        self.write(now_s, |turn| {
            turn.must_belong()?;
            if !turn.coordinates(turn.me())? {
                return Err(DeviceError::NotAllowed);
            }
            let holds = |one: &Contact| is_name(&one.name) && one.how.len() <= MAX_CONTACT_LEN;
            if contacts.len() > MAX_CONTACTS || !contacts.iter().all(holds) {
                return Err(DeviceError::Text);
            }
            let counter = turn.kept_contacts()?.counter.saturating_add(1);
            let kept = Contacts { counter, contacts };
            turn.tx.put::<ContactsKind>(&[], &kept)?;
            let Contacts { counter, contacts } = kept;
            let body = Body::Contacts { counter, contacts };
            turn.tell_all(body, &Post::of(Class::Care)).map(|_| ())
        })
    }
}

impl Turn<'_> {
    fn kept_contacts(&self) -> Done<Contacts> {
        Ok(self.readable::<ContactsKind>(&[])?.unwrap_or_default())
    }

    fn coordinates(&self, member: MemberId) -> Done<bool> {
        let roster = self.the_roster()?;
        Ok(roster.member(member).is_some_and(|entry| entry.roles.has(Role::Coordinator)))
    }

    /// A coordinator has set the list.
    pub(super) fn contacts_told(&mut self, from: MemberId, sent_at_s: u64, told: Contacts) -> Done {
        if !self.coordinates(from)? || !told.is_newer_than(&self.kept_contacts()?) {
            return Ok(());
        }
        self.tx.put::<ContactsKind>(&[], &told)?;
        self.show(Some(from), sent_at_s, What::ContactsSet)
    }

    /// A newcomer hears of it from each coordinator.
    pub(super) fn tell_contacts(&mut self, newcomer: MemberId) -> Done {
        let Contacts { counter, contacts } = self.kept_contacts()?;
        if counter == 0 || !self.coordinates(self.me())? {
            return Ok(());
        }
        let body = Body::Contacts { counter, contacts };
        self.tell(&[newcomer], body, &Post::of(Class::Care)).map(|_| ())
    }
}
