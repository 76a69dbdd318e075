//! Duress: a member whose messages say another voice than she is known by was made to open her vault.
//!
//! Each device finds that by itself and rings; nothing of it goes to the devices of that person. Towards them this
//! device speaks as if there were no reason duress: what it marks, passes on and confirms follows the alert *as she
//! sees it*, which is folded from [`Apart`] in place of all events (spec/circles.md §8.5).

use std::collections::BTreeSet;

use velar_protocol::circle::alert::set_digest;
use velar_protocol::circle::limits::{MAX_EVENTS_PER_AUTHOR, MAX_IN_PLACE};
use velar_protocol::circle::{
    Alert, AlertEvent, AlertId, AlertMark, Body, EventId, EventKind as Kind, Heard, Membership,
    RosterMember, StandDown,
};
use velar_protocol::seal::{MemberId, MessageId, Voice};

use super::sealing::Post;
use super::{Done, Turn};
use crate::duress::{Apart, under_duress};
use crate::outbox::Class;
use crate::records::{DuressKind, EarlyKind, EventKind, NewerBodyKind, PartsKind, What};
use crate::vault::Fate;

impl Turn<'_> {
    /// A part of a message of `from`'s said this voice. The first is hers; any other is duress, whatever the message is.
    /// Not for parts that [say nothing](crate::duress::says_nothing): in all others no voice is one that nobody is known by.
    pub(super) fn hear_voice(&mut self, from: MemberId, voice: Voice, message: MessageId) -> Done {
        let mut peer = self.peer(from)?;
        // Another device of my person's may be in the same hands as this one: no voice of it is kept here, which could be
        // compared with what a passphrase opens there.
        if self.is_of_mine(from)? {
            return match peer.voice.take() {
                Some(_) => self.set_peer(from, &peer),
                None => Ok(()),
            };
        }
        let silent = voice == Voice::NONE;
        match peer.voice {
            Some(hers) if hers == voice.0 && !silent => return Ok(()),
            Some(_) => {}
            None if silent => {}
            // What a newcomer hears first, when others know already, is not how she is known.
            None if !self.is_under_duress(from)? => {
                peer.voice = Some(voice.0);
                return self.set_peer(from, &peer);
            }
            None => return Ok(()),
        }
        let Some(members) = self.membership()? else { return Ok(()) };
        if members.known(from).is_none() {
            return Ok(());
        }
        // Of who was removed it is one and the same event: whoever holds that device rings once with it.
        let occasion: [u8; 8] = match members.left(from) {
            Some(_) => [0; 8],
            None => message.0.first_chunk().copied().unwrap_or_default(),
        };
        let open = self.open_about(from)?;
        let drawn = || AlertId::draw(from, occasion);
        let next = peer.check_in.map_or_else(drawn, |(check_in, ..)| check_in.next_alarm);
        let alerts: Vec<AlertId> = if open.is_empty() {
            vec![next]
        } else {
            // An alarm of hers is under duress by itself: who ends what was said before has not seen it.
            let raised = |alert: &Alert| alert.seen.raised.contains(&EventId(message.0));
            let those = open.iter().filter(|alert| !alert.duress || raised(alert));
            those.map(|alert| alert.id).collect()
        };
        let mut events = Vec::new();
        for event in alerts.into_iter().map(|alert| AlertEvent::duress(alert, from, occasion)) {
            if !self.is_misplaced_duress(&event)? {
                events.push(event);
            }
        }
        if events.is_empty() && !open.iter().any(|alert| alert.duress) {
            events.push(AlertEvent::duress(drawn(), from, occasion));
        }
        for event in events {
            let now_s = self.now_s;
            // As if she had said so: it stays when she is removed.
            if let Some(heard) = Heard::new(event.clone(), from, now_s)
                && self.add_event(heard)?
            {
                self.show(Some(from), now_s, What::Alert { event, told_by: None })?;
            }
        }
        Ok(())
    }

    /// Open alerts about the person of this member.
    fn open_about(&mut self, member: MemberId) -> Done<Vec<Alert>> {
        let mut open = self.open_alerts()?;
        if open.is_empty() {
            return Ok(open);
        }
        let members = self.members()?;
        open.retain(|alert| members.same_person(alert.subject, member));
        Ok(open)
    }

    fn is_under_duress(&mut self, member: MemberId) -> Done<bool> {
        Ok(self.open_about(member)?.iter().any(|alert| alert.duress))
    }

    /// Whether this is a device of my own person's, or this one.
    pub(super) fn is_of_mine(&self, member: MemberId) -> Done<bool> {
        let members = self.membership()?;
        let alike = |members: Membership| members.same_person(member, self.me());
        Ok(member == self.me() || members.is_some_and(alike))
    }

    /// Forgets the voices of other devices of my person's, in all that came of them: that they are hers is known only by a
    /// roster, and that may come later.
    pub(super) fn forget_voices_of_mine(&self) -> Done {
        let Some(members) = self.membership()? else { return Ok(()) };
        let others = members.ever().map(RosterMember::member).filter(|other| *other != self.me());
        let forget = |voices: &mut BTreeSet<Voice>, theirs: bool| {
            if theirs {
                *voices = [Voice::NONE].into();
            }
            Fate::store_if(theirs)
        };
        for other in others.filter(|other| members.same_person(*other, self.me())) {
            let mut peer = self.peer(other)?;
            if peer.voice.take().is_some() {
                self.set_peer(other, &peer)?;
            }
            self.tx.revise::<PartsKind>(|parts| Fate::store_if(parts.forget_voices(&other)))?;
            self.tx.revise::<EarlyKind>(|early| {
                let theirs = early.from.member() == other;
                forget(&mut early.voices, theirs)
            })?;
            self.tx.revise::<NewerBodyKind>(|complete| {
                let theirs = complete.whole.sender == other;
                forget(&mut complete.whole.voices, theirs)
            })?;
        }
        Ok(())
    }

    /// Whether an event says that my own person is under duress. Neither kept nor shown: whoever holds this device
    /// would read it.
    pub(super) fn is_of_my_duress(&self, event: &AlertEvent) -> Done<bool> {
        under_duress(event).map_or(Ok(false), |subject| self.is_of_mine(subject))
    }

    fn apart(&self, alert: AlertId) -> Done<Option<Apart>> {
        let apart = self.readable::<DuressKind>(&alert.0)?;
        if apart.is_some() || !self.tx.contains::<DuressKind>(&alert.0)? {
            return Ok(apart);
        }
        // It is damaged: better she is thought to know too little than too much.
        let members = self.membership()?;
        let person = |member| members.as_ref().and_then(|members| members.person(member));
        let events = self.events_of(alert)?;
        let raised =
            events.iter().map(Heard::event).filter(|e| matches!(e.kind, Kind::Raised { .. }));
        let (duress, told): (Vec<_>, Vec<_>) = raised.partition(|e| under_duress(e).is_some());
        Ok(Some(Apart {
            alert,
            of: duress.into_iter().filter_map(under_duress).map(|of| (of, person(of))).collect(),
            told: told.into_iter().map(AlertEvent::id).collect(),
            said: Vec::new(),
            herself_s: 0,
        }))
    }

    fn set_apart(&self, apart: &Apart) -> Done {
        Ok(self.tx.put::<DuressKind>(&apart.alert.0, apart)?)
    }

    /// What is kept apart from this member.
    fn apart_from(&self, member: MemberId) -> Done<Vec<Apart>> {
        if self.tx.count::<DuressKind>()? == 0 {
            return Ok(Vec::new());
        }
        let members = self.members()?;
        let all = self.tx.list::<DuressKind>()?.into_iter().map(|(_, apart)| apart);
        Ok(all.filter(|apart| apart.is_hers(member, &members)).collect())
    }

    fn apart_of(&self, alert: AlertId, member: MemberId) -> Done<Option<Apart>> {
        let Some(apart) = self.apart(alert)? else { return Ok(None) };
        let hers = apart.is_hers(member, &self.members()?);
        Ok(Some(apart).filter(|_| hers))
    }

    /// Before an event is kept: a reason duress sets apart what her devices know; any other alarm they may know.
    pub(super) fn keep_apart(&mut self, event: &AlertEvent) -> Done {
        if let Some(subject) = under_duress(event) {
            return self.set_apart_of(event.alert, subject).map(|_| ());
        }
        match self.apart(event.alert)? {
            Some(mut apart) if matches!(event.kind, Kind::Raised { .. }) => {
                apart.told.insert(event.id());
                self.set_apart(&apart)
            }
            _ => Ok(()),
        }
    }

    /// From now on it is kept what the devices of this member's person know of an alert.
    fn set_apart_of(&self, alert: AlertId, subject: MemberId) -> Done<Apart> {
        let person = self.membership()?.and_then(|members| members.person(subject));
        let mut apart = match self.apart(alert)? {
            Some(apart) => apart,
            None => {
                let mut known = self.events_of(alert)?;
                known.retain(|heard| under_duress(heard.event()).is_none());
                let told = known.iter().map(|heard| heard.event().id()).collect();
                Apart { alert, of: BTreeSet::new(), told, said: Vec::new(), herself_s: 0 }
            }
        };
        apart.of.insert((subject, person));
        self.set_apart(&apart)?;
        Ok(apart)
    }

    /// Somebody said this event to everybody, so also to this device.
    pub(super) fn heard_by_all(&mut self, heard: &Heard) -> Done {
        let event = heard.event();
        let Some(mut apart) = self.apart(event.alert)? else { return Ok(()) };
        // Of one event its author's word counts, and of others' the first.
        let kept = self.is_kept(event)?;
        let word = heard.is_first_hand() || !kept;
        if !kept && !heard.has_room(&self.events_of(event.alert)?) {
            return Ok(());
        }
        if word && under_duress(event).is_none() && apart.told.insert(event.id()) {
            self.set_apart(&apart)?;
        }
        Ok(())
    }

    /// Somebody said this event to all but her devices, and `hers` to those in its place.
    pub(super) fn heard_apart(&mut self, heard: &Heard, hers: Vec<AlertEvent>) -> Done {
        let event = heard.event();
        let Some(subject) = self.apart_of_whom(event)? else { return Ok(()) };
        if !self.is_kept(event)? && !heard.has_room(&self.events_of(event.alert)?) {
            return Ok(());
        }
        let mut apart = self.set_apart_of(event.alert, subject)?;
        if heard.is_first_hand() {
            // An alarm that is not duress she may know, whatever its author says.
            if !matches!(event.kind, Kind::Raised { .. }) {
                apart.told.remove(&event.id());
            }
            for said in hers {
                let by_them = |(_, one): &&(EventId, Heard)| one.event().author == said.author;
                let room = apart.said.iter().filter(by_them).count() < MAX_EVENTS_PER_AUTHOR;
                let known = apart.said.iter().any(|(_, one)| *one.event() == said);
                if let Some(said) = Heard::new(said, heard.brought_by(), self.now_s)
                    && room
                    && !known
                {
                    apart.said.push((event.id(), said));
                }
            }
        }
        self.set_apart(&apart)
    }

    /// Whether an event is a reason duress of somebody whom this alert is not about: it is nobody's.
    pub(super) fn is_misplaced_duress(&self, event: &AlertEvent) -> Done<bool> {
        let Some(subject) = under_duress(event) else { return Ok(false) };
        if event.alert.is_about(subject) {
            return Ok(false);
        }
        let members = self.members()?;
        let about = members.ever().map(|entry| entry.member()).find(|m| event.alert.is_about(*m));
        let known = members.known(subject).is_some();
        Ok(!known || about.is_none_or(|member| !members.same_person(member, subject)))
    }

    /// Whether an event was said apart from this very device's person: it was not meant to come here.
    pub(super) fn is_apart_from_me(&self, event: &AlertEvent) -> Done<bool> {
        self.apart_of_whom(event)?.map_or(Ok(false), |subject| self.is_of_mine(subject))
    }

    /// From whom an event is said apart: whom it says to be under duress, or whom its alert is about.
    fn apart_of_whom(&self, event: &AlertEvent) -> Done<Option<MemberId>> {
        let members = self.members()?;
        let about =
            || members.ever().map(|entry| entry.member()).find(|m| event.alert.is_about(*m));
        Ok(under_duress(event).or_else(about))
    }

    fn is_kept(&self, event: &AlertEvent) -> Done<bool> {
        Ok(self.tx.contains::<EventKind>(&super::alerts::event_key(event))?)
    }

    /// An event of an alert, as it is said to this member.
    pub(super) fn alert_body(&self, event: &AlertEvent, to: MemberId) -> Done<Body> {
        let event = event.clone();
        let Some(apart) = self.apart(event.alert)? else { return Ok(Body::Alert(event)) };
        let id = event.id();
        if apart.told.contains(&id) || apart.is_hers(to, &self.members()?) {
            return Ok(Body::Alert(event));
        }
        let mut hers = if event.author == self.me() { apart.in_place_of(id) } else { Vec::new() };
        hers.truncate(MAX_IN_PLACE);
        Ok(Body::AlertApart { event, hers })
    }

    /// Whether what people write now may speak of duress: there is an open reason, or an end that was not said to her
    /// devices (she has not been heard as herself since), or somebody who knows of one has written since the last closing.
    fn is_duress(&mut self, alert: AlertId) -> Done<bool> {
        if self.all_alerts()?.iter().any(|known| known.id == alert && known.duress) {
            return Ok(true);
        }
        let Some(apart) = self.apart(alert)? else { return Ok(false) };
        let events = self.events_of(alert)?;
        let closings = || events.iter().filter(|e| matches!(e.event().kind, Kind::Closed { .. }));
        let unsaid = |heard: &Heard| {
            let id = heard.event().id();
            let told = apart.told.contains(&id) || !apart.in_place_of(id).is_empty();
            !told && heard.heard_s() >= apart.herself_s
        };
        if closings().any(unsaid) {
            return Ok(true);
        }
        let closed_s = closings().map(Heard::heard_s).max();
        Ok(events.iter().any(|heard| {
            let note = matches!(heard.event().kind, Kind::Note { .. });
            let apart = !apart.told.contains(&heard.event().id());
            note && apart && closed_s.is_none_or(|closed_s| heard.heard_s() > closed_s)
        }))
    }

    fn her_events(&self, apart: &Apart) -> Done<Vec<Heard>> {
        let mut events = self.events_of(apart.alert)?;
        events.retain(|heard| apart.told.contains(&heard.event().id()));
        events.extend(apart.said.iter().map(|(_, heard)| heard.clone()));
        Ok(events)
    }

    /// The alert as her devices see it; `None` if they know no reason.
    fn as_she_sees(&self, apart: &Apart) -> Done<Option<Alert>> {
        let members = self.members()?;
        let (events, agreement) = (self.her_events(apart)?, members.roster().agreement());
        Ok(Alert::fold(apart.alert, &events, &members, agreement, self.now_s))
    }

    /// The events of an alert that this member may know of.
    pub(super) fn events_for(&self, alert: AlertId, member: MemberId) -> Done<Vec<Heard>> {
        match self.apart_of(alert, member)? {
            Some(apart) => self.her_events(&apart),
            None => self.events_of(alert),
        }
    }

    /// Alerts that are open as far as this member may know.
    pub(super) fn open_for(&mut self, member: MemberId) -> Done<Vec<AlertId>> {
        let apart = self.apart_from(member)?;
        let mut open = self.open_alerts()?;
        open.retain(|alert| apart.iter().all(|apart| apart.alert != alert.id));
        for apart in &apart {
            open.extend(self.as_she_sees(apart)?.filter(Alert::is_open));
        }
        open.sort_by_key(|alert| (alert.raised_s, alert.id));
        Ok(open.into_iter().map(|alert| alert.id).collect())
    }

    /// The marks of a message to this member, where they are not those for everybody.
    pub(super) fn marks_apart(&mut self, member: MemberId) -> Done<Option<Vec<AlertMark>>> {
        if self.apart_from(member)?.is_empty() {
            return Ok(None);
        }
        let mut marks = Vec::new();
        for alert in self.open_for(member)? {
            let events = self.events_for(alert, member)?;
            marks.push(AlertMark { alert, digest: set_digest(events.iter().map(Heard::event)) });
        }
        let turn = u64::from_le_bytes(self.random());
        Ok(Some(AlertMark::choose(&marks, turn)))
    }

    /// What her devices are to hear in place of `kinds`, all of one variant; `None` if it is the same for everybody.
    pub(super) fn said_to_her(
        &mut self,
        alert: AlertId,
        kinds: &[Kind],
    ) -> Done<Option<Vec<Kind>>> {
        let Some(apart) = self.apart(alert)? else { return Ok(None) };
        let Some(kind) = kinds.first() else { return Ok(None) };
        if matches!(kind, Kind::Raised { .. } | Kind::StandDownAsked { .. }) {
            return Ok(None);
        }
        let Some(hers) = self.as_she_sees(&apart)? else { return Ok(Some(Vec::new())) };
        let me = self.me();
        let duress = self.is_duress(alert)?;
        let mine = hers.seen.claims.iter().any(|(_, by)| *by == me);
        // What people write now may speak of it; that somebody takes an alert of hers, or believes her, does not.
        let text = |said: &str| if duress { String::new() } else { said.to_owned() };
        let said = match kind {
            Kind::Note { .. } | Kind::Closed { .. } if duress => Vec::new(),
            Kind::Closed { text, .. } => hers.closing(text),
            Kind::Claimed { .. } => hers.claiming(),
            Kind::Released { text: said, .. } if mine => hers.releasing(me, &text(said)),
            Kind::HandOver { to, text: said, .. } if mine => {
                hers.handing_over(me, *to, &text(said))
            }
            Kind::Released { .. } | Kind::HandOver { .. } => Vec::new(),
            Kind::StandDownConfirmed { .. } if hers.stand_down == StandDown::None => Vec::new(),
            Kind::StandDownConfirmed { .. } => hers.confirming(),
            Kind::Note { .. } | Kind::Raised { .. } | Kind::StandDownAsked { .. } => {
                return Ok(None);
            }
        };
        Ok(Some(said).filter(|said| said != kinds))
    }

    /// Her devices among these members, and the others.
    pub(super) fn her_devices(
        &self,
        alert: AlertId,
        members: Vec<MemberId>,
    ) -> Done<(Vec<MemberId>, Vec<MemberId>)> {
        let Some(apart) = self.apart(alert)? else { return Ok((Vec::new(), members)) };
        let all = self.members()?;
        Ok(members.into_iter().partition(|member| apart.is_hers(*member, &all)))
    }

    /// An event of mine was said to her devices as to all others.
    pub(super) fn she_knows(&self, alert: AlertId, event: EventId) -> Done {
        let Some(mut apart) = self.apart(alert)? else { return Ok(()) };
        apart.told.insert(event);
        self.set_apart(&apart)
    }

    /// Says this to her devices alone, in place of an event of mine.
    pub(super) fn tell_her(&mut self, of: &AlertEvent, hers: &[MemberId], said: Vec<Kind>) -> Done {
        for kind in said {
            let event = self.event(of.alert, kind);
            self.tell_event(hers, &event)?;
            if let Some(mut apart) = self.apart(of.alert)?
                && let Some(heard) = Heard::new(event, self.me(), self.now_s)
            {
                apart.said.push((of.id(), heard));
                self.set_apart(&apart)?;
            }
        }
        Ok(())
    }

    /// A whole message of `from`'s, sealed when it was sent, says these voices. If that is hers alone, an alert that was
    /// closed meanwhile, which her devices were not told, ends there too: who closed it says so, without a word about why.
    ///
    /// What was sealed beforehand, in kits and holds, says how things were then.
    pub(super) fn calm_again(&mut self, from: MemberId, voices: &BTreeSet<Voice>) -> Done {
        let hers = self.peer(from)?.voice;
        if !voices.iter().all(|Voice(voice)| hers == Some(*voice)) {
            return Ok(());
        }
        let me = self.me();
        for apart in self.apart_from(from)? {
            let open = self.open_alerts()?.iter().any(|alert| alert.id == apart.alert);
            let closings =
                self.events_of(apart.alert)?.into_iter().map(|heard| heard.event().clone());
            let mut mine = closings
                .filter(|event| event.author == me && matches!(event.kind, Kind::Closed { .. }));
            let hers = self.as_she_sees(&apart)?.filter(Alert::is_open);
            if let Some((hers, closing)) = hers.filter(|_| !open).zip(mine.next()) {
                let (devices, others) = self.her_devices(apart.alert, self.everybody_else()?)?;
                self.tell_her(&closing, &devices, hers.closing(""))?;
                for to in others {
                    let body = self.alert_body(&closing, to)?;
                    self.tell(&[to], body, &Post::of(Class::Alert))?;
                }
            }
            if let Some(mut apart) = self.apart(apart.alert)? {
                apart.herself_s = self.now_s;
                self.set_apart(&apart)?;
            }
        }
        Ok(())
    }
}
