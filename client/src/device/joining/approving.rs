//! Approving: who answered an invitation of mine, and whether they are let in.

use velar_protocol::circle::invitation::words;
use velar_protocol::circle::roster::is_name;
use velar_protocol::circle::words::same_words;
use velar_protocol::circle::{Body, Card, Join, Message, PersonId, Roles, Roster, RosterMember};
use velar_protocol::seal::{Identity, MemberId};

use super::{link_of, owed_key};
use crate::device::opening::Incoming;
use crate::device::sealing::Post;
use crate::device::tending::LATE_S;
use crate::device::{Device, DeviceError, Done, Turn};
use crate::outbox::Class;
use crate::records::{
    Answered, Holder, IntroductionKind, InvitationKind, Invited, InvitedState, SparesKind,
    UnopenedSaidKind, What,
};

/// Seconds after which it is said again that an answer does not fit the same invitation.
const ANSWER_AGAIN_S: u64 = 3600;

/// Somebody who answered an invitation.
#[derive(Clone, Debug)]
pub struct AnswerView {
    /// The invitation.
    pub invitation: [u8; 16],
    /// The name they gave.
    pub name: String,
    /// The four words of this answer.
    pub words: [&'static str; 4],
    /// The roles that the invitation gives.
    pub roles: Roles,
    /// Nobody can be approved by it: it was rejected, or two people answered.
    pub void: bool,
    /// More than one person answered.
    pub twice: bool,
}

impl Device {
    /// Who answered and waits for approval. Reveals the nonce to each, so that both screens show the words.
    ///
    /// # Errors
    /// [`DeviceError::NoCircle`].
    pub fn answers(&mut self, now_s: u64) -> Done<Vec<AnswerView>> {
        self.write(now_s, |turn| {
            turn.the_roster()?;
            let mut views = Vec::new();
            for (_, invited) in turn.tx.list::<InvitationKind>()? {
                views.extend(turn.answer(invited)?);
            }
            Ok(views)
        })
    }

    /// How many people wait for approval. Says nothing to anybody.
    ///
    /// # Errors
    /// [`DeviceError::Vault`].
    pub fn requests(&mut self) -> Done<usize> {
        self.read(0, |turn| {
            let waits = |invited: &Invited| {
                let open = matches!(invited.state, InvitedState::Open | InvitedState::Revealed);
                open && invited.answers.len() == 1
            };
            Ok(turn.tx.list::<InvitationKind>()?.iter().filter(|(_, one)| waits(one)).count())
        })
    }

    /// Takes the one who answered into the circle, if what they read aloud are the words. `person`: of
    /// whom it is another device. `name` and `roles` replace what they asked for and the invitation's.
    ///
    /// # Errors
    /// [`DeviceError::Text`] for a name that cannot be one.
    /// [`DeviceError::NothingToApprove`], [`DeviceError::AmbiguousAnswer`], [`DeviceError::WordsDiffer`],
    /// [`DeviceError::Void`], [`DeviceError::NotLead`].
    pub fn approve(
        &mut self,
        invitation: [u8; 16],
        typed: &str,
        person: Option<MemberId>,
        name: Option<&str>,
        roles: Option<Roles>,
        now_s: u64,
    ) -> Done<MemberId> {
        self.write(now_s, |turn| turn.approve(invitation, typed, person, name, roles))
    }

    /// Turns down whoever answered this invitation; it is void from now on.
    ///
    /// # Errors
    /// [`DeviceError::NothingToApprove`].
    pub fn reject(&mut self, invitation: [u8; 16], now_s: u64) -> Done {
        self.write(now_s, |turn| {
            let invited =
                turn.tx.get::<InvitationKind>(&invitation)?.ok_or(DeviceError::NothingToApprove)?;
            turn.void(invited)
        })
    }
}

impl Turn<'_> {
    /// The keys of somebody who answered an invitation of mine that is under way.
    pub(in crate::device) fn answerer(&self, member: MemberId) -> Done<Option<Identity>> {
        let invitations = self.tx.list::<InvitationKind>()?;
        // Whoever was let in is what the roster says, also when it does not list them any more.
        let let_in = |invited: &Invited| matches!(invited.state, InvitedState::Approved(approved) if approved == member);
        let waiting = invitations.iter().filter(|(_, invited)| !let_in(invited));
        let answers = waiting.flat_map(|(_, invited)| &invited.answers);
        Ok(answers.map(|answer| answer.identity).find(|identity| identity.member() == member))
    }

