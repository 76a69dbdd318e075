//! What a person is shown of the circle: members, and how far messages got.

use std::collections::{BTreeMap, BTreeSet};

use velar_protocol::circle::words::safety_number;
use velar_protocol::circle::{CheckIn, Roles};
use velar_protocol::seal::{MemberId, MessageId};

use super::{Device, DeviceError, Done, Turn};
use crate::outbox::Class;
use crate::records::{CursorKind, Delivery, DeliveryKind, Item, ItemKind, Peer};
use crate::terminal::short_id;

/// A member as seen from here.
#[derive(Clone)]
pub struct MemberView {
    /// Its id.
    pub member: MemberId,
    /// Its name.
    pub name: String,
    /// What it may do.
    pub roles: Roles,
    /// Whether it is this device.
    pub me: bool,
    /// Whether it signs the roster.
    pub lead: bool,
    /// The safety number was compared.
    pub verified: bool,
    /// Whether there is a way to reach it.
    pub reachable: bool,
    /// When it was last heard of, by this device's clock.
    pub heard_s: Option<u64>,
    /// Its newest check-in, when it was sent and when it arrived.
    pub check_in: Option<(CheckIn, u64, u64)>,
}

/// How far a message got for one person. Nothing claims more than is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reach {
    /// Only on this device yet.
    Queued,
    /// On the disk of these relays.
    AtRelay(Vec<String>),
    /// In this person's vault, since (by this device's clock).
    Received(u64),
    /// Will not get there: they left, or their relays refuse.
    GivenUp,
    /// Only on this device: of the relays where this person is reached it uses none.
    NoRelay {
        /// Those on their card.
        relays: Vec<String>,
        /// This device's person refused them; otherwise it waits for an answer.
        refused: bool,
    },
}

/// How far a message got, per person.
pub type Progress = Vec<(MemberId, String, Reach)>;

impl Device {
    /// Who is in the circle, this device included.
    ///
    /// # Errors
    /// [`DeviceError::NoCircle`].
    pub fn members(&mut self) -> Done<Vec<MemberView>> {
        self.read(0, |turn| {
            let roster = turn.the_roster()?;
            let profile = turn.profile()?;
            let mut views = Vec::new();
            for entry in roster.members() {
                let member = entry.member();
                let peer = turn.peer(member)?;
                let me = member == turn.me();
                views.push(MemberView {
                    member,
                    name: if me { profile.name.clone() } else { name_of(member, &peer) },
                    roles: entry.roles,
                    me,
                    lead: member == roster.lead(),
                    verified: peer.verified,
                    reachable: me || !turn.ways(member, false)?.is_empty(),
                    heard_s: peer.heard_s,
                    check_in: peer.check_in,
                });
            }
            Ok(views)
        })
    }

    /// The circle's name and the number of its roster.
    ///
    /// # Errors
    /// [`DeviceError::NoCircle`].
    pub fn circle(&mut self) -> Done<CircleView> {
        self.read(0, |turn| {
            let roster = turn.the_roster()?;
            let profile = turn.profile()?;
            Ok(CircleView {
                name: profile.circle_name,
                id: roster.circle(),
                number: roster.number(),
                agreement: *roster.agreement(),
                successors: roster.successors().len(),
                lead: roster.lead() == turn.me(),
            })
        })
    }

    /// The member of this name, or whose id begins with this text.
    ///
    /// # Errors
    /// [`DeviceError::UnknownMember`], [`DeviceError::AmbiguousMember`].
    pub fn find_member(&mut self, text: &str) -> Done<MemberId> {
        let members = self.members()?;
        let wanted = text.trim().to_lowercase();
        let exact: Vec<_> = members.iter().filter(|m| m.name.to_lowercase() == wanted).collect();
        let begins = |m: &&MemberView| {
            let hex = data_encoding::HEXLOWER.encode(&m.member.0);
            m.name.to_lowercase().starts_with(&wanted) || hex.starts_with(&wanted)
        };
        let found: Vec<_> =
            if exact.is_empty() { members.iter().filter(begins).collect() } else { exact };
        match found.as_slice() {
            [] => Err(DeviceError::UnknownMember),
            [one] => Ok(one.member),
            _ => Err(DeviceError::AmbiguousMember),
        }
    }

