//! Relays that members name, as this device uses them: see [`crate::relays`].

use std::collections::{BTreeMap, BTreeSet};

use velar_protocol::circle::Address;
use velar_protocol::seal::MemberId;
use velar_protocol::wire::RelayAddress;

use super::views::name_of;
use super::{Device, DeviceError, Done, Turn};
use crate::records::{Delivery, Profile, RelaysKind, What};
use crate::relays::{RelayBook, Standing, places};

/// A relay on somebody's card where this device has no mailbox.
pub struct NamedRelay {
    /// The relay.
    pub relay: RelayAddress,
    /// How a person is told of it, and answers: its places that only these members name; its first, if others name all.
    pub called: String,
    /// Whether this device connects there.
    pub standing: Standing,
    /// Whose cards name it.
    pub by: Vec<(MemberId, String)>,
    /// For whom of those there is no other way.
    pub only: Vec<(MemberId, String)>,
}

impl Device {
    /// The relays on others' cards where this device has no mailbox.
    ///
    /// # Errors
    /// [`DeviceError::NoCircle`].
    pub fn named_relays(&mut self) -> Done<Vec<NamedRelay>> {
        self.read(0, |turn| turn.named_relays())
    }

    /// Places of relays to which this device never connects.
    ///
    /// # Errors
    /// [`DeviceError::Vault`].
    pub fn refuses(&mut self, relay: &RelayAddress) -> Done<bool> {
        self.read(0, |turn| turn.refuses(relay))
    }

    /// The person says that this device may connect to the relay at this place (`host:port`, or its host, or its address),
    /// or that it may not, from now on. Says which was meant.
    ///
    /// # Errors
    /// [`DeviceError::UnknownRelay`]: it is on nobody's card; [`DeviceError::AmbiguousRelay`];
    /// [`DeviceError::RelayKnown`]: this device is reached there itself.
    pub fn answer_about_relay(&mut self, place: &str, allow: bool, now_s: u64) -> Done<NamedRelay> {
        self.write(now_s, |turn| {
            turn.must_belong()?;
            turn.the_roster()?;
            let wanted = place.to_lowercase();
            let named = |relay: &RelayAddress| {
                relay.to_string().to_lowercase() == wanted || relay.is_called(&wanted)
            };
            let mut found = turn.named_relays()?;
            match found.iter().position(|one| one.called == wanted) {
                Some(at) => found = vec![found.swap_remove(at)],
                None => found.retain(|one| named(&one.relay)),
            }
            let relay = match found.as_slice() {
                [one] => one.relay.clone(),
                [] if turn.profile()?.homes.iter().any(|home| named(&home.relay)) => {
                    return Err(DeviceError::RelayKnown);
                }
                [] => return Err(DeviceError::UnknownRelay),
                _ => return Err(DeviceError::AmbiguousRelay),
            };
            let mut book = turn.relay_book()?;
            if allow {
                book.allow(&relay);
            } else {
                // What others use is refused only where nothing else would be.
                let profile = turn.profile()?;
                let mut kept = match found.iter().flat_map(|one| &one.by).next() {
                    Some((member, _)) => turn.shared_places(&profile, *member)?,
                    None => BTreeSet::new(),
                };
                if places(&relay).all(|place| kept.contains(&place)) {
                    kept = home_places(&profile);
                }
                book.refuse(&relay, |place| kept.contains(place));
            }
            turn.set_relay_book(&book)?;
            turn.relays_changed()?;
            let now = turn.named_relays()?.into_iter().find(|one| one.relay == relay);
            now.ok_or(DeviceError::UnknownRelay)
        })
    }
}

