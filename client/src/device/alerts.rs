//! Alerts on this device: raising, taking, noting, standing down, closing.

use std::collections::BTreeMap;

use velar_protocol::circle::alert::set_digest;
use velar_protocol::circle::{
    Alert, AlertEvent, AlertId, Body, CheckIn, Condition, EventKind as Kind, Extensions, Heard,
    Reason, StandDown,
};
use velar_protocol::seal::{MemberId, MessageId};

use super::sealing::Post;
use super::views::Progress;
use super::{Device, DeviceError, Done, Turn};
use crate::outbox::Class;
use crate::records::{EventKind, What, pair_key};

/// An alert, with what happened in it.
pub struct AlertView {
    /// Its state.
    pub alert: Alert,
    /// Its events, oldest first.
    pub events: Vec<Heard>,
    /// Whom this device has told of it, and how far that got. Empty if this device raised nothing.
    pub progress: Progress,
    /// How far its latest alarm got, if this device raised it more than once.
    pub latest: Progress,
}

/// Key of an event.
pub(super) fn event_key(event: &AlertEvent) -> Vec<u8> {
    pair_key(&event.alert.0, &event.id().0)
}

impl Device {
    /// Raises an alert about this device's person, to everybody.
    ///
    /// # Errors
    /// [`DeviceError::NoCircle`], [`DeviceError::Message`] if the text is too long.
    pub fn panic(&mut self, text: &str, now_s: u64) -> Done<(AlertId, MessageId)> {
        self.write(now_s, |turn| {
            let alert = turn.profile()?.next_alarm;
            let kind = Kind::raised(Reason::Panic, turn.me(), false, text.to_owned());
            let said = turn.say_events(alert, vec![kind])?;
            Ok((alert, said.into_iter().next().unwrap_or(MessageId([0; 16]))))
        })
    }

    /// Checks in with everybody. Grace and flags are those of the plan, if one holds.
    ///
    /// # Errors
    /// [`DeviceError::NoCircle`], [`DeviceError::Message`] if the note is too long.
    pub fn check_in(&mut self, said: CheckInSaid, now_s: u64) -> Done<(MessageId, CheckIn)> {
        self.write(now_s, |turn| turn.check_in(said))
    }

    /// Says something to these members, or to everybody else.
    ///
    /// # Errors
    /// [`DeviceError::NoCircle`], [`DeviceError::Message`] if the text is too long.
    pub fn say(&mut self, text: &str, to: &[MemberId], now_s: u64) -> Done<MessageId> {
        self.write(now_s, |turn| {
            let post = Post::of(Class::Talk).told();
            let body = Body::Say { text: text.to_owned() };
            let everybody = turn.others()?;
            let to = if to.is_empty() { &everybody } else { to };
            let id = turn.tell(to, body, &post)?;
            let what = What::Said { message: id, sequence: 0, text: text.to_owned() };
            let now_s = turn.now_s;
            turn.show(None, now_s, what)?;
            Ok(id)
        })
    }

    /// Takes an alert, over the claims that are known here.
    ///
    /// # Errors
    /// [`DeviceError::AnotherPerson`] if it is about this device's own person; [`DeviceError::NotAllowed`] for a
    /// role that does not answer alerts; [`DeviceError::UnknownAlert`].
    pub fn claim(&mut self, alert: AlertId, now_s: u64) -> Done<Vec<MessageId>> {
        self.write(now_s, |turn| {
            let state = turn.alert(alert)?;
            turn.must_answer(&state)?;
            turn.say_events(alert, state.claiming())
        })
    }

    /// Gives an alert back.
    ///
    /// # Errors
    /// [`DeviceError::NotTaken`]; [`DeviceError::UnknownAlert`].
    pub fn release(&mut self, alert: AlertId, text: &str, now_s: u64) -> Done<Vec<MessageId>> {
        self.write(now_s, |turn| {
            let me = turn.me();
            let state = turn.alert(alert)?;
            if !state.claims.iter().any(|claim| claim.by == me) {
                return Err(DeviceError::NotTaken);
            }
            turn.say_events(alert, state.releasing(me, text))
        })
    }