    /// The safety number with a member.
    ///
    /// # Errors
    /// [`DeviceError::UnknownMember`].
    pub fn safety_number(&mut self, member: MemberId) -> Done<String> {
        let mine = self.identity();
        self.read(0, |turn| {
            let roster = turn.the_roster()?;
            let entry = roster.member(member).ok_or(DeviceError::UnknownMember)?;
            Ok(safety_number(&roster.circle(), &mine, &entry.identity))
        })
    }

    /// The safety number with a member was compared, and is the same.
    ///
    /// # Errors
    /// [`DeviceError::UnknownMember`].
    pub fn mark_verified(&mut self, member: MemberId) -> Done {
        self.write(0, |turn| {
            turn.the_roster()?.member(member).ok_or(DeviceError::UnknownMember)?;
            let mut peer = turn.peer(member)?;
            peer.verified = true;
            turn.set_peer(member, &peer)
        })
    }

    /// How far a message got.
    ///
    /// # Errors
    /// [`DeviceError::Vault`].
    pub fn progress(&mut self, message: MessageId) -> Done<Progress> {
        self.read(0, |turn| turn.progress_of(|delivery| delivery.message == message))
    }

    /// When this device last checked in, and how far that got. `None` if it never did.
    ///
    /// # Errors
    /// [`DeviceError::Vault`].
    pub fn last_check_in(&mut self) -> Done<Option<(u64, Progress)>> {
        self.read(0, |turn| {
            // Not from the deliveries: told to a newcomer, it is queued again later.
            let Some((message, _, at_s)) = turn.profile()?.check_in else { return Ok(None) };
            let progress = turn.progress_of(|delivery| delivery.message == message)?;
            Ok(Some((at_s, progress)))
        })
    }

    /// How many messages to people are not with all of them yet, and how many of those are on no relay.
    ///
    /// # Errors
    /// [`DeviceError::Vault`].
    pub fn unfinished(&mut self) -> Done<(usize, usize)> {
        self.read(0, |turn| {
            let all = turn.tx.list::<DeliveryKind>()?;
            let open = |d: &Delivery| d.received_s.is_none() && !d.given_up;
            let unsent = |d: &Delivery| d.parts.is_none_or(|parts| d.accepted_parts < parts);
            // Nobody waits for a heartbeat.
            let counts = |d: &&Delivery| d.class != Class::Presence && open(d);
            let told = all.iter().map(|(_, d)| d).filter(counts);
            Ok((told.clone().filter(|d| d.told).count(), told.filter(|d| unsent(d)).count()))
        })
    }

    /// Names of those who have not received something that is at a relay for them.
    ///
    /// # Errors
    /// [`DeviceError::Vault`].
    pub fn not_received(&mut self) -> Done<Vec<String>> {
        self.read(0, |turn| {
            let all = turn.tx.list::<DeliveryKind>()?;
            let at_relay = |d: &&Delivery| d.told && matches!(reach(d), Reach::AtRelay(_));
            let to: BTreeSet<MemberId> =
                all.iter().map(|(_, d)| d).filter(at_relay).map(|d| d.to).collect();
            to.into_iter().map(|member| Ok(name_of(member, &turn.peer(member)?))).collect()
        })
    }

    /// What there is to show, after `position`, in order.
    ///
    /// # Errors
    /// [`DeviceError::Vault`].
    pub fn items_after(&mut self, position: u64) -> Done<Vec<(u64, Item)>> {
        self.read(0, |turn| Ok(turn.tx.list_after::<ItemKind>(position)?))
    }

