//! What a message does, once it is known by whom it is.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use velar_protocol::circle::alert::set_digest;
use velar_protocol::circle::{
    AlertEvent, AlertId, AlertMark, Body, CheckIn, EventId, EventKind as Kind, Heard, Message,
    Spare,
};
use velar_protocol::hash::labelled;
use velar_protocol::seal::MemberId;

use super::opening::{Acted, Incoming};
use super::sealing::Post;
use super::{Done, Turn};
use crate::contacts::Contacts;
use crate::outbox::Class;
use crate::records::{EventKind, IntroductionKind, PassedKind, QuietKind, SparesKind, What};

/// A difference between two members' events of an alert is only looked at when the newest event is older
/// than this: until then it is on its way.
const SETTLED_S: u64 = 60;

/// A member's event set of one alert is answered at most this often.
const ANSWER_S: u64 = 300;

/// Alerts of which it is remembered what a member was answered.
const MAX_ANSWERED: usize = 64;

/// Events passed on in answer to one mark.
const MAX_PASSED_ON: usize = 32;

/// Events of which it is remembered that they were passed on to a member; of more, the oldest may come once more.
const MAX_PASSED: usize = 4096;

impl Turn<'_> {
    /// Acts on a message.
    pub(super) fn act_on(&mut self, heard: &Incoming, message: Message) -> Done<Acted> {
        let from = heard.from.member();
        let done = |receipt| Ok(Acted::Done { receipt });
        match message.body {
            Body::Join(join) => {
                self.invitation_answered(heard, message.sent_at_s, *join)?;
                done(false)
            }
            Body::Reveal { nonce } => {
                self.revealed(from, nonce)?;
                done(false)
            }
            Body::Void => {
                self.voided(from)?;
                done(false)
            }
            Body::Welcome { .. } => {
                let receipt = self.welcomed(from, &heard.bytes)?;
                done(receipt)
            }
            Body::Introduction { chain, names, card } => {
                self.introduced(heard, message.sent_at_s, &chain, &names, &card)
            }
            Body::Offer(_) => done(false),
            Body::AlertApart { event, .. }
                if self.roster()?.is_some() && self.is_apart_from_me(&event)? =>
            {
                Ok(Acted::Aside)
            }
            body => {
                let Some(roster) = self.roster()? else { return Ok(Acted::TooEarly) };
                if roster.member(from).is_none() {
                    if self.former_identity(from)?.is_some() {
                        self.said_by_former(from, message.sent_at_s, body)?;
                    }
                    tracing::warn!("a message by somebody who is not a member was left aside");
                    return done(false);
                }
                let receipt =
                    !matches!(body, Body::Receipt { .. } | Body::Prekeys | Body::Presence { .. });
                let old_kit = self.heard_kit(from, message.sent_at_s, message.kit, &body)?;
                self.act_on_member(heard, message.sent_at_s, body)?;
                if let Some(alert) = old_kit {
                    self.show(Some(from), message.sent_at_s, What::OldKit { alert })?;
                }
                self.compare_events(from, &message.marks)?;
                done(receipt)
            }
        }
    }

    fn act_on_member(&mut self, heard: &Incoming, sent_at_s: u64, body: Body) -> Done {
        let from = heard.from.member();
        match body {
            Body::Say { text } => {
                let what = What::Said { message: heard.id, sequence: heard.sequence, text };
                self.show(Some(from), sent_at_s, what)
            }
            Body::CheckIn(check_in) => self.checked_in(heard, sent_at_s, check_in),
            Body::Alert(event) => self.told_event(from, sent_at_s, event, None),
            Body::AlertApart { event, hers } => self.told_event(from, sent_at_s, event, Some(hers)),
            Body::Receipt { messages, watching_until_s } => {
                for message in messages {
                    self.drill_received(from, message, sent_at_s)?;
                    self.receipted(from, message)?;
                }
                match watching_until_s {
                    Some(until_s) => self.presence_heard(from, heard.sequence, until_s, false),
                    None => Ok(()),
                }
            }
            Body::Rosters { chain, names } => self.take_rosters(from, sent_at_s, &chain, &names),
            Body::RosterWanted { have } => self.tell_roster(from, have),
            Body::Card(card) => {
                if let Err(error) = self.take_card(&heard.from, &card) {
                    tracing::warn!(%error, "a card was refused");
                    return Ok(());
                }
                self.seal_waiting()
            }
            Body::Spares(spares) => self.spares_left(from, spares),
            Body::Introduce { member, spare } => {
                let coordinates = self.the_roster()?.member(from).is_some_and(|entry| {
                    entry.roles.has(velar_protocol::circle::Role::Coordinator)
                });
                if coordinates { self.introduce_to(member, &spare) } else { Ok(()) }
            }
            Body::Resend { envelope } => self.resend(from, envelope.0),
            Body::Presence { watching_until_s, ask } => {
                self.presence_heard(from, heard.sequence, watching_until_s, ask)
            }
            Body::Contacts { counter, contacts } => {
                self.contacts_told(from, sent_at_s, Contacts { counter, contacts })
            }
            Body::Prekeys
            | Body::Offer(_)
            | Body::Join(_)
            | Body::Reveal { .. }
            | Body::Welcome { .. }
            | Body::Introduction { .. }
            | Body::Void => Ok(()),
        }
    }

    fn checked_in(&mut self, heard: &Incoming, sent_at_s: u64, mut check_in: CheckIn) -> Done {
        let from = heard.from.member();
        if !check_in.next_alarm.is_about(from) {
            // It would put her silence on somebody else. All who have the message draw the same.
            tracing::warn!("a check-in named an alert that is not about its author");
            let random = heard.id.0.first_chunk().copied().unwrap_or_default();
            check_in.next_alarm = AlertId::draw(from, random);
        }
        let mut peer = self.peer(from)?;
        let newer =
            peer.check_in.as_ref().is_none_or(|(known, ..)| check_in.counter > known.counter);
        if newer {
            peer.check_in = Some((check_in.clone(), sent_at_s, self.now_s));
            self.set_peer(from, &peer)?;
        }
        self.show(Some(from), sent_at_s, What::CheckedIn(check_in))
    }

    /// An event at first hand, or an alarm by hearsay; where it was said apart from devices of the one it is about,
    /// with what was said to those in its place.
    pub(super) fn told_event(
        &mut self,
        from: MemberId,
        sent_at_s: u64,
        event: AlertEvent,
        apart: Option<Vec<AlertEvent>>,
    ) -> Done {
        if self.is_of_my_duress(&event)? || self.is_misplaced_duress(&event)? {
            return Ok(());
        }
        let told_by = Some(from).filter(|from| *from != event.author);
        let Some(heard) = Heard::new(event, from, self.now_s) else {
            tracing::warn!("calm by hearsay does not count");
            return Ok(());
        };
        match apart {
            None => self.heard_by_all(&heard)?,
            Some(hers) => self.heard_apart(&heard, hers)?,
        }
        if self.is_outdated(heard.event())? {
            return self.keep_aside(heard, sent_at_s);
        }
        let event = heard.event().clone();
        if self.add_event(heard)? {
            let shown = Some(event.author).filter(|author| *author != self.me());
            self.show(shown, sent_at_s, What::Alert { event, told_by })?;
        }
        Ok(())
    }

    /// Who knows less of an open alert than I do gets what I may pass on: alarms of anybody, and my own
    /// events. Once for each pair of event sets.
    fn compare_events(&mut self, with: MemberId, marks: &[AlertMark]) -> Done {
        for mark in marks {
            let events = self.events_for(mark.alert, with)?;
            let newest = events.iter().map(Heard::heard_s).max();
            let mine = set_digest(events.iter().map(Heard::event));
            // Of an alert that is not known here at all, the answer is to say so.
            let settled = newest.is_none_or(|at| at + SETTLED_S <= self.now_s);
            if mine == mark.digest || !settled {
                continue;
            }
            let pair = labelled(b"velar client event sets", &[&mine, &mark.digest]);
            let mut answered = [0; 16];
            answered.iter_mut().zip(pair).for_each(|(to, from)| *to = from);
            let peer = self.peer(with)?;
            let recent = |(alert, pair, at): &(AlertId, [u8; 16], u64)| {
                *alert == mark.alert && (*pair == answered || at + ANSWER_S > self.now_s)
            };
            if peer.marks_answered.iter().any(recent) {
                continue;
            }
            // Without an alarm this device's own messages carry no mark of it.
            let alarm = |heard: &Heard| matches!(heard.event().kind, Kind::Raised { .. });
            if !events.iter().any(alarm) {
                let mark = AlertMark { alert: mark.alert, digest: mine };
                self.say_mark(with, mark)?;
                // It may have come while that was still on its way: then it is said again. What is kept aside is known.
                let aside = self.tx.list::<QuietKind>()?;
                if !aside.iter().any(|(_, heard)| heard.event().alert == mark.alert) {
                    answered = [0; 16];
                }
            }
            if self.pass_on(with, &events)? {
                // There is more for the same sets: only time keeps it back.
                answered = [0; 16];
            }
            let mut peer = self.peer(with)?;
            peer.marks_answered.retain(|(alert, ..)| *alert != mark.alert);
            peer.marks_answered.push((mark.alert, answered, self.now_s));
            let surplus = peer.marks_answered.len().saturating_sub(MAX_ANSWERED);
            peer.marks_answered.drain(..surplus);
            self.set_peer(with, &peer)?;
        }
        Ok(())
    }

    /// Passes on what was not passed on to this member before: alarms first, then the newest. Says whether more is
    /// left for another time.
    pub(super) fn pass_on(&mut self, to: MemberId, events: &[Heard]) -> Done<bool> {
        let me = self.me();
        let mut passed = self.readable::<PassedKind>(&to.0)?.unwrap_or_default();
        let known: BTreeSet<EventId> = passed.iter().copied().collect();
        let may = |heard: &&Heard| {
            let event = heard.event();
            let hearsay = event.kind.travels_by_hearsay()
                && (event.author != to || super::deadlines::is_about_silence(event));
            (event.author == me || hearsay) && !known.contains(&event.id())
        };
        let mut lacking: Vec<&Heard> = events.iter().filter(may).collect();
        lacking.sort_by_key(|heard| {
            let raised = matches!(heard.event().kind, Kind::Raised { .. });
            (!raised, Reverse(heard.heard_s()))
        });
        let post = Post::of(Class::Alert);
        for event in lacking.iter().take(MAX_PASSED_ON).map(|heard| heard.event()) {
            let body = self.alert_body(event, to)?;
            self.tell(&[to], body, &post)?;
            passed.push(event.id());
        }
        let surplus = passed.len().saturating_sub(MAX_PASSED);
        passed.drain(..surplus);
        self.tx.put::<PassedKind>(&to.0, &passed)?;
        Ok(lacking.len() > MAX_PASSED_ON)
    }

    /// A member left spares with me: those go first to newcomers who wait for one.
    fn spares_left(&mut self, from: MemberId, mut spares: Vec<Spare>) -> Done {
        for (_, (newcomer, member)) in self.tx.list::<IntroductionKind>()? {
            if member != from {
                continue;
            }
            let Some(spare) = spares.pop() else { break };
            let body = Body::Introduce { member, spare };
            self.tell(&[newcomer], body, &Post::of(Class::Care))?;
            self.tx.delete::<IntroductionKind>(&super::joining::owed_key(newcomer, member))?;
        }
        let mut kept = self.readable::<SparesKind>(&from.0)?.unwrap_or_default();
        // A whole new set takes the place of what is getting old.
        if spares.len() >= velar_protocol::circle::limits::SPARES {
            kept.clear();
        }
        kept.extend(spares);
        let surplus = kept.len().saturating_sub(4 * velar_protocol::circle::limits::SPARES);
        kept.drain(..surplus);
        Ok(self.tx.put::<SparesKind>(&from.0, &kept)?)
    }

    /// Keeps an event; `false` if it was known, or its author has said too much in this alert.
    pub(super) fn add_event(&mut self, heard: Heard) -> Done<bool> {
        let event = heard.event().clone();
        let key = super::alerts::event_key(&event);
        if let Some(known) = self.readable::<EventKind>(&key)? {
            let merged = known.clone().merge(&heard);
            if merged != known {
                self.tx.put::<EventKind>(&key, &merged)?;
                if merged.is_first_hand() && !known.is_first_hand() {
                    self.log_first_hand(&merged)?;
                }
            }
            return Ok(false);
        }
        if !heard.has_room(&self.events_of(event.alert)?) {
            // An author may be invented.
            let author = self.identity_of(event.author)?.map(|author| author.member());
            self.say_unopened(author, false)?;
            tracing::warn!("an alert has too many events by one member");
            return Ok(false);
        }
        self.keep_apart(&event)?;
        self.tx.put::<EventKind>(&key, &heard)?;
        self.log_event(&heard)?;
        if matches!(event.kind, Kind::Closed { .. }) {
            self.draw_next_alarm(event.alert)?;
        }
        Ok(true)
    }
}
