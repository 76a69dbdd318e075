//! Drills: raised as an alarm is, and what became of them for each person.

use std::collections::BTreeMap;

use velar_protocol::circle::{AlertId, EventKind as Kind, Reason};
use velar_protocol::seal::{MemberId, MessageId};

use super::views::name_of;
use super::{Device, Done, Turn};
use crate::drill::{Drill, DrillPerson};
use crate::records::{DeliveryKind, DrillKind, delivery_key};

/// A drill and what is known of it here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DrillView {
    /// Its alert.
    pub alert: AlertId,
    /// Who raised it.
    pub by: MemberId,
    /// Whether this device did: only then it knows who has received it.
    pub mine: bool,
    /// What is known of it.
    pub drill: Drill,
}

impl Device {
    /// Raises a drill about this device's person, to everybody: the same way and bytes as an alarm. It is an alert of
    /// its own: an alarm that comes meanwhile is another, and nobody has taken it.
    ///
    /// # Errors
    /// [`DeviceError::NoCircle`](super::DeviceError::NoCircle),
    /// [`DeviceError::Message`](super::DeviceError::Message) if the text is too long.
    pub fn drill(&mut self, text: &str, now_s: u64) -> Done<(AlertId, MessageId)> {
        self.write(now_s, |turn| {
            let alert = AlertId::draw(turn.me(), turn.random());
            let people = turn.others()?.into_iter().map(|member| {
                let name = name_of(member, &turn.peer(member)?);
                Ok(DrillPerson { member, name, received_s: None, taken_s: None })
            });
            let people = people.collect::<Done<Vec<_>>>()?;
            let drill = Drill { raised_s: turn.now_s, text: text.to_owned(), people };
            turn.tx.put::<DrillKind>(&alert.0, &drill)?;
            let kind = Kind::raised(Reason::Panic, turn.me(), true, text.to_owned());
            let said = turn.say_events(alert, vec![kind])?;
            Ok((alert, said.into_iter().next().unwrap_or(MessageId([0; 16]))))
        })
    }

    /// All drills, oldest first.
    ///
    /// # Errors
    /// [`DeviceError::Vault`](super::DeviceError::Vault).
    pub fn drills(&mut self, now_s: u64) -> Done<Vec<DrillView>> {
        self.read(now_s, |turn| {
            let mut views = Vec::new();
            for alert in turn.all_alerts()?.into_iter().filter(|alert| alert.drill) {
                views.extend(turn.drill_view(alert.id)?);
            }
            Ok(views)
        })
    }
}

impl Turn<'_> {
    fn drill_view(&self, alert: AlertId) -> Done<Option<DrillView>> {
        let events = self.events_of(alert)?;
        let me = self.me();
        let raised = |kind: &Kind| match kind {
            Kind::Raised { text, .. } => Some(text.clone()),
            _ => None,
        };
        let begun = events.iter().filter_map(|heard| {
            let event = heard.event();
            raised(&event.kind).map(|text| (event.at_s.min(heard.heard_s()), text, heard))
        });
        let Some((raised_s, text, first)) = begun.min_by_key(|(at_s, ..)| *at_s) else {
            return Ok(None);
        };
        let by = first.event().author;
        let mut drill = match self.readable::<DrillKind>(&alert.0)? {
            Some(kept) => kept,
            None => Drill { raised_s, text, people: Vec::new() },
        };
        if by != me {
            let name = self.profile()?.name;
            drill.learn(me, &name, Some(first.heard_s()), None);
        }
        let mut taken: BTreeMap<MemberId, u64> = BTreeMap::new();
        for heard in events.iter().filter(|heard| heard.is_first_hand()) {
            let event = heard.event();
            if matches!(event.kind, Kind::Claimed { .. }) {
                let at_s = event.at_s.min(heard.heard_s());
                let known = taken.entry(event.author).or_insert(at_s);
                *known = (*known).min(at_s);
            }
        }
        for (member, at_s) in taken {
            let name = match member == me {
                true => self.profile()?.name,
                false => name_of(member, &self.peer(member)?),
            };
            drill.learn(member, &name, None, Some(at_s));
        }
        Ok(Some(DrillView { alert, by, mine: by == me, drill }))
    }

    /// A receipt came: if it is for a drill of mine, the time is kept. The delivery itself is forgotten some day.
    pub(super) fn drill_received(&self, by: MemberId, message: MessageId, sent_at_s: u64) -> Done {
        if self.tx.count::<DrillKind>()? == 0 {
            return Ok(());
        }
        let delivery = self.readable::<DeliveryKind>(&delivery_key(message, by))?;
        let Some(alert) = delivery.and_then(|delivery| delivery.alert) else { return Ok(()) };
        let Some(mut drill) = self.readable::<DrillKind>(&alert.0)? else { return Ok(()) };
        let at_s = sent_at_s.min(self.now_s);
        drill.learn(by, &name_of(by, &self.peer(by)?), Some(at_s), None);
        Ok(self.tx.put::<DrillKind>(&alert.0, &drill)?)
    }
}