    /// As coordinator: somebody answers.
    pub(in crate::device) fn invitation_answered(
        &mut self,
        heard: &Incoming,
        sent_at_s: u64,
        join: Join,
    ) -> Done {
        let Holder::Invitation(id) = heard.through else { return Ok(()) };
        let Some(mut invited) = self.readable::<InvitationKind>(&id)? else { return Ok(()) };
        let member = join.identity.member();
        let circle = self.circle()?;
        let relay = link_of(&invited.link)?.relay().clone();
        // Nobody who has not been let in makes this device connect to a relay of their choice.
        let at_home = |card: Card| card.addresses.iter().all(|address| address.relay == relay);
        let honest = join.identity == heard.from
            && join.is_signed_to(&invited.offer)
            && join.card.verify(&circle, &join.identity).is_ok_and(at_home);
        let in_time = sent_at_s <= invited.until_s && self.now_s <= invited.until_s + LATE_S;
        // A device that was removed comes back as another member.
        let known = self.members()?.known(member).is_some();
        if !honest || !in_time || known {
            tracing::warn!("an answer to an invitation was left aside");
            return self.say_answer_refused(id);
        }
        let again = invited.answers.iter().any(|answer| answer.identity == join.identity);
        if again || invited.state == InvitedState::Void || invited.answers.len() >= 2 {
            return Ok(());
        }
        let name = join.name.clone();
        invited.answers.push(Answered {
            identity: join.identity,
            join: heard.bytes.clone(),
            name: name.clone(),
        });
        self.tx.put::<InvitationKind>(&id, &invited)?;
        self.take_card(&join.identity, &join.card)?;
        let mut peer = self.peer(member)?;
        peer.name.clone_from(&name);
        self.set_peer(member, &peer)?;
        let now_s = self.now_s;
        match invited.state {
            // The words vouched for the first; whoever came later had the link too.
            InvitedState::Approved(_) => self.show(None, now_s, What::Voided { invitation: id }),
            _ if invited.answers.len() > 1 => {
                self.void(invited)?;
                self.show(None, now_s, What::Voided { invitation: id })
            }
            _ => self.show(None, now_s, What::Answered { invitation: id, name }),
        }
    }

    /// Says that an answer does not fit its invitation; once an hour for each, for whoever has the link can send many.
    fn say_answer_refused(&mut self, invitation: [u8; 16]) -> Done {
        let (key, now_s) = ([&invitation[..], b"answer"].concat(), self.now_s);
        let said_s = self.readable::<UnopenedSaidKind>(&key)?;
        if said_s.is_some_and(|at_s| at_s.abs_diff(now_s) < ANSWER_AGAIN_S) {
            return Ok(());
        }
        self.tx.put::<UnopenedSaidKind>(&key, &now_s)?;
        self.show(None, now_s, What::AnswerRefused)
    }

    fn answer(&mut self, mut invited: Invited) -> Done<Option<AnswerView>> {
        if invited.answers.is_empty() || matches!(invited.state, InvitedState::Approved(_)) {
            return Ok(None);
        }
        let void = invited.state == InvitedState::Void;
        let Some(first) = invited.answers.first().cloned() else { return Ok(None) };
        let view = AnswerView {
            invitation: invited.id,
            name: first.name.clone(),
            words: words_of(&invited, &first)?,
            roles: invited.roles,
            void,
            twice: invited.answers.len() > 1,
        };
        if invited.state == InvitedState::Open {
            let nonce = invited.nonce.array().unwrap_or_default();
            let to = [first.identity.member()];
            self.tell(&to, Body::Reveal { nonce }, &Post::of(Class::Care).without_receipt())?;
            invited.state = InvitedState::Revealed;
            self.tx.put::<InvitationKind>(&invited.id, &invited)?;
        }
        Ok(Some(view))
    }