    /// Adds a log entry to an alert.
    ///
    /// # Errors
    /// [`DeviceError::UnknownAlert`]; [`DeviceError::Message`] if the text is too long.
    pub fn note(&mut self, alert: AlertId, text: &str, now_s: u64) -> Done<Vec<MessageId>> {
        self.write(now_s, |turn| {
            turn.alert(alert)?;
            turn.say_events(alert, vec![Kind::Note { text: text.to_owned() }])
        })
    }

    /// Asks to stand down from one's own alert. Closes nothing.
    ///
    /// # Errors
    /// [`DeviceError::UnknownAlert`]; [`DeviceError::NotYours`] if it is about somebody else.
    pub fn stand_down(&mut self, alert: AlertId, text: &str, now_s: u64) -> Done<Vec<MessageId>> {
        self.write(now_s, |turn| {
            let state = turn.alert(alert)?;
            turn.must_belong()?;
            if !turn.members()?.same_person(state.subject, turn.me()) {
                return Err(DeviceError::NotYours);
            }
            turn.say_events(alert, state.asking(text))
        })
    }

    /// Confirms, as another person, that an alert can stand down.
    ///
    /// # Errors
    /// [`DeviceError::NotAsked`]; [`DeviceError::AnotherPerson`] if it is about this device's own person;
    /// [`DeviceError::NotAllowed`].
    pub fn confirm_stand_down(&mut self, alert: AlertId, now_s: u64) -> Done<Vec<MessageId>> {
        self.write(now_s, |turn| {
            let state = turn.alert(alert)?;
            turn.must_answer(&state)?;
            if state.stand_down == StandDown::None {
                return Err(DeviceError::NotAsked);
            }
            turn.say_events(alert, state.confirming())
        })
    }

    /// Closes an alert for the reasons that are known here.
    ///
    /// # Errors
    /// [`DeviceError::AnotherPerson`] if it is about this device's own person; [`DeviceError::NotAllowed`];
    /// [`DeviceError::UnknownAlert`].
    pub fn close(&mut self, alert: AlertId, text: &str, now_s: u64) -> Done<Vec<MessageId>> {
        self.write(now_s, |turn| {
            let state = turn.alert(alert)?;
            turn.must_answer(&state)?;
            turn.say_events(alert, state.closing(text))
        })
    }

    /// All alerts, oldest first; with `open_only`, those that still ask for somebody.
    ///
    /// # Errors
    /// [`DeviceError::Vault`].
    pub fn alerts(&mut self, open_only: bool, now_s: u64) -> Done<Vec<AlertView>> {
        self.read(now_s, |turn| {
            let mut views = Vec::new();
            for alert in turn.all_alerts()? {
                if !open_only || alert.is_open() {
                    views.push(turn.view(alert)?);
                }
            }
            Ok(views)
        })
    }

    /// The alert whose id begins with `prefix`; without one, the only open alert.
    ///
    /// # Errors
    /// [`DeviceError::UnknownAlert`], [`DeviceError::AmbiguousAlert`].
    pub fn find_alert(&mut self, prefix: Option<&str>, now_s: u64) -> Done<AlertId> {
        let fits = |alert: &Alert| match prefix {
            Some(prefix) => {
                let hex = data_encoding::HEXLOWER.encode(&alert.id.0);
                hex.starts_with(&prefix.to_ascii_lowercase())
            }
            None => alert.is_open(),
        };
        let found: Vec<AlertId> = self
            .read(now_s, |turn| turn.all_alerts())?
            .iter()
            .filter(|a| fits(a))
            .map(|a| a.id)
            .collect();
        match found.as_slice() {
            [] => Err(DeviceError::UnknownAlert),
            [one] => Ok(*one),
            _ => Err(DeviceError::AmbiguousAlert),
        }
    }
}

/// What a person says when checking in.
#[derive(Clone, Debug, Default)]
pub struct CheckInSaid {
    /// Minutes until the next one; 0: none agreed.
    pub next_min: u32,
    /// How they are.
    pub condition: Option<Condition>,
    /// The battery is low.
    pub low_battery: bool,
    /// No signal ahead.
    pub no_signal: bool,
    /// The time until the next one is a silence that was planned.
    pub planned_silence: bool,
    /// Anything else.
    pub note: String,
}