impl Turn<'_> {
    /// What is remembered of relays. A vault of before takes those that are on cards now for known; of a damaged record
    /// nothing is known.
    pub(super) fn relay_book(&self) -> Done<RelayBook> {
        if let Some(book) = self.readable::<RelaysKind>(&[])? {
            return Ok(book);
        }
        let mut book = RelayBook::default();
        if !self.tx.contains::<RelaysKind>(&[])? {
            self.profile()?.homes.iter().for_each(|home| book.allow(&home.relay));
            for (_, address) in self.all_addresses()? {
                book.allow(&address.relay);
            }
        }
        Ok(book)
    }

    pub(super) fn set_relay_book(&self, book: &RelayBook) -> Done {
        Ok(self.tx.put::<RelaysKind>(&[], book)?)
    }

    /// The person agreed to these when they joined, or chose them.
    pub(super) fn know_relays<'r>(
        &self,
        relays: impl IntoIterator<Item = &'r RelayAddress>,
    ) -> Done {
        let mut book = self.relay_book()?;
        relays.into_iter().for_each(|relay| book.allow(relay));
        self.set_relay_book(&book)
    }

    /// Where each other member is reached.
    fn all_addresses(&self) -> Done<Vec<(MemberId, Address)>> {
        let Some(roster) = self.roster()? else { return Ok(Vec::new()) };
        let mut all = Vec::new();
        for member in roster.members().iter().map(|entry| entry.member()) {
            if member != self.me() {
                let addresses = self.peer(member)?.addresses;
                all.extend(addresses.into_iter().map(|address| (member, address)));
            }
        }
        Ok(all)
    }

    /// Places of relays, in lower case, that this device uses itself or somebody who is another person than this member.
    fn shared_places(&self, profile: &Profile, by: MemberId) -> Done<BTreeSet<String>> {
        let mut shared = home_places(profile);
        let Some(members) = self.membership()? else { return Ok(shared) };
        for (member, address) in self.all_addresses()? {
            if !members.same_person(member, by) {
                shared.extend(places(&address.relay));
            }
        }
        Ok(shared)
    }

    /// How a person is told of a relay on this member's card.
    pub(super) fn called(&self, relay: &RelayAddress, by: MemberId) -> Done<String> {
        Ok(called(relay, &self.shared_places(&self.profile()?, by)?))
    }

    /// Where this device stands with a relay on this member's card.
    pub(super) fn standing(&self, relay: &RelayAddress, by: MemberId) -> Done<Standing> {
        let book = self.relay_book()?;
        if book.decides(relay) {
            return Ok(book.standing(relay, |_| false));
        }
        let shared = self.shared_places(&self.profile()?, by)?;
        Ok(book.standing(relay, |place| shared.contains(place)))
    }

    pub(super) fn refuses(&self, relay: &RelayAddress) -> Done<bool> {
        Ok(self.relay_book()?.standing(relay, |_| true) == Standing::Refused)
    }

    /// Where something goes that is for this member: to its relays that are known. An alarm of this person's goes to those
    /// that wait for an answer, too, if there is no other; to one that was refused nothing does.
    pub(super) fn ways(&self, to: MemberId, alarm: bool) -> Done<Vec<Address>> {
        let (mut known, mut open) = (Vec::new(), Vec::new());
        for address in self.peer(to)?.addresses {
            match self.standing(&address.relay, to)? {
                Standing::Known => known.push(address),
                Standing::Asks => open.push(address),
                Standing::Refused => {}
            }
        }
        Ok(if known.is_empty() && alarm { open } else { known })
    }

    /// Where the envelopes of this delivery go.
    pub(super) fn ways_of(&self, delivery: &Delivery) -> Done<Vec<Address>> {
        self.ways(delivery.to, delivery.is_alarm())
    }

    fn named_relays(&self) -> Done<Vec<NamedRelay>> {
        self.the_roster()?;
        let profile = self.profile()?;
        let home = home_places(&profile);
        let mut named: BTreeMap<String, NamedRelay> = BTreeMap::new();
        for (member, address) in self.all_addresses()? {
            if places(&address.relay).all(|place| home.contains(&place)) {
                continue;
            }
            let called = called(&address.relay, &self.shared_places(&profile, member)?);
            let standing = self.standing(&address.relay, member)?;
            let person = (member, name_of(member, &self.peer(member)?));
            let lacks = self.ways(member, false)?.is_empty();
            let one = named.entry(called.clone()).or_insert_with(|| NamedRelay {
                relay: address.relay,
                called,
                standing,
                by: Vec::new(),
                only: Vec::new(),
            });
            if one.by.iter().all(|(known, _)| *known != member) {
                one.only.extend(lacks.then(|| person.clone()));
                one.by.push(person);
            }
        }
        Ok(named.into_values().collect())
    }

    /// A card or an answer may have made relays known or not: what waits takes the ways that there are now.
    pub(super) fn relays_changed(&mut self) -> Done {
        let others: Vec<MemberId> =
            self.all_addresses()?.into_iter().map(|(member, _)| member).collect();
        for member in others {
            self.reroute(member)?;
        }
        self.seal_waiting()?;
        if self.is_removed()? { Ok(()) } else { self.keep_holds() }
    }

    /// Remembers relays that several use, and asks about those that wait for an answer, once each.
    pub(super) fn look_at_relays(&mut self) -> Done {
        if self.roster()?.is_none() || self.is_removed()? {
            return Ok(());
        }
        let (before, stored) = (self.relay_book()?, self.tx.contains::<RelaysKind>(&[])?);
        let mut book = before.clone();
        let profile = self.profile()?;
        let mut open = Vec::new();
        for (member, address) in self.all_addresses()? {
            if book.decides(&address.relay) {
                continue;
            }
            let shared = self.shared_places(&profile, member)?;
            if book.standing(&address.relay, |place| shared.contains(place)) == Standing::Known {
                book.remember(&address.relay);
            } else {
                open.push((address.relay, member));
            }
        }
        let asked = book.ask(&open, self.now_s);
        if book != before || !stored {
            self.set_relay_book(&book)?;
        }
        let now_s = self.now_s;
        for (relay, by) in asked {
            let relay = called(&relay, &self.shared_places(&profile, by)?);
            self.show(Some(by), now_s, What::RelayAsks { relay })?;
        }
        Ok(())
    }
}

fn home_places(profile: &Profile) -> BTreeSet<String> {
    profile.homes.iter().flat_map(|home| places(&home.relay)).collect()
}

/// See [`NamedRelay::called`].
fn called(relay: &RelayAddress, shared: &BTreeSet<String>) -> String {
    let open: Vec<String> = places(relay).filter(|place| !shared.contains(place)).collect();
    if open.is_empty() { relay.place() } else { open.join(",") }
}