    fn approve(
        &mut self,
        id: [u8; 16],
        typed: &str,
        person: Option<MemberId>,
        name: Option<&str>,
        roles: Option<Roles>,
    ) -> Done<MemberId> {
        let mut invited =
            self.tx.get::<InvitationKind>(&id)?.ok_or(DeviceError::NothingToApprove)?;
        let answer = match (invited.state, invited.answers.as_slice()) {
            (InvitedState::Void, _) | (_, [_, _, ..]) => return Err(DeviceError::Void),
            (InvitedState::Approved(_), _) | (_, []) => return Err(DeviceError::NothingToApprove),
            (_, [one]) => one.clone(),
        };
        if !same_words(typed, &words_of(&invited, &answer)?) {
            return Err(DeviceError::WordsDiffer);
        }
        let name = name.unwrap_or(&answer.name).trim().to_owned();
        if !is_name(&name) {
            return Err(DeviceError::Text);
        }
        let before = self.the_roster()?;
        let person = match person.and_then(|member| before.person(member)) {
            Some(person) => person,
            None => PersonId(self.random()),
        };
        let newcomer = answer.identity.member();
        let roles = roles.unwrap_or(invited.roles);
        let entry = RosterMember { person, roles, identity: answer.identity };
        let mut peer = self.peer(newcomer)?;
        peer.name.clone_from(&name);
        self.set_peer(newcomer, &peer)?;
        let roster = before.with_member(self.identity, entry)?;
        self.set_roster(&roster)?;
        invited.state = InvitedState::Approved(newcomer);
        self.tx.put::<InvitationKind>(&id, &invited)?;
        let mut profile = self.profile()?;
        self.revoke(&mut profile, |holder| *holder == Holder::Invitation(id));
        self.set_profile(&profile)?;
        self.welcome(&before, &roster, newcomer)?;
        let now_s = self.now_s;
        self.show(None, now_s, What::Joined(newcomer, name))?;
        self.bring_up_to_date(newcomer)?;
        Ok(newcomer)
    }

    /// Tells the newcomer how to reach the others, and the others that there is a newcomer.
    fn welcome(&mut self, before: &Roster, roster: &Roster, newcomer: MemberId) -> Done {
        let others: Vec<MemberId> =
            before.members().iter().map(RosterMember::member).filter(|m| *m != self.me()).collect();
        // First, so that who is told of a newcomer hears of the roster before.
        for member in &others {
            self.tell_roster(*member, before.number())?;
        }
        let mut members = Vec::new();
        for member in &others {
            let mut spares = self.readable::<SparesKind>(&member.0)?.unwrap_or_default();
            if let Some(entry) = before.member(*member) {
                let owner = entry.identity;
                spares.retain(|spare| self.is_usable_spare(&owner, spare).unwrap_or(false));
            }
            if spares.is_empty() {
                let owed = (newcomer, *member);
                self.tx.put::<IntroductionKind>(&owed_key(newcomer, *member), &owed)?;
                continue;
            }
            members.push((*member, spares.remove(0)));
            self.tx.put::<SparesKind>(&member.0, &spares)?;
        }
        let mut profile = self.profile()?;
        let card = self.card_for(&mut profile, newcomer)?;
        self.set_profile(&profile)?;
        let names = self.names(roster)?;
        let body = Body::Welcome {
            roster: roster.signed().clone(),
            names,
            members,
            circle_name: profile.circle_name,
            card,
        };
        self.tell(&[newcomer], body, &Post::of(Class::Care).with_stock()).map(|_| ())
    }

    /// Ends an invitation and tells whoever answered it.
    fn void(&mut self, mut invited: Invited) -> Done {
        invited.state = InvitedState::Void;
        let answerers: Vec<MemberId> =
            invited.answers.iter().map(|answer| answer.identity.member()).collect();
        self.tx.put::<InvitationKind>(&invited.id, &invited)?;
        let mut profile = self.profile()?;
        self.revoke(&mut profile, |holder| *holder == Holder::Invitation(invited.id));
        self.set_profile(&profile)?;
        self.tell(&answerers, Body::Void, &Post::of(Class::Care).without_receipt()).map(|_| ())
    }
}

fn words_of(invited: &Invited, answer: &Answered) -> Done<[&'static str; 4]> {
    let Ok(Message { body: Body::Offer(offer), .. }) = Message::decode(&invited.offer) else {
        return Err(DeviceError::BadOffer);
    };
    let nonce = invited.nonce.array().unwrap_or_default();
    Ok(words(offer.words, &link_of(&invited.link)?, &invited.offer, &answer.join, &nonce))
}