impl Turn<'_> {
    pub(super) fn check_in(&mut self, said: CheckInSaid) -> Done<(MessageId, CheckIn)> {
        let plan = self.plan()?.filter(|plan| !plan.is_over(self.now_s));
        let agreed_min = self.the_roster()?.agreement().grace_min;
        let mut profile = self.profile()?;
        profile.check_in_counter += 1;
        let check_in = CheckIn {
            counter: profile.check_in_counter,
            next_min: said.next_min,
            grace_min: plan.as_ref().map_or(agreed_min, |plan| plan.grace_min),
            next_alarm: profile.next_alarm,
            condition: said.condition,
            low_battery: said.low_battery || plan.as_ref().is_some_and(|plan| plan.low_battery),
            no_signal: said.no_signal || plan.as_ref().is_some_and(|plan| plan.no_signal),
            planned_silence: said.planned_silence,
            note: said.note,
            extensions: Extensions::NONE,
        };
        let body = Body::CheckIn(check_in.clone());
        let id = self.tell_all(body, &Post::of(Class::Care).told())?;
        let now_s = self.now_s;
        profile.check_in = Some((id, check_in.clone(), now_s));
        self.set_profile(&profile)?;
        self.wish_holds(&check_in)?;
        self.show(None, now_s, What::CheckedIn(check_in.clone()))?;
        Ok((id, check_in))
    }

    /// Says events to everybody, one message each, and keeps them here.
    pub(super) fn say_events(&mut self, alert: AlertId, kinds: Vec<Kind>) -> Done<Vec<MessageId>> {
        let mut said = Vec::with_capacity(kinds.len());
        let others = self.others()?;
        // Her devices hear something else where they must not know why this is said: see `duress`.
        let for_her = self.said_to_her(alert, &kinds)?;
        let (hers, others) = match &for_her {
            None => (Vec::new(), others),
            Some(_) => self.her_devices(alert, others)?,
        };
        let events: Vec<AlertEvent> =
            kinds.into_iter().map(|kind| self.event(alert, kind)).collect();
        match events.first() {
            Some(event) if for_her.is_some() => {
                self.tell_her(event, &hers, for_her.unwrap_or_default())?;
            }
            _ => events.iter().try_for_each(|event| self.she_knows(alert, event.id()))?,
        }
        for event in events {
            said.push(self.tell_event(&others, &event)?);
            let now_s = self.now_s;
            if let Some(heard) = Heard::new(event.clone(), event.author, now_s) {
                self.add_event(heard)?;
            }
            self.show(None, now_s, What::Alert { event, told_by: None })?;
        }
        Ok(said)
    }

    /// An event of mine, now.
    pub(super) fn event(&mut self, alert: AlertId, kind: Kind) -> AlertEvent {
        AlertEvent { alert, salt: self.random(), author: self.me(), at_s: self.now_s, kind }
    }

    /// Says an event of mine. Its message has the event's id: said again, it is the same message.
    pub(super) fn tell_event(&mut self, to: &[MemberId], event: &AlertEvent) -> Done<MessageId> {
        let mut post = Post::of(Class::Alert).told();
        post.alert = Some(event.alert).filter(|_| matches!(event.kind, Kind::Raised { .. }));
        let id = MessageId(event.id().0);
        for to in to {
            let body = self.alert_body(event, *to)?;
            self.tell_as(id, event.at_s, &[*to], body, &post)?;
        }
        Ok(id)
    }

    /// Somebody came into the circle: what I have said and what still holds is said to them too. An alarm
    /// raised on a device that had not heard of them yet must reach them all the same.
    pub(super) fn bring_up_to_date(&mut self, newcomer: MemberId) -> Done {
        if let Some((id, check_in, at_s)) = self.profile()?.check_in {
            let minutes = u64::from(check_in.next_min) + u64::from(check_in.grace_min);
            if self.now_s <= at_s.saturating_add(minutes * 60) {
                let body = Body::CheckIn(check_in);
                self.tell_as(id, at_s, &[newcomer], body, &Post::of(Class::Care).told())?;
            }
        }
        self.tell_contacts(newcomer)?;
        let me = self.me();
        for alert in self.open_for(newcomer)? {
            for heard in self.events_for(alert, newcomer)? {
                let event = heard.event();
                if event.author == me {
                    self.tell_event(&[newcomer], event)?;
                } else if event.kind.travels_by_hearsay() {
                    let body = self.alert_body(event, newcomer)?;
                    self.tell(&[newcomer], body, &Post::of(Class::Alert))?;
                }
            }
        }
        Ok(())
    }

    fn must_answer(&self, alert: &Alert) -> Done {
        self.must_belong()?;
        let members = self.members()?;
        if members.may_answer(self.me(), alert.subject) {
            return Ok(());
        }
        let own = members.same_person(alert.subject, self.me());
        Err(if own { DeviceError::AnotherPerson } else { DeviceError::NotAllowed })
    }

    pub(super) fn alert(&mut self, id: AlertId) -> Done<Alert> {
        self.all_alerts()?.into_iter().find(|alert| alert.id == id).ok_or(DeviceError::UnknownAlert)
    }

    pub(super) fn all_alerts(&mut self) -> Done<Vec<Alert>> {
        let Some(members) = self.membership()? else { return Ok(Vec::new()) };
        let mut by_alert: BTreeMap<AlertId, Vec<Heard>> = BTreeMap::new();
        for (_, heard) in self.tx.list::<EventKind>()? {
            by_alert.entry(heard.event().alert).or_default().push(heard);
        }
        let fold = |(id, events): (&AlertId, &Vec<Heard>)| {
            Alert::fold(*id, events, &members, members.roster().agreement(), self.now_s)
        };
        let mut alerts: Vec<Alert> = by_alert.iter().filter_map(fold).collect();
        alerts.sort_by_key(|alert| (alert.raised_s, alert.id));
        Ok(alerts)
    }

    pub(super) fn open_alerts(&mut self) -> Done<Vec<Alert>> {
        if self.tx.count::<EventKind>()? == 0 {
            return Ok(Vec::new());
        }
        Ok(self.all_alerts()?.into_iter().filter(Alert::is_open).collect())
    }

    pub(super) fn events_of(&self, alert: AlertId) -> Done<Vec<Heard>> {
        let all = self.tx.list::<EventKind>()?;
        Ok(all.into_iter().map(|(_, heard)| heard).filter(|h| h.event().alert == alert).collect())
    }

    pub(super) fn event_digest(&self, alert: AlertId) -> Done<[u8; 16]> {
        let events = self.events_of(alert)?;
        Ok(set_digest(events.iter().map(Heard::event)))
    }

    fn view(&mut self, alert: Alert) -> Done<AlertView> {
        let mut events = self.events_of(alert.id)?;
        events.sort_by_key(|heard| {
            let event = heard.event();
            let at_s = match event.at_s {
                // Sealed beforehand: its time is that of its arrival.
                0 => heard.heard_s(),
                at_s => at_s,
            };
            // Of one second: first the alarm, then what is said of it.
            let raised = matches!(event.kind, Kind::Raised { .. });
            (at_s, !raised, heard.heard_s(), event.id())
        });
        let progress = self.progress_of(|delivery| delivery.alert == Some(alert.id))?;
        let me = self.me();
        let own = events
            .iter()
            .map(Heard::event)
            .filter(|event| event.author == me && matches!(event.kind, Kind::Raised { .. }));
        let latest = match own.skip(1).last() {
            Some(event) => {
                let message = MessageId(event.id().0);
                self.progress_of(|delivery| delivery.message == message)?
            }
            None => Progress::new(),
        };
        Ok(AlertView { alert, events, progress, latest })
    }

    /// An alert with this id was closed: my next one gets a new id.
    pub(super) fn draw_next_alarm(&mut self, closed: AlertId) -> Done {
        let mut profile = self.profile()?;
        let still_open = self.open_alerts()?.iter().any(|alert| alert.id == closed);
        if profile.next_alarm == closed && !still_open {
            profile.next_alarm = AlertId::draw(self.me(), self.random());
            self.set_profile(&profile)?;
        }
        Ok(())
    }
}