    /// The last position that this reader has shown; 0 at first.
    ///
    /// # Errors
    /// [`DeviceError::Vault`].
    pub fn cursor(&mut self, reader: &str) -> Done<u64> {
        self.read(0, |turn| Ok(turn.tx.get::<CursorKind>(reader.as_bytes())?.unwrap_or(0)))
    }

    /// This reader has shown everything up to `position`; never moves back.
    ///
    /// # Errors
    /// [`DeviceError::Vault`].
    pub fn set_cursor(&mut self, reader: &str, position: u64) -> Done {
        self.write(0, |turn| {
            let known = turn.tx.get::<CursorKind>(reader.as_bytes())?.unwrap_or(0);
            Ok(turn.tx.put::<CursorKind>(reader.as_bytes(), &known.max(position))?)
        })
    }
}

/// A circle as seen from here.
#[derive(Clone)]
pub struct CircleView {
    /// Its name.
    pub name: String,
    /// Its id.
    pub id: velar_protocol::seal::CircleId,
    /// The number of the newest roster.
    pub number: u64,
    /// What was agreed.
    pub agreement: velar_protocol::circle::Agreement,
    /// How many successors the lead has named.
    pub successors: usize,
    /// Whether this device is the lead.
    pub lead: bool,
}

impl Turn<'_> {
    /// The furthest that any of these deliveries got, per person who is told of.
    pub(super) fn progress_of(&self, of: impl Fn(&Delivery) -> bool) -> Done<Progress> {
        let mut furthest: BTreeMap<MemberId, Reach> = BTreeMap::new();
        let deliveries = self.tx.list::<DeliveryKind>()?;
        for (_, delivery) in deliveries.iter().filter(|(_, d)| d.told && of(d)) {
            let now = match reach(delivery) {
                Reach::Queued => self.lacks_relay(delivery)?.unwrap_or(Reach::Queued),
                now => now,
            };
            let known = furthest.entry(delivery.to).or_insert(Reach::GivenUp);
            if rank(&now) > rank(known) {
                *known = now;
            }
        }
        let mut progress = Vec::new();
        for (member, reach) in furthest {
            progress.push((member, name_of(member, &self.peer(member)?), reach));
        }
        Ok(progress)
    }

    /// Whether something waits for want of a relay that this device uses.
    fn lacks_relay(&self, delivery: &Delivery) -> Done<Option<Reach>> {
        let mut addresses = self.peer(delivery.to)?.addresses;
        if addresses.is_empty() || !self.ways_of(delivery)?.is_empty() {
            return Ok(None);
        }
        let mut open = Vec::new();
        for address in &addresses {
            if !self.refuses(&address.relay)? {
                open.push(address.clone());
            }
        }
        let refused = open.is_empty();
        if !refused {
            addresses = open;
        }
        let called = addresses.iter().map(|address| self.called(&address.relay, delivery.to));
        let relays = called.collect::<Done<_>>()?;
        Ok(Some(Reach::NoRelay { relays, refused }))
    }
}

/// A member's name, or the beginning of the id if no name is known, or none any more.
pub(super) fn name_of(member: MemberId, peer: &Peer) -> String {
    if peer.name.is_empty() { short_id(&member.0) } else { peer.name.clone() }
}

fn reach(delivery: &Delivery) -> Reach {
    let on_relay = delivery.parts.is_some_and(|parts| delivery.accepted_parts >= parts);
    match delivery.received_s {
        Some(at_s) => Reach::Received(at_s),
        None if delivery.given_up => Reach::GivenUp,
        None if on_relay => {
            Reach::AtRelay(delivery.relays.iter().map(|(host, _)| host.clone()).collect())
        }
        None => Reach::Queued,
    }
}

fn rank(reach: &Reach) -> u8 {
    match reach {
        Reach::GivenUp => 0,
        Reach::Queued | Reach::NoRelay { .. } => 1,
        Reach::AtRelay(_) => 2,
        Reach::Received(_) => 3,
    }
}
